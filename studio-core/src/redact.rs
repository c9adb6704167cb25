//! Secrets: a type that prints a fixed word, and the one boundary where they are taken out: known values in every
//! spelling, and what is a token or a private key by its shape.

mod bare;
mod forms;
mod stream;

pub use bare::Bare;
pub use stream::Stream;

use crate::limits::{SECRET_BYTES_MIN, SECRET_DFA_BYTES_MAX};
use crate::token;
use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use serde_json::Value;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

/// What stands where a secret was.
pub const REDACTED: &str = "[secret]";

/// A value that must not be seen. It prints as [`REDACTED`], cannot be serialized, and is only
/// given out by [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

/// Takes secrets out of whatever is about to be kept or shown: the values it knows, and tokens and private keys that
/// nobody told it of. See [`crate::token`] for those.
#[derive(Clone)]
pub struct Redactor {
    /// The known values in each of their spellings.
    known: Vec<Secret>,
    /// Finds these, and where a token may begin; nothing if it could not be built: then all is taken out.
    search: Option<AhoCorasick>,
}

impl Secret {
    /// Hides `value`.
    pub fn new(value: impl Into<Box<str>>) -> Secret {
        Secret(value.into())
    }

    /// Returns the value, to be handed to the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} spellings)", self.known.len())
    }
}

impl Default for Redactor {
    fn default() -> Self {
        static NONE: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| search(&[]));
        Redactor { known: Vec::new(), search: NONE.clone() }
    }
}

impl Redactor {
    /// Knows `values`; those under [`SECRET_BYTES_MIN`] are passed over.
    pub fn new(values: impl IntoIterator<Item = Secret>) -> Redactor {
        let values = values.into_iter().filter(|value| value.0.len() >= SECRET_BYTES_MIN);
        let known: Vec<Secret> = values.flat_map(|value| forms::of(&value)).collect();
        if known.is_empty() {
            return Redactor::default();
        }
        Redactor { search: search(&known), known }
    }

    /// Says whether `text` may hold something to take out. `text` may be a line of JSON that holds what is looked for
    /// in its strings.
    pub fn suspects(&self, text: &str) -> bool {
        text.contains("\\u") || bare::disguised(text) || !self.ranges(text).is_empty()
    }

    /// Returns `text` without secrets. Those that overlap in it become one [`REDACTED`].
    pub fn text(&self, text: &str) -> String {
        cut(text, self.found(text))
    }

    /// Returns the beginning of a text that goes on behind `text`, also without what may be the beginning of a
    /// secret at its end.
    pub fn head(&self, text: &str) -> String {
        let ends = self.known.iter().filter_map(|value| begun(text, value.expose()));
        let open = token::open(text, true).map(|start| start..text.len());
        let mut ranges = self.found(text);
        ranges.extend(ends.chain(open));
        cut(text, ranges)
    }

    /// Takes secrets out of every string of `value`, keys included.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => fields.into_iter().map(|(key, item)| (self.text(&key), self.value(item))).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// Begins to redact a text that comes in pieces.
    pub fn stream(&self) -> Stream<'_> {
        Stream::new(self)
    }

    /// Returns what to take out of `text`, also where something that no reader sees stands inside of it.
    fn found(&self, text: &str) -> Vec<Range<usize>> {
        let mut ranges = self.ranges(text);
        if bare::disguised(text) {
            let bare = Bare::of(text);
            ranges.extend(self.ranges(bare.text()).into_iter().map(|range| bare.origin(range)));
        }
        ranges
    }

    /// Returns the ranges to take out, in order, in one pass.
    fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        let Some(search) = &self.search else { return Vec::from_iter((!text.is_empty()).then_some(0..text.len())) };
        let (mut ranges, mut from, longest) = (Vec::<Range<usize>>::new(), 0, self.longest());
        while let Some(hit) = search.find(Input::new(text).span(from..text.len())) {
            let known = (hit.pattern().as_usize() < self.known.len()).then_some(hit.end());
            let token = token::at(text, hit.start()).map(|token| token.bytes.end);
            // One value may begin inside another, so the search goes on right behind the beginning; of what begins
            // inside a token, only what goes on behind it matters.
            from = (hit.start() + 1).max(token.unwrap_or(0).saturating_sub(longest));
            let Some(end) = known.max(token) else { continue };
            match ranges.last_mut().filter(|last| hit.start() < last.end) {
                Some(last) => last.end = last.end.max(end),
                None => ranges.push(hit.start()..end),
            }
        }
        ranges
    }

    /// Returns where that begins which may go on behind the end of `text`.
    fn open(&self, text: &str) -> usize {
        let ends = self.known.iter().filter_map(|value| begun(text, value.expose()).map(|range| range.start));
        ends.chain(token::open(text, false)).min().unwrap_or(text.len())
    }

    /// Returns the length of the longest spelling.
    fn longest(&self) -> usize {
        self.known.iter().map(|value| value.0.len()).max().unwrap_or(0)
    }
}

