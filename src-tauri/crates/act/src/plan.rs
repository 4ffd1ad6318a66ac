//! A plan is a pure value: the same one is shown, checked, confirmed, executed and audited.

use model::{NodeId, SourceId, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What an action does; the same verb for every node it fits.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Native redrive of a dead-letter queue (`StartMessageMoveTask`).
    Redrive,
}

/// Names one plan within this process's lifetime.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct PlanId(pub String);

/// How much confirmation an action needs (guards.md, "Levels").
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
pub enum ConfirmLevel {
    /// No confirmation: reads.
    L0,
    /// One press on a button that states the plan.
    L1,
    /// Press and a dialog with the blast radius.
    L2,
    /// L2, the target's name typed, a reason, a hold of two seconds.
    L3,
    /// L3 and a second person or break-glass.
    L4,
}

/// What a check does when it does not pass.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Says something worth knowing.
    Info,
    /// Raises the level by one.
    Warn,
    /// Stops the action.
    Block,
}

/// What a check answered.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// The data is missing or too old; counts as fail of a warn (L1, L2) or a block (L3, L4).
    Unknown,
}

/// One check with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Finding {
    /// Stable id, e.g. `redrive.task-running`.
    #[ts(type = "string")]
    pub id: Cow<'static, str>,
    /// What it does when it fails.
    pub severity: Severity,
    /// What it answered.
    pub outcome: Outcome,
    /// A sentence: what was checked and what it means here.
    pub sentence: String,
    /// The observed value in words.
    pub value: String,
    /// The limit in words.
    pub threshold: String,
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub source: Option<SourceId>,
    /// Age of the value in seconds when the check ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub age: Option<f64>,
    /// What to do about it, when it does not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next_step: Option<String>,
}

/// One exact API call of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct ApiCall {
    /// `sqs:StartMessageMoveTask`.
    pub operation: String,
    /// Region it goes to.
    pub region: String,
    /// The parameters by AWS's names.
    #[ts(type = "Record<string, string | number>")]
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// The AWS CLI or kubectl line that does the same.
    pub cli: String,
    /// Which step of the run makes it: `canary`, `full`.
    pub step: String,
}

/// Who and what is touched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Blast {
    /// Sentences with numbers, most important first.
    pub sentences: Vec<String>,
    /// Messages moved, where it applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub messages: Option<i64>,
}

/// A predicate that must hold for its dwell before the deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Expectation {
    /// Stable id, e.g. `redrive.no-returns`.
    #[ts(type = "string")]
    pub id: Cow<'static, str>,
    /// What must be true, a sentence.
    pub sentence: String,
    /// How long it must stay true, seconds.
    pub dwell_seconds: f64,
}

/// What will be done, exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// The action.
    pub action: Verb,
    /// The node it is asked for.
    pub node: NodeId,
    /// The node's own name.
    pub name: String,
    /// Account, region and environment in words, for the dialog's large type.
    pub place: String,
    /// Settings asked for, with their defaults filled in.
    pub settings: BTreeMap<String, String>,
    /// Everything touched.
    pub targets: Vec<NodeId>,
    /// The whole plan in one line, the button's text.
    pub label: String,
    /// Exact calls, in order.
    pub calls: Vec<ApiCall>,
    /// State before: what the press is compared with, and what undo would restore.
    #[ts(type = "Record<string, string | number | boolean>")]
    pub before: BTreeMap<String, serde_json::Value>,
    /// Every check.
    pub findings: Vec<Finding>,
    /// What must be true afterwards.
    pub expectations: Vec<Expectation>,
    /// What it stops by itself at, sentences.
    pub stops: Vec<String>,
    /// How it is undone, a sentence (`No undo: …` where there is none).
    pub undo: String,
    /// Who and what is touched.
    pub blast: Blast,
    /// How it is confirmed, warnings already counted.
    pub level: ConfirmLevel,
    /// The phrase to pass or type.
    pub confirm: String,
    /// Hash of action, targets, calls, level and the ids of failing checks.
    pub digest: String,
    /// When it was made (platform time).
    pub made_at: Timestamp,
    /// When it must be made again.
    pub expires: Timestamp,
}
