//! Thinking: a persona answers typed messages with what lies on its desk, and can do nothing else.

use crate::limits::MAILBOX_MAX;
use crate::model::{Form, Message, ModelError, Role};
use crate::name::PersonaName;
use crate::seat::{Deliver, Seat};
use crate::text::one_line;
use actix::prelude::{Actor, Recipient};
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// A message that a persona can be asked, with the type of its answer.
pub trait Ask: Send + 'static {
    /// What comes back.
    type Answer: Send + 'static;
}

/// What comes back from a persona.
pub type Answer<T> = Result<T, PersonaError>;

/// Someone who answers one kind of message. A type may answer several: one `impl` for each.
///
/// A panic costs one message: the persona is built anew and asked again. Nothing a persona says
/// reaches a host; its answer is a value that the supervisor judges, records and acts on.
#[async_trait]
pub trait Persona<M: Ask>: Send + 'static {
    /// Answers `asked`, using nothing but what lies on `desk`.
    ///
    /// # Errors
    /// The model failed, or its answer never fitted; the supervisor decides what that means.
    async fn answer(&mut self, asked: M, desk: &Desk) -> Answer<M::Answer>;
}

/// Everything a persona may use. There is no host on it.
#[derive(Clone, Debug)]
pub struct Desk {
    thoughts: mpsc::Sender<Thought>,
    cancel: CancellationToken,
    repairs_max: u32,
}

/// A prompt on its way to the supervisor, which journals it, spends the budget and asks the model.
#[derive(Debug)]
pub(crate) struct Thought {
    pub(crate) messages: Vec<Message>,
    pub(crate) form: Option<Form>,
    pub(crate) reply: oneshot::Sender<Answer<String>>,
}

/// Where one kind of message reaches one persona. At most [`MAILBOX_MAX`] wait.
pub struct Chair<M: Ask> {
    name: PersonaName,
    to: Recipient<Deliver<M>>,
    slots: Arc<Semaphore>,
}

impl Desk {
    /// Sets a desk; thoughts go to the receiver.
    pub(crate) fn new(cancel: CancellationToken, repairs_max: u32) -> (Desk, mpsc::Receiver<Thought>) {
        let (thoughts, received) = mpsc::channel(1);
        (Desk { thoughts, cancel, repairs_max }, received)
    }

    /// Returns the token that is cancelled when nobody waits for the answer any more.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Asks the model and returns its text.
    ///
    /// # Errors
    /// The model gave none, or the run's budget is spent.
    pub async fn think(&self, messages: Vec<Message>) -> Answer<String> {
        self.ask(messages, None).await
    }

    /// Asks the model for JSON of the given form and parses it. An answer that does not fit is
    /// shown to the model with its error, a bounded number of times.
    ///
    /// # Errors
    /// As [`Desk::think`]; or no answer fitted.
    pub async fn fill<T: DeserializeOwned>(&self, mut messages: Vec<Message>, form: &Form) -> Answer<T> {
        let mut repairs = 0;
        loop {
            let text = self.ask(messages.clone(), Some(form.clone())).await?;
            let error = match serde_json::from_str(unfenced(&text)) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if repairs >= self.repairs_max {
                return Err(PersonaError::Form { error: one_line(&error.to_string(), 400), answer: one_line(&text, 200) });
            }
            repairs += 1;
            messages.push(Message::new(Role::Assistant, text));
            messages.push(Message::new(
                Role::User,
                format!("That answer is not accepted: {error}. Answer again, with one JSON document of the form {} and nothing else.", form.name),
            ));
        }
    }

    async fn ask(&self, messages: Vec<Message>, form: Option<Form>) -> Answer<String> {
        let (reply, answer) = oneshot::channel();
        self.thoughts.send(Thought { messages, form, reply }).await.map_err(|_| PersonaError::Cancelled)?;
        answer.await.map_err(|_| PersonaError::Cancelled)?
    }
}

impl<M: Ask> Chair<M> {
    /// Returns who sits here.
    pub fn name(&self) -> &PersonaName {
        &self.name
    }

    /// Returns how many messages fit into the mailbox now.
    pub fn room(&self) -> usize {
        self.slots.available_permits()
    }

    /// Asks, and waits: first for room in the mailbox, then for the answer.
    pub(crate) async fn ask(&self, asked: M, desk: Desk) -> Answer<M::Answer> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| PersonaError::Vacant)?;
        self.to.send(Deliver { asked, desk, slot }).await.map_err(|_| PersonaError::Vacant)?
    }
}

impl<M: Ask> Clone for Chair<M> {
    fn clone(&self) -> Self {
        Chair { name: self.name.clone(), to: self.to.clone(), slots: Arc::clone(&self.slots) }
    }
}

/// Seats a persona made by `make` and returns its chair, once for each kind of message it answers.
pub(crate) struct Seated<P: Send + 'static> {
    name: PersonaName,
    addr: actix::Addr<Seat<P>>,
    slots: Arc<Semaphore>,
}

impl<P: Send + 'static> Seated<P> {
    pub(crate) fn new(name: PersonaName, make: Arc<dyn Fn() -> P + Send + Sync>) -> Self {
        Seated { name, addr: Seat::new(make).start(), slots: Arc::new(Semaphore::new(MAILBOX_MAX)) }
    }

    pub(crate) fn chair<M: Ask>(&self) -> Chair<M>
    where
        P: Persona<M>,
    {
        Chair { name: self.name.clone(), to: self.addr.clone().recipient(), slots: Arc::clone(&self.slots) }
    }
}

/// Returns the JSON inside a Markdown fence, or the text itself.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let fenced = || text.split_once("```").and_then(|(_, rest)| rest.rsplit_once("```")).map(|(inner, _)| inner);
    let Some(inner) = (!text.starts_with(['{', '['])).then(fenced).flatten() else { return text };
    match inner.split_once('\n') {
        Some((language, json)) if !language.trim_start().starts_with(['{', '[']) => json.trim(),
        _ => inner.trim(),
    }
}

/// Why a persona had no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonaError {
    /// The model gave none.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model answered, but never in the form it was asked for.
    #[error("the model's answer does not fit: {error}; it began: {answer}")]
    Form {
        /// What did not fit, the last time.
        error: String,
        /// How the last answer began.
        answer: String,
    },
    /// It panicked; this message is lost, the persona is not.
    #[error("it panicked: {0}")]
    Panicked(String),
    /// It panicked too often, and nobody sits here any more.
    #[error("it panicked too often, its seat is empty")]
    Vacant,
    /// Nobody waits for the answer any more.
    #[error("nobody waits for the answer any more")]
    Cancelled,
    /// It took too long.
    #[error("it gave no answer within {0} seconds")]
    Slow(u32),
    /// It has a reason of its own.
    #[error("{0}")]
    Other(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_are_taken_off() {
        for text in [
            "{\"a\":1}",
            "```json\n{\"a\":1}\n```",
            "```\n{\"a\":1}```",
            "```{\"a\":1}```",
            "  \n```JSON\r\n{\"a\":1}\n```  ",
            "Here you are:\n```json\n{\"a\":1}\n```\nAnything else?",
        ] {
            assert_eq!(unfenced(text), "{\"a\":1}", "{text:?}");
        }
    }
}
