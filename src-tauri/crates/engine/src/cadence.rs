//! When to read a source again: slower when calm and unchanged, faster when its nodes are
//! abnormal or a run is live, backed off when it fails. Pure: dice and time are passed in.

use model::FailureClass;
use std::time::Duration;

/// Why a source may be read faster than calm asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pace {
    /// Nothing abnormal among its nodes.
    Calm,
    /// Some node that its facts describe is abnormal.
    Hurried,
    /// A run watches it.
    Live,
}

/// After this many readings without news the period is the longest.
const STEPS_TO_SLOWEST: u32 = 4;
/// Without news a period grows to three times the calm one, but no further than this …
const SLOWEST: Duration = Duration::from_secs(60);
/// … or, where that is already slow, to twice.
const SLOWEST_OF_THE_SLOW: u32 = 2;
/// The fastest a source is read on the failing path.
const FASTEST_HURRIED: Duration = Duration::from_secs(5);
/// The fastest a source is read during a run.
const FASTEST_LIVE: Duration = Duration::from_secs(2);
/// The first retry of a source that cannot be reached.
const FIRST_RETRY: Duration = Duration::from_secs(4);
/// No back-off waits longer than this where they asked for it or somebody must change a policy …
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// … but of what is read seldom, twice its period up to this, where they asked for it …
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(3600);
/// … and no longer than this where a network or a login that comes back mends everything at once.
const LONGEST_OUTAGE: Duration = Duration::from_secs(60);

/// The rhythm of one source.
#[derive(Clone, Debug)]
pub(crate) struct Cadence {
    calm: Duration,
    /// The source has nothing newer than this, however often it is asked.
    floor: Duration,
    unchanged: u32,
    failures: u32,
    class: Option<FailureClass>,
    /// How many times longer than by itself it rests while all is calm.
    slowed: f64,
}

impl Cadence {
    /// `calm` is the period of a source without news; `floor` the shortest that makes sense.
    pub(crate) fn new(calm: Duration, floor: Duration) -> Self {
        Self {
            calm,
            floor,
            unchanged: 0,
            failures: 0,
            class: None,
            slowed: 1.0,
        }
    }

    /// Rests so many times longer from now on, while all is calm: what goes wrong is read as fast whatever it costs.
    pub(crate) fn slow(&mut self, times: f64) {
        self.slowed = times;
    }

    /// Rests no more than so many times longer from now on.
    pub(crate) fn slow_at_most(&mut self, times: f64) {
        self.slowed = self.slowed.min(times);
    }

    /// Notes a good reading.
    pub(crate) fn answered(&mut self, changed: bool) {
        self.failures = 0;
        self.class = None;
        self.unchanged = if changed {
            0
        } else {
            self.unchanged.saturating_add(1)
        };
    }

    /// Notes a failed reading.
    pub(crate) fn failed(&mut self, class: FailureClass) {
        self.failures = self.failures.saturating_add(1);
        self.class = Some(class);
        self.unchanged = 0;
    }

    /// Time between two readings while they succeed.
    pub(crate) fn period(&self, pace: Pace) -> Duration {
        match pace {
            Pace::Calm => {
                let steps = self.unchanged.min(STEPS_TO_SLOWEST);
                let own = self.calm + (self.slowest() - self.calm) * steps / STEPS_TO_SLOWEST;
                own.mul_f64(self.slowed)
            }
            Pace::Hurried => self.quick(3, FASTEST_HURRIED),
            Pace::Live => self.quick(6, FASTEST_LIVE),
        }
    }

    /// The longest period it may have after the reading under way: what staleness is judged by.
    pub(crate) fn next_period(&self, pace: Pace) -> Duration {
        let mut next = self.clone();
        next.answered(false);
        next.period(pace)
    }

    /// How long to rest now; `dice` in 0 … 1 spreads sources that began together.
    pub(crate) fn rest(&self, pace: Pace, dice: f64) -> Duration {
        let base = match self.class {
            None => self.period(pace),
            Some(class) => self.backoff(class, pace),
        };
        base.mul_f64(0.9 + 0.2 * dice.clamp(0.0, 1.0))
    }

    fn slowest(&self) -> Duration {
        let long = (self.calm * 3).min(SLOWEST);
        long.max(self.calm * SLOWEST_OF_THE_SLOW)
    }

    fn quick(&self, share: u32, fastest: Duration) -> Duration {
        (self.calm / share)
            .max(fastest)
            .max(self.floor)
            .min(self.calm)
    }

