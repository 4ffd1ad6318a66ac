//! Selected redrive of a dead-letter queue: those messages that a filter selects, as they are or
//! edited, and putting back what was sent or exported.
//!
//! SQS's own redrive moves a whole queue and can neither select nor change (SQS Developer Guide,
//! "Configuring a dead-letter queue redrive"). Here each message is received and hidden, matched,
//! written down, sent, written down, deleted, written down ([`ledger`]), in legs ([`leg`]) that the
//! run's journal names one by one ([`course`]).

mod calls;
mod consumer;
mod course;
pub mod edit;
mod ending;
mod expect;
pub mod export;
mod face;
pub mod filter;
mod guard;
mod known;
mod ledger;
mod leg;
mod message;
pub mod peek;
mod post;
mod predicates;
mod settings;
mod terms;
#[cfg(test)]
mod tests;

pub use message::{Attribute, Message};

use crate::action::{Action, PlanError, Request};
use crate::arn;
use crate::course::Course;
use crate::draft::{Draft, Undo};
use crate::hands::Hands;
use crate::plan::{Blast, ConfirmLevel, Plan};
use crate::redrive::subject::Subject;
use crate::redrive::{L2_MESSAGES, RETURN_LIMIT_PERCENT, Redrive};
use crate::setting::{Ask, Setting};
use crate::shelf::{KeptLedger, Shelf};
use crate::words::{count, list, percent, span, thousands};
use course::SelectedCourse;
use model::{Fact, Kind, Node, Snapshot, SourceId, Verb};
use post::{Handless, Post, Sqs};
use serde_json::{Value, json};
use settings::{From, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use terms::Most;

/// The selected redrive.
#[derive(Clone, Copy, Debug)]
pub struct RedriveSelected;

impl Action for RedriveSelected {
    fn verb(&self) -> Verb {
        Verb::RedriveSelected
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Queue]
    }

    fn fits(&self) -> &'static str {
        "SQS queues"
    }

    fn offered(&self, snapshot: &Snapshot, node: &Node) -> bool {
        Redrive.offered(snapshot, node)
    }

    /// Somebody must say which messages: it is found on its queue.
    fn called_for(&self, _snapshot: &Snapshot, _node: &Node) -> bool {
        false
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        let settings = Settings::parse(settings)?.resolved(shelf);
        let subject = Subject::new(snapshot, node, &settings.whole()?)?;
        Ok(draft(&subject, &settings, shelf))
    }

    fn settings(&self, _snapshot: &Snapshot, _node: &Node) -> Vec<Setting> {
        asked()
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        let post: Box<dyn Post> = match hands.aws() {
            Some(session) => Box::new(Sqs::new(session.clone())),
            None => Box::new(Handless),
        };
        let dir = hands.runs().map(Path::to_owned);
        Box::new(SelectedCourse::new(plan, post, dir))
    }

    fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        let mut all: BTreeSet<SourceId> = plan
            .findings
            .iter()
            .filter_map(|f| f.source.clone())
            .collect();
        let settings = Settings::parse(&plan.settings).and_then(|settings| settings.whole());
        if let (Ok(settings), Some(node)) = (settings, snapshot.node(&plan.node))
            && let Ok(subject) = Subject::new(snapshot, node, &settings)
        {
            all.insert(node.source.clone());
            let origins = crate::redrive::health::origins(&subject).into_iter();
            all.extend(origins.map(|origin| origin.source));
        }
        all.into_iter().collect()
    }
}

/// The ledgers about a node, oldest first; those that cannot be read are left out.
pub(crate) fn kept_ledgers(runs: &Path, node: &str) -> Vec<KeptLedger> {
    let kept = |run: String| {
        let state = ledger::peek(runs, &run).ok()??;
        let sent = state.tally().sent;
        (state.node == node && sent > 0).then_some(KeptLedger { run, sent })
    };
    ledger::runs(runs).into_iter().filter_map(kept).collect()
}

fn text(name: &str, label: &str, default: &str, example: &str, note: &str) -> Setting {
    Setting {
        name: name.to_owned(),
        label: label.to_owned(),
        default: default.to_owned(),
        ask: Ask::Text {
            example: example.to_owned(),
            most: settings::LONGEST as u32,
        },
        note: Some(note.to_owned()),
    }
}

fn number(
    name: &str,
    label: &str,
    default: &str,
    (min, max): (i64, i64),
    unit: &str,
    or: Option<&str>,
) -> Setting {
    Setting {
        name: name.to_owned(),
        label: label.to_owned(),
        default: default.to_owned(),
        ask: Ask::Number {
            min,
            max,
            unit: unit.to_owned(),
            or: or.map(ToOwned::to_owned),
        },
        note: None,
    }
}

