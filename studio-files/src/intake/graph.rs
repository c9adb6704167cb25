//! What the entries of a queue have to do with each other: unique ids, and dependencies that exist and end.

use super::draft::Draft;
use super::{Entry, Problem};
use std::collections::{BTreeMap, BTreeSet};
use studio_core::limits::LIST_MAX;
use studio_core::name::TicketId;

/// An id without regard to case.
type Key = String;

/// Gives each entry its dependencies, by the ids their own entries have. Where a whole file is
/// `lost`, an unknown id may well stand in it, so nothing is said of those.
pub(super) fn connect(entries: &mut [(Entry, Draft)], lost: bool, found: &mut Vec<Problem>) {
    let mut ids: BTreeMap<Key, (TicketId, String)> = BTreeMap::new();
    for (Entry { ticket, .. }, _) in entries.iter() {
        match ids.get(&key(&ticket.id)) {
            Some((_, place)) => {
                let what = format!("the id `{}` stands already at {place}, and upper and lower case are the same", ticket.id);
                found.push(Problem::at(ticket.source.path.as_str(), ticket.source.line, what, "rename one of them"));
            }
            None => drop(ids.insert(key(&ticket.id), (ticket.id.clone(), ticket.source.to_string()))),
        }
    }
    for (Entry { ticket, .. }, draft) in entries.iter_mut() {
        let mut seen = BTreeSet::new();
        for (id, line) in &draft.depends_on {
            let file = ticket.source.path.as_str();
            match ids.get(&key(id)) {
                None if lost => {}
                None => found.push(Problem::at(file, *line, format!("it depends on `{id}`, which is no ticket"), "mend the id, or remove it")),
                Some((same, _)) if key(same) == key(&ticket.id) => {
                    found.push(Problem::at(file, *line, format!("`{same}` depends on itself"), "remove it"))
                }
                Some((same, _)) if seen.insert(key(same)) => ticket.depends_on.push(same.clone()),
                Some(_) => {}
            }
        }
    }
    for cycle in cycles(entries) {
        let [first, second, ..] = &cycle[..] else { continue };
        let Some((Entry { ticket, .. }, draft)) = entries.iter().find(|(entry, _)| entry.ticket.id == *first) else { continue };
        let line = draft.depends_on.iter().find(|(id, _)| key(id) == key(second)).map_or(ticket.source.line, |(_, line)| *line);
        let way = cycle.iter().chain([first]).map(TicketId::as_str).collect::<Vec<_>>().join(" -> ");
        found.push(Problem::at(
            ticket.source.path.as_str(),
            line,
            format!("these tickets wait for each other: {way}"),
            "remove one of these dependencies",
        ));
    }
}

/// Returns cycles, each from where it is first met; at most [`LIST_MAX`] of them.
fn cycles(entries: &[(Entry, Draft)]) -> Vec<Vec<TicketId>> {
    let tickets: BTreeMap<&TicketId, &[TicketId]> = entries.iter().map(|(entry, _)| (&entry.ticket.id, &entry.ticket.depends_on[..])).collect();
    let mut cycles = Vec::new();
    let mut open: BTreeMap<&TicketId, bool> = BTreeMap::new(); // true while on the way, false when done with
    for (root, _) in entries {
        // The way from the root to here, each with the dependencies still to be followed.
        let mut way: Vec<(&TicketId, &[TicketId])> = Vec::new();
        let mut next = Some(&root.ticket.id);
        loop {
            if let Some(id) = next.take() {
                match open.get(id) {
                    Some(true) if cycles.len() < LIST_MAX => {
                        cycles.push(way.iter().map(|(id, _)| (*id).clone()).skip_while(|on_way| on_way != id).collect())
                    }
                    Some(_) => {}
                    None => {
                        open.insert(id, true);
                        way.push((id, tickets.get(id).copied().unwrap_or_default()));
                    }
                }
            }
            match way.last_mut() {
                None => break,
                Some((id, left)) => match left.split_first() {
                    Some((first, rest)) => (*left, next) = (rest, Some(first)),
                    None => {
                        open.insert(id, false);
                        way.pop();
                    }
                },
            }
        }
    }
    cycles
}

fn key(id: &TicketId) -> Key {
    id.as_str().to_ascii_lowercase()
}
