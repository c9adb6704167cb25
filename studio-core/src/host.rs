//! Hosts: where a permit is spent, and the Executor actor that stands before them.

use crate::event::Artifact;
use crate::limits::MAILBOX_MAX;
use crate::permit::Permit;
use crate::step::Op;
use actix::prelude::{Actor, ActorFutureExt, AtomicResponse, Context, Handler, Message, Recipient, WrapFuture};
use async_trait::async_trait;
use futures_util::FutureExt;
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use crate::pretend::{PretendHost, Scenario};

/// A place where steps run: a machine, or a pretended one. It must never run one op twice.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// The mode of the permits it takes.
    type Mode: Debug + Send + 'static;

    /// Spends the permit, runs its step and says what was seen.
    async fn execute(&self, permit: Permit<Self::Mode>) -> Seen;

    /// Says what became of an op that was granted in an earlier life of the Studio. It runs nothing.
    async fn recall(&self, op: &Op) -> Recalled;
}

/// What was seen of an op.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It ended.
    Ended(Ended),
    /// It was refused where it should have run, and did not begin.
    Refused(String),
    /// It may have run; nobody saw how it ended.
    Lost(String),
}

/// What a refused step misses begins so.
pub(crate) const REFUSED: &str = "it was refused and did not run: ";

/// What became of an op of an earlier life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// The host's record answers, and holds nothing of it: it never began.
    NeverBegan,
    /// It ended while nobody looked.
    Ended(Ended),
    /// Nobody can say.
    Unknown(String),
}

/// How an op ended, as the host saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit status; none if it was killed.
    pub exit: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// What a pretended host made up.
    pub assumed: Assumed,
    /// What it left in its folder.
    pub artifacts: Vec<Artifact>,
}

/// How much of an outcome was made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assumed {
    /// Nothing: it was seen.
    No,
    /// Exit and output, by a scenario; the expectation is checked against them.
    Output,
    /// Everything: no scenario says anything, so the step's expectation is taken to hold.
    All,
}

/// The Executor's mailbox. Whoever holds a permit may send it; at most [`MAILBOX_MAX`] wait.
pub struct Executor<M: Debug + Send + 'static> {
    execute: Recipient<Execute<M>>,
    recall: Recipient<Recall>,
    slots: Arc<Semaphore>,
}

/// Run the step this permit is for. Whoever can send this holds the right to.
struct Execute<M> {
    permit: Permit<M>,
    slot: OwnedSemaphorePermit,
}

/// What became of this op?
struct Recall(Op, OwnedSemaphorePermit);

/// The actor in front of a host: one op at a time.
struct Post<H>(Arc<H>);

impl<M: Debug + Send + 'static> Executor<M> {
    /// Puts an Executor in front of `host`. Needs an actix system or a tokio `LocalSet`.
    pub fn before<H: Host<Mode = M>>(host: H) -> Executor<M> {
        let post = Post(Arc::new(host)).start();
        Executor { execute: post.clone().recipient(), recall: post.recipient(), slots: Arc::new(Semaphore::new(MAILBOX_MAX)) }
    }

    pub(crate) async fn execute(&self, permit: Permit<M>) -> Seen {
        let lost = |why: &str| Seen::Lost(format!("the Executor is gone: {why}"));
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return lost("its mailbox is closed") };
        match self.execute.send(Execute { permit, slot }).await {
            Ok(seen) => seen,
            Err(error) => lost(&error.to_string()),
        }
    }

    pub(crate) async fn recall(&self, op: Op) -> Recalled {
        let unknown = |why: &str| Recalled::Unknown(format!("the Executor is gone: {why}"));
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return unknown("its mailbox is closed") };
        match self.recall.send(Recall(op, slot)).await {
            Ok(recalled) => recalled,
            Err(error) => unknown(&error.to_string()),
        }
    }
}

impl<M: Debug + Send + 'static> Clone for Executor<M> {
    fn clone(&self) -> Self {
        Executor { execute: self.execute.clone(), recall: self.recall.clone(), slots: Arc::clone(&self.slots) }
    }
}

impl<M: 'static> Message for Execute<M> {
    type Result = Seen;
}

impl Message for Recall {
    type Result = Recalled;
}

impl<H: Host> Actor for Post<H> {
    type Context = Context<Self>;
}

impl<H: Host> Handler<Execute<H::Mode>> for Post<H> {
    type Result = AtomicResponse<Self, Seen>;

    fn handle(&mut self, Execute { permit, slot }: Execute<H::Mode>, _: &mut Context<Self>) -> Self::Result {
        let host = Arc::clone(&self.0);
        let work = async move {
            let _slot = slot;
            let panicked = |_| Seen::Lost("the Executor panicked while the step ran".into());
            AssertUnwindSafe(host.execute(permit)).catch_unwind().await.unwrap_or_else(panicked)
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|seen, _, _| seen)))
    }
}

impl<H: Host> Handler<Recall> for Post<H> {
    type Result = AtomicResponse<Self, Recalled>;

    fn handle(&mut self, Recall(op, slot): Recall, _: &mut Context<Self>) -> Self::Result {
        let host = Arc::clone(&self.0);
        let work = async move {
            let _slot = slot;
            let panicked = |_| Recalled::Unknown("the Executor panicked while it looked".into());
            AssertUnwindSafe(host.recall(&op)).catch_unwind().await.unwrap_or_else(panicked)
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|recalled, _, _| recalled)))
    }
}
