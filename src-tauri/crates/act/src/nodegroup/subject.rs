//! What a scale is about, picked out of a snapshot: the group, its nodes, and the pods of its cluster.

use super::settings::Sizes;
use crate::origin::Origin;
use model::{
    Fact, Kind, Node, NodeId, Relation, Scope, Service, Snapshot, SourceStatus, waits_for_room,
};

pub(super) struct Subject<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) group: &'a Node,
    /// As read; zeros when EKS did not say, which no plan gets past.
    pub(super) sizes: Sizes,
    /// The group's nodes.
    pub(super) nodes: Vec<&'a Node>,
    /// Pods of the cluster that wait for room.
    pub(super) waiting: Vec<&'a Node>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, group: &'a Node) -> Self {
        Self {
            snapshot,
            group,
            sizes: Sizes::of(group).unwrap_or(Sizes {
                min: 0,
                desired: 0,
                max: 0,
            }),
            nodes: nodes_of(snapshot, &group.id),
            waiting: waiting(snapshot, &group.scope).collect(),
        }
    }

    /// Its nodes that are Ready.
    pub(super) fn ready(&self) -> i64 {
        let ready = self.nodes.iter();
        ready.filter(|node| is_ready(node)).count() as i64
    }

    /// Pods on its nodes.
    pub(super) fn pods(&self) -> i64 {
        hosted(self.snapshot, &self.nodes).count() as i64
    }

    /// Who else changes its desired size: the group is tagged for it, or it runs in the cluster, for EKS tags the Auto
    /// Scaling group of every managed nodegroup for it (EKS User Guide, "Managed node groups").
    pub(super) fn autoscaler(&self) -> Option<&'a str> {
        let tagged = self.group.facts.text(Fact::ScaledBy);
        let all = self.snapshot.nodes.iter().map(AsRef::as_ref);
        let runs = |node: &Node| {
            node.kind == Kind::Deployment
                && same_cluster(&node.scope, &self.group.scope)
                && node
                    .facts
                    .text(Fact::Image)
                    .is_some_and(|image| image.contains("/cluster-autoscaler"))
                && node.facts.count(Fact::Replicas) != Some(0)
        };
        tagged.or_else(|| all.into_iter().any(runs).then_some(AUTOSCALER))
    }

    /// Where `fact` of the group comes from.
    pub(super) fn origin(&self, fact: Fact) -> Origin {
        Origin::of(self.snapshot, self.group, fact)
    }

    /// The cluster's watch of one resource, as where an answer comes from that may be "there is none".
    pub(super) fn watch(&self, part: &str) -> Option<Origin> {
        let mut watched = watched(self.snapshot, self.group);
        let status = watched.find(|status| status.source.part == part)?;
        Some(Origin::of_source(self.snapshot, status))
    }
}

pub(super) fn is_ready(node: &Node) -> bool {
    node.facts.flag(Fact::Ready) == Some(true)
}

/// As its deployment and its tags are called.
const AUTOSCALER: &str = "cluster-autoscaler";

/// The same account, region and cluster.
pub(super) fn same_cluster(one: &Scope, other: &Scope) -> bool {
    one.account == other.account && one.region == other.region && one.cluster == other.cluster
}

/// The nodes EKS runs for a nodegroup.
pub(super) fn nodes_of<'a>(snapshot: &'a Snapshot, group: &NodeId) -> Vec<&'a Node> {
    let owned = snapshot
        .edges
        .iter()
        .filter(|edge| edge.relation == Relation::Owns && edge.from == *group);
    let nodes = owned.filter_map(|edge| snapshot.node(&edge.to));
    nodes
        .map(AsRef::as_ref)
        .filter(|node| node.kind == Kind::Node)
        .collect()
}

/// Pods on any of these nodes that have not ended.
pub(super) fn hosted<'a>(
    snapshot: &'a Snapshot,
    nodes: &[&Node],
) -> impl Iterator<Item = &'a Node> {
    let ids: std::collections::BTreeSet<NodeId> =
        nodes.iter().map(|node| node.id.clone()).collect();
    let edges = snapshot
        .edges
        .iter()
        .filter(move |edge| edge.relation == Relation::Hosts && ids.contains(&edge.from));
    let pods = edges.filter_map(|edge| snapshot.node(&edge.to).map(AsRef::as_ref));
    pods.filter(|pod| !matches!(pod.facts.text(Fact::Phase), Some("Succeeded" | "Failed")))
}

/// Pods of a cluster that no node has room for.
pub(super) fn waiting<'a>(
    snapshot: &'a Snapshot,
    scope: &'a Scope,
) -> impl Iterator<Item = &'a Node> {
    let pods = snapshot.nodes.iter().map(AsRef::as_ref);
    pods.filter(|node: &&Node| node.kind == Kind::Pod)
        .filter(|pod| waits_for_room(pod) && same_cluster(&pod.scope, scope))
}

/// The watches of the group's cluster that a scale rests on.
pub(super) fn watched<'a>(
    snapshot: &'a Snapshot,
    group: &'a Node,
) -> impl Iterator<Item = &'a SourceStatus> {
    snapshot.sources.iter().filter(|status| {
        status.source.service == Service::Kubernetes
            && same_cluster(&status.source.scope, &group.scope)
            && matches!(status.source.part.as_str(), "nodes" | "pods")
    })
}
