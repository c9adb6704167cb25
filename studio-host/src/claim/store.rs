//! Where claims are kept: a folder of this user's, outside every repository, with an id of its own.

use super::disk::{Disk, OsDisk};
use super::ledger::{self, Names};
use super::process::nonce;
use super::record::{self, Claim, Record, RecordError, Tombstone, decode, encode};
use super::spawn::Entry;
use super::{ClaimError, ground};
use jiff::Timestamp;
use rustix::event::{Timespec, poll};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use studio_core::limits::{CLAIM_POLL_MS, CLAIM_SECONDS_MAX};
use studio_core::name::RunId;
pub use studio_core::name::StoreId;
use studio_core::step::Op;

/// A store of claims.
#[derive(Clone, Debug)]
pub struct ClaimStore {
    dir: PathBuf,
    id: StoreId,
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
        for folder in ["claims", "epochs"] {
            make(&dir.join(folder))?;
        }
        ground::try_out(dir, entry)?;
        let id = match read_id(dir)? {
            Some(id) => id,
            None => label(dir)?,
        };
        Ok(ClaimStore { dir: dir.into(), id })
    }

    /// Opens the store in `dir` if it is that one.
    pub(super) fn attach(dir: &Path, id: &StoreId) -> Result<ClaimStore, ClaimError> {
        let store = ClaimStore { dir: dir.into(), id: id.clone() };
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
        let folder = self.dir.join("epochs");
        let path = folder.join(run.as_str());
        let _lock = self.lock(&folder.join("lock"))?;
        let seen = match read::<Epoch>(&path, run.as_str())? {
            Some(seen) if seen.epoch > epoch => return Err(ClaimError::Overtaken(run.clone(), seen.epoch, epoch)),
            seen => seen.map(|seen| seen.epoch),
        };
        let raised = (|| {
            if seen == Some(epoch) {
                // Whoever wrote it may have been killed before this.
                return OsDisk.sync_folder(&folder);
            }
            let draft = folder.join(format!("{run}.{}.tmp", nonce()?));
            let text = encode(&Epoch { run: run.clone(), epoch }).map_err(io::Error::other)?;
            write(&draft, &text)?;
            OsDisk.rename(&draft, &path)?;
            OsDisk.sync_folder(&folder)
        })();
        raised.map_err(|source| ClaimError::Disk { act: "write", path, source })
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

    /// Takes the one lock of the epochs; it is let go when the file is dropped.
    fn lock(&self, path: &Path) -> Result<File, ClaimError> {
        let failed = |source| ClaimError::Disk { act: "lock", path: path.into(), source };
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(failed)?;
        let limit = Instant::now() + Duration::from_secs(CLAIM_SECONDS_MAX);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < limit => pause(Duration::from_millis(CLAIM_POLL_MS)).map_err(failed)?,
                Err(TryLockError::WouldBlock) => return Err(ClaimError::Locked(path.into(), CLAIM_SECONDS_MAX)),
            }
        }
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
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(failed)?,
        }
        folder.parent().map_or(Ok(()), |above| OsDisk.sync_folder(above)).map_err(failed)?;
    }
    ours(dir)
}

/// Makes sure that a folder is this user's, and closed to others.
fn ours(dir: &Path) -> Result<(), ClaimError> {
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
    Ok(read::<Label>(&dir.join("store"), "")?.map(|label| label.id))
}

/// Gives a store its id, unless somebody else does so first.
fn label(dir: &Path) -> Result<StoreId, ClaimError> {
    let path = dir.join("store");
    let made = (|| {
        let nonce = nonce()?;
        let draft = dir.join(format!("store.{nonce}.tmp"));
        write(&draft, &encode(&Label { id: StoreId::try_from(nonce).map_err(io::Error::other)? }).map_err(io::Error::other)?)?;
        let linked = OsDisk.link(&draft, &path);
        OsDisk.remove(&draft)?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
        OsDisk.sync_folder(dir)
    })();
    made.map_err(|source| ClaimError::Disk { act: "write", path: path.clone(), source })?;
    read_id(dir)?.ok_or_else(|| ClaimError::Disk { act: "find", path, source: io::ErrorKind::NotFound.into() })
}

fn write(draft: &Path, text: &str) -> io::Result<()> {
    let file = OsDisk.create(draft)?;
    OsDisk.write(&file, text.as_bytes())?;
    OsDisk.sync(&file)
}

fn read<T: Record>(path: &Path, name: &str) -> Result<Option<T>, ClaimError> {
    let failed = |source| ClaimError::Disk { act: "read", path: path.into(), source };
    let Some(file) = record::open(path).map_err(failed)? else { return Ok(None) };
    let bytes = record::bytes(&file).map_err(failed)?;
    decode(&bytes, name).map(Some).map_err(|error: RecordError| ClaimError::Record(path.into(), error))
}
