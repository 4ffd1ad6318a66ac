//! What can be done to a node, with its preflight colour already true.

use crate::plan::{ConfirmLevel, Finding};
use crate::setting::Setting;
use model::{NodeId, Verb};
use serde::{Deserialize, Serialize};

/// The colour of an offer's button: the worst unmet finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Every check passes.
    Green,
    /// A warning: the level is one higher.
    Amber,
    /// Blocked: the findings say why and what to do.
    Red,
}

/// One action offered on a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Offer {
    /// What it does.
    pub action: Verb,
    /// To which node.
    pub node: NodeId,
    /// The whole plan in one line, the button's text.
    pub label: String,
    /// The worst unmet finding.
    pub colour: Colour,
    /// How it is confirmed.
    pub level: ConfirmLevel,
    /// Why not (or why with care), one sentence; absent when green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub why: Option<String>,
    /// Every check with its value.
    pub findings: Vec<Finding>,
    /// What it asks for, each with the default this offer was planned with.
    #[serde(default)]
    pub settings: Vec<Setting>,
    /// The `qd` command line that does the same.
    pub command: String,
}
