//! The consumer of the destination, for a run that only has its plan.

use super::settings::{From, Settings};
use crate::plan::{Outcome, Plan};
use crate::redrive::health;
use crate::redrive::subject::Subject;
use model::Snapshot;

/// Its state now; `None` when it is external, or what was sent has none (it was put back).
pub(crate) fn now(snapshot: &Snapshot, plan: &Plan) -> Option<(Outcome, String)> {
    health::verdict(&subject(snapshot, plan)?)
}

/// Whether it is well, as a predicate says it.
pub(crate) fn well(snapshot: &Snapshot, plan: &Plan) -> (bool, String) {
    health::judged(subject(snapshot, plan).as_ref(), &plan.node)
}

/// The errors it reports itself, percent; `None` when it reports none.
pub(crate) fn errors(snapshot: &Snapshot, plan: &Plan) -> Option<f64> {
    health::errors_of(&subject(snapshot, plan)?)
}

fn subject<'a>(snapshot: &'a Snapshot, plan: &Plan) -> Option<Subject<'a>> {
    let settings = Settings::parse(&plan.settings).ok()?;
    if settings.from != From::Queue {
        return None;
    }
    Subject::new(
        snapshot,
        snapshot.node(&plan.node)?,
        &settings.whole().ok()?,
    )
    .ok()
}
