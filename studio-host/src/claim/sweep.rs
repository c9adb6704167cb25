//! Files that nobody will finish: drafts of writers that were killed, which no reader looks at.

use super::ClaimError;
use super::disk::{Disk, OsDisk};
use super::lock;
use super::record;
use super::shelf::DRAFT;
use super::store::ClaimStore;
use jiff::Timestamp;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use studio_core::limits::{LEFTOVER_SECONDS_MIN, LEFTOVERS_MAX};

/// How the names of files begin with which a disk is tried out.
const PROBE: &str = "probe.";
/// Folders inside folders of a store.
const DEPTH_MAX: u32 = 2;

impl ClaimStore {
    /// Returns the first [`LEFTOVERS_MAX`] files whose writer is gone: old ones that nobody has locked.
    ///
    /// # Errors
    /// The store cannot be looked through.
    pub fn leftovers(&self, now: Timestamp) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        search(self.dir(), DEPTH_MAX, now, &mut found)?;
        found.sort_unstable();
        Ok(found)
    }

    /// Removes what [`ClaimStore::leftovers`] returns, and says how many files that were.
    ///
    /// # Errors
    /// The store cannot be looked through, or does not let go.
    pub fn sweep(&self, now: Timestamp) -> Result<usize, ClaimError> {
        let failed = |act, path: &Path, source| ClaimError::Disk { act, path: path.into(), source };
        let mut swept = 0;
        for path in self.leftovers(now).map_err(|source| failed("look through", self.dir(), source))? {
            match OsDisk.remove(&path) {
                Ok(()) => swept += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {} // somebody else swept it
                Err(error) => return Err(failed("remove", &path, error)),
            }
        }
        Ok(swept)
    }
}

fn search(folder: &Path, depth: u32, now: Timestamp, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if found.len() >= LEFTOVERS_MAX {
            return Ok(());
        }
        if kind.is_dir() && depth > 0 {
            search(&entry.path(), depth - 1, now, found)?;
        } else if kind.is_file() && name.to_str().is_some_and(|name| name.ends_with(DRAFT) || name.starts_with(PROBE)) && is_over(&entry.path(), now)?
        {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Says whether a file is old and nobody has it locked.
fn is_over(path: &Path, now: Timestamp) -> io::Result<bool> {
    let Some(file) = record::open(path)? else { return Ok(false) };
    let old = now.as_second().saturating_sub(file.metadata()?.mtime()) > LEFTOVER_SECONDS_MIN;
    Ok(old && !lock::held(&file)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::{Duration, SystemTime};

    /// A file of the store, that many seconds after the epoch.
    fn file(store: &ClaimStore, name: &str, seconds: u64) -> File {
        let path = store.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = OsDisk.create(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        file
    }

    #[test]
    fn only_old_drafts_that_nobody_holds_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::furnish(&dir.path().join("store")).unwrap();
        let old = ["claims/a.01.1.x.tmp", "effects/k/a.x.tmp", "holds/r.x.tmp", "anchors/r.x.tmp", "stops/all.x.tmp", "store.x.tmp", "probe.x"];
        for name in old {
            file(&store, name, 1000);
        }
        let locked = file(&store, "claims/b.01.1.x.tmp", 1000);
        assert!(lock::take(&locked).unwrap());
        file(&store, "holds/young.x.tmp", 1001);
        file(&store, "claims/a.01.1", 1000);
        file(&store, "claims/a.01.1.exit", 1000);
        file(&store, "effects/k/l/deep.x.tmp", 1000);
        std::os::unix::fs::symlink("/nowhere", store.dir().join("link.tmp")).unwrap();
        let now = Timestamp::from_second(1000 + LEFTOVER_SECONDS_MIN + 1).unwrap();
        assert!(store.leftovers(Timestamp::from_second(1000).unwrap()).unwrap().is_empty());
        assert!(store.leftovers(Timestamp::UNIX_EPOCH).unwrap().is_empty(), "a clock that was set back");
        let mut expected: Vec<PathBuf> = old.iter().map(|name| store.dir().join(name)).collect();
        expected.sort();
        assert_eq!(store.leftovers(now).unwrap(), expected);
        assert_eq!(store.sweep(now).unwrap(), old.len());
        assert_eq!(store.sweep(now).unwrap(), 0);
        drop(locked);
        assert_eq!(store.sweep(now).unwrap(), 1);
        for kept in ["claims/a.01.1", "claims/a.01.1.exit", "holds/young.x.tmp", "store", "seal.key"] {
            assert!(store.dir().join(kept).exists(), "{kept}");
        }
    }

    #[test]
    fn a_sweep_is_bounded_and_a_store_that_is_gone_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::furnish(&dir.path().join("store")).unwrap();
        for at in 0..=LEFTOVERS_MAX {
            file(&store, &format!("epochs/{at}.tmp"), 0);
        }
        let now = Timestamp::from_second(LEFTOVER_SECONDS_MIN + 1).unwrap();
        assert_eq!((store.sweep(now).unwrap(), store.sweep(now).unwrap()), (LEFTOVERS_MAX, 1));
        fs::remove_dir_all(store.dir()).unwrap();
        assert!(store.leftovers(now).is_err() && store.sweep(now).is_err());
    }
}
