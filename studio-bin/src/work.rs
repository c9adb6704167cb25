//! Carrying one run to rest: begin or resume it, show it, write its report.

use crate::anchored;
use crate::claims;
use crate::cli::CrewArg;
use crate::exit::{Exit, Failure};
use crate::live::{self, Live};
use crate::older;
use crate::rules::{self, Rules};
use crate::site::{Found, RUNS, Site};
use crate::wiring::{self, Bench, Choice};
use crate::{story, traces};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use studio_core::chores::ChoreError;
use studio_core::curation::Queued;
use studio_core::event::{Approvals, Mode, Opened, Parked, Planned};
use studio_core::gate::Gate;
use studio_core::host::Scenario;
use studio_core::journal::{Entry, Journal, Observer};
use studio_core::limits::{QUEUE_SHOWN_MAX, RunLimits};
use studio_core::name::{BranchName, CommitId, RelPath, RunId, TicketId};
use studio_core::permit::Cuts;
use studio_core::replay::Stage;
use studio_core::run::{Run, StepRecord, StepState};
use studio_core::store::{FileStore, OsDisk};
use studio_core::supervisor::{Here, Rest, RunError, Supervisor};
use studio_core::ticket::Ticket;
use studio_core::tree::Tree;
use studio_files::ignore;
use studio_files::intake::{Entry as Entered, Queue, Readiness};
use tokio_util::sync::CancellationToken;

/// How much of an effect tells it from every other that a run may come to ask about.
pub(crate) const EFFECT_CHARS: usize = 16;

/// How a run is begun.
pub(crate) struct Job {
    /// The ticket.
    pub(crate) ticket: Ticket,
    /// The files it works on.
    pub(crate) tree: Arc<dyn Tree>,
    /// The rules.
    pub(crate) rules: Rules,
    /// The model.
    pub(crate) choice: Choice,
    /// The other tickets, for the Planner.
    pub(crate) queue: Vec<Queued>,
    /// Who sits.
    pub(crate) crew: CrewArg,
    /// What steps are run by.
    pub(crate) hands: Hands,
}

/// What steps are run by.
#[derive(Clone)]
pub(crate) enum Hands {
    /// Pretended hosts.
    Pretend {
        /// What they answer, where it is not the model's file that says so.
        scenario: Option<Scenario>,
        /// What a simulation does where a human would be asked.
        approvals: Approvals,
    },
    /// The Executor.
    Live(Live),
}

/// Where a run rests.
pub(crate) struct Rested {
    /// Which run.
    pub(crate) id: RunId,
    /// How.
    pub(crate) rest: Rest,
    /// Its state.
    pub(crate) run: Run,
    /// Its report, if one was written.
    pub(crate) report: Option<RelPath>,
    /// Why the Executor is lost, if it is.
    pub(crate) lost: Option<String>,
}

impl Rested {
    /// Returns what a caller sees.
    pub(crate) fn exit(&self) -> Exit {
        if self.lost.is_some() { Exit::Lost } else { Exit::from(&self.rest) }
    }
}

/// Prints what happens as it happens.
struct Teller {
    json: bool,
}

/// Begins a run and works it to rest.
///
/// # Errors
/// The disk, the settings, the repository; what was recorded is whole.
pub(crate) async fn begin(site: &Site, job: Job, json: bool, stop: CancellationToken) -> Result<Rested, Failure> {
    ignore::ensure(site.root()).map_err(|error| Failure::new(Exit::Error, error))?;
    let _alone = match job.hands {
        Hands::Live(_) => Some(live::alone(site, &job.ticket.id, None)?),
        Hands::Pretend { .. } => None,
    };
    let thinker = job.choice.thinker(&site.operator)?;
    let by_rule = thinker.model.is_none() && job.ticket.script.is_some(); // without a script the crew is seated, and waits for a model
    let crew = wiring::crew(if by_rule { CrewArg::Small } else { job.crew });
    let id = site.new_run(&job.ticket.id)?;
    let _watched = claims::watch(site, id.clone(), &stop)?;
    let (mode, approvals) = match &job.hands {
        Hands::Pretend { approvals, .. } => (Mode::Simulate, *approvals),
        Hands::Live(_) => (Mode::Live, Approvals::Ask),
    };
    let mut opened = Opened {
        mode,
        approvals,
        planned: if by_rule { Planned::Rule } else { Planned::Crew },
        model: job.choice.name(),
        crew: crew.posts(),
        limits: RunLimits::default(),
        install: site.operator.install()?,
        machine: site.machine(),
        base: job.tree.commit(),
        policy: job.rules.gate.policy(),
        version: env!("CARGO_PKG_VERSION").into(),
        branch: None,
        began: Some(site.clock.now()),
        queue: if by_rule { Vec::new() } else { job.queue },
        ticket: job.ticket,
    };
    let shelf = if mode == Mode::Live { RUNS[0] } else { RUNS[1] };
    let found = Found { dir: site.root().join(shelf).join(id.as_str()), id: id.clone() };
    let store = async || FileStore::create(OsDisk, site.root(), Path::new(shelf), &id).await;
    let bench = Bench { gate: job.rules.gate, tree: job.tree, crew, model: thinker.model, stop };
    let stage = stage(&bench);
    match job.hands {
        Hands::Pretend { scenario, .. } => {
            let parts = wiring::pretended(&site.operator, bench, scenario.unwrap_or(thinker.scenario))?;
            let journal = Journal::begin(store().await?, id.clone(), thinker.redactor, Arc::clone(&site.clock)).observed(Arc::new(Teller { json }));
            finish(site, &found, stage, Supervisor::open(journal, parts, opened).await?, None).await
        }
        Hands::Live(live) => {
            if !by_rule {
                let wanted =
                    BranchName::of_engineer(&job.rules.branch, &opened.ticket.id, &id).map_err(|error| Failure::new(Exit::BadInput, error))?;
                opened.branch = Some(live.link.free_branch(wanted).await.map_err(RunError::from)?);
            }
            let parts = wiring::live(site, bench, &live)?;
            let journal = Journal::begin(store().await?, id.clone(), thinker.redactor, Arc::clone(&site.clock)).observed(Arc::new(Teller { json }));
            let base = opened.base.clone();
            let supervisor = Supervisor::open(journal, parts, opened).await?;
            lives(&live, supervisor.journal(), base).await?;
            finish(site, &found, stage, supervisor, Some(&live)).await
        }
    }
}

