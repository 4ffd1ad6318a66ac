//! Karpenter's NodePools, where they are served (EKS Auto Mode serves the same): what they may buy, and have.
//! <https://karpenter.sh/docs/concepts/nodepools/>

use super::Context;
use super::decode::{
    Condition, Meta, Text, condition, mebibytes, message, millicores, nullable, quantity_value,
};
use super::nodes::capacity_word;
use super::ownership::deployer;
use super::shelf::{Decode, Malformed, Version};
use model::{Fact, Facts, FoundNode, Kind, Name, Relation};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct NodePool<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: Spec<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: Status<'a>,
}

#[derive(Default, Deserialize)]
struct Spec<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    template: Template<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    limits: Amounts<'a>,
    /// Makes the pool a static one: it keeps this many nodes, whatever pods wait.
    #[serde(default)]
    replicas: Option<i64>,
}

#[derive(Default, Deserialize)]
struct Template<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: Machine<'a>,
}

/// What a node of the pool is like. `startupTaints` need no toleration and are left out.
#[derive(Default, Deserialize)]
struct Machine<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    taints: Vec<Taint<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    requirements: Vec<Requirement<'a>>,
}

#[derive(Deserialize)]
struct Taint<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    value: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    effect: Text<'a>,
}

#[derive(Deserialize)]
struct Requirement<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    operator: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    values: Vec<Text<'a>>,
}

/// `spec.limits` and `status.resources`.
#[derive(Default, Deserialize)]
struct Amounts<'a> {
    #[serde(borrow, default)]
    cpu: Option<Amount<'a>>,
    #[serde(borrow, default)]
    memory: Option<Amount<'a>>,
    #[serde(borrow, default)]
    nodes: Option<Amount<'a>>,
}

/// A quantity, which the schema lets be a number too (`x-kubernetes-int-or-string`).
#[derive(Deserialize)]
#[serde(untagged)]
enum Amount<'a> {
    Number(f64),
    Written(#[serde(borrow)] Text<'a>),
}

#[derive(Default, Deserialize)]
struct Status<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    resources: Amounts<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    conditions: Vec<Condition<'a>>,
}

/// NodePools, one by one.
#[derive(Default)]
pub(super) struct NodePools;

impl Decode for NodePools {
    const KIND: Kind = Kind::NodePool;
    type Object<'a> = NodePool<'a>;

    fn node(object: &NodePool<'_>, context: &Context) -> Result<(FoundNode, Version), Malformed> {
        let NodePool {
            metadata,
            spec,
            status,
        } = object;
        metadata.named()?;
        let id = context.id(Kind::NodePool, None, &metadata.name);
        let mut node = FoundNode::new(id, Kind::NodePool, &*metadata.name, context.scope(None));
        let facts = &mut node.facts;
        facts.set_some(Fact::CreatedAt, metadata.created());
        facts.set_some(Fact::ManagedBy, deployer(metadata));
        facts.set_some(Fact::Replicas, spec.replicas);
        amounts(facts, &spec.limits, &status.resources);
        machine(facts, &spec.template.spec);
        facts.set_some(Fact::NodeLabels, labels(&spec.template));
        ready(facts, &status.conditions);
        let cluster = context.session.id().clone();
        node.tie_from(
            Relation::Owns,
            Name::Id(cluster),
            "NodePool of this cluster's API",
        );
        Ok((node, metadata.resource_version.to_string()))
    }
}

