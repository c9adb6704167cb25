//! What a run leaves for people and other programs: its report, its memory, the state it was last seen in.

use crate::exit::{Exit, Failure};
use crate::site::{Found, Site};
use std::collections::BTreeMap;
use studio_core::event::{Event, Parked};
use studio_core::journal::Log;
use studio_core::model::{Message, Request, Role};
use studio_core::name::RelPath;
use studio_core::replay::{Stage, replay};
use studio_core::run::Run;
use studio_core::supervisor::Rest;
use studio_core::tree::Tree;
use studio_files::diff::unified;
use studio_files::memory::{self, Prompt};
use studio_files::{projection, report, report_file};

/// Leaves everything that a run leaves when it rests, or when its work failed; returns its report if one
/// was written. All of it is rendered from the journal, for the memory on the run's own `stage`, and can be
/// made again, so what cannot be written, but for the report, is a warning.
///
/// # Errors
/// The journal cannot be read, or the report not be written.
pub(crate) async fn leave(site: &Site, found: &Found, run: &Run, stage: Stage, rest: Option<&Rest>) -> Result<Option<RelPath>, Failure> {
    let log = found.log()?;
    let report = tell(site, found, &log, run, matches!(rest, Some(Rest::Over(_) | Rest::Parked(Parked::NeedsReview, _))))?;
    if let Err(failure) = remember(site, found, &log, run, stage).await {
        tracing::warn!(run = %found.id, why = failure.why, "the run's memory is not written");
    }
    Ok(report)
}

/// Leaves what needs no file of the repository: the report, where there is to be one, and the state.
///
/// # Errors
/// The report cannot be written.
pub(crate) fn tell(site: &Site, found: &Found, log: &Log, run: &Run, reported: bool) -> Result<Option<RelPath>, Failure> {
    let report = if reported { Some(write_report(site, found, log, run)?) } else { None };
    if let Err(error) = projection::write(site.root(), log, run) {
        tracing::warn!(run = %found.id, %error, "ai/state does not show the run");
    }
    Ok(report)
}

/// Writes a run's report, or finds it written.
///
/// # Errors
/// The disk.
pub(crate) fn write_report(site: &Site, found: &Found, log: &Log, run: &Run) -> Result<RelPath, Failure> {
    let day = found.id.day();
    let date = format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]);
    let slug = run.opened().map(|opened| opened.ticket.id.slug()).unwrap_or_default();
    report_file::save(site.root(), &date, &slug, &report::render(log, run)).map_err(|error| Failure::new(Exit::Error, error))
}

/// Renders the run's memory; prompts are built again from the journal.
///
/// # Errors
/// The journal does not replay, or the disk.
pub(crate) async fn remember(site: &Site, found: &Found, log: &Log, run: &Run, stage: Stage) -> Result<(), Failure> {
    let diffs = diffs(log, stage.tree.as_ref())?;
    let replayed = replay(log, stage, &|kept| found.text(kept)).await?;
    let prompts: Vec<Prompt> = replayed.prompts.into_iter().map(|(request, answer)| prompt(&request, answer)).collect();
    memory::write(site.root(), log, run, &prompts, &diffs).map(drop).map_err(|error| Failure::new(Exit::Error, error))
}

fn prompt(request: &Request, answer: Option<String>) -> Prompt {
    let role = |message: &Message| match message.role {
        Role::System => "instructions",
        Role::User => "asked",
        Role::Assistant => "said before",
    };
    let prompt = request.messages.iter().map(|message| format!("[{}]\n{}", role(message), message.text)).collect::<Vec<_>>().join("\n\n");
    Prompt { persona: request.persona.clone(), turn: request.turn, prompt, answer: answer.unwrap_or_else(|| "(no answer)".into()) }
}

/// Returns the edits of each round as a patch.
fn diffs(log: &Log, tree: &dyn Tree) -> Result<BTreeMap<u32, String>, Failure> {
    let (mut run, mut diffs) = (Run::default(), BTreeMap::new());
    for entry in &log.entries {
        if let Event::EditsProposed { change, .. } = &entry.event
            && !change.edits.is_empty()
        {
            let patch = unified(tree, &change.edits).map_err(|error| Failure::new(Exit::Error, error))?;
            diffs.insert(run.round(), patch);
        }
        run = run.apply(&log.run, entry.place, &entry.event).map_err(|error| Failure::new(Exit::BadInput, error))?;
    }
    Ok(diffs)
}
