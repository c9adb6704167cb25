//! The Planner: a ticket in, a brief and a plan out. It knows no host, no shell and no secrets.

use crate::form::{DRAFT, messages};
use async_trait::async_trait;
use studio_core::dossier::{Draft, WritePlan};
use studio_core::persona::{Answer, Desk, Persona};

const ROLE: &str = include_str!("prompts/planner.md");
const WRITE: &str = "Write the brief and the plan for this ticket.";

/// Turns a ticket into a plan whose criteria a machine can check.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planner;

#[async_trait]
impl Persona<WritePlan> for Planner {
    async fn answer(&mut self, WritePlan(dossier): WritePlan, desk: &Desk) -> Answer<Draft> {
        desk.fill(messages(ROLE, Some(&DRAFT), &dossier, WRITE), &DRAFT.form).await
    }
}
