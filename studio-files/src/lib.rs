//! The files of a user's repository: tickets come in through [`intake`], reports go out through
//! [`report_file`].
//!
//! Everything here reads and writes the checkout by whole files, follows no symlinks, and knows
//! neither hosts nor models. What it reads was written by others: it becomes a type of the core, or
//! an error that names file and line.

pub mod add;
pub mod audit;
pub mod curation;
pub mod diff;
mod disk;
pub mod ignore;
pub mod intake;
pub mod inventory;
pub mod memory;
pub mod projection;
pub mod rehearsal;
pub mod report;
pub mod report_file;
pub mod retention;
pub mod scout;
pub mod stage;
pub mod tick;
mod yaml;

pub use disk::{DiskError, create, remove};
