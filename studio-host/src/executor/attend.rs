//! Waiting for a claimed command: no longer than it may take, and no more output than may be.

use crate::claim::look::Finished;
use crate::claim::process::Moment;
use crate::claim::{ClaimStore, Look, Stream};
use rustix::fs::{FallocateFlags, fallocate};
use std::collections::BTreeSet;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::time::Duration;
use studio_core::clock::SystemClock;
use studio_core::limits::{KILL_GRACE_SECONDS, OUTPUT_BYTES_MAX, OUTPUT_WATCH_BYTES_MAX, OUTPUT_WATCH_MS, REST_GRACE_MS};
use studio_core::name::StoreId;
use studio_core::step::Op;

/// Times a tree of processes is killed before it is left: what is being born escapes one call.
const KILLS_MAX: u32 = 20;

/// A command that was begun, by this process or another one, in this life or an earlier one.
pub(super) struct Watch<'a> {
    /// Where it is claimed.
    pub(super) store: &'a ClaimStore,
    /// Which store that must be.
    pub(super) granted: &'a StoreId,
    /// The command.
    pub(super) op: &'a Op,
    /// How long it may take.
    pub(super) seconds: u32,
    /// Whether it is killed after that, with all it started.
    pub(super) killable: bool,
}

/// What became of a command.
pub(super) enum Landing {
    /// It ended.
    Ended {
        /// How.
        finished: Finished,
        /// What ended it, if it was not itself, and what else is not as it should be.
        notes: Vec<String>,
        /// Whether processes of it still run.
        remains: bool,
    },
    /// It never began.
    NeverBegan,
    /// It never will.
    Never(String),
    /// It runs longer than it may, and may not be killed.
    Overdue(String),
    /// Nobody can say.
    Lost(String),
}

