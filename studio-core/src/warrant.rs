//! A warrant: what a permit says, as a plain message for the Executor's process.
//!
//! It may be copied and grants nothing by itself: whoever receives one judges the step again, verifies
//! the approval again, and runs an op once.

use crate::approval::Signed;
use crate::event::Basis;
use crate::name::{CommitId, Digest, Target};
use crate::plan::Edit;
use crate::step::{Op, Step};
use crate::ticket::Stage;
use serde::{Deserialize, Serialize};

/// What was granted, and everything its judgement depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Warrant {
    /// Which try of which step of which run.
    pub op: Op,
    /// The step.
    pub step: Step,
    /// The stage of its ticket.
    pub stage: Stage,
    /// The cluster its ticket names.
    pub cluster: Option<Target>,
    /// The commit the run works on.
    pub base: Option<CommitId>,
    /// The commit that holds the edits; none where there are none.
    pub commit: Option<CommitId>,
    /// The edits of its change.
    pub edits: Vec<Edit>,
    /// The digest of the rules it was judged by.
    pub policy: Digest,
    /// The digest of its effect, as it was judged.
    pub effect: Digest,
    /// On whose word it was granted.
    pub basis: Basis,
    /// That word, as it was signed.
    pub approval: Option<Box<Signed>>,
}
