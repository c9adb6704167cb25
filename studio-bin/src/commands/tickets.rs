//! `studio tickets`: what is queued, where it stands, and why it is or is not ready.

use crate::exit::{Exit, Failure};
use crate::site::Site;
use serde_json::json;
use studio_core::text::one_line;
use studio_core::ticket::StageFrom;
use studio_files::intake::{Entry, Readiness};

pub(crate) fn tickets(site: &Site, all: bool, json: bool) -> Result<Exit, Failure> {
    let tree = site.tree()?;
    let queue = site.queue(tree.as_ref())?;
    let shown: Vec<&Entry> =
        queue.entries().iter().filter(|entry| all || !matches!(entry.readiness, Readiness::Finished | Readiness::Example)).collect();
    if json {
        shown.iter().for_each(|entry| println!("{}", row(entry)));
        return Ok(Exit::Done);
    }
    let width = shown.iter().map(|entry| entry.ticket.id.as_str().len()).max().unwrap_or(0);
    for entry in &shown {
        let ticket = &entry.ticket;
        let word = entry.readiness.word();
        println!("{word:<7}  {:<width$}  {}", ticket.id, one_line(ticket.title.as_str(), 100));
        let assumed = if ticket.stage_from == StageFrom::Assumed { " (assumed)" } else { "" };
        println!("         {:<width$}  {}, stage {}{assumed}, {}: {}", "", ticket.source, ticket.stage, entry.status, entry.reason());
    }
    let hidden = queue.entries().len() - shown.len();
    if hidden > 0 {
        println!("{hidden} more are finished or examples: --all shows them");
    }
    if queue.entries().is_empty() {
        println!("no tickets: write one into ai/tasks/NAME.yaml or ai/backlog.yaml");
    }
    Ok(Exit::Done)
}

fn row(entry: &Entry) -> serde_json::Value {
    let ticket = &entry.ticket;
    json!({
        "v": 1, "type": "ticket", "id": ticket.id, "title": ticket.title, "source": ticket.source.to_string(), "stage": ticket.stage,
        "stage_from": ticket.stage_from, "status": entry.status.to_string(), "ready": entry.readiness == Readiness::Ready, "why": entry.reason(),
        "depends_on": ticket.depends_on, "script": ticket.script, "at_base": entry.at_base,
    })
}
