//! The truth of a run: one JSON object a line, chained by hashes. Everything else is derived from it.
//!
//! An event is written before the world changes, and synced before anything outside is done about
//! it: [`Journal::barrier`] stands before every call to a model, every grant and every rest, so events
//! in between share one sync. Format: `docs/journal.md`.

mod line;

use crate::clock::Clock;
use crate::event::Event;
use crate::limits::{INLINE_BYTES_MAX, LINE_BYTES_MAX};
use crate::name::{Digest, RunId};
use crate::redact::Redactor;
use crate::run::{Grant, IllegalEvent, Place, Run};
use crate::store::{Store, StoreError};
use crate::text::Kept;
use crate::warrant::Head;
use jiff::Timestamp;
use line::{Decoded, decode, encode};
use std::marker::PhantomData;
use std::sync::Arc;

pub use crate::store::Synced;

/// The version of the format that this build writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// The writing end of one run. There is one a run: the store holds its lock.
pub struct Journal<S: Store> {
    store: S,
    run: RunId,
    last: Place,
    prev: Digest,
    dirty: bool,
    poisoned: bool,
    redactor: Redactor,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
}

/// Somebody who is shown every event once it is written: a screen, a metric. It decides nothing.
pub trait Observer: Send + Sync {
    /// Sees an entry of `run`. It must not block.
    fn saw(&self, run: &RunId, entry: &Entry);
}

/// Proof that an event is in a journal over the store `S`, synced. Only a journal makes one, and it
/// cannot be copied: what is done about an event is done once. A grant's receipt holds the grant.
#[derive(Debug)]
pub struct Receipt<S> {
    place: Place,
    grant: Option<Grant>,
    store: PhantomData<fn() -> S>,
}

/// One line, read back and found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// A journal, read back and found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Whose it is.
    pub run: RunId,
    /// Every event, oldest first.
    pub entries: Vec<Entry>,
    /// The sum of each line.
    pub sums: Vec<Digest>,
    /// The sum of the last line: the head of the chain.
    pub head: Digest,
    /// How many bytes are whole.
    pub bytes: u64,
    /// How many bytes after them are a torn write: nothing valid follows, and nobody acted on it.
    pub torn: u64,
}

impl<S: Store> Journal<S> {
    /// Begins the journal of a new run over an empty `store`.
    pub fn begin(store: S, run: RunId, redactor: Redactor, clock: Arc<dyn Clock>) -> Journal<S> {
        Journal { store, run, last: Place { n: 0, epoch: 1 }, prev: Digest::zero(), dirty: false, poisoned: false, redactor, clock, observer: None }
    }

    /// Goes on with `log`, which `store` holds, in a new epoch.
    pub fn resume(store: S, log: &Log, redactor: Redactor, clock: Arc<dyn Clock>) -> Journal<S> {
        let last = log.entries.last().map(|entry| entry.place).unwrap_or_default();
        let last = Place { n: last.n, epoch: last.epoch + 1 };
        Journal { store, run: log.run.clone(), last, prev: log.head.clone(), dirty: false, poisoned: false, redactor, clock, observer: None }
    }

    /// Shows every entry from here on to `observer`.
    #[must_use]
    pub fn observed(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Returns whose journal this is.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Returns the time, as this journal stamps it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the store beneath.
    pub(crate) fn store(&mut self) -> &mut S {
        &mut self.store
    }

    /// Folds `events` into `run` and writes them, in one piece. They are on disk after the next
    /// [`Journal::barrier`]. An illegal event is not written.
    ///
    /// # Errors
    /// An illegal event, or a store that failed. After either nothing is written any more.
    pub async fn record(&mut self, run: &mut Run, events: Vec<Event>) -> Result<(), JournalError> {
        self.healthy()?;
        self.poisoned = true; // until all of it went well
        let (mut lines, mut state, mut place, mut prev) = (String::new(), std::mem::take(run), self.last, self.prev.clone());
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            let event = self.redacted(event)?;
            place.n += 1;
            state = state.apply(&self.run, place, &event)?;
            let at = self.clock.now();
            prev = encode(&mut lines, &self.run, place, at, &event, &prev)?;
            entries.push(Entry { place, at, event });
        }
        self.dirty = true;
        self.store.append(&lines).await?;
        (*run, self.last, self.prev, self.poisoned) = (state, place, prev, false);
        for entry in &entries {
            tracing::info!(run = %self.run, n = entry.place.n, kind = entry.event.kind(), "recorded");
            self.observer.iter().for_each(|observer| observer.saw(&self.run, entry));
        }
        Ok(())
    }

