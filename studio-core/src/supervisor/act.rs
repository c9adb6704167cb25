//! What the supervisor does itself: judge, ask a human, grant, look back, check.

use super::{Rest, RunError, Stuck, Supervisor};
use crate::approval::{NotApproved, Signed, Word};
use crate::chores::{ChoreError, CommitOrder};
use crate::crew::post;
use crate::event::{Basis, Closing, Event, Finding, Limit, Mode, Opened, Parked};
use crate::gate::{Case, Effect, Files, Gate, Judgement};
use crate::journal::JournalError;
use crate::limits::{APPROVAL_HOURS, CRITERIA_MAX};
use crate::name::Label;
use crate::permit::Cuts;
use crate::plan::{Change, Check, Criterion, Edit, Plan};
use crate::program::{Program, changed};
use crate::run::{Run, StepRecord};
use crate::step::{Op, Step, StepNo};
use crate::store::Store;
use crate::text::Prose;
use crate::tree::{Tree, after};
use crate::warrant::effect_key;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

impl<S: Store, A: Cuts<S>> Supervisor<S, A> {
    /// The rule for entries that name their script: one step, and the criterion that it ends with 0.
    /// One event at a time, so that a power cut between them leaves nothing half planned.
    pub(super) async fn plan_by_rule(&mut self) -> Result<(), Stuck> {
        let ticket = self.run.opened().map(|opened| opened.ticket.clone()).ok_or(Stuck::Failed(RunError::NotOpen))?;
        let (Some(script), Ok(run), Ok(exit)) = (&ticket.script, Label::try_from("run"), Label::try_from("exit-0")) else {
            return Err(Stuck::Limit(Limit::Setting, "the entry names no script that stands in the repository, and no model is set: choose one with --model, or name one in the operator's studio.toml".into()));
        };
        let target = ticket.cluster.clone().or_else(|| "local".parse().ok()).ok_or(Stuck::Failed(RunError::NotOpen))?;
        let step = Step::of_script(run.clone(), script, target, Prose::tamed(&format!("{} names this script", ticket.source)));
        let criterion = Criterion { name: exit, text: Prose::tamed("the script exits with 0"), check: Some(Check::Step { step: run }) };
        let spoken =
            |(at, text): (usize, &Prose)| Some(Criterion { name: format!("ticket-{}", at + 1).parse().ok()?, text: text.clone(), check: None });
        let spoken = ticket.criteria.iter().take(CRITERIA_MAX - 1).enumerate().filter_map(spoken);
        let by = post("rule");
        let event = match (self.run.plan(), self.run.agreed()) {
            (None, _) => {
                let criteria = std::iter::once(criterion).chain(spoken).collect();
                Event::PlanProposed { by, plan: Plan { goal: ticket.title.clone(), constraints: ticket.constraints.clone(), criteria } }
            }
            (Some(_), false) => Event::PlanAgreed { by },
            (Some(_), true) => {
                let change = Change { summary: Prose::tamed(&format!("run {script}")), edits: Vec::new(), runbook: vec![step] };
                Event::EditsProposed { by, change, judged: Vec::new() }
            }
        };
        Ok(self.decide(vec![event]).await?)
    }

    /// Has the change of this round committed; the same order again comes to the same commit.
    pub(super) async fn commit(&mut self) -> Result<(), Stuck> {
        let order = self.commit_order().ok_or(Stuck::Failed(RunError::NotOpen))?;
        let branch = order.branch.clone();
        let commit = self.parts.chores.commit(order).await.map_err(undone)?;
        Ok(self.decide(vec![Event::ChangeCommitted { branch, commit }]).await?)
    }

    fn commit_order(&self) -> Option<CommitOrder> {
        let (opened, change) = (self.run.opened()?, self.run.change()?);
        Some(CommitOrder {
            run: self.run.id()?.clone(),
            ticket: opened.ticket.id.clone(),
            stage: opened.ticket.stage,
            branch: opened.branch.clone()?,
            base: opened.base.clone()?,
            replaces: self.run.committed().cloned(),
            edits: change.edits.clone(),
            summary: change.summary.clone(),
            at: opened.began.unwrap_or(Timestamp::UNIX_EPOCH),
        })
    }

