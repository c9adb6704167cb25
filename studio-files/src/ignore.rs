//! The folders that git must not track: each carries its own `.gitignore`.

use crate::disk::{self, DiskError};
use std::path::Path;
use studio_core::name::{BadName, RelPath};

/// What journals, rehearsals and rendered memory keep to themselves.
const UNTRACKED: [&str; 3] = ["ai/state/runs/.gitignore", "ai/state/simulated/.gitignore", "ai/studio/memory/runs/.gitignore"];

/// Makes the folders that hold runs, each with a `.gitignore` of `*`, and returns the files that
/// were missing. One that is there is left as its owner wants it.
///
/// # Errors
/// A component is a symlink or no folder, or the disk refuses.
pub fn ensure(root: &Path) -> Result<Vec<RelPath>, IgnoreError> {
    let mut written = Vec::new();
    for path in UNTRACKED {
        let path = RelPath::try_from(path)?;
        if disk::look(root, &path)?.is_none() && disk::create(root, &path, b"*\n")? {
            written.push(path);
        }
    }
    Ok(written)
}

/// The folders could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IgnoreError {
    /// The checkout.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A path of ours that is none.
    #[error(transparent)]
    Name(#[from] BadName),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn each_folder_gets_its_own_and_only_once() {
        let root = tempfile::tempdir().unwrap();
        let theirs = root.path().join("ai/state/simulated/.gitignore");
        fs::create_dir_all(theirs.parent().unwrap()).unwrap();
        fs::write(&theirs, "*\n!keep\n").unwrap();
        let written: Vec<String> = ensure(root.path()).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(written, ["ai/state/runs/.gitignore", "ai/studio/memory/runs/.gitignore"]);
        assert_eq!(fs::read_to_string(root.path().join("ai/studio/memory/runs/.gitignore")).unwrap(), "*\n");
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "*\n!keep\n");
        assert_eq!(ensure(root.path()).unwrap(), []);
    }

    #[test]
    fn a_symlinked_folder_is_refused() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(other.path(), root.path().join("ai")).unwrap();
        assert!(ensure(root.path()).unwrap_err().to_string().contains("ai is a symlink"));
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
    }
}
