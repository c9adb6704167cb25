//! An office that carries tickets: three model calls each, a runbook of a given length, a journal on a real disk.

use anyhow::{Result, ensure};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use studio_core::approval::NoApprovers;
use studio_core::chores::NoChores;
use studio_core::clock::SystemClock;
use studio_core::crew::Crew;
use studio_core::dossier::{ConsiderPlan, Draft, Opinion, PrepareChange, WritePlan};
use studio_core::event::{Approvals, Closing, Mode, Opened, Planned};
use studio_core::gate::Gate;
use studio_core::host::{Executor, PretendHost, Scenario};
use studio_core::journal::Journal;
use studio_core::limits::RunLimits;
use studio_core::model::{Form, Message, Model, ModelError, Reply, Request, Role, ScriptedModel};
use studio_core::name::{Digest, PersonaName, RunId};
use studio_core::permit::PretendAuthority;
use studio_core::persona::{Answer, Desk, Persona};
use studio_core::plan::Change;
use studio_core::redact::Redactor;
use studio_core::store::{Disk, FileStore, Store};
use studio_core::supervisor::{Parts, Rest, Supervisor};
use studio_core::text::Prose;
use studio_core::ticket::{Source, Stage, StageFrom, Ticket};
use studio_core::tree::EmptyTree;
use studio_gate::ShortGate;
use tokio_util::sync::CancellationToken;

/// Where the runs of an office lie.
const RUNS: &str = "ai/state/simulated";

/// What an office is like.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// Steps of the runbook; each is a read that runs unasked.
    pub(crate) steps: usize,
    /// Whether the crew is the one that is shipped; else its personas do next to nothing.
    pub(crate) shipped: bool,
    /// How long the model takes to answer.
    pub(crate) thinks: Duration,
}

/// Everything that carries a ticket, but the disk.
pub(crate) struct Office {
    parts: Parts<PretendAuthority>,
    opened: Opened,
}

/// A persona that asks for its form and hands it over.
pub(crate) struct Clerk;

struct Slow {
    answers: ScriptedModel,
    thinks: Duration,
}

impl Kind {
    /// Returns its crew.
    pub(crate) fn crew(self) -> Crew {
        if self.shipped { studio_personas::small_crew() } else { Crew::new(|| Clerk, || Clerk) }
    }
}

impl Office {
    /// Opens an office. Needs an actix system.
    pub(crate) fn open(kind: Kind, crew: Crew) -> Result<Office> {
        let gate: Arc<dyn Gate> = Arc::new(ShortGate::new());
        let opened = opened(&crew, gate.as_ref())?;
        let parts = Parts {
            gate,
            approvers: Arc::new(NoApprovers),
            tree: Arc::new(EmptyTree),
            authority: Arc::new(PretendAuthority::new()),
            executor: Executor::before(PretendHost::new(Scenario::default())),
            chores: Arc::new(NoChores),
            crew,
            model: Some(Arc::new(Slow { answers: answers(kind.steps)?, thinks: kind.thinks })),
            stop: CancellationToken::new(),
        };
        Ok(Office { parts, opened })
    }

    /// Carries one ticket to its end and returns how many events that took.
    pub(crate) async fn carry<S: Store>(&self, store: S, run: RunId) -> Result<u64> {
        let journal = Journal::begin(store, run, Redactor::default(), Arc::new(SystemClock));
        let mut supervisor = Supervisor::open(journal, self.parts.clone(), self.opened.clone()).await?;
        let rest = supervisor.work().await?;
        ensure!(rest == Rest::Over(Closing::Rehearsed), "the ticket came to rest otherwise: {rest:?}");
        Ok(supervisor.run().last().n)
    }
}

impl Office {
    /// Carries ticket `no`, journaled below `root`.
    pub(crate) async fn file<D: Disk>(&self, disk: D, root: &Path, no: usize) -> Result<()> {
        let run = run(no)?;
        let store = FileStore::create(disk, root, Path::new(RUNS), &run).await?;
        self.carry(store, run).await?;
        Ok(())
    }
}

/// Returns the name of run `no`.
pub(crate) fn run(no: usize) -> Result<RunId> {
    Ok(RunId::try_from(format!("20260115-100000-bench-{no:04x}"))?)
}

/// Returns where run `no` below `root` keeps its journal.
pub(crate) fn journal(root: &Path, no: usize) -> Result<PathBuf> {
    Ok(root.join(RUNS).join(run(no)?.as_str()).join("journal.jsonl"))
}

#[async_trait]
impl Model for Slow {
    async fn complete(&self, request: &Request) -> Result<Reply, ModelError> {
        if !self.thinks.is_zero() {
            tokio::time::sleep(self.thinks).await;
        }
        self.answers.complete(request).await
    }

    fn name(&self) -> String {
        self.answers.name()
    }
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

async fn fill<T: serde::de::DeserializeOwned>(desk: &Desk, what: &str) -> Answer<T> {
    let form = Form { name: what.into(), schema: Arc::new(Value::Null) };
    desk.fill(vec![Message::new(Role::User, what)], &form).await
}

/// Returns what the Planner answers.
pub(crate) fn draft() -> Value {
    let check = json!({ "kind": "file", "path": "docs/nodes.md", "matches": "three" });
    let plan = json!({ "goal": "It is written down.", "criteria": [{ "name": "written", "text": "the page says so", "check": check }] });
    json!({ "brief": "Somebody should write down how many nodes there are.", "plan": plan })
}

fn answers(steps: usize) -> Result<ScriptedModel> {
    let step = |no| json!({ "name": format!("look-{no}"), "argv": ["kubectl", "get", "nodes"], "target": "main", "why": "it shows them", "expect": { "stdout_matches": ["Ready"] } });
    let runbook: Vec<Value> = (0..steps).map(step).collect();
    let edits = json!([{ "action": "write", "path": "docs/nodes.md", "text": "# Nodes\n\nThere are three.\n" }]);
    let said = [
        ("planner", 1, draft()),
        ("engineer", 1, json!({ "objections": [] })),
        ("engineer", 2, json!({ "summary": "Writes it down, after a look.", "edits": edits, "runbook": runbook })),
    ];
    let said: Result<Vec<_>> = said.into_iter().map(|(who, turn, what)| Ok(((PersonaName::try_from(who)?, turn), what.to_string()))).collect();
    Ok(ScriptedModel::new("bench", said?))
}

/// Returns the first event of a run of the one ticket.
pub(crate) fn opened(crew: &Crew, gate: &dyn Gate) -> Result<Opened> {
    let ticket = Ticket {
        id: "count-nodes".parse()?,
        title: Prose::tamed("Write down how many nodes there are"),
        body: None,
        criteria: Vec::new(),
        constraints: Vec::new(),
        stage: Stage::Infra,
        stage_from: StageFrom::Declared,
        scope: Vec::new(),
        depends_on: Vec::new(),
        cluster: None,
        script: None,
        source: Source { path: "ai/backlog.yaml".parse()?, line: 1 },
        content: Digest::zero(),
    };
    Ok(Opened {
        ticket,
        mode: Mode::Simulate,
        approvals: Approvals::Assume,
        planned: Planned::Crew,
        model: "scripted:bench".into(),
        crew: crew.posts(),
        limits: RunLimits::default(),
        install: "bench".into(),
        machine: "bench".into(),
        base: None,
        policy: gate.policy(),
        version: env!("CARGO_PKG_VERSION").into(),
        branch: None,
        began: None,
        queue: Vec::new(),
    })
}
