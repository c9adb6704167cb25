//! How far each run's journal came, kept outside the repository, and a seal on it that only this store makes.

use super::ClaimError;
use super::process::random;
use super::record::Record;
use super::shelf;
use super::store::ClaimStore;
use serde::{Deserialize, Serialize};
use std::io;
use studio_core::name::{Digest, RunId};
use studio_core::step::Op;

/// The folder of anchors.
const ANCHORS: &str = "anchors";
/// The file of the key.
const KEY: &str = "seal.key";

/// The last line of a journal that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Its number.
    pub n: u64,
    /// Its hash.
    pub head: Digest,
}

/// The record of an anchor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Anchored {
    run: RunId,
    anchor: Anchor,
}

/// What seals are made with. It is never shown.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key: [u8; 32],
}

impl ClaimStore {
    /// Remembers how far a run's journal came, and returns the seal on it. A journal that was rewritten and then
    /// went on past its anchor is found by the seals in it, not here. A power cut may take the last anchor back
    /// to the one before, which is as true.
    ///
    /// # Errors
    /// More of it, or another one, was seen; or what was seen cannot be read: then nothing may begin.
    pub fn anchor(&self, run: &RunId, n: u64, head: &Digest) -> Result<Digest, ClaimError> {
        let seal = self.seal(run, n, head)?;
        let shelf = self.shelf(ANCHORS);
        // One lock a run: others need not wait for its disk.
        let _lock = shelf.lock_of(&format!("{run}.lock"))?;
        match self.anchored(run)? {
            Some(seen) if seen.n > n => return Err(ClaimError::SetBack(run.clone(), seen.n, n)),
            Some(seen) if seen.n == n && seen.head != *head => return Err(ClaimError::Rewritten(run.clone(), n)),
            Some(seen) if seen.n == n => {}
            Some(_) | None => shelf.put_soon(run.as_str(), &Anchored { run: run.clone(), anchor: Anchor { n, head: head.clone() } })?,
        }
        Ok(seal)
    }

    /// Forgets how far a run's journal came: it was set back, and somebody goes on with it all the same.
    ///
    /// # Errors
    /// The disk fails.
    pub fn weigh_anchor(&self, run: &RunId) -> Result<(), ClaimError> {
        self.shelf(ANCHORS).remove(run.as_str())
    }

    /// Returns the seal on a line of a run's journal.
    ///
    /// # Errors
    /// The store's key cannot be read.
    pub fn seal(&self, run: &RunId, n: u64, head: &Digest) -> Result<Digest, ClaimError> {
        let path = self.dir().join(KEY);
        let key: Option<Key> = self.top().get(KEY)?;
        let Key { key } = key.ok_or_else(|| ClaimError::Disk { act: "find", path, source: io::ErrorKind::NotFound.into() })?;
        // No name and no number holds the end of a line.
        Ok(Digest::keyed(&key, format!("anchor\n{run}\n{n}\n{head}\n").as_bytes()))
    }

    /// Returns the seal on an outcome: on the line before it, the op, and how that ended.
    ///
    /// # Errors
    /// The store's key cannot be read.
    pub fn seal_outcome(&self, op: &Op, n: u64, head: &Digest, exit: Option<i32>) -> Result<Digest, ClaimError> {
        let exit = exit.map_or_else(|| "none".into(), |exit| exit.to_string());
        let line = self.seal(&op.run, n, head)?;
        self.seal(&op.run, n, &Digest::blake3(format!("outcome\n{op}\n{exit}\n{line}\n").as_bytes()))
    }

    /// Returns how far a run's journal was seen to come; none if it never was.
    ///
    /// # Errors
    /// It cannot be read, which is no sign that it never was.
    pub fn anchored(&self, run: &RunId) -> Result<Option<Anchor>, ClaimError> {
        Ok(self.shelf(ANCHORS).get::<Anchored>(run.as_str())?.map(|seen| seen.anchor))
    }

