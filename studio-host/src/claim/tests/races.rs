//! Two at once: one op, one run, one store.

use super::super::{Answer, ClaimError, ClaimStore, Look};
use super::lab::{Lab, RUN, entry, op};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn of_two_shims_one_wins() {
    let lab = Lab::new();
    for step in 1..=50 {
        let order = lab.order(&op(step), "echo \"$OP\" >> effects");
        let mut shims = [lab.store.start(&entry(), &order).unwrap(), lab.store.start(&entry(), &order).unwrap()];
        let mut answers = [shims[0].answer().unwrap(), shims[1].answer().unwrap()];
        answers.sort_by_key(|answer| *answer == Answer::Taken);
        assert_eq!(answers, [Answer::Claimed, Answer::Taken]);
        shims.into_iter().for_each(|shim| shim.end().unwrap());
        assert!(matches!(lab.wait(&op(step)), Look::Ended(seen) if seen.ended.exit == Some(0)));
        assert_eq!(lab.effects(&op(step)), 1);
    }
    assert!(lab.leftovers().is_empty());
}

#[test]
fn of_a_tombstone_and_a_shim_one_wins() {
    let lab = Lab::new();
    for step in 1..=10 {
        let mut shim = lab.store.start(&entry(), &lab.order(&op(step), "echo \"$OP\" >> effects")).unwrap();
        let buried = lab.store.bury(&op(step), "given up", jiff::Timestamp::UNIX_EPOCH);
        let answer = shim.answer().unwrap();
        shim.end().unwrap();
        assert_eq!(buried.is_ok(), answer == Answer::Taken);
        assert_eq!(lab.effects(&op(step)), usize::from(buried.is_err()));
    }
}

#[test]
fn an_overtaken_life_begins_nothing() {
    let lab = Lab::new();
    let run = RUN.try_into().unwrap();
    for epoch in [1, 2, 2, 5] {
        lab.store.raise(&run, epoch).unwrap();
    }
    assert!(matches!(lab.store.raise(&run, 4), Err(ClaimError::Overtaken(_, 5, 4))));
    lab.store.raise(&"20261122-101112-other-0a1f".try_into().unwrap(), 1).unwrap();
    let again = ClaimStore::open_anywhere(lab.store.dir(), &entry()).unwrap();
    assert!(matches!(again.raise(&run, 4), Err(ClaimError::Overtaken(..))));
    std::thread::scope(|scope| {
        for epoch in 6..14 {
            let (store, run) = (&again, &run);
            scope.spawn(move || match store.raise(run, epoch) {
                Ok(()) | Err(ClaimError::Overtaken(..)) => {}
                Err(error) => panic!("{error}"),
            });
        }
    });
    assert!(matches!(again.raise(&run, 12), Err(ClaimError::Overtaken(_, 13, 12))));
}

#[test]
fn a_store_is_made_once_and_kept_to_its_user() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("a/b/store");
    let ids: Vec<_> = std::thread::scope(|scope| {
        let open = || ClaimStore::open_anywhere(&place, &entry()).unwrap().id().clone();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o700);
    fs::set_permissions(&place, fs::Permissions::from_mode(0o750)).unwrap();
    assert!(matches!(ClaimStore::open_anywhere(&place, &entry()), Err(ClaimError::Open(_))));
    std::os::unix::fs::symlink(&place, dir.path().join("link")).unwrap();
    assert!(matches!(ClaimStore::open_anywhere(&dir.path().join("link"), &entry()), Err(ClaimError::Open(_))));
}

#[test]
fn a_real_store_needs_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    match ClaimStore::open(&dir.path().join("store"), &entry()) {
        Ok(store) => assert_eq!(store.look(&op(1), store.id()), Look::NeverBegan),
        Err(ClaimError::Ground(_, name)) => eprintln!("skipped: temporary files are on {name} here"),
        Err(error) => panic!("{error}"),
    }
    let shm = std::path::Path::new("/dev/shm");
    match tempfile::tempdir_in(shm).map(|dir| ClaimStore::open(&dir.path().join("store"), &entry())) {
        Ok(Err(ClaimError::Ground(_, "tmpfs"))) => {}
        other => eprintln!("skipped: {shm:?} is no tmpfs here: {other:?}"),
    }
}
