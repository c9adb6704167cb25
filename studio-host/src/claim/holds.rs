//! What runs hold from their first change to their end, so that no two work the same target or paths at once.

use super::ClaimError;
use super::record::Record;
use super::store::ClaimStore;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;
use studio_core::limits::{HOLD_BYTES_MAX, HOLD_PATHS_MAX, HOLD_TARGETS_MAX, HOLDS_MAX};
use studio_core::name::{RelPath, RunId, Target};

/// The folder of holds.
const HOLDS: &str = "holds";

/// What one run holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The run.
    pub run: RunId,
    /// What its steps work on.
    pub targets: BTreeSet<Target>,
    /// What it changes; a folder stands for all that is below it.
    pub paths: BTreeSet<RelPath>,
    /// The checkout that it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PathBuf>,
}

impl ClaimStore {
    /// Takes all that a run wants, beside what it holds already, or nothing; on disk when this returns.
    /// `is_over` says of another run that it ended for good: what that one held is let go. It is asked while
    /// the holds are locked, so it must not ask for them.
    ///
    /// # Errors
    /// Another run holds part of it, or what is held cannot be read.
    pub fn hold(&self, want: &Hold, is_over: &dyn Fn(&RunId) -> bool) -> Result<(), ClaimError> {
        let shelf = self.shelf(HOLDS);
        let _lock = shelf.lock()?;
        let held: Option<Hold> = shelf.get(want.run.as_str())?;
        let mut all = want.clone();
        if let Some(held) = &held {
            all.targets.extend(held.targets.iter().cloned());
            all.paths.extend(held.paths.iter().cloned());
        }
        if all.targets.len() > HOLD_TARGETS_MAX || all.paths.len() > HOLD_PATHS_MAX {
            return Err(ClaimError::Wide(want.run.clone()));
        }
        let mut others = 0;
        for name in shelf.names(HOLDS_MAX)? {
            let run = RunId::try_from(name.as_str()).map_err(|_| ClaimError::Stray(shelf.folder().join(&name)))?;
            if run == want.run {
                continue;
            }
            if is_over(&run) {
                shelf.remove(&name)?;
                continue;
            }
            others += 1;
            // Only a run itself lets go without the lock.
            let Some(other) = shelf.get::<Hold>(&name)? else { continue };
            if let Some(shared) = all.meets(&other) {
                let place = other.place.map(|place| format!(" for {}", place.display())).unwrap_or_default();
                return Err(ClaimError::Held(run, format!("{shared}{place}")));
            }
        }
        if others == HOLDS_MAX {
            return Err(ClaimError::Full(shelf.folder().into(), HOLDS_MAX));
        }
        if held.as_ref() == Some(&all) { shelf.settle() } else { shelf.put(want.run.as_str(), &all) }
    }

    /// Lets go of all that a run holds, also if it cannot be read. To be called when the run is over.
    ///
    /// # Errors
    /// It is not off the disk.
    pub fn release(&self, run: &RunId) -> Result<(), ClaimError> {
        self.shelf(HOLDS).remove(run.as_str())
    }

    /// Returns what all runs hold, by their names.
    ///
    /// # Errors
    /// It cannot be read, which is no sign that nothing is held.
    pub fn holds(&self) -> Result<Vec<Hold>, ClaimError> {
        self.shelf(HOLDS).all(HOLDS_MAX)
    }
}

impl Hold {
    /// Returns what both want, if they want the same.
    fn meets(&self, other: &Hold) -> Option<String> {
        if let Some(target) = self.targets.intersection(&other.targets).next() {
            return Some(format!("target {target}"));
        }
        let pairs = other.paths.iter().flat_map(|theirs| self.paths.iter().map(move |ours| (theirs, ours)));
        let mut met = pairs.filter(|(theirs, ours)| theirs.starts_with(ours) || ours.starts_with(theirs));
        let (theirs, ours) = met.next()?;
        Some(if theirs == ours { format!("path {ours}") } else { format!("path {theirs}, which meets {ours}") })
    }
}

impl Record for Hold {
    const BYTES_MAX: u64 = HOLD_BYTES_MAX;

