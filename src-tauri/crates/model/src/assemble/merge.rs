//! One draft per thing: what several sources say about the same node comes together here.
//!
//! A node that was read beats one that was merely named; of equals the newest reading is the
//! node's own and the others fill what it leaves open. A node named under another id than the one
//! it was read under (a bucket by its host, a queue by its ARN) is recognised by its names, so that
//! nothing appears twice.

use super::Held;
use crate::failure::SourceFailure;
use crate::health::Health;
use crate::id::{NodeId, SourceId};
use crate::node::{FactOrigin, Node, Standing};
use crate::observation::{Found, FoundNode, Name, Readings, Tie};
use crate::source::Scope;
use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::HashMap;

/// A node in the making, with what was found about it.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    /// The node; its health comes later.
    pub(crate) node: Node,
    /// The finding the node is made from; a placeholder has none.
    pub(crate) primary: Option<&'a FoundNode>,
    /// Other findings of the same thing.
    pub(crate) more: Vec<&'a FoundNode>,
}

impl<'a> Draft<'a> {
    /// Everything found about it.
    pub(crate) fn found(&self) -> impl Iterator<Item = &'a FoundNode> + '_ {
        self.primary.into_iter().chain(self.more.iter().copied())
    }

    /// What others may call it.
    pub(crate) fn known_as(&self) -> impl Iterator<Item = &'a Name> + '_ {
        self.found().flat_map(|f| f.known_as.iter())
    }

    /// What it says about its neighbours.
    pub(crate) fn ties(&self) -> impl Iterator<Item = &'a Tie> + '_ {
        self.found().flat_map(|f| f.ties.iter())
    }

    /// Why a part of it could not be read.
    pub(crate) fn failure(&self) -> Option<&'a SourceFailure> {
        self.found().find_map(|f| f.failure.as_ref())
    }

    fn absorb(&mut self, other: &'a FoundNode) {
        fill(&mut self.node, other);
        self.more.push(other);
    }
}

struct Claim<'a> {
    found: &'a FoundNode,
    source: &'a SourceId,
    observed_at: Timestamp,
}

/// One draft per thing, ordered by id, with the readings of other sources laid over it.
pub(super) fn merge<'a>(held: &[Held<'a>]) -> Vec<Draft<'a>> {
    let mut drafts = by_id(held);
    unite_names(&mut drafts);
    overlay(&mut drafts, held);
    drafts
}

fn by_id<'a>(held: &[Held<'a>]) -> Vec<Draft<'a>> {
    let mut claims: Vec<Claim<'a>> = held
        .iter()
        .filter_map(|h| match h.found {
            Found::Node(found) => Some(Claim {
                found,
                source: h.source,
                observed_at: h.observed_at,
            }),
            Found::Readings(_) | Found::Change(_) => None,
        })
        .collect();
    claims.sort_by(|a, b| rank(a).cmp(&rank(b)));
    let mut drafts: Vec<Draft<'a>> = Vec::with_capacity(claims.len());
    for claim in claims {
        match drafts.last_mut() {
            Some(draft) if draft.node.id == claim.found.id => draft.absorb(claim.found),
            _ => drafts.push(draft(&claim)),
        }
    }
    drafts
}

/// The order of claims: by id, read before named, newest first, then by source.
fn rank<'a>(claim: &Claim<'a>) -> (&'a NodeId, Standing, Reverse<Timestamp>, &'a SourceId) {
    let found = claim.found;
    let newest = Reverse(claim.observed_at);
    (&found.id, found.standing, newest, claim.source)
}

fn draft<'a>(claim: &Claim<'a>) -> Draft<'a> {
    let found = claim.found;
    Draft {
        node: Node {
            id: found.id.clone(),
            kind: found.kind,
            name: found.name.clone(),
            scope: found.scope.clone(),
            health: Health::default(),
            facts: found.facts.clone(),
            zones: found.zones.clone(),
            series: Vec::new(),
            standing: found.standing,
            observed_at: claim.observed_at,
            source: claim.source.clone(),
            fact_origins: std::collections::BTreeMap::new(),
        },
        primary: Some(found),
        more: Vec::new(),
    }
}

