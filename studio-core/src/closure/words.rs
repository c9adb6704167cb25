//! What the text of a script names: every piece of it that may be a path, and what its commands run, source and enter.

use crate::limits::{CLOSURE_DEPTH_MAX, PATH_BYTES_MAX};
use crate::place::listed;

/// Programs whose first plain argument is a file that they run.
const RUNNERS: &str = "bash sh dash zsh ksh ash fish python* perl* ruby* node nodejs lua* awk gawk mawk tclsh expect php* pwsh";
/// Words before a command.
const BEFORE: &str = "then do else elif if while until ! time command builtin exec eval nohup coproc";
/// Words before names that get a value.
const DECLARE: &str = "export local readonly declare typeset";

/// What a script names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// Paths that may be meant by any word, wherever it stands.
    pub(super) named: Vec<String>,
    /// Paths of files that its commands run or source.
    pub(super) run: Vec<String>,
    /// What is sourced: the line, the word, and the path that it ends with, if that can be told.
    pub(super) sourced: Vec<(usize, String, Option<String>)>,
    /// Paths of folders that its commands enter or keep in a variable.
    pub(super) entered: Vec<String>,
}

/// What the next word of a command is for.
enum Wanted {
    Command,
    Sourced,
    Run,
    Entered,
    Argument,
}

impl Words {
    /// Reads a script.
    pub(super) fn of(text: &str) -> Words {
        let text = text.replace("\\\n", "  ");
        let mut words = Words { named: pieces(&text), ..Words::default() };
        for (at, line) in text.lines().enumerate() {
            words.line(at + 1, line, CLOSURE_DEPTH_MAX);
        }
        words
    }

    /// Reads the commands of a line, and those inside them.
    fn line(&mut self, at: usize, line: &str, depth: usize) {
        let (mut rest, mut wanted) = (line.trim_start(), Wanted::Command);
        while let Some(first) = rest.chars().next() {
            if first == '#' {
                return;
            }
            let word = word(rest);
            if word.is_empty() {
                // What ends a word begins a command; redirections name files, which are no commands.
                wanted = if matches!(first, '<' | '>') { Wanted::Argument } else { Wanted::Command };
                rest = rest.get(first.len_utf8()..).unwrap_or_default().trim_start();
                continue;
            }
            rest = rest.get(word.len()..).unwrap_or_default().trim_start();
            wanted = self.word(at, word, wanted);
            if let Some(inner) = inner(word).filter(|_| depth > 0) {
                self.line(at, inner, depth - 1);
            }
        }
    }

    /// Takes one word, and says what the next one is for.
    fn word(&mut self, at: usize, word: &str, wanted: Wanted) -> Wanted {
        let bare: String = word.chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
        let assigned = bare.split_once('=').filter(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        if let Some((_, value)) = assigned {
            self.entered.extend(tail(value));
            return wanted;
        }
        let program = bare.rsplit('/').next().unwrap_or(&bare);
        match wanted {
            Wanted::Sourced if bare == "--" => Wanted::Sourced,
            Wanted::Sourced => {
                self.run.extend(tail(&bare));
                self.sourced.push((at, word.into(), tail(&bare)));
                Wanted::Argument
            }
            Wanted::Run | Wanted::Entered if bare.starts_with('-') => wanted,
            Wanted::Run => {
                self.run.extend(tail(&bare));
                Wanted::Argument
            }
            Wanted::Entered => {
                self.entered.extend(tail(&bare));
                Wanted::Argument
            }
            Wanted::Command if matches!(bare.as_str(), "." | "source") => Wanted::Sourced,
            Wanted::Command if matches!(bare.as_str(), "cd" | "pushd") => Wanted::Entered,
            Wanted::Command if listed(BEFORE, &bare) || listed(DECLARE, &bare) => Wanted::Command,
            Wanted::Command | Wanted::Argument if listed(RUNNERS, program) => Wanted::Run,
            Wanted::Command => {
                self.run.extend(tail(&bare).filter(|_| bare.contains('/')));
                Wanted::Argument
            }
            Wanted::Argument => Wanted::Argument,
        }
    }
}

/// Returns every piece of `text` that may be a path, and what is left of it behind a variable.
fn pieces(text: &str) -> Vec<String> {
    let apart =
        |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '(' | ')' | '<' | '>' | ';' | '|' | '&' | '=' | ',' | '{' | '}' | '$' | '\\');
    let whole = text.split(apart).filter(|piece| piece.len() <= PATH_BYTES_MAX && piece.contains(|c: char| c.is_alphanumeric()));
    // `$HERE/x.sh` leaves `HERE/x.sh`: the first part may be a variable's name.
    let both = whole.flat_map(|piece| [Some(piece), piece.split_once('/').map(|(_, rest)| rest)]);
    both.flatten().map(|piece| piece.trim_start_matches('/').to_string()).filter(|piece| !piece.is_empty()).collect()
}

