//! The approval card: what a human is asked, computed by code; a model's words stand in a box of their own.

use std::fmt::Write;
use studio_core::clock::stamp;
use studio_core::event::Planned;
use studio_core::gate::{Class, Effect};
use studio_core::run::{Run, StepRecord, StepState};
use studio_core::step::StepNo;
use studio_core::text::{one_line, visible};

/// Returns the card for a step, ready to print; nothing if the run has no such step.
pub(crate) fn card(run: &Run, no: StepNo) -> Option<String> {
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
