//! Models that are reached over a network.

pub mod openai;
mod wire;