fn asked() -> Vec<Setting> {
    let filter = "attribute.NAME or a JSONPath of the body with =, !=, <, >, contains, starts-with, exists; and, or, not; all for every message.";
    let edit = "set PATH = JSON or remove PATH, with ; between; empty: as they are.";
    vec![
        text("where", "Which", "all", "$.schemaVersion = 7", filter),
        number(
            "limit",
            "At most",
            "all",
            (1, 1_000_000),
            "messages",
            Some("all"),
        ),
        number(
            "rate",
            "Rate",
            "50",
            (1, settings::MAX_RATE),
            "messages/s",
            None,
        ),
        number(
            "concurrency",
            "Lanes",
            "4",
            (1, settings::MAX_LANES),
            "at a time",
            None,
        ),
        number(
            "canary",
            "Canary",
            "20",
            (1, 500),
            "messages first",
            Some("off"),
        ),
        text("edit", "Edit", "", "set $.schemaVersion = 6", edit),
    ]
}

fn draft(subject: &Subject<'_>, settings: &Settings, shelf: &Shelf) -> Draft {
    let puts_back = settings.from != From::Queue;
    let mut targets = vec![subject.dlq.id.clone()];
    if !puts_back {
        targets = subject.targets();
    }
    Draft {
        settings: settings.filled(&destination_name(subject, settings)),
        targets,
        label: label(subject, settings, shelf),
        calls: calls::calls(subject, settings),
        before: before(subject, settings),
        findings: guard::findings(subject, settings, shelf),
        expectations: match puts_back {
            true => expect::put_back(&subject.dlq.name),
            false => expect::expectations(subject),
        },
        stops: stops(),
        undo: undo(subject, settings),
        blast: blast(subject, settings, shelf),
        level: level(subject, settings),
        confirm: subject.dlq.name.clone(),
        takes: Vec::new(),
        rights: calls::rights(subject, settings),
        leaves: None,
    }
}

fn level(subject: &Subject<'_>, settings: &Settings) -> ConfirmLevel {
    let many = settings
        .limit
        .or(subject.visible())
        .is_some_and(|n| n > L2_MESSAGES);
    let exported = matches!(settings.from, From::Export(_));
    if settings.edit.is_some() || exported || many {
        ConfirmLevel::L3
    } else {
        ConfirmLevel::L2
    }
}

/// The queue the messages go to; of what is put back, the queue itself.
fn destination<'a>(subject: &Subject<'a>, settings: &Settings) -> Option<&'a Node> {
    match settings.from {
        From::Queue => subject
            .destinations
            .first()
            .copied()
            .filter(|_| subject.destinations.len() == 1),
        From::Ledger(_) | From::Export(_) => Some(subject.dlq),
    }
}

fn destination_name(subject: &Subject<'_>, settings: &Settings) -> String {
    match settings.from {
        From::Queue => destination(subject, settings)
            .map_or_else(|| settings.destination.clone(), |q| q.name.clone()),
        From::Ledger(_) | From::Export(_) => "source".to_owned(),
    }
}

/// What it is about, in the label's words.
fn label(subject: &Subject<'_>, settings: &Settings, shelf: &Shelf) -> String {
    let to = destination(subject, settings).map_or("nowhere", |queue| queue.name.as_str());
    let limit = settings
        .limit
        .map_or_else(String::new, |n| format!(" · at most {}", thousands(n)));
    let canary = settings
        .canary
        .map_or_else(String::new, |n| format!("canary {} · then ", thousands(n)));
    let edit = if settings.edit.is_some() {
        " · edited"
    } else {
        ""
    };
    let what = match &settings.from {
        From::Queue if settings.filter.is_all() => {
            format!(
                "Redrive all {} one by one",
                thousands(subject.visible().unwrap_or(0))
            )
        }
        From::Queue => format!(
            "Redrive those of {} where {}",
            thousands(subject.visible().unwrap_or(0)),
            settings.filter_text
        ),
        From::Ledger(run) => {
            let sent = shelf
                .ledgers
                .iter()
                .find(|kept| kept.run == *run)
                .map_or(0, |kept| kept.sent);
            format!("Put back the {} that run {run} sent", thousands(sent))
        }
        From::Export(path) => format!("Put back what {path} holds"),
    };
    format!("{what} → {to}{limit}{edit} · {canary}{}/s", settings.rate)
}

