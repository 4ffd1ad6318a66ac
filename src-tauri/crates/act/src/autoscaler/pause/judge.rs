//! How a run of a pause, or of its end, says whether it worked.

use super::settings::What;
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
    /// What is paused; none where a pause ends.
    what: Option<What>,
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
            what: match plan.action == Verb::Resume {
                true => None,
                false => Some(What::asked(plan)),
            },
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

    /// Which directions the autoscaler has switched off; `None` where it is not there.
    fn off(&self, seen: &Seen) -> Option<Vec<What>> {
        let object = seen.object(self.hpa.as_ref()?);
        let disabled = |rules: &str| {
            let policy = object.pointer(&format!("/spec/behavior/{rules}/selectPolicy"));
            policy == Some(&json!("Disabled"))
        };
        let ways = [("scaleDown", What::ScaleIn), ("scaleUp", What::ScaleOut)];
        let off = ways.into_iter().filter(|(rules, _)| disabled(rules));
        (!object.is_null()).then(|| off.map(|(_, what)| what).collect())
    }

    fn effect(&self, what: What, seen: &Seen) -> (bool, String) {
        let off = self.off(seen);
        let gone = self.hpa.is_some() && off.is_none();
        match (what, self.says_paused(seen), off) {
            (What::All, Some(true), _) => (true, "paused".to_owned()),
            (What::All, Some(false), _) => (false, "not paused yet".to_owned()),
            // An older KEDA has no such condition: it deletes the autoscaler.
            (What::All, None, _) if gone => (true, "its autoscaler is gone".to_owned()),
            (What::All, None, _) => (false, "its autoscaler is still there".to_owned()),
            (What::ScaleIn | What::ScaleOut, _, Some(off)) => match off.contains(&what) {
                true => (true, format!("{} is off", what.label())),
                false => (false, format!("{} is still on", what.label())),
            },
            (What::ScaleIn | What::ScaleOut, _, None) => {
                (false, "its autoscaler is not there".to_owned())
            }
        }
    }

    fn back(&self, seen: &Seen) -> (bool, String) {
        let still = self.off(seen).map(|off| off.into_iter().next());
        match (self.says_paused(seen), still) {
            (Some(true), _) => (false, "still paused".to_owned()),
            (Some(false) | None, Some(None)) => (true, "there".to_owned()),
            (Some(false) | None, Some(Some(what))) => {
                (false, format!("{} is still off", what.label()))
            }
            (Some(false) | None, None) => (false, "not there yet".to_owned()),
        }
    }
}

impl Judge for PauseJudge {
    fn outcome(&self) -> String {
        match self.what {
            None => format!("{} is resumed and its autoscaler is back", self.name),
            Some(what) => format!("{} of {} is paused", what.label(), self.name),
        }
    }

    fn watched(&self) -> Vec<Object> {
        self.hpa.iter().cloned().collect()
    }

    fn judge(&self, id: &str, seen: &Seen) -> (bool, String) {
        match id {
            EFFECT => self
                .what
                .map_or_else(unknown, |what| self.effect(what, seen)),
            BACK => self.back(seen),
            KEPT => self.patches.kept(seen),
            _ => unknown(),
        }
    }

    fn patches(&self) -> &Patches {
        &self.patches
    }
}

fn unknown() -> (bool, String) {
    (false, "not known".to_owned())
}
