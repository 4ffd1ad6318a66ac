//! What the console costs its platform, from counters that only rise.

use crate::thrift::Thrift;
use crate::time::Instant;
use model::cost::Cost;
use std::collections::VecDeque;
use std::time::Duration;

/// Requests are told over this long.
const MINUTE: Duration = Duration::from_secs(60);
/// Dollars over this long: some metrics are asked for once in two minutes.
const LONG: Duration = Duration::from_secs(600);
/// Nothing is said of a day before this long: it begins with reading everything.
const ENOUGH: Duration = Duration::from_secs(120);
const DAY: f64 = 86_400.0;

/// Both counters of what is open, at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Requests sent.
    pub(crate) requests: u64,
    /// Billionths of a dollar.
    pub(crate) nanodollars: u64,
}

/// What was spent, lately and against which budget.
#[derive(Debug)]
pub(crate) struct Meter {
    requests: Rate,
    nanodollars: Rate,
    thrift: Thrift,
}

impl Meter {
    pub(crate) fn new(budget: Option<f64>) -> Self {
        Self {
            requests: Rate::over(MINUTE),
            nanodollars: Rate::over(LONG),
            thrift: Thrift::new(budget),
        }
    }

    /// Notes the counters; those of another opening begin anew.
    pub(crate) fn note(&mut self, now: Instant, spent: Spent) {
        self.requests.note(now, spent.requests);
        self.nanodollars.note(now, spent.nanodollars);
    }

    /// Requests in the last minute (in a shorter life: since the start).
    pub(crate) fn per_minute(&self) -> f64 {
        self.requests.per(MINUTE)
    }

    /// How much longer than by itself to rest while all is calm, now that so much was spent.
    pub(crate) fn thrift(&mut self, now: Instant, spent: Spent, calm: bool) -> f64 {
        self.thrift.note(now, spent.nanodollars, calm);
        self.thrift.slowed()
    }

    /// What it costs.
    pub(crate) fn cost(&self) -> Cost {
        Cost {
            requests_per_minute: self.per_minute(),
            dollars_per_day: self.per_day(),
            budget_dollars_per_day: self.thrift.budget,
            slowed: self.thrift.slowed(),
        }
    }

    fn per_day(&self) -> Option<f64> {
        let span = self.nanodollars.span();
        let per_second = self.nanodollars.gained() as f64 / span.as_secs_f64();
        (span >= ENOUGH).then_some(per_second * DAY / 1e9)
    }
}

/// Samples of a rising counter.
#[derive(Debug)]
struct Rate {
    window: Duration,
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    fn over(window: Duration) -> Self {
        Self {
            window,
            samples: VecDeque::new(),
        }
    }

    fn note(&mut self, now: Instant, total: u64) {
        if self.samples.back().is_some_and(|last| last.1 > total) {
            self.samples.clear();
        }
        self.samples.push_back((now, total));
        // The newest sample outside the window stays: the window begins between it and the next.
        while self.samples.len() > 2 && self.samples[1].0 + self.window <= now {
            self.samples.pop_front();
        }
    }

    fn span(&self) -> Duration {
        match (self.samples.front(), self.samples.back()) {
            (Some(first), Some(last)) => last.0 - first.0,
            (None, _) | (_, None) => Duration::ZERO,
        }
    }

    fn gained(&self) -> u64 {
        match (self.samples.front(), self.samples.back()) {
            (Some(first), Some(last)) => last.1 - first.1,
            (None, _) | (_, None) => 0,
        }
    }

    /// So much per `time`; in a shorter life: since the start.
    fn per(&self, time: Duration) -> f64 {
        let (gained, span) = (self.gained() as f64, self.span());
        if span <= time {
            return gained;
        }
        gained * time.as_secs_f64() / span.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{now, paused};

    fn spent(requests: u64, nanodollars: u64) -> Spent {
        Spent {
            requests,
            nanodollars,
        }
    }

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        paused(async {
            let begin = now();
            let mut meter = Meter::new(None);
            assert!(meter.per_minute().abs() < f64::EPSILON);
            for second in 0..=300 {
                // 10 a second for two minutes, then 1 a second.
                let total = if second <= 120 {
                    second * 10
                } else {
                    1200 + (second - 120)
                };
                meter.note(begin + Duration::from_secs(second), spent(total, 0));
            }
            let rate = meter.per_minute();
            assert!((rate - 60.0).abs() < 1.0, "{rate}");
            assert!(meter.requests.samples.len() < 70);
            // What is opened anew counts from nothing.
            meter.note(begin + Duration::from_secs(301), spent(7, 0));
            meter.note(begin + Duration::from_secs(302), spent(9, 0));
            assert!((meter.per_minute() - 2.0).abs() < f64::EPSILON);
        });
    }

    #[test]
    fn dollars_are_told_for_a_day_once_there_is_enough() {
        paused(async {
            let begin = now();
            let at = |second: u64| begin + Duration::from_secs(second);
            // A thousandth of a dollar a minute: 1.44 a day.
            let dollars = |second: u64| spent(second, second * 1_000_000 / 60);
            let mut meter = Meter::new(Some(0.72));
            for second in (0..=110).step_by(5) {
                meter.note(at(second), dollars(second));
            }
            assert_eq!(meter.cost().dollars_per_day, None);
            for second in (115..=300).step_by(5) {
                meter.note(at(second), dollars(second));
                meter.thrift(at(second), dollars(second), true);
            }
            let cost = meter.cost();
            let told = cost.dollars_per_day.expect("told");
            assert!((told - 1.44).abs() < 0.01, "{told}");
            assert_eq!(cost.budget_dollars_per_day, Some(0.72));
            assert!((cost.slowed - 1.0).abs() < f64::EPSILON, "not yet");
            for second in (305..=380).step_by(5) {
                meter.thrift(at(second), dollars(second), true);
            }
            assert!((meter.cost().slowed - 2.0).abs() < 0.02);
        });
    }
}
