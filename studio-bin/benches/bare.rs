//! What a ticket's journal would cost with nothing around it: the same bytes and syncs, appended to a plain file.

use anyhow::Result;
use futures_util::future::BoxFuture;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use studio_core::store::{Disk, OsDisk};

/// What a ticket writes between one sync and the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    /// Bytes before each sync.
    pub(crate) bytes: Vec<usize>,
    /// Syncs of folders.
    pub(crate) folders: usize,
    open: usize,
}

/// The machine's disk, with somebody who counts.
#[derive(Clone, Default)]
pub(crate) struct Counted {
    groups: Arc<Mutex<Groups>>,
}

impl Groups {
    /// Appends the same bytes to a new file at `path`, with the same syncs.
    pub(crate) fn append(&self, path: &Path) -> Result<()> {
        let mut file = OpenOptions::new().append(true).create_new(true).open(path)?;
        for bytes in &self.bytes {
            file.write_all(&vec![b'x'; *bytes])?;
            file.sync_data()?;
        }
        Ok(())
    }
}

impl Counted {
    /// Returns what was counted so far.
    pub(crate) fn groups(&self) -> Groups {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, count: impl FnOnce(&mut Groups)) {
        count(&mut self.groups.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Disk for Counted {
    type File = File;

    fn create_dir(&self, path: &Path) -> io::Result<bool> {
        OsDisk.create_dir(path)
    }

    fn is_settled(&self, path: &Path) -> bool {
        OsDisk.is_settled(path)
    }

    fn settle(&self, path: &Path) {
        OsDisk.settle(path);
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        OsDisk.list(path)
    }

    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        OsDisk.read(path, bytes_max)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        OsDisk.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        OsDisk.open(path)
    }

    fn lock(&self, file: &File) -> io::Result<bool> {
        OsDisk.lock(file)
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()> {
        self.count(|groups| groups.open += bytes.len());
        OsDisk.write(file, bytes)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        OsDisk.truncate(file, bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path)
    }

    fn sync(&self, file: &Arc<File>, folders: Vec<PathBuf>) -> BoxFuture<'static, io::Result<()>> {
        self.count(|groups| {
            let bytes = std::mem::take(&mut groups.open);
            groups.bytes.push(bytes);
            groups.folders += folders.len();
        });
        OsDisk.sync(file, folders)
    }
}
