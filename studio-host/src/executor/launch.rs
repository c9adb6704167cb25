//! Starting one process and waiting for it, no longer than it may take.

use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::time::Duration;
use studio_core::limits::KILL_GRACE_SECONDS;

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
    /// Whether it is killed after that.
    pub(super) killable: bool,
    /// How many bytes of each stream are read back.
    pub(super) bytes_max: usize,
}

/// What became of a process.
pub(super) enum Flight {
    /// It ended.
    Landed {
        /// Its exit status; none if a signal ended it.
        exit: Option<i32>,
        /// What ended it, if it was not itself.
        note: Option<String>,
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
    let (seconds, grace) = (order.seconds, Duration::from_secs(KILL_GRACE_SECONDS));
    let signal = |signal: Signal| group.map(|group| kill_process_group(group, signal));
    let shown = group.map_or(0, |group| group.as_raw_nonzero().get());
    let waited = |limit: Duration| {
        Ok::<_, String>(handle.wait_timeout(limit).map_err(|error| format!("waiting for it failed: {error}"))?.map(|output| output.status))
    };
    let ended = (|| {
        if let Some(status) = waited(Duration::from_secs(seconds.into()))? {
            return Ok((status, None));
        }
        if !order.killable {
            return Err(format!("still running after {seconds} seconds as process group {shown}; it was left running"));
        }
        // Whoever ends it meanwhile, or cannot be told, is seen by what comes of it.
        let _told = signal(Signal::TERM);
        let polite = waited(grace)?;
        let _killed = signal(Signal::KILL); // the rest of the group too
        let status = polite.map_or_else(|| waited(grace), |status| Ok(Some(status)))?;
        let status = status.ok_or_else(|| format!("killed after {seconds} seconds as process group {shown}, and it does not end"))?;
        Ok((status, Some(format!("it was killed after {seconds} seconds, its time limit"))))
    })();
    let (status, killed) = match ended {
        Ok(ended) => ended,
        Err(why) => return Ok(Flight::Left(why)),
    };
    let note = killed.or_else(|| status.signal().map(|signal| format!("it was ended by signal {signal}{}", name(signal))));
    let exit = status.code().filter(|_| note.is_none());
    match (stream(&out, order.bytes_max), stream(&err, order.bytes_max)) {
        (Ok(stdout), Ok(stderr)) => Ok(Flight::Landed { exit, note, stdout, stderr }),
        (Err(error), _) | (_, Err(error)) => Ok(Flight::Left(format!("it ended, but its output cannot be read: {error}"))),
    }
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
