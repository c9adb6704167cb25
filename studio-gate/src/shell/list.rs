//! A line of plain commands: `a; b && c | d`, and nothing that a shell would have to think about.

use super::carried::parts;
use super::names::{handed, is_name};
use super::word::{Cursor, Word, shows_names, takes};
use super::{Why, readable};
use crate::command::Finding;
use studio_core::gate::{Class, Verdict};
use studio_core::limits::{ARGV_WORDS_MAX, SHELL_LINE_BYTES_MAX, SHELL_LINE_COMMANDS_MAX};

/// A line and its commands, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The commands.
    pub commands: Vec<Command>,
    /// Whether it could be one step: one command, without a redirection and without a pattern.
    pub step: bool,
}

/// One command of a line, as bash would start it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub words: Vec<Word>,
    /// Whether some of its output goes elsewhere.
    pub redirected: bool,
    /// Whether a variable is set for it, one that only decides how it prints.
    pub set: bool,
    /// Whether it reads what the command before it writes.
    pub fed: bool,
    /// Whether the command behind it reads what it writes.
    pub piped: bool,
    /// The file that it reads instead.
    pub input: Option<Word>,
}

/// Words that begin something else than a command.
const RESERVED: &[&str] = &[
    "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "select", "then", "until", "while", "coproc", "[[",
    "]]",
];

/// Programs that read what they are fed where they are given no file, and only read.
const FILTERS: &[&str] = &[
    "grep",
    "egrep",
    "fgrep",
    "cat",
    "tac",
    "head",
    "tail",
    "sort",
    "uniq",
    "wc",
    "cut",
    "tr",
    "nl",
    "rev",
    "column",
    "fold",
    "jq",
    "base64",
    "sha256sum",
    "md5sum",
    "paste",
];

/// Programs that start a pager where they write to a terminal, and the option that keeps them from it.
const PAGED: &[(&str, &str)] = &[("journalctl", "--no-pager"), ("systemctl", "--no-pager"), ("bat", "--paging=never")];

/// Reads a line as the commands it consists of.
///
/// # Errors
/// It holds anything that bash would not pass on as it stands.
pub fn list(text: &str) -> Result<Line, Why> {
    if text.len() > SHELL_LINE_BYTES_MAX {
        return Err(Why::Bytes(text.len()));
    }
    let text = readable(text.as_bytes())?;
    let (mut cursor, mut commands, mut wanted) = (Cursor::new(text), Vec::<Command>::new(), None::<&str>);
    loop {
        let found = command(&mut cursor, wanted == Some("|"))?;
        let missing = found.is_none();
        commands.extend(found);
        if commands.len() > SHELL_LINE_COMMANDS_MAX {
            return Err(Why::Many);
        }
        let sign = sign(&mut cursor)?;
        if let Some(command) = commands.last_mut().filter(|_| sign == Some("|")) {
            command.piped = true;
        }
        if let Some(sign) = wanted.or(sign.filter(|sign| *sign != "\n")).filter(|_| missing) {
            return Err(Why::Missing(sign.into()));
        }
        match sign {
            Some("\n" | ";") => wanted = None,
            Some(sign) => wanted = Some(sign),
            None => break,
        }
    }
    let step = matches!(&commands[..], [only] if !only.redirected && !only.set && !only.words.iter().any(|word| word.glob));
    if commands.is_empty() { Err(Why::Missing("nothing".into())) } else { Ok(Line { commands, step }) }
}

/// Judges a line as its commands, of which the strictest counts, and says whether it could be one step.
pub(crate) fn judge(text: &str, judge: &dyn Fn(&[&str]) -> Finding) -> (Finding, bool) {
    let line = match list(text) {
        Ok(line) => line,
        Err(why) => return (Finding::refused(Class::Opaque, "shell-text", why.to_string(), "write plain words, or put it into a script"), false),
    };
    let mut step = line.step;
    let mut found = Vec::new();
    for (at, command) in line.commands.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| line.commands.get(before)).filter(|_| command.fed);
        let whole: Vec<&str> = words(command);
        let parts = parts(&whole, before.map(words).as_deref());
        step &= parts.is_none();
        for part in parts.unwrap_or_else(|| vec![whole.iter().map(ToString::to_string).collect()]) {
            let part: Vec<&str> = part.iter().map(String::as_str).collect();
            let fed = command.fed || command.input.is_some();
            let said = before.map(words).is_some_and(|before| says_nothing(&before));
            found.push(if fed && !said { sent(&part) } else { None }.unwrap_or_else(|| one(&part, fed, command.piped, judge)));
        }
        found.extend(command.input.iter().map(|file| judge(&["cat", &file.text])));
    }
    let strictest = found.into_iter().max_by_key(|found| (found.verdict, found.class));
    let none = || Finding::refused(Class::Opaque, "shell-text", "it holds no command".into(), "write a command");
    (strictest.unwrap_or_else(none), step)
}

