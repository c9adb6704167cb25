//! The default crew and the models it thinks with. Nothing here can reach a host.
//!
//! A persona is one file: its prompt stands in `prompts/`, its answer is a type of
//! [`studio_core::dossier`], and the form of that answer a JSON schema beside the prompt.

mod crew;
mod engineer;
mod form;
pub mod model;
mod narrator;
mod planner;
mod render;
mod reviewer;

pub use crew::{crew, small_crew};
pub use engineer::Engineer;
pub use narrator::Narrator;
pub use planner::Planner;
pub use reviewer::Reviewer;
