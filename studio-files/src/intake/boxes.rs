//! Backlogs in Markdown: a ticket is an item with a box, and the headings above it say its stage.

use super::draft::Draft;
use super::lines::Lines;
use super::markdown::{self, Block, Form};
use super::state::{self, Patch};
use super::{Problems, Status, words};
use pulldown_cmark::HeadingLevel;
use std::ops::Range;
use studio_core::limits::{CRITERIA_MAX, LIST_MAX, PROSE_BYTES_MAX, TICKETS_MAX};
use studio_core::name::{BadName, Digest, RelPath, TicketId};
use studio_core::text::{Prose, one_line};
use studio_core::ticket::{Source, Stage};

/// Characters of a text that become part of its id.
const SLUG_CHARS_MAX: usize = 40;
/// Characters of a text's hash that become part of its id.
const HASH_CHARS: usize = 6;

/// Reads the tickets of a backlog, in its order. Those of a file with a stage of its own have that,
/// whatever its headings say.
pub(super) fn drafts(path: &RelPath, text: &str, own: Option<Stage>, problems: &mut Problems) -> Vec<Draft> {
    let mut page = Page { path, text, lines: Lines::of(text), own, above: Vec::new(), drafts: Vec::new(), problems };
    for block in &markdown::blocks(text) {
        match block.form {
            Form::Heading(level) => page.open(level, block),
            Form::List => page.list(block),
            Form::Words | Form::Item | Form::Box(..) | Form::Other => {}
        }
    }
    page.drafts
}

/// Says whether a line announces criteria: `Acceptance criteria:` and the like.
pub(super) fn announces(line: &str) -> bool {
    let bare = line.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    matches!(bare.as_str(), "acceptance criteria" | "criteria" | "done when")
}

/// Returns what an item says, without its bullet and box.
pub(super) fn inside(text: &str, item: &Block) -> Option<String> {
    Some(part(text, item.below.first()?.bytes.start..item.bytes.end)).filter(|said| !said.is_empty())
}

struct Page<'a, 'p, 'f> {
    path: &'a RelPath,
    text: &'a str,
    lines: Lines,
    own: Option<Stage>,
    /// The headings above, each deeper than the one before.
    above: Vec<Heading<'a>>,
    drafts: Vec<Draft>,
    problems: &'p mut Problems<'f>,
}

struct Heading<'a> {
    level: HeadingLevel,
    line: u32,
    /// The number after `Stage`.
    stage: Option<&'a str>,
    /// Why an open box below it is not worked on.
    held: Option<&'static str>,
}

/// What stands below a box.
#[derive(Default)]
struct Said {
    ask: String,
    body: Vec<String>,
    criteria: Vec<String>,
    depends_on: Vec<(TicketId, u32)>,
}

