//! One entry of a queue file, before the base and the other entries have a say.

use super::state::Patch;
use super::{Kind, Problems, Status, hints, words};
use crate::yaml::{Field, Node, Value};
use studio_core::limits::{LIST_MAX, PROSE_BYTES_MAX};
use studio_core::name::{Digest, RelPath, TicketId};
use studio_core::text::{Prose, one_line};
use studio_core::ticket::{Source, Stage, StageFrom, Ticket};

/// Longest title; what is longer becomes the body.
const TITLE_CHARS_MAX: usize = 200;

/// What an entry says.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The ticket as the entry wants it; its dependencies are still to be found.
    pub(crate) ticket: Ticket,
    /// What has become of it.
    pub(crate) status: Status,
    /// Its kind of work.
    pub(super) kind: Option<Kind>,
    /// What it depends on, with lines.
    pub(super) depends_on: Vec<(TicketId, u32)>,
    /// Why nobody works on it although it is not done: its heading says so.
    pub(super) held: Option<String>,
    /// What to write to say that it is done, if a word or a line can say it.
    pub(crate) patch: Option<Patch>,
}

/// The fields of an entry, with the problems of its file.
pub(super) struct Entry<'a, 'p, 'f> {
    /// The first line.
    pub(super) line: u32,
    fields: &'a [Field],
    problems: &'p mut Problems<'f>,
}

/// A text of an entry.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    /// What it says.
    pub(super) text: &'a str,
    /// The line of its key.
    pub(super) line: u32,
    /// Where it ends in the file.
    pub(super) end: usize,
}

impl Draft {
    /// An entry that only asks for something: its first line is the title, and all of it the body if
    /// it says more than that.
    pub(super) fn new(id: TicketId, ask: &str, source: Source, content: Digest) -> Draft {
        let ask = ask.trim();
        let first = ask.lines().next().unwrap_or_default();
        let title = one_line(first, TITLE_CHARS_MAX);
        let more = first != ask || title != one_line(first, PROSE_BYTES_MAX);
        let mut ticket = Ticket::new(id, Prose::tamed(&title), source);
        (ticket.body, ticket.content) = (more.then(|| Prose::tamed(ask)), content);
        Draft { ticket, status: Status::Pending, kind: None, depends_on: Vec::new(), held: None, patch: None }
    }

    /// A draft of what every dialect with fields says: status, stage and dependencies besides the
    /// rest. Without an id there is none.
    pub(super) fn of(entry: &mut Entry, id: Option<TicketId>, ask: Option<&str>, path: &RelPath, content: Digest) -> Option<Draft> {
        let (status, stage, depends_on) = (entry.status(), entry.stage(), entry.depends_on());
        if ask.is_none() {
            entry.problem(entry.line, "an entry without a description", "say in a line what is wanted");
        }
        let mut draft = Draft::new(id?, ask.unwrap_or_default(), Source { path: path.clone(), line: entry.line }, content);
        (draft.status, draft.depends_on) = (status, depends_on);
        draft.declare(stage);
        Some(draft)
    }

    /// Gives it the stage its file declares; if that declares none, it stays the lowest, assumed.
    pub(super) fn declare(&mut self, stage: Option<Stage>) {
        if let Some(stage) = stage {
            (self.ticket.stage, self.ticket.stage_from) = (stage, StageFrom::Declared);
        }
    }

    /// Says whether `same` is this entry: the same bytes but for its status, and the same claims in
    /// them and around them.
    pub(super) fn claims_as(&self, same: &Draft) -> bool {
        let (Ticket { id, stage, stage_from, scope, script, content, .. }, other) = (&self.ticket, &same.ticket);
        (id, content, stage, stage_from) == (&other.id, &other.content, &other.stage, &other.stage_from)
            && (scope, script, self.held.is_some()) == (&other.scope, &other.script, same.held.is_some())
    }

    /// Says whether `same` is this entry in everything but its status and its place in the file.
    pub(crate) fn says_as(&self, same: &Draft) -> bool {
        let bare = |draft: &Draft| {
            let mut ticket = draft.ticket.clone();
            ticket.source.line = 1;
            (ticket, draft.kind, draft.held.is_some(), draft.depends_on.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>())
        };
        bare(self) == bare(same)
    }
}

impl<'a, 'p, 'f> Entry<'a, 'p, 'f> {
    /// Opens an entry, which must be a map.
    pub(super) fn open(node: &'a Node, problems: &'p mut Problems<'f>) -> Option<Entry<'a, 'p, 'f>> {
        if let Value::Map(fields) = &node.value {
            return Some(Entry { line: node.line, fields, problems });
        }
        problems.add(node.line, "an entry that is no map", "write `id: …` and the other keys below it");
        None
    }

    /// An entry without fields.
    pub(super) fn bare(problems: &'p mut Problems<'f>) -> Entry<'a, 'p, 'f> {
        Entry { line: 1, fields: &[], problems }
    }

