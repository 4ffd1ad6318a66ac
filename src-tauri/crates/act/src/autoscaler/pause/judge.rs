//! How a run of a pause, or of its end, says whether it worked.

use crate::object::{Judge, Object, Patches, Resource, Seen};
use crate::plan::Plan;
use crate::verb::Verb;
use serde_json::{Value, json};

/// KEDA acts as asked.
pub(super) const EFFECT: &str = "pause.effect";
/// The annotations stay as written.
pub(super) const KEPT: &str = "pause.kept";
/// The autoscaler is back.
pub(super) const BACK: &str = "resume.autoscaler";

/// Judges a pause or its end.
pub(super) struct PauseJudge {
    patches: Patches,
    /// The autoscaler KEDA keeps.
    hpa: Option<Object>,
    /// Everything is paused, not scaling in alone.
    all: bool,
    resumes: bool,
    name: String,
}

impl PauseJudge {
    pub(super) fn new(plan: &Plan) -> Self {
        let hpa = plan.before.get("autoscaler").and_then(Value::as_str);
        let own = Object::at(&plan.node);
        Self {
            patches: Patches::of(plan),
            hpa: own.zip(hpa).map(|(own, hpa)| Object {
                resource: Resource::Hpa,
                namespace: own.namespace,
                name: hpa.to_owned(),
            }),
            all: plan.settings.get("what").is_some_and(|what| what == "all"),
            resumes: plan.action == Verb::Resume,
            name: plan.name.clone(),
        }
    }

    /// The `Paused` condition of the scaled object; `None` where KEDA does not say.
    fn says_paused(&self, seen: &Seen) -> Option<bool> {
        let object = seen.object(self.patches.objects().next()?);
        let conditions = object.pointer("/status/conditions")?.as_array()?;
        let paused = conditions.iter().find(|c| c["type"] == json!("Paused"))?;
        Some(paused["status"] == json!("True"))
    }

    /// Whether the autoscaler is there, and whether it may scale in.
    fn autoscaler(&self, seen: &Seen) -> Option<bool> {
        let object = seen.object(self.hpa.as_ref()?);
        let policy = object.pointer("/spec/behavior/scaleDown/selectPolicy");
        (!object.is_null()).then(|| policy != Some(&json!("Disabled")))
    }

    fn effect(&self, seen: &Seen) -> (bool, String) {
        let gone = self.hpa.is_some() && self.autoscaler(seen).is_none();
        match (self.all, self.says_paused(seen), self.autoscaler(seen)) {
            (true, Some(true), _) => (true, "paused".to_owned()),
            (true, Some(false), _) => (false, "not paused yet".to_owned()),
            // An older KEDA has no such condition: it deletes the autoscaler.
            (true, None, _) if gone => (true, "its autoscaler is gone".to_owned()),
            (true, None, _) => (false, "its autoscaler is still there".to_owned()),
            (false, _, Some(false)) => (true, "scaling in is off".to_owned()),
            (false, _, Some(true)) => (false, "scaling in is still on".to_owned()),
            (false, _, None) => (false, "its autoscaler is not there".to_owned()),
        }
    }

    fn back(&self, seen: &Seen) -> (bool, String) {
        match (self.says_paused(seen), self.autoscaler(seen)) {
            (Some(true), _) => (false, "still paused".to_owned()),
            (Some(false) | None, Some(true)) => (true, "there".to_owned()),
            (Some(false) | None, Some(false)) => (false, "scaling in is still off".to_owned()),
            (Some(false) | None, None) => (false, "not there yet".to_owned()),
        }
    }
}

impl Judge for PauseJudge {
    fn outcome(&self) -> String {
        match (self.resumes, self.all) {
            (true, _) => format!("{} is resumed and its autoscaler is back", self.name),
            (false, true) => format!("all scaling of {} is paused", self.name),
            (false, false) => format!("scaling in of {} is paused", self.name),
        }
    }

    fn watched(&self) -> Vec<Object> {
        self.hpa.iter().cloned().collect()
    }

    fn judge(&self, id: &str, seen: &Seen) -> (bool, String) {
        match id {
            EFFECT => self.effect(seen),
            BACK => self.back(seen),
            KEPT => self.patches.kept(seen),
            _ => (false, "not known".to_owned()),
        }
    }

    fn patches(&self) -> &Patches {
        &self.patches
    }
}
