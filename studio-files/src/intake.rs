//! The queue: every ticket of a repository, read from its task files and its backlogs.
//!
//! Files are read as they stand in the checkout, but what an entry *may* do (its stage, scope and
//! script) counts only if the same entry stands in the same file at the base; otherwise it is an
//! idea. One broken file refuses the whole queue, and the error names every line to mend.

mod backlog;
mod boxes;
mod draft;
mod graph;
mod hints;
mod lines;
mod markdown;
mod page;
mod problem;
mod sidecar;
mod state;
mod status;
mod task;
mod walk;
mod words;

use crate::yaml;
use std::collections::BTreeMap;
use std::path::Path;
use studio_core::limits::TICKETS_MAX;
use studio_core::name::{RelPath, TicketId};
use studio_core::text::one_line;
use studio_core::ticket::{Stage, StageFrom, Ticket};
use studio_core::tree::{Tree, TreeError};
use walk::Dialect;
use words::Shelved;

pub(crate) use draft::Draft;
pub(crate) use problem::Problems;
pub use problem::{Problem, QueueError};
pub(crate) use sidecar::{Outcome, Sidecar};
pub(crate) use state::Patch;
pub use status::{Kind, Status};

/// Tickets that an error names.
const NEAR_MAX: usize = 5;

/// The tickets of a repository: the backlog's as written, then the task files' by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    entries: Vec<Entry>,
}

/// A ticket and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The ticket. Of an idea, stage, scope and script are those of a ticket that names none; one whose id stands at
    /// the base has the scope it has there, and a stage no lower than there.
    pub ticket: Ticket,
    /// What its file says has become of it.
    pub status: Status,
    /// What its file calls its kind of work.
    pub kind: Option<Kind>,
    /// Whether the same entry stands in the same file at the base; if not, it is an idea.
    pub at_base: bool,
    /// Whether it can be worked on.
    pub readiness: Readiness,
    /// Why something the entry says does not count.
    pub remark: Option<String>,
}

/// Whether a ticket can be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Yes.
    Ready,
    /// Not before these tickets are done.
    Waiting {
        /// The tickets.
        on: Vec<TicketId>,
    },
    /// It has ended, well or not.
    Finished,
    /// Not before somebody changes its status.
    Held(String),
    /// Never: it is an example.
    Example,
}

impl Queue {
    /// Reads `ai/backlog.yaml`, `ai/backlog.md`, the task files below `ai/tasks` and
    /// `ai/studio/backlog.md` of the checkout at `root`, with every stage open. A repository without
    /// them has an empty queue.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files, so that it can be mended in one go.
    pub fn read(root: &Path, base: &dyn Tree) -> Result<Queue, QueueError> {
        Queue::read_gated(root, base, &BTreeMap::new())
    }

    /// Reads the same files; of `closed` stages nothing is ready, for the reason given with each.
    ///
    /// # Errors
    /// As [`Queue::read`].
    pub fn read_gated(root: &Path, base: &dyn Tree, closed: &BTreeMap<Stage, String>) -> Result<Queue, QueueError> {
        let mut found = Vec::new();
        let mut entries = Vec::new();
        let mut lost = false;
        for path in walk::files(root, &mut found) {
            let mut problems = Problems::of(path.as_str());
            let read = file(root, &path, base, &mut problems);
            lost |= read.is_empty() && !problems.found.is_empty();
            found.append(&mut problems.found);
            if entries.len() + read.len() > TICKETS_MAX {
                let what = format!("with this file there are more than {TICKETS_MAX} tickets");
                found.push(Problem::at(path.as_str(), 1, what, "move finished ones away"));
                break;
            }
            entries.extend(read);
        }
        graph::connect(&mut entries, lost, &mut found);
        if !found.is_empty() {
            found.sort();
            return Err(QueueError { problems: found });
        }
        let status: BTreeMap<TicketId, Status> = entries.iter().map(|(entry, _)| (entry.ticket.id.clone(), entry.status)).collect();
        let ready = |(entry, draft): (Entry, Draft)| Entry { readiness: readiness(&entry, draft.held, &status, closed), ..entry };
        Ok(Queue { entries: entries.into_iter().map(ready).collect() })
    }

    /// Returns every entry, in the order of the queue.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns every entry, for what is laid over them.
    pub(crate) fn entries_mut(&mut self) -> &mut [Entry] {
        &mut self.entries
    }

