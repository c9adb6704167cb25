//! A disk, as little of one as a journal needs, so that a test can cut its power at every write.

use crate::limits::SETTLED_MAX;
use crate::store::sync::in_background;
use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a file store does to a disk. Names are durable only after a [`Disk::sync`] with their folder.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: Send + Sync + 'static;

    /// Creates one folder, or finds it there; true if it was created. A symbolic link is no folder.
    fn create_dir(&self, path: &Path) -> io::Result<bool>;
    /// Says whether this process has synced the folder's own name before, so that it need not again.
    fn is_settled(&self, _: &Path) -> bool {
        false
    }
    /// Remembers that the folder's own name survives a power cut.
    fn settle(&self, _: &Path) {}
    /// Returns the names in a folder, in any order; those that are no text are passed over. A symbolic
    /// link is no folder.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Returns the bytes of a regular file of at most `bytes_max` bytes.
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>>;
    /// Creates a file that was not there and opens it for appending, for its owner alone.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Opens a file for appending.
    fn open(&self, path: &Path) -> io::Result<Self::File>;
    /// Takes the file's lock, held until the file is closed; false if somebody else has it.
    fn lock(&self, file: &Self::File) -> io::Result<bool>;
    /// Appends all of `bytes`.
    fn write(&self, file: &Self::File, bytes: &[u8]) -> io::Result<()>;
    /// Cuts a file to its first `bytes` bytes.
    fn truncate(&self, file: &Self::File, bytes: u64) -> io::Result<()>;
    /// Renames a file, replacing what was there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Waits until a file's bytes, and the names in `folders`, survive a power cut.
    fn sync(&self, file: &Arc<Self::File>, folders: Vec<PathBuf>) -> BoxFuture<'static, io::Result<()>>;
}

/// Folders above runs whose names this process has synced.
static SETTLED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The machine's disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    type File = File;

    fn create_dir(&self, path: &Path) -> io::Result<bool> {
        match fs::DirBuilder::new().mode(0o755).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && fs::symlink_metadata(path)?.is_dir() => Ok(false),
            result => result.map(|()| true),
        }
    }

    fn is_settled(&self, path: &Path) -> bool {
        SETTLED.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    fn settle(&self, path: &Path) {
        let mut settled = SETTLED.lock().unwrap_or_else(PoisonError::into_inner);
        if settled.len() < SETTLED_MAX {
            settled.insert(path.into());
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        if !fs::symlink_metadata(path)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(io::Result::transpose).collect()
    }

    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let file = OpenOptions::new().read(true).custom_flags(NOFOLLOW_NONBLOCK).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let mut bytes = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {bytes_max} bytes")));
        }
        Ok(bytes)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).custom_flags(NOFOLLOW_NONBLOCK).open(path)
    }

    fn lock(&self, file: &File) -> io::Result<bool> {
        match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// One after the other on one thread: the first commits what the others only wait for.
    fn sync(&self, file: &Arc<File>, folders: Vec<PathBuf>) -> BoxFuture<'static, io::Result<()>> {
        let file = Arc::clone(file);
        in_background(move || {
            file.sync_data()?;
            folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
        })
    }
}

/// No symbolic link is followed, and a pipe is not waited for.
const NOFOLLOW_NONBLOCK: i32 = libc::O_NOFOLLOW | libc::O_NONBLOCK;
