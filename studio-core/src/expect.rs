//! What a step should show: exit, text that must or must not be there, values in JSON. Checked by machine.

use crate::limits::{EXPECTATIONS_MAX, PATTERN_BYTES_MAX, PATTERN_SIZE_MAX};
use crate::text::one_line;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What shows that a command worked. The default is exit 0 and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Loose")]
pub struct Expect {
    /// The exit status.
    pub exit: u8,
    /// Patterns that each match somewhere in the standard output.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stdout_matches: Vec<Pattern>,
    /// Patterns that match nowhere in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stdout_lacks: Vec<Pattern>,
    /// Values the output holds when it is read as JSON.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json: Vec<JsonIs>,
}

/// A value at a place of a JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonIs {
    /// The place, as RFC 6901 writes it.
    pub pointer: String,
    /// The value that must stand there.
    pub is: Value,
}

/// A regular expression that says something: one that matches the empty text is refused.
#[derive(Clone)]
pub struct Pattern {
    source: Box<str>,
    regex: regex_lite::Regex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Loose {
    #[serde(default)]
    exit: u8,
    #[serde(default)]
    stdout_matches: Vec<Pattern>,
    #[serde(default)]
    stdout_lacks: Vec<Pattern>,
    #[serde(default)]
    json: Vec<JsonIs>,
}

impl Expect {
    /// Returns what is missing from an outcome, in words; nothing if all is there.
    pub fn misses(&self, exit: Option<i32>, stdout: &str) -> Vec<String> {
        let mut misses = Vec::new();
        match exit {
            Some(exit) if exit == i32::from(self.exit) => {}
            Some(exit) => misses.push(format!("it exited {exit}, expected {}", self.exit)),
            None => misses.push("it was killed before it exited".into()),
        }
        misses.extend(self.stdout_matches.iter().filter(|p| !p.matches(stdout)).map(|p| format!("its output does not match {p}")));
        misses.extend(self.stdout_lacks.iter().filter(|p| p.matches(stdout)).map(|p| format!("its output matches {p} and should not")));
        if !self.json.is_empty() {
            match serde_json::from_str::<Value>(stdout) {
                Ok(value) => misses.extend(self.json.iter().filter_map(|json| json.miss(&value))),
                Err(error) => misses.push(format!("its output is no JSON: {error}")),
            }
        }
        misses
    }
}

impl JsonIs {
    fn miss(&self, value: &Value) -> Option<String> {
        match value.pointer(&self.pointer) {
            Some(found) if *found == self.is => None,
            Some(found) => Some(format!("{} is {}, expected {}", self.pointer, one_line(&found.to_string(), 80), self.is)),
            None => Some(format!("there is nothing at {}, expected {}", self.pointer, self.is)),
        }
    }
}

impl TryFrom<Loose> for Expect {
    type Error = BadExpect;

    fn try_from(loose: Loose) -> Result<Self, BadExpect> {
        let Loose { exit, stdout_matches, stdout_lacks, json } = loose;
        let count = stdout_matches.len() + stdout_lacks.len() + json.len();
        if count > EXPECTATIONS_MAX {
            return Err(BadExpect::Many(count));
        }
        match json.iter().find(|json| !json.pointer.starts_with('/') && !json.pointer.is_empty()) {
            Some(json) => Err(BadExpect::Pointer(json.pointer.clone())),
            None => Ok(Expect { exit, stdout_matches, stdout_lacks, json }),
        }
    }
}

impl Pattern {
    /// Says whether the pattern matches somewhere in `text`; `^` and `$` are line ends.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = BadExpect;

    fn try_from(source: String) -> Result<Self, BadExpect> {
        if source.len() > PATTERN_BYTES_MAX {
            return Err(BadExpect::Long(source.len()));
        }
        let bad = |error: regex_lite::Error| BadExpect::Pattern(source.clone(), error.to_string());
        let regex = regex_lite::RegexBuilder::new(&source).multi_line(true).size_limit(PATTERN_SIZE_MAX).build().map_err(bad)?;
        if regex.is_match("") {
            return Err(BadExpect::Anything(source));
        }
        Ok(Pattern { source: source.into(), regex })
    }
}

impl TryFrom<&str> for Pattern {
    type Error = BadExpect;

    fn try_from(source: &str) -> Result<Self, BadExpect> {
        Pattern::try_from(source.to_string())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Pattern::try_from(source).map_err(serde::de::Error::custom)
    }
}

/// An expectation that cannot be checked, or that anything meets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadExpect {
    /// Over the limit.
    #[error("an expectation has at most {EXPECTATIONS_MAX} patterns and pointers, this one has {0}")]
    Many(usize),
    /// Over the limit.
    #[error("a pattern has at most {PATTERN_BYTES_MAX} bytes, this one has {0}")]
    Long(usize),
    /// No regular expression.
    #[error("{0:?} is no pattern: {1}")]
    Pattern(String, String),
    /// It matches the empty text.
    #[error("the pattern {0:?} matches anything, so it shows nothing")]
    Anything(String),
    /// No RFC 6901 pointer.
    #[error("{0:?} is no JSON pointer: it should start with /")]
    Pointer(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(json: &str) -> Result<Expect, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn an_expectation_that_anything_meets_is_refused() {
        for source in [".*", "", "^", "x*", "a|"] {
            let json = serde_json::json!({ "stdout_matches": [source] }).to_string();
            assert!(expect(&json).unwrap_err().contains("matches anything"), "{source}");
        }
    }

    #[test]
    fn a_pattern_that_would_take_for_ever_is_refused() {
        for source in ["(?:.{0,250}){0,100}x", "a{1000}{60}", "(((x{50}){50}){50})"] {
            assert!(matches!(Pattern::try_from(source), Err(BadExpect::Pattern(..))), "{source}");
        }
        assert!(Pattern::try_from(r"^worker-[0-9]{1,3}\s+Ready\s+[a-z]{3,20}$").is_ok());
    }

    #[test]
    fn each_miss_is_said() {
        let expect =
            expect(r#"{ "exit": 0, "stdout_matches": ["^3 Ready$"], "stdout_lacks": ["NotReady"], "json": [{ "pointer": "/a/0", "is": 1 }] }"#)
                .unwrap();
        assert_eq!(expect.misses(Some(1), "NotReady").len(), 4);
        assert_eq!(expect.misses(None, "x\n3 Ready\n").len(), 2);
        let json = super::Expect { json: expect.json.clone(), ..Expect::default() };
        assert_eq!(json.misses(Some(0), r#"{ "a": [1] }"#), Vec::<String>::new());
        assert_eq!(json.misses(Some(0), r#"{ "a": [2] }"#), ["/a/0 is 2, expected 1"]);
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(expect(r#"{ "exitt": 0 }"#).is_err());
        assert!(expect(r#"{ "json": [{ "pointer": "a", "is": 1 }] }"#).unwrap_err().contains("no JSON pointer"));
    }
}
