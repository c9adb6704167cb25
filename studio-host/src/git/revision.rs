//! Which commit a run starts from: the one named, else origin/HEAD, else HEAD.

use super::{GitError, damaged, object};
use gix::bstr::BStr;
use gix::objs::{CommitRefIter, Kind, TagRefIter};
use gix::refs::{FullName, PartialNameRef, Target};
use gix::{ObjectId, Reference, Repository};
use studio_core::limits::LIST_MAX;
use studio_core::text::one_line;

/// The place of the branches that runs make. None of them is a base: nobody has merged it yet.
const ENGINEERS: &str = "engineer/";

/// A commit to start from.
pub(super) struct Chosen {
    /// Its name, for people.
    pub(super) name: String,
    /// The commit; none before the first.
    pub(super) commit: Option<ObjectId>,
    /// What people should know about the choice.
    pub(super) notes: Vec<String>,
}

pub(super) fn choose(repo: &Repository, choice: Option<&str>) -> Result<Chosen, GitError> {
    if let Some(rev) = choice {
        return named(repo, rev);
    }
    match follow(repo, "refs/remotes/origin/HEAD")? {
        Some((name, Some(id))) => Ok(Chosen { name, commit: Some(peel(repo, id)?), notes: vec![] }),
        Some((gone, None)) => head(repo, vec![format!("origin/HEAD points to {gone}, which is gone; `git remote set-head origin --auto` mends it")]),
        None => head(repo, vec![]),
    }
}

fn head(repo: &Repository, mut notes: Vec<String>) -> Result<Chosen, GitError> {
    let (name, id) = follow(repo, "HEAD")?.ok_or_else(|| GitError::Damaged("HEAD".into(), "it is missing".into()))?;
    let commit = id.map(|id| peel(repo, id)).transpose()?;
    match commit {
        None => notes.push(format!("{name} has no commits yet, so the base is empty")),
        Some(id) if name == "HEAD" => notes.push(format!("no branch is checked out; the base is the commit that is, {}", id.to_hex_with_len(12))),
        Some(_) => {}
    }
    Ok(Chosen { name, commit, notes })
}

fn named(repo: &Repository, rev: &str) -> Result<Chosen, GitError> {
    let unknown = |why: &str| GitError::Unknown(one_line(rev, 200), why.into());
    let (start, back) = split(rev).ok_or_else(|| unknown("only ~N and ^ may follow a name"))?;
    if engineers(start) {
        return Err(GitError::Engineers(one_line(start, 200)));
    }
    let id = ObjectId::from_hex(start.as_bytes()).ok();
    let (name, id) = match id {
        Some(id) => (start.to_string(), Some(id)),
        None if <&PartialNameRef>::try_from(start).is_err() => return Err(unknown("no such branch or tag")),
        None => match follow(repo, start)? {
            Some(found) => found,
            None => (start.to_string(), abbreviated(repo, start).map_err(unknown)?),
        },
    };
    let id = id.filter(|id| repo.has_object(id)).ok_or_else(|| unknown("there is no such commit here"))?;
    let mut commit = peel(repo, id)?;
    for _ in 0..back {
        let (_, data) = object(repo, commit)?;
        commit = CommitRefIter::from_bytes(&data, repo.object_hash()).parent_ids().next().ok_or_else(|| unknown("the history is not that long"))?;
    }
    let steps = rev.get(start.len()..).unwrap_or_default();
    Ok(Chosen { name: format!("{name}{steps}"), commit: Some(commit), notes: vec![] })
}

/// Splits `main~2^` into `main` and the 3 first parents to go back.
fn split(rev: &str) -> Option<(&str, u32)> {
    let (name, mut steps) = rev.split_at(rev.find(['~', '^']).unwrap_or(rev.len()));
    let mut back = 0_u32;
    while let Some(tilde) = steps.chars().next() {
        let rest = steps.get(1..)?;
        let number = rest.get(..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()))?;
        let more = match (tilde, number) {
            ('~' | '^', "") => 1,
            ('~', number) => number.parse::<u16>().ok()?,
            (_, _) => return None,
        };
        back = u32::checked_add(back, more.into())?;
        steps = rest.get(number.len()..)?;
    }
    Some((name, back))
}

/// Follows a ref to the last one: its short name and what it holds, nothing if it does not exist yet.
/// Returns nothing if there is no ref called `name`.
fn follow(repo: &Repository, name: &str) -> Result<Option<(String, Option<ObjectId>)>, GitError> {
    let find = |name: &BStr| repo.try_find_reference(name).map(|found| found.map(Reference::detach)).map_err(|error| damaged(name, &error));
    let Some(mut at) = find(name.into())? else { return Ok(None) };
    for _ in 0..LIST_MAX {
        let next = match at.target {
            Target::Object(id) => return Ok(Some((short(&at.name)?, Some(id)))),
            Target::Symbolic(next) => next,
        };
        short(&at.name)?;
        at = match find(next.as_bstr())? {
            Some(found) => found,
            None => return Ok(Some((short(&next)?, None))),
        };
    }
    Err(GitError::Damaged(one_line(name, 200), format!("more than {LIST_MAX} refs point to one another")))
}