/// Returns the path that a word without its quotes ends with, once a shell has put something in the place of
/// variables and commands: `../x.sh` of `$(dirname $0)/../x.sh`. None if the end itself is made up, or if the word
/// is a path from the system's root.
fn tail(bare: &str) -> Option<String> {
    let made = bare.rfind([')', '}', '`']).map_or("", |at| &bare[..=at]);
    let rest = bare.get(made.len()..).unwrap_or_default();
    let (made, rest) = match rest.rsplit_once('$') {
        Some((_, name)) => (true, name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '*' | '#' | '?' | '!'))),
        None => (!made.is_empty(), rest),
    };
    let path = if made { rest.strip_prefix('/')? } else { rest };
    (!path.is_empty() && !path.starts_with(['/', '~']) && path.len() <= PATH_BYTES_MAX).then(|| path.to_string())
}

/// Returns the word at the start of `text`, with its quotes and the commands inside it; empty where a word ends.
fn word(text: &str) -> &str {
    let (mut depth, mut single, mut double, mut escaped) = (0_usize, false, false, false);
    for (at, c) in text.char_indices() {
        let ends = depth == 0 && !single && !double && !escaped;
        match c {
            _ if escaped => escaped = false,
            '\\' if !single => escaped = true,
            '\'' if !double || depth > 0 => single = !single,
            '"' if !single => double = !double,
            _ if single => {}
            '(' | '{' if text.get(..at).is_some_and(|before| before.ends_with(['$', '<', '>'])) || depth > 0 => depth += 1,
            ')' | '}' if depth > 0 => depth -= 1,
            '<' | '>' if ends && text.get(at + 1..).is_some_and(|rest| rest.starts_with('(')) => {}
            c if ends && (c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | ')' | '{' | '}' | '`' | '<' | '>')) => return &text[..at],
            _ => {}
        }
    }
    text
}

/// Returns the commands inside a word, if it may hold any.
fn inner(word: &str) -> Option<&str> {
    let inside = match (word.find('('), word.rfind(')')) {
        (Some(from), Some(to)) if from < to => word.get(from + 1..to)?,
        (Some(from), _) => word.get(from + 1..)?,
        (None, _) => word.strip_prefix(['\'', '"'])?.trim_end_matches(['\'', '"']),
    };
    inside.contains(char::is_whitespace).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_ends_where_a_shell_ends_it() {
        for (text, first) in [
            ("\"$(dirname \"$0\")/../x.sh\" more", "\"$(dirname \"$0\")/../x.sh\""),
            ("a\\ b c", "a\\ b"),
            ("'a b';c", "'a b'"),
            ("<(a b) c", "<(a b)"),
            ("${A:-b c}/x y", "${A:-b c}/x"),
            ("x)", "x"),
            ("; x", ""),
        ] {
            assert_eq!(word(text), first, "{text}");
        }
    }

    #[test]
    fn what_a_word_ends_with_is_told_or_not() {
        for (bare, end) in [
            ("lib/x.sh", Some("lib/x.sh")),
            ("$(dirname $0)/../lib/x", Some("../lib/x")),
            ("${BASH_SOURCE[0]%/*}/x.sh", Some("x.sh")),
            ("$HERE/x.sh", Some("x.sh")),
            ("$A/$B/x.sh", Some("x.sh")),
            ("$f", None),
            ("$LIB/$f", None),
            ("$LIB/$f.sh", None),
            ("lib-${x}.sh", None),
            ("/etc/profile", None),
            ("~/x.sh", None),
            ("<(make it)", None),
        ] {
            assert_eq!(tail(bare).as_deref(), end, "{bare}");
        }
    }

    #[test]
    fn commands_are_found_wherever_they_stand() {
        for (text, run) in [
            (". a.inc", "a.inc"),
            ("[ -f x ] && . \"$HERE/a.inc\"", "a.inc"),
            ("if true; then source -- a.inc; fi", "a.inc"),
            ("x=$(. a.inc; true)", "a.inc"),
            ("y=\"$(cd \"$(dirname \"$0\")\" && . ./a.inc)\"", "./a.inc"),
            ("eval '. a.inc'", "a.inc"),
            ("f() { . a.inc; }", "a.inc"),
            ("sudo -u x bash -eu a.inc", "a.inc"),
            ("A=1 ./a.inc now", "./a.inc"),
            ("case x in y) . a.inc ;; esac", "a.inc"),
            ("`. a.inc`", "a.inc"),
            (". \\\n a.inc", "a.inc"),
        ] {
            assert!(Words::of(text).run.iter().any(|path| path == run), "{text}: {:?}", Words::of(text));
        }
        let quiet = Words::of("# . a.inc\nfind . -name x\nls . a.inc\necho x > a.inc\n");
        assert_eq!((quiet.run, quiet.sourced), (vec![], vec![]));
        let words = Words::of("HERE=\"$(cd \"$(dirname \"$0\")/../lib\" && pwd)\"\nLIB=$ROOT/infra\n. \"$f\"\n");
        assert!(words.entered.contains(&"../lib".into()) && words.entered.contains(&"infra".into()), "{words:?}");
        assert_eq!(words.sourced, [(3, "\"$f\"".into(), None)]);
    }
}
