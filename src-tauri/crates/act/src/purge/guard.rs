//! The checks of a purge (guards.md §8).

mod arrivals;

use super::held;
use crate::finding::{Answer, Words, finding, not_checked};
use crate::origin::Origin;
use crate::plan::{Finding, Outcome, Severity};
use crate::redrive::guard;
use crate::redrive::subject::Subject;
use crate::shelf::Shelf;
use crate::words::{count, list, span};
use crate::workload::near;
use model::{Fact, Relation, Service};

/// An export older than this says nothing of what is there now.
const EXPORT_SECONDS: f64 = 600.0;
/// More than this many need not be in the export.
const EXPORT_MESSAGES: i64 = 10_000;
/// SQS takes one purge of a queue in this time (PurgeQueueInProgress).
const AGAIN_SECONDS: f64 = 60.0;
/// Younger than this, the oldest message belongs to what is going on now, and so does a signature.
const YOUNG_SECONDS: f64 = 3_600.0;
/// Signatures that are told.
const TOLD: usize = 3;

/// Whether some queue dead-letters into it.
pub(super) fn is_dlq(subject: &Subject<'_>) -> bool {
    let facts = &subject.dlq.facts;
    !subject.sources.is_empty()
        || !subject.foreign.is_empty()
        || facts.flag(Fact::IsDeadLetterQueue) == Some(true)
}

pub(super) fn findings(subject: &Subject<'_>, shelf: &Shelf) -> Vec<Finding> {
    vec![
        dead_letter_queue(subject),
        consumed(subject),
        not_empty(subject),
        exported(subject, shelf),
        guard::task_free(subject),
        again(subject, shelf),
        young(subject),
        signatures(subject, shelf),
        arrivals::producers(subject),
    ]
}

fn dead_letter_queue(subject: &Subject<'_>) -> Finding {
    let name = &subject.dlq.name;
    let holds = is_dlq(subject);
    let origin = subject.origin(subject.dlq, Fact::IsDeadLetterQueue);
    finding(
        "purge.is-dlq",
        Severity::Block,
        Answer::of(
            origin,
            Some(holds),
            if holds {
                "a dead-letter queue"
            } else {
                "no queue names it"
            },
        ),
        Words {
            pass: format!("{name} is a dead-letter queue."),
            fail: format!(
                "{name} is no dead-letter queue: what waits in it is work that was not done yet."
            ),
            unknown: format!("Whether {name} is a dead-letter queue is not known."),
            threshold: "a dead-letter queue",
            next: "Let its consumer work it off, or stop the producer first.",
        },
    )
}

/// Somebody may work from a dead-letter queue too: what a consumer would still have done is deleted.
fn consumed(subject: &Subject<'_>) -> Finding {
    let name = &subject.dlq.name;
    let found = near::next(subject.snapshot, &subject.dlq.id, Relation::ConsumedBy);
    let names: Vec<&str> = found
        .iter()
        .map(|node| node.facts.text(Fact::FunctionName).unwrap_or(&node.name))
        .collect();
    let value = match names.is_empty() {
        true => "nobody is seen".to_owned(),
        false => list(&names),
    };
    let origin = match found.first() {
        Some(node) => Some(subject.origin(node, Fact::Status)),
        None => mappings(subject),
    };
    let holds = names.is_empty();
    let answer = match origin {
        Some(origin) => Answer::of(origin, Some(holds), value.clone()),
        None => Answer::given(holds, value.clone()),
    };
    if answer.outcome == Outcome::Unknown {
        return not_checked(
            "purge.consumed",
            &format!("whether somebody takes messages from {name} (it was not read lately)"),
            "What a consumer would still work on is deleted too.",
        );
    }
    finding(
        "purge.consumed",
        Severity::Warn,
        answer,
        Words {
            pass: format!(
                "No Lambda mapping and no workload is seen to take messages from {name}; others are not looked for."
            ),
            fail: format!(
                "{value} is set up to take messages from {name}: what it would still work on is deleted too."
            ),
            unknown: String::new(),
            threshold: "no consumer",
            next: "Ask whoever runs it whether these messages are still wanted.",
        },
    )
}

/// The reading of Lambda's mappings at the queue's place, which may be that none takes from it.
fn mappings(subject: &Subject<'_>) -> Option<Origin> {
    let scope = &subject.dlq.scope;
    let mut sources = subject.snapshot.sources.iter();
    let status = sources.find(|status| {
        let source = &status.source;
        source.service == Service::Lambda
            && source.part == "mappings"
            && source.scope.account == scope.account
            && source.scope.region == scope.region
    })?;
    Some(Origin::of_source(subject.snapshot, status))
}

fn not_empty(subject: &Subject<'_>) -> Finding {
    let there = held(subject.dlq);
    let value = there.map_or_else(|| "not read".to_owned(), |n| count(n, "message"));
    let name = &subject.dlq.name;
    finding(
        "purge.not-empty",
        Severity::Block,
        Answer::of(
            subject.origin(subject.dlq, Fact::MessagesVisible),
            there.map(|n| n > 0),
            value.clone(),
        ),
        Words {
            pass: format!("{name} holds {value}."),
            fail: format!("{name} is empty: there is nothing to purge."),
            unknown: format!("How many messages {name} holds is not known."),
            threshold: "more than 0",
            next: "",
        },
    )
}

