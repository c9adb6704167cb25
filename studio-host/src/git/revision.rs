//! Which commit a run starts from: the one named, else origin/HEAD, else HEAD.

use super::{GitError, damaged, object};
use gix::objs::{CommitRefIter, Kind, TagRefIter};
use gix::bstr::BStr;
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
    pub(super) note: Option<String>,
}

pub(super) fn choose(repo: &Repository, choice: Option<&str>) -> Result<Chosen, GitError> {
    if let Some(rev) = choice {
        return named(repo, rev);
    }
    let Some((remote, id)) = follow(repo, "refs/remotes/origin/HEAD")? else { return head(repo, None) };
    match id {
        Some(id) => Ok(Chosen { name: remote, commit: Some(peel(repo, id)?), note: None }),
        None => head(repo, Some(format!("origin/HEAD points to {remote}, which is gone; `git remote set-head origin --auto` mends it"))),
    }
}

fn head(repo: &Repository, note: Option<String>) -> Result<Chosen, GitError> {
    let (name, id) = follow(repo, "HEAD")?.ok_or_else(|| GitError::Damaged("HEAD".into(), "it is missing".into()))?;
    let commit = id.map(|id| peel(repo, id)).transpose()?;
    let note = note.or_else(|| match commit {
        None => Some(format!("{name} has no commits yet, so the base is empty")),
        Some(id) if name == "HEAD" => Some(format!("no branch is checked out; the base is the commit that is, {}", id.to_hex_with_len(12))),
        Some(_) => None,
    });
    Ok(Chosen { name, commit, note })
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
    Ok(Chosen { name: format!("{name}{steps}"), commit: Some(commit), note: None })
}

/// Splits `main~2^` into `main` and the 3 first parents to go back.
fn split(rev: &str) -> Option<(&str, u32)> {
    let (name, mut steps) = rev.split_at(rev.find(['~', '^']).unwrap_or(rev.len()));
    let mut back = 0;
    while let Some(tilde) = steps.chars().next() {
        let rest = steps.get(1..)?;
        let number = rest.get(..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()))?;
        back += match (tilde, number) {
            ('~' | '^', "") => 1,
            ('~', number) => u32::from(number.parse::<u16>().ok()?),
            (_, _) => return None,
        };
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
