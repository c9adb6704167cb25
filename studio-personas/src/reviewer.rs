//! The Reviewer: looks at the work before it is delivered and after it has run. It only takes away.

use crate::form::{REVIEW, messages};
use async_trait::async_trait;
use studio_core::dossier::{Review, ReviewPoint, ReviewWork};
use studio_core::persona::{Answer, Desk, Persona};

const ROLE: &str = include_str!("prompts/reviewer.md");
const BEFORE: &str = "Review the change. It is prepared; nothing has run yet, so there is no evidence to expect.";
const AFTER: &str = "Review the work. It has run, and every check of a machine is met.";

/// Looks for what is wrong and says where it goes back to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reviewer;

#[async_trait]
impl Persona<ReviewWork> for Reviewer {
    async fn answer(&mut self, ReviewWork { point, dossier }: ReviewWork, desk: &Desk) -> Answer<Review> {
        let task = match point {
            ReviewPoint::BeforeDelivery => BEFORE,
            ReviewPoint::AfterExecution => AFTER,
        };
        desk.fill(messages(ROLE, Some(&REVIEW), &dossier, task), &REVIEW.form).await
    }
}
