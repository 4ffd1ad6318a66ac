//! One availability zone is sick: several systems that have nothing else in common are abnormal
//! there and clearly better in the other zones of the region.
//!
//! Four systems look at a zone independently: load balancers (target health, failed requests),
//! kubelets (node readiness), pods on nodes that are ready, and database replicas. A broken release
//! or an overloaded service shows in all zones alike; a sick zone shows in one zone in all of them.

use super::case::{Case, beyond_since, earliest};
use crate::assemble::{RECENT_SECONDS, completed};
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::{Cause, Level, Signal};
use crate::kind::Kind;
use crate::node::Node;
use crate::rules::{failing_percent, shifted_away};
use crate::time::Timestamp;
use crate::words;
use std::collections::{BTreeMap, BTreeSet};

const ID: &str = "az-fault";

/// How many times worse than the next worst zone the sick one must be, by each system.
const CLEARLY: f64 = 3.0;

/// What one system sees in one zone.
#[derive(Clone, Debug, Default)]
struct Sight {
    /// How much of it is abnormal, 0 to 100.
    share: f64,
    /// The abnormal things themselves.
    nodes: Vec<usize>,
    signals: Vec<Signal>,
}

/// What one system sees in every zone of a region: the same scale in each.
type Sights<'a> = BTreeMap<&'a str, Sight>;

pub(super) fn find(case: &Case<'_>, _: &[Cause]) -> Vec<Cause> {
    let regions: BTreeSet<(Option<&str>, &str)> = case
        .nodes
        .iter()
        .filter_map(|n| {
            Some((
                n.scope.account.as_ref().map(|a| a.as_str()),
                n.scope.region.as_deref()?,
            ))
        })
        .collect();
    let found = regions.into_iter().filter_map(|place| region(case, place));
    found.collect()
}

fn region(case: &Case<'_>, place: (Option<&str>, &str)) -> Option<Cause> {
    let within: Vec<usize> = (0..case.nodes.len())
        .filter(|at| {
            let scope = &case.nodes[*at].scope;
            (
                scope.account.as_ref().map(|a| a.as_str()),
                scope.region.as_deref().unwrap_or(""),
            ) == place
        })
        .collect();
    let systems = [
        ("load balancing", balancers(case, &within), 3.0),
        ("nodes", kubelets(case, &within), 1.0),
        ("pods", pods(case, &within), 4.0),
        ("databases", databases(case, &within), 1.0),
    ];
    let zones: BTreeSet<&str> = systems
        .iter()
        .flat_map(|(_, s, _)| s.keys().copied())
        .collect();
    let needed = case.world.thresholds.az_fault_systems;
    let guilty = zones.into_iter().filter_map(|zone| {
        let against: Vec<(&str, &Sight)> = systems
            .iter()
            .filter(|(_, sights, floor)| stands_out(sights, zone, *floor))
            .filter_map(|(name, sights, _)| Some((*name, sights.get(zone)?)))
            .collect();
        (against.len() as f64 >= needed).then_some((zone, against))
    });
    let (zone, against) = guilty.max_by_key(|(_, against)| against.len())?;
    Some(tell(case, zone, &against, &shifted(case, &within, zone)))
}

/// Whether the zone is abnormal and clearly worse than each other zone.
fn stands_out(sights: &Sights<'_>, zone: &str, floor: f64) -> bool {
    let Some(here) = sights.get(zone) else {
        return false;
    };
    let others: Vec<f64> = sights
        .iter()
        .filter(|(z, _)| **z != zone)
        .map(|(_, s)| s.share)
        .collect();
    let next = others.iter().copied().fold(0.0, f64::max);
    !others.is_empty() && here.share >= floor && here.share >= CLEARLY * next
}

fn tell(case: &Case<'_>, zone: &str, against: &[(&str, &Sight)], shifted: &str) -> Cause {
    let names: Vec<&str> = against.iter().map(|(name, _)| *name).collect();
    let leaves: BTreeSet<usize> = against
        .iter()
        .flat_map(|(_, s)| s.nodes.iter().copied())
        .collect();
    let in_zone = |at: &usize| case.nodes[*at].scope.az.as_deref() == Some(zone);
    let mut targets: Vec<usize> = leaves.iter().copied().filter(in_zone).collect();
    // Machines and database instances are in the zone itself; pods merely run there.
    if targets.iter().any(|at| case.nodes[*at].kind != Kind::Pod) {
        targets.retain(|at| case.nodes[*at].kind != Kind::Pod);
    }
    let targets: Vec<_> = targets
        .into_iter()
        .map(|at| case.nodes[at].id.clone())
        .collect();
    let there = (0..case.nodes.len()).filter(|at| in_zone(at) && case.abnormal(*at));
    let touched = case.resting_on(there.chain(leaves.iter().copied()));
    let mut signals: Vec<Signal> = against
        .iter()
        .flat_map(|(_, s)| s.signals.iter().cloned())
        .collect();
    let since = earliest(&signals);
    signals.sort_by_key(|s| (s.at.is_none(), s.at));
    Cause {
        rule: ID.into(),
        level: Level::Critical,
        sentence: format!(
            "Availability zone {zone} is faulty: {} are abnormal there and clearly better in the other zones.{shifted}",
            words::list(&names, 4)
        ),
        consequences: case.victims(touched, &targets),
        targets,
        signals,
        since,
    }
}

