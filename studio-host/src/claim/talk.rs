//! What an Executor, a shim and its second stage say to each other: one JSON value a line, over one socket.

use super::process::Expiry;
use super::shim::Task;
use super::spawn::Entry;
use super::store::StoreId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;
use studio_core::limits::CLAIM_ORDER_BYTES_MAX;
use studio_core::step::Op;

/// One end of a conversation.
pub(super) struct Talk {
    socket: BufReader<UnixStream>,
}

/// The first line that a process of ours is told.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Order {
    /// Say whether that file's lock is held, and again when told to go on.
    Probe(PathBuf),
    /// Stand ready to claim an op and have it run: what to claim is the next line.
    Ready(Box<ReadyOrder>),
    /// Stand ready to run it: [`Cue`]s follow.
    Stage,
}

/// What a shim is told first.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadyOrder {
    /// Where the store is.
    pub(super) dir: PathBuf,
    /// Which store that must be.
    pub(super) store: StoreId,
    /// How to start the second stage.
    pub(super) entry: Entry,
}

/// What a second stage runs, once the claim stands.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunOrder {
    /// The folder of claims.
    pub(super) folder: PathBuf,
    /// What is being claimed.
    pub(super) op: Op,
    /// When it is too late.
    pub(super) expires: Option<Expiry>,
    /// Device and inode of the claim.
    pub(super) file: (u64, u64),
    /// The name it has before it is linked.
    pub(super) draft: PathBuf,
    /// The command.
    pub(super) task: Task,
}

/// What a shim tells its second stage.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Cue {
    /// This is claimed, and will be run.
    Run(Box<RunOrder>),
    /// The claim stands.
    Go,
    /// It does not, or the shim gave it up itself.
    Stop,
}

impl Talk {
    /// Returns the end that is this process's standard input.
    pub(super) fn stdin() -> io::Result<Talk> {
        Ok(Talk::over(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?)))
    }

    /// Returns the end that is `socket`.
    pub(super) fn over(socket: UnixStream) -> Talk {
        Talk { socket: BufReader::new(socket) }
    }

    /// Returns the number of its descriptor.
    pub(super) fn socket(&self) -> i32 {
        self.socket.get_ref().as_raw_fd()
    }

    /// Sends a line.
    pub(super) fn say<T: Serialize>(&mut self, said: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(said)?;
        line.push(b'\n');
        self.socket.get_mut().write_all(&line)
    }

    /// Waits for a line; none if nobody speaks any more.
    pub(super) fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        (&mut self.socket).take(CLAIM_ORDER_BYTES_MAX).read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\n") {
            Some(line) => Ok(Some(serde_json::from_slice(line)?)),
            None if line.is_empty() => Ok(None),
            None => Err(io::Error::other("a line was cut off, or is too long")),
        }
    }

    /// Waits no longer than that for any line from now on.
    pub(super) fn limit(&self, wait: Duration) -> io::Result<()> {
        self.socket.get_ref().set_read_timeout(Some(wait))
    }
}
