//! Accepted curation: what humans took over of a Planner's proposals, a line each, laid over the queue.
//!
//! Queue files are never rewritten for it, and it only adds words and reasons to wait: no line makes a
//! ticket ready. A line that is taken out of the file no longer counts.

use crate::add::{self, AddError, Origin};
use crate::disk::{self, DiskError};
use crate::intake::{Queue, Readiness};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use studio_core::curation::Curation;
use studio_core::limits::{CRITERIA_MAX, FILE_BYTES_MAX, PROSE_BYTES_MAX, REPLACE_TRIES_MAX, TICKETS_MAX};
use studio_core::name::{BadName, RelPath, RunId, TicketId};
use studio_core::text::{Prose, one_line};

/// Where it is kept.
pub const FILE: &str = "ai/studio/curation.jsonl";

/// A change that a human accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The form of the line.
    pub v: u8,
    /// When.
    pub at: Timestamp,
    /// Whose Planner proposed it.
    pub run: RunId,
    /// What.
    pub change: Curation,
}

/// Returns what was accepted, in order; nothing if there is no file.
///
/// # Errors
/// The file cannot be read, or a line is none of ours.
pub fn read(root: &Path) -> Result<Vec<Accepted>, CurationError> {
    let Some(bytes) = disk::read(root, &RelPath::try_from(FILE)?)? else { return Ok(Vec::new()) };
    let text = String::from_utf8(bytes).map_err(|_| CurationError::Line { line: 1, what: "it is no UTF-8 text".into() })?;
    let line = |(at, line): (usize, &str)| {
        let bad = |what: String| CurationError::Line { line: at + 1, what };
        let accepted: Accepted = serde_json::from_str(line).map_err(|error| bad(one_line(&error.to_string(), 200)))?;
        if accepted.v == 1 { Ok(accepted) } else { Err(bad(format!("form {} is newer than this version reads", accepted.v))) }
    };
    let lines: Vec<Accepted> = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(line).collect::<Result<_, _>>()?;
    if lines.len() > TICKETS_MAX { Err(CurationError::Many(lines.len())) } else { Ok(lines) }
}

/// Accepts changes: a split becomes an entry of the Studio's own backlog, the others lines of [`FILE`].
/// What was accepted before is passed over. Returns how many were new.
///
/// # Errors
/// A change names a ticket that is not there, or would make tickets wait for each other; or the disk. What
/// stands before the change that is refused is kept.
pub fn accept(root: &Path, queue: &Queue, run: &RunId, changes: &[Curation], at: Timestamp) -> Result<usize, CurationError> {
    let mut known = read(root)?;
    let mut new = 0;
    for change in changes {
        if known.iter().any(|accepted| accepted.change == *change) {
            continue;
        }
        fits(queue, &known, change)?;
        if known.len() >= TICKETS_MAX {
            return Err(CurationError::Many(known.len() + 1));
        }
        if let Curation::Split { ticket, title, body } = change {
            split(root, ticket, title, body.as_ref(), at)?;
        }
        let accepted = Accepted { v: 1, at, run: run.clone(), change: change.clone() };
        append(root, &accepted)?;
        known.push(accepted);
        new += 1;
    }
    Ok(new)
}

