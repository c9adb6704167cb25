//! Task pages: one Markdown file a ticket. What its front matter does not say, its file name, its
//! first heading and the list below a heading such as `Acceptance criteria` say.

use super::draft::{Draft, Entry};
use super::lines::Lines;
use super::markdown::{self, Block, Form};
use super::{Problems, boxes, hints, state, task};
use crate::yaml;
use std::ops::Range;
use studio_core::limits::{CRITERIA_MAX, PROSE_BYTES_MAX};
use studio_core::name::{RelPath, TicketId};
use studio_core::text::Prose;

/// Reads the ticket of a task page.
pub(super) fn draft(path: &RelPath, text: &str, problems: &mut Problems) -> Option<Draft> {
    let (front, body) = parts(text, problems)?;
    // With its first line as a comment the front matter is a map whose lines keep their numbers.
    let front = hints::quoted(&front.replacen("---", "#--", 1));
    let node = yaml::parse(&front, problems);
    if node.is_none() && !problems.found.is_empty() {
        return None;
    }
    let mut entry = match &node {
        Some(node) => Entry::open(node, problems)?,
        None => Entry::bare(problems),
    };
    let id = id(&mut entry, path, &front);
    let blocks = markdown::blocks(body);
    let first = blocks.iter().find(|block| matches!(block.form, Form::Heading(_))).and_then(Block::words);
    let title = entry.word("title").map(|word| word.text).or(first.and_then(|words| body.get(words)));
    if title.is_none() {
        entry.problem(1, "a page without a title", "write `# …` above its text");
    }
    if body.len() > PROSE_BYTES_MAX {
        let what = format!("its text has {} bytes; at most {PROSE_BYTES_MAX} are read", body.len());
        entry.problem(Lines::of(text).at(text.len() - body.len()), what, "move the text to another file and name that");
    }
    let whole = format!("{front}{body}");
    let mut states: Vec<Range<usize>> = state::of_status(&front, entry.fields()).into_iter().collect();
    states.extend(blocks.iter().flat_map(Block::marks).map(|mark| mark.start + front.len()..mark.end + front.len()));
    let draft = Draft::of(&mut entry, id, Some(title.unwrap_or_default()), path, state::content(&whole, 0..whole.len(), &states));
    let mut draft = task::fill(draft, &mut entry)?;
    draft.ticket.criteria.extend(criteria(body, &blocks).iter().map(|text| Prose::tamed(text)));
    if draft.ticket.criteria.len() > CRITERIA_MAX {
        problems.add(1, format!("the page has {} criteria; at most {CRITERIA_MAX} are read", draft.ticket.criteria.len()), "split the ticket");
    }
    draft.ticket.body = (!body.trim().is_empty()).then(|| Prose::tamed(&body.replace("\r\n", "\n")));
    Some(draft)
}

/// Returns the front matter, without the line that ends it, and the text below it.
fn parts<'a>(text: &'a str, problems: &mut Problems) -> Option<(&'a str, &'a str)> {
    let mut lines = text.trim_start_matches('\u{feff}').split_inclusive('\n');
    if lines.next().is_none_or(|first| first.trim_end() != "---") {
        return Some(("", text));
    }
    let mut at = text.find('\n').map_or(text.len(), |at| at + 1);
    for line in lines {
        if matches!(line.trim_end(), "---" | "...") {
            return Some((text.get(..at)?, text.get(at + line.len()..)?));
        }
        at += line.len();
    }
    problems.add(1, "front matter that does not end", "write `---` in a line of its own below it");
    None
}

fn id(entry: &mut Entry, path: &RelPath, front: &str) -> Option<TicketId> {
    if entry.fields().iter().any(|field| matches!(field.key.as_str(), "id" | "task_id")) {
        return entry.id(front);
    }
    let name = path.file_name();
    entry.ticket_id(name.rsplit_once('.').map_or(name, |(stem, _)| stem), 1)
}

/// Returns the items of the lists below the headings that announce criteria.
fn criteria(text: &str, blocks: &[Block]) -> Vec<String> {
    let mut found = Vec::new();
    let mut announced = false;
    for block in blocks {
        if matches!(block.form, Form::Heading(_)) {
            announced = block.words().and_then(|words| text.get(words)).is_some_and(boxes::announces);
        } else if announced && block.form == Form::List {
            found.extend(block.below.iter().filter_map(|item| boxes::inside(text, item)));
        }
    }
    found
}
