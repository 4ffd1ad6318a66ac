//! How many nodes the pods that wait need, and which group is kept for that.

use super::settings::Sizes;
use super::subject::{Subject, hosted, is_ready, nodes_of, same_cluster, waiting};
use crate::words::{count, thousands};
use model::{Fact, Kind, Node, NodeId, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// Pods that wait for less than this are a matter of moments, seconds.
const WAITED_SECONDS: f64 = 60.0;
/// The share of a node's allocatable processors that pods of deployments get: the rest is for what
/// runs on every node.
const USABLE: f64 = 0.9;
/// A quarter more than what waits now: nodes come minutes later, load rises until then, and pods do
/// not fill nodes without a gap.
const AHEAD: f64 = 1.25;

/// Whether the situation calls for this group: pods of its cluster wait for room, none that was
/// ordered is on its way, and of the groups that can give some it is the one kept for it.
pub(super) fn fallback(snapshot: &Snapshot, group: &Node) -> bool {
    let Some(own) = room(group) else {
        return false;
    };
    let all = snapshot.nodes.iter().map(AsRef::as_ref);
    let mut near =
        all.filter(|n: &&Node| n.kind == Kind::Nodegroup && same_cluster(&n.scope, &group.scope));
    if near.any(|other| on_its_way(snapshot, other)) {
        return false;
    }
    let better = |other: &&Node| {
        other.kind == Kind::Nodegroup
            && other.id != group.id
            && same_cluster(&other.scope, &group.scope)
            && room(other).is_some_and(|rank| (rank, &group.id) > (own, &other.id))
    };
    let waits = |pod: &Node| {
        let born = pod.facts.time(Fact::CreatedAt);
        born.is_none_or(|at| snapshot.taken_at.seconds_since(at) >= WAITED_SECONDS)
    };
    !snapshot.nodes.iter().map(AsRef::as_ref).any(|n| better(&n))
        && waiting(snapshot, &group.scope).any(waits)
}

/// Whether nodes of a group were ordered and are not there yet. Where no node is read, nobody knows.
fn on_its_way(snapshot: &Snapshot, group: &Node) -> bool {
    let there = nodes_of(snapshot, &group.id).len() as i64;
    let mut nodes = snapshot.nodes.iter();
    let read = nodes.any(|n| n.kind == Kind::Node && same_cluster(&n.scope, &group.scope));
    read && model::awaited_nodes(group, there).is_some()
}

/// Whether a group can give room at once, on demand, by hand; greater is better: an empty one is kept
/// for the day, then the one with most left.
fn room(group: &Node) -> Option<(bool, i64)> {
    let sizes = Sizes::of(group)?;
    let facts = &group.facts;
    let left = sizes.max - sizes.desired;
    let fits = facts.text(Fact::CapacityType) == Some("ON_DEMAND")
        && facts.text(Fact::Status) == Some("ACTIVE")
        && facts.text(Fact::ScaledBy).is_none()
        && left > 0;
    fits.then_some((sizes.desired == 0, left))
}

/// The size offered: enough for the pods that wait, else one more node; never beyond the bounds.
pub(super) fn suggested(subject: &Subject<'_>) -> i64 {
    let sizes = subject.sizes;
    let more = nodes(subject).unwrap_or(1);
    (sizes.desired + more).min(sizes.max).max(sizes.desired)
}

/// The reckoning in words, where pods wait.
pub(super) fn words(subject: &Subject<'_>) -> Option<String> {
    let waiting = subject.waiting.len();
    let nodes = nodes(subject)?;
    let asks = millicores(subject).map_or_else(String::new, |asked| {
        format!(", they ask for {} vCPU", thousands((asked + 999) / 1_000))
    });
    Some(format!(
        "{} for room{asks}: about {} of this group, with a quarter more for what comes until they are Ready.",
        super::waits(waiting),
        count(nodes, "node")
    ))
}

/// Nodes of this group for the pods that wait, by the processors they ask for; where that is not
/// known, by how many pods a node of the cluster holds now. `None` when none waits.
fn nodes(subject: &Subject<'_>) -> Option<i64> {
    let waiting = subject.waiting.len() as i64;
    if waiting == 0 {
        return None;
    }
    let by_processors = millicores(subject)
        .zip(allocatable(subject))
        .map(|(asked, each)| asked as f64 / (each as f64 * USABLE));
    let nodes = by_processors.or_else(|| Some(waiting as f64 / pods_a_node(subject)?));
    let nodes = nodes.map_or(1, |nodes| (nodes * AHEAD).ceil().max(1.0) as i64);
    Some(nodes.max(zones(subject)))
}

/// A pod of a stateful set waits in the zone of its volume, and the group's Auto Scaling group spreads
/// its instances over its zones
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html>, instance
/// distribution): only with one in each is there one in that zone. 0 where no such pod waits.
fn zones(subject: &Subject<'_>) -> i64 {
    let bound = |pod: &&Node| pod.facts.text(Fact::WorkloadKind) == Some("StatefulSet");
    if !subject.waiting.iter().any(bound) {
        return 0;
    }
    let all = subject.snapshot.nodes.iter().map(AsRef::as_ref);
    let here = all.filter(|node: &&Node| {
        node.kind == Kind::Node && same_cluster(&node.scope, &subject.group.scope)
    });
    let zones: BTreeSet<&str> = here.filter_map(|node| node.scope.az.as_deref()).collect();
    zones.len() as i64
}

/// Millicores the pods that wait ask for, by their workloads; `None` when one does not say.
fn millicores(subject: &Subject<'_>) -> Option<i64> {
    let of: BTreeMap<NodeId, i64> = requests(subject.snapshot, subject.group);
    let asked = subject.waiting.iter().map(|pod| {
        let workload = workload(subject.group, pod)?;
        of.get(&workload).copied()
    });
    asked.sum()
}

/// What one pod of each workload of the cluster asks for, millicores.
pub(super) fn requests(snapshot: &Snapshot, group: &Node) -> BTreeMap<NodeId, i64> {
    let workloads = snapshot.nodes.iter().filter(|node| {
        matches!(node.kind, Kind::Deployment | Kind::StatefulSet)
            && same_cluster(&node.scope, &group.scope)
    });
    workloads
        .filter_map(|node| {
            let asked = node.facts.count(Fact::CpuRequestMillicores)?;
            Some((node.id.clone(), asked))
        })
        .collect()
}

/// The id of the workload a pod of the group's cluster belongs to.
pub(super) fn workload(group: &Node, pod: &Node) -> Option<NodeId> {
    let (namespace, name) = pod.facts.text(Fact::Workload)?.split_once('/')?;
    let kind = match pod.facts.text(Fact::WorkloadKind)? {
        "Deployment" => Kind::Deployment,
        "StatefulSet" => Kind::StatefulSet,
        _ => return None,
    };
    let account = group.scope.account.as_ref()?.as_str();
    let cluster = NodeId::aws(
        Kind::Cluster,
        account,
        group.scope.region.as_deref(),
        group.scope.cluster.as_deref()?,
    );
    Some(NodeId::kubernetes(kind, &cluster, Some(namespace), name))
}

/// Millicores one node of the group gives, the least of them.
pub(super) fn allocatable(subject: &Subject<'_>) -> Option<i64> {
    gives(subject, |each| each.min())
}

/// What a node of the group gives, picked out of its own nodes, else out of others of the same type.
fn gives(
    subject: &Subject<'_>,
    pick: impl Fn(&mut dyn Iterator<Item = i64>) -> Option<i64>,
) -> Option<i64> {
    let give = |node: &Node| node.facts.count(Fact::CpuAllocatableMillicores);
    let types = subject.group.facts.text(Fact::InstanceTypes).unwrap_or("");
    let like = |node: &&Node| {
        let of = node.facts.text(Fact::InstanceType);
        node.kind == Kind::Node && of.is_some_and(|of| types.split(", ").any(|one| one == of))
    };
    let all = subject.snapshot.nodes.iter().map(AsRef::as_ref);
    let own = pick(&mut subject.nodes.iter().copied().filter_map(give));
    let gives = own.or_else(|| pick(&mut all.filter(like).filter_map(give)));
    gives.filter(|each| *each > 0)
}

/// vCPUs of one node of the group, of the largest there is: what EKS' own settings keep back of a node is less than
/// one, so that what it can allocate tells them.
pub(super) fn vcpus(subject: &Subject<'_>) -> Option<i64> {
    gives(subject, |each| each.max()).map(|millicores| (millicores + 999) / 1_000)
}

/// Addresses one more node takes at the least: its own, and as many pods' as a node has now, of the group, else of the
/// cluster. The VPC CNI keeps some more ready (EKS User Guide, `WARM_ENI_TARGET`).
pub(super) fn addresses(subject: &Subject<'_>) -> i64 {
    let own = hosted(subject.snapshot, &subject.nodes).count() as f64;
    let own = (own > 0.0).then(|| own / subject.nodes.len() as f64);
    let pods = own.or_else(|| pods_a_node(subject)).unwrap_or(0.0);
    1 + pods.ceil() as i64
}

fn pods_a_node(subject: &Subject<'_>) -> Option<f64> {
    let of = |kind: Kind| {
        let all = subject.snapshot.nodes.iter().map(AsRef::as_ref);
        all.filter(move |node: &&Node| {
            node.kind == kind && same_cluster(&node.scope, &subject.group.scope)
        })
    };
    let machines = of(Kind::Node).filter(|node| is_ready(node)).count();
    let placed = |pod: &&Node| pod.facts.text(Fact::NodeName).is_some();
    let pods = of(Kind::Pod).filter(placed).count();
    (machines > 0 && pods > 0).then(|| pods as f64 / machines as f64)
}
