//! One entry as Markdown: whatever its words are, they stay words.

use super::{AddError, Origin};
use jiff::Timestamp;
use studio_core::clock::stamp;
use studio_core::limits::PROSE_BYTES_MAX;
use studio_core::text::{one_line, visible};

/// Characters of a title; a longer first line stands whole in the body too.
const TITLE_CHARS_MAX: usize = 200;

/// One box: what it says, and how it is written.
pub(super) struct Entry {
    pub(super) heading: &'static str,
    pub(super) title: String,
    pub(super) body: String,
    /// The title as Markdown.
    pub(super) line: String,
    /// The Markdown, without the last line feed.
    pub(super) text: String,
}

impl Entry {
    pub(super) fn new(text: &str, origin: &Origin, at: Timestamp) -> Result<Entry, AddError> {
        if text.len() > PROSE_BYTES_MAX {
            return Err(AddError::Long(text.len())); // before anything is made of it
        }
        let words = visible(&text.replace("\r\n", "\n"));
        let words = words.trim();
        if words.is_empty() {
            return Err(AddError::Empty);
        }
        let (first, rest) = words.split_once('\n').unwrap_or((words, ""));
        let title = one_line(first, TITLE_CHARS_MAX);
        let rest = if title.ends_with('…') && !first.trim_end().ends_with('…') { words } else { rest };
        let lines: Vec<&str> = rest.lines().map(str::trim_end).skip_while(|line| line.is_empty()).collect();
        let body = lines.join("\n").trim_end().to_string();
        let (heading, from) = match origin {
            Origin::Idea => ("Ideas", "idea".to_string()),
            Origin::Signal(name) => ("External signals", format!("signal {name}")),
        };
        let line = escaped(&title);
        let mut markdown = format!("- [ ] {line}\n");
        if !body.is_empty() {
            let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
            let fence = "`".repeat(longest.max(2) + 1);
            for line in [fence.as_str()].into_iter().chain(body.lines()).chain([fence.as_str()]) {
                markdown.push_str(if line.is_empty() { "" } else { "  " });
                markdown.push_str(line);
                markdown.push('\n');
            }
        }
        let day = stamp(at).get(..10).unwrap_or_default().to_string();
        markdown.push_str(&format!("  - origin: {from}, {day}"));
        if markdown.len() > PROSE_BYTES_MAX {
            return Err(AddError::Long(markdown.len())); // or whoever reads the queue would refuse it
        }
        Ok(Entry { heading, title, body, line, text: markdown })
    }
}

/// Returns one line of text so that Markdown shows it as it is. What cannot mean anything stays
/// unescaped, since people and plain tools read these lines too.
fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        let after = line.get(at + c.len_utf8()..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '&' | '~' => true,
            '_' => !(before.is_alphanumeric() && after.is_alphanumeric()),
            '#' | '+' | '-' | '=' => at == 0,
            // `ADD_NODE: …` would choose a ticket's id.
            ':' => line
                .get(..at)
                .is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))),
            '.' | ')' => digits > 0 && at == digits,
            _ => false,
        };
        if special {
            text.push('\\');
        }
        text.push(c);
        before = c;
    }
    text
}
