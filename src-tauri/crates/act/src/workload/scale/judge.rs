//! How a run of a scale says whether it worked: ready, and still as written.

use crate::object::{Judge, Object, Patches, Seen};
use crate::plan::Plan;
use crate::receipt::{Figure, RunProgress};
use crate::words::count;
use crate::workload::near;
use model::{NodeId, Snapshot};
use serde_json::Value;

/// Every replica is ready.
pub(crate) const READY: &str = "scale.ready";
/// Nobody took it back.
pub(crate) const KEPT: &str = "scale.kept";

/// Judges a scale.
pub(crate) struct ScaleJudge {
    workload: Option<Object>,
    patches: Patches,
    /// Replicas wanted.
    to: i64,
    /// An autoscaler may have more.
    at_least: bool,
    name: String,
    node: NodeId,
}

impl ScaleJudge {
    pub(crate) fn new(plan: &Plan) -> Self {
        let patches = Patches::of(plan);
        let workload = Object::at(&plan.node);
        let own = patches
            .objects()
            .any(|object| workload.as_ref() == Some(object));
        let to = plan.settings.get("replicas");
        Self {
            at_least: !own,
            to: to.and_then(|to| to.parse().ok()).unwrap_or(0),
            name: plan.name.clone(),
            node: plan.node.clone(),
            workload,
            patches,
        }
    }

    fn ready(&self, seen: &Seen) -> (bool, String) {
        let Some(object) = self.workload.as_ref().map(|object| seen.object(object)) else {
            return (false, "not known".to_owned());
        };
        let state = Replicas::of(object);
        let enough = match self.at_least {
            true => state.wanted >= self.to,
            false => state.wanted == self.to,
        };
        (enough && state.settled(), state.words())
    }
}

/// The replicas of a workload as it says itself.
/// <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#complete-deployment>
pub(crate) struct Replicas {
    pub(crate) wanted: i64,
    pub(crate) there: i64,
    pub(crate) ready: i64,
    pub(crate) updated: i64,
    pub(crate) observed: bool,
}

impl Replicas {
    pub(crate) fn of(object: &Value) -> Self {
        let number = |path: &str| object.pointer(path).and_then(Value::as_i64);
        let generation = number("/metadata/generation").unwrap_or(0);
        Self {
            wanted: number("/spec/replicas").unwrap_or(1),
            there: number("/status/replicas").unwrap_or(0),
            ready: number("/status/readyReplicas").unwrap_or(0),
            updated: number("/status/updatedReplicas").unwrap_or(0),
            observed: number("/status/observedGeneration").unwrap_or(0) >= generation,
        }
    }

    /// Observed, and as many there and ready as wanted.
    pub(crate) fn settled(&self) -> bool {
        self.observed && self.there == self.wanted && self.ready == self.wanted
    }

    pub(crate) fn words(&self) -> String {
        format!("{} of {} ready", self.ready, self.wanted)
    }
}

impl Judge for ScaleJudge {
    fn outcome(&self) -> String {
        let number = count(self.to, "ready replica");
        match self.at_least {
            true => format!("{} has at least {number}", self.name),
            false => format!("{} has {number}", self.name),
        }
    }

    fn watched(&self) -> Vec<Object> {
        self.workload.iter().cloned().collect()
    }

    fn judge(&self, id: &str, seen: &Seen) -> (bool, String) {
        match id {
            READY => self.ready(seen),
            KEPT => self.patches.kept(seen),
            _ => (false, "not known".to_owned()),
        }
    }

    fn waits(&self, id: &str, snapshot: &Snapshot) -> Option<String> {
        let workload = snapshot.node(&self.node).filter(|_| id == READY)?;
        near::waiting(snapshot, workload)
    }

    fn patches(&self) -> &Patches {
        &self.patches
    }

    fn progress(&self, seen: &Seen) -> RunProgress {
        let object = self.workload.as_ref().map(|object| seen.object(object));
        let Some(state) = object.map(Replicas::of) else {
            return RunProgress::default();
        };
        RunProgress {
            moved: state.ready,
            to_move: state.wanted,
            counted: "pods ready".to_owned(),
            figures: vec![Figure {
                label: "Replicas asked for".to_owned(),
                value: state.wanted.to_string(),
                number: Some(state.wanted as f64),
                limit: None,
                past: false,
            }],
            ..RunProgress::default()
        }
    }
}
