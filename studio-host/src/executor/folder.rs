//! Places of the user's checkout, looked at component by component: a symlink among them may lead anywhere.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use studio_core::limits::FILE_BYTES_MAX;
use studio_core::name::RelPath;

/// Returns what stands at `path` below `root`, or nothing.
pub(super) fn look(root: &Path, path: &RelPath) -> Result<Option<Metadata>, FolderError> {
    let mut found: Option<Metadata> = None;
    for (part, place) in places(root, path) {
        if found.is_some_and(|above| !above.is_dir()) {
            return Ok(None);
        }
        match fs::symlink_metadata(&place) {
            Ok(seen) if seen.is_symlink() => return Err(FolderError::Symlink(part.into())),
            Ok(seen) => found = Some(seen),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FolderError::Disk("look at", part.into(), error)),
        }
    }
    Ok(found)
}

/// Makes the folder `path` below `root`, and those above it, as far as they are missing.
pub(super) fn make(root: &Path, path: &RelPath, mode: u32) -> Result<PathBuf, FolderError> {
    for (part, place) in places(root, path) {
        let failed = |error| FolderError::Disk("make", part.into(), error);
        match DirBuilder::new().mode(mode).create(&place) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let seen = fs::symlink_metadata(&place).map_err(failed)?;
        if seen.is_symlink() {
            return Err(FolderError::Symlink(part.into()));
        }
        if !seen.is_dir() {
            return Err(FolderError::NoFolder(part.into()));
        }
    }
    Ok(root.join(path.as_str()))
}

/// Says whether [`make`] could make the folder `path`, and makes nothing.
pub(super) fn may_make(root: &Path, path: &RelPath) -> Result<(), FolderError> {
    for (part, place) in places(root, path) {
        match fs::symlink_metadata(&place) {
            Ok(seen) if seen.is_symlink() => return Err(FolderError::Symlink(part.into())),
            Ok(seen) if !seen.is_dir() => return Err(FolderError::NoFolder(part.into())),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(FolderError::Disk("look at", part.into(), error)),
        }
    }
    Ok(())
}

/// Returns the text of the file at `place`, which is called `path` in errors.
pub(super) fn text(place: &Path, path: &RelPath) -> Result<String, FolderError> {
    let failed = |error| FolderError::Disk("read", path.to_string(), error);
    let mut text = String::new();
    let read = File::open(place).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > FILE_BYTES_MAX { Err(FolderError::Large(path.to_string())) } else { Ok(text) }
}

/// Waits until the names in a folder survive a power cut.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Returns every component of `path` from the top, as it is called below the root and on the disk.
fn places<'a>(root: &'a Path, path: &'a RelPath) -> impl Iterator<Item = (&'a str, PathBuf)> {
    let whole = path.as_str();
    let ends = whole.match_indices('/').map(|(at, _)| at).chain([whole.len()]);
    ends.filter_map(move |end| whole.get(..end)).map(move |part| (part, root.join(part)))
}

/// A place of the checkout that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    /// A symlink on the way.
    #[error("{0} is a symlink, which could lead out of the checkout: put a real file or folder there")]
    Symlink(String),
    /// Something else where a folder should be.
    #[error("{0} is no folder: move it away")]
    NoFolder(String),
    /// Over the limit.
    #[error("{0} has more than {FILE_BYTES_MAX} bytes")]
    Large(String),
    /// What the disk said.
    #[error("failed to {0} {1}: {2}")]
    Disk(&'static str, String, io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symlinks_on_the_way_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = |text: &str| RelPath::try_from(text).unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        fs::write(dir.path().join("file"), "text").unwrap();
        std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
        assert!(look(dir.path(), &path("real")).unwrap().unwrap().is_dir());
        assert!(look(dir.path(), &path("absent/x")).unwrap().is_none() && look(dir.path(), &path("file/x")).unwrap().is_none());
        for bad in ["link", "link/x"] {
            assert!(matches!(look(dir.path(), &path(bad)), Err(FolderError::Symlink(_))), "{bad}");
            assert!(matches!(make(dir.path(), &path(bad), 0o755), Err(FolderError::Symlink(_))), "{bad}");
        }
        assert!(matches!(make(dir.path(), &path("file/x"), 0o755), Err(FolderError::NoFolder(_) | FolderError::Disk(..))));
        for bad in ["link/x", "file", "file/x"] {
            assert!(may_make(dir.path(), &path(bad)).is_err(), "{bad}");
        }
        assert!(may_make(dir.path(), &path("real/a/b")).is_ok() && !dir.path().join("real/a").exists());
        assert!(make(dir.path(), &path("real/a/b"), 0o700).unwrap().is_dir());
    }
}
