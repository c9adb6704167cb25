//! The first event: what is certain when a run begins.

use crate::crew::Crew;
use crate::curation::Queued;
use crate::dossier::Checkpoint;
use crate::gate::Gate;
use crate::limits::RunLimits;
use crate::name::{BranchName, CommitId, Digest, PersonaName};
use crate::ticket::Ticket;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is certain when a run begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Opened {
    /// The ticket, as it was read.
    pub ticket: Ticket,
    /// Whether anything real can happen.
    pub mode: Mode,
    /// What a simulation does where a human would be asked.
    pub approvals: Approvals,
    /// Who plans.
    pub planned: Planned,
    /// Which model thinks.
    pub model: String,
    /// Who sits besides Planner and Engineer.
    pub crew: Posts,
    /// The limits.
    pub limits: RunLimits,
    /// The install that began it.
    pub install: String,
    /// Its machine.
    pub machine: String,
    /// The commit it works on.
    pub base: Option<CommitId>,
    /// The digest of the rules.
    pub policy: Digest,
    /// The version of the Studio.
    pub version: String,
    /// The branch for the Engineer's commits; none where nothing is committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<BranchName>,
    /// When it began: the date of its commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
    /// The other tickets of the queue, as many as a Planner is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queue: Vec<Queued>,
}

impl Opened {
    /// A rehearsal of `ticket` by `crew` under the rules of `gate`, with the default limits, in no
    /// repository and on no machine. Change the fields that are otherwise.
    pub fn rehearsal(ticket: Ticket, crew: &Crew, gate: &dyn Gate) -> Opened {
        Opened {
            ticket,
            mode: Mode::Simulate,
            approvals: Approvals::Assume,
            planned: Planned::Crew,
            model: "scripted".into(),
            crew: crew.posts(),
            limits: RunLimits::default(),
            install: "none".into(),
            machine: "none".into(),
            base: None,
            policy: gate.policy(),
            version: env!("CARGO_PKG_VERSION").into(),
            branch: None,
            began: None,
            queue: Vec::new(),
        }
    }
}

/// Whether anything real can happen. Fixed when the run opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing runs but reads.
    Observe,
    /// Nothing runs; the change is shown.
    Suggest,
    /// Every step is pretended.
    Simulate,
    /// Steps run.
    Live,
}

/// What a simulation does where a human would be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approvals {
    /// It records that live would ask, and goes on.
    Assume,
    /// It asks.
    Ask,
}

/// Who plans a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Planned {
    /// The rule for entries that name their script: one step, exit 0.
    Rule,
    /// Planner and Engineer.
    Crew,
}

/// Who sits besides Planner and Engineer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posts {
    /// A Reviewer.
    pub reviewer: bool,
    /// A Narrator.
    pub narrator: bool,
    /// Advisers, and where each is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advisers: Vec<AdviserPost>,
}

/// An adviser, and where they are asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdviserPost {
    /// Their name.
    pub name: PersonaName,
    /// Where.
    pub at: Vec<Checkpoint>,
}
