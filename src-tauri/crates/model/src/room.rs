//! Whether a pod waits for room: asked by the cause of a shortage, and by what scales against it.

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
