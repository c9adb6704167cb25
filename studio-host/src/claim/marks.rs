//! What stops runs without a word to them: a freeze, until it is taken away, and marks to stop at.

use super::ClaimError;
use super::process::Moment;
use super::record::{Record, WHY_CHARS_MAX};
use super::store::ClaimStore;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use studio_core::name::RunId;
use studio_core::text::one_line;

/// The file of a freeze.
const FREEZE: &str = "freeze";
/// The folder of marks.
const STOPS: &str = "stops";
/// The folder of cancelled runs.
const CANCELS: &str = "cancels";
/// The mark for all runs; no run is called so.
const ALL: &str = "all";
/// Characters of a name that are kept.
const BY_CHARS_MAX: usize = 80;

/// Nothing new is to begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Why, on one line.
    pub why: String,
    /// Who says so.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// A run, or all, was to stop at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stop {
    run: Option<RunId>,
    at: Moment,
}

/// A run is given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    run: RunId,
}

impl Record for Cancel {
    fn is_of(&self, name: &str) -> bool {
        self.run.as_str() == name
    }
}

impl ClaimStore {
    /// Freezes everything, on disk when this returns; a freeze that stands is replaced.
    ///
    /// # Errors
    /// The disk fails: then it may be frozen or not.
    pub fn freeze(&self, freeze: &Freeze) -> Result<(), ClaimError> {
        let Freeze { why, by, at } = freeze;
        self.top().put(FREEZE, &Freeze { why: one_line(why, WHY_CHARS_MAX), by: one_line(by, BY_CHARS_MAX), at: *at })
    }

    /// Takes the freeze away, also one that cannot be read.
    ///
    /// # Errors
    /// The disk fails: then it may be frozen or not.
    pub fn thaw(&self) -> Result<(), ClaimError> {
        self.top().remove(FREEZE)
    }

    /// Returns the freeze that stands.
    ///
    /// # Errors
    /// Nobody can say: that is as good as frozen.
    pub fn frozen(&self) -> Result<Option<Freeze>, ClaimError> {
        self.top().get(FREEZE)
    }

    /// Marks that a run, or each one, is to stop; on disk when this returns.
    ///
    /// # Errors
    /// The mark may not stand.
    pub fn mark_stop(&self, run: Option<&RunId>, now: &Moment) -> Result<(), ClaimError> {
        let shelf = self.shelf(STOPS);
        let _lock = shelf.lock()?;
        match shelf.get::<Stop>(name(run)) {
            // Of two at once the later one stands, whoever is first.
            Ok(Some(stop)) if stop.at.boot == now.boot && stop.at.boot_ms >= now.boot_ms => shelf.settle(),
            // One that cannot be read was left before this one.
            Ok(_) | Err(ClaimError::Record(..)) => shelf.put(name(run), &Stop { run: run.cloned(), at: now.clone() }),
            Err(error) => Err(error),
        }
    }

    /// Marks that a run is cancelled: whatever of it may be killed is, by whoever attends to it.
    ///
    /// # Errors
    /// The mark may not stand.
    pub fn mark_cancel(&self, run: &RunId) -> Result<(), ClaimError> {
        self.shelf(CANCELS).put(run.as_str(), &Cancel { run: run.clone() })
    }

    /// Says whether a run is cancelled.
    ///
    /// # Errors
    /// Nobody can say: then nothing of it may begin, and nothing is killed.
    pub fn is_cancelled(&self, run: &RunId) -> Result<bool, ClaimError> {
        Ok(self.shelf(CANCELS).get::<Cancel>(run.as_str())?.is_some())
    }

