//! Karpenter's node pools, node claims and node classes (`karpenter.sh/v1`, `karpenter.k8s.aws/v1`).

use serde_json::{Value, json};

use super::super::Cluster;
use super::super::node::Size;
use super::super::pools::{Claim, ClaimId, Pool, Stage};
use super::super::resource::Resource;
use super::super::store::{Draft, Labels};
use super::workload::sister_uid;
use super::{draft, stamp};
use crate::clock::Millis;

impl Cluster {
    /// Renders a pool.
    pub(in super::super) fn show_pool(&mut self, pool: usize) {
        let Some(pool) = self.pools.get(pool) else {
            return;
        };
        let draft = self.pool_draft(pool);
        self.store.put(Resource::NodePools, draft);
    }

    /// Renders the node class the pools share.
    pub(in super::super) fn show_node_class(&mut self) {
        let Some(pool) = self.pools.first() else {
            return;
        };
        let metadata = json!({ "name": "default", "uid": sister_uid(&pool.uid, 'c'), "generation": 1,
            "creationTimestamp": stamp(pool.created) });
        let rest = json!({
            "spec": { "amiFamily": "AL2023", "amiSelectorTerms": [{ "alias": "al2023@latest" }],
                "role": format!("karpenter-node-{}", self.spec.name),
                "subnetSelectorTerms": [{ "tags": { "karpenter.sh/discovery": self.spec.name } }],
                "securityGroupSelectorTerms": [{ "tags": { "karpenter.sh/discovery": self.spec.name } }] },
            "status": { "conditions": [condition("Ready", "True", "Ready", "", pool.created)] },
        });
        let draft = draft(
            "",
            "default",
            pool.created,
            Default::default(),
            &metadata,
            &rest,
        );
        self.store.put(Resource::Ec2NodeClasses, draft);
    }

    fn pool_draft(&self, pool: &Pool) -> Draft {
        let metadata = json!({ "name": pool.name, "uid": pool.uid, "generation": pool.generation,
            "creationTimestamp": stamp(pool.created), "labels": pool.labels, "annotations": pool.annotations });
        let capacity: Vec<&str> = pool.capacity.iter().map(|c| c.karpenter()).collect();
        let mine = |c: &&Claim| {
            self.pools
                .get(c.pool)
                .is_some_and(|mine| mine.name == pool.name)
        };
        let sizes: Vec<Size> = self
            .claims
            .values()
            .filter(mine)
            .filter(|c| matches!(c.stage, Stage::Registered(..)))
            .map(|c| Size::of(&c.instance_type))
            .collect();
        let cores: u32 = sizes.iter().map(|s| s.millicpu / 1000).sum();
        let mib: u64 = sizes.iter().map(|s| u64::from(s.mib)).sum();
        let mut spec = json!({
            "template": { "spec": {
                "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
                "requirements": [
                    { "key": "karpenter.sh/capacity-type", "operator": "In", "values": capacity },
                    { "key": "node.kubernetes.io/instance-type", "operator": "In", "values": pool.types },
                    { "key": "kubernetes.io/os", "operator": "In", "values": ["linux"] },
                ],
                "expireAfter": "720h" } },
            "disruption": { "consolidationPolicy": "WhenEmpty", "consolidateAfter": "10m",
                            "budgets": [{ "nodes": "10%" }] },
            "weight": 10,
        });
        if let Some(limit) = pool.limit {
            spec["limits"] = json!({ "cpu": limit.to_string() });
        }
        let status = json!({
            "resources": { "cpu": cores.to_string(), "memory": format!("{}Ki", mib * 1024), "nodes": sizes.len().to_string() },
            "conditions": [
                condition("ValidationSucceeded", "True", "ValidationSucceeded", "", pool.created),
                condition("NodeClassReady", "True", "NodeClassReady", "", pool.created),
                condition("Ready", "True", "Ready", "", pool.created),
            ],
        });
        let rest = json!({ "spec": spec, "status": status });
        let labels = std::sync::Arc::new(pool.labels.clone());
        draft("", &pool.name, pool.created, labels, &metadata, &rest)
    }

    /// Renders a claim.
    pub(in super::super) fn show_claim(&mut self, id: ClaimId) {
        let Some(claim) = self.claims.get(&id) else {
            return;
        };
        let draft = self.claim_draft(claim);
        let pool = claim.pool;
        self.store.put(Resource::NodeClaims, draft);
        self.show_pool(pool);
    }

