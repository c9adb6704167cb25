//! The one integration-test binary: each module is one promise of the Studio.

mod cli;
mod crash;
mod crew;
mod demo_crash;
mod endings;
mod examples;
mod failures;
mod journals;
mod live;
mod rights;
mod seats;
mod shell;
mod simulation;
mod tidy;
mod transcripts;
mod unknown;
mod ways;
