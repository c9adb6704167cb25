//! Who may what: forged words, words that lapsed, a no beside a yes, rehearsals that would reach real hosts.

use crate::crew::{agree, by_step, change, draft, small, step};
use crate::transcripts::world;
use serde_json::json;
use std::sync::Arc;
use studio_core::approval::{Approvers, NoApprovers, Signed, Statement, Word};
use studio_core::clock::FixedClock;
use studio_core::event::{Approvals, Basis, Closing, Event, Mode};
use studio_core::journal::{Journal, Log};
use studio_core::redact::Redactor;
use studio_core::run::StepState;
use studio_core::spoken::{Standing, spoken};
use studio_core::step::{Op, StepNo};
use studio_core::store::FileStore;
use studio_core::supervisor::{Rest, RunError, give_up};
use studio_tests::disk::{Fault, Survives};
use studio_tests::life::{World, now};

/// A run that waits for a word about its only step.
async fn asked() -> World {
    let world = world(
        small(),
        Approvals::Ask,
        json!([]),
        &[
            ("planner", draft(by_step("push"))),
            ("engineer", agree()),
            ("engineer", change(json!([]), &[step("push", &["flux", "reconcile", "apps"], json!({}))])),
        ],
    );
    assert!(matches!(world.live().await.unwrap(), Rest::Parked(..)));
    world
}

fn states(world: &World) -> Vec<StepState> {
    world.run().steps().iter().map(|record| record.state.clone()).collect()
}

/// Adds `events` about the only op to the journal, as whoever can write its folder can, behind a word that nobody signed.
async fn forged(world: &World, events: impl FnOnce(&Op) -> Vec<Event>) {
    let (store, log) = FileStore::open(world.disk.clone(), &world.begun().unwrap().unwrap()).await.unwrap();
    let mut run = log.fold().unwrap();
    let effect = run.steps()[0].judgement.as_ref().unwrap().digest.clone();
    let op = Op { run: log.run.clone(), step: StepNo(1), attempt: 1 };
    let expires = now() + jiff::SignedDuration::from_hours(1);
    let statement = Statement { word: Word::Approve, op: op.clone(), effect, by: "ops".parse().unwrap(), at: now(), expires, reason: None };
    let mut journal = Journal::resume(store, &log, Redactor::default(), Arc::new(FixedClock(now())));
    let word = Event::ApprovalGiven { signed: Signed { v: 1, statement, signature: "nobody".into() } };
    journal.record(&mut run, [vec![word], events(&op)].concat()).await.unwrap();
    journal.barrier().await.unwrap();
}

fn granted(op: &Op) -> Event {
    Event::StepGranted { op: op.clone(), basis: Basis::Approved("ops".parse().unwrap()), store: None }
}

/// Whoever can write the journal can write its chain: what it says that humans said is looked at again.
#[actix::test]
async fn a_forged_word_in_the_journal_lets_nothing_run() {
    for granted in [false, true] {
        let world = asked().await;
        forged(&world, |op| if granted { vec![self::granted(op)] } else { Vec::new() }).await;
        for _ in 0..2 {
            assert!(matches!(world.live().await.unwrap(), Rest::Parked(..)));
            assert!(matches!(states(&world)[0], StepState::Asked(_)), "it is asked again\n{}", world.transcript());
        }
        assert!(world.host.ledger().ran.is_empty());
    }
}

#[actix::test]
async fn a_forged_word_that_something_came_of_refuses_to_resume() {
    let world = asked().await;
    forged(&world, |op| vec![granted(op), Event::StepUnknown { op: op.clone(), why: "nobody looked".into() }]).await;
    assert!(matches!(world.live().await, Err(RunError::Unsigned { .. })));
    assert!(world.host.ledger().ran.is_empty());
}

#[actix::test]
async fn a_word_of_somebody_who_left_counts_as_far_as_its_line_was_seen() {
    let world = asked().await;
    world.say(Word::Approve).await.unwrap();
    assert!(matches!(world.live().await.unwrap(), Rest::Over(_)));
    let mut log = world.log();
    let standing = |log: &Log, approvers: &dyn Approvers, vouched| spoken(log, approvers, vouched).pop().unwrap().standing;
    let n = spoken(&log, &NoApprovers, 0)[0].n;
    assert_eq!(standing(&log, &studio_tests::life::Word, 0), Standing::Listed);
    assert_eq!(standing(&log, &NoApprovers, n), Standing::Past);
    assert!(matches!(standing(&log, &NoApprovers, n - 1), Standing::Void(_)));
    log.entries.truncate(usize::try_from(n).unwrap());
    assert!(matches!(standing(&log, &NoApprovers, n), Standing::Unused(_)), "nothing came of it yet");
}

