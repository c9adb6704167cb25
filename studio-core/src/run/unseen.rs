//! Steps whose end nobody saw, and the ways out: by what a second run would mean, a read, or a human.

use super::apply::{Step, must};
use super::{Next, Place, Run, StepRecord, StepState, number};
use crate::event::{Approvals, Basis, Mode, Opened, Outcome, Parked};
use crate::gate::{Class, Effect, Judgement, Verdict};
use crate::limits::{ATTEMPTS_MAX, PROBES_MAX, UNSEEN_TRIES_MAX};
use crate::name::StoreId;
use crate::step::{self, Op, Seconds};
use crate::text::Prose;
use serde::Serialize;
use std::fmt;

/// What is known of a try whose end nobody saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// Why nobody knows.
    pub why: String,
    /// How many reads that should tell were lost themselves.
    pub lost: u32,
    /// What a read said.
    pub said: Option<Said>,
    /// Whether a human was asked for another try and refused.
    pub refused: bool,
}

/// A try whose end nobody saw, while a human is asked about another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// What is known of it.
    pub unseen: Unseen,
    /// Which try it was.
    pub attempt: u32,
}

/// What a read says about a step that it does not confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// It looked, and what it looked for is not there.
    DidNot(String),
    /// It could not tell.
    Unclear(String),
}

/// A read that looks whether a step happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probing {
    /// What is known so far.
    pub unseen: Unseen,
    /// Where it was granted.
    pub place: Place,
    /// What the rules say about it.
    pub judgement: Judgement,
    /// The store where it is claimed: the try it looks for may be claimed in another.
    pub store: Option<StoreId>,
}

/// Whose read it is: only that of the rules may lead to a second run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prover {
    /// The rules name it.
    Rules,
    /// The runbook does.
    Runbook,
}

impl StepRecord {
    /// Returns the read that tells whether this step happened, as a step, and whose it is.
    pub fn prober(&self) -> Option<(step::Step, Prover)> {
        let rules = self.judgement.as_ref().and_then(|judgement| judgement.probe.as_ref()).map(|probe| (probe, Prover::Rules));
        let (probe, prover) = rules.or_else(|| Some((self.step.probe.as_ref()?, Prover::Runbook)))?;
        let step = step::Step {
            name: self.step.name.clone(),
            argv: probe.argv.clone(),
            target: self.step.target.clone(),
            why: Prose::tamed(&format!("whether step {} happened", self.step.name)),
            expect: probe.expect.clone(),
            probe: None,
            undo: None,
            timeout_seconds: Seconds::default(),
        };
        Some((step, prover))
    }

    /// Returns the step that its current op runs: the read, while one looks.
    pub fn running(&self) -> step::Step {
        let read = matches!(self.state, StepState::Probing(_)).then(|| self.prober()).flatten();
        read.map_or_else(|| self.step.clone(), |(step, _)| step)
    }

    /// Returns the number for its next op.
    pub(super) fn following(&self) -> u32 {
        self.attempt.max(self.probe) + 1
    }

    /// Goes on to the try with that number, if it is another one.
    pub(super) fn tries(&mut self, attempt: u32) {
        if attempt != self.attempt {
            (self.attempt, self.again) = (attempt, self.again + 1);
        }
    }

    /// A human is asked about the try with that number; what nobody knows of the one before is not forgotten.
    pub(super) fn doubts(&mut self, attempt: u32) {
        if let StepState::Unknown(unseen) = &self.state {
            self.doubt = Some(Box::new(Doubt { unseen: unseen.clone(), attempt: self.attempt }));
        }
        self.tries(attempt);
    }

    /// There is no other try: the one before is as unknown as it was. True if there was such a one.
    pub(super) fn reverts(&mut self, refused: bool) -> bool {
        let Some(doubt) = self.doubt.take() else { return false };
        let Doubt { unseen, attempt } = *doubt;
        // The number of what was asked about is spent.
        (self.probe, self.attempt, self.again) = (self.probe.max(self.attempt), attempt, self.again.saturating_sub(1));
        (self.approval, self.state) = (None, StepState::Unknown(Unseen { refused, ..unseen }));
        true
    }
}