    /// Has the ticket marked as done where it stands.
    pub(super) async fn tick(&mut self) -> Result<(), Stuck> {
        self.journal.barrier().await.map_err(RunError::from)?;
        let (Some(id), Some(opened)) = (self.run.id(), self.run.opened()) else { return Err(Stuck::Failed(RunError::NotOpen)) };
        let order = self.commit_order().filter(|order| !order.edits.is_empty());
        let place = self.parts.chores.tick(id, &opened.ticket, order.as_ref()).await.map_err(undone)?;
        Ok(self.decide(vec![Event::TicketTicked { place }]).await?)
    }

    pub(super) async fn judge(&mut self, no: StepNo) -> Result<(), Stuck> {
        let step = self.run.step(no).map(|record| record.step.clone()).ok_or(Stuck::Failed(RunError::NotOpen))?;
        let judgement = self.judge_here(&step).await?;
        let before = self.before(no, &judgement).await?;
        Ok(self.decide(vec![Event::StepJudged { step: no, judgement, before }]).await?)
    }

    /// Judges a step with the programs that its host would start now.
    pub(super) async fn judge_here(&self, step: &Step) -> Result<Judgement, Stuck> {
        let (gate, sight) = (self.parts.gate.as_ref(), Sight::of(self.parts.tree.as_ref(), &self.run, step)?);
        let programs = self.programs(&gate.programs(&sight.case(step, &[]))).await?;
        Ok(gate.judge(&sight.case(step, &programs)))
    }

    /// Returns the files of programs where steps really run.
    async fn programs(&self, names: &BTreeSet<String>) -> Result<Vec<Program>, Stuck> {
        if self.run.opened().is_none_or(|opened| opened.mode != Mode::Live) {
            return Ok(Vec::new());
        }
        self.parts.executor.programs(names.clone()).await.map_err(|why| Stuck::Failed(RunError::Executor(why)))
    }

    /// Says whether the programs of a step are others than those that were judged.
    async fn other_programs(&self, op: &Op) -> Result<bool, Stuck> {
        let Some(record) = self.run.step(op.step).filter(|_| A::LIVE) else { return Ok(false) };
        let Some(judgement) = &record.judgement else { return Ok(false) };
        let sight = Sight::of(self.parts.tree.as_ref(), &self.run, &record.step)?;
        let now = self.programs(&self.parts.gate.programs(&sight.case(&record.step, &[]))).await?;
        let changed = changed(&judgement.programs, &now);
        changed.iter().for_each(|why| tracing::warn!(run = %self.journal.run(), %op, %why, "a step is judged again"));
        Ok(changed.is_some())
    }

    /// Returns the ops of earlier runs that did for this ticket what the step would do.
    async fn before(&self, no: StepNo, judgement: &Judgement) -> Result<Vec<Op>, Stuck> {
        let (Some(record), Some(opened), Some(id)) = (self.run.step(no), self.run.opened(), self.run.id()) else { return Ok(Vec::new()) };
        if opened.mode != Mode::Live || judgement.effect == Effect::Read {
            return Ok(Vec::new());
        }
        let key = effect_key(&opened.ticket.id, &record.step.argv, &record.step.target, judgement.script.as_ref());
        let done = self.parts.executor.done(key).await.map_err(|why| Stuck::Failed(RunError::Executor(why)))?;
        Ok(done.into_iter().filter(|op| op.run != *id).collect())
    }

    /// Returns what the rules say now about a step and the programs it was judged with.
    pub(super) fn judgement(&self, no: StepNo) -> Result<Judgement, RunError> {
        judgement(self.parts.gate.as_ref(), self.parts.tree.as_ref(), &self.run, no)
    }

