//! The report of a run: rendered from its journal, so it can be made again at any time.

use std::fmt::Write;
use studio_core::approval::{Statement, Word};
use studio_core::clock::stamp;
use studio_core::dossier::Remark;
use studio_core::event::{Artifact, Basis, Event, Finding, Mode, Opened};
use studio_core::journal::Log;
use studio_core::plan::{Criterion, Edit};
use studio_core::run::{Next, Run, StepRecord, StepState};
use studio_core::text::{one_line, visible};

/// How much of a step's output a report shows, in bytes.
const TAIL_BYTES: usize = 1200;

/// Returns the report of a run, as Markdown with front matter. Everything that came from outside
/// stands in a fence or on one line, with hidden characters made visible.
pub fn render(log: &Log, run: &Run) -> String {
    let Some(opened) = run.opened() else { return String::new() };
    let mut text = String::new();
    let (outcome, why) = outcome(run);
    front_matter(&mut text, log, run, opened, &outcome);
    let _ = writeln!(text, "# {}\n", one_line(opened.ticket.title.as_str(), 200));
    let _ = writeln!(text, "**{outcome}**: {}\n", one_line(&why, 600));
    if opened.mode == Mode::Simulate {
        let _ = writeln!(text, "This was a rehearsal: every outcome below is pretended, nothing was touched, and nothing is ticked.\n");
    }
    if opened.mode == Mode::Live {
        let _ = writeln!(
            text,
            "Steps ran in a read-only copy of the commit, bound by links and mode bits and not by the kernel: a program that ignores those could write elsewhere.\n"
        );
    }
    quoted(&mut text, "Brief", run.brief().map(|brief| brief.as_str()));
    criteria(&mut text, run);
    steps(&mut text, run);
    edits(&mut text, run, log);
    questions(&mut text, log, run.feedback());
    curation(&mut text, run);
    quoted(&mut text, "In the Narrator's words", run.story().map(|story| story.as_str()));
    let spent = run.spent();
    let _ = writeln!(
        text,
        "## Spent\n\n{} calls to {}, {} tokens in, {} out; {} rounds, {} events, journal head `{}`.",
        spent.model_calls,
        one_line(&opened.model, 100),
        spent.tokens_in,
        spent.tokens_out,
        run.round(),
        log.entries.len(),
        log.head
    );
    text
}

/// Says how a run stands: the name of its state, and why.
pub fn outcome(run: &Run) -> (String, String) {
    if let Some((state, why)) = run.closed() {
        return (state.name().into(), why.into());
    }
    match run.next() {
        Next::Park(state, why) => (state.name().into(), why),
        Next::Await { op, expires } => {
            let command = run.step(op.step).map(|record| record.step.argv.to_string()).unwrap_or_default();
            ("needs-human".into(), format!("step {} waits for an approval until {}: {command}", op.step, stamp(expires)))
        }
        Next::Recall(op) => {
            ("interrupted".into(), format!("step {} was granted, and nobody saw its end yet; resume asks what became of it", op.step))
        }
        Next::PlanByRule
        | Next::Plan
        | Next::Consider
        | Next::Prepare
        | Next::Advise { .. }
        | Next::Review(_)
        | Next::Commit
        | Next::Tick
        | Next::Judge(_)
        | Next::AskHuman { .. }
        | Next::Grant { .. }
        | Next::Probe(_)
        | Next::Check(_)
        | Next::Narrate(_)
        | Next::Limit(..)
        | Next::Close(..) => ("interrupted".into(), "it stopped in the middle; resume goes on".into()),
        Next::Over(state) => (state.name().into(), String::new()),
    }
}

fn front_matter(text: &mut String, log: &Log, run: &Run, opened: &Opened, outcome: &str) {
    let met = run.findings().values().filter(|finding| finding.met).count();
    let criteria = run.plan().map_or(0, |plan| plan.criteria.len());
    let mode = match opened.mode {
        Mode::Observe => "observe",
        Mode::Suggest => "suggest",
        Mode::Simulate => "simulate",
        Mode::Live => "live",
    };
    let at = |at: Option<&studio_core::journal::Entry>| at.map(|entry| stamp(entry.at)).unwrap_or_default();
    let base = opened.base.as_ref().map_or("none", |base| base.as_str());
    let _ = write!(
        text,
        "---\nticket: {}\nsource: {}\nrun: {}\nmode: {mode}\noutcome: {outcome}\nstage: {}\nbase: {base}\ncriteria_met: {met}\ncriteria: {criteria}\nticked: {}\nbegan: {}\nended: {}\n---\n\n",
        yaml(opened.ticket.id.as_str()),
        yaml(&opened.ticket.source.to_string()),
        log.run,
        opened.ticket.stage,
        yaml(run.ticked().unwrap_or("")),
        at(log.entries.first()),
        at(log.entries.last())
    );
}

/// Writes a string as YAML reads it back: JSON's quoting is YAML's too.
fn yaml(text: &str) -> String {
    serde_json::Value::String(text.into()).to_string()
}

fn quoted(text: &mut String, title: &str, words: Option<&str>) {
    if let Some(words) = words {
        let _ = writeln!(text, "## {title}\n");
        for line in visible(words).lines() {
            let _ = writeln!(text, "> {}", line.replace('<', "&lt;"));
        }
        text.push('\n');
    }
}