/// Takes from `other` what the node leaves open.
fn fill(node: &mut Node, other: &FoundNode) {
    for (fact, value) in other.facts.iter() {
        if node.facts.get(fact).is_none() {
            node.facts.set(fact, value.clone());
        }
    }
    for (zone, facts) in &other.zones {
        let mine = node.zones.entry(zone.clone()).or_default();
        for (fact, value) in facts.iter() {
            if mine.get(fact).is_none() {
                mine.set(fact, value.clone());
            }
        }
    }
    let Scope {
        account,
        region,
        az,
        cluster,
        namespace,
    } = &mut node.scope;
    fill_one(account, &other.scope.account);
    fill_one(region, &other.scope.region);
    fill_one(az, &other.scope.az);
    fill_one(cluster, &other.scope.cluster);
    fill_one(namespace, &other.scope.namespace);
}

fn fill_one<T: Clone>(mine: &mut Option<T>, other: &Option<T>) {
    if mine.is_none() {
        mine.clone_from(other);
    }
}

/// Nodes that are merely named become one with the node of the same kind that bears the name.
fn unite_names(drafts: &mut Vec<Draft<'_>>) {
    let named: Vec<usize> = (0..drafts.len())
        .filter(|at| drafts[*at].node.standing != Standing::Read)
        .collect();
    let united: Vec<(usize, usize)> = {
        let mut bearers: HashMap<&Name, Vec<usize>> = HashMap::new();
        for at in &named {
            for name in drafts[*at].known_as() {
                bearers.entry(name).or_default();
            }
        }
        if bearers.is_empty() {
            return;
        }
        for (at, draft) in drafts.iter().enumerate() {
            for name in draft.known_as() {
                if let Some(all) = bearers.get_mut(name) {
                    all.push(at);
                }
            }
        }
        named
            .into_iter()
            .filter_map(|at| Some((at, twin(drafts, at, &bearers)?)))
            .collect()
    };
    // Backwards: a name of a name moves before the one in between does.
    for (at, into) in united.iter().rev() {
        let mut found: Vec<_> = drafts[*at].primary.take().into_iter().collect();
        found.append(&mut drafts[*at].more);
        for other in found {
            drafts[*into].absorb(other);
        }
    }
    drafts.retain(|d| d.primary.is_some());
}

/// The node that `at` is another name of: one that was read, else an earlier one that was named.
fn twin(drafts: &[Draft<'_>], at: usize, bearers: &HashMap<&Name, Vec<usize>>) -> Option<usize> {
    let mut twins: Vec<usize> = drafts[at]
        .known_as()
        .filter_map(|name| bearers.get(name))
        .flatten()
        .copied()
        .filter(|other| *other != at && drafts[*other].node.kind == drafts[at].node.kind)
        .collect();
    twins.sort_unstable();
    let read = twins
        .iter()
        .find(|o| drafts[**o].node.standing == Standing::Read);
    read.or_else(|| twins.first().filter(|first| **first < at))
        .copied()
}

/// Lays figures of other sources over the nodes they are about, oldest first.
fn overlay(drafts: &mut [Draft<'_>], held: &[Held<'_>]) {
    let mut readings: Vec<(&Readings, &SourceId)> = held
        .iter()
        .filter_map(|h| match h.found {
            Found::Readings(readings) => Some((readings, h.source)),
            Found::Node(_) | Found::Change(_) => None,
        })
        .collect();
    readings.sort_by(|(a, s), (b, t)| (&a.about, a.at, s).cmp(&(&b.about, b.at, t)));
    for (reading, source) in readings {
        if let Ok(at) = drafts.binary_search_by(|d| d.node.id.cmp(&reading.about)) {
            lay(&mut drafts[at].node, reading, source);
        }
    }
}

fn lay(node: &mut Node, reading: &Readings, source: &SourceId) {
    for (fact, value) in reading.facts.iter() {
        node.facts.set(fact, value.clone());
        let origin = FactOrigin {
            source: source.clone(),
            observed_at: reading.at,
        };
        node.fact_origins.insert(fact, origin);
    }
    for (zone, facts) in &reading.zones {
        node.zones.entry(zone.clone()).or_default().absorb(facts);
        for (fact, _) in facts.iter() {
            node.fact_origins.entry(fact).or_insert_with(|| FactOrigin {
                source: source.clone(),
                observed_at: reading.at,
            });
        }
    }
    for series in &reading.series {
        node.series.retain(|s| s.fact != series.fact);
        node.series.push(series.clone());
    }
    node.series.sort_by_key(|s| s.fact);
}
