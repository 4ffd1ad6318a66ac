//! What keeps an object as git has it: an Argo CD Application, a Flux Kustomization or HelmRelease.
//!
//! Whether and when it puts a change back is read off its own object: self-heal of an Application
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/auto_sync/#automatic-self-healing>), the interval
//! of a Kustomization (<https://fluxcd.io/flux/components/kustomize/kustomizations/#interval>), drift
//! detection of a HelmRelease (<https://fluxcd.io/flux/components/helm/helmreleases/#drift-detection>),
//! and the fields any of them was told to leave alone.
//! Where that object is not in the picture (another cluster holds it, or it may not be read) the
//! object's own marks say who keeps it, and the tool's default says when.

mod pause;

#[cfg(test)]
mod tests;

pub use pause::{PauseSync, ResumeSync};

use crate::finding::{Answer, Words, finding};
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::span;
use crate::workload::near;
use model::{Fact, Kind, Node, Relation, Snapshot};

/// Seconds within which Argo CD looks at an application anew, by default
/// (`timeout.reconciliation`, <https://argo-cd.readthedocs.io/en/stable/operator-manual/argocd-cm-yaml/>).
/// It usually sees a change at once; this is the bound.
const ARGO_SYNC_SECONDS: f64 = 180.0;
/// Seconds taken for Flux where its object was not read.
const FLUX_SYNC_SECONDS: f64 = 600.0;

/// Who keeps an object as git has it.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    /// `Argo CD application shop`, `Flux Kustomization apps`.
    pub(crate) called: String,
    /// Within how many seconds it puts a change back; `None` when it does not by itself.
    pub(crate) reverts_in: Option<f64>,
    /// It leaves the field alone until it applies something else of the object.
    until_next_sync: bool,
    /// Where that is known from; `None` when only the object's marks say who keeps it.
    origin: Option<Origin>,
    /// Its name, where it is in the picture and can be paused.
    name: Option<String>,
}

/// What keeps a node as git has it, and whether it puts back `field` of it (a JSON pointer).
pub(crate) fn keeper(snapshot: &Snapshot, node: &Node, field: &str) -> Option<Keeper> {
    match read(snapshot, node) {
        Some(keeper) => Some(known(snapshot, keeper, ignores(keeper, node, field))),
        None => marked(node),
    }
}

/// The keeper's own node: the one that `node` says deploys it, else the one that says so itself.
fn read<'a>(snapshot: &'a Snapshot, node: &Node) -> Option<&'a Node> {
    let deploys = near::previous(snapshot, &node.id, Relation::Deploys);
    let Some((kind, namespace, name)) = mark(node) else {
        return deploys.first().copied();
    };
    let named = |other: &Node| {
        other.kind == kind
            && other.name == name
            && other.scope.cluster == node.scope.cluster
            && other.scope.region == node.scope.region
            && other.facts.text(Fact::Destination).is_none()
            && namespace.is_none_or(|wanted| other.scope.namespace.as_deref() == Some(wanted))
    };
    let mut all = snapshot.nodes.iter().map(AsRef::as_ref);
    all.find(|other| named(other))
}

/// Kind, namespace and name of the keeper by the marks it leaves. An Application outside Argo CD's own
/// namespace is tracked as `NAMESPACE_NAME`
/// (<https://argo-cd.readthedocs.io/en/stable/operator-manual/app-any-namespace/>).
fn mark(node: &Node) -> Option<(Kind, Option<&str>, &str)> {
    let (tool, name) = node.facts.text(Fact::ManagedBy)?.split_once(':')?;
    let (kind, separator) = match tool {
        "argocd" => (Kind::Application, '_'),
        "flux-kustomization" => (Kind::Kustomization, '/'),
        "flux-helmrelease" => (Kind::HelmRelease, '/'),
        _ => return None,
    };
    Some(match name.split_once(separator) {
        Some((namespace, name)) => (kind, Some(namespace), name),
        None => (kind, None, name),
    })
}

