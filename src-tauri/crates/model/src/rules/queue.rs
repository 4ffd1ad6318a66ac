//! Queues: dead letters, ages, backlogs and move tasks.
//!
//! In-flight limits (120,000; FIFO 20,000):
//! [SQS message quotas](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).

use super::{Rule, Subject, Verdict, graded, say};
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;
use crate::move_task::move_failure;
use crate::node::{Node, Series};
use crate::time::Timestamp;
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new("queue.dlq-growing", &[Kind::Queue], dlq_growing),
    Rule::new("queue.dlq-not-empty", &[Kind::Queue], dlq_not_empty),
    Rule::new("queue.age", &[Kind::Queue], age),
    Rule::new("queue.not-draining", &[Kind::Queue], not_draining),
    Rule::new("queue.in-flight", &[Kind::Queue], in_flight),
    Rule::new("queue.expiring", &[Kind::Queue], expiring),
    Rule::new("queue.move-failed", &[Kind::Queue], move_failed),
    Rule::new("queue.moving", &[Kind::Queue], moving),
];

/// Whether some queue sends its dead letters here.
pub(crate) fn is_dlq(node: &Node) -> bool {
    node.facts.flag(Fact::IsDeadLetterQueue) == Some(true)
}

fn series(node: &Node, fact: Fact) -> Option<&Series> {
    node.series.iter().find(|s| s.fact == fact)
}

/// The points of a series that have a value, oldest first.
pub(crate) fn points(series: &Series) -> impl DoubleEndedIterator<Item = (Timestamp, f64)> + '_ {
    let step = i64::from(series.step_seconds);
    series
        .values
        .iter()
        .enumerate()
        .filter_map(move |(n, value)| {
            let after = step * i64::try_from(n).unwrap_or(0);
            Some((series.start.plus_seconds(after), (*value)?))
        })
}

/// Messages more in a queue than `seconds` before, by its history; `None` when it did not grow or has
/// stopped growing. The depth read last stands for now, because metrics are minutes late.
pub(crate) fn growth(node: &Node, seconds: f64, now: Timestamp) -> Option<f64> {
    let history = series(node, Fact::MessagesVisible)?;
    let depth = node.facts.number(Fact::MessagesVisible)?;
    let newest = points(history).next_back()?;
    let before = |span: f64| {
        let old = |(at, _): &(Timestamp, f64)| now.seconds_since(*at) >= span;
        points(history)
            .rfind(old)
            .or_else(|| points(history).next())
    };
    let grown = newest.1.max(depth) - before(seconds)?.1;
    // A move out is no growth, and neither is what came before it stopped.
    let lately = now.seconds_since(newest.0) + LATELY_SECONDS;
    let goes_on = depth > newest.1 || newest.1 > before(lately)?.1;
    (grown > 0.0 && depth >= newest.1 && goes_on).then_some(grown)
}

/// A queue without a new message for so long (besides the delay of the metrics) has stopped growing.
const LATELY_SECONDS: f64 = 120.0;

/// When the first of the messages now in the queue came, as far as the history tells: the last time
/// it rose from nothing.
pub(crate) fn filled_since(node: &Node) -> Option<Timestamp> {
    let told = node.facts.time(Fact::FirstMessageAt);
    let from_history = || {
        let history = series(node, Fact::MessagesVisible)?;
        let all: Vec<_> = points(history).collect();
        let empty = all.iter().rposition(|(_, depth)| *depth <= 0.0)?;
        all.get(empty + 1).map(|(at, _)| *at)
    };
    told.or_else(from_history)
}

/// `; the oldest came 552 s ago`.
fn oldest(subject: &Subject<'_>) -> String {
    let age = subject.number(Fact::OldestAgeSeconds).filter(|a| *a > 0.0);
    age.map_or(String::new(), |a| {
        format!("; the oldest came {} s ago", words::thousands(a))
    })
}

fn held(subject: &Subject<'_>) -> Option<i64> {
    let waiting = subject.count(Fact::MessagesVisible)?;
    let flying = subject.count(Fact::MessagesNotVisible).unwrap_or(0);
    Some(waiting + flying).filter(|sum| *sum > 0)
}

fn moving_now(subject: &Subject<'_>) -> bool {
    matches!(
        subject.text(Fact::MoveTaskStatus),
        Some("RUNNING" | "CANCELLING")
    )
}

fn dlq_growing(subject: &Subject<'_>) -> Option<Verdict> {
    if !is_dlq(subject.node) || moving_now(subject) {
        return None;
    }
    let held = held(subject)?;
    let window = subject.limits().dlq_growing_seconds;
    let grown = growth(subject.node, window, subject.now())?;
    let before = |of: fn(Kind) -> bool| {
        let all = subject.previous(Relation::DeadLetters);
        let names: Vec<String> = all.filter(|q| of(q.kind)).map(|q| q.name.clone()).collect();
        (!names.is_empty()).then(|| words::list(&names, 2))
    };
    let loss = match (
        before(|kind| kind == Kind::Queue),
        before(|kind| kind != Kind::Queue),
    ) {
        (None, Some(senders)) => format!("what {senders} fails to do is lost"),
        (queues, _) => format!("the consumer of {} loses them", queues.unwrap_or_default()),
    };
    let (more, span) = (words::thousands(grown), words::span(window));
    let sentence = format!(
        "{} grows: {more} messages more in {span}, {} in all: {loss}.",
        subject.name(),
        words::thousands(held as f64)
    );
    let text = format!("{more} messages more in {span} (limit 0)");
    say(
        Level::Critical,
        sentence,
        subject.evidence(Fact::MessagesVisible, text),
    )
}

