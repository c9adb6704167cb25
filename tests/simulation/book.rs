//! What a journal says, as plainly as it can be kept: no phases, only what was said last about what.

use super::failed::Failures;
use super::reference::holds;
use std::collections::{BTreeMap, BTreeSet};
use studio_core::approval::{Signed, Word};
use studio_core::event::{Answered, Approvals, Closing, Event, Mode, Outcome};
use studio_core::gate::{Class, Effect, Judgement, Verdict};
use studio_core::host::Ended;
use studio_core::journal::Entry;
use studio_core::name::{Digest, Label, PersonaName};
use studio_core::plan::{Change, Check, Criterion};
use studio_core::step::{Op, StepNo};

/// The journal so far.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) n: u64,
    pub(crate) mode: Option<(Mode, Approvals)>,
    pub(crate) asked: Option<(PersonaName, u32, u64)>,
    pub(crate) answered: BTreeSet<(PersonaName, u32)>,
    pub(crate) calls: u32,
    pub(crate) tokens: (u64, u64),
    criteria: Vec<Criterion>,
    change: Option<Change>,
    /// The steps that were judged since the last change, in order.
    pub(crate) round: Vec<StepNo>,
    findings: BTreeMap<Label, bool>,
    pub(crate) judged: BTreeMap<StepNo, Judged>,
    /// The question that stands open, and what was answered to it.
    pub(crate) question: Option<Question>,
    pub(crate) given: Option<Signed>,
    /// Ops that a human agreed to, although the same command had run before.
    pub(crate) agreed_again: BTreeSet<Op>,
    /// Under which event each op was granted last.
    pub(crate) granted: BTreeMap<Op, u64>,
    pub(crate) open: Option<Open>,
    /// How often each step was granted anew since nobody knew how it ended.
    pub(crate) retried: BTreeMap<StepNo, u32>,
    /// Ops that ended or were settled.
    pub(crate) over: BTreeSet<Op>,
    /// Steps that went well.
    well: BTreeSet<StepNo>,
    /// Steps that a machine saw to go well.
    shown: BTreeSet<StepNo>,
    /// The reads that looked whether a step happened.
    pub(crate) probes: BTreeSet<Op>,
    pub(crate) settled: BTreeMap<Op, Word>,
    pub(crate) given_up: bool,
    pub(crate) failures: Failures,
    pub(crate) ticked: bool,
    pub(crate) closed: Option<Closing>,
}

/// What the rules said about a step.
pub(crate) struct Judged {
    /// Whether the rules know a read that tells whether it happened.
    pub(crate) probed: bool,
    pub(crate) verdict: Verdict,
    pub(crate) class: Class,
    pub(crate) effect: Effect,
    pub(crate) digest: Digest,
}

/// A question to a human.
pub(crate) struct Question {
    pub(crate) op: Op,
    pub(crate) effect: Digest,
    again: bool,
}

/// An op that may have run, and has no end.
pub(crate) struct Open {
    pub(crate) op: Op,
    pub(crate) epoch: u32,
    pub(crate) known: Known,
    /// The read that looks whether it happened, and the life that granted it.
    pub(crate) probe: Option<(Op, u32)>,
    /// What such a read said: that it did not happen, or nothing.
    pub(crate) absent: Option<bool>,
    /// How many such reads were lost themselves.
    pub(crate) lost: u32,
}

/// What is known of an open op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was granted.
    Granted,
    /// It runs longer than it may.
    Overdue,
    /// Nobody knows.
    Nothing,
}

impl Judged {
    fn of(judgement: &Judgement) -> Judged {
        Judged {
            probed: judgement.probe.is_some(),
            verdict: judgement.verdict,
            class: judgement.class,
            effect: judgement.effect,
            digest: judgement.digest.clone(),
        }
    }

    /// Says whether the rules let it run without a human's word.
    pub(crate) fn may_run_unasked(&self) -> bool {
        self.verdict == Verdict::Auto && self.class < Class::Opaque
    }
}

impl Book {
    /// Says whether approvals are only assumed.
    pub(crate) fn assumes(&self) -> bool {
        self.mode == Some((Mode::Simulate, Approvals::Assume))
    }

