//! Once more: every decision of a run is taken again from its journal alone, and must come out the same.

use super::cast::{Moods, crew};
use super::drive::Play;
use super::watch::Watch;
use std::sync::Arc;
use studio_core::event::{Answered, Event, Limit};
use studio_core::journal::Entry;
use studio_core::replay::{Stage, replay};
use studio_core::store::{Disk, blob_path};
use studio_core::text::Kept;

impl Play {
    /// Takes every decision of the journal again, with a crew that has no whims.
    pub(super) async fn replayed(&self) {
        let Some((dir, log)) = &self.left else { return };
        if !replayable(&log.entries) {
            return self.watch.count("check: not replayed");
        }
        let moods = Moods::new(self.seed.dice("replay"), &Watch::default());
        moods.calm(true);
        let crew = crew(&self.script, &moods);
        let stage = Stage { crew, gate: Arc::clone(&self.world.gate), tree: Arc::clone(&self.world.tree) };
        let text = |kept: &Kept| match kept {
            Kept::Inline(text) => Ok(text.clone()),
            Kept::Blob { blob, .. } => Ok(String::from_utf8(self.world.disk.read(&blob_path(dir, blob), u64::MAX).unwrap()).unwrap()),
        };
        self.watch.count("check: replayed");
        if let Err(error) = replay(log, stage, &text).await {
            self.watch.wrong(format!("the replay: {error}"));
        }
    }
}

/// Says whether a replay can come to the same end. Four things it does not know yet:
/// - it counts no call that was interrupted or failed, and no token, so it reaches a budget elsewhere;
/// - a persona that fails, or lacks a model, after an answer of its was bought decides something in the replay;
/// - a Narrator who fails by itself, and is not asked in the replay either;
/// - a word that is taken while a limit stands hides the resume behind it.
fn replayable(entries: &[Entry]) -> bool {
    let (mut limited, mut bought) = (false, false);
    entries.iter().all(|entry| {
        let event = &entry.event;
        let known = match event {
            Event::LimitReached { limit: Limit::ModelCalls | Limit::Tokens, .. } => false,
            Event::LimitReached { limit: Limit::Restarts | Limit::TurnTime | Limit::Setting, .. } => !bought,
            Event::ApprovalGiven { .. } | Event::ApprovalRefused { .. } | Event::StepSettled { .. } => !limited,
            Event::BriefWritten { brief, .. } => !brief.as_str().starts_with("No story was told"),
            _ => true,
        };
        match event {
            Event::LimitReached { .. } => limited = true,
            Event::RunResumed { .. } => limited = false,
            Event::ModelAsked { .. } => {}
            Event::ModelAnswered { answer, .. } => bought |= matches!(answer, Answered::Text(_)),
            _ => bought = false,
        }
        known
    })
}
