//! Facts that follow from facts and edges: counts, zones of pods, who is whose dead-letter queue.

use super::{Declared, Draft};
use crate::edge::Relation;
use crate::facts::Fact;
use crate::graph::Graph;
use crate::kind::Kind;
use crate::node::Node;
use crate::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// Restarts and changes within this many seconds are recent.
pub(crate) const RECENT_SECONDS: f64 = 600.0;

/// Completes the facts of every draft.
pub(super) fn derive(drafts: &mut [Draft<'_>], graph: &Graph, declared: &Declared, now: Timestamp) {
    zones_of_pods(drafts, graph);
    for at in 0..drafts.len() {
        match drafts[at].node.kind {
            Kind::Deployment | Kind::StatefulSet => restarts(drafts, graph, at, now),
            Kind::Queue => queue(drafts, graph, declared, at),
            Kind::DbCluster => members(drafts, graph, at),
            Kind::Zone
            | Kind::Record
            | Kind::HealthCheck
            | Kind::Distribution
            | Kind::WebAcl
            | Kind::Bucket
            | Kind::LoadBalancer
            | Kind::TargetGroup
            | Kind::Cluster
            | Kind::Nodegroup
            | Kind::Node
            | Kind::Namespace
            | Kind::ReplicaSet
            | Kind::Pod
            | Kind::Hpa
            | Kind::ScaledObject
            | Kind::Service
            | Kind::Ingress
            | Kind::DbGlobal
            | Kind::DbInstance
            | Kind::CacheGroup
            | Kind::CacheNode
            | Kind::Function
            | Kind::Mapping
            | Kind::Alarm => {}
        }
    }
    clusters(drafts);
}

/// A pod is in the zone of the node that hosts it.
fn zones_of_pods(drafts: &mut [Draft<'_>], graph: &Graph) {
    for host in 0..drafts.len() {
        let Some(az) = drafts[host].node.scope.az.clone() else {
            continue;
        };
        if drafts[host].node.kind != Kind::Node {
            continue;
        }
        for pod in graph.next(host, Relation::Hosts) {
            drafts[pod].node.scope.az = Some(Arc::clone(&az));
        }
    }
}

/// `kind/account/region/cluster/…` → `account/region/cluster`.
fn place(id: &str) -> Option<&str> {
    let start = id.find('/')? + 1;
    let end = id[start..].match_indices('/').nth(2);
    Some(end.map_or(&id[start..], |(at, _)| &id[start..start + at]))
}

#[derive(Clone, Copy, Default)]
struct Census {
    nodes: usize,
    nodes_ready: usize,
    pods: usize,
    pods_ready: usize,
}

/// Nodes and pods per cluster; pods that have run to completion are not counted.
fn clusters(drafts: &mut [Draft<'_>]) {
    let mut counts: HashMap<&str, Census> = HashMap::new();
    for node in drafts.iter().map(|d| &d.node) {
        let ready = usize::from(node.facts.flag(Fact::Ready) == Some(true));
        let counted = match node.kind {
            Kind::Node => (1, ready, 0, 0),
            Kind::Pod if !completed(node) => (0, 0, 1, ready),
            _ => continue,
        };
        let census = counts
            .entry(place(node.id.as_str()).unwrap_or(""))
            .or_default();
        census.nodes += counted.0;
        census.nodes_ready += counted.1;
        census.pods += counted.2;
        census.pods_ready += counted.3;
    }
    let found: Vec<(usize, Census)> = drafts
        .iter()
        .enumerate()
        .filter(|(_, d)| d.node.kind == Kind::Cluster)
        .filter_map(|(at, d)| Some((at, *counts.get(place(d.node.id.as_str())?)?)))
        .collect();
    for (at, census) in found {
        let facts = &mut drafts[at].node.facts;
        facts.set(Fact::Nodes, census.nodes);
        facts.set(Fact::NodesReady, census.nodes_ready);
        facts.set(Fact::Pods, census.pods);
        facts.set(Fact::PodsReady, census.pods_ready);
    }
}

/// Whether the pod has ended for good: done, or failed and replaced by its owner.
pub(crate) fn completed(pod: &Node) -> bool {
    matches!(pod.facts.text(Fact::Phase), Some("Succeeded" | "Failed"))
}

/// The pods of a workload: those it owns, directly or through its replica sets.
pub(crate) fn pods_of(graph: &Graph, workload: usize) -> Vec<usize> {
    graph.reach(workload, |leg| leg.relation == Relation::Owns)
}

/// Restarts of a workload's pods lately. A pod says when it restarted last and how often in all, so
/// a pod older than the window counts once: the number is a lower bound.
fn restarts(drafts: &mut [Draft<'_>], graph: &Graph, at: usize, now: Timestamp) {
    let recent =
        |time: Option<Timestamp>| time.is_some_and(|t| now.seconds_since(t) <= RECENT_SECONDS);
    let mut pods = 0;
    let mut sum = 0;
    for pod in pods_of(graph, at) {
        let node = &drafts[pod].node;
        if node.kind != Kind::Pod {
            continue;
        }
        pods += 1;
        if recent(node.facts.time(Fact::LastRestartAt)) {
            let all = node.facts.count(Fact::Restarts).unwrap_or(1).max(1);
            let young = recent(node.facts.time(Fact::CreatedAt));
            sum += if young { all } else { 1 };
        }
    }
    if pods > 0 {
        drafts[at].node.facts.set(Fact::RestartsRecent, sum);
    }
}

fn queue(drafts: &mut [Draft<'_>], graph: &Graph, declared: &Declared, at: usize) {
    let name = |other: usize| drafts[other].node.name.clone();
    let mut sources: Vec<String> = graph
        .previous(at, Relation::DeadLetters)
        .map(name)
        .collect();
    sources.sort();
    let dead = graph.next(at, Relation::DeadLetters).map(name).next();
    let own = drafts[at].node.name.clone();
    let facts = &mut drafts[at].node.facts;
    if !sources.is_empty() {
        facts.set(Fact::SourceQueues, sources.join(","));
    }
    if !sources.is_empty() || facts.get(Fact::IsDeadLetterQueue).is_none() {
        facts.set(Fact::IsDeadLetterQueue, !sources.is_empty());
    }
    facts.set_some(Fact::DeadLetterQueue, dead);
    let visible = facts.number(Fact::MessagesVisible);
    let net = facts
        .number(Fact::DeletedPerSecond)
        .zip(facts.number(Fact::SentPerSecond));
    if let (Some(visible), Some((deleted, sent))) = (visible, net)
        && visible > 0.0
        && deleted > sent
    {
        let seconds = (visible / (deleted - sent)).round();
        facts.set(Fact::TimeToDrainSeconds, seconds as i64);
    }
    if let Some(queue) = declared.queues.iter().find(|q| q.name == own) {
        facts.set_some(Fact::ConsumerIdempotent, queue.idempotent);
        facts.set(Fact::ConsumerExternal, queue.external);
    }
}

/// Who writes and how many read, where the cluster's own source left it open.
fn members(drafts: &mut [Draft<'_>], graph: &Graph, at: usize) {
    let members: Vec<usize> = graph.next(at, Relation::Owns).collect();
    let role = |wanted: &str| {
        let members = members.iter().copied();
        let all = members.filter(|m| drafts[*m].node.facts.text(Fact::Role) == Some(wanted));
        all.collect::<Vec<_>>()
    };
    let (writers, readers) = (role("writer"), role("reader"));
    if writers.is_empty() && readers.is_empty() {
        return;
    }
    let available = |m: &&usize| drafts[**m].node.facts.text(Fact::Status) == Some("available");
    let available = readers.iter().filter(available).count();
    let writer = writers.first().map(|w| drafts[*w].node.name.clone());
    let facts = &mut drafts[at].node.facts;
    facts.set(Fact::Readers, readers.len());
    facts.set(Fact::ReadersAvailable, available);
    if facts.get(Fact::Writer).is_none() {
        facts.set_some(Fact::Writer, writer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_kubernetes_object_is_its_cluster() {
        assert_eq!(place("pod/1/us-east-1/prod/ns/p"), Some("1/us-east-1/prod"));
        assert_eq!(place("cluster/1/us-east-1/prod"), Some("1/us-east-1/prod"));
        assert_eq!(place("cluster"), None);
    }
}
