//! Who may what: forged words, words that lapsed, a no beside a yes, rehearsals that would reach real hosts.

use crate::crew::{agree, by_step, change, draft, small, step};
use crate::transcripts::world;
use serde_json::json;
use std::sync::Arc;
use studio_core::approval::{Signed, Statement, Word};
use studio_core::clock::FixedClock;
use studio_core::event::{Approvals, Event, Mode};
use studio_core::journal::Journal;
use studio_core::redact::Redactor;
use studio_core::run::StepState;
use studio_core::step::{Op, StepNo};
use studio_core::store::FileStore;
use studio_core::supervisor::{Rest, RunError};
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

/// Whoever can write the journal can write its chain: what it says that humans said is looked at again.
#[actix::test]
async fn a_forged_word_in_the_journal_refuses_to_resume() {
    let world = asked().await;
    let dir = world.begun().unwrap().unwrap();
    let (store, log) = FileStore::open(world.disk.clone(), &dir).await.unwrap();
    let mut run = log.fold().unwrap();
    let effect = run.steps()[0].judgement.as_ref().unwrap().digest.clone();
    let op = Op { run: log.run.clone(), step: StepNo(1), attempt: 1 };
    let expires = now() + jiff::SignedDuration::from_hours(1);
    let statement = Statement { word: Word::Approve, op, effect, by: "ops".parse().unwrap(), at: now(), expires, reason: None };
    let mut journal = Journal::resume(store, &log, Redactor::default(), Arc::new(FixedClock(now())));
    let forged = Event::ApprovalGiven { signed: Signed { v: 1, statement, signature: "nobody".into() } };
    journal.record(&mut run, vec![forged]).await.unwrap();
    journal.barrier().await.unwrap();
    drop(journal);
    assert!(matches!(world.live().await, Err(RunError::Unsigned { .. })));
    assert!(world.host.ledger().ran.is_empty());
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
