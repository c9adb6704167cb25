//! Files that stand in a text in base64 or hexadecimal digits.

use super::{Found, Lines, look as look_within};
use studio_core::encoding::{unbase64, unhex};

/// Characters of such a file at least, and of a line of one that goes on in the next.
const CHARS_MIN: usize = 20;
const LINE_CHARS_MIN: usize = 32;

/// Looks into each of them.
pub(super) fn look(text: &str, lines: &Lines, depth: u32, found: &mut Found) {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-');
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find(letter)).map(|start| at + start) {
        let run = text.get(start..).map_or(0, |rest| rest.find(|c| !letter(c)).unwrap_or(rest.len()));
        let end = if run >= LINE_CHARS_MIN { continued(text, start + run, letter) } else { start + run };
        at = end;
        if run < CHARS_MIN {
            continue;
        }
        let whole = text.get(start..end).unwrap_or_default();
        // A name may stand directly before it: `key=aGVsbG8…`.
        let value = whole.trim_end_matches('=').rsplit('=').next().unwrap_or(whole);
        for spelled in [Some(value), (value.len() < whole.trim_end_matches('=').len()).then_some(whole)].into_iter().flatten() {
            let decoded = unhex(spelled).filter(|_| spelled.len() >= CHARS_MIN * 2).into_iter().chain(unbase64(spelled));
            for inner in decoded.filter_map(|bytes| String::from_utf8(bytes).ok()).filter(|inner| readable(inner)) {
                found.within(lines.at(start), true, |found| look_within("", &inner, depth + 1, found));
            }
        }
    }
}

/// Returns the end of a file that goes on in whole lines behind `end`.
fn continued(text: &str, mut end: usize, letter: impl Fn(char) -> bool) -> usize {
    while let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'))) {
        let line = rest.lines().next().unwrap_or_default();
        let bare = line.trim();
        if bare.is_empty() || !bare.chars().all(&letter) || (bare.len() < LINE_CHARS_MIN && !bare.ends_with('=') && bare.len() < 4) {
            break;
        }
        end = text.len() - rest.len() + line.len();
        if bare.len() < LINE_CHARS_MIN {
            break;
        }
    }
    end
}

/// Says whether a text is one that somebody wrote.
fn readable(text: &str) -> bool {
    let odd = text.chars().filter(|c| !c.is_ascii() || (c.is_control() && !c.is_ascii_whitespace())).count();
    text.len() >= 12 && odd * 20 <= text.chars().count()
}
