//! A made-up run for tests of the reference: a journal and a world, told fact by fact.

use super::reference::{Fact, Reference};
use crate::crew::{small, step, ticket};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use studio_core::approval::{Signed, Statement, Word};
use studio_core::event::{Approvals, Basis, Closing, Event, Finding, Limit, Mode, Opened, Outcome, Planned};
use studio_core::gate::{Class, ClosedGate, Effect, Judgement, Verdict};
use studio_core::host::{Assumed, Ended};
use studio_core::journal::Entry;
use studio_core::name::Digest;
use studio_core::plan::{Change, Plan};
use studio_core::run::Place;
use studio_core::step::{Op, Probe, Step, StepNo};
use studio_core::text::{Kept, Prose};
use studio_tests::life::{now, opened};

pub(super) type Holds = Result<(), String>;

/// A journal that is made up, and a world that is made up with it.
pub(super) struct Tale {
    reference: Reference,
    pub(super) place: Place,
}

/// A run of four steps, judged: 1 and 3 push a and may run unasked, 2 wipes b and asks, 4 may run again once a read says that it did not.
pub(super) fn tale() -> Tale {
    let mut tale = Tale { reference: Reference::default(), place: Place { n: 0, epoch: 1 } };
    tale.tell(Event::RunOpened(Box::new(live()))).unwrap();
    tale.replan().and_then(|()| tale.propose()).unwrap();
    for no in 1..=4 {
        tale.tell(Event::StepJudged { step: StepNo(no), judgement: judgement(no), before: Vec::new() }).unwrap();
    }
    tale
}

impl Tale {
    pub(super) fn tell(&mut self, event: Event) -> Holds {
        self.tell_at(now(), event)
    }

    pub(super) fn tell_at(&mut self, at: Timestamp, event: Event) -> Holds {
        self.place.n += 1;
        self.reference.see(&Fact::Event(&Entry { place: self.place, at, event }))
    }

    pub(super) fn see(&mut self, fact: Fact<'_>) -> Holds {
        self.reference.see(&fact)
    }

    pub(super) fn grant(&mut self, op: &Op, basis: Basis) -> Holds {
        self.tell(granted(op, basis))?;
        self.see(Fact::Synced(self.place.n))
    }

    pub(super) fn begin(&mut self, op: &Op) -> Holds {
        self.see(Fact::Handed(op))?;
        self.see(Fact::Began(op, &command(op.step.0)))
    }

    pub(super) fn end(&mut self, op: &Op) -> Holds {
        self.see(Fact::Ended(op, &ended("ok")))?;
        self.tell(Event::StepEnded { op: op.clone(), outcome: outcome("ok", 0), sealed: None })
    }

    pub(super) fn run(&mut self, op: &Op, basis: Basis) -> Holds {
        self.grant(op, basis)?;
        self.begin(op)?;
        self.end(op)
    }

    /// Grants and begins an op, and loses it.
    pub(super) fn lose(&mut self, op: &Op) -> Holds {
        self.grant(op, Basis::Auto)?;
        self.begin(op)?;
        self.tell(Event::StepUnknown { op: op.clone(), why: "lost".into() })
    }

    /// Has a read look whether step 4 happened, which says what it shows.
    pub(super) fn look(&mut self, op: &Op, shows: &str) -> Holds {
        self.tell(Event::ProbeGranted { op: op.clone(), judgement: plain(), store: None })?;
        self.see(Fact::Synced(self.place.n))?;
        self.begin(op)?;
        self.see(Fact::Ended(op, &ended(shows)))?;
        let misses = if shows == "ok" { Vec::new() } else { vec!["it is not there".into()] };
        self.tell(Event::StepEnded { op: op.clone(), outcome: Outcome { misses, ..outcome(shows, 0) }, sealed: None })
    }

    pub(super) fn overdue(&mut self, op: &Op) -> Holds {
        self.tell(Event::StepOverdue { op: op.clone(), why: "it runs on".into() })
    }

    pub(super) fn ask(&mut self, op: &Op, why: &str) -> Holds {
        let (effect, expires) = (judgement(op.step.0).digest, hence(24));
        self.tell(Event::ApprovalAsked { op: op.clone(), effect, why: why.into(), expires })
    }

    pub(super) fn say(&mut self, signed: &Signed) -> Holds {
        self.see(Fact::Said(signed))?;
        let signed = signed.clone();
        self.tell(match signed.statement.word {
            Word::Approve => Event::ApprovalGiven { signed },
            Word::Deny => Event::ApprovalRefused { signed },
            Word::Happened | Word::DidNot | Word::Abort | Word::Cancel => Event::StepSettled { signed },
        })
    }

    /// Everything goes well up to the tick.
    pub(super) fn go_well(&mut self) -> Holds {
        self.run(&op(1, 1), Basis::Auto)?;
        self.ask(&op(2, 1), "ask")?;
        self.say(&word(Word::Approve, &op(2, 1)))?;
        self.run(&op(2, 1), approved())?;
        self.ask(&op(3, 1), AGAIN)?;
        self.say(&word(Word::Approve, &op(3, 1)))?;
        self.run(&op(3, 1), approved())?;
        self.run(&op(4, 1), Basis::Auto)?;
        self.check(true)
    }

