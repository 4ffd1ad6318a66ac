//! What the rest of the world sees of pods and nodes: borrowed, and nothing of how they are kept.

use std::net::Ipv4Addr;

use super::complaint::Complained;
use crate::clock::Millis;

/// The phase of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not all containers have started.
    Pending,
    /// Bound to a node, containers started (or starting again).
    Running,
}

impl Phase {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
        }
    }
}

/// A pod.
#[derive(Debug, Clone, Copy)]
pub struct PodView<'a> {
    /// Name.
    pub name: &'a str,
    /// Namespace.
    pub namespace: &'a str,
    /// Name of its deployment or stateful set.
    pub workload: &'a str,
    /// Address; `None` until it is bound to a node and has a network.
    pub ip: Option<Ipv4Addr>,
    /// Zone of its node; empty while it has none.
    pub az: &'a str,
    /// Name of its node; empty while it has none.
    pub node: &'a str,
    /// Whether it takes traffic: containers ready, node in contact, not being deleted.
    pub ready: bool,
    /// Being deleted.
    pub terminating: bool,
    /// Phase.
    pub phase: Phase,
    /// Revision of its replica set. An undo gives an old replica set a new revision: judge a release by `image_tag`.
    pub revision: u32,
    /// Tag of its image: the release it runs.
    pub image_tag: &'a str,
    /// Container restarts so far.
    pub restarts: u32,
    /// When it was created.
    pub created: Millis,
    /// When its container started; `None` while none runs.
    pub running_since: Option<Millis>,
    /// Literal environment of its container.
    pub env: &'a [(String, String)],
}

/// A node.
#[derive(Debug, Clone, Copy)]
pub struct NodeView<'a> {
    /// Name, the private DNS name of the instance.
    pub name: &'a str,
    /// EC2 instance id.
    pub instance_id: &'a str,
    /// Private address.
    pub ip: Ipv4Addr,
    /// Zone.
    pub az: &'a str,
    /// Its nodegroup.
    pub nodegroup: &'a str,
    /// Whether its kubelet is in contact and well.
    pub ready: bool,
    /// When it joined.
    pub created: Millis,
}

/// What a pod's log follows from.
#[derive(Debug, Clone)]
pub struct PodLog {
    /// Name of its workload.
    pub workload: String,
    /// Release it runs.
    pub tag: String,
    /// Whether it handles messages rather than requests.
    pub consumes: bool,
    /// When the container started.
    pub started: Millis,
    /// When it ended, if it has.
    pub ended: Option<Millis>,
    /// What it said at its end.
    pub last_words: Option<String>,
    /// A number of the container's own.
    pub number: u64,
    /// What its workload complained of, oldest first.
    pub complaints: Vec<Complained>,
}
