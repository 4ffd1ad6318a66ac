//! A run as it goes, and the receipt it ends in.

use crate::action::Request;
use crate::plan::{Finding, Leaves, Plan};
use model::{NodeId, Timestamp, Verb};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Names one run; sortable by start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct RunId(pub String);

/// How a run ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Done and every predicate held for its dwell.
    Verified,
    /// Done; some predicate did not hold before the deadline.
    Unverified,
    /// Refused by the service or broken: nothing, or nothing more, was done.
    Failed,
    /// Some of it was done.
    Partial,
    /// Stopped, by the operator or by a stop limit.
    Aborted,
}

/// Where a run is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "lowercase")]
pub enum RunPhase {
    /// Confirmed, audit row open, nothing called yet.
    Opened,
    /// Calling.
    Running,
    /// Told to stop, waiting for the platform to say so.
    Cancelling,
    /// Done, watching the predicates.
    Verifying,
    /// Over: the receipt is final.
    Closed,
    /// Its process died: `qd resume` takes it up.
    Interrupted,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct StepRecord {
    /// `checks`, `canary`, `full`, `cancel`, `verify`.
    pub step: String,
    /// A sentence.
    pub sentence: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub finished: Option<Timestamp>,
    /// The mutating call's request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub request_id: Option<String>,
    /// Why it failed, a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<String>,
}

impl StepRecord {
    /// A step that made no call of its own.
    pub(crate) fn plain(
        step: &str,
        sentence: String,
        started: Timestamp,
        finished: Option<Timestamp>,
    ) -> Self {
        Self {
            step: step.to_owned(),
            sentence,
            started,
            finished,
            request_id: None,
            error: None,
        }
    }
}

/// A predicate as observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct PredicateResult {
    /// The expectation's id.
    #[ts(type = "string")]
    pub id: Cow<'static, str>,
    /// What must be true.
    pub sentence: String,
    /// The observed value in words.
    pub value: String,
    /// True now.
    pub holds: bool,
    /// Seconds from the press until it became true for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seconds_to_true: Option<f64>,
    /// Seconds it has been true without interruption.
    pub held_seconds: f64,
    /// Seconds it must be.
    pub dwell_seconds: f64,
    /// It is told and not waited for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub soft: bool,
}

/// A figure watched while an action runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Figure {
    /// What it is, e.g. `Consumer errors`.
    pub label: String,
    /// The value in words, with its unit.
    pub value: String,
    /// The same as a number, for a line over time; absent while it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub number: Option<f64>,
    /// What it stops at, in words, e.g. `stop above 40`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub limit: Option<String>,
    /// It is past that limit.
    #[serde(default)]
    pub past: bool,
}

/// One part of what came back, e.g. the writer's role or its endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct RecoveryPart {
    /// What came back: `role`, `endpoint`, `application`.
    pub part: String,
    /// Seconds from the press until it had, for good.
    pub seconds: f64,
}

/// A run's live figures: only confirmed counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct RunProgress {
    /// What the platform says is done of [`RunProgress::to_move`] (messages moved, pods ready).
    pub moved: i64,
    /// How much there is to do; 0 when the action is one step that nothing counts.
    pub to_move: i64,
    /// What is counted, after the number: `messages moved`; empty when nothing is.
    #[serde(default)]
    pub counted: String,
    /// What is watched meanwhile, most important first.
    #[serde(default)]
    pub figures: Vec<Figure>,
    /// Depth of the dead-letter queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub dlq_depth: Option<i64>,
    /// Messages that came back.
    pub returned: i64,
    /// Stop above this many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub returned_limit: Option<i64>,
    /// Consumer errors, 0-100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub consumer_error_percent: Option<f64>,
    /// Seconds left at the asked rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub eta_seconds: Option<f64>,
    /// When the platform said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub observed_at: Option<Timestamp>,
}

/// The whole of a run, from press to verdict: shown while it runs, filed when it is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Receipt {
    /// Which run.
    pub run: RunId,
    /// What it did.
    pub action: Verb,
    /// To which node.
    pub node: NodeId,
    /// The plan it followed.
    pub plan: Plan,
    /// Who pressed.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Why the glass was broken, where one person alone passed level 4 or a block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub break_glass: Option<String>,
    /// Where it is.
    pub phase: RunPhase,
    /// How it ended; absent until it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub verdict: Option<Verdict>,
    /// One sentence: the outcome, or what is happening.
    pub sentence: String,
    /// What to do next, where something is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next_step: Option<String>,
    /// Checks as they were on the press.
    pub findings: Vec<Finding>,
    /// Steps so far.
    pub steps: Vec<StepRecord>,
    /// Live figures.
    pub progress: RunProgress,
    /// Predicates.
    pub predicates: Vec<PredicateResult>,
    /// When it was pressed.
    pub pressed_at: Timestamp,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub closed_at: Option<Timestamp>,
    /// Press to the start of the verified dwell, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub recovery_seconds: Option<f64>,
    /// The parts of that time, where they are told apart; in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<RecoveryPart>>", optional)]
    pub recovery_parts: Vec<RecoveryPart>,
    /// What the run found to be done next, as requests: planned and checked when asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Request>>", optional)]
    pub follow_ups: Vec<Request>,
    /// How it can be undone, a sentence.
    pub undo: String,
    /// The request that undoes it: there once something was done that can be undone. It is planned
    /// and checked like any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub undo_request: Option<Request>,
    /// The loop it left open, where it left one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub left_open: Option<Leaves>,
}

/// What a subscriber of a run is told: the receipt as it stands, every time it changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct RunEvent {
    /// Rises by one per event of this run.
    pub seq: u64,
    /// The receipt as it stands; final when `phase` is `closed`.
    pub receipt: Receipt,
}
