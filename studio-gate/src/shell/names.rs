//! Names of variables in a script's text: how often each is written other than to read it.
//!
//! Text is counted, not nodes: whatever sets a variable writes its bare name, before a `=`, or on a line with one of a
//! few commands (`read`, `for`, `unset`, `((x++))`). So a name that is written once is set once, at the most.

use std::collections::{BTreeMap, BTreeSet};

/// Variables that change what later commands do, or what the shell itself does.
const STATE: &[&str] = &[
    "PATH",
    "HOME",
    "ENV",
    "PS4",
    "PS0",
    "PS1",
    "SHELLOPTS",
    "BASHOPTS",
    "GLOBIGNORE",
    "CDPATH",
    "PROMPT_COMMAND",
    "PWD",
    "OLDPWD",
    "SHELL",
    "TMPDIR",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "BROWSER",
    "POSIXLY_CORRECT",
    "EXECIGNORE",
    "MANPAGER",
    "LESSOPEN",
    "LESS",
    "LESSCLOSE",
    "SUDO_ASKPASS",
    "SSH_ASKPASS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "JAVA_TOOL_OPTIONS",
    "GLIBC_TUNABLES",
    "GCONV_PATH",
    "RSYNC_RSH",
    "TAR_OPTIONS",
    "GREP_OPTIONS",
    "MAKEFLAGS",
    "IFS",
    "NLSPATH",
    "TERMINFO",
    "SOPS_AGE_KEY_FILE",
    "EUID",
    "UID",
    "KUBE_EDITOR",
    "OPTIND",
    "REPLY",
];
/// What such variables begin with.
const STATE_STARTS: &[&str] = &[
    "LD_",
    "BASH_",
    "STUDIO_",
    "GIT_",
    "PYTHON",
    "PERL",
    "RUBY",
    "LUA_",
    "KUBE",
    "TALOS",
    "HELM_",
    "FLUX_",
    "TF_",
    "ANSIBLE_",
    "DOCKER_",
    "AWS_",
    "SOPS_",
    "VAULT_",
    "CARGO_",
    "RUST",
    "SSH_",
    "LESS",
    "LC_ALL",
    "HTTP",
    "http",
    "ALL_PROXY",
    "XDG_",
];
/// Variables that programs may be handed, whatever the value.
const HANDED: &[&str] = &["LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "NO_COLOR", "CI", "DEBIAN_FRONTEND", "COLUMNS", "LINES", "ETCDCTL_API"];
/// Words on whose lines any name may be set.
const WRITERS: &[&str] = &[
    "read",
    "for",
    "select",
    "unset",
    "local",
    "declare",
    "typeset",
    "readonly",
    "export",
    "mapfile",
    "readarray",
    "getopts",
    "wait",
    "let",
    "coproc",
    "eval",
];

/// How often each name is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    written: BTreeMap<String, Written>,
    /// Those that stand somewhere as a word.
    bare: BTreeSet<String>,
}

/// How often one name is written.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    all: usize,
    /// Of them, where it is a number then.
    numbers: usize,
    /// Of them, where it is given one.
    given: usize,
}

impl Names {
    /// Counts the names of a text, beside those counted before.
    pub(super) fn count(&mut self, text: &str) {
        let joined = text.replace("\\\n", "");
        // Arithmetic over several lines may set a name on a line that does not look like it.
        let everywhere = joined.lines().any(|line| line.contains("((") && !line.contains("))"));
        for line in joined.lines() {
            let writes = everywhere || line.contains("((") || line.split(|c| !part(c)).any(|word| WRITERS.contains(&word));
            self.count_line(line, writes);
        }
    }

    fn count_line(&mut self, line: &str, writes: bool) {
        let mut at = 0;
        while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
            let before = line.get(..at).unwrap_or_default();
            let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
            let Some((name, after)) = rest.split_at_checked(length).filter(|(name, _)| !name.is_empty()) else {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            };
            let read = ["$", "${", "${#", "${!"].iter().any(|sign| before.ends_with(sign));
            let sets = if read { after.starts_with(['=']) || after.starts_with(":=") } else { writes || changed(before, after) };
            if sets && is_name(name) {
                let written = self.written.entry(name.to_string()).or_default();
                let given = !read && number(after);
                written.all += 1;
                written.given += usize::from(given);
                written.numbers += usize::from(given || (!read && reckons(before, after)));
            } else if !read && !self.bare.contains(name) && is_name(name) {
                self.bare.insert(name.to_string());
            }
            at += length;
        }
    }

    /// Says whether nothing but the one assignment that is being read sets the variable.
    pub(super) fn once(&self, name: &str) -> bool {
        self.written.get(name).is_some_and(|written| written.all == 1) && !changes(name)
    }

    /// Says whether the name stands nowhere but where a variable is read.
    pub(super) fn never(&self, name: &str) -> bool {
        !(self.written.contains_key(name) || self.bare.contains(name))
    }

    /// Says whether the variable holds numbers only, if it is set at all.
    pub(super) fn number(&self, name: &str) -> bool {
        self.written.get(name).is_some_and(|written| written.all == written.numbers && written.given > 0)
    }
}

/// Says whether the variable changes what other commands do.
pub(super) fn changes(name: &str) -> bool {
    STATE.contains(&name) || STATE_STARTS.iter().any(|start| name.starts_with(start))
}

/// Says whether programs may be handed the variable.
pub(super) fn handed(name: &str) -> bool {
    HANDED.contains(&name)
}

/// Says whether `text` is the name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(part) && !text.starts_with(|c: char| c.is_ascii_digit())
}

