//! Purging a queue: every message in it is deleted, in flight or not, and cannot be had back but from
//! an export (PurgeQueue, Amazon SQS API reference: up to 60 seconds whatever the size, and what is
//! sent meanwhile may be deleted too).

mod guard;
mod steps;
#[cfg(test)]
mod tests;

use crate::action::{Action, PlanError, Request};
use crate::arn;
use crate::course::Course;
use crate::draft::{Draft, Undo};
use crate::hands::Hands;
use crate::plan::{ApiCall, Blast, ConfirmLevel, Expectation, Plan};
use crate::redrive::settings::Settings as Whole;
use crate::redrive::subject::Subject;
use crate::rights::Right;
use crate::sequence::Sequence;
use crate::setting;
use crate::shelf::Shelf;
use crate::words::{count, shell, thousands};
use model::{Fact, Kind, Node, Snapshot, SourceId, Verb};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use steps::Purging;

/// The call.
pub(crate) const PURGE: &str = "sqs:PurgeQueue";
/// The queue is empty and stays so.
pub(crate) const EMPTY: &str = "purge.empty";
/// A purge takes up to a minute, and counts settle within another (PurgeQueue, GetQueueAttributes).
const EMPTY_SECONDS: f64 = 120.0;

/// The purge.
#[derive(Clone, Copy, Debug)]
pub struct Purge;

impl Action for Purge {
    fn verb(&self) -> Verb {
        Verb::Purge
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Queue]
    }

    fn fits(&self) -> &'static str {
        "SQS queues"
    }

    fn offered(&self, snapshot: &Snapshot, node: &Node) -> bool {
        crate::redrive::Redrive.offered(snapshot, node)
    }

    /// Deleting is nobody's first thought: it is found on its queue.
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
        setting::none(self.verb(), settings)?;
        let subject = Subject::new(snapshot, node, &Whole::parse(&BTreeMap::new())?)?;
        Ok(draft(&subject, shelf))
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Box::new(Sequence::new(plan, Purging::new(plan, hands)))
    }

    fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        let mut all: BTreeSet<SourceId> = plan
            .findings
            .iter()
            .filter_map(|f| f.source.clone())
            .collect();
        all.extend(snapshot.node(&plan.node).map(|node| node.source.clone()));
        all.into_iter().collect()
    }
}

/// Messages in it: to be received, in flight and delayed.
fn held(node: &Node) -> Option<i64> {
    let facts = &node.facts;
    let other = [Fact::MessagesNotVisible, Fact::MessagesDelayed];
    let other: i64 = other.iter().filter_map(|fact| facts.count(*fact)).sum();
    Some(facts.count(Fact::MessagesVisible)? + other)
}

fn draft(subject: &Subject<'_>, shelf: &Shelf) -> Draft {
    let queue = subject.dlq;
    let name = &queue.name;
    let there = held(queue);
    let shown = there.map_or_else(|| "an unknown number".to_owned(), thousands);
    let dead_letters = guard::is_dlq(subject);
    Draft {
        settings: BTreeMap::new(),
        targets: vec![queue.id.clone()],
        label: format!("Delete all {shown} messages of {name} for good"),
        calls: vec![call(queue)],
        before: before(queue),
        findings: guard::findings(subject, shelf),
        expectations: vec![Expectation {
            id: Cow::Borrowed(EMPTY),
            sentence: format!(
                "{name} holds nothing, in flight or not, on every reading for 2 min."
            ),
            dwell_seconds: EMPTY_SECONDS,
        }],
        stops: vec!["It cannot be stopped once it was called.".to_owned()],
        undo: undo(queue, shelf),
        blast: Blast {
            sentences: vec![
                format!(
                    "{} of {name} are deleted, in flight or not, and cannot be recovered from SQS.",
                    there.map_or_else(|| "All messages".to_owned(), |n| count(n, "message"))
                ),
                "It takes up to 60 s whatever the size; what is sent meanwhile may be deleted too."
                    .to_owned(),
            ],
            messages: there,
        },
        level: if dead_letters {
            ConfirmLevel::L3
        } else {
            ConfirmLevel::L4
        },
        // The count that was shown is part of what is typed: who types it has read it.
        confirm: format!("{name} {}", there.unwrap_or(0)),
        takes: Vec::new(),
        rights: vec![Right::Iam {
            action: PURGE.to_owned(),
            resource: arn::queue(queue),
        }],
        leaves: None,
    }
}

fn call(queue: &Node) -> ApiCall {
    let region = queue.scope.region.as_deref().unwrap_or("us-east-1");
    let url = queue.facts.text(Fact::Url).unwrap_or("");
    ApiCall {
        operation: PURGE.to_owned(),
        region: region.to_owned(),
        parameters: BTreeMap::from([("QueueUrl".to_owned(), json!(url))]),
        cli: format!(
            "aws sqs purge-queue --region {} --queue-url {}",
            shell(region),
            shell(url)
        ),
        step: "purge".to_owned(),
    }
}

fn before(queue: &Node) -> BTreeMap<String, Value> {
    let facts = &queue.facts;
    let number = |fact| facts.count(fact).map(|n| json!(n));
    let all = [
        ("messages_visible", number(Fact::MessagesVisible)),
        ("messages_not_visible", number(Fact::MessagesNotVisible)),
        ("messages_delayed", number(Fact::MessagesDelayed)),
        ("queue_arn", Some(json!(arn::queue(queue)))),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

fn undo(queue: &Node, shelf: &Shelf) -> Undo {
    let Some(export) = &shelf.export else {
        return Undo::none("what is deleted is gone; only an export could be sent again.");
    };
    let from = format!("export:{}", export.path.display());
    let settings = [("from", from.as_str()), ("canary", "off")];
    Undo {
        sentence: format!(
            "The {} of the export can be sent into {} again, as new messages: MessageIds, enqueue times and the order of a standard queue are lost.",
            count(export.messages, "message"),
            queue.name
        ),
        request: Some(Request {
            action: Verb::RedriveSelected,
            node: queue.id.clone(),
            settings: settings
                .into_iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect(),
        }),
    }
}
