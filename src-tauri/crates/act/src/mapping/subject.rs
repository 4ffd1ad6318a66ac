//! What a change of a mapping is about: the mapping, its queue, its function, and who else takes.

use crate::origin::Origin;
use model::{Fact, Kind, Node, NodeId, Relation, Snapshot};

pub(super) struct Subject<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) mapping: &'a Node,
    /// The queue it takes from, where that is one that was read.
    pub(super) queue: Option<&'a Node>,
    pub(super) function_node: Option<&'a Node>,
    /// Other consumers of the queue.
    pub(super) others: Vec<&'a Node>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, mapping: &'a Node) -> Self {
        let queue = previous(snapshot, &mapping.id)
            .into_iter()
            .find(|node| node.kind == Kind::Queue);
        let function_node = next(snapshot, &mapping.id)
            .into_iter()
            .find(|node| node.kind == Kind::Function);
        let others = queue.map_or_else(Vec::new, |queue| {
            let consumers = next(snapshot, &queue.id).into_iter();
            consumers.filter(|node| node.id != mapping.id).collect()
        });
        Self {
            snapshot,
            mapping,
            queue,
            function_node,
            others,
        }
    }

    /// The function's name; the mapping's own where Lambda did not say.
    pub(super) fn function(&self) -> &'a str {
        let named = self.mapping.facts.text(Fact::FunctionName);
        named.unwrap_or(&self.mapping.name)
    }

    /// The last part of the event source's ARN.
    pub(super) fn source_name(&self) -> &'a str {
        let arn = self.mapping.facts.text(Fact::EventSource);
        let last = arn.and_then(|arn| arn.rsplit([':', '/']).next());
        last.unwrap_or("its source")
    }

    /// `orders → charge`.
    pub(super) fn called(&self) -> String {
        format!("{} → {}", self.source_name(), self.function())
    }

    pub(super) fn concurrency(&self) -> Option<i64> {
        self.mapping.facts.count(Fact::MaximumConcurrency)
    }

    pub(super) fn state(&self) -> Option<&'a str> {
        self.mapping.facts.text(Fact::StateWord)
    }

    pub(super) fn fifo(&self) -> bool {
        self.queue
            .is_some_and(|queue| queue.facts.flag(Fact::Fifo) == Some(true))
    }

    /// Where `fact` of the mapping comes from.
    pub(super) fn origin(&self, fact: Fact) -> Origin {
        Origin::of(self.snapshot, self.mapping, fact)
    }

    /// Other mappings of the same function.
    pub(super) fn siblings(&self) -> Vec<&'a Node> {
        let Some(function) = self.function_node else {
            return Vec::new();
        };
        let all = previous(self.snapshot, &function.id).into_iter();
        all.filter(|node| node.kind == Kind::Mapping && node.id != self.mapping.id)
            .collect()
    }
}

/// Whether its event source is an SQS queue.
pub(super) fn takes_from_sqs(mapping: &Node) -> bool {
    let arn = mapping.facts.text(Fact::EventSource).unwrap_or("");
    arn.split(':').nth(2) == Some("sqs")
}

fn next<'a>(snapshot: &'a Snapshot, id: &NodeId) -> Vec<&'a Node> {
    let edges = snapshot.edges.iter();
    let edges = edges.filter(|e| e.relation == Relation::ConsumedBy && e.from == *id);
    let nodes = edges.filter_map(|e| snapshot.node(&e.to));
    nodes.map(AsRef::as_ref).collect()
}

fn previous<'a>(snapshot: &'a Snapshot, id: &NodeId) -> Vec<&'a Node> {
    let edges = snapshot.edges.iter();
    let edges = edges.filter(|e| e.relation == Relation::ConsumedBy && e.to == *id);
    let nodes = edges.filter_map(|e| snapshot.node(&e.from));
    nodes.map(AsRef::as_ref).collect()
}
