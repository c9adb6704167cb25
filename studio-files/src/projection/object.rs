//! A JSON object as its owner wrote it: values are put in place, and no other byte changes.

use serde::de::IgnoredAny;
use serde_json::Value;
use std::ops::Range;
use studio_core::text::one_line;

/// The text of one JSON object, and where its fields stand.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    text: String,
    fields: Vec<Field>,
    /// Where the closing brace stands.
    end: usize,
}

#[derive(Clone, Debug)]
struct Field {
    key: String,
    at: usize,
    value: Range<usize>,
}

impl Object {
    /// Reads an object. A key that stands twice makes it none, since nobody knows which one counts.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Object, BadObject> {
        let text = std::str::from_utf8(bytes).map_err(|_| BadObject::at(1, "it is no UTF-8 text"))?;
        let wrong = |error: serde_json::Error| BadObject::at(error.line(), &error.to_string());
        let Value::Object(_) = serde_json::from_str(text).map_err(wrong)? else {
            return Err(BadObject::at(1, "it is no JSON object"));
        };
        // It is whole JSON from here on; only the places are looked for.
        let mut fields: Vec<Field> = Vec::new();
        let mut at = after(text, 0, b'{');
        while text.as_bytes().get(at) == Some(&b'"') {
            let mut keys = serde_json::Deserializer::from_str(text.get(at..).unwrap_or_default()).into_iter::<String>();
            let Some(Ok(key)) = keys.next() else { break };
            let start = after(text, at + keys.byte_offset(), b':');
            let mut values = serde_json::Deserializer::from_str(text.get(start..).unwrap_or_default()).into_iter::<IgnoredAny>();
            let Some(Ok(_)) = values.next() else { break };
            let value = start..start + values.byte_offset();
            if fields.iter().any(|field| field.key == key) {
                return Err(BadObject::at(line(text, at), &format!("the key {:?} stands there twice", one_line(&key, 60))));
            }
            let next = after(text, value.end, b',');
            fields.push(Field { key, at, value });
            at = next;
        }
        Ok(Object { text: text.into(), fields, end: at })
    }

    /// An object without fields.
    pub(crate) fn empty() -> Object {
        Object { text: "{}\n".into(), fields: Vec::new(), end: 1 }
    }

    /// Returns the object's text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns how many fields it has.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Returns a field and the line it stands in.
    pub(crate) fn field(&self, key: &str) -> Option<(Value, usize)> {
        let field = self.fields.iter().find(|field| field.key == key)?;
        let value = serde_json::from_str(self.text.get(field.value.clone())?).ok()?;
        Some((value, line(&self.text, field.at)))
    }

    /// Returns the value of a field.
    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        self.field(key).map(|(value, _)| value)
    }

    /// Gives a field its value: in place if it is there, else behind the last one. A field that has
    /// the value already stays as it is spelled.
    ///
    /// # Errors
    /// The result is no object any more; then a reader of ours is wrong, and nothing was changed.
    pub(crate) fn set(&mut self, key: &str, value: &Value) -> Result<(), BadObject> {
        if self.get(key).as_ref() == Some(value) {
            return Ok(());
        }
        let shown = serde_json::to_string_pretty(value).unwrap_or_default().replace('\n', "\n  ");
        let mut text = self.text.clone();
        if let Some(field) = self.fields.iter().find(|field| field.key == key) {
            text.replace_range(field.value.clone(), &shown);
        } else {
            let name = Value::from(key);
            match self.fields.last() {
                None => text.replace_range(1 + self.text.find('{').unwrap_or(0)..self.end, &format!("\n  {name}: {shown}\n")),
                Some(last) => text.insert_str(last.value.end, &format!(",\n  {name}: {shown}")),
            }
        }
        *self = Object::parse(text.as_bytes())?;
        Ok(())
    }
}

/// Returns the place behind `mark` and the white space around it; without the mark, behind the
/// white space alone.
fn after(text: &str, at: usize, mark: u8) -> usize {
    let bytes = text.as_bytes();
    let skip = |at: usize| at + bytes.iter().skip(at).take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
    let at = skip(at);
    if bytes.get(at) == Some(&mark) { skip(at + 1) } else { at }
}

fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// Bytes that are no JSON object, or one that cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub(crate) struct BadObject {
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) why: String,
}

impl BadObject {
    fn at(line: usize, why: &str) -> BadObject {
        BadObject { line: line.max(1), why: one_line(why, 200) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(text: &str, key: &str, value: Value) -> String {
        let mut object = Object::parse(text.as_bytes()).unwrap();
        object.set(key, &value).unwrap();
        assert_eq!(object.get(key), Some(value));
        object.text().into()
    }

    #[test]
    fn only_the_value_changes() {
        let text = "{ \"z\" : 1.50,\r\n\t\"a\\u0062\":{\"x\":[1, 2 ]} , \"n\":null}  \n";
        assert_eq!(set(text, "ab", json!(true)), text.replace("{\"x\":[1, 2 ]}", "true"));
        assert_eq!(set(text, "z", json!(2)), text.replace("1.50", "2"));
        assert_eq!(set(text, "n", json!({"k": [1]})), text.replace("null", "{\n    \"k\": [\n      1\n    ]\n  }"));
        assert_eq!(set(text, "z", json!(1.5)), text);
        assert_eq!(set(text, "new", json!("x")), text.replace("null}", "null,\n  \"new\": \"x\"}"));
    }

    #[test]
    fn an_empty_object_gets_its_first_field() {
        for text in ["{}", "{ }\n", "  {\n}\n", Object::empty().text()] {
            assert_eq!(set(text, "a", json!(1)).trim(), "{\n  \"a\": 1\n}");
        }
        let mut new = Object::empty();
        new.set("a", &json!(1)).unwrap();
        new.set("b", &json!([])).unwrap();
        assert_eq!(new.text(), "{\n  \"a\": 1,\n  \"b\": []\n}\n");
    }

    #[test]
    fn places_are_lines() {
        let object = Object::parse(b"{\n\"a\": {\"b\": 1},\n\n\"b\": 2}").unwrap();
        assert_eq!((object.field("a").unwrap().1, object.field("b")), (2, Some((json!(2), 4))));
        assert_eq!(object.field("c"), None);
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_line() {
        for (bad, line) in [
            (&b""[..], 1),
            (b"[]", 1),
            (b"null", 1),
            (b"{\"a\":1,}", 1),
            (b"{\n\"a\":1\n\"b\":2}", 3),
            (b"{}\n{}", 2),
            (b"\xff{}", 1),
            (b"\xef\xbb\xbf{}", 1),
            (b"{\"a\":1,\n\"\\u0061\":2}", 2),
        ] {
            assert_eq!(Object::parse(bad).unwrap_err().line, line, "{}", String::from_utf8_lossy(bad));
        }
        assert!(Object::parse("{\"a\":".repeat(10_000).as_bytes()).is_err());
    }
}
