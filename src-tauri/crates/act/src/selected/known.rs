//! What a selected redrive knows from its journal: the fold, and nothing else. Single messages are in
//! the ledger.

use super::ledger::Tally;
use crate::checked::Checked;
use crate::course::{Answer, Entry};
use model::{SourceFailure, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the course writes down for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "kebab-case")]
pub(crate) enum Mark {
    /// Messages in the queue, and in the destination, before anything was sent.
    Baseline { total: i64, destination: i64 },
    /// The canary's messages did not come back: the rest may follow.
    Passed,
    /// The run stops; said once, the first reason counts.
    Stopping {
        why: Why,
        sentence: String,
        next: String,
    },
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
    /// Too many came back.
    Returns,
    /// The consumer is failing.
    Consumer,
    /// Nothing has been seen for too long.
    Blind,
    /// SQS refused, or gave no answers.
    Refused,
}

/// What a call of a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Canary,
    Rest,
    Reconcile,
    Sweep,
    Count,
    Release,
}

impl Work {
    /// In the order of a run.
    pub(crate) const ALL: [Self; 6] = [
        Work::Canary,
        Work::Rest,
        Work::Reconcile,
        Work::Release,
        Work::Sweep,
        Work::Count,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Work::Canary => "canary",
            Work::Rest => "rest",
            Work::Reconcile => "reconcile",
            Work::Sweep => "sweep",
            Work::Count => "count",
            Work::Release => "release",
        }
    }

    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Work::Canary | Work::Rest => "sqs:SendMessageBatch",
            Work::Reconcile => "sqs:DeleteMessageBatch",
            Work::Sweep | Work::Count => "sqs:ReceiveMessage",
            Work::Release => "sqs:ChangeMessageVisibilityBatch",
        }
    }

    /// The work of a step, `canary-2`.
    pub(crate) fn of(step: &str) -> Option<Self> {
        let word = step.rsplit_once('-').map_or(step, |(word, _)| word);
        Self::ALL.into_iter().find(|work| work.as_str() == word)
    }
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) work: Work,
    pub(crate) at: Timestamp,
    pub(crate) answer: Option<(Timestamp, Answer)>,
}

/// The fold of the journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) pressed_at: Option<Timestamp>,
    /// Checks that passed on the press, of how many.
    pub(crate) checks: Checked,
    pub(crate) baseline: Option<(i64, i64)>,
    pub(crate) steps: Vec<Step>,
    pub(crate) passed: Option<Timestamp>,
    pub(crate) stopping: Option<(Timestamp, Why, String, String)>,
    pub(crate) taken: Option<Timestamp>,
    pub(crate) closed: Option<(Timestamp, String)>,
    /// What the last leg told of the ledger.
    pub(crate) tally: Tally,
    /// The last legs found nothing more, so many in a row.
    pub(crate) exhausted: u32,
    /// Calls in a row without an answer.
    pub(crate) unknown: u32,
    /// Something has no known outcome, or may stand half done.
    pub(crate) unsettled: bool,
    /// The last call was refused.
    pub(crate) refused: Option<SourceFailure>,
    /// When a leg ended last; one that was cut off, when it was settled.
    pub(crate) ended: Option<Timestamp>,
}

impl Known {
    pub(crate) fn begun(&self) -> bool {
        !self.steps.is_empty()
    }

    pub(crate) fn learn(&mut self, entry: &Entry) {
        match entry {
            Entry::Opened { plan, at, .. } => {
                self.pressed_at = Some(*at);
                self.checks = Checked::of(&plan.findings);
            }
            Entry::Intent { at, call } => {
                if let Some(work) = Work::of(&call.step) {
                    self.steps.push(Step {
                        work,
                        at: *at,
                        answer: None,
                    });
                }
            }
            Entry::Answered { at, answer, .. } => self.answered(*at, answer),
            Entry::Mark { at, mark } => {
                if let Ok(mark) = serde_json::from_value::<Mark>(mark.clone()) {
                    self.mark(*at, mark);
                }
            }
            Entry::Taken { at, .. } => {
                self.taken = Some(*at);
                self.unsettled = self.begun();
                self.exhausted = 0;
            }
            Entry::Closed { at, ending } => self.closed = Some((*at, ending.sentence.clone())),
        }
    }

    fn answered(&mut self, at: Timestamp, answer: &Answer) {
        let Some(step) = self.steps.last_mut() else {
            return;
        };
        step.answer = Some((at, answer.clone()));
        let leg = matches!(step.work, Work::Canary | Work::Rest);
        if leg || step.work == Work::Reconcile {
            self.ended = Some(at);
        }
        if step.work == Work::Reconcile {
            self.unsettled = false;
        }
        self.refused = None;
        match answer {
            Answer::Accepted { result, .. } => {
                self.unknown = 0;
                if leg {
                    let found_all = result.get("exhausted") == Some(&json!(true));
                    self.exhausted = if found_all { self.exhausted + 1 } else { 0 };
                }
                self.tally = read(result).unwrap_or(self.tally);
            }
            Answer::Refused { failure } => self.refused = Some(failure.clone()),
            Answer::Unknown { .. } => {
                self.unknown += 1;
                self.unsettled = leg;
            }
        }
    }

    fn mark(&mut self, at: Timestamp, mark: Mark) {
        match mark {
            Mark::Baseline { total, destination } => self.baseline = Some((total, destination)),
            Mark::Passed => self.passed = Some(at),
            Mark::Stopping {
                why,
                sentence,
                next,
            } => {
                self.stopping.get_or_insert((at, why, sentence, next));
            }
        }
    }
}

/// A leg's result: the ledger's counts after it.
pub(crate) fn told(tally: Tally, exhausted: bool) -> BTreeMap<String, Value> {
    let all = [
        ("sent", json!(tally.sent)),
        ("deleted", json!(tally.deleted)),
        ("open", json!(tally.open)),
        ("twice", json!(tally.twice)),
        ("counted", json!(tally.counted)),
        ("passed", json!(tally.passed)),
        ("unsent", json!(tally.unsent)),
        ("returned", json!(tally.returned)),
        ("exhausted", json!(exhausted)),
    ];
    all.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn read(result: &BTreeMap<String, Value>) -> Option<Tally> {
    let count = |name: &str| result.get(name).and_then(Value::as_i64);
    Some(Tally {
        sent: count("sent")?,
        deleted: count("deleted")?,
        open: count("open")?,
        twice: count("twice")?,
        counted: count("counted"),
        passed: count("passed")?,
        unsent: count("unsent")?,
        returned: count("returned")?,
    })
}
