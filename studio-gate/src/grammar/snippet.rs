//! Kinds for the small programs that people type: of sed, awk, jq and yq, only what reads and prints.
//!
//! Nothing here understands these languages. Each function admits a part of one that is small enough to
//! be told by looking, and refuses the rest.

/// Marks that may stand around the parts of a substitution of sed.
const MARKS: &str = "/|#,@:~%";

/// Names of awk that start a command, open a file, or show the environment.
const AWK: &[&str] = &[
    "system",
    "getline",
    "close",
    "fflush",
    "ENVIRON",
    "PROCINFO",
    "SYMTAB",
    "FUNCTAB",
    "ARGV",
    "ARGC",
    "ARGIND",
    "function",
    "func",
    "extension",
    "include",
    "load",
    "while",
    "do",
];

/// Names of jq and yq that read files or modules, show the environment, or make code of text.
const FILTER: &[&str] = &[
    "env",
    "ENV",
    "strenv",
    "envsubst",
    "import",
    "include",
    "modulemeta",
    "get_search_list",
    "eval",
    "system",
    "exec",
    "input_filename",
    "infinite",
    "repeat",
    "__prog_args",
    "__prog_name",
];

/// Says whether `word` is a script of sed that only prints: addresses with `p`, `d`, `q`, `=` and `s`, parted by `;`.
pub(super) fn sed(word: &str) -> bool {
    let mut rest = word;
    loop {
        let Some(after) = sed_command(rest.trim_start_matches(' ')) else { return false };
        match after.trim_start_matches(' ').strip_prefix(';') {
            Some(more) => rest = more,
            None => return after.trim_matches(' ').is_empty() && !word.contains(char::is_control),
        }
    }
}

/// Says whether `word` is a program of awk that only prints what it reads.
pub(super) fn awk(word: &str) -> bool {
    let pipes = word.replace("||", "").contains('|');
    // `>` compares in a pattern, and writes a file in an action.
    let writes = word.split_once('{').is_some_and(|(_, action)| action.contains('>'));
    let tame = !word.contains(|c: char| c.is_control() || c == '@') && !names(word).any(|(_, name)| AWK.contains(&name));
    let starts = |start: &&str| word.starts_with(start);
    let program = word.contains('{') || (word.starts_with('/') && word.ends_with('/')) || ["$", "!", "NR", "NF", "FNR", "length"].iter().any(starts);
    // A loop without a condition never ends.
    let endless = word.replace(' ', "").contains(";;");
    program && !endless && !word.starts_with('-') && !pipes && !writes && tame
}

/// Says whether `word` is a filter of jq or an expression of yq that sees its input only. Fields may have any name.
pub(super) fn filter(word: &str) -> bool {
    let field = |at: usize| word.get(..at).is_some_and(|before| before.ends_with('.') && !before.ends_with(".."));
    let tame = |(at, name): (usize, &str)| field(at) || !(FILTER.contains(&name) || name.starts_with("load"));
    !word.is_empty() && !word.starts_with('-') && !word.contains(char::is_control) && !crate::danger::word(word) && names(word).all(tame)
}

/// Says whether `word` is a format of git's log or of its references; one that shows signatures starts a program.
pub(super) fn pretty(word: &str) -> bool {
    let own = ["%", "format:", "tformat:"].iter().any(|start| word.starts_with(start));
    // Signs may stand between the mark and its letter.
    let signed = word.replace(['+', '-', ' '], "").contains("%G") || word.contains("signature");
    own && !signed && !word.contains(char::is_control)
}

/// Reads one command of sed; returns what stands after it.
fn sed_command(text: &str) -> Option<&str> {
    let mut rest = address(text)?;
    if let Some(second) = rest.strip_prefix(',') {
        rest = address(second.strip_prefix(['+', '~']).unwrap_or(second)).filter(|after| after.len() < second.len())?;
    }
    let rest = rest.trim_start_matches(' ');
    let rest = rest.strip_prefix('!').unwrap_or(rest);
    if let Some(after) = rest.strip_prefix(['p', 'd', 'q', '=']) {
        return Some(after);
    }
    let body = rest.strip_prefix('s')?;
    let mark = body.chars().next().filter(|mark| MARKS.contains(*mark))?;
    let (_, body) = part(body.get(1..)?, mark)?;
    let (_, flags) = part(body, mark)?;
    // Not `e`, which runs what it made, nor `w`, which writes it.
    Some(flags.trim_start_matches(|c: char| matches!(c, 'g' | 'p' | 'i' | 'I') || c.is_ascii_digit()))
}

/// Reads an address of sed, if there is one; returns what stands after it.
fn address(text: &str) -> Option<&str> {
    if let Some(after) = text.strip_prefix('$') {
        return Some(after);
    }
    if let Some(pattern) = text.strip_prefix('/') {
        return part(pattern, '/').map(|(_, after)| after.strip_prefix('I').unwrap_or(after));
    }
    let digits = |text: &'_ str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let after = text.get(digits(text)..)?;
    match after.strip_prefix('~').filter(|_| after.len() < text.len()) {
        Some(step) => step.get(digits(step)..).filter(|rest| rest.len() < step.len()),
        None => Some(after),
    }
}

/// Parts `text` at the next `mark`; nothing where one sed would part it there and another one elsewhere.
fn part(text: &str, mark: char) -> Option<(&str, &str)> {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == mark {
            return Some((text.get(..at)?, text.get(at + mark.len_utf8()..)?));
        }
        match c {
            '\\' => {
                chars.next().filter(|(_, escaped)| *escaped != mark && *escaped != '\n')?;
            }
            '[' => {
                let mut inside = chars.clone().skip_while(|(_, c)| *c == '^').map(|(_, c)| c);
                // `]` is itself where it stands first.
                inside.next().filter(|first| *first != mark)?;
                inside.find(|c| *c == mark || *c == ']').filter(|end| *end == ']')?;
            }
            _ => {}
        }
    }
    None
}

