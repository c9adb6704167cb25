//! What costs no disk: messages to seats, and a long journal read back.

use crate::office::{Kind, Office, draft, opened, run};
use anyhow::{Result, ensure};
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use studio_core::clock::SystemClock;
use studio_core::dossier::{Advice, Advise, Checkpoint};
use studio_core::event::{Answered, Event};
use studio_core::journal::{Journal, Log};
use studio_core::limits::{ADVISERS_MAX, STEPS_MAX};
use studio_core::model::Usage;
use studio_core::name::{Digest, PersonaName};
use studio_core::persona::{Answer, Desk, Persona};
use studio_core::redact::Redactor;
use studio_core::run::Run;
use studio_core::store::{FileStore, MemoryStore, OsDisk, list_runs};
use studio_core::text::{Kept, Prose};

/// Someone who never has anything against it.
struct Nodder;

/// A journal as it lies on a disk.
pub(crate) struct Long {
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// How many events it holds.
    pub(crate) events: usize,
}

/// Carries one ticket of the longest runbook past as many advisers as a crew may have, each asked
/// before and after every step; returns how many were asked, and the time.
pub(crate) async fn advise() -> Result<(usize, Duration)> {
    let kind = Kind { steps: STEPS_MAX, shipped: false, thinks: Duration::ZERO };
    let mut crew = kind.crew();
    for no in 0..ADVISERS_MAX {
        crew = crew.adviser(format!("adviser-{no}").parse()?, [Checkpoint::BeforeGrant, Checkpoint::AfterStep], || Nodder);
    }
    let office = Office::open(kind, crew)?;
    let (asked, begun) = (2 * STEPS_MAX * ADVISERS_MAX, Instant::now());
    let events = office.carry(MemoryStore::default(), run(0)?).await?;
    let took = begun.elapsed();
    ensure!(events as usize > asked, "only {events} events came of {asked} messages");
    Ok((asked, took))
}

impl Long {
    /// Writes a journal of at least `events` events: a plan that is objected to, again and again.
    pub(crate) async fn write(events: usize) -> Result<Long> {
        let mut journal = Journal::begin(MemoryStore::default(), run(0)?, Redactor::default(), Arc::new(SystemClock));
        let mut run = Run::default();
        let kind = Kind { steps: 0, shipped: false, thinks: Duration::ZERO };
        let opened = opened(&kind.crew(), &studio_core::gate::ClosedGate)?;
        journal.record(&mut run, vec![Event::RunOpened(Box::new(opened))]).await?;
        let (planner, engineer) = (PersonaName::try_from("planner")?, PersonaName::try_from("engineer")?);
        let draft = draft();
        let plan = serde_json::from_value(draft["plan"].clone())?;
        let objection = Prose::tamed("The plan does not say what happens to the volumes of the pods that move.");
        while (run.last().n as usize) < events {
            let mut batch = Vec::new();
            for (persona, answer) in [(&planner, draft.to_string()), (&engineer, objection.to_string())] {
                let (persona, turn) = (persona.clone(), run.turns(persona) + 1);
                batch.push(Event::ModelAsked { persona: persona.clone(), turn, prompt: Digest::zero(), model: "scripted:bench".into() });
                batch.push(Event::ModelAnswered { persona, turn, answer: Answered::Text(Kept::Inline(answer)), usage: Usage::default() });
            }
            batch.insert(2, Event::BriefWritten { by: planner.clone(), brief: objection.clone() });
            batch.insert(3, Event::PlanProposed { by: planner.clone(), plan: Clone::clone(&plan) });
            batch.push(Event::PlanObjected { by: engineer.clone(), objections: vec![objection.clone()] });
            journal.record(&mut run, batch).await?;
        }
        let events = run.last().n as usize;
        Ok(Long { bytes: journal.into_store().bytes().to_vec(), events })
    }

    /// Reads it back and folds it; returns the time of each.
    pub(crate) fn read(&self) -> Result<(Duration, Duration)> {
        let begun = Instant::now();
        let log = Log::read(&self.bytes)?;
        let read = begun.elapsed();
        ensure!(log.fold()?.last().n as usize == self.events, "events are missing");
        Ok((read, begun.elapsed() - read))
    }
}

/// A run that waits for a human, after a long conversation.
pub(crate) struct Parked {
    /// Its name.
    pub(crate) run: String,
    /// How many events it has.
    pub(crate) events: usize,
}

/// Adds answers of a model to the run below `runs` that waits for a human, up to `events` events.
pub(crate) fn lengthen(runs: &Path, events: usize) -> Result<Parked> {
    actix::System::new().block_on(async {
        for id in list_runs(&OsDisk, runs)? {
            let (store, log) = FileStore::open(OsDisk, &runs.join(id.as_str())).await?;
            let mut run = log.fold()?;
            if run.closed().is_some() {
                continue;
            }
            let mut journal = Journal::resume(store, &log, Redactor::default(), Arc::new(SystemClock));
            let persona = PersonaName::try_from("engineer")?;
            while (run.last().n as usize) < events {
                let turn = run.turns(&persona) + 1;
                let asked = Event::ModelAsked { persona: persona.clone(), turn, prompt: Digest::zero(), model: "scripted:bench".into() };
                let answer = Answered::Text(Kept::Inline("The pods that move keep their volumes.".into()));
                journal
                    .record(&mut run, vec![asked, Event::ModelAnswered { persona: persona.clone(), turn, answer, usage: Usage::default() }])
                    .await?;
            }
            return Ok(Parked { run: id.to_string(), events: run.last().n as usize });
        }
        anyhow::bail!("no run below {} waits", runs.display())
    })
}

#[async_trait]
impl Persona<Advise> for Nodder {
    async fn answer(&mut self, _: Advise, _: &Desk) -> Answer<Advice> {
        Ok(Advice::GoOn)
    }
}
