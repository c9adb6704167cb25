//! Every row of what claim, lock and exit record mean, with real processes.

use super::super::{Answer, ClaimError, ClaimStore, Look, Stream};
use super::lab::{Lab, entry, kill, op};
use jiff::Timestamp;
use std::fs;
use std::time::Duration;

#[test]
fn no_claim_means_never_begun_only_in_the_store_that_was_meant() {
    let lab = Lab::new();
    assert_eq!(lab.look(&op(1)), Look::NeverBegan);
    let granted = lab.store.id().clone();
    let dir = lab.store.dir();
    let aside = lab.dir.path().join("aside");
    fs::rename(dir.join("claims"), &aside).unwrap();
    assert!(matches!(lab.look(&op(1)), Look::Unknown(why) if why.contains("is gone")));
    fs::rename(&aside, dir.join("claims")).unwrap();
    fs::rename(dir, &aside).unwrap();
    assert!(matches!(lab.look(&op(1)), Look::Unknown(_)));
    let other = ClaimStore::open_anywhere(dir, &entry()).unwrap();
    assert!(matches!(other.look(&op(1), &granted), Look::Unknown(why) if why.contains("replaced")));
    assert!(matches!(lab.look(&op(1)), Look::Unknown(why) if why.contains("replaced")));
    assert_eq!(other.look(&op(1), other.id()), Look::NeverBegan);
    fs::remove_dir_all(dir).unwrap();
    fs::rename(&aside, dir).unwrap();
    assert_eq!(lab.look(&op(1)), Look::NeverBegan);
}

#[test]
fn a_running_command_is_attached_to_and_waited_for() {
    let lab = Lab::new();
    let (shim, mut go, command) = lab.start_gated(&op(1));
    let begun = lab.claim(&op(1)).unwrap();
    let pid = i32::try_from(shim.pid()).unwrap();
    assert_eq!((begun.shim.pid, begun.session), (pid, begun.second.pid));
    assert_eq!(lab.look(&op(1)), Look::Running { pid });
    assert_eq!(lab.store.wait(&op(1), lab.store.id(), Duration::from_millis(1)).unwrap(), Look::Running { pid });
    assert!(matches!(lab.store.bury(&op(1), "too late", Timestamp::UNIX_EPOCH), Err(ClaimError::Taken(_))));
    go.open("word");
    let Look::Ended(seen) = lab.wait(&op(1)) else { panic!() };
    assert_eq!((seen.ended.exit, seen.ended.signal), (Some(7), None));
    assert_eq!(seen.read(Stream::Out, 100).unwrap().0, b"word\n");
    assert_eq!(seen.read(Stream::Err, 2).unwrap().0, b"no");
    assert!(!command.lives() && lab.leftovers().is_empty());
    shim.end().unwrap();
}

#[test]
fn it_ends_while_nobody_looks() {
    let lab = Lab::new();
    let (shim, mut go, command) = lab.start_gated(&op(1));
    drop(shim);
    let watched = command.watch().unwrap();
    go.open("word");
    drop(watched);
    let again = ClaimStore::open_anywhere(lab.store.dir(), &entry()).unwrap();
    assert_eq!(again.id(), lab.store.id());
    assert!(matches!(again.wait(&op(1), lab.store.id(), super::lab::LONG).unwrap(), Look::Ended(seen) if seen.ended.exit == Some(7)));
}

#[test]
fn what_of_a_run_is_at_work_is_found_without_its_journal() {
    let lab = Lab::new();
    let (shim, mut go, _) = lab.start_gated(&op(1));
    lab.store.bury(&op(2), "given up", Timestamp::UNIX_EPOCH).unwrap();
    let pid = i32::try_from(shim.pid()).unwrap();
    assert_eq!(lab.store.at_work(&op(1).run).unwrap(), [(op(1), Some(pid))]);
    let other = "20261122-101112-add-node-0a10".try_into().unwrap();
    assert_eq!(lab.store.at_work(&other).unwrap(), []);
    go.open("word");
    assert!(matches!(lab.wait(&op(1)), Look::Ended(_)));
    assert_eq!(lab.store.at_work(&op(1).run).unwrap(), []);
}

#[test]
fn either_half_of_a_shim_may_be_killed() {
    let lab = Lab::new();
    for (step, first) in [(1, true), (2, false)] {
        let (_shim, mut go, _) = lab.start_gated(&op(step));
        let begun = lab.claim(&op(step)).unwrap();
        let (dead, left) = if first { (begun.shim, begun.second) } else { (begun.second, begun.shim) };
        kill(dead);
        assert_eq!(lab.look(&op(step)), Look::Running { pid: left.pid });
        go.open("word");
        let Look::Ended(seen) = lab.wait(&op(step)) else { panic!() };
        assert_eq!((seen.ended.exit, lab.effects(&op(step))), (Some(7), 1));
        assert_eq!(seen.read(Stream::Out, 100).unwrap().0, b"word\n");
    }
}

