//! The only builder of a [`Snapshot`]: what the sources hold, merged, linked, judged, explained.
//!
//! ```text
//! Held… ─▶ merge (one draft per thing) ─▶ link (ties → edges, ghosts) ─▶ derive (facts of facts)
//!       ─▶ rules (own reasons) ─▶ rollup (reasons that travel) ─▶ causes ─▶ Snapshot
//! ```
//!
//! Everything is ordered and nothing depends on the order of the input, so equal readings give equal
//! snapshots. [`assemble_from`] shares the nodes that did not change with the snapshot before, so
//! that a diff compares pointers.

mod derive;
mod merge;
mod serving;
#[cfg(test)]
mod tests;

use crate::causes;
use crate::edge::{Edge, Provenance, Relation};
use crate::graph::Graph;
use crate::id::SourceId;
use crate::link::{self, Link};
use crate::node::Node;
use crate::observation::{Change, Found};
use crate::rollup;
use crate::rules::{self, Thresholds, World};
use crate::snapshot::{Identity, Snapshot, StackIdentity};
use crate::source::SourceStatus;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) use derive::{RECENT_SECONDS, completed, pods_of};
pub(crate) use merge::Draft;
pub(crate) use serving::healthy;

/// How many changes a snapshot keeps.
const CHANGES: usize = 200;

/// Everything that is known, and what it is judged by.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Number of the snapshot.
    pub seq: u64,
    /// Platform time it stands for.
    pub taken_at: Timestamp,
    /// The stack file's identity.
    pub stack: StackIdentity,
    /// Who we are.
    pub identity: Identity,
    /// Every source, answered or not.
    pub sources: Vec<SourceStatus>,
    /// What the sources found last.
    pub held: Vec<Held<'a>>,
    /// What only the stack file knows.
    pub declared: Declared,
    /// Limits of the health rules.
    pub thresholds: &'a Thresholds,
}

/// One thing found, by whom and when.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// The source that found it.
    pub source: &'a SourceId,
    /// Platform time it was last seen to be so.
    pub observed_at: Timestamp,
    /// What was found.
    pub found: &'a Found,
}

/// What the stack file declares because it cannot be discovered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Declared {
    /// Queues whose consumers it describes.
    pub queues: Vec<DeclaredQueue>,
    /// Edges it pins.
    pub edges: Vec<PinnedEdge>,
}

/// What the stack file says about a queue's consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeclaredQueue {
    /// The queue's name, in every account and region.
    pub name: String,
    /// Its consumer does the same when a message comes twice.
    pub idempotent: Option<bool>,
    /// Its consumer is outside what we can see.
    pub external: bool,
}

/// An edge the stack file pins. Both ends are node ids, or names where they are unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedEdge {
    /// Where it starts.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// What it means.
    pub relation: Relation,
}

/// Builds the snapshot.
#[must_use]
pub fn assemble(input: Input<'_>) -> Snapshot {
    assemble_from(None, input)
}

/// Builds the snapshot and shares the nodes that are as they were in `previous`.
#[must_use]
pub fn assemble_from(previous: Option<&Snapshot>, input: Input<'_>) -> Snapshot {
    let mut sources = input.sources;
    sources.sort_by(|a, b| a.source.id.cmp(&b.source.id));
    let mut drafts = merge::merge(&input.held);
    let links = link::link(&mut drafts, &sources, &input.declared);
    let graph = graph_of(drafts.len(), &links);
    derive::derive(&mut drafts, &graph, &input.declared, input.taken_at);
    let failures: Vec<_> = drafts.iter().map(Draft::failure).collect();
    let mut nodes: Vec<Node> = drafts.into_iter().map(|d| d.node).collect();
    serving::serve(&mut nodes, &graph);
    let changes = changes(&input.held);
    let world = World {
        graph: &graph,
        sources: &sources,
        changes: &changes,
        thresholds: input.thresholds,
        now: input.taken_at,
        failures: &failures,
    };
    let own = rules::judge(&nodes, &world);
    rollup::roll_up(&mut nodes, own, &world);
    let causes = causes::find(&nodes, &world);
    Snapshot {
        seq: input.seq,
        taken_at: input.taken_at,
        stack: input.stack,
        identity: input.identity,
        edges: edges(&nodes, links),
        nodes: shared(previous, nodes),
        sources,
        causes,
        changes,
    }
}

fn graph_of(nodes: usize, links: &[Link]) -> Graph {
    let edges: Vec<_> = links.iter().map(|l| (l.from, l.to, l.relation)).collect();
    Graph::new(nodes, &edges)
}

/// Links are ordered by position and positions by id, so the edges come out ordered.
fn edges(nodes: &[Node], links: Vec<Link>) -> Vec<Edge> {
    links
        .into_iter()
        .map(|link| Edge {
            from: nodes[link.from].id.clone(),
            to: nodes[link.to].id.clone(),
            relation: link.relation,
            provenance: Provenance(link.provenance),
        })
        .collect()
}

/// Takes over the previous snapshot's node wherever it says the same. Both are ordered by id.
fn shared(previous: Option<&Snapshot>, nodes: Vec<Node>) -> Vec<Arc<Node>> {
    let mut old = previous.map_or(&[][..], |p| &p.nodes).iter().peekable();
    nodes
        .into_iter()
        .map(|node| {
            while old.next_if(|o| o.id < node.id).is_some() {}
            match old.next_if(|o| ***o == node) {
                Some(same) => Arc::clone(same),
                None => Arc::new(node),
            }
        })
        .collect()
}

/// The recent changes, newest first; the same change told by two sources is told once.
fn changes(held: &[Held<'_>]) -> Vec<Change> {
    let all = held.iter().filter_map(|h| match h.found {
        Found::Change(change) => Some(change),
        Found::Node(_) | Found::Readings(_) => None,
    });
    let ordered: BTreeSet<_> = all
        .map(|c| (std::cmp::Reverse(c.at), &c.node, c.kind, &c.sentence))
        .collect();
    ordered
        .into_iter()
        .take(CHANGES)
        .map(|(at, node, kind, sentence)| Change {
            at: at.0,
            kind,
            node: node.clone(),
            sentence: sentence.clone(),
        })
        .collect()
}
