//! What is due when: a step costs what happens in it, not what exists.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::node::NodeId;
use super::pod::PodId;
use super::pools::ClaimId;
use super::workload::WorkloadId;
use crate::clock::Millis;

/// Something due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// The scheduler looks at a pod.
    Bind(PodId),
    /// The kubelet starts its container.
    Start(PodId),
    /// Its readiness probe passes for the first time since the start, or again.
    Pass(PodId),
    /// Its container ends by the fault of its release; carries the container it was meant for.
    Crash(PodId, u64),
    /// The back-off is over.
    Restart(PodId),
    /// The kubelet is done with a deleted pod.
    Gone(PodId),
    /// A kubelet loses contact.
    Lose(NodeId),
    /// It is back.
    Return(NodeId),
    /// A node posts its status.
    Heartbeat(NodeId),
    /// An instance of a nodegroup joins.
    Join(usize),
    /// A node that goes is looked at for pods that may be evicted by now, until its time is up.
    Empty(NodeId, Millis),
    /// A drained node is taken away.
    Leave(NodeId),
    /// Somewhere a container ends for a reason of its own.
    Mishap,
    /// Pods of a faulty zone fail their probes.
    Trouble(usize),
    /// Karpenter looks for pods without a place.
    Provision,
    /// The fleet answers a claim.
    Launch(ClaimId),
    /// A claim's instance joins.
    Register(ClaimId),
    /// A refused claim is deleted.
    DropClaim(ClaimId),
    /// A spot instance gets its warning.
    Interrupt(NodeId),
    /// GitOps compares a workload with git.
    Git(WorkloadId),
    /// The KEDA operator looks at a changed scaled object.
    Keda(WorkloadId),
    /// The node autoscaler looks for pods without a place.
    Autoscale,
    /// Old events are dropped.
    Sweep,
}

/// Tasks by time; those due at one instant run in the order they were put.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Millis, u64, Task)>>,
    count: u64,
}

impl Agenda {
    /// Puts a task.
    pub(super) fn at(&mut self, when: Millis, task: Task) {
        self.count += 1;
        self.heap.push(Reverse((when, self.count, task)));
    }

    /// The next task due at `now`, with its time.
    pub(super) fn due(&mut self, now: Millis) -> Option<(Millis, Task)> {
        if self
            .heap
            .peek()
            .is_none_or(|Reverse((when, _, _))| *when > now)
        {
            return None;
        }
        self.heap.pop().map(|Reverse((when, _, task))| (when, task))
    }
}
