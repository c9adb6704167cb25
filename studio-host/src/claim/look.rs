//! What became of an op, read from its claim, its lock and its exit record without touching any of them.

use super::ClaimError;
use super::lock;
use super::process::{Process, boot};
use super::record::{self, Begun, Claim, Ended, Exit, Output, decode};
use super::stage::digest;
use super::store::{ClaimStore, StoreId, pause};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use studio_core::limits::CLAIM_POLL_MS;
use studio_core::step::Op;

/// What became of an op.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// No claim, in the store that was meant: start it, as the same op.
    NeverBegan,
    /// It may have run, and nobody can say.
    Unknown(String),
    /// It runs, and a shim of ours waits for it.
    Running {
        /// A process of that shim.
        pid: i32,
    },
    /// Something of it runs, and nobody waits for it.
    Orphan,
    /// It ended, and all that came of it.
    Ended(Finished),
    /// It never ran and never will, for that reason.
    Tombstone(String),
}

/// How a command ended, and where what it wrote is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The record.
    pub ended: Ended,
    /// Its standard output.
    pub out: PathBuf,
    /// Its standard error.
    pub err: PathBuf,
}

/// One of the two streams of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What was found of an op, lock before exit record: whoever lets go of the lock wrote the record before.
pub(super) struct Evidence {
    /// Its claim: none, or what its bytes say.
    pub(super) claim: Option<Result<Claim, String>>,
    /// Whether the claim's lock is held.
    pub(super) held: bool,
    /// Its exit record.
    pub(super) exit: Option<Result<Exit, String>>,
    /// Whether files of its output are there.
    pub(super) output: bool,
    /// Why the store is not the one that was meant.
    pub(super) store: Result<(), String>,
}

/// What the evidence says.
pub(super) enum Finding {
    /// No claim.
    NeverBegan,
    /// Nobody can say.
    Unknown(String),
    /// The lock is held: by these, if the claim can be read.
    Held(Option<Begun>),
    /// It ended.
    Ended(Ended),
    /// It never ran.
    Tombstone(String),
}

impl Stream {
    /// Both.
    pub const ALL: [Stream; 2] = [Stream::Out, Stream::Err];

    /// How its file ends.
    pub(super) fn name(self) -> &'static str {
        match self {
            Stream::Out => "out",
            Stream::Err => "err",
        }
    }
}

impl Finished {
    /// Returns the first `bytes_max` bytes of a stream, and how many there are, after all that was recorded of it
    /// was found to be as it was. What the command had started may have written more since it ended.
    ///
    /// # Errors
    /// It is gone or was changed since; how the command ended stands all the same.
    pub fn read(&self, stream: Stream, bytes_max: u64) -> io::Result<(Vec<u8>, u64)> {
        let (path, expected) = match stream {
            Stream::Out => (&self.out, &self.ended.out),
            Stream::Err => (&self.err, &self.ended.err),
        };
        let (mut kept, mut rest) = (Vec::new(), record::open(path)?.ok_or(io::ErrorKind::NotFound)?);
        (&mut rest).take(expected.bytes.min(bytes_max)).read_to_end(&mut kept)?;
        // The part that is handed out is the part that is checked, read once.
        let left = expected.bytes.saturating_sub(kept.len() as u64);
        let seen: Output = digest(&mut kept.as_slice().chain((&mut rest).take(left)), u64::MAX)?;
        if seen != *expected {
            return Err(io::Error::other("it was changed since its command ended"));
        }
        let (whole, room) = (rest.metadata()?.len(), bytes_max.saturating_sub(kept.len() as u64));
        if left == 0 {
            rest.take(room).read_to_end(&mut kept)?;
        }
        Ok((kept, whole.max(expected.bytes)))
    }
}

impl ClaimStore {
    /// Says what became of an op that was granted for the store `granted`. It changes nothing and waits for
    /// nobody.
    pub fn look(&self, op: &Op, granted: &StoreId) -> Look {
        let seen = self.look_once(op, granted);
        // Its shim may have ended between a look at the lock and one at the process: then the lock is free now.
        if seen == Look::Orphan { self.look_once(op, granted) } else { seen }
    }

