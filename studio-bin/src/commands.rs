//! One file a command.

pub(crate) mod answer;
pub(crate) mod demo;
pub(crate) mod init;
pub(crate) mod log;
pub(crate) mod replay;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod tickets;
pub(crate) mod verify;
