//! The engine's own pace. Every figure has one place, and tests pass others.

use std::time::Duration;

/// How often and how long; all durations are of the local monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// At least this long between two assemblies: at most 4 snapshots a second.
    pub assembly_gap: Duration,
    /// A first change waits this long for company before it is assembled.
    pub settle: Duration,
    /// News of a source that is read now and then, while nothing of it is abnormal, waits this
    /// long: it was older than that when it was read.
    pub patience: Duration,
    /// After an assembly that took `t` the next one waits at least this many `t`, so that a large
    /// platform in turmoil costs a bounded share of one core …
    pub assembly_rest: u32,
    /// … but never longer than this: a change is seen within half a second.
    pub assembly_gap_most: Duration,
    /// Readings that only confirm what is known are published this often, so that shown ages
    /// stay true without redrawing for every reading.
    pub ages_gap: Duration,
    /// One reading may take this long; then it is a failure and the poller goes on.
    pub reading_deadline: Duration,
    /// Draw what an earlier run recorded, and record.
    pub recorded: bool,
    /// Least time between two recordings; one that took `t` to write waits at least 200 × `t`.
    pub recording_gap: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            assembly_gap: Duration::from_millis(250),
            settle: Duration::from_millis(40),
            patience: Duration::from_secs(2),
            assembly_rest: 20,
            assembly_gap_most: Duration::from_millis(450),
            ages_gap: Duration::from_secs(10),
            reading_deadline: Duration::from_secs(60),
            recorded: true,
            recording_gap: Duration::from_secs(10),
        }
    }
}
