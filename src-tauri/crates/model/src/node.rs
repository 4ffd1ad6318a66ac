//! One node of the assembled topology.

use crate::facts::{Fact, Facts};
use crate::health::Health;
use crate::id::{NodeId, SourceId};
use crate::kind::Kind;
use crate::source::Scope;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How sure we are that the node exists.
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
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Read from the service that owns it.
    #[default]
    Read,
    /// Named by another node; the service that owns it is not read (or has not answered yet).
    Declared,
    /// Named by another node or the stack file, and the service that owns it answered without it.
    Ghost,
}

/// A metric's recent past, oldest first, for sparklines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Series {
    /// Which figure.
    pub fact: Fact,
    /// Time of the first point.
    pub start: Timestamp,
    /// Seconds between points.
    pub step_seconds: u32,
    /// The values; `null` where there was no data.
    pub values: Vec<Option<f64>>,
}

/// Where facts came from that the node's own source did not read (metrics, mostly).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct FactOrigin {
    /// Who said so.
    pub source: SourceId,
    /// When it was observed.
    pub observed_at: Timestamp,
}

/// One node of the topology.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Node {
    /// Stable id.
    pub id: NodeId,
    /// What it is.
    pub kind: Kind,
    /// AWS's or Kubernetes' own name.
    pub name: String,
    /// Where it lives.
    pub scope: Scope,
    /// How it is.
    pub health: Health,
    /// What is known of it, flat, units in the names.
    pub facts: Facts,
    /// Facts split by availability zone (balancers, target groups), AZ name to facts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, Facts>,
    /// Recent past of some facts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
    /// Read, declared or ghost.
    #[serde(default)]
    pub standing: Standing,
    /// When its own source last saw it (a ghost: its declarer).
    pub observed_at: Timestamp,
    /// Which source.
    pub source: SourceId,
    /// Origin of facts read by another source than `source`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fact_origins: BTreeMap<Fact, FactOrigin>,
}

impl Node {
    /// The name people know it by: a distribution's first alternate domain name, of anything else its own.
    #[must_use]
    pub fn called(&self) -> &str {
        let aliases = match self.kind {
            Kind::Distribution => self.facts.text(Fact::Aliases),
            _ => None,
        };
        let first = aliases.and_then(|all| all.split(',').next());
        let first = first.map(str::trim).filter(|alias| !alias.is_empty());
        first.unwrap_or(&self.name)
    }
}