    /// Takes an event that may stand.
    ///
    /// # Errors
    /// What it says of earlier events does not hold.
    pub(crate) fn take(&mut self, entry: &Entry) -> Result<(), String> {
        holds(entry.place.n == self.n + 1, || format!("event {} follows event {}", entry.place.n, self.n))?;
        self.n = entry.place.n;
        self.failures.take(&entry.event)?;
        match &entry.event {
            Event::RunOpened(opened) => self.mode = Some((opened.mode, opened.approvals)),
            Event::PlanProposed { plan, .. } => self.criteria.clone_from(&plan.criteria),
            Event::EditsProposed { change, .. } => {
                self.change = Some(change.clone());
                self.round.clear();
                self.findings.clear();
            }
            Event::ModelAsked { persona, turn, .. } => {
                self.asked = Some((persona.clone(), *turn, entry.place.n));
                self.calls += 1;
            }
            Event::ModelAnswered { persona, turn, answer, usage } => {
                self.asked = None;
                self.tokens = (self.tokens.0 + usage.tokens_in, self.tokens.1 + usage.tokens_out);
                if matches!(answer, Answered::Text(_)) {
                    self.answered.insert((persona.clone(), *turn));
                }
            }
            Event::StepJudged { step, judgement, .. } => {
                if !self.round.contains(step) {
                    self.round.push(*step);
                }
                self.judged.insert(*step, Judged::of(judgement));
            }
            Event::CriterionChecked { criterion, finding } => {
                holds(!finding.met || self.is_shown(criterion), || format!("{criterion} is met, and no step shows it"))?;
                self.findings.insert(criterion.clone(), finding.met);
            }
            Event::TicketTicked { .. } => {
                self.all_met()?;
                self.ticked = true;
            }
            Event::RunClosed { state, .. } => self.closed = Some(*state),
            event => self.take_step(entry, event),
        }
        Ok(())
    }

    /// Says whether the run may end like this.
    ///
    /// # Errors
    /// What stands against it.
    pub(crate) fn may_close(&self, state: Closing) -> Result<(), String> {
        if let Some(open) = &self.open {
            holds(open.known == Known::Nothing && self.given_up, || format!("the run was closed while nobody knows what became of {}", open.op))?;
        }
        let live = matches!(self.mode, Some((Mode::Live, _)));
        match state {
            Closing::Done => {
                holds(live && self.ticked, || "a run is done that is no live one, or its ticket is not ticked".into())?;
                self.all_met()
            }
            Closing::Rehearsed => {
                holds(!live && !self.ticked, || "a run is rehearsed that is live, or ticked its ticket".into())?;
                self.all_met()
            }
            _ => Ok(()),
        }
    }

    fn all_met(&self) -> Result<(), String> {
        let unmet = self.criteria.iter().find(|criterion| self.findings.get(&criterion.name) != Some(&true));
        if let Some(criterion) = unmet {
            return Err(format!("the work is called done, and {} is not met", criterion.name));
        }
        let reads = self.criteria.iter().filter(|criterion| matches!(criterion.check, Some(Check::ReadBack { .. }))).count();
        let steps = self.change.as_ref().map_or(0, |change| change.runbook.len()) + reads;
        holds(self.round.len() == steps, || format!("the work is called done, and {} of {steps} steps were judged", self.round.len()))?;
        match self.round.iter().find(|step| !self.well.contains(step)) {
            Some(step) => Err(format!("the work is called done, and step {step} did not end well")),
            None => Ok(()),
        }
    }

