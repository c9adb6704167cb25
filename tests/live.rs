//! Live runs: what a rehearsal leaves out. The change is committed, the ticket ticked, and both are safe to be asked for again.

use crate::crash::cut_at_every_write;
use crate::crew::{ShortRules, agree, by_step, change, draft, full, model, review, small, step, ticket};
use crate::transcripts::check;
use expect_test::expect;
use serde_json::{Value, json};
use std::sync::Arc;
use studio_core::approval::Word;
use studio_core::chores::ChoreError;
use studio_core::crew::Crew;
use studio_core::event::{Approvals, Closing, Event, Mode, Parked, Planned};
use studio_core::host::Scenario;
use studio_core::name::{BranchName, RelPath};
use studio_core::supervisor::{Rest, RunError};
use studio_core::tree::{MemoryTree, Tree};
use studio_tests::chores::{CommittedTree, LedgerChores};
use studio_tests::disk::{ModelDisk, Survives};
use studio_tests::host::LedgerHost;
use studio_tests::life::{World, now, opened};

/// A world whose runs are live in all but their hosts.
fn real(crew: Crew, planned: Planned, scenario: Value, answers: &[(&str, Value)]) -> World {
    let gate = Arc::new(ShortRules);
    let script: RelPath = "infrastructure/check.sh".try_into().unwrap();
    let tree = CommittedTree(MemoryTree([(script.clone(), b"true\n".to_vec())].into()));
    let mut ticket = ticket("make-it-so");
    ticket.script = (planned == Planned::Rule).then_some(script);
    let mut opened = opened(ticket, planned, Approvals::Ask, &crew, gate.as_ref());
    (opened.mode, opened.base, opened.began) = (Mode::Live, tree.commit(), Some(now()));
    opened.branch = (planned == Planned::Crew).then(|| BranchName::try_from("engineer/make-it-so-20260115").unwrap());
    let scenario: Scenario = serde_json::from_value(json!({ "step": scenario })).unwrap();
    World {
        disk: ModelDisk::default(),
        host: LedgerHost::new(scenario),
        chores: LedgerChores::default(),
        opened,
        gate,
        tree: Arc::new(tree),
        crew,
        model: (!answers.is_empty()).then(|| model(answers)),
        now: now(),
    }
}

fn by_rule() -> World {
    real(small(), Planned::Rule, json!([{ "argv": ["bash", "--noprofile", "--norc", "infrastructure/check.sh"], "stdout": "fine" }]), &[])
}

/// The first round's read finds too little; the second change is another one.
fn two_rounds() -> World {
    let look = |found: &str| step("look", &["kubectl", "get", "nodes"], json!({ "stdout_matches": [found] }));
    let edit = |text: &str| json!([{ "action": "write", "path": "docs/a.md", "text": text }]);
    real(
        full(),
        Planned::Crew,
        json!([{ "argv": ["kubectl", "get", "nodes"], "stdout": "2 Ready" }, { "argv": ["kubectl", "get", "nodes"], "stdout": "3 Ready" }]),
        &[
            ("planner", draft(by_step("look"))),
            ("engineer", agree()),
            ("engineer", change(edit("one"), &[look("3 Ready")])),
            ("reviewer", review("accept")),
            ("engineer", change(edit("two"), &[look("3 Ready")])),
            ("reviewer", review("accept")),
            ("reviewer", review("accept")),
            ("narrator", json!("\"it went well\"")),
        ],
    )
}

