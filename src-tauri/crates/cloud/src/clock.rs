//! Platform time: what the servers say in their `Date` headers, never what this machine's clock
//! says. A laptop that is five minutes off would otherwise ask CloudWatch for windows without data
//! and show wrong ages. Between answers the time is carried on by the local clock that nobody sets and
//! that goes on while the machine sleeps.

use aws_smithy_async::time::TimeSource;
use model::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// AWS accepts signatures up to this far from its own time, in seconds (IAM guide,
/// reference_sigv-troubleshooting: five minutes, fifteen for some services).
pub(crate) const SIGNED_WITHIN: i64 = 300;
/// The pace is measured over at least this long, seconds: servers tell the time in whole seconds.
const PACE_AFTER: f64 = 0.3;
/// No simulated platform runs faster.
const PACE_MOST: f64 = 10_000.0;
/// An answer this far from what the others say is believed only when the next one agrees.
const LEAP: i64 = 300_000;

/// How long this machine has run since it started, what it slept included (clock_gettime(2), CLOCK_BOOTTIME).
#[must_use]
pub fn since_boot() -> Duration {
    told(ClockId::Boottime)
}

/// How long this machine has slept since it started: CLOCK_MONOTONIC stands still meanwhile, CLOCK_BOOTTIME does not,
/// and nobody sets either (clock_gettime(2)).
#[must_use]
pub fn asleep() -> Duration {
    let awake = told(ClockId::Monotonic);
    since_boot().saturating_sub(awake)
}

/// Neither clock is ever negative.
fn told(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().unwrap_or_default()
}

/// The platform's time. Cheap to clone; all clones share what was learned.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Reckoning>>);

#[derive(Debug)]
struct Reckoning {
    /// The latest time known for certain to have been reached, and when we learned of it.
    known: Option<(Timestamp, Duration)>,
    /// The first time known since the start, or since a sleep: the pace is measured from there.
    first: Option<(Timestamp, Duration)>,
    /// The machine slept since then: the next answer decides, in either direction.
    doubtful: bool,
    /// A leap that waits for a second opinion.
    leap: Option<Timestamp>,
    /// The latest time given out: it never goes back, but after a sleep.
    given: Timestamp,
    /// A server refused what was signed by this machine's clock: it is signed by the platform's.
    refused: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// A clock that no server has set yet; until then it shows this machine's time.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Reckoning {
            known: None,
            first: None,
            doubtful: false,
            leap: None,
            given: Timestamp::from_millis(i64::MIN),
            refused: false,
        })))
    }

    /// The platform's time now, in milliseconds; never earlier than it was a moment ago, unless the machine slept.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.at(since_boot())
    }

    /// Whether any server has told the time yet.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.lock().known.is_some()
    }

    /// This machine slept: whether the platform's time went on as our clock did is not known (a platform on this
    /// machine slept as well). What is reckoned holds until the next answer, which may set it back.
    pub fn doubt(&self) {
        self.lock().doubtful = true;
    }

    /// How many times faster than ours the platform's time passes; 1 until that can be told, and never slower.
    #[must_use]
    pub fn pace(&self) -> f64 {
        self.pace_at(since_boot())
    }

    fn pace_at(&self, now: Duration) -> f64 {
        let state = self.lock();
        let (Some((known, since)), Some((first, began)), false) =
            (state.known, state.first, state.doubtful)
        else {
            return 1.0;
        };
        let ours = now.saturating_sub(began).as_secs_f64();
        if ours < PACE_AFTER {
            return 1.0;
        }
        let theirs = carried(known, since, now).seconds_since(first);
        (theirs / ours).clamp(1.0, PACE_MOST)
    }

    /// A server refused a request, and told this time in its `Date` header just now. Where that is further from this
    /// machine's than signatures may be, everything after it is signed by the platform's time, whoever sends it: the
    /// SDK's own correction is off where this clock is what it signs by, or both would be added up.
    pub(crate) fn refused_at(&self, date: &str) {
        let off = ahead_of(date).is_some_and(|ahead| ahead.abs() > SIGNED_WITHIN);
        if off {
            self.lock().refused = true;
        }
    }

    /// Whether what was signed at `at` would be signed by another time now.
    pub(crate) fn signs_otherwise(&self, at: SystemTime) -> bool {
        let now = self.signing_time();
        let apart = now.duration_since(at).or_else(|_| at.duration_since(now));
        apart.is_ok_and(|apart| apart.as_secs() > SIGNED_WITHIN.unsigned_abs())
    }

    /// The time to sign by: this machine's, until it was refused.
    fn signing(&self, now: Duration) -> SystemTime {
        let state = self.lock();
        match state.known.filter(|_| state.refused) {
            None => SystemTime::now(),
            Some((known, since)) => system(carried(known, since, now)),
        }
    }

    /// What requests are signed by just now.
    pub(crate) fn signing_time(&self) -> SystemTime {
        self.signing(since_boot())
    }

    /// Takes the value of a `Date` header (RFC 9110 §6.6.1) that was received just now.
    /// A value that is no date is ignored.
    pub fn observe(&self, date: &str) {
        if let Some(date) = parse(date) {
            self.observe_at(date, since_boot());
        }
    }

    fn at(&self, now: Duration) -> Timestamp {
        let mut state = self.lock();
        let Some((known, since)) = state.known else {
            return wall_time();
        };
        let reckoned = carried(known, since, now);
        state.given = state.given.max(reckoned);
        state.given
    }

    fn observe_at(&self, date: Timestamp, now: Duration) {
        let mut state = self.lock();
        let Some((known, since)) = state.known else {
            state.known = Some((date, now));
            state.first = state.known;
            return;
        };
        let ahead = date.millis() - carried(known, since, now).millis();
        if ahead <= 0 && !state.doubtful {
            state.leap = None;
            return;
        }
        let believed = match state.leap.take() {
            _ if ahead.abs() < LEAP => date,
            Some(other) => other.min(date),
            None => {
                state.leap = Some(date);
                return;
            }
        };
        state.known = Some((believed, now));
        if std::mem::take(&mut state.doubtful) {
            state.given = believed;
            state.first = state.known;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Reckoning> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the SDK signs by, and judges by whether credentials are over.
impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.signing(since_boot())
    }
}

fn carried(known: Timestamp, since: Duration, now: Duration) -> Timestamp {
    let passed = now.saturating_sub(since).as_millis();
    Timestamp::from_millis(
        known
            .millis()
            .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX)),
    )
}

/// As the SDK has it.
pub(crate) fn system(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).unwrap_or_default())
}

/// How far this machine's clock is from a `Date` header received just now, in seconds; positive when
/// it is ahead. `None` when the value is no date.
pub(crate) fn ahead_of(date: &str) -> Option<i64> {
    Some((wall_time().millis() - parse(date)?.millis()) / 1000)
}

/// A `Date` further from this machine's time than any clock is off, in seconds: ten years.
const ABSURD: i64 = 10 * 365 * 86_400;

/// Whether a `Date` header tells a time that no server has, or none: it is taken for no header. The
/// SDK reckons with what it reads there, and runs over at the end of its calendar.
pub(crate) fn is_absurd(date: &str) -> bool {
    ahead_of(date).is_none_or(|ahead| ahead.abs() > ABSURD)
}

fn wall_time() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn parse(date: &str) -> Option<Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let at = parser.parse_timestamp(date).ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests;
