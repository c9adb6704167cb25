//! Starting one process and waiting for it, no longer than it may take.

use super::group::remains;
use duct::Handle;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use studio_core::limits::{KILL_GRACE_SECONDS, OUTPUT_WATCH_BYTES_MAX, OUTPUT_WATCH_MS};

/// A process to start. It inherits nothing but what stands here.
pub(super) struct Launch<'a> {
    /// The file to run.
    pub(super) program: &'a Path,
    /// Its arguments.
    pub(super) args: Vec<&'a str>,
    /// Where it runs.
    pub(super) folder: &'a Path,
    /// Its whole environment.
    pub(super) env: &'a BTreeMap<String, OsString>,
    /// How long it may take.
    pub(super) seconds: u32,
    /// Whether it is killed after that, with all it started.
    pub(super) killable: bool,
    /// Is told its process group, right after it was started.
    pub(super) begun: &'a dyn Fn(i32),
    /// How many bytes of each stream are read back.
    pub(super) bytes_max: usize,
}

/// What became of a process.
pub(super) enum Flight {
    /// It ended.
    Landed {
        /// Its exit status; none if a signal ended it.
        exit: Option<i32>,
        /// What ended it, if it was not itself, and what else is not as it should be.
        notes: Vec<String>,
        /// Whether processes of it still run.
        remains: bool,
        /// What it wrote to standard output.
        stdout: Stream,
        /// What it wrote to standard error.
        stderr: Stream,
    },
    /// It runs still, or nobody can say.
    Left(String),
}

/// The beginning of what a process wrote.
pub(super) struct Stream {
    /// Its first bytes.
    pub(super) bytes: Vec<u8>,
    /// How many there are.
    pub(super) whole: u64,
}

