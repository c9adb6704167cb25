//! A doer of chores with a memory: a branch that moves by comparison only, a ticket that is ticked, and who asked how often.

use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use studio_core::chores::{ChoreError, Chores, CommitOrder};
use studio_core::name::{CommitId, Digest, RelPath, RunId};
use studio_core::ticket::Ticket;
use studio_core::tree::{MemoryTree, Tree, TreeError};

/// Chores whose effects outlive a power cut, as real ones would.
#[derive(Clone, Default)]
pub struct LedgerChores(Arc<Mutex<Done>>);

/// What was done.
#[derive(Clone, Default)]
pub struct Done {
    /// Every order that was carried out, the same one once.
    pub orders: Vec<CommitOrder>,
    /// Where the branch stands.
    pub branch: Option<CommitId>,
    /// How often the ticket was asked to be ticked.
    pub ticks: u32,
    /// Why the ticket is not to be done any more, if it is not.
    pub fallen: Option<String>,
    /// What stands against the next chore, if anything does.
    pub against: Option<ChoreError>,
}

impl LedgerChores {
    /// Returns what was done so far.
    pub fn done(&self) -> Done {
        self.0.lock().unwrap().clone()
    }

    /// Lets the ticket be done with, or stand again.
    pub fn fall(&self, why: Option<&str>) {
        self.0.lock().unwrap().fallen = why.map(Into::into);
    }

    /// Lets the next chore fail like this.
    pub fn fail_next(&self, error: ChoreError) {
        self.0.lock().unwrap().against = Some(error);
    }
}

#[async_trait]
impl Chores for LedgerChores {
    async fn stands(&self, _: &RunId, _: &Ticket) -> Result<(), ChoreError> {
        match self.0.lock().unwrap().fallen.clone() {
            Some(why) => Err(ChoreError::Refused(why)),
            None => Ok(()),
        }
    }

    async fn commit(&self, order: CommitOrder) -> Result<CommitId, ChoreError> {
        let mut done = self.0.lock().unwrap();
        if let Some(error) = done.against.take() {
            return Err(error);
        }
        let commit = Digest::blake3(serde_json::to_string(&order).unwrap().as_bytes()).as_str()[..40].to_string();
        let commit = CommitId::try_from(commit).unwrap();
        if done.branch != Some(commit.clone()) {
            if done.branch != order.replaces {
                return Err(ChoreError::Refused("the branch stands elsewhere".into()));
            }
            done.orders.push(order);
            done.branch = Some(commit.clone());
        }
        Ok(commit)
    }

    async fn tick(&self, _: &RunId, ticket: &Ticket, _: Option<&CommitOrder>) -> Result<String, ChoreError> {
        let mut done = self.0.lock().unwrap();
        if let Some(error) = done.against.take() {
            return Err(error);
        }
        done.ticks += 1;
        Ok(ticket.source.to_string())
    }
}

/// Files in memory that stand at a commit.
pub struct CommittedTree(pub MemoryTree);

impl Tree for CommittedTree {
    fn read(&self, path: &RelPath) -> Result<Option<Vec<u8>>, TreeError> {
        self.0.read(path)
    }

    fn list(&self, most: usize) -> Result<Vec<RelPath>, TreeError> {
        self.0.list(most)
    }

    fn commit(&self) -> Option<CommitId> {
        CommitId::try_from("c0ffee".repeat(7)[..40].to_string()).ok()
    }
}
