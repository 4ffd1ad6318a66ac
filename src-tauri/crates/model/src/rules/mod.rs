//! Health rules: what is wrong with one node, in a sentence with its evidence.
//!
//! One file per system, each with its rules; [`RULES`] lists them. A rule looks at one node and its
//! neighbours in one cold snapshot and gives at most one reason. What travels to other nodes is the
//! business of [`rollup`](crate::rollup).

mod alarm;
mod aurora;
mod balancer;
mod cloudfront;
mod cluster;
mod function;
mod gitops;
mod pod;
mod queue;
mod route53;
mod sources;
mod targetgroup;
#[cfg(test)]
mod tests;
mod thresholds;
mod unsaid;
mod workload;
mod zonal_shift;

use crate::edge::Relation;
use crate::facts::Fact;
use crate::failure::SourceFailure;
use crate::graph::Graph;
use crate::health::{Evidence, Level, Reason};
use crate::id::SourceId;
use crate::kind::Kind;
use crate::node::Node;
use crate::observation::Change;
use crate::source::SourceStatus;
use crate::time::Timestamp;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use aurora::serves;
pub(crate) use balancer::failing_percent;
pub(crate) use pod::starting;
pub(crate) use queue::{filled_since, growth, is_dlq, points};
pub(crate) use sources::believed;
pub use thresholds::{ThresholdError, Thresholds};
pub use zonal_shift::{shift_end, shifted_away};

/// One health rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its stable name, `system.what`.
    pub id: &'static str,
    /// What it applies to; empty: everything.
    pub kinds: &'static [Kind],
    /// Looks at one node.
    check: Check,
}

/// Looks at one node and says what is wrong with it, if anything.
type Check = fn(&Subject<'_>) -> Option<Verdict>;

impl Rule {
    const fn new(id: &'static str, kinds: &'static [Kind], check: Check) -> Self {
        Self { id, kinds, check }
    }
}

/// Every health rule, by system.
pub const RULES: &[&[Rule]] = &[
    sources::RULES,
    unsaid::RULES,
    route53::RULES,
    cloudfront::RULES,
    balancer::RULES,
    targetgroup::RULES,
    cluster::RULES,
    pod::RULES,
    workload::RULES,
    gitops::RULES,
    aurora::RULES,
    queue::RULES,
    function::RULES,
    alarm::RULES,
    zonal_shift::RULES,
];

/// What a rule says when it applies.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    level: Level,
    sentence: String,
    evidence: Vec<Evidence>,
}

/// A reason of `level` with its evidence.
fn say(level: Level, sentence: impl Into<String>, evidence: Vec<Evidence>) -> Option<Verdict> {
    Some(Verdict {
        level,
        sentence: sentence.into(),
        evidence,
    })
}

/// `Critical` from `critical` on, `Warning` from `warning` on.
fn graded(value: f64, warning: f64, critical: f64) -> Option<Level> {
    if value >= critical {
        Some(Level::Critical)
    } else {
        (value >= warning).then_some(Level::Warning)
    }
}

/// What the rules look at besides the node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World<'a> {
    /// Who is connected to whom.
    pub(crate) graph: &'a Graph,
    /// Every source, ordered by id.
    pub(crate) sources: &'a [SourceStatus],
    /// Recent changes, newest first.
    pub(crate) changes: &'a [Change],
    /// The limits.
    pub(crate) thresholds: &'a Thresholds,
    /// Platform time of the snapshot.
    pub(crate) now: Timestamp,
    /// Why parts of nodes could not be read, by position.
    pub(crate) failures: &'a BTreeMap<usize, &'a SourceFailure>,
}

/// One node under judgement. What lies beyond the node is reached through methods only, which note
/// that somebody looked there: such a judgement may change while the node does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) node: &'a Node,
    at: usize,
    nodes: &'a [Arc<Node>],
    world: &'a World<'a>,
    beyond: &'a Cell<bool>,
}

impl<'a> Subject<'a> {
    /// Platform time of the snapshot.
    pub(crate) fn now(&self) -> Timestamp {
        self.beyond.set(true);
        self.world.now
    }

    /// Every node, who is connected to whom, and the position of this one.
    pub(crate) fn around(&self) -> (&'a [Arc<Node>], &'a Graph, usize) {
        self.beyond.set(true);
        (self.nodes, self.world.graph, self.at)
    }

