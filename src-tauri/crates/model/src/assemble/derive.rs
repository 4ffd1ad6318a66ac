//! Facts that follow from facts and edges: counts, zones of pods, who is whose dead-letter queue.

use super::Declared;
use super::census::Census;
use crate::edge::Relation;
use crate::facts::{Fact, Facts};
use crate::graph::Graph;
use crate::kind::Kind;
use crate::node::Node;
use crate::rules::serves;
use crate::time::Timestamp;
use std::sync::Arc;

/// Restarts and changes within this many seconds are recent.
pub(crate) const RECENT_SECONDS: f64 = 600.0;

/// What the derivation looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// The nodes: facts from findings, those that were derived do not matter.
    pub(super) nodes: &'a [Arc<Node>],
    pub(super) graph: &'a Graph,
    pub(super) declared: &'a Declared,
    pub(super) census: &'a Census,
    pub(super) now: Timestamp,
}

/// What follows for one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Derived {
    pub(super) facts: Facts,
    /// The zone of what hosts it.
    pub(super) az: Option<Arc<str>>,
    /// It depends on the time.
    pub(super) timed: bool,
}

/// Derives facts of the node at a position.
pub(super) fn derive(view: &View<'_>, at: usize) -> Derived {
    let mut derived = Derived {
        az: zone(view, at),
        ..Derived::default()
    };
    let facts = &mut derived.facts;
    match view.nodes[at].kind {
        Kind::Deployment | Kind::StatefulSet => derived.timed = restarts(view, at, facts),
        Kind::Queue => queue(view, at, facts),
        Kind::DbCluster => members(view, at, facts),
        Kind::Cluster => view.census.tell(at, facts),
        Kind::Zone
        | Kind::Record
        | Kind::HealthCheck
        | Kind::Distribution
        | Kind::WebAcl
        | Kind::Bucket
        | Kind::LoadBalancer
        | Kind::TargetGroup
        | Kind::Nodegroup
        | Kind::NodePool
        | Kind::Node
        | Kind::Namespace
        | Kind::ReplicaSet
        | Kind::Pod
        | Kind::Hpa
        | Kind::ScaledObject
        | Kind::Application
        | Kind::Kustomization
        | Kind::HelmRelease
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
    derived
}

/// A pod is in the zone of the node that hosts it.
fn zone(view: &View<'_>, at: usize) -> Option<Arc<str>> {
    let hosts = view.graph.previous(at, Relation::Hosts);
    let hosts = hosts.map(|host| &view.nodes[host]);
    hosts
        .filter(|host| host.kind == Kind::Node)
        .filter_map(|host| host.scope.az.clone())
        .last()
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
/// a pod older than the window counts once: the number is a lower bound. True when it depends on
/// the time.
fn restarts(view: &View<'_>, at: usize, facts: &mut Facts) -> bool {
    let recent =
        |time: Option<Timestamp>| time.is_some_and(|t| view.now.seconds_since(t) <= RECENT_SECONDS);
    let (mut pods, mut sum, mut timed) = (0, 0, false);
    for pod in pods_of(view.graph, at) {
        let node = &view.nodes[pod];
        if node.kind != Kind::Pod {
            continue;
        }
        pods += 1;
        let last = node.facts.time(Fact::LastRestartAt);
        timed |= last.is_some();
        if recent(last) {
            let all = node.facts.count(Fact::Restarts).unwrap_or(1).max(1);
            let young = recent(node.facts.time(Fact::CreatedAt));
            sum += if young { all } else { 1 };
        }
    }
    if pods > 0 {
        facts.set(Fact::RestartsRecent, sum);
    }
    timed
}

fn queue(view: &View<'_>, at: usize, facts: &mut Facts) {
    let name = |other: usize| view.nodes[other].name.clone();
    let mut sources: Vec<String> = view
        .graph
        .previous(at, Relation::DeadLetters)
        .filter(|other| view.nodes[*other].kind == Kind::Queue)
        .map(name)
        .collect();
    sources.sort();
    let own = &view.nodes[at];
    let dead = view.graph.previous(at, Relation::DeadLetters).next();
    if !sources.is_empty() {
        facts.set(Fact::SourceQueues, sources.join(","));
    }
    if dead.is_some() || own.facts.get(Fact::IsDeadLetterQueue).is_none() {
        facts.set(Fact::IsDeadLetterQueue, dead.is_some());
    }
    let dead = view.graph.next(at, Relation::DeadLetters).map(name).next();
    facts.set_some(Fact::DeadLetterQueue, dead);
    facts.set_some(Fact::TimeToDrainSeconds, time_to_drain(&own.facts));
    let declared = &view.declared.queues;
    if let Some(queue) = declared.iter().find(|q| q.name == own.name) {
        facts.set_some(Fact::ConsumerIdempotent, queue.idempotent);
        facts.set(Fact::ConsumerExternal, queue.external);
    }
}

/// Seconds until a queue is empty, where it drains.
fn time_to_drain(facts: &Facts) -> Option<i64> {
    let visible = facts.number(Fact::MessagesVisible)?;
    let deleted = facts.number(Fact::DeletedPerSecond)?;
    let net = deleted - facts.number(Fact::SentPerSecond)?;
    (visible > 0.0 && net > 0.0).then(|| (visible / net).round() as i64)
}

/// Who writes and how many read, where the cluster's own source left it open; and its write probe.
fn members(view: &View<'_>, at: usize, facts: &mut Facts) {
    let probes = &view.declared.write_probes;
    let probe = probes.iter().find(|(name, _)| *name == view.nodes[at].name);
    facts.set_some(Fact::WriteProbe, probe.map(|(_, url)| url.as_str()));
    let wanted = view.declared.readers.iter();
    let wanted = wanted
        .clone()
        .find(|(name, _)| *name == view.nodes[at].name);
    facts.set_some(Fact::ReadersExpected, wanted.map(|(_, readers)| *readers));
    let role = |wanted: &str| -> Vec<&Node> {
        let members = view.graph.next(at, Relation::Owns);
        let members = members.map(|m| view.nodes[m].as_ref());
        members
            .filter(|m| m.facts.text(Fact::Role) == Some(wanted))
            .collect()
    };
    let (writers, readers) = (role("writer"), role("reader"));
    if writers.is_empty() && readers.is_empty() {
        return;
    }
    facts.set(Fact::Readers, readers.len());
    let statuses = readers.iter().map(|reader| reader.facts.text(Fact::Status));
    // Without a status it is not known whether one is available: the instances were not listed.
    if let Some(statuses) = statuses.collect::<Option<Vec<&str>>>() {
        let available = statuses.into_iter().filter(|status| serves(status));
        facts.set(Fact::ReadersAvailable, available.count());
    }
    if view.nodes[at].facts.get(Fact::Writer).is_none() {
        facts.set_some(Fact::Writer, writers.first().map(|w| w.name.clone()));
    }
}
