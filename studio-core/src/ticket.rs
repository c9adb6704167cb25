//! A ticket: what somebody wants, in their words, and where it stands.

use crate::name::{Digest, RelPath, TicketId};
use crate::text::Prose;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One request for work. Its text is data: it chooses no stage, no rule and no approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Its identity in the repository.
    pub id: TicketId,
    /// One line that says what it is.
    pub title: Prose,
    /// What is wanted, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Prose>,
    /// When it is done, in the author's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<Prose>,
    /// What must not happen, and hints on how to go about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Prose>,
    /// The stage it belongs to.
    pub stage: Stage,
    /// How the stage was found.
    pub stage_from: StageFrom,
    /// Paths it may touch; empty means what its stage may touch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<RelPath>,
    /// Tickets that come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<TicketId>,
    /// The cluster it works on, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<crate::name::Target>,
    /// The script it names, if it is planned by rule: one regular `*.sh` of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<RelPath>,
    /// Where it stands.
    pub source: Source,
    /// The BLAKE3 hash of its entry as it was read.
    pub content: Digest,
}

/// A place in a queue file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The file.
    pub path: RelPath,
    /// The line, from 1.
    pub line: u32,
}

/// The order in which a lab is built: each stage opens only after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Stage {
    /// 1: machines, clusters, GitOps.
    Infra,
    /// 2: the studio itself.
    Studio,
    /// 3: business tenants.
    Tenants,
}

/// How a ticket's stage was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageFrom {
    /// The queue file says so.
    Declared,
    /// It says nothing, so the lowest stage is assumed, and shown as assumed.
    Assumed,
}

impl Ticket {
    /// A ticket with a title and nothing else: of the lowest stage, without scope or script.
    pub fn new(id: TicketId, title: Prose, source: Source) -> Ticket {
        Ticket {
            content: Digest::blake3(title.as_str().as_bytes()),
            id,
            title,
            body: None,
            criteria: Vec::new(),
            constraints: Vec::new(),
            stage: Stage::Infra,
            stage_from: StageFrom::Assumed,
            scope: Vec::new(),
            depends_on: Vec::new(),
            cluster: None,
            script: None,
            source,
        }
    }
}

impl TryFrom<u8> for Stage {
    type Error = BadStage;

    fn try_from(number: u8) -> Result<Self, BadStage> {
        match number {
            1 => Ok(Stage::Infra),
            2 => Ok(Stage::Studio),
            3 => Ok(Stage::Tenants),
            _ => Err(BadStage(number)),
        }
    }
}

impl From<Stage> for u8 {
    fn from(stage: Stage) -> u8 {
        match stage {
            Stage::Infra => 1,
            Stage::Studio => 2,
            Stage::Tenants => 3,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", u8::from(*self))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// A number that is no stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no stage {0}: 1 is infra, 2 studio, 3 tenants")]
pub struct BadStage(u8);
