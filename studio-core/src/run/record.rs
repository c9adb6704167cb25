//! One step of a run, and where it stands.

use super::{Doubt, Place, Probing, Prover, Unseen};
use crate::approval::Signed;
use crate::event::{Basis, Outcome};
use crate::gate::Judgement;
use crate::name::{Approver, Label, StoreId};
use crate::step::{Op, Step};
use jiff::Timestamp;
use serde::Serialize;

/// A step and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepRecord {
    /// The step.
    pub step: Step,
    /// The criterion it reads back for; none for a step of the runbook.
    pub read_back: Option<Label>,
    /// The round it belongs to.
    pub round: u32,
    /// The try it is at, from 1.
    pub attempt: u32,
    /// How many tries came before it.
    #[serde(skip_serializing_if = "none")]
    pub again: u32,
    /// The number of the last read that looked whether it happened: numbers are shared with tries.
    #[serde(skip_serializing_if = "none")]
    pub probe: u32,
    /// The try before, if nobody saw its end and a human is asked about another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Box<Doubt>>,
    /// What the rules said.
    pub judgement: Option<Judgement>,
    /// Ops of earlier runs of its ticket that had its effect, or may have had it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Op>,
    /// A human's word about it, as it was signed.
    pub approval: Option<Box<Signed>>,
    /// On whose word it was granted.
    pub basis: Option<Basis>,
    /// The store where it is claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    /// Where it stands.
    pub state: StepState,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Not judged yet.
    Waiting,
    /// Judged; see the judgement.
    Judged,
    /// A human is asked, until then.
    Asked(Timestamp),
    /// A human agreed.
    Approved(Approver),
    /// The rules, a human or an adviser refused, or the round was given up before it.
    Skipped(String),
    /// It may have run.
    Granted(Place),
    /// It ended.
    Ended(Outcome),
    /// It ran longer than it may when somebody looked, at that place.
    Overdue(Place, String),
    /// Nobody knows whether it ran.
    Unknown(Unseen),
    /// Nobody knows, and a read looks.
    Probing(Box<Probing>),
    /// A read says that it happened.
    Confirmed(Prover),
    /// A human says it happened.
    Settled(Approver),
}

impl StepRecord {
    /// Says whether a machine saw that it ended as it should, or that it happened: a criterion may rest on it.
    pub fn is_proved(&self) -> bool {
        match &self.state {
            StepState::Ended(outcome) => outcome.misses.is_empty(),
            StepState::Confirmed(prover) => *prover == Prover::Rules,
            StepState::Waiting
            | StepState::Judged
            | StepState::Asked(_)
            | StepState::Approved(_)
            | StepState::Skipped(_)
            | StepState::Granted(_)
            | StepState::Overdue(..)
            | StepState::Unknown(_)
            | StepState::Probing(_)
            | StepState::Settled(_) => false,
        }
    }

    /// Says whether it ended as it should, or a read or a human says it happened.
    pub fn went_well(&self) -> bool {
        match &self.state {
            StepState::Ended(outcome) => outcome.misses.is_empty(),
            StepState::Settled(_) | StepState::Confirmed(_) => true,
            StepState::Waiting
            | StepState::Judged
            | StepState::Asked(_)
            | StepState::Approved(_)
            | StepState::Skipped(_)
            | StepState::Granted(_)
            | StepState::Overdue(..)
            | StepState::Unknown(_)
            | StepState::Probing(_) => false,
        }
    }
}

pub(super) fn none(number: &u32) -> bool {
    *number == 0
}
