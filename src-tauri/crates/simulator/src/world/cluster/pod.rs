//! A pod: one container, and the states its kubelet takes it through.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::need::Need;
use super::node::NodeId;
use super::spec::CrashReason;
use super::view::Phase;
use super::workload::{RevisionId, WorkloadId};
use crate::clock::Millis;

/// A pod of a cluster, in the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PodId(pub u64);

/// The end of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ended {
    pub started: Millis,
    pub finished: Millis,
    pub why: End,
    pub container: u64,
}

/// Why a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By a fault of its release.
    Crash(CrashReason),
    /// Once, for a reason of its own.
    Once,
}

impl End {
    /// Exit code and reason on the wire.
    pub(super) const fn code(self) -> (i32, &'static str) {
        match self {
            Self::Crash(CrashReason::OomKilled) => (137, "OOMKilled"),
            Self::Crash(CrashReason::Error) | Self::Once => (1, "Error"),
        }
    }
}

/// The state of the container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Container {
    /// Not bound to a node yet.
    Unbound,
    /// The kubelet prepares it.
    Creating,
    /// It runs.
    Running { since: Millis },
    /// It ended and waits for `seconds` before the next try.
    BackOff { seconds: i64 },
}

/// A pod.
#[derive(Debug)]
pub(super) struct Pod {
    pub id: PodId,
    pub uid: String,
    pub name: String,
    pub workload: WorkloadId,
    pub revision: RevisionId,
    /// How many pods of its revision were made before it.
    pub nth: u32,
    /// Index within its stateful set.
    pub ordinal: Option<u32>,
    pub created: Millis,
    /// What it asks of a node.
    pub need: Arc<Need>,
    /// When its deletion was asked for.
    pub deleted: Option<Millis>,
    pub node: Option<NodeId>,
    pub ip: Option<Ipv4Addr>,
    /// Random end of the name of its token volume.
    pub suffix: String,
    pub container: Container,
    /// Number the current container's id is made of.
    pub container_id: u64,
    pub restarts: u32,
    pub last: Option<Ended>,
    /// Crashes in a row, for the back-off.
    pub crashes: u32,
    /// Whether the readiness probe passes.
    pub probe: bool,
    /// Ready as last shown, and since when.
    pub ready: bool,
    pub ready_since: Millis,
    pub bound_at: Option<Millis>,
    pub started_at: Option<Millis>,
    /// The scheduler's words when it found no place.
    pub unschedulable: Option<(Millis, String)>,
    /// Which slice of its service's endpoints it is in.
    pub slice: Option<u16>,
    /// Has an `Evicted` or similar mark: it is going because its node is.
    pub evicted: bool,
    /// Karpenter has said that it gets a node for it.
    pub nominated: bool,
}

impl Pod {
    pub(super) fn phase(&self) -> Phase {
        match self.container {
            Container::Unbound | Container::Creating => Phase::Pending,
            Container::Running { .. } | Container::BackOff { .. } => Phase::Running,
        }
    }

    pub(super) fn live(&self) -> bool {
        self.deleted.is_none()
    }

    /// The word kubectl shows.
    pub(super) fn status(&self) -> &'static str {
        if self.deleted.is_some() {
            return "Terminating";
        }
        match self.container {
            Container::Unbound => "Pending",
            Container::Creating => "ContainerCreating",
            Container::Running { .. } => "Running",
            Container::BackOff { .. } => "CrashLoopBackOff",
        }
    }

    /// Seconds the kubelet waits before the next start after so many crashes in a row: none, then ten doubled up to
    /// five minutes (<https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy>).
    pub(super) fn back_off(crashes: u32) -> i64 {
        match crashes {
            0 | 1 => 0,
            n => (10_i64 << (n - 2).min(5)).min(300),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_to_five_minutes() {
        let all: Vec<i64> = (1..9).map(Pod::back_off).collect();
        assert_eq!(all, [0, 10, 20, 40, 80, 160, 300, 300]);
    }
}
