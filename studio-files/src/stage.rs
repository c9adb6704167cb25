//! Stages: which are open, as every place of the checkout that speaks about them says.
//!
//! Stage 1 is always open. A later one is open if at least one place says so and none says
//! otherwise; places that disagree, or cannot be read, keep it closed and are shown.

mod places;

use std::collections::BTreeMap;
use std::path::Path;
use studio_core::name::RelPath;
use studio_core::ticket::Stage;

/// What a repository says about its stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gates {
    places: Vec<Place>,
}

/// A place that speaks about a stage: a flag, a box or a field; or a file of them that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: RelPath,
    /// The line, from 1.
    pub line: u32,
    /// The stage it speaks about: that stage 1 is complete, or that stage 2 or 3 may begin.
    pub stage: Stage,
    /// Whether it says yes.
    pub open: bool,
    /// What it says, in a few words.
    pub says: String,
}

impl Gates {
    /// Reads the flags of `ai/state`, the boxes of `ai/mission.md` and the fields of
    /// `ai/state/status.json` in the checkout at `root`. A file that cannot be read is a place that
    /// says no.
    ///
    /// # Errors
    /// There is no checkout at `root`.
    pub fn read(root: &Path) -> Result<Gates, StageError> {
        if !root.is_dir() {
            return Err(StageError::NoCheckout(root.display().to_string()));
        }
        Ok(Gates { places: places::read(root) })
    }

    /// Says whether tickets of `stage` may be worked on.
    pub fn open(&self, stage: Stage) -> bool {
        self.reason(stage).is_none()
    }

    /// Returns the stages that are closed, each with the reason and what to do.
    pub fn closed(&self) -> BTreeMap<Stage, String> {
        [Stage::Infra, Stage::Studio, Stage::Tenants].into_iter().filter_map(|stage| Some((stage, self.reason(stage)?))).collect()
    }

    /// Returns every place that speaks about a stage: flags, then boxes, then fields.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    fn reason(&self, stage: Stage) -> Option<String> {
        let (below, flag) = match stage {
            Stage::Infra => return None,
            Stage::Studio => (Stage::Infra, places::STAGE_2_READY),
            Stage::Tenants => (Stage::Studio, places::STAGE_3_READY),
        };
        if stage == Stage::Tenants && !self.open(below) {
            return Some(format!("stage {stage} is closed, since stage {below} is; open that one first"));
        }
        let speaking: Vec<&Place> = self.places.iter().filter(|place| place.stage == stage).collect();
        let before = self.places.iter().filter(|place| place.stage == Stage::Infra);
        let against: Vec<&Place> = before.chain(speaking.iter().copied()).filter(|place| !place.open).collect();
        if !against.is_empty() {
            let said = against.iter().map(|place| place.to_string()).collect::<Vec<_>>().join(", ");
            let others =
                if against.len() < self.places.len() && speaking.iter().any(|place| place.open) { ", though other places say yes" } else { "" };
            return Some(format!("stage {stage} is closed: {said}{others}; when it is true, a human makes each of them say so"));
        }
        let silent = format!("stage {stage} is closed: no file says that it may begin; when it may, a human writes {{\"complete\": true}} to {flag}");
        speaking.is_empty().then_some(silent)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} says {}", self.path, self.line, self.says)
    }
}

/// The stages could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// No folder.
    #[error("{0} is no folder; name the checkout of a repository")]
    NoCheckout(String),
}

#[cfg(test)]
mod tests;
