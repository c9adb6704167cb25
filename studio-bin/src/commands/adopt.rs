//! `studio adopt`: goes on here with live runs that another machine, install or store of claims began.

use super::run::block_on;
use crate::claims;
use crate::exit::{Exit, Failure};
use crate::site::{Found, RUNS, Site};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use studio_core::event::Mode;
use studio_core::journal::Journal;
use studio_core::redact::Redactor;
use studio_core::run::Run;
use studio_core::store::{FileStore, OsDisk};
use studio_core::supervisor;
use studio_host::claim::ClaimStore;

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
    let lost: Vec<_> =
        store.holds().map_err(claims::odd)?.into_iter().filter(|hold| !site.root().join(RUNS[0]).join(hold.run.as_str()).exists()).collect();
    if known && foreign.is_empty() && lost.is_empty() {
        if !json {
            println!("nothing to adopt: every run here was begun by this install, on this machine, with this store of claims");
        }
        return Ok(Exit::Done);
    }
    if !json {
        println!("store       {} in {}", store.id(), store.dir().display());
        foreign.iter().for_each(|found| println!("adopts      {}: whatever was granted and has no end becomes unknown", found.id));
        lost.iter().for_each(|hold| println!("lets go     what {} holds, whose run is not in this checkout", hold.run));
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

/// Says whether something of a run was granted for another store.
fn elsewhere(run: &Run, store: &ClaimStore) -> bool {
    run.steps().iter().any(|record| record.store.as_ref().is_some_and(|granted| granted != store.id()))
}

async fn take(site: &Site, found: &Found, store: &ClaimStore, install: String, machine: String) -> Result<Vec<studio_core::step::Op>, Failure> {
    let (disk, log) = FileStore::open(OsDisk, &found.dir).await?;
    let journal = Journal::resume(disk, &log, Redactor::default(), Arc::clone(&site.clock));
    let open = supervisor::adopt(journal, &log, install, machine).await?;
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
