//! A small crew for tests: each persona asks the model once and parses its answer, nothing else.

use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Arc;
use studio_core::crew::Crew;
use studio_core::dossier::{ConsiderPlan, Draft, Narrate, Opinion, PrepareChange, Review, ReviewWork, WritePlan};
use studio_core::gate::{Case, Class, EditJudgement, EditVerdict, Effect, Gate, Judgement, Verdict};
use studio_core::model::{Form, Message, Model, Role, ScriptedModel};
use studio_core::name::{Digest, PersonaName};
use studio_core::persona::{Answer, Desk, Persona};
use studio_core::plan::{Change, Edit};
use studio_core::text::Prose;
use studio_core::ticket::{Source, Stage, Ticket};

/// Fills every form it is asked for.
pub(crate) struct Clerk;

/// Reads are auto, wiping is refused, scripts ask and destroy, the rest asks.
pub(crate) struct ShortRules;

async fn fill<T: serde::de::DeserializeOwned>(desk: &Desk, what: &str) -> Answer<T> {
    let form = Form { name: what.into(), schema: Arc::new(json!({})) };
    desk.fill(vec![Message::new(Role::User, what)], &form).await
}

#[async_trait]
impl Persona<WritePlan> for Clerk {
    async fn answer(&mut self, _: WritePlan, desk: &Desk) -> Answer<Draft> {
        fill(desk, "draft").await
    }
}

#[async_trait]
impl Persona<ConsiderPlan> for Clerk {
    async fn answer(&mut self, _: ConsiderPlan, desk: &Desk) -> Answer<Opinion> {
        fill(desk, "opinion").await
    }
}

#[async_trait]
impl Persona<PrepareChange> for Clerk {
    async fn answer(&mut self, _: PrepareChange, desk: &Desk) -> Answer<Change> {
        fill(desk, "change").await
    }
}

#[async_trait]
impl Persona<ReviewWork> for Clerk {
    async fn answer(&mut self, _: ReviewWork, desk: &Desk) -> Answer<Review> {
        fill(desk, "review").await
    }
}

#[async_trait]
impl Persona<Narrate> for Clerk {
    async fn answer(&mut self, _: Narrate, desk: &Desk) -> Answer<Prose> {
        fill(desk, "story").await
    }
}

impl Gate for ShortRules {
    fn judge(&self, case: &Case<'_>) -> Judgement {
        let words: Vec<&str> = case.step.argv.words().collect();
        let (verdict, class, effect) = match words[..] {
            [_, "get", ..] => (Verdict::Auto, Class::Observe, Effect::Read),
            [_, "wipe", ..] => (Verdict::Refuse, Class::Destroy, Effect::OneShot),
            ["bash", ..] => (Verdict::Ask, Class::Destroy, Effect::OneShot),
            _ => (Verdict::Ask, Class::Mutate, Effect::OneShot),
        };
        let digest = Digest::blake3(case.step.argv.to_string().as_bytes());
        Judgement {
            verdict,
            class,
            effect,
            rule: "test".into(),
            why: "the rules of a test".into(),
            better: None,
            probe: None,
            digest,
            script: None,
            programs: Vec::new(),
        }
    }

    fn judge_edit(&self, edit: &Edit, _: Option<&[u8]>, _: Stage) -> EditJudgement {
        let verdict = if edit.paths().any(|path| path.as_str().starts_with("ai/")) { EditVerdict::Block } else { EditVerdict::Pass };
        EditJudgement { verdict, rule: "test".into(), why: "the rules of a test".into() }
    }

    fn policy(&self) -> Digest {
        Digest::zero()
    }
}

pub(crate) fn small() -> Crew {
    Crew::new(|| Clerk, || Clerk)
}

pub(crate) fn full() -> Crew {
    small().reviewer(|| Clerk).narrator(|| Clerk)
}

pub(crate) fn ticket(id: &str) -> Ticket {
    let source = Source { path: "ai/backlog.yaml".parse().unwrap(), line: 1 };
    Ticket::new(id.parse().unwrap(), Prose::tamed("Make it so"), source)
}

/// A model that answers the given values, in the order each persona is asked.
pub(crate) fn model(answers: &[(&str, Value)]) -> Arc<dyn Model> {
    let mut turns = std::collections::BTreeMap::new();
    let answers: Vec<((PersonaName, u32), String)> = answers
        .iter()
        .map(|(persona, value)| {
            let turn: &mut u32 = turns.entry(*persona).or_default();
            *turn += 1;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
            ((persona.parse().unwrap(), *turn), text)
        })
        .collect();
    Arc::new(ScriptedModel::new("test", answers))
}

pub(crate) fn step(name: &str, argv: &[&str], expect: Value) -> Value {
    json!({ "name": name, "argv": argv, "target": "main", "why": "it is needed", "expect": expect })
}

pub(crate) fn draft(criteria: Value) -> Value {
    json!({ "brief": "what it is about", "plan": { "goal": "three nodes are ready", "criteria": criteria } })
}

pub(crate) fn by_step(name: &str) -> Value {
    json!([{ "name": "done", "text": "the step ended", "check": { "kind": "step", "step": name } }])
}

pub(crate) fn change(edits: Value, runbook: &[Value]) -> Value {
    json!({ "summary": "what is changed", "edits": edits, "runbook": runbook })
}

pub(crate) fn agree() -> Value {
    json!({ "objections": [] })
}

pub(crate) fn review(decision: &str) -> Value {
    json!({ "decision": decision, "notes": "because" })
}
