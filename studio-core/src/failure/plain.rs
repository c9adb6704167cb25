//! Output made plain: terminal codes, times, addresses, counters and random names taken out, so that the same failure reads the same.

use crate::name::RunId;
use crate::text::hostile;
use std::iter::Peekable;
use std::str::Chars;

/// What stands where something was that changes from one try to the next.
const ANY: &str = "#";
/// Folders whose files have names of one day.
const TEMPORARY: &[&str] = &["/tmp/", "/dev/shm/", "/run/user/", "/var/folders/"];
/// Names of months and days, and halves of a day.
const CALENDAR: &[&str] = &[
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "AM", "PM",
];
/// Letters and digits of the random ends of names in Kubernetes.
const SAFE: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Returns the lines of `text` as a terminal would leave them, without empty ones.
pub(super) fn lines(text: &str) -> Vec<String> {
    bare(text).lines().map(|line| line.trim().to_string()).filter(|line| !line.is_empty()).collect()
}

/// Returns `line` with one sign in the place of whatever changes from one try to the next. Plain text stays as it is.
pub(super) fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let divides = |c: char| c.is_whitespace() || "\"'`()[]{}<>,;=|".contains(c);
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.find(divides).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(end);
        push(&mut plain, &word(head));
        let mut chars = tail.chars();
        if let Some(c) = chars.next() {
            push(&mut plain, if c.is_whitespace() { " " } else { &tail[..c.len_utf8()] });
        }
        rest = chars.as_str();
    }
    plain.trim().to_string()
}

/// Adds a piece: spaces once, and a date of several words as one sign.
fn push(plain: &mut String, piece: &str) {
    if piece == " " && (plain.is_empty() || plain.ends_with(' ')) {
        return;
    }
    if piece == ANY && (plain == "# " || plain.ends_with(" # ")) {
        plain.pop();
        return;
    }
    plain.push_str(piece);
}

/// Returns one word without what changes.
fn word(word: &str) -> String {
    if CALENDAR.contains(&word) || is_number(word) || is_address(word) || is_amount(word) {
        return ANY.into();
    }
    if let Some(at) = TEMPORARY.iter().filter_map(|folder| Some(word.find(folder)? + folder.len())).min() {
        return format!("{}{ANY}", names(&word[..at]));
    }
    let plain = below_its_run(word).map_or_else(|| names(word), |below| format!("{ANY}{}", names(below)));
    if is_number(&plain) || is_address(&plain) || is_amount(&plain) { ANY.into() } else { plain }
}

/// Returns the path below the folder of a run, if the word is one.
fn below_its_run(word: &str) -> Option<&str> {
    let (mut at, mut below) = (0, None);
    for part in word.split('/') {
        at += part.len();
        if part.len() >= 20 && part.starts_with(|c: char| c.is_ascii_digit()) && RunId::try_from(part).is_ok() {
            below = word.get(at..);
        }
        at += 1;
    }
    below
}

/// A number, a date, an hour, a version, an IPv4 address with its port.
fn is_number(word: &str) -> bool {
    word.contains(digit) && word.chars().all(|c| digit(c) || ":.-/+TZ%,".contains(c))
}

/// An IPv6 address.
fn is_address(word: &str) -> bool {
    word.contains(digit) && word.matches(':').count() >= 2 && word.chars().all(|c| c.is_ascii_hexdigit() || "#:.%/".contains(c))
}

/// A duration, a size, an ordinal: a number with short units.
fn is_amount(word: &str) -> bool {
    let short = word.split(|c: char| digit(c) || c == '.').all(|unit| unit.chars().count() <= 3);
    word.starts_with(digit) && short && word.chars().all(|c| digit(c) || c == '.' || c.is_alphabetic())
}

/// Replaces in each name of a path, an address or the like.
fn names(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "-_#".contains(c))).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(end);
        plain.push_str(&name(head));
        let mut chars = tail.chars();
        plain.extend(chars.next());
        rest = chars.as_str();
    }
    plain
}

/// Replaces the random end of a name, and numbers in what is left of it.
fn name(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('-').collect();
    let hexadecimal = |part: &str, length: usize| part.len() == length && part.chars().all(|c| c.is_ascii_hexdigit());
    let safe = |part: &str| part.chars().all(|c| SAFE.contains(c));
    let mut ends = 0;
    if let [.., a, b, c, d, e] = parts[..]
        && [(a, 8), (b, 4), (c, 4), (d, 4), (e, 12)].into_iter().all(|(part, length)| hexadecimal(part, length))
    {
        ends = 5; // a UUID
    } else if let [first, .., last] = parts[..]
        && !first.is_empty()
        && last.len() == 5
        && safe(last)
    {
        ends = 1; // a pod
        if let [_, .., template, _] = parts[..]
            && parts.len() > 2
            && (6..=10).contains(&template.len())
            && safe(template)
        {
            ends = 2; // of a deployment
        }
    }
    parts.truncate(parts.len() - ends);
    let mut plain: Vec<String> = parts.iter().map(|part| part.split('_').map(part_of).collect::<Vec<_>>().join("_")).collect();
    if ends > 0 {
        plain.push(ANY.into());
    }
    plain.join("-")
}

/// Replaces a hexadecimal or a random word as a whole, else each number in it.
fn part_of(part: &str) -> String {
    let hexadecimal = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit() || c == '#');
    let pointer = part.starts_with(digit) && part.trim_start_matches(digit).strip_prefix('x').is_some_and(hexadecimal);
    let hash = part.len() >= 7 && part.contains(digit) && hexadecimal(part);
    let numbers = part.split(|c: char| !digit(c)).filter(|number| !number.is_empty()).count();
    if pointer || hash || (numbers >= 2 && part.len() >= 6) {
        return ANY.into();
    }
    let mut plain = String::with_capacity(part.len());
    for c in part.chars() {
        if !digit(c) {
            plain.push(c);
        } else if !plain.ends_with(ANY) {
            plain.push_str(ANY);
        }
    }
    plain
}

/// A digit, or what stands for some already.
fn digit(c: char) -> bool {
    c.is_ascii_digit() || c == '#'
}

/// Takes out what a terminal obeys; where it would go back to the beginning of a line, a line ends.
fn bare(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            match chars.next_if(|next| "[]PX^_".contains(*next)) {
                Some('[') => parameters(&mut chars),
                Some(_) => string(&mut chars),
                None => escape(&mut chars),
            }
        } else if c == '\u{9b}' {
            parameters(&mut chars);
        } else if c == '\r' {
            bare.push('\n');
        } else if !hostile(c) {
            bare.push(c);
        }
    }
    bare
}

/// Skips the rest of a short sequence.
fn escape(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| ('\u{20}'..='\u{2f}').contains(c)).is_some() {}
    chars.next_if(|c| ('\u{30}'..='\u{7e}').contains(c));
}

/// Skips the parameters and the last letter of a control sequence.
fn parameters(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
    chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
}

/// Skips a control string, at most to the end of its line: what never ends hides no other line.
fn string(chars: &mut Peekable<Chars<'_>>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        if c == '\u{7}' {
            return;
        }
        if c == '\u{1b}' {
            chars.next_if(|c| *c == '\\');
            return;
        }
    }
}

#[cfg(test)]
mod tests;
