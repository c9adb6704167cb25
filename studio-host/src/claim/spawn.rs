//! Starting processes: our own binary again, which inherits nothing, and the command it was ordered to run.

use super::ClaimError;
use super::shim::{Answer, ShimOrder, Task};
use super::store::ClaimStore;
use super::talk::{Order, ReadyOrder, Talk};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;
use studio_core::limits::CLAIM_SECONDS_MAX;
use studio_core::step::Op;

/// How to start our own binary so that it calls [`super::shim()`] and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The binary.
    pub program: PathBuf,
    /// Its hidden argument.
    pub args: Vec<String>,
}

/// A shim that waits for its order. It ends when this is dropped, and when this whole process ends.
pub struct Ready {
    child: Child,
    talk: Talk,
}

/// A shim that has its order. It goes on when this is dropped, and when this whole process ends.
pub struct Shim {
    op: Op,
    child: Child,
    talk: Talk,
}

impl Entry {
    /// Returns the entry of the binary that runs now, even if another one lies in its place by then.
    pub fn own(args: &[&str]) -> Entry {
        Entry { program: "/proc/self/exe".into(), args: args.iter().map(ToString::to_string).collect() }
    }
}

impl ClaimStore {
    /// Starts a shim that gets everything ready but what it needs an order for, so that none waits for that later.
    ///
    /// # Errors
    /// It could not be started.
    pub fn ready(&self, entry: &Entry) -> Result<Ready, ClaimError> {
        let failed = |error| ClaimError::Start(entry.program.clone(), error);
        let (child, talk) = self::entry(entry).map_err(failed)?;
        let mut ready = Ready { child, talk };
        let told = Order::Ready(Box::new(ReadyOrder { dir: self.dir().into(), store: self.id().clone(), entry: entry.clone() }));
        ready.talk.say(&told).map_err(failed)?;
        Ok(ready)
    }
}

impl Ready {
    /// Has it claim an op and run it. The order reaches it over a socket, never as arguments or a file.
    ///
    /// # Errors
    /// It could not be told: then nothing was begun.
    pub fn claim(mut self, order: &ShimOrder) -> Result<Shim, ClaimError> {
        // An order that was cut off is none, so the shim ends by itself.
        let said = self.talk.limit(Duration::from_secs(CLAIM_SECONDS_MAX)).and_then(|()| self.talk.say(order));
        let shim = Shim { op: order.op.clone(), child: self.child, talk: self.talk };
        said.map_err(|error| ClaimError::Silent(order.op.clone(), error.to_string()))?;
        Ok(shim)
    }
}

impl Shim {
    /// Returns its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the claim stands on disk, or the shim says why there is none of its own.
    ///
    /// # Errors
    /// It ended or hung without a word: only its claim can tell.
    pub fn answer(&mut self) -> Result<Answer, ClaimError> {
        let silent = |why: String| ClaimError::Silent(self.op.clone(), why);
        self.talk.hear().map_err(|error| silent(error.to_string()))?.ok_or_else(|| silent("it is gone".into()))
    }

    /// Waits until the shim itself is over, as it is soon after its command.
    ///
    /// # Errors
    /// It is no child of this process.
    pub fn end(mut self) -> io::Result<()> {
        self.child.wait().map(drop)
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        // If it is over, nothing of it stays; if not, it goes on.
        let _over = self.child.try_wait();
    }
}

/// Starts our own binary with a socket for its standard input.
#[expect(clippy::disallowed_types, reason = "a shim, its second stage and the probe begin here: our own binary, with a fixed argument")]
pub(super) fn entry(entry: &Entry) -> io::Result<(Child, Talk)> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = std::process::Command::new(&entry.program)
        .args(&entry.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok((child, Talk::over(ours)))
}

/// Starts a command with its output in files, in a group of its own.
#[expect(clippy::disallowed_types, reason = "the one place where a claimed command begins")]
pub(super) fn task(task: &Task, out: File, err: File) -> io::Result<Child> {
    if !task.program.is_absolute() {
        return Err(io::Error::other("its program has no absolute path"));
    }
    std::process::Command::new(&task.program)
        .args(&task.args)
        .env_clear()
        .envs(&task.env)
        .current_dir(&task.folder)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .process_group(0)
        .spawn()
}
