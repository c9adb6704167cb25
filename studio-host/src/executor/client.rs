//! The runtime's end: the Executor's process, the socket to it, and the host it makes.

use super::ExecutorError;
use super::wire::{self, Answer, Hello, Report, Request};
use async_trait::async_trait;
use duct::Handle;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use studio_core::chores::{ChoreError, CommitOrder};
use studio_core::host::{Assumed, Ended, Host, Recalled, Seen};
use studio_core::limits::{CLOSE_SECONDS_MAX, HELLO_SECONDS_MAX, MAILBOX_MAX};
use studio_core::name::{BranchName, CommitId, Digest, RunId, StoreId};
use studio_core::permit::{Live, Permit};
use studio_core::program::Program;
use studio_core::step::Op;
use studio_core::warrant::{Head, Warrant};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

/// The way to an Executor's process. Clones share it; when the last one is dropped, the Executor ends.
#[derive(Clone)]
pub struct Link {
    jobs: mpsc::Sender<Job>,
    lost: Arc<OnceLock<String>>,
    child: Arc<Option<Handle>>,
    store: Option<StoreId>,
}

/// Real hosts, reached through an Executor.
pub struct LiveHost(pub Link);

enum Job {
    Ask { frame: Vec<u8>, reply: oneshot::Sender<Answer> },
    Close,
}

/// Why a request has no answer.
enum Unanswered {
    /// It was never handed over.
    Unsent(String),
    /// It was, or may have been.
    Gone(String),
}

/// What the Executor is given of the environment.
const INHERITED: &[&str] = &["PATH", "HOME", "LANG", "STUDIO_LOG", "RUST_BACKTRACE"];

impl Link {
    /// Starts the Executor `program` and greets it. It runs in a process group of its own, so that Ctrl-C in
    /// the terminal does not reach it. Needs a tokio runtime; waits for the greeting.
    ///
    /// # Errors
    /// It does not start, or does not greet in time and in our version.
    pub fn start(program: &Path, args: &[OsString]) -> Result<Link, ExecutorError> {
        let failed = |error| ExecutorError::Start(program.into(), error);
        let (ours, theirs) = StdStream::pair().map_err(failed)?;
        let inherited = |name: &OsString| name.to_str().is_some_and(|name| INHERITED.contains(&name) || name.starts_with("XDG_"));
        #[expect(clippy::disallowed_methods, reason = "the one place where the Executor's own process begins")]
        let command = duct::cmd(program, args);
        let command =
            command.full_env(std::env::vars_os().filter(|(name, _)| inherited(name))).stdin_file(theirs).stdout_null().unchecked().before_spawn(
                |process| {
                    process.process_group(0);
                    Ok(())
                },
            );
        let child = command.start().map_err(failed)?;
        drop(command); // it holds the Executor's end of the socket too
        match greet(ours) {
            Ok((socket, store)) => Ok(Link::over(socket, store, Some(child))),
            Err(error) => {
                // It was given nothing to do, so it may go.
                let _gone = child.kill().and_then(|()| child.wait_timeout(Duration::from_secs(1)).map(drop));
                Err(error)
            }
        }
    }

    /// A link to whoever is at the other end of `socket`, once it has greeted.
    #[cfg(test)]
    pub(super) fn greeted(socket: StdStream) -> Result<Link, ExecutorError> {
        let (socket, store) = greet(socket)?;
        Ok(Link::over(socket, store, None))
    }

    /// Returns when the Executor is out of reach.
    #[cfg(test)]
    pub(super) async fn ended(&self) {
        self.jobs.closed().await;
    }

    fn over(mut socket: UnixStream, store: Option<StoreId>, child: Option<Handle>) -> Link {
        let (jobs, mut queue) = mpsc::channel(MAILBOX_MAX);
        let lost = Arc::new(OnceLock::new());
        let why = Arc::clone(&lost);
        tokio::spawn(async move {
            attend(&mut socket, &mut queue, &why).await;
        });
        Link { jobs, lost, child: Arc::new(child), store }
    }

    /// Says why the Executor is out of reach, if it is.
    pub fn lost(&self) -> Option<String> {
        self.lost.get().cloned()
    }

    /// Has a change committed.
    ///
    /// # Errors
    /// It cannot be committed as things stand, or the Executor is gone.
    pub async fn commit(&self, order: CommitOrder) -> Result<CommitId, ChoreError> {
        let answer = self.chore(&Request::Commit(Box::new(order))).await?;
        if let Answer::Committed(commit) = answer { Ok(commit) } else { Err(self.astray(&answer)) }
    }

    /// Finds a branch of this name, or with a number behind it, that is not there yet.
    ///
    /// # Errors
    /// As [`Link::commit`].
    pub async fn free_branch(&self, name: BranchName) -> Result<BranchName, ChoreError> {
        let answer = self.chore(&Request::FreeBranch(name)).await?;
        if let Answer::Branch(name) = answer { Ok(name) } else { Err(self.astray(&answer)) }
    }

