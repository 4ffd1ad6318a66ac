//! Resource quotas: what may still be created in a namespace. They are no nodes; what they say is
//! said of the namespace, the tightest of several.
//! <https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/resource-quota-v1/>

use super::Context;
use super::decode::{Framing, Meta, Pairs, mebibytes, millicores, nullable, object};
use super::neighbours::Key;
use super::shelf::{Malformed, Version};
use super::whole::Together;
use model::{Fact, Found, FoundNode, Kind, Standing};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(Deserialize)]
struct Quota<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(default, deserialize_with = "nullable")]
    spec: Spec,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: Status<'a>,
}

/// A quota with a scope counts only some pods (best-effort, a priority class): it says nothing about
/// pods in general.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default, deserialize_with = "nullable")]
    scopes: Vec<IgnoredAny>,
    #[serde(default)]
    scope_selector: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct Status<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    hard: Pairs<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    used: Pairs<'a>,
}

/// How much of something is allowed and used.
type Limit = Option<(i64, i64)>;

/// What one quota allows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowed {
    pods: Limit,
    cpu: Limit,
    memory: Limit,
}

/// Quotas, said of their namespaces.
pub(super) struct Quotas;

impl Together for Quotas {
    type Item = Allowed;
    const GATHER: Duration = Duration::from_millis(250);

    fn item(
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<(Key, Option<Allowed>, Version), Malformed> {
        let Quota {
            metadata,
            spec,
            status,
        } = object(json, framing)?;
        let key = metadata.key(context)?;
        let general = spec.scopes.is_empty() && spec.scope_selector.is_none();
        let allowed = general.then(|| allowed(&status));
        Ok((key, allowed, metadata.resource_version.to_string()))
    }

    fn found(items: &BTreeMap<Key, Allowed>, context: &Context) -> Vec<Found> {
        let mut namespaces: BTreeMap<Arc<str>, Allowed> = BTreeMap::new();
        for ((namespace, _), quota) in items {
            let all = namespaces.entry(Arc::clone(namespace)).or_default();
            all.pods = tighter(all.pods, quota.pods);
            all.cpu = tighter(all.cpu, quota.cpu);
            all.memory = tighter(all.memory, quota.memory);
        }
        namespaces
            .iter()
            .map(|(namespace, quota)| Found::Node(Box::new(said_of(namespace, quota, context))))
            .collect()
    }
}

/// `cpu` and `memory` are other words for their requests, `pods` for the count of pods.
fn allowed(status: &Status<'_>) -> Allowed {
    let limit = |names: [&str; 2], read: fn(&str) -> Option<i64>| {
        let name = names
            .into_iter()
            .find(|name| status.hard.get(name).is_some())?;
        let used = status.used.get(name).and_then(read).unwrap_or(0);
        Some((read(status.hard.get(name)?)?, used))
    };
    let count = |text: &str| text.parse().ok();
    Allowed {
        pods: limit(["pods", "count/pods"], count),
        cpu: limit(["requests.cpu", "cpu"], millicores),
        memory: limit(["requests.memory", "memory"], mebibytes),
    }
}

/// The one with less left.
fn tighter(one: Limit, other: Limit) -> Limit {
    let left = |limit: &(i64, i64)| limit.0 - limit.1;
    one.into_iter().chain(other).min_by_key(left)
}

fn said_of(namespace: &str, quota: &Allowed, context: &Context) -> FoundNode {
    let id = context.id(Kind::Namespace, None, namespace);
    let scope = context.scope(Some(namespace));
    let mut node = FoundNode::new(id, Kind::Namespace, namespace, scope);
    node.standing = Standing::Declared;
    let mut say = |limit: Limit, hard: Fact, used: Fact| {
        node.facts.set_some(hard, limit.map(|limit| limit.0));
        node.facts.set_some(used, limit.map(|limit| limit.1));
    };
    say(quota.pods, Fact::QuotaPods, Fact::QuotaPodsUsed);
    say(
        quota.cpu,
        Fact::QuotaCpuMillicores,
        Fact::QuotaCpuUsedMillicores,
    );
    say(quota.memory, Fact::QuotaMemoryMib, Fact::QuotaMemoryUsedMib);
    node
}
