//! `studio approvals`, `approve`, `deny`, `settle`: what waits for a human, and the human's signed word.

use super::run::block_on;
use crate::card;
use crate::cli::{AnswerArgs, Settlement};
use crate::exit::{Exit, Failure};
use crate::rules;
use crate::site::{Found, Site};
use crate::tail::tail;
use crate::work;
use jiff::SignedDuration;
use serde_json::json;
use studio_core::approval::{Statement, Word};
use studio_core::event::Mode;
use studio_core::limits::APPROVAL_HOURS;
use studio_core::run::{Run, StepRecord, StepState};
use studio_core::step::{Op, StepNo};
use studio_core::store::{OsDisk, is_held, read_notices, send_notice};
use studio_core::supervisor::judgement;
use studio_core::text::{Prose, visible};
use studio_core::tree::Tree;
use studio_host::executor::fit;

pub(crate) fn approvals(site: &Site, json: bool) -> Result<Exit, Failure> {
    let mut waits = 0;
    for found in site.runs()? {
        let Ok(run) = found.log().and_then(|log| folded(&log)) else { continue }; // status and verify say what is wrong with it
        for (no, record) in open(&run).filter(|_| run.closed().is_none()) {
            waits += 1;
            let answered = answered(site, &found, record, no)?;
            if json {
                let judgement = record.judgement.as_ref();
                println!(
                    "{}",
                    json!({
                        "v": 1, "type": "approval", "run": found.id, "step": no, "attempt": record.attempt, "argv": record.step.argv, "target": record.step.target,
                        "class": judgement.map(|judgement| judgement.class), "effect": judgement.map(|judgement| &judgement.digest), "state": record.state.words(), "answered": answered,
                    })
                );
                continue;
            }
            print!("{}", card::card(site, &run, no).unwrap_or_default());
            match (&record.state, answered) {
                (_, Some(word)) => println!("answered: {word}; go on with: studio resume {}", found.id),
                (StepState::Unknown(_), None) => print!(
                    "{}nobody knows whether it ran; look, then: studio settle {} {} happened|did-not|abort --reason '…'\n",
                    tail(&found, no, record),
                    found.id,
                    no.0
                ),
                (_, None) => println!("answer with: studio approve {} {}   or: studio deny {} {}", found.id, no.0, found.id, no.0),
            }
        }
    }
    if waits == 0 && !json {
        println!("nothing waits for a human");
    }
    Ok(Exit::Done)
}

pub(crate) fn approve(site: &Site, args: &AnswerArgs, json: bool) -> Result<Exit, Failure> {
    answer(site, &args.run, args.step, Word::Approve, args.reason.as_deref(), json)
}

pub(crate) fn deny(site: &Site, args: &AnswerArgs, json: bool) -> Result<Exit, Failure> {
    answer(site, &args.run, args.step, Word::Deny, args.reason.as_deref(), json)
}

pub(crate) fn settle(site: &Site, run: &str, step: u32, what: Settlement, reason: &str, json: bool) -> Result<Exit, Failure> {
    let word = match what {
        Settlement::Happened => Word::Happened,
        Settlement::DidNot => Word::DidNot,
        Settlement::Abort => Word::Abort,
    };
    answer(site, run, Some(step), word, Some(reason), json)
}