    /// That step fails, and the lab says this.
    pub(super) fn fail(&mut self, no: u32, stderr: &str) -> Holds {
        let (op, misses) = (op(no, 1), vec!["it exited 1, expected 0".into()]);
        self.grant(&op, Basis::Auto)?;
        self.begin(&op)?;
        self.see(Fact::Ended(&op, &Ended { exit: Some(1), stderr: stderr.into(), ..ended("") }))?;
        let stderr = Kept::Inline(stderr.into());
        self.tell(Event::StepEnded { op, outcome: Outcome { misses, stderr, ..outcome("", 1) }, sealed: None })
    }

    /// A round begins with a read, which ends it with that failure.
    pub(super) fn again(&mut self, stderr: &str) -> Holds {
        self.propose()?;
        let no = 100 + u32::try_from(self.place.n).unwrap();
        self.tell(Event::StepJudged { step: StepNo(no), judgement: plain(), before: Vec::new() })?;
        self.fail(no, stderr)
    }

    pub(super) fn propose(&mut self) -> Holds {
        let change = Change { summary: Prose::tamed("x"), edits: Vec::new(), runbook: (1..=4).map(command).collect() };
        self.tell(Event::EditsProposed { by: by(), change, judged: Vec::new() })
    }

    pub(super) fn replan(&mut self) -> Holds {
        let criteria = json!({ "goal": "it is so", "criteria": crate::crew::by_step("s1") });
        self.tell(Event::PlanProposed { by: by(), plan: serde_json::from_value::<Plan>(criteria).unwrap() })
    }

    pub(super) fn stuck(&mut self) -> Holds {
        self.tell(Event::LimitReached { limit: Limit::SameFailure, why: "what now?".into() })
    }

    pub(super) fn check(&mut self, met: bool) -> Holds {
        let finding = Finding { met, evidence: "seen".into() };
        self.tell(Event::CriterionChecked { criterion: "done".parse().unwrap(), finding })
    }

    pub(super) fn tick(&mut self) -> Holds {
        self.tell(Event::TicketTicked { place: "x:1".into() })
    }

    pub(super) fn close(&mut self, state: Closing) -> Holds {
        self.tell(Event::RunClosed { state, why: "it is over".into(), signed: None })
    }

    pub(super) fn asked(&mut self) -> Holds {
        self.tell(Event::ModelAsked { persona: by(), turn: 1, prompt: Digest::zero(), model: "m".into() })?;
        self.see(Fact::Synced(self.place.n))
    }
}

pub(super) const AGAIN: &str = "the same command has run in this ticket already, as step 01";

/// The first event of a live run.
pub(super) fn live() -> Opened {
    let opened = opened(ticket("sim"), Planned::Crew, Approvals::Ask, &small(), &ClosedGate);
    Opened { mode: Mode::Live, ..opened }
}

pub(super) fn command(no: u32) -> Step {
    let argv: &[&str] = match no {
        2 => &["lab", "wipe", "b"],
        4 => &["lab", "resize", "c"],
        _ => &["lab", "push", "a"],
    };
    serde_json::from_value(step(&format!("s{no}"), argv, json!({ "stdout_matches": ["ok"] }))).unwrap()
}

pub(super) fn judgement(no: u32) -> Judgement {
    let verdict = if no == 2 { Verdict::Ask } else { Verdict::Auto };
    let digest = Digest::blake3(command(no).argv.to_string().as_bytes());
    let (rule, why) = ("test".into(), "a test".into());
    let (effect, probe) = if no == 4 { (Effect::Probed, Some(read())) } else { (Effect::OneShot, None) };
    Judgement { verdict, class: Class::Mutate, effect, rule, why, better: None, probe, digest, script: None, programs: Vec::new() }
}

/// The read that tells whether step 4 happened.
pub(super) fn read() -> Probe {
    serde_json::from_value(json!({ "argv": ["lab", "look", "c"], "expect": { "stdout_matches": ["ok"] } })).unwrap()
}

/// What the rules say about that read.
pub(super) fn plain() -> Judgement {
    Judgement { class: Class::Observe, effect: Effect::Read, ..judgement(1) }
}

pub(super) fn granted(op: &Op, basis: Basis) -> Event {
    Event::StepGranted { op: op.clone(), basis, store: None }
}

pub(super) fn approved() -> Basis {
    Basis::Approved("ops".parse().unwrap())
}

pub(super) fn word(word: Word, op: &Op) -> Signed {
    let (by, effect) = ("ops".parse().unwrap(), judgement(op.step.0).digest);
    stated(Statement { word, op: op.clone(), effect, by, at: now(), expires: hence(24), reason: None })
}

pub(super) fn stated(statement: Statement) -> Signed {
    Signed { v: 1, statement, signature: "ops".into() }
}

pub(super) fn ended(stdout: &str) -> Ended {
    Ended {
        exit: Some(0),
        stdout: stdout.into(),
        stderr: String::new(),
        assumed: Assumed::No,
        artifacts: Vec::new(),
        sealed: None,
        notes: Vec::new(),
    }
}

pub(super) fn outcome(stdout: &str, exit: i32) -> Outcome {
    let (stdout, stderr) = (Kept::Inline(stdout.into()), Kept::Inline(String::new()));
    Outcome { exit: Some(exit), stdout, stderr, assumed: false, misses: Vec::new(), artifacts: Vec::new(), failure: None }
}

pub(super) fn op(step: u32, attempt: u32) -> Op {
    Op { run: "20260115-100000-sim-0000".parse().unwrap(), step: StepNo(step), attempt }
}

pub(super) fn by() -> studio_core::name::PersonaName {
    "planner".parse().unwrap()
}

pub(super) fn hence(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}
