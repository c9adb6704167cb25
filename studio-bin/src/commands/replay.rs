//! `studio replay`: every decision again, from the journal alone.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use crate::{rules, wiring};
use serde_json::json;
use studio_core::gate::Gate;
use studio_core::replay::{Stage, replay as again};

pub(crate) fn replay(site: &Site, run: &str, json: bool) -> Result<Exit, Failure> {
    let found = site.run(run)?;
    let log = found.log()?;
    let state = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
    let Some(opened) = state.opened() else { return Err(Failure::new(Exit::BadInput, "the run was never opened")) };
    let tree = site.tree_of(&log)?;
    let gate = rules::of(site, tree.as_ref())?.gate;
    if gate.policy() != opened.policy {
        return Err(Failure::new(
            Exit::Refused,
            format!("the rules changed since the run began (then {}, now {}): it would be judged otherwise", opened.policy, gate.policy()),
        ));
    }
    let stage = Stage { crew: wiring::crew_of(&opened.crew), gate, tree };
    let replayed = super::run::block_on(again(&log, stage, &|kept| found.text(kept)))?;
    if json {
        println!(
            "{}",
            json!({ "v": 1, "type": "replayed", "run": found.id, "decisions": replayed.decisions, "answers": replayed.answers, "state": state.hash() })
        );
    } else {
        println!("the same    {} decisions from {} recorded answers; nothing ran, nothing was bought", replayed.decisions, replayed.answers);
        println!("state       {}", state.hash());
    }
    Ok(Exit::Done)
}
