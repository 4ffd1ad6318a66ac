//! Lambda event source mappings: pause, resume, and how many run at once.
//!
//! `UpdateEventSourceMapping`: <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html>.
//! A paused mapping takes nothing more from its queue; what it has taken is finished. Nothing is lost
//! but time: the backlog grows at the rate messages arrive, against the queue's retention. A pause
//! is a loop that is left open, with the time at which it is closed again. The subscription itself
//! stays, so a pause takes no consumer away in the sense of the graph invariant; what waits
//! meanwhile is on the plan in numbers.

mod backlog;
mod call;
mod guard;
mod settings;
mod steps;
mod subject;
#[cfg(test)]
mod tests;

use crate::action::{Action, PlanError, Request};
use crate::course::Course;
use crate::draft::{Draft, Undo};
use crate::hands::Hands;
use crate::lasts;
use crate::plan::{Blast, ConfirmLevel, Expectation, Leaves, Plan};
use crate::sequence::Sequence;
use crate::setting::Setting;
use crate::shelf::Shelf;
use crate::words::span;
use model::{Fact, Kind, Node, Snapshot, SourceId, Verb};
use serde_json::{Value, json};
use settings::{Change, Doing, Pause, concurrency_words};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use steps::ChangeSteps;
use subject::Subject;

/// Lambda says it is in the state asked for.
const STATE: &str = "mapping.state";
/// Nothing of the queue is in flight any more.
const NOTHING_IN_FLIGHT: &str = "mapping.nothing-in-flight";
/// Messages of the queue are received, or it gets shorter, or is empty.
const DEPTH: &str = "mapping.depth-falls";
/// Lambda says the concurrency is the one asked for.
const CONCURRENCY: &str = "mapping.concurrency";
/// How long it must stay so, seconds (guards.md, "Verification").
const DWELL_SECONDS: f64 = 60.0;

/// Pauses a mapping for a time.
#[derive(Clone, Copy, Debug)]
pub struct PauseMapping;

/// Lets a paused mapping go on.
#[derive(Clone, Copy, Debug)]
pub struct ResumeMapping;

/// Sets how many invocations a mapping may run at once.
#[derive(Clone, Copy, Debug)]
pub struct MappingConcurrency;

macro_rules! mapping_action {
    ($action:ty, $doing:expr, offered: $offered:expr, called_for: $called:expr) => {
        impl Action for $action {
            fn verb(&self) -> Verb {
                $doing.verb()
            }

            fn kinds(&self) -> &'static [Kind] {
                &[Kind::Mapping]
            }

            fn fits(&self) -> &'static str {
                "Lambda event source mappings"
            }

            fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
                let offered: fn(&Node) -> bool = $offered;
                node.facts.text(Fact::StateWord).is_some() && offered(node)
            }

            fn called_for(&self, snapshot: &Snapshot, node: &Node) -> bool {
                let called: fn(&Snapshot, &Node) -> bool = $called;
                called(snapshot, node)
            }

            fn draft(
                &self,
                snapshot: &Snapshot,
                node: &Node,
                settings: &BTreeMap<String, String>,
                _shelf: &Shelf,
            ) -> Result<Draft, PlanError> {
                let subject = Subject::new(snapshot, node);
                let change = settings::parse($doing, &subject, settings)?;
                Ok(draft(&subject, change))
            }

            fn settings(&self, snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
                settings::asked($doing, &Subject::new(snapshot, node))
            }

            fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
                Box::new(Sequence::new(plan, ChangeSteps::new(plan, hands)))
            }

            fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
                sources(snapshot, plan)
            }
        }
    };
}

mapping_action!(PauseMapping, Doing::Pause,
    offered: |node| node.facts.flag(Fact::EnabledWanted) != Some(false),
    called_for: |_, _| false);
mapping_action!(ResumeMapping, Doing::Resume,
offered: |node| node.facts.flag(Fact::EnabledWanted) != Some(true),
// A pause nobody thought of again: messages wait and nobody takes them.
called_for: |snapshot, node| {
    let waits = |queue: &Node| queue.facts.count(Fact::MessagesVisible) > Some(0);
    node.facts.text(Fact::StateWord) == Some("Disabled")
        && Subject::new(snapshot, node).queue.is_some_and(waits)
});
mapping_action!(MappingConcurrency, Doing::Concurrency,
    offered: |node| subject::takes_from_sqs(node),
    called_for: |_, _| false);

fn sources(snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
    let found = plan.findings.iter().filter_map(|f| f.source.clone());
    let mut all: BTreeSet<SourceId> = found.collect();
    if let Some(node) = snapshot.node(&plan.node) {
        let subject = Subject::new(snapshot, node);
        all.insert(node.source.clone());
        all.extend(subject.queue.map(|queue| queue.source.clone()));
    }
    all.into_iter().collect()
}

fn draft(subject: &Subject<'_>, change: Change) -> Draft {
    let mapping = subject.mapping;
    let mut targets = vec![mapping.id.clone()];
    targets.extend(subject.queue.map(|queue| queue.id.clone()));
    Draft {
        settings: change.settings(),
        targets,
        label: label(subject, change),
        calls: vec![call::update(subject, change)],
        before: before(subject),
        findings: guard::findings(subject, change),
        expectations: expectations(subject, change),
        stops: Vec::new(),
        undo: undo(subject, change),
        blast: blast(subject, change),
        level: ConfirmLevel::L2,
        confirm: subject.function().to_owned(),
        takes: Vec::new(),
        rights: call::rights(subject),
        leaves: leaves(subject, change),
    }
}

