//! Whole runs, told by their events: what the loop does, and each way it ends.

use crate::crew::{ShortRules, agree, by_step, change, draft, full, model, review, small, step, ticket};
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use std::sync::Arc;
use studio_core::approval::Word;
use studio_core::crew::Crew;
use studio_core::event::{Approvals, Planned};
use studio_core::host::Scenario;
use studio_core::tree::EmptyTree;
use studio_tests::disk::ModelDisk;
use studio_tests::host::LedgerHost;
use studio_tests::life::{World, opened};

pub(crate) fn world(crew: Crew, approvals: Approvals, scenario: Value, answers: &[(&str, Value)]) -> World {
    let gate = Arc::new(ShortRules);
    let scenario: Scenario = serde_json::from_value(json!({ "step": scenario })).unwrap();
    World {
        disk: ModelDisk::default(),
        host: LedgerHost::new(scenario),
        opened: opened(ticket("make-it-so"), Planned::Crew, approvals, &crew, gate.as_ref()),
        gate,
        tree: Arc::new(EmptyTree),
        crew,
        model: Some(model(answers)),
    }
}

async fn check(world: &World, transcript: Expect) {
    let rest = world.live().await.unwrap();
    world.replayed().await;
    transcript.assert_eq(&format!("{}-> {rest:?}\n", world.transcript()));
}

