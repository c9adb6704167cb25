//! Words of shell text, read exactly as bash reads them where they are plain, and refused where they are not.
//!
//! This is the judge's own reading. What it does not know is no word, so it can be checked by eye; a parser of the
//! whole language takes some texts for one word that bash takes for a word and a command.

use super::Why;
use crate::place::TOLD;
use std::collections::BTreeSet;
use studio_core::limits::PATH_BYTES_MAX;
use studio_core::place::{SECRET, fold, secret};

/// A word without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What bash would pass, or, of a glob, a stand-in: the pattern with `x` for each sign of it.
    pub text: String,
    /// Whether it is a pattern for names of files.
    pub glob: bool,
    /// The secret that the pattern could name.
    pub(super) secret: Option<&'static str>,
    /// How little of what a pattern may become is known.
    pub(super) loose: Loose,
}

/// How little of what a pattern may become is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loose {
    /// Its folder and its start stand there, or it is no pattern.
    Tight,
    /// Only its ending stands there: `*.md`. No option is called like that, but for those that take any text.
    Ending,
    /// Nothing much.
    Any,
}

/// Characters that mean nothing to bash outside quotes, wherever they stand; letters and digits beside them.
const PLAIN: &str = "_-./:,+=@%^#]~{}!";
/// Programs that show names and numbers of files, never what they hold.
const NAMES_ONLY: &[&str] = &["ls", "wc", "du", "stat", "file", "sha256sum", "md5sum", "test", "["];

/// Programs to which no text with the ending of a file is an option that does more than read.
const READERS: &[&str] = &["cat", "head", "tail", "nl", "grep", "egrep", "fgrep"];

/// A place in shell text.
pub(super) struct Cursor<'t> {
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Cursor { rest: text }
    }

    /// Returns what follows.
    pub(super) fn rest(&self) -> &'t str {
        self.rest
    }

    /// Steps over `sign`, if it follows.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        self.rest.strip_prefix(sign).inspect(|rest| self.rest = rest).is_some()
    }

    /// Steps over blanks, and a comment behind them.
    pub(super) fn blanks(&mut self) {
        while let Some(rest) = self.rest.strip_prefix([' ', '\t']).or_else(|| self.rest.strip_prefix("\\\n")) {
            self.rest = rest;
        }
        if self.rest.starts_with('#') {
            self.rest = self.rest.find('\n').and_then(|at| self.rest.get(at..)).unwrap_or_default();
        }
    }

    /// Reads the word that follows; nothing where none does. It ends before what parts words.
    pub(super) fn word(&mut self) -> Result<Option<Word>, Why> {
        let (start, mut text, mut glob, mut braces, mut quoted) = (self.rest, String::new(), false, false, false);
        while let Some(c) = self.rest.chars().next() {
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\'' => {
                    text.push_str(self.single()?);
                    quoted = true;
                }
                '"' => {
                    text.push_str(&self.double()?);
                    quoted = true;
                }
                '\\' if self.take("\\\n") => {}
                '\\' => text.push(self.escaped()?),
                '$' => return Err(self.dollar()),
                '`' => return Err(Why::Substitution),
                '[' if text.is_empty() && self.rest.get(1..).is_none_or(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) => {
                    text.push(self.step(c));
                }
                '*' | '?' => {
                    glob = true;
                    self.step(c);
                    text.push('x');
                }
                c if c.is_alphanumeric() || PLAIN.contains(c) => {
                    self.plain(&text, c)?;
                    braces |= c == '{';
                    text.push(self.step(c));
                }
                c => return Err(Why::Sign(c)),
            }
        }
        let raw = start.strip_suffix(self.rest).unwrap_or(start);
        if braces && spans(raw) {
            return Err(Why::Brace);
        }
        let loose = if glob { tolerable(raw)? } else { Loose::Tight };
        let secret = if glob { could_be_secret(raw) } else { None };
        Ok((quoted || !text.is_empty()).then_some(Word { text, glob, secret, loose }))
    }

    /// Refuses what means something at this place, though not everywhere.
    fn plain(&self, before: &str, c: char) -> Result<(), Why> {
        let next = self.rest.get(c.len_utf8()..).and_then(|rest| rest.chars().next());
        match c {
            '~' if before.is_empty() || before.ends_with(['=', ':']) => Err(Why::Tilde),
            '!' if before.is_empty() && next.is_none_or(|next| matches!(next, ' ' | '\t' | '\n')) => Ok(()),
            '!' if next != Some('=') => Err(Why::History),
            _ => Ok(()),
        }
    }

    fn step(&mut self, c: char) -> char {
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        c
    }

    fn single(&mut self) -> Result<&'t str, Why> {
        let (inner, rest) = self.rest.get(1..).and_then(|rest| rest.split_once('\'')).ok_or(Why::Unclosed)?;
        self.rest = rest;
        Ok(inner)
    }

    fn double(&mut self) -> Result<String, Why> {
        self.step('"');
        let mut text = String::new();
        loop {
            let c = self.rest.chars().next().ok_or(Why::Unclosed)?;
            let after = self.rest.get(c.len_utf8()..).unwrap_or_default();
            let next = after.chars().next();
            match c {
                '"' => {
                    self.step(c);
                    return Ok(text);
                }
                '`' => return Err(Why::Substitution),
                // A dollar before these is a dollar.
                '$' if !matches!(next, Some('"' | ' ' | '|' | ')' | '/' | '.' | ',' | '%' | ':')) => return Err(self.dollar()),
                '!' if !matches!(next, Some('=' | '"' | ' ')) => return Err(Why::History),
                '\\' => match next {
                    Some(c @ ('"' | '\\' | '$' | '`')) => {
                        text.push(c);
                        self.step('\\');
                    }
                    Some('\n') => {
                        self.take("\\\n");
                        continue;
                    }
                    None => return Err(Why::Escape),
                    Some(_) => text.push('\\'),
                },
                c => text.push(c),
            }
            let c = self.rest.chars().next().ok_or(Why::Unclosed)?;
            self.step(c);
        }
    }

    fn escaped(&mut self) -> Result<char, Why> {
        self.step('\\');
        let c = self.rest.chars().next().filter(|c| *c != '\n').ok_or(Why::Escape)?;
        Ok(self.step(c))
    }

    fn dollar(&self) -> Why {
        match self.rest.get(1..).and_then(|rest| rest.chars().next()) {
            Some('\'') => Why::AnsiQuote,
            Some('(') => Why::Substitution,
            Some(_) | None => Why::Expansion,
        }
    }
}

