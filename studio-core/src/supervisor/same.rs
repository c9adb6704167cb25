//! What must be the same when a run goes on: machine, rules, files, mode, and every word that was given.

use super::{RunError, Supervisor, possible};
use crate::journal::Log;
use crate::permit::Cuts;
use crate::run::StepState;
use crate::step::StepNo;
use crate::store::Store;

impl<S: Store, A: Cuts<S>> Supervisor<S, A> {
    /// A run goes on where it began: same machine, rules, files and kind of host.
    pub(super) fn same_place(&self, install: &str, machine: &str) -> Result<(), RunError> {
        let Some(opened) = self.run.opened() else { return Err(RunError::NotOpen) };
        possible::<A>(opened.mode)?;
        if opened.machine != machine || opened.install != install {
            return Err(RunError::Elsewhere { machine: opened.machine.clone() });
        }
        let rules = self.parts.gate.policy();
        if opened.policy != rules {
            return Err(RunError::OtherRules { then: opened.policy.clone(), now: rules });
        }
        if opened.base != self.parts.tree.commit() {
            return Err(RunError::OtherBase);
        }
        Ok(())
    }

    /// The journal's chain has no key, so what it says that humans and rules said is looked at again:
    /// every signature, and the judgement of every step that could still run.
    pub(super) fn same_words(&self, log: &Log) -> Result<(), RunError> {
        for entry in &log.entries {
            if let Some(signed) = entry.event.signed() {
                let believed = signed.clone().believe(self.parts.approvers.as_ref(), entry.at);
                believed.map_err(|error| RunError::Unsigned { n: entry.place.n, error })?;
            }
        }
        for (at, record) in self.run.steps().iter().enumerate().filter(|_| self.run.closed().is_none()) {
            let no = StepNo(u32::try_from(at + 1).unwrap_or(u32::MAX));
            let over = matches!(record.state, StepState::Ended(_) | StepState::Settled(_) | StepState::Skipped(_) | StepState::Waiting);
            if !over && record.judgement.as_ref() != Some(&self.judgement(no)?) {
                return Err(RunError::JudgedOtherwise(no));
            }
        }
        Ok(())
    }
}
