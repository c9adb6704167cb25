//! What personas are asked and what they answer: typed messages, each carrying the dossier of its run.

use crate::curation::{Curation, Queued};
use crate::failure::Failure;
use crate::gate::Judgement;
use crate::limits::LIST_MAX;
use crate::name::{Label, PersonaName, RelPath};
use crate::persona::Ask;
use crate::plan::{Change, Plan};
use crate::step::{Argv, Step, StepNo};
use crate::text::Prose;
use crate::ticket::Ticket;
use serde::{Deserialize, Serialize};

/// What a persona may know of its run: no host, no credential, nothing of other runs.
#[derive(Clone, Debug, Serialize)]
pub struct Dossier {
    /// What is wanted.
    pub ticket: Ticket,
    /// The round, from 1.
    pub round: u32,
    /// The Planner's brief.
    pub brief: Option<Prose>,
    /// The plan as it stands.
    pub plan: Option<Plan>,
    /// The change of this round.
    pub change: Option<Change>,
    /// The steps of this round and what became of them.
    pub steps: Vec<StepView>,
    /// What the machine's checks say.
    pub checks: Vec<CheckView>,
    /// What was said against earlier rounds, oldest first.
    pub feedback: Vec<Remark>,
    /// The last failures of the run, each once, oldest first.
    pub failures: Vec<FailureView>,
    /// The files that the ticket or the plan names, as they stand after this round's edits.
    pub files: Vec<FileView>,
    /// The names of the files that are there, as many as are listed.
    pub listed: Vec<RelPath>,
    /// The other tickets of the queue.
    pub queue: Vec<Queued>,
}

/// A file of the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileView {
    /// Its path.
    pub path: RelPath,
    /// Its text; nothing if it is too large to be shown, no text, or of a secret place.
    pub text: Option<String>,
}

/// A step and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct StepView {
    /// Its number in the run.
    pub no: StepNo,
    /// The step.
    pub step: Step,
    /// What the rules said.
    pub judgement: Option<Judgement>,
    /// What became of it, in one line.
    pub state: String,
    /// The end of its output.
    pub tail: String,
}

/// A failure, as it was the last time.
#[derive(Clone, Debug, Serialize)]
pub struct FailureView {
    /// The number of the step in the run.
    pub no: StepNo,
    /// Its command.
    pub argv: Argv,
    /// How often a step failed so.
    pub times: u32,
    /// What is known of it.
    pub failure: Failure,
}

/// A criterion and what a machine found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckView {
    /// The criterion's name.
    pub criterion: Label,
    /// Whether it is met.
    pub met: bool,
    /// The evidence, in one line.
    pub evidence: String,
}

/// Something that was said against the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remark {
    /// Who said it.
    pub by: PersonaName,
    /// What.
    pub text: Prose,
}

/// To the Planner: write a brief and a plan.
#[derive(Clone, Debug)]
pub struct WritePlan(pub Dossier);

/// The Planner's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What it is about, for the others and for the report.
    pub brief: Prose,
    /// What will be reached, and how a machine will know.
    pub plan: Plan,
    /// What should change in the queue; a human decides.
    #[serde(default, deserialize_with = "crate::curation::few", skip_serializing_if = "Vec::is_empty")]
    pub backlog: Vec<Curation>,
}

/// To the Engineer: can this plan be carried out as it stands?
#[derive(Clone, Debug)]
pub struct ConsiderPlan(pub Dossier);

/// The Engineer's opinion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// What stands against it; none means agreed. At most [`LIST_MAX`].
    #[serde(deserialize_with = "few")]
    pub objections: Vec<Prose>,
}

/// To the Engineer: hand over edits and a runbook.
#[derive(Clone, Debug)]
pub struct PrepareChange(pub Dossier);

/// To the Reviewer: does the work hold?
#[derive(Clone, Debug)]
pub struct ReviewWork {
    /// When it is asked.
    pub point: ReviewPoint,
    /// What to look at.
    pub dossier: Dossier,
}

/// When a Reviewer is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewPoint {
    /// The change is there, nothing has run.
    BeforeDelivery,
    /// Every machine check is met.
    AfterExecution,
}

/// The Reviewer's answer. It can take away, never give: accepting changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Where it goes.
    pub decision: Decision,
    /// Why.
    pub notes: Prose,
}

/// Where reviewed work goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// On.
    Accept,
    /// Back to the Engineer.
    BackToEngineer,
    /// Back to the Planner.
    BackToPlanner,
}

/// To the Narrator: say what happened.
#[derive(Clone, Debug)]
pub struct Narrate {
    /// How the run is about to end.
    pub ending: String,
    /// What happened.
    pub dossier: Dossier,
}

/// To an adviser: is there anything against going on?
#[derive(Clone, Debug)]
pub struct Advise {
    /// Where the run stands.
    pub checkpoint: Checkpoint,
    /// The step it is about, at [`Checkpoint::BeforeGrant`] and [`Checkpoint::AfterStep`].
    pub step: Option<StepNo>,
    /// What to look at.
    pub dossier: Dossier,
}

/// Where advisers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checkpoint {
    /// Planner and Engineer agree.
    AfterPlan,
    /// The change is there, nothing has run.
    BeforeDelivery,
    /// A step is judged and would be granted or asked.
    BeforeGrant,
    /// A step has ended.
    AfterStep,
}

/// An adviser's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "advice", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Advice {
    /// Nothing stands against it.
    GoOn,
    /// The Engineer should do it otherwise.
    SendBack {
        /// Why.
        why: Prose,
    },
    /// The run should end.
    Stop {
        /// Why.
        why: Prose,
    },
}

impl Ask for WritePlan {
    type Answer = Draft;
}

impl Ask for ConsiderPlan {
    type Answer = Opinion;
}

impl Ask for PrepareChange {
    type Answer = Change;
}

impl Ask for ReviewWork {
    type Answer = Review;
}

impl Ask for Narrate {
    type Answer = Prose;
}

impl Ask for Advise {
    type Answer = Advice;
}

fn few<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Prose>, D::Error> {
    let list = Vec::<Prose>::deserialize(deserializer)?;
    if list.len() > LIST_MAX {
        return Err(serde::de::Error::custom(format!("there are {} objections; at most {LIST_MAX} are read", list.len())));
    }
    Ok(list)
}
