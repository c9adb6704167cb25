//! A line of plain commands: `a; b && c | d`, and nothing that a shell would have to think about.

use super::word::{Cursor, Word, names_only};
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
    /// Whether it reads what the command before it writes.
    pub fed: bool,
}

/// Words that begin something else than a command.
const RESERVED: &[&str] = &[
    "!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "select", "then", "time", "until", "while",
    "coproc", "[[", "]]",
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

/// Reads a line as the commands it consists of.
///
/// # Errors
/// It holds anything that bash would not pass on as it stands.
pub fn list(text: &str) -> Result<Line, Why> {
    if text.len() > SHELL_LINE_BYTES_MAX {
        return Err(Why::Bytes(text.len()));
    }
    let text = readable(text.as_bytes())?;
    let (mut cursor, mut commands, mut wanted) = (Cursor::new(text), Vec::new(), None::<&str>);
    loop {
        let found = command(&mut cursor)?;
        let missing = found.is_none();
        commands.extend(found.map(|command| Command { fed: wanted == Some("|"), ..command }));
        if commands.len() > SHELL_LINE_COMMANDS_MAX {
            return Err(Why::Many);
        }
        let sign = sign(&mut cursor)?;
        if let Some(sign) = wanted.or(sign.filter(|sign| *sign != "\n")).filter(|_| missing) {
            return Err(Why::Missing(sign.into()));
        }
        match sign {
            Some("\n" | ";") => wanted = None,
            Some(sign) => wanted = Some(sign),
            None => break,
        }
    }
    let step = matches!(&commands[..], [only] if !only.redirected && !only.words.iter().any(|word| word.glob));
    if commands.is_empty() { Err(Why::Missing("nothing".into())) } else { Ok(Line { commands, step }) }
}

/// Judges a line as its commands, of which the strictest counts, and says whether it could be one step.
pub(crate) fn judge(text: &str, judge: &dyn Fn(&[&str]) -> Finding) -> (Finding, bool) {
    let line = match list(text) {
        Ok(line) => line,
        Err(why) => return (Finding::refused(Class::Opaque, "shell-text", why.to_string(), "write plain words, or put it into a script"), false),
    };
    let found = line.commands.iter().map(|command| {
        let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
        if command.fed { filtered(&words, judge) } else { judge(&words) }
    });
    let strictest = found.max_by_key(|found| (found.verdict, found.class));
    let none = || Finding::refused(Class::Opaque, "shell-text", "it holds no command".into(), "write a command");
    (strictest.unwrap_or_else(none), line.step)
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
fn command(cursor: &mut Cursor<'_>) -> Result<Option<Command>, Why> {
    let (mut words, mut redirected): (Vec<Word>, bool) = (Vec::new(), false);
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
            if words.is_empty() && word.text.contains('=') {
                return Err(Why::Assignment);
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
            redirect(cursor)?;
            redirected = true;
        } else if ends {
            break;
        }
    }
    let Some(program) = words.first() else {
        return if redirected { Err(Why::Redirect) } else { Ok(None) };
    };
    if program.glob {
        return Err(Why::Glob);
    }
    if let Some(secret) = words.iter().find_map(|word| word.secret.filter(|_| !names_only(&program.text))) {
        return Err(Why::SecretGlob(secret));
    }
    Ok(Some(Command { words, redirected, fed: false }))
}

/// Reads a redirection that loses nothing: to or from `/dev/null`, or to another stream.
fn redirect(cursor: &mut Cursor<'_>) -> Result<(), Why> {
    if cursor.rest().starts_with("<<") {
        return Err(Why::Heredoc);
    }
    if cursor.take(">&") {
        return if ["1", "2"].iter().any(|stream| cursor.take(stream)) && ends(cursor) { Ok(()) } else { Err(Why::Redirect) };
    }
    if !["&>>", "&>", ">>", ">", "<"].iter().any(|sign| cursor.take(sign)) || cursor.rest().starts_with(['>', '<', '&', '|']) {
        return Err(Why::Redirect);
    }
    if cursor.rest().starts_with('(') {
        return Err(Why::Substitution);
    }
    cursor.blanks();
    match cursor.word()? {
        Some(word) if word.text == "/dev/null" && !word.glob => Ok(()),
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
mod tests {
    use super::*;

    /// Returns the words of a line, `|` between commands, and whether it could be a step.
    fn read(text: &str) -> Result<(String, bool), Why> {
        let line = list(text)?;
        let words = |command: &Command| command.words.iter().map(|word| format!("<{}>", word.text)).collect::<String>();
        Ok((line.commands.iter().map(words).collect::<Vec<_>>().join(" | "), line.step))
    }

    #[test]
    fn words_are_what_bash_passes() {
        for (text, words, step) in [
            ("ls", "<ls>", true),
            ("  r''m \"-rf\" /s\\rv  # gone", "<rm><-rf></srv>", true),
            ("ku\"\"bectl 'del'ete ns ''", "<kubectl><delete><ns><>", true),
            ("a 'b c' \"d 'e' \\\"f\\\" \\$g \\h\"", "<a><b c><d 'e' \"f\" $g \\h>", true),
            ("grep 'x$' \"y$\" \"a$|b\"", "<grep><x$><y$><a$|b>", true),
            ("get a \\\n  --all", "<get><a><--all>", true),
            ("a; b && c || d | e\nf", "<a> | <b> | <c> | <d> | <e> | <f>", false),
            ("ls&&rm -rf /x", "<ls> | <rm><-rf></x>", false),
            ("a\n\n# nothing\nb;\n", "<a> | <b>", false),
            ("a 2>/dev/null >&2 2>&1 b &> /dev/null", "<a><b>", false),
            ("a < '/dev/null'", "<a>", false),
            ("wc -l talos/*.yaml", "<wc><-l><talos/x.yaml>", false),
            ("cat k/apps/a?c-*.yaml", "<cat><k/apps/axc-x.yaml>", false),
            ("git show HEAD~1 stash@{0} a=b --x=y%z", "<git><show><HEAD~1><stash@{0}><a=b><--x=y%z>", true),
            ("get --field-selector=phase!=Running \"a!\"", "<get><--field-selector=phase!=Running><a!>", true),
            ("[ -f x ]", "<[><-f><x><]>", true),
        ] {
            assert_eq!(read(text), Ok((words.to_string(), step)), "{text}");
        }
    }

    #[test]
    fn what_a_shell_would_think_about_is_no_plain_word() {
        for (text, why) in [
            ("$'\\x72\\x6d' -rf x", Why::AnsiQuote),
            ("echo $X", Why::Expansion),
            ("echo \"${x}\"", Why::Expansion),
            ("rm${IFS}x", Why::Expansion),
            ("echo $\"x\"", Why::Expansion),
            ("$(echo rm) x", Why::Substitution),
            ("echo \"$(id)\"", Why::Substitution),
            ("echo `id`", Why::Substitution),
            ("cat <(id)", Why::Substitution),
            ("{rm,-rf,x}", Why::Brace),
            ("echo {1..9}", Why::Brace),
            ("cat ~/x", Why::Tilde),
            ("x --to=~root", Why::Tilde),
            ("!rm", Why::History),
            ("echo \"!rm\"", Why::History),
            ("/b?n/rm x", Why::Glob),
            ("cat *.md", Why::Glob),
            ("cat conf*/env/x", Why::Glob),
            ("cat config/env/*", Why::Glob),
            ("cat talos/*.yaml", Why::SecretGlob("talsecret.yaml")),
            ("cat x/*.key", Why::SecretGlob("*.key")),
            ("cat x/*", Why::SecretGlob("*.agekey")),
            ("cat a[b]", Why::Sign('[')),
            ("PAGER=./e git log", Why::Assignment),
            ("x=1", Why::Assignment),
            ("x=>&2 y", Why::Assignment),
            ("if>&2", Why::Control("if".into())),
            ("a > b", Why::Redirect),
            ("> b", Why::Redirect),
            ("a 3>/dev/null", Why::Redirect),
            ("a >&-", Why::Redirect),
            ("a >& b", Why::Redirect),
            ("a |& b", Why::Redirect),
            ("a << E\nE", Why::Heredoc),
            ("a <<< b", Why::Heredoc),
            ("a & b", Why::Background),
            ("(a)", Why::Control("(".into())),
            ("if a", Why::Control("if".into())),
            ("{ a; }", Why::Control("{".into())),
            ("a(){ b; }", Why::Control("(".into())),
            ("! a", Why::History),
            ("a && ", Why::Missing("&&".into())),
            ("a ; ; b", Why::Missing(";".into())),
            ("| a", Why::Missing("|".into())),
            ("", Why::Missing("nothing".into())),
            ("a 'b", Why::Unclosed),
            ("a \"b", Why::Unclosed),
            ("a \\", Why::Escape),
            ("a 'b\nc'", Why::Escape),
            ("a\u{a0}b", Why::Hidden(0xa0)),
            ("a\rb", Why::Hidden(0x0d)),
            ("a \u{202e}b", Why::Hidden(0x202e)),
            ("a\0b", Why::Hidden(0)),
        ] {
            assert_eq!(read(text), Err(why), "{text:?}");
        }
    }

    /// A parser of the whole language takes each of these for one harmless command; bash does not.
    #[test]
    fn a_word_never_swallows_a_command() {
        assert_eq!(read("echo \\$'\\' ; rm -rf /srv #'"), Ok(("<echo><$\\> | <rm><-rf></srv>".into(), false)));
        assert_eq!(read("echo \"${x:-'}\"; rm -rf /srv; echo \"'}\""), Err(Why::Expansion));
    }

    #[test]
    fn caps_refuse() {
        assert_eq!(read(&vec!["true"; LINE_COMMANDS].join(" && ")).map(|(_, step)| step), Ok(false));
        assert_eq!(read(&vec!["true"; LINE_COMMANDS + 1].join(" && ")), Err(Why::Many));
        assert_eq!(read(&format!("echo {}", "x ".repeat(ARGV_WORDS_MAX))), Err(Why::Many));
        assert!(matches!(read(&"x".repeat(SHELL_LINE_BYTES_MAX + 1)), Err(Why::Bytes(_))));
    }

    const LINE_COMMANDS: usize = SHELL_LINE_COMMANDS_MAX;

    #[test]
    fn the_strictest_command_of_a_line_decides() {
        let judged = |text: &str| {
            let (found, step) = judge(text, &|words| crate::command::of_words(words, None));
            (found.verdict, found.class, step)
        };
        assert_eq!(judged("kubectl get nodes"), (Verdict::Auto, Class::Observe, true));
        assert_eq!(judged("kubectl get nodes && helm list -A"), (Verdict::Auto, Class::Observe, false));
        assert_eq!(judged("kubectl get nodes | grep -c web | wc -l"), (Verdict::Auto, Class::Observe, false));
        assert_ne!(judged("kubectl get nodes | tee x").0, Verdict::Auto);
        assert_eq!(judged("kubectl get nodes; kubectl cordon cp-1"), (Verdict::Ask, Class::Mutate, false));
        assert_eq!(judged("true || kubectl delete ns web"), (Verdict::ScriptOnly, Class::Destroy, false));
        assert_eq!(judged("kubectl get cm x | sh"), (Verdict::Refuse, Class::Opaque, false));
        assert_eq!(judged("kubectl get nodes > x"), (Verdict::Refuse, Class::Opaque, false));
    }
}
