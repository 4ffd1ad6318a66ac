//! How a run of a scale says whether it worked: ready, and still as written.

use crate::object::{Field, Judge, Object, Patch, Seen};
use crate::plan::Plan;
use crate::receipt::{Figure, RunProgress};
use crate::words::{count, list};
use serde_json::Value;

/// Every replica is ready.
pub(crate) const READY: &str = "scale.ready";
/// Nobody took it back.
pub(crate) const KEPT: &str = "scale.kept";

/// Judges a scale.
pub(crate) struct ScaleJudge {
    workload: Option<Object>,
    patches: Vec<Patch>,
    /// Replicas wanted.
    to: i64,
    /// An autoscaler may have more.
    at_least: bool,
    name: String,
}

impl ScaleJudge {
    pub(crate) fn new(plan: &Plan) -> Self {
        let calls = plan.calls.iter();
        let patches: Vec<Patch> = calls
            .filter_map(|call| Patch::carried(&call.parameters))
            .collect();
        let workload = Object::at(&plan.node);
        let own = |patch: &Patch| workload.as_ref() == Some(&patch.object);
        let to = plan.settings.get("replicas");
        Self {
            at_least: !patches.iter().any(own),
            to: to.and_then(|to| to.parse().ok()).unwrap_or(0),
            name: plan.name.clone(),
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

    fn kept(&self, seen: &Seen) -> (bool, String) {
        let lost = lost(&self.patches, seen);
        match lost.is_empty() {
            true => (true, "as written".to_owned()),
            false => (false, list(&lost)),
        }
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

/// What of the patches is not as it was written, in words.
pub(crate) fn lost(patches: &[Patch], seen: &Seen) -> Vec<String> {
    let mut all = Vec::new();
    for patch in patches {
        let object = seen.object(&patch.object);
        let other = |field: &&Field| field.seen(object) != field.now;
        for field in patch.fields.iter().filter(other) {
            let now = field.seen(object);
            all.push(format!(
                "{} of {} is {now}, not {}",
                field.called(),
                patch.object.called(),
                field.now
            ));
        }
    }
    all
}

/// Who wrote a field last, by `metadata.managedFields`.
pub(crate) fn writer<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    let path = format!("/fieldsV1/f:spec/f:{field}");
    let writers = object.pointer("/metadata/managedFields")?.as_array()?;
    let wrote = writers
        .iter()
        .filter(|entry| entry.pointer(&path).is_some());
    let last = wrote.max_by_key(|entry| entry["time"].as_str().unwrap_or("").to_owned())?;
    last["manager"].as_str()
}

/// Who took the patches back, a sentence; `None` while all of it stands.
pub(crate) fn taken_back(patches: &[Patch], seen: &Seen) -> Option<String> {
    let lost = lost(patches, seen);
    if lost.is_empty() {
        return None;
    }
    let who = patches.iter().find_map(|patch| {
        let object = seen.object(&patch.object);
        let field = patch.fields.iter().find(|f| f.seen(object) != f.now)?;
        writer(object, &field.called()).filter(|who| *who != "quarterdeck")
    });
    let by = who.map(|who| format!(" by {who}")).unwrap_or_default();
    Some(format!("It was taken back{by}: {}.", list(&lost)))
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
            KEPT => self.kept(seen),
            _ => (false, "not known".to_owned()),
        }
    }

    fn taken_back(&self, seen: &Seen) -> Option<String> {
        taken_back(&self.patches, seen)
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
