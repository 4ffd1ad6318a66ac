//! Health as a level plus reasons that are full sentences with evidence.

use crate::id::{NodeId, SourceId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How a node is. Ordered as roll-up ranks them: `Critical > Unknown > Warning > InTransition > Ok`.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ts_rs::TS,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing abnormal is known.
    #[default]
    Ok,
    /// Changing as asked (rollout, failover, draining).
    InTransition,
    /// Abnormal, still serving.
    Warning,
    /// Not known: not read, stale or its source failed. Never rolls up as healthy.
    Unknown,
    /// Failing.
    Critical,
}

/// Names a health or cause rule, e.g. `queue.dlq-not-empty`; stable, used in tests and docs.
pub type RuleId = Cow<'static, str>;

/// One observed value that a sentence rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Evidence {
    /// The value in words, e.g. `1,284 messages visible (limit 0)`.
    pub text: String,
    /// Who said so.
    pub source: SourceId,
    /// When it was observed.
    pub observed_at: Timestamp,
}

/// Why a node is not (entirely) well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Reason {
    /// Which rule.
    #[ts(type = "string")]
    pub rule: RuleId,
    /// How bad this reason is by itself.
    pub level: Level,
    /// A full sentence that names the leaf.
    pub sentence: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// The node the trouble is at, when it was rolled up from another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub leaf: Option<NodeId>,
}

/// Level and reasons, worst first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Health {
    /// The worst of the reasons' levels (own and rolled up).
    pub level: Level,
    /// Why, worst first.
    pub reasons: Vec<Reason>,
}

/// One thing that speaks for a cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Signal {
    /// What was seen, a sentence.
    pub sentence: String,
    /// Where.
    pub node: NodeId,
    /// Since when, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub at: Option<Timestamp>,
}

/// What broke, as opposed to what suffers from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Cause {
    /// Which cause rule, e.g. `az-fault`.
    #[ts(type = "string")]
    pub rule: RuleId,
    /// How bad it is.
    pub level: Level,
    /// A full sentence naming the cause.
    pub sentence: String,
    /// The nodes that are the cause.
    pub targets: Vec<NodeId>,
    /// The nodes that suffer from it: grouped under it and dimmed.
    pub consequences: Vec<NodeId>,
    /// What speaks for it.
    pub signals: Vec<Signal>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub since: Option<Timestamp>,
}

impl Health {
    /// Health by reasons of the node itself and reasons that travelled to it.
    pub(crate) fn of(own: Vec<Reason>, rolled: Vec<Reason>) -> Self {
        let mut reasons = own;
        reasons.extend(rolled);
        reasons.sort_by_key(|r| (std::cmp::Reverse(r.level), r.leaf.is_some()));
        let level = reasons.iter().map(|r| r.level).max().unwrap_or(Level::Ok);
        Self { level, reasons }
    }

    /// The reasons of the node itself.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Reason> {
        self.reasons.iter().filter(|r| r.leaf.is_none())
    }
}