    /// Returns the entries that can be worked on, in the order of the queue.
    pub fn ready(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.readiness == Readiness::Ready)
    }

    /// Returns the ticket called `asked`, or else the only one whose id begins so; upper and lower
    /// case are the same.
    ///
    /// # Errors
    /// There is none, or there are several; with the ids that come near.
    pub fn find(&self, asked: &str) -> Result<&Entry, FindError> {
        let asked = asked.to_ascii_lowercase();
        let id = |entry: &Entry| entry.ticket.id.as_str().to_ascii_lowercase();
        if let Some(entry) = self.entries.iter().find(|entry| id(entry) == asked) {
            return Ok(entry);
        }
        let named = |entries: Vec<&Entry>| entries.into_iter().take(NEAR_MAX).map(|entry| entry.ticket.id.clone()).collect();
        let begun: Vec<&Entry> = self.entries.iter().filter(|entry| id(entry).starts_with(&asked)).collect();
        match begun[..] {
            [entry] => Ok(entry),
            [] => {
                let near = |id: &str| id.contains(&asked) || asked.contains(id) || asked.get(..3).is_some_and(|start| id.starts_with(start));
                let near = named(self.entries.iter().filter(|entry| near(&id(entry))).collect());
                Err(FindError::Missing { asked: one_line(&asked, 100), near })
            }
            [..] => Err(FindError::Several { asked: one_line(&asked, 100), count: begun.len(), near: named(begun) }),
        }
    }
}

impl Entry {
    /// Says in a sentence whether it can be worked on, and what of it does not count.
    pub fn reason(&self) -> String {
        let readiness = self.readiness.reason();
        self.remark.as_ref().map_or(readiness.clone(), |remark| format!("{readiness}; {remark}"))
    }
}

impl Readiness {
    /// Says it in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Readiness::Ready => "ready",
            Readiness::Waiting { .. } => "waiting",
            Readiness::Held(_) => "held",
            Readiness::Finished => "ended",
            Readiness::Example => "example",
        }
    }

    /// Says it in a sentence.
    pub fn reason(&self) -> String {
        match self {
            Readiness::Ready => "it can be worked on".into(),
            Readiness::Waiting { on } => format!("it waits for {}", list(on)),
            Readiness::Finished => "it has ended".into(),
            Readiness::Held(why) => why.clone(),
            Readiness::Example => "it is an example; copy it to ai/tasks/ under an id of its own".into(),
        }
    }
}

