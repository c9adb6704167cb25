//! A warrant: what a permit says, as a plain message for the Executor's process.
//!
//! It may be copied and grants nothing by itself: whoever receives one judges the step again, verifies
//! the approval again, and runs an op once.

use crate::approval::Signed;
use crate::event::Basis;
use crate::name::{CommitId, Digest, StoreId, Target, TicketId};
use crate::plan::Edit;
use crate::program::Program;
use crate::step::{Argv, Op, Step};
use crate::ticket::Stage;
use serde::{Deserialize, Serialize};

/// What was granted, and everything its judgement depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Warrant {
    /// Which try of which step of which run.
    pub op: Op,
    /// In which life of its run.
    pub epoch: u32,
    /// Where the journal stood when this was made: its grant, or a later line.
    pub journal: Head,
    /// The store where the op is claimed.
    pub store: Option<StoreId>,
    /// The ticket of its run.
    pub ticket: TicketId,
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
    /// The files of its programs, as they were found when it was judged.
    pub programs: Vec<Program>,
    /// On whose word it was granted.
    pub basis: Basis,
    /// The ops of other runs that had its effect, or may have had it, and that whoever agreed was told of.
    pub before: Vec<Op>,
    /// That word, as it was signed.
    pub approval: Option<Box<Signed>>,
}

/// A place in a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The number of a line.
    pub n: u64,
    /// Its sum.
    pub sum: Digest,
}

impl Warrant {
    /// Returns the key of its effect: what must happen once for its ticket, whichever run does it.
    pub fn effect_key(&self, script: Option<&Digest>) -> Digest {
        effect_key(&self.ticket, &self.step.argv, &self.step.target, script)
    }
}

/// Returns the key of what a command does for a ticket: the ticket, the words, the target, and the bytes of the
/// script if it runs one.
pub fn effect_key(ticket: &TicketId, argv: &Argv, target: &Target, script: Option<&Digest>) -> Digest {
    // Tickets differ without regard to case, and no word holds a line feed.
    let head = [ticket.as_str().to_ascii_lowercase(), target.as_str().to_string(), script.map_or("", Digest::as_str).to_string()];
    let words = argv.words().map(ToString::to_string);
    Digest::blake3(head.into_iter().chain(words).map(|word| format!("{word}\n")).collect::<String>().as_bytes())
}
