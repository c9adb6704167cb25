//! The decisions of a run: who planned, objected, agreed, judged, approved and reviewed what, and why.

use super::pages::{fenced, full, head};
use serde::Serialize;
use studio_core::clock::stamp;
use studio_core::dossier::Advice;
use studio_core::event::{Answered, Basis, Event};
use studio_core::gate::EditJudgement;
use studio_core::journal::Log;
use studio_core::name::PersonaName;
use studio_core::plan::{Change, Plan};
use studio_core::run::Run;
use studio_core::text::one_line;

/// Characters of one line.
const LINE_CHARS_MAX: usize = 400;

/// Renders every decision on a line of its own, with its number and time, as many as fit one file.
pub(super) fn page(log: &Log, run: &Run) -> String {
    let mut lines = String::new();
    for (at, entry) in log.entries.iter().enumerate() {
        let mut more = String::new();
        for said in words(&entry.event) {
            more.push_str(&format!("{:>4}  {}  {}\n", entry.place.n, stamp(entry.at), one_line(&said, LINE_CHARS_MAX)));
        }
        if full(&lines, &more) {
            lines.push_str(&format!("{} more events stand in the journal\n", log.entries.len() - at));
            break;
        }
        lines.push_str(&more);
    }
    let mut text = head(log, run, "decisions");
    fenced(&mut text, &lines);
    text
}

/// Says what an event decided; nothing if it decided nothing.
fn words(event: &Event) -> Vec<String> {
    match event {
        Event::RunOpened(opened) => {
            vec![format!("opened: {} ({}), {} at {}", opened.ticket.title, opened.ticket.id, name(&opened.mode), opened.ticket.source)]
        }
        Event::RunResumed { .. } => vec!["resumed".into()],
        Event::BriefWritten { by, brief } => vec![format!("{by}: {brief}")],
        Event::BacklogProposed { by, proposals } => proposals
            .iter()
            .map(|proposal| format!("{by} proposes for the backlog: {}", serde_json::to_string(proposal).unwrap_or_default()))
            .collect(),
        Event::PlanProposed { by, plan } => planned(by, plan),
        Event::PlanObjected { by, objections } => objections.iter().map(|text| format!("{by} objects: {text}")).collect(),
        Event::PlanAgreed { by } => vec![format!("{by} agrees to the plan")],
        Event::ModelAsked { .. } | Event::ModelAnswered { answer: Answered::Text(_), .. } => Vec::new(),
        Event::ModelAnswered { persona, answer: Answered::Failed(why), .. } => vec![format!("no answer for {persona}: {why}")],
        Event::EditsProposed { by, change, judged } => proposed(by, change, judged),
        Event::ChangeCommitted { branch, commit } => vec![format!("committed as {commit} on {branch}")],
        Event::TicketTicked { place } => vec![format!("ticked at {place}")],
        Event::StepJudged { step, judgement, .. } => {
            vec![format!("step {step} is {} ({}), by rule {}: {}", judgement.verdict, judgement.class, judgement.rule, judgement.why)]
        }
        Event::ApprovalAsked { op, why, expires, .. } => vec![format!("step {} is asked about until {}: {why}", op.step, stamp(*expires))],
        Event::ApprovalGiven { signed } | Event::ApprovalRefused { signed } | Event::StepSettled { signed } => {
            let said = &signed.statement;
            let reason = said.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            vec![format!("{} says {} to step {}{reason}", said.by, name(&said.word), said.op.step)]
        }
        Event::ApprovalExpired { op, .. } => vec![format!("nobody answered about step {} in time", op.step)],
        Event::StepGranted { op, basis, .. } => {
            let basis = match basis {
                Basis::Auto => "by the rules".to_string(),
                Basis::Approved(by) => format!("approved by {by}"),
                Basis::Assumed => "a human's yes is assumed".into(),
            };
            vec![format!("step {} may run, try {}: {basis}", op.step, op.attempt)]
        }
        Event::ProbeGranted { op, judgement, .. } => {
            vec![format!("nobody knows whether step {} ran; a read that tells is {} by rule {}", op.step, judgement.verdict, judgement.rule)]
        }
        Event::StepOverdue { op, why } => vec![format!("step {} runs longer than it may: {why}", op.step)],
        Event::StepEnded { op, outcome, .. } => vec![format!("step {} ended: {}", op.step, outcome.words())],
        Event::StepUnknown { op, why } => vec![format!("nobody knows how step {} ended: {why}", op.step)],
        Event::CriterionChecked { criterion, finding } => {
            vec![format!("criterion {criterion} is {}: {}", if finding.met { "met" } else { "not met" }, finding.evidence)]
        }
        Event::ReviewGiven { by, point, decision, notes } => vec![format!("{by}, {}: {}: {notes}", name(point), name(decision))],
        Event::AdviceGiven { by, checkpoint, advice, .. } => {
            let advice = match advice {
                Advice::GoOn => "go on".to_string(),
                Advice::SendBack { why } => format!("send it back: {why}"),
                Advice::Stop { why } => format!("stop: {why}"),
            };
            vec![format!("{by} advises, {}: {advice}", name(checkpoint))]
        }
        Event::LimitReached { limit, why } => vec![format!("limit reached, {}: {why}", name(limit))],
        Event::RunClosed { state, why, .. } => vec![format!("closed as {}: {why}", state.name())],
    }
}

fn planned(by: &PersonaName, plan: &Plan) -> Vec<String> {
    let criteria = plan.criteria.iter().map(|criterion| format!("criterion {}: {}", criterion.name, criterion.text));
    let constraints = plan.constraints.iter().map(|text| format!("constraint: {text}"));
    [format!("{by} plans: {}", plan.goal)].into_iter().chain(criteria).chain(constraints).collect()
}

fn proposed(by: &PersonaName, change: &Change, judged: &[EditJudgement]) -> Vec<String> {
    let edits = change.edits.iter().zip(judged).map(|(edit, judged)| {
        let paths = edit.paths().map(ToString::to_string).collect::<Vec<_>>().join(" -> ");
        format!("edit of {paths}: {}, by rule {}: {}", judged.verdict, judged.rule, judged.why)
    });
    let steps = change.runbook.iter().map(|step| format!("step {} on {}: {}: {}", step.name, step.target, step.argv, step.why));
    [format!("{by} hands over: {}", change.summary)].into_iter().chain(edits).chain(steps).collect()
}

/// Returns the name of a plain choice, as the journal spells it.
fn name(choice: &impl Serialize) -> String {
    serde_json::to_value(choice).ok().and_then(|value| value.as_str().map(str::to_string)).unwrap_or_default()
}
