//! Seats: a panic costs one message, nonsense is repaired or parked, a flood stays bounded, silence ends.

use crate::crew::{agree, by_step, change, draft, full, small, step};
use crate::transcripts::world;
use async_trait::async_trait;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use studio_core::crew::Crew;
use studio_core::dossier::{Advice, Advise, Checkpoint, ConsiderPlan, Draft, Opinion, PrepareChange, WritePlan};
use studio_core::event::{Approvals, Limit, Parked};
use studio_core::model::{Message, Model, ModelError, Reply, Request, Role};
use studio_core::persona::{Answer, Desk, Persona, PersonaError};
use studio_core::plan::Change;
use studio_core::supervisor::Rest;
use studio_core::text::Prose;
use studio_tests::life::World;

/// A Planner whose first lives panic, after it has bought its answer.
struct Nervous(Arc<AtomicU32>, u32);

#[async_trait]
impl Persona<WritePlan> for Nervous {
    async fn answer(&mut self, _: WritePlan, desk: &Desk) -> Answer<Draft> {
        let text = desk.think(vec![Message::new(Role::User, "draft")]).await?;
        assert!(self.0.fetch_add(1, Ordering::SeqCst) >= self.1, "too nervous");
        serde_json::from_str(&text).map_err(|error| PersonaError::Other(error.to_string()))
    }
}

/// An Engineer with the test crew's habits.
struct Calm;

#[async_trait]
impl Persona<ConsiderPlan> for Calm {
    async fn answer(&mut self, asked: ConsiderPlan, desk: &Desk) -> Answer<Opinion> {
        crate::crew::Clerk.answer(asked, desk).await
    }
}

#[async_trait]
impl Persona<PrepareChange> for Calm {
    async fn answer(&mut self, asked: PrepareChange, desk: &Desk) -> Answer<Change> {
        crate::crew::Clerk.answer(asked, desk).await
    }
}

fn nervous(panics: u32) -> (World, Arc<AtomicU32>) {
    let lives = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&lives);
    let crew = Crew::new(move || Nervous(Arc::clone(&counted), panics), || Calm);
    let answers = [
        ("planner", draft(by_step("look"))),
        ("engineer", agree()),
        ("engineer", change(json!([]), &[step("look", &["kubectl", "get", "nodes"], json!({}))])),
    ];
    (world(crew, Approvals::Assume, json!([]), &answers), lives)
}

/// Limits that a run reached, in order.
fn limits(world: &World) -> Vec<Limit> {
    let limit = |entry: &studio_core::journal::Entry| {
        if let studio_core::event::Event::LimitReached { limit, .. } = entry.event { Some(limit) } else { None }
    };
    world.log().entries.iter().filter_map(limit).collect()
}

#[actix::test]
async fn a_panic_costs_one_message_and_no_answer_is_bought_twice() {
    tokio::time::pause();
    let (world, lives) = nervous(2);
    assert!(matches!(world.live().await.unwrap(), Rest::Over(_)), "{}", world.transcript());
    assert_eq!(lives.load(Ordering::SeqCst), 3);
    assert_eq!(world.transcript().matches("model-asked planner").count(), 1, "{}", world.transcript());
    world.replayed().await;
}

#[actix::test]
async fn a_persona_that_keeps_panicking_parks_the_run() {
    tokio::time::pause();
    let (world, _) = nervous(u32::MAX);
    let Rest::Parked(Parked::NeedsHuman, why) = world.live().await.unwrap() else { panic!("{}", world.transcript()) };
    assert!(why.starts_with("planner: it panicked"), "{why}");
    assert_eq!(limits(&world), [Limit::Restarts]);
}

/// A model with one habit.
struct Odd(fn() -> Result<Reply, ModelError>, Option<Duration>);

#[async_trait]
impl Model for Odd {
    async fn complete(&self, _: &Request) -> Result<Reply, ModelError> {
        if let Some(silence) = self.1 {
            tokio::time::sleep(silence).await;
        }
        self.0()
    }

    fn name(&self) -> String {
        "odd".into()
    }
}

fn says(text: String) -> Result<Reply, ModelError> {
    Ok(Reply { text, usage: studio_core::model::Usage { tokens_in: 1000, tokens_out: 1000 } })
}

#[actix::test]
async fn nonsense_refusals_floods_and_silence_park_the_run_with_the_way_out() {
    tokio::time::pause();
    let cases: [(Odd, Limit, &str); 7] = [
        (Odd(|| says("I cannot help with that.".into()), None), Limit::Repairs, "does not fit"),
        (Odd(|| says("{\"brief\":\"\"}".into()), None), Limit::Repairs, "does not fit"),
        (Odd(|| says("{".repeat(100_000)), None), Limit::Repairs, "does not fit"),
        (Odd(|| says("x".repeat(300_000)), None), Limit::Model, "at most 262144 are read"),
        (Odd(|| Err(ModelError::Unreachable("connection refused".into())), None), Limit::Model, "connection refused"),
        (Odd(|| Err(ModelError::Cut("length".into())), None), Limit::Model, "cut off"),
        (Odd(|| says(String::new()), Some(Duration::from_secs(1_000_000))), Limit::Model, "no answer within 600 seconds"),
    ];
    for (model, limit, words) in cases {
        let mut world = world(small(), Approvals::Assume, json!([]), &[]);
        world.model = Some(Arc::new(model));
        let Rest::Parked(Parked::NeedsHuman, why) = world.live().await.unwrap() else { panic!("{}", world.transcript()) };
        assert!(why.contains(words) && why.ends_with("mend it, then resume"), "{why}");
        assert_eq!(limits(&world), [limit]);
    }
}