impl Run {
    /// Says what to do about a try whose end nobody saw.
    pub(super) fn unknown(&self, opened: &Opened, at: usize, record: &StepRecord, unseen: &Unseen) -> Next {
        let (Some(judgement), Some(id)) = (&record.judgement, &self.id) else { return Next::Judge(number(at)) };
        let op = Op { run: id.clone(), step: number(at), attempt: record.following() };
        let prover = record.prober().map(|(_, prover)| prover);
        if unseen.said.is_none() && prover.is_some() && judgement.effect != Effect::Read {
            return Next::Probe(op);
        }
        let absent = prover == Some(Prover::Rules) && matches!(unseen.said, Some(Said::DidNot(_)));
        let again = match judgement.effect {
            Effect::Read => record.again + 1 < ATTEMPTS_MAX,
            Effect::Idempotent => record.again < UNSEEN_TRIES_MAX,
            Effect::Probed => absent && record.again < UNSEEN_TRIES_MAX,
            Effect::OneShot => false,
        };
        if !again || unseen.refused {
            let why = format!("nobody knows whether step {} ran ({unseen}): look, then say so with settle", op.step);
            return Next::Park(Parked::NeedsHuman, why);
        }
        match self.must_ask(at, judgement) {
            None => Next::Grant { op, basis: Basis::Auto },
            Some(_) if opened.mode == Mode::Simulate && opened.approvals == Approvals::Assume => Next::Grant { op, basis: Basis::Assumed },
            Some(why) => Next::AskHuman { op, why: format!("it may have run already ({unseen}), and again is harmless by the rules; {why}") },
        }
    }

    pub(super) fn step_unknown(&mut self, op: &Op, why: &str) -> Step {
        let asked = self.next();
        let record =
            self.at_op(op, |state| matches!(state, StepState::Granted(_) | StepState::Overdue(..) | StepState::Probing(_) | StepState::Unknown(_)))?;
        let unseen = match &record.state {
            StepState::Probing(probing) => {
                let lost = probing.unseen.lost + 1;
                let said = (lost >= PROBES_MAX).then(|| Said::Unclear(why.into()));
                Unseen { lost, said, ..probing.unseen.clone() }
            }
            StepState::Unknown(unseen) => {
                must(matches!(asked, Next::Probe(_)), "that is known already")?;
                Unseen { said: Some(Said::Unclear(why.into())), ..unseen.clone() }
            }
            StepState::Granted(_)
            | StepState::Overdue(..)
            | StepState::Waiting
            | StepState::Judged
            | StepState::Asked(_)
            | StepState::Approved(_)
            | StepState::Skipped(_)
            | StepState::Ended(_)
            | StepState::Confirmed(_)
            | StepState::Settled(_) => Unseen { why: why.into(), lost: 0, said: None, refused: false },
        };
        record.state = StepState::Unknown(unseen);
        Ok(())
    }

    pub(super) fn step_overdue(&mut self, place: Place, op: &Op, why: &str) -> Step {
        let record = self.at_op(op, |state| matches!(state, StepState::Granted(_) | StepState::Overdue(..) | StepState::Unknown(_)))?;
        record.state = StepState::Overdue(place, why.into());
        Ok(())
    }

    pub(super) fn probe_granted(&mut self, place: Place, op: &Op, judgement: &Judgement, store: Option<&StoreId>) -> Step {
        let next = self.next();
        let record = self.record(op.step)?;
        must(judgement.class == Class::Observe && judgement.verdict == Verdict::Auto, "what looks whether a step happened must be a plain read")?;
        let unseen = match (&record.state, &next) {
            (StepState::Unknown(unseen), Next::Probe(wanted)) if wanted == op => unseen.clone(),
            (StepState::Probing(probing), Next::Recall(open)) if open == op && probing.place.epoch < place.epoch => probing.unseen.clone(),
            (_, _) => return Err("no read is wanted".into()),
        };
        record.probe = op.attempt;
        record.state = StepState::Probing(Box::new(Probing { unseen, place, judgement: judgement.clone(), store: store.cloned() }));
        Ok(())
    }

    /// What a read saw: it happened, it did not, or it cannot tell.
    pub(super) fn probed(record: &mut StepRecord, unseen: Unseen, outcome: &Outcome) {
        let prover = record.prober().map_or(Prover::Runbook, |(_, prover)| prover);
        record.state = if outcome.misses.is_empty() {
            StepState::Confirmed(prover)
        } else {
            let words = outcome.words();
            let said = if outcome.exit == Some(0) { Said::DidNot(words) } else { Said::Unclear(words) };
            StepState::Unknown(Unseen { said: Some(said), ..unseen })
        };
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        if self.refused {
            f.write_str("; another try was refused")?;
        }
        match &self.said {
            Some(Said::DidNot(words)) => write!(f, "; a read says it did not happen: {words}"),
            Some(Said::Unclear(words)) => write!(f, "; a read could not tell: {words}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Prover::Rules => "the rules' own read",
            Prover::Runbook => "a read of the runbook",
        })
    }
}
