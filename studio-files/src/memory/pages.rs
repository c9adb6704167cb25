//! What the pages of a run's memory share, and those that only show what is kept.

use super::Prompt;
use std::fmt::Write;
use studio_core::clock::stamp;
use studio_core::journal::Log;
use studio_core::limits::{FILE_BYTES_MAX, MEMORY_TEXT_BYTES_MAX};
use studio_core::run::Run;
use studio_core::text::{one_line, visible};

/// Room that is kept for the last words of a page.
const RESERVE_BYTES: usize = 1024;

/// Renders every call to a model, as many as fit one file.
pub(super) fn prompts(log: &Log, run: &Run, prompts: &[Prompt]) -> String {
    let mut text = head(log, run, "prompts");
    for (at, Prompt { persona, turn, prompt, answer }) in prompts.iter().enumerate() {
        let mut call = format!("## {persona}, call {turn}\n\nAsked:\n\n");
        fenced(&mut call, &cut(prompt, MEMORY_TEXT_BYTES_MAX));
        call.push_str("\nAnswered:\n\n");
        fenced(&mut call, &cut(answer, MEMORY_TEXT_BYTES_MAX));
        call.push('\n');
        if full(&text, &call) {
            let _ = writeln!(text, "{} more calls do not fit here.", prompts.len() - at);
            break;
        }
        text.push_str(&call);
    }
    text
}

/// Renders the state that the journal leads to.
pub(super) fn state(log: &Log, run: &Run) -> String {
    let text = serde_json::to_string_pretty(run).unwrap_or_default();
    if full(&text, "") {
        let left_out = format!("the state has {} bytes; it is what the journal of the run leads to", text.len());
        return format!("{}\n", serde_json::json!({ "run": log.run, "left_out": left_out }));
    }
    text + "\n"
}

/// Returns the front matter and title of a page.
pub(super) fn head(log: &Log, run: &Run, kind: &str) -> String {
    let Some(opened) = run.opened() else { return String::new() };
    let title = one_line(opened.ticket.title.as_str(), 200);
    let quoted = |text: &str| serde_json::Value::from(text).to_string(); // JSON's quoting is YAML's too
    let date = log.entries.first().map(|entry| stamp(entry.at)).unwrap_or_default();
    let (status, _) = crate::report::outcome(run);
    format!(
        "---\ntitle: {}\nslug: {}\ndate: {}\nowner: studio\ntags: [run, {kind}]\nstatus: {status}\nrun: {}\nticket: {}\n---\n\n# The {kind} of run {}\n\n",
        quoted(&format!("{title}: {kind}")),
        quoted(&opened.ticket.id.slug()),
        date.get(..10).unwrap_or_default(),
        log.run,
        quoted(opened.ticket.id.as_str()),
        log.run,
    )
}

/// Says whether `more` would not fit behind `text` in one file.
pub(super) fn full(text: &str, more: &str) -> bool {
    text.len() + more.len() + RESERVE_BYTES > FILE_BYTES_MAX as usize
}

/// Returns the beginning of a text, and how much is missing.
pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.into();
    }
    let kept = text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default();
    format!("{kept}\n(cut: {} of {} bytes are shown)\n", kept.len(), text.len())
}

/// Writes text from outside in a fence that it cannot close.
pub(super) fn fenced(text: &mut String, body: &str) {
    let body = visible(body.trim_end());
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(text, "{fence}\n{body}\n{fence}");
}
