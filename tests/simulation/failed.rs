//! What must follow a failure, said a second time: reads only after an odd one, another plan after three alike, a human after four.

use super::reference::holds;
use std::collections::{BTreeMap, BTreeSet};
use studio_core::event::{Basis, Event, Limit, Outcome};
use studio_core::gate::Class;
use studio_core::host::Ended;
use studio_core::step::Step;

/// Words of the lab that everybody understands.
const UNDERSTOOD: &str = "connection refused";

/// The failures of a run so far.
#[derive(Default)]
pub(crate) struct Failures {
    round: u32,
    /// The rounds in which each failed.
    rounds: BTreeMap<String, BTreeSet<u32>>,
    /// Whether a step failed in a way that nobody understands, and no human agreed to anything since.
    odd: bool,
    due: Due,
    /// Whether something of this round failed so often that a human may be asked.
    often: bool,
}

/// What must come before another change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Due {
    #[default]
    Nothing,
    Plan,
    Human,
    /// A human was told, and did not answer yet.
    Answer,
}

impl Failures {
    /// Takes an end. `of_runbook` says whether the step is one: its failure ends the round.
    pub(crate) fn ended(&mut self, step: &Step, of_runbook: bool, outcome: &Outcome, seen: Option<&Ended>) {
        if outcome.misses.is_empty() {
            return;
        }
        let stderr = seen.map_or("", |seen| seen.stderr.trim());
        let stdout = seen.map_or("", |seen| seen.stdout.trim());
        let missed = seen.is_none() || outcome.exit == Some(step.expect.exit.into());
        let said = match (missed, stderr.is_empty()) {
            (true, _) => outcome.misses.join(" "),
            (false, true) => stdout.into(),
            (false, false) => stderr.chars().filter(|c| !c.is_ascii_digit()).collect(),
        };
        let verb = step.argv.script().map_or_else(|| step.argv.args().next().unwrap_or_default().into(), |path| path.to_string());
        let rounds = self.rounds.entry(format!("{verb} {:?} {said}", outcome.exit)).or_default();
        rounds.insert(self.round);
        self.often |= rounds.len() >= 3;
        self.odd |= !missed && !stderr.contains(UNDERSTOOD);
        if of_runbook {
            self.due = match rounds.len() {
                0..=2 => Due::Nothing,
                3 => Due::Plan,
                _ => Due::Human,
            };
        }
    }

    /// Takes an event that may stand.
    ///
    /// # Errors
    /// Something else had to come first.
    pub(crate) fn take(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::PlanProposed { .. } | Event::EditsProposed { .. } => {
                let plan = matches!(event, Event::PlanProposed { .. });
                let may = self.due == Due::Nothing || (self.due == Due::Plan && plan);
                holds(may, || format!("{} after the same failure again and again: {:?} was due", event.kind(), self.due))?;
                (self.due, self.often) = (Due::Nothing, false);
                self.round += u32::from(!plan);
            }
            Event::LimitReached { limit: Limit::SameFailure, .. } => {
                holds(self.often, || "a human is asked about a failure that did not come again and again".into())?;
                self.due = Due::Answer;
            }
            Event::RunResumed { .. } if self.due == Due::Answer => self.due = Due::Nothing,
            Event::StepGranted { basis: Basis::Approved(_) | Basis::Assumed, .. } => self.odd = false,
            _ => {}
        }
        Ok(())
    }

    /// Says whether a step of that class may be granted unasked.
    ///
    /// # Errors
    /// A human must agree first.
    pub(crate) fn may_follow(&self, class: Class) -> Result<(), String> {
        holds(!self.odd || class == Class::Observe, || "a change was granted unasked after a failure that nobody understands".into())
    }
}