    /// Returns its fields.
    pub(super) fn fields(&self) -> &'a [Field] {
        self.fields
    }

    pub(super) fn problem(&mut self, line: u32, what: impl AsRef<str>, mend: &str) {
        self.problems.add(line, what, mend);
    }

    /// Returns the text under `key`, if there is any.
    pub(super) fn word(&mut self, key: &str) -> Option<Word<'a>> {
        let field = self.field(key)?;
        match &field.value.value {
            Value::Text(text) if text.trim().is_empty() => None,
            Value::Text(text) if text.len() > PROSE_BYTES_MAX => {
                let what = format!("`{key}` has {} bytes; at most {PROSE_BYTES_MAX} are read", text.len());
                self.problem(field.line, what, "move the text to a file and name that");
                None
            }
            Value::Text(text) => Some(Word { text, line: field.line, end: field.value.bytes.end }),
            Value::Empty | Value::List(_) | Value::Map(_) => {
                self.problem(field.line, format!("`{key}` should be text"), "put quotes around it");
                None
            }
        }
    }

    /// Returns the note that people and machines leave; of any length, since it is only shown.
    pub(super) fn note(&self) -> Option<&'a str> {
        match &self.field("note")?.value.value {
            Value::Text(text) => Some(text),
            Value::Empty | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns the items of the list under `key`, with their lines.
    pub(super) fn list(&mut self, key: &str, most: usize) -> Vec<(String, u32)> {
        let Some(field) = self.field(key) else { return Vec::new() };
        let Value::List(items) = &field.value.value else {
            self.problem(field.line, format!("`{key}` should be a list"), "write one `- …` a line below it");
            return Vec::new();
        };
        if items.len() > most {
            self.problem(field.line, format!("`{key}` has {} items; at most {most} are read", items.len()), "split the ticket");
            return Vec::new();
        }
        let mut texts = Vec::new();
        for item in items {
            match hints::prose(item) {
                Some(text) if text.len() > PROSE_BYTES_MAX => {
                    self.problem(item.line, format!("an item of `{key}` has {} bytes", text.len()), "say it shorter")
                }
                Some(text) => texts.push((text, item.line)),
                None => self.problem(item.line, format!("an item of `{key}` that is no text"), "put quotes around it"),
            }
        }
        texts
    }

    /// Runs `read` on the map under `key`, if there is one.
    pub(super) fn below<T>(&mut self, key: &str, read: impl FnOnce(&mut Entry<'a, '_, 'f>) -> Option<T>) -> Option<T> {
        let field = self.field(key)?;
        let mut entry = Entry::open(&field.value, self.problems)?;
        read(&mut entry)
    }

    fn field(&self, key: &str) -> Option<&'a Field> {
        self.fields.iter().find(|field| field.key == key && !matches!(field.value.value, Value::Empty))
    }

    /// Returns the id, which must stand in a whole line of `whole`.
    pub(super) fn id(&mut self, whole: &str) -> Option<TicketId> {
        let word = match (self.word("id"), self.word("task_id")) {
            (Some(_), Some(second)) => {
                self.problem(second.line, "both `id` and `task_id`", "keep one of them");
                return None;
            }
            (Some(word), None) | (None, Some(word)) => word,
            (None, None) => {
                self.problem(self.line, "an entry without an id", "write `id: …`, unique in the repository");
                return None;
            }
        };
        if word.end >= whole.len() {
            self.problem(word.line, "the file ends in the middle of this id's line, so it may be cut off", "end the file with a line break");
            return None;
        }
        self.ticket_id(word.text, word.line)
    }

    /// Reads an id.
    pub(super) fn ticket_id(&mut self, text: &str, line: u32) -> Option<TicketId> {
        TicketId::try_from(text).map_err(|error| self.problem(line, error.to_string(), "rename it")).ok()
    }

    fn depends_on(&mut self) -> Vec<(TicketId, u32)> {
        for field in self.fields.iter().filter(|field| words::nearly_depends_on(&field.key)) {
            self.problem(field.line, format!("the key `{}` is not read", one_line(&field.key, 60)), "write `depends_on: [ID]`, or remove it");
        }
        let items = self.list("depends_on", LIST_MAX);
        items.into_iter().filter_map(|(text, line)| Some((self.ticket_id(&text, line)?, line))).collect()
    }

    fn status(&mut self) -> Status {
        self.one_of("status", Status::parse, Status::WORDS).unwrap_or(Status::Pending)
    }

    /// Returns the kind of work under `type`.
    pub(super) fn kind(&mut self) -> Option<Kind> {
        self.one_of("type", Kind::parse, Kind::WORDS)
    }

    fn one_of<T>(&mut self, key: &str, parse: fn(&str) -> Option<T>, words: &[&str]) -> Option<T> {
        let word = self.word(key)?;
        let known = parse(word.text);
        if known.is_none() {
            self.problem(word.line, format!("the {key} `{}` is unknown", one_line(word.text, 60)), &format!("write one of {}", words.join(", ")));
        }
        known
    }

    /// Returns the stage the entry declares, in its own field or in its metadata.
    fn stage(&mut self) -> Option<Stage> {
        let own = self.mission_stage();
        let meta = self.below("metadata", |meta| meta.mission_stage());
        if let (Some((one, line)), Some((other, _))) = (own, meta)
            && one != other
        {
            self.problem(line, format!("the entry says stage {one} here and stage {other} in its metadata"), "keep one of them");
        }
        own.or(meta).map(|(stage, _)| stage)
    }

    /// Reads `1`, `stage1`, `stage_1`, `stage-1` or `Stage 1`. Other words are steps of the user's
    /// own pipeline (`vms`, `apps`), which say nothing about the mission's stages.
    fn mission_stage(&mut self) -> Option<(Stage, u32)> {
        let word = self.word("stage")?;
        let text = word.text.trim().to_ascii_lowercase();
        let number = text.strip_prefix("stage").unwrap_or(&text).trim_start_matches([' ', '_', '-']);
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let stage = number.parse::<u8>().ok().and_then(|number| Stage::try_from(number).ok());
        if stage.is_none() {
            self.problem(word.line, format!("there is no stage {}", one_line(number, 20)), "write 1 (infra), 2 (studio) or 3 (tenants)");
        }
        stage.map(|stage| (stage, word.line))
    }
}
