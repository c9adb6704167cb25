//! Text from outside, made safe to keep: bounded, without control characters.

use crate::limits::{INLINE_BYTES_MAX, PROSE_BYTES_MAX};
use crate::name::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Words of a human or a model: not empty, at most [`PROSE_BYTES_MAX`] bytes, no control or
/// direction-changing characters but line feed and tab. It is data and never decides anything.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prose(Box<str>);

/// Text kept with an event: inside it while small, beside the journal when larger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Kept {
    /// At most [`INLINE_BYTES_MAX`] bytes.
    Inline(String),
    /// A file `blobs/<hash>` of the run.
    Blob {
        /// Its BLAKE3 hash.
        blob: Digest,
        /// Its length.
        bytes: u64,
    },
}

impl Prose {
    /// Returns the words.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes prose of any text: control characters become visible, the rest beyond the limit is
    /// cut with a mark. For text of our own that quotes somebody else's.
    pub fn tamed(text: &str) -> Prose {
        let mut tame = visible(text.trim());
        if tame.is_empty() {
            tame = "(no words)".into();
        }
        if tame.len() > PROSE_BYTES_MAX {
            let end = tame.floor_char_boundary(PROSE_BYTES_MAX - 16);
            tame.truncate(end);
            tame.push_str(" … (cut)");
        }
        Prose(tame.into())
    }
}

impl TryFrom<String> for Prose {
    type Error = BadProse;

    fn try_from(text: String) -> Result<Self, BadProse> {
        let text = if text.contains('\r') { text.replace("\r\n", "\n") } else { text };
        let text = text.trim();
        if text.is_empty() {
            return Err(BadProse::Empty);
        }
        if text.len() > PROSE_BYTES_MAX {
            return Err(BadProse::Long(text.len()));
        }
        match text.char_indices().find(|(_, c)| hostile(*c)) {
            Some((at, c)) => Err(BadProse::Control(c as u32, at)),
            None => Ok(Prose(text.into())),
        }
    }
}

impl From<Prose> for String {
    fn from(prose: Prose) -> String {
        prose.0.into()
    }
}

impl fmt::Display for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Kept {
    /// Keeps `text` inline, or nothing if it is too large for that.
    pub fn inline(text: &str) -> Option<Kept> {
        (text.len() <= INLINE_BYTES_MAX).then(|| Kept::Inline(text.to_string()))
    }
}

/// Returns `text` with every control and format character but line feed and tab made visible.
pub fn visible(text: &str) -> String {
    let show = |c: char| if hostile(c) { format!("\\u{{{:x}}}", c as u32) } else { c.to_string() };
    if text.chars().any(hostile) { text.chars().map(show).collect() } else { text.to_string() }
}

/// Returns `text` with the same characters as the escapes of JSON: a line of JSON that holds them in its strings
/// means the same, and no terminal obeys it.
pub fn escaped(text: &str) -> String {
    let show = |c: char| if hostile(c) { c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect() } else { c.to_string() };
    if text.chars().any(hostile) { text.chars().map(show).collect() } else { text.to_string() }
}

/// Returns `text` on one line, made visible, at most `chars_max` characters long.
pub fn one_line(text: &str, chars_max: usize) -> String {
    let line = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Says whether `c` could mislead a reader or a terminal: control characters, zero-width, blank and
/// direction-changing ones, the fillers of Hangul among them. See Unicode TR 36 and "Trojan Source" (CVE-2021-42574).
pub fn hostile(c: char) -> bool {
    let format = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' | '\u{2028}' | '\u{2029}');
    (c.is_control() && c != '\n' && c != '\t') || format
}

/// Text that is no prose.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProse {
    /// Nothing but white space.
    #[error("the text is empty")]
    Empty,
    /// Over the limit.
    #[error("the text has {0} bytes; at most {PROSE_BYTES_MAX} are accepted")]
    Long(usize),
    /// A character that no reader sees.
    #[error("the text holds the control or format character U+{0:04X} at byte {1}")]
    Control(u32, usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_refuses_what_a_reader_cannot_see() {
        for bad in ["", "  \n", "a\u{1b}[2J", "a\u{0}b", "a\u{202e}b", "zero\u{200b}width"] {
            assert!(Prose::try_from(bad.to_string()).is_err(), "{bad:?}");
        }
        assert_eq!(Prose::try_from(" a\r\nb\tc ".to_string()).unwrap().as_str(), "a\nb\tc");
        assert!(Prose::try_from("x".repeat(PROSE_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn blanks_that_count_as_letters_are_shown() {
        for blank in ['\u{3164}', '\u{ffa0}', '\u{115f}', '\u{1160}', '\u{2800}', '\u{34f}'] {
            assert_eq!(visible(&format!("a{blank}b")), format!("a\\u{{{:x}}}b", blank as u32));
        }
        assert_eq!(visible("가 é ⠁ 加節點"), "가 é ⠁ 加節點");
    }

    #[test]
    fn an_escaped_line_of_json_means_the_same() {
        let words = "csi \u{9b}31m rtl \u{202e} tag \u{e0041} é\n";
        let line = escaped(&serde_json::to_string(words).unwrap());
        assert!(!line.chars().any(hostile) && line.contains("\\u009b31m") && line.contains("\\udb40\\udc41"), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), words);
    }

    #[test]
    fn tamed_text_is_always_prose() {
        for text in ["", "\u{1b}]52;c;x", &"é".repeat(PROSE_BYTES_MAX)] {
            let tame = Prose::tamed(text);
            assert_eq!(Prose::try_from(tame.to_string()).unwrap(), tame);
        }
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line("a\nb\u{1b}c  d", 80), "a b\\u{1b}c d");
        assert_eq!(one_line("abcdef", 3), "abc…");
    }
}
