//! Folding what happens to steps: judged, asked about, granted, ended, unknown, settled.

use super::apply::{Step, must};
use super::{Next, Phase, Place, Run, StepRecord, StepState, number};
use crate::approval::{Signed, Word};
use crate::crew::post;
use crate::dossier::Remark;
use crate::event::{Basis, Closing, Outcome};
use crate::gate::{Class, Judgement, Verdict};
use crate::name::{Digest, StoreId};
use crate::step::{Op, StepNo};
use crate::text::Prose;
use jiff::Timestamp;

impl Run {
    pub(super) fn step_judged(&mut self, no: StepNo, judgement: &Judgement, before: &[Op]) -> Step {
        must(self.next() == Next::Judge(no), "it is not this step's turn")?;
        let record = self.record(no)?;
        (record.judgement, record.before, record.state) = (Some(judgement.clone()), before.to_vec(), StepState::Judged);
        let name = record.step.name.clone();
        if record.read_back.is_some() && (judgement.class != Class::Observe || judgement.verdict != Verdict::Auto) {
            self.feedback.push(Remark { by: post("gate"), text: Prose::tamed(&format!("the check {name} is no plain read: {}", judgement.why)) });
            self.send_back(Phase::Draft);
        } else if matches!(judgement.verdict, Verdict::ScriptOnly | Verdict::Refuse) {
            let better = judgement.better.as_ref().map(|better| format!("; better: {better}")).unwrap_or_default();
            self.refused(&format!("step {name} is {} ({}): {}{better}", judgement.verdict, judgement.class, judgement.why));
        }
        Ok(())
    }

    pub(super) fn approval_asked(&mut self, op: &Op, effect: &Digest, expires: Timestamp) -> Step {
        must(matches!(self.next(), Next::AskHuman { op: open, .. } if open == *op), "nobody is to be asked")?;
        let record = self.record(op.step)?;
        must(record.judgement.as_ref().is_some_and(|judgement| judgement.digest == *effect), "its effect is not the one that was judged")?;
        record.doubts(op.attempt);
        record.state = StepState::Asked(expires);
        Ok(())
    }

    pub(super) fn approval_given(&mut self, signed: &Signed) -> Step {
        let record = self.answered(signed, Word::Approve)?;
        must(matches!(record.state, StepState::Asked(_)), "it is approved already")?;
        (record.approval, record.state) = (Some(Box::new(signed.clone())), StepState::Approved(signed.statement.by.clone()));
        Ok(())
    }

    pub(super) fn approval_refused(&mut self, signed: &Signed) -> Step {
        let record = self.answered(signed, Word::Deny)?;
        if record.reverts(true) {
            return Ok(()); // a no to another try says nothing about the one before
        }
        let name = record.step.name.clone();
        let reason = signed.statement.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        self.refused(&format!("{} refused step {name}{reason}", signed.statement.by));
        Ok(())
    }

    /// Returns the step a human was asked about, if `signed` answers that very question with `word`.
    fn answered(&mut self, signed: &Signed, word: Word) -> Result<&mut StepRecord, String> {
        must(signed.statement.word == word, "the statement says something else")?;
        let record = self.at_op(&signed.statement.op, |state| matches!(state, StepState::Asked(_) | StepState::Approved(_)))?;
        let same = record.judgement.as_ref().is_some_and(|judgement| judgement.digest == signed.statement.effect);
        must(same, "it was signed for another effect")?;
        Ok(record)
    }

    /// A question lapsed, or a word does not count any more: it is asked again. An op that was granted
    /// in an earlier life comes here only when its host closed it: it is judged again, as another op.
    pub(super) fn approval_expired(&mut self, place: Place, op: &Op, again: bool) -> Step {
        let record = self.at_op(op, |state| match state {
            StepState::Judged => again,
            StepState::Asked(_) | StepState::Approved(_) => true,
            StepState::Granted(granted) => *granted < place,
            StepState::Waiting
            | StepState::Skipped(_)
            | StepState::Ended(_)
            | StepState::Overdue(..)
            | StepState::Unknown(_)
            | StepState::Probing(_)
            | StepState::Confirmed(_)
            | StepState::Settled(_) => false,
        })?;
        if matches!(record.state, StepState::Asked(_) | StepState::Approved(_)) && record.reverts(false) {
            return Ok(());
        }
        let closed = matches!(record.state, StepState::Granted(_));
        (record.approval, record.basis, record.state) = (None, None, StepState::Judged);
        if again {
            (record.judgement, record.state) = (None, StepState::Waiting);
        }
        if again && closed {
            record.attempt = record.following();
        }
        Ok(())
    }

