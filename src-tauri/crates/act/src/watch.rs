//! The predicates of a run, kept over time: each must hold for its dwell, in platform time.

use crate::plan::Plan;
use crate::receipt::{PredicateResult, RecoveryPart};
use model::Timestamp;

/// After the end of what was done, the predicates have twice the longest dwell and, unless an action
/// says otherwise, this long to come true.
pub(crate) const DEADLINE_SECONDS: f64 = 900.0;

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

fn said(predicate: &Predicate) -> String {
    let sentence = predicate.result.sentence.trim_end_matches('.');
    format!("{sentence} ({})", predicate.result.value)
}

/// A plan's expectations, watched.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    predicates: Vec<Predicate>,
    /// When what was done had ended: from then on they are watched.
    ended: Option<Timestamp>,
}

impl Watch {
    /// All of a plan's expectations, each waited for.
    pub(crate) fn new(plan: &Plan) -> Self {
        Self::with_soft(plan, |_| false)
    }

    /// Those that `soft` names are told and not waited for.
    pub(crate) fn with_soft(plan: &Plan, soft: impl Fn(&str) -> bool) -> Self {
        let predicate = |expectation: &crate::plan::Expectation| Predicate {
            result: PredicateResult {
                id: expectation.id.clone(),
                sentence: expectation.sentence.clone(),
                value: "not yet".to_owned(),
                holds: false,
                seconds_to_true: None,
                held_seconds: 0.0,
                dwell_seconds: expectation.dwell_seconds,
                soft: soft(&expectation.id),
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
        self.ended.is_some() && !self.predicates.is_empty() && self.hard().all(Predicate::held)
    }

    fn hard(&self) -> impl Iterator<Item = &Predicate> {
        self.predicates.iter().filter(|p| !p.result.soft)
    }

    /// What does not hold, or not long enough yet.
    pub(crate) fn missing(&self) -> Vec<String> {
        self.hard().filter(|p| !p.held()).map(said).collect()
    }

    /// The ids of those.
    pub(crate) fn missing_ids(&self) -> Vec<&str> {
        let missing = self.hard().filter(|p| !p.held());
        missing.map(|p| p.result.id.as_ref()).collect()
    }

    /// What is only told and does not hold now.
    pub(crate) fn left(&self) -> Vec<String> {
        let left = self
            .predicates
            .iter()
            .filter(|p| p.result.soft && !p.result.holds);
        left.map(said).collect()
    }

    /// When each part came true for good: the last of its predicates, none while one does not hold.
    pub(crate) fn parts(
        &self,
        part_of: impl Fn(&str) -> Option<&'static str>,
    ) -> Vec<RecoveryPart> {
        let mut parts: Vec<(&'static str, Option<f64>)> = Vec::new();
        for predicate in self.hard() {
            let Some(part) = part_of(&predicate.result.id) else {
                continue;
            };
            let seconds = predicate.result.seconds_to_true;
            match parts.iter_mut().find(|(name, _)| *name == part) {
                Some((_, known)) => *known = known.zip(seconds).map(|(a, b)| a.max(b)),
                None => parts.push((part, seconds)),
            }
        }
        let known = |(part, seconds): (&'static str, Option<f64>)| {
            Some(RecoveryPart {
                part: part.to_owned(),
                seconds: seconds?,
            })
        };
        parts.into_iter().filter_map(known).collect()
    }

    /// Seconds from the press to the start of the dwell that the last predicate ended.
    pub(crate) fn recovery_seconds(&self) -> Option<f64> {
        let times = self.hard().map(|p| p.result.seconds_to_true);
        let times: Option<Vec<f64>> = times.collect();
        times?.into_iter().reduce(f64::max)
    }

    /// When it is too late to come true.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.deadline_after(DEADLINE_SECONDS)
    }

    /// The same for what takes `patience` seconds to show.
    pub(crate) fn deadline_after(&self, patience: f64) -> Option<Timestamp> {
        let dwells = self.predicates.iter().map(|p| p.result.dwell_seconds);
        let dwell = dwells.fold(0.0, f64::max);
        let seconds = (2.0 * dwell + patience) as i64;
        Some(self.ended?.plus_seconds(seconds))
    }
}
