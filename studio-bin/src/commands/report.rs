//! `studio report`: a run's report, rendered from its journal as it stands.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;

pub(crate) fn report(site: &Site, run: &str, json: bool) -> Result<Exit, Failure> {
    let found = site.run(run)?;
    let log = found.log()?;
    let run = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
    let text = studio_files::report::render(&log, &run);
    if json {
        let (state, why) = studio_files::report::outcome(&run);
        println!("{}", json!({ "v": 1, "type": "report", "run": found.id, "state": state, "why": why, "text": text }));
    } else {
        print!("{text}");
    }
    Ok(Exit::Done)
}