#[actix::test]
async fn a_script_that_is_planned_by_rule_asks_runs_and_is_ticked() {
    let world = by_rule();
    assert!(matches!(world.live().await.unwrap(), Rest::Parked(Parked::NeedsHuman, _)));
    world.say(Word::Approve).await.unwrap();
    check(
        &world,
        expect![[r#"
        run-opened
        plan-proposed
        plan-agreed
        edits-proposed
        step-judged 01 ask destroy
        approval-asked 01.1
        run-resumed
        approval-given
        step-granted 01.1 Approved(ops)
        step-ended 01.1 exit 0 (assumed), as expected
        criterion-checked exit-0 met
        ticket-ticked
        run-closed done
        -> Over(Done)
    "#]],
    )
    .await;
    assert_eq!((world.chores.done().ticks, world.chores.done().orders.len()), (1, 0));
}

#[actix::test]
async fn each_round_is_committed_before_anything_of_it_runs() {
    let world = two_rounds();
    check(
        &world,
        expect![[r#"
        run-opened
        model-asked planner 1
        model-answered
        brief-written
        plan-proposed
        model-asked engineer 1
        model-answered
        plan-agreed
        model-asked engineer 2
        model-answered
        edits-proposed
        change-committed
        step-judged 01 auto observe
        model-asked reviewer 1
        model-answered
        review-given Accept
        step-granted 01.1 Auto
        step-ended 01.1 exit 0 (assumed): its output does not match /3 Ready/
        model-asked engineer 3
        model-answered
        edits-proposed
        change-committed
        step-judged 02 auto observe
        model-asked reviewer 2
        model-answered
        review-given Accept
        step-granted 02.1 Auto
        step-ended 02.1 exit 0 (assumed), as expected
        criterion-checked done met
        model-asked reviewer 3
        model-answered
        review-given Accept
        ticket-ticked
        model-asked narrator 1
        model-answered
        brief-written
        run-closed done
        -> Over(Done)
    "#]],
    )
    .await;
    let done = world.chores.done();
    assert_eq!((done.ticks, done.orders.len()), (1, 2));
    assert_eq!((&done.orders[0].replaces, &done.orders[1].base), (&None, &done.orders[0].base));
    let commits: Vec<_> = world.log().entries.iter().filter_map(|entry| commit(&entry.event)).collect();
    assert_eq!((done.orders[1].replaces.as_ref(), done.branch.as_ref()), (Some(&commits[0]), Some(&commits[1])));
}

fn commit(event: &Event) -> Option<studio_core::name::CommitId> {
    if let Event::ChangeCommitted { commit, .. } = event { Some(commit.clone()) } else { None }
}

#[actix::test]
async fn a_chore_that_is_refused_parks_the_run_until_it_can_be_done() {
    let world = two_rounds();
    world.chores.fail_next(ChoreError::Refused("the branch was moved by somebody".into()));
    let rest = world.live().await.unwrap();
    assert!(matches!(&rest, Rest::Parked(Parked::NeedsHuman, why) if why.contains("moved by somebody")), "{rest:?}");
    assert!(world.host.ledger().ran.is_empty());
    world.replayed().await;
    assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::Done));
    world.replayed().await;
}

#[actix::test]
async fn an_executor_that_is_gone_ends_the_work_and_loses_nothing() {
    let world = two_rounds();
    world.chores.fail_next(ChoreError::Gone("it was killed".into()));
    assert!(matches!(world.live().await, Err(RunError::Chore(ChoreError::Gone(_)))));
    assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::Done));
    assert_eq!(world.chores.done().orders.len(), 2);
}

#[actix::test]
async fn a_tick_that_fails_is_made_up_for() {
    let world = by_rule();
    world.live().await.unwrap();
    world.say(Word::Approve).await.unwrap();
    world.chores.fail_next(ChoreError::Refused("the ticket was edited meanwhile".into()));
    let rest = world.live().await.unwrap();
    assert!(matches!(&rest, Rest::Parked(Parked::NeedsHuman, why) if why.contains("edited meanwhile")), "{rest:?}");
    assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::Done));
    assert_eq!(world.host.ledger().ran.len(), 1);
}

#[actix::test]
async fn a_step_that_its_host_refuses_did_not_run_and_fails() {
    let world = by_rule();
    world.live().await.unwrap();
    world.say(Word::Approve).await.unwrap();
    world.host.refuse_next("config/env has no PVE_HOST");
    assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::Failed));
    assert!(world.run().closed().unwrap().1.contains("it was refused and did not run: config/env has no PVE_HOST"));
    assert!(world.host.ledger().ran.is_empty());
    world.replayed().await;
}

#[actix::test]
async fn nothing_is_granted_for_a_ticket_that_does_not_stand_any_more() {
    let world = by_rule();
    world.live().await.unwrap();
    world.say(Word::Approve).await.unwrap();
    world.chores.fall(Some("somebody ticked it"));
    let rest = world.live().await.unwrap();
    assert!(matches!(&rest, Rest::Parked(Parked::NeedsHuman, why) if why.contains("somebody ticked it")), "{rest:?}");
    assert!(world.host.ledger().ran.is_empty());
    world.chores.fall(None);
    assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::Done));
    world.replayed().await;
}

#[actix::test]
async fn a_rehearsal_commits_and_ticks_nothing() {
    let mut world = two_rounds();
    (world.opened.mode, world.opened.approvals) = (Mode::Simulate, Approvals::Assume);
    assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::Rehearsed));
    let done = world.chores.done();
    assert_eq!((done.ticks, done.orders.len()), (0, 0));
}

#[actix::test]
async fn crash_live_runs_come_to_the_same_end_wherever_the_power_goes() {
    let survivors = [Survives { names: false, percent: 0 }, Survives { names: true, percent: 0 }, Survives { names: true, percent: 100 }];
    cut_at_every_write("live by rule", &survivors, by_rule).await;
    cut_at_every_write("live in two rounds", &survivors, two_rounds).await;
}
