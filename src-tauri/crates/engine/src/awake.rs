//! Whether the machine slept. The monotonic clock stands still meanwhile (clock_gettime(2),
//! CLOCK_MONOTONIC), the wall clock does not: where they went apart, time passed that nobody was here
//! for: what was armed or shown before is not what anybody would press now, and what was read is older than it looks.

use crate::time::Instant;
use std::time::{Duration, SystemTime};

/// The clocks may differ by this much between two looks: more is a sleep, or a clock that was set.
/// Slewing (at most 0.5 ms/s, adjtimex(2)) stays far below it.
const APART: Duration = Duration::from_secs(10);

/// Both clocks as they were last seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Awake {
    steady: Instant,
    wall: SystemTime,
}

impl Default for Awake {
    fn default() -> Self {
        Self {
            steady: crate::time::now(),
            wall: crate::time::wall(),
        }
    }
}

impl Awake {
    /// How long the machine slept since the last look; `None`: it did not. A wall clock that was set
    /// back or forth counts as a sleep: it is not known which it was.
    pub(crate) fn slept(&mut self) -> Option<Duration> {
        let now = Self::default();
        let steady = now.steady.saturating_duration_since(self.steady);
        let apart = match now.wall.duration_since(self.wall) {
            Ok(wall) => wall.abs_diff(steady),
            Err(back) => back.duration() + steady,
        };
        *self = now;
        (apart > APART).then_some(apart)
    }
}
