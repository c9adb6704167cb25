//! YAML of manifests, read as words: any number of documents, with the line of each value, and nothing guessed.
//!
//! Tags, aliases and keys that stand twice are refused: what they stand for is not what a reader sees.

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, options};
use std::collections::BTreeMap;
use studio_core::limits::{MANIFEST_DEPTH_MAX, MANIFEST_NODES_MAX};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Its first line, from 1.
    pub(crate) line: usize,
    /// What it holds.
    pub(crate) value: Value,
    /// Whether quotes make text of what would be a number, a truth or nothing without them.
    pub(crate) quoted: bool,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing, or a plain `~` or `null`.
    Empty,
    /// Text, as it is written.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(BTreeMap<String, Node>),
}

/// A place where text is no YAML that a reader could follow, and why.
pub(crate) type Odd = (usize, String);

/// Parses all documents of `text`; those that hold nothing are left out.
///
/// # Errors
/// It is no YAML, too much of it, or has a tag, an alias or a key twice.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, Odd> {
    if let Some(at) = text.lines().position(|line| line.starts_with('%')) {
        return Err((at + 1, "a directive (`%…`) says how it is read".into()));
    }
    let options = options! {
        emit_comments: false, emit_unresolved_aliases: true,
        flow_nesting_limit: MANIFEST_DEPTH_MAX, block_nesting_limit: MANIFEST_DEPTH_MAX,
    };
    let mut reading = Reading { events: Parser::new_from_str_with_options(text, options), nodes: 0 };
    let mut documents = Vec::new();
    loop {
        let (event, span) = reading.next()?;
        if matches!(event, Event::StreamEnd) {
            return Ok(documents);
        }
        if event.is_node() {
            let node = reading.node(event, &span)?;
            if !matches!(node.value, Value::Empty) {
                documents.push(node);
            }
        }
    }
}

impl Node {
    /// Returns the value of a key, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(fields) => fields.get(key),
            Value::Empty | Value::Text(_) | Value::List(_) => None,
        }
    }

    /// Returns its text, if it is text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Empty | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns the text below a key.
    pub(crate) fn word(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }
}

struct Reading<'a> {
    events: Parser<'a, StrInput<'a>>,
    nodes: usize,
}

impl<'a> Reading<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Odd> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err((error.marker().line(), format!("it is no YAML from here on: {}", error.info()))),
            None => Err((0, "it ends in the middle".into())),
        }
    }

    /// Reads the node that `event` begins. The depth of the recursion is the parser's nesting limit.
    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node, Odd> {
        let line = span.start.line();
        self.nodes += 1;
        if self.nodes > MANIFEST_NODES_MAX {
            return Err((line, format!("it holds more than {MANIFEST_NODES_MAX} values")));
        }
        if event.tag().is_some() {
            return Err((line, "a tag (`!…`) says what a value is".into()));
        }
        if event.is_alias() {
            return Err((line, "an alias (`*…`) stands for what is written elsewhere".into()));
        }
        let mut quoted = false;
        let value = if matches!(event, Event::SequenceStart(..)) {
            self.list()?
        } else if matches!(event, Event::MappingStart(..)) {
            self.map()?
        } else {
            let (text, style) = event.scalar().ok_or_else(|| (line, "it is no YAML from here on".to_string()))?;
            let nothing = style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
            quoted = style != ScalarStyle::Plain && resolves(text);
            if nothing { Value::Empty } else { Value::Text(text.to_string()) }
        };
        Ok(Node { line, value, quoted })
    }

    fn list(&mut self) -> Result<Value, Odd> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::List(items));
            }
            items.push(self.node(event, &span)?);
        }
    }

    fn map(&mut self) -> Result<Value, Odd> {
        let mut fields = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Map(fields));
            }
            let key = self.node(event, &span)?;
            let (event, span) = self.next()?;
            let value = self.node(event, &span)?;
            let Value::Text(text) = key.value else { return Err((key.line, "a key is no text".into())) };
            if text == "<<" {
                return Err((key.line, "`<<` takes in what is written elsewhere".into()));
            }
            if fields.insert(text.clone(), value).is_some() {
                return Err((key.line, format!("the key {text:?} stands twice")));
            }
        }
    }
}

/// Says whether plain text is read as something else than text.
fn resolves(text: &str) -> bool {
    let folded = text.to_ascii_lowercase();
    let word = matches!(folded.as_str(), "" | "~" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | ".inf" | "-.inf" | ".nan");
    word || (folded.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) && folded.contains(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_is_read_with_its_lines() {
        let read = documents("# head\n---\nkind: A\nspec: {b: 1, c: [x, ~]}\n---\n---\nkind: 'B'\n").unwrap();
        assert_eq!(read.iter().map(|node| (node.line, node.word("kind").unwrap())).collect::<Vec<_>>(), [(3, "A"), (7, "B")]);
        assert_eq!(read[0].get("spec").and_then(|spec| spec.word("b")), Some("1"));
    }

    #[test]
    fn what_hides_what_it_means_is_refused() {
        for (text, line) in [
            ("a: 1\nb: &x 2\nc: *x\n", 3),
            ("a: !!binary x\n", 1),
            ("a: 1\na: 2\n", 2),
            ("a: {b: 1\n", 2),
            ("- a\nb: 1\n", 2),
            ("a:\n  <<: {b: 1}\n", 2),
            ("? [a]\n: b\n", 1),
        ] {
            let (at, why) = documents(text).unwrap_err();
            assert!(at.abs_diff(line) <= 1, "{text}: {at} {why}");
        }
        assert!(documents(&"[".repeat(100_000)).is_err());
        assert!(documents(&"- a\n".repeat(200_000)).is_err());
    }
}