/// Returns the names in `text`, whatever they stand in, each with where it starts.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(move |name| {
        let start = at;
        // What parts names may be longer than one byte.
        at += name.len();
        at += text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        (start, name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sed_only_prints() {
        for yes in [
            "5p",
            "1,20p",
            "$p",
            "$!d",
            "10q",
            "/kind:/p",
            "/a/,/b/p",
            "/a/,+3p",
            "5,$p",
            "1~2p",
            "/^#/d;/^$/d",
            "s/a/b/",
            "s/a/b/g",
            "s|/x/|/y/|p",
            "/x/s/a/b/2",
            "s/[^a-z]*$//",
            "=",
            "$=",
            "/a/!d",
            "1p; 3p",
            "s/[]x]/y/",
            "p",
        ] {
            assert!(sed(yes), "{yes}");
        }
    }

    #[test]
    fn sed_that_writes_reads_or_starts_is_none() {
        for no in [
            "1e id",
            "e",
            "s/x/id/e",
            "s/x/y/w f",
            "s/x/y/ge",
            "w /etc/x",
            "1w x",
            "r /etc/shadow",
            "1r x",
            "R x",
            "W x",
            "a x",
            "i x",
            "c x",
            "1,2!w x",
            "p;e id",
            "p;w x",
            "s/a/b/;e",
            "{p}",
            "s/a/b",
            "s/a",
            "p p",
            "",
            ";",
            "s/[/]/e;s/]/b/",
            "s/a\\/b/c/",
            "/[/]/e",
            "1,p",
            "1~p",
            "p\ne id",
            "s\na\nb\ne",
            "-n",
            "y/a/b/",
            "sxaxbxe",
            "/a/I,/b/e",
            "v",
            "b;e",
            "F",
            "l",
            "n",
            "s/a/b/\ne",
        ] {
            assert!(!sed(no), "{no}");
        }
    }

    #[test]
    fn awk_only_prints() {
        for yes in [
            "{print $1}",
            "{print $NF}",
            "{ print $1, $2 }",
            "NR==1",
            "NR>1 {print $1}",
            "/Running/ {print $1}",
            "END {print NR}",
            "$3 > 80 {print $1}",
            "{s+=$1} END {print s}",
            "!seen[$0]++",
            "{print length($0)}",
            "NR%2==0",
            "BEGIN{FS=\":\"} {print $1}",
            "$1 == \"a\" || $2 == \"b\"",
            "{printf \"%s\\n\", $1}",
            "{a[$1]++} END {for (k in a) print k, a[k]}",
        ] {
            assert!(awk(yes), "{yes}");
        }
        for no in [
            "BEGIN{system(\"id\")}",
            "{print > \"x\"}",
            "{print >> \"x\"}",
            "BEGIN{\"id\"|getline}",
            "{print | \"sh\"}",
            "BEGIN{while((getline l < \"x\")>0) print l}",
            "BEGIN{print ENVIRON[\"A\"]}",
            "@load \"x\"; {print}",
            "{f=\"system\"; @f(\"id\")}",
            "BEGIN{ARGV[1]=\"/etc/shadow\"}",
            "{print |& \"x\"}",
            "x",
            "{print}\n{system(1)}",
            "/a|b/",
            "-f x",
            "BEGIN{for(i in PROCINFO) print i}",
            "{print $1 / 2 > \"x\" / 1}",
            "",
            "/{/{print>\"x\"}",
            "BEGIN{for(;;)print 1}",
            "BEGIN{for(i=0; ; i++)print 1}",
        ] {
            assert!(!awk(no), "{no}");
        }
    }

    #[test]
    fn a_format_starts_no_program() {
        for yes in ["%h %s", "format:%H", "%(refname:short)", "tformat:%an <%ae>"] {
            assert!(pretty(yes), "{yes}");
        }
        for no in ["%G?", "%h %+GS", "format:%- GK", "%(signature)", "mine", "", "%h\n%GG"] {
            assert!(!pretty(no), "{no}");
        }
    }

    #[test]
    fn a_filter_sees_its_input_only() {
        for yes in [
            ".",
            ".items[].metadata.name",
            "length",
            ".spec.containers[].env",
            ".a | keys",
            ".[] | select(.kind == \"Node\") | .metadata.name",
            "\"\\(.a) \\(.b)\"",
            ".a.import",
            "map(.x) | add",
            "{a: .b}",
            ".environment",
            "..",
            "to_entries[] | .key",
            "[.[] | .load]",
        ] {
            assert!(filter(yes), "{yes}");
        }
        for no in [
            "env",
            "$ENV",
            "$ENV.PATH",
            "env.HOME",
            "\"\\(env)\"",
            ".a | env",
            "import \"x\" as x; .",
            "include \"x\"; .",
            "load(\"x\")",
            "load_str(\"/etc/shadow\")",
            ".a = load_str(\"x\")",
            "strenv(HOME)",
            ".a |= envsubst",
            "..env",
            "modulemeta",
            "eval(\"1\")",
            "-n",
            "",
            "rm",
            ".\nenv",
            "(env)",
            "é.a|env",
            "$__prog_args",
            "repeat(1)",
        ] {
            assert!(!filter(no), "{no}");
        }
    }
}
