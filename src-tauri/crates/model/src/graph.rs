//! The topology as an adjacency index: which node leads where, without searching the edge list.
//!
//! [`Graph`] knows nodes by their position in [`Snapshot::nodes`]; [`Atlas`] puts ids and nodes
//! back onto it for callers outside this crate (guards, plans, the command line).

use crate::edge::Relation;
use crate::id::NodeId;
use crate::node::Node;
use crate::snapshot::Snapshot;
use std::sync::Arc;

/// One end of an edge as seen from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leg {
    /// Position of the neighbour.
    pub to: usize,
    /// What the edge means.
    pub relation: Relation,
}

/// Edges by node, both ways, in two flat arrays.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    out_start: Vec<usize>,
    out: Vec<Leg>,
    in_start: Vec<usize>,
    into: Vec<Leg>,
}

impl Graph {
    /// Indexes `edges` (from, to, relation) among `nodes` nodes; positions beyond are ignored.
    #[must_use]
    pub fn new(nodes: usize, edges: &[(usize, usize, Relation)]) -> Self {
        let inside = |e: &&(usize, usize, Relation)| e.0 < nodes && e.1 < nodes;
        let (out_start, out) = rows(nodes, edges.iter().filter(inside).copied());
        let turned = edges.iter().filter(inside).map(|(a, b, r)| (*b, *a, *r));
        let (in_start, into) = rows(nodes, turned);
        Self {
            out_start,
            out,
            in_start,
            into,
        }
    }

    /// Edges that start at `node`.
    #[must_use]
    pub fn out(&self, node: usize) -> &[Leg] {
        row(&self.out_start, &self.out, node)
    }

    /// Edges that end at `node`, `to` being where they start.
    #[must_use]
    pub fn into(&self, node: usize) -> &[Leg] {
        row(&self.in_start, &self.into, node)
    }

    /// Where edges of one meaning lead from `node`.
    pub fn next(&self, node: usize, relation: Relation) -> impl Iterator<Item = usize> + '_ {
        let edges = self.out(node).iter();
        edges.filter(move |e| e.relation == relation).map(|e| e.to)
    }

    /// Where edges of one meaning come from that end at `node`.
    pub fn previous(&self, node: usize, relation: Relation) -> impl Iterator<Item = usize> + '_ {
        let edges = self.into(node).iter();
        edges.filter(move |e| e.relation == relation).map(|e| e.to)
    }

    /// Everything that can be reached from `start` (itself left out) over edges that `along`
    /// accepts, nearest first.
    #[must_use]
    pub fn reach(&self, start: usize, along: impl Fn(Leg) -> bool) -> Vec<usize> {
        self.spread([start], |node| self.out(node), along)
    }

    /// Everything that leads to `start` (itself left out) over edges that `along` accepts.
    #[must_use]
    pub fn reach_back(&self, start: usize, along: impl Fn(Leg) -> bool) -> Vec<usize> {
        self.spread([start], |node| self.into(node), along)
    }

    /// Everything that leads to any of `starts` (themselves left out).
    #[must_use]
    pub fn reach_back_all(
        &self,
        starts: impl IntoIterator<Item = usize>,
        along: impl Fn(Leg) -> bool,
    ) -> Vec<usize> {
        self.spread(starts, |node| self.into(node), along)
    }

    fn spread<'a>(
        &'a self,
        starts: impl IntoIterator<Item = usize>,
        edges: impl Fn(usize) -> &'a [Leg],
        along: impl Fn(Leg) -> bool,
    ) -> Vec<usize> {
        let mut seen = vec![false; self.out_start.len()];
        let mut todo: Vec<usize> = starts.into_iter().filter(|s| *s < seen.len()).collect();
        for start in &todo {
            seen[*start] = true;
        }
        let given = todo.len();
        let mut next = 0;
        while let Some(at) = todo.get(next).copied() {
            for edge in edges(at) {
                if !seen[edge.to] && along(*edge) {
                    seen[edge.to] = true;
                    todo.push(edge.to);
                }
            }
            next += 1;
        }
        todo.drain(..given);
        todo
    }
}

fn row<'a>(starts: &[usize], all: &'a [Leg], node: usize) -> &'a [Leg] {
    match (starts.get(node), starts.get(node + 1)) {
        (Some(from), Some(to)) => &all[*from..*to],
        _ => &[],
    }
}

