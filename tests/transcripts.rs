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
use studio_tests::chores::LedgerChores;
use studio_tests::disk::ModelDisk;
use studio_tests::host::LedgerHost;
use studio_tests::life::{World, now, opened};

pub(crate) fn world(crew: Crew, approvals: Approvals, scenario: Value, answers: &[(&str, Value)]) -> World {
    let gate = Arc::new(ShortRules);
    let scenario: Scenario = serde_json::from_value(json!({ "step": scenario })).unwrap();
    World {
        disk: ModelDisk::default(),
        host: LedgerHost::new(scenario),
        chores: LedgerChores::default(),
        opened: opened(ticket("make-it-so"), Planned::Crew, approvals, &crew, gate.as_ref()),
        gate,
        tree: Arc::new(EmptyTree),
        crew,
        model: Some(model(answers)),
        now: now(),
    }
}

pub(crate) async fn check(world: &World, transcript: Expect) {
    let rest = world.live().await.unwrap();
    world.replayed().await;
    transcript.assert_eq(&format!("{}-> {rest:?}\n", world.transcript()));
}

#[actix::test]
async fn a_full_crew_carries_a_ticket_to_its_end() {
    let world = world(
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
    );
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
    "#]],
    )
    .await;
}

#[actix::test]
async fn a_human_is_asked_and_answers() {
    let world = world(
        small(),
        Approvals::Ask,
        json!([]),
        &[
            ("planner", draft(by_step("push"))),
            ("engineer", agree()),
            ("engineer", change(json!([]), &[step("push", &["flux", "reconcile", "apps"], json!({}))])),
            ("engineer", change(json!([]), &[step("push", &["flux", "suspend", "apps"], json!({}))])),
        ],
    );
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
        step-judged 01 ask mutate
        approval-asked 01.1
        -> Parked(NeedsHuman, "step 01 waits for an approval: flux reconcile apps")
    "#]],
    )
    .await;
    world.say(Word::Deny).await.unwrap();
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
    "#]],
    )
    .await;
    world.say(Word::Approve).await.unwrap();
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
    "#]],
    )
    .await;
    assert_eq!(world.host.ledger().ran.len(), 1);
}

#[actix::test]
async fn the_engineer_objects_and_the_reviewer_sends_back() {
    let world = world(
        full(),
        Approvals::Assume,
        json!([]),
        &[
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
        ],
    );
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
    "#]],
    )
    .await;
}

#[actix::test]
async fn refused_steps_and_blocked_edits_go_back_with_the_reason() {
    let world = world(
        small(),
        Approvals::Assume,
        json!([]),
        &[
            ("planner", draft(by_step("look"))),
            ("engineer", agree()),
            ("engineer", change(json!([{ "action": "write", "path": "ai/studio/policy.toml", "text": "default = 'auto'" }]), &[])),
            ("engineer", change(json!([]), &[step("look", &["talosctl", "wipe"], json!({}))])),
            ("engineer", change(json!([]), &[step("look", &["kubectl", "get", "nodes"], json!({}))])),
        ],
    );
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
    "#]],
    )
    .await;
    let said: Vec<String> = world.run().feedback().iter().map(|remark| remark.text.to_string()).collect();
    assert_eq!(
        said,
        [
            "the edits of engineer do not pass: ai/studio/policy.toml (block): the rules of a test",
            "step look is refuse (destroy): the rules of a test"
        ]
    );
}
