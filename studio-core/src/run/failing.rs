//! Failures of a run: the same one goes up, to the Engineer, the Planner, a human; one that nobody understands lets only reads follow.

use super::{Phase, Run, StepRecord, StepState, number};
use crate::crew::post;
use crate::dossier::{FailureView, Remark};
use crate::event::{Basis, Closing};
use crate::failure::Failure;
use crate::limits::{FAILURES_TOLD_MAX, SAME_FAILURE_HUMAN, SAME_FAILURE_PLANNER};
use crate::step::StepNo;
use crate::text::{Prose, one_line};
use std::collections::BTreeSet;

/// How much of each command that was tried a question shows, in characters.
const TRIED_CHARS: usize = 120;

impl StepRecord {
    /// Returns what is known of its failure, if it ended otherwise than it should.
    pub fn failure(&self) -> Option<&Failure> {
        if let StepState::Ended(outcome) = &self.state { outcome.failure.as_deref() } else { None }
    }
}

impl Run {
    /// The work did not do what it should: back to the Engineer; to the Planner and to a human, where it
    /// fails in the same way again and again; or the end, where a rule planned.
    pub(super) fn failed(&mut self, why: &str) {
        let Some((at, times)) = self.same() else { return self.taken_back(why, Closing::Failed) };
        let failure = self.steps.get(at).and_then(StepRecord::failure).map(ToString::to_string).unwrap_or_default();
        let again = match times {
            1 => String::new(),
            2 => "; it is the same failure as before: another cause must be found".into(),
            SAME_FAILURE_PLANNER => format!("; {times} rounds ended with this failure: the plan does not work, another one is wanted"),
            _ => format!("; {times} rounds ended with this failure"),
        };
        let why = format!("{why}; it is {failure}{again}");
        if self.planned_by_rule() {
            return self.taken_back(&why, Closing::Failed);
        }
        let question = self.question(at, times);
        self.feedback.push(Remark { by: post("gate"), text: Prose::tamed(&why) });
        self.send_back(if times == SAME_FAILURE_PLANNER { Phase::Draft } else { Phase::Prepare });
        let spent = times >= SAME_FAILURE_PLANNER && self.rounds_are_spent();
        self.stuck = (times >= SAME_FAILURE_HUMAN || spent).then_some(question);
    }

    /// Says whether no round is left, those included that humans gave.
    pub(super) fn rounds_are_spent(&self) -> bool {
        self.opened().is_some_and(|opened| self.round > opened.limits.rounds_max.saturating_add(self.given))
    }

    /// Returns the step of this round whose failure ended the most rounds, and how many it ended.
    fn same(&self) -> Option<(usize, u32)> {
        let here = (self.round_start..self.steps.len()).filter_map(|at| Some((at, self.steps.get(at)?.failure()?)));
        let counted = here.map(|(at, failure)| (at, u32::try_from(self.alike(failure).map(|record| record.round).collect::<BTreeSet<_>>().len())));
        counted.filter_map(|(at, times)| Some((at, times.ok()?))).max_by_key(|(at, times)| (*times, std::cmp::Reverse(*at)))
    }

    /// Returns the steps that ended with that failure, in order.
    fn alike<'a>(&'a self, failure: &'a Failure) -> impl Iterator<Item = &'a StepRecord> {
        self.steps.iter().filter(|record| record.failure().is_some_and(|other| other.identity == failure.identity))
    }

    /// Asks the one thing that only a human knows: which step, what it said, what was tried.
    fn question(&self, at: usize, times: u32) -> String {
        let Some((record, failure)) = self.steps.get(at).and_then(|record| Some((record, record.failure()?))) else { return String::new() };
        let tried: BTreeSet<String> = self.alike(failure).map(|record| one_line(&record.step.argv.to_string(), TRIED_CHARS)).collect();
        let tried = tried.into_iter().collect::<Vec<_>>().join(" | ");
        let outside = if failure.external { "outside of what it does " } else { "" };
        format!(
            "what has to change {outside}before step {} ({}) on {} can go well? It ended {times} rounds with the same failure, {failure}. \
             Tried: {tried}. Mend it, then resume; or cancel the run",
            number(at),
            record.step.name,
            record.step.target,
        )
    }

    /// Returns the step before `at` that failed in a way that nobody understands, if no human agreed to anything since.
    pub(super) fn unexplained(&self, at: usize) -> Option<StepNo> {
        let before = self.steps.get(..at)?;
        let agreed = |record: &StepRecord| matches!(record.basis, Some(Basis::Approved(_) | Basis::Assumed));
        let odd = before.iter().rposition(|record| record.failure().is_some_and(|failure| !failure.is_understood()))?;
        let answered = before.iter().skip(odd + 1).any(agreed);
        (!answered).then(|| number(odd))
    }

    /// Returns the last failures as personas are told them: each once, as it was the last time, oldest first.
    pub(super) fn told_failures(&self) -> Vec<FailureView> {
        let mut told: Vec<FailureView> = Vec::new();
        for (at, record) in self.steps.iter().enumerate().rev() {
            let Some(failure) = record.failure() else { continue };
            if told.len() < FAILURES_TOLD_MAX && told.iter().all(|other| other.failure.identity != failure.identity) {
                let times = u32::try_from(self.alike(failure).count()).unwrap_or(u32::MAX);
                told.push(FailureView { no: number(at), argv: record.step.argv.clone(), times, failure: failure.clone() });
            }
        }
        told.reverse();
        told
    }
}