/// Returns the one object whose id begins with `start`.
fn abbreviated(repo: &Repository, start: &str) -> Result<Option<ObjectId>, &'static str> {
    let Ok(prefix) = gix::hash::Prefix::from_hex(start) else { return Err("no such branch or tag") };
    match repo.objects.lookup_prefix(prefix, None) {
        Ok(Some(Ok(id))) => Ok(Some(id)),
        Ok(Some(Err(()))) => Err("more than one object begins so"),
        Ok(None) | Err(_) => Err("no such branch, tag or commit"),
    }
}

/// Follows tags to the commit they are for.
fn peel(repo: &Repository, mut id: ObjectId) -> Result<ObjectId, GitError> {
    for _ in 0..LIST_MAX {
        let (kind, data) = object(repo, id)?;
        match kind {
            Kind::Commit => return Ok(id),
            Kind::Tag => id = TagRefIter::from_bytes(&data, repo.object_hash()).target_id().map_err(|error| damaged(id, &error))?,
            Kind::Tree | Kind::Blob => return Err(GitError::Unknown(id.to_string(), format!("it is a {kind}"))),
        }
    }
    Err(GitError::Damaged(id.to_string(), format!("more than {LIST_MAX} tags point to one another")))
}

/// Says whether `name`, short or full, local or remote, is a branch of the Engineer's.
fn engineers(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("refs/").unwrap_or(&name);
    let branch = match name.split_once('/') {
        Some(("heads" | "tags", branch)) => branch,
        Some(("remotes", rest)) => rest.split_once('/').map_or(rest, |(_, branch)| branch),
        Some(_) | None => name,
    };
    branch.starts_with(ENGINEERS)
}

/// Returns the short form of a ref's name, unless it is a branch of the Engineer's.
fn short(name: &FullName) -> Result<String, GitError> {
    let short = one_line(&name.shorten().to_string(), 200);
    if engineers(&name.as_bstr().to_string()) { Err(GitError::Engineers(short)) } else { Ok(short) }
}

#[cfg(test)]
mod tests {
    use super::super::Base;
    use super::super::fixture::{Fixture, text};
    use super::*;
    use studio_core::tree::Tree;

    /// A repository with `main` at "2" after "1", and `side` at "side".
    fn fixture() -> (Fixture, ObjectId, ObjectId) {
        let fixture = Fixture::new();
        let first = fixture.grow("refs/heads/main", &[("a", "1")], &[]);
        let second = fixture.grow("refs/heads/main", &[("a", "2")], &[first]);
        fixture.grow("refs/heads/side", &[("a", "side")], &[first]);
        (fixture, first, second)
    }

    fn a(base: &Base) -> String {
        text(base, "a").unwrap().unwrap()
    }

    #[test]
    fn origins_head_comes_before_head() {
        let (fixture, first, _) = fixture();
        fixture.git("refs/remotes/origin/trunk", first.to_string());
        fixture.git("refs/remotes/origin/HEAD", "ref: refs/remotes/origin/trunk\n");
        let base = fixture.base();
        assert_eq!((base.name(), a(&base).as_str(), base.notes()), ("origin/trunk", "1", [].as_slice()));
        fixture.git("refs/remotes/origin/HEAD", "ref: refs/remotes/origin/gone\n");
        let base = fixture.base();
        assert_eq!((base.name(), a(&base).as_str()), ("main", "2"));
        assert!(base.notes()[0].contains("origin/gone") && base.notes()[0].contains("set-head"), "{:?}", base.notes());
    }

    #[test]
    fn a_choice_may_be_a_branch_a_tag_or_a_commit() {
        let (fixture, first, second) = fixture();
        fixture.git("refs/tags/v1", first.to_string());
        let tag = gix::objs::Tag { target: first, target_kind: Kind::Commit, name: "v2".into(), tagger: None, message: "m".into(), signature: None };
        let tag = fixture.repo.write_object(tag).unwrap().detach();
        fixture.git("refs/tags/v2", tag.to_string());
        fixture.git("refs/remotes/origin/main", second.to_string());
        let (id, short) = (second.to_string(), first.to_string()[..10].to_string());
        for (rev, name, seen) in [
            ("main", "main", "2"),
            ("refs/heads/side", "side", "side"),
            ("HEAD", "main", "2"),
            ("HEAD~1", "main~1", "1"),
            ("main^", "main^", "1"),
            ("main~0", "main~0", "2"),
            ("origin/main", "origin/main", "2"),
            ("v1", "v1", "1"),
            ("v2", "v2", "1"),
            (&id, &id, "2"),
            (&short, &short, "1"),
        ] {
            let base = fixture.open().base(Some(rev)).unwrap();
            assert_eq!((base.name(), a(&base).as_str()), (name, seen), "{rev}");
        }
    }

