//! `studio add`: an idea, or a signal from outside, into the Studio's own backlog.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;
use std::io::Read;
use studio_core::limits::PROSE_BYTES_MAX;
use studio_files::add::{Origin, add as append};

pub(crate) fn add(site: &Site, text: Option<String>, signal: Option<String>, json: bool) -> Result<Exit, Failure> {
    let text = match text {
        Some(text) => text,
        None => {
            let mut text = String::new();
            let most = PROSE_BYTES_MAX as u64 + 1;
            std::io::stdin().take(most).read_to_string(&mut text).map_err(|error| Failure::new(Exit::Usage, format!("standard input: {error}")))?;
            text
        }
    };
    let origin = match signal {
        Some(name) => Origin::Signal(name.parse().map_err(|error| Failure::new(Exit::Usage, error))?),
        None => Origin::Idea,
    };
    let place = append(site.root(), &text, &origin, site.clock.now()).map_err(|error| Failure::new(Exit::BadInput, error))?;
    if json {
        println!("{}", json!({ "v": 1, "type": "added", "path": place.path, "line": place.line }));
    } else {
        println!("added       {place}; it counts once it stands at the base");
    }
    Ok(Exit::Done)
}
