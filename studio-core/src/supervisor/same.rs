//! What must be the same when a run goes on: machine, rules, files, mode, and every word that was given.

use super::{RunError, Supervisor, possible};
use crate::event::Event;
use crate::gate::{EditVerdict, judge_edits};
use crate::journal::{Journal, Log};
use crate::name::Digest;
use crate::permit::Cuts;
use crate::run::StepState;
use crate::step::{Op, StepNo};
use crate::store::Store;

impl<S: Store, A: Cuts<S>> Supervisor<S, A> {
    /// A run goes on where it began: same machine, rules, files and kind of host.
    pub(super) fn same_place(&self, install: &str, machine: &str) -> Result<(), RunError> {
        let Some(opened) = self.run.opened() else { return Err(RunError::NotOpen) };
        possible::<A>(opened.mode)?;
        if let Some((_, theirs)) = self.run.home().filter(|home| *home != (install, machine)) {
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

    /// The journal's chain has no key, so what it says that humans and rules said is looked at again:
    /// every signature, and the judgement of every step that could still run.
    pub(super) fn same_words(&self, log: &Log, other_rules: bool) -> Result<(), RunError> {
        for entry in &log.entries {
            if let Some(signed) = entry.event.signed() {
                let believed = signed.clone().believe(self.parts.approvers.as_ref(), entry.at);
                believed.map_err(|error| RunError::Unsigned { n: entry.place.n, error })?;
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

/// Takes a run over, to be worked by that install on that machine with another store of claims: what may
/// have run elsewhere is unknown from here on. Returns those ops; nothing of a run that is over.
///
/// # Errors
/// The journal makes no sense, or failed.
pub async fn adopt<S: Store>(mut journal: Journal<S>, log: &Log, install: String, machine: String) -> Result<Vec<Op>, RunError> {
    let mut run = log.fold()?;
    if run.closed().is_some() {
        return Ok(Vec::new());
    }
    let open = run.open_ops();
    let why = "it was granted elsewhere, and the run was adopted since: what became of it is not recorded here";
    let unknown = open.iter().map(|op| Event::StepUnknown { op: op.clone(), why: why.into() });
    let events = std::iter::once(Event::RunResumed { install, machine, policy: None }).chain(unknown).collect();
    journal.record(&mut run, events).await?;
    journal.barrier().await?;
    Ok(open)
}
