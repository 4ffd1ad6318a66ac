//! A cluster has no room for its pods: what took it away, what suffers, and what could give room.
//!
//! Signals (incident 5): pods Pending for lack of room; spot instances that were taken back (Karpenter
//! tells it as SpotInterrupted, <https://karpenter.sh/docs/concepts/disruption/#interruption>);
//! NodePools at their limit; autoscalers that want more than there is; budgets that are used up.

use super::case::{Case, earliest};
use crate::assemble::OF_A_REASON;
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::{Cause, Level, Signal};
use crate::id::NodeId;
use crate::kind::Kind;
use crate::node::Node;
use crate::pool::{buys_nodes, limits};
use crate::room::{awaited_nodes, waits_for_room};
use crate::source::Scope;
use crate::time::Timestamp;
use crate::words;
use std::collections::{BTreeMap, BTreeSet};

const ID: &str = "capacity-short";
/// Spot instances that went within this time count as the reason, seconds.
const LATELY_SECONDS: f64 = 1_800.0;
/// Autoscalers and budgets that are named at most.
const NAMED: usize = 3;

pub(super) fn find(case: &Case<'_>, _: &[Cause]) -> Vec<Cause> {
    let mut by_cluster: BTreeMap<Scope, Vec<usize>> = BTreeMap::new();
    for pod in case
        .of(Kind::Pod)
        .filter(|at| waits_for_room(&case.nodes[*at]))
    {
        by_cluster
            .entry(cluster_of(&case.nodes[pod].scope))
            .or_default()
            .push(pod);
    }
    let short = by_cluster
        .into_iter()
        .filter_map(|(scope, pods)| short(case, &scope, &pods));
    short.collect()
}

fn cluster_of(scope: &Scope) -> Scope {
    Scope {
        az: None,
        namespace: None,
        ..scope.clone()
    }
}

fn short(case: &Case<'_>, scope: &Scope, pods: &[usize]) -> Option<Cause> {
    let born = |at: &usize| case.nodes[*at].facts.time(Fact::CreatedAt);
    let since = pods.iter().filter_map(born).min();
    let waited = since.map_or(f64::INFINITY, |at| case.world.now.seconds_since(at));
    if waited < case.world.thresholds.pod_pending_seconds {
        return None;
    }
    let here = |kind: Kind| {
        let all = case.of(kind);
        all.filter(|at| cluster_of(&case.nodes[*at].scope) == *scope)
    };
    let cluster = here(Kind::Cluster).next().unwrap_or(pods[0]);
    let pending = words::count(pods.len() as i64, "pod");
    let mut signals = vec![case.signal(
        cluster,
        since,
        format!("{pending} Pending: no node has room."),
    )];
    let taken = taken_back(case, scope);
    let lost = taken.len();
    if let Some((first, at)) = taken.into_iter().min_by_key(|(_, at)| *at) {
        signals.push(Signal {
            sentence: format!("{} taken back.", lost_words(lost)),
            node: first,
            at: Some(at),
        });
    }
    let full: Vec<(usize, String)> = here(Kind::NodePool)
        .filter_map(|at| at_limit(case, at))
        .collect();
    let said = |(at, words): &(usize, String)| case.signal(*at, None, format!("{words}."));
    signals.extend(full.iter().map(said).take(NAMED));
    signals.extend(
        here(Kind::Hpa)
            .filter_map(|at| wants_more(case, at))
            .take(NAMED),
    );
    let workloads = here(Kind::Deployment).chain(here(Kind::StatefulSet));
    signals.extend(workloads.filter_map(|at| used_up(case, at)).take(NAMED));
    let since = earliest(&signals);
    let lost = (lost > 0).then(|| format!("{} taken back", lost_words(lost)));
    let full = full.into_iter().map(|(_, words)| words).take(NAMED);
    let why: String = lost
        .into_iter()
        .chain(full)
        .map(|why| format!("; {why}"))
        .collect();
    let ordered = here(Kind::Nodegroup).find_map(|at| coming(case, scope, at));
    let free = here(Kind::Nodegroup).filter_map(|at| gives(&case.nodes[at]));
    let help = ordered.or_else(|| free.max().map(|(_, _, words)| words));
    let help = help.map_or(String::new(), |words| format!(". {words}"));
    let name = scope.cluster.as_deref().unwrap_or("the cluster");
    let targets = vec![case.nodes[cluster].id.clone()];
    let owners = case
        .world
        .graph
        .reach_back_all(pods.iter().copied(), |leg| leg.relation == Relation::Owns);
    let suffering: BTreeSet<usize> = pods.iter().copied().chain(owners).collect();
    let level = pods.iter().map(|at| case.nodes[*at].health.level).max();
    Some(Cause {
        rule: ID.into(),
        level: level.unwrap_or(Level::Warning).max(Level::Warning),
        sentence: format!("{pending} of {name} Pending: no node has room{why}{help}."),
        consequences: case.victims(suffering, &targets),
        targets,
        signals,
        since,
    })
}

