//! The queue: every ticket of a repository, read from its task files and its backlog.
//!
//! Files are read as they stand in the checkout, but what an entry *may* do (its stage, scope and
//! script) counts only if the same entry stands in the same file at the base; otherwise it is an
//! idea. One broken file refuses the whole queue, and the error names every line to mend.

mod backlog;
mod draft;
mod graph;
mod hints;
mod problem;
mod status;
mod task;
mod walk;

use crate::yaml;
use draft::Draft;
use std::collections::BTreeMap;
use std::path::Path;
use studio_core::limits::TICKETS_MAX;
use studio_core::name::{RelPath, TicketId};
use studio_core::text::one_line;
use studio_core::ticket::{Stage, StageFrom, Ticket};
use studio_core::tree::{Tree, TreeError};

pub(crate) use problem::Problems;
pub use problem::{Problem, QueueError};
pub use status::{Kind, Status};

/// Tasks below this folder are shown and never worked on.
const EXAMPLES: &str = "ai/tasks/examples/";
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
    /// The ticket. Of an idea, stage, scope and script are those of a ticket that names none.
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
    /// Reads `ai/backlog.yaml` and `ai/tasks/**/*.yaml` of the checkout at `root`. A repository
    /// without them has an empty queue.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files, so that it can be mended in one go.
    pub fn read(root: &Path, base: &dyn Tree) -> Result<Queue, QueueError> {
        let mut found = Vec::new();
        let mut entries = Vec::new();
        let mut lost = false;
        for path in walk::files(root, &mut found) {
            let mut problems = Problems::of(path.as_str());
            let bytes = walk::read(root, &path, &mut problems).unwrap_or_default();
            let drafts = drafts(&path, &bytes, &mut problems);
            lost |= drafts.is_empty() && !problems.found.is_empty();
            let standing = standing(&path, base, &mut problems);
            let standing: BTreeMap<&TicketId, &Draft> = standing.iter().map(|draft| (&draft.ticket.id, draft)).collect();
            found.append(&mut problems.found);
            if entries.len() + drafts.len() > TICKETS_MAX {
                found.push(Problem::at(
                    path.as_str(),
                    1,
                    format!("with this file there are more than {TICKETS_MAX} tickets"),
                    "move finished ones away",
                ));
                break;
            }
            entries.extend(drafts.into_iter().map(|draft| (admit(&draft, standing.get(&draft.ticket.id).copied(), base), draft)));
        }
        graph::connect(&mut entries, lost, &mut found);
        if !found.is_empty() {
            found.sort();
            return Err(QueueError { problems: found });
        }
        let mut entries: Vec<Entry> = entries.into_iter().map(|(entry, _)| entry).collect();
        let status: BTreeMap<TicketId, Status> = entries.iter().map(|entry| (entry.ticket.id.clone(), entry.status)).collect();
        for entry in &mut entries {
            entry.readiness = readiness(entry, &status);
        }
        Ok(Queue { entries })
    }

    /// Returns every entry, in the order of the queue.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
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

/// Reads the entries of one queue file.
fn drafts(path: &RelPath, bytes: &[u8], problems: &mut Problems) -> Vec<Draft> {
    let Some(text) = yaml::text(bytes, problems) else { return Vec::new() };
    if path.as_str() == walk::BACKLOG { backlog::drafts(path, text, problems) } else { task::draft(path, text, problems).into_iter().collect() }
}

/// Returns the entries of the same file at the base; none if it is broken there.
fn standing(path: &RelPath, base: &dyn Tree, problems: &mut Problems) -> Vec<Draft> {
    let bytes = match base.read(path) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(TreeError::Large(..)) => return Vec::new(),
        Err(error @ TreeError::Read(..)) => {
            problems.add(1, format!("what stands at the base cannot be read: {error}"), "mend the repository");
            return Vec::new();
        }
    };
    let mut broken = Problems::of(path.as_str());
    let standing = drafts(path, &bytes, &mut broken);
    if broken.found.is_empty() { standing } else { Vec::new() }
}

/// Decides what of a draft counts.
fn admit(draft: &Draft, standing: Option<&Draft>, base: &dyn Tree) -> Entry {
    let at_base = standing.is_some_and(|same| draft.claims_as(same));
    let mut ticket = draft.ticket.clone();
    let mut remark = None;
    if !at_base {
        (ticket.stage, ticket.stage_from) = (Stage::Infra, StageFrom::Assumed);
        (ticket.scope, ticket.script) = (Vec::new(), None);
        remark = Some("it is an idea: it does not stand like this at the base, so its stage, scope and script do not count".into());
    } else if let Some(script) = &draft.ticket.script {
        let missing = match base.read(script) {
            Ok(Some(_)) => None,
            Ok(None) => Some(format!("its script does not count: {script} is no regular file at the base")),
            Err(error) => Some(format!("its script does not count: {}", one_line(&error.to_string(), 200))),
        };
        if missing.is_some() {
            (ticket.script, remark) = (None, missing);
        }
    }
    Entry { ticket, status: draft.status, kind: draft.kind, at_base, readiness: Readiness::Finished, remark }
}

fn readiness(entry: &Entry, status: &BTreeMap<TicketId, Status>) -> Readiness {
    if entry.ticket.source.path.as_str().starts_with(EXAMPLES) {
        return Readiness::Example;
    }
    let held = |why: &str| Readiness::Held(format!("{} says {}: {why}", entry.ticket.source, entry.status));
    match entry.status {
        Status::Pending | Status::WaitingRetry => {
            let undone = |id: &&TicketId| status.get(*id) != Some(&Status::Success);
            let on: Vec<TicketId> = entry.ticket.depends_on.iter().filter(undone).cloned().collect();
            if on.is_empty() { Readiness::Ready } else { Readiness::Waiting { on } }
        }
        Status::Success | Status::Failed => Readiness::Finished,
        Status::Running => held("if nobody works on it, write pending"),
        Status::Review => held("look at its result, then write success or pending"),
        Status::Blocked => held("clear what stands in its way, then write pending"),
        Status::Escalated => held("a human decides, then writes pending or failed"),
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
