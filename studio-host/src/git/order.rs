//! A commit as its order wants it: equal orders make equal commits, whoever makes them and when.

use super::GitError;
use super::base::{At, expect};
use super::edits::{Object, apply};
use gix::actor::Signature;
use gix::objs::{Commit, CommitRef, Kind};
use gix::{ObjectId, Repository};
use studio_core::chores::CommitOrder;
use studio_core::name::{CommitId, RunId};

/// Who commits.
const NAME: &str = "Studio Engineer";
/// An address that nobody has.
const EMAIL: &str = "studio@localhost";
/// Characters of a commit's first line.
const SUBJECT_CHARS_MAX: usize = 72;

/// Returns the commit's id and the objects it adds to the repository of its base, itself last.
pub(super) fn compose(repo: &Repository, order: &CommitOrder) -> Result<(ObjectId, Vec<Object>), GitError> {
    let base = find(repo, &order.base)?;
    let (tree, mut objects) = apply(repo, base.tree, &order.edits)?;
    let time = gix::date::Time::new(order.at.as_second().max(0), 0);
    let author = Signature { name: NAME.into(), email: EMAIL.into(), time };
    let commit = Object::of(&Commit {
        tree,
        parents: [base.id].into_iter().collect(),
        author: author.clone(),
        committer: author,
        encoding: None,
        message: message(order).into(),
        extra_headers: Vec::new(),
    })?;
    let id = commit.id;
    objects.push(commit);
    Ok((id, objects))
}

/// Returns the commit that `id` names.
pub(super) fn find(repo: &Repository, id: &CommitId) -> Result<At, GitError> {
    let unknown = || GitError::Unknown(id.to_string(), "there is no such commit here".into());
    At::read(repo, ObjectId::from_hex(id.as_str().as_bytes()).ok().filter(|id| repo.has_object(id)).ok_or_else(unknown)?)
}

/// Says whether the commit `id` was made for `run`.
pub(super) fn is_of(repo: &Repository, id: ObjectId, run: &RunId) -> Result<bool, GitError> {
    let data = expect(repo, id, Kind::Commit)?;
    let commit = CommitRef::from_bytes(&data, repo.object_hash()).map_err(|error| super::damaged(id, &error))?;
    let author = commit.author().map_err(|error| super::damaged(id, &error))?;
    Ok(author.email == EMAIL && commit.message.ends_with(format!("\n{}", trailer(run)).as_bytes()))
}

fn message(order: &CommitOrder) -> String {
    let summary = order.summary.as_str().trim();
    let first = summary.lines().next().unwrap_or_default().trim_end();
    let subject: String = first.chars().take(SUBJECT_CHARS_MAX).collect();
    // Nobody wants to read one line twice.
    let body = if subject == summary { String::new() } else { format!("{summary}\n\n") };
    format!("{}\n\n{body}Ticket: {}\n{}", subject.trim_end(), order.ticket, trailer(&order.run))
}

fn trailer(run: &RunId) -> String {
    format!("Run: {run}\n")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, run, written};
    use super::*;
    use studio_core::text::Prose;

    #[test]
    fn equal_orders_make_equal_commits() {
        let (one, other) = (Fixture::with(&[("a", "1")]), Fixture::with(&[("a", "1")]));
        let edits = [written("a", "2")];
        let id = |fixture: &Fixture, order: &CommitOrder| compose(&fixture.repo, order).unwrap().0;
        let order = one.order(&edits);
        let made = id(&one, &order);
        assert_eq!((order.clone(), made), (other.order(&edits), id(&other, &order)));
        let mut later = order.clone();
        later.at = "2026-11-22T10:11:13Z".parse().unwrap();
        let mut again = order;
        again.run = RunId::try_from("20261122-101112-add-node-0a1e").unwrap();
        assert!(id(&one, &later) != made && id(&one, &again) != made);
    }

    #[test]
    fn the_message_has_a_short_first_line_and_ends_with_whose_it_is() {
        let fixture = Fixture::with(&[("a", "1")]);
        let mut order = fixture.order(&[]);
        let end = "Ticket: add-node\nRun: 20261122-101112-add-node-0a1f\n";
        assert_eq!(message(&order), format!("Adds a node\n\n{end}"));
        order.summary = Prose::tamed("Adds a node\n\nwith words\nRun: another\n");
        assert_eq!(message(&order), format!("Adds a node\n\nAdds a node\n\nwith words\nRun: another\n\n{end}"));
        let long = "ä".repeat(100);
        order.summary = Prose::tamed(&long);
        assert_eq!(message(&order), format!("{}\n\n{long}\n\n{end}", "ä".repeat(72)));
    }

    #[test]
    fn a_commit_says_who_made_it_and_when() {
        let fixture = Fixture::with(&[("a", "1")]);
        let (_, objects) = compose(&fixture.repo, &fixture.order(&[written("a", "2")])).unwrap();
        let text = String::from_utf8(objects.last().unwrap().data.clone()).unwrap();
        let who = "Studio Engineer <studio@localhost> 1795342272 +0000";
        assert!(text.contains(&format!("\nauthor {who}\ncommitter {who}\n\nAdds a node\n")), "{text}");
        assert_eq!(text.matches("\nparent ").count(), 1);
    }

    #[test]
    fn a_base_that_is_not_here_or_no_commit_is_refused() {
        let fixture = Fixture::with(&[("a", "1")]);
        let mut order = fixture.order(&[]);
        for id in ["1".repeat(40), "1".repeat(64), fixture.blob(b"1").to_string()] {
            order.base = CommitId::try_from(id).unwrap();
            assert!(matches!(compose(&fixture.repo, &order), Err(GitError::Unknown(..) | GitError::Damaged(..))));
        }
    }

    #[test]
    fn only_a_commit_of_the_run_is_the_runs() {
        let fixture = Fixture::with(&[("a", "1")]);
        let tree = find(&fixture.repo, &fixture.order(&[]).base).unwrap().tree;
        // Anybody can write a line; not with this address by accident.
        let foreign = fixture.commit(tree, &[], &format!("m\n\nRun: {}\n", run()));
        assert!(!is_of(&fixture.repo, foreign, &run()).unwrap());
    }
}