fn label(subject: &Subject<'_>, change: Change) -> String {
    let name = subject.called();
    match change {
        Change::Pause(Pause::For(seconds)) => format!("Pause {name} for {}", span(seconds as f64)),
        Change::Pause(Pause::Open) => format!("Pause {name} until it is resumed by hand"),
        Change::Resume => format!("Resume {name}"),
        Change::Concurrency(max) => format!(
            "Concurrency of {name} {} → {}",
            concurrency_words(subject.concurrency()),
            concurrency_words(max)
        ),
    }
}

/// Words are what must not change until the press; Lambda moves `last_modified` at every change.
fn before(subject: &Subject<'_>) -> BTreeMap<String, Value> {
    let facts = &subject.mapping.facts;
    let word = |fact| json!(facts.text(fact).unwrap_or("not known"));
    let mut all = BTreeMap::from([
        ("state".to_owned(), word(Fact::StateWord)),
        ("last_modified".to_owned(), word(Fact::LastModified)),
        (
            "max_concurrency".to_owned(),
            json!(concurrency_words(subject.concurrency())),
        ),
    ]);
    if let Some(queue) = subject.queue {
        let url = queue.facts.text(Fact::Url).map(|url| json!(url));
        all.extend(url.map(|url| ("queue_url".to_owned(), url)));
        let visible = queue.facts.count(Fact::MessagesVisible);
        all.extend(visible.map(|n| ("messages_visible".to_owned(), json!(n))));
    }
    all
}

fn expectations(subject: &Subject<'_>, change: Change) -> Vec<Expectation> {
    let expect = |id: &'static str, sentence: String| Expectation {
        id: Cow::Borrowed(id),
        sentence,
        dwell_seconds: DWELL_SECONDS,
    };
    let readable = subject.queue.filter(|q| q.facts.text(Fact::Url).is_some());
    let mut all = Vec::new();
    match change {
        Change::Pause(_) => {
            all.push(expect(
                STATE,
                "Lambda says the mapping is Disabled.".to_owned(),
            ));
            if let Some(queue) = readable.filter(|_| subject.others.is_empty()) {
                let sentence = format!("Nothing of {} is in flight any more.", queue.name);
                all.push(expect(NOTHING_IN_FLIGHT, sentence));
            }
        }
        Change::Resume => {
            all.push(expect(
                STATE,
                "Lambda says the mapping is Enabled.".to_owned(),
            ));
            if let Some(queue) = readable {
                let sentence = format!(
                    "Messages of {} are received, or fewer wait than at the press, or none.",
                    queue.name
                );
                all.push(expect(DEPTH, sentence));
            }
        }
        Change::Concurrency(max) => {
            let sentence = format!("Lambda says at most {} run.", concurrency_words(max));
            all.push(expect(CONCURRENCY, sentence));
        }
    }
    all
}

fn undo(subject: &Subject<'_>, change: Change) -> Undo {
    let request = |action: Verb, settings: BTreeMap<String, String>| Request {
        action,
        node: subject.mapping.id.clone(),
        settings,
    };
    let (sentence, request) = match change {
        Change::Pause(_) => (
            "Resume it: what waited is taken then, oldest first.".to_owned(),
            request(Verb::Resume, BTreeMap::new()),
        ),
        Change::Resume => (
            "Pause it again: what was taken meanwhile is done.".to_owned(),
            request(Verb::Pause, BTreeMap::new()),
        ),
        Change::Concurrency(_) => {
            let before = Change::Concurrency(subject.concurrency());
            (
                format!(
                    "Set it back to {}.",
                    concurrency_words(subject.concurrency())
                ),
                request(Verb::Concurrency, before.settings()),
            )
        }
    };
    Undo {
        sentence,
        request: Some(request),
    }
}

fn leaves(subject: &Subject<'_>, change: Change) -> Option<Leaves> {
    let Change::Pause(pause) = change else {
        return None;
    };
    let stays = format!("{} stays paused.", subject.called());
    Some(lasts::leaves(subject.mapping, stays, pause.loop_seconds()))
}

fn blast(subject: &Subject<'_>, change: Change) -> Blast {
    let function = subject.function();
    let mut sentences = Vec::new();
    match change {
        Change::Pause(pause) => {
            sentences.push(format!(
                "{function} takes nothing more from {}; invocations in flight finish.",
                subject.source_name()
            ));
            sentences.extend(backlog::grows(subject, pause));
            if subject.fifo() {
                sentences.push("FIFO: the order within each group is kept.".to_owned());
            }
        }
        Change::Resume => {
            sentences.push(format!(
                "{function} takes from {} again, within a minute.",
                subject.source_name()
            ));
            sentences.extend(backlog::waits(subject));
        }
        Change::Concurrency(max) => {
            sentences.push(format!(
                "At most {} of {function} run for {} from now on; it was {}.",
                concurrency_words(max),
                subject.source_name(),
                concurrency_words(subject.concurrency())
            ));
        }
    }
    Blast {
        sentences,
        messages: subject
            .queue
            .and_then(|queue| queue.facts.count(Fact::MessagesVisible)),
    }
}
