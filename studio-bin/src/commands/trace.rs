//! `studio trace`: every event of a run with its time, what it took, and what it cost.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use crate::{story, work};
use studio_core::event::Event;
use studio_core::journal::Entry;

pub(crate) fn trace(site: &Site, run: &str, json: bool) -> Result<Exit, Failure> {
    let log = site.run(run)?.log()?;
    let mut before = log.entries.first().map(|entry| entry.at);
    for entry in &log.entries {
        let took = before.map_or(0, |before| entry.at.duration_since(before).as_millis().max(0));
        before = Some(entry.at);
        if json {
            let mut row = work::event_json(&log.run, entry);
            (row["type"], row["took_ms"]) = ("traced".into(), serde_json::json!(took));
            println!("{row}");
        } else {
            println!("{:>4} {} {took:>7} ms  {:<18} {}", entry.place.n, entry.at.strftime("%H:%M:%S%.3f"), entry.event.kind(), words(entry));
        }
    }
    if !json {
        let run = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
        let spent = run.spent();
        println!("{} calls to a model, {} tokens in, {} out; head {}", spent.model_calls, spent.tokens_in, spent.tokens_out, log.head);
    }
    Ok(Exit::Done)
}

fn words(entry: &Entry) -> String {
    if let Event::ModelAsked { persona, turn, prompt, model } = &entry.event {
        return format!("{persona} turn {turn}, prompt {}, of {model}", &prompt.as_str()[..12]);
    }
    if let Event::ModelAnswered { persona, turn, usage, .. } = &entry.event {
        return format!("{persona} turn {turn}, {} tokens in, {} out", usage.tokens_in, usage.tokens_out);
    }
    story::line(entry).unwrap_or_default()
}
