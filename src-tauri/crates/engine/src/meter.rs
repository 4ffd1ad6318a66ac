//! Requests per minute, from a counter that only rises: what the console costs its platform.

use crate::time::Instant;
#[cfg(test)]
use crate::time::now;
use std::collections::VecDeque;
use std::time::Duration;

/// The rate is over this long.
const WINDOW: Duration = Duration::from_secs(60);

/// Samples of a rising counter.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    samples: VecDeque<(Instant, u64)>,
}

impl Meter {
    /// Notes the counter's value.
    pub(crate) fn note(&mut self, now: Instant, total: u64) {
        self.samples.push_back((now, total));
        // The newest sample outside the window stays: the window begins between it and the next.
        while self.samples.len() > 2 && self.samples[1].0 + WINDOW <= now {
            self.samples.pop_front();
        }
    }

    /// Requests in the last minute (in a shorter life: since the start).
    pub(crate) fn per_minute(&self) -> f64 {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return 0.0;
        };
        let span = (last.0 - first.0).as_secs_f64();
        let count = last.1.saturating_sub(first.1) as f64;
        if span <= WINDOW.as_secs_f64() {
            return count;
        }
        count * 60.0 / span
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::paused;

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        paused(async {
            let begin = now();
            let mut meter = Meter::default();
            assert!(meter.per_minute().abs() < f64::EPSILON);
            for second in 0..=300 {
                // 10 a second for two minutes, then 1 a second.
                let total = if second <= 120 {
                    second * 10
                } else {
                    1200 + (second - 120)
                };
                meter.note(begin + Duration::from_secs(second), total);
            }
            assert!(
                (meter.per_minute() - 60.0).abs() < 1.0,
                "{}",
                meter.per_minute()
            );
            assert!(meter.samples.len() < 70);
        });
    }
}
