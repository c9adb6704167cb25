//! The second stage of a shim: it narrows what a process may do, starts the command, waits for it, and
//! writes how it ended.

use super::disk::OsDisk;
use super::ledger::{self, Names};
use super::look::Stream;
use super::process::{Expiry, Moment, nonce};
use super::record::{Ended, Exit, Output, encode};
use super::shim::{Task, detach, never};
use super::spawn;
use super::talk::{Cue, RunOrder, Talk};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, Resource, Rlimit, WaitId, WaitIdOptions, getrlimit, setrlimit, waitid};
use rustix::thread::set_no_new_privs;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::process::Child;
use studio_core::clock::{Clock, SystemClock};
use studio_core::limits::OPEN_FILES_MAX;
use studio_core::name::Digest;
use studio_core::step::Op;

/// Bytes that are hashed at once.
const HASHED_BYTES: usize = 64 * 1024;

/// Waits for what to run and for its claim to stand, then runs it and records its end.
pub(super) fn run(shim: &mut Talk) -> io::Result<()> {
    narrow()?;
    let Some(Cue::Run(order)) = shim.hear()? else { return Ok(()) };
    let names = Names::of(&order.folder, &order.op);
    match shim.hear() {
        Ok(Some(Cue::Go)) => begin(&order.op, order.expires.as_ref(), &order.task, &names),
        Ok(Some(Cue::Stop | Cue::Run(_))) => Ok(()),
        // The shim is gone: if its claim stands, this is all that is left of it.
        Ok(None) | Err(_) if stands(&order, &names) => {
            ledger::settle(&OsDisk, &names, &order.draft)?;
            begin(&order.op, order.expires.as_ref(), &order.task, &names)
        }
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Begins what its second stage did not live to begin, in the shim itself. The claim must be on disk, and nothing of it
/// begun; what the command inherits is up to the caller.
pub(super) fn stand_in(op: &Op, expires: Option<&Expiry>, task: &Task, names: &Names) -> io::Result<()> {
    confine()?;
    begin(op, expires, task, names)
}

/// Records how a command ended, after what it wrote is on disk.
pub(super) fn finish(names: &Names, op: &Op, exit: Option<i32>, signal: Option<i32>) -> io::Result<()> {
    let (out, err) = (output(names, Stream::Out)?, output(names, Stream::Err)?);
    let ended = Exit::Ended(Ended { op: op.clone(), exit, signal, at: SystemClock.now(), out, err });
    ledger::close(&OsDisk, names, &nonce()?, &encode(&ended).map_err(io::Error::other)?)
}

fn begin(op: &Op, expires: Option<&Expiry>, task: &Task, names: &Names) -> io::Result<()> {
    if let Some(expiry) = expires
        && expiry.is_over(&Moment::now(&SystemClock)?)
    {
        return never(names, op, &format!("expired: it was to begin before {}", expiry.wall));
    }
    let started = append(names, Stream::Out).and_then(|out| spawn::task(task, out, append(names, Stream::Err)?));
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return never(names, op, &format!("{:?} could not be started: {error}", task.program)),
    };
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let (exit, signal) = wait(pid)?;
    finish(names, op, exit, signal)?;
    reap(&mut child)
}

/// Waits for the command, but leaves it to be waited for again: should this process die now, the shim can.
fn wait(pid: i32) -> io::Result<(Option<i32>, Option<i32>)> {
    let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("the command has no process number"))?;
    let status = retry_on_intr(|| waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT))?;
    let status = status.ok_or_else(|| io::Error::other("the command cannot be waited for"))?;
    Ok((status.exit_status(), status.terminating_signal()))
}

fn reap(child: &mut Child) -> io::Result<()> {
    child.wait().map(drop)
}

/// A session of its own, and what [`confine`] takes away.
fn narrow() -> io::Result<()> {
    detach()?;
    confine()
}

/// No memory image, bounded descriptors, and no way to more rights than these.
fn confine() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let most = getrlimit(Resource::Nofile).maximum;
    let files = most.map_or(OPEN_FILES_MAX, |most| most.min(OPEN_FILES_MAX));
    setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum: most })?;
    set_no_new_privs(true)?;
    Ok(())
}

/// Says whether the claim that stands is the one whose lock was inherited.
fn stands(order: &RunOrder, names: &Names) -> bool {
    fs::symlink_metadata(names.claim()).is_ok_and(|seen| (seen.dev(), seen.ino()) == order.file)
}

fn append(names: &Names, stream: Stream) -> io::Result<File> {
    OpenOptions::new().append(true).custom_flags(nix::libc::O_NOFOLLOW).open(names.stream(stream))
}

/// Brings a stream to disk and returns what it holds now.
fn output(names: &Names, stream: Stream) -> io::Result<Output> {
    let mut file = File::open(names.stream(stream))?;
    // The name of an empty one is on disk since the claim is.
    if file.metadata()?.len() > 0 {
        file.sync_all()?;
    }
    digest(&mut file, u64::MAX)
}

/// Returns length and hash of the first `bytes_max` bytes.
pub(super) fn digest(file: &mut impl Read, bytes_max: u64) -> io::Result<Output> {
    let (mut hash, mut bytes, mut file) = (Sha256::new(), 0, file.take(bytes_max));
    let mut buffer = vec![0; HASHED_BYTES];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(buffer.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
    let text: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Output { bytes, sha256: Digest::try_from(text).map_err(io::Error::other)? })
}
