//! Secrets: a type that prints a fixed word, and the one boundary where known values are taken out.

use crate::limits::SECRET_BYTES_MIN;
use serde_json::Value;
use std::fmt;
use std::ops::Range;

/// What stands where a secret was.
pub const REDACTED: &str = "[secret]";

/// A value that must not be seen. It prints as [`REDACTED`], cannot be serialized, and is only
/// given out by [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

/// Takes known secret values out of whatever is about to be kept or shown.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    values: Vec<Secret>,
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

impl Redactor {
    /// Knows `values`; those under [`SECRET_BYTES_MIN`] are passed over.
    pub fn new(values: impl IntoIterator<Item = Secret>) -> Redactor {
        let known = values.into_iter().filter(|value| value.0.len() >= SECRET_BYTES_MIN);
        Redactor { values: known.flat_map(|value| forms(&value)).collect() }
    }

    /// Says whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns `text` without the known values. Values that overlap in it become one [`REDACTED`].
    pub fn text(&self, text: &str) -> String {
        cut(text, self.values.iter().flat_map(|value| found(text, value.expose())).collect())
    }

    /// Returns the beginning of a text that goes on behind `text`, also without what may be the beginning of a
    /// known value at its end.
    pub fn head(&self, text: &str) -> String {
        let ends = self.values.iter().filter_map(|value| begun(text, value.expose()));
        cut(text, self.values.iter().flat_map(|value| found(text, value.expose())).chain(ends).collect())
    }

    /// Takes the known values out of every string of `value`, keys included.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => fields.into_iter().map(|(key, item)| (self.text(&key), self.value(item))).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }
}

/// Returns the ranges of `text` that `value` covers, in order; its own overlaps are merged.
fn found(text: &str, value: &str) -> Vec<Range<usize>> {
    let step = value.chars().next().map_or(1, char::len_utf8);
    let (mut ranges, mut from) = (Vec::<Range<usize>>::new(), 0);
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(value)).map(|at| from + at) {
        match ranges.last_mut().filter(|last| at < last.end) {
            Some(last) => last.end = at + value.len(),
            None => ranges.push(at..at + value.len()),
        }
        from = at + step;
    }
    ranges
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

/// Returns a value as it is, and as JSON may spell it.
fn forms(value: &Secret) -> Vec<Secret> {
    let json = serde_json::Value::from(value.expose()).to_string();
    let escaped = json.trim_matches('"').to_string();
    let mut forms = vec![value.clone(), Secret::new(escaped.replace('/', "\\/")), Secret::new(escaped)];
    forms.dedup();
    forms
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
        for _ in 0..300 {
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
