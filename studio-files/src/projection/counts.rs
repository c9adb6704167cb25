//! Counters and failures: files that add up over runs, so each remembers which runs it has counted.

use super::facts::{Facts, Failure};
use super::object::Object;
use super::{put, stage};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use studio_core::clock::stamp;
use studio_core::limits::{FAILURES_MAX, RUNS_COUNTED_MAX};
use studio_core::text::one_line;

/// Our own key: `{"runs": [ids of the runs that are in the counts]}`.
const OURS: &str = "studio";

pub(super) fn metrics(object: &mut Object, facts: &Facts) -> Result<(), String> {
    if !facts.closed || !first_time(object, facts)? {
        return Ok(());
    }
    let done = u64::from(facts.status == "success");
    let failed = u64::from(facts.failure.is_some());
    let completed = count(object.get("tasks_completed"), "tasks_completed")?.saturating_add(done);
    let lost = count(object.get("tasks_failed"), "tasks_failed")?.saturating_add(failed);
    let (mut counts, mut totals) = (map(object, "failure_counts")?, map(object, "failure_totals")?);
    if let Some(failure) = &facts.failure {
        add(&mut counts, &format!("{}:{}", facts.ticket.id, short(failure)))?;
        add(&mut totals, facts.ticket.id.as_str())?;
    }
    put(
        object,
        [
            ("tasks_completed", json!(completed)),
            ("tasks_failed", json!(lost)),
            ("last_run", json!(facts.run)),
            ("failure_counts", Value::Object(counts)),
            ("failure_totals", Value::Object(totals)),
        ],
    )
}

pub(super) fn last_error(object: &mut Object, facts: &Facts) -> Result<(), String> {
    let Some(failure) = &facts.failure else { return Ok(()) };
    if !first_time(object, facts)? {
        return Ok(());
    }
    let signature = json!(format!("blake3:{}", failure.identity));
    let again = object.get("task_id") == Some(json!(facts.ticket.id)) && object.get("failure_signature").as_ref() == Some(&signature);
    let before = if again { count(object.get("failure_count"), "failure_count")? } else { 0 };
    if object.get("error_hash").is_some() {
        put(object, [("error_hash", Value::Null)])?; // it named another failure
    }
    put(
        object,
        [
            ("task_id", json!(facts.ticket.id)),
            ("persona", json!(facts.persona)),
            ("command", json!(failure.command)),
            ("stderr_tail", json!(failure.tail)),
            ("failure_count", json!(before.saturating_add(1))),
            ("classification", json!(failure.class.name())),
            ("log_path", json!(facts.log_path())),
            ("error_classification", json!(failure.code())),
            ("classification_confidence", json!(failure.confidence.name())),
            ("failure_signature", signature),
            ("failed_at", json!(stamp(facts.at))),
        ],
    )
}

pub(super) fn errors(object: &mut Object, facts: &Facts) -> Result<(), String> {
    let Some(failure) = &facts.failure else { return Ok(()) };
    let key = format!("{}_{}", stage(facts.ticket.stage), short(failure));
    if (object.get(&key).is_none() && object.len() >= FAILURES_MAX) || !first_time(object, facts)? {
        return Ok(());
    }
    let mut entry = map(object, &key)?;
    let attempts = count(entry.get("attempts").cloned(), "attempts")?.saturating_add(1);
    let calls = count(entry.get("api_calls").cloned(), "api_calls")?.saturating_add(facts.model_calls.into());
    for (name, value) in [
        ("api_outcomes", json!([])),
        ("no_effect_count", json!(0)),
        ("no_new_evidence_count", json!(0)),
        ("patch_failures", json!(0)),
        ("provider_failures", json!({})),
    ] {
        entry.entry(name).or_insert(value);
    }
    for (name, value) in [
        ("attempts", json!(attempts)),
        ("api_calls", json!(calls)),
        ("last_source", json!(facts.ticket.source.to_string())),
        ("last_transition", json!(format!("{} {}", stamp(facts.at), facts.exit))),
    ] {
        entry.insert(name.into(), value);
    }
    put(object, [(&key, Value::Object(entry))])
}

/// Says whether the run is not in the counts yet, and puts it there. When the list is full, runs
/// older than all of it are taken as counted.
fn first_time(object: &mut Object, facts: &Facts) -> Result<bool, String> {
    let mut ours = map(object, OURS)?;
    let listed = match ours.get("runs") {
        None => BTreeSet::new(),
        Some(runs) => serde_json::from_value::<BTreeSet<String>>(runs.clone()).map_err(|_| format!("{OURS}.runs is no list of runs"))?,
    };
    let full = listed.len() >= RUNS_COUNTED_MAX;
    let run = facts.run.as_str();
    if listed.contains(run) || (full && listed.first().is_some_and(|oldest| run < oldest.as_str())) {
        return Ok(false);
    }
    let surplus = (listed.len() + 1).saturating_sub(RUNS_COUNTED_MAX);
    let runs: BTreeSet<String> = listed.into_iter().skip(surplus).chain([run.to_string()]).collect();
    ours.insert("runs".into(), json!(runs));
    put(object, [(OURS, Value::Object(ours))])?;
    Ok(true)
}

fn short(failure: &Failure) -> &str {
    failure.identity.as_str().get(..8).unwrap_or_default()
}

fn add(counts: &mut Map<String, Value>, key: &str) -> Result<(), String> {
    if counts.contains_key(key) || counts.len() < FAILURES_MAX {
        let more = count(counts.get(key).cloned(), key)?.saturating_add(1);
        counts.insert(key.into(), json!(more));
    }
    Ok(())
}

fn count(value: Option<Value>, key: &str) -> Result<u64, String> {
    match value {
        None | Some(Value::Null) => Ok(0),
        Some(value) => value.as_u64().ok_or_else(|| format!("{key} is {}, which is no count", one_line(&value.to_string(), 60))),
    }
}

fn map(object: &Object, key: &str) -> Result<Map<String, Value>, String> {
    match object.get(key) {
        None => Ok(Map::new()),
        Some(value) => value.as_object().cloned().ok_or_else(|| format!("{key} is {}, which is no object", one_line(&value.to_string(), 60))),
    }
}
