//! Where claims are kept: a folder of this user's, outside every repository, with an id of its own.

use super::disk::{Disk, OsDisk};
use super::ledger::{self, Names};
use super::process::nonce;
use super::record::{Claim, Record, Tombstone, encode};
use super::shelf;
use super::spawn::Entry;
use super::{ClaimError, ground};
use jiff::Timestamp;
use rustix::event::{Timespec, poll};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use studio_core::limits::SETTLED_MAX;
use studio_core::name::RunId;
pub use studio_core::name::StoreId;
use studio_core::step::Op;

/// The folders of a store, one for each kind of record.
const FOLDERS: [&str; 7] = ["claims", "epochs", "effects", "holds", "stops", "cancels", "anchors"];

/// A store of claims.
#[derive(Clone, Debug)]
pub struct ClaimStore {
    dir: PathBuf,
    id: StoreId,
    /// The lives that this process knows to be on disk.
    raised: Arc<Mutex<BTreeMap<RunId, u32>>>,
}

/// What the file of a store holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    id: StoreId,
}

/// The highest life of a run that was seen.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Epoch {
    run: RunId,
    epoch: u32,
}

impl ClaimStore {
    /// Opens the store in `dir`, and makes it if there is none; `entry` is how another process of ours helps
    /// to try out the disk.
    ///
    /// # Errors
    /// It is somebody else's, or on a disk that cannot hold claims.
    pub fn open(dir: &Path, entry: &Entry) -> Result<ClaimStore, ClaimError> {
        make(dir)?;
        ground::refuse(dir)?;
        ClaimStore::open_anywhere(dir, entry)
    }

    /// The same on any file system that passes the trial.
    pub(crate) fn open_anywhere(dir: &Path, entry: &Entry) -> Result<ClaimStore, ClaimError> {
        make(dir)?;
        ground::try_out(dir, entry)?;
        ClaimStore::furnish(dir)
    }

    /// Makes whatever a store has and `dir` has not.
    pub(super) fn furnish(dir: &Path) -> Result<ClaimStore, ClaimError> {
        for folder in FOLDERS {
            make(&dir.join(folder))?;
        }
        let label =
            shelf::once(dir, "store", || Ok(Label { id: StoreId::try_from(nonce()?).map_err(|error| io::Error::other(error.to_string()))? }))?;
        let store = ClaimStore { dir: dir.into(), id: label.id, raised: Arc::default() };
        store.make_key()?;
        Ok(store)
    }

    /// Opens the store in `dir`, if one is there, and makes nothing.
    ///
    /// # Errors
    /// What is there is no store of this user's.
    pub fn find(dir: &Path) -> Result<Option<ClaimStore>, ClaimError> {
        if !dir.join("store").exists() {
            return Ok(None);
        }
        ours(dir)?;
        Ok(read_id(dir)?.map(|id| ClaimStore { dir: dir.into(), id, raised: Arc::default() }))
    }

