//! Cut the power at every write, lose what was not synced, start again, and look: nothing ran twice,
//! nothing was made up, nothing bought twice, and the run ends as it would have.

use crate::crew::{agree, by_step, change, draft, full, review, small, step};
use crate::transcripts::world;
use async_trait::async_trait;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use studio_core::approval::Word;
use studio_core::event::{Answered, Approvals, Event, Parked, Planned};
use studio_core::model::{Model, ModelError, Reply, Request};
use studio_core::name::{PersonaName, RelPath};
use studio_core::run::{Run, StepState};
use studio_core::supervisor::Rest;
use studio_core::tree::MemoryTree;
use studio_tests::disk::{Fault, Survives};
use studio_tests::life::World;

const SURVIVORS: [Survives; 5] = [
    Survives { names: false, percent: 0 },
    Survives { names: true, percent: 0 },
    Survives { names: false, percent: 50 },
    Survives { names: true, percent: 99 },
    Survives { names: true, percent: 100 },
];

/// A model that remembers what it sold.
struct Till(Arc<dyn Model>, Arc<Mutex<Vec<(PersonaName, u32)>>>);

#[async_trait]
impl Model for Till {
    async fn complete(&self, request: &Request) -> Result<Reply, ModelError> {
        self.1.lock().unwrap().push((request.persona.clone(), request.turn));
        self.0.complete(request).await
    }

    fn name(&self) -> String {
        self.0.name()
    }
}

/// What must be the same however often the power went.
#[derive(Debug, PartialEq)]
struct End {
    rest: Rest,
    steps: Vec<(String, u32)>,
    findings: String,
    ran: Vec<String>,
}

/// Lives on until the run rests for good, saying yes to whatever it asks.
async fn carry(world: &World) -> Result<Rest, String> {
    for _ in 0..8 {
        let rest = world.live().await.map_err(|error| error.to_string())?;
        let Rest::Parked(Parked::NeedsHuman, _) = &rest else { return Ok(rest) };
        let asked = world.run().steps().iter().any(|record| matches!(record.state, StepState::Asked(_)));
        world.say(if asked { Word::Approve } else { Word::Happened }).await.map_err(|error| error.to_string())?;
    }
    Err("it never rests".into())
}

fn end(world: &World, rest: Rest) -> End {
    let run: Run = world.run();
    let steps = run.steps().iter().map(|record| (format!("{} {}", record.step.name, record.state.words()), record.attempt)).collect();
    let ledger = world.host.ledger();
    let ran = ledger.ran.keys().map(|op| format!("{}.{}", op.step, op.attempt)).collect();
    End { rest, steps, findings: format!("{:?}", run.findings()), ran }
}

fn look(world: &World, what: &str) {
    let ledger = world.host.ledger();
    for (op, times) in &ledger.ran {
        assert_eq!(*times, 1, "{what}: {op} ran {times} times");
    }
    for entry in &world.log().entries {
        if let Event::StepEnded { op, outcome, .. } = &entry.event {
            let seen = ledger.ended.get(op).unwrap_or_else(|| panic!("{what}: the end of {op} was made up"));
            assert_eq!(outcome.exit, seen.exit, "{what}: {op}");
        }
    }
}

/// Returns the calls whose answers are on the disk.
fn sold(world: &World) -> BTreeSet<(PersonaName, u32)> {
    let Ok(Some(_)) = world.begun() else { return BTreeSet::new() };
    let answers = world.log().entries.into_iter().filter_map(|entry| match entry.event {
        Event::ModelAnswered { persona, turn, answer: Answered::Text(_), .. } => Some((persona, turn)),
        _ => None,
    });
    answers.collect()
}

pub(crate) async fn cut_at_every_write(name: &str, survivors: &[Survives], make: impl Fn() -> World) {
    let calm = make();
    let rest = carry(&calm).await.unwrap();
    let (wanted, ops) = (end(&calm, rest), calm.disk.ops());
    look(&calm, name);
    let mut cuts = 0;
    for at in 1..=ops {
        for survives in survivors.iter().copied() {
            let mut world = make();
            let till = Arc::new(Mutex::new(Vec::new()));
            world.model = world.model.map(|model| Arc::new(Till(model, Arc::clone(&till))) as Arc<dyn Model>);
            world.disk.fault(at, Fault::PowerCut);
            let what = format!("{name}: cut at operation {at} of {ops}, {survives:?}");
            assert!(carry(&world).await.is_err(), "{what}: the power did not go");
            world.disk.restart(survives);
            let kept = sold(&world);
            till.lock().unwrap().clear();
            let rest = carry(&world).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            look(&world, &what);
            world.replayed().await;
            assert_eq!(end(&world, rest), wanted, "{what}\n{}", world.transcript());
            let again: Vec<_> = till.lock().unwrap().iter().filter(|call| kept.contains(call)).cloned().collect();
            assert!(again.is_empty(), "{what}: bought again {again:?}");
            cuts += 1;
        }
    }
    println!("{name}: {cuts} power cuts over {ops} operations");
}

fn goes_through() -> World {
    world(
        full(),
        Approvals::Assume,
        json!([{ "argv": ["kubectl", "get", "nodes"], "stdout": "3 Ready" }]),
        &[
            ("planner", draft(by_step("look"))),
            ("engineer", agree()),
            (
                "engineer",
                change(
                    json!([{ "action": "write", "path": "docs/a.md", "text": "a" }]),
                    &[
                        step("push", &["flux", "reconcile", "apps"], json!({})),
                        step("look", &["kubectl", "get", "nodes"], json!({ "stdout_matches": ["3 Ready"] })),
                    ],
                ),
            ),
            ("reviewer", review("accept")),
            ("reviewer", review("accept")),
            ("narrator", json!("\"it went well\"")),
        ],
    )
}

