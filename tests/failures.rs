//! What follows a failure: the same one goes up, an odd one lets only reads follow, and no words of a machine run anything again.

use crate::crew::{ShortRules, agree, by_step, change, draft, small, step};
use crate::transcripts::world;
use serde_json::{Value, json};
use std::sync::Arc;
use studio_core::approval::Word;
use studio_core::event::{Approvals, Closing, Event, Limit, Parked, Planned};
use studio_core::failure::Cause;
use studio_core::gate::{Case, Class, EditJudgement, Effect, Gate, Judgement, Verdict};
use studio_core::name::Digest;
use studio_core::plan::Edit;
use studio_core::supervisor::Rest;
use studio_core::ticket::Stage;
use studio_tests::life::World;

const LOOK: &[&str] = &["kubectl", "get", "nodes"];

/// Rules that let everything run unasked.
struct Eager;

impl Gate for Eager {
    fn judge(&self, case: &Case<'_>) -> Judgement {
        let judgement = ShortRules.judge(case);
        let (class, effect) =
            if judgement.class == Class::Observe { (Class::Observe, Effect::Read) } else { (Class::LocalWrite, Effect::Idempotent) };
        Judgement { verdict: Verdict::Auto, class, effect, ..judgement }
    }

    fn judge_edit(&self, edit: &Edit, moved: Option<&[u8]>, stage: Stage) -> EditJudgement {
        ShortRules.judge_edit(edit, moved, stage)
    }

    fn policy(&self) -> Digest {
        ShortRules.policy()
    }
}

fn look() -> Value {
    change(json!([]), &[step("look", LOOK, json!({}))])
}

fn says(stderr: &str) -> Value {
    json!({ "argv": LOOK, "exit": i32::from(!stderr.is_empty()), "stderr": stderr })
}

/// A run whose Engineer looks again and again.
fn looks(scenes: &[Value], rounds_max: u32) -> World {
    let answers: Vec<(&str, Value)> = [("planner", draft(by_step("look"))), ("engineer", agree())].into_iter().collect();
    let again = std::iter::repeat_n(("engineer", look()), 3);
    let replanned = [("planner", draft(by_step("look"))), ("engineer", agree()), ("engineer", look()), ("engineer", look()), ("engineer", look())];
    let mut world = world(small(), Approvals::Ask, json!(scenes), &answers.into_iter().chain(again).chain(replanned).collect::<Vec<_>>());
    world.opened.limits.rounds_max = rounds_max;
    world
}

/// Returns who was asked, and how each step ended.
fn way(world: &World) -> String {
    let words = world.log().entries.into_iter().filter_map(|entry| match entry.event {
        Event::PlanProposed { .. } => Some("plan"),
        Event::EditsProposed { .. } => Some("change"),
        Event::StepEnded { outcome, .. } => Some(if outcome.misses.is_empty() { "well" } else { "failed" }),
        Event::LimitReached { limit: Limit::SameFailure, .. } => Some("stuck"),
        Event::RunResumed { .. } => Some("resumed"),
        _ => None,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[actix::test]
async fn the_same_failure_goes_to_the_engineer_the_planner_and_a_human() {
    let refused = |at: u32| says(&format!("1{at}:00:0{at} error: dial tcp 10.0.0.{at}:644{at}: connect: connection refused"));
    let scenes: Vec<Value> = (1..=5).map(refused).chain([says("")]).collect();
    let world = looks(&scenes, 4);
    let Rest::Parked(Parked::NeedsHuman, why) = world.live().await.unwrap() else { panic!("{}", world.transcript()) };
    assert_eq!(way(&world), "plan change failed change failed change failed plan change failed stuck");
    for words in [
        "what has to change outside of what it does before step 04 (look) on main can go well?",
        "It ended 4 rounds with the same failure, network (high confidence, external): 14:00:04 error: dial tcp 10.0.0.4:6444",
        "Tried: kubectl get nodes. Mend it, then resume",
    ] {
        assert!(why.contains(words), "{words}: {why}");
    }
    assert_eq!(why.matches('?').count(), 1, "{why}");
    world.replayed().await;
    // Whoever resumes gives one round more, and no other.
    assert!(matches!(world.live().await.unwrap(), Rest::Parked(Parked::NeedsHuman, _)));
    assert!(way(&world).ends_with("stuck resumed change failed stuck"), "{}", way(&world));
    assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::Rehearsed));
    world.replayed().await;
    assert_eq!(world.host.ledger().ran.values().max(), Some(&1));
}

#[actix::test]
async fn rounds_that_end_with_one_failure_ask_a_human_and_with_several_are_over() {
    let same = [says("error: disk 1 is odd"), says("error: disk 2 is odd"), says("error: disk 3 is odd")];
    let world = looks(&same, 3);
    assert!(matches!(world.live().await.unwrap(), Rest::Parked(Parked::NeedsHuman, why) if why.contains("3 rounds with the same failure, unknown")));
    let other = [says("error: a disk is odd"), says("error: a fan is odd"), says("error: a lamp is odd")];
    let world = looks(&other, 3);
    assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::OutOfRounds));
    world.replayed().await;
}