#[test]
fn a_command_without_a_shim_is_an_orphan_and_then_unknown() {
    let lab = Lab::new();
    let (_shim, mut go, command) = lab.start_gated(&op(1));
    let begun = lab.claim(&op(1)).unwrap();
    kill(begun.shim);
    kill(begun.second);
    assert!(command.lives());
    assert_eq!(lab.look(&op(1)), Look::Orphan);
    assert_eq!(lab.store.wait(&op(1), lab.store.id(), Duration::from_millis(50)).unwrap(), Look::Orphan);
    go.open("word");
    assert!(matches!(lab.wait(&op(1)), Look::Unknown(why) if why.contains("was begun")));
    assert_eq!(lab.start(&op(1), "echo again >> effects").1, Answer::Taken);
}

#[test]
fn a_grandchild_keeps_the_lock() {
    let lab = Lab::new();
    let (mut up, mut go) = (lab.gate("up"), lab.gate("go"));
    let (shim, answer) = lab.start(&op(1), "(echo up > up; read word < go; echo late) & exit 3");
    assert_eq!(answer, Answer::Claimed);
    up.wait();
    shim.end().unwrap(); // it recorded the end of the command it was told to run
    assert!(lab.store.names(&op(1)).exit().exists());
    assert_eq!(lab.look(&op(1)), Look::Orphan);
    go.open("word");
    let Look::Ended(seen) = lab.wait(&op(1)) else { panic!() };
    assert_eq!((seen.ended.exit, seen.read(Stream::Out, 100).unwrap()), (Some(3), (b"late\n".to_vec(), 5)));
}

#[test]
fn everything_killed_at_once_is_unknown() {
    let lab = Lab::new();
    let (_shim, _go, command) = lab.start_gated(&op(1));
    let begun = lab.claim(&op(1)).unwrap();
    for process in [begun.shim, begun.second, command] {
        kill(process);
    }
    assert!(matches!(lab.wait(&op(1)), Look::Unknown(_)));
    assert_eq!(lab.effects(&op(1)), 1);
}

#[test]
fn a_command_that_is_killed_has_ended_by_a_signal() {
    let lab = Lab::new();
    for (step, other_dies_first) in [(1, false), (2, true)] {
        let (_shim, _go, command) = lab.start_gated(&op(step));
        if other_dies_first {
            kill(lab.claim(&op(step)).unwrap().second);
        }
        kill(command);
        assert!(matches!(lab.wait(&op(step)), Look::Ended(seen) if (seen.ended.exit, seen.ended.signal) == (None, Some(9))));
    }
}

/// A command that left the session of its second stage, as one may, is not taken for one that never was.
#[test]
fn a_command_that_hides_from_its_shim_runs_once() {
    let lab = Lab::new();
    let (mut up, mut go) = (lab.gate("up"), lab.gate("go"));
    let hides = "setpgid(0, getpgrp(getppid())) or die; setsid() > 0 or die; open(U, q(>up)); print U qq(up\\n); close U; open(G, q(<go)); <G>";
    let script = format!("perl -MPOSIX -e 1 || {{ echo none > up; exit; }}; echo \"$OP\" >> effects; exec perl -MPOSIX -e '{hides}'");
    let (shim, answer) = lab.start(&op(1), &script);
    assert_eq!(answer, Answer::Claimed);
    if up.wait() == "none" {
        return eprintln!("skipped: there is no perl with POSIX here");
    }
    kill(lab.claim(&op(1)).unwrap().second);
    shim.end().unwrap(); // it cannot say how that ended, and begins nothing
    go.open("word");
    assert!(matches!(lab.wait(&op(1)), Look::Unknown(_)));
    assert_eq!(lab.effects(&op(1)), 1);
}

#[test]
fn after_a_tombstone_nothing_runs() {
    let lab = Lab::new();
    lab.store.bury(&op(1), "denied by ada", Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(lab.look(&op(1)), Look::Tombstone("denied by ada".into()));
    let (shim, answer) = lab.start(&op(1), "echo \"$OP\" >> effects");
    assert_eq!(answer, Answer::Taken);
    shim.end().unwrap();
    assert!(matches!(lab.store.bury(&op(1), "again", Timestamp::UNIX_EPOCH), Err(ClaimError::Taken(_))));
    assert_eq!((lab.look(&op(1)), lab.effects(&op(1))), (Look::Tombstone("denied by ada".into()), 0));
    assert!(lab.leftovers().is_empty());
}
