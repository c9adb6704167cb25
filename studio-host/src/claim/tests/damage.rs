//! Files of a store, changed behind its back.

use super::super::{Answer, ClaimError, Look, Stream};
use super::lab::{Lab, RUN, op};
use std::fs;

#[test]
fn a_damaged_record_is_never_read_as_none() {
    let lab = Lab::new();
    let (shim, answer) = lab.start(&op(1), "echo hello");
    assert_eq!(answer, Answer::Claimed);
    shim.end().unwrap();
    let names = lab.store.names(&op(1));
    for path in [names.claim(), names.exit()] {
        let sound = fs::read(&path).unwrap();
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] = bytes[at].wrapping_add(1);
            fs::write(&path, &bytes).unwrap();
            assert!(matches!(lab.look(&op(1)), Look::Unknown(_)), "byte {at} of {path:?}");
        }
        for cut in [0, 1, sound.len() - 1] {
            fs::write(&path, &sound[..cut]).unwrap();
            assert!(matches!(lab.look(&op(1)), Look::Unknown(_)), "{path:?} cut at {cut}");
        }
        fs::write(&path, &sound).unwrap();
        assert!(matches!(lab.look(&op(1)), Look::Ended(_)));
    }
    // Another op's record, or a claim that somebody removed, is no evidence of nothing either.
    fs::copy(names.claim(), lab.store.names(&op(2)).claim()).unwrap();
    assert!(matches!(lab.look(&op(2)), Look::Unknown(why) if why.contains("not about")));
    fs::remove_file(names.claim()).unwrap();
    assert!(matches!(lab.look(&op(1)), Look::Unknown(_)));
    fs::remove_file(names.exit()).unwrap();
    assert!(matches!(lab.look(&op(1)), Look::Unknown(_)));
}

#[test]
fn a_changed_output_is_not_handed_out() {
    let lab = Lab::new();
    lab.start(&op(1), "echo hello").0.end().unwrap();
    let Look::Ended(seen) = lab.look(&op(1)) else { panic!() };
    assert_eq!(seen.read(Stream::Out, 4).unwrap().0, b"hell");
    for other in ["hellO\n", "hello", ""] {
        fs::write(&seen.out, other).unwrap();
        assert!(seen.read(Stream::Out, 4).is_err(), "{other:?}");
    }
    // What a process that was left behind added is handed out too.
    fs::write(&seen.out, "hello\nlater\n").unwrap();
    assert_eq!(seen.read(Stream::Out, 100).unwrap(), (b"hello\nlater\n".to_vec(), 12));
    assert_eq!(seen.read(Stream::Out, 8).unwrap(), (b"hello\nla".to_vec(), 12));
    fs::remove_file(&seen.out).unwrap();
    assert!(seen.read(Stream::Out, 4).is_err() && seen.read(Stream::Err, 4).unwrap().0.is_empty());
}

#[test]
fn a_damaged_epoch_or_label_stops_everything() {
    let lab = Lab::new();
    let run = RUN.try_into().unwrap();
    lab.store.raise(&run, 1).unwrap();
    let epoch = lab.store.dir().join("epochs").join(RUN);
    let sound = fs::read(&epoch).unwrap();
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        fs::write(&epoch, bytes).unwrap();
        assert!(matches!(lab.store.raise(&run, 9), Err(ClaimError::Record(..))), "byte {at}");
    }
    fs::write(lab.store.dir().join("store"), "").unwrap();
    assert!(matches!(lab.look(&op(1)), Look::Unknown(_)));
}
