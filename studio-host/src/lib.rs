//! Where the Studio meets the machine: the only crate that starts a process.
//!
//! It starts two kinds: the [`executor`] of a live run, and what that runs, one approved or listed step at a
//! time. The user's repository is read and written in process, see [`git`]: objects and refs are data here,
//! and nothing of a repository (hooks, filters, helpers, settings) is run or obeyed.

pub mod claim;
pub mod executor;
pub mod git;