fn exported(subject: &Subject<'_>, shelf: &Shelf) -> Finding {
    let needed = held(subject.dlq).unwrap_or(i64::MAX).min(EXPORT_MESSAGES);
    let age = |at| subject.snapshot.taken_at.seconds_since(at);
    let found = shelf
        .export
        .as_ref()
        .map(|export| (export.messages, age(export.at)));
    let holds = found.is_some_and(|(messages, age)| messages >= needed && age <= EXPORT_SECONDS);
    let value = found.map_or_else(
        || "none".to_owned(),
        |(messages, age)| format!("{}, {} old", count(messages, "message"), span(age)),
    );
    let name = &subject.dlq.name;
    finding(
        "purge.exported",
        Severity::Block,
        Answer::given(holds, value.clone()),
        Words {
            pass: format!(
                "The last export made here is newer than 10 min and holds at least {}: {value}. Whether they are the same messages is not checked.",
                count(needed, "message")
            ),
            fail: format!(
                "No export of {name} made here is newer than 10 min and holds at least {}: {value}.",
                count(needed, "message")
            ),
            unknown: String::new(),
            threshold: "newer than 10 min, all messages or 10,000",
            next: "Export it first: qd export QUEUE --to FILE.",
        },
    )
}

fn again(subject: &Subject<'_>, shelf: &Shelf) -> Finding {
    let since = shelf
        .purged_at
        .map(|at| subject.snapshot.taken_at.seconds_since(at));
    let value = since.map_or_else(
        || "none from here".to_owned(),
        |s| format!("{} ago", span(s)),
    );
    finding(
        "purge.again",
        Severity::Block,
        Answer::given(since.is_none_or(|s| s >= AGAIN_SECONDS), value.clone()),
        Words {
            pass: match since {
                Some(_) => format!(
                    "The last purge from this machine was {value}; others are not seen here."
                ),
                None => "No purge from this machine is known; others are not seen here.".to_owned(),
            },
            fail: format!(
                "It was purged from this machine {value}: SQS takes one purge of a queue a minute."
            ),
            unknown: String::new(),
            threshold: "60 s ago or longer",
            next: "Wait a minute.",
        },
    )
}

fn young(subject: &Subject<'_>) -> Finding {
    let age = subject.dlq.facts.number(Fact::OldestAgeSeconds);
    let value = age.map_or_else(|| "not read".to_owned(), span);
    finding(
        "purge.young",
        Severity::Warn,
        Answer::of(
            subject.origin(subject.dlq, Fact::OldestAgeSeconds),
            age.map(|age| age >= YOUNG_SECONDS),
            value.clone(),
        ),
        Words {
            pass: format!("The oldest message has been here for {value}."),
            fail: format!(
                "The oldest message has been here for {value} only: this is what is failing now."
            ),
            unknown: "How long the oldest message has been here is not known.".to_owned(),
            threshold: "an hour or longer",
            next: "Find out why they fail first; redrive what can be saved.",
        },
    )
}

/// What fails in a way that was never seen here before is not yet understood. Without an earlier look nothing says what
/// was seen.
fn signatures(subject: &Subject<'_>, shelf: &Shelf) -> Finding {
    let age = |at| subject.snapshot.taken_at.seconds_since(at);
    let exported = shelf.export.as_ref().map(|export| export.at);
    let known = shelf
        .signatures
        .values()
        .any(|seen| age(seen.first) >= YOUNG_SECONDS);
    let not_known = |why: &str| {
        let what = format!("whether they fail in a way not seen here before ({why})");
        not_checked(
            "purge.signatures",
            &what,
            "What is deleted is not understood then.",
        )
    };
    let Some(exported) = exported else {
        return not_known("nothing was exported");
    };
    if !known {
        return not_known("no peek or export here is older than an hour");
    }
    let held = shelf.signatures.iter();
    let held: Vec<_> = held.filter(|(_, seen)| seen.last >= exported).collect();
    if held.is_empty() {
        return not_known("what was exported was not looked through");
    }
    let new: Vec<&str> = held
        .into_iter()
        .filter(|(_, seen)| age(seen.first) < YOUNG_SECONDS)
        .map(|(signature, _)| signature.as_str())
        .collect();
    finding(
        "purge.signatures",
        Severity::Warn,
        Answer::given(new.is_empty(), count(new.len() as i64, "new signature")),
        Words {
            pass: "All that was exported fails as messages here did before.".to_owned(),
            fail: format!(
                "What was exported holds {} never seen here until an hour ago: {}.",
                count(new.len() as i64, "signature"),
                list(&new[..new.len().min(TOLD)])
            ),
            unknown: String::new(),
            threshold: "seen here more than an hour ago",
            next: "Find out why these fail first.",
        },
    )
}
