//! What a pod's specification (of a pod or of a workload's template) points at.

use super::Context;
use super::decode::{Meta, Pairs, Text, mebibytes, millicores, nullable};
use super::hosts::{Mention, mentions};
use super::neighbours::{Config, Key};
use model::{FoundNode, Name, Relation};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A workload's `template`.
#[derive(Default, Deserialize)]
pub(super) struct Template<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) spec: PodSpec<'a>,
}

impl Template<'_> {
    /// The first container's image.
    pub(super) fn image(&self, context: &Context) -> Option<Arc<str>> {
        let image = &self.spec.containers.first()?.image;
        (!image.is_empty()).then(|| context.intern.text(image))
    }
}

/// The fields of a `PodSpec` that are looked at.
/// <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec>
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec<'a> {
    #[serde(borrow, default)]
    pub(super) node_name: Option<Text<'a>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) host_network: bool,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) containers: Vec<Container<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) init_containers: Vec<Container<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    volumes: Vec<Volume<'a>>,
    #[serde(default)]
    pub(super) termination_grace_period_seconds: Option<i64>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    node_selector: Pairs<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    tolerations: Vec<Toleration<'a>>,
}

/// A toleration. <https://kubernetes.io/docs/reference/kubernetes-api/definitions/toleration-v1/>
#[derive(Deserialize)]
struct Toleration<'a> {
    /// Empty matches all keys.
    #[serde(borrow, default, deserialize_with = "nullable")]
    key: Text<'a>,
    /// `Equal` when left out.
    #[serde(borrow, default, deserialize_with = "nullable")]
    operator: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    value: Text<'a>,
    /// Empty matches all effects.
    #[serde(borrow, default, deserialize_with = "nullable")]
    effect: Text<'a>,
}

impl Toleration<'_> {
    /// As `Fact::Tolerations` has it; `None` for operators that compare numbers.
    fn words(&self) -> Option<String> {
        let any = |text: &str| {
            if text.is_empty() {
                "*".to_owned()
            } else {
                text.to_owned()
            }
        };
        let (key, effect) = (any(&self.key), any(&self.effect));
        match &*self.operator {
            "" | "Equal" => Some(format!("{key}={}:{effect}", &*self.value)),
            "Exists" => Some(format!("{key}:{effect}")),
            _ => None,
        }
    }
}

impl PodSpec<'_> {
    /// The labels a node must have, `key=value, …`; `None` where it asks for none.
    pub(super) fn node_selector(&self) -> Option<String> {
        let all = self.node_selector.iter();
        let all: Vec<String> = all.map(|(key, value)| format!("{key}={value}")).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// The taints it tolerates, as `Fact::Tolerations` has them.
    pub(super) fn tolerations(&self) -> Option<String> {
        let all: Vec<String> = self
            .tolerations
            .iter()
            .filter_map(Toleration::words)
            .collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// What one pod requests of CPU (millicores) and memory (MiB): its containers and sidecars
    /// together. `None` where none of them requests any.
    pub(super) fn requests(&self) -> (Option<i64>, Option<i64>) {
        let sidecars = self.init_containers.iter();
        let sidecars = sidecars.filter(|container| &*container.restart_policy == "Always");
        let all: Vec<&Pairs<'_>> = self
            .containers
            .iter()
            .chain(sidecars)
            .map(|container| &container.resources.requests)
            .collect();
        let sum = |key: &str, read: fn(&str) -> Option<i64>| {
            let amounts = all.iter().filter_map(|requests| read(requests.get(key)?));
            amounts.reduce(|sum, amount| sum.saturating_add(amount))
        };
        (sum("cpu", millicores), sum("memory", mebibytes))
    }
}

/// A container.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) name: Text<'a>,
    /// `Always` makes an init container a sidecar.
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) restart_policy: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) image: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    env: Vec<Variable<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    env_from: Vec<From<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    resources: Resources<'a>,
}

#[derive(Default, Deserialize)]
struct Resources<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    requests: Pairs<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variable<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    value: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    value_from: ValueFrom<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValueFrom<'a> {
    #[serde(borrow, default)]
    config_map_key_ref: Option<KeyRef<'a>>,
}

#[derive(Deserialize)]
struct KeyRef<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    name: Text<'a>,
    #[serde(borrow)]
    key: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct From<'a> {
    #[serde(borrow, default)]
    config_map_ref: Option<NameRef<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Volume<'a> {
    #[serde(borrow, default)]
    config_map: Option<NameRef<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    projected: Projected<'a>,
}

#[derive(Default, Deserialize)]
struct Projected<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    sources: Vec<ProjectedSource<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProjectedSource<'a> {
    #[serde(borrow, default)]
    config_map: Option<NameRef<'a>>,
}

