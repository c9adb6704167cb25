//! A step's log: two files that are made before anything starts, so that an op begins once.

use super::folder;
use super::verify::Refusal;
use crate::git::regular;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use studio_core::name::{RelPath, RunId};
use studio_core::step::Op;

/// What a log says as long as its step runs, before the number of the process group.
const RUNS: &str = "studio: it runs as process group ";
/// Bytes of a log that are read for that.
const RUNS_BYTES_MAX: u64 = 80;

/// The log of one op, made but not written.
pub(super) struct StepLog {
    out: File,
    err: File,
}

impl StepLog {
    /// Begins an op: whoever comes second, from any process, is refused.
    pub(super) fn begin(root: &Path, op: &Op) -> Result<StepLog, Refusal> {
        let run = run_folder(&op.run)?;
        if folder::look(root, &run)?.is_none_or(|seen| !seen.is_dir()) {
            return Err(Refusal::NoRun(op.run.clone(), run));
        }
        let path = below(&run, "steps")?;
        let new = folder::look(root, &path)?.is_none();
        let steps = folder::make(root, &path, 0o700)?;
        let create = |end: &str| {
            let path = steps.join(format!("{}.{end}", name(op)));
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(|error| {
                let begun = error.kind() == ErrorKind::AlreadyExists;
                if begun { Refusal::Begun(op.clone(), path) } else { Refusal::Disk("make", path, error) }
            })
        };
        let log = StepLog { out: create("out")?, err: create("err")? };
        // The names are on disk before anything starts, or a crash lets the op begin again.
        for folder in std::iter::once(steps).chain(new.then(|| root.join(run.as_str()))) {
            folder::sync(&folder).map_err(|error| Refusal::Disk("sync", folder, error))?;
        }
        Ok(log)
    }

    /// Notes the process group of the step, for whoever looks after this process died.
    pub(super) fn runs(&self, group: i32) {
        if let Err(error) = (&self.err).write_all(format!("{RUNS}{group}\n").as_bytes()) {
            tracing::warn!(%error, group, "the process group of a step is not noted");
        }
    }

    /// Writes what the step said, redacted, and waits until it is on disk.
    pub(super) fn write(mut self, stdout: &str, stderr: &str) -> io::Result<()> {
        self.err.set_len(0)?;
        self.err.rewind()?;
        for (file, text) in [(&mut self.out, stdout), (&mut self.err, stderr)] {
            if !text.is_empty() {
                file.write_all(text.as_bytes())?;
                file.sync_data()?;
            }
        }
        Ok(())
    }
}

/// Says whether an op was begun here.
pub(super) fn begun(root: &Path, op: &Op) -> Result<bool, Refusal> {
    let path = below(&run_folder(&op.run)?, &format!("steps/{}.out", name(op)))?;
    Ok(folder::look(root, &path)?.is_some())
}

/// Says as which process group an op was left running, if its log knows.
pub(super) fn group(root: &Path, op: &Op) -> Option<i32> {
    let path = below(&run_folder(&op.run).ok()?, &format!("steps/{}.err", name(op))).ok()?;
    folder::look(root, &path).ok()??;
    let head = regular::read(&root.join(path.as_str()), RUNS_BYTES_MAX).ok()?;
    std::str::from_utf8(&head).ok()?.strip_prefix(RUNS)?.strip_suffix('\n')?.parse().ok()
}

/// Makes the folder where an op leaves its files. It must not be there.
pub(super) fn out_folder(root: &Path, op: &Op) -> Result<PathBuf, Refusal> {
    let path = below(&run_folder(&op.run)?, &format!("out/{}", name(op)))?;
    if folder::look(root, &path)?.is_some() {
        return Err(Refusal::Begun(op.clone(), root.join(path.as_str())));
    }
    Ok(folder::make(root, &path, 0o700)?)
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
