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
    /// The machine slept since then: the next answer decides, in either direction.
    doubtful: bool,
    /// A leap that waits for a second opinion.
    leap: Option<Timestamp>,
    /// The latest time given out: it never goes back, but after a sleep.
    given: Timestamp,
    /// Whether a server refused what was signed by this machine's clock.
    refused: Refused,
}

/// Whether signatures go by the platform's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// Nobody refused this machine's.
    No,
    /// Somebody did; the SDK corrects the second attempt of that call itself.
    Heard,
    /// Somebody did, and that call is over.
    Counts,
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
            doubtful: false,
            leap: None,
            given: Timestamp::from_millis(i64::MIN),
            refused: Refused::No,
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

    /// A server refused a request, and told this time in its `Date` header just now. Where that is further from this
    /// machine's than signatures may be, what is signed after this call is signed by the platform's time.
    pub(crate) fn refused_at(&self, date: &str) {
        let mut state = self.lock();
        let off = ahead_of(date).is_some_and(|ahead| ahead.abs() > SIGNED_WITHIN);
        if off && state.refused == Refused::No {
            state.refused = Refused::Heard;
        }
    }

    /// A call is over: what was heard of its signature counts for the next one.
    pub(crate) fn call_ended(&self) {
        let mut state = self.lock();
        if state.refused == Refused::Heard {
            state.refused = Refused::Counts;
        }
    }

    /// The time to sign by: this machine's, until it was refused.
    fn signing(&self, now: Duration) -> SystemTime {
        let state = self.lock();
        match state.known.filter(|_| state.refused == Refused::Counts) {
            None => SystemTime::now(),
            Some((known, since)) => {
                let millis = carried(known, since, now).millis();
                UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
            }
        }
    }

    /// What requests are signed by just now.
    pub(crate) fn signing_time(&self) -> SystemTime {
        self.signing(Instant::now())
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
mod tests {
    use super::*;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_seconds(1_795_315_000 + n)
    }

    #[test]
    fn a_date_header_sets_the_time_and_the_monotonic_clock_carries_it_on() {
        let clock = Clock::new();
        let start = since_boot();
        assert!(!clock.is_set());
        clock.observe("not a date");
        assert!(!clock.is_set());
        clock.observe("Sun, 22 Nov 2026 02:36:40 GMT");
        assert!(clock.is_set());
        let clock = Clock::new();
        clock.observe_at(second(0), start);
        assert_eq!(
            clock.at(start + Duration::from_millis(1500)).millis(),
            second(1).millis() + 500
        );
    }

    #[test]
    fn it_is_signed_by_the_platforms_time_once_this_machines_was_refused() {
        let printed = |seconds: i64| {
            let at = wall_time().plus_seconds(seconds);
            let at = jiff::Timestamp::from_millisecond(at.millis()).expect("a time");
            let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
            printer.timestamp_to_rfc9110_string(&at).expect("printed")
        };
        let off = |clock: &Clock| {
            let signed = clock.signing(since_boot());
            let ahead = signed.duration_since(SystemTime::now());
            ahead.map_or(0, |ahead| ahead.as_secs())
        };
        let clock = Clock::new();
        clock.observe(&printed(3600));
        assert_eq!(off(&clock), 0, "nobody refused anything");
        clock.refused_at(&printed(60));
        clock.call_ended();
        assert_eq!(off(&clock), 0, "not because of its time");
        clock.refused_at(&printed(3600));
        assert_eq!(off(&clock), 0, "the SDK corrects its second attempt itself");
        clock.call_ended();
        assert!(off(&clock) > 3590);
    }

    #[test]
    fn a_date_at_the_end_of_the_calendar_is_none() {
        assert!(is_absurd("Fri, 31 Dec 9999 23:59:59 GMT"));
        assert!(is_absurd("Thu, 01 Jan 1970 00:00:00 GMT"));
        assert!(is_absurd("not a date"));
        let off = wall_time().plus_seconds(-86_400);
        let off = jiff::Timestamp::from_millisecond(off.millis()).expect("a time");
        let off = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_string(&off);
        assert!(!is_absurd(&off.expect("printed")));
    }

    #[test]
    fn it_never_goes_back_whatever_a_server_says() {
        let clock = Clock::new();
        let start = since_boot();
        clock.observe_at(second(100), start);
        assert_eq!(clock.at(start), second(100));
        clock.observe_at(second(40), start);
        assert_eq!(clock.at(start), second(100));
        clock.observe_at(second(102), start);
        assert_eq!(clock.at(start), second(102));
    }

    #[test]
    fn one_answer_from_the_far_future_is_not_believed_two_are() {
        let clock = Clock::new();
        let start = since_boot();
        clock.observe_at(second(0), start);
        clock.observe_at(second(90_000), start);
        assert_eq!(clock.at(start), second(0));
        clock.observe_at(second(1), start);
        clock.observe_at(second(90_001), start);
        assert_eq!(clock.at(start), second(1));
        clock.observe_at(second(90_002), start);
        assert_eq!(clock.at(start), second(90_001));
    }

    #[test]
    fn it_goes_on_while_the_machine_sleeps_and_is_not_put_forward_once_more_for_that() {
        let clock = Clock::new();
        let start = since_boot();
        let woken = start + Duration::from_secs(28_800);
        clock.observe_at(second(0), start);
        assert_eq!(clock.at(woken), second(28_800));
        clock.observe_at(second(28_801), woken);
        clock.doubt();
        assert_eq!(clock.at(woken), second(28_801));
        clock.observe_at(second(28_800), woken);
        assert_eq!(clock.at(woken), second(28_800), "the next answer decides");
        clock.observe_at(second(28_799), woken);
        assert_eq!(clock.at(woken), second(28_800), "and only that one");
    }

    #[test]
    fn a_platform_that_slept_as_well_sets_it_back_and_one_old_answer_does_not() {
        let clock = Clock::new();
        let start = since_boot();
        let woken = start + Duration::from_secs(28_800);
        clock.observe_at(second(0), start);
        clock.doubt();
        clock.observe_at(second(1), woken);
        assert_eq!(clock.at(woken), second(28_800), "sent before the sleep?");
        clock.observe_at(second(2), woken);
        assert_eq!(clock.at(woken), second(1));
        clock.observe_at(second(4), woken);
        assert_eq!(clock.at(woken), second(4));
        clock.doubt();
        clock.observe_at(second(0), woken + Duration::from_secs(28_800));
        clock.observe_at(second(28_803), woken + Duration::from_secs(28_800));
        let woken = woken + Duration::from_secs(28_800);
        assert_eq!(clock.at(woken), second(28_803));
    }
}
