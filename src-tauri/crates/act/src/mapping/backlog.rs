//! What waits, and how it grows while nobody takes it.

use super::settings::Pause;
use super::subject::Subject;
use crate::words::{count, span, thousands};
use model::Fact;

/// How a pause lets the backlog grow: at the rate messages arrive, as long as that stays as it is.
pub(super) fn grows(subject: &Subject<'_>, pause: Pause) -> Vec<String> {
    let Some(queue) = subject.queue else {
        return vec!["How much arrives meanwhile is not known: its source is not read.".to_owned()];
    };
    if !subject.others.is_empty() {
        return vec![format!(
            "{} is also taken from by others: its backlog grows slower than messages arrive.",
            queue.name
        )];
    }
    let Some(rate) = queue.facts.number(Fact::SentPerSecond) else {
        return vec![format!(
            "How fast messages arrive in {} is not known.",
            queue.name
        )];
    };
    let has = queue.facts.count(Fact::MessagesVisible).unwrap_or(0);
    let after = |seconds: f64| thousands(has + (rate * seconds).round() as i64);
    let length = pause.loop_seconds() as f64;
    let steps = [length / 3.0, length * 2.0 / 3.0, length];
    let curve: Vec<String> = steps
        .iter()
        .map(|seconds| format!("{} after {}", after(*seconds), span(*seconds)))
        .collect();
    vec![
        format!(
            "Its backlog grows at {rate:.1} messages/s from {}: {}.",
            thousands(has),
            curve.join(", ")
        ),
        drains(subject, rate, rate * length + has as f64),
    ]
}

/// How long it takes afterwards, at the best rate seen lately.
fn drains(subject: &Subject<'_>, arriving: f64, backlog: f64) -> String {
    let best = subject.queue.and_then(|queue| {
        let series = queue
            .series
            .iter()
            .find(|s| s.fact == Fact::DeletedPerSecond);
        let seen = series
            .into_iter()
            .flat_map(|s| s.values.iter().flatten().copied());
        seen.chain(queue.facts.number(Fact::DeletedPerSecond))
            .reduce(f64::max)
    });
    match best.map(|best| best - arriving).filter(|net| *net > 0.0) {
        Some(net) => format!(
            "After the resume about {} until it is empty, at the best rate seen lately.",
            span(backlog / net)
        ),
        None => "How fast it empties after the resume cannot be told from the rates seen lately."
            .to_owned(),
    }
}

/// What waits for a resume.
pub(super) fn waits(subject: &Subject<'_>) -> Option<String> {
    let queue = subject.queue?;
    let waiting = queue.facts.count(Fact::MessagesVisible)?;
    let oldest = queue.facts.number(Fact::OldestAgeSeconds);
    let since = oldest.filter(|_| waiting > 0);
    let since = since.map_or_else(String::new, |age| format!(", the oldest for {}", span(age)));
    Some(format!("{} waiting{since}.", count(waiting, "message")))
}
