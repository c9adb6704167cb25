//! Models: a typed request in, an answer or a typed error out. Budgets and journaling are the supervisor's.

use crate::name::{Digest, PersonaName};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something that completes a conversation.
#[async_trait]
pub trait Model: Send + Sync {
    /// Returns the model's answer. Dropping the future cancels the call.
    ///
    /// # Errors
    /// The model could not be reached, refused, or said something that is no answer.
    async fn complete(&self, request: &Request) -> Result<Reply, ModelError>;

    /// Returns the name that run and report show, as `openai:qwen3` or `scripted:demo.toml`.
    fn name(&self) -> String;
}

/// One request. The same request always has the same [`Request::hash`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Who asks.
    pub persona: PersonaName,
    /// The how-manyeth call of this persona in its run, from 1.
    pub turn: u32,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// The form of the answer, if it must be JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Whose it is.
    pub role: Role,
    /// What it says.
    pub text: String,
}

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The persona's standing instructions.
    System,
    /// What is asked.
    User,
    /// What the model said before.
    Assistant,
}

/// The form an answer must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Its name: letters, digits, `_`.
    pub name: String,
    /// Its JSON schema (draft 2020-12), shared by all who ask for it.
    pub schema: Arc<serde_json::Value>,
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The text.
    pub text: String,
    /// What it cost.
    pub usage: Usage,
}

/// What an answer cost, as the server counted it; 0 where it did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Tokens read.
    pub tokens_in: u64,
    /// Tokens written.
    pub tokens_out: u64,
}

/// A model that answers from a list: for rehearsals, demos and tests.
#[derive(Clone, Debug, Default)]
pub struct ScriptedModel {
    name: String,
    answers: BTreeMap<(PersonaName, u32), String>,
}

impl Request {
    /// Returns the hash that names this prompt in the journal.
    pub fn hash(&self) -> Digest {
        Digest::blake3(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

impl Message {
    /// Makes a message.
    pub fn new(role: Role, text: impl Into<String>) -> Message {
        Message { role, text: text.into() }
    }
}

impl ScriptedModel {
    /// A model called `name` that answers `text` to the given turn of the given persona.
    pub fn new(name: impl Into<String>, answers: impl IntoIterator<Item = ((PersonaName, u32), String)>) -> ScriptedModel {
        ScriptedModel { name: name.into(), answers: answers.into_iter().collect() }
    }
}

#[async_trait]
impl Model for ScriptedModel {
    async fn complete(&self, request: &Request) -> Result<Reply, ModelError> {
        let key = (request.persona.clone(), request.turn);
        match self.answers.get(&key) {
            Some(text) => Ok(Reply { text: text.clone(), usage: Usage::default() }),
            None => Err(ModelError::Unscripted { persona: key.0, turn: key.1 }),
        }
    }

    fn name(&self) -> String {
        format!("scripted:{}", self.name)
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No connection, or none in time.
    #[error("the model's server could not be reached: {0}")]
    Unreachable(String),
    /// The server answered with an error.
    #[error("the model's server answered {status}: {body}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The start of its body.
        body: String,
    },
    /// The answer was cut by a limit of tokens.
    #[error("the model's answer was cut off before its end ({0})")]
    Cut(String),
    /// The answer is no chat completion, or holds no text.
    #[error("the model's server answered something that is no chat completion: {0}")]
    Nonsense(String),
    /// The answer is over the limit.
    #[error("the model's answer has {0} bytes; at most {max} are read", max = crate::limits::ANSWER_BYTES_MAX)]
    Long(usize),
    /// No answer in time.
    #[error("the model gave no answer within {0} seconds")]
    Slow(u32),
    /// What a recording holds in place of an answer.
    #[error("{0}")]
    Recorded(String),
    /// The script holds no answer for this turn.
    #[error("the script holds no answer for turn {turn} of {persona}")]
    Unscripted {
        /// Who asked.
        persona: PersonaName,
        /// Which call.
        turn: u32,
    },
}
