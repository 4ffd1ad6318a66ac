//! Cause rules: what broke, as opposed to what suffers from it. One file per rule.

use crate::health::Cause;
use crate::node::Node;
use crate::rules::World;

/// Every cause, worst first.
pub(crate) fn find(_nodes: &[Node], _world: &World<'_>) -> Vec<Cause> {
    Vec::new()
}
