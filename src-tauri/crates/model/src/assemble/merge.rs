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
use crate::link::Strays;
use crate::node::{FactOrigin, Node, Standing};
use crate::observation::{Found, FoundNode, Name, Readings, Tie};
use crate::source::Scope;
use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Which findings tell of a node, as positions among what is held.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Descriptions of it: those under its own id by [`rank`], then those under other ids. A
    /// placeholder has none.
    claims: Vec<u32>,
    /// Figures about it, oldest first.
    figures: Vec<u32>,
    /// What is known of a placeholder.
    named: Option<Box<Named>>,
}

/// A thing that is only named.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The placeholder as its name tells it.
    pub(super) node: Node,
    /// The node that names it.
    pub(super) by: NodeId,
}

/// A node in the making, with what was found about it.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    /// The node; its health comes later.
    pub(crate) node: Node,
    /// The finding the node is made from; a placeholder has none.
    pub(crate) primary: Option<&'a FoundNode>,
    /// Other findings of the same thing.
    pub(crate) more: Vec<&'a FoundNode>,
    /// Where all of them are.
    pub(super) told: Told,
}

impl<'a> Draft<'a> {
    /// A placeholder for what nobody found; `by` names it.
    pub(crate) fn placeholder(node: Node, by: NodeId) -> Self {
        let named = Some(Box::new(Named {
            node: node.clone(),
            by,
        }));
        Self {
            node,
            primary: None,
            more: Vec::new(),
            told: Told {
                named,
                ..Told::default()
            },
        }
    }

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
}

/// One draft per thing, ordered by id, with the readings of other sources laid over it.
pub(super) fn merge<'a>(held: &[Held<'a>]) -> Vec<Draft<'a>> {
    let mut all = by_id(held);
    unite_names(&mut all, held);
    figures(&mut all, held);
    let draft = |mut told: Told| {
        let node = told.node(held)?;
        let mut found = told.found(held);
        Some(Draft {
            node,
            primary: found.next(),
            more: found.collect(),
            told,
        })
    };
    all.into_iter().filter_map(draft).collect()
}

impl Told {
    /// Every description of the thing.
    fn found<'a>(&self, held: &[Held<'a>]) -> impl Iterator<Item = &'a FoundNode> {
        let claims = self.claims.iter();
        claims.filter_map(|at| described(&held[*at as usize]))
    }

    /// The description that comes first.
    fn first<'a>(&self, held: &[Held<'a>]) -> Option<&'a FoundNode> {
        self.found(held).next()
    }

    /// Why a part of the thing could not be read.
    pub(super) fn failure<'a>(&self, held: &[Held<'a>]) -> Option<&'a SourceFailure> {
        self.found(held).find_map(|f| f.failure.as_ref())
    }

    /// Every finding that tells of it.
    pub(super) fn findings(&self) -> impl Iterator<Item = usize> + '_ {
        let all = self.claims.iter().chain(&self.figures);
        all.map(|at| *at as usize)
    }

    /// What is known of a placeholder; `None` for what was found.
    pub(super) fn named(&self) -> Option<&Named> {
        self.named.as_deref()
    }

    /// Puts the node together from what is held now, without health; `None` for a placeholder.
    pub(super) fn node(&mut self, held: &[Held<'_>]) -> Option<Node> {
        self.order(held);
        let (first, rest) = self.claims.split_first()?;
        let first = &held[*first as usize];
        let mut node = bare(first, described(first)?);
        for found in rest.iter().filter_map(|at| described(&held[*at as usize])) {
            fill(&mut node, found);
        }
        for at in &self.figures {
            if let Found::Readings(readings) = &**held[*at as usize].found {
                lay(&mut node, readings, held[*at as usize].source);
            }
        }
        Some(node)
    }

    /// Puts what tells of it in order: a newer reading may have changed it.
    fn order(&mut self, held: &[Held<'_>]) {
        let id = |at: &u32| described(&held[*at as usize]).map(|f| &f.id);
        for same in self.claims.chunk_by_mut(|a, b| id(a) == id(b)) {
            same.sort_by(|a, b| rank(a, held).cmp(&rank(b, held)));
        }
        let time = |at: &u32| {
            let held = &held[*at as usize];
            (read_at(held), held.source, *at)
        };
        self.figures.sort_by(|a, b| time(a).cmp(&time(b)));
    }
}

/// The description in a finding, if it is one.
fn described<'a>(held: &Held<'a>) -> Option<&'a FoundNode> {
    match &**held.found {
        Found::Node(found) => Some(found),
        Found::Readings(_) | Found::Change(_) => None,
    }
}

fn read_at(held: &Held<'_>) -> Option<Timestamp> {
    match &**held.found {
        Found::Readings(readings) => Some(readings.at),
        Found::Node(_) | Found::Change(_) => None,
    }
}

