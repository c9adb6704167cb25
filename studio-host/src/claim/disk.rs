//! A disk, as little of one as a claim needs, so that a test can cut its power at every write.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// What claims do to a disk. Bytes are durable after `sync`, names after `sync_folder`.
pub(super) trait Disk {
    /// An open file.
    type File;

    /// Makes a folder that was not there, for its owner alone.
    fn make(&self, path: &Path) -> io::Result<()>;
    /// Creates a file that was not there, for its owner alone.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Appends all of `bytes`.
    fn write(&self, file: &Self::File, bytes: &[u8]) -> io::Result<()>;
    /// Waits until the file's bytes survive a power cut.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Gives a file a second name; fails if that is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames a file, replacing what was there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a name.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Waits until the names in a folder survive a power cut.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// The machine's disk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OsDisk;

impl Disk for OsDisk {
    type File = File;

    fn make(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}
