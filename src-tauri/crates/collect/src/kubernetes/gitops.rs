//! What keeps objects as git has them, where it is served: Argo CD's Applications, Flux' Kustomizations
//! and HelmReleases.
//!
//! <https://argo-cd.readthedocs.io/en/stable/user-guide/auto_sync/>,
//! <https://argo-cd.readthedocs.io/en/stable/user-guide/skip_reconcile/>,
//! <https://fluxcd.io/flux/components/kustomize/kustomizations/>,
//! <https://fluxcd.io/flux/components/helm/helmreleases/> (drift is put right only where
//! `driftDetection.mode` is `enabled`).

mod ignored;

use super::Context;
use super::decode::{Condition, Meta, Text, condition, message, nullable};
use super::ownership::deployer;
use super::shelf::{Decode, Malformed, Version};
use ignored::{Difference, Rule};
use model::{Fact, FoundNode, Kind, Name, Relation};
use serde::Deserialize;
use serde::de::IgnoredAny;

const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";
/// The option without which a sync writes also what `ignoreDifferences` names
/// (<https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/#respect-ignore-difference-configs>).
const RESPECT: &str = "RespectIgnoreDifferences=true";
const IN_CLUSTER: &str = "https://kubernetes.default.svc";

#[derive(Deserialize)]
pub(super) struct Application<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: ApplicationSpec<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: ApplicationStatus<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationSpec<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    sync_policy: SyncPolicy<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    destination: Destination<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    ignore_differences: Vec<Difference<'a>>,
}

/// `spec.destination`: an Argo CD may keep other clusters than its own
/// (<https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#clusters>).
#[derive(Default, Deserialize)]
struct Destination<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    server: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    name: Text<'a>,
}

impl Destination<'_> {
    /// Where it is, when that is another cluster.
    fn elsewhere(&self) -> Option<&str> {
        match (&*self.server, &*self.name) {
            ("" | IN_CLUSTER, "" | "in-cluster") => None,
            ("" | IN_CLUSTER, name) => Some(name),
            (server, _) => Some(server),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SyncPolicy<'a> {
    #[serde(default)]
    automated: Option<Automated>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    sync_options: Vec<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Automated {
    /// On when left out.
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    self_heal: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApplicationStatus<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    sync: Sync<'a>,
    #[serde(borrow, default)]
    reconciled_at: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    resources: Vec<Kept<'a>>,
}

#[derive(Default, Deserialize)]
struct Sync<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: Text<'a>,
}

/// One of `status.resources`.
#[derive(Deserialize)]
struct Kept<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    namespace: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    name: Text<'a>,
}

/// Applications, one by one.
#[derive(Default)]
pub(super) struct Applications;

impl Decode for Applications {
    const KIND: Kind = Kind::Application;
    type Object<'a> = Application<'a>;

    fn node(
        object: &Application<'_>,
        context: &Context,
    ) -> Result<(FoundNode, Version), Malformed> {
        let Application {
            metadata,
            spec,
            status,
        } = object;
        let mut node = found(metadata, Kind::Application, context)?;
        let facts = &mut node.facts;
        let automated = spec.sync_policy.automated.as_ref();
        let automated = automated.filter(|a| a.enabled != Some(false));
        let heals = automated.is_some_and(|a| a.self_heal == Some(true));
        facts.set(Fact::AutoSync, automated.is_some());
        facts.set(Fact::SelfHeal, heals);
        let skipped = metadata.annotations.get(SKIP_RECONCILE);
        facts.set(Fact::Suspended, skipped.is_some_and(holds));
        facts.set_some(
            Fact::SuspendWritten,
            skipped.map(|s| context.intern.text(s)),
        );
        let ignored = ignored::differences(&spec.ignore_differences);
        facts.set_some(Fact::IgnoresDrift, ignored);
        let options = &spec.sync_policy.sync_options;
        let always = options.iter().any(|option| &**option == RESPECT);
        facts.set(Fact::IgnoresDriftAlways, always);
        let sync = Some(&*status.sync.status).filter(|status| !status.is_empty());
        facts.set_some(Fact::SyncStatus, sync.map(|sync| context.intern.text(sync)));
        let looked = status.reconciled_at.as_ref().and_then(Text::time);
        facts.set_some(Fact::SyncedAt, looked);
        if let Some(place) = spec.destination.elsewhere() {
            node.facts
                .set(Fact::Destination, context.intern.text(place));
            return Ok((node, metadata.resource_version.to_string()));
        }
        for kept in &status.resources {
            deploys(
                &mut node,
                (&kept.kind, &kept.namespace, &kept.name),
                "status.resources",
                context,
            );
        }
        Ok((node, metadata.resource_version.to_string()))
    }
}

#[derive(Deserialize)]
pub(super) struct Flux<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: FluxSpec<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: FluxStatus<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FluxSpec<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    interval: Text<'a>,
    #[serde(default)]
    suspend: Option<bool>,
    /// Another cluster is kept.
    #[serde(default)]
    kube_config: Option<IgnoredAny>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    drift_detection: DriftDetection<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    ignore: Vec<Rule<'a>>,
}

#[derive(Default, Deserialize)]
struct DriftDetection<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    mode: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    ignore: Vec<Rule<'a>>,
}

#[derive(Default, Deserialize)]
struct FluxStatus<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    conditions: Vec<Condition<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    inventory: Inventory<'a>,
}

#[derive(Default, Deserialize)]
struct Inventory<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    entries: Vec<Entry<'a>>,
}

/// `NAMESPACE_NAME_GROUP_KIND`.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    id: Text<'a>,
}