    #[test]
    fn a_choice_that_is_no_commit_is_refused() {
        let (fixture, _, _) = fixture();
        let blob = fixture.blob(b"1").to_string();
        let absent = "1".repeat(40);
        for rev in [
            "",
            "nothing",
            "main~2",
            "main~99999999999",
            "main^2",
            "main^{tree}",
            "main:a",
            "@{1}",
            ":/x",
            "-x",
            "a..b",
            "main\n",
            "../main",
            "12345",
            "config",
            "refs/heads",
            "main~1x",
            "é~é",
            &blob,
            &absent,
            &absent[..12],
        ] {
            let error = fixture.open().base(Some(rev)).unwrap_err();
            assert!(matches!(error, GitError::Unknown(..)), "{rev:?}: {error:?}");
        }
    }

    #[test]
    fn the_engineers_branches_are_no_base() {
        let (fixture, first, _) = fixture();
        fixture.git("refs/heads/engineer/add-node-20261122", first.to_string());
        fixture.git("refs/remotes/origin/engineer/x", first.to_string());
        fixture.git("refs/heads/alias", "ref: refs/heads/engineer/add-node-20261122\n");
        fixture.git("refs/heads/engineers", first.to_string());
        for rev in [
            "engineer/add-node-20261122",
            "refs/heads/engineer/add-node-20261122~0",
            "heads/engineer/add-node-20261122^",
            "origin/engineer/x",
            "alias",
            "engineer/none",
            "Engineer/none",
        ] {
            let error = fixture.open().base(Some(rev)).unwrap_err();
            assert!(matches!(error, GitError::Engineers(_)), "{rev}: {error:?}");
        }
        assert_eq!(a(&fixture.open().base(Some("engineers")).unwrap()), "1");
        for head in ["ref: refs/heads/engineer/add-node-20261122", "ref: refs/heads/engineer/unborn"] {
            fixture.git("HEAD", head);
            assert!(matches!(fixture.open().base(None), Err(GitError::Engineers(_))), "{head}");
        }
        fixture.git("refs/remotes/origin/HEAD", "ref: refs/remotes/origin/engineer/x");
        assert!(matches!(fixture.open().base(None), Err(GitError::Engineers(_))));
        assert_eq!(a(&fixture.open().base(Some("main")).unwrap()), "2");
    }

    #[test]
    fn a_detached_head_is_a_base_with_a_note() {
        let (fixture, first, _) = fixture();
        fixture.git("HEAD", format!("{first}\n"));
        let base = fixture.base();
        assert_eq!((base.name(), base.commit().unwrap().as_str()), ("HEAD", first.to_string().as_str()));
        assert!(base.notes()[0].contains(&first.to_string()[..12]), "{:?}", base.notes());
    }

    #[test]
    fn refs_that_lead_nowhere_are_errors() {
        let (fixture, _, _) = fixture();
        for (reference, content) in [
            ("refs/heads/main", "garbage\n".to_string()),
            ("refs/heads/main", String::new()),
            ("refs/heads/main", "ref: refs/heads/main".into()),
            ("refs/heads/main", "ref: ../../secret".into()),
            ("refs/heads/main", "1".repeat(40)),
            ("refs/heads/main", fixture.blob(b"1").to_string()),
            ("refs/remotes/origin/HEAD", "\u{0}\u{1}".into()),
            ("HEAD", "garbage".into()),
            ("HEAD", "ref: refs/heads/.invalid".into()),
            ("packed-refs", "\u{0}garbage\n^^\n".into()),
        ] {
            let (fixture, _, _) = self::fixture();
            if reference == "packed-refs" {
                std::fs::remove_file(fixture.repo.git_dir().join("refs/heads/main")).unwrap();
            }
            fixture.git(reference, &content);
            let error = fixture.open().base(None).unwrap_err();
            assert!(matches!(error, GitError::Damaged(..) | GitError::Unknown(..) | GitError::Format(..)), "{reference} {content:?}: {error:?}");
        }
    }

    #[test]
    fn steps_back_are_counted() {
        for (rev, seen) in
            [("main", Some(("main", 0))), ("main~2^~", Some(("main", 4))), ("~", Some(("", 1))), ("a^1", None), ("a~x", None), ("a~70000", None)]
        {
            assert_eq!(split(rev), seen, "{rev}");
        }
    }
}
