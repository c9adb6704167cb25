//! Who is who below a runtime that was started here, and the end of some of them. Nobody else is ever signalled.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Whom a kill hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// The command `studio run` or `studio resume`.
    Runtime,
    /// The Executor.
    Executor,
    /// The process that claims, alone.
    Shim,
    /// The command's parent, alone.
    Second,
    /// Both of them, and the command with all it started.
    Step,
    /// All of the above.
    Everything,
}

/// The processes of one life, as far as they are there.
#[derive(Debug, Default)]
pub(super) struct Cast {
    runtime: Option<Process>,
    executor: Option<Process>,
    shim: Option<Process>,
    second: Option<Process>,
    command: Vec<Process>,
}

/// A process that nobody else can become.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    held: OwnedFd,
}

impl Victim {
    /// All there are.
    pub const ALL: [Victim; 6] = [Victim::Runtime, Victim::Executor, Victim::Shim, Victim::Second, Victim::Step, Victim::Everything];

    /// Says whether only a step has it, for a few milliseconds.
    pub(super) fn is_brief(self) -> bool {
        matches!(self, Victim::Shim | Victim::Second | Victim::Step)
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Victim::Runtime => "the runtime",
            Victim::Executor => "the Executor",
            Victim::Shim => "the shim alone",
            Victim::Second => "the second stage alone",
            Victim::Step => "shim and command",
            Victim::Everything => "everything",
        })
    }
}

impl Cast {
    /// Returns who is there below a runtime. A step that was claimed is found by its claim, whoever began it; what
    /// looks like a shim before anything was granted is a trial of the disk.
    pub(super) fn of(runtime: i32, place: &str, granted: bool, claim: Option<&Value>) -> Cast {
        let executor = children(runtime).into_iter().find(|pid| words(*pid).contains("\0executor\0") && words(*pid).contains(place));
        let ours = || executor.filter(|_| granted && claim.is_none()).and_then(|executor| children(executor).into_iter().find(|pid| is_shim(*pid)));
        let claimed = |name: &str| {
            let process = &claim?["begun"][name];
            let pid = i32::try_from(process["pid"].as_i64()?).ok()?;
            (start(pid) == process["start"].as_u64() && is_shim(pid)).then_some(pid)
        };
        let shim = claimed("shim").or_else(ours);
        let second = shim.and_then(|shim| children(shim).into_iter().find(|pid| is_shim(*pid))).or_else(|| claimed("second"));
        let command = shim.into_iter().chain(second).flat_map(below).filter(|pid| Some(*pid) != second);
        Cast {
            runtime: Process::held(runtime, None),
            executor: executor.and_then(|pid| Process::held(pid, Some(runtime))),
            shim: shim.and_then(|pid| Process::held(pid, None)).filter(|shim| is_shim(shim.pid)),
            second: second.and_then(|pid| Process::held(pid, None)).filter(|second| is_shim(second.pid)),
            command: command.filter_map(|pid| Process::held(pid, None)).collect(),
        }
    }

    /// Kills them, parents first; says which kinds of them it hit.
    pub(super) fn strike(self, victim: Victim) -> Vec<Victim> {
        let Cast { runtime, executor, shim, second, command } = self;
        let all = victim == Victim::Everything;
        let step = all || victim == Victim::Step;
        let named = [
            (Victim::Runtime, all || victim == Victim::Runtime, Vec::from_iter(runtime)),
            (Victim::Executor, all || victim == Victim::Executor, Vec::from_iter(executor)),
            (Victim::Shim, step || victim == Victim::Shim, Vec::from_iter(shim)),
            (Victim::Second, step || victim == Victim::Second, Vec::from_iter(second)),
            (Victim::Step, step, command),
        ];
        let hit = named.into_iter().filter(|(_, meant, _)| *meant).filter(|(_, _, prey)| prey.iter().filter(|prey| prey.kill()).count() > 0);
        hit.map(|(victim, ..)| victim).collect()
    }
}

impl Process {
    /// Holds on to a process, if its parent is still the one it was found by: a number may be given out again.
    pub fn held(pid: i32, parent: Option<i32>) -> Option<Process> {
        let held = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        let same = parent.is_none_or(|parent| children(parent).contains(&pid));
        same.then_some(Process { pid, held })
    }

    /// Lets that much time pass, or less if it ends; says whether it did.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn pass(&self, time: Duration) -> io::Result<bool> {
        let limit = Timespec::try_from(time).map_err(io::Error::other)?;
        Ok(poll(&mut [PollFd::new(&self.held, PollFlags::IN)], Some(&limit))? > 0)
    }

    /// Kills it; says whether it lived.
    pub fn kill(&self) -> bool {
        let dead = fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .map_or(true, |stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')));
        !dead && pidfd_send_signal(&self.held, Signal::KILL).is_ok()
    }
}

fn is_shim(pid: i32) -> bool {
    words(pid) == "/proc/self/exe\0shim\0"
}

fn words(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Returns when a process started.
fn start(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

/// Returns the children of a process, of all its threads.
pub fn children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map(|threads| threads.flatten().collect()).unwrap_or_else(|_| Vec::new());
    let listed = threads.iter().map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    listed.flat_map(|pids| pids.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

/// Returns all that came of a process and is there still, parents first.
pub fn below(pid: i32) -> Vec<i32> {
    let (mut found, mut at) = (children(pid), 0);
    while let Some(pid) = found.get(at) {
        found.extend(children(*pid));
        at += 1;
    }
    found
}
