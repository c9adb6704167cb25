//! `studio memory`: what runs remember.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;

pub(crate) fn search(site: &Site, words: &[String], most: usize, json: bool) -> Result<Exit, Failure> {
    let hits = studio_files::memory::search(site.root(), &words.join(" "), most).map_err(|error| Failure::new(Exit::Error, error))?;
    for hit in &hits {
        if json {
            println!("{}", json!({ "v": 1, "type": "hit", "path": hit.path, "line": hit.line, "text": hit.text, "score": hit.score }));
        } else {
            println!("{}:{}: {}", hit.path, hit.line, hit.text);
        }
    }
    if hits.is_empty() && !json {
        println!("nothing is remembered that holds all of these words");
    }
    Ok(Exit::Done)
}
