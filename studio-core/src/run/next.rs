//! What comes next: a pure look at the state.

use super::{Next, Phase, Run, StepRecord, StepState, number};
use crate::dossier::{Checkpoint, ReviewPoint};
use crate::event::{Approvals, Basis, Closing, Limit, Mode, Opened, Parked, Planned};
use crate::gate::{Class, Judgement, Verdict};
use crate::name::Label;
use crate::step::{Op, StepNo};

impl Run {
    /// Says what to do now. Looks at nothing but the state.
    pub fn next(&self) -> Next {
        let Some(opened) = self.opened() else { return Next::Park(Parked::NeedsHuman, "the journal is empty: no ticket was opened".into()) };
        if let Phase::Closed(state, _) = &self.phase {
            return Next::Over(*state);
        }
        if let Some((limit, why)) = &self.limit {
            return match limit.means() {
                Ok(state) => Next::Close(state, why.clone()),
                Err(parked) => Next::Park(parked, why.clone()),
            };
        }
        if let Some(question) = &self.stuck {
            return Next::Limit(Limit::SameFailure, question.clone());
        }
        let limits = &opened.limits;
        if self.rounds_are_spent() && !matches!(self.phase, Phase::Ending(..)) {
            let last = self.feedback.last().map(|remark| format!("; the last word, of {}: {}", remark.by, remark.text)).unwrap_or_default();
            return Next::Limit(Limit::Rounds, format!("the work was sent back {} times{last}", self.round - 1));
        }
        if self.objections > limits.objections_max {
            return Next::Limit(Limit::Objections, format!("the Engineer objected to the plan {} times", self.objections));
        }
        match &self.phase {
            Phase::Empty => Next::Park(Parked::NeedsHuman, "the journal is empty".into()),
            Phase::Draft | Phase::Consider if opened.planned == Planned::Rule => Next::PlanByRule,
            Phase::Draft => Next::Plan,
            Phase::Consider => Next::Consider,
            Phase::Prepare => {
                let prepare = if opened.planned == Planned::Rule { Next::PlanByRule } else { Next::Prepare };
                self.adviser(opened, Checkpoint::AfterPlan, None).unwrap_or(prepare)
            }
            Phase::Work => self.work(opened),
            Phase::Ending(state, why) => self.end(opened, *state, why),
            Phase::Closed(state, _) => Next::Over(*state),
        }
    }

    /// Says whether the run is about to close, and how.
    pub(super) fn about_to_close(&self) -> Option<Closing> {
        match self.next() {
            Next::Narrate(state) | Next::Close(state, _) => Some(state),
            Next::PlanByRule
            | Next::Plan
            | Next::Consider
            | Next::Prepare
            | Next::Advise { .. }
            | Next::Review(_)
            | Next::Commit
            | Next::Tick
            | Next::Judge(_)
            | Next::AskHuman { .. }
            | Next::Await { .. }
            | Next::Grant { .. }
            | Next::Recall(_)
            | Next::Probe(_)
            | Next::Check(_)
            | Next::Limit(..)
            | Next::Park(..)
            | Next::Over(_) => None,
        }
    }

    /// The whole round is judged before anything of it runs, so that a bad last step is found
    /// before a first one has changed anything.
    fn work(&self, opened: &Opened) -> Next {
        let edited = self.change.as_ref().is_some_and(|change| !change.edits.is_empty());
        if opened.mode == Mode::Live && edited && !self.in_commit {
            return Next::Commit;
        }
        let round = &self.steps[self.round_start..];
        if let Some(at) = round.iter().position(|record| record.state == StepState::Waiting) {
            return Next::Judge(number(self.round_start + at));
        }
        if round.iter().all(|record| record.state == StepState::Judged) {
            if let Some(advise) = self.adviser(opened, Checkpoint::BeforeDelivery, None) {
                return advise;
            }
            let something = self.change.as_ref().is_some_and(|change| !change.edits.is_empty() || !change.runbook.is_empty());
            if opened.crew.reviewer && opened.planned == Planned::Crew && something && !self.reviewed.contains(&ReviewPoint::BeforeDelivery) {
                return Next::Review(ReviewPoint::BeforeDelivery);
            }
        }
        let current = self.current();
        let before = current.unwrap_or(self.steps.len());
        if before > self.round_start
            && let Some(advise) = self.adviser(opened, Checkpoint::AfterStep, Some(number(before - 1)))
        {
            return advise;
        }
        match current {
            Some(at) => self.step_next(opened, at),
            None => self.checks(opened),
        }
    }

