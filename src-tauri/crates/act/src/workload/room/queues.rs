//! What more or fewer consumers mean for the queues they work on.

use super::Step;
use crate::finding::{Answer, Words, finding};
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::{span, thousands};
use crate::workload::near;
use model::{Fact, Node};

/// A FIFO queue gives each message group to one consumer at a time
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html>);
/// how many groups there are SQS does not say, but messages in flight are never of fewer consumers
/// than work.
pub(super) fn groups(step: Step<'_>) -> Vec<Finding> {
    let queues = near::queues(step.snapshot, step.workload);
    let fifo = queues
        .into_iter()
        .filter(|queue| queue.facts.flag(Fact::Fifo) == Some(true));
    fifo.map(|queue| group(step, queue)).collect()
}

fn group(step: Step<'_>, queue: &Node) -> Finding {
    let flying = queue.facts.count(Fact::MessagesNotVisible);
    let ready = step.workload.facts.count(Fact::ReplicasReady);
    let known = flying.zip(ready);
    let (flying, ready) = known.unwrap_or((0, 0));
    let name = &queue.name;
    finding(
        "scale.fifo",
        Severity::Warn,
        Answer::of(
            Origin::of(step.snapshot, queue, Fact::MessagesNotVisible),
            known.map(|(flying, ready)| flying >= ready),
            format!("{flying} in flight, {ready} ready"),
        ),
        Words {
            pass: format!(
                "{name} is FIFO: each message group goes to one consumer at a time; {} messages are in flight for {ready} consumers, so none need be idle; of how many groups they are SQS does not say.",
                thousands(flying)
            ),
            fail: format!(
                "{name} is FIFO: each message group goes to one consumer at a time; {} messages are in flight for {ready} consumers, so some are idle already and more replicas would be too.",
                thousands(flying)
            ),
            unknown: format!("How many consumers {name} keeps busy is not known."),
            threshold: "at least one message in flight per consumer",
            next: "Look at the number of message groups: no more consumers than that can work.",
        },
    )
}

/// A pod that is told to end has its grace period to finish; a message it holds longer comes back
/// when its visibility timeout is over, and its receive count rises.
pub(super) fn in_flight(step: Step<'_>) -> Vec<Finding> {
    let queues = near::queues(step.snapshot, step.workload);
    queues.into_iter().map(|queue| held(step, queue)).collect()
}

fn held(step: Step<'_>, queue: &Node) -> Finding {
    let grace = step.workload.facts.count(Fact::TerminationGraceSeconds);
    let visible = queue.facts.count(Fact::VisibilityTimeoutSeconds);
    let known = grace.zip(visible);
    let (grace, visible) = known.unwrap_or((0, 0));
    let (name, queue_name) = (&step.workload.name, &queue.name);
    let words = |seconds: i64| span(seconds as f64);
    finding(
        "scale.in-flight",
        Severity::Warn,
        Answer::of(
            Origin::of(step.snapshot, queue, Fact::VisibilityTimeoutSeconds),
            known.map(|(grace, visible)| grace >= visible),
            format!("{} to end, {} invisible", words(grace), words(visible)),
        ),
        Words {
            pass: format!(
                "Pods of {name} have {} to finish, a message of {queue_name} is theirs for {}.",
                words(grace),
                words(visible)
            ),
            fail: format!(
                "Pods of {name} have {} to finish, but a message of {queue_name} is theirs for {}: what they cannot finish comes back with a higher receive count.",
                words(grace),
                words(visible)
            ),
            unknown: format!(
                "How long pods of {name} may finish, or how long {queue_name} hides a message, is not known."
            ),
            threshold: "terminationGracePeriodSeconds at least the visibility timeout",
            next: "Scale in a few at a time, or raise terminationGracePeriodSeconds.",
        },
    )
}
