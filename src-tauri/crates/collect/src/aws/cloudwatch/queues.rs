//! Queues: age and rates, and since when a dead-letter queue holds messages.
//!
//! Metrics: SQS guide, sqs-available-cloudwatch-metrics. A queue that neither holds messages nor is
//! asked for any goes silent after six hours: where the past is told, silence is an empty queue.

use super::figure::{Figure, Measured, PER_SECOND, Show, Subject, measure, readings};
use super::metric::{self, Points, Query, Window};
use crate::{Known, Round};
use model::{Fact, Facts, Found, FoundNode, Kind, NodeId, SourceFailure, Timestamp};
use std::collections::HashMap;

super::metrics! {
    /// Age and rates of queues, and the first message of dead-letter queues.
    QueueMetrics, "queue-metrics", Regional, [Sqs], queues
}

const NAMESPACE: &str = "AWS/SQS";
const VISIBLE: &str = "ApproximateNumberOfMessagesVisible";

const FIGURES: &[Figure] = &[
    Figure::new(
        Fact::OldestAgeSeconds,
        "ApproximateAgeOfOldestMessage",
        "Maximum",
        1.0,
        Show::Whole,
    ),
    Figure::new(
        Fact::SentPerSecond,
        "NumberOfMessagesSent",
        "Sum",
        PER_SECOND,
        Show::Past,
    ),
    Figure::new(
        Fact::ReceivedPerSecond,
        "NumberOfMessagesReceived",
        "Sum",
        PER_SECOND,
        Show::Past,
    ),
    Figure::new(
        Fact::DeletedPerSecond,
        "NumberOfMessagesDeleted",
        "Sum",
        PER_SECOND,
        Show::Past,
    ),
    Figure::new(
        Fact::MessagesVisible,
        VISIBLE,
        "Maximum",
        1.0,
        Show::OnlyPast,
    ),
];

const HOUR: i64 = 3600;

/// Seconds without a point a minute that are not yet taken for an empty queue: points come late and
/// one by one (the guide's fifteen minutes).
const MINUTES_GAP: i64 = 15 * 60;

/// The longest a queue keeps a message: 14 days (SetQueueAttributes, MessageRetentionPeriod).
const LONGEST: i64 = 14 * 24 * 3600;

async fn queues(round: &Round<'_>, known: &Known) -> Result<Vec<Found>, SourceFailure> {
    let window = Window::recent(round.session.clock.now());
    let queues: Vec<&FoundNode> = known.here(round.session, Kind::Queue).collect();
    let subjects = queues.iter().map(|queue| Subject {
        about: queue.id.clone(),
        zone: None,
        namespace: NAMESPACE,
        dimensions: vec![("QueueName", queue.name.clone())],
        figures: FIGURES,
    });
    let measured = measure(round, &window, subjects.collect()).await?;
    let first = first_messages(round, &window, &queues, &measured).await;
    Ok(readings(&window, &measured, |one, facts, _| {
        more(one, facts, &first)
    }))
}

fn more(one: &Measured, facts: &mut Facts, first: &HashMap<NodeId, Timestamp>) {
    facts.set_some(Fact::FirstMessageAt, first.get(&one.subject.about).copied());
}

/// Since when there are messages, as far as some points tell.
#[derive(Debug, PartialEq, Eq)]
enum Since {
    /// From the period that starts then, in seconds.
    Start(i64),
    /// From before the window.
    Before,
    /// There are none, or nothing is known.
    Never,
}

/// The first period with messages after the last one without. A queue without messages and without
/// calls is inactive after six hours and has no points at all (SQS guide,
/// sqs-monitoring-using-cloudwatch), so a stretch of more than `gap` seconds without any was empty.
fn since(points: &Points, window: &Window, gap: i64) -> Since {
    let mut first: Option<i64> = None;
    for (start, value) in points.iter().rev() {
        if value <= 0.0 || first.is_some_and(|first| first - start > gap) {
            return first.map_or(Since::Never, Since::Start);
        }
        first = Some(start);
    }
    match first {
        None => Since::Never,
        Some(first) if first - window.start.millis() / 1000 > gap => Since::Start(first),
        Some(_) => Since::Before,
    }
}

/// When the oldest message that is still there came at the latest, in seconds. For a dead-letter
/// queue the metric counts from the move (SQS guide, sqs-available-cloudwatch-metrics).
fn oldest(one: &Measured, window: &Window) -> Option<i64> {
    let (start, age) = one.of(Fact::OldestAgeSeconds)?.newest(window)?;
    Some(start + i64::from(window.period) - age as i64)
}

/// For dead-letter queues that hold messages now: when the first of them came, to the minute where
/// CloudWatch keeps minutes. Points of a queue that was inactive begin up to fifteen minutes late
/// (same page), so the age of the oldest message goes first where it says more.
async fn first_messages(
    round: &Round<'_>,
    window: &Window,
    queues: &[&FoundNode],
    measured: &[Measured],
) -> HashMap<NodeId, Timestamp> {
    let mut known = HashMap::new();
    let mut older = Vec::new();
    for (queue, one) in queues.iter().zip(measured) {
        let dead = queue.facts.flag(Fact::IsDeadLetterQueue) == Some(true);
        let holds = queue
            .facts
            .count(Fact::MessagesVisible)
            .is_none_or(|count| count > 0);
        let Some(points) = one.of(Fact::MessagesVisible).filter(|_| dead && holds) else {
            continue;
        };
        let aged = oldest(one, window);
        match since(points, window, MINUTES_GAP) {
            Since::Start(start) => {
                let first = aged.map_or(start, |aged| aged.min(start));
                known.insert(queue.id.clone(), Timestamp::from_seconds(first));
            }
            Since::Before => older.push((*queue, aged)),
            Since::Never => {}
        }
    }
    known.extend(older_messages(round, window, &older).await);
    known
}