fn criteria(text: &mut String, run: &Run) {
    let Some(plan) = run.plan() else { return };
    let _ = writeln!(text, "## Criteria\n\n| | criterion | evidence |\n| --- | --- | --- |");
    let row = |criterion: &Criterion| match run.findings().get(&criterion.name) {
        Some(Finding { met: true, evidence }) => ("met", evidence.clone()),
        Some(Finding { met: false, evidence }) => ("not met", evidence.clone()),
        None if criterion.check.is_none() => ("open", "no machine can check it: a human must look".into()),
        None => ("open", "not checked".into()),
    };
    for criterion in &plan.criteria {
        let (state, evidence) = row(criterion);
        let _ = writeln!(text, "| {state} | {}: {} | {} |", criterion.name, cell(criterion.text.as_str()), cell(&evidence));
    }
    text.push('\n');
}

fn steps(text: &mut String, run: &Run) {
    if run.steps().is_empty() {
        return;
    }
    let _ = writeln!(text, "## Steps\n");
    for (at, record) in run.steps().iter().enumerate() {
        let StepRecord { step, judgement, basis, state, .. } = record;
        let what = if record.read_back.is_some() { "read-back" } else { "step" };
        let _ = writeln!(text, "{}. {what} `{}` on {}: {}\n", at + 1, step.name, step.target, one_line(&state.words(), 400));
        fenced(text, &step.argv.to_string());
        if let Some(judgement) = judgement {
            let word = match basis {
                Some(Basis::Auto) => "ran unasked".to_string(),
                Some(Basis::Approved(by)) => format!("approved by {by}"),
                Some(Basis::Assumed) => "live would have asked a human; the rehearsal assumed a yes".into(),
                None => "not granted".into(),
            };
            let _ = writeln!(text, "   {} ({}), {word}. {}\n", judgement.verdict, judgement.class, one_line(&judgement.why, 300));
        }
        if let StepState::Ended(outcome) = state {
            artifacts(text, &outcome.artifacts);
            if let Some(failure) = record.failure() {
                let _ = writeln!(text, "   failure: {}\n", cell(&failure.to_string()));
            }
            let tail = outcome.tail(TAIL_BYTES);
            if !tail.trim().is_empty() {
                fenced(text, &tail);
            }
        }
    }
}

fn artifacts(text: &mut String, artifacts: &[Artifact]) {
    for Artifact { path, bytes, sha256, secret } in artifacts {
        let secret = if *secret { ", secret" } else { "" };
        let _ = writeln!(text, "   left `{path}`: {bytes} bytes{secret}, sha256 {sha256}\n");
    }
}

fn edits(text: &mut String, run: &Run, log: &Log) {
    let proposed = log
        .entries
        .iter()
        .rev()
        .find_map(|entry| if let Event::EditsProposed { change, judged, .. } = &entry.event { Some((change, judged)) } else { None });
    let Some((change, judged)) = proposed.filter(|(change, _)| !change.edits.is_empty()) else { return };
    let branch = run.opened().and_then(|opened| opened.branch.as_ref()).zip(run.committed());
    let kept = match (run.change(), branch) {
        (None, _) => "proposed, and sent back".to_string(),
        (Some(_), None) => "proposed, and kept in the journal".into(),
        (Some(_), Some((branch, commit))) => format!("committed on `{branch}` as {commit}"),
    };
    let _ = writeln!(text, "## Edits\n\n{} edits are {kept}:\n", change.edits.len());
    for (edit, judged) in change.edits.iter().zip(judged) {
        let act = match edit {
            Edit::Write { text, .. } => format!("write {} bytes", text.len()),
            Edit::Remove { .. } => "remove".into(),
            Edit::Rename { .. } => "rename".into(),
        };
        let paths = edit.paths().map(ToString::to_string).collect::<Vec<_>>().join(" -> ");
        let _ = writeln!(text, "- `{paths}`: {act}; {} ({})", judged.verdict, one_line(&judged.why, 300));
    }
    text.push('\n');
}

fn questions(text: &mut String, log: &Log, feedback: &[Remark]) {
    if !feedback.is_empty() {
        let _ = writeln!(text, "## What was said against the work\n");
        for remark in feedback {
            let _ = writeln!(text, "- {}: {}", remark.by, cell(remark.text.as_str()));
        }
        text.push('\n');
    }
    let asked = log.entries.iter().filter_map(|entry| {
        if let Event::ApprovalAsked { op, why, .. } = &entry.event {
            return Some(format!("- step {} was asked about: {}", op.step, cell(why)));
        }
        let Statement { word, op, by, .. } = &entry.event.signed()?.statement;
        let word = match word {
            Word::Approve => "agreed to",
            Word::Deny => "refused",
            Word::Happened => "said that it happened:",
            Word::DidNot => "said that it did not happen:",
            Word::Abort | Word::Cancel => "gave the run up at",
        };
        Some(format!("- {by} {word} step {}", op.step))
    });
    let asked: Vec<String> = asked.collect();
    if !asked.is_empty() {
        let _ = writeln!(text, "## Questions\n\n{}\n", asked.join("\n"));
    }
}

fn curation(text: &mut String, run: &Run) {
    if run.curation().is_empty() {
        return;
    }
    let _ = writeln!(text, "## What the Planner would change in the queue\n");
    for change in run.curation() {
        let _ = writeln!(text, "- {}", cell(&change.words()));
    }
    let _ = writeln!(text, "\n`studio tickets --accept {}` takes it over; until then nothing changes.\n", run.id().map_or("RUN", |id| id.as_str()));
}

/// Writes text from outside in a fence that it cannot close.
fn fenced(text: &mut String, body: &str) {
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(text, "{fence}\n{}\n{fence}\n", visible(body.trim_end()));
}

/// Writes text from outside into one cell of a table.
fn cell(text: &str) -> String {
    one_line(text, 300).replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('`', "'")
}
