//! Who consumes a queue, found by walking the edges queue → mapping → function,
//! queue → scaled object → workload, or queue → workload.

use crate::workload::near::{next, previous};
use model::{Fact, Kind, Node, Relation, Snapshot};

/// One consumer of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consumer<'a> {
    /// The event source mapping or scaled object between the queue and what runs.
    pub(crate) via: Option<&'a Node>,
    /// The function or workload that runs; absent when the edge leads to nothing that was read.
    pub(crate) runs: Option<&'a Node>,
}

impl<'a> Consumer<'a> {
    /// What people call it.
    pub(crate) fn name(&self) -> &'a str {
        self.runs
            .or(self.via)
            .map_or("?", |node| node.name.as_str())
    }
}

/// Every consumer of `queue`, each once.
pub(crate) fn of_queue<'a>(snapshot: &'a Snapshot, queue: &Node) -> Vec<Consumer<'a>> {
    let mut found: Vec<Consumer<'a>> = Vec::new();
    for first in next(snapshot, &queue.id, Relation::ConsumedBy) {
        for consumer in behind(snapshot, first) {
            match found.iter_mut().find(|c| same(c, &consumer)) {
                Some(known) => known.via = known.via.or(consumer.via),
                None => found.push(consumer),
            }
        }
    }
    found
}

fn same(a: &Consumer<'_>, b: &Consumer<'_>) -> bool {
    let id = |c: &Consumer<'_>| c.runs.map(|node| node.id.clone());
    id(a).is_some() && id(a) == id(b)
}

fn behind<'a>(snapshot: &'a Snapshot, first: &'a Node) -> Vec<Consumer<'a>> {
    let runs = |node: &'a Node, relation: Relation| -> Vec<&'a Node> {
        next(snapshot, &node.id, relation)
            .into_iter()
            .filter(|n| can_run(n.kind))
            .collect()
    };
    if can_run(first.kind) {
        return vec![Consumer {
            via: scaler(snapshot, first),
            runs: Some(first),
        }];
    }
    let mut behind = runs(first, Relation::ConsumedBy);
    behind.extend(runs(first, Relation::Scales));
    if behind.is_empty() && first.kind == Kind::Mapping {
        behind = function_of(snapshot, first);
    }
    if behind.is_empty() {
        return vec![Consumer {
            via: Some(first),
            runs: None,
        }];
    }
    let consumer = |node: &'a Node| Consumer {
        via: Some(first),
        runs: Some(node),
    };
    behind.into_iter().map(consumer).collect()
}

const fn can_run(kind: Kind) -> bool {
    matches!(kind, Kind::Function | Kind::Deployment | Kind::StatefulSet)
}

/// The function a mapping names, where no edge leads to it.
fn function_of<'a>(snapshot: &'a Snapshot, mapping: &Node) -> Vec<&'a Node> {
    let Some(name) = mapping.facts.text(Fact::FunctionName) else {
        return Vec::new();
    };
    let fits = |node: &&Node| {
        node.kind == Kind::Function
            && node.name == name
            && node.scope.region == mapping.scope.region
    };
    snapshot
        .nodes
        .iter()
        .map(AsRef::as_ref)
        .filter(fits)
        .collect()
}

fn scaler<'a>(snapshot: &'a Snapshot, workload: &Node) -> Option<&'a Node> {
    previous(snapshot, &workload.id, Relation::Scales)
        .into_iter()
        .find(|node| node.kind == Kind::ScaledObject)
}
