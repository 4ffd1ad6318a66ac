//! The checks of a native redrive (guards.md §6) about the queue itself: each decidable from one
//! snapshot. Those about the consumer are in `health.rs`.

use super::settings::Settings;
use super::subject::Subject;
use super::{estimate, headroom, health, past};
use crate::finding::{Answer, Words, finding, not_checked};
use crate::plan::{Finding, Outcome, Severity};
use crate::shelf::{KeptPeek, PEEK_SECONDS, Shelf};
use crate::words::{count, list, span};
use model::{Fact, Node};

/// Of the messages peeked at so many may be unlike the most, percent.
const OTHERS_PERCENT: f64 = 10.0;

/// Every check, blocks first.
pub(crate) fn findings(subject: &Subject<'_>, settings: &Settings, shelf: &Shelf) -> Vec<Finding> {
    let mut all = vec![
        is_dlq(subject),
        source_is_sqs(subject),
        not_empty(subject),
        task_free(subject),
        past::account_free(subject),
        same_type(subject),
    ];
    all.extend(health::findings(subject));
    all.extend(headroom::findings(subject, i64::from(settings.rate)));
    all.extend([
        canary(subject, settings),
        idempotent(subject),
        one_source(subject),
        one_signature(subject, shelf),
        fifo_order(subject),
        expiry(subject, settings),
        past::last_failure(subject),
        past::history(subject),
    ]);
    all
}

/// SQS moves all of them: those that fail for another reason fail again (guards.md §6). A plan asks nobody; what a peek
/// of the last minutes showed counts.
fn one_signature(subject: &Subject<'_>, shelf: &Shelf) -> Finding {
    let age = |at| subject.snapshot.taken_at.seconds_since(at);
    let peek = shelf
        .peek
        .as_ref()
        .filter(|peek| age(peek.at) <= PEEK_SECONDS);
    let signatures = peek.map(KeptPeek::signatures).unwrap_or_default();
    let all: u32 = signatures.values().sum();
    let Some((most, alike)) = signatures.iter().max_by_key(|(_, alike)| **alike) else {
        return not_checked(
            "redrive.one-signature",
            "whether all fail alike (no peek of the last 10 min)",
            "Those that fail for another reason fail again.",
        );
    };
    let others = f64::from(all - alike) * 100.0 / f64::from(all);
    let value = format!("{} of {all} otherwise", all - alike);
    finding(
        "redrive.one-signature",
        Severity::Warn,
        Answer::given(others <= OTHERS_PERCENT, value.clone()),
        Words {
            pass: format!("Of {all} that were peeked at {alike} are alike: {most}."),
            fail: format!(
                "Of {all} that were peeked at only {alike} are alike ({most}): the others may fail for another reason, and SQS moves all."
            ),
            unknown: String::new(),
            threshold: "10 % others at most",
            next: "Redrive the ones you know by a filter: redrive-selected.",
        },
    )
}

/// Those that are the same for a redrive of selected messages.
pub(crate) fn shared(subject: &Subject<'_>) -> Vec<Finding> {
    vec![
        is_dlq(subject),
        not_empty(subject),
        task_free(subject),
        same_type(subject),
    ]
}

fn is_dlq(subject: &Subject<'_>) -> Finding {
    let names: Vec<&str> = subject.sources.iter().map(|q| q.name.as_str()).collect();
    let origin = subject.origin(subject.dlq, Fact::IsDeadLetterQueue);
    let said = subject.dlq.facts.text(Fact::SourceQueues).unwrap_or("");
    let holds = !names.is_empty() || !said.is_empty() || !subject.foreign.is_empty();
    let foreign: Vec<&str> = subject.foreign.iter().map(|n| n.name.as_str()).collect();
    let value = match (names.is_empty(), said.is_empty()) {
        (true, true) if !foreign.is_empty() => list(&foreign),
        (false, _) => list(&names),
        (true, false) => said.to_owned(),
        (true, true) => "no source queue".to_owned(),
    };
    finding(
        "redrive.is-dlq",
        Severity::Block,
        Answer::of(origin, Some(holds), value.clone()),
        Words {
            pass: format!("{} is the dead-letter queue of {value}.", subject.dlq.name),
            fail: format!(
                "No queue names {} in its redrive policy: SQS moves messages only out of dead-letter queues.",
                subject.dlq.name
            ),
            unknown: format!(
                "Whether {} is a dead-letter queue is not known.",
                subject.dlq.name
            ),
            threshold: "at least one source queue",
            next: "Point a queue's redrive policy at it, or move the messages with another tool.",
        },
    )
}