    pub(super) async fn ask_human(&mut self, op: Op, why: String) -> Result<(), Stuck> {
        let judgement = self.run.step(op.step).and_then(|record| record.judgement.as_ref());
        let effect = judgement.map(|judgement| judgement.digest.clone()).ok_or(Stuck::Failed(RunError::NotOpen))?;
        let expires = self.journal.now().saturating_add(SignedDuration::from_hours(APPROVAL_HOURS)).unwrap_or(Timestamp::MAX);
        Ok(self.decide(vec![Event::ApprovalAsked { op, effect, why, expires }]).await?)
    }

    /// Nobody answered: the question lapses if its time is over, else the run rests.
    pub(super) async fn lapse(&mut self, op: Op, expires: Timestamp) -> Result<Option<Rest>, RunError> {
        if self.journal.now() >= expires {
            self.decide(vec![Event::ApprovalExpired { op, again: false }]).await?;
            return Ok(None);
        }
        let short = self.run.step(op.step).map(|record| record.step.argv.to_string()).unwrap_or_default();
        Ok(Some(Rest::Parked(Parked::NeedsHuman, format!("step {} waits for an approval: {short}", op.step))))
    }

    /// Takes what lies in the inbox: a statement that is believed and fits becomes an event, on disk
    /// before its file goes away; anything else goes away with a warning. A no
    /// counts whether it comes before or after a yes. True if an event came of it.
    pub(super) async fn take_notices(&mut self) -> Result<bool, RunError> {
        let mut taken = false;
        let notices = self.journal.store().notices().map_err(JournalError::from)?;
        for notice in notices {
            let believed = notice.signed.and_then(|signed| {
                let now = self.journal.now();
                signed.clone().believe_now(self.parts.approvers.as_ref(), now).map(|_| signed).map_err(|error| error.to_string())
            });
            if believed.as_ref().is_ok_and(|signed| signed.statement.word == Word::Cancel) && self.run.may_run() {
                continue; // it waits until that is over
            }
            if let Ok(signed) = &believed
                && matches!(signed.statement.word, Word::Happened | Word::DidNot | Word::Abort)
                && let Some(seen) = self.overruled(&signed.statement.op).await?
            {
                tracing::warn!(run = %self.journal.run(), notice = notice.id.0, "a settlement is not taken: its host knows better");
                self.decide(vec![seen]).await?;
                self.journal.barrier().await?;
                taken = true;
            }
            let event = believed.map(|signed| match signed.statement.word {
                Word::Approve => Event::ApprovalGiven { signed },
                Word::Deny => Event::ApprovalRefused { signed },
                Word::Happened | Word::DidNot | Word::Abort => Event::StepSettled { signed },
                Word::Cancel => cancelled(signed),
            });
            if let Ok(Event::ApprovalRefused { signed }) = &event {
                let (op, why) = (signed.statement.op.clone(), format!("{} refused it", signed.statement.by));
                self.bury(&op, &why).await?;
            }
            match event.and_then(|event| self.run.accepts(&event).map(|()| event).map_err(|error| error.to_string())) {
                Ok(event) => {
                    self.decide(vec![event]).await?;
                    self.journal.barrier().await?;
                    taken = true;
                }
                Err(why) => tracing::warn!(run = %self.journal.run(), notice = notice.id.0, why, "a message is not believed"),
            }
            if let Err(error) = self.journal.store().discard(&notice.id) {
                tracing::warn!(run = %self.journal.run(), %error, "a message that is done with stays in the inbox");
            }
        }
        Ok(taken)
    }

    /// Says whether a word that cancels the run lies in the inbox.
    pub(super) fn is_cancelled(&mut self) -> Result<bool, RunError> {
        let (run, now) = (self.journal.run().clone(), self.journal.now());
        let notices = self.journal.store().notices().map_err(JournalError::from)?;
        let mut words = notices.into_iter().filter_map(|notice| notice.signed.ok()).filter(|signed| signed.statement.word == Word::Cancel);
        Ok(words.any(|signed| signed.statement.op.run == run && signed.believe(self.parts.approvers.as_ref(), now).is_ok()))
    }

