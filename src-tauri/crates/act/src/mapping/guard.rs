//! The checks of a mapping's changes (guards.md §9), each decidable from one snapshot.

mod owner;
mod reserved;

use super::settings::{Change, Pause, concurrency_words};
use super::subject::{Subject, takes_from_sqs};
use crate::finding::{Answer, Words, finding};
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::{count, list, span};
use model::{Fact, Node};

/// A pause must leave this many times its length of the retention.
const RETENTION_FACTOR: f64 = 2.0;
/// From so few receives on, one more failing attempt of what is in flight is the last.
const FEW_RECEIVES: i64 = 2;

/// Every check, blocks first.
pub(super) fn findings(subject: &Subject<'_>, change: Change) -> Vec<Finding> {
    let mut all = vec![steady(subject), changes(subject, change)];
    match change {
        Change::Pause(pause) => {
            all.extend(subject.queue.map(|queue| retention(subject, queue, pause)));
            all.extend(subject.queue.map(|queue| receives(subject, queue)));
            all.extend([ends(pause), others(subject), owner::owner(subject)]);
        }
        Change::Resume => all.push(owner::owner(subject)),
        Change::Concurrency(max) => {
            all.extend([from_sqs(subject), pollers(subject)]);
            all.extend([reserved::reserved(subject, max), owner::owner(subject)]);
        }
    }
    all
}

/// `State`: Creating, Enabling, Enabled, Disabling, Disabled, Updating, Deleting
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html>).
fn steady(subject: &Subject<'_>) -> Finding {
    let state = subject.state();
    let value = state.unwrap_or("not read");
    finding(
        "mapping.steady",
        Severity::Block,
        Answer::of(
            subject.origin(Fact::StateWord),
            state.map(|state| matches!(state, "Enabled" | "Disabled")),
            value,
        ),
        Words {
            pass: format!("{} is {value}.", subject.called()),
            fail: format!(
                "{} is {value}: Lambda refuses changes until that is over (ResourceInUseException).",
                subject.called()
            ),
            unknown: format!("The state of {} is not known.", subject.called()),
            threshold: "Enabled or Disabled",
            next: "Wait a minute, then plan again.",
        },
    )
}

fn changes(subject: &Subject<'_>, change: Change) -> Finding {
    let state = subject.state();
    let word = state.unwrap_or("not read").to_owned();
    let (differs, value, next) = match change {
        Change::Pause(_) => (
            state.map(|state| state != "Disabled"),
            word,
            "It is paused already.",
        ),
        Change::Resume => (
            state.map(|state| state != "Enabled"),
            word,
            "It is running already.",
        ),
        Change::Concurrency(max) => (
            state.map(|_| max != subject.concurrency()),
            concurrency_words(subject.concurrency()),
            "Give another number, or off.",
        ),
    };
    finding(
        "mapping.changes",
        Severity::Block,
        Answer::of(subject.origin(Fact::StateWord), differs, value.clone()),
        Words {
            pass: "It changes something.".to_owned(),
            fail: format!("{} is {value} already.", subject.called()),
            unknown: format!("How {} is now is not known.", subject.called()),
            threshold: "other than now",
            next,
        },
    )
}

/// What waits must not expire before it is taken: retention − oldest age against the pause.
fn retention(subject: &Subject<'_>, queue: &Node, pause: Pause) -> Finding {
    let keeps = queue.facts.number(Fact::RetentionSeconds);
    let empty = queue.facts.count(Fact::MessagesVisible) == Some(0);
    let told = queue.facts.number(Fact::OldestAgeSeconds);
    let oldest = told.or(empty.then_some(0.0));
    let age_of = match told {
        None if empty => Fact::MessagesVisible,
        _ => Fact::OldestAgeSeconds,
    };
    let of = |fact| Origin::of(subject.snapshot, queue, fact);
    let left = keeps.zip(oldest).map(|(keeps, oldest)| keeps - oldest);
    let needed = pause.loop_seconds() as f64 * RETENTION_FACTOR;
    let value = left.map_or_else(
        || "not known".to_owned(),
        |left| format!("{} left", span(left)),
    );
    finding(
        "mapping.retention",
        Severity::Warn,
        Answer::of(
            weaker(of(Fact::RetentionSeconds), of(age_of)),
            left.map(|left| left >= needed),
            value.clone(),
        ),
        Words {
            pass: format!(
                "The oldest message of {} has {value} before it expires, more than twice the pause.",
                queue.name
            ),
            fail: format!(
                "The oldest message of {} has {value} before it expires, less than twice the pause: messages may be lost.",
                queue.name
            ),
            unknown: format!(
                "When the oldest message of {} expires is not known.",
                queue.name
            ),
            threshold: "twice the pause",
            next: "Pause for a shorter time, or raise the queue's retention first.",
        },
    )
}

