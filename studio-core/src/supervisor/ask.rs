//! Asking a persona: its thoughts go through here, where they are journaled, paid for and limited.

use super::{RunError, Supervisor};
use crate::event::{Answered, Event, Limit};
use crate::limits::{ANSWER_BYTES_MAX, RESTARTS_MAX};
use crate::model::{Form, Message, ModelError, Reply, Request, Usage};
use crate::name::PersonaName;
use crate::permit::Cuts;
use crate::persona::{Answer, Ask, Chair, Desk, PersonaError, Thought};
use crate::store::Store;
use std::pin::pin;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Why nobody decided anything.
pub(super) enum Stuck {
    /// The run cannot go on by itself.
    Limit(Limit, String),
    /// It was told to stop.
    Stopped,
    /// Nothing may begin now; what was granted stays granted.
    Held(String),
    /// The Studio itself failed.
    Failed(RunError),
}

/// One asking of one persona: how many of its answers came out of the journal, and what it ran into.
#[derive(Default)]
struct Asking {
    recalled: usize,
    stuck: Option<Stuck>,
}

impl<S: Store, A: Cuts<S>> Supervisor<S, A> {
    /// Asks, and asks again after a panic, which costs one message: what was bought for it is kept.
    pub(super) async fn ask<M: Ask + Clone>(&mut self, chair: &Chair<M>, message: M) -> Result<M::Answer, Stuck> {
        let mut last = PersonaError::Vacant;
        self.flush().await?;
        for _ in 0..=RESTARTS_MAX {
            let mut asking = Asking::default();
            let answer = self.ask_once(chair, message.clone(), &mut asking).await;
            if let Some(stuck) = asking.stuck {
                return Err(stuck);
            }
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error @ (PersonaError::Panicked(_) | PersonaError::Vacant)) => {
                    tracing::warn!(run = %self.journal.run(), persona = %chair.name(), %error, "a persona failed and is asked again");
                    self.flush().await?;
                    last = error;
                }
                Err(error) => return Err(stuck(chair.name(), &error)),
            }
        }
        Err(stuck(chair.name(), &last))
    }

    async fn ask_once<M: Ask>(&mut self, chair: &Chair<M>, message: M, asking: &mut Asking) -> Answer<M::Answer> {
        let limits = self.run.opened().map(|opened| opened.limits).unwrap_or_default();
        let (cancel, stop) = (CancellationToken::new(), self.parts.stop.clone());
        let (desk, mut thoughts) = Desk::new(cancel.clone(), limits.repairs_max);
        let _cancel = cancel.drop_guard(); // whatever ends the asking ends the persona's work on it
        let mut answer = pin!(chair.ask(message, desk));
        let mut late = pin!(tokio::time::sleep(Duration::from_secs(limits.turn_seconds_max.into())));
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = stop.cancelled() => {
                    asking.stuck = Some(Stuck::Stopped);
                    return Err(PersonaError::Cancelled);
                }
                Some(Thought { messages, form, reply }) = thoughts.recv() => {
                    let text = match self.think(chair.name(), messages, form, asking).await {
                        Ok(text) => text,
                        Err(stuck) => {
                            asking.stuck = Some(stuck);
                            return Err(PersonaError::Cancelled);
                        }
                    };
                    let _ = reply.send(text); // a persona that no longer waits has answered or panicked
                }
                () = &mut late => return Err(PersonaError::Slow(limits.turn_seconds_max)),
            }
        }
    }

    /// Answers one thought: from the journal if it was bought before, else from the model.
    async fn think(
        &mut self,
        persona: &PersonaName,
        messages: Vec<Message>,
        form: Option<Form>,
        asking: &mut Asking,
    ) -> Result<Answer<String>, Stuck> {
        let messages = messages.into_iter().map(|message| Message { text: self.journal.redact(&message.text), ..message }).collect();
        let mut request = Request { persona: persona.clone(), turn: 0, messages, form };
        if let Some(bought) = self.run.bought(persona).nth(asking.recalled) {
            request.turn = bought.turn;
            if request.hash() == bought.prompt {
                asking.recalled += 1;
                return Ok(Ok(self.journal.text(&bought.answer).map_err(RunError::from)?));
            }
        }
        self.flush().await?;
        let Some(model) = self.parts.model.clone() else {
            return Err(Stuck::Limit(
                Limit::Setting,
                format!("{persona} needs a model and none is set: choose one with --model, or name one in the operator's studio.toml"),
            ));
        };
        self.affordable()?;
        request.turn = self.run.turns(persona) + 1;
        let asked = Event::ModelAsked { persona: persona.clone(), turn: request.turn, prompt: request.hash(), model: model.name() };
        self.decide(vec![asked]).await?;
        self.journal.barrier().await.map_err(RunError::from)?;
        let seconds = self.run.opened().map(|opened| opened.limits.call_seconds_max).unwrap_or_default();
        let stop = self.parts.stop.clone();
        let reply = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Stuck::Stopped),
            reply = tokio::time::timeout(Duration::from_secs(seconds.into()), model.complete(&request)) => reply.unwrap_or(Err(ModelError::Slow(seconds))),
        };
        self.bought(request, reply).await
    }

    /// Puts an answer where the next record takes it along.
    async fn bought(&mut self, request: Request, reply: Result<Reply, ModelError>) -> Result<Answer<String>, Stuck> {
        let Request { persona, turn, .. } = request;
        let (answer, usage, given) = match reply {
            Ok(Reply { text, usage }) if text.len() > ANSWER_BYTES_MAX => {
                let error = ModelError::Long(text.len());
                (Answered::Failed(error.to_string()), usage, Err(PersonaError::Model(error)))
            }
            Ok(Reply { text, usage }) => {
                let text = self.journal.redact(&text);
                (Answered::Text(self.journal.keep(&text).await.map_err(RunError::from)?), usage, Ok(text))
            }
            Err(error) => (Answered::Failed(self.journal.redact(&error.to_string())), Usage::default(), Err(PersonaError::Model(error))),
        };
        self.pending.push(Event::ModelAnswered { persona, turn, answer, usage });
        Ok(given)
    }

    fn affordable(&self) -> Result<(), Stuck> {
        let (limits, spent) = (self.run.opened().map(|opened| opened.limits).unwrap_or_default(), self.run.spent());
        if spent.model_calls >= limits.model_calls_max {
            return Err(Stuck::Limit(Limit::ModelCalls, format!("{} calls to the model are spent", spent.model_calls)));
        }
        let tokens = spent.tokens_in.saturating_add(spent.tokens_out);
        if tokens >= limits.tokens_max {
            return Err(Stuck::Limit(Limit::Tokens, format!("{tokens} tokens are spent, the limit is {}", limits.tokens_max)));
        }
        Ok(())
    }
}

fn stuck(persona: &PersonaName, error: &PersonaError) -> Stuck {
    let limit = match error {
        PersonaError::Model(_) => Limit::Model,
        PersonaError::Form { .. } => Limit::Repairs,
        PersonaError::Slow(_) => Limit::TurnTime,
        PersonaError::Panicked(_) | PersonaError::Vacant | PersonaError::Cancelled | PersonaError::Other(_) => Limit::Restarts,
    };
    Stuck::Limit(limit, format!("{persona}: {error}; mend it, then resume"))
}

impl From<RunError> for Stuck {
    fn from(error: RunError) -> Stuck {
        Stuck::Failed(error)
    }
}
