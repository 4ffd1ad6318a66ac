//! What a redrive is about, picked out of a snapshot: the dead-letter queue, the queues it serves,
//! where the messages would go and who consumes there.

use super::consumer::{self, Consumer};
use super::settings::{Destination, Settings};
use crate::action::PlanError;
use crate::arn;
use crate::origin::{Origin, said};
use model::{Fact, Kind, Node, NodeId, Relation, Service, Snapshot, SourceStatus, Timestamp};

pub(crate) struct Subject<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) dlq: &'a Node,
    /// Queues whose redrive policy names it.
    pub(crate) sources: Vec<&'a Node>,
    /// Things other than queues that dead-letter here (functions, topics).
    pub(crate) foreign: Vec<&'a Node>,
    /// Where the messages go; empty when nothing is known to take them.
    pub(crate) destinations: Vec<&'a Node>,
    /// The destination is named in the call; otherwise SQS sends each message to its own source.
    pub(crate) named: bool,
    /// Who consumes at each destination.
    pub(crate) consumers: Vec<(&'a Node, Vec<Consumer<'a>>)>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        dlq: &'a Node,
        settings: &Settings,
    ) -> Result<Self, PlanError> {
        let (sources, foreign) = senders(snapshot, dlq);
        let (destinations, named) = match &settings.destination {
            Destination::Source => (sources.clone(), sources.len() == 1),
            Destination::Named(text) => (vec![find_queue(snapshot, dlq, text)?], true),
        };
        let consumers = destinations
            .iter()
            .map(|queue| (*queue, consumer::of_queue(snapshot, queue)))
            .collect();
        Ok(Self {
            snapshot,
            dlq,
            sources,
            foreign,
            destinations,
            named,
            consumers,
        })
    }

    /// Messages that can be moved now.
    pub(crate) fn visible(&self) -> Option<i64> {
        self.dlq.facts.count(Fact::MessagesVisible)
    }

    /// When the first message arrived in the dead-letter queue, as far as it is known: the metrics'
    /// bound, else the age of the oldest message now (which counts from the move).
    pub(crate) fn first_arrival(&self) -> Option<(Timestamp, Fact)> {
        let facts = &self.dlq.facts;
        if let Some(at) = facts.time(Fact::FirstMessageAt) {
            return Some((at, Fact::FirstMessageAt));
        }
        let age = facts.number(Fact::OldestAgeSeconds)?;
        let (_, seen) = said(self.dlq, Fact::OldestAgeSeconds);
        Some((seen.plus_seconds(-(age as i64)), Fact::OldestAgeSeconds))
    }

    /// The latest the first of the messages that wait now can have come: the metrics know the
    /// minute only, and when earlier ones were moved or ran out, the oldest that is left is younger.
    /// What changed before that may be what broke the consumer.
    pub(crate) fn latest_first_arrival(&self) -> Option<Timestamp> {
        let facts = &self.dlq.facts;
        let minute = facts.time(Fact::FirstMessageAt);
        let told = minute.map(|at| at.plus_seconds(60));
        let age = facts.number(Fact::OldestAgeSeconds);
        let oldest = age.map(|age| {
            let (_, seen) = said(self.dlq, Fact::OldestAgeSeconds);
            seen.plus_seconds(-(age as i64))
        });
        told.max(oldest)
    }

    /// Where `fact` of `node` comes from.
    pub(crate) fn origin(&self, node: &Node, fact: Fact) -> Origin {
        Origin::of(self.snapshot, node, fact)
    }

    /// Where the move-task facts come from, also when there are none (no task was ever started).
    pub(crate) fn tasks_origin(&self) -> Origin {
        if self.dlq.fact_origins.contains_key(&Fact::MoveTaskStatus) {
            return self.origin(self.dlq, Fact::MoveTaskStatus);
        }
        let same = |s: &&SourceStatus| {
            s.source.service == Service::Sqs
                && s.source.scope.account == self.dlq.scope.account
                && s.source.scope.region == self.dlq.scope.region
                && s.source.part.contains("move")
        };
        match self.snapshot.sources.iter().find(same) {
            None => self.origin(self.dlq, Fact::MoveTaskStatus),
            Some(status) => Origin::of_source(self.snapshot, status),
        }
    }

    /// Everything touched or relied upon, for the plan's targets.
    pub(crate) fn targets(&self) -> Vec<NodeId> {
        let mut ids: Vec<NodeId> = vec![self.dlq.id.clone()];
        ids.extend(self.destinations.iter().map(|queue| queue.id.clone()));
        ids
    }

    /// `maxReceiveCount × VisibilityTimeout` of the destination that takes longest: a message that
    /// still fails is back in the dead-letter queue after this many seconds. `None` when no
    /// destination says (guards.md §6).
    pub(crate) fn return_seconds(&self) -> Option<f64> {
        let of = |queue: &&Node| {
            let receives = queue.facts.number(Fact::MaxReceiveCount)?;
            Some(receives * queue.facts.number(Fact::VisibilityTimeoutSeconds)?)
        };
        let all: Vec<f64> = self.destinations.iter().filter_map(of).collect();
        all.into_iter().reduce(f64::max)
    }
}

fn senders<'a>(snapshot: &'a Snapshot, dlq: &Node) -> (Vec<&'a Node>, Vec<&'a Node>) {
    snapshot
        .edges
        .iter()
        .filter(|edge| edge.relation == Relation::DeadLetters && edge.to == dlq.id)
        .filter_map(|edge| snapshot.node(&edge.from).map(AsRef::as_ref))
        .partition(|node| node.kind == Kind::Queue)
}

/// Only a queue of the same account and region can be a destination: the call is regional.
fn find_queue<'a>(snapshot: &'a Snapshot, dlq: &Node, text: &str) -> Result<&'a Node, PlanError> {
    let fits = |node: &&Node| {
        node.kind == Kind::Queue
            && node.scope.account == dlq.scope.account
            && node.scope.region == dlq.scope.region
            && (node.name == text || node.id.as_str() == text || arn::queue(node) == text)
    };
    let bad = |why: &str| PlanError::BadSetting {
        name: "destination",
        value: text.to_owned(),
        why: why.to_owned(),
    };
    let found = snapshot.nodes.iter().map(AsRef::as_ref).find(fits);
    let queue = found.ok_or_else(|| bad("there is no such queue in this account and region"))?;
    if queue.id == dlq.id {
        return Err(bad("that is the dead-letter queue itself"));
    }
    Ok(queue)
}
