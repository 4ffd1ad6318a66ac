//! The predicates of a redrive, kept over time: each must hold for its dwell, in platform time.

use super::expect::{AGE_FALLS, COMPLETED, CONSUMER, EMPTY, NO_RETURNS, SETTLE_SECONDS};
use super::health;
use super::task::Counts;
use crate::plan::{Outcome, Plan};
use crate::receipt::PredicateResult;
use crate::words::{count, span};
use model::{Fact, NodeId, Snapshot, Timestamp};

/// After the task's end, the predicates have twice the longest dwell and this long to come true.
const DEADLINE_SECONDS: f64 = 900.0;
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

#[derive(Clone, Debug)]
struct Predicate {
    result: PredicateResult,
    /// When it began to hold without interruption.
    since: Option<Timestamp>,
}

/// The predicates of one run.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    predicates: Vec<Predicate>,
    destinations: Vec<NodeId>,
    ended: Option<Timestamp>,
    returned: Option<i64>,
    oldest: Option<f64>,
    /// Since when the destination has been empty after the canary.
    quiet: Option<Timestamp>,
}

impl Watch {
    pub(crate) fn new(plan: &Plan) -> Self {
        let predicate = |expectation: &crate::plan::Expectation| Predicate {
            result: PredicateResult {
                id: expectation.id.clone(),
                sentence: expectation.sentence.clone(),
                value: "not yet".to_owned(),
                holds: false,
                seconds_to_true: None,
                held_seconds: 0.0,
                dwell_seconds: expectation.dwell_seconds,
            },
            since: None,
        };
        Self {
            predicates: plan.expectations.iter().map(predicate).collect(),
            destinations: plan
                .targets
                .iter()
                .filter(|id| **id != plan.node)
                .cloned()
                .collect(),
            ended: None,
            returned: None,
            oldest: None,
            quiet: None,
        }
    }

    pub(crate) fn results(&self) -> Vec<PredicateResult> {
        self.predicates
            .iter()
            .map(|predicate| predicate.result.clone())
            .collect()
    }

    /// Every predicate holds and has held for its dwell.
    pub(crate) fn verified(&self) -> bool {
        let held =
            |p: &Predicate| p.result.holds && p.result.held_seconds >= p.result.dwell_seconds;
        self.ended.is_some() && !self.predicates.is_empty() && self.predicates.iter().all(held)
    }

    /// What does not hold, or not long enough yet.
    pub(crate) fn missing(&self) -> Vec<String> {
        let held =
            |p: &&Predicate| !(p.result.holds && p.result.held_seconds >= p.result.dwell_seconds);
        let said = |p: &Predicate| {
            format!(
                "{} ({})",
                p.result.sentence.trim_end_matches('.'),
                p.result.value
            )
        };
        self.predicates.iter().filter(held).map(said).collect()
    }

    /// Seconds from the press to the start of the dwell that the last predicate ended.
    pub(crate) fn recovery_seconds(&self) -> Option<f64> {
        let times = self.predicates.iter().map(|p| p.result.seconds_to_true);
        times
            .collect::<Option<Vec<f64>>>()?
            .into_iter()
            .reduce(f64::max)
    }

    /// When it is too late to come true.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let dwell = self
            .predicates
            .iter()
            .map(|p| p.result.dwell_seconds)
            .fold(0.0, f64::max);
        Some(
            self.ended?
                .plus_seconds((2.0 * dwell + DEADLINE_SECONDS) as i64),
        )
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
        if !look.completed {
            return;
        }
        self.ended = self.ended.or(look.ended);
        let grown = self.returned.is_some_and(|was| look.returned > was);
        self.returned = Some(look.returned);
        let age = self.oldest_age(look.snapshot);
        let held: Vec<(bool, String)> = self
            .predicates
            .iter()
            .map(|predicate| self.judge(&predicate.result.id, look, grown, age))
            .collect();
        self.oldest = self.oldest.or(age);
        for (predicate, (holds, value)) in self.predicates.iter_mut().zip(held) {
            predicate.take(holds, value, look);
        }
    }

    fn judge(&self, id: &str, look: &Look<'_>, grown: bool, age: Option<f64>) -> (bool, String) {
        let left = count(look.dlq.total(), "message");
        match id {
            COMPLETED => (look.completed, "COMPLETED".to_owned()),
            EMPTY => (look.dlq.total() == 0, left),
            NO_RETURNS if grown => (false, format!("{left} and rising")),
            NO_RETURNS => (look.dlq.total() == 0, left),
            AGE_FALLS => self.age_falls(look.destination, age),
            CONSUMER => match health::now(look.snapshot, look.plan) {
                Some((outcome, sentence)) => (outcome == Outcome::Pass, sentence),
                None => (true, "external".to_owned()),
            },
            other => (
                false,
                format!("{other} is not a predicate this version knows"),
            ),
        }
    }

    fn age_falls(&self, destination: Option<Counts>, age: Option<f64>) -> (bool, String) {
        if destination.is_some_and(|counts| counts.total() == 0) {
            return (true, "empty".to_owned());
        }
        match (age, self.oldest) {
            (None, _) => (true, "no age reported".to_owned()),
            (Some(age), _) if age <= FRESH_SECONDS => (true, span(age)),
            (Some(age), Some(was)) => (age < was, format!("{}, was {}", span(age), span(was))),
            (Some(age), None) => (false, span(age)),
        }
    }

    fn oldest_age(&self, snapshot: &Snapshot) -> Option<f64> {
        let age = |id: &NodeId| snapshot.node(id)?.facts.number(Fact::OldestAgeSeconds);
        self.destinations.iter().filter_map(age).reduce(f64::max)
    }
}

impl Predicate {
    fn take(&mut self, holds: bool, value: String, look: &Look<'_>) {
        self.since = if holds {
            self.since.or(Some(look.now))
        } else {
            None
        };
        self.result.holds = holds;
        self.result.value = value;
        self.result.held_seconds = self.since.map_or(0.0, |at| look.now.seconds_since(at));
        self.result.seconds_to_true = self.since.map(|at| at.seconds_since(look.pressed).max(0.0));
    }
}
