//! How a claimed command is started: too late, not at all, and with what.

use super::super::disk::{Disk, OsDisk};
use super::super::record::{Exit, decode};
use super::super::talk::{Cue, Order, ReadyOrder, RunOrder};
use super::super::{Answer, ClaimStore, Entry, Expiry, Look, Moment, ShimOrder, Stream, Task, ledger, process, spawn};
use super::lab::{Lab, RUN, entry, exists, op, send};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::MetadataExt;
use studio_core::clock::{Clock, SystemClock};

#[test]
fn a_claim_that_was_won_too_late_runs_nothing() {
    let lab = Lab::new();
    let now = Moment::now(&SystemClock).unwrap();
    let late = Expiry::at(SystemClock.now(), &now);
    let future = Expiry::at("2200-01-01T00:00:00Z".parse().unwrap(), &now);
    // The clock was set back by years: the time since the boot is over all the same.
    let revived = Expiry { boot_ms: now.boot_ms, ..future.clone() };
    for (step, expiry) in [(1, late), (2, revived), (3, Expiry { boot: "another".into(), ..future.clone() })] {
        let order = ShimOrder { expires: Some(expiry), ..lab.order(&op(step), "echo \"$OP\" >> effects") };
        let (shim, answer) = lab.start_order(&order);
        assert_eq!(answer, Answer::Claimed);
        shim.end().unwrap();
        assert!(matches!(lab.look(&op(step)), Look::Tombstone(why) if why.contains("expired")), "{step}");
        assert_eq!(lab.effects(&op(step)), 0);
    }
    let order = ShimOrder { expires: Some(future), ..lab.order(&op(4), "echo \"$OP\" >> effects") };
    assert_eq!(lab.start_order(&order).1, Answer::Claimed);
    assert!(matches!(lab.wait(&op(4)), Look::Ended(_)));
    assert_eq!(lab.effects(&op(4)), 1);
}

#[test]
fn what_cannot_be_started_never_ran() {
    let lab = Lab::new();
    let good = lab.order(&op(1), "echo \"$OP\" >> effects");
    let tasks = [
        Task { program: "/nowhere/sh".into(), ..good.task.clone() },
        Task { program: "sh".into(), ..good.task.clone() },
        Task { folder: "/nowhere".into(), ..good.task.clone() },
        Task { program: lab.dir.path().into(), ..good.task.clone() },
    ];
    for (step, task) in (1..).zip(tasks) {
        let order = ShimOrder { op: op(step), task, ..good.clone() };
        let (shim, answer) = lab.start_order(&order);
        assert_eq!(answer, Answer::Claimed);
        shim.end().unwrap();
        assert!(matches!(lab.look(&op(step)), Look::Tombstone(why) if why.contains("could not be started")), "{step}");
    }
    assert!(!exists(&lab.dir.path().join("effects")));
}

#[test]
fn an_order_that_is_not_understood_claims_nothing() {
    let lab = Lab::new();
    let order = ShimOrder { v: 2, ..lab.order(&op(1), "echo \"$OP\" >> effects") };
    assert!(matches!(lab.start_order(&order).1, Answer::Refused(why) if why.contains("version 2")));
    std::fs::remove_file(lab.store.dir().join("store")).unwrap();
    assert!(matches!(lab.start(&op(1), "echo \"$OP\" >> effects").1, Answer::Refused(_)));
    assert!(!exists(&lab.store.names(&op(1)).claim()) && lab.leftovers().is_empty());
    // Whoever starts a shim and says nothing gets nothing.
    let (mut child, talk) = spawn::entry(&entry()).unwrap();
    drop(talk);
    assert!(child.wait().unwrap().success());
    let (mut child, mut talk) = spawn::entry(&entry()).unwrap();
    talk.say(&"no order").unwrap();
    assert!(!child.wait().unwrap().success());
}

