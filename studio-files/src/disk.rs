//! Files of the user's checkout: read whole and bounded, written whole or not at all.
//!
//! Every component below the root is looked at before it is used; a symlink among them ends the
//! matter, since it may lead anywhere.

use std::fs::{self, File, Metadata};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use studio_core::limits::FILE_BYTES_MAX;
use studio_core::name::RelPath;

/// Returns what stands at `path`, or nothing.
pub(crate) fn look(root: &Path, path: &RelPath) -> Result<Option<Metadata>, DiskError> {
    let mut found = None;
    for (part, place) in places(root, path) {
        if found.is_some_and(|above: Metadata| !above.is_dir()) {
            return Err(DiskError::NoFolder(parent(part)));
        }
        match fs::symlink_metadata(&place) {
            Ok(seen) if seen.is_symlink() => return Err(DiskError::Symlink(part.into())),
            Ok(seen) => found = Some(seen),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DiskError::Io("look at", part.into(), error)),
        }
    }
    Ok(found)
}

/// Returns the regular file at `path`, or nothing if nothing stands there.
pub(crate) fn read(root: &Path, path: &RelPath) -> Result<Option<Vec<u8>>, DiskError> {
    let Some(seen) = look(root, path)? else { return Ok(None) };
    if !seen.is_file() {
        return Err(DiskError::NoFile(path.to_string()));
    }
    let mut bytes = Vec::new();
    let mut copy = || File::open(root.join(path.as_str()))?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    let count = copy().map_err(|error| DiskError::Io("read", path.to_string(), error))?;
    if count as u64 > FILE_BYTES_MAX { Err(DiskError::Large(path.to_string())) } else { Ok(Some(bytes)) }
}

/// Writes a new file and the folders above it, and syncs them. Returns false, and changes nothing,
/// if something stands at `path` already.
///
/// # Errors
/// A component is a symlink or no folder, or the disk refuses.
pub fn create(root: &Path, path: &RelPath, bytes: &[u8]) -> Result<bool, DiskError> {
    make(root, path, bytes, Synced::Yes)
}

/// Removes the file at `path` if its bytes are as `same` says, and the folders above it as far as they are empty.
/// Returns whether it did; nothing if there is no such file.
///
/// # Errors
/// A component is a symlink or no folder, or the disk refuses.
pub fn remove(root: &Path, path: &RelPath, same: impl FnOnce(&[u8]) -> bool) -> Result<Option<bool>, DiskError> {
    let Some(bytes) = read(root, path)? else { return Ok(None) };
    if !same(&bytes) {
        return Ok(Some(false));
    }
    let file = root.join(path.as_str());
    fs::remove_file(&file).map_err(|error| DiskError::Io("remove", path.to_string(), error))?;
    let above = file.ancestors().skip(1).take_while(|folder| *folder != root);
    above.take_while(|folder| fs::remove_dir(folder).is_ok()).for_each(drop);
    Ok(Some(true))
}

/// Puts `new` in the place of the file at `path`, whole and synced, if what stands there is `old` to
/// the byte. Returns false, and changes nothing, if it is not. The file keeps its mode.
pub(crate) fn replace(root: &Path, path: &RelPath, old: &[u8], new: &[u8]) -> Result<bool, DiskError> {
    change(root, path, old, new, Synced::Yes)
}

/// As [`create`] where `old` is nothing, else as [`replace`], but syncs nothing: for what can be made again
/// from a journal. It is whole whenever somebody reads it; a power cut may take it.
pub(crate) fn show(root: &Path, path: &RelPath, old: Option<&[u8]>, new: &[u8]) -> Result<bool, DiskError> {
    match old {
        None => make(root, path, new, Synced::No),
        Some(old) => change(root, path, old, new, Synced::No),
    }
}

fn make(root: &Path, path: &RelPath, bytes: &[u8], synced: Synced) -> Result<bool, DiskError> {
    let failed = |what| move |error| DiskError::Io(what, path.to_string(), error);
    let folder = folder(root, path, synced)?;
    let (mut file, temp) = temp(&folder, path).map_err(failed("write"))?;
    file.write_all(bytes).and_then(|()| synced.file(&file)).map_err(failed("write"))?;
    // A link never replaces what is there, and shows the file only when it is whole.
    let new = match fs::hard_link(&temp.0, folder.join(path.file_name())) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(error) => return Err(failed("name")(error)),
    };
    drop(temp);
    synced.folder(&folder).map_err(failed("sync the folder of"))?;
    Ok(new)
}

