//! Roll-up: reasons travel from where the trouble is to what rests on it, and name the leaf.
//!
//! Trouble travels up ownership (pod → replica set → deployment, instance → cluster) and up the path
//! of a request (target group → balancer → distribution → record). How far it counts depends on
//! capacity: one of twelve parts down is a warning for the whole, one of seven hundred is nothing,
//! half of them is failing. What is not known never counts as healthy, however small.
//!
//! A transition does not travel: whoever is in transition as a whole has a rule that says so. Trouble
//! does not travel from a database to the hundreds of pods that use it either: that is what
//! [causes](crate::causes) group.

use crate::edge::Relation;
use crate::graph::{Graph, Leg};
use crate::health::{Health, Level, Reason};
use crate::kind::Kind;
use crate::node::{Node, Standing};
use crate::rules::{Thresholds, World};
use std::sync::Arc;

/// How trouble passes along one kind of edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Passage {
    /// The trouble is at the end of the edge (else at its start).
    at_end: bool,
    /// The worst that it can make of the other end.
    cap: Level,
}

/// Which edges trouble travels along, and how.
const fn passage(relation: Relation) -> Option<Passage> {
    match relation {
        Relation::Owns
        | Relation::RoutesTo
        | Relation::Origin
        | Relation::Forwards
        | Relation::Targets
        | Relation::Selects => PASS_UP,
        // The queue itself still takes messages.
        Relation::ConsumedBy | Relation::DeadLetters => WARN_UP,
        // An alarm or scaler tells about the node at the end of its edge.
        Relation::Watches | Relation::Scales => Some(Passage {
            at_end: false,
            cap: Level::Warning,
        }),
        // A record knows its checks, a pod its node: their own rules say it. What inspects or is
        // merely used is another system's trouble, and what runs does not run worse because git does
        // not reach it.
        Relation::Deploys
        | Relation::Gates
        | Relation::Inspects
        | Relation::Hosts
        | Relation::ConnectsTo
        | Relation::SendsTo => None,
    }
}

/// Gives the nodes whose own reasons are new their health, and everything that rests on them.
/// `new` is by position; the health of every other node is complete.
pub(crate) fn roll_up(nodes: &mut [Arc<Node>], new: Vec<(usize, Vec<Reason>)>, world: &World<'_>) {
    let stirred = stirred(world.graph, nodes.len(), new.iter().map(|(at, _)| *at));
    let mut own: Vec<Option<Vec<Reason>>> = vec![None; nodes.len()];
    for (at, reasons) in new {
        own[at] = Some(reasons);
    }
    for at in &stirred {
        own[*at].get_or_insert_with(|| nodes[*at].health.own().cloned().collect());
    }
    let mut walk = Walk {
        nodes,
        own: &own,
        world,
        done: vec![None; nodes.len()],
        open: vec![false; nodes.len()],
    };
    for at in &stirred {
        walk.settle(*at);
    }
    let mut done = walk.done;
    for at in stirred {
        let own = own[at].take().unwrap_or_default();
        let health = Health::of(own, done[at].take().unwrap_or_default());
        if nodes[at].health != health {
            Arc::make_mut(&mut nodes[at]).health = health;
        }
    }
}

/// Some nodes and all that rests on them, in order.
fn stirred(graph: &Graph, nodes: usize, some: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut seen = vec![false; nodes];
    let mut todo: Vec<usize> = some.collect();
    while let Some(at) = todo.pop() {
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        let travels = |leg: &&Leg, to_start| {
            passage(leg.relation).is_some_and(|passage| passage.at_end == to_start)
        };
        todo.extend(
            graph
                .into(at)
                .iter()
                .filter(|l| travels(l, true))
                .map(|l| l.to),
        );
        todo.extend(
            graph
                .out(at)
                .iter()
                .filter(|l| travels(l, false))
                .map(|l| l.to),
        );
    }
    (0..nodes).filter(|at| seen[*at]).collect()
}

