//! Deployments and stateful sets.
//! <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/>
//! <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/stateful-set-v1/>

use super::Context;
use super::decode::{Condition, Framing, Meta, Text, condition, message, nullable, object};
use super::intern::Labels;
use super::joined::{Items, Join};
use super::neighbours::Key;
use super::ownership::{deployer, replicas_manager};
use super::shelf::{Malformed, Version};
use super::template::{Pointers, Template, Ties};
use model::{Fact, Facts, FoundNode, Kind, Timestamp, Value};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Deserialize)]
struct Workload<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: Spec<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: Status<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(default)]
    replicas: Option<i64>,
    #[serde(default, deserialize_with = "nullable")]
    paused: bool,
    #[serde(borrow, default, deserialize_with = "nullable")]
    template: Template<'a>,
    /// Of deployments.
    #[serde(borrow, default)]
    strategy: Option<Strategy<'a>>,
    /// Of stateful sets.
    #[serde(borrow, default)]
    update_strategy: Option<Strategy<'a>>,
}

/// How a new revision takes the place of the old one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Strategy<'a> {
    #[serde(borrow, rename = "type", default, deserialize_with = "nullable")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    rolling_update: Option<Rolling<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rolling<'a> {
    #[serde(borrow, default)]
    max_surge: Option<Share<'a>>,
    #[serde(borrow, default)]
    max_unavailable: Option<Share<'a>>,
}

/// A count, or a percentage in words.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Share<'a> {
    Count(i64),
    Percent(#[serde(borrow)] Text<'a>),
}

