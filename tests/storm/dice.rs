//! Numbers that look random, the same for the same seed.

use std::time::Duration;

/// A generator: xorshift.
pub struct Dice(u64);

impl Dice {
    /// Dice of their own for each lane.
    pub fn new(seed: u64, lane: u64) -> Dice {
        Dice((seed ^ (lane + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).max(1))
    }

    /// Returns a number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 8).unwrap_or_default() % sides.max(1)
    }

    /// Returns a time below `most`.
    pub fn time(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.roll(usize::try_from(most.as_micros()).unwrap_or(usize::MAX)) as u64)
    }
}