    /// Says that a life of a run begins, before anything is granted in it. The commit it works on is kept from being
    /// collected until [`Link::discard`].
    ///
    /// # Errors
    /// As [`Link::commit`]; a later life was seen.
    pub async fn live(&self, run: RunId, epoch: u32, base: Option<CommitId>) -> Result<(), ChoreError> {
        let answer = self.chore(&Request::Live(run, epoch, base)).await?;
        if let Answer::Lives = answer { Ok(()) } else { Err(self.astray(&answer)) }
    }

    /// Has the store of claims remember how far the journal of a run came. What it says is on disk.
    ///
    /// # Errors
    /// As [`Link::commit`]; more of it, or another one, was seen.
    pub async fn anchor(&self, run: RunId, head: Head) -> Result<(), ChoreError> {
        let answer = self.chore(&Request::Anchor(run, head)).await?;
        if let Answer::Anchored = answer { Ok(()) } else { Err(self.astray(&answer)) }
    }

    /// Removes a run's checkout, and lets go of all it holds.
    ///
    /// # Errors
    /// As [`Link::commit`].
    pub async fn discard(&self, run: RunId) -> Result<(), ChoreError> {
        let answer = self.chore(&Request::Discard(run)).await?;
        if let Answer::Discarded = answer { Ok(()) } else { Err(self.astray(&answer)) }
    }

    /// Lets the Executor go and waits until its process has ended. Other clones are of no use any more.
    ///
    /// # Errors
    /// It is still at work when the time is over; it is left running.
    pub async fn close(self) -> Result<(), ExecutorError> {
        let Link { jobs, child, .. } = self;
        let pid = child.as_ref().as_ref().and_then(|child| child.pids().first().copied()).unwrap_or(0);
        let busy = || ExecutorError::Busy(pid, CLOSE_SECONDS_MAX);
        let limit = Duration::from_secs(CLOSE_SECONDS_MAX);
        let closed = async {
            let _told = jobs.send(Job::Close).await;
            jobs.closed().await;
        };
        tokio::time::timeout(limit, closed).await.map_err(|_| busy())?;
        let ended = tokio::task::spawn_blocking(move || match child.as_ref() {
            Some(child) => child.wait_timeout(limit).map(|status| status.is_some()),
            None => Ok(true),
        });
        match ended.await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false) | Err(_)) | Err(_) => Err(busy()),
        }
    }

    pub(super) async fn run(&self, warrant: Warrant) -> Seen {
        match self.ask(&Request::Run(Box::new(warrant))).await {
            Ok(Answer::Ended(report)) => Seen::Ended(ended(report)),
            Ok(Answer::Held(why)) => Seen::Held(why),
            Ok(Answer::Overdue(why)) => Seen::Overdue(why),
            Ok(Answer::Lost(why)) => Seen::Lost(why),
            Ok(Answer::Refused(why)) => Seen::Refused(why),
            Ok(other) => Seen::Gone(self.astray(&other).to_string()),
            Err(Unanswered::Unsent(why) | Unanswered::Gone(why)) => Seen::Gone(why),
        }
    }

    async fn look(&self, request: &Request) -> Recalled {
        match self.ask(request).await {
            Ok(Answer::Ended(report)) => Recalled::Ended(ended(report)),
            Ok(Answer::NeverBegan) => Recalled::NeverBegan,
            Ok(Answer::Overdue(why)) => Recalled::Overdue(why),
            Ok(Answer::Lost(why)) => Recalled::Unknown(why),
            Ok(Answer::Refused(why)) => Recalled::Refused(why),
            Ok(other) => Recalled::Gone(self.astray(&other).to_string()),
            Err(Unanswered::Unsent(why) | Unanswered::Gone(why)) => Recalled::Gone(why),
        }
    }

    async fn chore(&self, request: &Request) -> Result<Answer, ChoreError> {
        match self.ask(request).await {
            Ok(Answer::Refused(why)) => Err(ChoreError::Refused(why)),
            Ok(answer) => Ok(answer),
            Err(Unanswered::Unsent(why)) if self.lost().is_none() => Err(ChoreError::Refused(why)),
            Err(Unanswered::Unsent(why) | Unanswered::Gone(why)) => Err(ChoreError::Gone(why)),
        }
    }

    async fn ask(&self, request: &Request) -> Result<Answer, Unanswered> {
        if let Some(why) = self.lost() {
            return Err(Unanswered::Unsent(why));
        }
        let frame = wire::frame(request).map_err(|error| Unanswered::Unsent(error.to_string()))?;
        let (reply, answer) = oneshot::channel();
        let gone = || self.lost().unwrap_or_else(|| "its link is closed".into());
        if self.jobs.send(Job::Ask { frame, reply }).await.is_err() {
            return Err(Unanswered::Unsent(gone()));
        }
        answer.await.map_err(|_| Unanswered::Gone(gone()))
    }

    /// An answer to something else: nothing it says can be trusted from here on.
    fn astray(&self, answer: &Answer) -> ChoreError {
        let why = format!("it answered something else: {}", studio_core::text::one_line(&format!("{answer:?}"), 100));
        let _first = self.lost.set(why.clone());
        ChoreError::Gone(why)
    }
}

