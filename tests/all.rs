//! The one integration-test binary: each module is one promise of the Studio.

mod crash;
mod crew;
mod seats;
mod transcripts;