/// Whether a rule of the keeper's ([`Fact::IgnoresDrift`]) leaves `field` of the node alone.
fn ignores(keeper: &Node, node: &Node, field: &str) -> bool {
    let kind = match node.kind {
        Kind::Deployment => "Deployment",
        Kind::StatefulSet => "StatefulSet",
        Kind::Hpa => "HorizontalPodAutoscaler",
        Kind::ScaledObject => "ScaledObject",
        _ => return false,
    };
    let namespace = node.scope.namespace.as_deref().unwrap_or_default();
    let fits = |rule: &str| {
        let mut parts = rule.split([' ', '/']);
        let mut fits = |own| matches!(parts.next(), Some(part) if part == "*" || part == own);
        let place = fits(kind) && fits(namespace) && fits(&node.name);
        let pointer = rule.find(" /").map(|at| &rule[at + 1..]);
        let within = |pointer| {
            let rest = field.strip_prefix(pointer)?;
            Some(rest.is_empty() || rest.starts_with('/'))
        };
        place && pointer.and_then(within) == Some(true)
    };
    let rules = keeper.facts.text(Fact::IgnoresDrift).unwrap_or_default();
    rules.split(", ").any(fits)
}

fn known(snapshot: &Snapshot, keeper: &Node, ignores: bool) -> Keeper {
    let facts = &keeper.facts;
    let suspended = facts.flag(Fact::Suspended) == Some(true);
    let seconds = facts.count(Fact::SyncIntervalSeconds).map(|s| s as f64);
    let fact = match (suspended, ignores) {
        (true, _) => Fact::Suspended,
        (false, true) => Fact::IgnoresDrift,
        (false, false) => Fact::SelfHeal,
    };
    let origin = Origin::of(snapshot, keeper, fact);
    // What was not read lately may have changed.
    let heals = facts.flag(Fact::SelfHeal) == Some(true) && !suspended && !ignores;
    let heals = heals || !origin.believed;
    Keeper {
        called: called(keeper.kind, &keeper.name),
        reverts_in: heals.then(|| seconds.unwrap_or(usual(keeper.kind))),
        until_next_sync: ignores
            && !suspended
            && facts.flag(Fact::AutoSync) == Some(true)
            && facts.flag(Fact::IgnoresDriftAlways) != Some(true),
        origin: Some(origin),
        name: Some(keeper.name.clone()),
    }
}

fn marked(node: &Node) -> Option<Keeper> {
    let (kind, _, name) = mark(node)?;
    Some(Keeper {
        called: called(kind, name),
        reverts_in: Some(usual(kind)),
        until_next_sync: false,
        origin: None,
        name: None,
    })
}

/// `Flux Kustomization apps`.
fn called(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Application => format!("Argo CD application {name}"),
        Kind::HelmRelease => format!("Flux HelmRelease {name}"),
        _ => format!("Flux Kustomization {name}"),
    }
}

const fn usual(kind: Kind) -> f64 {
    match kind {
        Kind::Application => ARGO_SYNC_SECONDS,
        _ => FLUX_SYNC_SECONDS,
    }
}

/// `≤ 3 min`.
pub(crate) fn within(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => "≤ 1 min".to_owned(),
        s => format!("≤ {}", span((s / 60.0).ceil() * 60.0)),
    }
}

/// Git puts back what is written to `field` of `node`, which is called `what`.
pub(crate) fn reverted(
    snapshot: &Snapshot,
    node: &Node,
    field: &str,
    what: &str,
) -> Option<Finding> {
    let keeper = keeper(snapshot, node, field)?;
    let by = &keeper.called;
    let (holds, value) = match (keeper.reverts_in, &keeper.name) {
        (Some(seconds), Some(_)) => (false, format!("reverted in {}", within(seconds))),
        (Some(seconds), None) => (
            false,
            format!("reverted in {}, by default", within(seconds)),
        ),
        (None, _) if keeper.until_next_sync => {
            (false, "put back when it next applies something".to_owned())
        }
        (None, _) => (true, "not put back by itself".to_owned()),
    };
    let answer = match keeper.origin.clone() {
        Some(origin) => Answer::of(origin, Some(holds), value.clone()),
        None => Answer::given(holds, value.clone()),
    };
    Some(finding(
        "scale.gitops",
        Severity::Warn,
        answer,
        Words {
            pass: format!("{by} does not put {what} back by itself; git still says otherwise."),
            fail: format!("{by} keeps {what} as git has it: {value}."),
            unknown: format!("Whether {by} puts {what} back is not known."),
            threshold: "not put back",
            next: "Change git, or pause what keeps it as git has it for a while first.",
        },
    ))
}