    /// Every source, ordered by id. All is judged again when what is said of one that is not
    /// believed changes; of those that are believed no more may be used than that.
    pub(crate) fn sources(&self) -> &'a [SourceStatus] {
        self.world.sources
    }

    /// The source with this id.
    pub(crate) fn source(&self, id: &SourceId) -> Option<&'a SourceStatus> {
        let sources = self.world.sources;
        let at = sources.binary_search_by(|s| s.source.id.cmp(id));
        at.ok().map(|at| &sources[at])
    }

    /// Why a part of the node could not be read.
    pub(crate) fn failure(&self) -> Option<&'a SourceFailure> {
        self.world.failures.get(&self.at).copied()
    }

    /// The limits.
    pub(crate) fn limits(&self) -> &'a Thresholds {
        self.world.thresholds
    }

    /// The node's name.
    pub(crate) fn name(&self) -> &'a str {
        &self.node.name
    }

    pub(crate) fn number(&self, fact: Fact) -> Option<f64> {
        self.node.facts.number(fact)
    }

    pub(crate) fn count(&self, fact: Fact) -> Option<i64> {
        self.node.facts.count(fact)
    }

    pub(crate) fn text(&self, fact: Fact) -> Option<&'a str> {
        self.node.facts.text(fact)
    }

    pub(crate) fn flag(&self, fact: Fact) -> Option<bool> {
        self.node.facts.flag(fact)
    }

    /// Seconds since the time in a fact.
    pub(crate) fn since(&self, fact: Fact) -> Option<f64> {
        let at = self.node.facts.time(fact)?;
        Some(self.now().seconds_since(at))
    }

    /// Neighbours that edges of `relation` lead to.
    pub(crate) fn next(&self, relation: Relation) -> impl Iterator<Item = &'a Node> + use<'a> {
        let (nodes, graph, at) = self.around();
        graph.next(at, relation).map(move |at| &*nodes[at])
    }

    /// Neighbours that edges of `relation` come from.
    pub(crate) fn previous(&self, relation: Relation) -> impl Iterator<Item = &'a Node> + use<'a> {
        let (nodes, graph, at) = self.around();
        graph.previous(at, relation).map(move |at| &*nodes[at])
    }

    /// Evidence from this node: `fact` says who read it and when.
    pub(crate) fn evidence(&self, fact: Fact, text: impl Into<String>) -> Vec<Evidence> {
        vec![evidence(self.node, fact, text)]
    }
}

/// Evidence from a node: `fact` says who read it and when.
pub(crate) fn evidence(node: &Node, fact: Fact, text: impl Into<String>) -> Evidence {
    let origin = node.fact_origins.get(&fact);
    Evidence {
        text: text.into(),
        source: origin.map_or(&node.source, |o| &o.source).clone(),
        observed_at: origin.map_or(node.observed_at, |o| o.observed_at),
    }
}

/// What the rules say of a node.
#[derive(Debug)]
pub(crate) struct Judged {
    /// Its own reasons, worst first.
    pub(crate) reasons: Vec<Reason>,
    /// A rule looked at the time or at other nodes.
    pub(crate) beyond: bool,
}

/// Judges the nodes at some positions.
pub(crate) fn judge<'a>(
    nodes: &'a [Arc<Node>],
    some: &'a [usize],
    world: &'a World<'a>,
) -> impl Iterator<Item = (usize, Judged)> + 'a {
    let by_kind: Vec<Vec<&Rule>> = Kind::ALL
        .iter()
        .map(|kind| {
            all()
                .filter(|r| r.kinds.is_empty() || r.kinds.contains(kind))
                .collect()
        })
        .collect();
    some.iter().map(move |at| {
        let node = &nodes[*at];
        let beyond = Cell::new(false);
        let subject = Subject {
            node,
            at: *at,
            nodes,
            world,
            beyond: &beyond,
        };
        let rules = by_kind[node.kind as usize].iter();
        let mut reasons: Vec<Reason> = rules.filter_map(|r| reason(r, &subject)).collect();
        reasons.sort_by_key(|r| std::cmp::Reverse(r.level));
        let beyond = beyond.get();
        (*at, Judged { reasons, beyond })
    })
}

fn all() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().flat_map(|rules| rules.iter())
}

fn reason(rule: &Rule, subject: &Subject<'_>) -> Option<Reason> {
    let verdict = (rule.check)(subject)?;
    Some(Reason {
        rule: rule.id.into(),
        level: verdict.level,
        sentence: verdict.sentence,
        evidence: verdict.evidence,
        leaf: None,
    })
}
