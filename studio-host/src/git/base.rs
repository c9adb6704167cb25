//! The files a run starts from, at one commit of the repository.

use super::revision::Chosen;
use super::{GitError, damaged, object};
use gix::objs::tree::EntryMode;
use gix::objs::{CommitRefIter, Kind, TreeRef};
use gix::{ObjectId, Repository, ThreadSafeRepository};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use studio_core::limits::{FILE_BYTES_MAX, FOLDER_DEPTH_MAX, FOLDERS_KEPT_BYTES_MAX, HISTORY_MAX};
use studio_core::name::{CommitId, RelPath};
use studio_core::tree::{Tree, TreeError};

/// The files at the commit a run starts from; none before the first commit.
#[derive(Clone, Debug)]
pub struct Base {
    repo: ThreadSafeRepository,
    at: Option<At>,
    shallow: bool,
    name: String,
    notes: Vec<String>,
    folders: Arc<Mutex<Folders>>,
}

/// Folders that were read before: nearly every file asked for lies in one of them.
#[derive(Debug, Default)]
struct Folders {
    kept: BTreeMap<ObjectId, Arc<[u8]>>,
    bytes: usize,
}

/// A commit and its files.
#[derive(Clone, Debug)]
pub(super) struct At {
    pub(super) commit: CommitId,
    pub(super) id: ObjectId,
    pub(super) tree: ObjectId,
}

/// What is looked for in the folders, and how many at most.
type Wanted = (fn(&EntryMode) -> bool, usize);
/// What was found there.
type Named = (RelPath, ObjectId);

impl Base {
    pub(super) fn at(repo: ThreadSafeRepository, chosen: Chosen) -> Result<Base, GitError> {
        let here = repo.to_thread_local();
        let at = chosen.commit.map(|id| At::read(&here, id)).transpose()?;
        let shallow = here.is_shallow().map_err(|error| damaged("shallow", &error))?;
        let base = Base { repo, at, shallow, name: chosen.name, notes: chosen.notes, folders: Arc::default() };
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
        let Some((_, id)) = self.find(&repo, at.tree, path).map_err(bad)?.filter(|(mode, _)| mode.is_blob()) else { return Ok(None) };
        let size = repo.find_header(id).map_err(|error| bad(damaged(id, &error)))?.size();
        if size > FILE_BYTES_MAX {
            return Err(TreeError::Large(path.clone(), size));
        }
        Ok(Some(expect(&repo, id, Kind::Blob).map_err(bad)?))
    }

    fn list(&self, most: usize) -> Result<Vec<RelPath>, TreeError> {
        let (Some(at), mut names) = (&self.at, Vec::new()) else { return Ok(Vec::new()) };
        self.walk(&self.repo.to_thread_local(), at.tree, "", FOLDER_DEPTH_MAX, (EntryMode::is_blob, most), &mut names)
            .map_err(|error| TreeError::Read("the list of files".into(), error.to_string()))?;
        Ok(names.into_iter().map(|(path, _)| path).collect())
    }

    fn list_below(&self, folder: &RelPath, most: usize) -> Result<Vec<RelPath>, TreeError> {
        let (Some(at), mut names) = (&self.at, Vec::new()) else { return Ok(Vec::new()) };
        let (repo, depth) = (self.repo.to_thread_local(), folder.as_str().split('/').count());
        let bad = |error: GitError| TreeError::Read(folder.to_string(), error.to_string());
        match (self.find(&repo, at.tree, folder).map_err(bad)?, FOLDER_DEPTH_MAX.checked_sub(depth)) {
            (Some((mode, id)), Some(depth)) if mode.is_tree() => {
                self.walk(&repo, id, &format!("{folder}/"), depth, (EntryMode::is_blob, most), &mut names).map_err(bad)?;
            }
            (Some((mode, id)), _) if mode.is_blob() && most > 0 => names.push((folder.clone(), id)),
            (Some(_) | None, _) => {}
        }
        Ok(names.into_iter().map(|(path, _)| path).collect())
    }

