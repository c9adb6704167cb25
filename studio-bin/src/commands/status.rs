//! `studio status`: how the runs stand.

use crate::exit::{Exit, Failure};
use crate::site::{Found, Site};
use serde_json::{Value, json};
use studio_core::clock::stamp;
use studio_core::event::Mode;
use studio_core::failure::Failure as Failed;
use studio_core::store::{OsDisk, is_held};
use studio_core::text::one_line;
use studio_files::report;

/// Runs shown where none is named: the newest.
const SHOWN_MAX: usize = 20;

pub(crate) fn status(site: &Site, run: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let found = match run {
        Some(run) => vec![site.run(run)?],
        None => site.runs()?,
    };
    let hidden = found.len().saturating_sub(SHOWN_MAX);
    for found in &found[hidden..] {
        let row = row(found);
        if json {
            println!("{row}");
        } else {
            tell(&row, run.is_some());
        }
    }
    if !json && found.is_empty() {
        println!("no runs yet: begin one with `studio run`");
    }
    if !json && hidden > 0 {
        println!("{hidden} older runs are not shown");
    }
    Ok(Exit::Done)
}

fn row(found: &Found) -> Value {
    let read = found.log().and_then(|log| log.fold().map(|run| (log, run)).map_err(|error| Failure::new(Exit::BadInput, error)));
    let (log, run) = match read {
        Ok(read) => read,
        Err(failure) => return json!({ "v": 1, "type": "unreadable", "run": found.id, "state": "unreadable", "why": failure.why }),
    };
    let (mut state, mut why) = report::outcome(&run);
    if run.closed().is_none() && is_held(&OsDisk, &found.dir).unwrap_or(false) {
        (state, why) = ("running".into(), "a studio is working on it now".into());
    }
    let opened = run.opened();
    let steps: Vec<Value> = run
        .steps()
        .iter()
        .enumerate()
        .map(|(at, record)| {
            json!({
                "step": at + 1, "name": record.step.name, "argv": record.step.argv, "state": record.state.words(), "failure": record.failure(),
            })
        })
        .collect();
    json!({
        "v": 1, "type": "run", "run": found.id, "ticket": opened.map(|opened| &opened.ticket.id), "simulated": opened.is_some_and(|opened| opened.mode == Mode::Simulate),
        "state": state, "why": why, "round": run.round(), "events": log.entries.len(), "torn_bytes": log.torn, "last": log.entries.last().map(|entry| stamp(entry.at)),
        "model_calls": run.spent().model_calls, "tokens": run.spent().tokens_in.saturating_add(run.spent().tokens_out), "steps": steps,
    })
}

fn tell(row: &Value, whole: bool) {
    let word = |key: &str| row[key].as_str().unwrap_or("-").to_string();
    println!("{:<13} {}  {}", word("state"), word("run"), word("last"));
    println!("              {}", one_line(&word("why"), if whole { 1000 } else { 140 }));
    if whole {
        println!("              round {}, {} events, {} model calls, {} tokens", row["round"], row["events"], row["model_calls"], row["tokens"]);
        for step in row["steps"].as_array().into_iter().flatten() {
            println!("              step {}: {}", step["step"], one_line(step["state"].as_str().unwrap_or_default(), 200));
            if let Ok(failure) = serde_json::from_value::<Failed>(step["failure"].clone()) {
                println!("                failure: {}", one_line(&failure.to_string(), 200));
            }
        }
    }
}
