//! Retention: which runs go, by age and size, and how they go.
//!
//! A run that is not closed stays whatever it takes: it may hold a step that nobody knows the end of.

use crate::disk::{self, DiskError};
use jiff::civil::Date;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use studio_core::limits::{FILES_MAX, RUNS_MAX};
use studio_core::name::{BadName, RelPath, RunId};
use studio_core::store::{Disk, OsDisk};

/// What a folder is called while it goes away: no run has such a name.
const GOING: &str = ".going-";
const MEMORY: &str = "ai/studio/memory/runs";

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

/// Returns how a run stands on the disk: its size without what symlinks lead to, and the day in its name.
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
        for entry in fs::read_dir(&place).map_err(failed)?.take(FILES_MAX) {
            let entry = entry.map_err(failed)?;
            let seen = entry.metadata().map_err(failed)?;
            looked += 1;
            if seen.is_dir() && looked < FILES_MAX {
                folders.push(entry.path());
            }
            bytes = bytes.saturating_add(if seen.is_file() { seen.len() } else { 0 });
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
/// of it; what a crash left is removed along the way.
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
        }
        sweep(root, above)?;
    }
    drop(lock);
    Ok(())
}

fn lock(journal: &Path, id: &RunId) -> Result<fs::File, RetentionError> {
    let failed = |error| RetentionError::Io("lock", journal.into(), error);
    let file = OsDisk.open(journal).map_err(failed)?;
    if OsDisk.lock(&file).map_err(failed)? { Ok(file) } else { Err(RetentionError::Held(id.clone())) }
}

