//! The ways out of an outcome that nobody saw: by what a second run would mean, by a read, by the host, by a human.

use crate::crash::cut_at_every_write;
use crate::crew::{ShortRules, agree, by_step, change, draft, small, step};
use crate::transcripts::world;
use serde_json::{Value, json};
use std::sync::Arc;
use studio_core::approval::Word;
use studio_core::event::{Approvals, Closing, Event, Mode, Parked};
use studio_core::gate::{Case, EditJudgement, Effect, Gate, Judgement};
use studio_core::host::{Assumed, Ended, Recalled, Seen};
use studio_core::name::Digest;
use studio_core::plan::Edit;
use studio_core::run::StepState;
use studio_core::step::Probe;
use studio_core::supervisor::Rest;
use studio_core::ticket::Stage;
use studio_tests::disk::Survives;
use studio_tests::life::World;

/// Rules that know what a second `flux reconcile` means, and maybe a read that tells whether there was a first.
struct Verbs(Effect, Option<Probe>);

impl Gate for Verbs {
    fn judge(&self, case: &Case<'_>) -> Judgement {
        let judgement = ShortRules.judge(case);
        if case.step.argv.program() == "flux" { Judgement { effect: self.0, probe: self.1.clone(), ..judgement } } else { judgement }
    }

    fn judge_edit(&self, edit: &Edit, moved: Option<&[u8]>, stage: Stage) -> EditJudgement {
        ShortRules.judge_edit(edit, moved, stage)
    }

    fn policy(&self) -> Digest {
        ShortRules.policy()
    }
}

/// The read that tells: three nodes are ready if it happened.
fn read(argv: &[&str]) -> Probe {
    serde_json::from_value(json!({ "argv": argv, "expect": { "stdout_matches": ["3 Ready"] } })).unwrap()
}

/// A world with one step whose first outcomes are lost, and a read that says this.
fn lossy(effect: Effect, probe: Option<Probe>, lost: usize, says: Value) -> World {
    let push = json!({ "argv": ["flux", "reconcile", "apps"] });
    let mut scenes = vec![json!({ "argv": ["flux", "reconcile", "apps"], "lost": true }); lost];
    scenes.extend([push, says]);
    let answers = [
        ("planner", draft(by_step("push"))),
        ("engineer", agree()),
        ("engineer", change(json!([]), &[step("push", &["flux", "reconcile", "apps"], json!({}))])),
    ];
    let world = world(small(), Approvals::Assume, json!(scenes), &answers);
    World { gate: Arc::new(Verbs(effect, probe)), ..world }
}

fn nodes(stdout: &str) -> Value {
    json!({ "argv": ["kubectl", "get", "nodes"], "stdout": stdout })
}

/// The events from the first grant on, and how it rests.
async fn end(world: &World) -> (String, Rest) {
    let rest = world.live().await.unwrap();
    world.replayed().await;
    let transcript = world.transcript();
    let from = transcript.find("step-granted").unwrap();
    (transcript[from..].replace('\n', "; "), rest)
}

const KUBECTL: &[&str] = &["kubectl", "get", "nodes"];

#[actix::test]
async fn what_is_harmless_again_is_done_again_within_its_budget() {
    let (events, rest) = end(&lossy(Effect::Idempotent, None, 1, nodes(""))).await;
    assert_eq!(
        events,
        "step-granted 01.1 Assumed; step-unknown 01.1; step-granted 01.2 Assumed; step-ended 01.2 exit 0 (assumed), as expected; \
         criterion-checked done met; run-closed rehearsed; "
    );
    assert_eq!(rest, Rest::Over(Closing::Rehearsed));
    let (events, rest) = end(&lossy(Effect::Idempotent, None, 9, nodes(""))).await;
    assert_eq!(events.matches("step-granted").count(), 3, "{events}");
    assert!(matches!(&rest, Rest::Parked(Parked::NeedsHuman, why) if why.contains("look, then say so with settle")), "{rest:?}");
}

