//! `studio log`: a run as a story, and as it goes on.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use crate::{story, work};
use std::time::Duration;
use studio_core::store::{OsDisk, is_held};

/// How often a followed journal is looked at.
const LOOK: Duration = Duration::from_millis(200);

pub(crate) fn log(site: &Site, run: &str, follow: bool, json: bool) -> Result<Exit, Failure> {
    let found = site.run(run)?;
    let mut told = 0;
    super::run::block_on(async {
        loop {
            let held = follow && is_held(&OsDisk, &found.dir)?;
            let log = found.log()?;
            for entry in &log.entries[told..] {
                if json {
                    println!("{}", work::event_json(&log.run, entry));
                } else if let Some(line) = story::line(entry) {
                    println!("{}  {line}", entry.at.strftime("%H:%M:%S"));
                }
            }
            told = log.entries.len();
            if !held {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        let run = found.log()?.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
        if !json {
            let (state, why) = studio_files::report::outcome(&run);
            println!("{state}: {}", studio_core::text::one_line(&why, 1000));
        }
        Ok(Exit::Done)
    })
}
