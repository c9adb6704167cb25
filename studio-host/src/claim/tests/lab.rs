//! A store, commands that wait for the test, and the test binary as its own shim.

use super::super::process::Process;
use super::super::record::{Begun, Claim, decode};
use super::super::{Answer, ClaimError, ClaimStore, Entry, Look, Shim, ShimOrder, Task, shim};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use studio_core::name::Digest;
use studio_core::step::{Op, StepNo};
use tempfile::TempDir;

pub(super) const RUN: &str = "20261122-101112-add-node-0a1f";
/// Longer than anything takes on a machine that is not broken.
pub(super) const LONG: Duration = Duration::from_secs(60);
/// The word without which the test below is nothing.
const MARK: &str = "studio-shim-order";

/// Not a test: what the shims of all other tests are, started again from this binary.
#[test]
fn acts_as_shim() {
    if std::env::args().any(|word| word == MARK) {
        std::process::exit(i32::from(shim() != ExitCode::SUCCESS));
    }
}

pub(crate) fn entry() -> Entry {
    Entry::own(&["--exact", "claim::tests::lab::acts_as_shim", MARK, "--test-threads=1"])
}

/// A folder with a store in `store`.
pub(super) struct Lab {
    pub(super) dir: TempDir,
    pub(super) store: ClaimStore,
}

/// A fifo between the test and a command. Held open for both, it blocks neither.
pub(super) struct Gate(File);

impl Lab {
    pub(super) fn new() -> Lab {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::open_anywhere(&dir.path().join("store"), &entry()).unwrap();
        Lab { dir, store }
    }

    /// An order to run a shell script in the lab's folder.
    pub(super) fn order(&self, op: &Op, script: &str) -> ShimOrder {
        let env = BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into()), ("OP".into(), op.to_string().into())]);
        let task = Task { program: "/bin/sh".into(), args: vec!["-c".into(), script.into()], folder: self.dir.path().into(), env };
        ShimOrder { v: 1, op: op.clone(), epoch: 1, effect: Digest::zero(), expires: None, task }
    }

    pub(super) fn start(&self, op: &Op, script: &str) -> (Shim, Answer) {
        self.start_order(&self.order(op, script))
    }

    pub(super) fn start_order(&self, order: &ShimOrder) -> (Shim, Answer) {
        let mut shim = self.store.start(&entry(), order).unwrap();
        let answer = shim.answer().unwrap();
        (shim, answer)
    }

    /// Starts a script that tells `up` its number, waits for `go`, and exits with 7; returns its process too.
    pub(super) fn start_gated(&self, op: &Op) -> (Shim, Gate, Process) {
        let (mut up, go) = (self.gate("up"), self.gate("go"));
        let (shim, answer) = self.start(op, "echo \"$OP\" >> effects; echo $$ > up; read word < go; echo \"$word\"; echo no >&2; exit 7");
        assert_eq!(answer, Answer::Claimed);
        let pid = up.wait().parse().unwrap();
        (shim, go, Process::of(pid).unwrap())
    }

    pub(super) fn gate(&self, name: &str) -> Gate {
        let path = self.dir.path().join(name);
        if !path.exists() {
            mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        }
        Gate(OpenOptions::new().read(true).write(true).open(path).unwrap())
    }

    pub(super) fn look(&self, op: &Op) -> Look {
        self.store.look(op, self.store.id())
    }

    pub(super) fn wait(&self, op: &Op) -> Look {
        self.store.wait(op, self.store.id(), LONG).unwrap()
    }

    /// How often a command of that op did what it does.
    pub(super) fn effects(&self, op: &Op) -> usize {
        let effects = fs::read_to_string(self.dir.path().join("effects")).unwrap_or_default();
        effects.lines().filter(|line| *line == op.to_string()).count()
    }

    pub(super) fn claim(&self, op: &Op) -> Option<Begun> {
        let names = self.store.names(op);
        match decode(&fs::read(names.claim()).ok()?, names.op()) {
            Ok(Claim::Begun(begun)) => Some(begun),
            other => panic!("{other:?}"),
        }
    }

    /// Names of files that should not outlive what they were for.
    pub(super) fn leftovers(&self) -> Vec<String> {
        let names = fs::read_dir(self.store.folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".tmp")).collect()
    }
}

impl Gate {
    /// Waits for a line.
    pub(super) fn wait(&mut self) -> String {
        let (mut line, mut byte) = (String::new(), [0]);
        loop {
            let limit = Timespec::try_from(LONG).unwrap();
            assert_eq!(poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit)).unwrap(), 1, "nobody came");
            self.0.read_exact(&mut byte).unwrap();
            match byte[0] {
                b'\n' => return line,
                byte => line.push(char::from(byte)),
            }
        }
    }

    pub(super) fn open(&mut self, word: &str) {
        self.0.write_all(format!("{word}\n").as_bytes()).unwrap();
    }
}

pub(in super::super) fn op(step: u32) -> Op {
    Op { run: RUN.try_into().unwrap(), step: StepNo(step), attempt: 1 }
}

pub(super) fn send(process: Process, signal: Signal) {
    kill_process(Pid::from_raw(process.pid).unwrap(), signal).unwrap();
}

/// Kills a process and waits until it is gone.
pub(super) fn kill(process: Process) {
    let watched = process.watch();
    // It may have ended by itself.
    let _ = kill_process(Pid::from_raw(process.pid).unwrap(), Signal::KILL);
    if let Some(watched) = watched {
        poll(&mut [PollFd::new(&watched, PollFlags::IN)], Some(&Timespec::try_from(LONG).unwrap())).unwrap();
    }
}

pub(super) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

impl ClaimStore {
    /// Starts a shim and gives it its order.
    pub(super) fn start(&self, entry: &Entry, order: &ShimOrder) -> Result<Shim, ClaimError> {
        self.ready(entry)?.claim(order)
    }
}