/// Reads a text that is one word.
pub(super) fn decode(raw: &str) -> Result<Word, Why> {
    let mut cursor = Cursor::new(raw);
    match cursor.word()? {
        Some(word) if cursor.rest().is_empty() && word.loose == Loose::Tight => Ok(word),
        Some(_) if cursor.rest().is_empty() => Err(Why::Glob),
        Some(_) | None => Err(Why::Sign(cursor.rest().chars().next().unwrap_or(' '))),
    }
}

/// Says whether a program shows only what files are called and how large they are.
pub(super) fn names_only(program: &str) -> bool {
    NAMES_ONLY.contains(&program)
}

/// Says whether a program of a line shows only what files are called, whatever names it gets.
pub(super) fn shows_names(program: &str) -> bool {
    names_only(program) || matches!(program, "echo" | "find")
}

/// Says whether braces of `raw` stand for several words; `@{u}..` stands for itself.
fn spans(raw: &str) -> bool {
    let inside = raw.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').map_or(rest, |(inside, _)| inside));
    inside.contains(',') || inside.contains("..")
}

/// Says whether `program` may get what a pattern becomes, however `loose`.
pub(super) fn takes(program: &str, loose: Loose) -> bool {
    match loose {
        Loose::Tight => true,
        Loose::Ending => shows_names(program) || READERS.contains(&program),
        Loose::Any => program != "find" && shows_names(program),
    }
}

/// Says how little is known of what `raw` may become; a place that is secret, or a sign that nobody reads, is too little.
fn tolerable(raw: &str) -> Result<Loose, Why> {
    let (folder, name) = raw.rsplit_once('/').unwrap_or(("", raw));
    let first = raw.chars().next().unwrap_or('-');
    let signs = |text: &str| text.contains(['*', '?']);
    // A pattern of a program's own: a shell replaces it only where a file has the option's name.
    let own = ["--include=", "--exclude="].iter().any(|option| raw.starts_with(option)) && folder.is_empty();
    if raw.len() > PATH_BYTES_MAX
        || raw.contains(['\'', '"', '\\', '{', '['])
        || !(own || first.is_alphanumeric() || matches!(first, '.' | '/' | '*' | '?'))
        || secret(folder)
        || name.starts_with('.')
    {
        return Err(Why::Glob);
    }
    let ends = name.rsplit_once('.').is_some_and(|(_, ending)| !ending.is_empty() && ending.chars().all(|c| c.is_ascii_alphanumeric()));
    Ok(match () {
        () if own => Loose::Ending,
        () if signs(folder) => Loose::Any,
        () if !matches!(first, '*' | '?') => Loose::Tight,
        () if ends && folder.is_empty() => Loose::Ending,
        () => Loose::Any,
    })
}

/// Returns the secret that the pattern `raw` could be, if there is one.
fn could_be_secret(raw: &str) -> Option<&'static str> {
    let folded = fold(raw);
    let (folder, name) = folded.rsplit_once('/').unwrap_or((".", &folded));
    // A sign at the start of a pattern is no dot, and machine secrets lie beside the machines' own files.
    let elsewhere = |secret: &str| {
        let hidden = secret.starts_with('.') && name.starts_with(['*', '?']);
        hidden || (secret.starts_with("talsecret") && folder != "." && !folder.contains("talos"))
    };
    let mut secrets = SECRET.split_whitespace().filter(|secret| !secret.contains('/') && !elsewhere(secret));
    // A pattern that begins with a star is every file of a kind; one that begins with letters picks.
    let mut told = TOLD.split_whitespace().filter(|told| !told.starts_with('*') && !name.starts_with(['*', '?']));
    secrets
        .find(|secret| meet(secret.trim_end_matches('*').as_bytes(), name.as_bytes()))
        .or_else(|| told.find(|told| meet(told.as_bytes(), name.as_bytes())))
}

/// Says whether there is a name that both patterns are like.
fn meet(one: &[u8], other: &[u8]) -> bool {
    // Pairs of places that are reached by the same beginning of a name.
    let mut reached = BTreeSet::from([(0, 0)]);
    while let Some((at, to)) = reached.pop_first() {
        match (one.get(at), other.get(to)) {
            (None, None) => return true,
            (Some(b'*'), None) => drop(reached.insert((at + 1, to))),
            (None, Some(b'*')) => drop(reached.insert((at, to + 1))),
            (Some(b'*'), Some(_)) | (Some(_), Some(b'*')) => reached.extend([(at + 1, to), (at, to + 1)]),
            (Some(a), Some(b)) if a == b || *a == b'?' || *b == b'?' => drop(reached.insert((at + 1, to + 1))),
            (Some(_), Some(_) | None) | (None, Some(_)) => {}
        }
    }
    false
}