fn dlq_not_empty(subject: &Subject<'_>) -> Option<Verdict> {
    let held = held(subject).filter(|_| is_dlq(subject.node))?;
    let messages = words::count(held, "message");
    let sentence = format!("{} holds {messages}{}.", subject.name(), oldest(subject));
    let text = format!("{messages} visible or in flight (limit 0)");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::MessagesVisible, text),
    )
}

fn age(subject: &Subject<'_>) -> Option<Verdict> {
    let age = subject
        .number(Fact::OldestAgeSeconds)
        .filter(|_| !is_dlq(subject.node))?;
    let limits = subject.limits();
    let level = graded(
        age,
        limits.queue_age_warning_seconds,
        limits.queue_age_critical_seconds,
    )?;
    let waiting = subject.count(Fact::MessagesVisible).unwrap_or(0);
    let sentence = format!(
        "The oldest message of {} has waited {}; {} before its consumer.",
        subject.name(),
        words::span(age),
        match waiting {
            1 => "1 message is".to_owned(),
            n => format!("{} messages are", words::thousands(n as f64)),
        }
    );
    let limit = words::span(limits.queue_age_warning_seconds);
    let text = format!("oldest {} (limit {limit})", words::span(age));
    say(
        level,
        sentence,
        subject.evidence(Fact::OldestAgeSeconds, text),
    )
}

/// More comes than goes, and there is a backlog already.
fn not_draining(subject: &Subject<'_>) -> Option<Verdict> {
    let waiting = subject
        .number(Fact::MessagesVisible)
        .filter(|_| !is_dlq(subject.node))?;
    let (sent, deleted) = (
        subject.number(Fact::SentPerSecond)?,
        subject.number(Fact::DeletedPerSecond)?,
    );
    if waiting < subject.limits().queue_backlog_messages || deleted >= 0.95 * sent {
        return None;
    }
    let (sent, deleted) = (words::measure(sent), words::measure(deleted));
    let sentence = format!(
        "{} does not drain: {sent} messages/s come, {deleted}/s are done, {} wait.",
        subject.name(),
        words::thousands(waiting)
    );
    let text = format!("{deleted}/s deleted, {sent}/s sent");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::DeletedPerSecond, text),
    )
}

fn in_flight(subject: &Subject<'_>) -> Option<Verdict> {
    let flying = subject.number(Fact::MessagesNotVisible)?;
    let most = if subject.flag(Fact::Fifo) == Some(true) {
        20_000.0
    } else {
        120_000.0
    };
    if flying < most * subject.limits().queue_in_flight_percent / 100.0 {
        return None;
    }
    let (flying, most) = (words::thousands(flying), words::thousands(most));
    let sentence = format!(
        "{} has {flying} messages in flight; at {most} SQS gives out no more.",
        subject.name()
    );
    let text = format!("{flying} in flight (limit {most})");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::MessagesNotVisible, text),
    )
}

/// Messages about to be lost for good.
fn expiring(subject: &Subject<'_>) -> Option<Verdict> {
    let age = subject
        .number(Fact::OldestAgeSeconds)
        .filter(|a| *a > 0.0)?;
    let keep = subject.number(Fact::RetentionSeconds)?;
    held(subject)?;
    if age < keep * subject.limits().queue_expiry_percent / 100.0 {
        return None;
    }
    let sentence = format!(
        "{} loses its oldest messages in {} at the latest: they are kept for {}.",
        subject.name(),
        words::span(keep - age),
        words::span(keep)
    );
    let text = format!("oldest {} of {}", words::span(age), words::span(keep));
    say(
        Level::Critical,
        sentence,
        subject.evidence(Fact::OldestAgeSeconds, text),
    )
}

fn move_failed(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.text(Fact::MoveTaskStatus) != Some("FAILED") || held(subject).is_none() {
        return None;
    }
    let reason = subject.text(Fact::MoveTaskFailure).unwrap_or("");
    let why = move_failure(reason).why;
    let sentence = format!("The last redrive of {} failed: {why}.", subject.name());
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::MoveTaskStatus, format!("FAILED ({why})")),
    )
}

fn moving(subject: &Subject<'_>) -> Option<Verdict> {
    if !moving_now(subject) {
        return None;
    }
    let status = subject.text(Fact::MoveTaskStatus).unwrap_or("RUNNING");
    let moved = subject.number(Fact::MoveTaskMoved).unwrap_or(0.0);
    let all = subject
        .number(Fact::MoveTaskToMove)
        .map_or(String::new(), |n| format!(" of {}", words::thousands(n)));
    let sentence = format!(
        "A redrive of {} is {status}: {}{all} messages moved.",
        subject.name(),
        words::thousands(moved)
    );
    let text = format!("{}{all} moved", words::thousands(moved));
    say(
        Level::InTransition,
        sentence,
        subject.evidence(Fact::MoveTaskStatus, text),
    )
}
