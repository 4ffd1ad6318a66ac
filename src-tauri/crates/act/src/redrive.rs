//! Native redrive of a dead-letter queue: `StartMessageMoveTask`, canary first.
//!
//! Plan and checks are made from a snapshot alone (`subject`, `guard`, `health`, `change`, `calls`,
//! `expect`). A run is decided by `course` from what its journal knows (`known`), what the list of
//! tasks shows (`task`) and how long the predicates have held (`predicates`); `mover` is its hands.

mod brief;
mod calls;
mod change;
mod consumer;
mod course;
mod ending;
pub(crate) mod estimate;
mod expect;
mod face;
pub(crate) mod guard;
pub(crate) mod headroom;
pub(crate) mod health;
mod known;
mod mover;
pub(crate) mod past;
mod predicates;
mod recount;
pub(crate) mod settings;
pub(crate) mod subject;
mod task;
#[cfg(test)]
pub(crate) mod tests;

use crate::action::{Action, PlanError};
use crate::arn;
use crate::course::Course;
use crate::draft::{Draft, Undo};
use crate::hands::Hands;
use crate::plan::{Blast, ConfirmLevel, Plan};
use crate::setting::Setting;
use crate::shelf::Shelf;
use crate::words::{count, list, percent, span, thousands};
use estimate::has_canary;
use model::{Fact, Kind, Node, Relation, Snapshot, SourceId, Verb};
use mover::Handless;
use serde_json::{Value, json};
use settings::Destination;
use std::collections::{BTreeMap, BTreeSet};
use subject::Subject;

pub use course::RedriveCourse;
pub use mover::{Mover, Sqs};
pub(crate) use settings::Settings;
pub use settings::{CANARY_RATE, DEFAULT_CANARY, DEFAULT_RATE, MAX_RATE};
pub use task::{Counts, Task};

/// Above this many messages a redrive is at least L2.
pub const L1_MESSAGES: i64 = 5_000;
/// Above this many messages a redrive is at least L3.
pub const L2_MESSAGES: i64 = 50_000;

/// The native redrive.
#[derive(Clone, Copy, Debug)]
pub struct Redrive;

impl Action for Redrive {
    fn verb(&self) -> Verb {
        Verb::Redrive
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Queue]
    }

    fn fits(&self) -> &'static str {
        "SQS queues"
    }

    fn offered(&self, snapshot: &Snapshot, node: &Node) -> bool {
        let dead_letters =
            |edge: &model::Edge| edge.relation == Relation::DeadLetters && edge.to == node.id;
        node.facts.flag(Fact::IsDeadLetterQueue) == Some(true)
            || node.facts.text(Fact::SourceQueues).is_some()
            || node.facts.text(Fact::MoveTaskStatus).is_some()
            || snapshot.edges.iter().any(dead_letters)
    }

    fn called_for(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts.count(Fact::MessagesVisible) > Some(0)
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        let settings = Settings::parse(settings)?;
        let subject = Subject::new(snapshot, node, &settings)?;
        Ok(draft(&subject, &settings, shelf))
    }

    fn settings(&self, snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
        let defaults = Settings::parse(&BTreeMap::new());
        let subject = defaults.and_then(|defaults| Subject::new(snapshot, node, &defaults));
        subject.map_or_else(|_| Vec::new(), |subject| settings::asked(&subject))
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        let mover: Box<dyn Mover> = match hands.aws() {
            Some(session) => Box::new(Sqs::new(session.clone())),
            None => Box::new(Handless),
        };
        Box::new(RedriveCourse::new(plan, mover))
    }

    fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        let mut all: BTreeSet<SourceId> = plan
            .findings
            .iter()
            .filter_map(|f| f.source.clone())
            .collect();
        let settings = Settings::parse(&plan.settings);
        let node = snapshot.node(&plan.node);
        if let (Ok(settings), Some(node)) = (settings, node)
            && let Ok(subject) = Subject::new(snapshot, node, &settings)
        {
            all.insert(node.source.clone());
            all.extend(
                health::origins(&subject)
                    .into_iter()
                    .map(|origin| origin.source),
            );
        }
        all.into_iter().collect()
    }
}

fn draft(subject: &Subject<'_>, settings: &Settings, shelf: &Shelf) -> Draft {
    Draft {
        settings: filled(subject, settings),
        targets: subject.targets(),
        label: label(subject, settings),
        calls: calls::calls(subject, settings),
        before: before(subject),
        findings: guard::findings(subject, settings, shelf),
        expectations: expect::expectations(subject),
        stops: stops(),
        undo: Undo::none(
            "moved messages are new messages in the destination; cancelling stops the rest.",
        ),
        blast: blast(subject, settings),
        level: level(subject.visible()),
        confirm: subject.dlq.name.clone(),
        takes: Vec::new(),
        rights: calls::rights(subject),
        leaves: None,
    }
}

