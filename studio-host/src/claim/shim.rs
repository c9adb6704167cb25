//! The shim: a process of its own that claims an op, sees to it that it runs, and outlives whoever asked.
//!
//! It works in two processes, so that either may be killed and the record stays true. The first claims and
//! then only watches; `stage` is the second, the command's parent, which writes how it ended.
//! Should the second die, the command becomes the first one's child, which then waits for it and writes.

use super::disk::{Disk, OsDisk};
use super::ledger::{self, Names};
use super::process::{self, Expiry, Process, boot, nonce};
use super::record::{Begun, Claim, Exit, Tombstone, encode};
use super::shelf::DRAFT;
use super::spawn::{self, Entry};
use super::stage::{self, finish};
use super::store::ClaimStore;
use super::talk::{Cue, Order, ReadyOrder, RunOrder, Talk};
use super::{ground, lock};
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd, retry_on_intr};
use rustix::process::{Pid, WaitOptions, getpgid, getpid, set_child_subreaper, setsid, waitpid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode};
use studio_core::clock::{Clock, SystemClock};
use studio_core::name::Digest;
use studio_core::step::Op;
use tokio::signal::unix::{SignalKind, signal};

/// The lowest number of the claim's descriptor in a command: above those that scripts use.
const CLAIM_FD: i32 = 200;

/// What to claim and run.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShimOrder {
    /// The version of this order.
    pub v: u32,
    /// What to claim.
    pub op: Op,
    /// In which life of its run.
    pub epoch: u32,
    /// The digest of the effect that was granted.
    pub effect: Digest,
    /// When it is too late to begin.
    pub expires: Option<Expiry>,
    /// The command.
    pub task: Task,
}

/// A command as it is started: nothing is added to it. It may hold secrets, so it is never shown.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The program, by its absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Its whole environment.
    pub env: BTreeMap<String, OsString>,
}

/// What a shim says to whoever started it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The claim stands on disk, and is this shim's.
    Claimed,
    /// Somebody else's claim or a tombstone stands there.
    Taken,
    /// Nothing ran, and this shim starts nothing.
    Refused(String),
}

/// The version of an order that this binary obeys.
pub const ORDER_VERSION: u32 = 1;

/// Everything that a claim needs but what is claimed.
struct Ready {
    store: ClaimStore,
    draft: PathBuf,
    /// Held open: the lock is free when the last holder is gone.
    file: File,
    second: Second,
}

/// A claim that was linked, with everything that holds it.
struct Won {
    order: ShimOrder,
    names: Names,
    draft: PathBuf,
    file: File,
    second: Second,
}

/// The second stage.
struct Second {
    child: Child,
    talk: Talk,
}

/// Does what its standard input says, as the hidden subcommand of our binary: it must be called first thing,
/// with no other thread about.
pub fn shim() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "a shim ended early");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let mut caller = Talk::stdin()?;
    match caller.hear()? {
        None => Ok(()),
        Some(Order::Probe(path)) => ground::answer(&path, &mut caller),
        Some(Order::Ready(told)) => claim(&told, &mut caller),
        Some(Order::Stage) => stage::run(&mut caller),
    }
}

fn claim(told: &ReadyOrder, caller: &mut Talk) -> io::Result<()> {
    let ready = forget(caller.socket()).and_then(|()| detach()).and_then(|()| make_ready(told));
    let order = match caller.hear() {
        Ok(Some(order)) => order,
        nobody => return ready.map(Ready::dismiss).and_then(|()| nobody.map(drop)),
    };
    let mut won = match ready.and_then(|ready| win(ready, order)) {
        Ok(Some(won)) => won,
        Ok(None) => return caller.say(&Answer::Taken),
        Err(error) => return caller.say(&Answer::Refused(error.to_string())),
    };
    if let Err(error) = ledger::settle(&OsDisk, &won.names, &won.draft) {
        won.second.dismiss();
        let why = format!("its claim could not be brought to disk, so it was not begun: {error}");
        never(&won.names, &won.order.op, &why)?;
        return caller.say(&Answer::Refused(why));
    }
    // Whoever is gone by now is seen to be gone below, or has no need to know.
    let _cued = won.second.talk.say(&Cue::Go);
    let _heard = caller.say(&Answer::Claimed);
    watch(won)
}

/// Closes whatever this process was left by accident: a command would hold it as long as it runs.
fn forget(keep: i32) -> io::Result<()> {
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    // All are known, and the list is closed, before the first one is.
    let open: Vec<i32> = fs::read_dir("/proc/self/fd")?.filter_map(number).collect();
    for number in open.into_iter().filter(|number| *number > 2 && *number != keep) {
        // One of them was the list itself.
        let _closed = nix::unistd::close(number);
    }
    Ok(())
}

/// Leaves the caller's session and terminal, and outlives polite signals to everybody.
pub(super) fn detach() -> io::Result<()> {
    setsid()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        // Caught once, a signal stays caught, also when nobody asks for it any more; a command starts afresh.
        drop(signal(kind)?);
    }
    Ok(())
}

/// Makes a locked draft of a claim, and the second stage that inherits its lock.
fn make_ready(told: &ReadyOrder) -> io::Result<Ready> {
    set_child_subreaper(Some(getpid()))?;
    let store = ClaimStore::attach(&told.dir, &told.store).map_err(io::Error::other)?;
    let draft = store.folder().join(format!("{}{DRAFT}", nonce()?));
    let file = OsDisk.create(&draft)?;
    let second = lock::take(&file).and_then(|taken| {
        if !taken {
            return Err(io::Error::other("a new file is locked by somebody else"));
        }
        let _held = inherited(&file)?;
        Second::start(&told.entry)
    });
    match second {
        Ok(second) => Ok(Ready { store, draft, file, second }),
        Err(error) => {
            sweep(&draft);
            Err(error)
        }
    }
}