    /// Makes the key of a store that has none.
    pub(super) fn make_key(&self) -> Result<(), ClaimError> {
        match shelf::once(self.dir(), KEY, || Ok(Key { key: random()? })) {
            // Only seals need it: a freeze, a stop and a look at claims must not fail for it.
            Ok(_) | Err(ClaimError::Record(..)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Record for Anchored {
    fn is_of(&self, name: &str) -> bool {
        self.run.as_str() == name
    }
}

impl Record for Key {
    fn is_of(&self, name: &str) -> bool {
        name == KEY
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::Moment;
    use super::super::tests::every_flip;
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    fn store() -> (TempDir, ClaimStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::furnish(&dir.path().join("store")).unwrap();
        (dir, store)
    }

    fn run(number: u32) -> RunId {
        format!("20261122-101112-add-node-{number:04x}").as_str().try_into().unwrap()
    }

    fn head(text: &str) -> Digest {
        Digest::blake3(text.as_bytes())
    }

    #[test]
    fn a_journal_goes_on_and_never_back() {
        let (_dir, store) = store();
        assert_eq!(store.anchored(&run(1)).unwrap(), None);
        for n in [0, 7, 12, 12] {
            let seal = store.anchor(&run(1), n, &head("a")).unwrap();
            assert_eq!(seal, store.seal(&run(1), n, &head("a")).unwrap());
        }
        let error = store.anchor(&run(1), 9, &head("a")).unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with(&format!("the journal of run {} was set back: n 12 was seen, this is n 9", run(1))), "{said}");
        assert!(matches!(store.anchor(&run(1), 12, &head("b")), Err(ClaimError::Rewritten(_, 12))));
        let again = ClaimStore::furnish(store.dir()).unwrap();
        assert_eq!(again.anchored(&run(1)).unwrap(), Some(Anchor { n: 12, head: head("a") }));
        again.anchor(&run(2), 1, &head("b")).unwrap();
        again.anchor(&run(1), 13, &head("b")).unwrap();
    }

    #[test]
    fn of_two_at_once_the_one_that_came_further_stands() {
        let (_dir, store) = store();
        std::thread::scope(|scope| {
            for n in 0..16 {
                let store = store.clone();
                scope.spawn(move || match store.anchor(&run(1), n, &head("a")) {
                    Ok(_) | Err(ClaimError::SetBack(..)) => {}
                    Err(error) => panic!("{error}"),
                });
            }
        });
        assert_eq!(store.anchored(&run(1)).unwrap().unwrap().n, 15);
    }

    #[test]
    fn a_seal_is_of_one_line_one_run_and_one_store() {
        let (_dir, store) = store();
        let seal = store.seal(&run(1), 12, &head("a")).unwrap();
        assert_eq!(ClaimStore::furnish(store.dir()).unwrap().seal(&run(1), 12, &head("a")).unwrap(), seal);
        assert_eq!(store.anchored(&run(1)).unwrap(), None, "a seal stores nothing");
        let (_other_dir, other) = self::store();
        for another in [
            store.seal(&run(2), 12, &head("a")),
            store.seal(&run(1), 1, &head("a")),
            store.seal(&run(1), 12, &head("b")),
            other.seal(&run(1), 12, &head("a")),
        ] {
            assert_ne!(another.unwrap(), seal);
        }
        assert_eq!(fs::metadata(store.dir().join(KEY)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_is_made_once_by_whoever_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("store");
        let seals: Vec<Digest> = std::thread::scope(|scope| {
            let open = || ClaimStore::furnish(&place).unwrap().seal(&run(1), 1, &head("a")).unwrap();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(seals.iter().all(|seal| *seal == seals[0]));
    }

    #[test]
    fn damage_is_never_none() {
        let (_dir, store) = store();
        store.anchor(&run(1), 12, &head("a")).unwrap();
        let path = store.dir().join(ANCHORS).join(run(1).as_str());
        every_flip(&path, || {
            assert!(matches!(store.anchored(&run(1)), Err(ClaimError::Record(..))));
            assert!(matches!(store.anchor(&run(1), 13, &head("b")), Err(ClaimError::Record(..))));
        });
        fs::copy(&path, path.with_file_name(run(2).as_str())).unwrap();
        assert!(matches!(store.anchored(&run(2)), Err(ClaimError::Record(..))));
        let key = store.dir().join(KEY);
        every_flip(&key, || {
            assert!(matches!(store.seal(&run(1), 12, &head("a")), Err(ClaimError::Record(..))));
            let again = ClaimStore::furnish(store.dir()).unwrap();
            assert!(again.anchor(&run(1), 13, &head("b")).is_err(), "a key is never made anew over a damaged one");
            again.stopped(&run(1), &Moment { wall: jiff::Timestamp::UNIX_EPOCH, boot: "b".into(), boot_ms: 1 }).unwrap();
        });
        fs::remove_file(&key).unwrap();
        assert!(store.seal(&run(1), 12, &head("a")).is_err() && store.anchor(&run(1), 13, &head("b")).is_err());
        fs::remove_dir_all(store.dir().join(ANCHORS)).unwrap();
        assert!(store.anchored(&run(1)).is_err());
    }
}
