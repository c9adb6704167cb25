//! The cast: personas that panic and dawdle, an adviser with moods, and a model that fails in every way it can.

use super::reference::Fact;
use super::script::Script;
use super::seed::Dice;
use super::watch::Watch;
use crate::crew::Clerk;
use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use studio_core::crew::Crew;
use studio_core::dossier::{Advice, Advise};
use studio_core::model::{Model, ModelError, Reply, Request, Usage};
use studio_core::persona::{Answer, Ask, Desk, Persona};
use studio_core::text::Prose;
use tokio_util::sync::CancellationToken;

/// What personas and model fail by; shared by all of a seed.
#[derive(Clone)]
pub(crate) struct Moods(Arc<Mutex<Mood>>, Watch);

struct Mood {
    dice: Dice,
    calm: bool,
    kill: CancellationToken,
}

/// A Clerk who panics and dawdles.
struct Moody(Moods);

/// An adviser who mostly lets go on; the same about the same.
struct Adviser(Script);

/// A model that answers as the script says, if it answers.
pub(crate) struct Medium(pub(crate) Script, pub(crate) Moods);

impl Moods {
    pub(crate) fn new(dice: Dice, watch: &Watch) -> Moods {
        Moods(Arc::new(Mutex::new(Mood { dice, calm: false, kill: CancellationToken::new() })), watch.clone())
    }

    /// Has no whims, or all of them.
    pub(crate) fn calm(&self, calm: bool) {
        self.with(|mood| mood.calm = calm);
    }

    /// Says what ends the Studio's life.
    pub(crate) fn may_kill(&self, kill: &CancellationToken) {
        self.with(|mood| mood.kill = kill.clone());
    }

    fn with<T>(&self, act: impl FnOnce(&mut Mood) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Draws what happens; the first where all is calm.
    fn draw(&self, from: &[(u64, &'static str)]) -> &'static str {
        let drawn = self.with(|mood| if mood.calm { from[0].1 } else { mood.dice.weighted(from) });
        if drawn != from[0].1 {
            self.1.count(drawn);
        }
        drawn
    }
}

#[async_trait]
impl<M: Ask> Persona<M> for Moody
where
    Clerk: Persona<M>,
{
    async fn answer(&mut self, asked: M, desk: &Desk) -> Answer<M::Answer> {
        let drawn = self.0.draw(&[(94, "persona: well"), (3, "persona: panics"), (2, "persona: panics late"), (1, "persona: dawdles")]);
        let panics = || std::panic::resume_unwind(Box::new("stage fright")); // no hook, so nothing is printed
        match drawn {
            "persona: panics" => panics(),
            "persona: dawdles" => tokio::time::sleep(Duration::from_secs(4000)).await,
            _ => {}
        }
        let answer = Clerk.answer(asked, desk).await;
        if drawn == "persona: panics late" {
            panics();
        }
        answer
    }
}

#[async_trait]
impl Persona<Advise> for Adviser {
    async fn answer(&mut self, asked: Advise, _: &Desk) -> Answer<Advice> {
        let mut dice = self.0.seed.dice(&format!("{:?} {} {:?}", asked.checkpoint, asked.dossier.round, asked.step));
        let why = Prose::tamed("the adviser has a feeling");
        Ok(dice.weighted(&[(90, Advice::GoOn), (8, Advice::SendBack { why: why.clone() }), (2, Advice::Stop { why })]))
    }
}

/// Returns the crew of a script.
pub(crate) fn crew(script: &Script, moods: &Moods) -> Crew {
    let make = || {
        let moods = moods.clone();
        move || Moody(moods.clone())
    };
    let mut crew = Crew::new(make(), make());
    if script.reviewer {
        crew = crew.reviewer(make());
    }
    if script.narrator {
        crew = crew.narrator(make());
    }
    if let Some(at) = &script.adviser {
        let script = script.clone();
        crew = crew.adviser("adviser".parse().unwrap(), at.iter().copied(), move || Adviser(script.clone()));
    }
    crew
}

#[async_trait]
impl Model for Medium {
    async fn complete(&self, request: &Request) -> Result<Reply, ModelError> {
        let Medium(script, moods) = self;
        moods.1.see(Fact::Called(&request.persona, request.turn));
        let says = |text: String| Ok(Reply { text, usage: Usage { tokens_in: 40, tokens_out: 20 } });
        match moods.draw(&[
            (88, "model: answers"),
            (2, "model: unreachable"),
            (1, "model: status"),
            (1, "model: cut"),
            (1, "model: nonsense"),
            (1, "model: too long"),
            (1, "model: too slow"),
            (3, "model: malformed"),
            (1, "model: studio dies"),
            (1, "model: slow"),
        ]) {
            "model: unreachable" => Err(ModelError::Unreachable("connection refused".into())),
            "model: status" => Err(ModelError::Status { status: 503, body: "busy".into() }),
            "model: cut" => Err(ModelError::Cut("length".into())),
            "model: nonsense" => Err(ModelError::Nonsense("<html>".into())),
            "model: too long" => says("x".repeat(300_000)),
            "model: malformed" => says("As a language model".into()),
            "model: too slow" => {
                tokio::time::sleep(Duration::from_secs(100_000)).await;
                says(script.answer(request))
            }
            "model: slow" => {
                tokio::time::sleep(Duration::from_secs(300)).await;
                says(script.answer(request))
            }
            "model: studio dies" => {
                moods.with(|mood| mood.kill.cancel());
                std::future::pending().await
            }
            _ => says(script.answer(request)),
        }
    }

    fn name(&self) -> String {
        "medium".into()
    }
}
