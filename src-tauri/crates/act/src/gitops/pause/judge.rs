//! What a run makes of a suspended or resumed keeper.

use crate::object::{Judge, Object, Patches, Resource, Seen};
use crate::plan::Plan;
use model::{Timestamp, Verb};
use serde_json::Value;

/// It stays as written.
pub(super) const KEPT: &str = "sync.kept";
/// It works again.
pub(super) const BACK: &str = "sync.back";

/// Judges a pause or its end.
pub(super) struct SyncJudge {
    patches: Patches,
    resumes: bool,
    /// When the Application last reconciled before.
    reconciled: Option<Timestamp>,
    name: String,
}

impl SyncJudge {
    pub(super) fn new(plan: &Plan) -> Self {
        let looked = plan.before.get("reconciled_at").and_then(Value::as_str);
        Self {
            patches: Patches::of(plan),
            resumes: plan.action == Verb::Resume,
            reconciled: looked.and_then(Timestamp::parse),
            name: plan.name.clone(),
        }
    }

    fn back(&self, seen: &Seen) -> (bool, String) {
        let Some(at) = self.patches.objects().next() else {
            return (false, "not known".to_owned());
        };
        let object = seen.object(at);
        match at.resource {
            Resource::Application => self.reconciled_anew(object),
            Resource::Deployment
            | Resource::StatefulSet
            | Resource::ReplicaSet
            | Resource::Hpa
            | Resource::ScaledObject
            | Resource::Kustomization
            | Resource::HelmRelease => observed(object),
        }
    }

    fn reconciled_anew(&self, object: &Value) -> (bool, String) {
        let at = object.pointer("/status/reconciledAt");
        let at = at.and_then(Value::as_str).and_then(Timestamp::parse);
        match at {
            None => (false, "not reconciled yet".to_owned()),
            Some(at) => (
                self.reconciled.is_none_or(|before| at > before),
                format!("reconciled at {at}"),
            ),
        }
    }
}

/// Flux observes the generation that resumed it
/// (<https://fluxcd.io/flux/components/kustomize/kustomizations/#observed-generation>); where it cannot
/// apply what git says, the condition that says so carries the generation.
fn observed(object: &Value) -> (bool, String) {
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64);
    let conditions = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let ready = conditions.and_then(|all| all.iter().find(|c| c["type"] == "Ready"));
    let judged = ready.filter(|ready| ready["status"] != "Unknown");
    let judged = judged.and_then(|ready| ready["observedGeneration"].as_i64());
    let seen = number("/status/observedGeneration").max(judged);
    let failing = ready.filter(|ready| ready["status"] == "False");
    let why = failing.and_then(|ready| ready["reason"].as_str());
    let why = why.map(|why| format!(", which it cannot apply: {why}"));
    match (number("/metadata/generation"), seen) {
        (Some(asked), Some(seen)) if seen >= asked => (
            true,
            format!("generation {seen}{}", why.unwrap_or_default()),
        ),
        (Some(asked), Some(seen)) => (false, format!("generation {seen} of {asked}")),
        _ => (false, "not observed yet".to_owned()),
    }
}

impl Judge for SyncJudge {
    fn outcome(&self) -> String {
        match self.resumes {
            true => format!("{} is resumed and looks at git again", self.name),
            false => format!("{} is suspended", self.name),
        }
    }

    fn watched(&self) -> Vec<Object> {
        Vec::new()
    }

    fn judge(&self, id: &str, seen: &Seen) -> (bool, String) {
        match id {
            BACK => self.back(seen),
            KEPT => self.patches.kept(seen),
            _ => (false, "not known".to_owned()),
        }
    }

    fn patches(&self) -> &Patches {
        &self.patches
    }
}
