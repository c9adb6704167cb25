//! The order in which the files of a claim are written. A cut between any two of them leaves a true account.

use super::disk::Disk;
use super::look::Stream;
use std::io;
use std::path::{Path, PathBuf};
use studio_core::step::Op;

/// Where the files of one op are.
pub(super) struct Names {
    folder: PathBuf,
    op: String,
}

impl Names {
    /// Returns the names of `op` in `folder`.
    pub(super) fn of(folder: &Path, op: &Op) -> Names {
        Names { folder: folder.into(), op: op.to_string() }
    }

    /// The op as files call it.
    pub(super) fn op(&self) -> &str {
        &self.op
    }

    /// The folder they are in.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The claim.
    pub(super) fn claim(&self) -> PathBuf {
        self.folder.join(&self.op)
    }

    /// How it ended.
    pub(super) fn exit(&self) -> PathBuf {
        self.folder.join(format!("{}.exit", self.op))
    }

    /// What it wrote.
    pub(super) fn stream(&self, stream: Stream) -> PathBuf {
        self.folder.join(format!("{}.{}", self.op, stream.name()))
    }

    /// A file that is not finished.
    pub(super) fn draft(&self, nonce: &str) -> PathBuf {
        self.folder.join(format!("{}.{nonce}.tmp", self.op))
    }
}

/// Writes a claim into its draft and links it under its name; false if somebody else's stands there.
pub(super) fn stand<D: Disk>(disk: &D, names: &Names, draft: &Path, file: &D::File, text: &str) -> io::Result<bool> {
    disk.write(file, text.as_bytes())?;
    disk.sync(file)?;
    match disk.link(draft, &names.claim()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a claim that was just won survive a power cut, and the files for its output with it. Only after
/// this may anything be started.
pub(super) fn settle<D: Disk>(disk: &D, names: &Names, draft: &Path) -> io::Result<()> {
    disk.remove(draft)?;
    for stream in Stream::ALL {
        let path = names.stream(stream);
        match disk.create(&path) {
            // A cut lost the claim these belonged to before anything was started.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                disk.remove(&path)?;
                disk.create(&path)?;
            }
            made => drop(made?),
        }
    }
    disk.sync_folder(&names.folder)
}

/// Writes how it ended: whole and on disk, or not at all.
pub(super) fn close<D: Disk>(disk: &D, names: &Names, nonce: &str, text: &str) -> io::Result<()> {
    let draft = names.draft(nonce);
    let file = disk.create(&draft)?;
    disk.write(&file, text.as_bytes())?;
    disk.sync(&file)?;
    disk.rename(&draft, &names.exit())?;
    disk.sync_folder(&names.folder)
}

/// Puts a tombstone where the claim would stand; false if one stands there.
pub(super) fn bury<D: Disk>(disk: &D, names: &Names, nonce: &str, text: &str) -> io::Result<bool> {
    let draft = names.draft(nonce);
    let file = disk.create(&draft)?;
    let first = stand(disk, names, &draft, &file, text);
    let removed = disk.remove(&draft);
    let first = first?;
    removed?;
    disk.sync_folder(&names.folder)?;
    Ok(first)
}
