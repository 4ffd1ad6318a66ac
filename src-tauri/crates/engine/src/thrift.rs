//! Keeps a budget: how much longer to rest between readings that cost something, from what they cost at which pace.

use crate::time::Instant;
use model::cost::slowed;
use std::collections::VecDeque;
use std::time::Duration;

/// What is opened reads everything at once, which says nothing of a day.
const OPENING: Duration = Duration::from_secs(120);
/// Nothing is judged by less than this.
const ENOUGH: Duration = Duration::from_secs(120);
/// What is asked for once in two minutes, and rests five times longer, is asked for three times in this.
const WINDOW: Duration = Duration::from_secs(1800);
/// The budget is looked at so often.
const BETWEEN: Duration = Duration::from_secs(60);
const DAY: f64 = 86_400.0;

/// What was spent at one time, and at which pace until then: 1, or less where it rested longer.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    nanodollars: u64,
    pace: f64,
}

/// What is spent while all is calm, held against a budget. While something is wrong nothing is slowed, and what that
/// costs tells nothing of calm days.
#[derive(Debug)]
pub(crate) struct Thrift {
    /// Dollars per day; `None`: as much as it takes.
    pub(crate) budget: Option<f64>,
    slowed: f64,
    opened: Option<Instant>,
    spent: u64,
    looked: Option<Instant>,
    samples: VecDeque<Sample>,
}

impl Thrift {
    pub(crate) fn new(budget: Option<f64>) -> Self {
        Self {
            budget,
            slowed: 1.0,
            opened: None,
            spent: 0,
            looked: None,
            samples: VecDeque::new(),
        }
    }

    /// How many times longer than by itself to rest while all is calm.
    pub(crate) fn slowed(&self) -> f64 {
        self.slowed
    }

    /// Notes what was spent so far; a counter that is lower is another opening's.
    pub(crate) fn note(&mut self, now: Instant, nanodollars: u64, calm: bool) {
        if nanodollars < std::mem::replace(&mut self.spent, nanodollars) {
            self.opened = None;
        }
        let opened = *self.opened.get_or_insert(now);
        if !calm || now - opened < OPENING {
            self.samples.clear();
            return;
        }
        self.samples.push_back(Sample {
            at: now,
            nanodollars,
            pace: 1.0 / self.slowed,
        });
        while self.samples.len() > 2 && self.samples[1].at + WINDOW <= now {
            self.samples.pop_front();
        }
        self.look(now);
    }

    fn look(&mut self, now: Instant) {
        let due = self.looked.is_none_or(|looked| now - looked >= BETWEEN);
        if let (true, Some(budget), Some(dollars)) = (due, self.budget, self.own_cost()) {
            self.looked = Some(now);
            self.slowed = slowed(dollars, budget);
        }
    }

    /// Dollars per day if it did not rest longer. The window has seen several paces: what it cost is told by all of
    /// them together, so that nothing is saved twice.
    fn own_cost(&self) -> Option<f64> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let span = last.at - first.at;
        if span < ENOUGH {
            return None;
        }
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        let paced: f64 = pairs
            .map(|(from, to)| (to.at - from.at).as_secs_f64() * to.pace)
            .sum();
        let dollars = (last.nanodollars - first.nanodollars) as f64 / 1e9;
        Some(dollars / paced * DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{now, paused};

    /// Nanodollars a second of so much a day.
    fn second(dollars_per_day: f64) -> f64 {
        dollars_per_day * 1e9 / DAY
    }

    /// Spends for hours, and tells how it was slowed at every minute. A pace comes into force only when the rests under
    /// way have ended, two minutes later.
    fn spend(thrift: &mut Thrift, begin: Instant, costs: impl Fn(u64, f64) -> f64) -> Vec<f64> {
        let (mut total, mut paces, mut minutes) = (0.0, VecDeque::from([1.0; 24]), Vec::new());
        for step in 0..4 * 720_u64 {
            paces.push_back(thrift.slowed());
            let in_force = paces.pop_front().unwrap_or(1.0);
            total += second(costs(step * 5, in_force)) * 5.0;
            thrift.note(begin + Duration::from_secs(step * 5), total as u64, true);
            if step % 12 == 0 {
                minutes.push(thrift.slowed());
            }
        }
        minutes
    }

    #[test]
    fn a_budget_is_kept_without_swinging_whatever_the_opening_cost() {
        paused(async {
            // By itself four dollars a day, of which a tenth is not to be saved on; it opens at four hundred.
            let costs = |at: u64, slowed: f64| match at {
                0..60 => 400.0,
                _ => 0.4 + 3.6 / slowed,
            };
            for (budget, settled) in [
                (2.0, 2.25),
                (1.5, 3.27),
                (10.0, 1.0),
                (0.1, 5.0),
                (0.0, 5.0),
            ] {
                let slowed = spend(&mut Thrift::new(Some(budget)), now(), costs);
                assert!(
                    slowed[..4].iter().all(|s| *s <= 1.0),
                    "{budget}: {slowed:?}"
                );
                for late in &slowed[90..] {
                    assert!(
                        (late - settled).abs() < 0.05 * settled,
                        "{budget}: {slowed:?}"
                    );
                }
                let highest = slowed.iter().copied().fold(1.0, f64::max);
                assert!(highest < 1.4 * settled, "{budget}: {highest}");
            }
        });
    }

    #[test]
    fn without_a_budget_and_in_an_incident_nothing_is_judged() {
        paused(async {
            let begin = now();
            let slowed = spend(&mut Thrift::new(None), begin, |_, _| 400.0);
            assert!(slowed.iter().all(|s| (s - 1.0).abs() < f64::EPSILON));
            let mut thrift = Thrift::new(Some(1.0));
            for step in 0..720_u64 {
                let calm = !(30..=600).contains(&step);
                // A dollar a day, and a hundred while something is wrong.
                let wrong = step.clamp(30, 600) - 30;
                let total = second(1.0) * 5.0 * step as f64 + second(99.0) * 5.0 * wrong as f64;
                thrift.note(begin + Duration::from_secs(step * 5), total as u64, calm);
                assert!(thrift.slowed() < 1.01, "{step}: {}", thrift.slowed());
            }
        });
    }
}