fn amounts(facts: &mut Facts, limits: &Amounts<'_>, has: &Amounts<'_>) {
    let mut unread = Vec::new();
    for (word, unit, (limit, most), (amount, here)) in [
        (
            "CPU",
            millicores as Unit,
            (&limits.cpu, Fact::CpuLimitMillicores),
            (&has.cpu, Fact::CpuProvisionedMillicores),
        ),
        (
            "memory",
            mebibytes,
            (&limits.memory, Fact::MemoryLimitMib),
            (&has.memory, Fact::MemoryProvisionedMib),
        ),
        (
            "nodes",
            whole,
            (&limits.nodes, Fact::NodesLimit),
            (&has.nodes, Fact::Nodes),
        ),
    ] {
        let bound = limit.as_ref().map(|limit| limit.read(unit));
        if bound == Some(None) {
            unread.push(word);
        }
        facts.set_some(most, bound.flatten());
        let amount = amount.as_ref().and_then(|amount| amount.read(unit));
        facts.set_some(here, amount);
    }
    let unread = (!unread.is_empty()).then(|| unread.join(", "));
    facts.set_some(Fact::LimitsUnread, unread);
}

/// Reads a quantity in the unit of a fact.
type Unit = fn(&str) -> Option<i64>;

/// Of nodes there are whole ones: `10`, `1k`.
fn whole(quantity: &str) -> Option<i64> {
    Some(quantity_value(quantity)?.floor() as i64)
}

impl Amount<'_> {
    /// In a unit; `None` where it is no quantity, or more than a number holds.
    fn read(&self, unit: Unit) -> Option<i64> {
        let read = match self {
            Amount::Number(number) => unit(&number.to_string()),
            Amount::Written(text) => unit(text),
        };
        read.filter(|amount| *amount < i64::MAX)
    }
}

fn machine(facts: &mut Facts, machine: &Machine<'_>) {
    let one_of = |key: &str| {
        let mut all = machine.requirements.iter();
        let one = all.find(|one| &*one.key == key && &*one.operator == "In")?;
        Some(one.values.iter().map(|value| &**value))
    };
    let bought = one_of("karpenter.sh/capacity-type").map(|words| {
        words
            .filter_map(capacity_word)
            .collect::<Vec<_>>()
            .join(", ")
    });
    facts.set_some(Fact::CapacityType, bought.filter(|words| !words.is_empty()));
    let types = one_of("node.kubernetes.io/instance-type");
    let types = types.map(|types| types.collect::<Vec<_>>().join(", "));
    facts.set_some(Fact::InstanceTypes, types);
    let keeps_away = |taint: &&Taint<'_>| matches!(&*taint.effect, "NoSchedule" | "NoExecute");
    let taints: Vec<String> = machine
        .taints
        .iter()
        .filter(keeps_away)
        .map(words)
        .collect();
    let taints = (!taints.is_empty()).then(|| taints.join(", "));
    facts.set_some(Fact::Taints, taints);
}

/// Labels a node of the pool has: of the template, those of which one value is chosen, and (`Exists`) those that have the
/// value a pod asks for (<https://karpenter.sh/docs/concepts/scheduling/#user-defined-labels>).
fn labels(template: &Template<'_>) -> Option<String> {
    let fixed = template.metadata.labels.iter();
    let fixed = fixed.map(|(key, value)| format!("{key}={value}"));
    let chosen = template.spec.requirements.iter();
    let chosen = chosen.filter_map(|one| match &*one.operator {
        "In" => {
            let values: Vec<&str> = one.values.iter().map(|value| &**value).collect();
            Some(format!("{}={}", &*one.key, values.join("|")))
        }
        "Exists" => Some(format!("{}=*", &*one.key)),
        _ => None,
    });
    let all: Vec<String> = fixed.chain(chosen).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// As `kubectl taint` writes it.
fn words(taint: &Taint<'_>) -> String {
    match &*taint.value {
        "" => format!("{}:{}", &*taint.key, &*taint.effect),
        value => format!("{}={value}:{}", &*taint.key, &*taint.effect),
    }
}

/// A pool that is not Ready "will not be considered for scheduling" (`status.conditions` there).
fn ready(facts: &mut Facts, conditions: &[Condition<'_>]) {
    let Some(ready) = condition(conditions, "Ready") else {
        return;
    };
    facts.set(Fact::Ready, ready.holds());
    if !ready.holds() {
        facts.set(Fact::Reason, ready.reason.to_string());
        facts.set(Fact::Message, message(&ready.message));
    }
}
