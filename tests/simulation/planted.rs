//! Planted bugs: each check of the reference fires at what it is for, and at nothing that is right.

use super::reference::Fact;
use super::tale::*;
use super::watch::{Watch, WatchedDisk};
use std::path::Path;
use std::sync::Arc;
use studio_core::approval::{Statement, Word};
use studio_core::event::{Answered, Basis, Closing, Event, Outcome};
use studio_core::model::Usage;
use studio_core::name::Digest;
use studio_core::store::Disk;
use studio_core::text::Kept;
use studio_tests::disk::ModelDisk;

type Plant = (&'static str, fn(&mut Tale) -> Holds);

/// What no run may do, and the words with which the reference says so.
const PLANTS: [Plant; 34] = [
    ("began twice", |tale| tale.grant(&op(1, 1), Basis::Auto).and_then(|()| tale.begin(&op(1, 1))).and_then(|()| began(tale, 1))),
    ("handed over again after it began", |tale| {
        tale.grant(&op(1, 1), Basis::Auto).and_then(|()| tale.begin(&op(1, 1))).and_then(|()| tale.begin(&op(1, 1)))
    }),
    ("no grant of it is on the disk", |tale| tale.begin(&op(1, 1))),
    ("no grant of it is on the disk", |tale| tale.tell(granted(&op(1, 1), Basis::Auto)).and_then(|()| tale.begin(&op(1, 1)))),
    ("when nobody waited for it", |tale| {
        tale.lose(&op(1, 1))?;
        tale.say(&word(Word::Happened, &op(1, 1)))?;
        tale.ask(&op(2, 1), "ask")?;
        tale.say(&word(Word::Approve, &op(2, 1)))?;
        tale.grant(&op(2, 1), approved())?;
        tale.tell(Event::StepUnknown { op: op(2, 1), why: "too slow".into() })?;
        tale.begin(&op(2, 1))
    }),
    ("the end of 20260115-100000-sim-0000.01.1 was made up", |tale| {
        tale.grant(&op(1, 1), Basis::Auto)?;
        tale.tell(Event::StepEnded { op: op(1, 1), outcome: outcome("ok", 0), sealed: None })
    }),
    ("is not the one that was seen", |tale| ends(tale, outcome("other", 0))),
    ("is not the one that was seen", |tale| ends(tale, outcome("ok", 1))),
    ("is said to have ended badly", |tale| ends(tale, Outcome { misses: vec!["all".into()], ..outcome("ok", 0) })),
    ("does not wait for", |tale| tale.run(&op(1, 1), Basis::Auto).and_then(|()| tale.end(&op(1, 1)))),
    ("ended and never began", |tale| tale.see(Fact::Ended(&op(1, 1), &ended("ok")))),
    ("refused after it began", |tale| tale.lose(&op(1, 1)).and_then(|()| tale.see(Fact::Refused(&op(1, 1))))),
    ("on an approval that nobody gave", |tale| tale.grant(&op(2, 1), approved())),
    ("on an approval that nobody gave", |tale| tale.ask(&op(2, 1), "ask").and_then(|()| tale.grant(&op(2, 1), approved()))),
    ("on an approval of another effect", |tale| {
        tale.ask(&op(2, 1), "ask")?;
        tale.say(&stated(Statement { effect: Digest::zero(), ..word(Word::Approve, &op(2, 1)).statement }))?;
        tale.grant(&op(2, 1), approved())
    }),
    ("on an approval that had expired", |tale| {
        tale.ask(&op(2, 1), "ask")?;
        tale.say(&word(Word::Approve, &op(2, 1)))?;
        tale.tell_at(hence(25), granted(&op(2, 1), approved()))
    }),
    ("a word about", |tale| {
        tale.ask(&op(2, 1), "ask")?;
        tale.tell(Event::ApprovalGiven { signed: word(Word::Approve, &op(2, 1)) })
    }),
    ("had expired", |tale| {
        tale.ask(&op(2, 1), "ask")?;
        let signed = word(Word::Deny, &op(2, 1));
        tale.see(Fact::Said(&signed))?;
        tale.tell_at(hence(25), Event::ApprovalRefused { signed })
    }),
    ("that nobody asked for", |tale| tale.say(&word(Word::Approve, &op(2, 1)))),
    ("granted unasked, and the rules say ask", |tale| tale.grant(&op(2, 1), Basis::Auto)),
    ("on nobody's word", |tale| tale.grant(&op(2, 1), Basis::Assumed)),
    ("not judged in its round", |tale| tale.grant(&op(5, 1), Basis::Auto)),
    ("may be running", |tale| tale.grant(&op(1, 1), Basis::Auto).and_then(|()| tale.grant(&op(3, 1), Basis::Auto))),
    ("while the outcome of", |tale| tale.lose(&op(1, 1)).and_then(|()| tale.grant(&op(1, 2), Basis::Auto))),
    ("granted again after it began", |tale| {
        tale.grant(&op(1, 1), Basis::Auto)?;
        tale.begin(&op(1, 1))?;
        tale.place.epoch += 1;
        tale.grant(&op(1, 1), Basis::Auto)
    }),
    ("granted again after it ended", |tale| tale.run(&op(1, 1), Basis::Auto).and_then(|()| tale.grant(&op(1, 1), Basis::Auto))),
    ("and no human said so", |tale| tale.run(&op(1, 1), Basis::Auto).and_then(|()| tale.run(&op(3, 1), Basis::Auto))),
    ("and no human said so", |tale| {
        tale.run(&op(1, 1), Basis::Auto)?;
        tale.ask(&op(3, 1), "the rules say so")?;
        tale.say(&word(Word::Approve, &op(3, 1)))?;
        tale.run(&op(3, 1), approved())
    }),
    ("after a human gave the run up", |tale| {
        tale.lose(&op(1, 1))?;
        tale.say(&word(Word::Abort, &op(1, 1)))?;
        tale.grant(&op(1, 2), Basis::Auto)
    }),
    ("after the run was closed", |tale| tale.close(Closing::Failed).and_then(|()| tale.grant(&op(1, 1), Basis::Auto))),
    ("what became of", |tale| tale.lose(&op(1, 1)).and_then(|()| tale.close(Closing::Failed))),
    ("no step shows it", |tale| tale.check(true)),
    ("the model was called for", |tale| tale.see(Fact::Called(&by(), 1))),
    ("was bought twice", |tale| {
        tale.asked()?;
        let answer = Answered::Text(Kept::Inline("x".into()));
        tale.tell(Event::ModelAnswered { persona: by(), turn: 1, answer, usage: Usage::default() })?;
        tale.asked()?;
        tale.see(Fact::Called(&by(), 1))
    }),
];

/// What must not follow an end that nobody saw.
const UNSEEN: [Plant; 11] = [
    ("is called overdue, and does not run", |tale| tale.grant(&op(1, 1), Basis::Auto).and_then(|()| tale.overdue(&op(1, 1)))),
    ("may be running", |tale| {
        tale.grant(&op(1, 1), Basis::Auto)?;
        tale.begin(&op(1, 1))?;
        tale.overdue(&op(1, 1))?;
        tale.grant(&op(4, 1), Basis::Auto)
    }),
    ("taken back, and may still begin", |tale| {
        tale.grant(&op(1, 1), Basis::Auto)?;
        tale.tell(Event::ApprovalExpired { op: op(1, 1), again: false })
    }),
    ("whose end the lab knows", |tale| {
        tale.lose(&op(1, 1))?;
        tale.see(Fact::Ended(&op(1, 1), &ended("ok")))?;
        tale.say(&word(Word::DidNot, &op(1, 1)))
    }),
    ("looks for what nobody misses", |tale| tale.run(&op(4, 1), Basis::Auto).and_then(|()| tale.look(&op(4, 2), "ok"))),
    ("is no plain read", |tale| {
        tale.lose(&op(4, 1))?;
        tale.tell(Event::ProbeGranted { op: op(4, 2), judgement: judgement(4), store: None })
    }),
    ("looks a second time", |tale| tale.lose(&op(4, 1)).and_then(|()| tale.look(&op(4, 2), "no")).and_then(|()| tale.look(&op(4, 2), "no"))),
    ("while the outcome of", |tale| tale.lose(&op(4, 1)).and_then(|()| tale.grant(&op(4, 2), Basis::Auto))),
    ("while a read looks whether", |tale| {
        tale.lose(&op(4, 1))?;
        tale.tell(Event::ProbeGranted { op: op(4, 2), judgement: plain(), store: None })?;
        tale.grant(&op(4, 3), Basis::Auto)
    }),
    ("granted again after it ended", |tale| {
        tale.lose(&op(4, 1))?;
        tale.look(&op(4, 2), "ok")?;
        tale.grant(&op(4, 1), Basis::Auto)
    }),
    ("while the outcome of", |tale| {
        for at in [1, 3, 5] {
            tale.lose(&op(4, at))?;
            tale.look(&op(4, at + 1), "no")?;
        }
        tale.grant(&op(4, 7), Basis::Auto)
    }),
];

/// What must not follow a failure.
const FAILED: [Plant; 4] = [
    ("after a failure that nobody understands", |tale| tale.fail(1, "it broke").and_then(|()| tale.grant(&op(4, 1), Basis::Auto))),
    ("Plan was due", |tale| (1..=3).try_for_each(|_| tale.again("connection refused")).and_then(|()| tale.propose())),
    ("Human was due", |tale| (1..=4).try_for_each(|_| tale.again("connection refused").and_then(|()| tale.replan()))),
    ("did not come again and again", |tale| tale.again("connection refused").and_then(|()| tale.stuck())),
];

/// How a run must not be called done.
const DONE: [Plant; 5] = [
    ("is not met", |tale| tale.tick()),
    ("its ticket is not ticked", |tale| tale.go_well().and_then(|()| tale.close(Closing::Done))),
    ("is rehearsed that is live", |tale| tale.go_well().and_then(|()| tale.close(Closing::Rehearsed))),
    ("did not end well", |tale| tale.run(&op(1, 1), Basis::Auto).and_then(|()| tale.check(true)).and_then(|()| tale.tick())),
    ("is not met", |tale| {
        tale.run(&op(1, 1), Basis::Auto)?;
        tale.check(false)?;
        tale.tick()
    }),
];

#[test]
fn simulation_checks_fire_at_planted_bugs() {
    for (at, (words, plant)) in PLANTS.iter().chain(&UNSEEN).chain(&FAILED).chain(&DONE).enumerate() {
        let wrong = plant(&mut tale()).expect_err(words);
        assert!(wrong.contains(words), "plant {at} was to say {words:?}, and says {wrong:?}");
    }
}

#[test]
fn simulation_checks_let_pass_what_is_right() {
    let mut well = tale();
    well.go_well().and_then(|()| well.tick()).and_then(|()| well.close(Closing::Done)).unwrap();
    let mut never_began = tale();
    never_began.grant(&op(1, 1), Basis::Auto).unwrap();
    never_began.place.epoch += 1;
    never_began.run(&op(1, 1), Basis::Auto).unwrap();
    let mut did_not = tale();
    did_not.lose(&op(1, 1)).and_then(|()| did_not.say(&word(Word::DidNot, &op(1, 1)))).unwrap();
    did_not.run(&op(1, 2), Basis::Auto).unwrap();
    let mut looked = tale();
    looked.lose(&op(4, 1)).and_then(|()| looked.look(&op(4, 2), "no")).and_then(|()| looked.run(&op(4, 3), Basis::Auto)).unwrap();
    let mut late = tale();
    late.grant(&op(1, 1), Basis::Auto).and_then(|()| late.begin(&op(1, 1))).and_then(|()| late.overdue(&op(1, 1))).unwrap();
    late.end(&op(1, 1)).unwrap();
    let mut aborted = tale();
    aborted.lose(&op(1, 1)).and_then(|()| aborted.say(&word(Word::Abort, &op(1, 1)))).and_then(|()| aborted.close(Closing::Failed)).unwrap();
}

#[test]
fn simulation_checks_fire_at_a_disk_that_loses_or_changes_what_was_written() {
    for (left, words) in [("ab\n", None), ("ab\ncd", None), ("a", Some("were synced")), ("ab\nxy\n", Some("no prefix"))] {
        let watch = Watch::default();
        let disk = WatchedDisk(ModelDisk::default(), watch.clone());
        let file = Arc::new(disk.create(Path::new("/journal.jsonl")).unwrap());
        disk.write(&file, b"ab\n").unwrap();
        drop(disk.sync(&file, Vec::new()));
        disk.write(&file, b"cd\n").unwrap();
        watch.restart(left.as_bytes(), &[]);
        let failure = watch.failure();
        assert!(words.map_or(failure.is_none(), |words| failure.as_ref().is_some_and(|wrong| wrong.contains(words))), "{left:?}: {failure:?}");
    }
}

fn began(tale: &mut Tale, no: u32) -> Holds {
    tale.see(Fact::Began(&op(no, 1), &command(no)))
}

/// The lab sees the first step end well; the journal says it so.
fn ends(tale: &mut Tale, outcome: Outcome) -> Holds {
    tale.grant(&op(1, 1), Basis::Auto)?;
    tale.begin(&op(1, 1))?;
    tale.see(Fact::Ended(&op(1, 1), &ended("ok")))?;
    tale.tell(Event::StepEnded { op: op(1, 1), outcome, sealed: None })
}
