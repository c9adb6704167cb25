//! The one who watches: every event, every write and everything the lab does goes past it, in the order in which it happens.

use super::reference::{Fact, Reference};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use studio_core::event::{Event, Limit};
use studio_core::journal::{Entry, Observer};
use studio_core::name::RunId;
use studio_core::store::Disk;
use studio_tests::disk::{Handle, ModelDisk};
use tokio_util::sync::CancellationToken;

/// Sees all, and remembers the first thing that should not be.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    reference: Reference,
    failure: Option<String>,
    story: String,
    tally: BTreeMap<&'static str, u64>,
    stop: Option<(u64, CancellationToken)>,
    tape: Tape,
}

/// The bytes of the journal as they were handed to the disk.
#[derive(Default)]
struct Tape {
    written: Vec<u8>,
    /// What stood there before a torn end was cut: until the cut is synced, it may be back.
    before: Vec<u8>,
    synced: usize,
    /// How many lines of it are synced.
    lines: u64,
}

/// A disk that shows what is written to the journal, and what is synced of it.
#[derive(Clone)]
pub(crate) struct WatchedDisk(pub(crate) ModelDisk, pub(crate) Watch);

/// An open file, and whether it is the journal.
pub(crate) struct WatchedFile(Arc<Handle>, bool);

impl Watch {
    /// Takes a fact; what is wrong with it is kept.
    pub(crate) fn see(&self, fact: Fact<'_>) {
        let mut seen = self.seen();
        let _ = writeln!(seen.story, "{fact}");
        if let Some(what) = told(&fact) {
            *seen.tally.entry(what).or_default() += 1;
        }
        if let Err(wrong) = seen.reference.see(&fact) {
            let _ = writeln!(seen.story, "!!! {wrong}");
            seen.failure.get_or_insert(wrong);
        }
    }

    /// Counts something that a simulation should have met.
    pub(crate) fn count(&self, what: &'static str) {
        let mut seen = self.seen();
        *seen.tally.entry(what).or_default() += 1;
        let _ = writeln!(seen.story, "  ({what})");
    }

    /// Tells what only people read.
    pub(crate) fn tell(&self, what: &str) {
        let _ = writeln!(self.seen().story, "{what}");
    }

    /// Keeps something that is wrong.
    pub(crate) fn wrong(&self, what: String) {
        self.seen().failure.get_or_insert(what);
    }

    /// Stops the Studio after so many more events.
    pub(crate) fn stop_after(&self, events: Option<u64>, stop: &CancellationToken) {
        self.seen().stop = events.map(|events| (events, stop.clone()));
    }

    /// Starts again from what the disk holds: it must be what was written, and all that was synced.
    pub(crate) fn restart(&self, journal: &[u8], entries: &[Entry]) {
        let mut seen = self.seen();
        if !seen.tape.written.starts_with(journal) && !seen.tape.before.starts_with(journal) {
            seen.failure.get_or_insert("the journal on the disk is no prefix of what was written".into());
        }
        if journal.len() < seen.tape.synced {
            let wrong = format!("{} bytes of the journal were synced, {} are there", seen.tape.synced, journal.len());
            seen.failure.get_or_insert(wrong);
        }
        seen.tape.written = journal.to_vec();
        if let Err(wrong) = seen.reference.reread(entries) {
            let _ = writeln!(seen.story, "!!! on the disk: {wrong}");
            seen.failure.get_or_insert(wrong);
        }
    }

    /// Another run begins: its journal is a new one.
    pub(crate) fn another(&self) {
        let mut seen = self.seen();
        seen.tape = Tape::default();
        seen.reference.another();
    }

    /// Asks the reference something.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&Reference) -> T) -> T {
        question(&self.seen().reference)
    }

    /// Returns what went wrong first, if anything did.
    pub(crate) fn failure(&self) -> Option<String> {
        self.seen().failure.clone()
    }

    /// Returns what happened, in words, and how often what was met.
    pub(crate) fn end(&self) -> (String, BTreeMap<&'static str, u64>) {
        let mut seen = self.seen();
        let again = seen.reference.again();
        *seen.tally.entry("effect: again, on a human's word").or_default() += again;
        (std::mem::take(&mut seen.story), std::mem::take(&mut seen.tally))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn wrote(&self, bytes: &[u8]) {
        self.seen().tape.written.extend_from_slice(bytes);
    }

    fn synced(&self) {
        let lines = {
            let mut seen = self.seen();
            let tape = &mut seen.tape;
            let more = tape.written.get(tape.synced..).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
            tape.lines += more as u64;
            (tape.synced, tape.before) = (tape.written.len(), Vec::new());
            tape.lines
        };
        self.see(Fact::Synced(lines));
    }
}

/// Names an event that a simulation should have met, where its kind does not.
fn told(fact: &Fact<'_>) -> Option<&'static str> {
    let Fact::Event(entry) = fact else { return None };
    match &entry.event {
        Event::LimitReached { limit: Limit::SameFailure, .. } => Some("failure: the same, a human is asked"),
        Event::ApprovalAsked { why, .. } if why.contains("nobody knows why") => Some("failure: odd, a human is asked"),
        _ => None,
    }
}

impl Observer for Watch {
    fn saw(&self, _: &RunId, entry: &Entry) {
        self.see(Fact::Event(entry));
        let mut seen = self.seen();
        *seen.tally.entry(entry.event.kind()).or_default() += 1;
        if let Some((left, stop)) = &mut seen.stop {
            *left = left.saturating_sub(1);
            if *left == 0 {
                stop.cancel();
            }
        }
    }
}

impl Disk for WatchedDisk {
    type File = WatchedFile;

    fn create_dir(&self, path: &Path) -> io::Result<bool> {
        self.0.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.list(path)
    }

    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        self.0.read(path, most)
    }

    fn create(&self, path: &Path) -> io::Result<WatchedFile> {
        Ok(WatchedFile(Arc::new(self.0.create(path)?), is_journal(path)))
    }

    fn open(&self, path: &Path) -> io::Result<WatchedFile> {
        Ok(WatchedFile(Arc::new(self.0.open(path)?), is_journal(path)))
    }

    fn lock(&self, file: &WatchedFile) -> io::Result<bool> {
        self.0.lock(&file.0)
    }

    fn write(&self, file: &WatchedFile, bytes: &[u8]) -> io::Result<()> {
        if file.1 {
            self.1.wrote(bytes); // a write that fails may leave any part of it
        }
        self.0.write(&file.0, bytes)
    }

    fn truncate(&self, file: &WatchedFile, bytes: u64) -> io::Result<()> {
        self.0.truncate(&file.0, bytes)?;
        if file.1 {
            let tape = &mut self.1.seen().tape;
            tape.before.clone_from(&tape.written);
            tape.written.truncate(bytes as usize);
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync(&self, file: &Arc<WatchedFile>, folders: Vec<PathBuf>) -> BoxFuture<'static, io::Result<()>> {
        let result = self.0.sync(&file.0, folders).now_or_never().unwrap_or_else(|| Err(io::Error::other("the model disk waits")));
        if file.1 && result.is_ok() {
            self.1.synced();
        }
        futures_util::future::ready(result).boxed()
    }
}

fn is_journal(path: &Path) -> bool {
    path.ends_with("journal.jsonl")
}
