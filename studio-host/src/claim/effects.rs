//! Which ops have the same effect for the same ticket: noted before they begin, so that none begins unseen.

use super::ClaimError;
use super::disk::OsDisk;
use super::ledger;
use super::process::nonce;
use super::record::{Record, RecordError, encode};
use super::store::ClaimStore;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use studio_core::limits::EFFECTS_MAX;
use studio_core::name::Digest;
use studio_core::step::Op;

/// The folder of effects, with a folder for each key.
const EFFECTS: &str = "effects";

/// An op that is about to have an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effect {
    /// What is the same for all ops with that effect for that ticket.
    pub(super) key: Digest,
    /// The op.
    pub(super) op: Op,
}

impl ClaimStore {
    /// Notes that an op is about to have an effect, on disk when this returns. Of two that note first and
    /// then ask for [`ClaimStore::effects`], at least one sees the other.
    ///
    /// # Errors
    /// What was noted before cannot be read, or is too much: then the op may not begin.
    pub fn note_effect(&self, key: &Digest, op: &Op) -> Result<(), ClaimError> {
        let (above, below) = (self.shelf(EFFECTS), self.shelf(&format!("{EFFECTS}/{key}")));
        let noted = self.effects(key)?;
        if noted.contains(op) {
            return below.settle().and_then(|()| above.settle());
        }
        let path = below.folder().join(op.to_string());
        if noted.len() >= EFFECTS_MAX {
            return Err(ClaimError::Full(below.folder().into(), EFFECTS_MAX));
        }
        let effect = Effect { key: key.clone(), op: op.clone() };
        let text = encode(&effect).map_err(|error| ClaimError::Record(path.clone(), error))?;
        let put = nonce().and_then(|nonce| ledger::put_below(&OsDisk, above.folder(), key.as_str(), &op.to_string(), &nonce, &text));
        put.map_err(|source| ClaimError::Disk { act: "write", path, source })
    }

    /// Returns the ops that were noted for an effect, in order. Whether one of them began, its claim says.
    ///
    /// # Errors
    /// They cannot be read, which is no sign that there are none.
    pub fn effects(&self, key: &Digest) -> Result<Vec<Op>, ClaimError> {
        let below = self.shelf(&format!("{EFFECTS}/{key}"));
        if let Err(source) = fs::symlink_metadata(below.folder()) {
            let path = below.folder().into();
            let missing = source.kind() == io::ErrorKind::NotFound;
            return if missing { self.shelf(EFFECTS).stands().map(|()| Vec::new()) } else { Err(ClaimError::Disk { act: "look at", path, source }) };
        }
        let moved = |effect: &Effect| ClaimError::Record(below.folder().join(effect.op.to_string()), RecordError::Other(key.to_string()));
        let op = |effect: Effect| if effect.key == *key { Ok(effect.op) } else { Err(moved(&effect)) };
        let mut ops = below.all::<Effect>(EFFECTS_MAX)?.into_iter().map(op).collect::<Result<Vec<Op>, ClaimError>>()?;
        ops.sort_unstable();
        Ok(ops)
    }
}

impl Record for Effect {
    fn is_of(&self, name: &str) -> bool {
        self.op.to_string() == name
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{every_flip, op};
    use super::*;
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn store() -> (TempDir, ClaimStore, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::furnish(&dir.path().join("store")).unwrap();
        let folder = store.dir().join(EFFECTS).join(key().as_str());
        (dir, store, folder)
    }

    fn key() -> Digest {
        Digest::blake3(b"the same")
    }

    #[test]
    fn ops_of_one_effect_are_found_in_order_by_any_store() {
        let (_dir, store, folder) = store();
        assert_eq!(store.effects(&key()).unwrap(), []);
        for step in [12, 3, 3, 100] {
            store.note_effect(&key(), &op(step)).unwrap();
        }
        store.note_effect(&Digest::blake3(b"another"), &op(5)).unwrap();
        fs::write(folder.join("x.tmp"), "a draft").unwrap();
        let again = ClaimStore::furnish(store.dir()).unwrap();
        assert_eq!(again.effects(&key()).unwrap(), [op(3), op(12), op(100)]);
        assert_eq!(again.effects(&Digest::blake3(b"another")).unwrap(), [op(5)]);
        assert_eq!(again.effects(&Digest::zero()).unwrap(), []);
    }

    #[test]
    fn of_two_that_note_and_ask_at_least_one_sees_the_other() {
        let (_dir, store, _) = store();
        for round in 0..20 {
            let key = Digest::blake3(&[round]);
            let seen: Vec<usize> = std::thread::scope(|scope| {
                let note = |step| {
                    let (store, key) = (store.clone(), key.clone());
                    scope.spawn(move || store.note_effect(&key, &op(step)).and_then(|()| store.effects(&key)).unwrap().len())
                };
                [note(1), note(2)].map(|thread| thread.join().unwrap()).to_vec()
            });
            assert!(seen.contains(&2), "{seen:?}");
        }
    }

    #[test]
    fn a_damaged_or_moved_note_is_never_none() {
        let (_dir, store, folder) = store();
        store.note_effect(&key(), &op(1)).unwrap();
        let path = folder.join(op(1).to_string());
        every_flip(&path, || {
            assert!(matches!(store.effects(&key()), Err(ClaimError::Record(..))));
            assert!(store.note_effect(&key(), &op(1)).is_err() && store.note_effect(&key(), &op(2)).is_err());
        });
        let other = Digest::blake3(b"another");
        store.note_effect(&other, &op(2)).unwrap();
        fs::copy(&path, store.dir().join(EFFECTS).join(other.as_str()).join(op(1).to_string())).unwrap();
        assert!(matches!(store.effects(&other), Err(ClaimError::Record(_, RecordError::Other(_)))));
        fs::rename(&path, folder.join(op(9).to_string())).unwrap();
        assert!(matches!(store.effects(&key()), Err(ClaimError::Record(_, RecordError::Other(_)))));
        fs::write(folder.join("notes.txt"), "").unwrap();
        assert!(store.effects(&key()).is_err());
    }

    #[test]
    fn a_folder_that_is_gone_or_not_ours_is_never_none() {
        let (dir, store, folder) = store();
        std::os::unix::fs::symlink(dir.path(), &folder).unwrap();
        assert!(store.effects(&key()).is_err() && store.note_effect(&key(), &op(1)).is_err());
        fs::remove_file(&folder).unwrap();
        fs::remove_dir(store.dir().join(EFFECTS)).unwrap();
        assert!(store.effects(&key()).is_err() && store.note_effect(&key(), &op(1)).is_err());
        ClaimStore::furnish(store.dir()).unwrap().note_effect(&key(), &op(1)).unwrap();
        fs::remove_file(store.dir().join("store")).unwrap();
        assert!(store.effects(&Digest::zero()).is_err(), "a store without its id proves nothing");
    }

    #[test]
    fn notes_of_one_effect_are_bounded() {
        let (_dir, store, folder) = store();
        store.note_effect(&key(), &op(1)).unwrap();
        for step in 2..=u32::try_from(EFFECTS_MAX).unwrap() {
            fs::write(folder.join(op(step).to_string()), encode(&Effect { key: key(), op: op(step) }).unwrap()).unwrap();
        }
        assert_eq!(store.effects(&key()).unwrap().len(), EFFECTS_MAX);
        store.note_effect(&key(), &op(1)).unwrap();
        assert!(matches!(store.note_effect(&key(), &op(99_999)), Err(ClaimError::Full(_, EFFECTS_MAX))));
    }
}
