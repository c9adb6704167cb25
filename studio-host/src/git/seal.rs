//! Folders that nobody writes to: sealed, recognised, and taken apart again.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
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
/// mode. It looks at what the file system knows, never into files, and follows no symlink. The root itself may be
/// given another name.
pub(super) fn fingerprint(root: &Path) -> io::Result<Digest> {
    let folder = rustix::fs::open(root, FOLDER, Mode::empty())?;
    let seen = rustix::fs::fstat(&folder)?;
    let mut known = Known { bytes: Vec::new(), entries: 0 };
    known.add(b".", &seen, 0);
    known.look(folder.as_fd(), 0)?;
    Ok(Digest::blake3(&known.bytes))
}

/// What the file system knows of a tree, in one order.
struct Known {
    bytes: Vec<u8>,
    entries: usize,
}

impl Known {
    fn look(&mut self, folder: BorrowedFd<'_>, depth: usize) -> io::Result<()> {
        if depth > PATH_BYTES_MAX / 2 {
            return Err(io::Error::other("the folders lie too deep in one another"));
        }
        let mut names: Vec<CString> = Vec::new();
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            names.extend(Some(entry.file_name().to_owned()).filter(|name| name.as_c_str() != c"." && name.as_c_str() != c".."));
        }
        names.sort();
        self.entries += names.len();
        // Twice the limit: what is bound in comes on top.
        if self.entries > 2 * CHECKOUT_FILES_MAX {
            return Err(io::Error::other("there are too many files"));
        }
        for name in &names {
            let seen = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            self.add(name.to_bytes(), &seen, depth + 1);
            if FileType::from_raw_mode(seen.st_mode) == FileType::Directory {
                let inside = rustix::fs::openat(folder, name, FOLDER, Mode::empty())?;
                self.look(inside.as_fd(), depth + 1)?;
            }
        }
        Ok(())
    }

    /// Adds an entry: its depth tells where it hangs, its name ends with a zero.
    fn add(&mut self, name: &[u8], seen: &Stat, depth: usize) {
        let changed = if depth == 0 { [0, 0] } else { [seen.st_ctime as i128, seen.st_ctime_nsec as i128] };
        let numbers = [depth as i128, seen.st_mode.into(), seen.st_size.into(), seen.st_mtime as i128, seen.st_mtime_nsec as i128];
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
        numbers.into_iter().chain(changed).for_each(|number| self.bytes.extend_from_slice(&number.to_le_bytes()));
    }
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