#[actix::test]
async fn a_read_of_the_rules_settles_what_it_can() {
    for (effect, says, tail) in [
        (Effect::Probed, nodes("3 Ready"), "step-ended 01.2 exit 0 (assumed), as expected; criterion-checked done met; run-closed rehearsed; "),
        (
            Effect::Probed,
            nodes("2 Ready"),
            "step-ended 01.2 exit 0 (assumed): its output does not match /3 Ready/; step-granted 01.3 Assumed; \
             step-ended 01.3 exit 0 (assumed), as expected; criterion-checked done met; run-closed rehearsed; ",
        ),
        (
            Effect::Idempotent,
            json!({ "argv": KUBECTL, "exit": 1 }),
            "step-ended 01.2 exit 1 (assumed): it exited 1, expected 0; its output does not match /3 Ready/; step-granted 01.3 Assumed; \
             step-ended 01.3 exit 0 (assumed), as expected; criterion-checked done met; run-closed rehearsed; ",
        ),
    ] {
        let (events, rest) = end(&lossy(effect, Some(read(KUBECTL)), 1, says)).await;
        assert_eq!(events, format!("step-granted 01.1 Assumed; step-unknown 01.1; probe-granted 01.2; {tail}"));
        assert_eq!(rest, Rest::Over(Closing::Rehearsed));
    }
}

#[actix::test]
async fn a_read_that_cannot_tell_leaves_it_to_a_human() {
    for (effect, probe, says, word) in [
        (Effect::Probed, read(KUBECTL), json!({ "argv": KUBECTL, "exit": 1 }), "a read could not tell"),
        (Effect::OneShot, read(KUBECTL), nodes("2 Ready"), "a read says it did not happen"),
        (Effect::Probed, read(&["flux", "suspend", "apps"]), nodes(""), "a read could not tell: flux suspend apps is ask"),
        (Effect::Probed, read(KUBECTL), json!({ "argv": KUBECTL, "lost": true }), "a read could not tell"),
    ] {
        let (events, rest) = end(&lossy(effect, Some(probe), 1, says)).await;
        assert_eq!(events.matches("step-granted").count(), 1, "{events}");
        assert!(matches!(&rest, Rest::Parked(Parked::NeedsHuman, why) if why.contains(word)), "{word}: {rest:?}");
    }
}

#[actix::test]
async fn a_read_of_the_runbook_may_confirm_and_never_lead_to_a_second_run() {
    for (says, wanted) in [("3 Ready", Parked::NeedsReview), ("2 Ready", Parked::NeedsHuman)] {
        let mut world = lossy(Effect::OneShot, None, 1, nodes(says));
        let mut push = step("push", &["flux", "reconcile", "apps"], json!({}));
        push["probe"] = serde_json::to_value(read(KUBECTL)).unwrap();
        world.model =
            Some(crate::crew::model(&[("planner", draft(by_step("push"))), ("engineer", agree()), ("engineer", change(json!([]), &[push]))]));
        let (events, rest) = end(&world).await;
        assert_eq!(events.matches("step-granted").count(), 1, "{events}");
        // What the model's own read confirms is no machine's check of the criterion.
        assert!(matches!(&rest, Rest::Parked(parked, _) if *parked == wanted), "{rest:?}");
    }
}

#[actix::test]
async fn crash_reads_that_tell_come_to_the_same_end_wherever_the_power_goes() {
    let survivors = [Survives { names: false, percent: 0 }, Survives { names: true, percent: 0 }, Survives { names: true, percent: 100 }];
    cut_at_every_write("a probe confirms", &survivors, || lossy(Effect::Probed, Some(read(KUBECTL)), 1, nodes("3 Ready"))).await;
    cut_at_every_write("a probe denies", &survivors, || lossy(Effect::Probed, Some(read(KUBECTL)), 1, nodes("2 Ready"))).await;
}

fn seen(exit: i32) -> Ended {
    Ended {
        exit: Some(exit),
        stdout: String::new(),
        stderr: String::new(),
        assumed: Assumed::No,
        artifacts: Vec::new(),
        notes: Vec::new(),
        sealed: None,
    }
}

