//! The predicates of a redrive, judged look by look.

use super::expect::{AGE_FALLS, COMPLETED, CONSUMER, EMPTY, NO_RETURNS, SETTLE_SECONDS};
use super::health;
use super::task::Counts;
use crate::plan::Plan;
use crate::watch;
use crate::words::{count, span};
use model::{Fact, NodeId, Snapshot, Timestamp};
use std::ops::Deref;

/// Older than this, the oldest message of the destination is getting old; younger, it is traffic.
const FRESH_SECONDS: f64 = 120.0;

/// One look, as far as the predicates care.
pub(crate) struct Look<'a> {
    pub(crate) now: Timestamp,
    pub(crate) pressed: Timestamp,
    /// When the last task ended.
    pub(crate) ended: Option<Timestamp>,
    /// It ended well and nothing more is to be moved.
    pub(crate) completed: bool,
    pub(crate) dlq: Counts,
    pub(crate) destination: Option<Counts>,
    pub(crate) returned: i64,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) plan: &'a Plan,
}

/// The predicates of one run, and what they need to remember from look to look.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    general: watch::Watch,
    destinations: Vec<NodeId>,
    returned: Option<i64>,
    oldest: Option<f64>,
    /// Since when the destination has been empty after the canary.
    quiet: Option<Timestamp>,
}

impl Deref for Watch {
    type Target = watch::Watch;

    fn deref(&self) -> &watch::Watch {
        &self.general
    }
}

impl Watch {
    pub(crate) fn new(plan: &Plan) -> Self {
        let destinations = plan.targets.iter().filter(|id| **id != plan.node);
        Self {
            general: watch::Watch::new(plan),
            destinations: destinations.cloned().collect(),
            returned: None,
            oldest: None,
            quiet: None,
        }
    }

    /// The canary's messages had the time to fail and come back, and did not; or the destination has
    /// been empty for as long as counts take to settle, so that every one was consumed.
    pub(crate) fn canary_stayed_away(&self, now: Timestamp, ended: Timestamp, back: f64) -> bool {
        let waited = now.seconds_since(ended) >= back.max(SETTLE_SECONDS);
        let quiet = self
            .quiet
            .is_some_and(|at| now.seconds_since(at) >= SETTLE_SECONDS);
        waited || quiet
    }

    pub(crate) fn observe(&mut self, look: &Look<'_>) {
        let empty = look.destination.is_some_and(|counts| counts.total() == 0);
        self.quiet = match look.ended {
            Some(_) if empty => self.quiet.or(Some(look.now)),
            Some(_) | None => None,
        };
        let Some(ended) = look.ended.filter(|_| look.completed) else {
            return;
        };
        let grown = self.returned.is_some_and(|was| look.returned > was);
        let age = self.oldest_age(look.snapshot);
        let was = self.oldest;
        self.general.observe(look.now, look.pressed, ended, |id| {
            judge(id, look, grown, age, was)
        });
        self.returned = Some(look.returned);
        self.oldest = self.oldest.or(age);
    }

    fn oldest_age(&self, snapshot: &Snapshot) -> Option<f64> {
        let age = |id: &NodeId| snapshot.node(id)?.facts.number(Fact::OldestAgeSeconds);
        self.destinations.iter().filter_map(age).reduce(f64::max)
    }
}

/// Whether a predicate holds now; `was` is the age of the oldest message when watching began.
fn judge(
    id: &str,
    look: &Look<'_>,
    grown: bool,
    age: Option<f64>,
    was: Option<f64>,
) -> (bool, String) {
    let left = count(look.dlq.total(), "message");
    match id {
        COMPLETED => (look.completed, "COMPLETED".to_owned()),
        EMPTY => (look.dlq.total() == 0, left),
        NO_RETURNS if grown => (false, format!("{left} and rising")),
        NO_RETURNS => (look.dlq.total() == 0, left),
        AGE_FALLS => age_falls(look.destination, age, was),
        CONSUMER => health::well(look.snapshot, look.plan),
        other => (
            false,
            format!("{other} is not a predicate this version knows"),
        ),
    }
}

fn age_falls(destination: Option<Counts>, age: Option<f64>, was: Option<f64>) -> (bool, String) {
    if destination.is_some_and(|counts| counts.total() == 0) {
        return (true, "empty".to_owned());
    }
    match (age, was) {
        (None, _) => (true, "no age reported".to_owned()),
        (Some(age), _) if age <= FRESH_SECONDS => (true, span(age)),
        (Some(age), Some(was)) => (age < was, format!("{}, was {}", span(age), span(was))),
        (Some(age), None) => (false, span(age)),
    }
}
