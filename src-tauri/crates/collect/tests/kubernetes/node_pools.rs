//! Karpenter's NodePools, as <https://karpenter.sh/docs/concepts/nodepools/> shows them.

use crate::server::{Act, Server, list_of, nodes, recorded, told};
use collect::kubernetes::{Limits, WatchBatch, Watched};
use model::{Direction, Fact, FoundNode, Name, NodeId, Relation};
use serde_json::{Value, json};

const PATH: &str = "/apis/karpenter.sh/v1/nodepools";

/// The example of that page, with what it has.
fn example() -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool",
        "metadata": {"name": "default", "resourceVersion": "7", "creationTimestamp": "2026-11-01T02:00:00Z"},
        "spec": {
            "template": {
                "metadata": {"labels": {"billing-team": "my-team"}, "annotations": {"example.com/owner": "my-team"}},
                "spec": {
                    "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                    "taints": [
                        {"key": "example.com/special-taint", "effect": "NoSchedule"},
                        {"key": "team", "value": "risk", "effect": "NoExecute"},
                        {"key": "rather-not", "effect": "PreferNoSchedule"},
                    ],
                    "startupTaints": [{"key": "example.com/another-taint", "effect": "NoSchedule"}],
                    "expireAfter": "720h",
                    "requirements": [
                        {"key": "karpenter.k8s.aws/instance-category", "operator": "In", "values": ["c", "m", "r"], "minValues": 2},
                        {"key": "karpenter.k8s.aws/instance-generation", "operator": "Gt", "values": ["2"]},
                        {"key": "node.kubernetes.io/instance-type", "operator": "Exists", "minValues": 10},
                        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot", "on-demand"]},
                    ],
                },
            },
            "disruption": {"consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "1m", "budgets": [{"nodes": "10%"}]},
            "limits": {"cpu": "1000", "memory": "1000Gi", "nvidia.com/gpu": 2},
            "weight": 10,
        },
        "status": {
            "conditions": [
                {"type": "Initialized", "status": "False", "observedGeneration": 1, "reason": "NodeClaimNotLaunched"},
                {"type": "Ready", "status": "True", "reason": "Ready", "message": ""},
            ],
            "resources": {"cpu": "20", "memory": "8192Mi", "ephemeral-storage": "100Gi", "nodes": "5", "pods": "290"},
        },
    })
}

