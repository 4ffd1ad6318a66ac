//! What is around a workload: its pods, its queues, its databases, what scales it.

use crate::origin::Origin;
use model::{Edge, Fact, Kind, Node, NodeId, Relation, Service, Snapshot, SourceStatus};
use std::collections::BTreeSet;

/// Nodes an edge of one meaning leads to from `node`.
pub(crate) fn next<'a>(snapshot: &'a Snapshot, node: &NodeId, relation: Relation) -> Vec<&'a Node> {
    // Edges are ordered by their start.
    let from = snapshot.edges.partition_point(|edge| edge.from < *node);
    let edges = snapshot.edges[from..].iter();
    let edges = edges
        .take_while(|e| e.from == *node)
        .filter(|e| e.relation == relation);
    found(snapshot, edges.map(|e| &e.to))
}

/// Nodes from which an edge of one meaning leads to `node`.
pub(crate) fn previous<'a>(
    snapshot: &'a Snapshot,
    node: &NodeId,
    relation: Relation,
) -> Vec<&'a Node> {
    let edges = snapshot.edges.iter();
    let edges = edges.filter(|e| e.relation == relation && e.to == *node);
    found(snapshot, edges.map(|e| &e.from))
}

fn found<'a>(snapshot: &'a Snapshot, ids: impl Iterator<Item = &'a NodeId>) -> Vec<&'a Node> {
    let nodes = ids.filter_map(|id| snapshot.node(id));
    nodes.map(AsRef::as_ref).collect()
}

/// The pods of a workload.
pub(crate) fn pods<'a>(snapshot: &'a Snapshot, workload: &Node) -> Vec<&'a Node> {
    let mut owned = next(snapshot, &workload.id, Relation::Owns);
    let sets: Vec<&Node> = owned
        .iter()
        .copied()
        .filter(|node| node.kind == Kind::ReplicaSet)
        .collect();
    for set in sets {
        owned.extend(next(snapshot, &set.id, Relation::Owns));
    }
    owned.retain(|node| node.kind == Kind::Pod);
    owned
}

/// What keeps a pod of a workload from running, as the scheduler or the kubelet says it: a clause.
pub(crate) fn waiting(snapshot: &Snapshot, workload: &Node) -> Option<String> {
    let mut pods = pods(snapshot, workload).into_iter();
    let (pod, reason) = pods.find_map(|pod| {
        let pending = pod.facts.text(Fact::Phase) == Some("Pending");
        Some((pod, pod.facts.text(Fact::Reason).filter(|_| pending)?))
    })?;
    let message = pod.facts.text(Fact::Message).unwrap_or(reason);
    let first = message.split_once(". ").map_or(message, |(first, _)| first);
    let first = first.trim_end_matches('.');
    Some(format!("{} waits: {first}", pod.name))
}

/// The queues it works on, directly or through its scaled object.
pub(crate) fn queues<'a>(snapshot: &'a Snapshot, workload: &Node) -> Vec<&'a Node> {
    let mut all = previous(snapshot, &workload.id, Relation::ConsumedBy);
    for scaler in previous(snapshot, &workload.id, Relation::Scales) {
        all.extend(previous(snapshot, &scaler.id, Relation::ConsumedBy));
    }
    let mut seen = BTreeSet::new();
    all.retain(|node| node.kind == Kind::Queue && seen.insert(node.id.clone()));
    all
}

/// The databases it connects to.
pub(crate) fn databases<'a>(snapshot: &'a Snapshot, workload: &Node) -> Vec<&'a Node> {
    let mut all = next(snapshot, &workload.id, Relation::ConnectsTo);
    let mut seen = BTreeSet::new();
    all.retain(|node| node.kind == Kind::DbCluster && seen.insert(node.id.clone()));
    all
}

/// Whether requests or messages come to it: a target group or service sends to one of its pods, or a
/// queue is consumed by it.
pub(crate) fn on_path(snapshot: &Snapshot, workload: &Node) -> bool {
    let pods: BTreeSet<&NodeId> = pods(snapshot, workload).iter().map(|pod| &pod.id).collect();
    let served = |edge: &Edge| {
        matches!(edge.relation, Relation::Targets | Relation::Selects) && pods.contains(&edge.to)
    };
    snapshot.edges.iter().any(served) || !queues(snapshot, workload).is_empty()
}

/// The autoscalers of its namespace that scale it: asked of every workload for every picture, so it
/// looks at those of the namespace only and at no edge.
pub(crate) fn autoscalers<'a>(
    snapshot: &'a Snapshot,
    workload: &Node,
) -> impl Iterator<Item = &'a Node> + use<'a> {
    let kind = format!("{}/", workload.kind);
    let place = workload.id.as_str().strip_prefix(&kind).unwrap_or("");
    let place = place.rsplit_once('/').map_or("", |(place, _)| place);
    let prefix = format!("{}/{place}/", Kind::Hpa);
    let word = crate::object::Resource::of(workload.kind).map_or("", |kind| kind.word());
    let target = format!("{word}/{}", workload.name);
    let from = snapshot
        .nodes
        .partition_point(|node| node.id.as_str() < prefix.as_str());
    let here = snapshot.nodes[from..].iter().map(AsRef::as_ref);
    here.take_while(move |node: &&Node| node.id.as_str().starts_with(&prefix))
        .filter(move |node| node.facts.text(Fact::ScaleTarget) == Some(target.as_str()))
}

/// The namespace of a workload.
pub(crate) fn namespace<'a>(snapshot: &'a Snapshot, workload: &Node) -> Option<&'a Node> {
    let name = workload.scope.namespace.as_deref()?;
    let mut all = snapshot.nodes.iter().map(AsRef::as_ref);
    all.find(|node: &&Node| {
        node.kind == Kind::Namespace && node.name == name && same_cluster(node, workload)
    })
}

/// The machines of its cluster that take pods now.
pub(crate) fn machines<'a>(snapshot: &'a Snapshot, workload: &Node) -> Vec<&'a Node> {
    let takes = |node: &&Node| {
        node.kind == Kind::Node
            && same_cluster(node, workload)
            && node.facts.flag(Fact::Ready) == Some(true)
            && node.facts.flag(Fact::Schedulable) != Some(false)
    };
    let all = snapshot.nodes.iter().map(AsRef::as_ref);
    all.filter(takes).collect()
}

pub(crate) fn same_cluster(one: &Node, other: &Node) -> bool {
    one.scope.cluster == other.scope.cluster && one.scope.region == other.scope.region
}

/// The watch of disruption budgets.
pub(crate) const BUDGETS: &str = "poddisruptionbudgets";

/// Why what a watch of the workload's cluster tells is not known; `None` when it is.
pub(crate) fn unread(snapshot: &Snapshot, workload: &Node, part: &str) -> Option<String> {
    match source(snapshot, workload, part) {
        None => Some(format!("{part} are not read")),
        Some(status) if !Origin::of_source(snapshot, status).believed => {
            Some(format!("{part} were not read lately"))
        }
        Some(_) => None,
    }
}

/// How a resource of the workload's cluster is read.
pub(crate) fn source<'a>(
    snapshot: &'a Snapshot,
    workload: &Node,
    part: &str,
) -> Option<&'a SourceStatus> {
    snapshot.sources.iter().find(|status| {
        let source = &status.source;
        source.service == Service::Kubernetes
            && source.part == part
            && source.scope.cluster == workload.scope.cluster
            && source.scope.region == workload.scope.region
    })
}
