//! How a run of other bounds says whether it worked.

use crate::object::{Judge, Object, Patches, Seen};
use crate::plan::Plan;
use crate::workload::scale::judge::Replicas;
use model::NodeId;

/// Nobody put them back.
pub(super) const KEPT: &str = "bounds.kept";
/// Replicas are within them, and ready.
pub(super) const WITHIN: &str = "bounds.within";

/// Judges other bounds.
pub(super) struct BoundsJudge {
    patches: Patches,
    workload: Option<Object>,
    then: (i64, i64),
    name: String,
}

impl BoundsJudge {
    pub(super) fn new(plan: &Plan) -> Self {
        let number = |name: &str| {
            let value = plan.settings.get(name);
            value.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        let scales = plan.before.get("scales").and_then(|id| id.as_str());
        Self {
            patches: Patches::of(plan),
            workload: scales.and_then(|id| Object::at(&NodeId::new(id))),
            then: (number("min"), number("max")),
            name: plan.name.clone(),
        }
    }
}

impl Judge for BoundsJudge {
    fn outcome(&self) -> String {
        format!(
            "{} scales from {} to {}",
            self.name, self.then.0, self.then.1
        )
    }

    fn watched(&self) -> Vec<Object> {
        self.workload.iter().cloned().collect()
    }

    fn judge(&self, id: &str, seen: &Seen) -> (bool, String) {
        match id {
            KEPT => self.patches.kept(seen),
            WITHIN => {
                let Some(object) = self.workload.as_ref().map(|w| seen.object(w)) else {
                    return (false, "not known".to_owned());
                };
                let state = Replicas::of(object);
                let within = (self.then.0..=self.then.1).contains(&state.wanted);
                (within && state.settled(), state.words())
            }
            _ => (false, "not known".to_owned()),
        }
    }

    fn patches(&self) -> &Patches {
        &self.patches
    }
}