impl Share<'_> {
    fn value(&self) -> Value {
        match self {
            Self::Count(count) => (*count).into(),
            Self::Percent(text) => (&**text).into(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    #[serde(default, deserialize_with = "nullable")]
    observed_generation: i64,
    #[serde(default, deserialize_with = "nullable")]
    replicas: i64,
    #[serde(default, deserialize_with = "nullable")]
    ready_replicas: i64,
    #[serde(default, deserialize_with = "nullable")]
    updated_replicas: i64,
    #[serde(default, deserialize_with = "nullable")]
    available_replicas: i64,
    #[serde(default)]
    unavailable_replicas: Option<i64>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    conditions: Vec<Condition<'a>>,
    #[serde(borrow, default)]
    current_revision: Option<Text<'a>>,
    #[serde(borrow, default)]
    update_revision: Option<Text<'a>>,
}

/// What is kept of a workload: its own facts, and what joins it with others.
pub(super) struct Kept {
    node: FoundNode,
    revision: Option<i64>,
    /// When the rollout last got on, by the deployment's own word.
    progressed: Option<Timestamp>,
    template: Arc<Labels>,
    pointers: Pointers,
}

/// Deployments.
pub(super) struct Deployments;
/// Stateful sets.
pub(super) struct StatefulSets;

impl Join for Deployments {
    const KIND: Kind = Kind::Deployment;
    type Item = Kept;

    fn item(
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<(Key, Kept, Version), Malformed> {
        let (key, workload, mut kept) = decode(Self::KIND, json, framing, context)?;
        let Workload {
            metadata,
            spec,
            status,
        } = &workload;
        let revision = metadata
            .annotations
            .get("deployment.kubernetes.io/revision");
        kept.revision = revision.and_then(|revision| revision.parse().ok());
        let progressing = condition(&status.conditions, "Progressing");
        kept.progressed =
            progressing.and_then(|condition| condition.last_update_time.as_ref()?.time());
        let facts = &mut kept.node.facts;
        facts.set_some(Fact::Revision, kept.revision);
        facts.set(Fact::Paused, spec.paused);
        facts.set(Fact::Rollout, deployment_rollout(metadata, spec, status));
        let trouble = [
            ("ReplicaFailure", true),
            ("Progressing", false),
            ("Available", false),
        ];
        let worst = trouble.iter().find_map(|(kind, bad)| {
            condition(&status.conditions, kind).filter(|condition| condition.holds() == *bad)
        });
        if let Some(worst) = worst {
            facts.set(Fact::Reason, context.intern.text(&worst.reason));
            facts.set(Fact::Message, message(&worst.message));
        }
        Ok((key, kept, metadata.resource_version.to_string()))
    }

    fn node(key: &Key, item: &Kept, _items: &Items<Self>, context: &Context) -> FoundNode {
        let mut node = join(key, item, context);
        let rollouts = context.neighbours.rollouts();
        let newest = rollouts
            .as_ref()
            .and_then(|rollouts| rollouts.newest.get(key));
        let started = newest.and_then(|rollout| rollout.started_at);
        // A rollback takes up an old replica set, whose creation is not this rollout's beginning:
        // the deployment's own word is when it last got on, which is not before it began.
        node.facts
            .set_some(Fact::RolloutStartedAt, started.or(item.progressed));
        node
    }

    fn publish(items: &Items<Self>, context: &Context) {
        context
            .neighbours
            .want_configs("deployments", wanted(items.values()));
    }

    fn noticed(old: Option<&Kept>, new: Option<&Kept>) -> bool {
        old.map(|item| &item.pointers) != new.map(|item| &item.pointers)
    }

    fn ready(items: &Items<Self>, context: &Context) -> bool {
        let replica_sets = !context.runs("replicasets") || context.neighbours.rollouts().is_some();
        replica_sets && ready(items.values(), context)
    }
}

impl Join for StatefulSets {
    const KIND: Kind = Kind::StatefulSet;
    type Item = Kept;

    fn item(
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<(Key, Kept, Version), Malformed> {
        let (key, workload, mut kept) = decode(Self::KIND, json, framing, context)?;
        let Workload {
            metadata,
            spec,
            status,
        } = &workload;
        let asked = spec.replicas.unwrap_or(1);
        let seen = metadata
            .generation
            .is_none_or(|generation| status.observed_generation >= generation);
        let revisions = (
            status.current_revision.as_deref(),
            status.update_revision.as_deref(),
        );
        let same = revisions.0 == revisions.1 || status.updated_replicas >= asked;
        let rollout = if seen && same && status.ready_replicas >= asked {
            "complete"
        } else {
            "progressing"
        };
        kept.node.facts.set(Fact::Rollout, rollout);
        Ok((key, kept, metadata.resource_version.to_string()))
    }

    fn node(key: &Key, item: &Kept, _items: &Items<Self>, context: &Context) -> FoundNode {
        join(key, item, context)
    }

    fn publish(items: &Items<Self>, context: &Context) {
        context
            .neighbours
            .want_configs("statefulsets", wanted(items.values()));
    }

    fn noticed(old: Option<&Kept>, new: Option<&Kept>) -> bool {
        old.map(|item| &item.pointers) != new.map(|item| &item.pointers)
    }

    fn ready(items: &Items<Self>, context: &Context) -> bool {
        ready(items.values(), context)
    }
}

fn wanted<'k>(items: impl Iterator<Item = &'k Kept>) -> BTreeSet<Key> {
    items
        .flat_map(|item| item.pointers.wanted())
        .cloned()
        .collect()
}

fn ready<'k>(mut items: impl Iterator<Item = &'k Kept>, context: &Context) -> bool {
    let budgets = !context.runs("poddisruptionbudgets") || context.neighbours.budgets().is_some();
    let configs = context.neighbours.configs();
    let read = |key: &Key| {
        configs
            .as_ref()
            .is_some_and(|configs| configs.contains_key(key))
    };
    budgets && (!context.runs("configmaps") || items.all(|item| item.pointers.wanted().all(read)))
}

/// Decodes a workload and keeps what both kinds say of themselves.
fn decode<'a>(
    kind: Kind,
    json: &'a [u8],
    framing: Framing,
    context: &Context,
) -> Result<(Key, Workload<'a>, Kept), Malformed> {
    let workload: Workload<'a> = object(json, framing)?;
    let key = workload.metadata.key(context)?;
    let mut kept = keep(kind, &key, &workload, context);
    let facts = &mut kept.node.facts;
    facts.set_some(Fact::ManagedBy, deployer(&workload.metadata));
    facts.set_some(Fact::ReplicasManager, replicas_manager(json, framing));
    describe_pods(facts, &workload.spec);
    Ok((key, workload, kept))
}

/// What one pod needs and how pods are replaced.
fn describe_pods(facts: &mut Facts, spec: &Spec<'_>) {
    let (cpu, memory) = spec.template.spec.requests();
    facts.set_some(Fact::CpuRequestMillicores, cpu);
    facts.set_some(Fact::MemoryRequestMib, memory);
    facts.set_some(Fact::NodeSelector, spec.template.spec.node_selector());
    facts.set_some(Fact::Tolerations, spec.template.spec.tolerations());
    let grace = spec.template.spec.termination_grace_period_seconds;
    facts.set_some(Fact::TerminationGraceSeconds, grace);
    let Some(strategy) = spec.strategy.as_ref().or(spec.update_strategy.as_ref()) else {
        return;
    };
    let kind = Some(&*strategy.kind).filter(|kind| !kind.is_empty());
    facts.set_some(Fact::Strategy, kind);
    if let Some(rolling) = &strategy.rolling_update {
        let surge = rolling.max_surge.as_ref().map(Share::value);
        facts.set_some(Fact::MaxSurge, surge);
        let missing = rolling.max_unavailable.as_ref().map(Share::value);
        facts.set_some(Fact::MaxUnavailable, missing);
    }
}

/// The facts of both kinds.
fn keep(kind: Kind, key: &Key, workload: &Workload<'_>, context: &Context) -> Kept {
    let (namespace, name) = key;
    let Workload {
        metadata,
        spec,
        status,
    } = workload;
    let id = context.id(kind, Some(namespace), name);
    let mut node = FoundNode::new(id, kind, &**name, context.scope(Some(namespace)));
    let asked = spec.replicas.unwrap_or(1);
    let missing = (asked - status.available_replicas).max(0);
    let facts = &mut node.facts;
    facts.set(Fact::Replicas, asked);
    facts.set(Fact::ReplicasReady, status.ready_replicas);
    facts.set(Fact::ReplicasUpdated, status.updated_replicas);
    facts.set(Fact::ReplicasAvailable, status.available_replicas);
    facts.set(
        Fact::ReplicasUnavailable,
        status.unavailable_replicas.unwrap_or(missing),
    );
    facts.set_some(Fact::Generation, metadata.generation);
    facts.set(Fact::ObservedGeneration, status.observed_generation);
    facts.set_some(Fact::CreatedAt, metadata.created());
    facts.set_some(Fact::Image, spec.template.image(context));
    if !metadata.labels.is_empty() {
        let labels = context.intern.labels(&metadata.labels);
        facts.set(Fact::Labels, Arc::clone(&labels.shown));
    }
    Kept {
        node,
        revision: None,
        progressed: None,
        template: context.intern.labels(&spec.template.metadata.labels),
        pointers: Pointers::of(&spec.template.spec, namespace, context),
    }
}

/// The node with what neighbours know of it.
fn join(key: &Key, item: &Kept, context: &Context) -> FoundNode {
    let mut node = item.node.clone();
    let configs = context.neighbours.configs();
    item.pointers
        .tie(&mut node, configs.as_deref(), Ties::HostsAndQueues);
    let budgets = context.neighbours.budgets().unwrap_or_default();
    let mut own = budgets
        .iter()
        .filter(|budget| budget.covers(&key.0, &item.template.map));
    if let Some(budget) = own.next() {
        node.facts.set(Fact::MinAvailable, budget.min_available);
        node.facts.set_some(Fact::MinAvailableFixed, budget.fixed);
        node.facts.set(Fact::DisruptionsAllowed, budget.allowed);
    }
    node
}

/// Complete, progressing, stuck or paused, as `kubectl rollout status` has it. Replicas that fail
/// long after a rollout was complete do not make it progress again.
fn deployment_rollout(meta: &Meta<'_>, spec: &Spec<'_>, status: &Status<'_>) -> &'static str {
    let progressing = condition(&status.conditions, "Progressing");
    let reason = progressing.map_or("", |condition| &*condition.reason);
    let asked = spec.replicas.unwrap_or(1);
    let seen = meta
        .generation
        .is_none_or(|generation| status.observed_generation >= generation);
    let replaced = status.updated_replicas >= asked && status.replicas <= status.updated_replicas;
    let arrived = match progressing {
        Some(_) => reason == "NewReplicaSetAvailable",
        None => status.available_replicas >= asked,
    };
    if spec.paused {
        "paused"
    } else if reason == "ProgressDeadlineExceeded" {
        "stuck"
    } else if seen && replaced && arrived {
        "complete"
    } else {
        "progressing"
    }
}