/// Says whether a command writes nothing that another machine could take for a request.
fn says_nothing(words: &[&str]) -> bool {
    matches!(words, ["true"] | ["echo", ..] | ["printf", ..]) && words.iter().skip(1).all(|word| matches!(*word, "" | "-n" | "Q" | "\\n"))
}

/// Refuses a command that would send what it is fed to another machine.
fn sent(words: &[&str]) -> Option<Finding> {
    let why = || "it would send what it is fed to another machine".to_string();
    words.starts_with(&["openssl", "s_client"]).then(|| Finding::refused(Class::Opaque, "sends", why(), "feed it nothing: < /dev/null"))
}

/// Judges one command as it stands in a line.
fn one(words: &[&str], fed: bool, piped: bool, judge: &dyn Fn(&[&str]) -> Finding) -> Finding {
    let found = match words {
        ["[", inner @ .., "]"] => judge(&[&["test"], inner].concat()),
        words if fed => filtered(words, judge),
        words => judge(words),
    };
    if found.verdict == Verdict::Auto || !piped {
        return found;
    }
    // Into a pipe, these start no pager.
    let tamer = PAGED.iter().filter(|(program, _)| words.first() == Some(program));
    tamer.map(|(_, option)| judge(&[words, &[*option]].concat())).find(|found| found.verdict == Verdict::Auto).unwrap_or(found)
}

fn words(command: &Command) -> Vec<&str> {
    command.words.iter().map(|word| word.text.as_str()).collect()
}

/// Judges a command that reads what it is fed: a filter without a file is judged like one with any file.
pub(super) fn filtered(words: &[&str], judge: &dyn Fn(&[&str]) -> Finding) -> Finding {
    let found = judge(words);
    if found.verdict == Verdict::Auto || !words.first().is_some_and(|program| FILTERS.contains(program)) {
        return found;
    }
    let with_file = judge(&[words, &["x"]].concat());
    if with_file.verdict == Verdict::Auto { with_file } else { found }
}

