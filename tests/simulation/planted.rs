//! Planted bugs: each check of the reference fires at what it is for, and at nothing that is right.

use super::reference::{Fact, Reference};
use super::watch::{Watch, WatchedDisk};
use crate::crew::{small, step, ticket};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use studio_core::approval::{Signed, Statement, Word};
use studio_core::event::{Answered, Approvals, Basis, Closing, Event, Finding, Mode, Opened, Outcome, Planned};
use studio_core::gate::{Class, ClosedGate, Effect, Judgement, Verdict};
use studio_core::host::{Assumed, Ended};
use studio_core::journal::Entry;
use studio_core::model::Usage;
use studio_core::name::Digest;
use studio_core::plan::{Change, Plan};
use studio_core::run::Place;
use studio_core::step::{Op, Step, StepNo};
use studio_core::store::Disk;
use studio_core::text::{Kept, Prose};
use studio_tests::disk::ModelDisk;
use studio_tests::life::{now, opened};

type Holds = Result<(), String>;

/// A journal that is made up, and a world that is made up with it.
struct Tale {
    reference: Reference,
    place: Place,
}

/// A run of three steps, judged: 1 and 3 push a and may run unasked, 2 wipes b and asks.
fn tale() -> Tale {
    let mut tale = Tale { reference: Reference::default(), place: Place { n: 0, epoch: 1 } };
    tale.tell(Event::RunOpened(Box::new(live()))).unwrap();
    let criteria = json!({ "goal": "it is so", "criteria": crate::crew::by_step("s1") });
    tale.tell(Event::PlanProposed { by: by(), plan: serde_json::from_value::<Plan>(criteria).unwrap() }).unwrap();
    let change = Change { summary: Prose::tamed("x"), edits: Vec::new(), runbook: (1..=3).map(command).collect() };
    tale.tell(Event::EditsProposed { by: by(), change, judged: Vec::new() }).unwrap();
    for no in 1..=3 {
        tale.tell(Event::StepJudged { step: StepNo(no), judgement: judgement(no), before: Vec::new() }).unwrap();
    }
    tale
}

impl Tale {
    fn tell(&mut self, event: Event) -> Holds {
        self.tell_at(now(), event)
    }

    fn tell_at(&mut self, at: Timestamp, event: Event) -> Holds {
        self.place.n += 1;
        self.reference.see(&Fact::Event(&Entry { place: self.place, at, event }))
    }

    fn see(&mut self, fact: Fact<'_>) -> Holds {
        self.reference.see(&fact)
    }

    fn grant(&mut self, op: &Op, basis: Basis) -> Holds {
        self.tell(granted(op, basis))?;
        self.see(Fact::Synced(self.place.n))
    }

    fn begin(&mut self, op: &Op) -> Holds {
        self.see(Fact::Handed(op))?;
        self.see(Fact::Began(op, &command(op.step.0)))
    }

    fn end(&mut self, op: &Op) -> Holds {
        self.see(Fact::Ended(op, &ended("ok")))?;
        self.tell(Event::StepEnded { op: op.clone(), outcome: outcome("ok", 0), sealed: None })
    }

    fn run(&mut self, op: &Op, basis: Basis) -> Holds {
        self.grant(op, basis)?;
        self.begin(op)?;
        self.end(op)
    }

    /// Grants and begins an op, and loses it.
    fn lose(&mut self, op: &Op) -> Holds {
        self.grant(op, Basis::Auto)?;
        self.begin(op)?;
        self.tell(Event::StepUnknown { op: op.clone(), why: "lost".into() })
    }

    fn ask(&mut self, op: &Op, why: &str) -> Holds {
        let (effect, expires) = (judgement(op.step.0).digest, hence(24));
        self.tell(Event::ApprovalAsked { op: op.clone(), effect, why: why.into(), expires })
    }

    fn say(&mut self, signed: &Signed) -> Holds {
        self.see(Fact::Said(signed))?;
        let signed = signed.clone();
        self.tell(match signed.statement.word {
            Word::Approve => Event::ApprovalGiven { signed },
            Word::Deny => Event::ApprovalRefused { signed },
            Word::Happened | Word::DidNot | Word::Abort => Event::StepSettled { signed },
        })
    }

