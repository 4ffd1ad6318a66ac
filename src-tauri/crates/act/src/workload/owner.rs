//! Who owns `replicas` of a workload.
//!
//! KEDA keeps an autoscaler of its own, which writes `replicas` at every sync
//! (<https://keda.sh/docs/latest/concepts/scaling-deployments/>); an autoscaler does so every 15 s
//! (`--horizontal-pod-autoscaler-sync-period`,
//! <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#how-does-a-horizontalpodautoscaler-work>);
//! Argo CD and Flux put back what git says.

use super::near;
use crate::finding::{Answer, Words, finding, worst};
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::{list, span};
use model::{Fact, Kind, Node, Relation, Snapshot};

/// Seconds between two looks of an autoscaler, by default.
pub(crate) const HPA_SYNC_SECONDS: f64 = 15.0;
/// Seconds between two looks of KEDA, when its scaled object does not say.
const KEDA_POLLING_SECONDS: i64 = 30;
/// Seconds within which Argo CD looks at an application anew, by default
/// (`timeout.reconciliation`, <https://argo-cd.readthedocs.io/en/stable/operator-manual/argocd-cm-yaml/>).
const ARGO_SYNC_SECONDS: f64 = 180.0;
/// Seconds taken for Flux where its object was not read.
const FLUX_SYNC_SECONDS: f64 = 600.0;

/// A tool that puts back what git says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    ArgoCd,
    Flux,
}

/// A workload kept as git has it.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    pub(crate) tool: Tool,
    /// `Argo CD application shop`, `Flux Kustomization apps`.
    pub(crate) called: String,
    /// Within how many seconds it puts a change back; `None` when it does not by itself.
    pub(crate) reverts_in: Option<f64>,
    /// Where that is known from.
    pub(crate) origin: Option<Origin>,
}

/// Who owns `replicas`.
#[derive(Clone, Debug)]
pub(crate) enum Owner<'a> {
    ScaledObject(&'a Node),
    Hpa(&'a Node),
    GitOps(Keeper),
    Nobody,
}

impl<'a> Owner<'a> {
    /// The owner, as far as it was read.
    pub(crate) fn of(snapshot: &'a Snapshot, workload: &Node) -> Self {
        let scalers = near::previous(snapshot, &workload.id, Relation::Scales);
        let of = |kind: Kind| scalers.iter().copied().find(|node| node.kind == kind);
        if let Some(scaled) = of(Kind::ScaledObject) {
            return Self::ScaledObject(scaled);
        }
        // At zero replicas an autoscaler is off until somebody else sets them.
        let off = workload.facts.count(Fact::Replicas) == Some(0);
        if let Some(hpa) = of(Kind::Hpa).filter(|_| !off) {
            return Self::Hpa(hpa);
        }
        match keeper(workload) {
            Some(keeper) => Self::GitOps(keeper),
            None => Self::Nobody,
        }
    }

    /// The scaler that sets `replicas` between two bounds.
    pub(crate) fn scaler(&self) -> Option<&'a Node> {
        match self {
            Self::ScaledObject(node) | Self::Hpa(node) => Some(node),
            Self::GitOps(_) | Self::Nobody => None,
        }
    }

    /// `KEDA ScaledObject order-writer`.
    pub(crate) fn called(&self) -> String {
        match self {
            Self::ScaledObject(node) => format!("KEDA ScaledObject {}", node.name),
            Self::Hpa(node) => format!("HPA {}", node.name),
            Self::GitOps(keeper) => keeper.called.clone(),
            Self::Nobody => "nobody".to_owned(),
        }
    }

    /// Seconds between two times it looks: after two of them it has had its say.
    pub(crate) fn sync_seconds(&self) -> f64 {
        match self {
            Self::ScaledObject(node) => {
                let polling = node.facts.count(Fact::PollingIntervalSeconds);
                (polling.unwrap_or(KEDA_POLLING_SECONDS) as f64).max(HPA_SYNC_SECONDS)
            }
            Self::Hpa(_) => HPA_SYNC_SECONDS,
            Self::GitOps(keeper) => keeper.reverts_in.unwrap_or(ARGO_SYNC_SECONDS),
            Self::Nobody => HPA_SYNC_SECONDS,
        }
    }
}

/// The tool that keeps an object as git has it, by its marks.
pub(crate) fn keeper(node: &Node) -> Option<Keeper> {
    let mark = node.facts.text(Fact::ManagedBy)?;
    let (tool, called, seconds) = match mark.split_once(':')? {
        ("argocd", name) => (
            Tool::ArgoCd,
            format!("Argo CD application {name}"),
            ARGO_SYNC_SECONDS,
        ),
        ("flux-kustomization", name) => (
            Tool::Flux,
            format!("Flux Kustomization {}", bare(name)),
            FLUX_SYNC_SECONDS,
        ),
        ("flux-helmrelease", name) => (
            Tool::Flux,
            format!("Flux HelmRelease {}", bare(name)),
            FLUX_SYNC_SECONDS,
        ),
        _ => return None,
    };
    Some(Keeper {
        tool,
        called,
        reverts_in: Some(seconds),
        origin: None,
    })
}

