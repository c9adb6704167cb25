//! How runs end: by machine checks, by a limit, or with a question only a human can answer.

use crate::crew::{agree, by_step, change, draft, small, step};
use crate::transcripts::{check, world};
use expect_test::expect;
use serde_json::json;
use studio_core::event::Approvals;

#[actix::test]
async fn a_criterion_without_a_check_waits_for_a_human() {
    let world = world(
        small(),
        Approvals::Assume,
        json!([]),
        &[
            ("planner", draft(json!([{ "name": "nice", "text": "it looks nice" }]))),
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
        step-ended 01.1 exit 0 (assumed), as expected
        -> Parked(NeedsReview, "no machine can say whether these criteria are met: nice; look at the report and decide")
    "#]],
    )
    .await;
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
    let world = world(
        small(),
        Approvals::Assume,
        scenario,
        &[("planner", draft(criteria)), ("engineer", agree()), ("engineer", change(edits.clone(), &[])), ("engineer", change(edits, &[]))],
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
    "#]],
    )
    .await;
}

#[actix::test]
async fn work_that_is_sent_back_too_often_ends() {
    let wrong = change(json!([]), &[step("look", &["talosctl", "wipe"], json!({}))]);
    let world = world(
        small(),
        Approvals::Assume,
        json!([]),
        &[
            ("planner", draft(by_step("look"))),
            ("engineer", agree()),
            ("engineer", wrong.clone()),
            ("engineer", wrong.clone()),
            ("engineer", wrong.clone()),
            ("engineer", wrong),
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
    "#]],
    )
    .await;
}
