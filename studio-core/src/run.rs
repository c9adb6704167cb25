//! The state of one run, and what comes next: pure, so a crash, a replay and a rehearsal are one thing.
//!
//! [`Run::apply`] folds one event in or refuses it; [`Run::next`] looks at the state and nothing else.

mod apply;
mod failing;
mod grant;
mod next;
mod record;
mod steps;
mod unseen;
mod view;

use crate::curation::Curation;
use crate::dossier::{Checkpoint, Remark, ReviewPoint};
use crate::event::Basis;
use crate::event::{Closing, Finding, Limit, Opened, Parked};
use crate::name::{CommitId, Digest, Label, PersonaName, RunId};
use crate::plan::{Change, Plan};
use crate::step::{Op, StepNo};
use crate::text::{Kept, Prose};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use grant::Grant;
pub use record::{StepRecord, StepState};
pub use unseen::{Doubt, Probing, Prover, Said, Unseen};

/// What a journal says so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    id: Option<RunId>,
    opened: Option<Box<Opened>>,
    last: Place,
    phase: Phase,
    round: u32,
    objections: u32,
    brief: Option<Prose>,
    /// What the Planner would change in the queue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    curation: Vec<Curation>,
    plan: Option<Plan>,
    change: Option<Change>,
    /// The commit of the last change that was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    committed: Option<CommitId>,
    /// Whether `committed` holds the change of this round.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    in_commit: bool,
    steps: Vec<StepRecord>,
    round_start: usize,
    reviewed: BTreeSet<ReviewPoint>,
    advised: BTreeSet<Advised>,
    findings: BTreeMap<Label, Finding>,
    feedback: Vec<Remark>,
    spent: Spent,
    turns: BTreeMap<PersonaName, u32>,
    asked: Option<Question>,
    thoughts: Vec<Bought>,
    limit: Option<(Limit, String)>,
    /// What a human is asked, since the same failure came too often.
    #[serde(skip_serializing_if = "Option::is_none")]
    stuck: Option<String>,
    /// Rounds that humans gave beyond the limit, by resuming what was stuck.
    #[serde(skip_serializing_if = "record::none")]
    given: u32,
    story: Option<Prose>,
    /// Where the ticket was marked as done.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticked: Option<String>,
    /// The install and machine that go on with it, where those are others than began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    home: Option<(String, String)>,
    /// The digest of the rules, where those are others than it began under.
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Digest>,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Its number in the journal, from 1.
    pub n: u64,
    /// The life of the Studio that wrote it, from 1.
    pub epoch: u32,
}

/// Where a run stands in the loop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    /// No event yet.
    #[default]
    Empty,
    /// A plan is wanted.
    Draft,
    /// A plan is on the table.
    Consider,
    /// A change is wanted.
    Prepare,
    /// The change is reviewed, carried out and checked.
    Work,
    /// It will end like this.
    Ending(Closing, String),
    /// It is over.
    Closed(Closing, String),
}

/// What a run has spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spent {
    /// Calls to the model.
    pub model_calls: u32,
    /// Tokens read.
    pub tokens_in: u64,
    /// Tokens written.
    pub tokens_out: u64,
}

/// A call to the model that has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Question {
    persona: PersonaName,
    turn: u32,
    prompt: Digest,
}

/// An answer that is on disk, for the decision that is still to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bought {
    /// For whom.
    pub persona: PersonaName,
    /// Which call of theirs.
    pub turn: u32,
    /// The hash of its prompt.
    pub prompt: Digest,
    /// The answer.
    pub answer: Kept,
}

/// An adviser's answer that was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Advised {
    by: PersonaName,
    at: Checkpoint,
    round: u32,
    step: Option<StepNo>,
}

/// What the supervisor should do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Record the plan and the change of the rule for named scripts.
    PlanByRule,
    /// Ask the Planner.
    Plan,
    /// Ask the Engineer what they think of the plan.
    Consider,
    /// Ask the Engineer for the change.
    Prepare,
    /// Ask an adviser.
    Advise {
        /// Whom.
        by: PersonaName,
        /// Where the run stands.
        at: Checkpoint,
        /// The step it is about.
        step: Option<StepNo>,
    },
    /// Ask the Reviewer.
    Review(ReviewPoint),
    /// Commit the change on the Engineer's branch.
    Commit,
    /// Ask the rules about a step.
    Judge(StepNo),
    /// Ask a human about a step.
    AskHuman {
        /// The op.
        op: Op,
        /// Why.
        why: String,
    },
    /// A human was asked: take their answer, or let the question lapse, or rest.
    Await {
        /// The op.
        op: Op,
        /// When it lapses.
        expires: Timestamp,
    },
    /// Record the grant, sync it, cut the permit, spend it.
    Grant {
        /// The op.
        op: Op,
        /// On whose word.
        basis: Basis,
    },
    /// The grant of an earlier life has no end: ask the host what became of it.
    Recall(Op),
    /// Nobody saw how a step ended: look whether it happened, as this op.
    Probe(Op),
    /// Check a criterion.
    Check(Label),
    /// Mark the ticket as done where it stands.
    Tick,
    /// Ask the Narrator.
    Narrate(Closing),
    /// Record that the run cannot go on by itself.
    Limit(Limit, String),
    /// Record the end.
    Close(Closing, String),
    /// Rest until somebody outside does something.
    Park(Parked, String),
    /// Rest: it is over.
    Over(Closing),
}

