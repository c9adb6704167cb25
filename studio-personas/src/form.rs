//! Forms: the JSON an answer must be, each with a worked example, and the prompt that asks for it.

use crate::render;
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use studio_core::dossier::Dossier;
use studio_core::model::{Form, Message, Role};

/// What holds for every persona.
const RULES: &str = include_str!("prompts/rules.md");

pub(crate) static DRAFT: LazyLock<Sheet> = LazyLock::new(|| Sheet::read("draft", include_str!("prompts/draft.schema.json")));
pub(crate) static OPINION: LazyLock<Sheet> = LazyLock::new(|| Sheet::read("opinion", include_str!("prompts/opinion.schema.json")));
pub(crate) static CHANGE: LazyLock<Sheet> = LazyLock::new(|| Sheet::read("change", include_str!("prompts/change.schema.json")));
pub(crate) static REVIEW: LazyLock<Sheet> = LazyLock::new(|| Sheet::read("review", include_str!("prompts/review.schema.json")));

/// A form and answers that fit it; the first is shown to the model.
pub(crate) struct Sheet {
    pub(crate) form: Form,
    examples: Vec<Value>,
}

/// Returns the conversation that asks for one answer: the rules, the role and an example as the
/// system's words, the dossier as data, the task last. The same input gives the same text.
pub(crate) fn messages(role: &str, sheet: Option<&Sheet>, dossier: &Dossier, task: &str) -> Vec<Message> {
    let example = sheet.map(Sheet::example).unwrap_or_default();
    vec![
        Message::new(Role::System, format!("{RULES}\n{role}{example}")),
        Message::new(Role::User, format!("{}\n## Your task\n\n{task}\n", render::dossier(dossier))),
    ]
}

impl Sheet {
    /// Takes the examples out of the schema, since servers compile what is left.
    fn read(name: &str, schema: &str) -> Sheet {
        #[expect(clippy::expect_used, reason = "the text is ours, and a test reads every sheet")]
        let mut schema: Value = serde_json::from_str(schema).expect("a schema of ours is JSON");
        let examples = match schema.as_object_mut().and_then(|schema| schema.remove("examples")) {
            Some(Value::Array(examples)) => examples,
            Some(_) | None => Vec::new(),
        };
        Sheet { form: Form { name: name.into(), schema: Arc::new(schema) }, examples }
    }

    fn example(&self) -> String {
        let example = self.examples.first().map(|example| format!("{example:#}")).unwrap_or_default();
        format!("\nAnswer with one JSON document and nothing else. An example of its form, for another ticket:\n\n{example}\n")
    }
}

#[cfg(test)]
mod tests;
