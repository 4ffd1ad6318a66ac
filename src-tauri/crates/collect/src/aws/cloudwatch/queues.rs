//! Queues: age and rates, and since when a dead-letter queue holds messages.
//!
//! Metrics: SQS guide, sqs-available-cloudwatch-metrics. A queue is silent after six hours without
//! activity even when it holds messages, so a gap is no zero.

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
    /// From the first point there is, or from before it: that period, in seconds.
    Before(i64),
    /// There are none, or nothing is known.
    Never,
}

/// The first period with messages after the last one without.
fn since(points: &Points) -> Since {
    let mut first = None;
    for (start, value) in points.iter().rev() {
        if value <= 0.0 {
            return first.map_or(Since::Never, Since::Start);
        }
        first = Some(start);
    }
    first.map_or(Since::Never, Since::Before)
}

/// For dead-letter queues that hold messages now: when the first of them came, to the minute where
/// CloudWatch keeps minutes.
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
        match since(points) {
            Since::Start(start) => {
                known.insert(queue.id.clone(), Timestamp::from_seconds(start));
            }
            Since::Before(_) => older.push(*queue),
            Since::Never => {}
        }
    }
    known.extend(older_messages(round, window, &older).await);
    known
}

/// Looks back as far as a queue keeps messages: first by the hour for the last empty moment, then
/// by the minute from there. Its failure leaves the time unknown and the rest as it is.
async fn older_messages(
    round: &Round<'_>,
    window: &Window,
    queues: &[&FoundNode],
) -> Vec<(NodeId, Timestamp)> {
    if queues.is_empty() {
        return Vec::new();
    }
    let query = |queue: &FoundNode, stat| Query {
        namespace: NAMESPACE,
        metric: VISIBLE,
        stat,
        dimensions: vec![("QueueName", queue.name.clone())],
    };
    let long = Window::back(window.now, LONGEST, 3600);
    let lowest: Vec<Query> = queues.iter().map(|queue| query(queue, "Minimum")).collect();
    let Ok(hours) = metric::read(round, &long, &lowest).await else {
        return Vec::new();
    };
    let mut closer = Vec::new();
    for (queue, hours) in queues.iter().zip(&hours) {
        let empty = hours.iter().rev().find(|(_, lowest)| *lowest <= 0.0);
        if let Some((hour, _)) = empty.or_else(|| hours.iter().next()) {
            let from = Timestamp::from_seconds(hour);
            let minutes = Window::from(window.now, from, 2 * 3600);
            closer.push((*queue, hour, (minutes, query(queue, "Maximum"))));
        }
    }
    let asked: Vec<(Window, Query)> = closer.iter().map(|(_, _, asked)| asked.clone()).collect();
    let minutes = metric::read_each(round, &asked).await;
    let found = closer.iter().enumerate().map(|(n, (queue, hour, _))| {
        let start = match minutes.get(&n).map(since) {
            Some(Since::Start(start) | Since::Before(start)) => start,
            Some(Since::Never) | None => *hour,
        };
        (queue.id.clone(), Timestamp::from_seconds(start))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_came_after_the_last_time_the_queue_was_empty() {
        let points = Points::of(&[(0, 3.0), (60, 0.0), (180, 1.0), (240, 5.0)]);
        assert_eq!(since(&points), Since::Start(180));
        assert_eq!(
            since(&Points::of(&[(60, 2.0), (240, 5.0)])),
            Since::Before(60)
        );
        assert_eq!(since(&Points::of(&[(60, 2.0), (240, 0.0)])), Since::Never);
        assert_eq!(since(&Points::default()), Since::Never);
    }
}