/// Reads a command; nothing where none follows.
fn command(cursor: &mut Cursor<'_>, fed: bool) -> Result<Option<Command>, Why> {
    let (mut words, mut redirected, mut input): (Vec<Word>, bool, Option<Word>) = (Vec::new(), false, None);
    // A keyword before the command changes neither its words nor what it does.
    let (mut led, mut set) = (false, false);
    loop {
        cursor.blanks();
        let start = cursor.rest();
        let word = cursor.word()?;
        let raw = start.strip_suffix(cursor.rest()).unwrap_or_default();
        let redirects = cursor.rest().starts_with(['<', '>']) || cursor.rest().starts_with("&>");
        let number = redirects && !raw.is_empty() && raw.chars().all(|c| c.is_ascii_digit());
        if number && !matches!(raw, "0" | "1" | "2") {
            return Err(Why::Redirect);
        }
        let ends = word.is_none();
        if let Some(word) = word.filter(|_| !number) {
            if words.is_empty() && RESERVED.contains(&raw) {
                return Err(Why::Control(raw.into()));
            }
            if words.is_empty() && matches!(raw, "time" | "!") && !led && !set && !fed && !redirected {
                led = true;
                continue;
            }
            if words.is_empty() && (matches!(raw, "time" | "!") || (led && raw.starts_with('-'))) {
                return Err(Why::Control(raw.into()));
            }
            if words.is_empty() && word.text.contains('=') {
                if redirects || !tame(raw) {
                    return Err(Why::Assignment);
                }
                set = true;
                continue;
            }
            if word.text.contains('\n') {
                return Err(Why::Escape);
            }
            words.push(word);
            if words.len() > ARGV_WORDS_MAX {
                return Err(Why::Many);
            }
        }
        if redirects {
            let file = redirect(cursor)?;
            if file.is_some() && (input.is_some() || raw == "1" || raw == "2") {
                return Err(Why::Redirect);
            }
            input = input.or(file);
            redirected = true;
        } else if ends {
            break;
        }
    }
    let Some(program) = words.first() else {
        return match () {
            () if redirected => Err(Why::Redirect),
            () if set => Err(Why::Assignment),
            () if led => Err(Why::Missing("!".into())),
            () => Ok(None),
        };
    };
    if program.glob {
        return Err(Why::Glob);
    }
    if words.iter().any(|word| !takes(&program.text, word.loose)) {
        return Err(Why::Glob);
    }
    if let Some(secret) = words.iter().find_map(|word| word.secret.filter(|_| !shows_names(&program.text))) {
        return Err(Why::SecretGlob(secret));
    }
    Ok(Some(Command { words, redirected, set, fed, piped: false, input }))
}

/// Says whether `raw` sets a variable that only decides how a command prints, or that no pager starts.
fn tame(raw: &str) -> bool {
    let Some((name, value)) = raw.split_once('=') else { return false };
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let pager = matches!(name, "PAGER" | "GIT_PAGER" | "SYSTEMD_PAGER" | "MANPAGER") && value == "cat";
    is_name(name) && plain && (pager || handed(name))
}

/// Reads a redirection that loses nothing: to or from `/dev/null`, to another stream, or from a file, which it returns.
fn redirect(cursor: &mut Cursor<'_>) -> Result<Option<Word>, Why> {
    if cursor.rest().starts_with("<<") {
        return Err(Why::Heredoc);
    }
    if cursor.take(">&") {
        return if ["1", "2"].iter().any(|stream| cursor.take(stream)) && ends(cursor) { Ok(None) } else { Err(Why::Redirect) };
    }
    let reads = cursor.rest().starts_with('<');
    if !["&>>", "&>", ">>", ">", "<"].iter().any(|sign| cursor.take(sign)) || cursor.rest().starts_with(['>', '<', '&', '|']) {
        return Err(Why::Redirect);
    }
    if cursor.rest().starts_with('(') {
        return Err(Why::Substitution);
    }
    cursor.blanks();
    match cursor.word()? {
        Some(word) if word.text == "/dev/null" && !word.glob => Ok(None),
        Some(word) if reads && !word.glob => Ok(Some(word)),
        Some(_) | None => Err(Why::Redirect),
    }
}

/// Reads what stands between two commands; nothing at the end.
fn sign(cursor: &mut Cursor<'_>) -> Result<Option<&'static str>, Why> {
    if let Some(sign) = ["&&", "||", "|&", ";;", ";&", "|", ";", "\n"].into_iter().find(|sign| cursor.take(sign)) {
        return if matches!(sign, "|&" | ";;" | ";&") { Err(Why::Redirect) } else { Ok(Some(sign)) };
    }
    match cursor.rest().chars().next() {
        None => Ok(None),
        Some('&') => Err(Why::Background),
        Some(c) => Err(Why::Control(c.into())),
    }
}

/// Says whether a word ends here.
fn ends(cursor: &Cursor<'_>) -> bool {
    cursor.rest().is_empty() || cursor.rest().starts_with([' ', '\t', '\n', ';', '|', '&', ')'])
}

#[cfg(test)]
mod tests;
