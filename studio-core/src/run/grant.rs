//! What a grant lets happen, and what was done before it.

use super::{Place, Run, StepRecord, StepState, number};
use crate::event::{Basis, Mode};
use crate::gate::Effect;
use crate::step::{Op, StepNo};
use crate::warrant::{Head, Warrant};

/// What a grant lets happen, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Which try of which step, on whose word.
    pub(crate) warrant: Box<Warrant>,
    /// How many tries of the same command came before it.
    pub(crate) seen: u32,
}

impl Run {
    /// Returns the grant that stands at `place`, where the journal's sum is `head`; nothing if the run is not at it.
    pub(crate) fn granted(&self, place: Place, head: Head) -> Option<Grant> {
        let at = self.steps.iter().position(|record| match &record.state {
            StepState::Granted(granted) => *granted == place,
            StepState::Probing(probing) => probing.place == place,
            StepState::Waiting
            | StepState::Judged
            | StepState::Asked(_)
            | StepState::Approved(_)
            | StepState::Skipped(_)
            | StepState::Ended(_)
            | StepState::Overdue(..)
            | StepState::Unknown(_)
            | StepState::Confirmed(_)
            | StepState::Settled(_) => false,
        })?;
        let record = &self.steps[at];
        let tried = |other: &&StepRecord| other.basis.is_some() && other.step.argv == record.step.argv;
        let before: u32 = self.steps[..at].iter().filter(tried).map(|other| other.again + 1).sum();
        let warrant = self.warrant(&self.op(at)?, place.epoch, head)?;
        let probes = if matches!(record.state, StepState::Probing(_)) { 1 } else { 0 };
        Some(Grant { warrant: Box::new(warrant), seen: before + record.again + probes })
    }

    /// Returns what is granted, or was, as that op.
    pub(crate) fn warrant(&self, op: &Op, epoch: u32, journal: Head) -> Option<Warrant> {
        let (record, opened) = (self.step(op.step)?, self.opened()?);
        let (judgement, basis, approval, store) = match &record.state {
            StepState::Probing(probing) => (&probing.judgement, Basis::Auto, None, probing.store.clone()),
            StepState::Waiting
            | StepState::Judged
            | StepState::Asked(_)
            | StepState::Approved(_)
            | StepState::Skipped(_)
            | StepState::Granted(_)
            | StepState::Ended(_)
            | StepState::Overdue(..)
            | StepState::Unknown(_)
            | StepState::Confirmed(_)
            | StepState::Settled(_) => {
                (record.judgement.as_ref()?, record.basis.clone().unwrap_or(Basis::Auto), record.approval.clone(), record.store.clone())
            }
        };
        Some(Warrant {
            op: op.clone(),
            epoch,
            journal,
            store,
            ticket: opened.ticket.id.clone(),
            step: record.running(),
            stage: opened.ticket.stage,
            cluster: opened.ticket.cluster.clone(),
            base: opened.base.clone(),
            commit: self.committed.clone(),
            edits: if opened.mode == Mode::Live { self.change()?.edits.clone() } else { Vec::new() },
            policy: self.policy()?.clone(),
            effect: judgement.digest.clone(),
            programs: judgement.programs.clone(),
            basis,
            before: record.before.clone(),
            approval,
        })
    }

    /// Returns the earlier step of this run that had the same one-shot effect as step `at`, if any.
    pub(super) fn done_before(&self, at: usize) -> Option<StepNo> {
        let record = self.steps.get(at)?;
        if record.judgement.as_ref().is_none_or(|judgement| judgement.effect == Effect::Read) {
            return None;
        }
        let key = |other: &StepRecord| other.step.argv == record.step.argv && other.step.target == record.step.target;
        let done = |other: &StepRecord| matches!(other.state, StepState::Ended(_) | StepState::Settled(_) | StepState::Confirmed(_));
        self.steps[..at].iter().position(|other| key(other) && done(other)).map(number)
    }
}
