//! Carrying one run to rest: begin or resume it, show it, write its report.

use crate::cli::CrewArg;
use crate::exit::{Exit, Failure};
use crate::site::{Found, RUNS, Site};
use crate::story;
use crate::wiring::{self, Choice};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use studio_core::event::{Approvals, Mode, Opened, Parked, Planned};
use studio_core::host::Scenario;
use studio_core::journal::{Entry, Journal, Observer};
use studio_core::limits::RunLimits;
use studio_core::name::{RelPath, RunId};
use studio_core::permit::PretendAuthority;
use studio_core::run::{Run, StepState};
use studio_core::store::{FileStore, OsDisk, read_log};
use studio_core::supervisor::{Rest, Supervisor};
use studio_core::ticket::Ticket;
use studio_core::tree::Tree;
use studio_files::{ignore, report, report_file};
use tokio_util::sync::CancellationToken;

/// How a run is begun.
pub(crate) struct Job {
    /// The ticket.
    pub(crate) ticket: Ticket,
    /// The files it works on.
    pub(crate) tree: Arc<dyn Tree>,
    /// The model.
    pub(crate) choice: Choice,
    /// What pretended hosts answer, where it is not the model's file that says so.
    pub(crate) scenario: Option<Scenario>,
    /// What a simulation does where a human would be asked.
    pub(crate) approvals: Approvals,
    /// Who sits.
    pub(crate) crew: CrewArg,
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
    let thinker = job.choice.thinker(&site.operator)?;
    let by_rule = thinker.model.is_none() && job.ticket.script.is_some(); // without a script the crew is seated, and waits for a model
    let planned = if by_rule { Planned::Rule } else { Planned::Crew };
    let crew = wiring::crew(if by_rule { CrewArg::Small } else { job.crew });
    let parts = wiring::parts(&site.operator, Arc::clone(&job.tree), crew, thinker.model, job.scenario.unwrap_or(thinker.scenario), stop)?;
    let opened = Opened {
        mode: Mode::Simulate,
        approvals: job.approvals,
        planned,
        model: job.choice.name(),
        crew: parts.crew.posts(),
        limits: RunLimits::default(),
        install: site.operator.install()?,
        machine: site.machine(),
        base: job.tree.commit(),
        policy: parts.gate.policy(),
        version: env!("CARGO_PKG_VERSION").into(),
        branch: None,
        began: None,
        queue: Vec::new(),
        ticket: job.ticket,
    };
    let id = site.new_run(&opened.ticket.id)?;
    let store = FileStore::create(OsDisk, site.root(), Path::new(RUNS[1]), &id).await?;
    let journal = Journal::begin(store, id, thinker.redactor, Arc::clone(&site.clock)).observed(Arc::new(Teller { json }));
    finish(site, Supervisor::open(journal, parts, opened).await?).await
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
    found.log()?; // says which file is wrong, and opens nothing that is
    let (store, log) = FileStore::open(OsDisk, &found.dir).await?;
    let run = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
    let Some(opened) = run.opened() else { return Err(Failure::new(Exit::BadInput, "the run was never opened")) };
    let choice = match Choice::parse(model.unwrap_or(&opened.model))? {
        Choice::None if opened.planned == Planned::Crew => Choice::of(model, &site.operator)?, // it may have been named since
        choice @ (Choice::None | Choice::Scripted(_) | Choice::OpenAi(_)) => choice,
    };
    let thinker = choice.thinker(&site.operator)?;
    let parts =
        wiring::parts(&site.operator, site.tree_of(&log)?, wiring::crew_of(&opened.crew), thinker.model, scenario.unwrap_or(thinker.scenario), stop)?;
    let journal = Journal::resume(store, &log, thinker.redactor, Arc::clone(&site.clock)).observed(Arc::new(Teller { json }));
    finish(site, Supervisor::resume(journal, &log, parts, site.operator.install()?, site.machine()).await?).await
}

async fn finish(site: &Site, mut supervisor: Supervisor<FileStore<OsDisk>, PretendAuthority>) -> Result<Rested, Failure> {
    let rest = supervisor.work().await?;
    let (id, run) = (supervisor.journal().run().clone(), supervisor.run().clone());
    drop(supervisor); // the journal is free again before anybody is told that it rests
    let reported = matches!(rest, Rest::Over(_) | Rest::Parked(Parked::NeedsReview, _));
    let report = if reported { Some(write_report(site, &site.run(id.as_str())?, &run)?) } else { None };
    Ok(Rested { id, rest, run, report })
}

/// Writes a run's report, or finds it written.
///
/// # Errors
/// The disk.
pub(crate) fn write_report(site: &Site, found: &Found, run: &Run) -> Result<RelPath, Failure> {
    let log = read_log(&OsDisk, &found.dir)?;
    let day = found.id.as_str();
    let date = format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..8]);
    let slug = run.opened().map(|opened| opened.ticket.id.slug()).unwrap_or_default();
    report_file::save(site.root(), &date, &slug, &report::render(&log, run)).map_err(|error| Failure::new(Exit::Error, error))
}

/// Says what comes next for whoever ran it: lines that a shell runs as they stand, but for a settlement's words.
pub(crate) fn advice(site: &Site, rested: &Rested) -> Vec<String> {
    let id = rested.id.as_str();
    let resume = command(site, &["resume", id]);
    let step = |wanted: fn(&StepState) -> bool| {
        let at = rested.run.steps().iter().position(|record| wanted(&record.state))?;
        Some((at + 1).to_string())
    };
    match &rested.rest {
        Rest::Over(_) | Rest::Parked(Parked::NeedsReview, _) => Vec::new(),
        Rest::Parked(..) | Rest::Stopped => {
            if let Some(step) = step(|state| matches!(state, StepState::Unknown(_))) {
                vec![command(site, &["settle", id, &step, "happened|did-not|abort", "--reason", "…"]), resume]
            } else if step(|state| matches!(state, StepState::Asked(_))).is_some() {
                vec![command(site, &["approve", id]), resume]
            } else {
                vec![resume]
            }
        }
    }
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
