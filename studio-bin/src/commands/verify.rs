//! `studio verify`: is the journal whole, in order, and signed by whom it says, and its blobs too?

use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;
use studio_core::event::{Answered, Event};
use studio_core::text::Kept;

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
    let (events, hash) = (log.entries.len(), state.hash());
    if json {
        println!(
            "{}",
            json!({ "v": 1, "type": "verified", "run": found.id, "events": events, "signatures": words, "blobs": blobs, "head": log.head, "state": hash, "torn_bytes": log.torn, "anchored": false })
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
    println!("anchored    no: nothing outside the repository vouches for the head yet");
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