    /// Says whether a run, or each one, was told to stop at `since` or later.
    ///
    /// # Errors
    /// Nobody can say: that is as good as stopped.
    pub fn stopped(&self, run: &RunId, since: &Moment) -> Result<bool, ClaimError> {
        for name in [run.as_str(), ALL] {
            if self.shelf(STOPS).get::<Stop>(name)?.is_some_and(|stop| stop.is_since(since)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Stop {
    fn is_since(&self, since: &Moment) -> bool {
        if self.at.boot == since.boot { self.at.boot_ms >= since.boot_ms } else { self.at.wall >= since.wall }
    }
}

impl Record for Freeze {
    fn is_of(&self, name: &str) -> bool {
        name == FREEZE
    }
}

impl Record for Stop {
    fn is_of(&self, about: &str) -> bool {
        name(self.run.as_ref()) == about
    }
}

fn name(run: Option<&RunId>) -> &str {
    run.map_or(ALL, RunId::as_str)
}

#[cfg(test)]
mod tests {
    use super::super::tests::every_flip;
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn store() -> (TempDir, ClaimStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::furnish(&dir.path().join("store")).unwrap();
        (dir, store)
    }

    fn run(number: u32) -> RunId {
        format!("20261122-101112-add-node-{number:04x}").as_str().try_into().unwrap()
    }

    fn moment(boot: &str, boot_ms: u64, wall: &str) -> Moment {
        Moment { wall: wall.parse().unwrap(), boot: boot.into(), boot_ms }
    }

    #[test]
    fn a_freeze_stands_until_it_is_taken_away() {
        let (_dir, store) = store();
        assert_eq!(store.frozen().unwrap(), None);
        let mut freeze = Freeze { why: "the\nrouter is \u{202e}down".into(), by: "x".repeat(500), at: Timestamp::UNIX_EPOCH };
        store.freeze(&freeze).unwrap();
        let seen = ClaimStore::furnish(store.dir()).unwrap().frozen().unwrap().unwrap();
        assert_eq!((seen.why.as_str(), seen.by.chars().count()), ("the router is \\u{202e}down", BY_CHARS_MAX + 1));
        freeze.why = "a holiday".into();
        store.freeze(&freeze).unwrap();
        assert_eq!(store.frozen().unwrap().unwrap().why, "a holiday");
        store.thaw().unwrap();
        store.thaw().unwrap();
        assert_eq!(store.frozen().unwrap(), None);
    }

    #[test]
    fn a_damaged_freeze_or_store_is_never_none() {
        let (_dir, store) = store();
        store.freeze(&Freeze { why: "w".into(), by: "b".into(), at: Timestamp::UNIX_EPOCH }).unwrap();
        let path = store.dir().join(FREEZE);
        every_flip(&path, || assert!(matches!(store.frozen(), Err(ClaimError::Record(..)))));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(store.frozen().is_err());
        fs::remove_dir(&path).unwrap();
        std::os::unix::fs::symlink("/nowhere", &path).unwrap();
        assert!(store.frozen().is_err());
        store.thaw().unwrap();
        fs::remove_file(store.dir().join("store")).unwrap();
        assert!(store.frozen().is_err() && store.thaw().is_err());
    }

    #[test]
    fn a_stop_reaches_what_began_before_it_or_with_it() {
        let (_dir, store) = store();
        let at = moment("b", 1000, "2026-11-22T12:00:00Z");
        let stopped = |number, since: &Moment| store.stopped(&run(number), since).unwrap();
        assert!(!stopped(1, &at));
        store.mark_stop(Some(&run(1)), &at).unwrap();
        // The wall clock is not asked in the same boot, and is all there is in another.
        for (since, expected) in [
            (moment("b", 999, "2030-01-01T00:00:00Z"), true),
            (moment("b", 1000, "2030-01-01T00:00:00Z"), true),
            (moment("b", 1001, "2020-01-01T00:00:00Z"), false),
            (moment("c", 1, "2026-11-22T11:59:59Z"), true),
            (moment("c", 9999, "2026-11-22T12:00:00Z"), true),
            (moment("c", 1, "2026-11-22T12:00:01Z"), false),
        ] {
            assert_eq!(stopped(1, &since), expected, "{since:?}");
            assert!(!stopped(2, &since));
        }
        store.mark_stop(None, &moment("b", 2000, "2026-11-22T12:00:01Z")).unwrap();
        let since = moment("b", 1500, "2026-11-22T12:00:01Z");
        assert!(stopped(1, &since) && stopped(2, &since));
    }

    #[test]
    fn the_latest_mark_stands() {
        let (_dir, store) = store();
        let wall = "2026-11-22T12:00:00Z";
        let since = moment("b", 15, wall);
        for (at, expected) in [(10, false), (20, true), (5, true)] {
            store.mark_stop(None, &moment("b", at, wall)).unwrap();
            assert_eq!(store.stopped(&run(1), &since).unwrap(), expected, "after {at}");
        }
        store.mark_stop(None, &moment("c", 1, wall)).unwrap();
        assert!(!store.stopped(&run(1), &moment("c", 2, wall)).unwrap() && store.stopped(&run(1), &moment("c", 1, wall)).unwrap());
    }

    #[test]
    fn a_damaged_mark_is_never_none_and_a_later_one_mends_it() {
        let (_dir, store) = store();
        let at = moment("b", 10, "2026-11-22T12:00:00Z");
        for (marked, file) in [(Some(run(1)), run(1).as_str().to_string()), (None, ALL.to_string())] {
            store.mark_stop(marked.as_ref(), &at).unwrap();
            let path = store.dir().join(STOPS).join(file);
            let after = moment("b", 11, "2026-11-22T12:00:01Z");
            every_flip(&path, || assert!(matches!(store.stopped(&run(1), &after), Err(ClaimError::Record(..)))));
            fs::write(&path, "").unwrap();
            store.mark_stop(marked.as_ref(), &at).unwrap();
            assert!(!store.stopped(&run(1), &after).unwrap() && store.stopped(&run(1), &at).unwrap());
        }
        fs::copy(store.dir().join(STOPS).join(ALL), store.dir().join(STOPS).join(run(2).as_str())).unwrap();
        assert!(store.stopped(&run(2), &at).is_err());
        fs::remove_dir_all(store.dir().join(STOPS)).unwrap();
        assert!(store.stopped(&run(1), &at).is_err() && store.mark_stop(None, &at).is_err());
    }
}
