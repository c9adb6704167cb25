//! Curation: what a Planner would change in the queue. A proposal until a human accepts it.

use crate::limits::{CRITERIA_MAX, LIST_MAX};
use crate::name::TicketId;
use crate::text::Prose;
use serde::{Deserialize, Deserializer, Serialize};

/// A ticket of the queue, as a Planner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queued {
    /// Its id.
    pub id: TicketId,
    /// Its title.
    pub title: Prose,
    /// Whether it is ready, in a word.
    pub state: String,
}

/// One change of the queue. It can add words, put tickets in order and hold them; it never
/// makes one ready, gives it a stage or a script, or takes one away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Curation {
    /// A ticket gets criteria.
    Criteria {
        /// Which.
        ticket: TicketId,
        /// When it is done; at most [`CRITERIA_MAX`].
        #[serde(deserialize_with = "few_criteria")]
        criteria: Vec<Prose>,
    },
    /// A part of a ticket becomes a ticket of its own.
    Split {
        /// Of which.
        ticket: TicketId,
        /// What the part is.
        title: Prose,
        /// More about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Prose>,
    },
    /// A ticket waits for another.
    After {
        /// Which waits.
        ticket: TicketId,
        /// For which.
        on: TicketId,
        /// Why.
        why: Prose,
    },
    /// A ticket says what another says already.
    Duplicate {
        /// Which.
        ticket: TicketId,
        /// The other.
        of: TicketId,
    },
    /// A ticket is of no use any more.
    Stale {
        /// Which.
        ticket: TicketId,
        /// Why.
        why: Prose,
    },
}

impl Curation {
    /// Returns the ticket it is about.
    pub fn ticket(&self) -> &TicketId {
        match self {
            Curation::Criteria { ticket, .. }
            | Curation::Split { ticket, .. }
            | Curation::After { ticket, .. }
            | Curation::Duplicate { ticket, .. }
            | Curation::Stale { ticket, .. } => ticket,
        }
    }

    /// Says it in a sentence.
    pub fn words(&self) -> String {
        match self {
            Curation::Criteria { ticket, criteria } => {
                let criteria = criteria.iter().map(Prose::as_str).collect::<Vec<_>>().join("; ");
                format!("{ticket} is done when: {criteria}")
            }
            Curation::Split { ticket, title, .. } => format!("a part of {ticket} becomes a ticket of its own: {title}"),
            Curation::After { ticket, on, why } => format!("{ticket} waits for {on}: {why}"),
            Curation::Duplicate { ticket, of } => format!("{ticket} is the same as {of}"),
            Curation::Stale { ticket, why } => format!("{ticket} is of no use any more: {why}"),
        }
    }
}

/// Reads at most [`LIST_MAX`] proposals.
///
/// # Errors
/// There are more.
pub(crate) fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Curation>, D::Error> {
    bounded(Vec::deserialize(deserializer)?, LIST_MAX)
}

fn few_criteria<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Prose>, D::Error> {
    bounded(Vec::deserialize(deserializer)?, CRITERIA_MAX)
}

fn bounded<T, E: serde::de::Error>(list: Vec<T>, most: usize) -> Result<Vec<T>, E> {
    if list.len() > most { Err(E::custom(format!("there are {} entries; at most {most} are read", list.len()))) } else { Ok(list) }
}
