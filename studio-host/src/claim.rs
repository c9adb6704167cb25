//! Claims: the record, kept by the machine where a command runs, that it was begun and how it ended.
//!
//! A command runs once because its claim can be linked once, by a process of its own that
//! outlives whoever asked for it ([`mod@shim`]). What became of a command is read from
//! the claim, its lock and its exit record, and from nothing else ([`look`]). The [`store`] that holds them
//! lies outside every repository and has an id that a grant names, so that an empty one proves something.
//! Beside claims it keeps what runs must know of each other: which ops have the same effect, what a run
//! [holds], whether all is frozen or to stop ([marks]), and how far each journal came ([mod@anchor]).

pub mod anchor;
mod at_work;
mod disk;
mod effects;
mod ground;
pub mod holds;
mod ledger;
mod lock;
pub mod look;
pub mod marks;
pub mod process;
pub mod record;
mod shelf;
pub mod shim;
pub mod spawn;
mod stage;
pub mod store;
mod sweep;
mod talk;
#[cfg(test)]
pub(crate) mod tests;
mod tree;

use record::RecordError;
use std::io;
use std::path::PathBuf;
use store::StoreId;
use studio_core::limits::{HOLD_PATHS_MAX, HOLD_TARGETS_MAX};
use studio_core::name::RunId;
use studio_core::step::Op;

pub use anchor::Anchor;
pub use holds::Hold;
pub use look::{Finished, Look, Stream};
pub use marks::Freeze;
pub use process::{Expiry, Moment};
pub use shim::{Answer, ShimOrder, Task, shim};
pub use spawn::{Entry, Ready, Shim};
pub use store::ClaimStore;

/// A store of claims that cannot be used, or a claim that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// What the disk said.
    #[error("failed to {act} {path:?}: {source}; nothing was begun by this: mend it, then try again")]
    Disk {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// Somebody else's folder.
    #[error("{0:?} belongs to user {1}, not to this one ({2}): work as that user, or adopt the repository here")]
    Foreign(PathBuf, u32, u32),
    /// Not a folder of ours.
    #[error("{0:?} is no folder, or one that others may enter: move it away, or chmod 700 it")]
    Open(PathBuf),
    /// A file system that loses links or locks.
    #[error("{0:?} is on {1}, which cannot hold claims: put the state folder on a local disk, with XDG_STATE_HOME")]
    Ground(PathBuf, &'static str),
    /// Tried, and it did not hold.
    #[error("{0:?} cannot hold claims: {1}; put the state folder on a local disk, with XDG_STATE_HOME")]
    Mechanics(PathBuf, String),
    /// Nobody to try it out with.
    #[error("{0:?} could not be tried out, since the process that helps with that was killed or hung ({1}): try again; nothing was changed")]
    Helper(PathBuf, String),
    /// A record that is none.
    #[error("{0:?} cannot be believed: {1}")]
    Record(PathBuf, RecordError),
    /// Not the store that was meant.
    #[error("{0:?} is store {1}, not {2}: it was replaced, so what it does not hold proves nothing")]
    Replaced(PathBuf, StoreId, StoreId),
    /// A runtime that was overtaken.
    #[error("run {0} was resumed as life {1} since, so life {2} of it may not begin anything: stop it")]
    Overtaken(RunId, u32, u32),
    /// Somebody holds a lock of the store.
    #[error("{0:?} has been locked for {1} seconds: look who holds it")]
    Locked(PathBuf, u64),
    /// Too late for that.
    #[error("{0} has a claim already: it was begun or given up, look at it")]
    Taken(Op),
    /// A list over its limit.
    #[error("{0:?} holds {1} entries, and more than that are not looked at: end or settle what they are of")]
    Full(PathBuf, usize),
    /// Something that nobody of ours put there.
    #[error("{0:?} is nothing that a store of claims holds: move it away")]
    Stray(PathBuf),
    /// Another run is at work there.
    #[error("run {0} holds {1}: finish or cancel it (studio status {0}), then resume")]
    Held(RunId, String),
    /// A run that wants too much at once.
    #[error("run {0} would hold more than {HOLD_TARGETS_MAX} targets or {HOLD_PATHS_MAX} paths: split its ticket")]
    Wide(RunId),
    /// An older journal than one that was seen.
    #[error("the journal of run {0} was set back: n {1} was seen, this is n {2}; bring back the newer one, or cancel the run")]
    SetBack(RunId, u64, u64),
    /// Another journal than the one that was seen.
    #[error("the journal of run {0} was rewritten: n {1} was seen with another hash; bring back the one that was, or cancel the run")]
    Rewritten(RunId, u64),
    /// A process that did not start.
    #[error("failed to start the shim {0:?}: {1}")]
    Start(PathBuf, io::Error),
    /// A process that said nothing.
    #[error("the shim of {0} ended or hung without an answer ({1}): look at its claim before anything else")]
    Silent(Op, String),
}
