//! Outcomes that nobody saw, and commands that ran before: a human's word, another read, or a question.

use crate::crew::{agree, by_step, change, draft, small, step};
use crate::transcripts::{check, world};
use expect_test::expect;
use serde_json::json;
use studio_core::approval::Word;
use studio_core::event::Approvals;
use studio_tests::life::World;

#[actix::test]
async fn a_lost_outcome_is_settled_by_a_human() {
    let world = world(
        small(),
        Approvals::Assume,
        json!([{ "argv": ["flux", "reconcile", "apps"], "lost": true }]),
        &[
            ("planner", draft(by_step("push"))),
            ("engineer", agree()),
            ("engineer", change(json!([]), &[step("push", &["flux", "reconcile", "apps"], json!({}))])),
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
        step-granted 01.1 Assumed
        step-unknown 01.1
        -> Parked(NeedsHuman, "nobody knows whether step 01 ran (the scenario loses this outcome): look, then say so with settle")
    "#]],
    )
    .await;
    world.say(Word::Happened).await.unwrap();
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
        step-granted 01.1 Assumed
        step-unknown 01.1
        run-resumed
        step-settled
        criterion-checked done unmet
        -> Parked(NeedsReview, "no machine can say whether these criteria are met: done; look at the report and decide")
    "#]],
    )
    .await;
    assert_eq!(world.host.ledger().ran.values().sum::<u32>(), 1);
}

#[actix::test]
async fn a_lost_read_is_read_again() {
    let scenario = json!([{ "argv": ["kubectl", "get", "nodes"], "lost": true }]);
    let world = world(
        small(),
        Approvals::Assume,
        scenario,
        &[
            ("planner", draft(by_step("look"))),
            ("engineer", agree()),
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
        step-judged 01 auto observe
        step-granted 01.1 Auto
        step-unknown 01.1
        step-granted 01.2 Auto
        step-unknown 01.2
        step-granted 01.3 Auto
        step-unknown 01.3
        -> Parked(NeedsHuman, "nobody knows whether step 01 ran (the scenario loses this outcome): look, then say so with settle")
    "#]],
    )
    .await;
}

#[actix::test]
async fn the_same_command_twice_in_a_ticket_asks() {
    let world = world(
        small(),
        Approvals::Assume,
        json!([{ "argv": ["flux", "reconcile", "apps"] }, { "argv": ["flux", "reconcile", "apps"] }]),
        &[
            ("planner", draft(by_step("again"))),
            ("engineer", agree()),
            (
                "engineer",
                change(
                    json!([]),
                    &[step("push", &["flux", "reconcile", "apps"], json!({})), step("again", &["flux", "reconcile", "apps"], json!({}))],
                ),
            ),
        ],
    );
    let asked = World { opened: studio_core::event::Opened { approvals: Approvals::Ask, ..world.opened.clone() }, ..world };
    asked.live().await.unwrap();
    asked.say(Word::Approve).await.unwrap();
    let rest = asked.live().await.unwrap();
    let log = asked.log();
    let Some(studio_core::event::Event::ApprovalAsked { why, .. }) = log.entries.last().map(|entry| &entry.event) else { panic!("{rest:?}") };
    assert!(why.contains("has run in this ticket already, as step 01"), "{why}");
}
