//! Chores: what is done for a run beside its journal and outside any host, each safe to do again.

use crate::name::{BranchName, CommitId, RunId, TicketId};
use crate::plan::Edit;
use crate::text::Prose;
use crate::ticket::{Stage, Ticket};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who does chores. A chore that was interrupted is asked for again with the same order, and must
/// come to the same result.
#[async_trait]
pub trait Chores: Send + Sync {
    /// Says whether the ticket still stands as it was read and is to be done, right before something of it
    /// is granted.
    async fn stands(&self, run: &RunId, ticket: &Ticket) -> Result<(), ChoreError>;

    /// Commits a change on the Engineer's branch, and returns the commit.
    async fn commit(&self, order: CommitOrder) -> Result<CommitId, ChoreError>;

    /// Marks a ticket as done where it stands, and says where that was. The change, if there is one, is
    /// delivered by that: it must still fit the files it was made on.
    async fn tick(&self, run: &RunId, ticket: &Ticket, change: Option<&CommitOrder>) -> Result<String, ChoreError>;
}

/// A change to commit. Equal orders make equal commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommitOrder {
    /// The run.
    pub run: RunId,
    /// Its ticket.
    pub ticket: TicketId,
    /// The stage of its ticket.
    pub stage: Stage,
    /// The branch. It must not exist, stand at `replaces`, or stand at this very commit already.
    pub branch: BranchName,
    /// The commit that the edits are made on, and the parent.
    pub base: CommitId,
    /// What an earlier round of the run committed there.
    pub replaces: Option<CommitId>,
    /// The edits, in order.
    pub edits: Vec<Edit>,
    /// What the change does.
    pub summary: Prose,
    /// When it was handed over: the commit's date.
    pub at: Timestamp,
}

/// Nobody does chores: for rehearsals, which commit and tick nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoChores;

#[async_trait]
impl Chores for NoChores {
    async fn stands(&self, _: &RunId, _: &Ticket) -> Result<(), ChoreError> {
        Ok(())
    }

    async fn commit(&self, _: CommitOrder) -> Result<CommitId, ChoreError> {
        Err(ChoreError::Refused("nobody commits here: a rehearsal leaves no branch".into()))
    }

    async fn tick(&self, _: &RunId, _: &Ticket, _: Option<&CommitOrder>) -> Result<String, ChoreError> {
        Err(ChoreError::Refused("nobody ticks here: a rehearsal marks nothing as done".into()))
    }
}

/// A chore that was not done, or nobody knows whether it was. Asking again is safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoreError {
    /// Whoever does chores is gone.
    #[error("the Executor is gone: {0}; resume the run to go on")]
    Gone(String),
    /// It cannot be done as things stand.
    #[error("{0}")]
    Refused(String),
}
