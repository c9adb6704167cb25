//! Interruptions that no replay goes through: what decided then is in no journal.

use crate::event::{Answered, Event, Limit};
use crate::journal::Entry;

/// Returns why a replay of such a journal may come to something else, if it may.
pub(super) fn reason(entries: &[Entry]) -> Option<&'static str> {
    let (mut limited, mut bought) = (false, false);
    for entry in entries {
        let event = &entry.event;
        let why = if let Event::LimitReached { limit, .. } = event {
            spent(*limit, bought)
        } else if let Event::ApprovalGiven { .. } | Event::ApprovalRefused { .. } | Event::StepSettled { .. } = event {
            limited.then_some("a human answered while a limit stood, and the journal does not say what was looked at again first")
        } else if let Event::BriefWritten { brief, .. } = event {
            let silent = brief.as_str().starts_with("No story was told");
            silent.then_some("its narrator failed, for a reason that is in no answer of a model")
        } else {
            None
        };
        if why.is_some() {
            return why;
        }
        if let Event::ModelAnswered { answer, .. } = event {
            bought |= matches!(answer, Answered::Text(_));
        } else if !matches!(event, Event::ModelAsked { .. } | Event::LimitReached { .. } | Event::RunResumed { .. }) {
            bought = false; // a decision was taken
        }
        limited = !matches!(event, Event::RunResumed { .. }) && (limited || matches!(event, Event::LimitReached { .. }));
    }
    None
}

/// Says what a limit hides from a replay, after an answer was bought or not.
fn spent(limit: Limit, bought: bool) -> Option<&'static str> {
    match limit {
        Limit::ModelCalls | Limit::Tokens => Some("it ran out of budget, and calls that were interrupted or failed are counted in no replay"),
        Limit::Restarts | Limit::TurnTime | Limit::Setting if bought => {
            Some("a persona failed, or lacked its model, after an answer was bought for it, and why is in no answer")
        }
        Limit::Restarts
        | Limit::TurnTime
        | Limit::Setting
        | Limit::Rounds
        | Limit::Objections
        | Limit::Repairs
        | Limit::Model
        | Limit::Chore
        | Limit::SameFailure => None,
    }
}
