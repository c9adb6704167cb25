//! `studio tickets --proposed` and `--accept`: what Planners would change in the queue, and a human's yes.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;
use studio_core::text::one_line;
use studio_files::curation;

pub(crate) fn proposed(site: &Site, json: bool) -> Result<Exit, Failure> {
    let known = curation::read(site.root()).map_err(|error| Failure::new(Exit::BadInput, error))?;
    let mut shown = 0;
    for found in site.runs()? {
        let Ok(run) = found.log().and_then(|log| log.fold().map_err(|error| Failure::new(Exit::BadInput, error))) else { continue };
        for change in run.curation().iter().filter(|change| !known.iter().any(|accepted| accepted.change == **change)) {
            shown += 1;
            if json {
                println!("{}", json!({ "v": 1, "type": "proposal", "run": found.id, "change": change }));
            } else {
                println!("{}  {}", found.id, one_line(&change.words(), 300));
            }
        }
    }
    match (json, shown) {
        (true, _) => {}
        (false, 0) => println!("no Planner would change anything"),
        (false, _) => println!("accept what a run proposes with: studio tickets --accept RUN"),
    }
    Ok(Exit::Done)
}

pub(crate) fn accept(site: &Site, run: &str, json: bool) -> Result<Exit, Failure> {
    let found = site.run(run)?;
    let run = found.log()?.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
    let queue = site.queue(site.tree()?.as_ref())?;
    let new =
        curation::accept(site.root(), &queue, &found.id, run.curation(), site.clock.now()).map_err(|error| Failure::new(Exit::Refused, error))?;
    if json {
        println!("{}", json!({ "v": 1, "type": "accepted", "run": found.id, "changes": new }));
    } else {
        println!("accepted    {new} changes of the queue, kept in {}; commit them with the queue", curation::FILE);
    }
    Ok(Exit::Done)
}
