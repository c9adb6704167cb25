//! The order in which the files of a claim are written, and other records. A cut between any two of them
//! leaves a true account.

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
}

/// Writes a claim into its draft and links it under its name; false if somebody else's stands there.
pub(super) fn stand<D: Disk>(disk: &D, names: &Names, draft: &Path, file: &D::File, text: &str) -> io::Result<bool> {
    link(disk, &names.claim(), draft, file, text)
}

/// Makes a claim that was just won survive a power cut, and the files for its output with it. Only after
/// this may anything be started.
pub(super) fn settle<D: Disk>(disk: &D, names: &Names, draft: &Path) -> io::Result<()> {
    match disk.remove(draft) {
        // Whoever began this was killed behind it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed?,
    }
    for stream in Stream::ALL {
        let path = names.stream(stream);
        match disk.create(&path) {
            // Whoever made them lost the claim to a cut, or its life, before anything was started.
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
    put(disk, &names.folder, &format!("{}.exit", names.op), nonce, text)
}

/// Puts a tombstone where the claim would stand; false if one stands there.
pub(super) fn bury<D: Disk>(disk: &D, names: &Names, nonce: &str, text: &str) -> io::Result<bool> {
    once(disk, &names.folder, &names.op, nonce, text)
}

/// Writes a record under its name, in place of what stood there, on disk when this returns.
pub(super) fn put<D: Disk>(disk: &D, folder: &Path, name: &str, nonce: &str, text: &str) -> io::Result<()> {
    put_soon(disk, folder, name, nonce, text)?;
    disk.sync_folder(folder)
}

/// Writes a record under its name, in place of what stood there: after a cut it is the old one or the new.
pub(super) fn put_soon<D: Disk>(disk: &D, folder: &Path, name: &str, nonce: &str, text: &str) -> io::Result<()> {
    let draft = folder.join(format!("{name}.{nonce}.tmp"));
    let file = disk.create(&draft)?;
    disk.write(&file, text.as_bytes())?;
    disk.sync(&file)?;
    disk.rename(&draft, &folder.join(name))
}

/// Writes a record under a name that never changes hands; false if another one stands there.
pub(super) fn once<D: Disk>(disk: &D, folder: &Path, name: &str, nonce: &str, text: &str) -> io::Result<bool> {
    let draft = folder.join(format!("{name}.{nonce}.tmp"));
    let file = disk.create(&draft)?;
    let first = link(disk, &folder.join(name), &draft, &file, text);
    let removed = disk.remove(&draft);
    let first = first?;
    removed?;
    disk.sync_folder(folder)?;
    Ok(first)
}

/// Writes a record into a folder of its kind, which is made if it is not there.
pub(super) fn put_below<D: Disk>(disk: &D, above: &Path, folder: &str, name: &str, nonce: &str, text: &str) -> io::Result<()> {
    let below = above.join(folder);
    match disk.make(&below) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    put(disk, &below, name, nonce, text)?;
    // Always: whoever made the folder may have been killed before this.
    disk.sync_folder(above)
}

fn link<D: Disk>(disk: &D, path: &Path, draft: &Path, file: &D::File, text: &str) -> io::Result<bool> {
    disk.write(file, text.as_bytes())?;
    disk.sync(file)?;
    match disk.link(draft, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