struct Walk<'a> {
    nodes: &'a [Arc<Node>],
    /// The node's own reasons where they may have changed; elsewhere its health is complete.
    own: &'a [Option<Vec<Reason>>],
    world: &'a World<'a>,
    /// What travelled to a node, once that is settled.
    done: Vec<Option<Vec<Reason>>>,
    /// Being settled: an edge that leads back here is a circle and is not followed.
    open: Vec<bool>,
}

/// The parts of one node that one kind of edge leads to.
#[derive(Default)]
struct Parts {
    all: usize,
    critical: usize,
    unknown: usize,
    warning: usize,
    /// The part that speaks for the others.
    worst: Option<(Level, usize)>,
}

impl Walk<'_> {
    fn settle(&mut self, at: usize) {
        if self.own[at].is_none() || self.done[at].is_some() || self.open[at] {
            return;
        }
        self.open[at] = true;
        let mut rolled = Vec::new();
        for relation in RELATIONS {
            if let Some(passage) = passage(*relation)
                && let Some(reason) = self.arrive(at, *relation, passage)
            {
                rolled.push(reason);
            }
        }
        self.open[at] = false;
        self.done[at] = Some(rolled);
    }

    /// What travels to `at` over edges of one meaning.
    fn arrive(&mut self, at: usize, relation: Relation, passage: Passage) -> Option<Reason> {
        let graph = self.world.graph;
        let legs = if passage.at_end {
            graph.out(at)
        } else {
            graph.into(at)
        };
        let mut parts = Parts::default();
        for leg in legs.iter().filter(|leg| leg.relation == relation) {
            self.settle(leg.to);
            parts.add(leg.to, self.level(leg.to, relation));
        }
        let (_, worst) = parts.worst?;
        let level = match parts.level(self.world.thresholds) {
            // A cap says how bad it can be, not that it is known.
            Level::Unknown => Level::Unknown,
            known => known.min(passage.cap),
        };
        if level <= Level::InTransition {
            return None;
        }
        self.tell(at, &parts, worst, level)
    }

    /// How a part counts for what rests on it.
    fn level(&self, part: usize, relation: Relation) -> Option<Level> {
        let node = &self.nodes[part];
        // Nobody reads its service: it is shown as not read, and says nothing about its users. A pod
        // that has ended for good is no part of anything any more.
        if node.standing == Standing::Declared || crate::assemble::completed(node) {
            return None;
        }
        // Figures that are missing of an alarm say nothing about what it watches.
        let counts = |r: &&Reason| relation != Relation::Watches || r.level != Level::Unknown;
        let levels = self.reasons(part).filter(counts);
        Some(levels.map(|r| r.level).max().unwrap_or(Level::Ok))
    }

    /// All reasons of a node as far as they are settled, its own before those that travelled.
    fn reasons(&self, at: usize) -> impl Iterator<Item = &Reason> {
        let (settled, own): (&[Reason], &[Reason]) = match &self.own[at] {
            Some(own) => (&[], own),
            None => (&self.nodes[at].health.reasons, &[]),
        };
        let rolled = self.done[at].iter().flatten();
        settled.iter().chain(own).chain(rolled)
    }

    /// The reason at `at`: how many parts, and the leaf's own sentence.
    fn tell(&self, at: usize, parts: &Parts, worst: usize, level: Level) -> Option<Reason> {
        let reasons = self.reasons(worst);
        let top = reasons.max_by_key(|r| (r.level, r.leaf.is_none()))?;
        let (leaf, told) = match &top.leaf {
            None => (self.nodes[worst].id.clone(), top),
            Some(id) => {
                let at = self.nodes.binary_search_by(|n| n.id.cmp(id)).ok();
                let mut own = at.into_iter().flat_map(|at| self.reasons(at));
                let own = own.find(|r| r.leaf.is_none() && r.rule == top.rule);
                (id.clone(), own.unwrap_or(top))
            }
        };
        let word = match level {
            Level::Critical => "failing",
            Level::Unknown => "not known",
            Level::Warning | Level::InTransition | Level::Ok => "degraded",
        };
        let share = self.share(parts, worst);
        Some(Reason {
            rule: top.rule.clone(),
            level,
            sentence: format!(
                "{} {word}{share}: {}",
                self.nodes[at].called(),
                told.sentence
            ),
            evidence: top.evidence.clone(),
            leaf: Some(leaf),
        })
    }

    /// ` (3 of 12 pods)`; nothing where there is one part only.
    fn share(&self, parts: &Parts, worst: usize) -> String {
        let bad = parts.critical + parts.unknown + parts.warning;
        if parts.all < 2 {
            return String::new();
        }
        format!(
            " ({bad} of {} {})",
            parts.all,
            plural(self.nodes[worst].kind)
        )
    }
}

