//! The loop of the Studio: a ticket goes in, a journal comes out, and the only thing that touches a
//! machine is a permit.
//!
//! A ticket moves one way through this crate, and each module is one stop:
//!
//! 1. [`ticket`] says what is wanted; [`plan`] and [`step`] what will be done and how a machine will know.
//! 2. [`event`] is what can happen to a run; [`journal`] keeps it, [`store`] on a disk.
//!    [`failure`] is what is kept of a step that did not end as it should.
//! 3. [`run`] folds the journal and says what comes [`Next`](run::Next).
//! 4. [`gate`] judges a step; [`approval`] is a human's word about it, [`program`] which file it starts.
//! 5. [`permit`] is the right to touch a host, once; [`host`] is where it is spent, [`warrant`] what it
//!    says to another process. [`chores`] are what a run leaves beside its journal.
//! 6. [`persona`] does the thinking; it holds no permit and cannot make one. [`dossier`] is what it
//!    reads and answers, [`crew`] who sits where, [`model`] what it thinks with.
//! 7. [`supervisor`] is the only loop and the only router: next, act, record, repeat. [`replay`] is
//!    the same loop with everything from outside taken from a journal.
//!
//! Values and decisions are pure. Nothing here starts a process, opens a socket, reads the
//! environment or takes the time by itself, and only [`store`] touches files.

pub mod approval;
pub mod chores;
pub mod clock;
pub mod closure;
pub mod crew;
pub mod curation;
pub mod dossier;
pub mod encoding;
pub mod event;
pub mod expect;
pub mod failure;
pub mod gate;
pub mod host;
pub mod journal;
mod layout;
pub mod limits;
pub mod model;
pub mod name;
pub mod permit;
pub mod persona;
pub mod place;
pub mod plan;
mod pretend;
pub mod program;
pub mod redact;
pub mod replay;
pub mod run;
mod seat;
pub mod spoken;
pub mod step;
pub mod store;
pub mod supervisor;
pub mod text;
pub mod ticket;
pub mod token;
pub mod tree;
pub mod warrant;
