//! The files a run starts from, at one commit of the repository.

use super::revision::Chosen;
use super::{GitError, damaged, object};
use gix::objs::tree::EntryKind;
use gix::objs::{CommitRefIter, Kind, TreeRef};
use gix::{ObjectId, Repository, ThreadSafeRepository};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use studio_core::limits::FILE_BYTES_MAX;
use studio_core::name::{CommitId, RelPath};
use studio_core::tree::{Tree, TreeError};

/// Commits that are walked for the identity of a repository.
const HISTORY_MAX: usize = 1_000_000;

/// The files at the commit a run starts from; none before the first commit.
#[derive(Clone, Debug)]
pub struct Base {
    repo: ThreadSafeRepository,
    at: Option<At>,
    shallow: bool,
    name: String,
    notes: Vec<String>,
}

/// A commit and its files.
#[derive(Clone, Debug)]
struct At {
    commit: CommitId,
    id: ObjectId,
    tree: ObjectId,
}

impl Base {
    pub(super) fn at(repo: ThreadSafeRepository, chosen: Chosen) -> Result<Base, GitError> {
        let here = repo.to_thread_local();
        let at = chosen.commit.map(|id| At::read(&here, id)).transpose()?;
        let shallow = here.is_shallow().map_err(|error| damaged("shallow", &error))?;
        let base = Base { repo, at, shallow, name: chosen.name, notes: chosen.note.into_iter().collect() };
        Ok(match shallow {
            true => base.with_note("the clone is shallow: it can be read, but not worked on live; `git fetch --unshallow` completes it"),
            false => base,
        })
    }

    pub(super) fn with_note(mut self, note: &str) -> Base {
        self.notes.push(note.into());
        self
    }

    /// Returns the name of the base, for people: `origin/main`, `main`, `HEAD`, or what `--base` said.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what people should know about the base.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the identity of the repository, the same in all its clones: the first 16 hex digits of the
    /// SHA-256 of the sorted root commit ids behind this base, in hex, with a line feed between them.
    /// There is none before the first commit or in a shallow clone. Walks the whole history.
    ///
    /// # Errors
    /// The history is damaged, or longer than a million commits.
    pub fn repo_id(&self) -> Result<Option<String>, GitError> {
        let Some(at) = self.at.as_ref().filter(|_| !self.shallow) else { return Ok(None) };
        let bad = |error: gix::Error| damaged("the history", &error);
        let repo = self.repo.to_thread_local();
        let mut roots = BTreeSet::new();
        for (seen, commit) in repo.rev_walk([at.id]).all().map_err(bad)?.enumerate() {
            if seen == HISTORY_MAX {
                return Err(GitError::Long(HISTORY_MAX));
            }
            let commit = commit.map_err(bad)?;
            if commit.parent_ids.is_empty() {
                roots.insert(commit.id.to_string());
            }
        }
        let hash = Sha256::digest(roots.into_iter().collect::<Vec<_>>().join("\n"));
        Ok(Some(hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()))
    }
}

impl Tree for Base {
    fn read(&self, path: &RelPath) -> Result<Option<Vec<u8>>, TreeError> {
        let Some(at) = &self.at else { return Ok(None) };
        let repo = self.repo.to_thread_local();
        let bad = |error: GitError| TreeError::Read(path.to_string(), error.to_string());
        let Some(id) = find(&repo, at.tree, path).map_err(bad)? else { return Ok(None) };
        let size = repo.find_header(id).map_err(|error| bad(damaged(id, &error)))?.size();
        if size > FILE_BYTES_MAX {
            return Err(TreeError::Large(path.clone(), size));
        }
        Ok(Some(expect(&repo, id, Kind::Blob).map_err(bad)?))
    }

    fn commit(&self) -> Option<CommitId> {
        self.at.as_ref().map(|at| at.commit.clone())
    }
}

impl At {
    fn read(repo: &Repository, id: ObjectId) -> Result<At, GitError> {
        let data = expect(repo, id, Kind::Commit)?;
        let tree = CommitRefIter::from_bytes(&data, repo.object_hash()).tree_id().map_err(|error| damaged(id, &error))?;
        let commit = CommitId::try_from(id.to_string()).map_err(|error| GitError::Damaged(id.to_string(), error.to_string()))?;
        expect(repo, tree, Kind::Tree)?;
        Ok(At { commit, id, tree })
    }
}

/// Returns the regular file at `path` below the folder `tree`.
fn find(repo: &Repository, mut tree: ObjectId, path: &RelPath) -> Result<Option<ObjectId>, GitError> {
    let mut parts = path.as_str().split('/').peekable();
    while let Some(part) = parts.next() {
        let data = expect(repo, tree, Kind::Tree)?;
        let folder = TreeRef::from_bytes(&data, repo.object_hash()).map_err(|error| damaged(tree, &error))?;
        let mut named = folder.entries.iter().filter(|entry| entry.filename == part);
        let Some(entry) = named.next() else { return Ok(None) };
        if named.next().is_some() {
            // Which of the two a checkout keeps is anybody's guess.
            return Err(GitError::Damaged(tree.to_string(), format!("it has two entries {part:?}")));
        }
        match (entry.mode.kind(), parts.peek()) {
            (EntryKind::Tree, Some(_)) => tree = entry.oid.to_owned(),
            (EntryKind::Blob | EntryKind::BlobExecutable, None) => return Ok(Some(entry.oid.to_owned())),
            (EntryKind::Tree, None) | (EntryKind::Blob | EntryKind::BlobExecutable, Some(_)) | (EntryKind::Link | EntryKind::Commit, _) => return Ok(None),
        }
    }
    Ok(None)
}

/// Reads an object that must be of one kind.
fn expect(repo: &Repository, id: ObjectId, kind: Kind) -> Result<Vec<u8>, GitError> {
    match object(repo, id)? {
        (seen, data) if seen == kind => Ok(data),
        (seen, _) => Err(GitError::Damaged(id.to_string(), format!("it is a {seen}, not a {kind}"))),
    }
}