impl Watch<'_> {
    /// Waits for its end, or until somebody else must decide.
    pub(super) fn attend(&self) -> Landing {
        let mut notes = BTreeSet::new();
        loop {
            let landed = match self.look(Duration::from_millis(OUTPUT_WATCH_MS)) {
                Look::Ended(finished) => return ended(finished, notes, false),
                Look::Tombstone(why) => return Landing::Never(why),
                Look::Unknown(why) => return Landing::Lost(why),
                Look::NeverBegan => return Landing::NeverBegan,
                Look::Running { .. } | Look::Orphan => self.runs(&mut notes),
            };
            if let Some(landed) = landed {
                return landed;
            }
        }
    }

    /// Sees to a command of which something still runs.
    fn runs(&self, notes: &mut BTreeSet<String>) -> Option<Landing> {
        if let Some(finished) = self.store.finished(self.op) {
            return Some(self.rest(finished, notes));
        }
        if self.killable && self.store.is_cancelled(&self.op.run).unwrap_or(false) {
            notes.insert("it was killed, since its run is cancelled".into());
            return Some(self.kill(notes));
        }
        let (late, large) = (self.is_late(), self.is_large());
        let why = match (large, late, self.killable) {
            (true, _, true) => format!("when its output grew over {OUTPUT_WATCH_BYTES_MAX} bytes"),
            (_, true, true) => format!("after {} seconds, its time limit", self.seconds),
            (_, true, false) => {
                let seconds = self.seconds;
                return Some(Landing::Overdue(format!("still running after {seconds} seconds, {}; it was left running", self.processes())));
            }
            (true, false, false) => {
                let full = |error| format!("its output fills the disk, and what nobody keeps of it cannot be freed: {error}");
                notes.extend(self.free().err().map(full));
                return None;
            }
            (false, false, _) => return None,
        };
        notes.insert(format!("it was killed {why}"));
        Some(self.kill(notes))
    }

    /// Its command ended, and something of it holds on: it gets a moment, then what may be killed is.
    fn rest(&self, finished: Finished, notes: &mut BTreeSet<String>) -> Landing {
        let grace = Duration::from_millis(REST_GRACE_MS);
        if let Look::Ended(finished) = self.look(grace) {
            return ended(finished, std::mem::take(notes), false);
        }
        if self.killable {
            return self.kill(notes);
        }
        notes.insert(format!("processes of it still run ({})", self.processes()));
        ended(finished, std::mem::take(notes), true)
    }

    /// Ends all of it, politely at first.
    fn kill(&self, notes: &mut BTreeSet<String>) -> Landing {
        let mut wait = Duration::from_secs(KILL_GRACE_SECONDS);
        for again in 0..KILLS_MAX {
            // Whoever ends meanwhile is seen by what comes of it.
            let _told = self.store.stop(self.op, again > 0);
            match self.look(wait) {
                Look::Ended(finished) => return ended(finished, std::mem::take(notes), false),
                Look::Tombstone(why) => return Landing::Never(why),
                Look::Unknown(why) => return Landing::Lost(why),
                Look::NeverBegan => return Landing::NeverBegan,
                Look::Running { .. } | Look::Orphan => wait = Duration::from_millis(REST_GRACE_MS),
            }
        }
        let killed = std::mem::take(notes).into_iter().collect::<Vec<_>>().join("; ");
        Landing::Overdue(format!("{killed}, and does not end: {}", self.processes()))
    }

    fn look(&self, limit: Duration) -> Look {
        let failed = |error| Look::Unknown(format!("it cannot be waited for: {error}"));
        self.store.wait(self.op, self.granted, limit).unwrap_or_else(failed)
    }

    /// Says whether it has run for longer than it may. A clock that is set changes nothing.
    fn is_late(&self) -> bool {
        let age = || Some(self.store.begun(self.op)?.shim.age_ms(&Moment::now(&SystemClock).ok()?));
        age().is_none_or(|age| age >= u64::from(self.seconds) * 1000)
    }

    fn is_large(&self) -> bool {
        Stream::ALL.iter().any(|stream| {
            let seen = std::fs::symlink_metadata(self.store.stream(self.op, *stream));
            seen.is_ok_and(|seen| seen.is_file() && seen.len().max(room(&seen)) > OUTPUT_WATCH_BYTES_MAX)
        })
    }

    /// Frees what nobody keeps of its output.
    fn free(&self) -> io::Result<()> {
        Stream::ALL.iter().try_for_each(|stream| {
            let path = self.store.stream(self.op, *stream);
            free(&OpenOptions::new().write(true).custom_flags(nix::libc::O_NOFOLLOW).open(path)?, OUTPUT_BYTES_MAX as u64 + 1)
        })
    }

    /// Names its processes.
    fn processes(&self) -> String {
        let tree = self.store.tree(self.op).unwrap_or_default();
        let pids = tree.iter().map(|process| process.pid.to_string()).collect::<Vec<_>>().join(", ");
        if pids.is_empty() { "as processes that nobody can name".into() } else { format!("as process {pids}") }
    }
}

fn ended(finished: Finished, notes: BTreeSet<String>, remains: bool) -> Landing {
    let mut notes: Vec<String> = notes.into_iter().collect();
    if let (true, Some(signal)) = (notes.is_empty(), finished.ended.signal) {
        notes.push(format!("it was ended by signal {signal}{}", name(signal)));
    }
    Landing::Ended { finished, notes, remains }
}

/// Gives the room back that a file takes behind its first bytes. Its writers see none of it.
fn free(file: &File, kept: u64) -> io::Result<()> {
    let seen = file.metadata()?;
    let room = room(&seen);
    if room <= kept.saturating_mul(2) {
        return Ok(()); // it was given back before
    }
    let behind = seen.len().max(room).saturating_sub(kept);
    Ok(fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, kept, behind)?)
}

fn room(seen: &Metadata) -> u64 {
    seen.blocks().saturating_mul(512)
}

/// Returns the name of the signals that people ask about.
fn name(signal: i32) -> &'static str {
    match signal {
        2 => " (interrupt)",
        6 => " (abort)",
        9 => " (kill)",
        11 => " (segmentation fault)",
        15 => " (terminate)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn what_nobody_keeps_of_a_file_takes_no_room() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![b'x'; 1 << 20], 0).unwrap();
        free(&file, 10_000).unwrap();
        let seen = file.metadata().unwrap();
        assert!(seen.len() == 1 << 20 && room(&seen) <= 16 * 1024, "{seen:?}");
        let mut bytes = vec![0; 10_001];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert!(bytes.starts_with(&[b'x'; 10_000]) && bytes.ends_with(b"x\0"));
    }
}