/// Removes what is on its way out of the folder.
fn sweep(root: &Path, folder: &str) -> Result<(), RetentionError> {
    let place = root.join(folder);
    if disk::look(root, &RelPath::try_from(folder)?)?.is_none() {
        return Ok(());
    }
    let failed = |error| RetentionError::Io("list", place.clone(), error);
    for entry in fs::read_dir(&place).map_err(failed)?.take(RUNS_MAX) {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_str().is_some_and(|name| name.strip_prefix(GOING).is_some_and(|id| RunId::try_from(id).is_ok())) {
            clear(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a folder and all below it; a symlink itself, never what it leads to.
fn clear(place: &PathBuf) -> Result<(), RetentionError> {
    let gone = match fs::symlink_metadata(place) {
        Ok(seen) if seen.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(RetentionError::Io("remove", place.clone(), error)),
        Ok(()) | Err(_) => Ok(()),
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
    #[error("run {0} began on no day of the calendar; remove its folder by hand")]
    Day(RunId),
    /// A path of ours that is none.
    #[error(transparent)]
    Name(#[from] BadName),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(id: &str, bytes: u64, closed: bool) -> Stored {
        let day = format!("{}-{}-{}", &id[..4], &id[4..6], &id[6..8]).parse().unwrap();
        Stored { id: RunId::try_from(id).unwrap(), home: Home::Simulated, bytes, closed, day }
    }

    fn goes(runs: &[Stored], days: u32, bytes: u64) -> Vec<String> {
        plan(runs, days, bytes, "2026-11-22".parse().unwrap()).iter().map(|run| run.id.as_str()[..8].to_string()).collect()
    }

    #[test]
    fn age_and_size_take_the_oldest_first_and_never_an_open_one() {
        let runs = [
            stored("20261121-101112-b-0a1f", 30, true),
            stored("20251001-101112-a-0a1f", 10, false),
            stored("20260801-101112-c-0a1f", 20, true),
            stored("20261122-101112-d-0a1f", 5, true),
        ];
        assert_eq!(goes(&runs, 90, 1000), ["20260801"]);
        assert_eq!(goes(&runs, 1000, 1000), [""; 0]);
        assert_eq!(goes(&runs, 1000, 50), ["20260801"]);
        assert_eq!(goes(&runs, 1000, 44), ["20260801", "20261121"]);
        assert_eq!(goes(&runs, 0, 0), ["20260801", "20261121", "20261122"]);
        assert_eq!(goes(&runs, 113, 1000), [""; 0]);
        assert_eq!(goes(&runs, 112, 1000), ["20260801"]);
    }

    /// A checkout with one run and its memory.
    fn lab(run: &Stored) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in [run.home.folder(), MEMORY] {
            fs::create_dir_all(root.path().join(folder).join(run.id.as_str()).join("deep")).unwrap();
            fs::write(root.path().join(folder).join(run.id.as_str()).join("journal.jsonl"), "x").unwrap();
        }
        root
    }

    #[test]
    fn a_run_weighs_what_it_holds_itself() {
        let run = stored("20261121-101112-b-0a1f", 8, false);
        let root = lab(&run);
        let folder = root.path().join(run.home.folder()).join(run.id.as_str());
        fs::write(folder.join("deep/blob"), "1234567").unwrap();
        std::os::unix::fs::symlink("/", folder.join("away")).unwrap();
        assert_eq!(weigh(root.path(), run.home, &run.id, false).unwrap(), run);
        assert_eq!(weigh(root.path(), Home::Runs, &run.id, false).unwrap().bytes, 0);
        let odd = RunId::try_from("20261399-101112-b-0a1f").unwrap();
        assert!(matches!(weigh(root.path(), run.home, &odd, true), Err(RetentionError::Day(_))));
    }

    fn names(root: &Path, folder: &str) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_run_goes_with_its_memory_and_what_a_crash_left() {
        let run = stored("20261121-101112-b-0a1f", 1, true);
        let root = lab(&run);
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("precious"), "x").unwrap();
        let folder = root.path().join(run.home.folder());
        std::os::unix::fs::symlink(other.path(), folder.join(run.id.as_str()).join("away")).unwrap();
        std::os::unix::fs::symlink(other.path(), folder.join(".going-20261120-101112-b-0a1f")).unwrap();
        for left in [".going-20261121-101112-b-0a1f", ".going-20261119-101112-x-0a1f", ".going-else", "20261101-101112-z-0a1f"] {
            fs::create_dir_all(folder.join(left).join("half")).unwrap();
        }
        remove(root.path(), &run).unwrap();
        assert_eq!(names(root.path(), run.home.folder()), [".going-else", "20261101-101112-z-0a1f"]);
        assert_eq!(names(root.path(), MEMORY), [""; 0]);
        assert!(other.path().join("precious").exists());
        remove(root.path(), &run).unwrap();
    }

    #[test]
    fn a_run_that_is_open_or_held_stays() {
        let run = stored("20261121-101112-b-0a1f", 1, true);
        let root = lab(&run);
        assert!(matches!(remove(root.path(), &Stored { closed: false, ..run.clone() }), Err(RetentionError::Open(_))));
        let file = OsDisk.open(&root.path().join(run.home.folder()).join(run.id.as_str()).join("journal.jsonl")).unwrap();
        assert!(OsDisk.lock(&file).unwrap());
        assert!(matches!(remove(root.path(), &run), Err(RetentionError::Held(_))));
        assert_eq!((names(root.path(), run.home.folder()).len(), names(root.path(), MEMORY).len()), (1, 1));
        drop(file);
        remove(root.path(), &run).unwrap();
    }

    #[test]
    fn a_symlink_in_the_place_of_a_run_is_refused() {
        let run = stored("20261121-101112-b-0a1f", 1, true);
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(root.path().join(run.home.folder())).unwrap();
        std::os::unix::fs::symlink(other.path(), root.path().join(run.home.folder()).join(run.id.as_str())).unwrap();
        assert!(matches!(remove(root.path(), &run), Err(RetentionError::Disk(DiskError::Symlink(_)))));
        assert!(root.path().join(run.home.folder()).join(run.id.as_str()).is_symlink());
    }
}