    /// Takes a word that cancels the run, if one lies in the inbox; anything else stays there.
    pub(super) async fn take_cancel(&mut self) -> Result<(), RunError> {
        let notices = self.journal.store().notices().map_err(JournalError::from)?;
        for notice in notices {
            let Ok(signed) = notice.signed else { continue };
            let believed = signed.statement.word == Word::Cancel && signed.clone().believe(self.parts.approvers.as_ref(), self.journal.now()).is_ok();
            let event = cancelled(signed);
            if believed && self.run.accepts(&event).is_ok() {
                self.decide(vec![event]).await?;
                self.journal.barrier().await?;
                let _left = self.journal.store().discard(&notice.id); // the run is over, and reads none again
                return Ok(());
            }
        }
        Ok(())
    }

    /// Says whether the ticket still stands, where something real would be done for it.
    pub(super) async fn stands(&self) -> Result<(), Stuck> {
        match (self.run.id(), self.run.opened()) {
            (Some(id), Some(opened)) if A::LIVE => self.parts.chores.stands(id, &opened.ticket).await.map_err(undone),
            (_, _) => Ok(()),
        }
    }

    /// Records the grant, waits for the disk, cuts the permit, spends it. In this order, or a crash
    /// runs a step twice.
    pub(super) async fn grant(&mut self, op: Op, basis: Basis) -> Result<(), Stuck> {
        self.flush().await?;
        self.stands().await?;
        if matches!(basis, Basis::Approved(_)) {
            if self.take_notices().await? {
                return Ok(()); // somebody said something else meanwhile
            }
            if let Err(error) = self.still_approved(&op) {
                tracing::warn!(run = %self.journal.run(), %op, %error, "an approval does not hold any more");
                let again = self.run.may_run(); // it was granted before
                return Ok(self.decide(vec![Event::ApprovalExpired { op, again }]).await?);
            }
        }
        if self.done_since(&op).await? || self.other_programs(&op).await? {
            return Ok(self.decide(vec![Event::ApprovalExpired { op, again: true }]).await?);
        }
        let granted = Event::StepGranted { op: op.clone(), basis, store: self.parts.executor.store() };
        let receipt = self.journal.record_synced(&mut self.run, granted).await.map_err(RunError::from)?;
        self.spend(op, receipt).await
    }

    /// Says whether something had the step's effect for its ticket since it was judged: whoever agreed was not told.
    async fn done_since(&self, op: &Op) -> Result<bool, Stuck> {
        let Some(record) = self.run.step(op.step).filter(|_| A::LIVE) else { return Ok(false) };
        let Some(judgement) = &record.judgement else { return Ok(false) };
        let now = self.before(op.step, judgement).await?;
        Ok(now.iter().any(|done| !record.before.contains(done)))
    }

    /// Says whether the word that was given for an op counts now: signed, by a listed approver, in time.
    pub(super) fn still_approved(&self, op: &Op) -> Result<(), NotApproved> {
        let signed = self.run.step(op.step).and_then(|record| record.approval.clone());
        let signed = signed.ok_or_else(|| NotApproved("nobody approved it".into()))?;
        let (approvers, now) = (self.parts.approvers.as_ref(), self.journal.now());
        if A::LIVE { signed.believe_now(approvers, now) } else { signed.believe(approvers, now) }.map(drop)
    }