#[actix::test]
async fn what_runs_too_long_is_looked_at_again_until_it_ends() {
    let world = lossy(Effect::OneShot, None, 0, nodes(""));
    world.host.say_next(Seen::Overdue("still running after 1 seconds".into()));
    let rest = world.live().await.unwrap();
    assert!(matches!(&rest, Rest::Parked(Parked::NeedsHuman, why) if why.contains("runs longer than it may")), "{rest:?}");
    world.host.recall_next(Recalled::Overdue("still running after 9 seconds".into()));
    let (events, _) = end(&world).await;
    assert_eq!(events, "step-granted 01.1 Assumed; step-overdue 01.1; run-resumed; step-overdue 01.1; ");
    world.host.recall_next(Recalled::Ended(seen(0)));
    let (events, rest) = end(&world).await;
    assert!(events.ends_with("run-resumed; step-ended 01.1 exit 0, as expected; criterion-checked done met; run-closed rehearsed; "), "{events}");
    assert_eq!((rest, world.host.ledger().ran.len()), (Rest::Over(Closing::Rehearsed), 0));
}

#[actix::test]
async fn what_may_not_begin_now_begins_later_as_the_same_op() {
    let world = lossy(Effect::OneShot, None, 0, nodes(""));
    world.host.say_next(Seen::Held("changes are frozen".into()));
    let rest = world.live().await.unwrap();
    assert_eq!(rest, Rest::Parked(Parked::NeedsHuman, "changes are frozen".into()));
    let (events, rest) = end(&world).await;
    assert!(events.starts_with("step-granted 01.1 Assumed; run-resumed; step-granted 01.1 Assumed; step-ended 01.1 "), "{events}");
    assert_eq!(rest, Rest::Over(Closing::Rehearsed));
    assert_eq!(world.host.ledger().ran.values().sum::<u32>(), 1);
}

#[actix::test]
async fn an_executor_out_of_reach_records_nothing_and_the_next_life_asks() {
    let world = lossy(Effect::OneShot, None, 0, nodes(""));
    world.host.say_next(Seen::Gone("it ended".into()));
    assert!(world.live().await.unwrap_err().to_string().contains("out of reach: it ended; resume the run"));
    assert!(world.transcript().ends_with("step-granted 01.1 Assumed\n"), "{}", world.transcript());
    assert_eq!(end(&world).await.1, Rest::Over(Closing::Rehearsed));
    assert_eq!(world.host.ledger().ran.values().sum::<u32>(), 1);
}

#[actix::test]
async fn a_host_that_knows_better_overrules_a_settlement() {
    for (knows, wanted) in [
        (Recalled::Ended(seen(0)), "run-resumed; step-ended 01.1 exit 0, as expected; criterion-checked done met; run-closed rehearsed; "),
        (Recalled::Overdue("it runs".into()), "run-resumed; step-overdue 01.1; "),
    ] {
        let world = lossy(Effect::OneShot, None, 1, nodes(""));
        world.live().await.unwrap();
        world.say(Word::DidNot).await.unwrap();
        world.host.recall_next(knows);
        let (events, _) = end(&world).await;
        assert!(events.ends_with(wanted), "{events}");
        assert_eq!(world.host.ledger().ran.values().sum::<u32>(), 1);
    }
}

#[actix::test]
async fn an_op_that_was_granted_and_refused_is_judged_again_as_another() {
    let world = lossy(Effect::OneShot, None, 0, nodes(""));
    world.host.say_next(Seen::Gone("it was upgraded".into()));
    world.live().await.unwrap_err();
    world.host.recall_next(Recalled::Refused("its policy is another".into()));
    let (events, rest) = end(&world).await;
    assert!(
        events.starts_with("step-granted 01.1 Assumed; run-resumed; approval-expired; step-judged 01 ask mutate; step-granted 01.2 Assumed; "),
        "{events}"
    );
    assert_eq!(rest, Rest::Over(Closing::Rehearsed));
}

