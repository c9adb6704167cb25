//! The power is cut before every write of an effect, a hold and an anchor: each is the old one or the new,
//! and the new one once its write returned.

use super::super::effects::Effect;
use super::super::holds::Hold;
use super::super::ledger::{once, put, put_below};
use super::super::record::{Record, decode, encode};
use super::lab::op;
use super::model::Model;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use studio_core::name::Digest;

const FOLDER: &str = "/store/holds";

fn hold(paths: &[&str]) -> Hold {
    let paths = paths.iter().map(|path| (*path).try_into().unwrap()).collect();
    Hold { run: op(1).run, targets: BTreeSet::new(), paths, place: None }
}

fn find<T: Record>(files: &BTreeMap<PathBuf, Vec<u8>>, path: &Path) -> Option<T> {
    let name = path.file_name().unwrap().to_str().unwrap();
    files.get(path).map(|bytes| decode(bytes, name).unwrap())
}

/// Writes twice under one name, after each of which nothing but that may stand there; cut at every place, and
/// failing at every place.
fn check<T: Record + PartialEq + std::fmt::Debug>(path: &Path, records: [T; 2], write: impl Fn(&Model, &str, &str) -> io::Result<()>) {
    let life = |disk: &Model| {
        let mut written = 0;
        for (record, nonce) in records.iter().zip(["a", "b"]) {
            if write(disk, nonce, &encode(record).unwrap()).is_err() {
                break;
            }
            written += 1;
        }
        written
    };
    let whole = Model::default();
    assert_eq!(life(&whole), 2);
    let (mut cases, mut seen) = (0, BTreeSet::new());
    for at in 1..=whole.ops() + 1 {
        for disk in [Model::default().cut_at(at), Model::default().fail_at(at, io::ErrorKind::StorageFull)] {
            let written = life(&disk);
            let left = disk.cuts().map(|kept| disk.after(kept)).chain([disk.now()]);
            for files in left {
                let stands = find::<T>(&files, path).map_or(0, |found| records.iter().position(|record| *record == found).unwrap() + 1);
                assert!(stands >= written, "at {at}: {written} were written, number {stands} stands there");
                seen.insert(stands);
                cases += 1;
            }
        }
    }
    assert!(cases > 60 && seen == BTreeSet::from([0, 1, 2]), "{cases} {seen:?}");
}

#[test]
fn a_hold_or_anchor_is_the_old_one_or_the_new() {
    let (folder, name) = (Path::new(FOLDER), op(1).run);
    check(&folder.join(name.as_str()), [hold(&["a"]), hold(&["a", "b"])], |disk, nonce, text| put(disk, folder, name.as_str(), nonce, text));
}

#[test]
fn a_write_costs_two_syncs() {
    let disk = Model::default();
    put(&disk, Path::new(FOLDER), op(1).run.as_str(), "a", &encode(&hold(&[])).unwrap()).unwrap();
    assert_eq!(disk.syncs(), 2);
}

#[test]
fn an_effect_is_there_with_its_folder_once_it_is_noted() {
    let (above, key) = (Path::new("/store/effects"), Digest::blake3(b"k"));
    let effects = [op(1), op(1)].map(|op| Effect { key: key.clone(), op });
    let path = above.join(key.as_str()).join(op(1).to_string());
    for at in 1..=20 {
        let disk = Model::default().cut_at(at);
        let [first, again] = &effects;
        let noted = put_below(&disk, above, key.as_str(), &op(1).to_string(), "a", &encode(first).unwrap()).is_ok();
        for kept in disk.cuts() {
            let files = disk.after(kept);
            let found = find::<Effect>(&files, &path);
            assert!(found.is_some() || !noted, "cut at {at}, {kept:?}");
            // Whatever is left, it can be noted again.
            let next = Model::with(files);
            put_below(&next, above, key.as_str(), &op(1).to_string(), "b", &encode(again).unwrap()).unwrap();
            assert!(next.cuts().all(|kept| find::<Effect>(&next.after(kept), &path).is_some()));
        }
    }
}

#[test]
fn what_is_made_once_is_never_changed() {
    let (folder, name) = (Path::new(FOLDER), op(1).run);
    let path = folder.join(name.as_str());
    let (first, second) = (encode(&hold(&["a"])).unwrap(), encode(&hold(&["b"])).unwrap());
    for at in 1..=8 {
        let disk = Model::default().cut_at(at);
        let made = once(&disk, folder, name.as_str(), "a", &first);
        for kept in disk.cuts() {
            let files = disk.after(kept);
            let found = find::<Hold>(&files, &path);
            assert!(found.is_some() || made.is_err(), "cut at {at}, {kept:?}");
            let next = Model::with(files);
            assert_eq!(once(&next, folder, name.as_str(), "b", &second).unwrap(), found.is_none());
            assert_eq!(find::<Hold>(&next.now(), &path), Some(found.unwrap_or_else(|| hold(&["b"]))));
        }
    }
}
