//! The Engineer: objects to a plan or agrees, then hands over edits and a runbook.

use crate::form::{CHANGE, OPINION, messages};
use async_trait::async_trait;
use studio_core::dossier::{ConsiderPlan, Opinion, PrepareChange};
use studio_core::persona::{Answer, Desk, Persona};
use studio_core::plan::Change;

const ROLE: &str = include_str!("prompts/engineer.md");
const CONSIDER: &str = "Consider the plan. List your objections, or none.";
const PREPARE: &str = "Prepare the whole change for the plan: edits and runbook.";

/// Turns a plan into a change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Engineer;

#[async_trait]
impl Persona<ConsiderPlan> for Engineer {
    async fn answer(&mut self, ConsiderPlan(dossier): ConsiderPlan, desk: &Desk) -> Answer<Opinion> {
        desk.fill(messages(ROLE, Some(&OPINION), &dossier, CONSIDER), &OPINION.form).await
    }
}

#[async_trait]
impl Persona<PrepareChange> for Engineer {
    async fn answer(&mut self, PrepareChange(dossier): PrepareChange, desk: &Desk) -> Answer<Change> {
        desk.fill(messages(ROLE, Some(&CHANGE), &dossier, PREPARE), &CHANGE.form).await
    }
}
