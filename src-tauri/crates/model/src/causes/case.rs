//! What the cause rules ask of a snapshot.

use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::{Level, Signal};
use crate::id::NodeId;
use crate::kind::Kind;
use crate::node::Node;
use crate::rules::{World, points};
use crate::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The judged nodes and what they were judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub(super) nodes: &'a [Arc<Node>],
    pub(super) world: &'a World<'a>,
}

impl<'a> Case<'a> {
    /// Positions of the nodes of a kind.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = usize> + use<'a> {
        let nodes = self.nodes;
        (0..nodes.len()).filter(move |at| nodes[*at].kind == kind)
    }

    /// Whether the node is worse than in transition.
    pub(super) fn abnormal(&self, at: usize) -> bool {
        self.nodes[at].health.level > Level::InTransition
    }

    /// The abnormal nodes among `some`, as ordered ids, without `targets`.
    pub(super) fn victims(
        &self,
        some: impl IntoIterator<Item = usize>,
        targets: &[NodeId],
    ) -> Vec<NodeId> {
        let all = some.into_iter().filter(|at| self.abnormal(*at));
        let ids: BTreeSet<NodeId> = all.map(|at| self.nodes[at].id.clone()).collect();
        ids.into_iter().filter(|id| !targets.contains(id)).collect()
    }

    /// Everything that rests on the nodes in `start` (these included), and the alarms that watch it.
    pub(super) fn resting_on(&self, start: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let graph = self.world.graph;
        let mut all: BTreeSet<usize> = start.into_iter().collect();
        let resting = |leg: crate::graph::Leg| leg.relation != Relation::ConnectsTo;
        all.extend(graph.reach_back_all(all.clone(), resting));
        for at in all.clone() {
            all.extend(graph.next(at, Relation::DeadLetters));
        }
        for at in all.clone() {
            all.extend(graph.previous(at, Relation::Watches));
        }
        all
    }

    /// Who works on the messages of a queue: functions and workloads, never their single pods.
    pub(super) fn consumers(&self, queue: usize) -> BTreeSet<usize> {
        let graph = self.world.graph;
        let forward = graph.reach(queue, |leg| {
            matches!(leg.relation, Relation::ConsumedBy | Relation::Scales)
        });
        let works = |at: &usize| {
            let kind = self.nodes[*at].kind;
            matches!(kind, Kind::Function | Kind::Deployment | Kind::StatefulSet)
        };
        let parts = forward.iter().copied();
        let parts = parts.filter(|at| matches!(self.nodes[*at].kind, Kind::Pod | Kind::ReplicaSet));
        let owners = graph.reach_back_all(parts, |leg| leg.relation == Relation::Owns);
        forward.into_iter().chain(owners).filter(works).collect()
    }

    /// A signal at a node.
    pub(super) fn signal(&self, at: usize, since: Option<Timestamp>, sentence: String) -> Signal {
        Signal {
            sentence,
            node: self.nodes[at].id.clone(),
            at: since,
        }
    }

    /// Alarms in ALARM that watch one of the nodes, as signals.
    pub(super) fn alarms(&self, watched: impl IntoIterator<Item = usize>) -> Vec<Signal> {
        let graph = self.world.graph;
        let watching = watched
            .into_iter()
            .flat_map(|at| graph.previous(at, Relation::Watches));
        let firing =
            watching.filter(|at| self.nodes[*at].facts.text(Fact::AlarmState) == Some("ALARM"));
        let firing: BTreeSet<usize> = firing.collect();
        let told = firing.into_iter().map(|at| {
            let node = &self.nodes[at];
            let since = node.facts.time(Fact::AlarmStateSince);
            self.signal(at, since, format!("Alarm {} fires.", node.name))
        });
        told.collect()
    }
}

/// When a figure of the node last rose to `limit` or beyond and stayed there until now.
pub(super) fn beyond_since(node: &Node, fact: Fact, limit: f64) -> Option<Timestamp> {
    let series = node.series.iter().find(|s| s.fact == fact)?;
    let mut since = None;
    for (at, value) in points(series) {
        match (value >= limit, since) {
            (true, None) => since = Some(at),
            (false, _) => since = None,
            (true, Some(_)) => {}
        }
    }
    since
}

/// The earliest time among the signals.
pub(super) fn earliest(signals: &[Signal]) -> Option<Timestamp> {
    signals.iter().filter_map(|s| s.at).min()
}
