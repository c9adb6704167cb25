//! A text without what no reader sees in it: terminal codes, zero-width and other control characters.

use crate::text::hostile;
use std::ops::Range;

/// The text that a reader sees, and where each byte of it stood.
#[derive(Debug)]
pub struct Bare {
    text: String,
    /// For each byte its place in the original, and the original's length at the end.
    origin: Vec<usize>,
}

impl Bare {
    /// Takes out of `text` what no reader sees.
    pub fn of(text: &str) -> Bare {
        let mut bare = Bare { text: String::with_capacity(text.len()), origin: Vec::with_capacity(text.len() + 1) };
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let code = code(rest);
            if code > 0 {
                at += code;
                continue;
            }
            let Some(c) = rest.chars().next() else { break };
            if !hostile(c) {
                bare.text.push(c);
                bare.origin.extend(at..at + c.len_utf8());
            }
            at += c.len_utf8();
        }
        bare.origin.push(text.len());
        bare
    }

    /// Returns what a reader sees.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns where a range of it stood.
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        let place = |at: usize| self.origin.get(at).or(self.origin.last()).copied().unwrap_or(0);
        // Up to the end of its last byte, not to the next one that is seen.
        place(range.start)..if range.is_empty() { place(range.end) } else { place(range.end - 1) + 1 }
    }
}

/// Says whether something stands in `text` that no reader sees.
pub(super) fn disguised(text: &str) -> bool {
    // Most texts are plain, and their bytes say so at once.
    text.bytes().any(|byte| (byte < b' ' && byte != b'\n' && byte != b'\t') || byte >= 0x7f) && text.chars().any(hostile)
}

/// Returns the length of the terminal code that `text` begins with, or none.
fn code(text: &str) -> usize {
    let (introducer, rest) = match text.strip_prefix('\u{1b}') {
        Some(rest) => (1, rest),
        None => match text.strip_prefix('\u{9b}') {
            Some(rest) => return 2 + sequence(rest),
            None => return 0,
        },
    };
    match rest.chars().next() {
        Some('[') => introducer + 1 + sequence(rest.get(1..).unwrap_or_default()),
        // A title or a link, to its bell or its string end.
        Some(']' | 'P' | '_' | '^') => {
            let bell = rest.find('\u{7}').map(|at| at + 1);
            let end = rest.find("\u{1b}\\").map(|at| at + 2);
            introducer + bell.into_iter().chain(end).min().unwrap_or(1)
        }
        Some(c) if c.is_ascii_graphic() => introducer + 1,
        Some(_) | None => introducer,
    }
}

/// Returns the length of parameters and the letter that ends them.
fn sequence(text: &str) -> usize {
    let parameters = text.bytes().take_while(|byte| (0x20..=0x3f).contains(byte)).count();
    parameters + usize::from(text.as_bytes().get(parameters).is_some_and(|byte| (0x40..=0x7e).contains(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_reader_sees_is_left_out_and_found_again() {
        for (text, seen) in [
            ("a\u{1b}[31mb\u{1b}[0mc", "abc"),
            ("a\u{200b}b\u{9b}1;2Hc", "abc"),
            ("\u{1b}]8;;https://x\u{7}ab\u{1b}]8;;\u{1b}\\c", "abc"),
            ("a\rb\u{1b}c", "ab"),
            ("ü\u{202e}ö\u{1b}", "üö"),
            ("plain\n\ttext", "plain\n\ttext"),
        ] {
            let bare = Bare::of(text);
            assert_eq!(bare.text(), seen);
            for (at, c) in seen.char_indices() {
                assert_eq!(text.get(bare.origin(at..at + c.len_utf8())), seen.get(at..at + c.len_utf8()), "{text:?} {at}");
            }
            assert_eq!(disguised(text), text != seen, "{text:?}");
        }
    }
}