/// Goes on with a run and works it to rest.
///
/// # Errors
/// As [`begin`]; another runtime holds it; it was begun elsewhere or under other rules.
pub(crate) async fn resume(
    site: &Site,
    found: &Found,
    model: Option<&str>,
    scenario: Option<Scenario>,
    json: bool,
    stop: CancellationToken,
) -> Result<Rested, Failure> {
    // A journal that does not open is read again, which says what is wrong with which file.
    let opened = FileStore::open(OsDisk, &found.dir).await;
    let (store, log) = opened.map_err(|error| found.log().err().unwrap_or_else(|| error.into()))?;
    let (store, log) = older::doubted(site, found, store, log).await?;
    let run = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
    let _watched = claims::watch(site, found.id.clone(), &stop)?;
    let Some(opened) = run.opened() else { return Err(Failure::new(Exit::BadInput, "the run was never opened")) };
    let choice = match Choice::parse(model.unwrap_or(&opened.model))? {
        Choice::None if opened.planned == Planned::Crew => Choice::of(model, &site.operator)?, // it may have been named since
        choice @ (Choice::None | Choice::Scripted(_) | Choice::OpenAi(_)) => choice,
    };
    let thinker = choice.thinker(&site.operator)?;
    let tree = site.tree_of(&log)?;
    let gate = rules::of(site, tree.as_ref())?.gate;
    let bench = Bench { gate, tree: Arc::clone(&tree), crew: wiring::crew_of(&opened.crew), model: thinker.model, stop };
    let stage = stage(&bench);
    let journal = Journal::resume(store, &log, thinker.redactor, Arc::clone(&site.clock)).observed(Arc::new(Teller { json }));
    let (install, machine) = (site.operator.install()?, site.machine());
    if opened.mode == Mode::Live {
        let _alone = live::alone(site, &opened.ticket.id, Some(&found.id))?;
        let vouched = anchored::anchored(site, &log)?.map_or(0, |anchored| anchored.to);
        let live = Live::start(site, tree.as_ref())?;
        let parts = wiring::live(site, bench, &live)?;
        let supervisor = Supervisor::resume(journal, &log, parts, Here { install, machine, vouched }).await?;
        lives(&live, supervisor.journal(), opened.base.clone().filter(|_| run.closed().is_none())).await?;
        return finish(site, found, stage, supervisor, Some(&live)).await;
    }
    let parts = wiring::pretended(&site.operator, bench, scenario.unwrap_or(thinker.scenario))?;
    finish(site, found, stage, Supervisor::resume(journal, &log, parts, Here { install, machine, vouched: 0 }).await?, None).await
}

/// Has the store of claims know of this life before anything is granted in it, and git keep the commit it works on.
async fn lives(live: &Live, journal: &Journal<FileStore<OsDisk>>, base: Option<CommitId>) -> Result<(), Failure> {
    Ok(live.link.live(journal.run().clone(), journal.epoch(), base).await.map_err(RunError::from)?)
}

/// Returns what the run is replayed on when it rests: what it was worked on.
fn stage(bench: &Bench) -> Stage {
    Stage { crew: bench.crew.clone(), gate: Arc::clone(&bench.gate), tree: Arc::clone(&bench.tree) }
}

