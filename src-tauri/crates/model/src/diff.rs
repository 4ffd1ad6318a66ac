//! What changed between two snapshots. Law: `apply(a, diff(a, b)) == b`.

use crate::edge::Edge;
use crate::health::Cause;
use crate::id::{NodeId, SourceId};
use crate::node::Node;
use crate::observation::Change;
use crate::snapshot::{Identity, Snapshot, StackIdentity};
use crate::source::SourceStatus;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a subscriber is told: everything once, then only what changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Update {
    /// The full state.
    Full {
        /// The snapshot, whole.
        #[ts(as = "Snapshot")]
        snapshot: Arc<Snapshot>,
    },
    /// What changed since the snapshot `from`; a subscriber at another `seq` subscribes again.
    Delta(Box<Delta>),
}

/// The difference of two snapshots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Delta {
    /// `seq` of the snapshot it applies to.
    pub from: u64,
    /// `seq` of the snapshot it leads to.
    pub seq: u64,
    /// The new time.
    pub taken_at: Timestamp,
    /// New identity of the stack, when it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub stack: Option<StackIdentity>,
    /// New identity, when it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub identity: Option<Identity>,
    /// Nodes new or changed, whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Node>>", optional)]
    pub nodes: Vec<Arc<Node>>,
    /// Nodes gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<NodeId>>", optional)]
    pub gone: Vec<NodeId>,
    /// Edges new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Edge>>", optional)]
    pub edges: Vec<Edge>,
    /// Edges gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Edge>>", optional)]
    pub cut: Vec<Edge>,
    /// Sources new or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<SourceStatus>>", optional)]
    pub sources: Vec<SourceStatus>,
    /// Sources gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<SourceId>>", optional)]
    pub sources_gone: Vec<SourceId>,
    /// All causes, when any changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub causes: Option<Vec<Cause>>,
    /// All recent changes, when any is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub changes: Option<Vec<Change>>,
}

/// What leads from `a` to `b`. Both are ordered, as every snapshot is, so one walk side by side
/// suffices; nodes that two snapshots share are not compared.
#[must_use]
pub fn diff(a: &Snapshot, b: &Snapshot) -> Delta {
    let (nodes, gone) = changed(&a.nodes, &b.nodes, |n| &n.id, Arc::ptr_eq);
    let (sources, sources_gone) = changed(&a.sources, &b.sources, |s| &s.source.id, |_, _| false);
    let (edges, cut) = if Arc::ptr_eq(&a.edges, &b.edges) {
        (Vec::new(), Vec::new())
    } else {
        changed(&a.edges, &b.edges, |e| e, |_, _| false)
    };
    Delta {
        from: a.seq,
        seq: b.seq,
        taken_at: b.taken_at,
        stack: (a.stack != b.stack).then(|| b.stack.clone()),
        identity: (a.identity != b.identity).then(|| b.identity.clone()),
        nodes,
        gone: gone.into_iter().map(|n| n.id.clone()).collect(),
        edges,
        cut: cut.into_iter().cloned().collect(),
        sources,
        sources_gone: sources_gone
            .into_iter()
            .map(|s| s.source.id.clone())
            .collect(),
        causes: (a.causes != b.causes).then(|| b.causes.clone()),
        changes: (a.changes != b.changes).then(|| b.changes.clone()),
    }
}

/// Applies `delta` to the snapshot it was made from; `None` when it was made from another.
#[must_use]
pub fn apply(a: &Snapshot, delta: &Delta) -> Option<Snapshot> {
    if a.seq != delta.from {
        return None;
    }
    Some(Snapshot {
        seq: delta.seq,
        taken_at: delta.taken_at,
        stack: delta.stack.clone().unwrap_or_else(|| a.stack.clone()),
        identity: delta.identity.clone().unwrap_or_else(|| a.identity.clone()),
        nodes: merged(&a.nodes, &delta.nodes, &delta.gone, |n| &n.id),
        edges: edges(a, delta),
        sources: merged(&a.sources, &delta.sources, &delta.sources_gone, |s| {
            &s.source.id
        }),
        causes: delta.causes.clone().unwrap_or_else(|| a.causes.clone()),
        changes: delta.changes.clone().unwrap_or_else(|| a.changes.clone()),
    })
}

fn edges(a: &Snapshot, delta: &Delta) -> Arc<[Edge]> {
    if delta.edges.is_empty() && delta.cut.is_empty() {
        return Arc::clone(&a.edges);
    }
    merged(&a.edges, &delta.edges, &delta.cut, |e| e).into()
}

/// New or changed items of `after`, and the items only `before` has. Both are ordered by key.
/// Items that are `shared` are the same without a look at them.
fn changed<'a, T: Clone + PartialEq, K: Ord + 'a>(
    before: &'a [T],
    after: &[T],
    key: impl Fn(&T) -> &K,
    shared: impl Fn(&T, &T) -> bool,
) -> (Vec<T>, Vec<&'a T>) {
    let (mut upserts, mut gone) = (Vec::new(), Vec::new());
    let mut old = before.iter().peekable();
    for item in after {
        if old.next_if(|o| shared(o, item)).is_some() {
            continue;
        }
        while let Some(lost) = old.next_if(|o| key(o) < key(item)) {
            gone.push(lost);
        }
        match old.next_if(|o| key(o) == key(item)) {
            Some(was) if was == item => {}
            Some(_) | None => upserts.push(item.clone()),
        }
    }
    gone.extend(old);
    (upserts, gone)
}

/// `old` with `upserts` put in and `gone` left out. All are ordered by key.
fn merged<T: Clone, K: Ord>(
    old: &[T],
    upserts: &[T],
    gone: &[K],
    key: impl Fn(&T) -> &K,
) -> Vec<T> {
    let mut all = Vec::with_capacity(old.len() + upserts.len());
    let mut new = upserts.iter().peekable();
    let mut lost = gone.iter().peekable();
    for item in old {
        while let Some(earlier) = new.next_if(|n| key(n) < key(item)) {
            all.push(earlier.clone());
        }
        while lost.next_if(|l| *l < key(item)).is_some() {}
        let replaced = new.next_if(|n| key(n) == key(item));
        let is_gone = lost.next_if(|l| *l == key(item)).is_some();
        match replaced {
            Some(newer) => all.push(newer.clone()),
            None if is_gone => {}
            None => all.push(item.clone()),
        }
    }
    all.extend(new.cloned());
    all
}
