//! This machine's clocks: one for spans, one for what is written down.

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use tokio::time::{Instant, sleep_until};

/// Now, for spans.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since the epoch.
pub(crate) fn wall_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