/// Seconds each message is hidden: long enough to look through the queue, so that none is looked at
/// twice.
fn hidden_seconds(subject: &Subject<'_>, settings: &Settings) -> i64 {
    let messages = subject.visible().unwrap_or(0);
    let needed = messages / settings.rate.max(1) * 3 / 2 + guard::batch_seconds(settings);
    settings.visibility.unwrap_or(needed.clamp(120, 43_200))
}

/// Numbers are live counters, compared by nobody; words are what must not change until the press.
fn before(subject: &Subject<'_>, settings: &Settings) -> BTreeMap<String, Value> {
    let facts = &subject.dlq.facts;
    let url = |queue: &Node| queue.facts.text(Fact::Url).map(|url| json!(url));
    let destination = destination(subject, settings);
    let visible = |queue: &Node| queue.facts.count(Fact::MessagesVisible).map(|n| json!(n));
    let all = [
        ("queue_messages_visible", visible(subject.dlq)),
        (
            "queue_messages_not_visible",
            facts.count(Fact::MessagesNotVisible).map(|n| json!(n)),
        ),
        ("queue_url", url(subject.dlq)),
        ("queue_arn", Some(json!(arn::queue(subject.dlq)))),
        ("destination_url", destination.and_then(url)),
        (
            "destination_messages_visible",
            destination.and_then(visible),
        ),
        (Most::NAME, destination.and_then(Most::told)),
        (
            "move_task",
            Some(json!(facts.text(Fact::MoveTaskStatus).unwrap_or("none"))),
        ),
        ("return_seconds", subject.return_seconds().map(|s| json!(s))),
        (
            "hidden_seconds",
            Some(json!(hidden_seconds(subject, settings))),
        ),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

fn stops() -> Vec<String> {
    vec![
        format!(
            "Stops when more than {} of what was sent comes back, or SQS refuses.",
            percent(RETURN_LIMIT_PERCENT)
        ),
        "Stops before the next leg when the consumer is no longer well, or SQS has not answered for a minute.".to_owned(),
        "Stop at any time: what was sent stays sent, what was only looked at can be received again.".to_owned(),
    ]
}

fn undo(subject: &Subject<'_>, settings: &Settings) -> Undo {
    if settings.from != From::Queue {
        return Undo::none("what was put back is in the queue; redrive it again.");
    }
    let settings = [("from", "ledger"), ("canary", "off")];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Undo {
        sentence: format!(
            "The ledger holds every message: they can be sent back to {}, as new messages; what was consumed meanwhile stays consumed.",
            subject.dlq.name
        ),
        request: Some(Request {
            action: Verb::RedriveSelected,
            node: subject.dlq.id.clone(),
            settings: settings.into_iter().map(owned).collect(),
        }),
    }
}

fn blast(subject: &Subject<'_>, settings: &Settings, shelf: &Shelf) -> Blast {
    let name = &subject.dlq.name;
    let to = destination(subject, settings).map_or("nowhere", |queue| queue.name.as_str());
    let hidden = hidden_seconds(subject, settings);
    let which = match settings.filter.is_all() {
        true => "Every message".to_owned(),
        false => format!("Each message where {}", settings.filter_text),
    };
    if settings.from != From::Queue {
        return Blast {
            sentences: vec![label(subject, settings, shelf), "They get new MessageIds and enqueue times; a FIFO queue takes them in the file's order.".to_owned()],
            messages: None,
        };
    }
    let mut sentences = vec![
        format!("{which} leaves {name} for {to}, at up to {}/s, beside live traffic.", settings.rate),
        format!("Every message looked at is hidden for up to {} and counts one more receive.", span(hidden as f64)),
        "Each that is sent gets a new MessageId, enqueue time and retention; attributes, group and trace header stay.".to_owned(),
        "A crash between sending and deleting can leave a message twice: such ones are counted on the receipt; where nobody takes them, by looking through the destination once, which hides what is there for up to 2 min and counts one more receive.".to_owned(),
        "The ledger keeps whole messages in the state folder, readable by you alone.".to_owned(),
    ];
    sentences.extend(guard::sample(settings, shelf));
    let consumers: Vec<&str> = subject
        .consumers
        .iter()
        .flat_map(|(_, all)| all)
        .map(|c| c.name())
        .collect();
    if !consumers.is_empty() {
        sentences.push(format!("{} works on them again.", list(&consumers)));
    }
    let messages = settings
        .filter
        .is_all()
        .then(|| subject.visible())
        .flatten();
    let messages = match (settings.limit, messages) {
        (Some(limit), Some(there)) => Some(limit.min(there)),
        (None, there) => there,
        (Some(_), None) => None,
    };
    if let Some(there) = messages {
        sentences.push(format!("{} in all.", count(there, "message")));
    }
    Blast {
        sentences,
        messages,
    }
}
