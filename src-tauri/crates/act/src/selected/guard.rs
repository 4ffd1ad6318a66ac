//! The checks of a selected redrive (guards.md §7): those it shares with the native one, and its own.

mod edit;

pub(super) use edit::sample;

use super::destination;
use super::settings::{From, Settings};
use crate::finding::{Answer, Words, finding, not_checked};
use crate::plan::{Finding, Severity};
use crate::redrive::subject::Subject;
use crate::redrive::{guard, headroom, health};
use crate::shelf::Shelf;
use crate::words::{count, span, thousands};
use model::Fact;

/// What a message takes in the ledger, about: body, attributes, receipt, and the lines about it.
const LEDGER_BYTES: u64 = 8_192;
/// Requests that are answered late, seconds.
const SLACK_SECONDS: i64 = 30;

/// Seconds a batch may take from its receive to its delete, all lanes sharing the rate.
pub(crate) const fn batch_seconds(settings: &Settings) -> i64 {
    10 * settings.lanes / settings.rate + SLACK_SECONDS
}

/// Every check, blocks first.
pub(crate) fn findings(subject: &Subject<'_>, settings: &Settings, shelf: &Shelf) -> Vec<Finding> {
    if settings.from != From::Queue {
        return vec![
            file(subject, settings, shelf),
            room(subject, settings, shelf),
        ];
    }
    let mut all = guard::shared(subject);
    all.extend([
        one_destination(subject, settings),
        room(subject, settings, shelf),
        visibility(subject, settings),
    ]);
    all.extend(edit::findings(subject, settings, shelf));
    all.extend(consumer(subject));
    all.extend(headroom::findings(subject, settings.rate));
    all.extend(expiry(subject, settings));
    all.extend([
        canary(settings),
        guard::idempotent(subject),
        own_policy(subject),
        fifo(subject, settings),
        scan(subject, settings),
    ]);
    all
}

/// Of a consumer outside what can be seen nothing else is known.
fn consumer(subject: &Subject<'_>) -> Vec<Finding> {
    let all = health::findings(subject);
    let outside = health::external(subject).len() == subject.destinations.len();
    if outside && !subject.destinations.is_empty() {
        all.into_iter()
            .filter(|f| f.id == "redrive.consumer-external")
            .collect()
    } else {
        all
    }
}

/// Whether the oldest message may expire before the run ends, as a native redrive judges it at the same rate.
fn expiry(subject: &Subject<'_>, settings: &Settings) -> Option<Finding> {
    let keeps = subject.dlq.facts.get(Fact::RetentionSeconds);
    if keeps.is_none() || subject.first_arrival().is_none() {
        return Some(not_checked(
            "redrive.expiry",
            "whether the oldest message expires before the run ends (its age is not read)",
            "What expires meanwhile is lost.",
        ));
    }
    let whole = settings.paced().ok()?;
    let all = guard::findings(subject, &whole, &Shelf::default());
    all.into_iter().find(|found| found.id == "redrive.expiry")
}

fn one_destination(subject: &Subject<'_>, settings: &Settings) -> Finding {
    let to = destination(subject, settings);
    let several = subject.destinations.len();
    finding(
        "selected.destination",
        Severity::Block,
        Answer::given(
            to.is_some(),
            to.map_or_else(|| count(several as i64, "queue"), |q| q.name.clone()),
        ),
        Words {
            pass: format!("They go to {}.", to.map_or("", |queue| queue.name.as_str())),
            fail: match several {
                0 => "No queue names it in its redrive policy, and no destination is given."
                    .to_owned(),
                _ => format!(
                    "{} queues use {} as their dead-letter queue, and no destination is given.",
                    several, subject.dlq.name
                ),
            },
            unknown: String::new(),
            threshold: "one queue",
            next: "Set destination to the queue they are to go to.",
        },
    )
}

fn room(subject: &Subject<'_>, settings: &Settings, shelf: &Shelf) -> Finding {
    let messages = settings.limit.or(subject.visible()).unwrap_or(0).max(0) as u64;
    let needed = (messages * LEDGER_BYTES).max(1_048_576);
    let mb = |bytes: u64| format!("{} MB", thousands((bytes / 1_048_576) as i64));
    let answer = match shelf.room_bytes {
        Some(room) => Answer::given(room >= needed, mb(room)),
        None => Answer::unknown("not known"),
    };
    finding(
        "selected.ledger-room",
        Severity::Block,
        answer.clone(),
        Words {
            pass: format!("The ledger has room: about {} of {}.", mb(needed), answer.value),
            fail: format!("The ledger needs about {}, and the state folder has {}.", mb(needed), answer.value),
            unknown: "How much room the state folder has is not known: without its ledger nothing is sent.".to_owned(),
            threshold: "8 kB a message",
            next: "Make room in the state folder, or set a limit.",
        },
    )
}

fn visibility(subject: &Subject<'_>, settings: &Settings) -> Finding {
    let hidden = super::hidden_seconds(subject, settings);
    let needed = batch_seconds(settings);
    finding(
        "selected.visibility",
        Severity::Block,
        Answer::given(hidden >= needed, span(hidden as f64)),
        Words {
            pass: format!(
                "Messages are hidden for {} while they are handled, a batch takes {} at most.",
                span(hidden as f64),
                span(needed as f64)
            ),
            fail: format!(
                "Messages would be hidden for {} only, and a batch can take {}: others would receive them meanwhile.",
                span(hidden as f64),
                span(needed as f64)
            ),
            unknown: String::new(),
            threshold: "longer than a batch takes",
            next: "Leave visibility on auto, or raise it or the rate.",
        },
    )
}