/// Links the claim; none if another one stands there.
fn win(ready: Ready, order: ShimOrder) -> io::Result<Option<Won>> {
    let names = ready.store.names(&order.op);
    let Ready { store, draft, file, mut second } = ready;
    let linked = link(&store, &order, &names, &draft, &file, &mut second);
    if matches!(linked, Ok(true)) {
        return Ok(Some(Won { order, names, draft, file, second }));
    }
    Ready { store, draft, file, second }.dismiss();
    linked.map(|_taken| None)
}

fn link(store: &ClaimStore, order: &ShimOrder, names: &Names, draft: &Path, file: &File, second: &mut Second) -> io::Result<bool> {
    if order.v != ORDER_VERSION {
        return Err(io::Error::other(format!("an order of version {}, not {ORDER_VERSION}: use one studio for both", order.v)));
    }
    // It may be another one since.
    store.answers(store.id()).map_err(io::Error::other)?;
    let seen = file.metadata()?;
    let run = RunOrder {
        folder: store.folder(),
        op: order.op.clone(),
        expires: order.expires.clone(),
        file: (seen.dev(), seen.ino()),
        draft: draft.into(),
        task: order.task.clone(),
    };
    second.talk.say(&Cue::Run(Box::new(run)))?;
    let text = encode(&begun(order, &second.child)?).map_err(io::Error::other)?;
    ledger::stand(&OsDisk, names, draft, file, &text)
}

/// Removes a draft. A leftover is a file that nobody reads.
fn sweep(draft: &Path) {
    let _swept = OsDisk.remove(draft);
}

fn begun(order: &ShimOrder, second: &Child) -> io::Result<Claim> {
    let shim = Process::this().ok_or_else(|| io::Error::other("/proc does not show this process"))?;
    let pid = i32::try_from(second.id()).map_err(io::Error::other)?;
    let second = Process::of(pid).ok_or_else(|| io::Error::other("the second stage ended at once"))?;
    Ok(Claim::Begun(Begun {
        op: order.op.clone(),
        epoch: order.epoch,
        effect: order.effect.clone(),
        expires: order.expires.clone(),
        shim,
        second,
        boot: boot()?,
        session: pid, // it leads a session of its own
    }))
}

/// Returns a copy of the claim's descriptor that a new process keeps.
fn inherited(file: &File) -> io::Result<OwnedFd> {
    let copy = fcntl_dupfd_cloexec(file, CLAIM_FD)?;
    fcntl_setfd(&copy, FdFlags::empty())?;
    Ok(copy)
}

/// Waits for the second stage, and does its work should it be killed.
fn watch(won: Won) -> io::Result<()> {
    let Won { order, names, file, mut second, .. } = won;
    let status = second.child.wait()?;
    if names.exit().exists() {
        // It may have been killed between the name and its sync.
        return if status.success() { Ok(()) } else { OsDisk.sync_folder(names.folder()) };
    }
    match left(i32::try_from(second.child.id()).map_err(io::Error::other)?)? {
        Left::Nothing => {
            let _held = inherited(&file)?;
            stage::stand_in(&order.op, order.expires.as_ref(), &order.task, &names)
        }
        Left::Command(command) => match retry_on_intr(|| waitpid(Some(command), WaitOptions::empty()))? {
            Some((_, status)) => finish(&names, &order.op, status.exit_status(), status.terminating_signal()),
            None => Ok(()),
        },
        // Which of them is the command cannot be told, so neither can how it ended.
        Left::Others => Ok(()),
    }
}

/// What a second stage that died left behind.
enum Left {
    /// It began nothing: whatever it began would be a child of this process, or have its end on disk.
    Nothing,
    /// The command.
    Command(Pid),
    /// Processes, of which none can be told to be the command.
    Others,
}

/// Looks what a second stage left. As long as the end of its command is not on disk it was not reaped, so it is a
/// child of this process now, wherever it went; one alone in the session, or leading its group in it, is known.
fn left(session: i32) -> io::Result<Left> {
    let mut children = Vec::new();
    for thread in fs::read_dir("/proc/self/task")? {
        let listed = fs::read_to_string(thread?.path().join("children"))?;
        children.extend(listed.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)));
    }
    if children.is_empty() {
        return Ok(Left::Nothing);
    }
    children.retain(|pid| process::session(pid.as_raw_nonzero().get()) == Some(session));
    let leaders: Vec<_> = children.iter().copied().filter(|pid| getpgid(Some(*pid)).is_ok_and(|group| group == *pid)).collect();
    Ok(match (leaders.as_slice(), children.as_slice()) {
        ([command], _) | ([], [command]) => Left::Command(*command),
        (_, _) => Left::Others,
    })
}

/// Records that nothing ran and nothing will.
pub(super) fn never(names: &Names, op: &Op, why: &str) -> io::Result<()> {
    let exit = Exit::Never(Tombstone::new(op, why, SystemClock.now()));
    ledger::close(&OsDisk, names, &nonce()?, &encode(&exit).map_err(io::Error::other)?)
}

impl Ready {
    /// Leaves no trace of it.
    fn dismiss(mut self) {
        self.second.dismiss();
        sweep(&self.draft);
    }
}

impl Second {
    fn start(entry: &Entry) -> io::Result<Second> {
        let (child, mut talk) = spawn::entry(entry)?;
        let told = talk.say(&Order::Stage);
        let mut second = Second { child, talk };
        if told.is_err() {
            second.dismiss();
        }
        told.map(|()| second)
    }

    /// Has it end without a trace.
    fn dismiss(&mut self) {
        // If it does not hear, it is gone.
        let _told = self.talk.say(&Cue::Stop);
        let _over = self.child.wait();
    }
}
