//! What stands beside a task file once its ticket is done: the file itself is never written.

use super::Problems;
use super::draft::Draft;
use super::status::Status;
use crate::disk;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::Path;
use studio_core::name::{BadName, Digest, RelPath, RunId, TicketId};

/// That a ticket is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sidecar {
    /// The ticket.
    pub(crate) id: TicketId,
    /// What has become of it.
    pub(crate) status: Outcome,
    /// The run that did it.
    pub(crate) run: RunId,
    /// The hash of the ticket as it was done.
    pub(crate) content: Digest,
    /// When.
    pub(crate) at: Timestamp,
}

/// The only outcome that is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It is done.
    Success,
}

impl Sidecar {
    /// Returns where the sidecar of a task file stands.
    pub(crate) fn place(task: &RelPath) -> Result<RelPath, BadName> {
        RelPath::try_from(format!("{task}.studio.json"))
    }

    /// Reads a sidecar.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Sidecar, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Returns it as the bytes of its file.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self).map(|mut bytes| {
            bytes.push(b'\n');
            bytes
        })
    }

    /// Says whether it is about this ticket as it stands.
    pub(crate) fn is_about(&self, id: &TicketId, content: &Digest) -> bool {
        (&self.id, &self.content) == (id, content)
    }
}

/// Gives the draft of a task file the status of its sidecar. Returns true if that is about the task
/// as it once was.
pub(super) fn apply(root: &Path, draft: &mut Draft, problems: &mut Problems) -> bool {
    let Ok(place) = Sidecar::place(&draft.ticket.source.path) else { return false };
    let bytes = match disk::read(root, &place) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return false,
        Err(error) => {
            problems.add(1, format!("its sidecar cannot be read: {error}"), "mend or remove that");
            return false;
        }
    };
    match Sidecar::parse(&bytes) {
        Ok(sidecar) if sidecar.is_about(&draft.ticket.id, &draft.ticket.content) => {
            draft.status = Status::Success;
            false
        }
        Ok(_) => true,
        Err(error) => {
            problems.add(1, format!("{place} does not say what became of it: {error}"), "remove that file, or bring it back as it was");
            false
        }
    }
}