fn source_is_sqs(subject: &Subject<'_>) -> Finding {
    let names: Vec<&str> = subject.foreign.iter().map(|n| n.name.as_str()).collect();
    let answer = Answer::given(
        names.is_empty(),
        match names.is_empty() {
            true => "queues only".to_owned(),
            false => list(&names),
        },
    );
    finding(
        "redrive.source-is-sqs",
        Severity::Block,
        answer,
        Words {
            pass: "Only SQS queues are known to dead-letter here (subscriptions of SNS topics are not read).".to_owned(),
            fail: format!(
                "{} dead-letters here and is no SQS queue: SQS refuses to move such messages.",
                list(&names)
            ),
            unknown: String::new(),
            threshold: "SQS queues only",
            next: "Replay these messages from the function or topic they come from.",
        },
    )
}

fn not_empty(subject: &Subject<'_>) -> Finding {
    let visible = subject.visible();
    let origin = subject.origin(subject.dlq, Fact::MessagesVisible);
    let value = visible.map_or_else(|| "not read".to_owned(), |n| count(n, "message"));
    let hidden = subject
        .dlq
        .facts
        .count(Fact::MessagesNotVisible)
        .unwrap_or(0);
    finding(
        "redrive.not-empty",
        Severity::Block,
        Answer::of(origin, visible.map(|n| n > 0), value.clone()),
        Words {
            pass: format!("{} holds {value} to move.", subject.dlq.name),
            fail: match hidden {
                0 => format!(
                    "{} is empty: there is nothing to redrive.",
                    subject.dlq.name
                ),
                n => format!(
                    "{} has nothing to move now: {} in flight, held by a reader.",
                    subject.dlq.name,
                    count(n, "message")
                ),
            },
            unknown: format!("How many messages {} holds is not known.", subject.dlq.name),
            threshold: "more than 0",
            next: "",
        },
    )
}

pub(crate) fn task_free(subject: &Subject<'_>) -> Finding {
    let facts = &subject.dlq.facts;
    let status = facts.text(Fact::MoveTaskStatus);
    let busy = matches!(status, Some("RUNNING" | "CANCELLING" | "QUEUED"));
    let value = status.unwrap_or("none").to_owned();
    let moved = facts.count(Fact::MoveTaskMoved).unwrap_or(0);
    finding(
        "redrive.task-free",
        Severity::Block,
        Answer::of(subject.tasks_origin(), Some(!busy), value.clone()),
        Words {
            pass: format!("No move task is active on {}.", subject.dlq.name),
            fail: format!(
                "A move task is {value} on {} ({} moved so far): SQS runs one per queue.",
                subject.dlq.name,
                count(moved, "message")
            ),
            unknown: format!(
                "Whether a move task runs on {} is not known.",
                subject.dlq.name
            ),
            threshold: "none RUNNING or CANCELLING",
            next: "Wait until it ends, or cancel it where it was started.",
        },
    )
}

fn same_type(subject: &Subject<'_>) -> Finding {
    let kind = |queue: &Node| match queue.facts.flag(Fact::Fifo) {
        Some(true) => "FIFO",
        Some(false) => "standard",
        None if queue.name.ends_with(".fifo") => "FIFO",
        None => "standard",
    };
    let own = kind(subject.dlq);
    let other = subject.destinations.iter().find(|queue| kind(queue) != own);
    let origin = subject.origin(subject.dlq, Fact::Fifo);
    let fail = other.map_or_else(String::new, |queue| {
        format!(
            "{} is {own}, {} is {}: SQS moves messages only between queues of one type.",
            subject.dlq.name,
            queue.name,
            kind(queue)
        )
    });
    finding(
        "redrive.same-type",
        Severity::Block,
        Answer::of(origin, Some(other.is_none()), own),
        Words {
            pass: format!("Both ends are {own} queues."),
            fail,
            unknown: "Whether both ends are of one type is not known.".to_owned(),
            threshold: "the same type",
            next: "Choose a destination of the same type.",
        },
    )
}

fn canary(subject: &Subject<'_>, settings: &Settings) -> Finding {
    let whole = subject
        .visible()
        .is_some_and(|n| n <= settings.canary.unwrap_or(0));
    let value = match settings.canary {
        Some(_) if whole => "all of them at once, they are few".to_owned(),
        Some(n) => count(n, "message"),
        None => "off".to_owned(),
    };
    finding(
        "redrive.canary",
        Severity::Warn,
        Answer::given(settings.canary.is_some(), value.clone()),
        Words {
            pass: format!("A canary goes first: {value}."),
            fail: "No canary: if the messages still fail, that shows only after all were moved."
                .to_owned(),
            unknown: String::new(),
            threshold: "on",
            next: "Leave the canary on.",
        },
    )
}

