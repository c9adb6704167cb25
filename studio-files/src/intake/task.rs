//! Task files: one map a file, as people write a ticket by hand.

use super::draft::{Draft, Entry};
use super::{Problems, hints, state};
use crate::yaml;
use studio_core::limits::{CRITERIA_MAX, LIST_MAX};
use studio_core::name::RelPath;
use studio_core::text::Prose;

/// Reads the ticket of a task file.
pub(super) fn draft(path: &RelPath, text: &str, problems: &mut Problems) -> Option<Draft> {
    let whole = hints::quoted(text);
    let Some(node) = yaml::parse(&whole, problems) else {
        if problems.found.is_empty() {
            problems.add(1, "the file holds no ticket", "write `id:` and `description:`, or remove the file");
        }
        return None;
    };
    let mut entry = Entry::open(&node, problems)?;
    let id = entry.id(&whole);
    let ask = entry.word("description");
    let content = state::content(&whole, 0..whole.len(), state::of_status(&whole, entry.fields()).as_slice());
    let draft = Draft::of(&mut entry, id, ask.map(|ask| ask.text), path, content);
    fill(draft, &mut entry)
}

/// Gives a draft what only the fields of task files say.
pub(super) fn fill(draft: Option<Draft>, entry: &mut Entry) -> Option<Draft> {
    let criteria = entry.list("acceptance_criteria", CRITERIA_MAX);
    let hints = entry.list("persona_flow", LIST_MAX);
    let mut scope = Vec::new();
    for (place, line) in entry.list("repo_paths", LIST_MAX) {
        let bare = place.strip_prefix("./").unwrap_or(&place);
        match RelPath::try_from(bare.strip_suffix('/').unwrap_or(bare)) {
            Ok(path) => scope.push(path),
            Err(error) => entry.problem(line, error.to_string(), "write a file or folder such as cluster/apps/"),
        }
    }
    let mut draft = draft?;
    draft.ticket.criteria = criteria.iter().map(|(text, _)| Prose::tamed(text)).collect();
    draft.ticket.constraints = hints.iter().map(|(text, _)| Prose::tamed(text)).collect();
    draft.ticket.scope = scope;
    Some(draft)
}