fn change(root: &Path, path: &RelPath, old: &[u8], new: &[u8], synced: Synced) -> Result<bool, DiskError> {
    let failed = |what| move |error| DiskError::Io(what, path.to_string(), error);
    if new.len() as u64 > FILE_BYTES_MAX {
        return Err(DiskError::Large(path.to_string()));
    }
    let (Some(seen), true) = (look(root, path)?, stands(root, path, old)?) else { return Ok(false) };
    let folder = folder(root, path, synced)?;
    let (mut file, temp) = temp(&folder, path).map_err(failed("write"))?;
    let written = file.write_all(new).and_then(|()| file.set_permissions(seen.permissions())).and_then(|()| synced.file(&file));
    written.map_err(failed("write"))?;
    // Looked at again as late as can be: whoever saved the file meanwhile wins.
    if !stands(root, path, old)? {
        return Ok(false);
    }
    fs::rename(&temp.0, folder.join(path.file_name())).map_err(failed("name"))?;
    synced.folder(&folder).map_err(failed("sync the folder of"))?;
    Ok(true)
}

fn stands(root: &Path, path: &RelPath, old: &[u8]) -> Result<bool, DiskError> {
    Ok(read(root, path)?.is_some_and(|bytes| bytes == old))
}

/// Makes a file in `folder` under a name that nothing reads and that goes away with the value.
fn temp(folder: &Path, path: &RelPath) -> io::Result<(File, Temp)> {
    let place = folder.join(format!(".studio.{:016x}.tmp", RandomState::new().hash_one(path)));
    Ok((File::create_new(&place)?, Temp(place)))
}

/// Makes the folders above `path` as far as they are missing, and returns the last one.
fn folder(root: &Path, path: &RelPath, synced: Synced) -> Result<PathBuf, DiskError> {
    let mut above = root.to_path_buf();
    for (part, place) in places(root, path).filter(|(part, _)| *part != path.as_str()) {
        let failed = |error| DiskError::Io("make", part.into(), error);
        match fs::create_dir(&place) {
            Ok(()) => synced.folder(&above).map_err(failed)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let seen = fs::symlink_metadata(&place).map_err(failed)?;
        if seen.is_symlink() {
            return Err(DiskError::Symlink(part.into()));
        }
        if !seen.is_dir() {
            return Err(DiskError::NoFolder(part.into()));
        }
        above = place;
    }
    Ok(above)
}

/// Returns every component of `path` from the top, as it is called below the root and on the disk.
fn places<'a>(root: &'a Path, path: &'a RelPath) -> impl Iterator<Item = (&'a str, PathBuf)> {
    let whole = path.as_str();
    let ends = whole.match_indices('/').map(|(at, _)| at).chain([whole.len()]);
    ends.filter_map(move |end| whole.get(..end)).map(move |part| (part, root.join(part)))
}

fn parent(part: &str) -> String {
    part.rsplit_once('/').map_or(part, |(above, _)| above).to_string()
}

/// Whether what is written has to outlive a power cut.
#[derive(Clone, Copy)]
enum Synced {
    Yes,
    No,
}

impl Synced {
    fn file(self, file: &File) -> io::Result<()> {
        match self {
            Synced::Yes => file.sync_all(),
            Synced::No => Ok(()),
        }
    }

    fn folder(self, folder: &Path) -> io::Result<()> {
        match self {
            Synced::Yes => File::open(folder)?.sync_all(),
            Synced::No => Ok(()),
        }
    }
}

/// A name that goes away with the value.
struct Temp(PathBuf);

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // what stays is litter, never a wrong file
    }
}