#[derive(Deserialize)]
struct NameRef<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    name: Text<'a>,
}

/// Published into every namespace by the control plane (and OpenShift): certificates, no endpoints.
const CERTIFICATES: [&str; 2] = ["kube-root-ca.crt", "openshift-service-ca.crt"];

/// What a specification points at: names found in it, and ConfigMaps it refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pointers {
    /// Mention and the variable it was found in.
    direct: BTreeMap<Mention, Arc<str>>,
    /// ConfigMap to the keys used of it; `None` is all of them.
    configs: BTreeMap<Key, Option<BTreeSet<Arc<str>>>>,
}

/// Which ties a node gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ties {
    /// Hosts only: a pod.
    Hosts,
    /// Hosts and queues: a workload.
    HostsAndQueues,
}

impl Pointers {
    /// Reads a specification. Values of the environment are not kept.
    pub(super) fn of(spec: &PodSpec<'_>, namespace: &str, context: &Context) -> Self {
        let mut pointers = Self::default();
        let namespace = context.intern.text(namespace);
        for container in spec.containers.iter().chain(&spec.init_containers) {
            pointers.environment(container, &namespace, context);
        }
        let projected = |volume: &Volume<'_>| -> Vec<Arc<str>> {
            let sources = volume.projected.sources.iter();
            let maps = sources.filter_map(|source| source.config_map.as_ref());
            let direct = volume.config_map.iter();
            direct
                .chain(maps)
                .map(|map| context.intern.text(&map.name))
                .collect()
        };
        for name in spec.volumes.iter().flat_map(projected) {
            pointers.all_of((Arc::clone(&namespace), name));
        }
        pointers
    }

    fn environment(&mut self, container: &Container<'_>, namespace: &Arc<str>, context: &Context) {
        for Variable {
            name,
            value,
            value_from,
        } in &container.env
        {
            for mention in mentions(name, value, &context.intern) {
                self.direct
                    .entry(mention)
                    .or_insert_with(|| context.intern.text(name));
            }
            if let Some(from) = &value_from.config_map_key_ref {
                let map = (Arc::clone(namespace), context.intern.text(&from.name));
                if let Some(keys) = self
                    .configs
                    .entry(map)
                    .or_insert_with(|| Some(BTreeSet::new()))
                {
                    keys.insert(context.intern.text(&from.key));
                }
            }
        }
        for from in container
            .env_from
            .iter()
            .filter_map(|from| from.config_map_ref.as_ref())
        {
            self.all_of((Arc::clone(namespace), context.intern.text(&from.name)));
        }
    }

    fn all_of(&mut self, map: Key) {
        if !map.1.is_empty() && !CERTIFICATES.contains(&&*map.1) {
            self.configs.insert(map, None);
        }
    }

    /// The ConfigMaps referred to.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &Key> {
        self.configs.keys()
    }

    /// Ties `node` to what is pointed at, through ConfigMaps as far as they were read.
    pub(super) fn tie(
        &self,
        node: &mut FoundNode,
        configs: Option<&BTreeMap<Key, Config>>,
        ties: Ties,
    ) {
        let mut seen = BTreeSet::new();
        for (mention, variable) in &self.direct {
            if seen.insert(mention) {
                tie(node, mention, ties, || {
                    format!("{variable} in its environment")
                });
            }
        }
        for (map, keys) in &self.configs {
            let Some(config) = configs.and_then(|configs| configs.get(map)) else {
                continue;
            };
            let used = |key: &Arc<str>| keys.as_ref().is_none_or(|keys| keys.contains(key));
            for (key, mentions) in config.iter().filter(|(key, _)| used(key)) {
                for mention in mentions.iter().filter(|mention| seen.insert(mention)) {
                    tie(node, mention, ties, || {
                        format!("{key} of ConfigMap {}", map.1)
                    });
                }
            }
        }
    }
}

fn tie(node: &mut FoundNode, mention: &Mention, ties: Ties, how: impl Fn() -> String) {
    let queues = ties == Ties::HostsAndQueues;
    match mention {
        Mention::Host(host) => {
            node.tie_to(Relation::ConnectsTo, Name::Host(Arc::clone(host)), how())
        }
        Mention::QueueArn(arn) if queues => {
            node.tie_to(Relation::SendsTo, Name::Arn(Arc::clone(arn)), how())
        }
        Mention::QueueUrl(url) if queues => {
            node.tie_to(Relation::SendsTo, Name::QueueUrl(Arc::clone(url)), how())
        }
        Mention::QueueArn(_) | Mention::QueueUrl(_) => {}
    }
}
