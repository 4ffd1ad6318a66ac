//! What must be true after a redrive (guards.md §6, "Verify"), and for how long.

use super::estimate::{return_seconds, returns_because};
use super::health;
use super::subject::Subject;
use crate::plan::Expectation;
use crate::words::span;
use std::borrow::Cow;

pub(crate) const COMPLETED: &str = "redrive.task-completed";
pub(crate) const EMPTY: &str = "redrive.dlq-empty";
pub(crate) const NO_RETURNS: &str = "redrive.no-returns";
pub(crate) const AGE_FALLS: &str = "redrive.source-age-falling";
pub(crate) const CONSUMER: &str = "redrive.consumer-well";

/// Counts are approximate and settle within a minute.
pub(crate) const SETTLE_SECONDS: f64 = 60.0;

/// The expectations; the consumer's is left out when the stack file puts it outside.
pub(crate) fn expectations(subject: &Subject<'_>) -> Vec<Expectation> {
    let name = &subject.dlq.name;
    let back = return_seconds(subject);
    let expect = |id: &'static str, sentence: String, dwell_seconds: f64| Expectation {
        id: Cow::Borrowed(id),
        sentence,
        dwell_seconds,
    };
    let mut all = vec![
        expect(
            COMPLETED,
            "SQS says the move task is COMPLETED.".to_owned(),
            0.0,
        ),
        expect(
            EMPTY,
            format!(
                "{name} is empty on readings at least {} apart.",
                span(SETTLE_SECONDS)
            ),
            SETTLE_SECONDS,
        ),
        expect(
            NO_RETURNS,
            format!(
                "Nothing comes back to {name} for {} ({}).",
                span(back),
                returns_because(subject)
            ),
            back,
        ),
        expect(
            AGE_FALLS,
            "The oldest message of the destination is not getting older.".to_owned(),
            0.0,
        ),
    ];
    if health::verdict(subject).is_some() {
        all.push(expect(
            CONSUMER,
            "The consumer stays well.".to_owned(),
            SETTLE_SECONDS,
        ));
    }
    all
}
