//! What a projection says of a run, taken from its journal.

use jiff::Timestamp;
use studio_core::event::{Closing, Event, Opened, Parked};
use studio_core::failure::{self, Cause, Confidence};
use studio_core::journal::Log;
use studio_core::name::{Digest, RunId};
use studio_core::run::{Next, Run};
use studio_core::text::{one_line, visible};
use studio_core::ticket::Ticket;

/// How much of a failed step's output is shown.
const TAIL_BYTES: usize = 500;

/// What is said of a run.
pub(super) struct Facts<'a> {
    pub(super) run: &'a RunId,
    pub(super) ticket: &'a Ticket,
    pub(super) round: u32,
    pub(super) model_calls: u32,
    /// Who acted last.
    pub(super) persona: &'a str,
    /// What it worked on last.
    pub(super) target: String,
    /// Why it rests, as older tools spell it.
    pub(super) exit: &'static str,
    /// The state of its ticket, as queue files spell it.
    pub(super) status: &'static str,
    pub(super) why: String,
    /// What a human is asked.
    pub(super) question: Option<String>,
    /// When its journal begins, and ends.
    pub(super) began: Timestamp,
    pub(super) at: Timestamp,
    pub(super) closed: bool,
    pub(super) failure: Option<Failure>,
}

/// Why a run failed.
pub(super) struct Failure {
    pub(super) command: String,
    pub(super) tail: String,
    pub(super) class: Cause,
    pub(super) confidence: Confidence,
    /// The same for the same failure, whatever numbers and times its output holds.
    pub(super) identity: Digest,
}

impl<'a> Facts<'a> {
    pub(super) fn of(log: &'a Log, run: &Run, opened: &'a Opened, stage_open: bool) -> Facts<'a> {
        let (exit, status, why, question) = standing(run, stage_open);
        let at = |entry: Option<&studio_core::journal::Entry>| entry.map(|entry| entry.at).unwrap_or_default();
        let target = opened.ticket.script.as_ref().map(ToString::to_string);
        Facts {
            run: &log.run,
            ticket: &opened.ticket,
            round: run.round(),
            model_calls: run.spent().model_calls,
            persona: log.entries.iter().rev().find_map(|entry| speaker(&entry.event)).unwrap_or("planner"),
            target: target.or_else(|| Some(run.steps().last()?.step.target.to_string())).unwrap_or_default(),
            exit,
            status,
            failure: (status == "failed").then(|| Failure::of(run, &why)),
            why,
            question,
            began: at(log.entries.first()),
            at: at(log.entries.last()),
            closed: run.closed().is_some(),
        }
    }

    pub(super) fn log_path(&self) -> String {
        format!("ai/state/runs/{}/journal.jsonl", self.run)
    }
}

/// Says why a run rests, what that makes of its ticket, why, and what a human is asked.
fn standing(run: &Run, stage_open: bool) -> (&'static str, &'static str, String, Option<String>) {
    if let Some((closing, why)) = run.closed() {
        let (exit, status) = match closing {
            Closing::Done | Closing::Rehearsed => ("success", "success"),
            Closing::Refused if !stage_open => ("blocked_stage1", "blocked"),
            Closing::Refused | Closing::Cancelled => ("stuck", "blocked"),
            Closing::Failed => ("error", "failed"),
            Closing::OutOfRounds | Closing::OutOfBudget => ("stuck", "failed"),
        };
        return (exit, status, one_line(why, 500), None);
    }
    let (_, why) = crate::report::outcome(run);
    let why = one_line(&why, 500);
    let next = run.next();
    let status = if let Next::Park(parked, _) = next {
        match parked {
            Parked::NeedsReview => "review",
            Parked::NeedsHuman => "escalated",
            Parked::NeedsSetting => "blocked",
        }
    } else if let Next::Await { .. } = next {
        "escalated"
    } else {
        return ("in_progress", "running", why, None);
    };
    ("human_required", status, why.clone(), Some(why))
}

fn speaker(event: &Event) -> Option<&str> {
    if let Event::BriefWritten { by, .. }
    | Event::PlanProposed { by, .. }
    | Event::PlanObjected { by, .. }
    | Event::PlanAgreed { by }
    | Event::EditsProposed { by, .. }
    | Event::ReviewGiven { by, .. }
    | Event::AdviceGiven { by, .. } = event
    {
        return Some(by.as_str());
    }
    matches!(event, Event::StepGranted { .. } | Event::StepEnded { .. } | Event::StepUnknown { .. }).then_some("executor")
}

impl Failure {
    /// Returns the last step that did not end as it should; without one, what the run says itself.
    fn of(run: &Run, why: &str) -> Failure {
        let wrong = run.steps().iter().rev().find_map(|record| Some((record, record.failure()?)));
        let Some((record, failure)) = wrong else {
            let identity = failure::identity("", why.lines());
            return Failure { command: String::new(), tail: end(why), class: Cause::Unknown, confidence: Confidence::Low, identity };
        };
        Failure {
            command: record.step.argv.to_string(),
            tail: end(failure.tail.as_str()),
            class: failure.class,
            confidence: failure.confidence,
            identity: failure.identity.clone(),
        }
    }

    /// Returns its class, as queue files spell it.
    pub(super) fn code(&self) -> String {
        format!("ERR_{}", self.class.name().to_uppercase().replace('-', "_"))
    }
}

fn end(text: &str) -> String {
    let text = visible(text.trim_end());
    text.get(text.ceil_char_boundary(text.len().saturating_sub(TAIL_BYTES))..).unwrap_or_default().to_string()
}