/// Kubernetes nodes whose spot instance was taken back lately, each with when.
fn taken_back(case: &Case<'_>, scope: &Scope) -> BTreeMap<NodeId, Timestamp> {
    let place = (
        scope.account.as_ref().map_or("-", |a| a.as_str()),
        scope.region.as_deref().unwrap_or("global"),
        scope.cluster.as_deref().unwrap_or(""),
    );
    let prefix = format!("{}/{}/{}/{}/", Kind::Node, place.0, place.1, place.2);
    let told = case.world.changes.iter().filter(|change| {
        // The reason stands first in the sentence of an event.
        change.sentence.split(':').next() == Some("SpotInterrupted")
            && change.node.as_str().starts_with(&prefix)
            && case.world.now.seconds_since(change.at) <= LATELY_SECONDS
    });
    told.map(|change| (change.node.clone(), change.at))
        .collect()
}

/// `13 spot instances`; of a flood not all are kept.
fn lost_words(lost: usize) -> String {
    let least = if lost < OF_A_REASON { "" } else { "at least " };
    format!("{least}{}", words::count(lost as i64, "spot instance"))
}

/// A NodePool of whose limit nothing is left. One with taints is not named, as pods that wait do not say what they
/// tolerate: it may not be for them.
fn at_limit(case: &Case<'_>, at: usize) -> Option<(usize, String)> {
    let pool = &case.nodes[at];
    let for_any = buys_nodes(pool) && pool.facts.get(Fact::Taints).is_none();
    let mut all = limits(pool).into_iter().filter(|_| for_any);
    let limit = all.find(|limit| limit.bars(0))?;
    let words = format!(
        "NodePool {} is at its limit: {}",
        pool.name,
        limit.reached()
    );
    Some((at, words))
}

fn wants_more(case: &Case<'_>, at: usize) -> Option<Signal> {
    let node = &case.nodes[at];
    let wanted = node.facts.count(Fact::DesiredReplicas)?;
    let has = node.facts.count(Fact::CurrentReplicas)?;
    let sentence = format!("{} wants {wanted} replicas and has {has}.", node.name);
    (wanted > has).then(|| case.signal(at, None, sentence))
}

fn used_up(case: &Case<'_>, at: usize) -> Option<Signal> {
    let node = &case.nodes[at];
    let sentence = format!(
        "{} may lose no further pod (disruptions allowed 0).",
        node.name
    );
    let none = node.facts.count(Fact::DisruptionsAllowed) == Some(0);
    none.then(|| case.signal(at, None, sentence))
}

/// Nodes of a group that were ordered and are not there yet. Where EKS reports an issue of it they may
/// never come.
fn coming(case: &Case<'_>, scope: &Scope, at: usize) -> Option<String> {
    let group = &case.nodes[at];
    let own = |node: &&usize| {
        let node = &case.nodes[**node];
        cluster_of(&node.scope) == *scope && node.facts.text(Fact::Nodegroup) == Some(&group.name)
    };
    let all: Vec<usize> = case.of(Kind::Node).collect();
    let there = all.iter().filter(own).count() as i64;
    let ordered = awaited_nodes(group, there).filter(|_| !all.is_empty())?;
    let are = if ordered == 1 { "is" } else { "are" };
    let nodes = words::count(ordered, "node");
    Some(format!(
        "{nodes} of {} {are} ordered and not there yet",
        group.name
    ))
}

/// What an on-demand nodegroup that nothing else scales could give: an empty one first.
fn gives(group: &Node) -> Option<(bool, i64, String)> {
    let facts = &group.facts;
    let (desired, max) = (facts.count(Fact::Desired)?, facts.count(Fact::Max)?);
    let left = max - desired;
    let fits = facts.text(Fact::CapacityType) == Some("ON_DEMAND")
        && facts.text(Fact::Status) == Some("ACTIVE")
        && facts.text(Fact::ScaledBy).is_none()
        && left > 0;
    let words = format!(
        "Nodegroup {} could give {} more on demand",
        group.name,
        words::count(left, "node")
    );
    fits.then_some((desired == 0, left, words))
}
