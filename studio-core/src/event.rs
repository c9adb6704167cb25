//! What can happen to a run. An event says what is certain once it is on disk.

mod ending;
mod opened;

use crate::approval::Signed;
use crate::curation::Curation;
use crate::dossier::{Checkpoint, Decision, ReviewPoint};
use crate::failure::Failure;
use crate::gate::{EditJudgement, Judgement};
use crate::model::Usage;
use crate::name::{Approver, BranchName, CommitId, Digest, Label, PersonaName, RelPath, StoreId};
use crate::plan::{Change, Plan};
use crate::step::{Op, StepNo};
use crate::text::{Kept, Prose};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use ending::{Closing, Limit, Parked};
pub use opened::{AdviserPost, Approvals, Mode, Opened, Planned, Posts};

/// One fact of a run. The kinds and fields are the file format; see `docs/journal.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Event {
    /// A ticket entered the Studio. Always the first event.
    RunOpened(Box<Opened>),
    /// Another life of the Studio goes on with the run; what parked it is looked at again.
    RunResumed {
        /// The install that goes on.
        install: String,
        /// Its machine.
        machine: String,
        /// The digest of the rules, where they changed: what was not granted is judged again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        policy: Option<Digest>,
    },
    /// Somebody wrote what the work is about: the Planner before it, the Narrator after it.
    BriefWritten {
        /// Who.
        by: PersonaName,
        /// What.
        brief: Prose,
    },
    /// The Planner would change the queue; nothing changes until a human accepts it.
    BacklogProposed {
        /// Who.
        by: PersonaName,
        /// What.
        proposals: Vec<Curation>,
    },
    /// A plan is on the table.
    PlanProposed {
        /// Whose it is.
        by: PersonaName,
        /// The plan.
        plan: Plan,
    },
    /// The Engineer objects; the Planner is asked again.
    PlanObjected {
        /// Who objects.
        by: PersonaName,
        /// To what.
        objections: Vec<Prose>,
    },
    /// The plan stands.
    PlanAgreed {
        /// Who agreed.
        by: PersonaName,
    },
    /// A model is about to be asked.
    ModelAsked {
        /// For whom.
        persona: PersonaName,
        /// Which call of this persona, from 1.
        turn: u32,
        /// The hash of the prompt; the prompt can be built again.
        prompt: Digest,
        /// Which model.
        model: String,
    },
    /// It answered. The answer is never bought again.
    ModelAnswered {
        /// For whom.
        persona: PersonaName,
        /// Which call.
        turn: u32,
        /// The answer, or why there was none.
        answer: Answered,
        /// What it cost.
        usage: Usage,
    },
    /// The Engineer handed over edits and a runbook, and the rules looked at the edits.
    EditsProposed {
        /// Whose they are.
        by: PersonaName,
        /// The change.
        change: Change,
        /// What the rules say to each edit, in order.
        judged: Vec<EditJudgement>,
    },
    /// The edits stand on the Engineer's branch.
    ChangeCommitted {
        /// The branch.
        branch: BranchName,
        /// The commit.
        commit: CommitId,
    },
    /// The rules looked at a step.
    StepJudged {
        /// Which.
        step: StepNo,
        /// What they say.
        judgement: Judgement,
        /// Ops of earlier runs of the same ticket that had the same effect, or may have had it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        before: Vec<Op>,
    },
    /// A human is asked about an op; nothing runs until the answer.
    ApprovalAsked {
        /// The op.
        op: Op,
        /// The digest of its effect.
        effect: Digest,
        /// Why they are asked.
        why: String,
        /// When the question lapses.
        expires: Timestamp,
    },
    /// A human agreed; the signature was verified.
    ApprovalGiven {
        /// Their word, as it was signed.
        signed: Signed,
    },
    /// A human refused; the signature was verified.
    ApprovalRefused {
        /// Their word, as it was signed.
        signed: Signed,
    },
    /// Nobody answered in time.
    ApprovalExpired {
        /// The op that was asked about.
        op: Op,
        /// Whether the rules are asked again too: it was closed, or something was done for the ticket meanwhile.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    /// The op may have run from here on.
    StepGranted {
        /// The op.
        op: Op,
        /// On whose word.
        basis: Basis,
        /// The store where it will be claimed; none where hosts are pretended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        store: Option<StoreId>,
    },
    /// A read that tells whether a step happened may run from here on: nobody saw how that step ended.
    ProbeGranted {
        /// The read, as an op of its own.
        op: Op,
        /// What the rules say about it.
        judgement: Judgement,
        /// The store where it will be claimed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        store: Option<StoreId>,
    },
    /// The op ended, and somebody saw how.
    StepEnded {
        /// The op.
        op: Op,
        /// How.
        outcome: Outcome,
        /// What binds the journal up to the grant to the host's own record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sealed: Option<Sealed>,
    },
    /// The op runs longer than it may, and nobody may end it.
    StepOverdue {
        /// The op.
        op: Op,
        /// What is known of it.
        why: String,
    },
    /// Nobody saw how the op ended, or whether it ran.
    StepUnknown {
        /// The op.
        op: Op,
        /// Why nobody knows.
        why: String,
    },
    /// A human said what became of an op whose outcome nobody saw; the signature was verified.
    StepSettled {
        /// Their word, as it was signed.
        signed: Signed,
    },
    /// A machine checked a criterion.
    CriterionChecked {
        /// Which.
        criterion: Label,
        /// What it found.
        finding: Finding,
    },
    /// A Reviewer answered.
    ReviewGiven {
        /// Who.
        by: PersonaName,
        /// When they were asked.
        point: ReviewPoint,
        /// Where the work goes.
        decision: Decision,
        /// Why.
        notes: Prose,
    },
    /// An adviser answered.
    AdviceGiven {
        /// Who.
        by: PersonaName,
        /// Where the run stood.
        checkpoint: Checkpoint,
        /// The step it is about, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepNo>,
        /// What they said.
        advice: crate::dossier::Advice,
    },
    /// The run ran into something it cannot pass by itself.
    LimitReached {
        /// Into what.
        limit: Limit,
        /// What it means and what to do.
        why: String,
    },
    /// The ticket is marked as done where it stands.
    TicketTicked {
        /// Where: a file and a line.
        place: String,
    },
    /// Nothing more will happen.
    RunClosed {
        /// How it ended.
        state: Closing,
        /// Why.
        why: String,
        /// The word of whoever cancelled it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Box<Signed>>,
    },
}

