//! What a sequence knows for certain: the fold of its journal.

use crate::checked::Checked;
use crate::course::{Answer, Call, Entry};
use crate::plan::Plan;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "kebab-case")]
pub(super) enum Mark {
    /// A step is done, since a time.
    Settled { step: String, since: Timestamp },
}

impl Mark {
    pub(super) fn settled(step: &str, since: Timestamp) -> Value {
        let mark = Self::Settled {
            step: step.to_owned(),
            since,
        };
        serde_json::to_value(mark).unwrap_or(Value::Null)
    }
}

/// One planned call, as far as it got.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) operation: String,
    /// When it was written down; from here on it is never made again.
    pub(super) intended_at: Option<Timestamp>,
    pub(super) call: Option<Call>,
    pub(super) answer: Option<Answer>,
    pub(super) answered_at: Option<Timestamp>,
    /// When it was done.
    pub(super) settled: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) steps: Vec<Step>,
    pub(super) pressed_at: Option<Timestamp>,
    /// Checks that passed on the press, of how many.
    pub(super) checks: Checked,
    /// Another process took it up.
    pub(super) taken: Option<Timestamp>,
    pub(super) closed: Option<(Timestamp, String)>,
}

impl Known {
    pub(super) fn new(plan: &Plan) -> Self {
        let step = |call: &crate::plan::ApiCall| Step {
            name: call.step.clone(),
            operation: call.operation.clone(),
            intended_at: None,
            call: None,
            answer: None,
            answered_at: None,
            settled: None,
        };
        Self {
            steps: plan.calls.iter().map(step).collect(),
            pressed_at: None,
            checks: Checked::default(),
            taken: None,
            closed: None,
        }
    }

    /// Some call was written down.
    pub(super) fn begun(&self) -> bool {
        self.steps.iter().any(|step| step.intended_at.is_some())
    }

    /// Steps that are done.
    pub(super) fn done(&self) -> usize {
        self.steps.iter().filter(|s| s.settled.is_some()).count()
    }

    /// When everything was done.
    pub(super) fn ended(&self) -> Option<Timestamp> {
        let times: Option<Vec<Timestamp>> = self.steps.iter().map(|s| s.settled).collect();
        times?.into_iter().max()
    }

    fn step(&mut self, name: &str, operation: &str) -> Option<&mut Step> {
        let mut steps = self.steps.iter_mut();
        steps.find(|step| step.name == name && step.operation == operation)
    }

    /// Takes in one line; a mark that cannot be read is skipped, as an older version's may be.
    pub(super) fn learn(&mut self, entry: &Entry) {
        match entry {
            Entry::Opened { plan, at, .. } => {
                self.pressed_at = Some(*at);
                self.checks = Checked::of(&plan.findings);
            }
            Entry::Intent { at, call } => {
                if let Some(step) = self.step(&call.step, &call.operation) {
                    step.intended_at = Some(*at);
                    step.call = Some(call.clone());
                }
            }
            Entry::Answered {
                at,
                step,
                operation,
                answer,
            } => {
                if let Some(step) = self.step(step, operation) {
                    step.answer = Some(answer.clone());
                    step.answered_at = Some(*at);
                }
            }
            Entry::Mark { mark, .. } => {
                let mark = serde_json::from_value::<Mark>(mark.clone());
                if let Ok(Mark::Settled { step, since }) = mark {
                    let named = self.steps.iter_mut().filter(|s| s.name == step);
                    named
                        .filter(|s| s.intended_at.is_some())
                        .for_each(|s| s.settled = s.settled.or(Some(since)));
                }
            }
            Entry::Taken { at, .. } => self.taken = Some(*at),
            Entry::Closed { at, ending } => self.closed = Some((*at, ending.sentence.clone())),
        }
    }
}
