//! The files of the repository, as the loop may see them: read only, at one commit.

use crate::limits::FILE_BYTES_MAX;
use crate::name::{CommitId, RelPath};
use crate::plan::Edit;
use std::collections::BTreeMap;

/// The files at a commit.
pub trait Tree: Send + Sync {
    /// Returns the regular file at `path`, or nothing if there is none (a symlink is none).
    ///
    /// # Errors
    /// The repository cannot be read, or the file is larger than [`FILE_BYTES_MAX`].
    fn read(&self, path: &RelPath) -> Result<Option<Vec<u8>>, TreeError>;

    /// Returns the names of regular files, sorted, at most `most`: the first ones.
    ///
    /// # Errors
    /// The repository cannot be read.
    fn list(&self, most: usize) -> Result<Vec<RelPath>, TreeError>;

    /// Returns the names of regular files at or below `folder`, sorted, at most `most`.
    ///
    /// # Errors
    /// The repository cannot be read.
    fn list_below(&self, folder: &RelPath, most: usize) -> Result<Vec<RelPath>, TreeError> {
        Ok(self.list(usize::MAX)?.into_iter().filter(|path| path.starts_with(folder)).take(most).collect())
    }

    /// Returns the symlinks with what stands in them, sorted, at most `most`; none in a tree that knows none.
    ///
    /// # Errors
    /// The repository cannot be read.
    fn links(&self, most: usize) -> Result<Vec<(RelPath, String)>, TreeError> {
        let _ = most;
        Ok(Vec::new())
    }

    /// Returns the commit, if the repository has one.
    fn commit(&self) -> Option<CommitId>;
}

/// A tree without files.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyTree;

impl Tree for EmptyTree {
    fn read(&self, _: &RelPath) -> Result<Option<Vec<u8>>, TreeError> {
        Ok(None)
    }

    fn list(&self, _: usize) -> Result<Vec<RelPath>, TreeError> {
        Ok(Vec::new())
    }

    fn commit(&self) -> Option<CommitId> {
        None
    }
}

/// A tree held in memory; for tests and for embedders that have no repository.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree(pub BTreeMap<RelPath, Vec<u8>>);

impl Tree for MemoryTree {
    fn read(&self, path: &RelPath) -> Result<Option<Vec<u8>>, TreeError> {
        Ok(self.0.get(path).cloned())
    }

    fn list(&self, most: usize) -> Result<Vec<RelPath>, TreeError> {
        Ok(self.0.keys().take(most).cloned().collect())
    }

    fn commit(&self) -> Option<CommitId> {
        None
    }
}

/// A tree held in memory, and symlinks in it.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct LinkedTree(pub(crate) MemoryTree, pub(crate) BTreeMap<RelPath, String>);

#[cfg(test)]
impl Tree for LinkedTree {
    fn read(&self, path: &RelPath) -> Result<Option<Vec<u8>>, TreeError> {
        self.0.read(path)
    }

    fn list(&self, most: usize) -> Result<Vec<RelPath>, TreeError> {
        self.0.list(most)
    }

    fn links(&self, most: usize) -> Result<Vec<(RelPath, String)>, TreeError> {
        Ok(self.1.iter().take(most).map(|(path, target)| (path.clone(), target.clone())).collect())
    }

    fn commit(&self) -> Option<CommitId> {
        None
    }
}

/// Returns the file at `path` of `base` as it stands after `edits`.
///
/// # Errors
/// As [`Tree::read`].
pub fn after(base: &dyn Tree, edits: &[Edit], path: &RelPath) -> Result<Option<Vec<u8>>, TreeError> {
    for (at, edit) in edits.iter().enumerate().rev() {
        match edit {
            Edit::Write { path: written, text } if written == path => return Ok(Some(text.clone().into_bytes())),
            Edit::Remove { path: gone } | Edit::Rename { path: gone, .. } if gone == path => return Ok(None),
            Edit::Rename { path: from, to } if to == path => return after(base, &edits[..at], from),
            Edit::Write { .. } | Edit::Remove { .. } | Edit::Rename { .. } => {}
        }
    }
    base.read(path)
}

/// The repository could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Too large.
    #[error("{0} has {1} bytes; at most {FILE_BYTES_MAX} are read")]
    Large(RelPath, u64),
    /// What the repository said.
    #[error("failed to read {0} from the repository: {1}")]
    Read(String, String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_seen_in_order() {
        let path = |text: &str| RelPath::try_from(text).unwrap();
        let base = MemoryTree([(path("a"), b"1".to_vec()), (path("b"), b"2".to_vec())].into());
        let edits =
            [Edit::Write { path: path("a"), text: "3".into() }, Edit::Rename { path: path("a"), to: path("c") }, Edit::Remove { path: path("b") }];
        let read = |name: &str| after(&base, &edits, &path(name)).unwrap().map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!((read("a"), read("b"), read("c"), read("d")), (None, None, Some("3".into()), None));
    }
}