/// Whose traffic is kept out of the zone already: the first step of the cure is done.
fn shifted(case: &Case<'_>, within: &[usize], zone: &str) -> String {
    let nodes = within.iter().map(|at| &case.nodes[*at]);
    let left = nodes.filter(|node| shifted_away(node, case.world.now) == Some(zone));
    let names: Vec<&str> = left.map(|node| node.name.as_str()).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        " The traffic of {} is shifted away from it already.",
        words::list(&names, 4)
    )
}

/// Unhealthy targets and failed requests by zone; the worse of the two speaks.
fn balancers<'a>(case: &Case<'a>, within: &[usize]) -> Sights<'a> {
    let mut targets: BTreeMap<&str, (f64, f64, Vec<usize>)> = BTreeMap::new();
    let mut sights = Sights::new();
    for at in within {
        let node = &case.nodes[*at];
        for (zone, facts) in &node.zones {
            match node.kind {
                Kind::TargetGroup => {
                    let bad = facts.number(Fact::TargetsUnhealthy).unwrap_or(0.0);
                    let good = facts.number(Fact::TargetsHealthy).unwrap_or(0.0);
                    let sum = targets.entry(zone.as_str()).or_default();
                    sum.0 += bad;
                    sum.1 += bad + good;
                    if bad > 0.0 {
                        sum.2.push(*at);
                    }
                }
                Kind::LoadBalancer => {
                    let share = failing_percent(facts).unwrap_or(0.0);
                    requests(
                        case,
                        *at,
                        share,
                        sights.entry(zone.as_str()).or_default(),
                        zone,
                    );
                }
                _ => {}
            }
        }
    }
    for (zone, (bad, all, groups)) in targets {
        let sight = sights.entry(zone).or_default();
        let share = 100.0 * bad / all.max(1.0);
        sight.share = sight.share.max(share);
        if let Some(first) = groups.first() {
            let sentence = format!(
                "{} of {} load-balancer targets in {zone} are unhealthy{}.",
                words::thousands(bad),
                words::thousands(all),
                reason(&case.nodes[*first], zone)
            );
            sight.signals.push(case.signal(*first, None, sentence));
        }
        sight.nodes.extend(groups);
    }
    sights
}

fn reason(group: &Node, zone: &str) -> String {
    let facts = group.zones.get(zone);
    let reasons = facts.and_then(|f| f.text(Fact::UnhealthyReasons));
    reasons.map_or(String::new(), |r| format!(" ({}: {r})", group.name))
}

/// The balancer with the worst share speaks for the zone.
fn requests(case: &Case<'_>, at: usize, share: f64, sight: &mut Sight, zone: &str) {
    if share <= sight.share {
        return;
    }
    let node = &case.nodes[at];
    let limit = case.world.thresholds.target_5xx_warning_percent;
    let since = [Fact::Target5xxPercent, Fact::Elb5xxPercent]
        .into_iter()
        .filter_map(|fact| beyond_since(node, fact, limit))
        .min();
    let sentence = format!(
        "{} fails {} % of its requests in {zone}.",
        node.name,
        words::measure(share)
    );
    *sight = Sight {
        share,
        nodes: vec![at],
        signals: vec![case.signal(at, since, sentence)],
    };
}

/// Nodes that are not ready, or were not minutes ago.
fn kubelets<'a>(case: &Case<'a>, within: &[usize]) -> Sights<'a> {
    let nodes = within
        .iter()
        .copied()
        .filter(|at| case.nodes[*at].kind == Kind::Node);
    let seen = by_zone(case, nodes, |at| out_of_contact(case, at).is_some());
    let told = seen.into_iter().map(|(zone, (bad, all))| {
        let since = bad.iter().filter_map(|at| out_of_contact(case, *at)).min();
        let sentence = format!("{} of {all} nodes in {zone} lost contact.", bad.len());
        (zone, sight(case, bad, all, since, sentence))
    });
    told.collect()
}

