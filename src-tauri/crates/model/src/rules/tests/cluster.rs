//! Clusters and their nodes.

use super::*;

/// A cluster with nodes, of which the first `out` are not ready.
fn cluster(s: &mut Stage, all: usize, out: usize) -> NodeId {
    let cluster = s.thing(Kind::Cluster, "prod", &[(Status, "ACTIVE".into())]);
    for n in 0..all {
        let ready = (Ready, (n >= out).into());
        s.thing(
            Kind::Node,
            &format!("ip-10-0-0-{n}"),
            &[ready, (CreatedAt, ago(86_400).into())],
        );
    }
    cluster
}

pub(super) const CLUSTERS: &[Row] = &[
    row(
        "eks.status",
        Critical,
        "The nodegroup main is CREATE_FAILED.",
        thing!(Nodegroup, "main", Status = "CREATE_FAILED"),
        thing!(Nodegroup, "main", Status = "ACTIVE"),
    ),
    row(
        "eks.issues",
        Warning,
        "NodeCreationFailure",
        thing!(Nodegroup, "main", HealthIssues = "NodeCreationFailure ×2"),
        thing!(Nodegroup, "main", HealthIssues = ""),
    ),
    row(
        "cluster.api-slow",
        Warning,
        "took 6,200 ms",
        thing!(Cluster, "prod", ApiLatencyMs = 6200.0),
        thing!(Cluster, "prod", ApiLatencyMs = 62.0),
    ),
    row(
        "cluster.nodes",
        Critical,
        "3 of 9 nodes of prod are not ready.",
        |s| cluster(s, 9, 3),
        |s| cluster(s, 9, 0),
    ),
    row(
        "nodepool.not-ready",
        Warning,
        "NodePool burst is not ready (NodeClassReady=False): Karpenter buys no node of it.",
        thing!(
            NodePool,
            "burst",
            Ready = false,
            Message = "NodeClassReady=False"
        ),
        thing!(NodePool, "burst", Ready = true),
    ),
    row(
        "node.not-ready",
        Critical,
        "Node ip-1 is not ready since 02:46:00 (NodeStatusUnknown).",
        thing!(
            Node,
            "ip-1",
            Ready = false,
            ReadySince = ago(60),
            CreatedAt = ago(9_000),
            Reason = "NodeStatusUnknown"
        ),
        thing!(Node, "ip-1", Ready = true),
    ),
    row(
        "node.was-not-ready",
        Warning,
        "was not ready until 02:45:00",
        thing!(
            Node,
            "ip-1",
            Ready = true,
            ReadySince = ago(120),
            CreatedAt = ago(9_000)
        ),
        thing!(
            Node,
            "ip-1",
            Ready = true,
            ReadySince = ago(120),
            CreatedAt = ago(200)
        ),
    ),
    row(
        "node.pressure",
        Warning,
        "reports pressure: memory",
        thing!(Node, "ip-1", Ready = true, Pressure = "memory"),
        thing!(Node, "ip-1", Ready = true),
    ),
    row(
        "node.cordoned",
        InTransition,
        "is cordoned",
        thing!(Node, "ip-1", Ready = true, Schedulable = false),
        thing!(Node, "ip-1", Ready = true, Schedulable = true),
    ),
];