#[actix::test]
async fn a_full_crew_carries_a_ticket_to_its_end() {
    let world = world(full(), Approvals::Assume, json!([{ "argv": ["kubectl", "get", "nodes"], "stdout": "3 Ready" }]), &[
        ("planner", draft(by_step("look"))),
        ("engineer", agree()),
        ("engineer", change(json!([{ "action": "write", "path": "docs/a.md", "text": "a" }]), &[
            step("push", &["flux", "reconcile", "apps"], json!({})),
            step("look", &["kubectl", "get", "nodes"], json!({ "stdout_matches": ["3 Ready"] })),
        ])),
        ("reviewer", review("accept")),
        ("reviewer", review("accept")),
        ("narrator", json!("\"it went well\"")),
    ]);
    check(&world, expect![[r#"
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
        step-judged 01 ask mutate
        step-judged 02 auto observe
        model-asked reviewer 1
        model-answered
        review-given Accept
        step-granted 01.1 Assumed
        step-ended 01.1 exit 0 (assumed), as expected
        step-granted 02.1 Auto
        step-ended 02.1 exit 0 (assumed), as expected
        criterion-checked done met
        model-asked reviewer 2
        model-answered
        review-given Accept
        model-asked narrator 1
        model-answered
        brief-written
        run-closed rehearsed
        -> Over(Rehearsed)
    "#]]).await;
}

#[actix::test]
async fn a_human_is_asked_and_answers() {
    let world = world(small(), Approvals::Ask, json!([]), &[
        ("planner", draft(by_step("push"))),
        ("engineer", agree()),
        ("engineer", change(json!([]), &[step("push", &["flux", "reconcile", "apps"], json!({}))])),
        ("engineer", change(json!([]), &[step("push", &["flux", "suspend", "apps"], json!({}))])),
    ]);
    check(&world, expect![[r#"
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
        step-judged 01 ask mutate
        approval-asked 01.1
        -> Parked(NeedsHuman, "step 01 waits for an approval: flux reconcile apps")
    "#]]).await;
    world.say(Word::Deny).await;
    check(&world, expect![[r#"
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
        step-judged 01 ask mutate
        approval-asked 01.1
        run-resumed
        approval-refused
        model-asked engineer 3
        model-answered
        edits-proposed
        step-judged 02 ask mutate
        approval-asked 02.1
        -> Parked(NeedsHuman, "step 02 waits for an approval: flux suspend apps")
    "#]]).await;
    world.say(Word::Approve).await;
    check(&world, expect![[r#"
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
        step-judged 01 ask mutate
        approval-asked 01.1
        run-resumed
        approval-refused
        model-asked engineer 3
        model-answered
        edits-proposed
        step-judged 02 ask mutate
        approval-asked 02.1
        run-resumed
        approval-given
        step-granted 02.1 Approved(ops)
        step-ended 02.1 exit 0 (assumed), as expected
        criterion-checked done met
        run-closed rehearsed
        -> Over(Rehearsed)
    "#]]).await;
    assert_eq!(world.host.ledger().ran.len(), 1);
}

#[actix::test]
async fn the_engineer_objects_and_the_reviewer_sends_back() {
    let world = world(full(), Approvals::Assume, json!([]), &[
        ("planner", draft(by_step("look"))),
        ("engineer", json!({ "objections": ["there is no such cluster"] })),
        ("planner", draft(by_step("look"))),
        ("engineer", agree()),
        ("engineer", change(json!([]), &[step("look", &["kubectl", "get", "nodes"], json!({}))])),
        ("reviewer", review("back-to-engineer")),
        ("engineer", change(json!([]), &[step("look", &["kubectl", "get", "nodes"], json!({}))])),
        ("reviewer", review("accept")),
        ("reviewer", review("accept")),
        ("narrator", json!("\"it took two rounds\"")),
    ]);
    check(&world, expect![[r#"
        run-opened
        model-asked planner 1
        model-answered
        brief-written
        plan-proposed
        model-asked engineer 1
        model-answered
        plan-objected
        model-asked planner 2
        model-answered
        brief-written
        plan-proposed
        model-asked engineer 2
        model-answered
        plan-agreed
        model-asked engineer 3
        model-answered
        edits-proposed
        step-judged 01 auto observe
        model-asked reviewer 1
        model-answered
        review-given BackToEngineer
        model-asked engineer 4
        model-answered
        edits-proposed
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
        model-asked narrator 1
        model-answered
        brief-written
        run-closed rehearsed
        -> Over(Rehearsed)
    "#]]).await;
}

#[actix::test]
async fn refused_steps_and_blocked_edits_go_back_with_the_reason() {
    let world = world(small(), Approvals::Assume, json!([]), &[
        ("planner", draft(by_step("look"))),
        ("engineer", agree()),
        ("engineer", change(json!([{ "action": "write", "path": "ai/studio/policy.toml", "text": "default = 'auto'" }]), &[])),
        ("engineer", change(json!([]), &[step("look", &["talosctl", "wipe"], json!({}))])),
        ("engineer", change(json!([]), &[step("look", &["kubectl", "get", "nodes"], json!({}))])),
    ]);
    check(&world, expect![[r#"
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
        model-asked engineer 3
        model-answered
        edits-proposed
        step-judged 01 refuse destroy
        model-asked engineer 4
        model-answered
        edits-proposed
        step-judged 02 auto observe
        step-granted 02.1 Auto
        step-ended 02.1 exit 0 (assumed), as expected
        criterion-checked done met
        run-closed rehearsed
        -> Over(Rehearsed)
    "#]]).await;
    let said: Vec<String> = world.run().feedback().iter().map(|remark| remark.text.to_string()).collect();
    assert_eq!(said, ["the edits of engineer do not pass: ai/studio/policy.toml (block): the rules of a test", "step look is refuse (destroy): the rules of a test"]);
}

#[actix::test]
async fn a_criterion_without_a_check_waits_for_a_human() {
    let world = world(small(), Approvals::Assume, json!([]), &[
        ("planner", draft(json!([{ "name": "nice", "text": "it looks nice" }]))),
        ("engineer", agree()),
        ("engineer", change(json!([]), &[step("look", &["kubectl", "get", "nodes"], json!({}))])),
    ]);
    check(&world, expect![[r#"
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
        step-judged 01 auto observe
        step-granted 01.1 Auto
        step-ended 01.1 exit 0 (assumed), as expected
        -> Parked(NeedsReview, "no machine can say whether these criteria are met: nice; look at the report and decide")
    "#]]).await;
}

#[actix::test]
async fn checks_read_back_and_look_at_files() {
    let read = step("look", &["kubectl", "get", "nodes"], json!({ "json": [{ "pointer": "/ready", "is": 3 }] }));
    let criteria = json!([
        { "name": "nodes", "text": "three nodes", "check": { "kind": "read-back", "read": read } },
        { "name": "file", "text": "the file is there", "check": { "kind": "file", "path": "docs/a.md", "matches": "^a$" } },
    ]);
    let scenario = json!([
        { "argv": ["kubectl", "get", "nodes"], "stdout": "{\"ready\":2}" },
        { "argv": ["kubectl", "get", "nodes"], "stdout": "{\"ready\":3}" },
    ]);
    let edits = json!([{ "action": "write", "path": "docs/a.md", "text": "a" }]);
    let world = world(small(), Approvals::Assume, scenario, &[
        ("planner", draft(criteria)),
        ("engineer", agree()),
        ("engineer", change(edits.clone(), &[])),
        ("engineer", change(edits, &[])),
    ]);
    check(&world, expect![[r#"
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
        step-judged 01 auto observe
        step-granted 01.1 Auto
        step-ended 01.1 exit 0 (assumed): /ready is 2, expected 3
        criterion-checked nodes unmet
        criterion-checked file met
        model-asked engineer 3
        model-answered
        edits-proposed
        step-judged 02 auto observe
        step-granted 02.1 Auto
        step-ended 02.1 exit 0 (assumed), as expected
        criterion-checked nodes met
        criterion-checked file met
        run-closed rehearsed
        -> Over(Rehearsed)
    "#]]).await;
}

#[actix::test]
async fn work_that_is_sent_back_too_often_ends() {
    let wrong = change(json!([]), &[step("look", &["talosctl", "wipe"], json!({}))]);
    let world = world(small(), Approvals::Assume, json!([]), &[
        ("planner", draft(by_step("look"))),
        ("engineer", agree()),
        ("engineer", wrong.clone()),
        ("engineer", wrong.clone()),
        ("engineer", wrong.clone()),
        ("engineer", wrong),
    ]);
    check(&world, expect![[r#"
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
        step-judged 01 refuse destroy
        model-asked engineer 3
        model-answered
        edits-proposed
        step-judged 02 refuse destroy
        model-asked engineer 4
        model-answered
        edits-proposed
        step-judged 03 refuse destroy
        model-asked engineer 5
        model-answered
        edits-proposed
        step-judged 04 refuse destroy
        limit-reached Rounds: the work was sent back 4 times; the last word, of gate: step look is refuse (destroy): the rules of a test
        run-closed out-of-rounds
        -> Over(OutOfRounds)
    "#]]).await;
}

#[actix::test]
async fn a_lost_outcome_is_settled_by_a_human() {
    let world = world(small(), Approvals::Assume, json!([{ "argv": ["flux", "reconcile", "apps"], "lost": true }]), &[
        ("planner", draft(by_step("push"))),
        ("engineer", agree()),
        ("engineer", change(json!([]), &[step("push", &["flux", "reconcile", "apps"], json!({}))])),
    ]);
    check(&world, expect![[r#"
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
        step-judged 01 ask mutate
        step-granted 01.1 Assumed
        step-unknown 01.1
        -> Parked(NeedsHuman, "nobody knows whether step 01 ran (the scenario loses this outcome): look, then say so with settle")
    "#]]).await;
    world.say(Word::Happened).await;
    check(&world, expect![[r#"
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
        step-judged 01 ask mutate
        step-granted 01.1 Assumed
        step-unknown 01.1
        run-resumed
        step-settled
        criterion-checked done unmet
        -> Parked(NeedsReview, "no machine can say whether these criteria are met: done; look at the report and decide")
    "#]]).await;
    assert_eq!(world.host.ledger().ran.values().sum::<u32>(), 1);
}

#[actix::test]
async fn a_lost_read_is_read_again() {
    let scenario = json!([{ "argv": ["kubectl", "get", "nodes"], "lost": true }]);
    let world = world(small(), Approvals::Assume, scenario, &[
        ("planner", draft(by_step("look"))),
        ("engineer", agree()),
        ("engineer", change(json!([]), &[step("look", &["kubectl", "get", "nodes"], json!({}))])),
    ]);
    check(&world, expect![[r#"
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
        step-judged 01 auto observe
        step-granted 01.1 Auto
        step-unknown 01.1
        step-granted 01.2 Auto
        step-unknown 01.2
        step-granted 01.3 Auto
        step-unknown 01.3
        -> Parked(NeedsHuman, "nobody knows whether step 01 ran (the scenario loses this outcome): look, then say so with settle")
    "#]]).await;
}

#[actix::test]
async fn the_same_command_twice_in_a_ticket_asks() {
    let world = world(small(), Approvals::Assume, json!([{ "argv": ["flux", "reconcile", "apps"] }, { "argv": ["flux", "reconcile", "apps"] }]), &[
        ("planner", draft(by_step("again"))),
        ("engineer", agree()),
        ("engineer", change(json!([]), &[step("push", &["flux", "reconcile", "apps"], json!({})), step("again", &["flux", "reconcile", "apps"], json!({}))])),
    ]);
    let asked = World { opened: studio_core::event::Opened { approvals: Approvals::Ask, ..world.opened.clone() }, ..world };
    asked.live().await.unwrap();
    asked.say(Word::Approve).await;
    let rest = asked.live().await.unwrap();
    let log = asked.log();
    let Some(studio_core::event::Event::ApprovalAsked { why, .. }) = log.entries.last().map(|entry| &entry.event) else { panic!("{rest:?}") };
    assert!(why.contains("has run in this ticket already, as step 01"), "{why}");
}