    /// The same, but waits until it no longer runs, or that long.
    ///
    /// # Errors
    /// The machine cannot be asked about its processes.
    pub fn wait(&self, op: &Op, granted: &StoreId, limit: Duration) -> Result<Look, ClaimError> {
        let until = Instant::now() + limit;
        loop {
            let seen = self.look(op, granted);
            let left = until.saturating_duration_since(Instant::now());
            let pid = match seen {
                Look::Running { pid } if !left.is_zero() => Some(pid),
                Look::Orphan if !left.is_zero() => None,
                Look::Running { .. } | Look::Orphan | Look::NeverBegan | Look::Unknown(_) | Look::Ended(_) | Look::Tombstone(_) => return Ok(seen),
            };
            let tick = left.min(Duration::from_millis(CLAIM_POLL_MS));
            let waited = match pid.and_then(Process::of).and_then(|process| process.watch()) {
                Some(process) => {
                    let left = Timespec::try_from(left).map_err(io::Error::other);
                    left.and_then(|left| match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) {
                        // Its other half, or what the command left behind, may hold on for a little.
                        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
                        Err(error) => Err(error.into()),
                    })
                }
                None => pause(tick),
            };
            waited.map_err(|source| ClaimError::Disk { act: "wait for", path: self.names(op).claim(), source })?;
        }
    }

    /// Returns how a command ended, also while something of it still runs: none if nothing recorded that.
    pub fn finished(&self, op: &Op) -> Option<Finished> {
        let names = self.names(op);
        let file = record::open(&names.exit()).ok()??;
        match decode(&record::bytes(&file).ok()?, names.op()).ok()? {
            Exit::Ended(ended) => Some(Finished { ended, out: names.stream(Stream::Out), err: names.stream(Stream::Err) }),
            Exit::Never(_) => None,
        }
    }

    /// Returns who began an op, if its claim can be read.
    pub fn begun(&self, op: &Op) -> Option<Begun> {
        let names = self.names(op);
        let file = record::open(&names.claim()).ok()??;
        match decode(&record::bytes(&file).ok()?, names.op()).ok()? {
            Claim::Begun(begun) => Some(begun),
            Claim::Tombstone(_) => None,
        }
    }

    /// Returns where a command writes, or wrote.
    pub fn stream(&self, op: &Op, stream: Stream) -> PathBuf {
        self.names(op).stream(stream)
    }

    fn look_once(&self, op: &Op, granted: &StoreId) -> Look {
        let evidence = match self.gather(op, granted) {
            Ok(evidence) => evidence,
            Err(error) => return Look::Unknown(format!("its claim cannot be looked at: {error}")),
        };
        let names = self.names(op);
        match judge(evidence) {
            Finding::NeverBegan => Look::NeverBegan,
            Finding::Unknown(why) => Look::Unknown(why),
            Finding::Held(begun) => begun.and_then(|begun| alive(&begun)).map_or(Look::Orphan, |pid| Look::Running { pid }),
            Finding::Ended(ended) => Look::Ended(Finished { ended, out: names.stream(Stream::Out), err: names.stream(Stream::Err) }),
            Finding::Tombstone(why) => Look::Tombstone(why),
        }
    }

    fn gather(&self, op: &Op, granted: &StoreId) -> io::Result<Evidence> {
        let names = self.names(op);
        let claim = record::open(&names.claim())?;
        let held = claim.as_ref().map_or(Ok(false), lock::held)?;
        let read = |file: &std::fs::File| record::bytes(file).map_err(|error| error.to_string());
        let exit = record::open(&names.exit())?;
        Ok(Evidence {
            claim: claim.map(|file| read(&file).and_then(|bytes| decode(&bytes, names.op()).map_err(|error| error.to_string()))),
            held,
            exit: exit.map(|file| read(&file).and_then(|bytes| decode(&bytes, names.op()).map_err(|error| error.to_string()))),
            output: Stream::ALL.iter().any(|stream| names.stream(*stream).exists()),
            // Asked last: what a store does not hold proves something only if it is still that store. A
            // store whose folder of claims is gone holds no claim, and proves nothing.
            store: self
                .answers(granted)
                .map_err(|error| error.to_string())
                .and_then(|()| if names.folder().is_dir() { Ok(()) } else { Err(format!("{:?} is gone", names.folder())) }),
        })
    }
}

/// Says what the evidence means.
pub(super) fn judge(evidence: Evidence) -> Finding {
    if let Err(why) = evidence.store {
        return Finding::Unknown(why);
    }
    let claim = match evidence.claim {
        None if evidence.exit.is_some() => return Finding::Unknown("its claim is gone, but how it ended is there".into()),
        None if evidence.output => return Finding::Unknown("its claim is gone, but what it wrote is there".into()),
        None => return Finding::NeverBegan,
        Some(Ok(Claim::Tombstone(tombstone))) => return Finding::Tombstone(tombstone.why),
        Some(claim) => claim,
    };
    if evidence.held {
        return Finding::Held(match claim {
            Ok(Claim::Begun(begun)) => Some(begun),
            Ok(Claim::Tombstone(_)) | Err(_) => None,
        });
    }
    if let Err(why) = claim {
        return Finding::Unknown(format!("its claim cannot be believed: {why}"));
    }
    match evidence.exit {
        Some(Ok(Exit::Ended(ended))) => Finding::Ended(ended),
        Some(Ok(Exit::Never(tombstone))) => Finding::Tombstone(tombstone.why),
        Some(Err(why)) => Finding::Unknown(format!("it ended, but its record cannot be believed: {why}")),
        None => Finding::Unknown("it was begun, and nothing recorded how it ended: this machine or its shim died".into()),
    }
}

/// Returns a process that waits for it, if one lives.
fn alive(begun: &Begun) -> Option<i32> {
    let here = boot().is_ok_and(|boot| boot == begun.boot);
    [begun.shim, begun.second].into_iter().find(|process| here && process.lives()).map(|process| process.pid)
}
