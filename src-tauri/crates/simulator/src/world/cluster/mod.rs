//! One Kubernetes cluster: its objects, and the controllers, scheduler and kubelets that move them.
//!
//! The world steps it once per world second. The API server in [`crate::kubernetes`] reads and writes it; the AWS
//! half of the world sees pods and nodes through [`PodView`] and [`NodeView`]. State is kept typed and lean; each
//! object is rendered to the [`store`] when it changes. What is due lies on an agenda, so that a step costs what
//! happens in it and not what exists.

mod agenda;
mod birth;
mod complaint;
mod dice;
mod git;
mod groups;
mod keda;
mod kubelet;
mod need;
mod node;
mod nodes;
mod pod;
mod pools;
mod processors;
mod reads;
mod recorder;
mod release;
mod render;
pub mod resource;
mod rollout;
mod scaling;
mod scheduler;
mod spec;
pub mod store;
mod template;
mod usage;
mod view;
mod workload;
pub mod write;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

pub use complaint::{Complained, Complaint};
pub use groups::{NodegroupRefusal, Sizes};
pub use node::NodegroupUpdate;
pub use spec::{
    Az, CapacityType, ClusterSpec, CrashLoop, CrashReason, GitOps, Hpa, IngressSpec, Load,
    NodegroupSpec, NodegroupState, PoolSpec, QueueTrigger, ServicePort, WorkloadKey, WorkloadKind,
    WorkloadSpec,
};
pub use view::{NodeView, Phase, PodLog, PodView};
pub use workload::Operation;

use crate::clock::Millis;
use agenda::{Agenda, Task};
use dice::Dice;
use node::{Addresses, Node, NodeId, Nodegroup};
use pod::{Pod, PodId};
use pools::{Claim, ClaimId, Dry, Pool};
use recorder::Recorder;
use store::Store;
use workload::{Workload, WorkloadId};

/// A cluster at one instant of world time.
pub struct Cluster {
    spec: Arc<ClusterSpec>,
    now: Millis,
    born: Millis,
    dice: Dice,
    store: Store,
    agenda: Agenda,
    recorder: Recorder,
    addresses: Addresses,
    nodes: BTreeMap<NodeId, Node>,
    next_node: u32,
    groups: Vec<Nodegroup>,
    pools: Vec<Pool>,
    claims: BTreeMap<ClaimId, Claim>,
    next_claim: u32,
    /// What cannot be bought now.
    dry: Dry,
    /// The most vCPUs the account may run, on demand and spot.
    quotas: [u32; 2],
    pods: BTreeMap<PodId, Pod>,
    next_pod: u64,
    /// Pods by `namespace/name`.
    named: HashMap<String, PodId>,
    workloads: Vec<Workload>,
    index: HashMap<WorkloadKey, WorkloadId>,
    /// Workloads to reconcile at the end of the step.
    touched: BTreeSet<WorkloadId>,
    /// Pods without a place, oldest first.
    homeless: BTreeSet<PodId>,
    /// Zones at fault, by index.
    troubled: Vec<bool>,
    /// CPU load per workload and zone as last told, percent of the request.
    loads: Vec<Vec<f64>>,
    /// Pods whose probes fail for the sake of the change, oldest first.
    flickering: VecDeque<PodId>,
}

impl Cluster {
    /// What it was made of.
    #[must_use]
    pub fn spec(&self) -> &ClusterSpec {
        &self.spec
    }

    /// World time of the last step.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Its objects as the API server shows them.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Forgets the log of changes: watches and lists from older versions are answered 410 from now on, as after a
    /// compaction.
    pub fn forget_history(&mut self) {
        self.store.forget();
    }

    /// Keeps at most so many changes per resource; [`Store::LOG_CAPACITY`] unless set.
    pub fn keep_history(&mut self, changes: usize) {
        self.store.keep(changes);
    }

    /// Moves it one world second, to `now`: controllers, autoscalers, pods, nodes, events. `load` is asked per
    /// workload and zone name, and only when an autoscaler looks or usage is shown.
    pub fn step(&mut self, now: Millis, load: &dyn Fn(&WorkloadKey, &str) -> Load) {
        self.now = now;
        while let Some((_, task)) = self.agenda.due(now) {
            self.run(task);
        }
        self.autoscale(load);
        self.reconcile_touched();
    }

    fn run(&mut self, task: Task) {
        match task {
            Task::Bind(pod) => self.bind(pod),
            Task::Start(pod) => self.start_container(pod),
            Task::Pass(pod) => self.pass_probe(pod),
            Task::Crash(pod, container) => self.crash(pod, container),
            Task::Restart(pod) => self.restart_container(pod),
            Task::Gone(pod) => self.forget_pod(pod),
            Task::Lose(node) => self.lose_node(node),
            Task::Return(node) => self.return_node(node),
            Task::Heartbeat(node) => self.heartbeat(node),
            Task::Join(group) => self.join_node(group),
            Task::Empty(node, limit) => self.empty_node(node, limit),
            Task::Leave(node) => self.leave_node(node),
            Task::Mishap => self.mishap(),
            Task::Trouble(az) => self.trouble(az),
            Task::Autoscale => self.autoscale_nodes(),
            Task::Provision => self.provision(),
            Task::Launch(claim) => self.launch_claim(claim),
            Task::Register(claim) => self.join_claim(claim),
            Task::DropClaim(claim) => self.drop_claim(claim),
            Task::Interrupt(node) => self.interrupt(node),
            Task::Git(workload) => self.compare_with_git(workload),
            Task::Keda(workload) => self.reconcile_scaled(workload),
            Task::Sweep => self.sweep_events(),
        }
    }

    fn workload(&self, id: WorkloadId) -> &Workload {
        &self.workloads[id.0]
    }

    fn workload_mut(&mut self, id: WorkloadId) -> &mut Workload {
        &mut self.workloads[id.0]
    }

    fn find(&self, key: &WorkloadKey) -> Option<WorkloadId> {
        self.index.get(key).copied()
    }

    fn touch(&mut self, id: WorkloadId) {
        self.touched.insert(id);
    }
}
