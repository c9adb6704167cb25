//! Once more: every decision of a run is taken again from its journal alone, and must come out the same.

use super::cast::{Moods, crew};
use super::drive::Play;
use super::watch::Watch;
use std::sync::Arc;
use studio_core::replay::{ReplayError, Stage, replay};
use studio_core::store::{Disk, blob_path};
use studio_core::text::Kept;

impl Play {
    /// Takes every decision of the journal again, with a crew that has no whims.
    pub(super) async fn replayed(&self) {
        let Some((dir, log)) = &self.left else { return };
        let moods = Moods::new(self.seed.dice("replay"), &Watch::default());
        moods.calm(true);
        let crew = crew(&self.script, &moods);
        let stage = Stage { crew, gate: Arc::clone(&self.world.gate), tree: Arc::clone(&self.world.tree) };
        let text = |kept: &Kept| match kept {
            Kept::Inline(text) => Ok(text.clone()),
            Kept::Blob { blob, .. } => Ok(String::from_utf8(self.world.disk.read(&blob_path(dir, blob), u64::MAX).unwrap()).unwrap()),
        };
        match replay(log, stage, &text).await {
            Ok(_) => self.watch.count("check: replayed"),
            Err(ReplayError::Beyond(_)) => self.watch.count("check: not replayed"),
            Err(error) => self.watch.wrong(format!("the replay: {error}")),
        }
    }
}
