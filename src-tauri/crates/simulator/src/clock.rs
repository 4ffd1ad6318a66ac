//! World time. Everything that carries a stamp is given the time; nothing in the world asks the machine for it.

use jiff::Timestamp;
use jiff::fmt::strtime;

/// An instant of world time: milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

impl Millis {
    /// This instant moved by `seconds`, backwards when negative.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0 + seconds * 1000)
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Seconds since the epoch with their fraction, as the JSON protocols write a timestamp.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn epoch_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// ISO 8601 with milliseconds, `2026-11-22T02:47:00.123Z`.
    #[must_use]
    pub fn iso_millis(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%S.%3fZ")
    }

    /// ISO 8601 with whole seconds, `2026-11-22T02:47:00Z`: the form Kubernetes uses.
    #[must_use]
    pub fn iso(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%SZ")
    }

    /// The form of the `Date` header, `Sun, 22 Nov 2026 02:47:00 GMT`.
    #[must_use]
    pub fn http_date(self) -> String {
        self.format("%a, %d %b %Y %H:%M:%S GMT")
    }

    /// Reads an ISO 8601 stamp with any offset; `None` when it is not one.
    #[must_use]
    pub fn parse_iso(text: &str) -> Option<Self> {
        text.parse::<Timestamp>()
            .ok()
            .map(|t| Self(t.as_millisecond()))
    }

    fn format(self, pattern: &str) -> String {
        let stamp = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        strtime::format(pattern, &stamp.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default()
    }
}
