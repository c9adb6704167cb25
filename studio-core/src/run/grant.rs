//! What a grant lets happen, and what was done before it.

use super::{Place, Run, StepRecord, StepState, number};
use crate::event::Mode;
use crate::gate::Effect;
use crate::step::StepNo;
use crate::warrant::Warrant;

/// What a grant lets happen, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Which try of which step, on whose word.
    pub(crate) warrant: Box<Warrant>,
    /// How many tries of the same command came before it.
    pub(crate) seen: u32,
}

impl Run {
    /// Returns the grant that stands at `place`; nothing if the run is not at it.
    pub(crate) fn granted(&self, place: Place) -> Option<Grant> {
        let at = self.steps.iter().position(|record| record.state == StepState::Granted(place))?;
        let record = &self.steps[at];
        let tried = |other: &&StepRecord| other.basis.is_some() && other.step.argv == record.step.argv;
        let before: u32 = self.steps[..at].iter().filter(tried).map(|other| other.attempt).sum();
        let opened = self.opened()?;
        let warrant = Warrant {
            op: self.op(at)?,
            step: record.step.clone(),
            stage: opened.ticket.stage,
            cluster: opened.ticket.cluster.clone(),
            base: opened.base.clone(),
            commit: self.committed.clone(),
            edits: if opened.mode == Mode::Live { self.change()?.edits.clone() } else { Vec::new() },
            policy: opened.policy.clone(),
            effect: record.judgement.as_ref()?.digest.clone(),
            basis: record.basis.clone()?,
            approval: record.approval.clone(),
        };
        Some(Grant { warrant: Box::new(warrant), seen: before + record.attempt - 1 })
    }

    /// Returns the earlier step of this run that had the same one-shot effect as step `at`, if any.
    pub(super) fn done_before(&self, at: usize) -> Option<StepNo> {
        let record = self.steps.get(at)?;
        if record.judgement.as_ref().is_none_or(|judgement| judgement.effect == Effect::Read) {
            return None;
        }
        let key = |other: &StepRecord| other.step.argv == record.step.argv && other.step.target == record.step.target;
        let done = |other: &StepRecord| matches!(other.state, StepState::Ended(_) | StepState::Settled(_));
        self.steps[..at].iter().position(|other| key(other) && done(other)).map(number)
    }
}
