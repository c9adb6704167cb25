//! `studio verify`: is the journal whole, in order, and signed by whom it says, and its blobs too?

use crate::claims;
use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;
use studio_core::event::{Answered, Event, Mode, Outcome, Sealed};
use studio_core::host::REFUSED;
use studio_core::journal::Log;
use studio_core::step::Op;
use studio_core::text::Kept;
use studio_host::claim::ClaimStore;

pub(crate) fn verify(site: &Site, run: &str, json: bool) -> Result<Exit, Failure> {
    let found = site.run(run)?;
    let log = found.log()?;
    let state = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
    let approvers = site.operator.approvers()?;
    let (mut words, mut blobs) = (0, 0);
    for entry in &log.entries {
        for kept in texts(&entry.event).filter(|kept| matches!(kept, Kept::Blob { .. })) {
            found.text(kept)?;
            blobs += 1;
        }
        let Some(signed) = entry.event.signed() else { continue };
        words += 1;
        if let Err(error) = signed.clone().believe(approvers.as_ref(), entry.at) {
            return Err(Failure::new(
                Exit::Refused,
                format!("event {} of {}: the word of {} is {error}", entry.place.n, found.id, signed.statement.by),
            ));
        }
    }
    let (events, hash, anchored) = (log.entries.len(), state.hash(), anchored(site, &log)?);
    if json {
        println!(
            "{}",
            json!({ "v": 1, "type": "verified", "run": found.id, "events": events, "signatures": words, "blobs": blobs, "head": log.head, "state": hash, "torn_bytes": log.torn, "anchored": anchored.is_ok() })
        );
        return Ok(Exit::Done);
    }
    println!("whole       {events} events in one chain, each legal after the ones before it");
    println!("signatures  {words}, all by listed approvers");
    println!("blobs       {blobs}, each as its name says");
    println!("head        {}", log.head);
    println!("state       {hash}");
    if log.torn > 0 {
        println!("torn        {} bytes at the end were never finished; nobody acted on them", log.torn);
    }
    match anchored {
        Ok(Anchored { to, seals }) => {
            println!("anchored    up to event {to} of {events}, by {seals} seals of the store of claims, outside the repository")
        }
        Err(why) => println!("anchored    no: {why}"),
    }
    Ok(Exit::Done)
}

/// How far the store of claims vouches for a journal.
struct Anchored {
    to: u64,
    seals: usize,
}

/// Holds a journal against what the Executor saw of it.
///
/// # Errors
/// It was rewritten or set back. Inside: why nothing vouches for it.
fn anchored(site: &Site, log: &Log) -> Result<Result<Anchored, String>, Failure> {
    let ends: Vec<_> = log.entries.iter().filter_map(|entry| Some((entry.place.n, ended(&entry.event)?))).collect();
    if !live(log) || ends.is_empty() {
        return Ok(Err("no step of it really ran, so the Executor never saw it".into()));
    }
    let Some(store) = ClaimStore::find(&claims::dir(site)?).map_err(claims::odd)? else {
        return Ok(Err("the store of claims that sealed it is not here".into()));
    };
    let rewritten =
        |n: u64, why: &str| Failure::new(Exit::Refused, format!("event {n} of {}: {why}: the journal was rewritten or set back", log.run));
    for (n, (op, outcome, sealed)) in &ends {
        let Some(Sealed { n: seen, head, seal }) = sealed else {
            return Ok(Err(format!("nothing vouches for event {n}: how step {} ended is not sealed", op.step)));
        };
        if seen >= n || log.sum_of(*seen) != Some(head) {
            return Err(rewritten(*n, &format!("the Executor saw another line {seen} before it")));
        }
        if store.seal_outcome(op, *seen, head, outcome.exit).map_err(claims::odd)? != *seal {
            return Ok(Err(format!("event {n} was sealed by another store of claims, or says otherwise how its step ended")));
        }
    }
    let seen = store.anchored(&log.run).map_err(claims::odd)?;
    let Some(seen) = seen else { return Ok(Err("the store of claims remembers nothing of it: it was adopted, or the record is gone".into())) };
    if log.sum_of(seen.n) != Some(&seen.head) {
        return Err(rewritten(seen.n, &format!("the Executor saw a line {} that is not in it", seen.n)));
    }
    Ok(Ok(Anchored { to: seen.n, seals: ends.len() }))
}

/// Returns the end of a step that the Executor saw; one that it refused to begin had none.
fn ended(event: &Event) -> Option<(&Op, &Outcome, Option<&Sealed>)> {
    let Event::StepEnded { op, outcome, sealed } = event else { return None };
    let refused = sealed.is_none() && outcome.exit.is_none() && outcome.misses.iter().any(|miss| miss.starts_with(REFUSED));
    (!refused).then_some((op, outcome, sealed.as_ref()))
}

fn live(log: &Log) -> bool {
    matches!(log.entries.first().map(|entry| &entry.event), Some(Event::RunOpened(opened)) if opened.mode == Mode::Live)
}

/// Returns the texts that stand beside the journal if they are long.
fn texts(event: &Event) -> impl Iterator<Item = &Kept> {
    let (first, second) = if let Event::StepEnded { outcome, .. } = event {
        (Some(&outcome.stdout), Some(&outcome.stderr))
    } else if let Event::ModelAnswered { answer: Answered::Text(text), .. } = event {
        (Some(text), None)
    } else {
        (None, None)
    };
    first.into_iter().chain(second)
}
