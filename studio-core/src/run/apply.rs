//! Folding events: each is legal in few states, and an illegal one changes nothing.

use super::{Advised, Bought, IllegalEvent, Next, Phase, Place, Prover, Question, Run, StepRecord, StepState};
use crate::crew::post;
use crate::dossier::{Advice, Decision, Remark, ReviewPoint};
use crate::event::{Answered, Approvals, Closing, Event, Finding, Limit, Mode, Planned};
use crate::gate::{EditJudgement, EditVerdict};
use crate::model::Usage;
use crate::name::{Digest, Label, PersonaName, RunId};
use crate::plan::{Change, Check, Criterion, Plan};
use crate::text::Prose;

pub(super) type Step = Result<(), String>;

impl Run {
    /// Folds a whole journal.
    ///
    /// # Errors
    /// An event that cannot follow the ones before it.
    pub fn replay<'a>(id: &RunId, events: impl IntoIterator<Item = (Place, &'a Event)>) -> Result<Run, IllegalEvent> {
        events.into_iter().try_fold(Run::default(), |run, (place, event)| run.apply(id, place, event))
    }

    /// Returns the state after `event`.
    ///
    /// # Errors
    /// It cannot follow the ones before it.
    pub fn apply(mut self, id: &RunId, place: Place, event: &Event) -> Result<Run, IllegalEvent> {
        let after = self.last.n;
        self.fold(id, place, event).map_err(|why| IllegalEvent { kind: event.kind(), after, why })?;
        self.last = place;
        Ok(self)
    }

    /// Says whether `event` could come next.
    ///
    /// # Errors
    /// It could not, and why.
    pub fn accepts(&self, event: &Event) -> Result<(), IllegalEvent> {
        self.clone().then(event).map(drop)
    }

    /// Returns the state after `event`, if it came next in the same life.
    pub(crate) fn then(self, event: &Event) -> Result<Run, IllegalEvent> {
        let place = Place { n: self.last.n + 1, epoch: self.last.epoch.max(1) };
        let after = self.last.n;
        let id = self.id.clone().ok_or_else(|| IllegalEvent { kind: event.kind(), after, why: "the run is not open".into() })?;
        self.apply(&id, place, event)
    }

    fn fold(&mut self, id: &RunId, place: Place, event: &Event) -> Step {
        must(place.n == self.last.n + 1 && place.epoch >= self.last.epoch.max(1), "its number or epoch does not follow")?;
        if let Event::RunOpened(opened) = event {
            must(self.phase == Phase::Empty, "the run is open already")?;
            (self.id, self.opened, self.phase, self.round) = (Some(id.clone()), Some(opened.clone()), Phase::Draft, 1);
            return Ok(());
        }
        must(self.id.as_ref() == Some(id), "it belongs to another run, or the run is not open")?;
        must(self.closed().is_none(), "the run is closed")?;
        match event {
            Event::RunOpened(_) => Err("the run is open already".into()),
            Event::RunResumed { install, machine, policy } => {
                self.resumed(install, machine, policy.as_ref());
                Ok(())
            }
            Event::BriefWritten { by, brief } => self.brief_written(by, brief),
            Event::BacklogProposed { proposals, .. } => {
                must(self.phase == Phase::Draft, "no plan is wanted")?;
                self.curation = proposals.clone();
                Ok(())
            }
            Event::PlanProposed { plan, .. } => self.plan_proposed(plan),
            Event::PlanObjected { by, objections } => self.plan_objected(by, objections),
            Event::PlanAgreed { .. } => self.plan_agreed(),
            Event::ModelAsked { persona, turn, prompt, .. } => self.model_asked(persona, *turn, prompt),
            Event::ModelAnswered { persona, turn, answer, usage } => self.model_answered(persona, *turn, answer, usage),
            Event::EditsProposed { by, change, judged } => self.edits_proposed(by, change, judged),
            Event::ChangeCommitted { branch, commit } => {
                let named = self.opened().and_then(|opened| opened.branch.as_ref()) == Some(branch);
                must(self.next() == Next::Commit && named, "no commit is wanted, or not on that branch")?;
                (self.committed, self.in_commit) = (Some(commit.clone()), true);
                Ok(())
            }
            Event::TicketTicked { place } => {
                must(self.next() == Next::Tick, "the ticket is not done")?;
                self.ticked = Some(place.clone());
                Ok(())
            }
            Event::StepJudged { step, judgement, before } => self.step_judged(*step, judgement, before),
            Event::ApprovalAsked { op, effect, expires, .. } => self.approval_asked(op, effect, *expires),
            Event::ApprovalGiven { signed } => self.approval_given(signed),
            Event::ApprovalRefused { signed } => self.approval_refused(signed),
            Event::ApprovalExpired { op, again } => self.approval_expired(place, op, *again),
            Event::StepGranted { op, basis, store } => self.step_granted(place, op, basis, store.as_ref()),
            Event::ProbeGranted { op, judgement, store } => self.probe_granted(place, op, judgement, store.as_ref()),
            Event::StepEnded { op, outcome, .. } => self.step_ended(op, outcome),
            Event::StepOverdue { op, why } => self.step_overdue(place, op, why),
            Event::StepUnknown { op, why } => self.step_unknown(op, why),
            Event::StepSettled { signed } => self.step_settled(signed),
            Event::CriterionChecked { criterion, finding } => self.criterion_checked(criterion, finding),
            Event::ReviewGiven { by, point, decision, notes } => self.review_given(by, *point, *decision, notes),
            Event::AdviceGiven { by, checkpoint, step, advice } => {
                let asked = Advised { by: by.clone(), at: *checkpoint, round: self.round, step: *step };
                self.advice_given(asked, advice)
            }
            Event::LimitReached { limit, why } => {
                must(!self.may_run(), "a step may be running")?;
                self.limit = Some((*limit, why.clone()));
                self.asked = None;
                Ok(())
            }
            Event::RunClosed { state, why, signed } => {
                match signed {
                    Some(signed) => self.cancelled(*state, signed)?,
                    None => must(*state != Closing::Cancelled && self.about_to_close() == Some(*state), "it is not at that end")?,
                }
                self.phase = Phase::Closed(*state, why.clone());
                Ok(())
            }
        }
    }

    /// What parked the run is tried again. Answers that led nowhere are not taken up again, and what was not
    /// granted under other rules is judged by those.
    fn resumed(&mut self, install: &str, machine: &str, policy: Option<&Digest>) {
        if self.home() != Some((install, machine)) {
            self.home = Some((install.into(), machine.into()));
        }
        if let Some(policy) = policy {
            self.rules = Some(policy.clone());
            for record in &mut self.steps[self.round_start..] {
                if matches!(record.state, StepState::Judged | StepState::Asked(_) | StepState::Approved(_)) {
                    (record.judgement, record.approval, record.state) = (None, None, StepState::Waiting);
                }
            }
        }
        if matches!(self.limit, Some((Limit::Repairs | Limit::Restarts, _))) {
            self.thoughts.clear();
        }
        if matches!(self.limit, Some((Limit::SameFailure, _))) && self.stuck.take().is_some() {
            self.given += 1;
        }
        self.limit = self.limit.take().filter(|(limit, _)| limit.means().is_ok());
    }

    /// A decision was taken: the answers it was taken from have done their work.
    fn decided(&mut self) -> Step {
        self.thoughts.clear();
        self.asked = None;
        Ok(())
    }

    fn brief_written(&mut self, by: &PersonaName, brief: &Prose) -> Step {
        if self.phase == Phase::Draft {
            self.brief = Some(brief.clone());
            return Ok(());
        }
        must(self.about_to_close().is_some() && self.story.is_none() && *by != post("planner"), "no brief is wanted")?;
        self.story = Some(brief.clone());
        self.decided()
    }

    fn plan_proposed(&mut self, plan: &Plan) -> Step {
        must(self.phase == Phase::Draft, "no plan is wanted")?;
        (self.plan, self.phase) = (Some(plan.clone()), Phase::Consider);
        self.decided()
    }

    fn plan_objected(&mut self, by: &PersonaName, objections: &[Prose]) -> Step {
        must(self.phase == Phase::Consider && !objections.is_empty(), "no plan is on the table, or nothing stands against it")?;
        self.objections += 1;
        self.feedback.extend(objections.iter().map(|text| Remark { by: by.clone(), text: text.clone() }));
        self.phase = Phase::Draft;
        self.decided()
    }

    fn plan_agreed(&mut self) -> Step {
        must(self.phase == Phase::Consider, "no plan is on the table")?;
        self.phase = Phase::Prepare;
        self.decided()
    }

    fn model_asked(&mut self, persona: &PersonaName, turn: u32, prompt: &Digest) -> Step {
        must(turn == self.turns(persona) + 1, "the turn is not the next one")?;
        must(self.limit.is_none(), "the run has reached a limit")?;
        self.spent.model_calls += 1;
        self.asked = Some(Question { persona: persona.clone(), turn, prompt: prompt.clone() });
        Ok(())
    }

    fn model_answered(&mut self, persona: &PersonaName, turn: u32, answer: &Answered, usage: &Usage) -> Step {
        let question = self.asked.take().filter(|question| question.persona == *persona && question.turn == turn);
        let Some(Question { prompt, .. }) = question else { return Err("nothing was asked".into()) };
        self.spent.tokens_in = self.spent.tokens_in.saturating_add(usage.tokens_in);
        self.spent.tokens_out = self.spent.tokens_out.saturating_add(usage.tokens_out);
        if let Answered::Text(answer) = answer {
            self.turns.insert(persona.clone(), turn);
            self.thoughts.push(Bought { persona: persona.clone(), turn, prompt, answer: answer.clone() });
        }
        Ok(())
    }

    fn edits_proposed(&mut self, by: &PersonaName, change: &Change, judged: &[EditJudgement]) -> Step {
        must(self.phase == Phase::Prepare && change.edits.len() == judged.len(), "no change is wanted, or not every edit is judged")?;
        self.decided()?;
        let assume = self.opened().is_some_and(|opened| opened.mode == Mode::Simulate && opened.approvals == Approvals::Assume);
        let stands = |judged: &EditJudgement| judged.verdict == EditVerdict::Block || (judged.verdict == EditVerdict::Ask && !assume);
        let blocked = judged.iter().zip(&change.edits).filter(|(judged, _)| stands(judged));
        let blocked: Vec<String> = blocked
            .map(|(judged, edit)| {
                format!("{} ({}): {}", edit.paths().map(ToString::to_string).collect::<Vec<_>>().join(" -> "), judged.verdict, judged.why)
            })
            .collect();
        if !blocked.is_empty() {
            self.refused(&format!("the edits of {by} do not pass: {}", blocked.join("; ")));
            return Ok(());
        }
        let round = self.round;
        let record = |step: &crate::step::Step, read_back| StepRecord {
            step: step.clone(),
            read_back,
            round,
            attempt: 1,
            again: 0,
            probe: 0,
            doubt: None,
            judgement: None,
            before: Vec::new(),
            approval: None,
            basis: None,
            store: None,
            state: StepState::Waiting,
        };
        self.steps.extend(change.runbook.iter().map(|step| record(step, None)));
        for criterion in self.plan.iter().flat_map(|plan| &plan.criteria) {
            if let Some(Check::ReadBack { read }) = &criterion.check {
                self.steps.push(record(read, Some(criterion.name.clone())));
            }
        }
        (self.change, self.phase) = (Some(change.clone()), Phase::Work);
        Ok(())
    }

    fn criterion_checked(&mut self, criterion: &Label, finding: &Finding) -> Step {
        must(self.next() == Next::Check(criterion.clone()), "there is no such check to make")?;
        must(!finding.met || self.shown(criterion), "the step that would show it did not end as it should")?;
        self.findings.insert(criterion.clone(), finding.clone());
        self.checked();
        Ok(())
    }

    fn checked(&mut self) {
        let open = |check: &Criterion| check.check.is_some() && !self.findings.contains_key(&check.name);
        if self.plan.iter().flat_map(|plan| &plan.criteria).any(open) {
            return;
        }
        let settled = |name: &Label| self.settled(name);
        let unmet: Vec<String> = self
            .findings
            .iter()
            .filter(|(name, finding)| !finding.met && !settled(name))
            .map(|(name, finding)| format!("{name}: {}", finding.evidence))
            .collect();
        if !unmet.is_empty() {
            self.failed(&format!("criteria are not met: {}", unmet.join("; ")));
        }
    }

    /// Says whether the step that a criterion hangs on ended as it should; true where it hangs on none.
    fn shown(&self, criterion: &Label) -> bool {
        let check = self.plan.iter().flat_map(|plan| &plan.criteria).find(|known| known.name == *criterion).and_then(|known| known.check.as_ref());
        let well = |wanted: &dyn Fn(&StepRecord) -> bool| self.steps[self.round_start..].iter().any(|record| wanted(record) && record.is_proved());
        match check {
            Some(Check::Step { step }) => well(&|record| record.read_back.is_none() && record.step.name == *step),
            Some(Check::ReadBack { .. }) => well(&|record| record.read_back.as_ref() == Some(criterion)),
            Some(Check::File { .. }) | None => true,
        }
    }

    /// Says whether the criterion hangs on a step whose outcome only a human's word covers.
    fn settled(&self, criterion: &Label) -> bool {
        let check = self.plan.iter().flat_map(|plan| &plan.criteria).find(|known| known.name == *criterion).and_then(|known| known.check.as_ref());
        let Some(Check::Step { step }) = check else { return false };
        let word = |record: &StepRecord| matches!(record.state, StepState::Settled(_) | StepState::Confirmed(Prover::Runbook));
        self.steps[self.round_start..].iter().any(|record| record.step.name == *step && word(record))
    }

    fn review_given(&mut self, by: &PersonaName, point: ReviewPoint, decision: Decision, notes: &Prose) -> Step {
        must(self.next() == Next::Review(point), "no review is wanted")?;
        self.reviewed.insert(point);
        let back = match decision {
            Decision::Accept => return self.decided(),
            Decision::BackToEngineer => Phase::Prepare,
            Decision::BackToPlanner => Phase::Draft,
        };
        self.feedback.push(Remark { by: by.clone(), text: notes.clone() });
        self.send_back(back);
        self.decided()
    }

    fn advice_given(&mut self, asked: Advised, advice: &Advice) -> Step {
        let wanted = Next::Advise { by: asked.by.clone(), at: asked.at, step: asked.step };
        must(self.next() == wanted, "no adviser is asked here")?;
        let by = asked.by.clone();
        self.advised.insert(asked);
        match advice {
            Advice::GoOn => {}
            Advice::SendBack { why } => {
                self.feedback.push(Remark { by: by.clone(), text: why.clone() });
                self.send_back(if self.planned_by_rule() { Phase::Ending(Closing::Refused, format!("{by}: {why}")) } else { Phase::Prepare });
            }
            Advice::Stop { why } => self.phase = Phase::Ending(Closing::Refused, format!("{by} stopped it: {why}")),
        }
        self.decided()
    }

    /// The rules or a human refused: back to the Engineer, or the end where a rule planned.
    pub(super) fn refused(&mut self, why: &str) {
        self.taken_back(why, Closing::Refused);
    }

    pub(super) fn taken_back(&mut self, why: &str, otherwise: Closing) {
        self.feedback.push(Remark { by: post("gate"), text: Prose::tamed(why) });
        self.send_back(if self.planned_by_rule() { Phase::Ending(otherwise, why.to_string()) } else { Phase::Prepare });
    }

    pub(super) fn planned_by_rule(&self) -> bool {
        self.opened().is_some_and(|opened| opened.planned == Planned::Rule)
    }

    /// Gives the round up; steps that were not begun never will be.
    pub(super) fn send_back(&mut self, to: Phase) {
        for record in &mut self.steps[self.round_start..] {
            if matches!(record.state, StepState::Waiting | StepState::Judged | StepState::Asked(_) | StepState::Approved(_)) {
                record.state = StepState::Skipped("its round was given up".into());
            }
        }
        if !matches!(to, Phase::Ending(..)) {
            self.round += 1;
            self.round_start = self.steps.len();
            self.objections = 0;
            (self.change, self.in_commit) = (None, false);
            self.reviewed.clear();
            self.findings.clear();
        }
        self.phase = to;
    }
}

pub(super) fn must(holds: bool, why: &str) -> Step {
    if holds { Ok(()) } else { Err(why.to_string()) }
}