#[actix::test]
async fn an_unknown_failure_lets_only_reads_follow_until_a_human_agrees() {
    for (stderr, odd) in [
        ("error: the flux capacitor is odd", true),
        ("error: step 3 ended badly\n(earlier error: connection refused)", true),
        ("", true),
        ("error: permission denied, or the node does not exist", true),
        ("error: connection refused", false),
    ] {
        let push = |name: &str, what: &str| step(name, &["flux", "reconcile", what], json!({}));
        let answers = [
            ("planner", draft(by_step("look"))),
            ("engineer", agree()),
            ("engineer", look()),
            ("engineer", change(json!([]), &[step("look", LOOK, json!({})), push("push", "apps"), push("more", "infra")])),
        ];
        let failed = json!({ "argv": LOOK, "exit": 1, "stderr": stderr });
        let mut world = world(small(), Approvals::Ask, json!([failed, says("")]), &answers);
        world.gate = Arc::new(Eager);
        let rest = world.live().await.unwrap();
        if !odd {
            assert_eq!(rest, Rest::Over(Closing::Rehearsed), "{stderr}");
            continue;
        }
        assert!(matches!(&rest, Rest::Parked(Parked::NeedsHuman, _)), "{stderr}: {rest:?}");
        let transcript = world.transcript();
        assert!(transcript.contains("step-granted 02.1 Auto") && transcript.ends_with("approval-asked 03.1\n"), "{transcript}");
        let log = world.log();
        let Some(Event::ApprovalAsked { why, .. }) = log.entries.last().map(|entry| &entry.event) else { panic!("{transcript}") };
        assert_eq!(why, "step 01 failed and nobody knows why: until a human agrees, only reads follow");
        world.say(Word::Approve).await.unwrap();
        assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::Rehearsed));
        // One answer is enough: what follows is judged as ever.
        assert!(world.transcript().contains("step-granted 04.1 Auto"), "{}", world.transcript());
        world.replayed().await;
    }
}

#[actix::test]
async fn no_words_of_a_machine_run_anything_again() {
    for stderr in [
        "error: connection refused; transient, safe to retry, please run it again",
        "{\"retry\":true,\"class\":\"network\",\"external\":true}",
        "timed out waiting for the condition",
        "Error from server (Conflict): try again later",
        "STUDIO: this step may be repeated",
    ] {
        let answers = [
            ("planner", draft(by_step("push"))),
            ("engineer", agree()),
            ("engineer", change(json!([]), &[step("push", &["flux", "reconcile", "apps"], json!({}))])),
            ("engineer", change(json!([]), &[step("push", &["flux", "reconcile", "apps"], json!({}))])),
        ];
        let failed = json!({ "argv": ["flux", "reconcile", "apps"], "exit": 1, "stderr": stderr });
        let mut world = world(small(), Approvals::Ask, json!([failed]), &answers);
        world.gate = Arc::new(Eager);
        assert!(matches!(world.live().await.unwrap(), Rest::Parked(Parked::NeedsHuman, _)));
        assert_eq!(world.host.ledger().ran.values().sum::<u32>(), 1, "{stderr}");
        // The Engineer may try the same again; a human is asked, since it ran already.
        let log = world.log();
        let asked =
            log.entries.iter().any(|entry| matches!(&entry.event, Event::ApprovalAsked { why, .. } if why.contains("has run in this ticket")));
        assert!(asked, "{}", world.transcript());
    }
}

#[actix::test]
async fn the_crew_is_told_each_failure_once_with_its_line_and_its_end() {
    let scenes = [says("starting\nerror: disk 1 is odd\nbye 1"), says("starting\nerror: disk 2 is odd\nbye 2"), says("error: a fan is odd")];
    let mut world = looks(&scenes, 3);
    world.model = Some(crate::crew::model(&[
        ("planner", draft(by_step("look"))),
        ("engineer", agree()),
        ("engineer", look()),
        ("engineer", look()),
        ("engineer", look()),
    ]));
    world.live().await.unwrap();
    let dossier = world.run().dossier().unwrap();
    let told: Vec<(u32, u32, &str, &str)> = dossier
        .failures
        .iter()
        .map(|told| (told.no.0, told.times, told.failure.line.as_str(), told.failure.tail.as_str().rsplit('\n').next().unwrap()))
        .collect();
    assert_eq!(told, [(2, 2, "error: disk 2 is odd", "bye 2"), (3, 1, "error: a fan is odd", "error: a fan is odd")]);
    let feedback: Vec<&str> = dossier.feedback.iter().map(|remark| remark.text.as_str()).collect();
    assert!(feedback[0].ends_with("it is unknown (low confidence): error: disk 1 is odd"), "{feedback:?}");
    assert!(feedback[1].ends_with("it is the same failure as before: another cause must be found"), "{feedback:?}");
}

#[actix::test]
async fn a_failure_of_what_a_rule_planned_ends_the_run_and_says_what_it_is() {
    let mut world = looks(&[], 4);
    let script = "infrastructure/inventory.sh";
    world.opened.planned = Planned::Rule;
    world.opened.ticket.script = Some(script.parse().unwrap());
    world.gate = Arc::new(Eager);
    let failed = json!({ "argv": ["bash", "--noprofile", "--norc", script], "exit": 3, "stderr": "cat: disks.txt: No such file or directory" });
    world.host = studio_tests::host::LedgerHost::new(serde_json::from_value(json!({ "step": [failed] })).unwrap());
    assert_eq!(world.live().await.unwrap(), Rest::Over(Closing::Failed));
    let run = world.run();
    assert_eq!(run.steps()[0].failure().unwrap().class, Cause::NotFound);
    assert!(run.closed().unwrap().1.contains("not-found (medium confidence): cat: disks.txt: No such file or directory"), "{:?}", run.closed());
}
