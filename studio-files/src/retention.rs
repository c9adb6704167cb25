//! Retention: which runs go, by age and size, and how they go.
//!
//! A run that is not closed stays whatever it takes: it may hold a step that nobody knows the end of.

use crate::disk::{self, DiskError};
use jiff::civil::Date;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use studio_core::limits::{CHECKOUT_FILES_MAX, FILES_MAX, RUNS_MAX};
use studio_core::name::{BadName, RelPath, RunId};
use studio_core::store::{Disk, OsDisk};

/// What a folder is called while it goes away: no run has such a name.
const GOING: &str = ".going-";
const MEMORY: &str = "ai/studio/memory/runs";
/// What the system counts the room of a file in, on any file system.
const BLOCK_BYTES: u64 = 512;

/// A run as it stands on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: RunId,
    /// Where it is kept.
    pub home: Home,
    /// How much room its folder takes.
    pub bytes: u64,
    /// Whether it is over.
    pub closed: bool,
    /// The day it began.
    pub day: Date,
}

/// Where a run is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// `ai/state/runs`.
    Runs,
    /// `ai/state/simulated`.
    Simulated,
}

impl Home {
    /// Returns the folder, below the root of the repository.
    pub fn folder(self) -> &'static str {
        match self {
            Home::Runs => "ai/state/runs",
            Home::Simulated => "ai/state/simulated",
        }
    }
}

/// Returns how a run stands on the disk: its size without what symlinks lead to and what may not be
/// looked into, and the day in its name.
///
/// # Errors
/// The day in its id is none, a symlink stands on the way, or the folder cannot be listed.
pub fn weigh(root: &Path, home: Home, id: &RunId, closed: bool) -> Result<Stored, RetentionError> {
    let day = Date::strptime("%Y%m%d", id.day()).map_err(|_| RetentionError::Day(id.clone()))?;
    let folder = RelPath::try_from(format!("{}/{id}", home.folder()))?;
    let mut folders: Vec<PathBuf> = disk::look(root, &folder)?.map(|_| root.join(folder.as_str())).into_iter().collect();
    let (mut bytes, mut looked) = (0_u64, 0);
    while let Some(place) = folders.pop() {
        let failed = |error| RetentionError::Io("list", place.clone(), error);
        let Some(entries) = open_to_us(fs::read_dir(&place)).map_err(failed)? else { continue };
        for entry in entries.take(FILES_MAX) {
            let entry = entry.map_err(failed)?;
            let Some(seen) = open_to_us(entry.metadata()).map_err(failed)? else { continue };
            looked += 1;
            if seen.is_dir() && looked < FILES_MAX {
                folders.push(entry.path());
            }
            // Holes in a file take no room.
            bytes = bytes.saturating_add(if seen.is_file() { seen.len().min(seen.blocks().saturating_mul(BLOCK_BYTES)) } else { 0 });
        }
    }
    Ok(Stored { id: id.clone(), home, bytes, closed, day })
}

/// Returns the runs that go, oldest first: those that began more than `keep_days` before `today`, and
/// then as many more as it takes to keep at most `keep_bytes`. One that is not closed never goes.
pub fn plan(runs: &[Stored], keep_days: u32, keep_bytes: u64, today: Date) -> Vec<Stored> {
    let mut oldest: Vec<&Stored> = runs.iter().collect();
    oldest.sort_by_key(|run| (run.day, &run.id));
    let mut kept: u64 = runs.iter().fold(0, |sum, run| sum.saturating_add(run.bytes));
    let mut go = Vec::new();
    for run in oldest {
        let days = today.since(run.day).map_or(0, |age| age.get_days());
        if run.closed && (days > i32::try_from(keep_days).unwrap_or(i32::MAX) || kept > keep_bytes) {
            kept = kept.saturating_sub(run.bytes);
            go.push(run.clone());
        }
    }
    go
}

