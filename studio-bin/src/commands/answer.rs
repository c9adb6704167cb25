//! `studio approvals`, `approve`, `deny`, `settle`: what waits for a human, and the human's signed word.

use super::run::block_on;
use crate::card;
use crate::cli::{AnswerArgs, Settlement};
use crate::exit::{Exit, Failure};
use crate::rules;
use crate::site::{Found, Site};
use crate::tail::tail;
use crate::work::{self, EFFECT_CHARS};
use jiff::SignedDuration;
use serde_json::json;
use studio_core::approval::{Statement, Word};
use studio_core::event::Mode;
use studio_core::gate::Judgement;
use studio_core::limits::APPROVAL_HOURS;
use studio_core::name::Digest;
use studio_core::run::{Run, StepRecord, StepState};
use studio_core::step::{Op, StepNo};
use studio_core::store::{OsDisk, is_held, read_notices, send_notice};
use studio_core::supervisor::judgement;
use studio_core::text::Prose;
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
                let shown: Vec<String> = card::around(site, &run, record).into_iter().map(|(name, row)| format!("{name}: {row}")).collect();
                println!(
                    "{}",
                    json!({
                        "v": 1, "type": "approval", "run": found.id, "step": no, "attempt": record.attempt, "argv": record.step.argv, "target": record.step.target,
                        "class": judgement.map(|judgement| judgement.class), "effect": judgement.map(|judgement| &judgement.digest), "state": record.state.words(), "answered": answered, "shown": shown,
                    })
                );
                continue;
            }
            print!("{}", card::card(site, &run, no).unwrap_or_default());
            if let Err(failure) = ours(site, &found, &run) {
                println!("{}", failure.why);
                continue;
            }
            match (&record.state, answered) {
                (_, Some(word)) => println!("answered: {word}; go on with: studio resume {}", found.id),
                (StepState::Unknown(_), None) => print!(
                    "{}nobody knows whether it ran; look, then: studio settle {} {} happened|did-not|abort --reason '…'\n",
                    tail(&found, no, record),
                    found.id,
                    no.0
                ),
                (_, None) => {
                    let step = format!("{} {} --effect {}", found.id, no.0, work::effect(record));
                    println!("answer with: studio approve {step}   or: studio deny {step}");
                }
            }
        }
    }
    if waits == 0 && !json {
        println!("nothing waits for a human");
    }
    Ok(Exit::Done)
}

pub(crate) fn approve(site: &Site, args: &AnswerArgs, json: bool) -> Result<Exit, Failure> {
    answer(site, args, Word::Approve, json)
}

pub(crate) fn deny(site: &Site, args: &AnswerArgs, json: bool) -> Result<Exit, Failure> {
    answer(site, args, Word::Deny, json)
}

pub(crate) fn settle(site: &Site, run: &str, step: u32, what: Settlement, reason: &str, json: bool) -> Result<Exit, Failure> {
    let word = match what {
        Settlement::Happened => Word::Happened,
        Settlement::DidNot => Word::DidNot,
        Settlement::Abort => Word::Abort,
    };
    answer(site, &AnswerArgs { run: run.into(), step: Some(step), effect: None, reason: Some(reason.into()) }, word, json)
}

/// Signs a word about the step that waits and puts it into the run's inbox.
fn answer(site: &Site, args: &AnswerArgs, word: Word, json: bool) -> Result<Exit, Failure> {
    let found = site.run(&args.run)?;
    let log = found.log()?;
    let folded = folded(&log)?;
    ours(site, &found, &folded)?;
    let (no, record) = waiting(&found, &folded, args.step, word)?;
    let effect = match (word, &record.judgement) {
        // It lets nothing happen, so it needs neither files nor rules.
        (Word::Abort, Some(judgement)) => judgement.digest.clone(),
        (_, judgement) => {
            let tree = site.tree_of(&log)?;
            let effect = effect(site, &folded, no, judgement.as_ref(), tree.as_ref())?;
            if word == Word::Approve {
                fits(site, &folded, record, tree.as_ref())?;
            }
            effect
        }
    };
    shown(args.effect.as_deref(), effect.as_str(), no)?;
    let op = Op { run: found.id.clone(), step: no, attempt: record.attempt };
    let now = site.clock.now();
    let day = now.saturating_add(SignedDuration::from_hours(APPROVAL_HOURS)).unwrap_or(now);
    let expires = if let StepState::Asked(until) = record.state { day.min(until) } else { day };
    if expires <= now {
        return Err(Failure::new(Exit::Refused, format!("the question lapsed: `studio resume {}` asks it again", found.id)));
    }
    let reason = args
        .reason
        .as_ref()
        .map(|reason| Prose::try_from(reason.clone()))
        .transpose()
        .map_err(|error| Failure::new(Exit::Usage, format!("--reason: {error}")))?;
    if !json {
        print!("{}", card::card(site, &folded, no).unwrap_or_default());
        if matches!(record.state, StepState::Unknown(_)) {
            print!("{}", tail(&found, no, record));
        }
    }
    let signed = site.operator.sign(|by| Statement { word, op, effect, by, at: now, expires, reason })?;
    block_on(send_notice(&OsDisk, &found.dir, &signed))?;
    tell(site, &found, &signed.statement, json)
}