    /// Waits until everything recorded so far is on disk.
    ///
    /// # Errors
    /// The sync failed: the journal is poisoned, since nobody knows what is on disk; start again.
    pub async fn barrier(&mut self) -> Result<(), JournalError> {
        self.healthy()?;
        if self.dirty {
            self.sync().await?;
        }
        Ok(())
    }

    /// Records one event, waits until it is on disk, and returns the proof.
    ///
    /// # Errors
    /// As [`Journal::record`] and [`Journal::barrier`].
    pub async fn record_synced(&mut self, run: &mut Run, event: Event) -> Result<Receipt<S>, JournalError> {
        self.record(run, vec![event]).await?;
        self.sync().await?;
        Ok(Receipt { place: self.last, grant: run.granted(self.last, self.head()), store: PhantomData })
    }

    /// Returns where the journal stands: its last line.
    pub fn head(&self) -> Head {
        Head { n: self.last.n, sum: self.prev.clone() }
    }

    /// Returns the life that writes it.
    pub fn epoch(&self) -> u32 {
        self.last.epoch
    }

    /// Keeps a text with the run: inline while it is small, else as a blob that is on disk when this
    /// returns. Known secrets are taken out first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn keep(&mut self, text: &str) -> Result<Kept, JournalError> {
        let text = self.redactor.text(text);
        if text.len() <= INLINE_BYTES_MAX {
            return Ok(Kept::Inline(text));
        }
        let blob = Digest::blake3(text.as_bytes());
        self.store.keep(&blob, text.as_bytes()).await?;
        Ok(Kept::Blob { blob, bytes: text.len() as u64 })
    }

    /// Returns a kept text.
    ///
    /// # Errors
    /// The blob is missing, or is not what its name says.
    pub fn text(&self, kept: &Kept) -> Result<String, JournalError> {
        match kept {
            Kept::Inline(text) => Ok(text.clone()),
            Kept::Blob { blob, .. } => {
                let bytes = self.store.blob(blob)?;
                let whole = Digest::blake3(&bytes) == *blob;
                String::from_utf8(bytes).ok().filter(|_| whole).ok_or_else(|| JournalError::Blob(blob.clone()))
            }
        }
    }

    /// Takes known secrets out of a text that is about to leave for a prompt or a screen.
    pub fn redact(&self, text: &str) -> String {
        self.redactor.text(text)
    }

    /// Gives the journal up and returns the store beneath.
    pub fn into_store(self) -> S {
        self.store
    }

    async fn sync(&mut self) -> Result<(), JournalError> {
        self.poisoned = true; // a failed sync is never tried again: the pages may be gone
        self.store.sync().await?;
        (self.poisoned, self.dirty) = (false, false);
        Ok(())
    }

    fn healthy(&self) -> Result<(), JournalError> {
        if self.poisoned { Err(JournalError::Poisoned) } else { Ok(()) }
    }

    fn redacted(&self, event: Event) -> Result<Event, JournalError> {
        // A signed word stays as it was signed, or nobody could verify it.
        if event.signed().is_some() || !self.redactor.suspects(&serde_json::to_string(&event).map_err(JournalError::Form)?) {
            return Ok(event);
        }
        let value = serde_json::to_value(&event).map_err(JournalError::Form)?;
        serde_json::from_value(self.redactor.value(value)).map_err(JournalError::Form)
    }
}

impl<S> Receipt<S> {
    /// Returns where its event stands.
    pub fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn grant(self) -> Option<Grant> {
        self.grant
    }
}

