//! What of a run is at work now, whichever copy of the repository it belongs to.

use super::store::ClaimStore;
use super::{ClaimError, Look};
use std::fs;
use studio_core::name::RunId;
use studio_core::step::{Op, StepNo};

impl ClaimStore {
    /// Returns the ops of a run that run now, each with a process that waits for it, if one does.
    ///
    /// # Errors
    /// The claims cannot be listed, which is no sign that nothing runs.
    pub fn at_work(&self, run: &RunId) -> Result<Vec<(Op, Option<i32>)>, ClaimError> {
        let failed = |source| ClaimError::Disk { act: "list", path: self.folder(), source };
        let mut working = Vec::new();
        for entry in fs::read_dir(self.folder()).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let Some(op) = name.to_str().and_then(|name| op_of(run, name)) else { continue };
            match self.look(&op, self.id()) {
                Look::Running { pid } => working.push((op, Some(pid))),
                Look::Orphan => working.push((op, None)),
                Look::NeverBegan | Look::Unknown(_) | Look::Ended(_) | Look::Tombstone(_) => {}
            }
        }
        working.sort_unstable();
        Ok(working)
    }
}

/// Returns the op of that run whose claim has that name.
fn op_of(run: &RunId, name: &str) -> Option<Op> {
    let (step, attempt) = name.strip_prefix(run.as_str())?.strip_prefix('.')?.split_once('.')?;
    let op = Op { run: run.clone(), step: StepNo(step.parse().ok()?), attempt: attempt.parse().ok()? };
    (op.to_string() == name).then_some(op)
}