#[test]
fn a_command_gets_what_was_ordered_and_no_more() {
    let lab = Lab::new();
    let script = "env | sort; pwd; ulimit -c; grep NoNewPrivs /proc/self/status; ls -l /proc/self/fd; readlink /proc/self/fd/0; cat; exit 0";
    let (_shim, answer) = lab.start(&op(1), script);
    assert_eq!(answer, Answer::Claimed);
    let Look::Ended(seen) = lab.wait(&op(1)) else { panic!() };
    let text = String::from_utf8(seen.read(Stream::Out, 10_000).unwrap().0).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let folder = lab.dir.path().canonicalize().unwrap().display().to_string();
    assert_eq!(lines[0], format!("OP={RUN}.01.1"));
    let ours = ["OP=", "PATH=/usr/bin:/bin", "PWD=", "_=", "SHLVL=", "OLDPWD="]; // shells add the last four
    assert!(lines.iter().take_while(|line| **line != folder).all(|line| ours.iter().any(|name| line.starts_with(name))), "{text}");
    assert!(text.contains(&format!("\n{folder}\n0\nNoNewPrivs:\t1\n")), "{text}");
    assert!(text.ends_with("/dev/null\n"), "{text}");
    let open: Vec<_> = lines.iter().filter(|line| line.contains(" -> ")).filter(|line| !line.contains("/proc/")).collect();
    assert_eq!(open.len(), 4, "{text}"); // three streams and the claim
    assert!(open.iter().any(|line| line.contains(" 200 -> ")), "{text}");
}

#[test]
fn polite_signals_stop_nothing_and_no_session_is_shared() {
    let lab = Lab::new();
    let (_shim, mut go, command) = lab.start_gated(&op(1));
    let begun = lab.claim(&op(1)).unwrap();
    let session = |pid: i32| process::session(pid).unwrap();
    let this = session(i32::try_from(std::process::id()).unwrap());
    assert_eq!((session(command.pid), session(begun.shim.pid)), (begun.session, begun.shim.pid));
    assert!(this != begun.session && this != begun.shim.pid);
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        send(begun.shim, signal);
        send(begun.second, signal);
    }
    go.open("word");
    assert!(matches!(lab.wait(&op(1)), Look::Ended(seen) if seen.ended.exit == Some(7)));
    // The command itself is as polite as any other.
    let (_shim, _go, command) = lab.start_gated(&op(2));
    send(command, Signal::TERM);
    assert!(matches!(lab.wait(&op(2)), Look::Ended(seen) if seen.ended.signal == Some(15)));
}

#[test]
fn a_whole_tree_is_stopped_wherever_it_hides() {
    let lab = Lab::new();
    let (mut up, _go) = (lab.gate("up"), lab.gate("go"));
    let wait = "echo up > up; read word < go";
    let (_shim, answer) = lab.start(&op(1), &format!("setsid sh -c '{wait}' & ({wait}) & trap '' TERM; {wait}"));
    assert_eq!(answer, Answer::Claimed);
    (0..3).for_each(|_| drop(up.wait()));
    // A child that another test is about to start holds for an instant what this process had open.
    let trees = || (0..1000).map(|_| lab.store.tree(&op(1)).unwrap());
    let tree = trees().find(|tree| tree.len() == 3).unwrap_or_else(|| panic!("{:?}", trees().next()));
    assert!(matches!(lab.look(&op(1)), Look::Running { pid } if tree.iter().all(|process| process.pid != pid)));
    assert!(lab.store.stop(&op(1), false).unwrap() >= 3);
    assert!(lab.store.stop(&op(1), true).unwrap() >= 1);
    assert!(matches!(lab.wait(&op(1)), Look::Ended(seen) if seen.ended.signal == Some(9)));
    assert!(lab.store.tree(&op(1)).unwrap().is_empty() && lab.store.tree(&op(2)).is_err());
}

