//! Nodes: the machines pods run on.
//! <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/>

use super::Context;
use super::decode::{
    Condition, Meta, Pairs, Text, condition, mebibytes, message, millicores, nullable,
};
use super::shelf::{Decode, Malformed, Version};
use model::{Fact, FoundNode, Kind, Name, NodeId, Relation};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Node<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: Spec<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: Status<'a>,
}

#[derive(Default, Deserialize)]
struct Spec<'a> {
    #[serde(borrow, default, rename = "providerID")]
    provider_id: Option<Text<'a>>,
    #[serde(default, deserialize_with = "nullable")]
    unschedulable: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    conditions: Vec<Condition<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    allocatable: Pairs<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    addresses: Vec<Address<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    node_info: Info<'a>,
}

#[derive(Deserialize)]
struct Address<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    address: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    kubelet_version: Text<'a>,
}

/// Nodes, one by one.
#[derive(Default)]
pub(super) struct Nodes;

impl Decode for Nodes {
    const KIND: Kind = Kind::Node;
    type Object<'a> = Node<'a>;

    fn node(object: &Node<'_>, context: &Context) -> Result<(FoundNode, Version), Malformed> {
        let meta = &object.metadata;
        meta.named()?;
        let mut node = FoundNode::new(
            context.id(Kind::Node, None, &meta.name),
            Kind::Node,
            &*meta.name,
            context.scope(None),
        );
        node.scope.az = zone(object).map(|zone| context.intern.text(zone));
        facts(&mut node, object, context);
        let labels = context.intern.labels(&meta.labels);
        node.facts.set(Fact::Labels, Arc::clone(&labels.shown));
        node.labels = Some(Arc::clone(&labels.map));
        let (owner, how) = owner(meta, context);
        node.tie_from(Relation::Owns, Name::Id(owner), how);
        Ok((node, meta.resource_version.to_string()))
    }
}

/// The managed nodegroup that keeps the node, else the cluster.
/// <https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html>
fn owner(meta: &Meta<'_>, context: &Context) -> (NodeId, &'static str) {
    let cluster = context.session.id();
    match meta.labels.get("eks.amazonaws.com/nodegroup") {
        // Nodegroups are known as CLUSTER/NODEGROUP beside the cluster itself.
        Some(group) => (
            NodeId::kubernetes(Kind::Nodegroup, cluster, None, group),
            "label eks.amazonaws.com/nodegroup",
        ),
        None => (cluster.clone(), "node of this cluster's API"),
    }
}

/// The zone label, or the zone in `aws:///ZONE/INSTANCE`.
fn zone<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    let label = node.metadata.labels.get("topology.kubernetes.io/zone");
    label.or_else(|| {
        let place = node.spec.provider_id.as_deref()?.strip_prefix("aws:///")?;
        place.split('/').next().filter(|zone| !zone.is_empty())
    })
}

fn facts(node: &mut FoundNode, object: &Node<'_>, context: &Context) {
    let Node {
        metadata,
        spec,
        status,
    } = object;
    let ready = condition(&status.conditions, "Ready");
    let facts = &mut node.facts;
    facts.set(Fact::Ready, ready.is_some_and(Condition::holds));
    facts.set(Fact::Schedulable, !spec.unschedulable);
    if let Some(ready) = ready {
        facts.set_some(
            Fact::ReadySince,
            ready.last_transition_time.as_ref().and_then(Text::time),
        );
        if !ready.holds() {
            facts.set(Fact::Reason, context.intern.text(&ready.reason));
            facts.set(Fact::Message, message(&ready.message));
        }
    }
    facts.set_some(Fact::Pressure, pressure(&status.conditions));
    facts.set_some(Fact::CreatedAt, metadata.created());
    let text = |text: &str| context.intern.text(text);
    let label = |key: &str| metadata.labels.get(key).map(text);
    facts.set_some(
        Fact::InstanceType,
        label("node.kubernetes.io/instance-type"),
    );
    facts.set_some(Fact::Nodegroup, label("eks.amazonaws.com/nodegroup"));
    // <https://karpenter.sh/docs/concepts/scheduling/#well-known-labels>
    facts.set_some(Fact::NodePool, label("karpenter.sh/nodepool"));
    facts.set_some(
        Fact::CapacityType,
        capacity_type(&metadata.labels).map(text),
    );
    if !status.node_info.kubelet_version.is_empty() {
        facts.set(
            Fact::KubeletVersion,
            text(&status.node_info.kubelet_version),
        );
    }
    facts.set_some(Fact::ProviderId, spec.provider_id.as_deref());
    let allocatable = |key: &str| status.allocatable.get(key);
    facts.set_some(
        Fact::CpuAllocatableMillicores,
        allocatable("cpu").and_then(millicores),
    );
    facts.set_some(
        Fact::MemoryAllocatableMib,
        allocatable("memory").and_then(mebibytes),
    );
    facts.set_some(
        Fact::PodsAllocatable,
        allocatable("pods").and_then(|pods| pods.parse::<i64>().ok()),
    );
    let internal = status
        .addresses
        .iter()
        .find(|address| &*address.kind == "InternalIP");
    facts.set_some(Fact::InternalIp, internal.map(|address| &*address.address));
}

/// `SPOT` or `ON_DEMAND`, as EKS writes it; Karpenter writes `spot` and `on-demand`.
fn capacity_type(labels: &Pairs<'_>) -> Option<&'static str> {
    let word = labels
        .get("eks.amazonaws.com/capacityType")
        .or_else(|| labels.get("karpenter.sh/capacity-type"))?;
    capacity_word(word)
}

/// One of those words as EKS writes it.
pub(super) fn capacity_word(word: &str) -> Option<&'static str> {
    match word {
        "SPOT" | "spot" => Some("SPOT"),
        "ON_DEMAND" | "on-demand" => Some("ON_DEMAND"),
        "CAPACITY_BLOCK" | "reserved" => Some("CAPACITY_BLOCK"),
        _ => None,
    }
}

/// The pressures a node is under, in words.
fn pressure(conditions: &[Condition<'_>]) -> Option<String> {
    const WORDS: [(&str, &str); 4] = [
        ("MemoryPressure", "memory"),
        ("DiskPressure", "disk"),
        ("PIDPressure", "process ids"),
        ("NetworkUnavailable", "network unavailable"),
    ];
    let words: Vec<&str> = WORDS
        .iter()
        .filter(|(kind, _)| condition(conditions, kind).is_some_and(Condition::holds))
        .map(|(_, word)| *word)
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}
