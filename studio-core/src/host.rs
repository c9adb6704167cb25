//! Hosts: where a permit is spent, and the Executor actor that stands before them.

use crate::event::{Artifact, Sealed};
use crate::limits::MAILBOX_MAX;
use crate::name::{Digest, StoreId};
use crate::permit::Permit;
use crate::program::Program;
use crate::step::Op;
use crate::warrant::Warrant;
use actix::prelude::{Actor, ActorFutureExt, AtomicResponse, Context, Handler, Message, Recipient, WrapFuture};
use async_trait::async_trait;
use futures_util::FutureExt;
use std::collections::BTreeSet;
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

    /// Says what became of an op that was granted in an earlier life of the Studio, and waits for it as long as
    /// it may run. It begins nothing.
    async fn recall(&self, warrant: &Warrant) -> Recalled;

    /// Sees to it that an op which did not begin never will; says what became of it if it did.
    async fn close(&self, warrant: &Warrant, why: &str) -> Recalled;

    /// Returns the ops that had an effect, or may have had it: see [`Warrant::effect_key`].
    ///
    /// # Errors
    /// Its records cannot be read, so nobody knows.
    async fn done(&self, key: &Digest) -> Result<Vec<Op>, String>;

    /// Returns the files that these names of programs mean where it runs steps; what is not there is left out, and
    /// so is everything where nothing is real.
    ///
    /// # Errors
    /// Nobody can look, or one of them cannot be read.
    async fn programs(&self, names: &BTreeSet<String>) -> Result<Vec<Program>, String>;

    /// Returns the store where it claims ops; none where nothing is real.
    fn store(&self) -> Option<StoreId>;
}

/// What was seen of an op.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It ended.
    Ended(Ended),
    /// It was refused where it should have run, and did not begin.
    Refused(String),
    /// Nothing may begin now; the same op may later.
    Held(String),
    /// It runs still, longer than it may, and nobody may end it.
    Overdue(String),
    /// It may have run; nobody saw how it ended, and nobody will.
    Lost(String),
    /// Whoever would say so is out of reach: what is recorded where it runs can be asked for later.
    Gone(String),
}

/// What a refused step misses begins so.
pub const REFUSED: &str = "it was refused and did not run: ";

/// What became of an op of an earlier life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// The host's record answers, and holds nothing of it: it never began.
    NeverBegan,
    /// It ended while nobody looked.
    Ended(Ended),
    /// It did not begin, and never will.
    Refused(String),
    /// It runs still, longer than it may.
    Overdue(String),
    /// Nobody can say.
    Unknown(String),
    /// Nobody can be asked now.
    Gone(String),
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
    /// What else is not as it should be: a step that has any did not succeed.
    pub notes: Vec<String>,
    /// What binds the journal to the host's record; none where hosts are pretended.
    pub sealed: Option<Sealed>,
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
    look: Recipient<Look>,
    done: Recipient<Done>,
    find: Recipient<Find>,
    slots: Arc<Semaphore>,
    store: Option<StoreId>,
}

/// Run the step this permit is for. Whoever can send this holds the right to.
struct Execute<M> {
    permit: Permit<M>,
    slot: OwnedSemaphorePermit,
}

/// What became of this op? With a reason: it must not begin any more.
struct Look {
    warrant: Box<Warrant>,
    close: Option<String>,
    slot: OwnedSemaphorePermit,
}

/// Who had this effect?
struct Done(Digest, OwnedSemaphorePermit);

/// Which files are these?
struct Find(BTreeSet<String>, OwnedSemaphorePermit);

/// The actor in front of a host: one op at a time.
struct Post<H>(Arc<H>);

