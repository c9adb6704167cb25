//! Files that somebody may have planted: opened so that no symlink is followed and no pipe is waited for.

use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a regular file in the way `options` say.
///
/// # Errors
/// It is not there, it is something else, or the disk.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let odd = || io::Error::other("it is no regular file; look at it, then move it away");
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    match options.custom_flags(flags).open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(file),
        Ok(_) => Err(odd()),
        Err(_) if fs::symlink_metadata(path).is_ok_and(|seen| !seen.is_file()) => Err(odd()),
        Err(error) => Err(error),
    }
}

/// Returns the first bytes of a regular file, `most` of them.
///
/// # Errors
/// As [`open`].
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path, File::options().read(true))?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn only_regular_files_are_opened_and_nothing_hangs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "text").unwrap();
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        std::os::unix::fs::symlink(at("outside"), at("dangling")).unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        assert_eq!(read(&at("file"), 3).unwrap(), b"tex");
        assert_eq!(read(&at("absent"), 3).unwrap_err().kind(), io::ErrorKind::NotFound);
        for odd in ["pipe", "dangling", "link", "folder"] {
            for options in [File::options().read(true), File::options().append(true).create(true)] {
                let error = open(&at(odd), options).unwrap_err().to_string();
                assert!(error.contains("no regular file"), "{odd}: {error}");
            }
        }
        assert!(!at("outside").exists());
    }
}
