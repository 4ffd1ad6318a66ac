//! What of a picture stays while only figures and states change: which findings tell of which node,
//! how nodes are linked, where they are.

use super::census::Census;
use super::merge::{self, Told};
use super::{Declared, Held};
use crate::edge::{Edge, Provenance, Relation};
use crate::facts::Fact;
use crate::failure::SourceFailure;
use crate::graph::Graph;
use crate::kind::Kind;
use crate::link::{self, Link};
use crate::node::Node;
use crate::observation::{Found, FoundNode};
use crate::source::SourceStatus;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Facts that decide which of several bearers of a name is meant.
const TELLING: [Fact; 3] = [Fact::Phase, Fact::PrivateZone, Fact::RecordType];

/// The structure of one picture; nodes are known by position.
#[derive(Debug)]
pub(super) struct Structure {
    told: Vec<Told>,
    /// The node that a finding tells of, by the finding's position; none for figures about nothing.
    place: Vec<Option<u32>>,
    pub(super) graph: Graph,
    pub(super) edges: Arc<[Edge]>,
    pub(super) census: Census,
    /// Every record.
    pub(super) records: Vec<usize>,
    /// Few nodes that are derived from many: they are always put together anew.
    pub(super) restless: Vec<usize>,
}

impl Structure {
    /// Merges and links; the nodes are those that were found or named, nothing derived yet.
    pub(super) fn new(
        held: &[Held<'_>],
        sources: &[SourceStatus],
        declared: &Declared,
    ) -> (Self, Vec<Arc<Node>>) {
        let mut drafts = merge::merge(held);
        let strays = merge::strays(held, &drafts);
        let links = link::link(&mut drafts, &strays, sources, declared);
        let (nodes, told): (Vec<_>, Vec<_>) = drafts
            .into_iter()
            .map(|draft| (Arc::new(draft.node), draft.told))
            .unzip();
        let mut place = vec![None; held.len()];
        for (at, told) in (0_u32..).zip(&told) {
            told.findings()
                .for_each(|finding| place[finding] = Some(at));
        }
        let of = |kind| -> Vec<usize> {
            let all = 0..nodes.len();
            all.filter(|at| nodes[*at].kind == kind).collect()
        };
        let ghosts = (0..told.len()).filter(|at| told[*at].named().is_some());
        let records = of(Kind::Record);
        let restless = of(Kind::Cluster).into_iter().chain(records.clone());
        let structure = Self {
            restless: restless.chain(ghosts).collect(),
            place,
            graph: graph_of(nodes.len(), &links),
            edges: edges(&nodes, links),
            census: Census::new(&nodes),
            records,
            told,
        };
        (structure, nodes)
    }

    /// The node that a finding tells of.
    pub(super) fn place(&self, finding: usize) -> Option<usize> {
        self.place[finding].map(|at| at as usize)
    }

    /// Whether the node is only named.
    pub(super) fn is_named(&self, at: usize) -> bool {
        self.told[at].named().is_some()
    }

    /// The node at a position as it is told now, nothing derived; what names it is in `nodes`.
    pub(super) fn node(
        &mut self,
        at: usize,
        nodes: &[Arc<Node>],
        held: &[Held<'_>],
        sources: &[SourceStatus],
    ) -> Node {
        let told = &mut self.told[at];
        if let Some(node) = told.node(held) {
            return node;
        }
        let Some(named) = told.named() else {
            return Node::clone(&nodes[at]);
        };
        let mut node = named.node.clone();
        match nodes.binary_search_by(|n| n.id.cmp(&named.by)) {
            Ok(by) => node.observed_at = nodes[by].observed_at,
            // The stack file expects it: its absence is as old as the reading without it.
            Err(_) => {
                let source = sources.iter().find(|s| s.source.id == node.source);
                node.observed_at = source.and_then(|s| s.last_ok).unwrap_or_default();
            }
        }
        node
    }

    /// What owns any of these.
    pub(super) fn owners(&self, some: &[usize]) -> Vec<usize> {
        let some = some.iter().copied();
        self.graph
            .reach_back_all(some, |leg| leg.relation == Relation::Owns)
    }

    /// Why parts of some nodes could not be read.
    pub(super) fn failures<'a>(
        &self,
        some: &[usize],
        held: &[Held<'a>],
    ) -> BTreeMap<usize, &'a SourceFailure> {
        let failure = |at: &usize| Some((*at, self.told[*at].failure(held)?));
        some.iter().filter_map(failure).collect()
    }
}

fn graph_of(nodes: usize, links: &[Link]) -> Graph {
    let edges: Vec<_> = links.iter().map(|l| (l.from, l.to, l.relation)).collect();
    Graph::new(nodes, &edges)
}

/// Links are ordered by position and positions by id, so the edges come out ordered.
fn edges(nodes: &[Arc<Node>], links: Vec<Link>) -> Arc<[Edge]> {
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

/// Whether a finding that took the place of another leaves the structure as it is.
pub(super) fn same_shape(was: &Found, is: &Found) -> bool {
    match (was, is) {
        (Found::Node(was), Found::Node(is)) => same_links(was, is),
        (Found::Readings(was), Found::Readings(is)) => was.about == is.about,
        (Found::Node(_) | Found::Readings(_) | Found::Change(_), _) => false,
    }
}

fn same_links(was: &FoundNode, is: &FoundNode) -> bool {
    was.id == is.id
        && was.kind == is.kind
        && was.standing == is.standing
        && was.known_as == is.known_as
        && was.ties == is.ties
        && was.labels == is.labels
}

/// Whether a node that was put together anew is linked as it was.
pub(super) fn same_place(was: &Node, is: &Node) -> bool {
    was.kind == is.kind
        && was.name == is.name
        && was.scope == is.scope
        && was.standing == is.standing
        && was.source == is.source
        && TELLING.map(|fact| was.facts.get(fact)) == TELLING.map(|fact| is.facts.get(fact))
}