fn part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Says whether what stands around a name could change it: `=`, `+=`, `++`, a subscript.
fn changed(before: &str, after: &str) -> bool {
    let after = after.trim_start_matches([' ', '\t']);
    let sign = after.trim_start_matches(['+', '-', '*', '/', '%', '&', '|', '^', '<', '>']);
    sign.starts_with('=')
        || after.starts_with("++")
        || after.starts_with("--")
        || after.starts_with('[')
        || before.ends_with("++")
        || before.ends_with("--")
}

/// Says whether a name stands between `((` and `))`, where nothing but numbers comes out.
fn reckons(before: &str, after: &str) -> bool {
    let inner = before.rsplit_once("((").zip(after.split_once("))")).map(|((_, before), (after, _))| [before, after]);
    let sign = |c: char| part(c) || c == ' ' || "+-*/%()<>=!&|^~?:,;$#".contains(c);
    let plain = |text: &str| text.chars().all(sign) && !text.split(|c| !part(c)).any(|word| WRITERS.contains(&word));
    inner.is_some_and(|parts| parts.iter().all(|text| plain(text)))
}

/// Commands that write nothing but a number, whatever they read.
const COUNTERS: &[&str] =
    &["tr -dc '0-9'", "tr -cd '0-9'", "tr -dc 0-9", "tr -cd 0-9", "tr -dc '[:digit:]'", "tr -cd '[:digit:]'", "wc -l", "wc -c", "wc -w", "wc -m"];

/// Says whether the text behind `$(` is a pipe on this line whose last command only counts. What could end the pipe
/// elsewhere than where it seems to end makes it none.
fn counts(inside: &str) -> bool {
    let (mut rest, mut last) = (inside, String::new());
    while let Some(c) = rest.chars().next() {
        let quoted = match c {
            ')' => {
                let tail = rest.get(1..).unwrap_or_default();
                let tail = tail.strip_prefix('"').unwrap_or(tail);
                let ends = tail.is_empty() || tail.starts_with([' ', '\t', ';']);
                return ends && COUNTERS.contains(&last.trim());
            }
            '|' if rest.starts_with("||") || last.trim().is_empty() => return false,
            '|' => {
                last.clear();
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            '\'' | '"' => rest.get(1..).and_then(|text| text.split_once(c)).map(|(text, _)| text),
            '$' if rest.starts_with("$'") || rest.starts_with("$\"") => return false,
            '(' | '`' | ';' | '&' | '#' | '\\' | '<' | '>' => return false,
            _ => Some(""),
        };
        match quoted {
            Some(text) if c == '\'' || (c == '"' && !text.contains(['$', '`', '\\'])) => {
                last.push_str(rest.get(..text.len() + 2).unwrap_or_default());
                rest = rest.get(text.len() + 2..).unwrap_or_default();
            }
            Some(_) if c != '"' => {
                last.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
            Some(_) | None => return false,
        }
    }
    false
}

/// Says whether what follows a name makes a number of it.
fn number(after: &str) -> bool {
    if after.starts_with("++") || after.starts_with("--") {
        return true;
    }
    let Some(value) = after.strip_prefix("+=").or_else(|| after.strip_prefix('=')) else { return false };
    let value = value.strip_prefix('"').unwrap_or(value);
    if ["$((", "$#", "$?", "${#"].iter().any(|start| value.starts_with(start)) {
        return true;
    }
    if let Some(inside) = value.strip_prefix("$(") {
        return counts(inside);
    }
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let ends = value.get(digits..).is_none_or(|rest| rest.is_empty() || rest.starts_with([' ', '\n', ';', '"', ')', '\t']));
    (1..=15).contains(&digits) && ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_that_ends_in_a_count_is_a_number() {
        let number = |line: &str| {
            let mut names = Names::default();
            names.count(line);
            names.number("x")
        };
        for line in [
            "x=$(df --output=pcent / | tail -n 1 | tr -dc '0-9')",
            "x=\"$(kubectl get pods -A --no-headers | grep -v Running | wc -l)\"",
            "x=$(awk '{print $5 | \"a\"; ( }' f | tr -cd 0-9); echo y",
            "x=$(grep \"a b\" f | wc -l )",
            "x=$(wc -l)\nif ((x > 2)); then exit 1; fi",
        ] {
            assert!(number(line), "{line}");
        }
        for line in [
            "x=$(cat f)",
            "x=$(cat f || wc -l)",
            "x=$(cat f; wc -l)",
            "x=$(echo $'\\' | cat f' | wc -l)",
            "x=$(cat f & wc -l)",
            "x=$(cat f |& wc -l)",
            "x=$(cat f # | wc -l)",
            "x=$(cat f)$(cat g | wc -l)",
            "x=$(cat f); y=$(cat g | wc -l)",
            "x=$(cat $(cat f) | wc -l)",
            "x=$(cat `cat f` | wc -l)",
            "x=$(cat f | wc -l)a",
            "x=$(cat f | wc -l)[1]",
            "x=$(cat f | wc -l *)",
            "x=$(cat f | wc -l <<< y)",
            "x=$(echo 'a | wc -l)",
            "x=$(echo \"$(cat f)\" | wc -l)",
            "x=$(cat f | 'wc -l')",
            "x=$(cat f | tr -dc 0-9a)",
            "x=$(cat f | wc -l)\nx=$(cat g)",
            "x=$(cat f | wc -l)\nread -r x",
        ] {
            assert!(!number(line), "{line}");
        }
    }
}
