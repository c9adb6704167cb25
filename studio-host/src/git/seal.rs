//! Folders that nobody writes to: sealed, recognised, and taken apart again.

use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use studio_core::limits::{CHECKOUT_FILES_MAX, PATH_BYTES_MAX};
use studio_core::name::Digest;

/// A sealed folder or program.
pub(super) const SEALED_X: u32 = 0o555;
/// A sealed file.
pub(super) const SEALED: u32 = 0o444;
/// A folder in the making.
pub(super) const OPEN: u32 = 0o755;

/// How a folder is opened: itself, never what a symlink leads to.
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Sets the mode of a folder, which must not be a symlink.
pub(super) fn set(folder: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(mode))
}

/// Returns a hash that changes when anything below `root` is added, removed, renamed, written or given another
/// mode. It looks at what the file system knows, never into files, and follows no symlink.
pub(super) fn fingerprint(root: &Path) -> io::Result<Digest> {
    let mut lines = Vec::new();
    look(root, root, &mut lines)?;
    lines.sort();
    Ok(Digest::blake3(lines.join("\n").as_bytes()))
}

/// Removes a folder and all in it, sealed or not. Follows no symlink.
pub(super) fn remove(root: &Path) -> io::Result<()> {
    match rustix::fs::open(root, FOLDER, Mode::empty()) {
        Ok(folder) => unseal(folder.as_fd(), 0)?,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    fs::remove_dir_all(root)
}

fn look(root: &Path, folder: &Path, lines: &mut Vec<String>) -> io::Result<()> {
    let mut add = |path: &Path, seen: &fs::Metadata| {
        let path = path.strip_prefix(root).unwrap_or(path);
        let mtime = (seen.mtime(), seen.mtime_nsec());
        // The root may be given another name.
        let ctime = if path.as_os_str().is_empty() { (0, 0) } else { (seen.ctime(), seen.ctime_nsec()) };
        lines.push(format!("{path:?} {:o} {} {mtime:?} {ctime:?}", seen.mode(), seen.size()));
        // Twice the limit: what is bound in comes on top.
        if lines.len() > 2 * CHECKOUT_FILES_MAX { Err(io::Error::other("there are too many files")) } else { Ok(()) }
    };
    add(folder, &fs::symlink_metadata(folder)?)?;
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let seen = entry.metadata()?;
        if seen.is_dir() {
            folders.push(entry.path());
        } else {
            add(&entry.path(), &seen)?;
        }
    }
    folders.iter().try_for_each(|inside| look(root, inside, lines))
}

/// Makes a folder and those in it writable. Each is opened before it is changed, so that no symlink that is put
/// in its place is followed.
fn unseal(folder: BorrowedFd<'_>, depth: usize) -> io::Result<()> {
    if depth > PATH_BYTES_MAX / 2 {
        return Err(io::Error::other("the folders lie too deep in one another"));
    }
    rustix::fs::fchmod(folder, Mode::from(OPEN))?;
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if !matches!(entry.file_type(), FileType::Directory | FileType::Unknown) {
            continue;
        }
        match rustix::fs::openat(folder, name, FOLDER, Mode::empty()) {
            Ok(inside) => unseal(inside.as_fd(), depth + 1)?,
            Err(Errno::NOTDIR | Errno::LOOP) => {} // no folder, or none any more
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn removing_follows_no_symlink_and_minds_no_mode() {
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir_all(outside.join("kept")).unwrap();
        fs::write(root.join("a/b/file"), "").unwrap();
        symlink(&outside, root.join("a/link")).unwrap();
        set(&outside, SEALED_X).unwrap();
        ["a/b", "a", ""].iter().for_each(|folder| set(&root.join(folder), SEALED_X).unwrap());
        let before = fingerprint(&outside).unwrap();
        remove(&root).unwrap();
        assert!(!root.exists());
        assert_eq!(fingerprint(&outside).unwrap(), before);
        remove(&root).unwrap(); // already gone
        symlink(&outside, &root).unwrap();
        assert!(remove(&root).is_err());
        assert_eq!(fingerprint(&outside).unwrap(), before);
        set(&outside, OPEN).unwrap();
    }

    #[test]
    fn a_fingerprint_sees_every_change() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/file");
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(&file, "1").unwrap();
        let mut seen = vec![fingerprint(dir.path()).unwrap()];
        assert_eq!(seen[0], fingerprint(dir.path()).unwrap());
        let changes: [&dyn Fn(); 5] = [
            &|| fs::write(&file, "22").unwrap(),
            &|| set(&file, SEALED).unwrap(),
            &|| fs::rename(&file, dir.path().join("a/other")).unwrap(),
            &|| symlink("other", dir.path().join("a/link")).unwrap(),
            &|| fs::create_dir(dir.path().join("b")).unwrap(),
        ];
        for change in changes {
            change();
            let now = fingerprint(dir.path()).unwrap();
            assert!(!seen.contains(&now));
            seen.push(now);
        }
    }
}
