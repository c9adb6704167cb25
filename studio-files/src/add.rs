//! Adding to the queue: one idea or signal becomes one box of `ai/studio/backlog.md`.
//!
//! The words come from anywhere, so they are escaped, and what was written is read back as Markdown
//! before it is kept. No byte that stood in the file changes.

mod entry;
mod page;

use crate::disk::{self, DiskError};
use crate::intake::{self, Entry as Queued, Problems, Queue, Status};
use entry::Entry;
use jiff::Timestamp;
use page::Item;
use std::path::Path;
use studio_core::limits::{PROSE_BYTES_MAX, REPLACE_TRIES_MAX, TICKETS_MAX};
use studio_core::name::{BadName, Label, RelPath};
use studio_core::ticket::Source;
use studio_core::tree::EmptyTree;

/// Where ideas and signals are kept.
pub const BACKLOG: &str = "ai/studio/backlog.md";

/// What a new file begins with.
const FRESH: &str = "# Studio backlog\n";

/// Where an entry comes from. It says who wrote the words, and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody at the keyboard.
    Idea,
    /// A system outside, by its name.
    Signal(Label),
}

/// Appends `text` as one open box to the section of its origin, and returns where it stands. Its
/// first line is the title, the rest its body; control characters become visible.
///
/// # Errors
/// The text is empty or too long, a ticket of that title or its id stands in a queue file already, the
/// queue is full, or the entry would not be read back as it is, since something above swallows it; or the checkout cannot be read or written.
pub fn add(root: &Path, text: &str, origin: &Origin, at: Timestamp) -> Result<Source, AddError> {
    let entry = Entry::new(text, origin, at)?;
    let path = RelPath::try_from(BACKLOG)?;
    for _ in 0..REPLACE_TRIES_MAX {
        let old = disk::read(root, &path)?;
        let page = match &old {
            None => FRESH,
            Some(bytes) => std::str::from_utf8(bytes).map_err(|_| AddError::NoText)?,
        };
        let (new, line) = appended(&path, page, &entry)?;
        let source = Source { path: path.clone(), line };
        if let Some(error) = unfit(root, &entry, &source, &new) {
            return Err(error);
        }
        let done = match &old {
            None => disk::create(root, &path, new.as_bytes())?,
            Some(old) => disk::replace(root, &path, old, new.as_bytes())?,
        };
        if done {
            return Ok(source);
        }
    }
    Err(AddError::Busy)
}

/// Says why the queue has no room for the entry of the new page: a ticket of that title or that id is
/// there, and a queue with an id twice is refused whole. A queue that is broken already says nothing.
fn unfit(root: &Path, entry: &Entry, source: &Source, page: &str) -> Option<AddError> {
    let queue = Queue::read(root, &EmptyTree).ok()?;
    if queue.entries().len() >= TICKETS_MAX {
        return Some(AddError::Full);
    }
    let drafts = intake::drafts(&source.path, page.as_bytes(), &mut Problems::of(source.path.as_str()));
    let id = drafts.iter().find(|draft| draft.ticket.source == *source).map(|draft| draft.ticket.id.as_str());
    let same = |shown: &str, own: &str| shown == own || shown.strip_suffix('…').is_some_and(|begin| own.starts_with(begin));
    let found = queue.entries().iter().find(|Queued { ticket, .. }| {
        id.is_some_and(|id| ticket.id.as_str().eq_ignore_ascii_case(id))
            || [&entry.title, &entry.line].iter().any(|own| same(ticket.title.as_str(), own))
    })?;
    Some(AddError::Standing { at: found.ticket.source.clone(), ticked: found.status == Status::Success })
}

/// Returns the page with the entry in it, and the entry's line.
fn appended(path: &RelPath, page: &str, entry: &Entry) -> Result<(String, u32), AddError> {
    let before = page::items(page);
    // A ticket's id comes from its title, and must be its own.
    if let Some(same) = before.iter().find(|item| item.title() == entry.title) {
        let at = Source { path: path.clone(), line: line(page, same.at) };
        return Err(AddError::Standing { at, ticked: same.checked });
    }
    let gap = page::gap(page, entry.heading);
    let own = gap.at + gap.above.len();
    let text = format!("{}{}{}{}", gap.above, entry.text.replace('\n', gap.newline), gap.newline, gap.below);
    let mut new = page.to_string();
    new.insert_str(gap.at, &text);
    let after = page::items(&new);
    let read_back = |item: &Item| item.at == own && !item.checked && item.says(&entry.title, &entry.body);
    if after.len() != before.len() + 1 || !after.iter().any(read_back) {
        return Err(AddError::Swallowed { line: line(&new, own) });
    }
    Ok((new.clone(), line(&new, own)))
}

fn line(text: &str, at: usize) -> u32 {
    let before = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

/// Nothing was added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// No words.
    #[error("the text is empty; say what is wanted")]
    Empty,
    /// Over the limit.
    #[error("the text takes {0} bytes; at most {PROSE_BYTES_MAX} fit: shorten it, and name a file of the repository that says the rest")]
    Long(usize),
    /// It is there.
    #[error("it stands already at {at}{}; for another one, write another first line", if *ticked { ", ticked" } else { "" })]
    Standing {
        /// Where.
        at: Source,
        /// Whether that one is ticked.
        ticked: bool,
    },
    /// As many tickets as are read.
    #[error("the queue has {TICKETS_MAX} tickets, and no more are read; move finished ones away")]
    Full,
    /// The file's own Markdown.
    #[error("{BACKLOG}:{line}: a box here would not be read as one, since something above swallows it; close the fence or comment above")]
    Swallowed {
        /// The line, from 1.
        line: u32,
    },
    /// No UTF-8.
    #[error("{BACKLOG} is no UTF-8 text; save it as UTF-8")]
    NoText,
    /// Somebody else writes it.
    #[error("{BACKLOG} was changed by somebody else {REPLACE_TRIES_MAX} times while it was written; try again when it rests")]
    Busy,
    /// The checkout.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A path of ours that is none.
    #[error(transparent)]
    Name(#[from] BadName),
}

#[cfg(test)]
mod tests;