pub(crate) fn idempotent(subject: &Subject<'_>) -> Finding {
    let marked = |queue: &&&Node| queue.facts.flag(Fact::ConsumerIdempotent) == Some(true);
    let unmarked: Vec<&str> = subject
        .destinations
        .iter()
        .filter(|queue| !marked(queue))
        .map(|queue| queue.name.as_str())
        .collect();
    let holds = unmarked.is_empty() && !subject.destinations.is_empty();
    finding(
        "redrive.idempotent",
        Severity::Warn,
        Answer::given(
            holds,
            if holds {
                "marked idempotent"
            } else {
                "not marked"
            },
        ),
        Words {
            pass: "The stack file marks the consumer idempotent.".to_owned(),
            fail: format!(
                "The consumer of {} is not marked idempotent: a message that was half done is done again, under a new MessageId.",
                list(&unmarked)
            ),
            unknown: String::new(),
            threshold: "idempotent = true in the stack file",
            next: "When its consumer bears repetition, say so in the stack file: [[queue]] idempotent = true.",
        },
    )
}

fn one_source(subject: &Subject<'_>) -> Finding {
    let several = subject.sources.len() > 1 && !subject.named;
    let names: Vec<&str> = subject.sources.iter().map(|q| q.name.as_str()).collect();
    finding(
        "redrive.one-source",
        Severity::Warn,
        Answer::given(!several, list(&names)),
        Words {
            pass: "All messages go to one queue.".to_owned(),
            fail: format!(
                "{} serves {}: each message goes back to its own source, and one that was put here by hand stops the task.",
                subject.dlq.name,
                list(&names)
            ),
            unknown: String::new(),
            threshold: "one destination",
            next: "Set a destination to send all of them to one queue.",
        },
    )
}

fn fifo_order(subject: &Subject<'_>) -> Finding {
    let fifo =
        subject.dlq.facts.flag(Fact::Fifo) == Some(true) || subject.dlq.name.ends_with(".fifo");
    finding(
        "redrive.fifo-order",
        Severity::Warn,
        Answer::given(!fifo, if fifo { "FIFO" } else { "standard" }),
        Words {
            pass: "A standard queue promises no order to break.".to_owned(),
            fail: "FIFO: moved messages interleave with new ones of their group, and get new deduplication.".to_owned(),
            unknown: String::new(),
            threshold: "standard",
            next: "Pause the producers of these groups first when order matters.",
        },
    )
}

/// Retention of a standard queue runs from the original enqueue, which is earlier than the arrival
/// here; without reading a message only a bound can be shown. In a FIFO queue it begins anew with the
/// move (guards.md §6, "Expiry clock"; SQS Developer Guide, "Understanding message retention periods
/// for dead-letter queues").
fn expiry(subject: &Subject<'_>, settings: &Settings) -> Finding {
    let facts = &subject.dlq.facts;
    let fifo = facts.flag(Fact::Fifo) == Some(true);
    let bound = if fifo { "" } else { " at the latest" };
    let oldest = subject.first_arrival().map(|(at, _)| at);
    let retention = facts.number(Fact::RetentionSeconds);
    let origin = subject.origin(subject.dlq, Fact::RetentionSeconds);
    let needed = estimate::total_seconds(subject, settings);
    let expires = oldest
        .zip(retention)
        .map(|(at, keep)| at.plus_seconds(keep as i64));
    let left = expires.map(|at| at.seconds_since(subject.snapshot.taken_at));
    let answer = match left {
        Some(left) => Answer::of(
            origin,
            Some(left > needed),
            format!("{} left{}", span(left), if fifo { "" } else { " at most" }),
        ),
        None if subject.visible() == Some(0) => Answer::given(true, "empty"),
        None => Answer::unknown("not known"),
    };
    // Not knowing the age of the oldest message is no reason to raise the level by itself.
    if answer.outcome == Outcome::Unknown && subject.visible().is_some() {
        return not_checked(
            "redrive.expiry",
            "when the oldest message expires (its age is not known)",
            "What expires before the redrive is done is lost.",
        );
    }
    let within = left.map_or_else(String::new, span);
    finding(
        "redrive.expiry",
        Severity::Warn,
        answer,
        Words {
            pass: match left {
                None => "There is no message that could expire.".to_owned(),
                Some(_) => format!(
                    "The oldest message expires in {within}{bound}, after the redrive is done."
                ),
            },
            fail: format!(
                "The oldest message expires in {within}{bound}, before the redrive is done."
            ),
            unknown: "When the oldest message expires is not known.".to_owned(),
            threshold: "later than the estimated end",
            next: "Redrive now, at a higher rate, or raise the retention of the dead-letter queue first.",
        },
    )
}
