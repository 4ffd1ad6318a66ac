//! The blast domain of an action: what only one dangerous action at a time may touch.
//!
//! guards.md, "The engine": one dangerous action per blast domain at a time. The domain is the whole
//! a node belongs to, so that the failover of a database and the removal of one of its readers, or
//! the bounds of an autoscaler and a restart of what it scales, exclude each other.

use crate::workload::near;
use model::{Kind, Node, NodeId, Relation, Snapshot};
use std::collections::BTreeSet;

/// No ownership goes deeper (pod, replica set, deployment; instance, cluster, global database).
const DEEPEST: usize = 6;

/// The id of the whole that `node` belongs to; its own where it belongs to nothing.
#[must_use]
pub fn domain(snapshot: &Snapshot, node: &Node) -> NodeId {
    let mut at = node.id.clone();
    for _ in 0..DEEPEST {
        let Some(node) = snapshot.node(&at) else {
            break;
        };
        let Some(whole) = whole(snapshot, node) else {
            break;
        };
        at = whole;
    }
    at
}

/// One step up.
fn whole(snapshot: &Snapshot, node: &Node) -> Option<NodeId> {
    match node.kind {
        Kind::DbInstance | Kind::DbCluster | Kind::CacheNode | Kind::Pod | Kind::ReplicaSet => {
            owner(snapshot, node)
        }
        Kind::Hpa | Kind::ScaledObject => scaled(snapshot, node),
        Kind::Application | Kind::Kustomization | Kind::HelmRelease => deployed(snapshot, node),
        Kind::Zone
        | Kind::Record
        | Kind::HealthCheck
        | Kind::Distribution
        | Kind::WebAcl
        | Kind::Bucket
        | Kind::LoadBalancer
        | Kind::TargetGroup
        | Kind::Cluster
        | Kind::Nodegroup
        | Kind::NodePool
        | Kind::Node
        | Kind::Namespace
        | Kind::Deployment
        | Kind::StatefulSet
        | Kind::Service
        | Kind::Ingress
        | Kind::DbGlobal
        | Kind::CacheGroup
        | Kind::Queue
        | Kind::Function
        | Kind::Mapping
        | Kind::Alarm => None,
    }
}

fn owner(snapshot: &Snapshot, node: &Node) -> Option<NodeId> {
    let owners = near::previous(snapshot, &node.id, Relation::Owns);
    owners.first().map(|owner| owner.id.clone())
}

fn scaled(snapshot: &Snapshot, node: &Node) -> Option<NodeId> {
    let scaled = near::next(snapshot, &node.id, Relation::Scales);
    scaled.first().map(|scaled| scaled.id.clone())
}

/// The one whole that all it deploys belongs to; where there are several, it is a whole of its own.
fn deployed(snapshot: &Snapshot, node: &Node) -> Option<NodeId> {
    let kept = near::next(snapshot, &node.id, Relation::Deploys);
    let wholes: BTreeSet<NodeId> = kept.iter().map(|kept| domain(snapshot, kept)).collect();
    let mut wholes = wholes.into_iter();
    wholes.next().filter(|_| wholes.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::nothing;
    use model::{Edge, Facts, Health, Provenance, Scope, SourceId, Standing, Timestamp};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn id(kind: Kind, name: &str) -> NodeId {
        NodeId::aws(kind, "123456789012", Some("eu-west-1"), name)
    }

    fn picture(nodes: &[(Kind, &str)], edges: &[(usize, Relation, usize)]) -> Snapshot {
        let mut snapshot = nothing();
        for (kind, name) in nodes {
            snapshot.nodes.push(Arc::new(Node {
                id: id(*kind, name),
                kind: *kind,
                name: (*name).to_owned(),
                scope: Scope::default(),
                health: Health::default(),
                facts: Facts::default(),
                zones: BTreeMap::new(),
                series: Vec::new(),
                standing: Standing::Read,
                observed_at: Timestamp::default(),
                source: SourceId::new("test"),
                fact_origins: BTreeMap::new(),
            }));
        }
        let edge = |(from, relation, to): &(usize, Relation, usize)| Edge {
            from: id(nodes[*from].0, nodes[*from].1),
            to: id(nodes[*to].0, nodes[*to].1),
            relation: *relation,
            provenance: Provenance("test".into()),
        };
        let mut edges: Vec<Edge> = edges.iter().map(edge).collect();
        edges.sort();
        snapshot.edges = edges.into();
        snapshot.nodes.sort_by(|a, b| a.id.cmp(&b.id));
        snapshot
    }

    fn of(snapshot: &Snapshot, kind: Kind, name: &str) -> NodeId {
        let node = snapshot.node(&id(kind, name)).expect("it is there");
        domain(snapshot, node)
    }

    #[test]
    fn parts_of_one_whole_share_a_domain_and_others_do_not() {
        let nodes = [
            (Kind::DbGlobal, "world"),
            (Kind::DbCluster, "orders"),
            (Kind::DbInstance, "orders-1"),
            (Kind::Deployment, "order-writer"),
            (Kind::Hpa, "keda-order-writer"),
            (Kind::ScaledObject, "order-writer"),
            (Kind::Queue, "orders"),
            (Kind::Kustomization, "apps"),
        ];
        let edges = [
            (0, Relation::Owns, 1),
            (1, Relation::Owns, 2),
            (4, Relation::Scales, 3),
            (5, Relation::Scales, 3),
        ];
        let snapshot = picture(&nodes, &edges);
        let global = id(Kind::DbGlobal, "world");
        assert_eq!(of(&snapshot, Kind::DbInstance, "orders-1"), global);
        assert_eq!(of(&snapshot, Kind::DbCluster, "orders"), global);
        let workload = id(Kind::Deployment, "order-writer");
        assert_eq!(of(&snapshot, Kind::Hpa, "keda-order-writer"), workload);
        assert_eq!(of(&snapshot, Kind::ScaledObject, "order-writer"), workload);
        let queue = id(Kind::Queue, "orders");
        assert_eq!(of(&snapshot, Kind::Queue, "orders"), queue);
    }
}
