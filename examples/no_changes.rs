//! The adviser of the example: one struct, one `impl`.

use async_trait::async_trait;
use studio_core::dossier::{Advice, Advise};
use studio_core::gate::Class;
use studio_core::persona::{Answer, Desk, Persona};
use studio_core::text::Prose;

/// Stops a run before a step that changes anything.
pub struct NoChanges;

#[async_trait]
impl Persona<Advise> for NoChanges {
    async fn answer(&mut self, asked: Advise, _: &Desk) -> Answer<Advice> {
        let step = asked.dossier.steps.iter().find(|step| Some(step.no) == asked.step);
        match step.and_then(|step| step.judgement.as_ref()) {
            Some(judgement) if judgement.class > Class::Observe => Ok(Advice::Stop { why: Prose::tamed("nothing changes on a Friday") }),
            _ => Ok(Advice::GoOn),
        }
    }
}
