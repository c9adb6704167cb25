//! Everything that came of a command and is still there: whoever holds its claim, in whatever group or session.

use super::process::Process;
use super::record::{self, Claim, decode};
use super::store::ClaimStore;
use rustix::process::{Signal, pidfd_send_signal};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use studio_core::step::Op;

impl ClaimStore {
    /// Returns the processes of a command, without its shim, as far as this user may see them. One that
    /// closed all its descriptors is not among them.
    ///
    /// # Errors
    /// There is no claim that can be read, or no `/proc`.
    pub fn tree(&self, op: &Op) -> io::Result<Vec<Process>> {
        let names = self.names(op);
        let file = record::open(&names.claim())?.ok_or(io::ErrorKind::NotFound)?;
        let seen = file.metadata()?;
        let shim = match decode(&record::bytes(&file)?, names.op()).map_err(io::Error::other)? {
            Claim::Begun(begun) => [begun.shim, begun.second],
            Claim::Tombstone(_) => return Ok(Vec::new()),
        };
        drop(file); // or this process would be one of them
        let pids = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let holds = |pid: &i32| {
            let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            open.filter_map(|entry| fs::metadata(entry.path()).ok()).any(|file| (file.dev(), file.ino()) == (seen.dev(), seen.ino()))
        };
        Ok(pids.filter(holds).filter_map(Process::of).filter(|process| !shim.contains(process)).collect())
    }

    /// Asks every process of a command to end, or kills it; the shim is left alone, and records what comes of
    /// it. Returns how many there were. Again until there are none: what is being born escapes one call.
    ///
    /// # Errors
    /// Those of [`ClaimStore::tree`].
    pub fn stop(&self, op: &Op, kill: bool) -> io::Result<usize> {
        let tree = self.tree(op)?;
        for process in &tree {
            if let Some(watched) = process.watch() {
                // If it is over meanwhile, so much the better.
                let _told = pidfd_send_signal(watched, if kill { Signal::KILL } else { Signal::TERM });
            }
        }
        Ok(tree.len())
    }
}
