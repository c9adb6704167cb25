//! `studio adopt`: goes on here with live runs that another machine, install or store of claims began.

use super::run::block_on;
use crate::claims;
use crate::exit::{Exit, Failure};
use crate::site::{Found, RUNS, Site};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use studio_core::event::Mode;
use studio_core::journal::Journal;
use studio_core::name::RunId;
use studio_core::redact::Redactor;
use studio_core::run::Run;
use studio_core::store::{FileStore, OsDisk};
use studio_core::supervisor;
use studio_host::claim::ClaimStore;
use studio_host::claim::holds::Hold;

/// Why nobody knows what became of what was granted.
const ELSEWHERE: &str = "it was granted elsewhere, and the run was adopted since: what became of it is not recorded here";

pub(crate) fn adopt(site: &Site, yes: bool, json: bool) -> Result<Exit, Failure> {
    let (id, store) = (claims::repo_id(site)?, claims::open_any(site)?);
    let (install, machine) = (site.operator.install()?, site.machine());
    let known = claims::is_known(site, &id, &store)?;
    let mut foreign = Vec::new();
    for found in site.runs_in(RUNS[0])? {
        let log = match found.log() {
            Ok(log) => log,
            Err(failure) => {
                eprintln!("note: {} is left alone: {}", found.id, failure.why);
                continue;
            }
        };
        let run = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
        let live = run.opened().is_some_and(|opened| opened.mode == Mode::Live) && run.closed().is_none();
        if live && (run.home() != Some((&install, &machine)) || elsewhere(&run, &store) || claims::is_set_back(&log, &store)?) {
            foreign.push(found);
        }
    }
    let mut lost = Vec::new();
    for hold in store.holds().map_err(claims::odd)? {
        match alive(site, &store, &hold)? {
            Some(why) => eprintln!("note: what {} holds stays held: {why}", hold.run),
            None if is_in(site.root(), &hold.run) => {}
            None => lost.push(hold),
        }
    }
    if known && foreign.is_empty() && lost.is_empty() {
        if !json {
            println!("nothing to adopt: every run here was begun by this install, on this machine, with this store of claims");
        }
        return Ok(Exit::Done);
    }
    if !json {
        println!("store       {} in {}", store.id(), store.dir().display());
        foreign.iter().for_each(|found| println!("adopts      {}: whatever was granted and has no end becomes unknown", found.id));
        lost.iter().for_each(|hold| println!("lets go     what {} holds, whose run is in no checkout that is known", hold.run));
        println!("From here on only what this store holds counts as a record of what ran. If the old one can be restored, do that instead.");
    }
    let agreed = yes || (std::io::stdin().is_terminal() && asked()?);
    if !agreed {
        return Err(Failure::new(Exit::NeedsHuman, "nothing was adopted: look at the lines above, then say `studio adopt --yes`"));
    }
    for found in &foreign {
        let open = block_on(take(site, found, &store, install.clone(), machine.clone()))?;
        if json {
            let open: Vec<String> = open.iter().map(ToString::to_string).collect();
            println!("{}", json!({ "v": 1, "type": "adopted", "run": found.id, "unknown": open }));
        } else {
            println!("adopted     {}, {} steps of it are unknown now", found.id, open.len());
        }
    }
    lost.iter().try_for_each(|hold| store.release(&hold.run)).map_err(claims::odd)?;
    if !known {
        claims::remember(site, &id, &store)?;
    }
    if !json {
        println!("adopted     the store of claims {}", store.id());
    }
    Ok(Exit::Done)
}

/// Says why a run that is not in this checkout may be at work all the same, if it may.
fn alive(site: &Site, store: &ClaimStore, hold: &Hold) -> Result<Option<String>, Failure> {
    let elsewhere = hold.place.as_deref().filter(|place| *place != site.root() && is_in(place, &hold.run));
    let place = || elsewhere.or(hold.place.as_deref()).map_or("an unknown checkout".into(), |place| place.display().to_string());
    if let Some((op, _)) = store.at_work(&hold.run).map_err(claims::odd)?.first() {
        return Ok(Some(format!("step {} of it is at work, for {}", op.step, place())));
    }
    Ok(elsewhere.map(|place| format!("it lives in {}: finish or cancel it there", place.display())))
}

/// Says whether a run has its folder in that checkout.
fn is_in(root: &Path, run: &RunId) -> bool {
    root.join(RUNS[0]).join(run.as_str()).exists()
}

/// Says whether something of a run was granted for another store.
fn elsewhere(run: &Run, store: &ClaimStore) -> bool {
    run.steps().iter().any(|record| record.store.as_ref().is_some_and(|granted| granted != store.id()))
}

async fn take(site: &Site, found: &Found, store: &ClaimStore, install: String, machine: String) -> Result<Vec<studio_core::step::Op>, Failure> {
    let (disk, log) = FileStore::open(OsDisk, &found.dir).await?;
    let journal = Journal::resume(disk, &log, Redactor::default(), Arc::clone(&site.clock));
    let open = supervisor::adopt(journal, &log, install, machine, ELSEWHERE).await?;
    store.weigh_anchor(&found.id).map_err(claims::odd)?;
    Ok(open)
}

fn asked() -> Result<bool, Failure> {
    print!("adopt? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
