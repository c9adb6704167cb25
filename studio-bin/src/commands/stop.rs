//! `studio stop`: nothing new begins, also where no runtime listens; what runs goes on and is asked for later.

use crate::claims;
use crate::exit::{Exit, Failure};
use crate::site::{RUNS, Site};
use crate::work;
use serde_json::json;
use studio_core::name::RunId;
use studio_core::step::Op;
use studio_host::claim::{ClaimStore, Look, Moment};

pub(crate) fn stop(site: &Site, run: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let run = run.map(|run| site.run(run)).transpose()?.map(|found| found.id);
    let store = claims::open_any(site)?;
    store.mark_stop(run.as_ref(), &Moment::now(site.clock.as_ref())?).map_err(claims::odd)?;
    let running = running(site, &store, run.as_ref())?;
    if json {
        let running: Vec<String> = running.iter().map(|(op, _)| op.to_string()).collect();
        println!("{}", json!({ "v": 1, "type": "stopped", "run": run, "running": running }));
        return Ok(Exit::Done);
    }
    println!("stopped     {}: whoever works on it begins nothing new", run.as_ref().map_or("every run of this repository", RunId::as_str));
    for (op, pid) in &running {
        let whose = pid.map_or("as processes that nobody waits for".into(), |pid| format!("below process {pid}"));
        println!("goes on     step {} of {}, {whose}: it is left to end", op.step, op.run);
        println!("next        {}", work::command(site, &["resume", op.run.as_str()]));
    }
    Ok(Exit::Done)
}

/// Returns the ops that run now, and which process waits for each.
fn running(site: &Site, store: &ClaimStore, run: Option<&RunId>) -> Result<Vec<(Op, Option<i32>)>, Failure> {
    let mut running = Vec::new();
    for found in site.runs_in(RUNS[0])?.into_iter().filter(|found| run.is_none_or(|run| *run == found.id)) {
        let Ok(state) = found.log().and_then(|log| log.fold().map_err(|error| Failure::new(Exit::BadInput, error))) else { continue };
        for op in state.open_ops() {
            match store.look(&op, store.id()) {
                Look::Running { pid } => running.push((op, Some(pid))),
                Look::Orphan => running.push((op, None)),
                Look::NeverBegan | Look::Unknown(_) | Look::Ended(_) | Look::Tombstone(_) => {}
            }
        }
    }
    Ok(running)
}
