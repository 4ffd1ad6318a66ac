//! What a run knows for certain: the fold of its journal, and nothing else.

use super::calls::{CANCEL, START};
use super::task::{Part, TaskKey};
use crate::checked::Checked;
use crate::course::{Answer, Entry};
use crate::plan::Plan;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the course writes down for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "kebab-case")]
pub(crate) enum Mark {
    /// Messages in the dead-letter queue before anything was moved.
    Baseline { total: i64 },
    /// This task is ours.
    Recognised { part: Part, task: TaskKey },
    /// Our task is over.
    Ended {
        part: Part,
        status: String,
        moved: i64,
        #[serde(default)]
        failure: Option<String>,
    },
    /// The canary's messages did not come back: the rest may follow.
    Passed,
    /// The run stops; said once, the first reason counts.
    Stopping { why: Why, sentence: String },
}

impl Mark {
    pub(crate) fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

/// Why a run stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Why {
    /// The operator said so.
    Operator,
    /// Too many messages came back.
    Returns,
    /// The consumer is failing.
    Consumer,
    /// Nothing has been seen for too long.
    Blind,
}

/// A task's end as SQS told it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) at: Timestamp,
    pub(crate) status: String,
    pub(crate) moved: i64,
    pub(crate) failure: Option<String>,
}

/// One of the two tasks, as far as it got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Piece {
    /// When its start was written down; from here on it is never started again.
    pub(crate) intent: Option<Timestamp>,
    /// Tasks listed before that.
    pub(crate) before: Vec<TaskKey>,
    pub(crate) answer: Option<(Timestamp, Answer)>,
    pub(crate) task: Option<TaskKey>,
    pub(crate) end: Option<End>,
    /// Cancels written down, and the last one's time and answer.
    pub(crate) cancels: u32,
    pub(crate) cancelled_at: Option<Timestamp>,
    pub(crate) cancel_answer: Option<Answer>,
}

impl Piece {
    /// The handle of the start's answer.
    pub(crate) fn handle(&self) -> Option<&str> {
        match &self.answer {
            Some((_, Answer::Accepted { result, .. })) => result.get("TaskHandle")?.as_str(),
            Some((_, Answer::Refused { .. } | Answer::Unknown { .. })) | None => None,
        }
    }

    pub(crate) fn request_id(&self) -> Option<String> {
        request_id(self.answer.as_ref().map(|(_, answer)| answer))
    }
}

pub(crate) fn request_id(answer: Option<&Answer>) -> Option<String> {
    match answer? {
        Answer::Accepted { request_id, .. } => request_id.clone(),
        Answer::Refused { failure } | Answer::Unknown { failure } => failure.request_id.clone(),
    }
}

/// The fold of the journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) pressed_at: Option<Timestamp>,
    /// Checks that passed on the press, of how many.
    pub(crate) checks: Checked,
    pub(crate) baseline: Option<i64>,
    pub(crate) canary: Piece,
    pub(crate) full: Piece,
    pub(crate) passed: Option<Timestamp>,
    pub(crate) stopping: Option<(Timestamp, Why, String)>,
    /// Another process took it up, last at this time.
    pub(crate) taken: Option<Timestamp>,
    pub(crate) closed: Option<(Timestamp, String)>,
}

impl Known {
    pub(crate) const fn piece(&self, part: Part) -> &Piece {
        match part {
            Part::Canary => &self.canary,
            Part::Full => &self.full,
        }
    }

    fn piece_mut(&mut self, part: Part) -> &mut Piece {
        match part {
            Part::Canary => &mut self.canary,
            Part::Full => &mut self.full,
        }
    }

    /// Takes in one line; a mark that cannot be read is skipped, as an older version's may be.
    pub(crate) fn learn(&mut self, entry: &Entry) {
        match entry {
            Entry::Opened { plan, at, .. } => self.opened(plan, *at),
            Entry::Intent { at, call } => {
                let Some(part) = Part::named(&call.step) else {
                    return;
                };
                let piece = self.piece_mut(part);
                if call.operation == START {
                    piece.intent = Some(*at);
                    piece.before = serde_json::from_value(call.saw.clone()).unwrap_or_default();
                } else if call.operation == CANCEL {
                    piece.cancels += 1;
                    piece.cancelled_at = Some(*at);
                    piece.cancel_answer = None;
                }
            }
            Entry::Answered {
                at,
                step,
                operation,
                answer,
            } => {
                let Some(part) = Part::named(step) else {
                    return;
                };
                let piece = self.piece_mut(part);
                if operation == START {
                    piece.answer = Some((*at, answer.clone()));
                } else if operation == CANCEL {
                    piece.cancel_answer = Some(answer.clone());
                }
            }
            Entry::Mark { at, mark } => {
                if let Ok(mark) = serde_json::from_value::<Mark>(mark.clone()) {
                    self.mark(*at, mark);
                }
            }
            Entry::Taken { at, .. } => self.taken = Some(*at),
            Entry::Closed { at, ending } => self.closed = Some((*at, ending.sentence.clone())),
        }
    }

    fn opened(&mut self, plan: &Plan, at: Timestamp) {
        self.pressed_at = Some(at);
        self.checks = Checked::of(&plan.findings);
    }

    fn mark(&mut self, at: Timestamp, mark: Mark) {
        match mark {
            Mark::Baseline { total } => self.baseline = Some(total),
            Mark::Recognised { part, task } => self.piece_mut(part).task = Some(task),
            Mark::Ended {
                part,
                status,
                moved,
                failure,
            } => {
                self.piece_mut(part).end = Some(End {
                    at,
                    status,
                    moved,
                    failure,
                });
            }
            Mark::Passed => self.passed = Some(at),
            Mark::Stopping { why, sentence } => {
                self.stopping.get_or_insert((at, why, sentence));
            }
        }
    }
}
