//! What SQS says of move tasks besides ours: how many the account runs, how the last one ended, and
//! what was redriven before.

use super::subject::Subject;
use crate::arn;
use crate::finding::{Answer, Words, finding};
use crate::plan::{Finding, Severity};
use crate::words::count;
use model::{Fact, Kind, Node, move_failure};

/// Active tasks an account may have in a region (SQS Developer Guide, "Configuring a dead-letter queue
/// redrive": at most 100 active redrive tasks per account).
const MOST_TASKS: usize = 100;

/// SQS refuses a task beyond the account's limit. Counted over every dead-letter queue that is read.
pub(super) fn account_free(subject: &Subject<'_>) -> Finding {
    let dlq = subject.dlq;
    let active = |queue: &&Node| {
        queue.kind == Kind::Queue
            && queue.scope.account == dlq.scope.account
            && queue.scope.region == dlq.scope.region
            && matches!(
                queue.facts.text(Fact::MoveTaskStatus),
                Some("RUNNING" | "CANCELLING" | "QUEUED")
            )
    };
    let all = subject.snapshot.nodes.iter().map(AsRef::as_ref);
    let running = all.filter(active).count();
    let value = count(running as i64, "active task");
    finding(
        "redrive.account-tasks",
        Severity::Block,
        Answer::of(
            subject.tasks_origin(),
            Some(running < MOST_TASKS),
            value.clone(),
        ),
        Words {
            pass: format!("The account has {value} in this region, of at most {MOST_TASKS}."),
            fail: format!(
                "The account has {value} in this region: SQS takes no more than {MOST_TASKS} at once."
            ),
            unknown: "How many move tasks the account has is not known.".to_owned(),
            threshold: "fewer than 100",
            next: "Wait until one ends, or cancel one that is not needed.",
        },
    )
}

/// A task that failed for want of a destination fails again without one.
pub(super) fn last_failure(subject: &Subject<'_>) -> Finding {
    let facts = &subject.dlq.facts;
    let failed = facts.text(Fact::MoveTaskStatus) == Some("FAILED");
    let reason = facts.text(Fact::MoveTaskFailure).unwrap_or("");
    let failure = move_failure(reason);
    let again = failed && failure.wants_destination && !subject.named;
    let value = match failed {
        true => format!("FAILED: {}", failure.why),
        false => "did not fail".to_owned(),
    };
    finding(
        "redrive.last-failure",
        Severity::Warn,
        Answer::of(subject.tasks_origin(), Some(!again), value),
        Words {
            pass: match failed {
                true => format!(
                    "The last redrive of {} failed: {}. {}",
                    subject.dlq.name, failure.why, failure.next
                ),
                false => "The last redrive, if there was one, did not fail.".to_owned(),
            },
            fail: format!(
                "The last redrive of {} failed: {}; this one would too.",
                subject.dlq.name, failure.why
            ),
            unknown: "How the last redrive ended is not known.".to_owned(),
            threshold: "no failure that comes again",
            next: failure.next,
        },
    )
}

/// What was redriven before, as SQS lists it.
pub(super) fn history(subject: &Subject<'_>) -> Finding {
    let told = subject.dlq.facts.text(Fact::MoveTaskHistory);
    let tasks = told.map_or(0, |told| told.split("; ").count());
    finding(
        "redrive.history",
        Severity::Info,
        Answer::of(
            subject.tasks_origin(),
            Some(true),
            count(tasks as i64, "earlier task"),
        ),
        Words {
            pass: match told {
                Some(told) => format!("Redriven before: {told}."),
                None => format!("SQS lists no earlier redrive of {}.", subject.dlq.name),
            },
            fail: String::new(),
            unknown: "What was redriven before is not known.".to_owned(),
            threshold: "",
            next: "",
        },
    )
}

/// Keys a redrive needs, where the queues are encrypted with one of their own: decrypt here, data keys
/// there (SQS Developer Guide, "Troubleshoot dead-letter queue redrive", AccessDenied).
pub(super) fn keys(subject: &Subject<'_>) -> Vec<(&'static str, String)> {
    let there = subject.destinations.iter().copied();
    key_to_read(subject.dlq)
        .into_iter()
        .chain(there.flat_map(keys_to_send))
        .collect()
}

/// The key without which nothing is received from a queue, where it has one of its own.
pub(crate) fn key_to_read(queue: &Node) -> Option<(&'static str, String)> {
    key(queue).map(|key| ("kms:Decrypt", key))
}

/// The key without which nothing is sent to a queue, where it has one of its own.
pub(crate) fn keys_to_send(queue: &Node) -> Vec<(&'static str, String)> {
    let both = |key: String| [("kms:GenerateDataKey", key.clone()), ("kms:Decrypt", key)];
    key(queue).map(both).into_iter().flatten().collect()
}

/// ARN of the key or of its alias (SQS API reference, `KmsMasterKeyId`); AWS's own is granted with the queue.
fn key(queue: &Node) -> Option<String> {
    let key = queue.facts.text(Fact::KmsKey)?;
    let name = key.splitn(6, ':').last().unwrap_or(key);
    if name.starts_with("alias/aws/") {
        return None;
    }
    if key.starts_with("arn:") {
        return Some(key.to_owned());
    }
    let arn = arn::queue(queue);
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, _, region, account, ..] = parts.as_slice() else {
        return None;
    };
    let kind = if key.starts_with("alias/") {
        ""
    } else {
        "key/"
    };
    Some(format!(
        "arn:{partition}:kms:{region}:{account}:{kind}{key}"
    ))
}