fn canary(settings: &Settings) -> Finding {
    let value = settings
        .canary
        .map_or_else(|| "off".to_owned(), |n| count(n, "message"));
    finding(
        "selected.canary",
        Severity::Warn,
        Answer::given(settings.canary.is_some(), value.clone()),
        Words {
            pass: format!("A canary goes first: {value}; then it goes ever faster up to {}/s.", settings.rate),
            fail: "No canary and no ramp: if the messages still fail, that shows only after all were sent.".to_owned(),
            unknown: String::new(),
            threshold: "on",
            next: "Leave the canary on.",
        },
    )
}

/// Receiving counts: a message received more often than the queue's own policy allows is moved on.
fn own_policy(subject: &Subject<'_>) -> Finding {
    let target = subject.dlq.facts.text(Fact::DeadLetterQueue);
    let receives = subject.dlq.facts.count(Fact::MaxReceiveCount);
    let name = &subject.dlq.name;
    // Only its attributes say so, and without a redrive policy they say nothing more of one.
    let told = Fact::VisibilityTimeoutSeconds;
    let read = subject.dlq.facts.get(told).is_some();
    let value = match target {
        Some(target) => target,
        None if read => "none",
        None => "not read",
    };
    finding(
        "selected.own-policy",
        Severity::Warn,
        Answer::of(
            subject.origin(subject.dlq, told),
            (read || target.is_some()).then_some(target.is_none()),
            value,
        ),
        Words {
            pass: format!(
                "{name} has no redrive policy of its own: looking at a message only raises its receive count."
            ),
            fail: format!(
                "{name} has a redrive policy of its own: a message looked at more than {} moves on to {}.",
                receives.map_or_else(|| "so many times".to_owned(), |n| count(n, "time")),
                target.unwrap_or("another queue")
            ),
            unknown: format!("Whether {name} has a redrive policy of its own is not known."),
            threshold: "none",
            next: "Take its redrive policy away first, or raise maxReceiveCount.",
        },
    )
}

fn fifo(subject: &Subject<'_>, settings: &Settings) -> Finding {
    let fifo =
        subject.dlq.facts.flag(Fact::Fifo) == Some(true) || subject.dlq.name.ends_with(".fifo");
    let reach = match settings.filter.is_all() {
        true => "",
        false => {
            " A message that is not selected locks its group: of each group only what comes with it in one receive is reached."
        }
    };
    finding(
        "selected.fifo",
        Severity::Warn,
        Answer::given(!fifo, if fifo { "FIFO" } else { "standard" }),
        Words {
            pass: "A standard queue promises no order to break.".to_owned(),
            fail: format!(
                "FIFO: the order within a group is kept, but they come after what was sent since, and get a new deduplication ID where SQS could take theirs for a repeat.{reach}"
            ),
            unknown: String::new(),
            threshold: "standard",
            next: "Pause the producers of these groups first when order matters.",
        },
    )
}

/// Receiving samples: what is hidden by another reader is not seen.
fn scan(subject: &Subject<'_>, settings: &Settings) -> Finding {
    let hidden = subject.dlq.facts.count(Fact::MessagesNotVisible);
    let words = match settings.filter.is_all() {
        true => "sent",
        false => "looked at",
    };
    finding(
        "selected.scan",
        Severity::Info,
        Answer::of(
            subject.origin(subject.dlq, Fact::MessagesNotVisible),
            hidden.map(|n| n == 0),
            hidden.map_or_else(
                || "not read".to_owned(),
                |n| format!("{} in flight", thousands(n)),
            ),
        ),
        Words {
            pass: format!(
                "No message of {} was in flight when it was read; what another reader takes meanwhile is not {words}.",
                subject.dlq.name
            ),
            fail: format!(
                "{} of {} in flight: what another reader holds is not {words} until it is visible again.",
                count(hidden.unwrap_or(0), "message"),
                subject.dlq.name
            ),
            unknown: "Whether another reader holds messages is not known.".to_owned(),
            threshold: "none in flight",
            next: "",
        },
    )
}

fn file(subject: &Subject<'_>, settings: &Settings, shelf: &Shelf) -> Finding {
    let (what, held) = match &settings.from {
        From::Queue => (String::new(), None),
        From::Ledger(run) => {
            let kept = shelf.ledgers.iter().find(|kept| kept.run == *run);
            (
                format!("The ledger of run {run}"),
                kept.map(|kept| kept.sent),
            )
        }
        From::Export(path) => {
            let kept = shelf
                .export
                .as_ref()
                .filter(|kept| kept.path == std::path::Path::new(path));
            (format!("The export {path}"), kept.map(|kept| kept.messages))
        }
    };
    let name = &subject.dlq.name;
    finding(
        "selected.file",
        Severity::Block,
        Answer::given(
            held.is_some_and(|n| n > 0),
            held.map_or_else(|| "not there".to_owned(), |n| count(n, "message")),
        ),
        Words {
            pass: format!(
                "{what} holds {} of {name}.",
                count(held.unwrap_or(0), "message")
            ),
            fail: format!(
                "{what} is not there, is of another queue, or holds nothing that was sent out of {name}."
            ),
            unknown: String::new(),
            threshold: "a file of this queue with messages",
            next: "Name the run or the file: from=ledger:RUN or from=export:FILE.",
        },
    )
}
