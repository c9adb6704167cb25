//! A run as a story: one line an event, in words for people; nothing from outside is printed raw.

use studio_core::dossier::{Advice, Decision, ReviewPoint};
use studio_core::event::{Answered, Basis, Event, Outcome};
use studio_core::gate::Verdict;
use studio_core::journal::Entry;
use studio_core::text::one_line;

/// How many characters of somebody else's words stand on a line.
const WORDS: usize = 160;

/// Returns what happened, on one line; nothing for what only matters to the machine.
pub(crate) fn line(entry: &Entry) -> Option<String> {
    let words = |text: &str| one_line(text, WORDS);
    Some(match &entry.event {
        Event::RunOpened(opened) => format!("ticket      {} ({}): {}", opened.ticket.id, opened.ticket.source, words(opened.ticket.title.as_str())),
        Event::RunResumed { .. } => format!("resumed     life {}", entry.place.epoch),
        Event::BriefWritten { by, brief } => format!("{by:<11} writes: {}", words(brief.as_str())),
        Event::PlanProposed { by, plan } => format!("{by:<11} proposes: {} ({} criteria)", words(plan.goal.as_str()), plan.criteria.len()),
        Event::BacklogProposed { by, proposals } => format!("{by:<11} would change the queue in {} places; see its report", proposals.len()),
        Event::PlanObjected { by, objections } => {
            let objections = objections.iter().map(|text| words(text.as_str())).collect::<Vec<_>>().join("; ");
            format!("{by:<11} objects: {}", words(&objections))
        }
        Event::PlanAgreed { by } => format!("{by:<11} agrees to the plan"),
        Event::ModelAsked { .. } => return None,
        Event::ModelAnswered { persona, answer: Answered::Failed(why), .. } => format!("{persona:<11} got no answer: {}", words(why)),
        Event::ModelAnswered { .. } => return None,
        Event::EditsProposed { by, change, .. } => {
            format!("{by:<11} hands over {} edits and {} steps: {}", change.edits.len(), change.runbook.len(), words(change.summary.as_str()))
        }
        Event::ChangeCommitted { branch, commit } => format!("committed   {branch} at {}", &commit.as_str()[..12]),
        Event::TicketTicked { place } => format!("ticked      {}", words(place)),
        Event::StepJudged { step, judgement, .. } => {
            let better = judgement
                .better
                .as_ref()
                .filter(|_| judgement.verdict != Verdict::Auto)
                .map(|better| format!("; better: {}", words(better)))
                .unwrap_or_default();
            format!("gate        step {step} is {} ({}): {}{better}", judgement.verdict, judgement.class, words(&judgement.why))
        }
        Event::ApprovalAsked { op, why, .. } => format!("asked       step {} waits for a human: {}", op.step, words(why)),
        Event::ApprovalGiven { signed } => format!("approved    step {} by {}", signed.statement.op.step, signed.statement.by),
        Event::ApprovalRefused { signed } => format!("denied      step {} by {}", signed.statement.op.step, signed.statement.by),
        Event::ApprovalExpired { op, .. } => format!("lapsed      nobody answered about step {}", op.step),
        Event::StepGranted { op, basis, .. } => {
            let basis = match basis {
                Basis::Auto => "unasked".into(),
                Basis::Approved(by) => format!("approved by {by}"),
                Basis::Assumed => "live would ask; the rehearsal assumes a yes".into(),
            };
            format!("granted     step {} ({basis})", op.step)
        }
        Event::ProbeGranted { op, .. } => format!("probe       nobody knows whether step {} ran: a read looks", op.step),
        Event::StepOverdue { op, why } => format!("overdue     step {}: {}", op.step, words(why)),
        Event::StepEnded { op, outcome, .. } => format!("executor    step {}: {}", op.step, ended(outcome)),
        Event::StepUnknown { op, why } => format!("unknown     step {}: {}", op.step, words(why)),
        Event::StepSettled { signed } => format!("settled     step {} by {}", signed.statement.op.step, signed.statement.by),
        Event::CriterionChecked { criterion, finding } => {
            format!("check       {criterion}: {}: {}", if finding.met { "met" } else { "not met" }, words(&finding.evidence))
        }
        Event::ReviewGiven { by, point, decision, notes } => {
            let point = match point {
                ReviewPoint::BeforeDelivery => "before anything runs",
                ReviewPoint::AfterExecution => "after it ran",
            };
            let decision = match decision {
                Decision::Accept => "accepts",
                Decision::BackToEngineer => "sends it back to the Engineer",
                Decision::BackToPlanner => "sends it back to the Planner",
            };
            format!("{by:<11} {point}: {decision}: {}", words(notes.as_str()))
        }
        Event::AdviceGiven { by, advice, .. } => match advice {
            Advice::GoOn => return None,
            Advice::SendBack { why } => format!("{by:<11} sends it back: {}", words(why.as_str())),
            Advice::Stop { why } => format!("{by:<11} stops it: {}", words(why.as_str())),
        },
        Event::LimitReached { why, .. } => format!("limit       {}", words(why)),
        Event::RunClosed { state, why, .. } => format!("closed      {}: {}", state.name(), words(why)),
    })
}

/// Says how a step ended, and what is known of its failure.
fn ended(outcome: &Outcome) -> String {
    let failure = outcome.failure.as_ref().map(|failure| format!("; {}", one_line(&failure.to_string(), WORDS))).unwrap_or_default();
    format!("{}{failure}", one_line(&outcome.words(), WORDS))
}
