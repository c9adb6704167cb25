//! One folder of a store, a record a file: none is nothing only while the store is the one that was meant.

use super::ClaimError;
use super::disk::{Disk, OsDisk};
use super::ledger;
use super::process::nonce;
use super::record::{self, Record, decode, encode};
use super::store::{ClaimStore, ours, pause};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use studio_core::limits::{CLAIM_POLL_MS, CLAIM_SECONDS_MAX};

/// How the name of a file ends that is not finished.
pub(super) const DRAFT: &str = ".tmp";
/// The lock of a shelf.
const LOCK: &str = "lock";

/// One folder of a store.
pub(super) struct Shelf<'a> {
    store: &'a ClaimStore,
    folder: PathBuf,
}

impl ClaimStore {
    /// The folder of that name.
    pub(super) fn shelf(&self, name: &str) -> Shelf<'_> {
        Shelf { store: self, folder: self.dir().join(name) }
    }

    /// The folder of the whole store.
    pub(super) fn top(&self) -> Shelf<'_> {
        Shelf { store: self, folder: self.dir().into() }
    }
}

impl Shelf<'_> {
    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads the record of that name.
    pub(super) fn get<T: Record>(&self, name: &str) -> Result<Option<T>, ClaimError> {
        let found = read(&self.folder.join(name), name)?;
        if found.is_none() {
            self.stands()?;
        }
        Ok(found)
    }

    /// Reads all records, at most that many; one that is removed meanwhile is left out.
    pub(super) fn all<T: Record>(&self, most: usize) -> Result<Vec<T>, ClaimError> {
        self.names(most)?.iter().filter_map(|name| self.get(name).transpose()).collect()
    }

    /// Returns the names of all records in order, at most that many.
    pub(super) fn names(&self, most: usize) -> Result<Vec<String>, ClaimError> {
        let failed = |source| ClaimError::Disk { act: "list", path: self.folder.clone(), source };
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().into_string();
            let name = name.map_err(|odd| ClaimError::Stray(self.folder.join(odd)))?;
            if name == LOCK || name.ends_with(DRAFT) {
                continue;
            }
            if names.len() == most {
                return Err(ClaimError::Full(self.folder.clone(), most));
            }
            names.push(name);
        }
        self.stands()?;
        names.sort_unstable();
        Ok(names)
    }

    /// Writes the record of that name, in place of what stood there, on disk when this returns.
    pub(super) fn put<T: Record>(&self, name: &str, record: &T) -> Result<(), ClaimError> {
        self.put_soon(name, record).and_then(|()| self.settle())
    }

    /// Writes the record of that name, in place of what stood there: after a power cut it is the old one or the new.
    pub(super) fn put_soon<T: Record>(&self, name: &str, record: &T) -> Result<(), ClaimError> {
        let path = self.folder.join(name);
        let text = encode(record).map_err(|error| ClaimError::Record(path.clone(), error))?;
        let put = nonce().and_then(|nonce| ledger::put_soon(&OsDisk, &self.folder, name, &nonce, &text));
        put.map_err(|source| ClaimError::Disk { act: "write", path, source })
    }

    /// Removes the record of that name, if there is one.
    pub(super) fn remove(&self, name: &str) -> Result<(), ClaimError> {
        match OsDisk.remove(&self.folder.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.stands()?,
            removed => removed.map_err(|source| ClaimError::Disk { act: "remove", path: self.folder.join(name), source })?,
        }
        self.settle()
    }

    /// Brings to disk what somebody else changed, who may have been killed before he did.
    pub(super) fn settle(&self) -> Result<(), ClaimError> {
        OsDisk.sync_folder(&self.folder).map_err(|source| ClaimError::Disk { act: "sync", path: self.folder.clone(), source })
    }

    /// Takes the lock of all of it; it is let go when the file is dropped.
    pub(super) fn lock(&self) -> Result<File, ClaimError> {
        self.lock_of(LOCK)
    }

    /// Takes the lock in a file of that name.
    pub(super) fn lock_of(&self, name: &str) -> Result<File, ClaimError> {
        let path = self.folder.join(name);
        let failed = |source| ClaimError::Disk { act: "lock", path: path.clone(), source };
        let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK; // a fifo in its place blocks nobody
        let file = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(flags).open(&path).map_err(failed)?;
        let limit = Instant::now() + Duration::from_secs(CLAIM_SECONDS_MAX);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < limit => pause(Duration::from_millis(CLAIM_POLL_MS)).map_err(failed)?,
                Err(TryLockError::WouldBlock) => return Err(ClaimError::Locked(path, CLAIM_SECONDS_MAX)),
            }
        }
    }

    /// Makes sure that what it does not hold proves something.
    pub(super) fn stands(&self) -> Result<(), ClaimError> {
        self.store.answers(self.store.id())?;
        ours(&self.folder)
    }
}