#[actix::test]
async fn what_another_run_did_for_the_ticket_asks_a_human() {
    let before = lossy(Effect::OneShot, None, 0, nodes("")).op_of_another();
    for (effect, asks) in [(Effect::OneShot, true), (Effect::Idempotent, true), (Effect::Read, false)] {
        let mut world = lossy(effect, None, 0, nodes(""));
        (world.opened.mode, world.opened.approvals) = (Mode::Live, Approvals::Ask);
        world.host.did_before(std::slice::from_ref(&before));
        world.live().await.unwrap();
        let why = world.log().entries.iter().find_map(|entry| match &entry.event {
            Event::ApprovalAsked { why, .. } => Some(why.clone()),
            _ => None,
        });
        assert_eq!(why.unwrap_or_default().contains("has run for this ticket already, as 20260101-000000-make-it-so-0000.01.1"), asks);
        world.replayed().await;
    }
}

#[actix::test]
async fn a_settlement_of_what_is_not_unknown_changes_nothing() {
    let world = lossy(Effect::OneShot, None, 1, nodes(""));
    world.live().await.unwrap();
    world.say(Word::Happened).await.unwrap();
    world.live().await.unwrap();
    let before = world.transcript();
    world.say(Word::DidNot).await.unwrap();
    world.live().await.unwrap();
    assert_eq!(world.transcript(), format!("{before}run-resumed\n"));
    assert!(matches!(world.run().steps()[0].state, StepState::Settled(_)));
}

#[actix::test]
async fn a_no_to_another_try_leaves_the_first_as_unknown_as_it_was() {
    let mut world = lossy(Effect::Idempotent, None, 1, nodes(""));
    world.opened.approvals = Approvals::Ask;
    world.live().await.unwrap();
    world.say(Word::Approve).await.unwrap();
    world.live().await.unwrap();
    let log = world.log();
    let Some(Event::ApprovalAsked { op, why, .. }) = log.entries.last().map(|entry| &entry.event) else { panic!("{}", world.transcript()) };
    assert!(op.attempt == 2 && why.contains("it may have run already"), "{why}");
    world.say(Word::Deny).await.unwrap();
    let (_, rest) = end(&world).await;
    assert!(
        matches!(&rest, Rest::Parked(Parked::NeedsHuman, why) if why.contains("another try was refused): look, then say so with settle")),
        "{rest:?}"
    );
    let record = world.run().steps()[0].clone();
    assert!(record.attempt == 1 && matches!(record.state, StepState::Unknown(_)));
    assert_eq!(world.host.ledger().ran.values().sum::<u32>(), 1);
}

#[actix::test]
async fn a_run_is_cancelled_by_a_signature_and_never_while_something_runs() {
    for unknown in [false, true] {
        let mut world = lossy(Effect::OneShot, None, u32::from(unknown) as usize, nodes(""));
        world.opened.approvals = Approvals::Ask;
        world.live().await.unwrap();
        if unknown {
            world.say(Word::Approve).await.unwrap();
            world.live().await.unwrap();
        }
        world.cancel().await.unwrap();
        let (events, rest) = if unknown { end(&world).await } else { (String::new(), world.live().await.unwrap()) };
        assert_eq!(rest, Rest::Over(Closing::Cancelled), "{events}");
        assert!(world.run().closed().unwrap().1.contains("ops cancelled it"));
        world.replayed().await;
    }
    let world = lossy(Effect::OneShot, None, 0, nodes(""));
    world.host.say_next(Seen::Overdue("it runs".into()));
    world.live().await.unwrap();
    world.cancel().await.unwrap();
    world.host.recall_next(Recalled::Overdue("it runs still".into()));
    assert!(matches!(world.live().await.unwrap(), Rest::Parked(Parked::NeedsHuman, _)));
    // The word waits until it has ended.
    world.host.recall_next(Recalled::Ended(seen(0)));
    assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::Cancelled));
    world.replayed().await;
}