impl Entry<'_> {
    /// Kind, namespace and name: none of them has an underscore.
    fn parts(&self) -> Option<(&str, &str, &str)> {
        let mut parts = self.id.split('_');
        let (namespace, name, _, kind) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some((kind, namespace, name))
    }
}

/// Kustomizations, one by one.
#[derive(Default)]
pub(super) struct Kustomizations;

impl Decode for Kustomizations {
    const KIND: Kind = Kind::Kustomization;
    type Object<'a> = Flux<'a>;

    fn node(object: &Flux<'_>, context: &Context) -> Result<(FoundNode, Version), Malformed> {
        object.node(Kind::Kustomization, true, &object.spec.ignore, context)
    }
}

/// HelmReleases, one by one.
#[derive(Default)]
pub(super) struct HelmReleases;

impl Decode for HelmReleases {
    const KIND: Kind = Kind::HelmRelease;
    type Object<'a> = Flux<'a>;

    fn node(object: &Flux<'_>, context: &Context) -> Result<(FoundNode, Version), Malformed> {
        let drift = &object.spec.drift_detection;
        let heals = &*drift.mode == "enabled";
        object.node(Kind::HelmRelease, heals, &drift.ignore, context)
    }
}

impl Flux<'_> {
    fn node(
        &self,
        kind: Kind,
        heals: bool,
        ignores: &[Rule<'_>],
        context: &Context,
    ) -> Result<(FoundNode, Version), Malformed> {
        let Self {
            metadata,
            spec,
            status,
        } = self;
        let mut node = found(metadata, kind, context)?;
        let facts = &mut node.facts;
        facts.set(Fact::AutoSync, true);
        facts.set(Fact::SelfHeal, heals);
        facts.set_some(Fact::IgnoresDrift, ignored::rules(ignores));
        facts.set(Fact::IgnoresDriftAlways, kind == Kind::Kustomization);
        facts.set(Fact::Suspended, spec.suspend == Some(true));
        facts.set_some(Fact::SuspendWritten, spec.suspend.map(|s| s.to_string()));
        facts.set_some(Fact::SyncIntervalSeconds, seconds(&spec.interval));
        let ready = condition(&status.conditions, "Ready");
        // Unknown while it reconciles.
        let ready = ready.filter(|ready| matches!(&*ready.status, "True" | "False"));
        facts.set_some(Fact::Ready, ready.map(Condition::holds));
        if let Some(ready) = ready.filter(|ready| !ready.holds()) {
            facts.set(Fact::Reason, context.intern.text(&ready.reason));
            facts.set(Fact::Message, message(&ready.message));
        }
        if spec.kube_config.is_some() {
            facts.set(Fact::Destination, "spec.kubeConfig");
            return Ok((node, metadata.resource_version.to_string()));
        }
        for entry in &status.inventory.entries {
            if let Some(parts) = entry.parts() {
                deploys(&mut node, parts, "status.inventory", context);
            }
        }
        Ok((node, metadata.resource_version.to_string()))
    }
}

fn found(meta: &Meta<'_>, kind: Kind, context: &Context) -> Result<FoundNode, Malformed> {
    let (namespace, name) = meta.key(context)?;
    let id = context.id(kind, Some(&namespace), &name);
    let mut node = FoundNode::new(id, kind, &*name, context.scope(Some(&namespace)));
    node.facts.set_some(Fact::CreatedAt, meta.created());
    node.facts.set_some(Fact::ManagedBy, parent(meta));
    Ok(node)
}

/// What keeps the keeper: an ApplicationSet makes its Applications, else the usual marks.
fn parent(meta: &Meta<'_>) -> Option<String> {
    let set = meta
        .controller()
        .filter(|owner| &*owner.kind == "ApplicationSet");
    match set {
        Some(set) => Some(format!("applicationset:{}", &*set.name)),
        None => deployer(meta),
    }
}

/// What Argo CD takes for true (Go's `strconv.ParseBool`).
fn holds(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

/// Ties a keeper to what it keeps, of what else is watched.
fn deploys(
    node: &mut FoundNode,
    (kind, namespace, name): (&str, &str, &str),
    how: &'static str,
    context: &Context,
) {
    let kind = match kind {
        "Deployment" => Kind::Deployment,
        "StatefulSet" => Kind::StatefulSet,
        "HorizontalPodAutoscaler" => Kind::Hpa,
        "ScaledObject" => Kind::ScaledObject,
        _ => return,
    };
    let kept = context.id(kind, Some(namespace), name);
    node.tie_to(Relation::Deploys, Name::Id(kept), how);
}

/// A Go duration of hours, minutes and seconds (`1h30m`, `5m0s`), seconds.
fn seconds(text: &str) -> Option<i64> {
    let (mut all, mut number) = (0.0, String::new());
    let mut letters = text.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        let unit = match letter {
            '0'..='9' | '.' => {
                number.push(letter);
                continue;
            }
            'h' => 3600.0,
            'm' if letters.next_if_eq(&'s').is_some() => 0.001,
            'm' => 60.0,
            's' => 1.0,
            _ => return None,
        };
        all += number.parse::<f64>().ok()? * unit;
        number.clear();
    }
    (number.is_empty() && all > 0.0).then_some(all.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_as_go_writes_them() {
        for (text, expected) in [
            ("1m0s", Some(60)),
            ("1h30m", Some(5400)),
            ("1.5h", Some(5400)),
            ("90s", Some(90)),
            ("1500ms", Some(2)),
            ("", None),
            ("10", None),
            ("5d", None),
            ("m", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
