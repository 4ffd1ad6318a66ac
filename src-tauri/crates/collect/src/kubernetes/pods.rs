//! Pods.
//! <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>
//!
//! Thousands of them change all the time, so nothing is kept of a pod once its node was told. What
//! other resources know of it (the revision of its replica set, hosts in its ConfigMaps) is joined
//! when it is told; the first list waits for them, and a ConfigMap that changes later has the pods
//! listed again.

use super::Context;
use super::decode::{Condition, Framing, Meta, Text, condition, message, nullable, object};
use super::neighbours::{Config, Key, PATIENCE};
use super::shelf::{Malformed, News, Rejoin, Shelf, Version, bare, some};
use super::template::{PodSpec, Pointers, Ties};
use model::{Fact, Facts, Found, FoundNode, Kind, Name, NodeId, Relation, Timestamp};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Owners remembered at most: jobs come and go under ever new names.
const OWNERS: usize = 20_000;
/// What pods are called on the board of neighbours.
const WHO: &str = "pods";

#[derive(Deserialize)]
struct Pod<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: PodSpec<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: Status<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    phase: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    reason: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    message: Text<'a>,
    #[serde(borrow, default, rename = "podIP", deserialize_with = "nullable")]
    pod_ip: Text<'a>,
    #[serde(borrow, default)]
    start_time: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    conditions: Vec<Condition<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    container_statuses: Vec<ContainerStatus<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    init_container_statuses: Vec<ContainerStatus<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    name: Text<'a>,
    #[serde(default, deserialize_with = "nullable")]
    restart_count: i64,
    #[serde(borrow, default, deserialize_with = "nullable")]
    state: State<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    last_state: State<'a>,
}

#[derive(Default, Deserialize)]
struct State<'a> {
    #[serde(borrow, default)]
    waiting: Option<Waiting<'a>>,
    #[serde(borrow, default)]
    terminated: Option<Terminated<'a>>,
}

#[derive(Deserialize)]
struct Waiting<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    reason: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    message: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated<'a> {
    #[serde(default, deserialize_with = "nullable")]
    exit_code: i64,
    #[serde(borrow, default, deserialize_with = "nullable")]
    reason: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    message: Text<'a>,
    #[serde(borrow, default)]
    finished_at: Option<Text<'a>>,
}

/// A pod, with what its neighbours are asked for.
struct Loose {
    node: FoundNode,
    replica_set: Option<Key>,
    pointers: Arc<Pointers>,
}

/// Pods that changed since the last batch.
#[derive(Default)]
pub(super) struct Pods {
    pending: BTreeMap<NodeId, Option<Box<Loose>>>,
    /// Pods of one template point at the same things: held once.
    pointers: BTreeMap<Key, Arc<Pointers>>,
    /// ConfigMaps that pods refer to, as they were when the pods were told.
    joined: BTreeMap<Key, Option<Config>>,
}

impl Shelf for Pods {
    fn begin(&mut self) {
        self.pending.clear();
        self.pointers.clear();
        self.joined.clear();
    }

