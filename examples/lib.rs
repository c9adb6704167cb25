//! What the examples share: one ticket, rehearsed in memory, told by its events.

mod no_changes;

use anyhow::Result;
use jiff::Timestamp;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use studio_core::approval::NoApprovers;
use studio_core::chores::NoChores;
use studio_core::clock::FixedClock;
use studio_core::crew::Crew;
use studio_core::event::Opened;
use studio_core::host::{Executor, PretendHost};
use studio_core::journal::{Entry, Journal, Observer};
use studio_core::model::ScriptedModel;
use studio_core::name::RunId;
use studio_core::permit::PretendAuthority;
use studio_core::redact::Redactor;
use studio_core::store::MemoryStore;
use studio_core::supervisor::{Parts, Supervisor};
use studio_core::text::Prose;
use studio_core::ticket::{Source, Ticket};
use studio_core::tree::MemoryTree;
use studio_files::rehearsal::Rehearsal;
use studio_gate::ShortGate;
use tokio_util::sync::CancellationToken;

pub use no_changes::NoChanges;

/// The rehearsal that both examples play.
const REHEARSAL: &str = include_str!("rehearsals/pin-web-image.toml");

/// Collects what happened, one line an event.
#[derive(Default)]
struct Transcript(Mutex<String>);

impl Observer for Transcript {
    fn saw(&self, _: &RunId, entry: &Entry) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(text, "{:<3}{}", entry.place.n, entry.event.kind());
    }
}

/// Rehearses the sample ticket with `crew` and returns its transcript.
///
/// # Errors
/// The rehearsal file is wrong, or the loop failed.
pub fn rehearse(crew: Crew) -> Result<String> {
    let Rehearsal { answers, scenario } = Rehearsal::parse("pin-web-image.toml", REHEARSAL)?;
    actix::System::new().block_on(async {
        let transcript = Arc::new(Transcript::default());
        let parts = Parts {
            gate: Arc::new(ShortGate::new()),
            approvers: Arc::new(NoApprovers),
            tree: Arc::new(MemoryTree::default()),
            authority: Arc::new(PretendAuthority::new()),
            executor: Executor::before(PretendHost::new(scenario)),
            chores: Arc::new(NoChores),
            crew,
            model: Some(Arc::new(ScriptedModel::new("pin-web-image.toml", answers))),
            stop: CancellationToken::new(),
        };
        let source = Source { path: "ai/backlog.yaml".parse()?, line: 1 };
        let ticket = Ticket::new("pin-web-image".parse()?, Prose::tamed("Pin the image of web by tag and digest"), source);
        let opened = Opened::rehearsal(ticket, &parts.crew, parts.gate.as_ref());
        let clock = Arc::new(FixedClock("2026-01-15T10:00:00Z".parse::<Timestamp>()?));
        let run = RunId::try_from("20260115-100000-pin-web-image-0001")?;
        let journal = Journal::begin(MemoryStore::default(), run, Redactor::default(), clock).observed(Arc::clone(&transcript) as _);
        let rest = Supervisor::open(journal, parts, opened).await?.work().await?;
        let mut text = transcript.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        writeln!(text, "=  {rest:?}")?;
        Ok(text)
    })
}