    pub(super) async fn check(&mut self, name: &Label) -> Result<(), Stuck> {
        let check = self
            .run
            .plan()
            .and_then(|plan| plan.criteria.iter().find(|criterion| criterion.name == *name))
            .and_then(|criterion| criterion.check.clone());
        let round = self.run.round();
        let found =
            |wanted: &dyn Fn(&StepRecord) -> bool| self.run.steps().iter().find(|record| record.round == round && wanted(record)).map(step_finding);
        let finding = match check {
            Some(Check::Step { step }) => found(&|record| record.read_back.is_none() && record.step.name == step)
                .unwrap_or_else(|| unmet(format!("the runbook has no step {step}"))),
            Some(Check::ReadBack { .. }) => {
                found(&|record| record.read_back.as_ref() == Some(name)).unwrap_or_else(|| unmet("the read was not made".into()))
            }
            Some(Check::File { path, matches }) => {
                let edits = self.run.change().map(|change| change.edits.as_slice()).unwrap_or_default();
                match after(self.parts.tree.as_ref(), edits, &path).map_err(RunError::from)? {
                    None => unmet(format!("{path} is not there")),
                    Some(bytes) => match matches.filter(|pattern| !pattern.matches(&String::from_utf8_lossy(&bytes))) {
                        Some(pattern) => unmet(format!("{path} does not match {pattern}")),
                        None => Finding { met: true, evidence: format!("{path} is there as it should be") },
                    },
                }
            }
            None => unmet("it has no check".into()),
        };
        Ok(self.decide(vec![Event::CriterionChecked { criterion: name.clone(), finding }]).await?)
    }
}

/// What a step of a run is judged by, beside itself.
struct Sight<'a> {
    opened: &'a Opened,
    edits: &'a [Edit],
    files: Files,
}

impl<'a> Sight<'a> {
    fn of(tree: &dyn Tree, run: &'a Run, step: &Step) -> Result<Sight<'a>, RunError> {
        let opened = run.opened().ok_or(RunError::NotOpen)?;
        let edits = run.change().map(|change| change.edits.as_slice()).unwrap_or_default();
        Ok(Sight { opened, edits, files: Files::of(tree, edits, &step.argv)? })
    }

    fn case<'c>(&'c self, step: &'c Step, programs: &'c [Program]) -> Case<'c> {
        Case {
            step,
            mode: self.opened.mode,
            stage: self.opened.ticket.stage,
            cluster: self.opened.ticket.cluster.as_ref(),
            base: self.opened.base.as_ref(),
            edits: self.edits,
            script: self.files.script.as_deref(),
            closure: &self.files.closure,
            programs,
        }
    }
}

/// Returns what the rules say about a step of a run, over the files as its change leaves them and with the programs
/// that it was judged with.
///
/// # Errors
/// The run has no such step, or the repository cannot be read.
pub fn judgement(gate: &dyn Gate, tree: &dyn Tree, run: &Run, no: StepNo) -> Result<Judgement, RunError> {
    let record = run.step(no).ok_or(RunError::NotOpen)?;
    let programs = record.judgement.as_ref().map(|judgement| judgement.programs.as_slice()).unwrap_or_default();
    Ok(gate.judge(&Sight::of(tree, run, &record.step)?.case(&record.step, programs)))
}

/// The same of any step, with no programs known.
pub(super) fn judged(gate: &dyn Gate, tree: &dyn Tree, run: &Run, step: &Step) -> Result<Judgement, RunError> {
    Ok(gate.judge(&Sight::of(tree, run, step)?.case(step, &[])))
}

/// Returns the end of a run that somebody cancelled.
pub(super) fn cancelled(signed: Signed) -> Event {
    let reason = signed.statement.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Event::RunClosed { state: Closing::Cancelled, why: format!("{} cancelled it{reason}", signed.statement.by), signed: Some(Box::new(signed)) }
}

/// A chore that cannot be done parks the run; one whose doer is gone ends the work.
pub(super) fn undone(error: ChoreError) -> Stuck {
    match error {
        ChoreError::Gone(_) => Stuck::Failed(error.into()),
        ChoreError::Refused(why) => Stuck::Limit(Limit::Chore, format!("{why}; mend it, then resume")),
    }
}

fn step_finding(record: &StepRecord) -> Finding {
    Finding { met: record.is_proved(), evidence: format!("{}: {}", record.step.argv, record.state.words()) }
}

fn unmet(evidence: String) -> Finding {
    Finding { met: false, evidence }
}
