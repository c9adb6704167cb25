//! Judging texts: which plaintext secrets they hold, without a word of what they are.

use serde::Deserialize;
use serde_json::{Value, json};
use studio_gate::secrets;

/// A text.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    filename: String,
    text: String,
}

/// Answers one line.
///
/// # Errors
/// It does not say what to judge.
pub(super) fn answer(id: Value, asked: &Value) -> Result<Value, String> {
    let File { filename, text } = File::deserialize(asked).map_err(|error| error.to_string())?;
    let found = secrets(&filename, &text);
    let findings: Vec<Value> =
        found.iter().map(|found| json!({ "line": found.line, "rule": found.rule, "why": found.what, "mend": found.mend })).collect();
    Ok(json!({ "id": id, "verdict": if findings.is_empty() { "clean" } else { "secret" }, "findings": findings }))
}