/// Reads the entries of one queue file, in its dialect.
pub(crate) fn drafts(path: &RelPath, bytes: &[u8], problems: &mut Problems) -> Vec<Draft> {
    let Some(text) = yaml::text(bytes, problems) else { return Vec::new() };
    match Dialect::of(path) {
        Some(Dialect::Backlog) => backlog::drafts(path, text, problems),
        Some(Dialect::Boxes) => boxes::drafts(path, text, None, problems),
        Some(Dialect::Studio) => boxes::drafts(path, text, Some(Stage::Studio), problems),
        Some(Dialect::Task) => task::draft(path, text, problems).into_iter().collect(),
        Some(Dialect::Page) => page::draft(path, text, problems).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Says whether the queue file at `path` is one ticket, written by hand; nothing if it is no queue file.
pub(crate) fn one_ticket(path: &RelPath) -> Option<bool> {
    Dialect::of(path).map(Dialect::one_ticket)
}

/// Reads one queue file, and decides what of its entries counts.
fn file(root: &Path, path: &RelPath, base: &dyn Tree, problems: &mut Problems) -> Vec<(Entry, Draft)> {
    let Some(bytes) = walk::read(root, path, problems) else { return Vec::new() };
    let drafts = drafts(path, &bytes, problems);
    let at_base = at_base(path, &bytes, base, problems);
    let standing: BTreeMap<&TicketId, &Draft> = at_base.iter().flatten().map(|draft| (&draft.ticket.id, draft)).collect();
    let mut entries = Vec::new();
    for mut draft in drafts {
        let there = standing.get(&draft.ticket.id).copied();
        let stands = at_base.is_none() || there.is_some_and(|same| draft.claims_as(same));
        draft.held = draft.held.or_else(|| there.and_then(|same| same.held.as_ref()).map(|why| format!("{why} (at the base)")));
        let changed = Dialect::of(path).is_some_and(Dialect::one_ticket) && sidecar::apply(root, &mut draft, problems);
        let mut entry = if stands { admit(&draft, base) } else { idea(&draft, there) };
        if changed {
            let changed = "it was done once and has been changed since";
            entry.remark = Some(entry.remark.map_or(changed.into(), |remark| format!("{remark}; {changed}")));
        }
        entries.push((entry, draft));
    }
    entries
}

/// Returns the entries of the same file at the base, none if it is broken there; or nothing if it is
/// the same file.
fn at_base(path: &RelPath, bytes: &[u8], base: &dyn Tree, problems: &mut Problems) -> Option<Vec<Draft>> {
    let standing = match base.read(path) {
        Ok(standing) => standing.unwrap_or_default(),
        Err(TreeError::Large(..)) => return Some(Vec::new()),
        Err(error @ TreeError::Read(..)) => {
            problems.add(1, format!("what stands at the base cannot be read: {error}"), "mend the repository");
            return Some(Vec::new());
        }
    };
    if standing == bytes {
        return None;
    }
    let mut broken = Problems::of(path.as_str());
    let standing = drafts(path, &standing, &mut broken);
    Some(if broken.found.is_empty() { standing } else { Vec::new() })
}

/// Decides what counts of a draft that does not stand like this at the base; `there` is what does under its id.
fn idea(draft: &Draft, there: Option<&Draft>) -> Entry {
    let mut ticket = draft.ticket.clone();
    let own = if Dialect::of(&ticket.source.path) == Some(Dialect::Studio) { Stage::Studio } else { Stage::Infra };
    (ticket.stage, ticket.stage_from, ticket.scope, ticket.script) = (own, StageFrom::Assumed, Vec::new(), None);
    if let Some(there) = there {
        // Nobody opens a stage, or widens a scope, by editing an entry: the words of the base hold until others are committed.
        let higher = draft.ticket.stage.max(there.ticket.stage).max(own);
        let from = if higher == draft.ticket.stage { draft.ticket.stage_from } else { there.ticket.stage_from };
        (ticket.stage, ticket.stage_from, ticket.scope) = (higher, from, there.ticket.scope.clone());
    }
    let remark = "it is an idea: it does not stand like this at the base, so its stage, scope and script do not count, and live passes it over";
    Entry { ticket, status: draft.status, kind: draft.kind, at_base: false, readiness: Readiness::Finished, remark: Some(remark.into()) }
}

/// Decides what of a draft counts that stands at the base.
fn admit(draft: &Draft, base: &dyn Tree) -> Entry {
    let mut ticket = draft.ticket.clone();
    let mut remark = None;
    if let Some(script) = &draft.ticket.script {
        let missing = match base.read(script) {
            Ok(Some(_)) => None,
            Ok(None) => Some(format!("its script does not count: {script} is no regular file at the base")),
            Err(error) => Some(format!("its script does not count: {}", one_line(&error.to_string(), 200))),
        };
        if missing.is_some() {
            (ticket.script, remark) = (None, missing);
        }
    }
    Entry { ticket, status: draft.status, kind: draft.kind, at_base: true, readiness: Readiness::Finished, remark }
}

fn readiness(entry: &Entry, held: Option<String>, status: &BTreeMap<TicketId, Status>, closed: &BTreeMap<Stage, String>) -> Readiness {
    let Entry { ticket, .. } = entry;
    let one = Dialect::of(&ticket.source.path).is_some_and(Dialect::one_ticket);
    let over = match words::of_path(&ticket.source.path).filter(|_| one) {
        Some(Shelved::Example) => return Readiness::Example,
        Some(Shelved::Over) => Some(format!("the folder of {} is one for what is over; move it out to work on it", ticket.source.path)),
        None => None,
    };
    let says = |why: &str| Readiness::Held(format!("{} says {}: {why}", ticket.source, entry.status));
    match (entry.status, over.or(held)) {
        (Status::Success | Status::Failed, _) => Readiness::Finished,
        (_, Some(held)) => Readiness::Held(held),
        (Status::Pending | Status::WaitingRetry, None) => {
            let undone = |id: &&TicketId| status.get(*id) != Some(&Status::Success);
            let on: Vec<TicketId> = ticket.depends_on.iter().filter(undone).cloned().collect();
            if !on.is_empty() {
                return Readiness::Waiting { on };
            }
            closed.get(&ticket.stage).map_or(Readiness::Ready, |why| Readiness::Held(why.clone()))
        }
        (Status::Running, None) => says("if nobody works on it, write pending"),
        (Status::Review, None) => says("look at its result, then write success or pending"),
        (Status::Blocked, None) => says("clear what stands in its way, then write pending"),
        (Status::Escalated, None) => says("a human decides, then writes pending or failed"),
    }
}

fn list(ids: &[TicketId]) -> String {
    ids.iter().map(TicketId::as_str).collect::<Vec<_>>().join(", ")
}

/// No ticket, or more than one, is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// None.
    #[error("no ticket is called {asked:?}; {}", if near.is_empty() { "`studio tickets` lists them".into() } else { format!("near: {}", list(near)) })]
    Missing {
        /// What was asked for.
        asked: String,
        /// Ids that come near.
        near: Vec<TicketId>,
    },
    /// Several.
    #[error("{count} tickets begin with {asked:?}: {}; write more of the id", list(near))]
    Several {
        /// What was asked for.
        asked: String,
        /// How many.
        count: usize,
        /// The first of them.
        near: Vec<TicketId>,
    },
}

#[cfg(test)]
mod tests;
