//! Whether the machine slept, or its clock was set. In both cases what was armed or shown before is not what anybody
//! would press now; what was read is older than it looks only after a sleep.

use crate::time::Instant;
use std::time::{Duration, SystemTime};

/// The clocks may differ by this much between two looks: more is a sleep, or a clock that was set.
/// Slewing (at most 0.5 ms/s, adjtimex(2)) stays far below it.
const APART: Duration = Duration::from_secs(10);

/// What came between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// The machine slept so long.
    Slept(Duration),
    /// Somebody set the wall clock, or the host stood this machine still, of which its own clocks tell nothing.
    ClockSet,
}

/// The clocks as they were last seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Awake {
    steady: Instant,
    asleep: Duration,
    wall: SystemTime,
}

impl Default for Awake {
    fn default() -> Self {
        Self {
            steady: crate::time::now(),
            asleep: crate::time::asleep(),
            wall: crate::time::wall(),
        }
    }
}

impl Awake {
    /// What came between the last look and this one; `None`: time passed as it does.
    pub(crate) fn look(&mut self) -> Option<Gap> {
        let now = Self::default();
        let slept = now.asleep.saturating_sub(self.asleep);
        let passed = now.steady.saturating_duration_since(self.steady) + slept;
        let apart = match now.wall.duration_since(self.wall) {
            Ok(wall) => wall.abs_diff(passed),
            Err(back) => back.duration() + passed,
        };
        *self = now;
        if slept > APART {
            return Some(Gap::Slept(slept));
        }
        (apart > APART).then_some(Gap::ClockSet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{paused, set_wall, sleep, sleep_machine};

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_sleep_and_a_clock_that_was_set_are_told_apart() {
        paused(async {
            let mut awake = Awake::default();
            sleep(HOUR).await;
            assert_eq!(awake.look(), None);
            sleep_machine(HOUR);
            assert_eq!(awake.look(), Some(Gap::Slept(HOUR)));
            assert_eq!(awake.look(), None, "told once");
            for seconds in [300, -300] {
                set_wall(seconds);
                assert_eq!(awake.look(), Some(Gap::ClockSet), "{seconds}");
                assert_eq!(awake.look(), None);
            }
            set_wall(9);
            sleep_machine(Duration::from_secs(9));
            assert_eq!(awake.look(), None, "clocks may differ a little");
        });
    }
}
