//! The dossier: what personas may see of a run.

use super::{Run, StepRecord, StepState, number};
use crate::dossier::{CheckView, Dossier, StepView};
use crate::event::Outcome;
use crate::text::{Kept, one_line};

/// How much of a step's output a persona sees, in bytes from its end.
const TAIL_BYTES: usize = 2000;

impl Run {
    /// Returns what personas may see; nothing before the run is open.
    pub fn dossier(&self) -> Option<Dossier> {
        let steps = self.steps.iter().enumerate().skip(self.round_start);
        Some(Dossier {
            ticket: self.opened()?.ticket.clone(),
            round: self.round,
            brief: self.brief.clone(),
            plan: self.plan.clone(),
            change: self.change.clone(),
            steps: steps.map(|(at, record)| record.view(at)).collect(),
            checks: self
                .findings
                .iter()
                .map(|(criterion, finding)| CheckView { criterion: criterion.clone(), met: finding.met, evidence: finding.evidence.clone() })
                .collect(),
            feedback: self.feedback.clone(),
            failures: self.told_failures(),
            files: Vec::new(),
            listed: Vec::new(),
            queue: if self.phase == super::Phase::Draft { self.opened()?.queue.clone() } else { Vec::new() },
        })
    }
}

impl StepRecord {
    fn view(&self, at: usize) -> StepView {
        let tail = match &self.state {
            StepState::Ended(outcome) => outcome.tail(TAIL_BYTES),
            StepState::Waiting
            | StepState::Judged
            | StepState::Asked(_)
            | StepState::Approved(_)
            | StepState::Skipped(_)
            | StepState::Granted(_)
            | StepState::Overdue(..)
            | StepState::Unknown(_)
            | StepState::Probing(_)
            | StepState::Confirmed(_)
            | StepState::Settled(_) => String::new(),
        };
        StepView { no: number(at), step: self.step.clone(), judgement: self.judgement.clone(), state: self.state.words(), tail }
    }
}

impl StepState {
    /// Says where the step stands, in one line for people.
    pub fn words(&self) -> String {
        match self {
            StepState::Waiting => "waiting".into(),
            StepState::Judged => "judged".into(),
            StepState::Asked(expires) => format!("waits for a human, until {}", crate::clock::stamp(*expires)),
            StepState::Approved(by) => format!("approved by {by}"),
            StepState::Skipped(why) => format!("not run: {why}"),
            StepState::Granted(_) => "granted, no end seen".into(),
            StepState::Ended(outcome) => outcome.words(),
            StepState::Overdue(_, why) => format!("overdue: {why}"),
            StepState::Unknown(unseen) => format!("unknown: {unseen}"),
            StepState::Probing(probing) => format!("unknown: {}; a read looks whether it happened", probing.unseen),
            StepState::Confirmed(prover) => format!("{prover} says it happened"),
            StepState::Settled(by) => format!("{by} says it happened"),
        }
    }
}

impl Outcome {
    /// Says how it ended, in one line for people.
    pub fn words(&self) -> String {
        let exit = self.exit.map_or_else(|| "no exit status".into(), |exit| format!("exit {exit}"));
        let assumed = if self.assumed { " (assumed)" } else { "" };
        if self.misses.is_empty() {
            format!("{exit}{assumed}, as expected")
        } else {
            format!("{exit}{assumed}: {}", one_line(&self.misses.join("; "), 300))
        }
    }

    /// Returns the end of what it wrote, errors last; at most `bytes_max` bytes of each stream.
    pub fn tail(&self, bytes_max: usize) -> String {
        let end = |kept: &Kept| match kept {
            Kept::Inline(text) => text[text.ceil_char_boundary(text.len().saturating_sub(bytes_max))..].to_string(),
            Kept::Blob { blob, bytes } => format!("({bytes} bytes, blob {blob})"),
        };
        let (out, err) = (end(&self.stdout), end(&self.stderr));
        if err.is_empty() { out } else { format!("{out}\n--- standard error ---\n{err}") }
    }
}
