//! What must be true after a selected redrive (guards.md §7, "Verify"), and for how long.

use crate::plan::Expectation;
use crate::redrive::estimate::{return_seconds, returns_because};
use crate::redrive::health;
use crate::redrive::subject::Subject;
use crate::words::span;
use std::borrow::Cow;

pub(crate) const SETTLED: &str = "selected.sent-deleted";
pub(crate) const CONSUMED: &str = "selected.consumed";
pub(crate) const NO_RETURNS: &str = "selected.no-returns";
pub(crate) const CONSUMER: &str = "selected.consumer-well";
/// Of what is put back: it is there.
pub(crate) const BACK: &str = "selected.put-back";

/// Counts are approximate and settle within a minute (GetQueueAttributes, API reference).
pub(crate) const SETTLE_SECONDS: f64 = 60.0;

fn expect(id: &'static str, sentence: String, dwell_seconds: f64) -> Expectation {
    Expectation {
        id: Cow::Borrowed(id),
        sentence,
        dwell_seconds,
    }
}

/// Of messages that were taken out of the queue and sent on.
pub(crate) fn expectations(subject: &Subject<'_>) -> Vec<Expectation> {
    let name = &subject.dlq.name;
    let back = return_seconds(subject).max(SETTLE_SECONDS);
    let settled = format!("Every message that was sent was deleted from {name}, by the ledger.");
    let returns = format!(
        "Nothing comes back to {name} for {} ({}).",
        span(back),
        returns_because(subject)
    );
    let mut all = vec![
        expect(SETTLED, settled, 0.0),
        expect(NO_RETURNS, returns, back),
    ];
    if health::verdict(subject).is_some() {
        let consumed = "The destination holds no more than before, or nothing older than 2 min.";
        all.push(expect(CONSUMED, consumed.to_owned(), 0.0));
        let well = "The consumer stays well.".to_owned();
        all.push(expect(CONSUMER, well, SETTLE_SECONDS));
    }
    all
}

/// Of messages that were put back.
pub(crate) fn put_back(name: &str) -> Vec<Expectation> {
    let sentence = format!("SQS took every message of the file into {name}, by the ledger.");
    vec![expect(BACK, sentence, 0.0)]
}
