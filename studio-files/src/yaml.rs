//! YAML read as words: a tree of text with its lines, where nothing is guessed.
//!
//! A queue file needs no numbers, booleans or dates, so `on`, `0777` and `1e3` stay what their
//! author wrote. Aliases and tags are refused: with them the bytes of an entry would no longer say
//! what the entry means, and a few lines could stand for millions.

use crate::intake::Problems;
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, options};
use std::collections::BTreeSet;
use std::ops::Range;

/// Collections inside collections; a queue file needs five.
const DEPTH_MAX: usize = 32;

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its first line, from 1.
    pub(crate) line: u32,
    /// Its bytes in the text.
    pub(crate) bytes: Range<usize>,
    /// What it holds.
    pub(crate) value: Value,
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum Value {
    /// Nothing, or a plain `~` or `null`.
    Empty,
    /// Text, as it is written.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map; its keys are text and differ.
    Map(Vec<Field>),
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Field {
    /// The key.
    pub(crate) key: String,
    /// Its line.
    pub(crate) line: u32,
    /// Its bytes in the text.
    pub(crate) bytes: Range<usize>,
    /// The value.
    pub(crate) value: Node,
}

/// Parses the one document of `text`. Returns nothing if there is none, or if it cannot be read
/// any further; what is wrong is added to `problems`.
pub(crate) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let options = options! {
        emit_comments: false, emit_unresolved_aliases: true,
        flow_nesting_limit: DEPTH_MAX, block_nesting_limit: DEPTH_MAX,
    };
    let mut reading = Reading { events: Parser::new_from_str_with_options(text, options), problems };
    let mut root = None;
    loop {
        let (event, span) = reading.next()?;
        if matches!(event, Event::StreamEnd) {
            return root;
        }
        if event.is_node() {
            if root.is_some() {
                reading.problems.add(line(&span), "a second document begins here", "keep one document in a file");
                return root;
            }
            root = Some(reading.node(event, span)?);
        }
    }
}

/// Returns `bytes` as text, if they are: UTF-8 without control characters, with line breaks of
/// either kind.
pub(crate) fn text<'a>(bytes: &'a [u8], problems: &mut Problems) -> Option<&'a str> {
    let line_at = |end: usize| u32::try_from(bytes.iter().take(end).filter(|byte| **byte == b'\n').count() + 1).unwrap_or(u32::MAX);
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        problems.add(line_at(at), "a NUL byte", "save the file as text");
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            problems.add(line_at(error.valid_up_to()), "bytes that are no UTF-8", "save the file as UTF-8");
            return None;
        }
    };
    let odd = |at: usize, c: char| c.is_control() && !matches!(c, '\n' | '\t') && !(c == '\r' && bytes.get(at + 1) == Some(&b'\n'));
    match text.char_indices().find(|(at, c)| odd(*at, *c)) {
        Some((at, c)) => {
            problems.add(line_at(at), format!("a control character (U+{:04X})", u32::from(c)), "remove it, or write what it stands for");
            None
        }
        None => Some(text),
    }
}

struct Reading<'a, 'p, 'f> {
    events: Parser<'a, StrInput<'a>>,
    problems: &'p mut Problems<'f>,
}

impl<'a> Reading<'a, '_, '_> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        match self.events.next_event()? {
            Ok(next) => Some(next),
            Err(error) => {
                let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
                self.problems.add(line, format!("no YAML from here on: {}", error.info()), "mend the line, or put quotes around its text");
                None
            }
        }
    }

    /// Reads the node that `event` begins. The depth of the recursion is the parser's nesting limit.
    fn node(&mut self, event: Event<'a>, span: Span) -> Option<Node> {
        let start = span.start.byte_offset()?;
        if event.tag().is_some() {
            self.problems.add(line(&span), "a tag (`!…`)", "put quotes around the text, or remove the tag");
        }
        let (end, value) = if event.is_alias() {
            self.problems.add(line(&span), "an alias (`*…`)", "write the value out, or put quotes around the text");
            (span.end.byte_offset()?, Value::Empty)
        } else if matches!(event, Event::SequenceStart(..)) {
            self.list(start)?
        } else if matches!(event, Event::MappingStart(..)) {
            self.map(start)?
        } else {
            let (text, style) = event.scalar()?;
            let nothing = style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
            (span.end.byte_offset()?, if nothing { Value::Empty } else { Value::Text(text.to_string()) })
        };
        Some(Node { line: line(&span), bytes: start..end, value })
    }

    fn list(&mut self, start: usize) -> Option<(usize, Value)> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Some((end(&span, items.last(), start)?, Value::List(items)));
            }
            items.push(self.node(event, span)?);
        }
    }

    fn map(&mut self, start: usize) -> Option<(usize, Value)> {
        let mut fields: Vec<Field> = Vec::new();
        let mut keys = BTreeSet::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Some((end(&span, fields.last().map(|field| &field.value), start)?, Value::Map(fields)));
            }
            let key = self.node(event, span)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            let Value::Text(text) = key.value else {
                self.problems.add(key.line, "a key that is no text", "write `key: value`");
                continue;
            };
            if keys.insert(text.clone()) {
                fields.push(Field { key: text, line: key.line, bytes: key.bytes, value });
            } else {
                self.problems.add(key.line, format!("the key `{text}` stands twice in one entry"), "keep one of them");
            }
        }
    }
}

fn line(span: &Span) -> u32 {
    u32::try_from(span.start.line()).unwrap_or(u32::MAX)
}

/// Returns where a collection ends: at its bracket, or with its last value (a block has no bracket,
/// and the event that ends it stands at whatever comes next).
fn end(span: &Span, last: Option<&Node>, start: usize) -> Option<usize> {
    let Range { start: opens, end: closes } = span.byte_range()?;
    Some(if closes > opens { closes } else { last.map_or(start, |node| node.bytes.end) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_refused_by_line() {
        for (bytes, says) in [
            (&b"a\nb\0"[..], "f:2: a NUL byte"),
            (b"a\n\n\xff", "f:3: bytes that are no UTF-8"),
            (b"a\n\x1b[2J", "f:2: a control character (U+001B)"),
            (b"a\n\x7f", "f:2: a control character (U+007F)"),
            (b"a\rb\n", "f:1: a control character (U+000D)"),
            ("a\u{85}".as_bytes(), "f:1: a control character (U+0085)"),
        ] {
            let mut problems = Problems::of("f");
            assert_eq!(text(bytes, &mut problems), None);
            let refused = problems.none().unwrap_err().to_string();
            assert!(refused.starts_with(says), "{refused}");
        }
        let mut problems = Problems::of("f");
        assert!(text("\u{feff}a\tb\r\nc\u{200d}".as_bytes(), &mut problems).is_some() && problems.none().is_ok());
    }
}