/// How many are not known may be any number.
fn level(messages: Option<i64>) -> ConfirmLevel {
    match messages {
        Some(..=L1_MESSAGES) => ConfirmLevel::L1,
        Some(..=L2_MESSAGES) => ConfirmLevel::L2,
        Some(_) | None => ConfirmLevel::L3,
    }
}

/// Only what a `qd` line needs to make the same plan again: defaults are named too.
fn filled(subject: &Subject<'_>, settings: &Settings) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    all.insert("rate".to_owned(), settings.rate.to_string());
    let canary = settings
        .canary
        .map_or_else(|| "off".to_owned(), |n| n.to_string());
    all.insert("canary".to_owned(), canary);
    let destination = match (&settings.destination, subject.destinations.first()) {
        (Destination::Named(_), Some(queue)) => queue.name.clone(),
        (Destination::Named(text), None) => text.clone(),
        (Destination::Source, _) => "source".to_owned(),
    };
    all.insert("destination".to_owned(), destination);
    all
}

fn destination_words(subject: &Subject<'_>) -> String {
    match subject.destinations.as_slice() {
        [] => "nowhere".to_owned(),
        [queue] => queue.name.clone(),
        several => format!("their {} source queues", several.len()),
    }
}

fn label(subject: &Subject<'_>, settings: &Settings) -> String {
    let visible = subject.visible().unwrap_or(0);
    let canary = has_canary(visible, settings)
        .map(|n| format!("canary {} · then ", thousands(n)))
        .unwrap_or_default();
    format!(
        "Redrive {} → {} · {canary}{}/s · ~{}",
        thousands(visible),
        destination_words(subject),
        settings.rate,
        span(estimate::moving_seconds(visible, settings))
    )
}

/// Numbers are live counters, compared by nobody; words are what must not change until the press.
fn before(subject: &Subject<'_>) -> BTreeMap<String, Value> {
    let facts = &subject.dlq.facts;
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    let mut keep = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    keep(
        "dlq_messages_visible",
        facts.count(Fact::MessagesVisible).map(|n| json!(n)),
    );
    keep(
        "dlq_messages_not_visible",
        facts.count(Fact::MessagesNotVisible).map(|n| json!(n)),
    );
    keep(
        "dlq_messages_delayed",
        facts.count(Fact::MessagesDelayed).map(|n| json!(n)),
    );
    keep(
        "move_task",
        Some(json!(facts.text(Fact::MoveTaskStatus).unwrap_or("none"))),
    );
    keep(
        "last_move_task_started",
        facts.text(Fact::MoveTaskStartedAt).map(|t| json!(t)),
    );
    keep("dlq_url", facts.text(Fact::Url).map(|url| json!(url)));
    keep("dlq_arn", Some(json!(arn::queue(subject.dlq))));
    if let Some(queue) = subject.destinations.first() {
        keep("destination", Some(json!(arn::queue(queue))));
        keep(
            "destination_url",
            queue.facts.text(Fact::Url).map(|url| json!(url)),
        );
        let depth = queue.facts.count(Fact::MessagesVisible);
        keep("destination_messages_visible", depth.map(|n| json!(n)));
    }
    keep("return_seconds", subject.return_seconds().map(|s| json!(s)));
    let consumers: Vec<&str> = subject
        .consumers
        .iter()
        .flat_map(|(_, all)| all)
        .map(|c| c.name())
        .collect();
    keep("consumer", Some(json!(list(&consumers))));
    all
}

fn stops() -> Vec<String> {
    vec![
        format!(
            "Stops when more than {} of what was moved comes back.",
            percent(RETURN_LIMIT_PERCENT)
        ),
        "Stops before the rest when the consumer is no longer well after the canary.".to_owned(),
        "Stops when SQS has not answered for a minute.".to_owned(),
        "Stop moving at any time: what was moved stays moved.".to_owned(),
    ]
}

/// More than this share of what was moved coming back stops the run (guards.md §6).
pub const RETURN_LIMIT_PERCENT: f64 = 5.0;

fn blast(subject: &Subject<'_>, settings: &Settings) -> Blast {
    let visible = subject.visible();
    let moved = visible.map_or_else(
        || "An unknown number of messages".to_owned(),
        |n| count(n, "message"),
    );
    let to = destination_words(subject);
    let mut sentences = vec![format!(
        "{moved} leave {} for {to} at up to {}/s, beside live traffic.",
        subject.dlq.name, settings.rate
    )];
    sentences.push("Each gets a new MessageId, enqueue time and retention.".to_owned());
    sentences.push(
        "SQS moves them by itself, in 36 hours at most: what arrives meanwhile may be moved too, and its counts are approximate.".to_owned(),
    );
    let seconds = estimate::total_seconds(subject, settings);
    sentences.push(format!(
        "About {} with canary, watch and verification.",
        span(seconds)
    ));
    let consumers: Vec<&str> = subject
        .consumers
        .iter()
        .flat_map(|(_, all)| all)
        .map(|c| c.name())
        .collect();
    if !consumers.is_empty() {
        sentences.push(format!("{} works on them again.", list(&consumers)));
    }
    Blast {
        sentences,
        messages: visible,
    }
}