/// What is in flight is finished or comes back; where few receives are allowed, once more is once too
/// often. How often each was received is told to who receives it only, so it is not judged.
fn receives(subject: &Subject<'_>, queue: &Node) -> Finding {
    let facts = &queue.facts;
    let most = facts.count(Fact::MaxReceiveCount);
    let flying = facts.count(Fact::MessagesNotVisible);
    // Only its attributes say so, and without a redrive policy they say nothing more.
    let read = facts.get(Fact::RetentionSeconds).is_some();
    let bare = read && facts.get(Fact::DeadLetterQueue).is_none();
    let near = match (most, flying) {
        (Some(most), Some(flying)) => Some(most <= FEW_RECEIVES && flying > 0),
        (None, Some(_)) => bare.then_some(false),
        (_, None) => None,
    };
    let flying = flying.map_or_else(|| "not read".to_owned(), |n| count(n, "message"));
    let policy = match most {
        Some(most) => format!("maxReceiveCount {most}"),
        None if bare => "no dead-letter queue".to_owned(),
        None => "redrive policy not read".to_owned(),
    };
    let value = format!("{flying} in flight, {policy}");
    finding(
        "mapping.receives-left",
        Severity::Warn,
        Answer::of(
            Origin::of(subject.snapshot, queue, Fact::MessagesNotVisible),
            near.map(|near| !near),
            value.clone(),
        ),
        Words {
            pass: match most {
                Some(_) => format!(
                    "{}: {value}. How often each was received already is not read.",
                    queue.name
                ),
                None => format!("{}: {value}.", queue.name),
            },
            fail: format!(
                "{}: {value}. One that fails now may go to the dead-letter queue.",
                queue.name
            ),
            unknown: format!(
                "What is in flight of {} and how often it may fail is not known.",
                queue.name
            ),
            threshold: "maxReceiveCount above 2, or nothing in flight",
            next: "Look at the dead-letter queue afterwards.",
        },
    )
}

fn ends(pause: Pause) -> Finding {
    let value = match pause {
        Pause::For(seconds) => span(seconds as f64),
        Pause::Open => "no end".to_owned(),
    };
    finding(
        "mapping.auto-resume",
        Severity::Warn,
        Answer::given(matches!(pause, Pause::For(_)), value.clone()),
        Words {
            pass: format!("The pause is an open loop that is due after {value}."),
            fail: "The pause has no end: whoever forgets it loses what expires.".to_owned(),
            unknown: String::new(),
            threshold: "a time",
            next: "Set for, e.g. 30m.",
        },
    )
}

fn others(subject: &Subject<'_>) -> Finding {
    let mut names: Vec<&str> = subject
        .others
        .iter()
        .map(|node| node.facts.text(Fact::FunctionName).unwrap_or(&node.name))
        .collect();
    names.sort_unstable();
    let each = subject.others.iter();
    let origins = each.map(|node| Origin::of(subject.snapshot, node, Fact::Status));
    // That there is none was told with this mapping: Lambda lists all of a region together.
    let origin = origins
        .reduce(weaker)
        .unwrap_or_else(|| subject.origin(Fact::EventSource));
    finding(
        "mapping.only-consumer",
        Severity::Warn,
        Answer::of(
            origin,
            Some(names.is_empty()),
            if names.is_empty() {
                "nobody else".to_owned()
            } else {
                list(&names)
            },
        ),
        Words {
            pass: format!(
                "Nobody else is seen to take from {}.",
                subject.source_name()
            ),
            fail: format!(
                "{} goes on taking from {}: this pause does not stop it.",
                list(&names),
                subject.source_name()
            ),
            unknown: format!(
                "Who else takes from {} is not known.",
                subject.source_name()
            ),
            threshold: "nobody else",
            next: "Pause the others too.",
        },
    )
}

/// `MaximumConcurrency` is for SQS event sources only (API reference, ScalingConfig).
fn from_sqs(subject: &Subject<'_>) -> Finding {
    let source = subject.mapping.facts.text(Fact::EventSource);
    finding(
        "mapping.from-sqs",
        Severity::Block,
        Answer::of(
            subject.origin(Fact::EventSource),
            source.map(|_| takes_from_sqs(subject.mapping)),
            source.unwrap_or("not read"),
        ),
        Words {
            pass: format!("{} is an SQS queue.", subject.source_name()),
            fail: format!(
                "{} is no SQS queue: Lambda takes a concurrency only for those.",
                subject.source_name()
            ),
            unknown: "What it takes from is not known.".to_owned(),
            threshold: "an SQS queue",
            next: "Limit the function's reserved concurrency instead.",
        },
    )
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>: provisioned mode cannot be
/// used together with a maximum concurrency.
fn pollers(subject: &Subject<'_>) -> Finding {
    let pollers = subject.mapping.facts.count(Fact::ProvisionedPollers);
    let value = pollers.map_or_else(|| "none".to_owned(), |n| count(n, "poller"));
    finding(
        "mapping.no-provisioned-pollers",
        Severity::Block,
        Answer::of(
            subject.origin(Fact::ProvisionedPollers),
            Some(pollers.is_none()),
            value.clone(),
        ),
        Words {
            pass: "It has no provisioned pollers.".to_owned(),
            fail: format!(
                "It has {value} provisioned: Lambda takes those or a concurrency, not both."
            ),
            unknown: "Whether it has provisioned pollers is not known.".to_owned(),
            threshold: "none",
            next: "Change the number of its pollers instead.",
        },
    )
}

/// The origin that counts where two do: the one that cannot be believed, else the older.
fn weaker(a: Origin, b: Origin) -> Origin {
    match (a.believed, b.believed) {
        (true, false) => b,
        (false, true) => a,
        _ if b.age > a.age => b,
        _ => a,
    }
}
