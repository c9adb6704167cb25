//! The Narrator: says what happened, in plain words, when the run is about to end.

use crate::form::messages;
use crate::render::fenced;
use async_trait::async_trait;
use studio_core::dossier::Narrate;
use studio_core::persona::{Answer, Desk, Persona};
use studio_core::text::Prose;

const ROLE: &str = include_str!("prompts/narrator.md");

/// Tells the run as a story of three short paragraphs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Narrator;

#[async_trait]
impl Persona<Narrate> for Narrator {
    async fn answer(&mut self, Narrate { ending, dossier }: Narrate, desk: &Desk) -> Answer<Prose> {
        let task = format!("Tell what happened. The run is about to end like this:\n\n{}", fenced(&ending));
        let text = desk.think(messages(ROLE, None, &dossier, &task)).await?;
        Ok(Prose::tamed(&text))
    }
}
