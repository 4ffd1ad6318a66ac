//! The one world: what exists, and how it moves one second at a time.

pub mod cluster;

use crate::clock::Millis;

/// Everything that exists. Stepped in fixed steps of one world second.
pub struct World {
    /// World time.
    pub now: Millis,
    /// The Kubernetes clusters, one per region and in the order of the regions; served by index.
    pub clusters: Vec<cluster::Cluster>,
}