/// A second stage whose shim was killed before it said that the claim stands.
#[test]
fn a_second_stage_alone_runs_what_was_claimed_and_nothing_else() {
    let lab = Lab::new();
    for (step, linked, settled) in [(1, true, false), (2, true, true), (3, false, false)] {
        let (names, script) = (lab.store.names(&op(step)), "echo \"$OP\" >> effects; exit 7");
        let draft = names.folder().join(format!("{step}.tmp"));
        let file = OsDisk.create(&draft).unwrap();
        assert!(ledger::stand(&OsDisk, &names, &draft, &file, "a claim").unwrap());
        if settled {
            ledger::settle(&OsDisk, &names, &draft).unwrap();
        }
        let seen = file.metadata().unwrap();
        // Where it is not linked, another shim's claim stands.
        let file = (seen.dev(), if linked { seen.ino() } else { 0 });
        let task = lab.order(&op(step), script).task;
        let order = RunOrder { folder: lab.store.folder(), op: op(step), expires: None, file, draft: draft.clone(), task };
        let (mut child, mut talk) = spawn::entry(&entry()).unwrap();
        talk.say(&Order::Stage).and_then(|()| talk.say(&Cue::Run(Box::new(order)))).unwrap();
        drop(talk);
        assert!(child.wait().unwrap().success());
        let exit = fs::read(names.exit()).ok().map(|bytes| decode::<Exit>(&bytes, names.op()).unwrap());
        assert!(exit.is_none_or(|exit| matches!(exit, Exit::Ended(ended) if ended.exit == Some(7))));
        assert_eq!((lab.effects(&op(step)), exists(&names.exit()), exists(&draft)), (usize::from(linked), linked, !linked));
    }
    let (mut child, mut talk) = spawn::entry(&entry()).unwrap();
    talk.say(&Order::Stage).and_then(|()| talk.say(&"what is that")).unwrap();
    assert!(!child.wait().unwrap().success());
}

#[test]
fn a_shim_alone_runs_what_its_second_stage_did_not_begin() {
    let lab = Lab::new();
    // It ends as soon as it is told to begin.
    let second = Entry { program: "/bin/sh".into(), args: vec!["-c".into(), "read stage; read order; read cue".into()] };
    let order = lab.order(&op(1), "echo \"$OP\" >> effects; test -e /dev/fd/200 && exit 7");
    let told = ReadyOrder { dir: lab.store.dir().into(), store: lab.store.id().clone(), entry: second };
    let (mut child, mut talk) = spawn::entry(&entry()).unwrap();
    talk.say(&Order::Ready(Box::new(told))).and_then(|()| talk.say(&order)).unwrap();
    assert_eq!(talk.hear::<Answer>().unwrap(), Some(Answer::Claimed));
    assert!(child.wait().unwrap().success());
    assert!(matches!(lab.look(&op(1)), Look::Ended(seen) if seen.ended.exit == Some(7)));
    assert_eq!(lab.effects(&op(1)), 1);
}

#[test]
fn a_shim_without_an_order_leaves_nothing() {
    let lab = Lab::new();
    let told = ReadyOrder { dir: lab.store.dir().into(), store: lab.store.id().clone(), entry: entry() };
    let told = Order::Ready(Box::new(told));
    for said in [None, Some("no order")] {
        let (mut child, mut talk) = spawn::entry(&entry()).unwrap();
        talk.say(&told).unwrap();
        said.into_iter().for_each(|said| talk.say(&said).unwrap());
        drop(talk);
        assert_eq!(child.wait().unwrap().success(), said.is_none());
        assert!(lab.leftovers().is_empty());
    }
}

#[test]
fn a_shim_that_waited_claims_nothing_in_another_store() {
    let lab = Lab::new();
    let ready = lab.store.ready(&entry()).unwrap();
    let other = tempfile::tempdir().unwrap();
    ClaimStore::furnish(&other.path().join("store")).unwrap();
    fs::copy(other.path().join("store/store"), lab.store.dir().join("store")).unwrap();
    let mut shim = ready.claim(&lab.order(&op(1), "echo \"$OP\" >> effects")).unwrap();
    assert!(matches!(shim.answer().unwrap(), Answer::Refused(why) if why.contains("it was replaced")));
    shim.end().unwrap();
    assert_eq!(lab.effects(&op(1)), 0);
    assert!(lab.leftovers().is_empty());
}