impl<M: Debug + Send + 'static> Executor<M> {
    /// Puts an Executor in front of `host`. Needs an actix system or a tokio `LocalSet`.
    pub fn before<H: Host<Mode = M>>(host: H) -> Executor<M> {
        let store = host.store();
        let post = Post(Arc::new(host)).start();
        let slots = Arc::new(Semaphore::new(MAILBOX_MAX));
        Executor {
            execute: post.clone().recipient(),
            look: post.clone().recipient(),
            done: post.clone().recipient(),
            find: post.recipient(),
            slots,
            store,
        }
    }

    pub(crate) fn store(&self) -> Option<StoreId> {
        self.store.clone()
    }

    pub(crate) async fn execute(&self, permit: Permit<M>) -> Seen {
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return Seen::Gone(CLOSED.into()) };
        self.execute.send(Execute { permit, slot }).await.unwrap_or_else(|error| Seen::Gone(error.to_string()))
    }

    pub(crate) async fn recall(&self, warrant: Warrant) -> Recalled {
        self.look(warrant, None).await
    }

    pub(crate) async fn close(&self, warrant: Warrant, why: &str) -> Recalled {
        self.look(warrant, Some(why.into())).await
    }

    pub(crate) async fn done(&self, key: Digest) -> Result<Vec<Op>, String> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| CLOSED)?;
        self.done.send(Done(key, slot)).await.map_err(|error| error.to_string())?
    }

    pub(crate) async fn programs(&self, names: BTreeSet<String>) -> Result<Vec<Program>, String> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| CLOSED)?;
        self.find.send(Find(names, slot)).await.map_err(|error| error.to_string())?
    }

    async fn look(&self, warrant: Warrant, close: Option<String>) -> Recalled {
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return Recalled::Gone(CLOSED.into()) };
        self.look.send(Look { warrant: Box::new(warrant), close, slot }).await.unwrap_or_else(|error| Recalled::Gone(error.to_string()))
    }
}

const CLOSED: &str = "its mailbox is closed";

impl<M: Debug + Send + 'static> Clone for Executor<M> {
    fn clone(&self) -> Self {
        Executor {
            execute: self.execute.clone(),
            look: self.look.clone(),
            done: self.done.clone(),
            find: self.find.clone(),
            slots: Arc::clone(&self.slots),
            store: self.store(),
        }
    }
}

impl<M: 'static> Message for Execute<M> {
    type Result = Seen;
}

impl Message for Look {
    type Result = Recalled;
}

impl Message for Done {
    type Result = Result<Vec<Op>, String>;
}

impl Message for Find {
    type Result = Result<Vec<Program>, String>;
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
            let panicked = |_| Seen::Gone("it panicked while the step ran".into());
            AssertUnwindSafe(host.execute(permit)).catch_unwind().await.unwrap_or_else(panicked)
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|seen, _, _| seen)))
    }
}

impl<H: Host> Handler<Look> for Post<H> {
    type Result = AtomicResponse<Self, Recalled>;

    fn handle(&mut self, Look { warrant, close, slot }: Look, _: &mut Context<Self>) -> Self::Result {
        let host = Arc::clone(&self.0);
        let work = async move {
            let _slot = slot;
            let looked = async {
                match close {
                    Some(why) => host.close(&warrant, &why).await,
                    None => host.recall(&warrant).await,
                }
            };
            let panicked = |_| Recalled::Gone("it panicked while it looked".into());
            AssertUnwindSafe(looked).catch_unwind().await.unwrap_or_else(panicked)
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|recalled, _, _| recalled)))
    }
}

impl<H: Host> Handler<Done> for Post<H> {
    type Result = AtomicResponse<Self, Result<Vec<Op>, String>>;

    fn handle(&mut self, Done(key, slot): Done, _: &mut Context<Self>) -> Self::Result {
        let host = Arc::clone(&self.0);
        let work = async move {
            let _slot = slot;
            AssertUnwindSafe(host.done(&key)).catch_unwind().await.unwrap_or_else(|_| Err("it panicked while it looked".into()))
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|done, _, _| done)))
    }
}

impl<H: Host> Handler<Find> for Post<H> {
    type Result = AtomicResponse<Self, Result<Vec<Program>, String>>;

    fn handle(&mut self, Find(names, slot): Find, _: &mut Context<Self>) -> Self::Result {
        let host = Arc::clone(&self.0);
        let work = async move {
            let _slot = slot;
            AssertUnwindSafe(host.programs(&names)).catch_unwind().await.unwrap_or_else(|_| Err("it panicked while it looked".into()))
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|found, _, _| found)))
    }
}
