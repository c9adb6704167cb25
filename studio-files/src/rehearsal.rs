//! A rehearsal: what scripted personas answer, and what a pretended host shows.
//!
//! ```toml
//! [[answer]]
//! persona = "planner"
//! turn = 1
//! json = { brief = "…", plan = { goal = "…", criteria = [] } }
//!
//! [[step]]
//! argv = ["kubectl", "get", "nodes"]
//! stdout = "node-1 Ready"
//! ```

use serde::Deserialize;
use std::collections::BTreeSet;
use std::ops::Range;
use studio_core::host::Scenario;
use studio_core::limits::{ANSWER_BYTES_MAX, FILE_BYTES_MAX};
use studio_core::name::PersonaName;
use studio_core::text::one_line;
use toml_edit::{Document, Item, Table, Value};

/// A whole run's worth of made-up answers.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal {
    /// What each persona's model answers: whose, at which of its calls (from 1), and the text.
    pub answers: Vec<((PersonaName, u32), String)>,
    /// What the pretended host answers.
    pub scenario: Scenario,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Loose<S> {
    #[serde(default = "Vec::new")]
    answer: Vec<LooseAnswer>,
    #[serde(default = "Vec::new")]
    step: Vec<S>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LooseAnswer {
    persona: PersonaName,
    turn: u32,
    text: Option<String>,
    json: Option<serde_json::Value>,
}

impl Rehearsal {
    /// Reads a rehearsal from the text of the file called `name`. A `json` answer becomes its text.
    ///
    /// # Errors
    /// The text is no TOML of this form, or one call has two answers; with name and line.
    pub fn parse(name: &str, text: &str) -> Result<Rehearsal, RehearsalError> {
        let fail = |span: Option<Range<usize>>, what: String| RehearsalError { name: name.into(), line: line(text, span), what };
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(fail(None, format!("the file has {} bytes; at most {FILE_BYTES_MAX} are read", text.len())));
        }
        let Loose { answer, step } = toml_edit::de::from_str(text).map_err(|error| fail(error.span(), one_line(error.message(), 300)))?;
        let document = Document::parse(text).map_err(|error| fail(error.span(), one_line(error.message(), 300)))?;
        let mut spans = document.get("answer").map(entries).unwrap_or_default().into_iter();
        let mut seen = BTreeSet::new();
        let mut answers = Vec::with_capacity(answer.len());
        for LooseAnswer { persona, turn, text, json } in answer {
            let span = spans.next().flatten();
            let key = (persona, turn);
            let said = match (text, json) {
                (Some(text), None) => text,
                (None, Some(json)) => json.to_string(),
                (Some(_), Some(_)) | (None, None) => {
                    return Err(fail(span, "an answer has either `text` or `json`; write exactly one of them".into()));
                }
            };
            if said.contains("$__toml_private_datetime") {
                return Err(fail(span, "JSON has no dates; put quotes around the date".into()));
            }
            if turn == 0 {
                return Err(fail(span, "turns count from 1; write the number of the persona's call".into()));
            }
            if said.len() > ANSWER_BYTES_MAX {
                return Err(fail(span, format!("the answer has {} bytes; at most {ANSWER_BYTES_MAX} are read", said.len())));
            }
            if !seen.insert(key.clone()) {
                return Err(fail(span, format!("turn {turn} of {} has an answer already; keep one of them", key.0)));
            }
            answers.push((key, said));
        }
        Ok(Rehearsal { answers, scenario: Scenario { step } })
    }
}

/// Returns where each entry of a list of tables stands, in both ways to write one.
fn entries(item: &Item) -> Vec<Option<Range<usize>>> {
    match (item.as_array_of_tables(), item.as_array()) {
        (Some(tables), _) => tables.iter().map(Table::span).collect(),
        (None, Some(values)) => values.iter().map(Value::span).collect(),
        (None, None) => Vec::new(),
    }
}

fn line(text: &str, span: Option<Range<usize>>) -> u32 {
    let start = span.map_or(0, |span| span.start);
    u32::try_from(text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1).unwrap_or(u32::MAX)
}

