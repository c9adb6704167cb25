//! The Executor: a process of its own, the only one that touches hosts and holds credentials.
//!
//! A runtime starts it and speaks with it over one socket: [`wire`] are the messages, [`client`] the
//! runtime's end, [`server`] the Executor's. The Executor trusts nothing it is told: it judges a step again,
//! verifies the approval again, and starts an op at most once, whoever asks.

mod artifacts;
mod attend;
pub mod client;
mod cluster;
mod content;
mod diary;
mod fit;
mod folder;
mod log;
mod may;
mod program;
mod same;
pub mod server;
mod setting;
mod side;
mod step;
mod sums;
#[cfg(test)]
mod tests;
mod values;
mod verify;
pub mod wire;

use crate::claim::{ClaimStore, Entry, Moment};
use crate::git::GitRepo;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use studio_core::approval::Approvers;
use studio_core::clock::Clock;
use studio_core::gate::Gate;
use studio_gate::{Hours, Registration};
use wire::WireError;

pub use client::{Link, LiveHost};
pub use diary::own_log;
pub use fit::fit;
pub use server::serve;
pub use sums::Sums;

/// Reads the list of approvers as it stands now.
pub type ReadApprovers = Box<dyn Fn() -> Result<Box<dyn Approvers>, String> + Send>;

/// Reads the scripts that humans registered, as far as their signatures hold now.
pub type ReadRegistrations = Box<dyn Fn() -> Result<Vec<Registration>, String> + Send>;

/// What an Executor works with.
pub struct Place {
    /// The repository.
    pub repo: GitRepo,
    /// The rules.
    pub gate: Arc<dyn Gate>,
    /// Whose word counts: read afresh for each warrant.
    pub approvers: ReadApprovers,
    /// What is registered: read afresh for each warrant.
    pub registrations: ReadRegistrations,
    /// Where ops are claimed.
    pub claims: ClaimStore,
    /// How our own binary becomes a shim.
    pub entry: Entry,
    /// Since when it serves: whoever was told to stop later begins nothing.
    pub since: Moment,
    /// When changes are made.
    pub hours: Hours,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The operator's folders of programs, looked at after the system's.
    pub bin_dirs: Vec<PathBuf>,
    /// What the programs hold that it looked at.
    pub sums: Sums,
    /// How the Engineer's branch is called: see `BranchName::of_engineer`.
    pub branch: String,
}

impl Place {
    /// Returns where programs are looked for: never in the repository.
    fn programs(&self) -> program::Programs {
        program::Programs::of(&self.bin_dirs, &[self.repo.root(), self.repo.common_dir()])
    }
}

/// Returns where a step's program is found: in the system's folders or in `more`, never elsewhere.
///
/// # Errors
/// It is not there, or others could change it.
pub fn find_program(name: &str, more: &[PathBuf]) -> Result<PathBuf, String> {
    program::Programs::of(more, &[]).find(name).map_err(|error| error.to_string())
}

/// Why an Executor cannot be started, or stopped serving.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// No process.
    #[error("failed to start the Executor {0:?}: {1}")]
    Start(PathBuf, io::Error),
    /// Nothing that runs tasks.
    #[error("the Executor's link needs a tokio runtime: start it inside one")]
    NoRuntime,
    /// It said nothing, or something else.
    #[error("the Executor did not greet: {0}; is the program that was started this studio?")]
    NoHello(String),
    /// The conversation failed.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Its log.
    #[error("failed to write the Executor's log {0:?}: {1}")]
    Log(PathBuf, io::Error),
    /// It goes on.
    #[error("the Executor (process {0}) is still at work after {1} seconds; it was left running, and ends when its step does")]
    Busy(u32, u64),
}