/// Builds what finds the known values and the beginnings of tokens; it prefers the longest, and so a value to what it
/// begins with.
fn search(known: &[Secret]) -> Option<AhoCorasick> {
    let bytes: usize = known.iter().map(|value| value.0.len()).sum();
    let kind = if bytes <= SECRET_DFA_BYTES_MAX { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
    let mut patterns: Vec<&str> = known.iter().map(Secret::expose).collect();
    token::starts().for_each(|start| patterns.push(start));
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).kind(Some(kind)).build(patterns).ok()
}

/// Returns the longest end of `text` that `value` begins with.
fn begun(text: &str, value: &str) -> Option<Range<usize>> {
    let heads = value.char_indices().rev().filter_map(|(end, _)| value.get(..end)).filter(|head| !head.is_empty());
    heads.into_iter().find(|head| text.ends_with(head)).map(|head| text.len() - head.len()..text.len())
}

/// Puts [`REDACTED`] in the place of each range, or of several that overlap.
fn cut(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_by_key(|range| range.start);
    let (mut kept, mut end) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        if range.start >= end {
            kept.push_str(text.get(end..range.start).unwrap_or_default());
            kept.push_str(REDACTED);
        }
        end = end.max(range.end);
    }
    kept.push_str(text.get(end..).unwrap_or_default());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_a_fixed_word() {
        let secret = Secret::new("hunter2hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "[secret] [secret] Some([secret])");
    }

    #[test]
    fn values_are_known_as_json_spells_them() {
        let redactor = Redactor::new([Secret::new("ab/cd\"ef")]);
        assert_eq!(redactor.text(r#"ab/cd"ef ab/cd\"ef ab\/cd\"ef"#), "[secret] [secret] [secret]");
    }

    #[test]
    fn known_values_are_taken_out_everywhere() {
        let redactor = Redactor::new([Secret::new("sk-abc123"), Secret::new("sk-abc123456"), Secret::new("a")]);
        let value = serde_json::json!({ "sk-abc123": ["x sk-abc123456 y", { "z": "sk-abc123" }], "n": 1, "a": "a" });
        assert_eq!(redactor.value(value), serde_json::json!({ "[secret]": ["x [secret] y", { "z": "[secret]" }], "n": 1, "a": "a" }));
    }

    #[test]
    fn values_that_overlap_leave_nothing_of_either() {
        let redactor = Redactor::new(["abcdef", "defghi", "cdefgh", "xyxyxy"].map(Secret::new));
        assert_eq!(redactor.text("abcdefghi|abcdef|zdefghiz|xyxyxyxyxz"), "[secret]|[secret]|z[secret]z|[secret]xz");
        assert_eq!(redactor.text("abcdefabcdef"), "[secret][secret]");
    }

    #[test]
    fn the_beginning_of_a_value_at_the_end_is_taken_out_of_a_head_only() {
        let redactor = Redactor::new(["hunter2hunter2", "tütütü"].map(Secret::new));
        for (text, head) in [
            ("a hunter2hunter2 b hunter2hun", "a [secret] b [secret]"),
            ("a hunter2hunter2hu", "a [secret]"),
            ("tü", "[secret]"),
            ("aht", "ah[secret]"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(redactor.head(text), head);
        }
        assert_eq!(redactor.text("hunter2hunt"), "hunter2hunt");
    }

    /// Says of each byte whether some occurrence of a value covers it, and whether one begins there and none goes on.
    fn covered(text: &str, values: &[String]) -> Vec<(bool, bool)> {
        let starts = |at: usize| values.iter().filter(move |value| text[at..].starts_with(value.as_str())).map(move |value| at..at + value.len());
        let all: Vec<_> = (0..text.len()).flat_map(starts).collect();
        let says = |at: usize| (all.iter().any(|range| range.contains(&at)), !all.iter().any(|range| range.start < at && at < range.end));
        (0..text.len()).map(says).collect()
    }

    #[test]
    fn exactly_the_bytes_of_known_values_are_taken_out() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        for _ in 0..100 {
            // Two letters only, so that values lie in, on and behind one another.
            let mut word = |length: u64| (0..length).map(|_| if random(2) == 0 { 'a' } else { 'b' }).collect::<String>();
            let values: Vec<String> = (6..10).map(&mut word).collect();
            let text = word(120);
            let redactor = Redactor::new(values.iter().map(|value| Secret::new(value.as_str())));
            let marks = covered(&text, &values);
            let plain = text.chars().zip(&marks).fold(String::new(), |plain, (letter, mark)| match mark {
                (false, _) => format!("{plain}{letter}"),
                (true, true) => format!("{plain}{REDACTED}"),
                (true, false) => plain,
            });
            assert_eq!(redactor.text(&text), plain, "{text} {values:?}");
            // Wherever it is cut, its head shows no byte of a value.
            for end in 0..text.len() {
                let shown = redactor.head(&text[..end]).replace(REDACTED, "");
                let open = marks[..end].iter().filter(|(covered, _)| !covered).count();
                assert!(shown.len() <= open, "{end} {text} {values:?}");
            }
        }
    }
}
