//! A plan is a pure value: the same one is shown, checked, confirmed, executed and audited.

use crate::action::Request;
use crate::rights::Right;
use crate::takes::Takes;
use model::{NodeId, SourceId, Timestamp, Verb};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Seconds a plan can be pressed after it was made, of this machine's time: it is a person who reads
/// it, whatever the speed of the platform.
pub const PLAN_SECONDS: u32 = 60;

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

impl ConfirmLevel {
    /// The next higher level; L4 stays.
    #[must_use]
    pub const fn raised(self) -> Self {
        match self {
            ConfirmLevel::L0 => ConfirmLevel::L1,
            ConfirmLevel::L1 => ConfirmLevel::L2,
            ConfirmLevel::L2 => ConfirmLevel::L3,
            ConfirmLevel::L3 | ConfirmLevel::L4 => ConfirmLevel::L4,
        }
    }
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
    /// A block that a named break-glass may pass (the † of guards.md).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub breakable: bool,
}

impl Finding {
    /// The same, of an answer that is `age` seconds old.
    pub(crate) fn aged(mut self, age: f64) -> Self {
        self.age = Some(age);
        self
    }
}

/// One exact API call of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct ApiCall {
    /// `sqs:StartMessageMoveTask`.
    pub operation: String,
    /// Region it goes to.
    pub region: String,
    /// The parameters by AWS's names.
    #[ts(type = "Record<string, string | number | boolean>")]
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

/// Something a run leaves open when it is over: it must be closed again by a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Leaves {
    /// What is left, a sentence: `order-writer stays paused.`
    pub sentence: String,
    /// For how long, seconds of platform time from the end of the run.
    pub seconds: i64,
    /// The request that closes it; a run of it on the same node counts as closing.
    pub close: Request,
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
    /// Its blast domain: only one dangerous action at a time in each (see [`crate::domain()`]). Empty in
    /// journals of earlier versions.
    #[serde(default)]
    pub domain: String,
    /// Account, region and environment in words, for the dialog's large type.
    pub place: String,
    /// Whose its calls are, where it is not who reads: the ARN of the role that signs those to AWS, the user that those
    /// to Kubernetes are made as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub acts_as: Option<String>,
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
    /// The request that undoes it, made from the before-state; planned and checked when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub undo_request: Option<Request>,
    /// What it takes away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Takes>>", optional)]
    pub takes: Vec<Takes>,
    /// Rights its calls need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Right>>", optional)]
    pub rights: Vec<Right>,
    /// What it leaves open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub leaves: Option<Leaves>,
    /// Who and what is touched.
    pub blast: Blast,
    /// How it is confirmed, warnings already counted.
    pub level: ConfirmLevel,
    /// Some check stops it: nothing but broken glass, and that only where it is breakable, confirms
    /// this plan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub blocked: bool,
    /// One person may pass what blocks it by breaking the glass: typed name, hold, and why nobody
    /// else could approve it, recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub breakable: bool,
    /// The phrase to pass or type.
    pub confirm: String,
    /// Hash of action, targets, calls, level and the ids of failing checks.
    pub digest: String,
    /// When it was made (platform time).
    pub made_at: Timestamp,
    /// When it can no longer be pressed, by **this machine's** clock and not the platform's (which
    /// may run at another speed): [`PLAN_SECONDS`] after it was made. For display: the gate counts
    /// the same seconds on the monotonic clock.
    pub expires: Timestamp,
}

impl Plan {
    /// The id of the whole it is about; a plan of an earlier version has no domain but its node.
    #[must_use]
    pub fn whole(&self) -> &str {
        match self.domain.as_str() {
            "" => self.node.as_str(),
            domain => domain,
        }
    }

    /// Whose its calls are, where it is not who reads: a clause.
    #[must_use]
    pub fn signed(&self) -> Option<String> {
        let who = self.acts_as.as_deref()?;
        Some(match self.rights.first()? {
            Right::Iam { .. } => {
                format!("signed by {who}, allowed only the actions its calls need")
            }
            Right::Kubernetes { .. } => format!("made as the user {who}"),
        })
    }

    /// Checks that stop or warn and do not pass, in order.
    pub fn failing(&self) -> impl Iterator<Item = &Finding> {
        let counts = |f: &&Finding| f.severity != Severity::Info && f.outcome != Outcome::Pass;
        self.findings.iter().filter(counts)
    }

    /// What is different in `fresh` from what was shown, in sentences; empty when the answer is the
    /// same. Live counters (numbers of `before`) and ages are expected to move and do not count.
    #[must_use]
    pub fn difference(&self, fresh: &Plan) -> Vec<String> {
        let mut changes = Vec::new();
        changes.extend(self.finding_changes(fresh));
        for (name, was) in &self.before {
            let now = fresh.before.get(name);
            if !was.is_number() && now != Some(was) {
                let now = now.map_or_else(|| "not known".to_owned(), ToString::to_string);
                changes.push(format!("{name} was {was}, is now {now}."));
            }
        }
        if self.acts_as != fresh.acts_as {
            let whose = |plan: &Plan| {
                plan.acts_as
                    .clone()
                    .unwrap_or_else(|| "who reads".to_owned())
            };
            let (was, now) = (whose(self), whose(fresh));
            changes.push(format!("It was to be done by {was}, and is now by {now}."));
        }
        if self.targets != fresh.targets {
            changes.push("It would touch other resources than were shown.".to_owned());
        }
        if call_keys(&self.calls) != call_keys(&fresh.calls) {
            changes.push("Its calls are not the ones that were shown.".to_owned());
        }
        if self.level != fresh.level {
            changes.push(format!(
                "Its level was {:?}, is now {:?}.",
                self.level, fresh.level
            ));
        }
        if changes.is_empty() && self.digest != fresh.digest {
            changes.push("Its digest is not the one that was shown.".to_owned());
        }
        changes
    }

    fn finding_changes(&self, fresh: &Plan) -> Vec<String> {
        let ids =
            |plan: &Plan| -> Vec<String> { plan.failing().map(|f| f.id.to_string()).collect() };
        let (was, now) = (ids(self), ids(fresh));
        let begun = fresh.failing().filter(|f| !was.contains(&f.id.to_string()));
        let ended = self.failing().filter(|f| !now.contains(&f.id.to_string()));
        begun
            .map(|f| format!("New: {}", f.sentence))
            .chain(ended.map(|f| format!("No longer: {}", f.sentence)))
            .collect()
    }

    /// The digest of this plan: hex SHA-256 over action, by whom it is done, targets, calls, level and the ids of
    /// failing checks. Live counters, ages, texts and times are left out on purpose: only a change
    /// in what would be done, or in whether it may be, is a changed answer.
    #[must_use]
    pub fn compute_digest(&self) -> String {
        let mut targets: Vec<&str> = self.targets.iter().map(NodeId::as_str).collect();
        targets.sort_unstable();
        let mut failing: Vec<&str> = self.failing().map(|f| f.id.as_ref()).collect();
        failing.sort_unstable();
        let subject = serde_json::json!({
            "action": self.action,
            "acts_as": self.acts_as,
            "node": self.node,
            "targets": targets,
            "calls": call_keys(&self.calls),
            "level": self.level,
            "blocked": self.blocked,
            "failing": failing,
        });
        hex(&Sha256::digest(subject.to_string().as_bytes()))
    }
}

/// What makes a call the same call: not its CLI text.
fn call_keys(calls: &[ApiCall]) -> Vec<serde_json::Value> {
    let key = |call: &ApiCall| {
        serde_json::json!([call.step, call.operation, call.region, call.parameters])
    };
    calls.iter().map(key).collect()
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
