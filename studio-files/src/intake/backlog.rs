//! The backlog: a list of tickets, in the older dialect (`task_id`, `type`, `description`) and the
//! newer (`id`, `persona`, `summary`, `detail`).

use super::draft::{Draft, Entry};
use super::{Kind, Problems, state};
use crate::yaml::{self, Field, Node, Value};
use studio_core::name::{RelPath, Target};
use studio_core::text::Prose;

/// The keys under which the list may stand in a map.
const LISTS: [&str; 3] = ["tasks", "items", "backlog"];

/// Reads the tickets of the backlog, in its order.
pub(super) fn drafts(path: &RelPath, text: &str, problems: &mut Problems) -> Vec<Draft> {
    let Some(root) = yaml::parse(text, problems) else { return Vec::new() };
    let Some(items) = items(&root) else {
        problems.add(root.line, "the backlog is no list of tickets", "write one `- id: …` for each ticket");
        return Vec::new();
    };
    items.iter().filter_map(|item| draft(path, text, item, problems)).collect()
}

fn items(root: &Node) -> Option<&[Node]> {
    let list = match &root.value {
        Value::Map(fields) => {
            let mut lists = fields.iter().filter(|field| LISTS.contains(&field.key.as_str()));
            let (Some(Field { value, .. }), None) = (lists.next(), lists.next()) else { return None };
            &value.value
        }
        Value::Empty | Value::Text(_) | Value::List(_) => &root.value,
    };
    match list {
        Value::List(items) => Some(items),
        Value::Empty => Some(&[]),
        Value::Text(_) | Value::Map(_) => None,
    }
}

fn draft(path: &RelPath, text: &str, item: &Node, problems: &mut Problems) -> Option<Draft> {
    let mut entry = Entry::open(item, problems)?;
    let id = entry.id(text);
    let (summary, description) = (entry.word("summary"), entry.word("description"));
    let status = state::of_status(text, entry.fields());
    let content = state::content(text, state::with_comment(text, item.bytes.clone()), status.as_slice());
    let draft = Draft::of(&mut entry, id, summary.or(description).map(|word| word.text), path, content);
    let patch = state::patch(text, entry.fields());
    let kind = entry.kind();
    let persona = entry.word("persona");
    let target = entry.word("target");
    let (detail, note) = (entry.word("detail"), entry.note());
    let cluster = entry.below("metadata", |meta| {
        let word = meta.word("cluster")?;
        Target::try_from(word.text.trim()).map_err(|error| meta.problem(word.line, error.to_string(), "name a cluster of the inventory")).ok()
    });
    let mut draft = draft?;
    let said = |label: &str, text: Option<&str>| text.map(|text| format!("{label}{}", text.trim()));
    let parts = [
        draft.ticket.body.take().map(String::from),
        said("", summary.and(description).map(|word| word.text)),
        said("", detail.map(|word| word.text)),
        said("Target: ", target.map(|word| word.text)),
        said("Note: ", note),
    ];
    let body = parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    draft.ticket.body = (!body.is_empty()).then(|| Prose::tamed(&body));
    draft.ticket.cluster = cluster;
    let runs = match kind {
        Some(kind) => kind == Kind::Run,
        None => persona.is_some_and(|persona| persona.text.trim().eq_ignore_ascii_case("executor")),
    };
    draft.ticket.script = target.filter(|_| runs).and_then(|target| script(target.text));
    (draft.kind, draft.patch) = (kind, patch);
    Some(draft)
}

/// Returns the script a target names: a path of the repository that ends in `.sh`.
fn script(target: &str) -> Option<RelPath> {
    let target = target.trim();
    RelPath::try_from(target.strip_prefix("./").unwrap_or(target)).ok().filter(|path| path.as_str().ends_with(".sh"))
}
