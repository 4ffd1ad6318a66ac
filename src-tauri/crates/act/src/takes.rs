//! What a plan takes away, and the one rule no plan may break: something healthy must remain.
//!
//! guards.md, "Always-on graph invariant": after the action at least one healthy region in DNS, zone
//! with capacity, database reader in another zone, ready replica, subscribed consumer must remain.
//! An action only says what it takes ([`Takes`]); whether enough is left is answered here, from the
//! topology, for every plan alike.

mod remaining;

use crate::finding::{Answer, Words, finding};
use crate::plan::{Finding, Severity};
use model::{NodeId, Snapshot};
use serde::{Deserialize, Serialize};

/// The check's id.
pub const SOMETHING_REMAINS: &str = "plan.something-remains";

/// One thing a plan takes away. An action whose effect fits none of these adds a variant, and the
/// rule for what must then remain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "takes", rename_all = "kebab-case")]
pub enum Takes {
    /// A database instance or cache node no longer serves reads.
    Reader {
        /// The instance.
        member: NodeId,
    },
    /// Nothing new is sent into a zone.
    Zone {
        /// A node of the region it is in: the balancer or cluster the shift is for.
        near: NodeId,
        /// The zone, e.g. `eu-west-1a`.
        zone: String,
    },
    /// A DNS answer is no longer given.
    Record {
        /// The record set.
        record: NodeId,
    },
    /// A consumer takes no messages.
    Consumer {
        /// The mapping, scaled object or workload.
        consumer: NodeId,
    },
    /// A nodegroup keeps so many nodes, EKS chooses which.
    Nodes {
        /// The nodegroup.
        group: NodeId,
        /// Nodes afterwards.
        left: i64,
    },
    /// A Kubernetes node keeps no pods.
    Machine {
        /// The node.
        machine: NodeId,
    },
}

/// What is left after something was taken.
struct Left {
    answer: Answer,
    /// What would be without, as a sentence's subject and verb.
    sentence: String,
}

/// One finding per thing taken; none for a plan that takes nothing away.
pub(crate) fn findings(snapshot: &Snapshot, takes: &[Takes]) -> Vec<Finding> {
    takes
        .iter()
        .map(|taken| worded(remaining::after(snapshot, taken)))
        .collect()
}

fn worded(left: Left) -> Finding {
    let value = left.answer.value.clone();
    finding(
        SOMETHING_REMAINS,
        Severity::Block,
        left.answer,
        Words {
            pass: format!("Enough remains afterwards: {value}."),
            fail: left.sentence,
            unknown: format!("Whether enough remains afterwards is not known: {value}."),
            threshold: "at least one healthy left",
            next: "Add capacity elsewhere first.",
        },
    )
}