/// Works a run to rest, and leaves what people and other programs read of it.
async fn finish<A: Cuts<FileStore<OsDisk>>>(
    site: &Site,
    found: &Found,
    stage: Stage,
    mut supervisor: Supervisor<FileStore<OsDisk>, A>,
    live: Option<&Live>,
) -> Result<Rested, Failure> {
    let worked = supervisor.work().await;
    let (id, run, head) = (supervisor.journal().run().clone(), supervisor.run().clone(), supervisor.journal().head());
    drop(supervisor); // the journal is free again before anybody is told that it rests
    let report = traces::leave(site, found, &run, stage, worked.as_ref().ok()).await?;
    let (rest, silent) = match worked {
        // Exit code and advice are those of a lost Executor, wherever that was noticed.
        Err(RunError::Chore(ChoreError::Gone(why)) | RunError::Executor(why)) => (Rest::Stopped, Some(why)),
        worked => (worked?, None),
    };
    if let (Some(live), Rest::Over(_) | Rest::Parked(..)) = (live, &rest) {
        // Whatever was said and believed so far is history from here on, whoever leaves. Stopped, it may be busy.
        let seen = live.link.anchor(id.clone(), head).await;
        seen.unwrap_or_else(|error| tracing::warn!(run = %id, %error, "nothing vouches for the end of the journal"));
    }
    if let (Some(live), Rest::Over(_)) = (live, &rest) {
        live.link.discard(id.clone()).await.unwrap_or_else(|error| tracing::warn!(run = %id, %error, "the run's worktree stays"));
    }
    Ok(Rested { id, rest, run, report, lost: live.and_then(|live| live.link.lost()).or(silent) })
}

/// Returns the tickets beside `id` that are not finished, as a Planner is shown them.
pub(crate) fn others(queue: &Queue, id: &TicketId) -> Vec<Queued> {
    let open = |entry: &&Entered| entry.ticket.id != *id && !matches!(entry.readiness, Readiness::Finished | Readiness::Example);
    let row = |entry: &Entered| Queued { id: entry.ticket.id.clone(), title: entry.ticket.title.clone(), state: entry.readiness.word().into() };
    queue.entries().iter().filter(open).take(QUEUE_SHOWN_MAX).map(row).collect()
}

/// Says what comes next for whoever ran it: lines that a shell runs as they stand, but for a settlement's words.
pub(crate) fn advice(site: &Site, rested: &Rested) -> Vec<String> {
    let id = rested.id.as_str();
    let resume = command(site, &["resume", id]);
    let step = |wanted: fn(&StepState) -> bool| {
        let (at, record) = rested.run.steps().iter().enumerate().find(|(_, record)| wanted(&record.state))?;
        Some(((at + 1).to_string(), record))
    };
    match &rested.rest {
        Rest::Over(_) | Rest::Parked(Parked::NeedsReview, _) => Vec::new(),
        Rest::Parked(..) | Rest::Stopped => {
            if let Some((step, _)) = step(|state| matches!(state, StepState::Unknown(_))) {
                vec![command(site, &["settle", id, &step, "happened|did-not|abort", "--reason", "…"]), resume]
            } else if let Some((step, record)) = step(|state| matches!(state, StepState::Asked(_))) {
                let effect = effect(record);
                vec![command(site, &["approve", id, &step, "--effect", &effect]), resume]
            } else {
                vec![resume]
            }
        }
    }
}

/// Returns how the effect of a step begins, for whoever answers what they were shown.
pub(crate) fn effect(record: &StepRecord) -> String {
    record.judgement.as_ref().map_or_else(String::new, |judgement| judgement.digest.as_str().chars().take(EFFECT_CHARS).collect())
}

/// Returns the line that runs this studio with `words` on this repository and operator.
pub(crate) fn command(site: &Site, words: &[&str]) -> String {
    let me = std::env::current_exe().map_or_else(|_| "studio".into(), |path| path.display().to_string());
    let (repo, operator) = (site.root().display().to_string(), site.operator.dir().display().to_string());
    let place = ["--repo", &repo, "--operator", &operator];
    let words: Vec<String> = [me.as_str()].iter().chain(words).chain(&place).map(|word| quoted(word)).collect();
    words.join(" ")
}

/// Returns a word as a shell reads it back unchanged.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c));
    if plain { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

impl Observer for Teller {
    fn saw(&self, run: &RunId, entry: &Entry) {
        if self.json {
            println!("{}", event_json(run, entry));
        } else if let Some(line) = story::line(entry) {
            println!("  {line}");
        }
    }
}

/// Returns an event as `--json` prints it.
pub(crate) fn event_json(run: &RunId, entry: &Entry) -> serde_json::Value {
    let event = serde_json::to_value(&entry.event).unwrap_or_default();
    json!({
        "v": 1, "type": "event", "run": run, "n": entry.place.n, "epoch": entry.place.epoch,
        "at": studio_core::clock::stamp(entry.at), "kind": event["kind"], "body": event["body"],
    })
}
