//! How long a redrive takes, in platform seconds.

use super::settings::{CANARY_RATE, Settings};
use super::subject::Subject;

/// Whether a canary goes first: asked for, and fewer than all messages.
pub(crate) fn has_canary(visible: i64, settings: &Settings) -> Option<i64> {
    settings.canary.filter(|canary| visible > *canary)
}

/// Seconds of the full task at the asked rate.
pub(crate) fn moving_seconds(visible: i64, settings: &Settings) -> f64 {
    visible as f64 / f64::from(settings.rate)
}

/// Seconds after which a message that still fails is back in the dead-letter queue; a minute where
/// nobody says.
pub(crate) fn return_seconds(subject: &Subject<'_>) -> f64 {
    subject.return_seconds().unwrap_or(60.0)
}

/// Where that time is from, for whoever reads how long is watched.
pub(crate) fn returns_because(subject: &Subject<'_>) -> &'static str {
    match subject.return_seconds() {
        Some(_) => "receives × visibility timeout",
        None => {
            "how often and how long a message is tried there was not read, so a return may come later"
        }
    }
}

/// Canary, its watch, the full task and the verification.
pub(crate) fn total_seconds(subject: &Subject<'_>, settings: &Settings) -> f64 {
    let visible = subject.visible().unwrap_or(0);
    let back = return_seconds(subject);
    let canary =
        has_canary(visible, settings).map_or(0.0, |n| n as f64 / f64::from(CANARY_RATE) + back);
    canary + moving_seconds(visible, settings) + back.max(60.0)
}
