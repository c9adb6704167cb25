//! What a ticket's journal would cost with nothing around it: the same bytes and syncs, appended to a plain file.

use anyhow::{Result, anyhow};
use futures_util::future::BoxFuture;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use studio_core::limits::SYNC_THREADS;
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
    /// Groups of these sizes, and no syncs of folders but a run's own.
    pub(crate) fn of(bytes: Vec<usize>) -> Groups {
        Groups { bytes, ..Groups::default() }
    }

    /// Appends the same bytes to a new file at `path`, with the same syncs; after the first one the
    /// names in `folders` are synced as well.
    pub(crate) fn append(&self, path: &Path, folders: &[&Path]) -> Result<()> {
        let mut file = OpenOptions::new().append(true).create_new(true).open(path)?;
        for (at, bytes) in self.bytes.iter().enumerate() {
            file.write_all(&vec![b'x'; *bytes])?;
            file.sync_data()?;
            let folders = if at == 0 { folders } else { &[] };
            folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())?;
        }
        Ok(())
    }

    /// As [`Groups::append`], in a new folder of its own below `dir`, as a run must have one.
    pub(crate) fn append_as_run(&self, dir: &Path, name: &str) -> Result<()> {
        let run = dir.join(name);
        fs::create_dir(&run)?;
        self.append(&run.join("journal.jsonl"), &[&run, dir])
    }
}

/// Makes `count` runs below `dir` at once, each with one synced line of `bytes` bytes, and returns the
/// time: no loop can open as many sooner.
pub(crate) fn open_runs(dir: &Path, count: usize, bytes: usize) -> Result<Duration> {
    fs::create_dir(dir)?;
    let line = Groups::of(vec![bytes]);
    let open = |hand: usize| (hand..count).step_by(SYNC_THREADS).try_for_each(|no| line.append_as_run(dir, &format!("run-{no}")));
    let begun = Instant::now();
    let opened: Result<()> = thread::scope(|scope| {
        let open = &open;
        let hands: Vec<_> = (0..SYNC_THREADS).map(|hand| scope.spawn(move || open(hand))).collect();
        hands.into_iter().try_for_each(|hand| hand.join().map_err(|_| anyhow!("a thread panicked"))?)
    });
    opened.map(|()| begun.elapsed())
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