#[async_trait]
impl Host for LiveHost {
    type Mode = Live;

    async fn execute(&self, permit: Permit<Live>) -> Seen {
        self.0.run(permit.into_warrant()).await
    }

    async fn recall(&self, warrant: &Warrant) -> Recalled {
        self.0.look(&Request::Recall(Box::new(warrant.clone()))).await
    }

    async fn close(&self, warrant: &Warrant, why: &str) -> Recalled {
        self.0.look(&Request::Close(Box::new(warrant.clone()), why.into())).await
    }

    async fn done(&self, key: &Digest) -> Result<Vec<Op>, String> {
        match self.0.ask(&Request::Done(key.clone())).await {
            Ok(Answer::Done(ops)) => Ok(ops),
            Ok(Answer::Refused(why)) | Err(Unanswered::Unsent(why) | Unanswered::Gone(why)) => Err(why),
            Ok(other) => Err(self.0.astray(&other).to_string()),
        }
    }

    async fn programs(&self, names: &BTreeSet<String>) -> Result<Vec<Program>, String> {
        match self.0.ask(&Request::Programs(names.clone())).await {
            Ok(Answer::Programs(programs)) => Ok(programs),
            Ok(Answer::Refused(why)) | Err(Unanswered::Unsent(why) | Unanswered::Gone(why)) => Err(why),
            Ok(other) => Err(self.0.astray(&other).to_string()),
        }
    }

    fn store(&self) -> Option<StoreId> {
        self.0.store.clone()
    }
}

fn ended(Report { exit, stdout, stderr, artifacts, notes, sealed }: Report) -> Ended {
    Ended { exit, stdout, stderr, assumed: Assumed::No, artifacts, notes, sealed }
}

/// Exchanges greetings over a fresh socket.
fn greet(socket: StdStream) -> Result<(UnixStream, Option<StoreId>), ExecutorError> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(ExecutorError::NoRuntime);
    }
    let silent = |error: wire::WireError| ExecutorError::NoHello(error.to_string());
    let limit = |limit| socket.set_read_timeout(limit).and_then(|()| socket.set_write_timeout(limit)).map_err(|error| silent(error.into()));
    limit(Some(Duration::from_secs(HELLO_SECONDS_MAX)))?;
    wire::write(&mut &socket, &Request::Hello(Hello::ours())).map_err(silent)?;
    let store = match wire::read(&mut &socket).map_err(silent)? {
        Some(Answer::Hello(theirs)) => {
            theirs.check()?;
            theirs.store
        }
        Some(_) => return Err(ExecutorError::NoHello("it said something else".into())),
        None => return Err(ExecutorError::NoHello("it ended".into())),
    };
    limit(None)?;
    let ready = socket.set_nonblocking(true).and_then(|()| UnixStream::from_std(socket));
    ready.map(|socket| (socket, store)).map_err(|error| silent(error.into()))
}

/// Hands requests over, one at a time, until nobody asks any more or the Executor is out of reach. Why it ended
/// is said before anybody is told that there is no answer.
async fn attend(socket: &mut UnixStream, queue: &mut mpsc::Receiver<Job>, lost: &OnceLock<String>) {
    loop {
        let job = tokio::select! {
            job = queue.recv() => job,
            why = silence_ends(socket) => return lost.set(why).unwrap_or(()),
        };
        let (frame, reply) = match job {
            Some(Job::Ask { frame, reply }) => (frame, reply),
            Some(Job::Close) | None => return lost.set("it was let go".into()).unwrap_or(()),
        };
        if reply.is_closed() {
            continue; // whoever asked has given up, and must not find it done later
        }
        match exchange(socket, &frame).await {
            Ok(answer) => drop(reply.send(answer)),
            Err(why) => return lost.set(why).unwrap_or(()),
        }
    }
}

async fn exchange(socket: &mut UnixStream, frame: &[u8]) -> Result<Answer, String> {
    wire::send(socket, frame).await.map_err(|error| error.to_string())?;
    let answer = wire::receive(socket).await.map_err(|error| error.to_string())?;
    answer.ok_or_else(|| "it ended without an answer".into())
}

/// Returns when the Executor ends, or says something that nobody asked for.
async fn silence_ends(socket: &UnixStream) -> String {
    loop {
        let ready = socket.readable().await;
        match ready.and_then(|()| socket.try_read(&mut [0])) {
            Ok(0) => return "it ended".into(),
            Ok(_) => return "it said something that nobody asked for".into(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return error.to_string(),
        }
    }
}
