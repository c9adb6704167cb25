//! Seats: a panic costs one message, nonsense is repaired or parked, a flood stays bounded, and silence ends.