/// Signs a word about the step that waits and puts it into the run's inbox.
fn answer(site: &Site, run: &str, step: Option<u32>, word: Word, reason: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let found = site.run(run)?;
    let log = found.log()?;
    let folded = folded(&log)?;
    let settles = matches!(word, Word::Happened | Word::DidNot | Word::Abort);
    let fits = |record: &StepRecord| matches!(record.state, StepState::Unknown(_)) == settles;
    let waits: Vec<(StepNo, &StepRecord)> = open(&folded).filter(|(no, record)| fits(record) && step.is_none_or(|step| no.0 == step)).collect();
    let Some((no, record)) = waits.first().filter(|_| folded.closed().is_none()) else {
        let what = if settles { "has no step whose outcome is unknown" } else { "has no step that waits for an approval" };
        let step = step.map(|step| format!(" under number {step}")).unwrap_or_default();
        return Err(Failure::new(Exit::Usage, format!("run {} {what}{step}: see `studio approvals`", found.id)));
    };
    // What is shown and signed is what the rules say now, over the files the run works on; never what the journal claims.
    let tree = site.tree_of(&log)?;
    let judged = judgement(rules::of(site, tree.as_ref())?.gate.as_ref(), tree.as_ref(), &folded, *no)?;
    if record.judgement.as_ref() != Some(&judged) {
        return Err(Failure::new(
            Exit::Refused,
            format!("the journal of {} says otherwise about step {no} than the rules do: nothing is signed", found.id),
        ));
    }
    let handed = if word == Word::Approve { handed(site, &folded, record, tree.as_ref())? } else { String::new() };
    let effect = judged.digest;
    let op = Op { run: found.id.clone(), step: *no, attempt: record.attempt };
    let now = site.clock.now();
    let day = now.saturating_add(SignedDuration::from_hours(APPROVAL_HOURS)).unwrap_or(now);
    let expires = if let StepState::Asked(until) = record.state { day.min(until) } else { day };
    if expires <= now {
        return Err(Failure::new(Exit::Refused, format!("the question lapsed: `studio resume {}` asks it again", found.id)));
    }
    let reason = reason
        .map(|reason| Prose::try_from(reason.to_string()))
        .transpose()
        .map_err(|error| Failure::new(Exit::Usage, format!("--reason: {error}")))?;
    let signed = site.operator.sign(|by| Statement { word, op, effect, by, at: now, expires, reason })?;
    if !json {
        print!("{}{}", card::card(site, &folded, *no).unwrap_or_default(), visible(&handed));
        if settles {
            print!("{}", tail(&found, *no, record));
        }
    }
    block_on(send_notice(&OsDisk, &found.dir, &signed))?;
    let held = is_held(&OsDisk, &found.dir)?;
    if json {
        println!(
            "{}",
            json!({ "v": 1, "type": "answer", "run": found.id, "step": no, "word": word, "by": signed.statement.by, "expires": signed.statement.expires })
        );
    } else {
        println!("signed by {}: {}", signed.statement.by, said(word));
        println!(
            "{}",
            if held {
                "the studio that works on it takes it from here".into()
            } else {
                format!("next        {}", work::command(site, &["resume", found.id.as_str()]))
            }
        );
    }
    Ok(Exit::Done)
}

/// Returns what the Executor would hand to a live step, in lines for a human.
///
/// # Errors
/// It would refuse the step as things stand, so nobody should be asked to sign for it.
fn handed(site: &Site, run: &Run, record: &StepRecord, tree: &dyn Tree) -> Result<String, Failure> {
    let Some(opened) = run.opened().filter(|opened| opened.mode == Mode::Live) else { return Ok(String::new()) };
    let edits = run.change().map(|change| change.edits.as_slice()).unwrap_or_default();
    let words = fit(site.root(), tree, edits, &record.step, opened.ticket.cluster.as_ref());
    let mend = "mend it and approve again, or deny the step; nothing was signed";
    let words = words.map_err(|why| Failure::new(Exit::Refused, format!("the step would be refused where it runs: {why}; {mend}")))?;
    Ok(words.lines().map(|line| format!("handed      {line}\n")).collect())
}

/// Returns the steps that wait for a human's word.
fn open(run: &Run) -> impl Iterator<Item = (StepNo, &StepRecord)> {
    let numbered = run.steps().iter().enumerate().filter_map(|(at, record)| Some((StepNo(u32::try_from(at + 1).ok()?), record)));
    numbered.filter(|(_, record)| matches!(record.state, StepState::Asked(_) | StepState::Unknown(_)))
}

/// Returns the believed answer that lies in the inbox, in words.
fn answered(site: &Site, found: &Found, record: &StepRecord, no: StepNo) -> Result<Option<String>, Failure> {
    let approvers = site.operator.approvers()?;
    for notice in read_notices(&OsDisk, &found.dir)? {
        let Ok(signed) = notice.signed else { continue };
        let Ok(statement) = signed.believe(approvers.as_ref(), site.clock.now()) else { continue };
        if statement.op.step == no && statement.op.attempt == record.attempt {
            return Ok(Some(format!("{} by {}", said(statement.word), statement.by)));
        }
    }
    Ok(None)
}

fn said(word: Word) -> &'static str {
    match word {
        Word::Approve => "it may run, once",
        Word::Deny => "it may not run",
        Word::Happened => "it happened",
        Word::DidNot => "it did not happen",
        Word::Abort => "the run is given up",
    }
}

fn folded(log: &studio_core::journal::Log) -> Result<Run, Failure> {
    log.fold().map_err(|error| Failure::new(Exit::BadInput, error))
}
