//! Where the Studio meets the machine: the only crate that may ever start a process.
//!
//! In this version it starts none. It reads the user's git repository in process, see [`git`]: objects
//! and refs are data here, and nothing of a repository (hooks, filters, helpers, settings) is run or obeyed.

pub mod executor;
pub mod git;
