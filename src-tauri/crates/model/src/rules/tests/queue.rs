//! Queues.

use super::*;

/// A dead-letter queue of `orders` with this depth over the last minutes, the last one now.
fn dlq(s: &mut Stage, depths: &[f64]) -> NodeId {
    let now = depths.last().copied().unwrap_or(0.0);
    let dead = s.thing(
        Kind::Queue,
        "orders-dlq",
        &[(MessagesVisible, (now as i64).into())],
    );
    let source = s.thing(Kind::Queue, "orders", &[]);
    s.edge(&source, Relation::DeadLetters, &dead);
    s.figures(
        &dead,
        &[(OldestAgeSeconds, 552.into())],
        Some((MessagesVisible, depths)),
    );
    dead
}

pub(super) const QUEUES: &[Row] = &[
    row(
        "queue.dlq-growing",
        Critical,
        "orders-dlq grows: 1,284 messages more in 5 m, 1,284 in all: the consumer of orders loses them.",
        |s| dlq(s, &[0.0, 0.0, 0.0, 90.0, 400.0, 900.0, 1284.0]),
        |s| dlq(s, &[1284.0, 1284.0, 1284.0, 1284.0, 1284.0, 1284.0, 1284.0]),
    ),
    row(
        "queue.dlq-not-empty",
        Warning,
        "orders-dlq holds 1,284 messages; the oldest came 552 s ago.",
        |s| dlq(s, &[1284.0, 1284.0]),
        |s| dlq(s, &[0.0, 0.0]),
    ),
    row(
        "queue.age",
        Warning,
        "The oldest message of orders has waited 8 m 20 s; 90 messages are before its consumer.",
        thing!(
            Queue,
            "orders",
            OldestAgeSeconds = 500,
            MessagesVisible = 90
        ),
        thing!(Queue, "orders", OldestAgeSeconds = 5, MessagesVisible = 90),
    ),
    row(
        "queue.not-draining",
        Warning,
        "orders does not drain: 50 messages/s come, 20/s are done, 4,000 wait.",
        thing!(
            Queue,
            "orders",
            MessagesVisible = 4000,
            SentPerSecond = 50.0,
            DeletedPerSecond = 20.0
        ),
        thing!(
            Queue,
            "orders",
            MessagesVisible = 4000,
            SentPerSecond = 50.0,
            DeletedPerSecond = 70.0
        ),
    ),
    row(
        "queue.in-flight",
        Warning,
        "at 20,000 SQS gives out no more",
        thing!(
            Queue,
            "orders.fifo",
            MessagesNotVisible = 19000,
            Fifo = true
        ),
        thing!(Queue, "orders", MessagesNotVisible = 19000, Fifo = false),
    ),
    row(
        "queue.expiring",
        Critical,
        "loses its oldest messages in 10 h at the latest",
        thing!(
            Queue,
            "orders",
            MessagesVisible = 9,
            OldestAgeSeconds = 309_600,
            RetentionSeconds = 345_600
        ),
        thing!(
            Queue,
            "orders",
            MessagesVisible = 9,
            OldestAgeSeconds = 60,
            RetentionSeconds = 345_600
        ),
    ),
    row(
        "queue.move-failed",
        Warning,
        "The last redrive of orders-dlq failed: some messages were not put here by SQS, so it does not know where they came from (CouldNotDetermineMessageSource).",
        thing!(
            Queue,
            "orders-dlq",
            MessagesVisible = 9,
            MoveTaskStatus = "FAILED",
            MoveTaskFailure = "CouldNotDetermineMessageSource"
        ),
        thing!(
            Queue,
            "orders-dlq",
            MessagesVisible = 9,
            MoveTaskStatus = "COMPLETED"
        ),
    ),
    row(
        "queue.moving",
        InTransition,
        "A redrive of orders-dlq is RUNNING: 20 of 90 messages moved.",
        thing!(
            Queue,
            "orders-dlq",
            MoveTaskStatus = "RUNNING",
            MoveTaskMoved = 20,
            MoveTaskToMove = 90
        ),
        thing!(Queue, "orders-dlq", MoveTaskStatus = "COMPLETED"),
    ),
];