/// Since when, at the latest, a node is or was out of contact; a node that is new is not.
fn out_of_contact(case: &Case<'_>, at: usize) -> Option<Timestamp> {
    let node = &case.nodes[at];
    let now = case.world.now;
    let recent = |time: &Timestamp| now.seconds_since(*time) <= 3.0 * RECENT_SECONDS;
    let change = node.facts.time(Fact::ReadySince).filter(recent);
    let old = node
        .facts
        .time(Fact::CreatedAt)
        .is_none_or(|born| change.is_none_or(|change| change.seconds_since(born) > 300.0));
    let flapped = change.filter(|_| old);
    let events = case.world.changes.iter().filter(|c| {
        c.node == node.id
            && recent(&c.at)
            && (c.sentence.contains("NotReady") || c.sentence.contains("not ready"))
    });
    let first = events.map(|c| c.at).min();
    let down = (node.facts.flag(Fact::Ready) == Some(false)).then_some(now);
    first
        .into_iter()
        .chain(flapped)
        .chain(down.filter(|_| old))
        .min()
}

/// Pods that are not ready although their node is.
fn pods<'a>(case: &Case<'a>, within: &[usize]) -> Sights<'a> {
    let running = within.iter().copied().filter(|at| {
        let pod = &case.nodes[*at];
        pod.kind == Kind::Pod
            && !completed(pod)
            && pod.facts.flag(Fact::Terminating) != Some(true)
            && pod.facts.text(Fact::Phase) == Some("Running")
            && !on_lost_node(case, *at)
    });
    let seen = by_zone(case, running, |at| {
        case.nodes[at].facts.flag(Fact::Ready) == Some(false)
    });
    let told = seen.into_iter().map(|(zone, (bad, all))| {
        let since = bad
            .iter()
            .filter_map(|at| case.nodes[*at].facts.time(Fact::ReadySince))
            .min();
        let sentence = format!(
            "{} of {all} pods on ready nodes in {zone} are not ready.",
            bad.len()
        );
        (zone, sight(case, bad, all, since, sentence))
    });
    told.collect()
}

fn on_lost_node(case: &Case<'_>, pod: usize) -> bool {
    let mut hosts = case.world.graph.previous(pod, Relation::Hosts);
    hosts.any(|host| case.nodes[host].facts.flag(Fact::Ready) == Some(false))
}

/// Replicas that fall behind, and instances that are not available.
fn databases<'a>(case: &Case<'a>, within: &[usize]) -> Sights<'a> {
    let limit = case.world.thresholds.replica_lag_warning_ms;
    let ill = |at: usize| {
        let facts = &case.nodes[at].facts;
        let behind = facts
            .number(Fact::ReplicaLagMs)
            .is_some_and(|lag| lag >= limit);
        let failing = case.nodes[at]
            .health
            .reasons
            .iter()
            .any(|r| r.rule == "aurora.status" && r.level > Level::InTransition);
        behind || failing
    };
    let instances = within
        .iter()
        .copied()
        .filter(|at| case.nodes[*at].kind == Kind::DbInstance);
    let seen = by_zone(case, instances, ill);
    let told = seen.into_iter().map(|(zone, (bad, all))| {
        let since = bad
            .iter()
            .filter_map(|at| beyond_since(&case.nodes[*at], Fact::ReplicaLagMs, limit))
            .min();
        let lag = bad
            .iter()
            .filter_map(|at| case.nodes[*at].facts.number(Fact::ReplicaLagMs));
        let lag = lag.fold(0.0, f64::max);
        let sentence = format!(
            "{} of {all} database instances in {zone} fall behind, by up to {} ms.",
            bad.len(),
            words::thousands(lag)
        );
        (zone, sight(case, bad, all, since, sentence))
    });
    told.collect()
}

/// Abnormal ones and how many there are, by zone.
fn by_zone<'a>(
    case: &Case<'a>,
    some: impl Iterator<Item = usize>,
    ill: impl Fn(usize) -> bool,
) -> BTreeMap<&'a str, (Vec<usize>, usize)> {
    let nodes = case.nodes;
    let mut zones: BTreeMap<&'a str, (Vec<usize>, usize)> = BTreeMap::new();
    for at in some {
        if let Some(zone) = nodes[at].scope.az.as_deref() {
            let seen = zones.entry(zone).or_default();
            seen.1 += 1;
            if ill(at) {
                seen.0.push(at);
            }
        }
    }
    zones
}

fn sight(
    case: &Case<'_>,
    bad: Vec<usize>,
    all: usize,
    since: Option<Timestamp>,
    sentence: String,
) -> Sight {
    let first = bad.first().map(|at| case.signal(*at, since, sentence));
    Sight {
        share: 100.0 * bad.len() as f64 / all.max(1) as f64,
        signals: first.into_iter().collect(),
        nodes: bad,
    }
}