    fn step_next(&self, opened: &Opened, at: usize) -> Next {
        let (Some(record), Some(op)) = (self.steps.get(at), self.op(at)) else {
            return Next::Park(Parked::NeedsHuman, "the run has no such step".into());
        };
        match &record.state {
            StepState::Waiting => Next::Judge(number(at)),
            StepState::Judged => self.judged(opened, at, record, op),
            StepState::Asked(expires) => Next::Await { op, expires: *expires },
            StepState::Approved(by) => Next::Grant { op, basis: Basis::Approved(by.clone()) },
            StepState::Granted(_) | StepState::Probing(_) => Next::Recall(op),
            StepState::Overdue(place, _) if place.epoch < self.last.epoch => Next::Recall(op),
            StepState::Overdue(_, why) => {
                Next::Park(Parked::NeedsHuman, format!("step {} runs longer than it may ({why}): resume looks again", op.step))
            }
            StepState::Unknown(unseen) => self.unknown(opened, at, record, unseen),
            StepState::Ended(_) | StepState::Settled(_) | StepState::Confirmed(_) | StepState::Skipped(_) => self.checks(opened),
        }
    }

    fn judged(&self, opened: &Opened, at: usize, record: &StepRecord, op: Op) -> Next {
        if let Some(advise) = self.adviser(opened, Checkpoint::BeforeGrant, Some(number(at))) {
            return advise;
        }
        let Some(judgement) = &record.judgement else { return Next::Judge(number(at)) };
        match self.must_ask(at, judgement) {
            None => Next::Grant { op, basis: Basis::Auto },
            Some(_) if opened.mode == Mode::Simulate && opened.approvals == Approvals::Assume => Next::Grant { op, basis: Basis::Assumed },
            Some(why) => Next::AskHuman { op, why },
        }
    }

    /// Says why a human must agree to the step at `at`, if they must.
    pub(super) fn must_ask(&self, at: usize, judgement: &Judgement) -> Option<String> {
        let here = self.done_before(at).map(|no| format!("the same command has run in this ticket already, as step {no}"));
        let before = self.steps.get(at).and_then(|record| record.before.first());
        let again = here.or(before.map(|op| format!("the same command has run for this ticket already, as {op}, or may have")));
        let unexplained = self.unexplained(at).filter(|_| judgement.class > Class::Observe);
        let unexplained = unexplained.map(|no| format!("step {no} failed and nobody knows why: until a human agrees, only reads follow"));
        let ruled = match judgement.verdict {
            Verdict::Auto => None,
            Verdict::Ask | Verdict::ScriptOnly | Verdict::Refuse => Some(judgement.why.clone()),
        };
        let reasons: Vec<String> = [again, unexplained, ruled].into_iter().flatten().collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    fn checks(&self, opened: &Opened) -> Next {
        let criteria = self.plan.as_ref().map(|plan| plan.criteria.as_slice()).unwrap_or_default();
        if let Some(open) = criteria.iter().find(|criterion| criterion.check.is_some() && !self.findings.contains_key(&criterion.name)) {
            return Next::Check(open.name.clone());
        }
        if opened.crew.reviewer && opened.planned == Planned::Crew && !self.reviewed.contains(&ReviewPoint::AfterExecution) {
            return Next::Review(ReviewPoint::AfterExecution);
        }
        let unchecked: Vec<&Label> = criteria.iter().filter(|criterion| self.unproved(&criterion.name)).map(|criterion| &criterion.name).collect();
        if !unchecked.is_empty() {
            let names = unchecked.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            return Next::Park(
                Parked::NeedsReview,
                format!("no machine can say whether these criteria are met: {names}; look at the report and decide"),
            );
        }
        let state = if opened.mode == Mode::Live { Closing::Done } else { Closing::Rehearsed };
        if state == Closing::Done && self.ticked.is_none() {
            return Next::Tick;
        }
        self.end(opened, state, &format!("{} criteria met by machine checks, {} steps", criteria.len(), self.steps.len()))
    }

    /// Says whether only a human can speak for the criterion: it has no check, or its step was
    /// settled by word.
    fn unproved(&self, name: &Label) -> bool {
        self.findings.get(name).is_none_or(|finding| !finding.met)
    }

    fn end(&self, opened: &Opened, state: Closing, why: &str) -> Next {
        let narrate = opened.crew.narrator && opened.planned == Planned::Crew && self.story.is_none() && self.limit.is_none();
        if narrate { Next::Narrate(state) } else { Next::Close(state, why.to_string()) }
    }

    fn adviser(&self, opened: &Opened, at: Checkpoint, step: Option<StepNo>) -> Option<Next> {
        let due = |name| !self.advised.contains(&super::Advised { by: name, at, round: self.round, step });
        let post = opened.crew.advisers.iter().find(|post| post.at.contains(&at) && due(post.name.clone()))?;
        Some(Next::Advise { by: post.name.clone(), at, step })
    }
}

impl Limit {
    /// Says what a run that reached this limit becomes: over, or parked.
    ///
    /// # Errors
    /// It is parked: `resume` goes on.
    pub fn means(self) -> Result<Closing, Parked> {
        match self {
            Limit::Rounds | Limit::Objections => Ok(Closing::OutOfRounds),
            Limit::ModelCalls | Limit::Tokens => Ok(Closing::OutOfBudget),
            Limit::Repairs | Limit::Model | Limit::TurnTime | Limit::Restarts | Limit::Chore | Limit::SameFailure => Err(Parked::NeedsHuman),
            Limit::Setting => Err(Parked::NeedsSetting),
        }
    }
}
