//! Which branch of a record set Route 53 answers with now.
//!
//! [How Route 53 chooses records when health checking is configured](https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html):
//! a branch is healthy when its health check is and, for an alias that evaluates its target, when the
//! target is; when no branch is healthy, all of them count as healthy (fail-open), and of a failover
//! pair the primary is answered. Records of weight 0 are answered when no other weight is healthy.

use crate::edge::Relation;
use crate::facts::Fact;
use crate::graph::Graph;
use crate::kind::Kind;
use crate::node::Node;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far alias records are followed to other records.
const HOPS: usize = 6;

/// Sets `serving` on every record; `records` are their positions.
pub(super) fn serve(nodes: &mut [Arc<Node>], records: &[usize], graph: &Graph) {
    let mut sets: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in records {
        sets.entry(set_of(&nodes[*at])).or_default().push(*at);
    }
    let sets: Vec<Vec<usize>> = sets.into_values().collect();
    let healthy: Vec<Vec<bool>> = sets
        .iter()
        .map(|set| {
            set.iter()
                .map(|at| healthy(nodes, graph, *at) != Some(false))
                .collect()
        })
        .collect();
    for (set, healthy) in sets.iter().zip(&healthy) {
        for (at, serving) in set.iter().zip(served(nodes, set, healthy)) {
            Arc::make_mut(&mut nodes[*at])
                .facts
                .set(Fact::Serving, serving);
        }
    }
}

/// The part of a record's id that its branches share: zone, name and type.
pub(crate) fn set_of(record: &Node) -> &str {
    let id = record.id.as_str();
    match record.facts.text(Fact::SetIdentifier) {
        Some(set) => id
            .strip_suffix(set)
            .map_or(id, |rest| rest.trim_end_matches('/')),
        None => id,
    }
}

/// Which of the branches are answered.
fn served(nodes: &[Arc<Node>], set: &[usize], healthy: &[bool]) -> Vec<bool> {
    let open = !healthy.contains(&true);
    let facts = |n: usize| &nodes[set[n]].facts;
    let failover = |n: usize| facts(n).text(Fact::Failover);
    if (0..set.len()).any(|n| failover(n).is_some()) {
        let primary = |n: usize| failover(n) == Some("PRIMARY");
        let up = (0..set.len()).any(|n| primary(n) && healthy[n]);
        return (0..set.len())
            .map(|n| {
                if up || open {
                    primary(n)
                } else {
                    healthy[n] && !primary(n)
                }
            })
            .collect();
    }
    let weight = |n: usize| facts(n).count(Fact::Weight);
    let heavy = (0..set.len()).any(|n| (healthy[n] || open) && weight(n) > Some(0));
    (0..set.len())
        .map(|n| (healthy[n] || open) && (!heavy || weight(n) != Some(0)))
        .collect()
}

/// Whether Route 53 counts the record as healthy by itself: by its check and, where it evaluates its
/// alias target, by that. `None` when it has no way to tell.
pub(crate) fn healthy(nodes: &[Arc<Node>], graph: &Graph, at: usize) -> Option<bool> {
    branch(nodes, graph, at, HOPS)
}

fn branch(nodes: &[Arc<Node>], graph: &Graph, at: usize, hops: usize) -> Option<bool> {
    let checks = graph.previous(at, Relation::Gates);
    let checked = checks.filter_map(|check| check_passes(&nodes[check]));
    let evaluates = nodes[at].facts.flag(Fact::EvaluateTargetHealth) == Some(true);
    let target = graph.next(at, Relation::RoutesTo);
    let targets = target.filter(|_| evaluates && hops > 0);
    let targets: Vec<bool> = targets
        .filter_map(|target| target_passes(nodes, graph, target, hops))
        .collect();
    let alias = (!targets.is_empty()).then(|| targets.contains(&true));
    checked.chain(alias).reduce(|a, b| a && b)
}

/// A disabled check always passes; CloudWatch's status already has the inversion in it.
fn check_passes(check: &Node) -> Option<bool> {
    if check.facts.flag(Fact::Disabled) == Some(true) {
        return Some(true);
    }
    check
        .facts
        .number(Fact::CheckStatus)
        .map(|status| status >= 1.0)
}

fn target_passes(nodes: &[Arc<Node>], graph: &Graph, target: usize, hops: usize) -> Option<bool> {
    match nodes[target].kind {
        Kind::Record => branch(nodes, graph, target, hops - 1),
        Kind::LoadBalancer => balancer_passes(nodes, graph, target),
        // Route 53 cannot evaluate distributions, and buckets count as healthy while S3 is.
        _ => None,
    }
}

/// A balancer is healthy while every target group with targets has a healthy one.
/// [Alias target health](https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html)
fn balancer_passes(nodes: &[Arc<Node>], graph: &Graph, balancer: usize) -> Option<bool> {
    let groups = graph
        .next(balancer, Relation::Forwards)
        .map(|g| &nodes[g].facts);
    let filled = groups.filter(|facts| facts.number(Fact::Targets) > Some(0.0));
    filled
        .filter_map(|facts| facts.number(Fact::TargetsHealthy))
        .map(|healthy| healthy > 0.0)
        .reduce(|a, b| a && b)
}
