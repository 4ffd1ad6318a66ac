//! Who owns `replicas` of a workload.
//!
//! KEDA keeps an autoscaler of its own, which writes `replicas` at every sync
//! (<https://keda.sh/docs/latest/concepts/scaling-deployments/>); an autoscaler does so every 15 s
//! (`--horizontal-pod-autoscaler-sync-period`,
//! <https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#how-does-a-horizontalpodautoscaler-work>);
//! Argo CD and Flux put back what git says.

use super::near;
use crate::finding::{Answer, Words, finding, worst};
use crate::gitops::{self, Keeper};
use crate::object::REPLICAS;
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::list;
use model::{Fact, Kind, Node, Relation, Snapshot};

/// Seconds between two looks of an autoscaler, by default.
pub(crate) const HPA_SYNC_SECONDS: f64 = 15.0;
/// Seconds between two looks of KEDA, when its scaled object does not say.
const KEDA_POLLING_SECONDS: i64 = 30;

/// Who looks less often is not waited for: a run holds its domain until it ends.
const LONGEST_SYNC_SECONDS: f64 = 600.0;

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
        Self::unscaled(snapshot, workload)
    }

    /// The owner besides any scaler.
    pub(crate) fn unscaled(snapshot: &Snapshot, workload: &Node) -> Self {
        match gitops::keeper(snapshot, workload, REPLICAS) {
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

    /// Seconds of two looks of everybody who may take back what is written to `field`: the owner itself, and who keeps
    /// the scaler in git.
    pub(crate) fn two_syncs(&self, snapshot: &Snapshot, field: &str) -> f64 {
        let scaler = self.scaler();
        let keeper = scaler.and_then(|scaler| gitops::keeper(snapshot, scaler, field));
        let reverts = keeper.and_then(|keeper| keeper.reverts_in).unwrap_or(0.0);
        2.0 * self.sync_seconds().max(reverts).min(LONGEST_SYNC_SECONDS)
    }

    /// Seconds between two times it looks: after two of them it has had its say.
    fn sync_seconds(&self) -> f64 {
        match self {
            Self::ScaledObject(node) => {
                let polling = node.facts.count(Fact::PollingIntervalSeconds);
                (polling.unwrap_or(KEDA_POLLING_SECONDS) as f64).max(HPA_SYNC_SECONDS)
            }
            Self::Hpa(_) => HPA_SYNC_SECONDS,
            Self::GitOps(keeper) => keeper.reverts_in.unwrap_or(HPA_SYNC_SECONDS),
            Self::Nobody => HPA_SYNC_SECONDS,
        }
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
            let unable = scaler.facts.flag(Fact::AbleToScale) == Some(false);
            // Bounds are enforced without metrics too
            // (<https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/>, algorithm details).
            let blind = scaler.facts.flag(Fact::ScalingActive) == Some(false);
            let value = match (mismatch || unable, blind) {
                (true, _) => reason.to_owned(),
                (false, true) => format!("bounds only ({reason})"),
                (false, false) => "fits".to_owned(),
            };
            let (why, next) = match mismatch {
                true => (
                    format!("does not scale: its selector does not fit ({reason})"),
                    "Mend the selector of the workload first.",
                ),
                false => (
                    format!("says that it cannot scale ({reason})"),
                    "Mend what it names first.",
                ),
            };
            (Fact::Max, Some(!mismatch && !unable), value, why, next)
        }
    };
    Some(finding(
        "scale.owner-active",
        Severity::Block,
        Answer::of(Origin::of(snapshot, scaler, fact), holds, value),
        Words {
            pass: match scaler.facts.flag(Fact::ScalingActive) {
                Some(false) => format!(
                    "{} keeps its bounds, but does not see its metrics.",
                    scaler.name
                ),
                Some(true) | None => format!("{} acts on its bounds.", scaler.name),
            },
            fail: format!("{} {why}.", scaler.name),
            unknown: format!("Whether {} acts is not known.", scaler.name),
            threshold: "active",
            next,
        },
    ))
}