async fn one(object: &Value) -> FoundNode {
    let server = Server::start().await;
    server.list(PATH, Act::Json(list_of("1", std::slice::from_ref(object))));
    let cluster = server.cluster(Limits::default()).await;
    let mut found = nodes(told(&mut cluster.watch(Watched::NodePools)).await);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[tokio::test]
async fn a_node_pool_says_what_it_may_have_and_has() {
    let node = one(&example()).await;
    assert_eq!(
        node.id.as_str(),
        "nodepool/111122223333/eu-west-1/prod/default"
    );
    for (fact, count) in [
        (Fact::CpuLimitMillicores, 1_000_000),
        (Fact::CpuProvisionedMillicores, 20_000),
        (Fact::MemoryLimitMib, 1_024_000),
        (Fact::MemoryProvisionedMib, 8_192),
        (Fact::Nodes, 5),
    ] {
        assert_eq!(node.facts.count(fact), Some(count), "{fact:?}");
    }
    assert_eq!(node.facts.get(Fact::NodesLimit), None);
    assert_eq!(node.facts.get(Fact::Replicas), None);
    assert_eq!(node.facts.flag(Fact::Ready), Some(true));
    assert_eq!(
        node.facts.text(Fact::Taints),
        Some("example.com/special-taint:NoSchedule, team=risk:NoExecute")
    );
    assert_eq!(
        node.facts.text(Fact::NodeLabels),
        Some(
            "billing-team=my-team, karpenter.k8s.aws/instance-category=c|m|r, node.kubernetes.io/instance-type=*, karpenter.sh/capacity-type=spot|on-demand"
        )
    );
    assert_eq!(node.facts.text(Fact::CapacityType), Some("SPOT, ON_DEMAND"));
    assert_eq!(node.facts.text(Fact::InstanceTypes), None);
    let cluster = Name::Id(NodeId::new("cluster/111122223333/eu-west-1/prod"));
    let tied: Vec<_> = node
        .ties
        .iter()
        .map(|t| (t.relation, t.direction, &t.other))
        .collect();
    assert_eq!(tied, [(Relation::Owns, Direction::In, &cluster)]);
}

#[tokio::test]
async fn limits_may_be_numbers_and_everything_may_be_missing() {
    let mut pool = example();
    pool["spec"]["limits"] = json!({"cpu": 1000, "memory": 1_073_741_824, "nodes": 10});
    pool["spec"]["template"]["spec"]["requirements"] = json!([{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m7i.xlarge", "m6i.xlarge"]}]);
    pool["status"]["conditions"][1] = json!({"type": "Ready", "status": "False", "reason": "UnhealthyDependents", "message": "NodeClassReady=False"});
    let node = one(&pool).await;
    assert_eq!(node.facts.count(Fact::CpuLimitMillicores), Some(1_000_000));
    assert_eq!(node.facts.count(Fact::MemoryLimitMib), Some(1_024));
    assert_eq!(node.facts.count(Fact::NodesLimit), Some(10));
    assert_eq!(
        node.facts.text(Fact::InstanceTypes),
        Some("m7i.xlarge, m6i.xlarge")
    );
    assert_eq!(node.facts.flag(Fact::Ready), Some(false));
    assert_eq!(node.facts.text(Fact::Message), Some("NodeClassReady=False"));
    let fixed = json!({"metadata": {"name": "fixed"}, "spec": {"replicas": 3, "limits": null}, "status": null});
    let node = one(&fixed).await;
    assert_eq!(node.facts.count(Fact::Replicas), Some(3));
    for fact in [Fact::CpuLimitMillicores, Fact::Ready, Fact::Taints] {
        assert_eq!(node.facts.get(fact), None, "{fact:?}");
    }
}

#[tokio::test]
async fn limits_are_read_in_every_notation_and_one_that_cannot_be_is_named() {
    let read = async |limits: Value, resources: Value| {
        let mut pool = example();
        pool["spec"]["limits"] = limits;
        pool["status"]["resources"] = resources;
        one(&pool).await.facts
    };
    let limits = json!({"cpu": "1e3", "memory": "2E12", "nodes": "1k"});
    let facts = read(limits, json!({"cpu": "500m", "memory": "1G", "nodes": "2"})).await;
    for (fact, count) in [
        (Fact::CpuLimitMillicores, 1_000_000),
        (Fact::CpuProvisionedMillicores, 500),
        (Fact::MemoryLimitMib, 1_907_349),
        (Fact::MemoryProvisionedMib, 954),
        (Fact::NodesLimit, 1_000),
        (Fact::Nodes, 2),
    ] {
        assert_eq!(facts.count(fact), Some(count), "{fact:?}");
    }
    assert_eq!(facts.get(Fact::LimitsUnread), None);
    let limits = json!({"cpu": "many", "memory": "9e99", "nodes": "10"});
    let facts = read(limits, Value::Null).await;
    assert_eq!(facts.text(Fact::LimitsUnread), Some("CPU, memory"));
    for fact in [Fact::CpuLimitMillicores, Fact::MemoryLimitMib, Fact::Nodes] {
        assert_eq!(facts.get(fact), None, "{fact:?}");
    }
}

#[tokio::test]
async fn where_listing_is_not_allowed_that_is_said_unless_there_is_no_karpenter() {
    for served in [true, false] {
        let server = Server::start().await;
        server.list(PATH, Act::Status(403, recorded("forbidden"), vec![]));
        if served {
            let group = json!({"kind": "APIResourceList", "groupVersion": "karpenter.sh/v1", "resources": []});
            server.list("/apis/karpenter.sh/v1", Act::Json(group));
        }
        let cluster = server.cluster(Limits::default()).await;
        match told(&mut cluster.watch(Watched::NodePools)).await {
            WatchBatch::Failed(_) => assert!(served),
            WatchBatch::Absent(sentence) => assert!(!served, "{sentence}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_workload_says_what_it_asks_of_its_node_and_tolerates() {
    let mut deployment = recorded("deployment");
    let spec = &mut deployment["spec"]["template"]["spec"];
    spec["nodeSelector"] = json!({"karpenter.sh/nodepool": "default", "team": "risk"});
    spec["tolerations"] = json!([
        {"key": "team", "value": "risk", "effect": "NoExecute"},
        {"key": "team", "operator": "Equal", "value": "desk"},
        {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"operator": "Exists"},
        {"key": "sla", "operator": "Gt", "value": "950"},
    ]);
    let server = Server::start().await;
    server.list(
        "/apis/apps/v1/deployments",
        Act::Json(list_of("1", &[deployment])),
    );
    let cluster = server.cluster(Limits::default()).await;
    let node = &nodes(told(&mut cluster.watch(Watched::Deployments)).await)[0];
    assert_eq!(
        node.facts.text(Fact::NodeSelector),
        Some("karpenter.sh/nodepool=default, team=risk")
    );
    assert_eq!(
        node.facts.text(Fact::Tolerations),
        Some("team=risk:NoExecute, team=desk:*, gpu:NoSchedule, *:*")
    );
}
