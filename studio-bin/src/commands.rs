//! One file a command.

pub(crate) mod add;
pub(crate) mod adopt;
pub(crate) mod answer;
pub(crate) mod audit;
pub(crate) mod cancel;
pub(crate) mod curate;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod freeze;
pub(crate) mod gc;
pub(crate) mod init;
pub(crate) mod judge;
pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod policy;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod tickets;
pub(crate) mod trace;
pub(crate) mod trust;
pub(crate) mod verify;