fn is_repaired_and_sent_back() -> World {
    world(
        full(),
        Approvals::Assume,
        json!([]),
        &[
            ("planner", json!("this is no JSON")),
            ("planner", draft(by_step("push"))),
            ("engineer", agree()),
            ("engineer", change(json!([]), &[step("push", &["flux", "reconcile", "apps"], json!({}))])),
            ("reviewer", review("accept")),
            ("reviewer", review("back-to-engineer")),
            ("engineer", change(json!([]), &[step("push", &["flux", "suspend", "apps"], json!({}))])),
            ("reviewer", review("accept")),
            ("reviewer", review("accept")),
            ("narrator", json!("\"it took two rounds\"")),
        ],
    )
}

fn asks_a_human() -> World {
    let big = "x".repeat(100_000);
    world(
        small(),
        Approvals::Ask,
        json!([{ "argv": ["kubectl", "get", "all"], "stdout": big }]),
        &[
            ("planner", draft(by_step("wipe"))),
            ("engineer", agree()),
            (
                "engineer",
                change(
                    json!([]),
                    &[
                        step("look", &["kubectl", "get", "all"], json!({})),
                        step("wipe", &["bash", "--noprofile", "--norc", "infrastructure/danger-wipe.sh"], json!({})),
                    ],
                ),
            ),
        ],
    )
}

#[actix::test]
async fn a_ticket_that_goes_through_survives_every_power_cut() {
    cut_at_every_write("goes through", &SURVIVORS, goes_through).await;
}

#[actix::test]
async fn a_ticket_that_is_sent_back_survives_every_power_cut() {
    cut_at_every_write("is sent back", &SURVIVORS, is_repaired_and_sent_back).await;
}

#[actix::test]
async fn a_ticket_that_asks_survives_every_power_cut() {
    cut_at_every_write("asks a human", &SURVIVORS, asks_a_human).await;
}

/// An entry that names its script, planned by rule.
fn is_planned_by_rule() -> World {
    let mut world = world(small(), Approvals::Assume, json!([]), &[]);
    let script: RelPath = "infrastructure/check.sh".parse().unwrap();
    world.tree = Arc::new(MemoryTree([(script.clone(), b"true".to_vec())].into()));
    (world.opened.ticket.script, world.opened.planned, world.model) = (Some(script), Planned::Rule, None);
    world
}

#[actix::test]
async fn a_ticket_planned_by_rule_survives_every_power_cut() {
    cut_at_every_write("planned by rule", &SURVIVORS, is_planned_by_rule).await;
}

/// The process dies first, so that its successor finds names and bytes that were never synced.
#[actix::test]
async fn what_a_dead_process_left_unsynced_is_synced_before_anything_is_done_about_it() {
    for make in [goes_through, asks_a_human, is_planned_by_rule] {
        let calm = make();
        carry(&calm).await.unwrap();
        for at in 1..=calm.disk.ops() {
            let world = make();
            world.disk.fault(at, Fault::PowerCut);
            let _ = carry(&world).await;
            world.disk.revive();
            let rest = carry(&world).await.unwrap_or_else(|error| panic!("died at {at}: {error}"));
            let before = end(&world, rest.clone());
            world.disk.restart(Survives { names: false, percent: 0 });
            assert!(world.begun().unwrap().is_some(), "died at {at}: the run is gone");
            assert_eq!(end(&world, rest), before, "died at {at}");
            look(&world, &format!("died at {at}"));
        }
    }
}

#[actix::test]
async fn two_power_cuts_are_no_worse_than_one() {
    let calm = asks_a_human();
    let rest = carry(&calm).await.unwrap();
    let (wanted, ops) = (end(&calm, rest), calm.disk.ops());
    for first in 1..=ops {
        for second in (1..=ops).step_by(3) {
            let world = asks_a_human();
            for (at, percent) in [(first, 0), (second, 50)] {
                world.disk.fault(at, Fault::PowerCut);
                let _ = carry(&world).await;
                world.disk.restart(Survives { names: false, percent });
            }
            let what = format!("cut at {first}, then at {second}");
            let rest = carry(&world).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            look(&world, &what);
            assert_eq!(end(&world, rest), wanted, "{what}\n{}", world.transcript());
        }
    }
}

#[actix::test]
async fn a_disk_that_is_full_or_broken_stops_the_run_and_loses_nothing() {
    for make in [goes_through, asks_a_human] {
        let calm = make();
        let rest = carry(&calm).await.unwrap();
        let (wanted, ops) = (end(&calm, rest), calm.disk.ops());
        for at in 1..=ops {
            for fault in [Fault::NoSpace, Fault::Broken] {
                let world = make();
                world.disk.fault(at, fault);
                let _ = carry(&world).await;
                world.disk.restart(Survives { names: true, percent: 100 });
                let what = format!("{fault:?} at operation {at}");
                let rest = carry(&world).await.unwrap_or_else(|error| panic!("{what}: {error}"));
                look(&world, &what);
                assert_eq!(end(&world, rest), wanted, "{what}");
            }
        }
    }
}
