//! The only builder of a [`Snapshot`]: what the sources hold, merged, linked, judged, explained.
//!
//! ```text
//! Held… ─▶ merge (one draft per thing) ─▶ link (ties → edges, ghosts) ─▶ derive (facts of facts)
//!       ─▶ rules (own reasons) ─▶ rollup (reasons that travel) ─▶ causes ─▶ Snapshot
//! ```
//!
//! Everything is ordered and nothing depends on the order of the input, so equal readings give equal
//! snapshots. [`Assembly`] draws one snapshot after the other: it does again only what a change asks
//! for and shares the rest with the snapshot before, so that a diff compares pointers.

mod assembly;
mod census;
mod derive;
mod ground;
#[cfg(test)]
mod law;
mod merge;
mod serving;
mod structure;
#[cfg(test)]
mod tests;

use crate::edge::Relation;
use crate::id::{AccountId, SourceId};
use crate::kind::Kind;
use crate::observation::{Change, Found};
use crate::rules::Thresholds;
use crate::snapshot::{Identity, Snapshot, StackIdentity};
use crate::source::SourceStatus;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use assembly::Assembly;
pub(crate) use derive::{RECENT_SECONDS, completed, pods_of};
pub(crate) use merge::Draft;
pub(crate) use serving::healthy;

/// How many changes a snapshot keeps.
const CHANGES: usize = 200;
/// How many of one reason, the newest: a flood of one (pods that find no room) leaves room for what
/// caused it (instances that were taken back).
pub(crate) const OF_A_REASON: usize = 40;

/// Everything that is known, and what it is judged by.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Number of the snapshot.
    pub seq: u64,
    /// Platform time it stands for.
    pub taken_at: Timestamp,
    /// The stack file's identity.
    pub stack: StackIdentity,
    /// Who we are.
    pub identity: Identity,
    /// Every source, answered or not.
    pub sources: Vec<SourceStatus>,
    /// What the sources found last.
    pub held: Vec<Held<'a>>,
    /// What only the stack file knows.
    pub declared: Declared,
    /// Limits of the health rules.
    pub thresholds: &'a Thresholds,
}

/// One thing found, by whom and when.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// The source that found it.
    pub source: &'a SourceId,
    /// Platform time it was last seen to be so.
    pub observed_at: Timestamp,
    /// What was found; a finding at the same address is taken for the same.
    pub found: &'a Arc<Found>,
}

/// What the stack file declares because it cannot be discovered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Declared {
    /// Queues whose consumers it describes.
    pub queues: Vec<DeclaredQueue>,
    /// Write probes: the database cluster's name, in every account and region, and the URL.
    pub write_probes: Vec<(String, String)>,
    /// How many readers a database cluster must have at least, by its name in every account and region.
    pub readers: Vec<(String, u32)>,
    /// Things that must be there.
    pub expected: Vec<Expected>,
    /// Edges it pins.
    pub edges: Vec<PinnedEdge>,
}

/// A thing that must be there: one that is not found is a ghost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// What it is.
    pub kind: Kind,
    /// Its account.
    pub account: AccountId,
    /// Its region; `None` for a global service.
    pub region: Option<String>,
    /// AWS's own name of it.
    pub name: String,
}

/// What the stack file says about a queue's consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeclaredQueue {
    /// The queue's name, in every account and region.
    pub name: String,
    /// Its consumer does the same when a message comes twice.
    pub idempotent: Option<bool>,
    /// Its consumer is outside what we can see.
    pub external: bool,
}

/// An edge the stack file pins. Both ends are node ids, or names where they are unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedEdge {
    /// Where it starts.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// What it means.
    pub relation: Relation,
}

/// Builds the snapshot, from scratch.
#[must_use]
pub fn assemble(input: Input<'_>) -> Snapshot {
    Assembly::default().next(input)
}

/// The recent changes, newest first; the same change told by two sources is told once.
fn changes(held: &[Held<'_>]) -> Vec<Change> {
    let all = held.iter().filter_map(|h| match &**h.found {
        Found::Change(change) => Some(change),
        Found::Node(_) | Found::Readings(_) => None,
    });
    let ordered: BTreeSet<_> = all
        .map(|c| (std::cmp::Reverse(c.at), &c.node, c.kind, &c.sentence))
        .collect();
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    ordered
        .into_iter()
        .filter(|(.., sentence)| {
            // The reason of an event stands first in its sentence.
            let reason = sentence.split(':').next().unwrap_or_default();
            let times = told.entry(reason).or_default();
            *times += 1;
            *times <= OF_A_REASON
        })
        .take(CHANGES)
        .map(|(at, node, kind, sentence)| Change {
            at: at.0,
            kind,
            node: node.clone(),
            sentence: sentence.clone(),
        })
        .collect()
}
