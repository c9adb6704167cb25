//! YAML and JSON as a tree with lines: every document by itself, so that a broken one hides no other.

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, options};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Collections inside collections.
const DEPTH_MAX: usize = 64;
/// Bytes of a value that another place may repeat by its name.
const SHARED_BYTES_MAX: usize = 256;

/// Tags of values that a program fills in or decrypts.
const FILLED: [&str; 10] = ["vault", "vault-encrypted", "secret", "env", "env_var", "reference", "Ref", "Sub", "GetAtt", "encrypted"];

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    /// Its first line, from 1.
    pub(super) line: u32,
    /// What it holds.
    pub(super) value: Value,
}

/// What a node holds.
#[derive(Debug)]
pub(super) enum Value {
    /// Text, and whether the same stands in the file as it is, in one line.
    Text(String, Style),
    /// What is filled in by a program: `!vault`, `!secret`, `*name` of a collection.
    Elsewhere,
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(Vec<(Node, Node)>),
}

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// In one line.
    Line,
    /// Its lines follow the one where it begins.
    Block,
    /// In several lines, or with escapes.
    Folded,
}

/// A document of a file.
#[derive(Debug)]
pub(super) struct Document {
    /// Its first line, from 1.
    pub(super) line: u32,
    /// Its text.
    pub(super) text: String,
    /// Its tree, if it could be read.
    pub(super) root: Option<Node>,
}

impl Node {
    /// Returns the text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text, _) => Some(text),
            Value::Elsewhere | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns the fields of a map.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &Node)> {
        let fields: &[(Node, Node)] = match &self.value {
            Value::Map(fields) => fields,
            Value::Text(..) | Value::Elsewhere | Value::List(_) => &[],
        };
        fields.iter().filter_map(|(key, value)| Some((key.text()?, value)))
    }

    /// Returns a field of a map; of a key that stands twice, the last, which is what most programs take.
    pub(super) fn field(&self, name: &str) -> Option<&Node> {
        self.fields().filter(|(key, _)| *key == name).map(|(_, value)| value).last()
    }
}

/// Returns the documents of a text.
pub(super) fn documents(text: &str) -> Vec<Document> {
    let text = if text.contains("{{") || text.contains("{%") { Cow::Owned(untemplated(text)) } else { Cow::Borrowed(text) };
    let (mut documents, mut start, mut first, mut at) = (Vec::new(), 0, 1, 0);
    let mut push = |first: u32, text: Option<&str>| {
        let text = text.unwrap_or_default();
        if text.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
            documents.push(Document { line: first, text: text.to_string(), root: read(text) });
        }
    };
    for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
        if at > 0 && line.starts_with("---") && line.get(3..).is_none_or(|rest| rest.starts_with([' ', '\t', '\r', '\n']) || rest.is_empty()) {
            push(first, text.get(start..at));
            (start, first) = (at, number);
        }
        at += line.len();
    }
    push(first, text.get(start..));
    documents
}

/// Returns which lines of a text no tree holds: those of documents that could not be read, and comments.
pub(super) fn unread(text: &str, documents: &[Document]) -> Vec<bool> {
    let mut unread = vec![documents.is_empty(); text.split('\n').count()];
    for (at, line) in text.split('\n').enumerate() {
        if line.trim_start().starts_with('#') || line.contains(" #") {
            unread.get_mut(at).into_iter().for_each(|line| *line = true);
        }
    }
    for document in documents.iter().filter(|document| document.root.is_none()) {
        let first = document.line as usize - 1;
        unread.iter_mut().skip(first).take(document.text.split('\n').count()).for_each(|line| *line = true);
    }
    unread
}

/// Returns a text with a word in the place of what a template fills in.
fn untemplated(text: &str) -> String {
    let line = |line: &str| {
        let bare = line.trim();
        let whole =
            (bare.starts_with("{{") && bare.ends_with("}}") && bare.matches("{{").count() == 1) || (bare.starts_with("{%") && bare.ends_with("%}"));
        if whole {
            return "\n".to_string();
        }
        let (mut kept, mut rest) = (String::with_capacity(line.len()), line);
        while let Some((before, behind)) = rest.split_once("{{") {
            kept.push_str(before);
            kept.push_str("${T}");
            rest = behind.split_once("}}").map_or("\n", |(_, rest)| rest);
        }
        kept + rest
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Reads one document.
fn read(text: &str) -> Option<Node> {
    let options = options! {
        emit_comments: false, emit_unresolved_aliases: true,
        flow_nesting_limit: DEPTH_MAX, block_nesting_limit: DEPTH_MAX,
    };
    let mut reading = Reading { events: Parser::new_from_str_with_options(text, options), shared: BTreeMap::new() };
    let mut root = None;
    loop {
        let (event, span) = reading.events.next_event()?.ok()?;
        if matches!(event, Event::StreamEnd) {
            return root;
        }
        if event.is_node() && root.is_none() {
            root = Some(reading.node(event, span)?);
        }
    }
}

struct Reading<'a> {
    events: Parser<'a, StrInput<'a>>,
    /// Short texts by the number of their anchor.
    shared: BTreeMap<usize, String>,
}

impl<'a> Reading<'a> {
    /// Reads the node that `event` begins. The depth of the recursion is the parser's nesting limit.
    fn node(&mut self, event: Event<'a>, span: Span) -> Option<Node> {
        let mut line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let foreign = event.tag().is_some_and(|tag| tag.handle() == "!" && FILLED.contains(&tag.suffix()));
        let value = if event.is_alias() {
            let shared = event.alias_id().and_then(|id| self.shared.get(&id));
            shared.map_or(Value::Elsewhere, |text| Value::Text(text.clone(), Style::Line))
        } else if matches!(event, Event::SequenceStart(..)) {
            self.list()?
        } else if matches!(event, Event::MappingStart(..)) {
            self.map()?
        } else {
            let (text, style) = event.scalar()?;
            if let Some(anchor) = event.anchor_id().filter(|_| text.len() <= SHARED_BYTES_MAX) {
                self.shared.insert(anchor, text.to_string());
            }
            let tall = span.end.line() > span.start.line();
            match style {
                ScalarStyle::Literal | ScalarStyle::Folded => {
                    // The parser names the line of the first letter; it is the one with the sign that counts here.
                    let blank = text.chars().take_while(|c| *c == '\n').count();
                    line = line.saturating_sub(u32::try_from(blank).unwrap_or(0) + 1).max(1);
                    Value::Text(text.to_string(), Style::Block)
                }
                ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if tall || text.contains('\n') => {
                    Value::Text(text.to_string(), Style::Folded)
                }
                ScalarStyle::DoubleQuoted => Value::Text(text.to_string(), Style::Folded),
                ScalarStyle::Plain | ScalarStyle::SingleQuoted => Value::Text(text.to_string(), Style::Line),
            }
        };
        Some(Node { line, value: if foreign { Value::Elsewhere } else { value } })
    }

    fn list(&mut self) -> Option<Value> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.events.next_event()?.ok()?;
            if matches!(event, Event::SequenceEnd) {
                return Some(Value::List(items));
            }
            items.push(self.node(event, span)?);
        }
    }

    fn map(&mut self) -> Option<Value> {
        let mut fields = Vec::new();
        loop {
            let (event, span) = self.events.next_event()?.ok()?;
            if matches!(event, Event::MappingEnd) {
                return Some(Value::Map(fields));
            }
            let key = self.node(event, span)?;
            let (event, span) = self.events.next_event()?.ok()?;
            fields.push((key, self.node(event, span)?));
        }
    }
}
