//! Edges: the way a request or message travels, or from owner to owned.

use crate::id::NodeId;
use serde::{Deserialize, Serialize};

/// What an edge means, read from `from` to `to`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Zone holds record; cluster has nodegroup; deployment owns replicaset owns pod; group has member.
    Owns,
    /// Record answers with this distribution, balancer, bucket or other record.
    RoutesTo,
    /// Health check gates this record.
    Gates,
    /// Distribution fetches from this origin.
    Origin,
    /// Web ACL inspects this distribution or balancer.
    Inspects,
    /// Balancer forwards to this target group.
    Forwards,
    /// Target group sends to this pod (by IP).
    Targets,
    /// Ingress exposes service; service selects pod.
    Selects,
    /// Node hosts this pod (owner to owned: when the node dies, so does the pod).
    Hosts,
    /// HPA or ScaledObject sets the replicas of this workload.
    Scales,
    /// Application, Kustomization or HelmRelease keeps this object as git has it.
    Deploys,
    /// Workload connects to this database or cache (by endpoint).
    ConnectsTo,
    /// Workload sends to this queue.
    SendsTo,
    /// Messages of this queue go to this consumer (function, mapping, scaled object, workload).
    ConsumedBy,
    /// After maxReceiveCount, messages of this queue go to this dead-letter queue.
    DeadLetters,
    /// Alarm watches this node.
    Watches,
}

/// How an edge is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct Provenance(pub std::borrow::Cow<'static, str>);

/// A directed edge of the topology.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
pub struct Edge {
    /// Where it starts.
    pub from: NodeId,
    /// Where it ends.
    pub to: NodeId,
    /// What it means.
    pub relation: Relation,
    /// How it is known, e.g. `target IP 10.0.3.17 = pod IP`.
    pub provenance: Provenance,
}
