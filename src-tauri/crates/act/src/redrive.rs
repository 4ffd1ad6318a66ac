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
mod estimate;
mod expect;
mod face;
mod finding;
mod guard;
mod health;
mod known;
mod mover;
mod predicates;
mod recount;
mod settings;
mod subject;
mod task;
#[cfg(test)]
mod tests;

use crate::action::{Action, PlanError, Recount};
use crate::course::{Course, Entry};
use crate::plan::{Blast, ConfirmLevel, Finding, Outcome, Plan, PlanId, Severity, Verb};
use crate::setting::Setting;
use crate::words::{count, list, percent, span, thousands};
use cloud::Session;
use estimate::has_canary;
use model::{Environment, Fact, Kind, Node, Relation, Snapshot, SourceId};
use serde_json::{Value, json};
use settings::{Destination, Settings};
use std::collections::{BTreeMap, BTreeSet};
use subject::{Subject, arn};

pub use course::RedriveCourse;
pub use mover::{Mover, Sqs};
pub use settings::{CANARY_RATE, DEFAULT_CANARY, DEFAULT_RATE, MAX_RATE};
pub use task::{Counts, Task};

/// A plan is made again after this many seconds.
pub const PLAN_SECONDS: i64 = 60;
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

    fn offered(&self, snapshot: &Snapshot, node: &Node) -> bool {
        node.kind == Kind::Queue
            && (node.facts.flag(Fact::IsDeadLetterQueue) == Some(true)
                || node.facts.text(Fact::SourceQueues).is_some()
                || node.facts.text(Fact::MoveTaskStatus).is_some()
                || snapshot
                    .edges
                    .iter()
                    .any(|edge| edge.relation == Relation::DeadLetters && edge.to == node.id))
    }

    fn plan(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
    ) -> Result<Plan, PlanError> {
        if node.kind != Kind::Queue {
            return Err(PlanError::DoesNotFit {
                verb: Verb::Redrive.as_str(),
                node: node.id.clone(),
                fits: "SQS queues",
            });
        }
        let settings = Settings::parse(settings)?;
        let subject = Subject::new(snapshot, node, &settings)?;
        Ok(plan(&subject, &settings))
    }

    fn settings(&self, snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
        let defaults = Settings::parse(&BTreeMap::new());
        let subject = defaults.and_then(|defaults| Subject::new(snapshot, node, &defaults));
        subject.map_or_else(|_| Vec::new(), |subject| settings::asked(&subject))
    }

    fn course(&self, plan: &Plan, session: Session) -> Box<dyn Course> {
        Box::new(RedriveCourse::new(plan, Box::new(Sqs::new(session))))
    }

    fn recount(&self, plan: &Plan, entries: &[Entry]) -> Recount {
        recount::recount(plan, entries)
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

fn plan(subject: &Subject<'_>, settings: &Settings) -> Plan {
    let findings = guard::findings(subject, settings);
    let (level, blocked) = level(subject.visible().unwrap_or(0), &findings);
    let made_at = subject.snapshot.taken_at;
    let mut plan = Plan {
        id: PlanId(String::new()),
        action: Verb::Redrive,
        node: subject.dlq.id.clone(),
        name: subject.dlq.name.clone(),
        place: place(subject),
        settings: filled(subject, settings),
        targets: subject.targets(),
        label: label(subject, settings),
        calls: calls::calls(subject, settings),
        before: before(subject),
        findings,
        expectations: expect::expectations(subject),
        stops: stops(),
        undo: "No undo: moved messages are new messages in the destination; cancelling stops the rest."
            .to_owned(),
        blast: blast(subject, settings),
        level,
        blocked,
        confirm: subject.dlq.name.clone(),
        digest: String::new(),
        made_at,
        expires: made_at.plus_seconds(PLAN_SECONDS),
    };
    plan.digest = plan.compute_digest();
    plan.id = PlanId(format!(
        "redrive-{}-{}",
        subject.snapshot.seq,
        &plan.digest[..12]
    ));
    plan
}

/// The level with warnings counted, and whether it is blocked. What is unknown counts as a warning
/// at L1 and L2 and as a block from L3 (guards.md, "The engine").
fn level(messages: i64, findings: &[Finding]) -> (ConfirmLevel, bool) {
    let base = if messages <= L1_MESSAGES {
        ConfirmLevel::L1
    } else if messages <= L2_MESSAGES {
        ConfirmLevel::L2
    } else {
        ConfirmLevel::L3
    };
    let unmet = |severity, outcome| {
        findings
            .iter()
            .any(|f| f.severity == severity && f.outcome == outcome)
    };
    let unknown =
        unmet(Severity::Block, Outcome::Unknown) || unmet(Severity::Warn, Outcome::Unknown);
    let warned = unmet(Severity::Warn, Outcome::Fail);
    let level = if warned || unknown {
        base.raised()
    } else {
        base
    };
    let before_unknown = if warned { base.raised() } else { base };
    let blind = unknown && before_unknown >= ConfirmLevel::L3;
    (level, blind || unmet(Severity::Block, Outcome::Fail))
}

fn place(subject: &Subject<'_>) -> String {
    let stack = &subject.snapshot.stack;
    let environment = match stack.environment {
        Environment::Prod => "PROD",
        Environment::Staging => "STAGING",
        Environment::Dev => "DEV",
    };
    let account = subject
        .dlq
        .scope
        .account
        .as_ref()
        .map_or("?", |a| a.as_str());
    let region = subject.dlq.scope.region.as_deref().unwrap_or("?");
    format!("{environment} · {} · {account} · {region}", stack.name)
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
    keep("dlq_arn", Some(json!(arn(subject.dlq))));
    if let Some(queue) = subject.destinations.first() {
        keep("destination", Some(json!(arn(queue))));
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
