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

/// Names of jq and yq that read files or modules, show the environment, make code of text, or need not end.
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
    "while",
    "until",
    "def",
    "__prog_args",
    "__prog_name",
];

/// Fields of docker's answers that hold the environment of a container, or the whole of what does.
const HELD: &[&str] = &["Env", "CreateCommand", "ContainerConfig", "Spec"];
/// What may be shown of a container's configuration.
const CONFIG: &[&str] =
    &["Image", "Hostname", "Domainname", "User", "Labels", "WorkingDir", "ExposedPorts", "Volumes", "Healthcheck", "StopSignal", "Tty"];

/// Says whether `word` is a script of sed that only prints: addresses with commands of one letter, `s` and `y`, parted
/// by `;` or in braces.
pub(super) fn sed(word: &str) -> bool {
    let (mut rest, mut open) = (word, 0_usize);
    loop {
        let Some((begins, after)) = sed_command(rest.trim_start_matches(' ')) else { return false };
        rest = after.trim_start_matches(' ');
        if begins {
            open += 1;
            continue;
        }
        let mut parted = false;
        while let Some(more) = rest.strip_prefix(';').or_else(|| rest.strip_prefix('}').filter(|_| open > 0)) {
            open -= usize::from(rest.starts_with('}'));
            (parted, rest) = (true, more.trim_start_matches(' '));
        }
        if rest.is_empty() {
            return open == 0 && !word.contains(char::is_control);
        }
        if !parted {
            return false;
        }
    }
}

/// Says whether `word` is a program of awk that only prints what it reads.
pub(super) fn awk(word: &str) -> bool {
    let pipes = word.replace("||", "").contains('|');
    // `>` compares in a pattern and in parentheses, and writes a file in an action.
    let writes = word.split_once('{').is_some_and(|(_, action)| action.contains('>') && !compares(action));
    let tame = !word.contains(|c: char| c.is_control() || c == '@') && !names(word).any(|(_, name)| AWK.contains(&name));
    let starts = |start: &&str| word.starts_with(start);
    let program = word.contains('{') || (word.starts_with('/') && word.ends_with('/')) || ["$", "!", "NR", "NF", "FNR", "length"].iter().any(starts);
    // A loop without a condition never ends.
    let endless = word.replace(' ', "").contains(";;");
    program && !endless && !word.starts_with('-') && !pipes && !writes && tame
}

/// Says whether each `>` of an action of awk stands in parentheses. Slashes may hold a pattern, so nobody counts behind one.
fn compares(action: &str) -> bool {
    let (mut depth, mut quoted, mut chars) = (0_usize, false, action.chars());
    while let Some(c) = chars.next() {
        match c {
            '/' => return false,
            '\\' => drop(chars.next()),
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            '>' if !quoted && depth == 0 => return false,
            _ => {}
        }
    }
    !quoted
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

/// Says whether `word` is a template of docker that shows fields of a container, but never its environment: no field that
/// holds it, and neither the dot nor the `$` that stand for all there is.
pub(super) fn view(word: &str) -> bool {
    let letter = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic());
    let whole = |sign: char| word.split(sign).skip(1).any(|rest| !letter(rest));
    let part = |at: usize| word.get(at..).and_then(|rest| rest.strip_prefix("Config.")).and_then(|rest| names(rest).next());
    let tame = |(at, name): (usize, &str)| !HELD.contains(&name) && (name != "Config" || part(at).is_some_and(|(_, name)| CONFIG.contains(&name)));
    let template = word.contains("{{") && !word.starts_with('-') && !word.contains(char::is_control);
    template && !whole('.') && !whole('$') && names(word).all(tame)
}

/// Reads one command of sed; says whether it begins a block, and what stands after it.
fn sed_command(text: &str) -> Option<(bool, &str)> {
    let mut rest = address(text)?;
    if let Some(second) = rest.strip_prefix(',') {
        rest = address(second.strip_prefix(['+', '~']).unwrap_or(second)).filter(|after| after.len() < second.len())?;
    }
    let rest = rest.trim_start_matches(' ');
    let rest = rest.strip_prefix('!').unwrap_or(rest);
    if let Some(after) = rest.strip_prefix('{') {
        return Some((true, after));
    }
    if let Some(after) = rest.strip_prefix(['p', 'd', 'q', '=', 'n', 'N', 'g', 'G', 'h', 'H', 'x', 'l', 'P', 'D']) {
        return Some((false, after));
    }
    let body = rest.strip_prefix(['s', 'y'])?;
    let mark = body.chars().next().filter(|mark| MARKS.contains(*mark))?;
    let (_, body) = part(body.get(1..)?, mark)?;
    let (_, flags) = part(body, mark)?;
    if rest.starts_with('y') {
        return Some((false, flags));
    }
    // Not `e`, which runs what it made, nor `w`, which writes it.
    Some((false, flags.trim_start_matches(|c: char| matches!(c, 'g' | 'p' | 'i' | 'I') || c.is_ascii_digit())))
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
                chars.next().filter(|(_, escaped)| (*escaped != mark || mark == '/') && *escaped != '\n')?;
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
mod tests;