/// A rehearsal that cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}: {what}")]
pub struct RehearsalError {
    /// The file, as it was named.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong, and what to do.
    pub what: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::step::Argv;

    fn refused(text: &str) -> String {
        Rehearsal::parse("r.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn answers_and_scenes_are_read() {
        let text = "[[answer]]\npersona = \"planner\"\nturn = 1\njson = { goal = \"x\", n = [1, 2.5, true] }\n\n\
            [[answer]]\npersona = \"planner\"\nturn = 2\ntext = '''\nplain\nwords'''\n\n\
            [[step]]\nargv = [\"kubectl\", \"get\", \"nodes\"]\nstdout = \"Ready\"\n\n[[step]]\nargv = [\"true\"]\nlost = true\n";
        let rehearsal = Rehearsal::parse("r.toml", text).unwrap();
        let planner = PersonaName::try_from("planner").unwrap();
        assert_eq!(rehearsal.answers[0], ((planner.clone(), 1), r#"{"goal":"x","n":[1,2.5,true]}"#.to_string()));
        assert_eq!(rehearsal.answers[1], ((planner, 2), "plain\nwords".to_string()));
        let argv = Argv::try_from(vec!["kubectl".to_string(), "get".into(), "nodes".into()]).unwrap();
        assert_eq!(rehearsal.scenario.answer(&argv, 0).unwrap().stdout, "Ready");
        assert_eq!(rehearsal.scenario.step.len(), 2);
        let empty = Rehearsal::parse("r.toml", "").unwrap();
        assert!(empty.answers.is_empty() && empty.scenario.step.is_empty());
    }

    #[test]
    fn a_table_below_an_answer_is_json_too() {
        let text = "[[answer]]\npersona = \"reviewer\"\nturn = 1\n[answer.json]\ndecision = \"accept\"\nnotes = \"fine\"\n";
        assert_eq!(Rehearsal::parse("r.toml", text).unwrap().answers[0].1, r#"{"decision":"accept","notes":"fine"}"#);
    }

    #[test]
    fn what_cannot_be_played_is_refused_with_its_line() {
        let answer = "[[answer]]\npersona = \"planner\"\nturn = 1\n";
        assert!(refused(&format!("{answer}text = \"a\"\n\n{answer}text = \"b\"\n")).starts_with("r.toml:6: turn 1 of planner has an answer already"));
        assert!(refused(&format!("# c\n{answer}")).starts_with("r.toml:2: an answer has either"));
        assert!(refused(&format!("{answer}text = \"a\"\njson = 1\n")).starts_with("r.toml:1: an answer has either"));
        assert!(refused("[[answer]]\npersona = \"planner\"\nturn = 0\ntext = \"a\"\n").starts_with("r.toml:1: turns count from 1"));
        assert!(
            refused("answer = [\n  { persona = \"a\", turn = 1, text = \"x\" },\n  { persona = \"a\", turn = 1, text = \"x\" },\n]\n")
                .starts_with("r.toml:3: ")
        );
        assert!(refused("[[answer]]\npersona = \"Planner!\"\nturn = 1\ntext = \"a\"\n").starts_with("r.toml:2: "));
        assert!(refused(&format!("{answer}text = \"a\"\nmood = \"x\"\n")).starts_with("r.toml:5: "));
        assert!(refused("[[step]]\nargv = []\n").starts_with("r.toml:2: a command needs at least a program"));
        assert!(refused(&format!("{answer}json = {{ at = 2026-01-01 }}\n")).starts_with("r.toml:1: JSON has no dates"));
        assert!(refused("x = 1\n").starts_with("r.toml:1: "));
        assert!(refused("[[answer]\n").starts_with("r.toml:1: "));
        assert!(refused(&format!("{answer}text = \"{}\"\n", "x".repeat(ANSWER_BYTES_MAX + 1))).starts_with("r.toml:1: the answer has"));
    }
}
