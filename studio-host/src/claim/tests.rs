//! Claims as a whole: real shims and real commands, and what is left when some of them are killed.

mod damage;
pub(crate) mod lab;
mod power;
mod races;
mod runs;
mod storm;
mod table;