/// Returns the effect of a step as the rules see it now, over the files the run works on: that is what is shown and
/// signed, never what the journal claims.
fn effect(site: &Site, run: &Run, no: StepNo, claimed: Option<&Judgement>, tree: &dyn Tree) -> Result<Digest, Failure> {
    let judged = judgement(rules::of(site, tree)?.gate.as_ref(), tree, run, no)?;
    if claimed == Some(&judged) {
        return Ok(judged.digest);
    }
    let id = run.id().map(ToString::to_string).unwrap_or_default();
    Err(Failure::new(Exit::Refused, format!("the journal of {id} says otherwise about step {no} than the rules do: nothing is signed")))
}

/// Says what was signed, and what comes next.
fn tell(site: &Site, found: &Found, statement: &Statement, json: bool) -> Result<Exit, Failure> {
    let Statement { word, op, by, expires, .. } = statement;
    let held = is_held(&OsDisk, &found.dir)?;
    if json {
        println!("{}", json!({ "v": 1, "type": "answer", "run": found.id, "step": op.step, "word": word, "by": by, "expires": expires }));
        return Ok(Exit::Done);
    }
    println!("signed by {by}: {}", said(*word));
    println!(
        "{}",
        if held {
            "the studio that works on it takes it from here".into()
        } else {
            format!("next        {}", work::command(site, &["resume", found.id.as_str()]))
        }
    );
    Ok(Exit::Done)
}

/// Refuses a run that was begun elsewhere: a repository may ship one, and whoever began it answers it.
fn ours(site: &Site, found: &Found, run: &Run) -> Result<(), Failure> {
    let install = site.operator.install()?;
    if run.home().is_none_or(|(home, _)| home == install) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        format!("run {} belongs to another install of Studio: nothing is signed; answer it there, or take it over with `studio adopt`", found.id),
    ))
}

/// Returns the step that is meant: the one that is named, else the only one that waits.
fn waiting<'a>(found: &Found, run: &'a Run, step: Option<u32>, word: Word) -> Result<(StepNo, &'a StepRecord), Failure> {
    let settles = matches!(word, Word::Happened | Word::DidNot | Word::Abort);
    let meant = |no: StepNo, record: &StepRecord| matches!(record.state, StepState::Unknown(_)) == settles && step.is_none_or(|step| no.0 == step);
    let waits: Vec<(StepNo, &StepRecord)> = open(run).filter(|(no, record)| meant(*no, record) && run.closed().is_none()).collect();
    match waits[..] {
        [one] => Ok(one),
        [] => {
            let what = if settles { "has no step whose outcome is unknown" } else { "has no step that waits for an approval" };
            let step = step.map(|step| format!(" under number {step}")).unwrap_or_default();
            Err(Failure::new(Exit::Usage, format!("run {} {what}{step}: see `studio approvals`", found.id)))
        }
        [..] => Err(Failure::new(Exit::Usage, format!("{} steps of run {} wait: say which, see `studio approvals`", waits.len(), found.id))),
    }
}

/// Says whether a step is still the one that somebody was shown, if they say which that was.
fn shown(begins: Option<&str>, effect: &str, no: StepNo) -> Result<(), Failure> {
    let Some(begins) = begins else { return Ok(()) };
    if begins.len() < EFFECT_CHARS {
        return Err(Failure::new(Exit::Usage, format!("--effect takes at least the first {EFFECT_CHARS} digits that the card shows")));
    }
    if effect.starts_with(begins) {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, format!("step {no} has another effect than the one you were shown: nothing is signed; see `studio approvals`")))
}

/// Says whether the Executor would take a live step as things stand.
///
/// # Errors
/// It would refuse it, so nobody should be asked to sign for it.
fn fits(site: &Site, run: &Run, record: &StepRecord, tree: &dyn Tree) -> Result<(), Failure> {
    let Some(opened) = run.opened().filter(|opened| opened.mode == Mode::Live) else { return Ok(()) };
    let edits = run.change().map(|change| change.edits.as_slice()).unwrap_or_default();
    let mend = "mend it and approve again, or deny the step; nothing was signed";
    let refused = |why| Failure::new(Exit::Refused, format!("the step would be refused where it runs: {why}; {mend}"));
    fit(site.root(), tree, edits, &record.step, opened.ticket.cluster.as_ref()).map(drop).map_err(refused)
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
        Word::Abort | Word::Cancel => "the run is given up",
    }
}

fn folded(log: &studio_core::journal::Log) -> Result<Run, Failure> {
    log.fold().map_err(|error| Failure::new(Exit::BadInput, error))
}