/// Runs a process in a group of its own, with its output in files that have no name.
///
/// # Errors
/// It could not be started; nothing ran.
pub(super) fn launch(order: &Launch<'_>) -> io::Result<Flight> {
    let (out, err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    #[expect(clippy::disallowed_methods, reason = "the one place where a step begins, after it was judged again")]
    let command = duct::cmd(order.program, &order.args);
    let command = command
        .dir(order.folder)
        .full_env(order.env)
        .stdin_null()
        .stdout_file(out.try_clone()?)
        .stderr_file(err.try_clone()?)
        .unchecked()
        .before_spawn(|process| {
            process.process_group(0);
            Ok(())
        });
    let handle = command.start()?;
    drop(command); // it holds the files too
    let group = handle.pids().first().and_then(|pid| i32::try_from(*pid).ok()).and_then(Pid::from_raw);
    let Launch { seconds, killable, bytes_max, .. } = *order;
    let running = Running { handle, group, streams: [out, err], seconds, killable, bytes_max };
    (order.begun)(running.shown());
    Ok(running.land().unwrap_or_else(|why| {
        running.leave();
        Flight::Left(why)
    }))
}

/// A process that was started.
struct Running {
    handle: Handle,
    group: Option<Pid>,
    streams: [File; 2],
    seconds: u32,
    killable: bool,
    bytes_max: usize,
}

impl Running {
    /// Waits for the end, and gathers what came of it; nobody can say if that fails.
    fn land(&self) -> Result<Flight, String> {
        let mut notes = BTreeSet::new();
        let status = self.wait(&mut notes)?;
        let exit = status.code().filter(|_| notes.is_empty());
        if let (true, Some(signal)) = (notes.is_empty(), status.signal()) {
            notes.insert(format!("it was ended by signal {signal}{}", name(signal)));
        }
        let rest = self.rest();
        notes.extend(rest.clone());
        let read = |file| stream(file, self.bytes_max).map_err(|error| format!("{} ended, but its output cannot be read: {error}", self.it()));
        let [out, err] = &self.streams;
        Ok(Flight::Landed { exit, notes: notes.into_iter().collect(), remains: rest.is_some(), stdout: read(out)?, stderr: read(err)? })
    }

    /// Waits for the end no longer than it may take, and sees to it meanwhile that its output does not fill the disk.
    fn wait(&self, notes: &mut BTreeSet<String>) -> Result<ExitStatus, String> {
        let (seconds, look) = (self.seconds, Duration::from_millis(OUTPUT_WATCH_MS));
        let deadline = Instant::now() + Duration::from_secs(seconds.into());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if let Some(status) = self.ended(left.min(look))? {
                return Ok(status);
            }
            let why = match (self.streams.iter().any(large), left.is_zero()) {
                (true, _) if self.killable => format!("when its output grew over {OUTPUT_WATCH_BYTES_MAX} bytes"),
                (_, true) if self.killable => format!("after {seconds} seconds, its time limit"),
                (_, true) => return Err(format!("still running after {seconds} seconds as process group {}; it was left running", self.shown())),
                (true, false) => {
                    notes.extend(
                        self.free().err().map(|error| format!("its output fills the disk, and what nobody keeps of it cannot be freed: {error}")),
                    );
                    continue;
                }
                (false, false) => continue,
            };
            let status = self.kill()?.ok_or_else(|| format!("{} was killed {why}, and does not end", self.it()))?;
            notes.insert(format!("it was killed {why}"));
            return Ok(status);
        }
    }

    /// Frees what nobody keeps of its output.
    fn free(&self) -> io::Result<()> {
        self.streams.iter().filter(|file| large(file)).try_for_each(|file| free(file, self.bytes_max as u64))
    }

    /// Lets it run, and sees to its output as long as this process lives.
    fn leave(self) {
        let watches = move || {
            while let Ok(None) = self.ended(Duration::from_millis(OUTPUT_WATCH_MS)) {
                let _unless_it_cannot_be = self.free();
            }
        };
        if let Err(error) = std::thread::Builder::new().name("studio-watch".into()).spawn(watches) {
            tracing::warn!(%error, "nobody sees to the output of a step that was left running");
        }
    }

    /// Ends it, politely at first. Whoever ends it meanwhile, or cannot be told, is seen by what comes of it.
    fn kill(&self) -> Result<Option<ExitStatus>, String> {
        let grace = Duration::from_secs(KILL_GRACE_SECONDS);
        self.signal(Signal::TERM);
        let polite = self.ended(grace)?;
        self.signal(Signal::KILL); // the rest of the group too
        if polite.is_some() { Ok(polite) } else { self.ended(grace) }
    }

    /// Says what of it still runs after it ended; what may be killed is, since it holds what the step was handed.
    fn rest(&self) -> Option<String> {
        let group = self.group.filter(|group| remains(*group))?;
        if self.killable {
            self.signal(Signal::KILL);
        }
        (!self.killable || remains(group)).then(|| format!("processes of it still run (group {})", self.shown()))
    }

    fn ended(&self, limit: Duration) -> Result<Option<ExitStatus>, String> {
        let seen = self.handle.wait_timeout(limit).map_err(|error| format!("waiting for {} failed: {error}", self.it()))?;
        Ok(seen.map(|output| output.status))
    }

    fn signal(&self, signal: Signal) {
        let _told = self.group.map(|group| kill_process_group(group, signal));
    }

    fn shown(&self) -> i32 {
        self.group.map_or(0, |group| group.as_raw_nonzero().get())
    }

    fn it(&self) -> String {
        format!("process group {}", self.shown())
    }
}

/// Says whether a file grew over what is watched.
fn large(file: &File) -> bool {
    file.metadata().is_ok_and(|seen| seen.len().max(room(&seen)) > OUTPUT_WATCH_BYTES_MAX)
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

fn room(seen: &std::fs::Metadata) -> u64 {
    seen.blocks().saturating_mul(512)
}

/// Reads the beginning of a file, wherever its writers stand.
fn stream(file: &File, most: usize) -> io::Result<Stream> {
    let whole = file.metadata()?.len();
    let mut bytes = vec![0; usize::try_from(whole).unwrap_or(most).min(most)];
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    bytes.truncate(read);
    Ok(Stream { bytes, whole })
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

    #[test]
    fn what_nobody_keeps_of_a_file_takes_no_room() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![b'x'; 1 << 20], 0).unwrap();
        free(&file, 10_000).unwrap();
        let seen = file.metadata().unwrap();
        assert!(seen.len() == 1 << 20 && room(&seen) <= 16 * 1024, "{seen:?}");
        let read = stream(&file, 10_001).unwrap();
        assert!(read.whole == 1 << 20 && read.bytes.starts_with(&[b'x'; 10_000]) && read.bytes.ends_with(b"x\0"));
    }
}