    fn backoff(&self, class: FailureClass, pace: Pace) -> Duration {
        let (first, longest) = match class {
            // Asking again soon is what they asked us not to do.
            FailureClass::Throttled => {
                let twice = (self.calm * 2).min(LONGEST_ASKED_FOR);
                let first = (self.period(Pace::Calm) * 2).min(LONGEST_ASKED_FOR);
                (first, LONGEST_BACKOFF.max(twice))
            }
            // What is read twice a day is not missed half a day once it is allowed.
            FailureClass::Denied | FailureClass::Unsupported => {
                (self.calm.min(LONGEST_BACKOFF), LONGEST_BACKOFF)
            }
            FailureClass::Credentials
            | FailureClass::Unreachable
            | FailureClass::TimedOut
            | FailureClass::Malformed
            | FailureClass::Server
            | FailureClass::Other => (FIRST_RETRY.min(self.period(pace)), LONGEST_OUTAGE),
        };
        let doublings = self.failures.saturating_sub(1).min(10);
        (first * 2_u32.pow(doublings)).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_twice_a_day_is_asked_again_soon_once_it_may_be_allowed() {
        let mut daily = Cadence::new(Duration::from_secs(12 * 3600), Duration::ZERO);
        let rest = |cadence: &Cadence| cadence.rest(Pace::Calm, 0.5).as_secs();
        daily.failed(FailureClass::Denied);
        assert_eq!(rest(&daily), 300);
        daily.failed(FailureClass::Throttled);
        assert_eq!(rest(&daily), 3600);
        daily.answered(true);
        assert_eq!(rest(&daily), 12 * 3600);
    }

    const CALM: Duration = Duration::from_secs(30);

    fn cadence() -> Cadence {
        Cadence::new(CALM, Duration::ZERO)
    }

    #[test]
    fn a_source_without_news_is_read_ever_less_often_within_a_bound() {
        for (calm, slowest) in [(10, 30), (15, 45), (20, 60), (30, 60), (60, 120)] {
            let calm = Duration::from_secs(calm);
            let mut cadence = Cadence::new(calm, Duration::ZERO);
            assert_eq!(cadence.period(Pace::Calm), calm);
            for _ in 0..20 {
                cadence.answered(false);
            }
            assert_eq!(cadence.period(Pace::Calm).as_secs(), slowest);
            cadence.answered(true);
            assert_eq!(cadence.period(Pace::Calm), calm);
        }
    }

    #[test]
    fn a_budget_slows_what_is_calm_and_nothing_else() {
        let mut cadence = cadence();
        cadence.slow(2.5);
        assert_eq!(cadence.period(Pace::Calm), Duration::from_secs(75));
        assert_eq!(cadence.period(Pace::Hurried), Duration::from_secs(10));
        assert_eq!(cadence.period(Pace::Live), Duration::from_secs(5));
    }

    #[test]
    fn the_failing_path_and_runs_are_read_faster_but_never_beyond_the_floor() {
        let mut cadence = cadence();
        cadence.answered(false);
        assert_eq!(cadence.period(Pace::Hurried), Duration::from_secs(10));
        assert_eq!(cadence.period(Pace::Live), Duration::from_secs(5));
        let metrics = Cadence::new(Duration::from_secs(60), CALM);
        assert_eq!(metrics.period(Pace::Live), CALM);
        let quick = Cadence::new(Duration::from_secs(1), Duration::ZERO);
        assert_eq!(quick.period(Pace::Live), Duration::from_secs(1));
    }

    #[test]
    fn failures_back_off_exponentially_and_recover_at_once() {
        let mut cadence = cadence();
        let mut rests = Vec::new();
        for _ in 0..12 {
            cadence.failed(FailureClass::Unreachable);
            rests.push(cadence.rest(Pace::Calm, 0.5).as_secs_f64().round());
        }
        assert_eq!(rests[..4], [4.0, 8.0, 16.0, 32.0]);
        assert_eq!(rests.last(), Some(&60.0), "an outage's end is seen");
        cadence.answered(true);
        assert_eq!(cadence.rest(Pace::Calm, 0.5), CALM);
    }

    #[test]
    fn who_is_refused_asks_ever_less_often() {
        let mut cadence = cadence();
        let mut rests = Vec::new();
        for _ in 0..6 {
            cadence.failed(FailureClass::Denied);
            rests.push(cadence.rest(Pace::Calm, 0.5).as_secs());
        }
        assert_eq!(rests, [30, 60, 120, 240, 300, 300]);
    }

    #[test]
    fn throttling_waits_longer_than_a_calm_period_even_during_a_run() {
        let mut cadence = cadence();
        cadence.failed(FailureClass::Throttled);
        assert!(cadence.rest(Pace::Live, 0.0) > CALM);
    }

    #[test]
    fn jitter_stays_within_a_tenth() {
        let cadence = cadence();
        assert_eq!(cadence.rest(Pace::Calm, 0.0), CALM.mul_f64(0.9));
        assert_eq!(cadence.rest(Pace::Calm, 1.0), CALM.mul_f64(1.1));
    }
}
