//! The predicates of a run, kept over time: each must hold for its dwell, in platform time.

use crate::plan::Plan;
use crate::receipt::PredicateResult;
use model::Timestamp;

/// After the end of what was done, the predicates have twice the longest dwell and this long to come
/// true.
const DEADLINE_SECONDS: f64 = 900.0;

#[derive(Clone, Debug)]
struct Predicate {
    result: PredicateResult,
    /// When it began to hold without interruption.
    since: Option<Timestamp>,
}

impl Predicate {
    fn held(&self) -> bool {
        self.result.holds && self.result.held_seconds >= self.result.dwell_seconds
    }

    fn take(&mut self, holds: bool, value: String, now: Timestamp, pressed: Timestamp) {
        self.since = if holds {
            self.since.or(Some(now))
        } else {
            None
        };
        self.result.holds = holds;
        self.result.value = value;
        self.result.held_seconds = self.since.map_or(0.0, |at| now.seconds_since(at));
        self.result.seconds_to_true = self.since.map(|at| at.seconds_since(pressed).max(0.0));
    }
}

/// A plan's expectations, watched.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    predicates: Vec<Predicate>,
    /// When what was done had ended: from then on they are watched.
    ended: Option<Timestamp>,
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
            ended: None,
        }
    }

    /// One look: `judge` says of a predicate's id whether it holds now, and the value in words.
    pub(crate) fn observe(
        &mut self,
        now: Timestamp,
        pressed: Timestamp,
        ended: Timestamp,
        mut judge: impl FnMut(&str) -> (bool, String),
    ) {
        self.ended.get_or_insert(ended);
        for predicate in &mut self.predicates {
            let (holds, value) = judge(&predicate.result.id);
            predicate.take(holds, value, now, pressed);
        }
    }

    pub(crate) fn results(&self) -> Vec<PredicateResult> {
        self.predicates.iter().map(|p| p.result.clone()).collect()
    }

    /// Every predicate holds and has held for its dwell.
    pub(crate) fn verified(&self) -> bool {
        self.ended.is_some()
            && !self.predicates.is_empty()
            && self.predicates.iter().all(Predicate::held)
    }

    /// What does not hold, or not long enough yet.
    pub(crate) fn missing(&self) -> Vec<String> {
        let said = |p: &Predicate| {
            let sentence = p.result.sentence.trim_end_matches('.');
            format!("{sentence} ({})", p.result.value)
        };
        let missing = self.predicates.iter().filter(|p| !p.held());
        missing.map(said).collect()
    }

    /// Seconds from the press to the start of the dwell that the last predicate ended.
    pub(crate) fn recovery_seconds(&self) -> Option<f64> {
        let times = self.predicates.iter().map(|p| p.result.seconds_to_true);
        let times: Option<Vec<f64>> = times.collect();
        times?.into_iter().reduce(f64::max)
    }

    /// When it is too late to come true.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let dwells = self.predicates.iter().map(|p| p.result.dwell_seconds);
        let dwell = dwells.fold(0.0, f64::max);
        let seconds = (2.0 * dwell + DEADLINE_SECONDS) as i64;
        Some(self.ended?.plus_seconds(seconds))
    }
}