/// Removes a run's memory and then its folder. Each is renamed first, so that a crash leaves no half
/// of it; [`sweep_all`] removes what a crash left.
///
/// # Errors
/// The run is not closed, somebody has it open, a symlink stands on the way, or the disk refuses.
pub fn remove(root: &Path, run: &Stored) -> Result<(), RetentionError> {
    if !run.closed {
        return Err(RetentionError::Open(run.id.clone()));
    }
    let folder = RelPath::try_from(format!("{}/{}", run.home.folder(), run.id))?;
    let journal = RelPath::try_from(format!("{folder}/journal.jsonl"))?;
    // Held until the folder has its other name, so that nobody opens the run in between.
    let lock = match disk::look(root, &journal)? {
        None => None,
        Some(_) => Some(lock(&root.join(journal.as_str()), &run.id)?),
    };
    for (above, folder) in [(MEMORY, RelPath::try_from(format!("{MEMORY}/{}", run.id))?), (run.home.folder(), folder)] {
        if disk::look(root, &folder)?.is_some() {
            let going = root.join(above).join(format!("{GOING}{}", run.id));
            clear(&going)?;
            let failed = |error| RetentionError::Io("remove", going.clone(), error);
            fs::rename(root.join(folder.as_str()), &going).and_then(|()| fs::File::open(root.join(above))?.sync_all()).map_err(failed)?;
            clear(&going)?;
        }
    }
    drop(lock);
    Ok(())
}

/// Removes what earlier removals renamed and could not remove, of every run and memory, and returns how
/// many folders that were. One that stays does not keep the others.
///
/// # Errors
/// The first that cannot be removed, once the others are.
pub fn sweep_all(root: &Path) -> Result<usize, RetentionError> {
    let (mut gone, mut failed) = (0, None);
    for folder in [Home::Runs.folder(), Home::Simulated.folder(), MEMORY] {
        match going(root, folder) {
            Ok(left) => left.iter().for_each(|place| match clear(place) {
                Ok(()) => gone += 1,
                Err(error) => failed = failed.take().or(Some(error)),
            }),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(gone), Err)
}

fn lock(journal: &Path, id: &RunId) -> Result<fs::File, RetentionError> {
    let failed = |error| RetentionError::Io("lock", journal.into(), error);
    let file = OsDisk.open(journal).map_err(failed)?;
    if OsDisk.lock(&file).map_err(failed)? { Ok(file) } else { Err(RetentionError::Held(id.clone())) }
}

/// Returns what is on its way out of the folder.
fn going(root: &Path, folder: &str) -> Result<Vec<PathBuf>, RetentionError> {
    let place = root.join(folder);
    if disk::look(root, &RelPath::try_from(folder)?)?.is_none() {
        return Ok(Vec::new());
    }
    let goes = |name: &str| name.strip_prefix(GOING).is_some_and(|id| RunId::try_from(id).is_ok());
    let names = fs::read_dir(&place).and_then(|entries| {
        let left = entries.filter(|entry| entry.as_ref().map_or(true, |entry| entry.file_name().to_str().is_some_and(goes)));
        left.take(RUNS_MAX).map(|entry| Ok(entry?.path())).collect()
    });
    names.map_err(|error| RetentionError::Io("list", place, error))
}

/// Removes a folder and all below it; a symlink itself, never what it leads to.
fn clear(place: &Path) -> Result<(), RetentionError> {
    let gone = match fs::symlink_metadata(place) {
        Ok(seen) if seen.is_dir() => unseal(place).and_then(|()| fs::remove_dir_all(place)),
        Ok(_) => fs::remove_file(place),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(RetentionError::Io("remove", place.into(), error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Gives the owner back every right to a folder and those below it, which a step may have sealed.
/// Symlinks are passed over.
fn unseal(place: &Path) -> io::Result<()> {
    let (mut folders, mut looked) = (vec![place.to_path_buf()], 0);
    while let Some(folder) = folders.pop() {
        let mode = fs::symlink_metadata(&folder)?.permissions().mode();
        if mode & 0o700 != 0o700 {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode & 0o777 | 0o700))?;
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() && looked < CHECKOUT_FILES_MAX {
                looked += 1;
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Returns what was found, or nothing if we may not look or it has just gone.
fn open_to_us<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound) => Ok(None),
        found => found.map(Some),
    }
}

/// A run stays.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// It is not over.
    #[error("run {0} is not closed; finish it with resume, or cancel it")]
    Open(RunId),
    /// Somebody has it open.
    #[error("run {0} is held by another studio: wait for it, or stop it")]
    Held(RunId),
    /// The checkout.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What the system said.
    #[error("failed to {0} {1}: {2}; look at its permissions, then try again")]
    Io(&'static str, PathBuf, #[source] io::Error),
    /// Its name tells no day.
    #[error("run {0} began on no day of the calendar and stays; look at it, then remove its folder by hand")]
    Day(RunId),
    /// A path of ours that is none.
    #[error(transparent)]
    Name(#[from] BadName),
}

#[cfg(test)]
mod tests;