impl Run {
    /// Returns the run's id, once it is opened.
    pub fn id(&self) -> Option<&RunId> {
        self.id.as_ref()
    }

    /// Returns what was certain when it began.
    pub fn opened(&self) -> Option<&Opened> {
        self.opened.as_deref()
    }

    /// Returns where the last event stands.
    pub fn last(&self) -> Place {
        self.last
    }

    /// Returns the install and the machine that work on it.
    pub fn home(&self) -> Option<(&str, &str)> {
        let began = self.opened().map(|opened| (opened.install.as_str(), opened.machine.as_str()));
        self.home.as_ref().map(|(install, machine)| (install.as_str(), machine.as_str())).or(began)
    }

    /// Returns the digest of the rules it is judged by.
    pub fn policy(&self) -> Option<&Digest> {
        self.rules.as_ref().or(self.opened().map(|opened| &opened.policy))
    }

    /// Returns the round, from 1.
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Returns the Planner's brief.
    pub fn brief(&self) -> Option<&Prose> {
        self.brief.as_ref()
    }

    /// Returns what the Planner would change in the queue.
    pub fn curation(&self) -> &[Curation] {
        &self.curation
    }

    /// Returns the plan as it stands.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// Says whether the plan as it stands is agreed.
    pub fn agreed(&self) -> bool {
        self.plan.is_some() && matches!(self.phase, Phase::Prepare | Phase::Work | Phase::Ending(..) | Phase::Closed(..))
    }

    /// Returns the change of this round.
    pub fn change(&self) -> Option<&Change> {
        self.change.as_ref()
    }

    /// Returns the commit of the last change that was committed.
    pub fn committed(&self) -> Option<&CommitId> {
        self.committed.as_ref()
    }

    /// Returns where the ticket was marked as done.
    pub fn ticked(&self) -> Option<&str> {
        self.ticked.as_deref()
    }

    /// Returns every step of every round, in order.
    pub fn steps(&self) -> &[StepRecord] {
        &self.steps
    }

    /// Returns a step by its number.
    pub fn step(&self, no: StepNo) -> Option<&StepRecord> {
        self.steps.get(usize::try_from(no.0).ok()?.checked_sub(1)?)
    }

    /// Returns what machines found about the criteria, in this round.
    pub fn findings(&self) -> &BTreeMap<Label, Finding> {
        &self.findings
    }

    /// Returns what was said against the work, oldest first.
    pub fn feedback(&self) -> &[Remark] {
        &self.feedback
    }

    /// Returns what was spent.
    pub fn spent(&self) -> Spent {
        self.spent
    }

    /// Returns the Narrator's words.
    pub fn story(&self) -> Option<&Prose> {
        self.story.as_ref()
    }

    /// Returns how it is over, and why; nothing while it is not.
    pub fn closed(&self) -> Option<(Closing, &str)> {
        match &self.phase {
            Phase::Closed(state, why) => Some((*state, why)),
            Phase::Empty | Phase::Draft | Phase::Consider | Phase::Prepare | Phase::Work | Phase::Ending(..) => None,
        }
    }

    /// Returns the answers that were bought for `persona` since the last decision, oldest first.
    pub fn bought<'a>(&'a self, persona: &'a PersonaName) -> impl Iterator<Item = &'a Bought> {
        self.thoughts.iter().filter(move |bought| bought.persona == *persona)
    }

    /// Returns how many calls of `persona` were answered.
    pub fn turns(&self, persona: &PersonaName) -> u32 {
        self.turns.get(persona).copied().unwrap_or(0)
    }

    /// Returns the hash of the state: equal journals give equal hashes.
    pub fn hash(&self) -> Digest {
        Digest::blake3(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }

    /// Returns the op that the step at `at` stands at: a try, or the read that looks whether it happened.
    fn op(&self, at: usize) -> Option<Op> {
        let record = self.steps.get(at)?;
        let attempt = if matches!(record.state, StepState::Probing(_)) { record.probe } else { record.attempt };
        Some(Op { run: self.id.clone()?, step: number(at), attempt })
    }

    /// Returns the place of the first step of this round that is not done with.
    fn current(&self) -> Option<usize> {
        let done = |record: &StepRecord| {
            matches!(record.state, StepState::Ended(_) | StepState::Settled(_) | StepState::Confirmed(_) | StepState::Skipped(_))
        };
        (self.round_start..self.steps.len()).find(|at| !done(&self.steps[*at]))
    }
}

fn number(at: usize) -> StepNo {
    StepNo(u32::try_from(at + 1).unwrap_or(u32::MAX))
}

/// An event that cannot follow the ones before it: the journal is damaged, or the code is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} cannot follow event {after}: {why}")]
pub struct IllegalEvent {
    /// The event's kind.
    pub kind: &'static str,
    /// The number of the last legal event.
    pub after: u64,
    /// What stands against it.
    pub why: String,
}