    fn put(
        &mut self,
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<Version, Malformed> {
        let pod: Pod<'_> = object(json, framing)?;
        pod.metadata.named()?;
        let loose = self.loose(&pod, context);
        let version = pod.metadata.resource_version.to_string();
        self.pending
            .insert(loose.node.id.clone(), Some(Box::new(loose)));
        Ok(version)
    }

    fn remove(
        &mut self,
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<Version, Malformed> {
        let (id, version) = bare(json, framing, Kind::Pod, context)?;
        self.pending.insert(id, None);
        Ok(version)
    }

    fn settle<'a>(
        &'a mut self,
        context: &'a Context,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let wanted: BTreeSet<Key> = self.wanted().cloned().collect();
        let replica_sets = context.runs("replicasets");
        let config_maps = context.runs("configmaps");
        Box::pin(async move {
            let ready = |neighbours: &super::Neighbours| {
                let configs = neighbours.configs();
                let read = |key| {
                    configs
                        .as_ref()
                        .is_some_and(|configs| configs.contains_key(key))
                };
                let rolled = !replica_sets || neighbours.rollouts().is_some();
                rolled && (!config_maps || wanted.iter().all(read))
            };
            context.neighbours.want_configs(WHO, wanted.clone());
            context.neighbours.wait(PATIENCE, ready).await;
        })
    }

    fn all(&mut self, context: &Context) -> Vec<Found> {
        let News::Some { upserts, .. } = self.news(context) else {
            return Vec::new();
        };
        upserts
    }

    fn news(&mut self, context: &Context) -> News {
        let rollouts = context.neighbours.rollouts().unwrap_or_default();
        let configs = context.neighbours.configs();
        let (mut upserts, mut gone) = (Vec::new(), Vec::new());
        for (id, pod) in std::mem::take(&mut self.pending) {
            let Some(pod) = pod else {
                gone.push(id);
                continue;
            };
            let Loose {
                mut node,
                replica_set,
                pointers,
            } = *pod;
            let revision = replica_set.and_then(|key| rollouts.revisions.get(&key).copied());
            node.facts.set_some(Fact::Revision, revision);
            pointers.tie(&mut node, configs.as_deref(), Ties::Hosts);
            for key in pointers
                .wanted()
                .filter(|key| !self.joined.contains_key(*key))
                .cloned()
                .collect::<Vec<_>>()
            {
                let seen = configs
                    .as_ref()
                    .and_then(|configs| configs.get(&key).cloned());
                self.joined.insert(key, seen);
            }
            upserts.push(Found::Node(Box::new(node)));
        }
        context
            .neighbours
            .want_configs(WHO, self.wanted().cloned().collect());
        some(upserts, gone)
    }

    fn rejoin(&mut self, context: &Context) -> Rejoin {
        let configs = context.neighbours.configs();
        let now = |key| configs.as_ref().and_then(|configs| configs.get(key));
        if self
            .joined
            .iter()
            .any(|(key, seen)| now(key) != seen.as_ref())
        {
            Rejoin::List
        } else {
            Rejoin::Nothing
        }
    }
}

impl Pods {
    /// The ConfigMaps that pods refer to.
    fn wanted(&self) -> impl Iterator<Item = &Key> {
        self.pointers
            .values()
            .flat_map(|pointers| pointers.wanted())
    }

    fn loose(&mut self, pod: &Pod<'_>, context: &Context) -> Loose {
        let Pod {
            metadata,
            spec,
            status,
        } = pod;
        let namespace = metadata.namespace().unwrap_or("default");
        let mut node = FoundNode::new(
            context.id(Kind::Pod, Some(namespace), &metadata.name),
            Kind::Pod,
            &*metadata.name,
            context.scope(Some(namespace)),
        );
        // Kubernetes 1.35 and later copy the node's zone to the pod.
        let zone = metadata.labels.get("topology.kubernetes.io/zone");
        node.scope.az = zone.map(|zone| context.intern.text(zone));
        facts(&mut node.facts, pod, context);
        if !status.pod_ip.is_empty() && !spec.host_network {
            let ip = context.intern.text(&status.pod_ip);
            node.known_as
                .push(Name::Ip(Arc::clone(&context.region), ip));
        }
        let labels = context.intern.labels(&metadata.labels);
        node.facts.set(Fact::Labels, Arc::clone(&labels.shown));
        node.labels = Some(Arc::clone(&labels.map));
        if let Some(host) = spec.node_name.as_deref().filter(|host| !host.is_empty()) {
            let host = context.id(Kind::Node, None, host);
            node.tie_from(Relation::Hosts, Name::Id(host), "spec.nodeName");
        }
        let replica_set = owners(&mut node, metadata, namespace, context);
        let pointers = self.pointers(pod, namespace, context);
        Loose {
            node,
            replica_set,
            pointers,
        }
    }