    /// Everything goes well up to the tick.
    fn go_well(&mut self) -> Holds {
        self.run(&op(1, 1), Basis::Auto)?;
        self.ask(&op(2, 1), "ask")?;
        self.say(&word(Word::Approve, &op(2, 1)))?;
        self.run(&op(2, 1), approved())?;
        self.ask(&op(3, 1), AGAIN)?;
        self.say(&word(Word::Approve, &op(3, 1)))?;
        self.run(&op(3, 1), approved())?;
        self.check(true)
    }

    fn check(&mut self, met: bool) -> Holds {
        let finding = Finding { met, evidence: "seen".into() };
        self.tell(Event::CriterionChecked { criterion: "done".parse().unwrap(), finding })
    }

    fn tick(&mut self) -> Holds {
        self.tell(Event::TicketTicked { place: "x:1".into() })
    }

    fn close(&mut self, state: Closing) -> Holds {
        self.tell(Event::RunClosed { state, why: "it is over".into() })
    }

    fn asked(&mut self) -> Holds {
        self.tell(Event::ModelAsked { persona: by(), turn: 1, prompt: Digest::zero(), model: "m".into() })?;
        self.see(Fact::Synced(self.place.n))
    }
}

const AGAIN: &str = "the same command has run in this ticket already, as step 01";

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
    ("not judged in its round", |tale| tale.grant(&op(4, 1), Basis::Auto)),
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
    for (at, (words, plant)) in PLANTS.iter().chain(&DONE).enumerate() {
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

/// The first event of a live run.
fn live() -> Opened {
    let opened = opened(ticket("sim"), Planned::Crew, Approvals::Ask, &small(), &ClosedGate);
    Opened { mode: Mode::Live, ..opened }
}

fn command(no: u32) -> Step {
    let argv: &[&str] = if no == 2 { &["lab", "wipe", "b"] } else { &["lab", "push", "a"] };
    serde_json::from_value(step(&format!("s{no}"), argv, json!({ "stdout_matches": ["ok"] }))).unwrap()
}

fn judgement(no: u32) -> Judgement {
    let verdict = if no == 2 { Verdict::Ask } else { Verdict::Auto };
    let digest = Digest::blake3(command(no).argv.to_string().as_bytes());
    let (rule, why) = ("test".into(), "a test".into());
    Judgement { verdict, class: Class::Mutate, effect: Effect::OneShot, rule, why, better: None, probe: None, digest, script: None }
}

fn granted(op: &Op, basis: Basis) -> Event {
    Event::StepGranted { op: op.clone(), basis, store: None }
}

fn approved() -> Basis {
    Basis::Approved("ops".parse().unwrap())
}

fn word(word: Word, op: &Op) -> Signed {
    let (by, effect) = ("ops".parse().unwrap(), judgement(op.step.0).digest);
    stated(Statement { word, op: op.clone(), effect, by, at: now(), expires: hence(24), reason: None })
}

fn stated(statement: Statement) -> Signed {
    Signed { v: 1, statement, signature: "ops".into() }
}

fn ended(stdout: &str) -> Ended {
    Ended { exit: Some(0), stdout: stdout.into(), stderr: String::new(), assumed: Assumed::No, artifacts: Vec::new(), sealed: None }
}

fn outcome(stdout: &str, exit: i32) -> Outcome {
    let (stdout, stderr) = (Kept::Inline(stdout.into()), Kept::Inline(String::new()));
    Outcome { exit: Some(exit), stdout, stderr, assumed: false, misses: Vec::new(), artifacts: Vec::new() }
}

fn op(step: u32, attempt: u32) -> Op {
    Op { run: "20260115-100000-sim-0000".parse().unwrap(), step: StepNo(step), attempt }
}

fn by() -> studio_core::name::PersonaName {
    "planner".parse().unwrap()
}

fn hence(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}
