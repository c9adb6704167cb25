//! `studio diff`: what a run would change in the repository, as a patch over its base.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;
use std::io::IsTerminal;
use studio_core::event::Event;
use studio_core::text::visible;
use studio_files::diff::unified;

pub(crate) fn diff(site: &Site, run: &str, json: bool) -> Result<Exit, Failure> {
    let found = site.run(run)?;
    let log = found.log()?;
    let last = log.entries.iter().rev().find_map(|entry| if let Event::EditsProposed { change, .. } = &entry.event { Some(change) } else { None });
    let edits = last.map(|change| change.edits.as_slice()).unwrap_or_default();
    let tree = site.tree_of(&log)?;
    let patch = unified(tree.as_ref(), edits).map_err(|error| Failure::new(Exit::Error, error))?;
    let run = log.fold().map_err(|error| Failure::new(Exit::BadInput, error))?;
    if json {
        let branch = run.opened().and_then(|opened| opened.branch.as_ref()).filter(|_| run.committed().is_some());
        println!("{}", json!({ "v": 1, "type": "diff", "run": found.id, "branch": branch, "commit": run.committed(), "patch": patch }));
    } else if patch.is_empty() {
        println!("{} proposes no edits", found.id);
    } else {
        // A terminal obeys control characters; whatever applies the patch needs every byte of it.
        let text = if std::io::stdout().is_terminal() { visible(&patch) } else { patch };
        print!("{text}");
    }
    Ok(Exit::Done)
}