    pub(super) fn step_granted(&mut self, place: Place, op: &Op, basis: &Basis, store: Option<&StoreId>) -> Step {
        let next = self.next();
        let record = self.record(op.step)?;
        let again = match (&next, &record.state) {
            (Next::Recall(open), StepState::Granted(granted)) => open == op && granted.epoch < place.epoch && record.basis.as_ref() == Some(basis),
            (_, _) => false,
        };
        must(again || next == Next::Grant { op: op.clone(), basis: basis.clone() }, "nobody agreed to it, or it is not its turn")?;
        record.tries(op.attempt);
        record.doubt = None;
        (record.basis, record.store, record.state) = (Some(basis.clone()), store.cloned(), StepState::Granted(place));
        Ok(())
    }

    pub(super) fn step_ended(&mut self, op: &Op, outcome: &Outcome) -> Step {
        // An end may also be found out about after nobody knew it.
        let open =
            |state: &StepState| matches!(state, StepState::Granted(_) | StepState::Overdue(..) | StepState::Probing(_) | StepState::Unknown(_));
        let record = self.at_op(op, open)?;
        if let StepState::Probing(probing) = &record.state {
            let unseen = probing.unseen.clone();
            Run::probed(record, unseen, outcome);
            return Ok(());
        }
        record.state = StepState::Ended(outcome.clone());
        let (name, read_back) = (record.step.name.clone(), record.read_back.is_some());
        if !outcome.misses.is_empty() && !read_back {
            self.failed(&format!("step {name} did not end as it should: {}", outcome.misses.join("; ")));
        }
        Ok(())
    }

    pub(super) fn step_settled(&mut self, signed: &Signed) -> Step {
        let statement = &signed.statement;
        let record = self.at_op(&statement.op, |state| matches!(state, StepState::Unknown(_)))?;
        must(record.judgement.as_ref().is_some_and(|judgement| judgement.digest == statement.effect), "it was signed for another effect")?;
        let name = record.step.name.clone();
        match statement.word {
            Word::Happened => record.state = StepState::Settled(statement.by.clone()),
            Word::DidNot => {
                record.tries(record.following());
                (record.approval, record.basis, record.state) = (None, None, StepState::Judged);
            }
            Word::Abort => self.phase = Phase::Ending(Closing::Failed, format!("{} gave the run up at step {name}", statement.by)),
            Word::Approve | Word::Deny | Word::Cancel => return Err("the statement settles nothing".into()),
        }
        Ok(())
    }

    /// Says whether `signed` cancels the run as it stands.
    pub(super) fn cancelled(&self, state: Closing, signed: &Signed) -> Step {
        let statement = &signed.statement;
        must(state == Closing::Cancelled && statement.word == Word::Cancel, "the statement cancels nothing")?;
        must(Some(&statement.op.run) == self.id.as_ref(), "it is about another run")?;
        must(!self.may_run(), "a step may be running")
    }

    /// Returns the ops that were granted and have no end: each may be running now.
    pub fn open_ops(&self) -> Vec<Op> {
        let may_run = |record: &StepRecord| matches!(record.state, StepState::Granted(_) | StepState::Overdue(..) | StepState::Probing(_));
        let open = (0..).zip(&self.steps).filter(|(_, record)| may_run(record));
        open.filter_map(|(at, _)| self.op(at)).collect()
    }

    /// Returns the last life in which an op was granted that has no end; 0 if there is none.
    pub fn open_life(&self) -> u32 {
        let place = |record: &StepRecord| {
            if let StepState::Granted(place) | StepState::Overdue(place, _) = &record.state {
                place.epoch
            } else if let StepState::Probing(probing) = &record.state {
                probing.place.epoch
            } else {
                0
            }
        };
        self.steps.iter().map(place).max().unwrap_or(0)
    }

    /// Says whether a step may be running now.
    pub(crate) fn may_run(&self) -> bool {
        !self.open_ops().is_empty()
    }

    pub(super) fn record(&mut self, no: StepNo) -> Result<&mut StepRecord, String> {
        let at = usize::try_from(no.0).ok().and_then(|no| no.checked_sub(1));
        at.and_then(|at| self.steps.get_mut(at)).ok_or_else(|| "the run has no such step".into())
    }

    /// Returns the step that `op` is about, if it is this step's turn, this try, and its state is right.
    pub(super) fn at_op(&mut self, op: &Op, right: impl Fn(&StepState) -> bool) -> Result<&mut StepRecord, String> {
        must(self.phase == Phase::Work && Some(&op.run) == self.id.as_ref(), "it belongs to another run, or no steps are run now")?;
        let at = self.current().filter(|at| number(*at) == op.step).ok_or("it is not this step's turn")?;
        let record = &mut self.steps[at];
        let current = if matches!(record.state, StepState::Probing(_)) { record.probe } else { record.attempt };
        must(current == op.attempt && right(&record.state), "the step does not stand there")?;
        Ok(record)
    }
}
