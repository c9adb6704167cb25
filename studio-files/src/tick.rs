//! Ticking: the one change that is made to a queue file, and only after a ticket's live success.
//!
//! Of a backlog the mark of a box or the word of a status changes and nothing else, which is made
//! sure of by reading the changed file before it is written. A task file stays as it is; beside it a
//! sidecar says that it is done.

use crate::disk::{self, DiskError};
use crate::intake::{self, Draft, Outcome, Patch, Problems, QueueError, Sidecar, Status};
use jiff::Timestamp;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};
use studio_core::limits::{CLAIM_POLL_MS, LOCK_SECONDS_MAX, REPLACE_TRIES_MAX};
use studio_core::name::{BadName, RelPath, RunId};
use studio_core::ticket::{Source, Ticket};

/// Where a ticket is said to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticked {
    /// The file that says so: the queue file, or the sidecar of a task file.
    pub path: RelPath,
    /// The line of the mark or the status.
    pub line: u32,
    /// Whether it was written now; if not, it stood there already.
    pub changed: bool,
}

/// Marks `ticket`, done by `run`, as done in its queue file below `root`.
///
/// # Errors
/// The entry is gone or is no longer the one that was worked on, somebody has set a status against it,
/// the file is broken, or there is no place for the mark. Nothing is changed then.
pub fn tick(root: &Path, ticket: &Ticket, run: &RunId, at: Timestamp) -> Result<Ticked, TickError> {
    let _alone = alone(root);
    for _ in 1..REPLACE_TRIES_MAX {
        let ticked = once(root, ticket, run, at);
        if !matches!(ticked, Err(TickError::Moved(_))) {
            return ticked;
        }
    }
    once(root, ticket, run, at)
}

/// Takes turns with whoever else ticks below `root`: between the last look at a file and its replacement another
/// mark would be lost. Where that cannot be had in time, or at all, the last look must do.
fn alone(root: &Path) -> Option<File> {
    let folder = File::open(root).ok()?;
    let until = Instant::now() + Duration::from_secs(LOCK_SECONDS_MAX);
    loop {
        match folder.try_lock() {
            Ok(()) => return Some(folder),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::park_timeout(Duration::from_millis(CLAIM_POLL_MS)),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
        }
    }
}

/// Does it, unless somebody else writes the file at the same moment: then it is to be read again.
fn once(root: &Path, ticket: &Ticket, run: &RunId, at: Timestamp) -> Result<Ticked, TickError> {
    let path = &ticket.source.path;
    let one_ticket = intake::one_ticket(path).ok_or_else(|| TickError::Foreign(path.clone()))?;
    let bytes = disk::read(root, path)?.ok_or_else(|| TickError::Gone(ticket.source.clone()))?;
    let drafts = read(path, &bytes)?;
    let mut same = drafts.iter().enumerate().filter(|(_, draft)| draft.ticket.id == ticket.id);
    let (index, draft) = match (same.next(), same.next()) {
        (Some(found), None) => found,
        (None, _) => return Err(TickError::Gone(ticket.source.clone())),
        (Some(_), Some((_, second))) => return Err(TickError::Twice(second.ticket.source.clone())),
    };
    if draft.ticket.content != ticket.content {
        return Err(TickError::Changed(draft.ticket.source.clone()));
    }
    if matches!(draft.status, Status::Blocked | Status::Failed | Status::Escalated) {
        return Err(TickError::Against(draft.ticket.source.clone(), draft.status));
    }
    if one_ticket && draft.status != Status::Success {
        return beside(root, ticket, run, at);
    }
    let done = |line| Ticked { path: path.clone(), line, changed: false };
    if draft.status == Status::Success {
        return Ok(done(draft.ticket.source.line));
    }
    let placeless = || TickError::Placeless(draft.ticket.source.clone());
    let patch = draft.patch.as_ref().ok_or_else(placeless)?;
    let new = patched(&bytes, patch).ok_or_else(placeless)?;
    let after = read(path, &new).map_err(|_| placeless())?;
    let fits = |n: usize, after: &Draft| {
        let status = if n == index { Some(Status::Success) } else { drafts.get(n).map(|before| before.status) };
        Some(after.status) == status && drafts.get(n).is_some_and(|before| after.says_as(before))
    };
    if after.len() != drafts.len() || !after.iter().enumerate().all(|(n, after)| fits(n, after)) {
        return Err(placeless());
    }
    if !disk::replace(root, path, &bytes, &new)? {
        return Err(TickError::Moved(path.clone()));
    }
    let above = bytes.iter().take(patch.at.start).filter(|byte| **byte == b'\n').count();
    Ok(Ticked { changed: true, ..done(u32::try_from(above + 1).unwrap_or(u32::MAX)) })
}

