//! Memory: what a run was asked, answered and decided, rendered from its journal so that people can
//! read and search it. It may be deleted at any time; the journal is the truth.

mod decisions;
mod pages;
mod search;

pub use search::{Hit, search};

use crate::disk::{self, DiskError};
use std::collections::BTreeMap;
use std::path::Path;
use studio_core::journal::Log;
use studio_core::limits::{FILE_BYTES_MAX, LIST_MAX};
use studio_core::name::{BadName, PersonaName, RelPath};
use studio_core::run::Run;

/// A call to a model, as it was made: the journal keeps only the hash of the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// For whom.
    pub persona: PersonaName,
    /// Which call of theirs, from 1.
    pub turn: u32,
    /// What was asked.
    pub prompt: String,
    /// What was answered.
    pub answer: String,
}

/// Writes `ai/studio/memory/runs/<run-id>/`: `prompts.md`, `decisions.md`, `snapshots/state.json` and
/// a `snapshots/round-<n>.diff` for each entry of `diffs`; each whole, in the place of an older one.
/// Returns the files that changed.
///
/// # Errors
/// Something on the way is a symlink or no file, or the disk refuses.
pub fn write(root: &Path, log: &Log, run: &Run, prompts: &[Prompt], diffs: &BTreeMap<u32, String>) -> Result<Vec<RelPath>, MemoryError> {
    let mut files = vec![
        ("prompts.md".to_string(), pages::prompts(log, run, prompts)),
        ("decisions.md".to_string(), decisions::page(log, run)),
        ("snapshots/state.json".to_string(), pages::state(log, run)),
    ];
    files.extend(diffs.iter().map(|(round, diff)| (format!("snapshots/round-{round}.diff"), pages::cut(diff, FILE_BYTES_MAX as usize - 200))));
    let mut written = Vec::new();
    for (name, text) in files {
        let path = RelPath::try_from(format!("ai/studio/memory/runs/{}/{name}", log.run))?;
        if save(root, &path, text.as_bytes())? {
            written.push(path);
        }
    }
    Ok(written)
}

/// Returns whether the file changed. Whoever renders it meanwhile renders the same journal.
fn save(root: &Path, path: &RelPath, new: &[u8]) -> Result<bool, MemoryError> {
    let old = disk::read(root, path)?;
    Ok(old.as_deref() != Some(new) && disk::show(root, path, old.as_deref(), new)?)
}

/// The memory could not be written or searched.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Nothing to look for, or too much.
    #[error("{0} words were given; search for 1 to {LIST_MAX}")]
    Words(usize),
    /// The checkout.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A path of ours that is none.
    #[error(transparent)]
    Name(#[from] BadName),
}

#[cfg(test)]
mod tests;
