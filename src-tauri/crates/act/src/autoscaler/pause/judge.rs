//! How a run of a pause, or of its end, says whether it worked.

use super::settings::What;
use crate::object::{Judge, Object, Patches, Resource, Seen};
use crate::plan::Plan;
use model::Verb;
use serde_json::{Value, json};

/// KEDA acts as asked.
pub(super) const EFFECT: &str = "pause.effect";
/// The annotations stay as written.
pub(super) const KEPT: &str = "pause.kept";
/// The autoscaler is back.
pub(super) const BACK: &str = "resume.autoscaler";

/// What a scaled object asks of its autoscaler's behavior
/// (<https://keda.sh/docs/latest/reference/scaledobject-spec/#horizontalpodautoscalerconfigbehavior>).
const BEHAVIOR: &str = "/spec/advanced/horizontalPodAutoscalerConfig/behavior";

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

    /// Whether the scaled object itself asks for a direction to be off, paused or not.
    fn asked_off(&self, what: What, seen: &Seen) -> bool {
        let rules = match what {
            What::ScaleIn => "scaleDown",
            What::ScaleOut => "scaleUp",
            What::All => return false,
        };
        let own = self.patches.objects().next();
        let policy = own.and_then(|own| {
            let path = format!("{BEHAVIOR}/{rules}/selectPolicy");
            seen.object(own).pointer(&path)
        });
        policy == Some(&json!("Disabled"))
    }

    /// It scales every way that the scaled object asks for.
    fn back(&self, seen: &Seen) -> (bool, String) {
        let paused = |what: &What| !self.asked_off(*what, seen);
        let still = self.off(seen).map(|off| off.into_iter().find(paused));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Patch;

    fn object(resource: Resource) -> Object {
        Object {
            resource,
            namespace: "trading".to_owned(),
            name: "api".to_owned(),
        }
    }

    /// What a resume says of an autoscaler and of what its scaled object asks for, by what is disabled.
    fn back(autoscaler: &[&str], asked: &[&str]) -> (bool, String) {
        let behavior = |off: &[&str]| {
            let rules = off.iter().map(|rules| {
                let policy = json!({ "selectPolicy": "Disabled" });
                ((*rules).to_owned(), policy)
            });
            Value::Object(rules.collect())
        };
        let (own, hpa) = (object(Resource::ScaledObject), object(Resource::Hpa));
        let config = json!({ "behavior": behavior(asked) });
        let spec = json!({ "advanced": { "horizontalPodAutoscalerConfig": config } });
        let seen = Seen::of(&[
            (own.clone(), json!({ "spec": spec })),
            (
                hpa.clone(),
                json!({ "spec": { "behavior": behavior(autoscaler) } }),
            ),
        ]);
        let judge = PauseJudge {
            patches: Patches::only(Patch::new(own, Vec::new())),
            hpa: Some(hpa),
            what: None,
            name: "api".to_owned(),
        };
        judge.judge(BACK, &seen)
    }

    #[test]
    fn an_autoscaler_is_back_that_scales_every_way_it_was_ever_asked_to() {
        let there = (true, "there".to_owned());
        assert_eq!(back(&[], &[]), there);
        assert_eq!(back(&["scaleDown"], &["scaleDown"]), there);
        assert_eq!(
            back(&["scaleDown", "scaleUp"], &["scaleDown", "scaleUp"]),
            there
        );
        let out = (false, "scaling out is still off".to_owned());
        assert_eq!(back(&["scaleUp"], &["scaleDown"]), out);
        assert_eq!(back(&["scaleDown", "scaleUp"], &["scaleDown"]), out);
        assert_eq!(
            back(&["scaleDown"], &[]),
            (false, "scaling in is still off".to_owned())
        );
    }
}