/// Looks back as far as a queue keeps messages: first by the hour for the last empty one, then by
/// the minute around it. What cannot be read leaves the time unknown and the rest as it is.
async fn older_messages(
    round: &Round<'_>,
    window: &Window,
    queues: &[(&FoundNode, Option<i64>)],
) -> Vec<(NodeId, Timestamp)> {
    if queues.is_empty() {
        return Vec::new();
    }
    let long = Window::back(window.now, LONGEST, HOUR as i32);
    let lowest: Vec<Query> = queues
        .iter()
        .map(|(queue, _)| visible(queue, "Minimum"))
        .collect();
    let Ok(hours) = metric::read(round, &long, &lowest).await else {
        return Vec::new();
    };
    let mut closer = Vec::new();
    for ((queue, aged), hours) in queues.iter().zip(&hours) {
        if let Some(hour) = last_empty(hours, &long) {
            let minutes = Window::from(window.now, Timestamp::from_seconds(hour), 2 * HOUR);
            closer.push((*queue, *aged, (minutes, visible(queue, "Maximum"))));
        }
    }
    let asked: Vec<(Window, Query)> = closer.iter().map(|(_, _, asked)| asked.clone()).collect();
    let minutes = metric::read_each(round, &asked).await;
    let found = closer.iter().enumerate();
    let found = found.filter_map(|(n, (queue, aged, (window, _)))| {
        let first = match since(minutes.get(&n)?, window, MINUTES_GAP) {
            Since::Start(start) => aged.map_or(start, |aged| aged.min(start)),
            Since::Before => window.start.millis() / 1000,
            Since::Never => return None,
        };
        Some((queue.id.clone(), Timestamp::from_seconds(first)))
    });
    found.collect()
}

fn visible(queue: &FoundNode, stat: &'static str) -> Query {
    Query {
        namespace: NAMESPACE,
        metric: VISIBLE,
        stat,
        dimensions: vec![("QueueName", queue.name.clone())],
    }
}

/// Start of the last hour in which the queue was empty at some time or silent altogether; the first
/// of the window when there was none.
fn last_empty(hours: &Points, window: &Window) -> Option<i64> {
    let newest = hours.iter().next_back()?.0;
    let began = match hours.iter().rev().find(|(_, lowest)| *lowest <= 0.0) {
        Some((hour, _)) if hour == newest => return Some(hour),
        _ => since(hours, window, HOUR),
    };
    match began {
        Since::Start(hour) => Some(hour - HOUR),
        Since::Before => Some(window.start.millis() / 1000),
        Since::Never => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three hours that begin at 0.
    fn window() -> Window {
        Window::back(Timestamp::from_seconds(3 * HOUR - 1), 3 * HOUR, 60)
    }

    fn first(points: &[(i64, f64)]) -> Since {
        since(&Points::of(points), &window(), MINUTES_GAP)
    }

    #[test]
    fn the_first_message_came_after_the_last_time_the_queue_was_empty() {
        let points = [(0, 3.0), (60, 0.0), (180, 1.0), (240, 5.0)];
        assert_eq!(first(&points), Since::Start(180));
        assert_eq!(first(&[(60, 2.0), (240, 5.0)]), Since::Before);
        assert_eq!(first(&[(60, 2.0), (240, 0.0)]), Since::Never);
        assert_eq!(first(&[]), Since::Never);
    }

    #[test]
    fn a_queue_that_was_silent_was_empty() {
        assert_eq!(first(&[(7200, 1.0), (7260, 5.0)]), Since::Start(7200));
        assert_eq!(first(&[(60, 9.0), (7200, 1.0)]), Since::Start(7200));
        assert_eq!(first(&[(60, 0.0), (7200, 1.0)]), Since::Start(7200));
        assert_eq!(
            first(&[(60, 9.0), (600, 9.0)]),
            Since::Before,
            "some minutes without a point are a late point"
        );
    }

    #[test]
    fn the_minutes_are_read_around_the_end_of_the_last_empty_or_silent_hour() {
        let long = Window::back(Timestamp::from_seconds(24 * HOUR - 1), 24 * HOUR, 3600);
        let hour = |hours: &[(i64, f64)]| {
            let points: Vec<_> = hours.iter().map(|(h, v)| (h * HOUR, *v)).collect();
            last_empty(&Points::of(&points), &long).map(|at| at / HOUR)
        };
        assert_eq!(hour(&[(20, 0.0), (21, 3.0), (22, 4.0)]), Some(20));
        assert_eq!(hour(&[(21, 3.0), (22, 4.0)]), Some(20), "silent before");
        assert_eq!(hour(&[(3, 9.0), (21, 3.0), (22, 4.0)]), Some(20), "expired");
        assert_eq!(hour(&[(21, 3.0), (22, 0.0)]), Some(22));
        assert_eq!(hour(&[(0, 1.0), (1, 1.0)]), Some(0), "ever since");
        assert_eq!(hour(&[]), None);
    }
}