#[actix::test]
async fn a_word_from_a_time_to_come_is_not_believed() {
    let mut world = asked().await;
    world.now = now() + jiff::SignedDuration::from_hours(2);
    world.say(Word::Approve).await.unwrap();
    world.now = now();
    assert!(matches!(world.live().await.unwrap(), Rest::Parked(..)));
    assert!(matches!(states(&world)[0], StepState::Asked(_)));
}

#[actix::test]
async fn a_run_is_given_up_without_its_files_by_those_who_may() {
    let world = asked().await;
    forged(&world, |op| vec![granted(op)]).await;
    let dir = world.begun().unwrap().unwrap();
    let give_up = async |approvers: &dyn Approvers| {
        let (store, log) = FileStore::open(world.disk.clone(), &dir).await.unwrap();
        let journal = Journal::resume(store, &log, Redactor::default(), Arc::new(FixedClock(now())));
        give_up(journal, &log, approvers, |op| format!("nobody asked about {op}")).await.unwrap()
    };
    let before = world.transcript();
    assert_eq!(give_up(&studio_tests::life::Word).await, None, "nobody gave it up");
    world.cancel().await.unwrap();
    assert_eq!(give_up(&NoApprovers).await, None, "nobody who is listed gave it up");
    assert_eq!(world.transcript(), before);
    let run = give_up(&studio_tests::life::Word).await.unwrap();
    assert_eq!(run.closed(), Some((Closing::Cancelled, "ops cancelled it")));
    assert_eq!(world.transcript(), format!("{before}run-resumed\nstep-unknown 01.1\nrun-closed cancelled\n"));
    assert_eq!(give_up(&studio_tests::life::Word).await, None, "it is over");
}

#[actix::test]
async fn a_word_that_lapsed_before_it_was_used_is_asked_for_again() {
    let mut approved = 0;
    for at in 1..40 {
        let mut world = asked().await;
        world.say(Word::Approve).await.unwrap();
        world.disk.fault(at, Fault::PowerCut);
        let _ = world.live().await;
        world.disk.restart(Survives { names: true, percent: 100 });
        let ran = !world.host.ledger().ran.is_empty();
        approved += u32::from(!ran && matches!(states(&world)[0], StepState::Approved(_) | StepState::Granted(_)));
        world.now = now() + jiff::SignedDuration::from_hours(24 * 30);
        let rest = world.live().await.unwrap();
        assert_eq!(!world.host.ledger().ran.is_empty(), ran, "cut at {at}: it ran on a word that lapsed\n{}", world.transcript());
        if !ran {
            assert!(matches!(rest, Rest::Parked(..)), "cut at {at}: {rest:?}");
            world.say(Word::Approve).await.unwrap();
            assert!(matches!(world.live().await.unwrap(), Rest::Over(_)), "cut at {at}\n{}", world.transcript());
        }
    }
    assert!(approved > 1, "no cut fell between the word and its use");
}

#[actix::test]
async fn where_one_says_yes_and_one_says_no_no_counts() {
    for words in [[Word::Approve, Word::Deny], [Word::Deny, Word::Approve]] {
        let world = asked().await;
        for word in words {
            world.say(word).await.unwrap();
        }
        let _ = world.live().await;
        assert!(matches!(states(&world)[0], StepState::Skipped(_)), "{}", world.transcript());
        assert!(world.host.ledger().ran.is_empty());
    }
}

#[actix::test]
async fn a_mode_that_does_not_fit_the_hosts_is_refused_before_anything_is_written() {
    // Live with pretended hosts is refused where a command line could ask for it: see `cli::live`.
    for mode in [Mode::Observe, Mode::Suggest] {
        let mut world = world(small(), Approvals::Assume, json!([]), &[]);
        world.opened.mode = mode;
        assert!(matches!(world.live().await, Err(RunError::Mode(refused)) if refused == mode));
        assert!(world.begun().unwrap().is_none());
    }
}
