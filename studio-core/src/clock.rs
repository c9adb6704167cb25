//! Time as an input: the loop takes it from a clock, so a simulation can own it.

use jiff::Timestamp;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Returns the time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that may")]
        Timestamp::now()
    }
}

/// A clock that stands still; for tests, replays and rehearsals that must not depend on the hour.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Writes `at` as the journal does: RFC 3339 in UTC with milliseconds.
pub fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}
