//! The one actor that seats a persona: one message at a time, panics caught, the persona built anew.

use crate::limits::{RESTART_BACKOFF_MS, RESTART_WINDOW_SECONDS, RESTARTS_MAX};
use crate::persona::{Answer, Ask, Desk, Persona, PersonaError};
use actix::prelude::{Actor, ActorFutureExt, AtomicResponse, Context, Handler, Message, WrapFuture};
use futures_util::FutureExt;
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// A message, the desk to answer it at, and the slot of the mailbox it takes up.
pub(crate) struct Deliver<M: Ask> {
    pub(crate) asked: M,
    pub(crate) desk: Desk,
    pub(crate) slot: OwnedSemaphorePermit,
}

/// The actor around a persona. While the persona works it is moved out, so a panic can only spoil
/// that one value; hooks stay empty, since a panic in one would end the process.
pub(crate) struct Seat<P> {
    make: Arc<dyn Fn() -> P + Send + Sync>,
    persona: Option<Box<P>>,
    panics: VecDeque<Instant>,
}

/// What is left of a persona after one message.
enum Left<P> {
    Whole(Box<P>),
    Fresh,
    Panicked,
}

impl<M: Ask> Message for Deliver<M> {
    type Result = Answer<M::Answer>;
}

impl<P> Seat<P> {
    pub(crate) fn new(make: Arc<dyn Fn() -> P + Send + Sync>) -> Self {
        Seat { make, persona: None, panics: VecDeque::new() }
    }

    /// Returns the persona, built anew if needed; nothing if it panicked too often or cannot be built.
    fn take(&mut self) -> Option<Box<P>> {
        while self.panics.front().is_some_and(|at| at.elapsed() > Duration::from_secs(RESTART_WINDOW_SECONDS)) {
            self.panics.pop_front();
        }
        if self.panics.len() > RESTARTS_MAX {
            return None;
        }
        let make = &self.make;
        match self.persona.take().map_or_else(|| catch_unwind(AssertUnwindSafe(|| Box::new(make()))), Ok) {
            Ok(persona) => Some(persona),
            Err(_) => {
                self.panics.push_back(Instant::now());
                None
            }
        }
    }

    fn put(&mut self, left: Left<P>) {
        match left {
            Left::Whole(persona) => self.persona = Some(persona),
            Left::Fresh => {}
            Left::Panicked => self.panics.push_back(Instant::now()),
        }
    }

    fn backoff(&self) -> Option<Duration> {
        let doubled = self.panics.len().checked_sub(1)?.min(16);
        Some(Duration::from_millis(RESTART_BACKOFF_MS << doubled))
    }
}

impl<P: Send + 'static> Actor for Seat<P> {
    type Context = Context<Self>;
}

impl<M: Ask, P: Persona<M>> Handler<Deliver<M>> for Seat<P> {
    type Result = AtomicResponse<Self, Answer<M::Answer>>;

    fn handle(&mut self, Deliver { asked, desk, slot }: Deliver<M>, _: &mut Context<Self>) -> Self::Result {
        let (persona, backoff) = (self.take(), self.backoff());
        let work = async move {
            let _slot = slot;
            let Some(mut persona) = persona else { return (Left::Fresh, Err(PersonaError::Vacant)) };
            if let Some(backoff) = backoff {
                tokio::time::sleep(backoff).await;
            }
            let cancel = desk.cancelled().clone();
            let answer = tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                answer = AssertUnwindSafe(persona.answer(asked, &desk)).catch_unwind() => Some(answer),
            };
            match answer {
                None => (Left::Fresh, Err(PersonaError::Cancelled)),
                Some(Ok(answer)) => (Left::Whole(persona), answer),
                Some(Err(panic)) => {
                    let _ = catch_unwind(AssertUnwindSafe(move || drop(persona)));
                    (Left::Panicked, Err(PersonaError::Panicked(words(&*panic))))
                }
            }
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|(left, answer), seat, _| {
            seat.put(left);
            answer
        })))
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    crate::text::one_line(&text.unwrap_or_else(|| "without words".into()), 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAILBOX_MAX;
    use crate::persona::Seated;
    use async_trait::async_trait;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio_util::sync::CancellationToken;

    /// How many messages are answered, at once and in all.
    #[derive(Default)]
    struct Hands {
        now: AtomicUsize,
        most: AtomicUsize,
        all: AtomicUsize,
    }

    struct Busy(Arc<Hands>);

    struct Ping;

    impl Ask for Ping {
        type Answer = ();
    }

    #[async_trait]
    impl Persona<Ping> for Busy {
        async fn answer(&mut self, _: Ping, _: &Desk) -> Answer<()> {
            let now = self.0.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.0.most.fetch_max(now, Ordering::SeqCst);
            tokio::task::yield_now().await;
            self.0.now.fetch_sub(1, Ordering::SeqCst);
            self.0.all.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    /// Every envelope holds a slot, so no more envelopes exist than there are slots.
    #[actix::test]
    async fn a_flood_of_ten_thousand_messages_stays_bounded() {
        let hands = Arc::new(Hands::default());
        let seen = Arc::clone(&hands);
        let seated = Seated::new("busy".parse().unwrap(), Arc::new(move || Busy(Arc::clone(&seen))));
        let chair = seated.chair::<Ping>();
        let (desk, _thoughts) = Desk::new(CancellationToken::new(), 0);
        let mut flood: Vec<_> = (0..10_000).map(|_| Box::pin(chair.ask(Ping, desk.clone()))).collect();
        let mut sent = 0;
        for message in &mut flood {
            let before = chair.room();
            assert!(message.now_or_never().is_none());
            sent += before - chair.room();
        }
        assert_eq!((sent, chair.room()), (MAILBOX_MAX, 0), "the rest waits with its sender");
        let answers = futures_util::future::join_all(flood).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!((hands.all.load(Ordering::SeqCst), hands.most.load(Ordering::SeqCst)), (10_000, 1), "each once, one at a time");
        assert_eq!(chair.room(), MAILBOX_MAX);
    }
}