#[actix::test]
async fn after_a_resume_the_model_is_asked_anew() {
    let answers = [
        ("planner", json!("no")),
        ("planner", json!("no")),
        ("planner", json!("no")),
        ("planner", draft(by_step("look"))),
        ("engineer", agree()),
        ("engineer", change(json!([]), &[step("look", &["kubectl", "get", "nodes"], json!({}))])),
    ];
    let world = world(small(), Approvals::Assume, json!([]), &answers);
    assert!(matches!(world.live().await.unwrap(), Rest::Parked(Parked::NeedsHuman, _)));
    assert!(matches!(world.live().await.unwrap(), Rest::Over(_)), "{}", world.transcript());
    world.replayed().await;
}

#[actix::test]
async fn a_budget_that_is_spent_is_an_end_of_its_own() {
    for (calls, tokens, limit) in [(2, u64::MAX, Limit::ModelCalls), (u32::MAX, 3000, Limit::Tokens)] {
        let mut world = world(small(), Approvals::Assume, json!([]), &[]);
        world.opened.limits.model_calls_max = calls;
        world.opened.limits.tokens_max = tokens;
        world.opened.limits.repairs_max = 10;
        world.model = Some(Arc::new(Odd(|| says("no".into()), None)));
        assert_eq!(world.live().await.unwrap(), Rest::Over(studio_core::event::Closing::OutOfBudget));
        assert_eq!((limits(&world), world.run().spent().model_calls), (vec![limit], 2));
    }
}

#[actix::test]
async fn without_a_model_the_run_names_the_setting() {
    let mut world = world(small(), Approvals::Assume, json!([]), &[]);
    world.model = None;
    let Rest::Parked(Parked::NeedsSetting, why) = world.live().await.unwrap() else { panic!("{}", world.transcript()) };
    assert!(why.contains("--model"), "{why}");
}

/// An adviser who is asked everywhere.
struct Everywhere(Arc<AtomicU32>);

#[async_trait]
impl Persona<Advise> for Everywhere {
    async fn answer(&mut self, asked: Advise, _: &Desk) -> Answer<Advice> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(match (asked.checkpoint, asked.dossier.round) {
            (Checkpoint::AfterPlan, 1) => Advice::SendBack { why: Prose::tamed("think again") },
            (Checkpoint::BeforeGrant, 3) => Advice::Stop { why: Prose::tamed("not today") },
            (Checkpoint::AfterStep, 2) => Advice::SendBack { why: Prose::tamed("that was odd") },
            (_, _) => Advice::GoOn,
        })
    }
}

#[actix::test]
async fn advisers_are_asked_at_their_checkpoints_and_stop_or_send_back() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let everywhere = [Checkpoint::AfterPlan, Checkpoint::BeforeDelivery, Checkpoint::BeforeGrant, Checkpoint::AfterStep];
    let crew = small().adviser("everywhere".parse().unwrap(), everywhere, move || Everywhere(Arc::clone(&counted)));
    let look = |name: &str| change(json!([]), &[step(name, &["kubectl", "get", "nodes"], json!({}))]);
    let answers = [("planner", draft(by_step("look"))), ("engineer", agree()), ("engineer", look("look")), ("engineer", look("look"))];
    let world = world(crew, Approvals::Assume, json!([]), &answers);
    assert_eq!(world.live().await.unwrap(), Rest::Over(studio_core::event::Closing::Refused), "{}", world.transcript());
    let advice: Vec<String> =
        world.transcript().lines().filter(|line| line.starts_with("advice")).map(|line| line.split('"').next().unwrap().to_string()).collect();
    let told = advice.join("\n");
    expect_test::expect![[r#"
        advice-given everywhere AfterPlan SendBack { why: 
        advice-given everywhere AfterPlan GoOn
        advice-given everywhere BeforeDelivery GoOn
        advice-given everywhere BeforeGrant GoOn
        advice-given everywhere AfterStep SendBack { why: 
        advice-given everywhere AfterPlan GoOn
        advice-given everywhere BeforeDelivery GoOn
        advice-given everywhere BeforeGrant Stop { why: "#]]
    .assert_eq(&told);
    assert_eq!(asked.load(Ordering::SeqCst) as usize, advice.len());
    world.replayed().await;
}

#[actix::test]
async fn a_stop_is_heard_while_a_persona_thinks() {
    let stop = tokio_util::sync::CancellationToken::new();
    let mut world = world(full(), Approvals::Assume, json!([]), &[("planner", draft(by_step("look")))]);
    let answers = world.model.replace(Arc::new(Stopping(stop.clone())));
    assert_eq!(world.live_until(stop).await.unwrap(), Rest::Stopped);
    assert_eq!(world.transcript(), "run-opened\nmodel-asked planner 1\n");
    world.model = answers;
    assert!(matches!(world.live().await.unwrap(), Rest::Parked(..)), "it goes on where it was");
    assert!(world.transcript().contains("plan-proposed"));
}

/// A model during whose call the Studio is told to stop; it never answers.
struct Stopping(tokio_util::sync::CancellationToken);

#[async_trait]
impl Model for Stopping {
    async fn complete(&self, _: &Request) -> Result<Reply, ModelError> {
        self.0.cancel();
        std::future::pending().await
    }

    fn name(&self) -> String {
        "stopping".into()
    }
}
