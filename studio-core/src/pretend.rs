//! The pretended host: it answers from a scenario and has no effect on anything.

use crate::host::{Assumed, Ended, Host, Recalled, Seen};
use crate::limits::STEPS_MAX;
use crate::name::{Digest, StoreId};
use crate::permit::{Permit, Pretend};
use crate::program::Program;
use crate::step::{Argv, Op};
use crate::warrant::Warrant;
use async_trait::async_trait;
use serde::Deserialize;
use std::collections::BTreeSet;

/// What a pretended host answers. A command without an entry is taken to end as its step expects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The answers. Of several for one command the first answers its first run, and so on; the
    /// last answers the rest.
    #[serde(default)]
    pub step: Vec<Scene>,
}

/// One answer of a pretended host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// The command, word by word.
    pub argv: Argv,
    /// The exit status.
    #[serde(default)]
    pub exit: i32,
    /// What it writes to standard output.
    #[serde(default)]
    pub stdout: String,
    /// What it writes to standard error.
    #[serde(default)]
    pub stderr: String,
    /// True: its outcome is lost, and nobody knows whether it ran.
    #[serde(default)]
    pub lost: bool,
}

/// A host without effects. Its answers depend on the scenario and the journal alone, so another
/// life of the Studio gets the same ones.
#[derive(Clone, Debug, Default)]
pub struct PretendHost {
    scenario: Scenario,
}

impl PretendHost {
    /// A host that answers from `scenario`.
    pub fn new(scenario: Scenario) -> PretendHost {
        PretendHost { scenario }
    }
}

impl Scenario {
    /// Returns the answer to the run of `argv` that `seen` runs came before.
    pub fn answer(&self, argv: &Argv, seen: u32) -> Option<&Scene> {
        let scenes: Vec<&Scene> = self.step.iter().filter(|scene| scene.argv == *argv).take(STEPS_MAX).collect();
        scenes.get(seen as usize).or(scenes.last()).copied()
    }
}

#[async_trait]
impl Host for PretendHost {
    type Mode = Pretend;

    async fn execute(&self, permit: Permit<Pretend>) -> Seen {
        let seen = permit.seen();
        let step = permit.redeem();
        match self.scenario.answer(&step.argv, seen) {
            Some(scene) if scene.lost => Seen::Lost("the scenario loses this outcome".into()),
            Some(Scene { exit, stdout, stderr, .. }) => Seen::Ended(Ended {
                exit: Some(*exit),
                stdout: stdout.clone(),
                stderr: stderr.clone(),
                assumed: Assumed::Output,
                artifacts: Vec::new(),
                notes: Vec::new(),
                sealed: None,
            }),
            None => Seen::Ended(Ended {
                exit: Some(step.expect.exit.into()),
                stdout: String::new(),
                stderr: String::new(),
                assumed: Assumed::All,
                artifacts: Vec::new(),
                notes: Vec::new(),
                sealed: None,
            }),
        }
    }

    async fn recall(&self, _: &Warrant) -> Recalled {
        Recalled::NeverBegan // it has no effects, so nothing it did in another life remains
    }

    async fn close(&self, _: &Warrant, why: &str) -> Recalled {
        Recalled::Refused(why.into())
    }

    async fn done(&self, _: &Digest) -> Result<Vec<Op>, String> {
        Ok(Vec::new())
    }

    async fn programs(&self, _: &BTreeSet<String>) -> Result<Vec<Program>, String> {
        Ok(Vec::new())
    }

    fn store(&self) -> Option<StoreId> {
        None
    }
}