/// What came of a call to a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answered {
    /// An answer.
    Text(Kept),
    /// None, and why.
    Failed(String),
}

/// On whose word an op was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The rules let it run unasked.
    Auto,
    /// A human's.
    Approved(Approver),
    /// Nobody's: a simulation assumed that a human would agree.
    Assumed,
}

/// How an op ended, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The exit status; none if it was killed.
    pub exit: Option<i32>,
    /// What it wrote to standard output, redacted.
    pub stdout: Kept,
    /// What it wrote to standard error, redacted.
    pub stderr: Kept,
    /// True where a pretended host made it up, as a scenario or the step's own expectation says.
    pub assumed: bool,
    /// What its expectation misses; empty means it ended as it should.
    pub misses: Vec<String>,
    /// What it left in its folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// What is known of its failure, if it did not end as it should. It stands here as it was understood then:
    /// a Studio that knows more words must read old journals as they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
}

/// A place in a journal that the host has seen, under a seal that only its store can make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The number of the last line it saw.
    pub n: u64,
    /// The sum of that line.
    pub head: Digest,
    /// The seal over op, number, sum and exit status.
    pub seal: Digest,
}

/// A file that a step left, kept with the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// The file, below the step's folder.
    pub path: RelPath,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, as `sha256sum` prints it.
    pub sha256: Digest,
    /// Whether its content must never be shown.
    #[serde(default)]
    pub secret: bool,
}

/// What a machine found about a criterion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Whether it is met.
    pub met: bool,
    /// What shows it, or what is missing.
    pub evidence: String,
}

impl Event {
    /// Returns the event's kind, as the journal spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::RunOpened(_) => "run-opened",
            Event::RunResumed { .. } => "run-resumed",
            Event::BriefWritten { .. } => "brief-written",
            Event::BacklogProposed { .. } => "backlog-proposed",
            Event::PlanProposed { .. } => "plan-proposed",
            Event::PlanObjected { .. } => "plan-objected",
            Event::PlanAgreed { .. } => "plan-agreed",
            Event::ModelAsked { .. } => "model-asked",
            Event::ModelAnswered { .. } => "model-answered",
            Event::EditsProposed { .. } => "edits-proposed",
            Event::ChangeCommitted { .. } => "change-committed",
            Event::StepJudged { .. } => "step-judged",
            Event::ApprovalAsked { .. } => "approval-asked",
            Event::ApprovalGiven { .. } => "approval-given",
            Event::ApprovalRefused { .. } => "approval-refused",
            Event::ApprovalExpired { .. } => "approval-expired",
            Event::StepGranted { .. } => "step-granted",
            Event::ProbeGranted { .. } => "probe-granted",
            Event::StepEnded { .. } => "step-ended",
            Event::StepOverdue { .. } => "step-overdue",
            Event::StepUnknown { .. } => "step-unknown",
            Event::StepSettled { .. } => "step-settled",
            Event::CriterionChecked { .. } => "criterion-checked",
            Event::ReviewGiven { .. } => "review-given",
            Event::AdviceGiven { .. } => "advice-given",
            Event::LimitReached { .. } => "limit-reached",
            Event::TicketTicked { .. } => "ticket-ticked",
            Event::RunClosed { .. } => "run-closed",
        }
    }
}

impl Event {
    /// Returns the human's word that the event holds, if it holds one.
    pub fn signed(&self) -> Option<&Signed> {
        if let Event::ApprovalGiven { signed } | Event::ApprovalRefused { signed } | Event::StepSettled { signed } = self {
            Some(signed)
        } else if let Event::RunClosed { signed, .. } = self {
            signed.as_deref()
        } else {
            None
        }
    }
}
