//! Roll-up: reasons travel from where the trouble is to what rests on it, and name the leaf.

use crate::health::{Health, Level, Reason};
use crate::node::Node;
use crate::rules::World;

/// Gives every node its health: its own reasons, worst first.
pub(crate) fn roll_up(nodes: &mut [Node], own: Vec<Vec<Reason>>, _world: &World<'_>) {
    for (node, reasons) in nodes.iter_mut().zip(own) {
        let level = reasons.iter().map(|r| r.level).max().unwrap_or(Level::Ok);
        node.health = Health { level, reasons };
    }
}
