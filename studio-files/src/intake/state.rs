//! What of an entry may change while it stays the same entry: the word or the mark that says how
//! far it is.

use crate::yaml::{Field, Value};
use std::ops::Range;
use studio_core::name::Digest;

/// What to write where, so that an entry says that it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    /// The bytes of the file that go.
    pub(crate) at: Range<usize>,
    /// What comes in their place.
    pub(crate) put: String,
}

/// Returns the hash of an entry: of `own`, its bytes in `text`, without those in `states` and
/// whatever kind of line breaks it has. The states are in order and do not overlap.
pub(super) fn content(text: &str, own: Range<usize>, states: &[Range<usize>]) -> Digest {
    let mut kept = String::with_capacity(own.len());
    let mut from = own.start;
    for state in states {
        kept.push_str(text.get(from..state.start).unwrap_or_default());
        from = from.max(state.end);
    }
    kept.push_str(text.get(from..own.end).unwrap_or_default());
    Digest::blake3(kept.replace("\r\n", "\n").trim_end().as_bytes())
}

/// Returns the bytes of an entry with a comment behind it, which would come to stand inside it if a
/// line were added.
pub(super) fn with_comment(text: &str, own: Range<usize>) -> Range<usize> {
    let rest = text.get(own.end..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    own.start..if rest.trim_start().starts_with('#') { own.end + rest.len() } else { own.end }
}

/// Returns the bytes that a status takes up: its whole line if it has one for itself, so that an
/// entry is the same with a status and without.
pub(super) fn of_status(text: &str, fields: &[Field]) -> Option<Range<usize>> {
    let field = fields.iter().find(|field| field.key == "status")?;
    let (start, end) = (field.bytes.start, field.value.bytes.end.max(field.bytes.end));
    let line = line_start(text, start);
    let rest = text.get(end..)?;
    let after = rest.find('\n').map_or(rest.len(), |at| at + 1);
    let alone = blank(text.get(line..start)?) && matches!(rest.get(..after)?.trim(), "" | ":");
    // The first entry of a list begins behind its dash, so its indentation is not its own.
    Some(if alone && start > fields.first()?.bytes.start { line..end + after } else { start..end })
}

/// Returns how an entry with these fields is made to say `status: success`, if that takes one word
/// or one line of its own.
pub(super) fn patch(text: &str, fields: &[Field]) -> Option<Patch> {
    let Some(status) = fields.iter().find(|field| field.key == "status") else { return new_line(text, fields) };
    let at = status.value.bytes.clone();
    if let (Value::Empty, None) = (&status.value.value, text.get(at.clone()).filter(|word| !word.trim().is_empty())) {
        let colon = text.get(status.bytes.end..)?.starts_with(':').then_some(status.bytes.end + 1)?;
        return Some(Patch { at: colon..colon, put: " success".into() });
    }
    let written = text.get(at.clone())?;
    let word = written.trim_end();
    let quote = ['"', '\''].into_iter().find(|quote| word.len() > 1 && word.starts_with(*quote) && word.ends_with(*quote));
    let margin = usize::from(quote.is_some());
    Some(Patch { at: at.start + margin..at.start + word.len() - margin, put: "success".into() })
}

/// A line below that of the id, at the same depth and with the same line break.
fn new_line(text: &str, fields: &[Field]) -> Option<Patch> {
    let id = fields.iter().find(|field| matches!(field.key.as_str(), "id" | "task_id"))?;
    let margin = text.get(line_start(text, id.bytes.start)..id.bytes.start)?;
    let rest = text.get(id.value.bytes.end..)?;
    let end = id.value.bytes.end + rest.find('\n')? + 1;
    if !margin.bytes().all(|byte| matches!(byte, b' ' | b'-')) {
        return None;
    }
    let line_break = if text.get(..end)?.ends_with("\r\n") { "\r\n" } else { "\n" };
    Some(Patch { at: end..end, put: format!("{}status: success{line_break}", " ".repeat(margin.len())) })
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|above| above.rfind('\n')).map_or(0, |at| at + 1)
}

fn blank(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ')
}
