//! What of a journal is a decision, what tells of an interruption, and what came from outside.

use crate::event::{Answered, Closing, Event, Limit};

/// Says whether an event tells what became of an op after nobody knew.
pub(super) fn found_later(event: &Event, before: &[&Event]) -> bool {
    let (Event::StepEnded { op, .. } | Event::StepOverdue { op, .. }) = event else { return false };
    before.iter().any(|other| matches!(other, Event::StepUnknown { op: unknown, .. } if unknown == op))
}

/// Leaves out what only tells of an interruption: lives that were resumed while something was to
/// do, calls whose answer never came or led to nothing, briefs and grants that were made again.
pub(super) fn decisions<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<&'a Event> {
    let mut kept: Vec<&Event> = Vec::new();
    for event in events {
        match event {
            Event::RunResumed { policy: None, .. } if !matches!(kept.last(), Some(Event::LimitReached { .. })) => continue,
            Event::StepEnded { op, .. } | Event::StepUnknown { op, .. } | Event::StepOverdue { op, .. } => {
                kept.retain(|other| !matches!(other, Event::StepOverdue { op: overdue, .. } if overdue == op));
            }
            Event::ModelAsked { .. } | Event::LimitReached { .. } => {
                if matches!(event, Event::ModelAsked { .. }) {
                    kept.pop_if(|last| matches!(last, Event::ModelAnswered { answer: Answered::Failed(_), .. }));
                }
                kept.pop_if(|last| matches!(last, Event::ModelAsked { .. }));
            }
            Event::BriefWritten { by, .. } => {
                kept.pop_if(|last| matches!(last, Event::BacklogProposed { by: other, .. } if other == by));
                kept.pop_if(|last| matches!(last, Event::BriefWritten { by: other, .. } if other == by));
            }
            Event::StepGranted { op, .. } => kept.retain(|other| !matches!(other, Event::StepGranted { op: granted, .. } if granted == op)),
            Event::ProbeGranted { op, .. } => kept.retain(|other| !matches!(other, Event::ProbeGranted { op: granted, .. } if granted == op)),
            Event::RunOpened(_)
            | Event::RunResumed { .. }
            | Event::BacklogProposed { .. }
            | Event::PlanProposed { .. }
            | Event::PlanObjected { .. }
            | Event::PlanAgreed { .. }
            | Event::ModelAnswered { .. }
            | Event::EditsProposed { .. }
            | Event::ChangeCommitted { .. }
            | Event::TicketTicked { .. }
            | Event::StepJudged { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalGiven { .. }
            | Event::ApprovalRefused { .. }
            | Event::ApprovalExpired { .. }
            | Event::StepSettled { .. }
            | Event::CriterionChecked { .. }
            | Event::ReviewGiven { .. }
            | Event::AdviceGiven { .. }
            | Event::RunClosed { .. } => {}
        }
        kept.push(event);
    }
    kept
}

/// Says whether the event came from outside the loop: a human, another life, a clock, a process.
pub(super) fn from_outside(event: &Event) -> bool {
    match event {
        Event::RunResumed { .. }
        | Event::ApprovalGiven { .. }
        | Event::ApprovalRefused { .. }
        | Event::ApprovalExpired { .. }
        | Event::StepSettled { .. } => true,
        Event::LimitReached { limit, .. } => matches!(limit, Limit::TurnTime | Limit::Restarts | Limit::Setting | Limit::Chore),
        Event::RunOpened(_)
        | Event::BriefWritten { .. }
        | Event::BacklogProposed { .. }
        | Event::PlanProposed { .. }
        | Event::PlanObjected { .. }
        | Event::PlanAgreed { .. }
        | Event::ModelAsked { .. }
        | Event::ModelAnswered { .. }
        | Event::EditsProposed { .. }
        | Event::ChangeCommitted { .. }
        | Event::TicketTicked { .. }
        | Event::StepJudged { .. }
        | Event::ApprovalAsked { .. }
        | Event::StepGranted { .. }
        | Event::ProbeGranted { .. }
        | Event::StepEnded { .. }
        | Event::StepOverdue { .. }
        | Event::StepUnknown { .. }
        | Event::CriterionChecked { .. }
        | Event::ReviewGiven { .. }
        | Event::AdviceGiven { .. } => false,
        Event::RunClosed { state, .. } => *state == Closing::Cancelled,
    }
}

/// Says whether two events are the same decision. When a question lapses is none; which server
/// answered is none; how an outcome is kept is none.
pub(super) fn alike(ours: &Event, theirs: &Event) -> bool {
    match (ours, theirs) {
        (Event::ApprovalAsked { op, effect, .. }, Event::ApprovalAsked { op: other, effect: theirs, .. }) => op == other && effect == theirs,
        (Event::ModelAsked { persona, turn, prompt, .. }, Event::ModelAsked { persona: other, turn: theirs, prompt: then, .. }) => {
            persona == other && turn == theirs && prompt == then
        }
        (Event::StepGranted { op, basis, .. }, Event::StepGranted { op: other, basis: theirs, .. }) => op == other && basis == theirs,
        (Event::ProbeGranted { op, judgement, .. }, Event::ProbeGranted { op: other, judgement: theirs, .. }) => op == other && judgement == theirs,
        (Event::StepEnded { op, outcome, .. }, Event::StepEnded { op: other, outcome: then, .. }) => {
            op == other && outcome.exit == then.exit && outcome.misses == then.misses
        }
        (Event::ModelAnswered { persona, turn, .. }, Event::ModelAnswered { persona: other, turn: theirs, .. }) => persona == other && turn == theirs,
        (Event::LimitReached { limit, .. }, Event::LimitReached { limit: then, .. }) => limit == then,
        (ours, theirs) => ours == theirs,
    }
}