/// The checkout could not be read or written as it should.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// A component of the path is a symlink.
    #[error("{0} is a symlink, which is not followed; put the real file or folder there")]
    Symlink(String),
    /// A component above the last is no folder.
    #[error("{0} is no folder; move it out of the way")]
    NoFolder(String),
    /// The last component is no regular file.
    #[error("{0} is no regular file; move it out of the way")]
    NoFile(String),
    /// Over the limit.
    #[error("{0} is larger than {FILE_BYTES_MAX} bytes; split it")]
    Large(String),
    /// What the system said.
    #[error("failed to {0} {1}: {2}")]
    Io(&'static str, String, #[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::try_from(text).unwrap()
    }

    #[test]
    fn a_file_is_written_once_and_leaves_nothing_beside_it() {
        let root = tempfile::tempdir().unwrap();
        assert!(create(root.path(), &path("a/b/c.md"), b"one").unwrap());
        assert!(!create(root.path(), &path("a/b/c.md"), b"two").unwrap());
        assert_eq!(read(root.path(), &path("a/b/c.md")).unwrap().unwrap(), b"one");
        assert_eq!(fs::read_dir(root.path().join("a/b")).unwrap().count(), 1);
        assert_eq!(read(root.path(), &path("a/x/c.md")).unwrap(), None);
    }

    #[test]
    fn a_file_is_removed_only_if_it_is_the_one_that_was_meant() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = |bytes: &[u8]| bytes == b"one";
        for at in ["a/b/c.md", "a/d.md"] {
            create(root.path(), &path(at), b"one").unwrap();
        }
        fs::write(root.path().join("a/d.md"), "two").unwrap();
        assert_eq!(remove(root.path(), &path("a/d.md"), one).unwrap(), Some(false));
        assert_eq!(remove(root.path(), &path("a/b/c.md"), one).unwrap(), Some(true));
        assert!(!root.path().join("a/b").exists() && root.path().join("a/d.md").exists());
        assert_eq!(remove(root.path(), &path("a/b/c.md"), one).unwrap(), None);
        fs::write(other.path().join("f"), "one").unwrap();
        std::os::unix::fs::symlink(other.path(), root.path().join("away")).unwrap();
        assert!(matches!(remove(root.path(), &path("away/f"), one), Err(DiskError::Symlink(at)) if at == "away"));
        assert!(other.path().join("f").exists());
    }

    #[test]
    fn a_file_is_replaced_only_if_it_is_the_one_that_was_read() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("a/b.md");
        create(root.path(), &path("a/b.md"), b"one").unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(!replace(root.path(), &path("a/b.md"), b"other", b"two").unwrap());
        assert!(!replace(root.path(), &path("a/c.md"), b"", b"two").unwrap());
        assert!(!replace(root.path(), &path("x/c.md"), b"", b"two").unwrap() && !root.path().join("x").exists());
        assert_eq!(fs::read(&place).unwrap(), b"one");
        assert!(replace(root.path(), &path("a/b.md"), b"one", b"two").unwrap());
        assert_eq!((fs::read(&place).unwrap(), fs::metadata(&place).unwrap().permissions().mode() & 0o777), (b"two".to_vec(), 0o640));
        assert_eq!(fs::read_dir(root.path().join("a")).unwrap().count(), 1);
        let large = vec![b'x'; FILE_BYTES_MAX as usize + 1];
        assert!(matches!(replace(root.path(), &path("a/b.md"), b"two", &large), Err(DiskError::Large(_))));
        std::os::unix::fs::symlink(&place, root.path().join("link")).unwrap();
        assert!(matches!(replace(root.path(), &path("link"), b"two", b"three"), Err(DiskError::Symlink(at)) if at == "link"));
        assert_eq!(fs::read(&place).unwrap(), b"two");
    }

    #[test]
    fn what_is_only_shown_is_made_or_replaced_whole_as_well() {
        let root = tempfile::tempdir().unwrap();
        let show = |old: Option<&[u8]>, new: &[u8]| show(root.path(), &path("a/b.json"), old, new);
        assert!(!show(Some(b"one"), b"two").unwrap() && !root.path().join("a").exists());
        assert!(show(None, b"one").unwrap());
        assert!(!show(None, b"two").unwrap() && !show(Some(b"other"), b"two").unwrap());
        assert_eq!(fs::read(root.path().join("a/b.json")).unwrap(), b"one");
        assert!(show(Some(b"one"), b"two").unwrap());
        assert_eq!(fs::read(root.path().join("a/b.json")).unwrap(), b"two");
        assert_eq!(fs::read_dir(root.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn symlinks_and_odd_files_are_refused_anywhere_below_the_root() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(other.path().join("f"), "x").unwrap();
        std::os::unix::fs::symlink(other.path(), root.path().join("away")).unwrap();
        std::os::unix::fs::symlink(other.path().join("f"), root.path().join("f")).unwrap();
        fs::write(root.path().join("plain"), "x").unwrap();
        assert!(matches!(read(root.path(), &path("away/f")), Err(DiskError::Symlink(at)) if at == "away"));
        assert!(matches!(read(root.path(), &path("f")), Err(DiskError::Symlink(at)) if at == "f"));
        assert!(matches!(create(root.path(), &path("away/new/g"), b""), Err(DiskError::Symlink(at)) if at == "away"));
        assert!(matches!(create(root.path(), &path("plain/g"), b""), Err(DiskError::NoFolder(at)) if at == "plain"));
        assert!(matches!(read(root.path(), &path("plain/g")), Err(DiskError::NoFolder(at)) if at == "plain"));
        assert!(!create(root.path(), &path("f"), b"y").unwrap());
        assert_eq!(fs::read_to_string(other.path().join("f")).unwrap(), "x");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_large_file_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("big"), vec![b'x'; FILE_BYTES_MAX as usize + 1]).unwrap();
        assert!(matches!(read(root.path(), &path("big")), Err(DiskError::Large(_))));
        fs::create_dir(root.path().join("dir")).unwrap();
        assert!(matches!(read(root.path(), &path("dir")), Err(DiskError::NoFile(_))));
    }
}