fn by_id(held: &[Held<'_>]) -> Vec<Told> {
    let mut claims: Vec<u32> = (0_u32..)
        .zip(held)
        .filter_map(|(at, held)| described(held).map(|_| at))
        .collect();
    claims.sort_by(|a, b| rank(a, held).cmp(&rank(b, held)));
    let id = |at: &u32| described(&held[*at as usize]).map(|f| &f.id);
    claims
        .chunk_by(|a, b| id(a) == id(b))
        .map(|same| Told {
            claims: same.to_vec(),
            ..Told::default()
        })
        .collect()
}

/// The order of claims: by id, read before named, newest first, then by source.
type Rank<'a> = (
    Option<(&'a NodeId, Standing)>,
    Reverse<Timestamp>,
    &'a SourceId,
    u32,
);

fn rank<'a>(at: &u32, held: &[Held<'a>]) -> Rank<'a> {
    let claim = &held[*at as usize];
    let found = described(claim).map(|f| (&f.id, f.standing));
    (found, Reverse(claim.observed_at), claim.source, *at)
}

/// The node as one finding describes it.
fn bare(held: &Held<'_>, found: &FoundNode) -> Node {
    Node {
        id: found.id.clone(),
        kind: found.kind,
        name: found.name.clone(),
        scope: found.scope.clone(),
        health: Health::default(),
        facts: found.facts.clone(),
        zones: found.zones.clone(),
        series: Vec::new(),
        standing: found.standing,
        observed_at: held.observed_at,
        source: held.source.clone(),
        fact_origins: std::collections::BTreeMap::new(),
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
fn unite_names(all: &mut Vec<Told>, held: &[Held<'_>]) {
    let first: Vec<&FoundNode> = all.iter().filter_map(|told| told.first(held)).collect();
    let named: Vec<usize> = (0..first.len())
        .filter(|at| first[*at].standing != Standing::Read)
        .collect();
    let mut bearers: HashMap<&Name, Vec<usize>> = HashMap::new();
    let names = |at: usize| all[at].found(held).flat_map(|f| f.known_as.iter());
    for name in named.iter().flat_map(|at| names(*at)) {
        bearers.entry(name).or_default();
    }
    if bearers.is_empty() {
        return;
    }
    for at in 0..all.len() {
        for name in names(at) {
            if let Some(bearers) = bearers.get_mut(name) {
                bearers.push(at);
            }
        }
    }
    let united: Vec<(usize, usize)> = named
        .into_iter()
        .filter_map(|at| {
            let twins = names(at).filter_map(|name| bearers.get(name)).flatten();
            Some((at, twin(&first, at, twins.copied())?))
        })
        .collect();
    // Backwards: a name of a name moves before the one in between does.
    for (at, into) in united.iter().rev() {
        let claims = std::mem::take(&mut all[*at].claims);
        all[*into].claims.extend(claims);
    }
    all.retain(|told| !told.claims.is_empty());
}

/// The node that `at` is another name of: one that was read, else an earlier one that was named.
fn twin(first: &[&FoundNode], at: usize, bearers: impl Iterator<Item = usize>) -> Option<usize> {
    let mut twins: Vec<usize> = bearers
        .filter(|other| *other != at && first[*other].kind == first[at].kind)
        .collect();
    twins.sort_unstable();
    let read = twins.iter().find(|o| first[**o].standing == Standing::Read);
    read.or_else(|| twins.first().filter(|first| **first < at))
        .copied()
}

/// Finds for each thing the figures that other sources read of it.
fn figures(all: &mut [Told], held: &[Held<'_>]) {
    let figures = (0_u32..)
        .zip(held)
        .filter_map(|(at, held)| match &**held.found {
            Found::Readings(readings) => Some((at, &readings.about)),
            Found::Node(_) | Found::Change(_) => None,
        });
    for (at, about) in figures {
        let place = all.binary_search_by(|t| t.first(held).map(|f| &f.id).cmp(&Some(about)));
        if let Ok(place) = place {
            all[place].figures.push(at);
        }
    }
}

/// Figures about what nobody found.
pub(super) fn strays<'a>(held: &[Held<'a>], drafts: &[Draft<'_>]) -> Strays<'a> {
    let about = held.iter().filter_map(|held| match &**held.found {
        Found::Readings(readings) => Some(((&readings.about, held.source), &readings.facts)),
        Found::Node(_) | Found::Change(_) => None,
    });
    let is_stray = |id: &NodeId| drafts.binary_search_by(|d| d.node.id.cmp(id)).is_err();
    about.filter(|((id, _), _)| is_stray(id)).collect()
}

/// Lays figures of another source over the node they are about.
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