impl Log {
    /// Reads a journal and checks every line: form, number, run, epoch, chain and sum. A torn end
    /// is counted, not read: a write that never ended has no line feed.
    ///
    /// # Errors
    /// Damage, another run's lines, a newer format, an empty journal: each with its line.
    pub fn read(bytes: &[u8]) -> Result<Log, JournalError> {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let torn = (bytes.len() - whole) as u64;
        let mut log: Option<Log> = None;
        for (at, line) in bytes[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
            let damaged = |why: String| JournalError::Damaged { line: at + 1, why };
            let line = std::str::from_utf8(&line[..line.len() - 1]).map_err(|_| damaged("it is no text".into()))?;
            let (run, prev, epoch, n) = match &log {
                None => (None, Digest::zero(), 1, 1),
                Some(log) => {
                    let last = log.entries.last().map(|entry| entry.place).unwrap_or_default();
                    (Some(&log.run), log.head.clone(), last.epoch, last.n + 1)
                }
            };
            let Decoded { entry, run: whose, sum } = decode(line, &prev).map_err(|error| error.at(at + 1))?;
            if entry.place.epoch == u32::MAX || entry.place.n == u64::MAX {
                return Err(damaged("its number or epoch is the last there can be".into()));
            }
            if run.is_some_and(|run| *run != whose) {
                return Err(damaged(format!("it belongs to run {whose}")));
            }
            if entry.place.n != n || entry.place.epoch < epoch {
                return Err(damaged(format!("it has number {} and epoch {}, expected {n} and at least {epoch}", entry.place.n, entry.place.epoch)));
            }
            let log = log.get_or_insert_with(|| Log { run: whose, entries: Vec::new(), sums: Vec::new(), head: prev, bytes: 0, torn });
            log.entries.push(entry);
            log.sums.push(sum.clone());
            log.head = sum;
            log.bytes = whole as u64;
        }
        log.ok_or(JournalError::Empty)
    }

    /// Returns the sum of line `n`, from 1.
    pub fn sum_of(&self, n: u64) -> Option<&Digest> {
        self.sums.get(usize::try_from(n).ok()?.checked_sub(1)?)
    }

    /// Folds the whole journal.
    ///
    /// # Errors
    /// An event that cannot follow the ones before it.
    pub fn fold(&self) -> Result<Run, IllegalEvent> {
        Run::replay(&self.run, self.entries.iter().map(|entry| (entry.place, &entry.event)))
    }
}

/// The journal cannot be read, or written any further.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Nothing in it.
    #[error("the journal is empty: the run never began; delete its folder")]
    Empty,
    /// A line that is not as it was written.
    #[error("the journal is damaged at line {line}: {why}; nothing was changed; restore the file from a copy, or begin a new run")]
    Damaged {
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A format of the future.
    #[error("the journal has format {version} at line {line}, this version reads up to {VERSION}: use the newer studio that wrote it")]
    Newer {
        /// Which line, from 1.
        line: usize,
        /// Its format.
        version: u64,
    },
    /// An event that cannot follow.
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A write or sync failed before.
    #[error("the journal is closed, since a write to it failed: start again, the run goes on from what is on disk")]
    Poisoned,
    /// A blob that is not what its name says.
    #[error("the blob {0} of the run is damaged or no text")]
    Blob(Digest),
    /// An event too large for a line.
    #[error("an event has {0} bytes; at most {LINE_BYTES_MAX} are written")]
    Long(usize),
    /// An event that cannot be written as JSON.
    #[error("an event cannot be written: {0}")]
    Form(#[source] serde_json::Error),
}

impl JournalError {
    fn at(self, number: usize) -> JournalError {
        match self {
            JournalError::Damaged { why, .. } => JournalError::Damaged { line: number, why },
            JournalError::Newer { version, .. } => JournalError::Newer { line: number, version },
            JournalError::Empty
            | JournalError::Illegal(_)
            | JournalError::Store(_)
            | JournalError::Poisoned
            | JournalError::Blob(_)
            | JournalError::Long(_)
            | JournalError::Form(_) => self,
        }
    }
}
