//! Cause rules: what broke, as opposed to what suffers from it.
//!
//! One file per rule; [`CAUSES`] lists them, the more specific ones first: a later rule leaves alone
//! what an earlier one has explained. Every rule is decidable from one cold snapshot: history comes
//! from metric series, rollout and transition times, and recent events.

mod az_fault;
mod capacity_short;
mod case;
mod consumer_revision;
mod dead_letter_backlog;
mod source_blind;
#[cfg(test)]
mod tests;

use crate::health::Cause;
use crate::id::NodeId;
use crate::node::Node;
use crate::rules::World;
use case::Case;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Finds every instance of a cause; is told what earlier rules found.
type Find = fn(&Case<'_>, &[Cause]) -> Vec<Cause>;

/// Every cause rule.
const CAUSES: &[Find] = &[
    az_fault::find,
    capacity_short::find,
    consumer_revision::find,
    source_blind::find,
    dead_letter_backlog::find,
];

/// Every cause, worst first.
pub(crate) fn find(nodes: &[Arc<Node>], world: &World<'_>) -> Vec<Cause> {
    let case = Case { nodes, world };
    let mut causes: Vec<Cause> = Vec::new();
    for rule in CAUSES {
        let found = rule(&case, &causes);
        causes.extend(found);
    }
    // Stable: among equals the more specific rule stays first.
    causes.sort_by_key(|c| std::cmp::Reverse(c.level));
    causes
}

/// Everything that the causes explain.
fn explained(causes: &[Cause]) -> BTreeSet<&NodeId> {
    causes
        .iter()
        .flat_map(|c| c.targets.iter().chain(&c.consequences))
        .collect()
}
