//! Secrets: a type that prints a fixed word, and the one boundary where known values are taken out.

use serde_json::Value;
use std::fmt;

/// What stands where a secret was.
pub const REDACTED: &str = "[secret]";

/// Shortest value that is searched for; a shorter one would blank ordinary words.
const VALUE_BYTES_MIN: usize = 6;

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
    /// Knows `values`; empty and very short ones are passed over.
    pub fn new(values: impl IntoIterator<Item = Secret>) -> Redactor {
        let known = values.into_iter().filter(|value| value.0.len() >= VALUE_BYTES_MIN);
        let mut values: Vec<Secret> = known.flat_map(|value| forms(&value)).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.0.len()));
        Redactor { values }
    }

    /// Says whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns `text` without the known values.
    pub fn text(&self, text: &str) -> String {
        self.values.iter().fold(text.to_string(), |text, value| text.replace(&*value.0, REDACTED))
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
}
