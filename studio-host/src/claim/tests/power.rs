//! The power is cut before every write of a claim.

use super::super::disk::Disk;
use super::super::ledger::{self, Names, bury, close, settle, stand};
use super::super::look::{Evidence, Finding, Stream, judge};
use super::super::process::Process;
use super::super::record::{Begun, Claim, Ended, Exit, Output, Tombstone, decode, encode};
use super::lab::op;
use super::model::{Kept, Model};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use studio_core::name::Digest;

/// How far a shim came, as somebody would know who saw everything.
#[derive(Default, Clone, Copy)]
struct Truth {
    started: bool,
    ended: bool,
    closed: bool,
}

fn names() -> Names {
    Names::of(Path::new("/claims"), &op(1))
}

fn begun() -> Claim {
    let process = Process { pid: 1, start: 1 };
    Claim::Begun(Begun { op: op(1), epoch: 1, effect: Digest::zero(), expires: None, shim: process, second: process, boot: "b".into(), session: 1 })
}

fn ended() -> Exit {
    let none = Output { bytes: 0, sha256: Digest::zero() };
    Exit::Ended(Ended { op: op(1), exit: Some(0), signal: None, at: jiff::Timestamp::UNIX_EPOCH, out: none.clone(), err: none })
}

/// Everything that a shim does to the disk, in its order.
fn life(disk: &Model, truth: &mut Truth) -> io::Result<()> {
    let (names, draft) = (names(), names().folder().join("a.tmp"));
    let file = disk.create(&draft)?;
    if !stand(disk, &names, &draft, &file, &encode(&begun()).unwrap())? {
        return Ok(());
    }
    if let Err(error) = settle(disk, &names, &draft) {
        let never = Exit::Never(Tombstone::new(&op(1), &error.to_string(), jiff::Timestamp::UNIX_EPOCH));
        return close(disk, &names, "b", &encode(&never).unwrap());
    }
    truth.started = true;
    truth.ended = true;
    close(disk, &names, "b", &encode(&ended()).unwrap())?;
    truth.closed = true;
    Ok(())
}

/// Looks at what a cut left, when all locks are gone.
fn find(files: &BTreeMap<PathBuf, Vec<u8>>) -> Finding {
    let names = names();
    judge(Evidence {
        claim: files.get(&names.claim()).map(|bytes| decode(bytes, names.op()).map_err(|error| error.to_string())),
        held: false,
        exit: files.get(&names.exit()).map(|bytes| decode(bytes, names.op()).map_err(|error| error.to_string())),
        output: Stream::ALL.iter().any(|stream| files.contains_key(&names.stream(*stream))),
        store: Ok(()),
    })
}

fn check(finding: &Finding, truth: Truth, case: &str) {
    match finding {
        Finding::NeverBegan => assert!(!truth.started, "{case}: it was started, and never began"),
        Finding::Ended(_) => assert!(truth.ended, "{case}: it ended, and nobody saw it"),
        Finding::Tombstone(_) => assert!(!truth.started, "{case}: it was started, and is said not to have been"),
        Finding::Unknown(why) => assert!(!truth.closed, "{case}: its end was on disk: {why}"),
        Finding::Held(_) => panic!("{case}: a cut holds no lock"),
    }
}

#[test]
fn a_power_cut_anywhere_leaves_a_true_account() {
    let whole = Model::default();
    life(&whole, &mut Truth::default()).unwrap();
    let ops = whole.ops();
    assert!(ops >= 12, "{ops}");
    let (mut cases, mut seen) = (0, [0; 4]);
    for cut in 1..=ops + 1 {
        let (disk, mut truth) = (Model::default().cut_at(cut), Truth::default());
        let _cut = life(&disk, &mut truth);
        for kept in disk.cuts() {
            let finding = find(&disk.after(kept));
            check(&finding, truth, &format!("cut at {cut}, {kept:?}"));
            cases += 1;
            seen[match finding {
                Finding::NeverBegan => 0,
                Finding::Unknown(_) => 1,
                Finding::Ended(_) => 2,
                Finding::Held(_) | Finding::Tombstone(_) => 3,
            }] += 1;
        }
    }
    assert!(cases > 50 && seen[0] > 0 && seen[1] > 0 && seen[2] > 0, "{cases} {seen:?}");
}

#[test]
fn a_claim_that_a_cut_took_back_is_made_again() {
    let ops = 9;
    for cut in 1..ops {
        let (disk, mut truth) = (Model::default().cut_at(cut), Truth::default());
        let _cut = life(&disk, &mut truth);
        for kept in disk.cuts() {
            let files = disk.after(kept);
            if truth.started || !matches!(find(&files), Finding::NeverBegan) {
                continue;
            }
            let undrafted = files.into_iter().filter(|(path, _)| path.extension().is_none_or(|end| end != "tmp"));
            let (again, mut second) = (Model::with(undrafted), Truth::default());
            life(&again, &mut second).unwrap();
            assert!(second.closed && matches!(find(&again.now()), Finding::Ended(_)), "cut at {cut}, {kept:?}");
        }
    }
}

#[test]
fn a_disk_that_fails_anywhere_leaves_a_true_account() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        for fault in 1..=20 {
            let (disk, mut truth) = (Model::default().fail_at(fault, kind), Truth::default());
            let _failed = life(&disk, &mut truth);
            check(&find(&disk.now()), truth, &format!("{kind} at {fault}"));
            check(&find(&disk.after(Kept { names: 0, percent: 0 })), truth, &format!("{kind} at {fault}, then a cut"));
        }
    }
}

#[test]
fn a_tombstone_stands_whole_or_not_at_all() {
    let text = encode(&Claim::Tombstone(Tombstone::new(&op(1), "denied", jiff::Timestamp::UNIX_EPOCH))).unwrap();
    for cut in 1..=7 {
        let disk = Model::default().cut_at(cut);
        let buried = bury(&disk, &names(), "t", &text);
        for kept in disk.cuts() {
            match find(&disk.after(kept)) {
                Finding::NeverBegan => assert!(buried.is_err(), "cut at {cut}"),
                Finding::Tombstone(why) => assert_eq!(why, "denied"),
                Finding::Unknown(_) | Finding::Held(_) | Finding::Ended(_) => panic!("cut at {cut}"),
            }
        }
    }
    let disk = Model::default();
    assert!(bury(&disk, &names(), "t", &text).unwrap());
    let mut truth = Truth::default();
    life(&disk, &mut truth).unwrap();
    assert!(!truth.started && matches!(find(&disk.now()), Finding::Tombstone(_)));
    assert!(!ledger::bury(&disk, &names(), "u", &text).unwrap());
}