impl Page<'_, '_, '_> {
    fn open(&mut self, level: HeadingLevel, block: &Block) {
        let said = block.words().and_then(|words| self.text.get(words)).unwrap_or_default();
        self.above.retain(|above| above.level < level);
        self.above.push(Heading { level, line: self.lines.at(block.bytes.start), stage: stage(said), held: words::of_heading(said) });
    }

    fn list(&mut self, list: &Block) {
        for item in &list.below {
            if let Form::Box(at, ticked) = item.form {
                if self.drafts.len() <= TICKETS_MAX {
                    self.ticket(item, at, ticked);
                }
            } else {
                item.below.iter().filter(|block| block.form == Form::List).for_each(|list| self.list(list));
            }
        }
    }

    fn ticket(&mut self, item: &Block, at: usize, ticked: bool) {
        let line = self.lines.at(at);
        let mut said = Said::default();
        self.gather(item, &mut said);
        if said.ask.is_empty() {
            self.problems.add(line, "a box without words", "say in its line what is wanted, or remove it");
            return;
        }
        let (id, ask) = match named(&said.ask) {
            Ok(named) => named,
            Err(error) => return self.problems.add(line, error.to_string(), "rename it"),
        };
        let content = state::content(self.text, item.bare(self.text), &item.marks());
        let mut draft = Draft::new(id, &unescaped(ask), Source { path: self.path.clone(), line }, content);
        let body = draft.ticket.body.take().map(String::from).into_iter().chain(said.body).collect::<Vec<_>>().join("\n\n");
        if body.len() > PROSE_BYTES_MAX {
            self.problems.add(line, format!("the entry has {} bytes; at most {PROSE_BYTES_MAX} are read", body.len()), "move the text to a file");
        }
        for (what, count, most) in [("criteria", said.criteria.len(), CRITERIA_MAX), ("dependencies", said.depends_on.len(), LIST_MAX)] {
            if count > most {
                self.problems.add(line, format!("the entry has {count} {what}; at most {most} are read"), "split the ticket");
            }
        }
        draft.ticket.body = (!body.is_empty()).then(|| Prose::tamed(&body));
        draft.ticket.criteria = said.criteria.iter().map(|text| Prose::tamed(text)).collect();
        draft.depends_on = said.depends_on;
        draft.declare(self.stage());
        draft.status = if ticked { Status::Success } else { Status::Pending };
        let own = words::of_entry(&said.ask).or_else(|| words::of_entry(ask)).map(|why| format!("{why}: {}:{line}", self.path));
        draft.held = self.above.iter().find_map(|above| above.held.map(|why| format!("{why}: {}:{}", self.path, above.line))).or(own);
        draft.patch = Some(Patch { at: at..at + 1, put: "x".into() });
        self.drafts.push(draft);
    }

    /// Returns the highest stage that a heading above names: one below another lowers nothing.
    fn stage(&mut self) -> Option<Stage> {
        if self.own.is_some() {
            return self.own;
        }
        let mut highest = None;
        for heading in &mut self.above {
            let Some(number) = heading.stage else { continue };
            let stage = number.parse::<u8>().ok().and_then(|number| Stage::try_from(number).ok());
            if stage.is_none() {
                heading.stage = None; // once is enough
                let what = format!("there is no stage {}", one_line(number, 20));
                self.problems.add(heading.line, what, "write 1 (infra), 2 (studio) or 3 (tenants)");
            }
            highest = highest.max(stage);
        }
        highest
    }

    /// Sorts what stands in an item with a box.
    fn gather(&mut self, item: &Block, said: &mut Said) {
        let mut announced = false;
        for (n, block) in item.below.iter().enumerate() {
            let mut words = part(self.text, block.bytes.clone());
            match block.form {
                Form::List => {
                    block.below.iter().for_each(|item| self.sort(item, announced, said));
                    announced = false;
                    continue;
                }
                Form::Words => {
                    let (above, last) = words.rsplit_once('\n').unwrap_or(("", &words));
                    let list_follows = item.below.get(n + 1).is_some_and(|next| next.form == Form::List);
                    announced = list_follows && announces(last) && (n > 0 || !above.is_empty());
                    if announced {
                        words = above.to_string();
                    }
                }
                Form::Heading(_) | Form::Item | Form::Box(..) | Form::Other => {}
            }
            if block.form == Form::Words {
                self.nearly(words.lines().skip(usize::from(n == 0)), block.bytes.start);
            }
            if n == 0 && block.form == Form::Words {
                said.ask = words.split_whitespace().collect::<Vec<_>>().join(" ");
            } else if !words.is_empty() {
                said.body.push(words);
            }
        }
    }

    /// Refuses lines that would be dependencies if they were written otherwise; `at` is where their block begins.
    fn nearly<'l>(&mut self, lines: impl Iterator<Item = &'l str>, at: usize) {
        for line in lines {
            let key = line.split_once(':').map(|(key, _)| key).filter(|key| *key == "depends_on" || words::nearly_depends_on(key));
            if let Some(key) = key {
                let what = format!("`{}` is not read here as what comes first", one_line(key, 60));
                self.problems.add(self.lines.at(at), what, "write `- depends_on: ID, ID` as an item of its own below the box");
            }
        }
    }

    /// Sorts an item below one with a box.
    fn sort(&mut self, item: &Block, announced: bool, said: &mut Said) {
        let words = item.words().map(|words| part(self.text, words)).unwrap_or_default();
        let lists = || item.below.iter().filter(|block| block.form == Form::List).flat_map(|list| &list.below);
        if announced || matches!(item.form, Form::Box(..)) {
            said.criteria.extend(inside(self.text, item));
        } else if announces(&words) && lists().next().is_some() {
            said.criteria.extend(lists().filter_map(|item| inside(self.text, item)));
        } else if let Some(ids) = words.strip_prefix("depends_on:") {
            let line = self.lines.at(item.bytes.start);
            self.nearly(words.lines().skip(1), item.bytes.start);
            for id in ids.split(',') {
                match TicketId::try_from(id.trim()) {
                    Ok(id) => said.depends_on.push((id, line)),
                    Err(error) => self.problems.add(line, error.to_string(), "write ids with a comma between them"),
                }
            }
        } else {
            self.nearly(words.lines(), item.bytes.start);
            said.body.push(part(self.text, item.bare(self.text)));
            boxes_below(item, &mut |item| said.criteria.extend(inside(self.text, item)));
        }
    }
}

