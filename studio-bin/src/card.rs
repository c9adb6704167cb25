//! The approval card: what a human is asked, computed by code; a model's words stand in a box of their own.

use crate::rules;
use crate::site::Site;
use std::fmt::Write;
use studio_core::clock::stamp;
use studio_core::closure::{Closure, closure};
use studio_core::event::Planned;
use studio_core::gate::{Case, Class, Effect};
use studio_core::plan::Edit;
use studio_core::run::{Run, StepRecord, StepState};
use studio_core::step::StepNo;
use studio_core::text::{one_line, visible};
use studio_core::tree::{EmptyTree, Tree, after};
use studio_gate::{Declared, Registration, sha256};
use studio_host::executor::fit;

/// How many changes, scripts that it uses, and lines of a reason are shown.
const LINES_MAX: usize = 20;
/// How much of a sentence is shown, on its one line.
const WORDS_CHARS_MAX: usize = 2000;

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
    row("class", &format!("{}: {}", judgement.class, one_line(&judgement.why, WORDS_CHARS_MAX)));
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
    row("expected", &one_line(&serde_json::to_string(&step.expect).unwrap_or_default(), WORDS_CHARS_MAX));
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
    for (name, line) in around(site, run, record) {
        row(name, &line);
    }
    row("time limit", &format!("{} seconds", step.timeout_seconds.get()));
    row("effect", judgement.digest.as_str());
    if let StepState::Asked(expires) = &record.state {
        row("until", &stamp(*expires));
    }
    let whose = if opened.planned == Planned::Rule { "why, by the rule that planned it" } else { "a model's words, not checked by anything" };
    let _ = writeln!(text, "| +- {whose} ---");
    let words = visible(step.why.as_str());
    for line in words.lines().take(LINES_MAX) {
        let _ = writeln!(text, "| | {}", one_line(line, WORDS_CHARS_MAX));
    }
    if let more @ 1.. = words.lines().count().saturating_sub(LINES_MAX) {
        let _ = writeln!(text, "| | (and {more} lines more)");
    }
    let _ = writeln!(text, "+--");
    Some(text)
}

/// Returns what else decides what the step does: the files that were changed, the scripts that it uses, and what
/// the Executor would hand it. No row is cut; a list that is too long says how much of it is left out.
pub(crate) fn around(site: &Site, run: &Run, record: &StepRecord) -> Vec<(&'static str, String)> {
    let edits = run.change().map(|change| change.edits.as_slice()).unwrap_or_default();
    let mut rows: Vec<(&str, String)> = run.committed().map(|commit| ("commit", commit.to_string())).into_iter().collect();
    let programs = record.judgement.as_ref().map(|judgement| judgement.programs.as_slice()).unwrap_or_default();
    rows.extend(programs.iter().map(|program| ("program", format!("{} is {}, sha256 {}", program.name, program.path, program.sha256))));
    let changed = |edit: &Edit| match edit {
        Edit::Write { path, text } => format!("sha256 {} is written to {path}", sha256(text.as_bytes())),
        Edit::Remove { path } => format!("removed: {path}"),
        Edit::Rename { path, to } => format!("renamed: {path} is called {to} now"),
    };
    let diff = format!(": studio diff {}", run.id().map_or("RUN", |id| id.as_str()));
    rows.extend(listed("changed", edits.iter().map(changed), &diff));
    let Some(opened) = run.opened() else { return rows };
    let base = opened.base.as_ref().and_then(|base| site.repo.base(Some(base.as_str())).ok());
    let tree = match &base {
        Some(base) => base as &dyn Tree,
        None => &EmptyTree,
    };
    match closure(tree, edits, &record.step.argv) {
        Ok(closure) => {
            rows.extend(declared(site, run, record, tree, &closure));
            let Closure { used, unfound, .. } = closure;
            rows.extend(listed("uses", used.iter().map(|(path, bytes)| format!("sha256 {} {path}", sha256(bytes))), ""));
            rows.extend(unfound.into_iter().map(|what| ("not found", what)));
        }
        Err(error) => rows.push(("uses", format!("nobody knows: {error}"))),
    }
    match fit(site.root(), tree, edits, &record.step, opened.ticket.cluster.as_ref()) {
        Ok(words) => rows.extend(words.lines().map(|line| ("handed", line.to_string()))),
        Err(why) => rows.push(("handed", format!("nothing: live refuses the step as things stand: {why}"))),
    }
    rows.into_iter().map(|(name, row)| (name, visible(&row).replace('\n', " "))).collect()
}

/// Returns what a human registered the script of a step as, if it needs that and has it.
fn declared(site: &Site, run: &Run, record: &StepRecord, tree: &dyn Tree, closure: &Closure) -> Vec<(&'static str, String)> {
    let edits = run.change().map(|change| change.edits.as_slice()).unwrap_or_default();
    let script = record.step.argv.script().and_then(|path| after(tree, edits, &path).ok()?);
    let (Some(opened), Ok(rules)) = (run.opened(), rules::of(site, tree)) else { return Vec::new() };
    let (mode, stage, cluster, base) = (opened.mode, opened.ticket.stage, opened.ticket.cluster.as_ref(), opened.base.as_ref());
    let case = Case { step: &record.step, mode, stage, cluster, base, edits, script: script.as_deref(), closure, programs: &[] };
    let Some(Registration { path, declared, .. }) = rules.gate.registration(&case) else { return Vec::new() };
    let Declared { verb, class, targets, params, list: _, undo, expect } = declared;
    let given: Vec<&str> = record.step.argv.args().skip(3).collect();
    let params = match (params.is_empty(), given[..] == ["--list"]) {
        (_, true) => "--list".into(),
        (true, false) => "none".into(),
        (false, false) => params.iter().zip(given).map(|(param, given)| format!("{param} = {given}")).collect::<Vec<_>>().join(", "),
    };
    let targets = targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let by = rules.registry.of(path).map(|known| format!("by {} at {}", known.by, known.at));
    let said = [("verb", verb.to_string()), ("class", class.to_string()), ("targets", targets), ("params", params)];
    let said = said.into_iter().chain([("undo", undo.clone()), ("expect", expect.clone())]);
    by.map(|by| ("registered", by)).into_iter().chain(said.map(|(name, value)| ("declares", format!("{name}: {value}")))).collect()
}

/// Returns the first rows of a list, and how many there are beside them.
fn listed(name: &'static str, rows: impl ExactSizeIterator<Item = String>, more: &str) -> Vec<(&'static str, String)> {
    let left = rows.len().saturating_sub(LINES_MAX);
    let left = (left > 0).then(|| format!("and {left} more{more}"));
    rows.take(LINES_MAX).chain(left).map(|row| (name, row)).collect()
}
