//! The closed list of reads that run unasked, and the small grammar its rows are written in.
//!
//! Options and words are written as text: `-A` is an option without a value, `-n:NAME` one with a
//! value of the kind NAME, which may also be written `--name=value` if it is long. Words end in `?`
//! for none or one, `+` for one or more, `*` for any number. A kind in capitals is one of
//! [`fits`]; any other kind lists what is allowed, parted by `|`, with `*` for anything.

mod cluster;
mod local;
mod machine;

use crate::danger;
use crate::place::{fold, like, secret};
use serde::Serialize;
use studio_core::name::RelPath;

/// One read and every form of it that runs unasked.
#[derive(Serialize)]
pub(crate) struct Reader {
    program: &'static str,
    /// The words that make it this read; several spellings share a row.
    verbs: &'static [&'static str],
    /// The options after the verb.
    options: &'static [&'static str],
    /// The words after the verb.
    words: &'static str,
    /// Words it must not have, whole or as a part of a word.
    refused: &'static [&'static str],
    /// Commands it must match.
    yes: &'static [&'static str],
    /// Commands it must not match.
    no: &'static [&'static str],
}

/// What the list says about a command.
pub(crate) enum Reading {
    /// The row lists it.
    Listed(&'static Reader),
    /// The row is about this read, but not in this form.
    Near(&'static Reader, String),
    /// It is none of the reads.
    Other,
}

/// Options that stand before the verb.
const BEFORE: &[(&str, &[&str])] = &[
    ("kubectl", &[cluster::KUBECTL]),
    ("flux", &[cluster::FLUX]),
    ("helm", &[cluster::HELM]),
    ("talosctl", &[machine::TALOSCTL]),
    ("git", &["--no-pager --no-optional-locks"]),
];

/// Returns the tables, for the digest of the rules.
pub(crate) fn tables() -> impl Serialize {
    (BEFORE, cluster::READERS, machine::READERS, local::READERS)
}

/// Looks the command up.
pub(crate) fn read(words: &[&str]) -> Reading {
    let (Some(program), Some((before, args))) = (words.first(), at_verb(words)) else { return Reading::Other };
    let row = readers().filter(|row| row.program == *program).find_map(|row| Some((row, row.after_verb(args)?)));
    match row.map(|(row, args)| (row, row.takes(before, args))) {
        Some((row, Ok(()))) => Reading::Listed(row),
        Some((row, Err(why))) => Reading::Near(row, why),
        None => Reading::Other,
    }
}

/// Returns the options before the verb and the words from it on, or nothing if an option there is unlisted.
pub(crate) fn at_verb<'a, 'b>(words: &'b [&'a str]) -> Option<(Vec<&'a str>, &'b [&'a str])> {
    let (program, mut rest) = words.split_first()?;
    let mut seen = Vec::new();
    // A program that is not in the table has no verb, so its options are its row's.
    let Some((_, before)) = BEFORE.iter().find(|(name, _)| name == program) else { return Some((seen, rest)) };
    while rest.first().is_some_and(|word| word.starts_with('-')) {
        let (name, used) = option(before, rest).ok()?;
        seen.push(name);
        rest = rest.get(used..)?;
    }
    Some((seen, rest))
}

/// Returns every example that does not hold, as a sentence.
pub(crate) fn broken() -> Vec<String> {
    let listed = |line: &str| match read(&line.split_whitespace().collect::<Vec<_>>()) {
        Reading::Listed(row) => Some(row.name()),
        Reading::Near(..) | Reading::Other => None,
    };
    let check = |row: &'static Reader| {
        let yes = row.yes.iter().filter(move |line| listed(line) != Some(row.name())).map(|line| format!("{line} should be listed"));
        yes.chain(row.no.iter().filter(move |line| listed(line).is_some()).map(|line| format!("{line} should not be listed")))
    };
    readers().flat_map(check).collect()
}

impl Reader {
    /// Returns its name, for people.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.program, self.verbs.first().copied().unwrap_or_default()).trim_end().to_string()
    }

    /// Returns the forms it lists, for whoever wrote another one.
    pub(crate) fn usage(&self) -> String {
        format!("a form that runs unasked: {} {} {}", self.name(), self.words, self.options.join(" ")).trim_end().to_string()
    }