fn boxes_below<'a>(item: &'a Block, found: &mut impl FnMut(&'a Block)) {
    for block in item.below.iter().filter(|block| block.form == Form::List).flat_map(|list| &list.below) {
        if matches!(block.form, Form::Box(..)) { found(block) } else { boxes_below(block, found) }
    }
}

/// Returns the number of a heading such as `Stage 1 – Homelab Bring-Up` or `Stage Two`.
fn stage(words: &str) -> Option<&str> {
    let words = words.trim_start_matches(['*', '_', '`', ' ']);
    let (stage, rest) = words.split_at_checked(5)?;
    let rest = rest.trim_start_matches([' ', '_', '-']);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (number, after) = rest.split_at_checked(end)?;
    let ends = !after.starts_with(|c: char| c.is_alphanumeric() || c == '.');
    let number = match number.to_ascii_lowercase().as_str() {
        "one" | "i" => "1",
        "two" | "ii" => "2",
        "three" | "iii" => "3",
        _ => Some(number).filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))?,
    };
    (stage.eq_ignore_ascii_case("stage") && ends).then_some(number)
}

/// Returns the id of a text and the text itself: `TASK_ID: the text`, or an id made of its words.
fn named(ask: &str) -> Result<(TicketId, &str), BadName> {
    if let Some((id, rest)) = ask.split_once(": ")
        && id.len() > 2
        && id.starts_with(|c: char| c.is_ascii_uppercase())
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
        && let Ok(id) = TicketId::try_from(id)
    {
        return Ok((id, rest));
    }
    let mut slug = String::new();
    for c in ask.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(SLUG_CHARS_MAX);
    let slug = Some(slug.trim_end_matches('-')).filter(|slug| !slug.is_empty()).unwrap_or("ticket");
    let hash = Digest::blake3(ask.as_bytes());
    Ok((TicketId::try_from(format!("{slug}-{}", hash.as_str().get(..HASH_CHARS).unwrap_or_default()))?, ask))
}

/// Returns the words as they are read: a backslash before a mark of ASCII stands for the mark.
fn unescaped(words: &str) -> String {
    let mut read = String::with_capacity(words.len());
    let mut rest = words.chars().peekable();
    while let Some(c) = rest.next() {
        let mark = rest.next_if(|next| c == '\\' && next.is_ascii_punctuation());
        read.push(mark.unwrap_or(c));
    }
    read
}

/// Returns some bytes of the text as lines with their common indentation taken away.
fn part(text: &str, bytes: Range<usize>) -> String {
    let column = bytes.start - text.get(..bytes.start).and_then(|above| above.rfind('\n')).map_or(0, |at| at + 1);
    let bare = |(n, line): (usize, &str)| {
        let margin = line.len() - line.trim_start_matches([' ', '\t']).len();
        line.get(if n == 0 { 0 } else { margin.min(column) }..).unwrap_or_default().trim_end().to_string()
    };
    text.get(bytes).unwrap_or_default().lines().enumerate().map(bare).collect::<Vec<_>>().join("\n").trim().to_string()
}
