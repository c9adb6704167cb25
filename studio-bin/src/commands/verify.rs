//! `studio verify`: is the journal whole, in order, and signed by whom it says, and its blobs too?

use crate::anchored::{self, Anchored};
use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;
use studio_core::event::{Answered, Event};
use studio_core::spoken::{Spoken, Standing, spoken};
use studio_core::text::Kept;

pub(crate) fn verify(site: &Site, run: &str, json: bool) -> Result<Exit, Failure> {
    let found = site.run(run)?;
    let log = found.log()?;
    let state = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
    let blobs = log.entries.iter().flat_map(|entry| texts(&entry.event)).filter(|kept| matches!(kept, Kept::Blob { .. }));
    let blobs = blobs.map(|kept| found.text(kept)).collect::<Result<Vec<_>, _>>()?.len();
    let anchored = anchored::anchored(site, &log)?;
    let approvers = site.operator.approvers()?;
    let words = spoken(&log, approvers.as_ref(), anchored.as_ref().map_or(0, |anchored| anchored.to));
    let mut notes = Vec::new();
    for Spoken { n, signed, standing } in &words {
        let whose = format!("event {n} of {}: the word of {}", found.id, signed.statement.by);
        match standing {
            Standing::Listed => {}
            Standing::Past => notes.push(format!("{whose}, who is not listed any more: it was believed when it was taken")),
            Standing::Unused(error) => notes.push(format!("{whose} is {error}; nothing came of it")),
            Standing::Void(error) => return Err(Failure::new(Exit::Refused, format!("{whose} is {error}"))),
        }
    }
    let whole = anchored.as_ref().is_ok_and(|anchored| anchored.doubt.is_none());
    let (events, hash, words) = (log.entries.len(), state.hash(), words.len());
    if json {
        println!(
            "{}",
            json!({ "v": 1, "type": "verified", "run": found.id, "events": events, "signatures": words, "blobs": blobs, "head": log.head, "state": hash, "torn_bytes": log.torn, "anchored": whole })
        );
        return Ok(Exit::Done);
    }
    println!("whole       {events} events in one chain, each legal after the ones before it");
    println!("signatures  {words}, {} by listed approvers", if notes.is_empty() { "all".into() } else { (words - notes.len()).to_string() });
    notes.iter().for_each(|note| println!("            {note}"));
    println!("blobs       {blobs}, each as its name says");
    println!("head        {}", log.head);
    println!("state       {hash}");
    if log.torn > 0 {
        println!("torn        {} bytes at the end were never finished; nobody acted on them", log.torn);
    }
    match anchored {
        Ok(Anchored { doubt: Some(why), .. }) | Err(why) => println!("anchored    no: {why}"),
        Ok(Anchored { to, seals, doubt: None }) => {
            println!("anchored    up to event {to} of {events}, by {seals} seals of the store of claims, outside the repository")
        }
    }
    Ok(Exit::Done)
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
