//! What must be the same when a run goes on: machine, rules, files, mode, and every word that was given.

use super::{RunError, Supervisor, possible};
use crate::gate::{EditVerdict, judge_edits};
use crate::journal::Log;
use crate::name::Digest;
use crate::permit::Cuts;
use crate::run::StepState;
use crate::spoken::{Spoken, Standing, spoken};
use crate::step::StepNo;
use crate::store::Store;

/// Where a run goes on, and how much of its journal something outside it vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    /// The install that goes on.
    pub install: String,
    /// Its machine.
    pub machine: String,
    /// The last line that the store of claims saw as it stands; 0 where nothing did.
    pub vouched: u64,
}

impl<S: Store, A: Cuts<S>> Supervisor<S, A> {
    /// A run goes on where it began: same machine, rules, files and kind of host.
    pub(super) fn same_place(&self, Here { install, machine, .. }: &Here) -> Result<(), RunError> {
        let Some(opened) = self.run.opened() else { return Err(RunError::NotOpen) };
        possible::<A>(opened.mode)?;
        if let Some((_, theirs)) = self.run.home().filter(|home| *home != (install.as_str(), machine.as_str())) {
            return Err(RunError::Elsewhere { machine: theirs.into() });
        }
        if opened.base != self.parts.tree.commit() {
            return Err(RunError::OtherBase);
        }
        Ok(())
    }

    /// Returns the digest of the rules, if they are others than the run was judged by so far: what was
    /// not granted is judged again.
    ///
    /// # Errors
    /// They would not let the edits of this round pass.
    pub(super) fn other_rules(&self) -> Result<Option<Digest>, RunError> {
        let (Some(opened), Some(then)) = (self.run.opened(), self.run.policy()) else { return Err(RunError::NotOpen) };
        let now = self.parts.gate.policy();
        if *then == now {
            return Ok(None);
        }
        let edits = self.run.change().map(|change| change.edits.as_slice()).unwrap_or_default();
        let judged = judge_edits(self.parts.gate.as_ref(), self.parts.tree.as_ref(), edits, opened.ticket.stage)?;
        if judged.iter().all(|judged| matches!(judged.verdict, EditVerdict::Pass | EditVerdict::Gate)) {
            Ok(Some(now))
        } else {
            Err(RunError::OtherRules { then: then.clone(), now })
        }
    }

    /// The journal's chain has no key, so what it says that humans and rules said is looked at again: every
    /// signature, and the judgement of every step that could still run. A word of somebody who has left since
    /// stands if the store of claims saw it, or if nothing came of it: it is verified again before anything does.
    pub(super) fn same_words(&self, log: &Log, vouched: u64, other_rules: bool) -> Result<(), RunError> {
        for Spoken { n, standing, .. } in spoken(log, self.parts.approvers.as_ref(), vouched) {
            if let Standing::Void(error) = standing {
                return Err(RunError::Unsigned { n, error });
            }
        }
        for (at, record) in self.run.steps().iter().enumerate().filter(|_| self.run.closed().is_none()) {
            let no = StepNo(u32::try_from(at + 1).unwrap_or(u32::MAX));
            let over = matches!(
                record.state,
                StepState::Ended(_) | StepState::Settled(_) | StepState::Confirmed(_) | StepState::Skipped(_) | StepState::Waiting
            );
            if !over && !other_rules && record.judgement.as_ref() != Some(&self.judgement(no)?) {
                return Err(RunError::JudgedOtherwise(no));
            }
        }
        Ok(())
    }
}