/// Adds a part of a ticket to the Studio's own backlog, unless it stands there from an acceptance that
/// was cut short. What is too long for one entry is cut with a mark; its line in [`FILE`] has it whole.
fn split(root: &Path, ticket: &TicketId, title: &Prose, body: Option<&Prose>, at: Timestamp) -> Result<(), CurationError> {
    let planner = Origin::Signal("planner".parse()?);
    let (first, rest) = title.as_str().split_once('\n').unwrap_or((title.as_str(), ""));
    let more = [rest, body.map_or("", Prose::as_str)].into_iter().filter(|more| !more.is_empty()).collect::<Vec<_>>().join("\n\n");
    let short = |words: &str, most: usize| match words.get(..words.floor_char_boundary(most)) {
        Some(begin) if begin.len() < words.len() => format!("{begin} … (cut)"),
        Some(_) | None => words.to_string(),
    };
    let add = |most: usize| add::add(root, &format!("{}\n\nA part of {ticket}.\n\n{}", short(first, most), short(&more, most)), &planner, at);
    let added = match add(PROSE_BYTES_MAX) {
        // Fences, margins and escapes make an entry longer than its words.
        Err(AddError::Long(_)) => add(PROSE_BYTES_MAX / 8),
        added => added,
    };
    match added {
        Ok(_) => Ok(()),
        Err(AddError::Standing { at, .. }) if at.path.as_str() == add::BACKLOG => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn fits(queue: &Queue, known: &[Accepted], change: &Curation) -> Result<(), CurationError> {
    let there = |id: &TicketId| queue.entries().iter().any(|entry| entry.ticket.id == *id);
    let missing = |id: &TicketId| Err(CurationError::Missing(id.clone()));
    let other = match change {
        Curation::After { on, .. } => Some(on),
        Curation::Duplicate { of, .. } => Some(of),
        Curation::Criteria { .. } | Curation::Split { .. } | Curation::Stale { .. } => None,
    };
    match (change.ticket(), other) {
        (ticket, _) if !there(ticket) => missing(ticket),
        (_, Some(other)) if !there(other) => missing(other),
        (ticket, Some(other)) if waits(queue, known, other, ticket) => Err(CurationError::Circle(ticket.clone(), other.clone())),
        (_, _) => Ok(()),
    }
}

/// Says whether `from` waits for `to`, over any number of tickets, or is it.
fn waits(queue: &Queue, known: &[Accepted], from: &TicketId, to: &TicketId) -> bool {
    let (mut open, mut seen) = (vec![from.clone()], BTreeSet::new());
    while let Some(id) = open.pop() {
        if id == *to {
            return true;
        }
        if seen.insert(id.clone()) {
            let own = queue.entries().iter().filter(|entry| entry.ticket.id == id).flat_map(|entry| entry.ticket.depends_on.iter().cloned());
            let accepted = known.iter().filter_map(|accepted| match &accepted.change {
                Curation::After { ticket, on: other, .. } | Curation::Duplicate { ticket, of: other } if *ticket == id => Some(other.clone()),
                Curation::After { .. } | Curation::Duplicate { .. } | Curation::Criteria { .. } | Curation::Split { .. } | Curation::Stale { .. } => {
                    None
                }
            });
            open.extend(own.chain(accepted));
        }
    }
    false
}

fn append(root: &Path, accepted: &Accepted) -> Result<(), CurationError> {
    let path = RelPath::try_from(FILE)?;
    let line = serde_json::to_string(accepted).map_err(|error| CurationError::Line { line: 0, what: error.to_string() })? + "\n";
    if line.len() as u64 > FILE_BYTES_MAX {
        return Err(DiskError::Large(FILE.into()).into()); // or nothing could read the file any more
    }
    for _ in 0..REPLACE_TRIES_MAX {
        let done = match disk::read(root, &path)? {
            None => disk::create(root, &path, line.as_bytes())?,
            Some(old) => {
                let gap = if old.is_empty() || old.ends_with(b"\n") { "" } else { "\n" };
                disk::replace(root, &path, &old, &[&old, gap.as_bytes(), line.as_bytes()].concat())?
            }
        };
        if done {
            return Ok(());
        }
    }
    Err(CurationError::Busy)
}

impl Queue {
    /// Returns the queue with what was accepted laid over it.
    pub fn curated(mut self, accepted: &[Accepted]) -> Queue {
        let over: BTreeSet<TicketId> =
            self.entries().iter().filter(|entry| entry.readiness == Readiness::Finished).map(|entry| entry.ticket.id.clone()).collect();
        for Accepted { change, run, .. } in accepted {
            let Some(entry) = self.entries_mut().iter_mut().find(|entry| entry.ticket.id == *change.ticket()) else { continue };
            let held = matches!(entry.readiness, Readiness::Finished | Readiness::Example);
            let why = format!("{}, as was accepted of {run} ({FILE})", one_line(&change.words(), 200));
            match change {
                Curation::Criteria { criteria, .. } => {
                    let room = CRITERIA_MAX.saturating_sub(entry.ticket.criteria.len());
                    entry.ticket.criteria.extend(criteria.iter().take(room).cloned());
                }
                Curation::After { on, .. } if !over.contains(on) && !held => {
                    if let Readiness::Waiting { on: others } = &mut entry.readiness {
                        others.push(on.clone());
                    } else if entry.readiness == Readiness::Ready {
                        entry.readiness = Readiness::Waiting { on: vec![on.clone()] };
                    }
                }
                Curation::Duplicate { .. } | Curation::Stale { .. } if !held => entry.readiness = Readiness::Held(why),
                Curation::Split { .. } | Curation::After { .. } | Curation::Duplicate { .. } | Curation::Stale { .. } => {}
            }
        }
        self
    }
}

/// Curation that cannot be read or accepted.
#[derive(Debug, thiserror::Error)]
pub enum CurationError {
    /// A line that is none of ours.
    #[error("{FILE}:{line}: {what}; mend the line or take it out")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// Over the limit.
    #[error("{FILE} comes to {0} lines; at most {TICKETS_MAX} are read: take old ones out")]
    Many(usize),
    /// No such ticket.
    #[error("the proposal is about {0}, which is no ticket of this queue; nothing more was accepted")]
    Missing(TicketId),
    /// Tickets that wait for each other.
    #[error("{0} and {1} would wait for each other; nothing more was accepted")]
    Circle(TicketId, TicketId),
    /// Somebody else writes all the time.
    #[error("{FILE} is being changed by somebody else; try again")]
    Busy,
    /// The backlog.
    #[error(transparent)]
    Add(#[from] AddError),
    /// The checkout.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A name of ours that is none.
    #[error(transparent)]
    Name(#[from] BadName),
}

#[cfg(test)]
mod tests;