/// The name in `NAMESPACE/NAME`.
fn bare(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// `≤ 3 min`.
pub(crate) fn within(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => "≤ 1 min".to_owned(),
        s => format!("≤ {}", span((s / 60.0).ceil() * 60.0)),
    }
}

/// Whether everybody who may own `replicas` was read, and only one does.
pub(crate) fn known(snapshot: &Snapshot, workload: &Node, owner: &Owner<'_>) -> Vec<Finding> {
    let mut answers = Vec::new();
    for part in ["horizontalpodautoscalers", "scaledobjects"] {
        answers.push(match near::source(snapshot, workload, part) {
            Some(status) => {
                let origin = Origin::of_source(snapshot, status);
                Answer::of(origin, Some(true), owner.called())
            }
            None => Answer::unknown(format!("{part} are not read")),
        });
    }
    let answer = worst(answers).unwrap_or_else(|| Answer::unknown("not read"));
    let mut all = vec![finding(
        "scale.owner",
        Severity::Block,
        answer,
        Words {
            pass: format!(
                "replicas of {} belong to {}.",
                workload.name,
                owner.called()
            ),
            fail: String::new(),
            unknown: format!(
                "Who owns replicas of {} is not known: autoscalers or ScaledObjects were not read lately.",
                workload.name
            ),
            threshold: "every owner read",
            next: "Wait for the next reading, or mend the source that fails.",
        },
    )];
    all.extend(alone(snapshot, workload));
    all.extend(active(snapshot, owner));
    all
}

/// Two autoscalers of one workload scale nothing (`AmbiguousSelector`).
fn alone(snapshot: &Snapshot, workload: &Node) -> Option<Finding> {
    let scalers = near::previous(snapshot, &workload.id, Relation::Scales);
    let first = scalers.first()?;
    let of_keda = |hpa: &Node| {
        let owners = near::previous(snapshot, &hpa.id, Relation::Owns);
        owners.iter().any(|owner| owner.kind == Kind::ScaledObject)
    };
    let mut names: Vec<String> = scalers
        .iter()
        .filter(|node| node.kind == Kind::ScaledObject || !of_keda(node))
        .map(|node| format!("{} {}", node.kind, node.name))
        .collect();
    names.sort();
    let answer = Answer::of(
        Origin::of(snapshot, first, Fact::Max),
        Some(names.len() < 2),
        list(&names),
    );
    Some(finding(
        "scale.one-owner",
        Severity::Block,
        answer,
        Words {
            pass: format!("Nobody else scales {}.", workload.name),
            fail: format!(
                "{} is scaled by {}: they overwrite each other.",
                workload.name,
                list(&names)
            ),
            unknown: format!("Whether only one scales {} is not known.", workload.name),
            threshold: "one owner",
            next: "Delete all but one of them first.",
        },
    ))
}

/// Whether the scaler acts at all: a paused ScaledObject and an autoscaler whose selector does not
/// fit do not.
pub(crate) fn active(snapshot: &Snapshot, owner: &Owner<'_>) -> Option<Finding> {
    let scaler = owner.scaler()?;
    let (fact, holds, value, why, next) = match owner {
        Owner::ScaledObject(_) => {
            let paused = scaler.facts.flag(Fact::Paused);
            let value = match paused {
                Some(true) => "paused",
                Some(false) => "active",
                None => "not known",
            };
            (
                Fact::Paused,
                paused.map(|paused| !paused),
                value.to_owned(),
                "is paused: new bounds do nothing until it is resumed".to_owned(),
                "Resume the ScaledObject first.",
            )
        }
        Owner::Hpa(_) | Owner::GitOps(_) | Owner::Nobody => {
            let reason = scaler.facts.text(Fact::Reason).unwrap_or("");
            let mismatch = matches!(reason, "InvalidSelector" | "AmbiguousSelector");
            let value = if mismatch { reason } else { "fits" };
            (
                Fact::Max,
                Some(!mismatch),
                value.to_owned(),
                format!("does not scale: its selector does not fit ({reason})"),
                "Mend the selector of the workload first.",
            )
        }
    };
    Some(finding(
        "scale.owner-active",
        Severity::Block,
        Answer::of(Origin::of(snapshot, scaler, fact), holds, value),
        Words {
            pass: format!("{} acts on its bounds.", scaler.name),
            fail: format!("{} {why}.", scaler.name),
            unknown: format!("Whether {} acts is not known.", scaler.name),
            threshold: "active",
            next,
        },
    ))
}

/// Git puts back what is written: `what` of `node`.
pub(crate) fn reverted(node: &Node, what: &str) -> Option<Finding> {
    let keeper = keeper(node)?;
    let by = &keeper.called;
    let (holds, value) = match keeper.reverts_in {
        Some(seconds) => (false, format!("reverted in {}", within(seconds))),
        None => (true, "not put back by itself".to_owned()),
    };
    let answer = match keeper.origin.clone() {
        Some(origin) => Answer::of(origin, Some(holds), value.clone()),
        None => Answer::given(holds, value.clone()),
    };
    let next = match keeper.tool {
        Tool::ArgoCd => {
            "Change git, or suspend the application's automated sync for a while first."
        }
        Tool::Flux => "Change git, or suspend its reconciliation for a while first.",
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
            next,
        },
    ))
}