fn read(path: &RelPath, bytes: &[u8]) -> Result<Vec<Draft>, TickError> {
    let mut problems = Problems::of(path.as_str());
    let drafts = intake::drafts(path, bytes, &mut problems);
    problems.none().map_err(TickError::Broken)?;
    Ok(drafts)
}

fn patched(bytes: &[u8], patch: &Patch) -> Option<Vec<u8>> {
    Some([bytes.get(..patch.at.start)?, patch.put.as_bytes(), bytes.get(patch.at.end..)?].concat())
}

/// Says beside a task file that its ticket is done.
fn beside(root: &Path, ticket: &Ticket, run: &RunId, at: Timestamp) -> Result<Ticked, TickError> {
    let path = Sidecar::place(&ticket.source.path)?;
    let sidecar = Sidecar { id: ticket.id.clone(), status: Outcome::Success, run: run.clone(), content: ticket.content.clone(), at };
    let odd = |error| TickError::Sidecar(path.clone(), error);
    let new = sidecar.bytes().map_err(odd)?;
    let ticked = |changed| Ok(Ticked { path: path.clone(), line: 1, changed });
    let Some(old) = disk::read(root, &path)? else {
        return if disk::create(root, &path, &new)? { ticked(true) } else { Err(TickError::Moved(path)) };
    };
    if Sidecar::parse(&old).map_err(odd)?.is_about(&ticket.id, &ticket.content) {
        return ticked(false);
    }
    if disk::replace(root, &path, &old, &new)? { ticked(true) } else { Err(TickError::Moved(path)) }
}

/// A ticket was not ticked, and nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// Its source is no queue file.
    #[error("{0} is no queue file; look at where the ticket came from")]
    Foreign(RelPath),
    /// No such entry.
    #[error("{0}: the entry is gone from the file; if it was moved, tick it by hand")]
    Gone(Source),
    /// Two such entries.
    #[error("{0}: the id stands here for a second time; rename one of them")]
    Twice(Source),
    /// Somebody edited it.
    #[error("{0}: the entry was edited while it was worked on; look whether it is done as it reads now, then tick it by hand")]
    Changed(Source),
    /// Its status is one that somebody sets against it.
    #[error("{0}: the entry says {1}, which a success does not overwrite; look at what the run did, then write success or pending by hand")]
    Against(Source, Status),
    /// There is no word or line to write.
    #[error("{0}: the entry cannot be ticked without changing more of the file; write `status: success` by hand")]
    Placeless(Source),
    /// Somebody wrote the file at the same moment.
    #[error("{0} was written by somebody else just now; try again")]
    Moved(RelPath),
    /// The file is broken.
    #[error("the file is not touched until this is mended: {0}")]
    Broken(#[source] QueueError),
    /// Its sidecar is broken.
    #[error("{0} does not say what became of its task: {1}; remove that file")]
    Sidecar(RelPath, #[source] serde_json::Error),
    /// Its sidecar cannot have a name.
    #[error("the file's name leaves no room for `.studio.json`; give it a shorter one: {0}")]
    Name(#[from] BadName),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

#[cfg(test)]
mod tests;