    fn take_step(&mut self, entry: &Entry, event: &Event) {
        match event {
            Event::ApprovalAsked { op, effect, why, .. } => {
                let again = ["has run in this ticket already", "has run for this ticket already", "may have run already"]
                    .iter()
                    .any(|words| why.contains(words));
                (self.question, self.given) = (Some(Question { op: op.clone(), effect: effect.clone(), again }), None);
            }
            Event::ApprovalGiven { signed } => {
                if self.question.as_ref().is_some_and(|question| question.again && question.effect == signed.statement.effect) {
                    self.agreed_again.insert(signed.statement.op.clone());
                }
                self.given = Some(signed.clone());
            }
            // A no to a second run leaves the first one as unknown as it was.
            Event::ApprovalRefused { .. } => (self.question, self.given) = (None, None),
            Event::ApprovalExpired { op, .. } => {
                (self.question, self.given) = (None, None);
                self.open = self.open.take().filter(|open| open.op != *op);
                self.agreed_again.remove(op);
            }
            Event::StepGranted { op, .. } => {
                if self.open.as_ref().is_some_and(|open| open.known == Known::Nothing) {
                    *self.retried.entry(op.step).or_default() += 1;
                }
                self.granted.insert(op.clone(), entry.place.n);
                self.open = Some(Open { op: op.clone(), epoch: entry.place.epoch, known: Known::Granted, probe: None, absent: None, lost: 0 });
            }
            Event::ProbeGranted { op, .. } => {
                self.granted.insert(op.clone(), entry.place.n);
                self.probes.insert(op.clone());
                if let Some(open) = &mut self.open {
                    open.probe = Some((op.clone(), entry.place.epoch));
                }
            }
            Event::StepUnknown { op, .. } | Event::StepOverdue { op, .. } => {
                let known = if matches!(event, Event::StepOverdue { .. }) { Known::Overdue } else { Known::Nothing };
                match &mut self.open {
                    Some(open) if open.op == *op => {
                        // Said twice: the read that could tell may not be made.
                        open.absent = (open.known == Known::Nothing && known == Known::Nothing).then_some(false);
                        open.known = known;
                    }
                    Some(open) => (open.probe, open.lost) = (None, open.lost + 1),
                    None => {}
                }
            }
            Event::StepEnded { op, outcome, .. } => self.ended(op, outcome),
            Event::StepSettled { signed } => {
                let (op, word) = (&signed.statement.op, signed.statement.word);
                self.settled.insert(op.clone(), word);
                if word == Word::Abort {
                    self.given_up = true;
                    return;
                }
                (self.open, self.given, self.question) = (None, None, None);
                self.over.insert(op.clone());
                if word == Word::Happened {
                    self.well.insert(op.step);
                }
            }
            _ => {}
        }
    }

    /// Takes how a step failed, if it did; `seen` is what the world saw of it.
    pub(crate) fn failed(&mut self, op: &Op, outcome: &Outcome, seen: Option<&Ended>) {
        let at = self.round.iter().position(|no| *no == op.step).filter(|_| !self.probes.contains(op));
        let runbook = self.change.as_ref().map_or(&[][..], |change| &change.runbook);
        let reads = self.criteria.iter().filter_map(|criterion| match &criterion.check {
            Some(Check::ReadBack { read }) => Some(read.as_ref()),
            _ => None,
        });
        let step = at.and_then(|at| runbook.iter().chain(reads).nth(at).map(|step| (step, at < runbook.len())));
        if let Some((step, of_runbook)) = step {
            self.failures.ended(step, of_runbook, outcome, seen);
        }
    }

    fn ended(&mut self, op: &Op, outcome: &Outcome) {
        self.over.insert(op.clone());
        if self.probes.contains(op) && !outcome.misses.is_empty() {
            if let Some(open) = &mut self.open {
                (open.probe, open.absent) = (None, Some(outcome.exit == Some(0)));
            }
            return;
        }
        if self.probes.contains(op) {
            self.well.insert(op.step);
            if self.judged.get(&op.step).is_some_and(|judged| judged.probed) {
                self.shown.insert(op.step); // a read of the runbook shows nothing, one of the rules does
            }
            self.over.extend(self.open.take().map(|open| open.op));
            (self.given, self.question) = (None, None);
            return;
        }
        (self.open, self.given, self.question) = (None, None, None);
        if outcome.misses.is_empty() {
            self.well.insert(op.step);
            self.shown.insert(op.step);
        }
    }

    /// Says whether the step that a criterion hangs on went well before a machine's eyes.
    fn is_shown(&self, name: &Label) -> bool {
        let check = self.criteria.iter().find(|criterion| criterion.name == *name).and_then(|criterion| criterion.check.as_ref());
        let runbook = self.change.as_ref().map_or(&[][..], |change| &change.runbook);
        let at = match check {
            Some(Check::File { .. }) => return true,
            None => return false,
            Some(Check::Step { step }) => runbook.iter().position(|known| known.name == *step),
            Some(Check::ReadBack { .. }) => {
                let reads = self.criteria.iter().filter(|criterion| matches!(criterion.check, Some(Check::ReadBack { .. })));
                reads.map(|criterion| &criterion.name).position(|read| read == name).map(|at| runbook.len() + at)
            }
        };
        at.and_then(|at| self.round.get(at)).is_some_and(|step| self.shown.contains(step))
    }
}