impl Parts {
    fn add(&mut self, part: usize, level: Option<Level>) {
        let Some(level) = level else { return };
        self.all += 1;
        match level {
            Level::Critical => self.critical += 1,
            Level::Unknown => self.unknown += 1,
            Level::Warning => self.warning += 1,
            Level::Ok | Level::InTransition => return,
        }
        if self.worst.is_none_or(|(worst, _)| level > worst) {
            self.worst = Some((level, part));
        }
    }

    /// What the parts make of the whole.
    fn level(&self, limits: &Thresholds) -> Level {
        let share = |bad: usize| 100.0 * bad as f64 / self.all.max(1) as f64;
        let bad = self.critical + self.warning;
        let by_capacity = if share(self.critical) >= limits.replicas_critical_percent {
            Level::Critical
        } else if bad > 0 && share(bad) >= limits.replicas_noise_percent {
            Level::Warning
        } else {
            Level::Ok
        };
        if self.unknown > 0 {
            by_capacity.max(Level::Unknown)
        } else {
            by_capacity
        }
    }
}

const PASS_UP: Option<Passage> = Some(Passage {
    at_end: true,
    cap: Level::Critical,
});
const WARN_UP: Option<Passage> = Some(Passage {
    at_end: true,
    cap: Level::Warning,
});

const RELATIONS: &[Relation] = &[
    Relation::Owns,
    Relation::RoutesTo,
    Relation::Origin,
    Relation::Forwards,
    Relation::Targets,
    Relation::Selects,
    Relation::Scales,
    Relation::ConsumedBy,
    Relation::DeadLetters,
    Relation::Watches,
];

/// What several of a kind are called.
const fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Zone => "zones",
        Kind::Record => "records",
        Kind::HealthCheck => "health checks",
        Kind::Distribution => "distributions",
        Kind::WebAcl => "web ACLs",
        Kind::Bucket => "buckets",
        Kind::LoadBalancer => "balancers",
        Kind::TargetGroup => "target groups",
        Kind::Cluster => "clusters",
        Kind::Nodegroup => "nodegroups",
        Kind::NodePool => "NodePools",
        Kind::Node => "nodes",
        Kind::Namespace => "namespaces",
        Kind::Deployment => "deployments",
        Kind::ReplicaSet => "replica sets",
        Kind::StatefulSet => "stateful sets",
        Kind::Pod => "pods",
        Kind::Hpa => "autoscalers",
        Kind::ScaledObject => "scaled objects",
        Kind::Application => "applications",
        Kind::Kustomization => "kustomizations",
        Kind::HelmRelease => "Helm releases",
        Kind::Service => "services",
        Kind::Ingress => "ingresses",
        Kind::DbGlobal => "global databases",
        Kind::DbCluster => "database clusters",
        Kind::DbInstance => "instances",
        Kind::CacheGroup => "cache groups",
        Kind::CacheNode => "cache nodes",
        Kind::Queue => "queues",
        Kind::Function => "functions",
        Kind::Mapping => "mappings",
        Kind::Alarm => "alarms",
    }
}
