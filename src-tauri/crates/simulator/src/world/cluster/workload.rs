//! Workloads and their revisions: what a deployment or stateful set wants, and what its pods are made from.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::complaint::Complained;
use super::git::Git;
use super::need::Need;
use super::pod::PodId;
use super::spec::{CrashLoop, WorkloadKey, WorkloadSpec};
use super::store::Labels;
use crate::clock::Millis;

/// Index of a workload in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WorkloadId(pub usize);

/// A revision of a workload, whatever number it has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RevisionId(pub u32);

/// A template that was current once, with its replica set (or controller revision).
#[derive(Debug)]
pub(super) struct Revision {
    pub id: RevisionId,
    /// The annotation `deployment.kubernetes.io/revision`; an undo gives an old one a new number.
    pub number: u32,
    /// `pod-template-hash`.
    pub hash: String,
    pub uid: String,
    pub created: Millis,
    /// Full image reference.
    pub image: String,
    /// Its tag.
    pub tag: String,
    /// `spec.template` without the hash label.
    pub template: Value,
    /// Labels of its pods, the hash included.
    pub labels: Arc<Labels>,
    /// What its pods ask of a node.
    pub need: Arc<Need>,
    /// What every pod of it has in common, ready to be joined.
    pub print: PodPrint,
    /// `spec.replicas` of its replica set.
    pub replicas: u32,
    /// Its pods as last counted: those that stay, the ready ones of them, and those that go.
    pub staying: u32,
    pub ready: u32,
    pub going: u32,
    /// Pods made of it so far.
    pub made: u32,
    /// Bumped with every change of `replicas`.
    pub generation: u32,
}

/// The common text of a revision's pods, cut where a pod's own words go.
#[derive(Debug, Clone, Default)]
pub(super) struct PodPrint {
    /// After the name and its like: labels, annotations, owner, up to the end of the metadata.
    pub metadata: String,
    /// The spec.
    pub spec: Vec<Piece>,
    /// `imageID` of its status.
    pub image_id: String,
}

/// A piece of a pod's spec.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// As it is.
    Text(String),
    /// The end of the token volume's name.
    Suffix,
    /// `"nodeName":"…",` once it has one.
    Node,
    /// The pod's name (a stateful set's host name).
    Name,
}

/// An autoscaler and what it saw.
#[derive(Debug)]
pub(super) struct Autoscaler {
    pub name: String,
    pub uid: String,
    pub created: Millis,
    pub min: u32,
    pub max: u32,
    pub measure: Measure,
    /// Last seen value of the measure: percent of the request, or messages in all.
    pub seen: Option<f64>,
    pub desired: u32,
    pub last_scaled: Option<Millis>,
    /// Recommendations within the scale-down window.
    pub advice: VecDeque<(Millis, u32)>,
    /// State of `ScalingLimited`, and since when.
    pub limited: Limited,
    pub limited_since: Millis,
    /// When it last looked.
    pub synced: Millis,
    pub labels: Labels,
    pub annotations: Labels,
    /// Directions in which it may not scale (`selectPolicy: Disabled`).
    pub held: Held,
}

/// Directions that are switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Held {
    pub up: bool,
    pub down: bool,
}

/// What an autoscaler goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// CPU use, wanted percent of the request.
    Cpu(u32),
    /// Messages, wanted number a pod.
    Queue(u32),
}

/// Whether the bounds hold an autoscaler back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limited {
    /// They do not.
    Free,
    /// At most.
    AtMax,
    /// At least.
    AtMin,
}

/// A KEDA ScaledObject.
#[derive(Debug)]
pub(super) struct Scaled {
    pub name: String,
    pub uid: String,
    pub generation: u32,
    /// `minReplicaCount` and `maxReplicaCount`.
    pub bounds: (u32, u32),
    /// Replicas of the target when KEDA first saw it.
    pub original: u32,
    pub created: Millis,
    pub queue_url: String,
    pub length: u32,
    pub visible: u64,
    pub active: bool,
    pub last_active: Option<Millis>,
    pub labels: Labels,
    pub annotations: Labels,
    /// Whether KEDA has taken note of a pause: its HPA is gone then.
    pub paused: bool,
}

/// What the annotations of a scaled object ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// Nothing.
    No,
    /// Stay where it is.
    Here,
    /// Go to so many and stay there.
    At(u32),
}

impl Scaled {
    /// What its annotations ask for (<https://keda.sh/docs/latest/concepts/scaling-deployments/#pausing-autoscaling>).
    pub(super) fn pause(&self) -> Pause {
        if let Some(n) = self.annotations.get("autoscaling.keda.sh/paused-replicas") {
            return n.parse().map_or(Pause::No, Pause::At);
        }
        if self.flag("autoscaling.keda.sh/paused") {
            Pause::Here
        } else {
            Pause::No
        }
    }