    fn claim_draft(&self, claim: &Claim) -> Draft {
        let pool = self.pools.get(claim.pool);
        let (pool_name, pool_uid) = pool.map_or(("", ""), |p| (p.name.as_str(), p.uid.as_str()));
        let zone = self.az_name(claim.az);
        let launched = matches!(claim.stage, Stage::Launched(_) | Stage::Registered(..));
        let mut labels = Labels::from([("karpenter.sh/nodepool".to_owned(), pool_name.to_owned())]);
        if launched {
            for (key, value) in [
                ("karpenter.sh/capacity-type", claim.capacity.karpenter()),
                ("node.kubernetes.io/instance-type", &claim.instance_type),
                ("topology.kubernetes.io/zone", zone),
            ] {
                labels.insert(key.to_owned(), value.to_owned());
            }
        }
        let mut metadata = json!({ "name": claim.name, "uid": claim.uid, "generation": 1, "labels": labels,
            "generateName": format!("{pool_name}-"), "creationTimestamp": stamp(claim.created),
            "finalizers": ["karpenter.sh/termination"],
            "ownerReferences": [{ "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": pool_name,
                                  "uid": pool_uid, "blockOwnerDeletion": true }] });
        if let Some(at) = claim.deleted {
            metadata["deletionTimestamp"] = json!(stamp(at));
        }
        let capacity: Vec<&str> = pool
            .map(|p| p.capacity.iter().map(|c| c.karpenter()).collect())
            .unwrap_or_default();
        let size = Size::of(&claim.instance_type);
        let spec = json!({
            "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
            "requirements": [
                { "key": "karpenter.sh/capacity-type", "operator": "In", "values": capacity },
                { "key": "node.kubernetes.io/instance-type", "operator": "In", "values": pool.map(|p| &p.types) },
            ],
            "resources": { "requests": { "cpu": format!("{}m", size.allocatable().millicpu) } },
            "expireAfter": "720h",
        });
        let mut status = json!({ "conditions": conditions(claim) });
        if launched {
            status["capacity"] =
                json!({ "cpu": (size.millicpu / 1000).to_string(), "pods": size.pods.to_string() });
            status["providerID"] = json!(self.claim_provider(claim));
        }
        if let Stage::Registered(node, _) = claim.stage {
            status["nodeName"] = json!(self.nodes.get(&node).map(|n| &*n.name));
        }
        let rest = json!({ "spec": spec, "status": status });
        let labels = std::sync::Arc::new(labels);
        draft("", &claim.name, claim.created, labels, &metadata, &rest)
    }

    fn claim_provider(&self, claim: &Claim) -> String {
        let node = match claim.stage {
            Stage::Registered(node, _) => self.nodes.get(&node),
            Stage::Launching | Stage::Refused(_) | Stage::Launched(_) => None,
        };
        let instance = node.map_or_else(
            || format!("i-0{:016x}", super::super::dice::hash(&claim.uid)),
            |n| n.instance_id.clone(),
        );
        format!("aws:///{}/{instance}", self.az_name(claim.az))
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, since: Millis) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": stamp(since), "observedGeneration": 1 })
}

/// Launched, Registered, Initialized and what follows from them
/// (<https://karpenter.sh/docs/concepts/nodeclaims/#nodeclaim-lifecycle>).
fn conditions(claim: &Claim) -> Value {
    let at = claim.created;
    let waiting =
        |kind: &str, reason: &str, message: &str| condition(kind, "Unknown", reason, message, at);
    let (launched, since, node) = match &claim.stage {
        Stage::Launching => (
            waiting(
                "Launched",
                "AwaitingReconciliation",
                "object is awaiting reconciliation",
            ),
            at,
            None,
        ),
        Stage::Refused(why) => (
            condition("Launched", "False", "InsufficientCapacity", why, at),
            at,
            None,
        ),
        Stage::Launched(since) => (
            condition("Launched", "True", "Launched", "", *since),
            *since,
            None,
        ),
        Stage::Registered(_, since) => (
            condition("Launched", "True", "Launched", "", at),
            *since,
            Some(*since),
        ),
    };
    let reached = |kind: &str, reason: &str, message: &str| match node {
        Some(since) => condition(kind, "True", kind, "", since),
        None => waiting(kind, reason, message),
    };
    let ready = match (node, &claim.stage) {
        (Some(since), _) => condition("Ready", "True", "Ready", "", since),
        (None, Stage::Refused(why)) => {
            condition("Ready", "False", "InsufficientCapacity", why, since)
        }
        (None, _) => condition(
            "Ready",
            "Unknown",
            "ReconcilingDependents",
            "Initialized=Unknown, Registered=Unknown",
            since,
        ),
    };
    json!([
        launched,
        reached(
            "Registered",
            "NodeNotFound",
            "Node not registered with cluster"
        ),
        reached(
            "Initialized",
            "NodeNotFound",
            "Node not registered with cluster"
        ),
        ready,
    ])
}