/// A counting sort of the edges by their first end, keeping their order within it.
fn rows(
    nodes: usize,
    edges: impl Iterator<Item = (usize, usize, Relation)> + Clone,
) -> (Vec<usize>, Vec<Leg>) {
    let mut starts = vec![0; nodes + 1];
    for (from, _, _) in edges.clone() {
        starts[from + 1] += 1;
    }
    for node in 0..nodes {
        starts[node + 1] += starts[node];
    }
    let mut free = starts.clone();
    let hole = Leg {
        to: 0,
        relation: Relation::Owns,
    };
    let mut all = vec![hole; starts[nodes]];
    for (from, to, relation) in edges {
        all[free[from]] = Leg { to, relation };
        free[from] += 1;
    }
    (starts, all)
}

/// A snapshot with its adjacency: nodes by id and walks along edges.
#[derive(Clone, Debug)]
pub struct Atlas<'a> {
    snapshot: &'a Snapshot,
    graph: Graph,
}

impl<'a> Atlas<'a> {
    /// Indexes the edges of `snapshot`; edges to nodes it does not hold are ignored.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let edges: Vec<_> = snapshot
            .edges
            .iter()
            .filter_map(|e| {
                let from = position(snapshot, &e.from)?;
                Some((from, position(snapshot, &e.to)?, e.relation))
            })
            .collect();
        let graph = Graph::new(snapshot.nodes.len(), &edges);
        Self { snapshot, graph }
    }

    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: &NodeId) -> Option<&'a Arc<Node>> {
        self.snapshot.nodes.get(position(self.snapshot, id)?)
    }

    /// Nodes that edges of `relation` lead to from `id`, by id.
    #[must_use]
    pub fn next(&self, id: &NodeId, relation: Relation) -> Vec<&'a Arc<Node>> {
        let start = position(self.snapshot, id);
        start.map_or_else(Vec::new, |s| self.nodes(self.graph.next(s, relation)))
    }

    /// Nodes that edges of `relation` come from that end at `id`, by id.
    #[must_use]
    pub fn previous(&self, id: &NodeId, relation: Relation) -> Vec<&'a Arc<Node>> {
        let start = position(self.snapshot, id);
        start.map_or_else(Vec::new, |s| self.nodes(self.graph.previous(s, relation)))
    }

    /// Everything a request or message that passes `id` can get to, nearest first.
    #[must_use]
    pub fn downstream(&self, id: &NodeId) -> Vec<&'a Arc<Node>> {
        let start = position(self.snapshot, id);
        start.map_or_else(Vec::new, |s| {
            self.nodes(self.graph.reach(s, |_| true).into_iter())
        })
    }

    /// Everything that can lead to `id`, nearest first.
    #[must_use]
    pub fn upstream(&self, id: &NodeId) -> Vec<&'a Arc<Node>> {
        let start = position(self.snapshot, id);
        start.map_or_else(Vec::new, |s| {
            self.nodes(self.graph.reach_back(s, |_| true).into_iter())
        })
    }

    fn nodes(&self, positions: impl Iterator<Item = usize>) -> Vec<&'a Arc<Node>> {
        positions.map(|at| &self.snapshot.nodes[at]).collect()
    }
}

/// Where a node stands among the ordered nodes of a snapshot.
fn position(snapshot: &Snapshot, id: &NodeId) -> Option<usize> {
    snapshot.nodes.binary_search_by(|n| n.id.cmp(id)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_follow_edges_both_ways_and_stop_at_what_they_refuse() {
        let edges = [
            (0, 1, Relation::RoutesTo),
            (1, 2, Relation::Forwards),
            (2, 3, Relation::Targets),
            (3, 0, Relation::ConnectsTo),
            (9, 0, Relation::Owns),
        ];
        let graph = Graph::new(4, &edges);
        assert_eq!(graph.reach(0, |_| true), [1, 2, 3]);
        assert_eq!(graph.reach(0, |e| e.relation != Relation::Targets), [1, 2]);
        assert_eq!(graph.reach_back(3, |_| true), [2, 1, 0]);
        assert_eq!(graph.next(1, Relation::Forwards).collect::<Vec<_>>(), [2]);
        assert_eq!(graph.next(1, Relation::Owns).count(), 0);
        let back: Vec<_> = graph.previous(0, Relation::ConnectsTo).collect();
        assert_eq!(back, [3]);
        assert!(Graph::default().out(7).is_empty());
    }
}
