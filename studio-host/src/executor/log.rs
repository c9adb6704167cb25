//! A step's log below its run: what it was handed, noted before it begins, and what it wrote, redacted, once it ended.

use super::folder;
use super::verify::Refusal;
use crate::git::regular;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use studio_core::limits::CLAIM_BYTES_MAX;
use studio_core::name::{Digest, RelPath, RunId};
use studio_core::step::Op;

/// What must be known of an op's beginning when its end is gathered, maybe by another life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    /// The digest of the values it was handed: with others, what it wrote cannot be redacted.
    pub(super) values: Digest,
    /// Whether places of the checkout were bound into its tree.
    pub(super) bound: bool,
}

/// Notes how an op begins. A note that a power cut takes away only costs what the op wrote.
pub(super) fn note(root: &Path, op: &Op, note: &Note) -> Result<(), Refusal> {
    put(root, op, "note", &serde_json::to_string(note).map_err(|error| Refusal::Name(error.to_string()))?)
}

/// Returns how an op began, if that was noted.
pub(super) fn noted(root: &Path, op: &Op) -> Option<Note> {
    let path = below(&run_folder(&op.run).ok()?, &format!("steps/{}.note", name(op))).ok()?;
    folder::look(root, &path).ok()??;
    serde_json::from_slice(&regular::read(&root.join(path.as_str()), CLAIM_BYTES_MAX).ok()?).ok()
}

/// Keeps what an op wrote, redacted, for people: the truth is in the journal. The same again leaves the same.
pub(super) fn keep(root: &Path, op: &Op, stdout: &str, stderr: &str) -> Result<(), Refusal> {
    put(root, op, "out", stdout)?;
    put(root, op, "err", stderr)
}

/// Says whether a run has its folder here.
pub(super) fn present(root: &Path, run: &RunId) -> Result<(), Refusal> {
    let folder = run_folder(run)?;
    let there = folder::look(root, &folder)?.is_some_and(|seen| seen.is_dir());
    if there { Ok(()) } else { Err(Refusal::NoRun(run.clone(), folder)) }
}

/// Writes one file of an op's log. It is never linked to anything, and nobody else may read it.
fn put(root: &Path, op: &Op, end: &str, text: &str) -> Result<(), Refusal> {
    present(root, &op.run)?;
    let path = folder::make(root, &below(&run_folder(&op.run)?, "steps")?, 0o700)?.join(format!("{}.{end}", name(op)));
    let written = || -> std::io::Result<()> {
        let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).custom_flags(flags).open(&path)?;
        file.write_all(text.as_bytes())
    };
    written().map_err(|error| Refusal::Disk("write", path.clone(), error))
}

/// Makes the folder where an op leaves its files. What is in it is from a try that never began.
pub(super) fn make_out(root: &Path, op: &Op) -> Result<PathBuf, Refusal> {
    Ok(folder::make(root, &below(&run_folder(&op.run)?, &format!("out/{}", name(op)))?, 0o700)?)
}

/// Returns that folder.
pub(super) fn out_folder(root: &Path, op: &Op) -> PathBuf {
    root.join(format!("ai/state/runs/{}/out/{}", op.run, name(op)))
}

fn run_folder(run: &RunId) -> Result<RelPath, Refusal> {
    RelPath::try_from(format!("ai/state/runs/{run}")).map_err(|error| Refusal::Name(error.to_string()))
}

fn below(folder: &RelPath, name: &str) -> Result<RelPath, Refusal> {
    RelPath::try_from(format!("{folder}/{name}")).map_err(|error| Refusal::Name(error.to_string()))
}

fn name(op: &Op) -> String {
    format!("{}-{}", op.step, op.attempt)
}