    /// Removes what the commands of a run wrote and their private folders, once it is over: how they ended stays,
    /// and so does the name of what was written where nobody knows that, empty.
    ///
    /// # Errors
    /// The disk: what is left is removed by the next call.
    pub fn forget_output(&self, run: &RunId) -> io::Result<()> {
        let ours = |name: &str| name.strip_prefix(run.as_str()).is_some_and(|rest| rest.starts_with('.'));
        for entry in fs::read_dir(self.folder())? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).filter(|name| ours(name)).unwrap_or_default();
            let Some((op, _)) = name.rsplit_once('.').filter(|(_, end)| matches!(*end, "out" | "err")) else { continue };
            if path.with_file_name(format!("{op}.exit")).exists() {
                OsDisk.remove(&path)?;
            } else if fs::symlink_metadata(&path)?.is_file() {
                fs::OpenOptions::new().write(true).open(&path)?.set_len(0)?; // its name is a sign that it began
            }
        }
        for entry in fs::read_dir(self.dir.join("homes")).into_iter().flatten() {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(ours) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Opens the store in `dir` if it is that one.
    pub(super) fn attach(dir: &Path, id: &StoreId) -> Result<ClaimStore, ClaimError> {
        let store = ClaimStore { dir: dir.into(), id: id.clone(), raised: Arc::default() };
        store.answers(id)?;
        ours(dir)?;
        Ok(store)
    }

    /// Returns its id, which a grant names.
    pub fn id(&self) -> &StoreId {
        &self.id
    }

    /// Returns where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Remembers that a run is in that life, on disk when this returns. To be called before anything of
    /// that life begins.
    ///
    /// # Errors
    /// A later life was seen, or what was seen cannot be read: then nothing may begin.
    pub fn raise(&self, run: &RunId, epoch: u32) -> Result<(), ClaimError> {
        let epochs = self.shelf("epochs");
        let _lock = epochs.lock()?;
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        match epochs.get::<Epoch>(run.as_str())? {
            Some(seen) if seen.epoch > epoch => return Err(ClaimError::Overtaken(run.clone(), seen.epoch, epoch)),
            Some(seen) if seen.epoch == epoch && raised.get(run) == Some(&epoch) => return Ok(()),
            // Whoever wrote it may have been killed before this.
            Some(seen) if seen.epoch == epoch => epochs.settle()?,
            Some(_) | None => epochs.put(run.as_str(), &Epoch { run: run.clone(), epoch })?,
        }
        if raised.len() >= SETTLED_MAX {
            raised.clear();
        }
        raised.insert(run.clone(), epoch);
        Ok(())
    }

    /// Returns the last life of a run that was seen; 0 if none was.
    ///
    /// # Errors
    /// It cannot be read, which is no sign that none was.
    pub fn life(&self, run: &RunId) -> Result<u32, ClaimError> {
        Ok(self.shelf("epochs").get::<Epoch>(run.as_str())?.map_or(0, |seen| seen.epoch))
    }

    /// Gives an op up before it began: nothing will ever run under it.
    ///
    /// # Errors
    /// A claim or tombstone stands there already, or the disk fails.
    pub fn bury(&self, op: &Op, why: &str, at: Timestamp) -> Result<(), ClaimError> {
        let names = self.names(op);
        let buried = (|| {
            let text = encode(&Claim::Tombstone(Tombstone::new(op, why, at))).map_err(io::Error::other)?;
            ledger::bury(&OsDisk, &names, &nonce()?, &text)
        })();
        match buried {
            Ok(true) => Ok(()),
            Ok(false) => Err(ClaimError::Taken(op.clone())),
            Err(source) => Err(ClaimError::Disk { act: "bury", path: names.claim(), source }),
        }
    }

    /// Makes sure that the store on the disk is `id`, now.
    pub(super) fn answers(&self, id: &StoreId) -> Result<(), ClaimError> {
        let path = self.dir.join("store");
        match read_id(&self.dir)? {
            Some(seen) if seen == *id => Ok(()),
            Some(seen) => Err(ClaimError::Replaced(self.dir.clone(), seen, id.clone())),
            None => Err(ClaimError::Disk { act: "find", path, source: io::ErrorKind::NotFound.into() }),
        }
    }

    /// The folder of claims.
    pub(super) fn folder(&self) -> PathBuf {
        self.dir.join("claims")
    }

    /// The files of an op.
    pub(super) fn names(&self, op: &Op) -> Names {
        Names::of(&self.folder(), op)
    }
}

/// Lets that much time pass.
pub(super) fn pause(time: Duration) -> io::Result<()> {
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    match poll(&mut [], Some(&time)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Record for Label {
    fn is_of(&self, _: &str) -> bool {
        true
    }
}

impl Record for Epoch {
    fn is_of(&self, name: &str) -> bool {
        self.run.as_str() == name
    }
}

/// Makes a folder for this user alone, and those above it as far as they are missing, all on disk.
fn make(dir: &Path) -> Result<(), ClaimError> {
    let missing: Vec<_> = dir.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        let failed = |source| ClaimError::Disk { act: "make", path: folder.into(), source };
        match OsDisk.make(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(failed)?,
        }
        folder.parent().map_or(Ok(()), |above| OsDisk.sync_folder(above)).map_err(failed)?;
    }
    ours(dir)
}

/// Makes sure that a folder is this user's, and closed to others.
pub(super) fn ours(dir: &Path) -> Result<(), ClaimError> {
    let seen = fs::symlink_metadata(dir).map_err(|source| ClaimError::Disk { act: "look at", path: dir.into(), source })?;
    let user = rustix::process::geteuid().as_raw();
    if !seen.is_dir() {
        return Err(ClaimError::Open(dir.into()));
    }
    if seen.uid() != user {
        return Err(ClaimError::Foreign(dir.into(), seen.uid(), user));
    }
    if seen.permissions().mode() & 0o077 != 0 { Err(ClaimError::Open(dir.into())) } else { Ok(()) }
}

fn read_id(dir: &Path) -> Result<Option<StoreId>, ClaimError> {
    Ok(shelf::read::<Label>(&dir.join("store"), "")?.map(|label| label.id))
}
