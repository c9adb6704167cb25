//! What a place of the checkout holds, in one hash that a human can make too.

use super::folder::{FolderError, look};
use crate::git::regular;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use studio_core::limits::{FILES_MAX, FOLDER_DEPTH_MAX, HASHED_BYTES_MAX};
use studio_core::name::RelPath;

/// Says what stands at `path` below `root`: the SHA-256 of a file as `sha256sum` prints it; of a folder that of the
/// lines which `sha256sum` prints of its files, sorted by their paths, where a link counts as its words.
///
/// # Errors
/// A symlink on the way, or the disk.
pub(super) fn content(root: &Path, path: &RelPath) -> Result<String, FolderError> {
    let failed = |error| FolderError::Disk("read", path.to_string(), error);
    let Some(seen) = look(root, path)? else { return Ok("nothing is there".into()) };
    let mut left = HASHED_BYTES_MAX;
    if !seen.is_dir() {
        let hash = hash(&root.join(path.as_str()), &mut left).map_err(failed)?;
        return Ok(hash.map_or_else(|| "too large to be hashed here".into(), |hash| format!("sha256 {hash}")));
    }
    let mut files = Vec::new();
    names(root, path.as_str(), FOLDER_DEPTH_MAX, &mut files).map_err(failed)?;
    if files.len() > FILES_MAX {
        return Ok(format!("more than {FILES_MAX} files, too many to be hashed here"));
    }
    files.sort();
    let mut whole = Sha256::new();
    for file in &files {
        match hash(&root.join(file), &mut left).map_err(failed)? {
            Some(hash) => whole.update(format!("{hash}  {file}\n")),
            None => return Ok(format!("{} files, too large to be hashed here", files.len())),
        }
    }
    Ok(format!("{} files, sha256 of their sums {:x}", files.len(), whole.finalize()))
}

/// Returns the SHA-256 of a file, or of the words of a link; nothing if it has more than what is `left`.
fn hash(file: &Path, left: &mut u64) -> io::Result<Option<String>> {
    if fs::symlink_metadata(file)?.is_symlink() {
        return Ok(Some(format!("{:x}", Sha256::digest(fs::read_link(file)?.as_os_str().as_encoded_bytes()))));
    }
    let mut whole = Sha256::new();
    let read = io::copy(&mut regular::open(file, File::options().read(true))?.take(*left + 1), &mut whole)?;
    Ok(left.checked_sub(read).map(|rest| {
        *left = rest;
        format!("{:x}", whole.finalize())
    }))
}

/// Adds the names below a folder that are no folders, until there are too many.
fn names(root: &Path, folder: &str, depth: usize, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true if depth > 0 => names(root, &name, depth - 1, files)?,
            true => return Err(io::Error::other(format!("{name:?} lies too deep"))),
            false => files.push(name),
        }
        if files.len() > FILES_MAX {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_place_holds_is_told_and_nothing_hangs() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
            fs::write(dir.path().join(path), text).unwrap();
        };
        let told = |path: &str| content(dir.path(), &RelPath::try_from(path).unwrap());
        put("one", "abc");
        assert_eq!(told("one").unwrap(), "sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        put("tools/x.sh", "echo as approved\n");
        put("tools/sub/y", "y");
        let before = told("tools").unwrap();
        assert!(before.starts_with("2 files, sha256 of their sums "), "{before}");
        assert_eq!(told("tools").unwrap(), before);
        put("tools/x.sh", "echo swapped\n");
        assert_ne!(told("tools").unwrap(), before);
        put("tools/x.sh", "echo as approved\n");
        fs::rename(dir.path().join("tools/sub/y"), dir.path().join("tools/sub/z")).unwrap();
        assert_ne!(told("tools").unwrap(), before);
        std::os::unix::fs::symlink("/etc", dir.path().join("tools/link")).unwrap();
        assert!(told("tools").unwrap().starts_with("3 files"));
        File::create(dir.path().join("large")).unwrap().set_len(HASHED_BYTES_MAX + 1).unwrap();
        assert_eq!(told("large").unwrap(), "too large to be hashed here");
        let pipe = dir.path().join("tools/pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        assert!(told("tools").unwrap_err().to_string().contains("no regular file"));
    }
}
