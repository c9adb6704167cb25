//! What a projection says of a run, taken from its journal.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use studio_core::event::{Closing, Event, Opened, Parked};
use studio_core::journal::Log;
use studio_core::name::RunId;
use studio_core::run::{Next, Run, StepRecord, StepState};
use studio_core::text::{Kept, one_line, visible};
use studio_core::ticket::Ticket;

/// How much of a failed step's output is shown.
const TAIL_BYTES: usize = 500;
/// Lines of it that tell one failure from another.
const SIGNATURE_LINES: usize = 60;

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
    /// The same for the same failure, whatever numbers and times its output holds.
    pub(super) signature: String,
}

impl<'a> Facts<'a> {
    pub(super) fn of(log: &'a Log, run: &Run, opened: &'a Opened, stage_open: bool, texts: &dyn Fn(&Kept) -> Option<String>) -> Facts<'a> {
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
            failure: (status == "failed").then(|| Failure::of(run, &why, texts)),
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
    fn of(run: &Run, why: &str, texts: &dyn Fn(&Kept) -> Option<String>) -> Failure {
        let ended = |record: &StepRecord| if let StepState::Ended(outcome) = &record.state { Some(outcome.clone()) } else { None };
        let wrong = run.steps().iter().rev().filter(|record| !record.went_well()).find_map(|record| Some((record, ended(record)?)));
        let Some((record, outcome)) = wrong else {
            return Failure { command: String::new(), tail: end(why), signature: signature("", why) };
        };
        let command = record.step.argv.to_string();
        let said = [&outcome.stderr, &outcome.stdout].into_iter().filter_map(texts).find(|text| !text.trim().is_empty());
        let said = said.unwrap_or_else(|| outcome.misses.join("\n"));
        let exit = outcome.exit.map_or_else(|| "no exit status".into(), |exit| exit.to_string());
        Failure { tail: end(&said), signature: signature(&format!("{command}\n{exit}"), &said), command }
    }
}

fn end(text: &str) -> String {
    let text = visible(text.trim_end());
    text.get(text.ceil_char_boundary(text.len().saturating_sub(TAIL_BYTES))..).unwrap_or_default().to_string()
}

/// A signature with a clock reading in it is never seen twice, so numbers are all the same.
fn signature(what: &str, said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let last = lines.get(lines.len().saturating_sub(SIGNATURE_LINES)..).unwrap_or_default();
    let mut plain = String::from(what);
    for line in last {
        plain.push('\n');
        for c in line.trim_end().chars() {
            let c = if c.is_ascii_digit() { '#' } else { c };
            if c != '#' || !plain.ends_with('#') {
                plain.push(c);
            }
        }
    }
    Sha256::digest(plain).iter().map(|byte| format!("{byte:02x}")).collect()
}