    fn is_of(&self, name: &str) -> bool {
        self.run.as_str() == name
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::encode;
    use super::super::tests::every_flip;
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn store() -> (TempDir, ClaimStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::furnish(&dir.path().join("store")).unwrap();
        (dir, store)
    }

    fn run(number: usize) -> RunId {
        format!("20261122-101112-add-node-{number:04x}").as_str().try_into().unwrap()
    }

    fn hold(number: usize, targets: &[&str], paths: &[&str]) -> Hold {
        let targets = targets.iter().map(|target| Target::try_from(*target).unwrap()).collect();
        Hold { run: run(number), targets, paths: paths.iter().map(|path| RelPath::try_from(*path).unwrap()).collect(), place: None }
    }

    fn never(_: &RunId) -> bool {
        false
    }

    #[test]
    fn only_the_same_target_or_paths_that_meet_are_refused() {
        let (_dir, store) = store();
        store.hold(&hold(1, &["prod"], &["apps/web", "notes.md"]), &never).unwrap();
        for (targets, paths, shared) in [
            (&["lab", "prod"][..], &[][..], "target prod"),
            (&[], &["notes.md"], "path notes.md"),
            (&[], &["apps/web/ks.yaml"], "path apps/web, which meets apps/web/ks.yaml"),
            (&["lab"], &["apps"], "path apps/web, which meets apps"),
        ] {
            let error = store.hold(&hold(2, targets, paths), &never).unwrap_err();
            let run = run(1);
            assert_eq!(error.to_string(), format!("run {run} holds {shared}: finish or cancel it (studio status {run}), then resume"));
            assert_eq!(store.holds().unwrap().len(), 1, "all or nothing");
        }
        store.hold(&hold(2, &["production", "lab"], &["apps/webs", "apps/we", "notes.md.bak"]), &never).unwrap();
        assert!(matches!(store.hold(&hold(1, &["lab"], &[]), &never), Err(ClaimError::Held(other, _)) if other == run(2)));
    }

    #[test]
    fn a_run_holds_more_and_lets_go_of_all() {
        let (_dir, store) = store();
        store.hold(&hold(1, &["prod"], &["a"]), &never).unwrap();
        store.hold(&hold(1, &["lab"], &["a/b"]), &never).unwrap();
        store.hold(&hold(1, &["lab"], &[]), &never).unwrap();
        let again = ClaimStore::furnish(store.dir()).unwrap();
        assert_eq!(again.holds().unwrap(), [hold(1, &["lab", "prod"], &["a", "a/b"])]);
        again.release(&run(1)).unwrap();
        again.release(&run(1)).unwrap();
        assert_eq!(store.holds().unwrap(), []);
        store.hold(&hold(2, &["prod"], &["a"]), &never).unwrap();
    }

    #[test]
    fn what_a_run_that_is_over_held_is_let_go() {
        let (_dir, store) = store();
        for number in 1..=3 {
            store.hold(&hold(number, &[&format!("host-{number}")], &[]), &never).unwrap();
        }
        let over = |seen: &RunId| *seen != run(3);
        assert!(matches!(store.hold(&hold(4, &["host-1", "host-3"], &[]), &over), Err(ClaimError::Held(other, _)) if other == run(3)));
        store.hold(&hold(4, &["host-1", "host-2"], &[]), &over).unwrap();
        assert_eq!(store.holds().unwrap(), [hold(3, &["host-3"], &[]), hold(4, &["host-1", "host-2"], &[])]);
    }

    #[test]
    fn of_many_that_want_the_same_one_gets_it() {
        let (_dir, store) = store();
        for round in 0..10 {
            let won: Vec<usize> = std::thread::scope(|scope| {
                let take = |number: usize| {
                    let store = ClaimStore::furnish(store.dir()).unwrap();
                    // In a ring, so that each meets two others and none all.
                    let (own, next) = (format!("h{number}"), format!("h{}", (number + 1) % 4));
                    scope.spawn(move || match store.hold(&hold(number, &[&next, &own], &["apps"]), &never) {
                        Ok(()) => Some(number),
                        Err(ClaimError::Held(..)) => None,
                        Err(error) => panic!("{error}"),
                    })
                };
                let threads = [0, 1, 2, 3].map(take);
                threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(won.len(), 1, "round {round}");
            assert_eq!(store.holds().unwrap().len(), 1);
            store.release(&run(won[0])).unwrap();
        }
    }

    #[test]
    fn a_damaged_hold_is_never_none() {
        let (_dir, store) = store();
        store.hold(&hold(1, &["prod"], &["a"]), &never).unwrap();
        let path = store.dir().join(HOLDS).join(run(1).as_str());
        every_flip(&path, || {
            assert!(matches!(store.holds(), Err(ClaimError::Record(..))));
            for number in [1, 2] {
                assert!(matches!(store.hold(&hold(number, &["lab"], &[]), &never), Err(ClaimError::Record(..))));
            }
        });
        fs::copy(&path, path.with_file_name(run(2).as_str())).unwrap();
        assert!(matches!(store.holds(), Err(ClaimError::Record(..))), "a copy is about another run");
        // Its own run lets go of it, and so does whoever knows that it is over.
        store.release(&run(2)).unwrap();
        fs::write(&path, "").unwrap();
        store.hold(&hold(3, &["prod"], &[]), &|seen| *seen == run(1)).unwrap();
        fs::write(path.with_file_name("notes.txt"), "").unwrap();
        assert!(matches!(store.hold(&hold(3, &["prod"], &[]), &never), Err(ClaimError::Stray(_))));
        fs::remove_dir_all(store.dir().join(HOLDS)).unwrap();
        assert!(store.holds().is_err() && store.hold(&hold(1, &[], &[]), &never).is_err() && store.release(&run(1)).is_err());
    }

    #[test]
    fn holds_are_bounded_and_the_widest_fits() {
        let (_dir, store) = store();
        let long = |at: usize| format!("{at:03}/{}/{}", "x".repeat(250), "y".repeat(250));
        let paths: Vec<String> = (0..HOLD_PATHS_MAX).map(long).collect();
        let targets: Vec<String> = (0..HOLD_TARGETS_MAX).map(|at| format!("{at:060}")).collect();
        let (paths, targets): (Vec<&str>, Vec<&str>) = (paths.iter().map(String::as_str).collect(), targets.iter().map(String::as_str).collect());
        store.hold(&hold(1, &targets, &paths), &never).unwrap();
        assert!(matches!(store.hold(&hold(1, &[], &["one-more"]), &never), Err(ClaimError::Wide(_))));
        assert!(matches!(store.hold(&hold(1, &["one-more"], &[]), &never), Err(ClaimError::Wide(_))));
        assert_eq!(store.holds().unwrap(), [hold(1, &targets, &paths)]);
        for number in 2..=HOLDS_MAX {
            fs::write(store.dir().join(HOLDS).join(run(number).as_str()), encode(&hold(number, &[], &[])).unwrap()).unwrap();
        }
        assert_eq!(store.holds().unwrap().len(), HOLDS_MAX);
        assert!(matches!(store.hold(&hold(HOLDS_MAX + 1, &["lab"], &[]), &never), Err(ClaimError::Full(_, HOLDS_MAX))));
        store.hold(&hold(HOLDS_MAX + 1, &["lab"], &[]), &|seen| *seen == run(7)).unwrap();
    }
}
