//! The default crews: who sits where.

use crate::{Engineer, Narrator, Planner, Reviewer};
use studio_core::crew::Crew;

/// Returns the default crew: Planner, Engineer, Reviewer and Narrator.
pub fn crew() -> Crew {
    small_crew().reviewer(|| Reviewer).narrator(|| Narrator)
}

/// Returns the smallest crew that works: Planner and Engineer.
pub fn small_crew() -> Crew {
    Crew::new(|| Planner, || Engineer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_posts_are_as_they_say() {
        let (full, small) = (crew().posts(), small_crew().posts());
        assert!(full.reviewer && full.narrator && full.advisers.is_empty());
        assert!(!small.reviewer && !small.narrator && small.advisers.is_empty());
    }
}
