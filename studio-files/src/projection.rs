//! Projections: what a live run means for the JSON files of `ai/state` that people and older tools
//! watch.
//!
//! Everything is taken from the journal, so the same journal gives the same files, and a run is
//! counted once however often it is projected. Keys of others, their order and their spelling stay.
//! Stage flags are never written.

mod counts;
mod facts;
#[cfg(test)]
pub(crate) mod made_up;
pub(crate) mod object;

use crate::disk;
use crate::stage::Gates;
use facts::Facts;
use object::{BadObject, Object};
use serde_json::{Value, json};
use std::path::Path;
use studio_core::clock::stamp;
use studio_core::event::Mode;
use studio_core::journal::Log;
use studio_core::limits::REPLACE_TRIES_MAX;
use studio_core::name::RelPath;
use studio_core::run::Run;
use studio_core::ticket::Stage;

/// Changes one file's object, or says what is wrong with it.
type Merge = fn(&mut Object, &Facts) -> Result<(), String>;

const FILES: [(&str, Merge); 5] = [
    ("ai/state/status.json", status),
    ("ai/state/current_task.json", current_task),
    ("ai/state/metrics.json", counts::metrics),
    ("ai/state/last_error.json", counts::last_error),
    ("ai/state/errors.json", counts::errors),
];

/// Merges how a live run stands into the files of `ai/state`, key by key, and returns the files that
/// changed. A run of any other mode changes none.
///
/// # Errors
/// Files that are no JSON objects, hold something else than a count where one belongs, or cannot be
/// written. Nothing of them is changed; the others are written all the same.
pub fn write(root: &Path, log: &Log, run: &Run) -> Result<Vec<RelPath>, ProjectionError> {
    let mut written = Vec::new();
    let Some(opened) = run.opened().filter(|opened| opened.mode == Mode::Live) else { return Ok(written) };
    let stage_open = Gates::read(root).is_ok_and(|gates| gates.open(opened.ticket.stage));
    let facts = Facts::of(log, run, opened, stage_open);
    let mut problems = Vec::new();
    for (name, change) in FILES {
        let merged =
            RelPath::try_from(name).map_err(|error| error.to_string()).and_then(|path| Ok(merge(root, &path, &facts, change)?.then_some(path)));
        match merged {
            Ok(path) => written.extend(path),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(written) } else { Err(ProjectionError { written, problems }) }
}

/// Returns whether the file changed. Whoever saves it meanwhile is read again.
fn merge(root: &Path, path: &RelPath, facts: &Facts, change: Merge) -> Result<bool, String> {
    for _ in 0..REPLACE_TRIES_MAX {
        let old = disk::read(root, path).map_err(|error| error.to_string())?;
        let parsed = old.as_ref().map_or_else(|| Ok(Object::empty()), |bytes| Object::parse(bytes));
        let mut object = parsed.map_err(|BadObject { line, why }| format!("{path}:{line}: {why}; mend it, or move it away"))?;
        let before = object.text().to_string();
        change(&mut object, facts).map_err(|why| format!("{path}: {why}; mend it, or move it away"))?;
        if object.text() == before {
            return Ok(false);
        }
        let done = disk::show(root, path, old.as_deref(), object.text().as_bytes());
        if done.map_err(|error| error.to_string())? {
            return Ok(true);
        }
    }
    Err(format!("{path} was changed by somebody else {REPLACE_TRIES_MAX} times while it was written; try again when it rests"))
}

fn put<const N: usize>(object: &mut Object, fields: [(&str, Value); N]) -> Result<(), String> {
    fields.into_iter().try_for_each(|(key, value)| object.set(key, &value).map_err(|error| error.to_string()))
}

fn status(object: &mut Object, facts: &Facts) -> Result<(), String> {
    put(
        object,
        [
            ("persona", json!(facts.persona)),
            ("task", json!(facts.ticket.id)),
            ("iteration", json!(facts.round)),
            ("last_exit_reason", json!(facts.exit)),
            ("last_run_id", json!(facts.run)),
            ("timestamp", json!(stamp(facts.at))),
            ("stage", json!(stage(facts.ticket.stage))),
            ("needs_human", json!(facts.question.is_some())),
            ("question", json!(facts.question.as_deref().unwrap_or(""))),
        ],
    )
}

fn current_task(object: &mut Object, facts: &Facts) -> Result<(), String> {
    let begun = facts.began.as_millisecond();
    let failure = facts.failure.as_ref();
    put(
        object,
        [
            ("task_id", json!(facts.ticket.id)),
            ("persona", json!(facts.persona)),
            ("status", json!(facts.status)),
            // Seconds since 1970 as a string: what older tools wrote and still parse.
            ("started_at", json!(format!("{}.{:02}", begun.div_euclid(1000), begun.rem_euclid(1000) / 10))),
            ("note", json!(facts.why)),
            ("updated_at", json!(stamp(facts.at))),
            ("stage", json!(stage(facts.ticket.stage))),
            ("target", json!(facts.target)),
            ("log_path", json!(facts.log_path())),
            ("error_classification", json!(failure.map(|failure| failure.code()))),
            ("classification_confidence", json!(failure.map(|failure| failure.confidence.name()))),
        ],
    )
}

fn stage(stage: Stage) -> String {
    format!("stage_{stage}")
}

/// Some files were left as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct ProjectionError {
    /// The files that were written all the same.
    pub written: Vec<RelPath>,
    /// What is wrong with each of the others, with its name.
    pub problems: Vec<String>,
}

#[cfg(test)]
mod tests;
