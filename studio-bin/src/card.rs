//! The approval card: what a human is asked, computed by code; a model's words stand in a box of their own.

use crate::site::Site;
use std::fmt::Write;
use studio_core::clock::stamp;
use studio_core::closure::{Closure, closure};
use studio_core::event::Planned;
use studio_core::gate::{Class, Effect};
use studio_core::name::RelPath;
use studio_core::plan::Edit;
use studio_core::run::{Run, StepRecord, StepState};
use studio_core::step::{Argv, StepNo};
use studio_core::text::{one_line, visible};
use studio_core::tree::after;
use studio_gate::sha256;

/// How many lines of a script's side file and of changes are shown.
const LINES_MAX: usize = 20;

/// Returns the card for a step, ready to print; nothing if the run has no such step.
pub(crate) fn card(site: &Site, run: &Run, no: StepNo) -> Option<String> {
    let record: &StepRecord = run.step(no)?;
    let (step, judgement) = (&record.step, record.judgement.as_ref()?);
    let opened = run.opened()?;
    let mut text = String::new();
    let _ = writeln!(text, "+-- approval wanted: step {no} of {}", run.id()?);
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "| {name:<10} {value}");
    };
    row("ticket", &format!("{} ({})", opened.ticket.id, opened.ticket.source));
    for (at, word) in step.argv.words().enumerate() {
        row(if at == 0 { "command" } else { "" }, &format!("[{at}] {}", visible(word)));
    }
    row("target", step.target.as_str());
    row("class", &format!("{}: {}", judgement.class, one_line(&judgement.why, 200)));
    row("rule", &one_line(&judgement.rule, 80));
    row(
        "again",
        match judgement.effect {
            Effect::Read => "harmless",
            Effect::Idempotent => "leads to the same state",
            Effect::Probed => "the policy's probe tells whether it happened",
            Effect::OneShot => "never: it runs once, whatever happens",
        },
    );
    row("expected", &one_line(&serde_json::to_string(&step.expect).unwrap_or_default(), 200));
    row(
        "undo",
        &step
            .undo
            .as_ref()
            .map_or_else(|| if judgement.class == Class::Observe { "nothing to undo".into() } else { "none is known".into() }, ToString::to_string),
    );
    if let Some(probe) = &step.probe {
        row("probe", &probe.argv.to_string());
    }
    if let Some(script) = &judgement.script {
        row("script", &format!("sha256 {script}"));
    }
    row("base", opened.base.as_ref().map_or("none", |base| base.as_str()));
    for (name, line) in around(site, run, &step.argv) {
        row(name, &one_line(&line, 200));
    }
    row("time limit", &format!("{} seconds", step.timeout_seconds.get()));
    row("effect", judgement.digest.as_str());
    if let StepState::Asked(expires) = &record.state {
        row("until", &stamp(*expires));
    }
    let whose = if opened.planned == Planned::Rule { "why, by the rule that planned it" } else { "a model's words, not checked by anything" };
    let _ = writeln!(text, "| +- {whose} ---");
    for line in visible(step.why.as_str()).lines().take(12) {
        let _ = writeln!(text, "| | {}", one_line(line, 200));
    }
    let _ = writeln!(text, "+--");
    Some(text)
}

/// Returns what else decides what the step does: the files that were changed, the scripts that it uses, and what
/// its side file hands it.
fn around(site: &Site, run: &Run, argv: &Argv) -> Vec<(&'static str, String)> {
    let edits = run.change().map(|change| change.edits.as_slice()).unwrap_or_default();
    let mut rows: Vec<(&str, String)> = run.committed().map(|commit| ("commit", commit.to_string())).into_iter().collect();
    for edit in edits.iter().take(LINES_MAX) {
        rows.push((
            "changed",
            match edit {
                Edit::Write { path, text } => format!("{path} is written, sha256 {}", sha256(text.as_bytes())),
                Edit::Remove { path } => format!("{path} is removed"),
                Edit::Rename { path, to } => format!("{path} is called {to} now"),
            },
        ));
    }
    if edits.len() > LINES_MAX {
        rows.push(("changed", format!("and {} more: studio diff {}", edits.len() - LINES_MAX, run.id().map_or("RUN", |id| id.as_str()))));
    }
    let base = run.opened().and_then(|opened| opened.base.as_ref()).and_then(|base| site.repo.base(Some(base.as_str())).ok());
    let (Some(path), Some(tree)) = (argv.script(), base) else { return rows };
    match closure(&tree, edits, argv) {
        Ok(Closure { used, unfound, .. }) => {
            rows.extend(used.iter().map(|(path, bytes)| ("uses", format!("sha256 {} {path}", sha256(bytes)))));
            rows.extend(unfound.into_iter().map(|what| ("not found", what)));
        }
        Err(error) => rows.push(("uses", format!("nobody can tell: {error}"))),
    }
    let side = RelPath::try_from(format!("{path}.studio.toml")).ok().and_then(|side| after(&tree, edits, &side).ok().flatten());
    let side = String::from_utf8_lossy(&side.unwrap_or_default()).into_owned();
    let lines = side.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.extend(lines.take(LINES_MAX).map(|line| ("beside it", line.to_string())));
    rows
}
