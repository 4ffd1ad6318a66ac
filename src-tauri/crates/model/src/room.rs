//! Whether a pod waits for room, and whether room is on order: asked by the cause of a shortage, and by what scales
//! against it.

use crate::facts::Fact;
use crate::kind::Kind;
use crate::node::Node;

/// Whether the scheduler finds no node with room for the pod. Its reason is the one word
/// Unschedulable for whatever it misses; what it misses is only in its message
/// (<https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/>, "My pods are
/// pending with event message FailedScheduling").
#[must_use]
pub fn waits_for_room(pod: &Node) -> bool {
    let facts = &pod.facts;
    let short =
        |message: &str| message.contains("Insufficient ") || message.contains("Too many pods");
    pod.kind == Kind::Pod
        && facts.text(Fact::Phase) == Some("Pending")
        && facts.text(Fact::Reason) == Some("Unschedulable")
        && facts.flag(Fact::Terminating) != Some(true)
        && facts.text(Fact::Message).is_some_and(short)
}

/// Nodes of a group that were ordered and are not there yet, `there` being those that are; `None` where
/// none is, or where they may never come: EKS reports an issue of the group, or it buys spot capacity.
#[must_use]
pub fn awaited_nodes(group: &Node, there: i64) -> Option<i64> {
    let facts = &group.facts;
    let ordered = facts.count(Fact::Desired)? - there;
    let sure = facts.text(Fact::CapacityType) == Some("ON_DEMAND")
        && facts.text(Fact::HealthIssues).is_none();
    Some(ordered).filter(|ordered| sure && *ordered > 0)
}
