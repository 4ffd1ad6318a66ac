//! The Kubernetes half of the world: clusters, their workloads, nodes and controllers.

/// One cluster.
pub struct Cluster {}