    /// Directions its annotations switch off.
    pub(super) fn held(&self) -> Held {
        Held {
            up: self.flag("autoscaling.keda.sh/paused-scale-out"),
            down: self.flag("autoscaling.keda.sh/paused-scale-in")
                || self.flag("autoscaling.keda.sh/paused-scale-down"),
        }
    }

    /// A truth value as KEDA reads it: what is no truth value counts as true.
    fn flag(&self, name: &str) -> bool {
        let value = self.annotations.get(name).map(String::as_str);
        value.is_some_and(|v| !matches!(v, "0" | "f" | "F" | "false" | "FALSE" | "False"))
    }

    /// Name of the autoscaler it owns.
    pub(super) fn hpa_name(&self) -> String {
        format!("keda-hpa-{}", self.name)
    }
}

/// One slice of a service's endpoints.
#[derive(Debug)]
pub(super) struct Slice {
    pub name: String,
    pub uid: String,
    pub pods: BTreeSet<PodId>,
    pub generation: u32,
    pub changed: Millis,
    /// Whether it is to be rendered again.
    pub stale: bool,
}

/// How a field manager writes (`metadata.managedFields[].operation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// In any other way.
    Update,
}

impl Operation {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who wrote a field, how and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credit {
    pub manager: String,
    pub operation: Operation,
    /// `scale`, or empty for the object itself.
    pub subresource: &'static str,
    pub time: Millis,
}

/// What `kubectl` and the controllers last agreed upon about a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub replicas: u32,
    pub updated: u32,
    pub ready: u32,
    pub terminating: u32,
}

/// A workload.
#[derive(Debug)]
pub(super) struct Workload {
    pub id: WorkloadId,
    pub key: WorkloadKey,
    pub spec: WorkloadSpec,
    pub uid: String,
    pub service_uid: String,
    pub created: Millis,
    pub generation: u32,
    pub desired: u32,
    pub paused: bool,
    pub labels: Labels,
    pub annotations: Labels,
    /// Oldest first.
    pub revisions: Vec<Revision>,
    pub current: RevisionId,
    pub next_revision: u32,
    pub pods: BTreeSet<PodId>,
    /// Scheduled pods per zone.
    pub zones: Vec<u32>,
    /// Zone in which the volume of each numbered pod lies, once it has one.
    pub homes: BTreeMap<u32, usize>,
    pub counts: Counts,
    pub available_since: Millis,
    pub available: bool,
    /// When the rollout last got further.
    pub progressed: Millis,
    /// When the rollout began; `None` when there is none.
    pub rolling: Option<Millis>,
    pub hpa: Option<Autoscaler>,
    pub scaled: Option<Scaled>,
    pub git: Option<Git>,
    /// Who wrote `spec.replicas` last.
    pub replicas_by: Credit,
    pub slices: Vec<Slice>,
    /// Faulty releases by tag.
    pub faults: Vec<(String, CrashLoop)>,
    /// What its pods complained of, oldest first.
    pub complaints: Vec<Complained>,
}

impl Workload {
    pub(super) fn revision(&self, id: RevisionId) -> Option<&Revision> {
        self.revisions.iter().find(|r| r.id == id)
    }

    pub(super) fn revision_mut(&mut self, id: RevisionId) -> Option<&mut Revision> {
        self.revisions.iter_mut().find(|r| r.id == id)
    }

    pub(super) fn current(&self) -> Option<&Revision> {
        self.revision(self.current)
    }

    /// The revision before the current one, by number: where an undo goes.
    pub(super) fn previous(&self) -> Option<&Revision> {
        self.revisions
            .iter()
            .filter(|r| r.id != self.current)
            .max_by_key(|r| r.number)
    }

    pub(super) fn fault(&self, tag: &str) -> Option<&CrashLoop> {
        self.faults.iter().find(|(t, _)| t == tag).map(|(_, f)| f)
    }

    /// Pods that a rolling update may have too many, a quarter rounded up
    /// (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge>).
    pub(super) fn surge(&self) -> u32 {
        self.desired.div_ceil(4)
    }

    /// Pods that may be missing, a tenth rounded down.
    pub(super) fn unavailable(&self) -> u32 {
        self.desired / 10
    }

    /// Name of a revision's replica set.
    pub(super) fn replica_set(&self, revision: &Revision) -> String {
        format!("{}-{}", self.key.name, revision.hash)
    }
}