    fn links(&self, most: usize) -> Result<Vec<(RelPath, String)>, TreeError> {
        let (Some(at), mut links) = (&self.at, Vec::new()) else { return Ok(Vec::new()) };
        let bad = |error: GitError| TreeError::Read("the list of links".into(), error.to_string());
        let repo = self.repo.to_thread_local();
        let mut found = Vec::new();
        self.walk(&repo, at.tree, "", FOLDER_DEPTH_MAX, (EntryMode::is_link, most), &mut found).map_err(bad)?;
        for (path, id) in found {
            let size = repo.find_header(id).map_err(|error| bad(damaged(id, &error)))?.size();
            // No system follows a longer one, so it leads nowhere.
            let target = if size <= FILE_BYTES_MAX { expect(&repo, id, Kind::Blob).map_err(bad)? } else { Vec::new() };
            links.push((path, String::from_utf8_lossy(&target).into_owned()));
        }
        Ok(links)
    }

    fn commit(&self) -> Option<CommitId> {
        self.at.as_ref().map(|at| at.commit.clone())
    }
}

impl Base {
    /// Returns what stands at `path` below the folder `tree`.
    fn find(&self, repo: &Repository, mut tree: ObjectId, path: &RelPath) -> Result<Option<(EntryMode, ObjectId)>, GitError> {
        let mut parts = path.as_str().split('/').peekable();
        while let Some(part) = parts.next() {
            let data = self.folder(repo, tree)?;
            let folder = TreeRef::from_bytes(&data, repo.object_hash()).map_err(|error| damaged(tree, &error))?;
            let mut named = folder.entries.iter().filter(|entry| entry.filename == part);
            let Some(entry) = named.next() else { return Ok(None) };
            if named.next().is_some() {
                // Which of the two a checkout keeps is anybody's guess.
                return Err(GitError::Damaged(tree.to_string(), format!("it has two entries {part:?}")));
            }
            match parts.peek() {
                Some(_) if entry.mode.is_tree() => tree = entry.oid.to_owned(),
                Some(_) => return Ok(None),
                None => return Ok(Some((entry.mode, entry.oid.to_owned()))),
            }
        }
        Ok(None)
    }

    /// Adds what is of a kind below the folder `tree`, in order, until there are as many as wanted.
    fn walk(&self, repo: &Repository, tree: ObjectId, above: &str, depth: usize, wanted: Wanted, names: &mut Vec<Named>) -> Result<(), GitError> {
        let data = self.folder(repo, tree)?;
        let folder = TreeRef::from_bytes(&data, repo.object_hash()).map_err(|error| damaged(tree, &error))?;
        for entry in &folder.entries {
            if names.len() >= wanted.1 {
                return Ok(());
            }
            let Ok(path) = RelPath::try_from(format!("{above}{}", entry.filename)) else { continue }; // not ours to name
            if entry.mode.is_tree() && depth > 0 {
                self.walk(repo, entry.oid.to_owned(), &format!("{path}/"), depth - 1, wanted, names)?;
            } else if wanted.0(&entry.mode) {
                names.push((path, entry.oid.to_owned()));
            }
        }
        Ok(())
    }

    /// Reads a folder, once.
    fn folder(&self, repo: &Repository, id: ObjectId) -> Result<Arc<[u8]>, GitError> {
        let folders = || self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(data) = folders().kept.get(&id) {
            return Ok(Arc::clone(data));
        }
        let data: Arc<[u8]> = expect(repo, id, Kind::Tree)?.into();
        let mut folders = folders();
        if folders.bytes + data.len() <= FOLDERS_KEPT_BYTES_MAX {
            folders.bytes += data.len();
            folders.kept.insert(id, Arc::clone(&data));
        }
        Ok(data)
    }
}

impl At {
    pub(super) fn read(repo: &Repository, id: ObjectId) -> Result<At, GitError> {
        let data = expect(repo, id, Kind::Commit)?;
        let tree = CommitRefIter::from_bytes(&data, repo.object_hash()).tree_id().map_err(|error| damaged(id, &error))?;
        let commit = CommitId::try_from(id.to_string()).map_err(|error| GitError::Damaged(id.to_string(), error.to_string()))?;
        expect(repo, tree, Kind::Tree)?;
        Ok(At { commit, id, tree })
    }
}

/// Reads an object that must be of one kind.
pub(super) fn expect(repo: &Repository, id: ObjectId, kind: Kind) -> Result<Vec<u8>, GitError> {
    match object(repo, id)? {
        (seen, data) if seen == kind => Ok(data),
        (seen, _) => Err(GitError::Damaged(id.to_string(), format!("it is a {seen}, not a {kind}"))),
    }
}

#[cfg(test)]
mod tests;