    /// What the pod points at, held once for its owner's pods.
    fn pointers(&mut self, pod: &Pod<'_>, namespace: &str, context: &Context) -> Arc<Pointers> {
        let owner = pod
            .metadata
            .controller()
            .map_or(&*pod.metadata.name, |owner| &*owner.name);
        let fresh = Pointers::of(&pod.spec, namespace, context);
        let key = (context.intern.text(namespace), context.intern.text(owner));
        match self.pointers.get(&key) {
            Some(held) if **held == fresh => Arc::clone(held),
            _ => {
                if self.pointers.len() >= OWNERS {
                    self.pointers.clear();
                }
                let fresh = Arc::new(fresh);
                self.pointers.insert(key, Arc::clone(&fresh));
                fresh
            }
        }
    }
}

/// The owner as a tie, and the workload in the facts. Gives the replica set, if that is the owner.
fn owners(
    node: &mut FoundNode,
    meta: &Meta<'_>,
    namespace: &str,
    context: &Context,
) -> Option<Key> {
    let owner = meta.controller()?;
    let key = || {
        (
            context.intern.text(namespace),
            context.intern.text(&owner.name),
        )
    };
    let owned = |kind| Name::Id(context.id(kind, Some(namespace), &owner.name));
    let (name, kind, replica_set) = match &*owner.kind {
        "ReplicaSet" => {
            node.tie_from(
                Relation::Owns,
                owned(Kind::ReplicaSet),
                "controller in ownerReferences",
            );
            // A deployment names its replica sets after itself and the template's hash.
            let hash = meta.labels.get("pod-template-hash").unwrap_or_default();
            let deployment = owner
                .name
                .strip_suffix(hash)
                .and_then(|name| name.strip_suffix('-'));
            match deployment {
                Some(deployment) if !hash.is_empty() => (deployment, "Deployment", Some(key())),
                _ => (&*owner.name, "ReplicaSet", Some(key())),
            }
        }
        "StatefulSet" => {
            node.tie_from(
                Relation::Owns,
                owned(Kind::StatefulSet),
                "controller in ownerReferences",
            );
            (&*owner.name, "StatefulSet", None)
        }
        other => (&*owner.name, other, None),
    };
    node.facts.set(
        Fact::Workload,
        context.intern.text(&format!("{namespace}/{name}")),
    );
    node.facts
        .set(Fact::WorkloadKind, context.intern.text(kind));
    replica_set
}

fn facts(facts: &mut Facts, pod: &Pod<'_>, context: &Context) {
    let Pod {
        metadata,
        spec,
        status,
    } = pod;
    let text = |text: &str| (!text.is_empty()).then(|| context.intern.text(text));
    let told = condition(&status.conditions, "Ready");
    let ready = told.is_some_and(Condition::holds);
    facts.set_some(Fact::Phase, text(&status.phase));
    facts.set(Fact::Ready, ready);
    // Of ten thousand pods that are ready nobody asks since when.
    let changed = told
        .filter(|_| !ready)
        .and_then(|told| told.last_transition_time.as_ref());
    facts.set_some(Fact::ReadySince, changed.and_then(Text::time));
    if let Some((reason, words)) = trouble(status, ready) {
        facts.set_some(Fact::Reason, text(reason));
        if !words.is_empty() {
            facts.set(Fact::Message, message(words));
        }
    }
    let containers = || counted(pod);
    facts.set(
        Fact::Restarts,
        containers()
            .map(|container| container.restart_count)
            .sum::<i64>(),
    );
    if let Some((last, at)) = last_exit(containers()) {
        facts.set_some(Fact::LastRestartAt, at);
        facts.set(Fact::LastExit, context.intern.text(&exit_words(last)));
    }
    facts.set_some(
        Fact::PodIp,
        (!status.pod_ip.is_empty()).then(|| context.intern.text(&status.pod_ip)),
    );
    facts.set_some(Fact::NodeName, spec.node_name.as_deref().and_then(text));
    facts.set_some(
        Fact::Image,
        spec.containers
            .first()
            .and_then(|container| text(&container.image)),
    );
    facts.set_some(Fact::CreatedAt, metadata.created());
    facts.set_some(
        Fact::StartedAt,
        status.start_time.as_ref().and_then(Text::time),
    );
    facts.set(Fact::Terminating, metadata.deletion_timestamp.is_some());
}

/// The containers whose restarts count, as `kubectl get pods` counts them: its own and its sidecars',
/// and those of its init containers for as long as they run.
fn counted<'p, 'a>(pod: &'p Pod<'a>) -> impl Iterator<Item = &'p ContainerStatus<'a>> {
    let Pod { spec, status, .. } = pod;
    let initialized = condition(&status.conditions, "Initialized").is_some_and(Condition::holds);
    let sidecar = |name: &str| {
        let mut containers = spec.init_containers.iter();
        containers.any(|init| *init.name == *name && &*init.restart_policy == "Always")
    };
    let init = status.init_container_statuses.iter();
    let init = init.filter(move |init| !initialized || sidecar(&init.name));
    status.container_statuses.iter().chain(init)
}

/// Why the pod is not (or not quite) well: the word and the longer words. The container that is
/// worst off speaks for its pod, as `kubectl get pods` has it.
fn trouble<'s>(status: &'s Status<'_>, ready: bool) -> Option<(&'s str, &'s str)> {
    if !status.reason.is_empty() {
        return Some((&status.reason, &status.message));
    }
    let states = || {
        status
            .init_container_statuses
            .iter()
            .chain(&status.container_statuses)
    };
    let waiting = states().filter_map(|container| container.state.waiting.as_ref());
    // Waiting for an earlier container is nobody's trouble while another one has some.
    let (idle, stuck): (Vec<_>, Vec<_>) = waiting
        .filter(|waiting| !waiting.reason.is_empty())
        .partition(|waiting| matches!(&*waiting.reason, "ContainerCreating" | "PodInitializing"));
    if let Some(waiting) = stuck.first() {
        return Some((&waiting.reason, &waiting.message));
    }
    let mut ended = states().filter_map(|container| container.state.terminated.as_ref());
    if let Some(ended) = ended.find(|ended| ended.exit_code != 0 || &*ended.reason == "OOMKilled") {
        return Some((&ended.reason, &ended.message));
    }
    let scheduled = condition(&status.conditions, "PodScheduled");
    if let Some(scheduled) =
        scheduled.filter(|scheduled| !scheduled.holds() && !scheduled.reason.is_empty())
    {
        return Some((&scheduled.reason, &scheduled.message));
    }
    if let Some(waiting) = idle.first() {
        return Some((&waiting.reason, &waiting.message));
    }
    if &*status.phase == "Succeeded" {
        return Some(("Completed", ""));
    }
    let condition = condition(&status.conditions, "Ready").filter(|_| !ready)?;
    (!condition.reason.is_empty()).then_some((&condition.reason, &condition.message))
}

/// The newest end of a container that was started again, and when it was.
fn last_exit<'c, 'a: 'c>(
    containers: impl Iterator<Item = &'c ContainerStatus<'a>>,
) -> Option<(&'c Terminated<'a>, Option<Timestamp>)> {
    containers
        .filter_map(|container| container.last_state.terminated.as_ref())
        .map(|ended| (ended, ended.finished_at.as_ref().and_then(Text::time)))
        .max_by_key(|(_, at)| *at)
}

/// `OOMKilled (exit 137)`.
fn exit_words(ended: &Terminated<'_>) -> String {
    match &*ended.reason {
        "" => format!("exit {}", ended.exit_code),
        reason => format!("{reason} (exit {})", ended.exit_code),
    }
}