/// Reads the record in `path`, which is about `name`; none if there is no such file.
pub(super) fn read<T: Record>(path: &Path, name: &str) -> Result<Option<T>, ClaimError> {
    let failed = |source| ClaimError::Disk { act: "read", path: path.into(), source };
    let Some(file) = record::open(path).map_err(failed)? else { return Ok(None) };
    let bytes = record::bytes_of(&file, T::BYTES_MAX).map_err(failed)?;
    decode(&bytes, name).map(Some).map_err(|error| ClaimError::Record(path.into(), error))
}

/// Returns the record of that name, which is made if there is none, and never again.
pub(super) fn once<T: Record>(folder: &Path, name: &str, first: impl FnOnce() -> io::Result<T>) -> Result<T, ClaimError> {
    let path = folder.join(name);
    let failed = |source| ClaimError::Disk { act: "make", path: path.clone(), source };
    if let Some(found) = read(&path, name)? {
        // Whoever made it may have been killed before this.
        OsDisk.sync_folder(folder).map_err(failed)?;
        return Ok(found);
    }
    let text = encode(&first().map_err(failed)?).map_err(|error| ClaimError::Record(path.clone(), error))?;
    // If somebody else was first, his is the one that stands.
    let _first = nonce().and_then(|nonce| ledger::once(&OsDisk, folder, name, &nonce, &text)).map_err(failed)?;
    read(&path, name)?.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

#[cfg(test)]
mod tests {
    use super::super::anchor::Anchor;
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use studio_core::name::{Digest, RunId};

    #[test]
    fn a_store_of_an_earlier_build_gets_what_it_lacks() {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::furnish(dir.path().join("store").as_path()).unwrap();
        let run: RunId = "20261122-101112-add-node-0a1f".try_into().unwrap();
        store.raise(&run, 3).unwrap();
        for folder in ["effects", "holds", "stops", "anchors"] {
            fs::remove_dir(store.dir().join(folder)).unwrap();
        }
        fs::remove_file(store.dir().join("seal.key")).unwrap();
        assert!(store.holds().is_err() && store.anchored(&run).is_err());
        let again = ClaimStore::furnish(store.dir()).unwrap();
        assert_eq!((again.id(), again.holds().unwrap().len()), (store.id(), 0));
        again.anchor(&run, 1, &Digest::zero()).unwrap();
        assert_eq!(store.anchored(&run).unwrap(), Some(Anchor { n: 1, head: Digest::zero() }));
        assert!(matches!(again.raise(&run, 2), Err(ClaimError::Overtaken(..))));
    }

    #[test]
    fn nothing_is_read_or_locked_through_a_link_or_a_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::furnish(dir.path().join("store").as_path()).unwrap();
        let run: RunId = "20261122-101112-add-node-0a1f".try_into().unwrap();
        store.anchor(&run, 1, &Digest::zero()).unwrap();
        let (anchor, lock) = (store.shelf("anchors").folder().join(run.as_str()), store.shelf("holds").folder().join(LOCK));
        fs::rename(&anchor, dir.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &anchor).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &lock).unwrap();
        assert!(store.anchored(&run).is_err() && store.shelf("holds").lock().is_err());
        for path in [&anchor, &lock] {
            fs::remove_file(path).unwrap();
            mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        }
        assert!(store.anchored(&run).is_err() && store.shelf("holds").lock().is_err());
    }
}