    /// Returns the words after the verb, if it is one of this row's.
    fn after_verb<'a, 'b>(&self, args: &'b [&'a str]) -> Option<&'b [&'a str]> {
        let starts = |verb: &&str| {
            let wanted: Vec<&str> = verb.split_whitespace().collect();
            args.starts_with(&wanted).then(|| args.get(wanted.len()..)).flatten()
        };
        self.verbs.iter().find_map(starts)
    }

    fn takes<'a>(&self, mut seen: Vec<&'a str>, args: &[&'a str]) -> Result<(), String> {
        let (mut rest, mut found) = (args, Vec::new());
        while let Some(word) = rest.first() {
            let used = if word.starts_with('-') {
                let (name, used) = option(self.options, rest)?;
                if seen.contains(&name) {
                    return Err(format!("the option {name} stands twice"));
                }
                seen.push(name);
                used
            } else {
                found.push(*word);
                1
            };
            rest = rest.get(used..).unwrap_or_default();
        }
        match args.iter().find(|word| self.refuses(word)) {
            Some(word) => Err(format!("{word:?} would show what nobody should read unasked")),
            None => words(self.words, &found),
        }
    }

    fn refuses(&self, word: &str) -> bool {
        fold(word).split([',', '/', '.', '=', ':']).any(|part| self.refused.contains(&part))
    }
}

fn readers() -> impl Iterator<Item = &'static Reader> {
    cluster::READERS.iter().chain(machine::READERS).chain(local::READERS)
}

/// Returns the option at the start of `args` and how many words it takes.
fn option<'a>(listed: &[&'static str], args: &[&'a str]) -> Result<(&'a str, usize), String> {
    let Some((word, rest)) = args.split_first() else { return Err("there is no option".into()) };
    let specs = || listed.iter().flat_map(|options| options.split_whitespace());
    if specs().any(|spec| spec == *word && !spec.contains(':')) {
        return Ok((word, 1));
    }
    let valued = |name: &str| specs().find_map(|spec| spec.split_once(':').filter(|(listed, _)| *listed == name).map(|(_, kind)| kind));
    let (name, value, used) = match word.split_once('=') {
        Some((name, value)) if name.starts_with("--") => (name, Some(value), 1),
        Some(_) | None => (*word, rest.first().copied(), 2),
    };
    let Some(kind) = valued(name) else { return Err(format!("the option {word} is not listed")) };
    match value {
        Some(value) if fits(kind, value) => Ok((name, used)),
        Some(value) => Err(format!("{value:?} is no value for {name}, which takes {kind}")),
        None => Err(format!("{name} has no value")),
    }
}

/// Checks `found` against the words of a row.
fn words(spec: &str, found: &[&str]) -> Result<(), String> {
    let mut left = found;
    for token in spec.split_whitespace() {
        let kind = token.trim_end_matches(['?', '+', '*']);
        let (least, most) = match token.strip_prefix(kind) {
            Some("?") => (0, 1),
            Some("+") => (1, usize::MAX),
            Some("*") => (0, usize::MAX),
            Some(_) | None => (1, 1),
        };
        let (taken, rest) = left.split_at(left.len().min(most));
        if taken.len() < least {
            return Err(format!("{kind} is missing"));
        }
        if let Some(word) = taken.iter().find(|word| !fits(kind, word)) {
            return Err(format!("{word:?} is no {kind}"));
        }
        left = rest;
    }
    left.first().map_or(Ok(()), |word| Err(format!("{word:?} is one word too many")))
}

/// Says whether `word` is of the kind. Only TEXT and PLAIN may be a word of danger: they are data.
/// PLAIN has no sign of a shell, since whoever wrote one expects a shell that is not there.
fn fits(kind: &str, word: &str) -> bool {
    let of = |more: &str| {
        word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
            && !danger::word(word)
    };
    match kind {
        "NAME" => of("._:/@,-"),
        "NUMBER" => word.len() <= 9 && word.chars().all(|c| c.is_ascii_digit()) && !word.is_empty(),
        "TIME" => {
            word.len() <= 12 && word.ends_with(['h', 'm', 's']) && of("") && word.chars().all(|c| c.is_ascii_digit() || matches!(c, 'h' | 'm' | 's'))
        }
        "SELECTOR" => of("._:/@,-=!"),
        "PATH" => path(word),
        "REV" => revision(word),
        "FORMAT" => word.starts_with('+'),
        "TEXT" => !word.starts_with('-'),
        "PLAIN" => !word.starts_with('-') && !word.contains(['$', '`', '|', ';', '&', '<', '>']),
        listed => listed.split('|').any(|pattern| like(pattern, word)) && !danger::word(word),
    }
}

/// Says whether the word is a path of the repository that anyone may read.
fn path(word: &str) -> bool {
    let bare = word.strip_prefix("./").unwrap_or(word);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    (bare == "." || RelPath::try_from(bare).is_ok()) && !secret(bare) && !danger::word(bare)
}

/// Says whether the word is a revision, a path, or a revision's path, inside the repository and not secret.
fn revision(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@' | '^' | '~' | '{' | '}' | ':');
    let inside = |part: &str| !part.starts_with(['/', '-']) && !part.split('/').any(|part| part == ".." || part == ".git") && !secret(part);
    word.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '@' | '_'))
        && word.chars().all(plain)
        && word.split(':').all(inside)
        && !danger::word(word)
}

#[cfg(test)]
mod tests;
