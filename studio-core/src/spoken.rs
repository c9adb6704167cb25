//! The words of humans in a journal, by the list of approvers as it is now: people come and go while runs are open.

use crate::approval::{Approvers, NotApproved, Signed};
use crate::event::Event;
use crate::journal::{Entry, Log};
use crate::step::Op;

/// A human's word in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken<'a> {
    /// The number of its line.
    pub n: u64,
    /// The word.
    pub signed: &'a Signed,
    /// What it is worth now.
    pub standing: Standing,
}

/// What a word is worth now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody who is listed now said it.
    Listed,
    /// Nobody who is listed now said it, but its line was seen by the store of claims, after whoever held the journal
    /// believed it: it is history, and lets nothing happen any more.
    Past,
    /// Nobody who is listed now said it, and nothing came of it: it is verified again before anything does.
    Unused(NotApproved),
    /// Nobody who is listed now said it, something came of it, and nothing outside the journal vouches for it.
    Void(NotApproved),
}

/// Returns every word of a journal, oldest first. `vouched` is the last line that the store of claims saw as it
/// stands; 0 if it saw none.
pub fn spoken<'a>(log: &'a Log, approvers: &dyn Approvers, vouched: u64) -> Vec<Spoken<'a>> {
    let worth = |signed: &Signed, entry: &Entry, later: &[Entry]| match signed.clone().believe(approvers, entry.at) {
        Ok(_) => Standing::Listed,
        Err(error) if is_unused(&entry.event, &signed.statement.op, later) => Standing::Unused(error),
        Err(_) if entry.place.n <= vouched => Standing::Past,
        Err(error) => Standing::Void(error),
    };
    let words = log.entries.iter().zip(1..).filter_map(|(entry, after)| Some((entry, entry.event.signed()?, log.entries.get(after..)?)));
    words.map(|(entry, signed, later)| Spoken { n: entry.place.n, signed, standing: worth(signed, entry, later) }).collect()
}

/// Says whether an approval let nothing happen so far: no end of its op is known before it was asked about again.
fn is_unused(event: &Event, op: &Op, later: &[Entry]) -> bool {
    let ended = later.iter().find_map(|entry| {
        if let Event::StepEnded { op: other, .. } | Event::StepOverdue { op: other, .. } | Event::StepUnknown { op: other, .. } = &entry.event {
            (other == op).then_some(true)
        } else if let Event::ApprovalAsked { op: other, .. } | Event::ApprovalExpired { op: other, .. } = &entry.event {
            (other == op).then_some(false)
        } else {
            None
        }
    });
    matches!(event, Event::ApprovalGiven { .. }) && ended != Some(true)
}
