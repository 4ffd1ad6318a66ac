//! One Kubernetes cluster: its objects, and the controllers, scheduler and kubelets that move them.
//!
//! The world steps it once per world second. The API server in [`crate::kubernetes`] reads and writes it; the AWS
//! half of the world sees pods and nodes through [`PodView`] and [`NodeView`].

mod spec;
mod view;

pub use spec::{
    Az, CapacityType, ClusterSpec, CrashLoop, CrashReason, Hpa, IngressSpec, Load, NodegroupSpec, NodegroupState,
    QueueTrigger, ServicePort, WorkloadKey, WorkloadKind, WorkloadSpec,
};
pub use view::{NodeView, Phase, PodView};

use crate::clock::Millis;

/// A cluster at one instant of world time.
pub struct Cluster {
    spec: ClusterSpec,
    seed: u64,
    now: Millis,
}

impl Cluster {
    /// A cluster in its steady state at `born`: every workload at its replicas, ready, with plausible older ages.
    #[must_use]
    pub fn new(spec: ClusterSpec, born: Millis, seed: u64) -> Self {
        Self { spec, seed, now: born }
    }

    /// What it was made of.
    #[must_use]
    pub fn spec(&self) -> &ClusterSpec {
        &self.spec
    }

    /// Moves it one world second, to `now`: controllers, autoscalers, pods, nodes, events.
    pub fn step(&mut self, now: Millis, load: &dyn Fn(&WorkloadKey, &str) -> Load) {
        let _ = (load, self.seed);
        self.now = now;
    }

    /// The pods of a workload, being deleted or not, in the order of their creation.
    pub fn pods(&self, key: &WorkloadKey) -> impl Iterator<Item = PodView<'_>> {
        let _ = key;
        std::iter::empty()
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = NodeView<'_>> {
        std::iter::empty()
    }

    /// Starts the release of another image tag: a new revision, rolled out with surge over the next minutes.
    pub fn release(&mut self, key: &WorkloadKey, image_tag: &str, now: Millis) {
        let _ = (key, image_tag, now);
    }

    /// Undoes to the revision before the current one, as `kubectl rollout undo` does.
    pub fn rollback(&mut self, key: &WorkloadKey, now: Millis) {
        let _ = (key, now);
    }

    /// Revision of the workload's current template; 0 when there is no such workload.
    #[must_use]
    pub fn current_revision(&self, key: &WorkloadKey) -> u32 {
        let _ = key;
        0
    }

    /// Image tag of the workload's current template.
    #[must_use]
    pub fn current_tag(&self, key: &WorkloadKey) -> Option<&str> {
        let _ = key;
        None
    }

    /// Replicas wanted.
    #[must_use]
    pub fn desired(&self, key: &WorkloadKey) -> u32 {
        let _ = key;
        0
    }

    /// Replicas ready.
    #[must_use]
    pub fn ready(&self, key: &WorkloadKey) -> u32 {
        let _ = key;
        0
    }

    /// Starts or ends the fault of a zone: its kubelets lose contact for spells, pods there fail their probes.
    pub fn az_fault(&mut self, az: &str, on: bool) {
        let _ = (az, on);
    }

    /// Makes the release `image_tag` of a workload faulty, or well again with `None`. Pods of other releases, and
    /// pods that a later undo creates from another release, are not touched.
    pub fn set_crash_loop(&mut self, key: &WorkloadKey, image_tag: &str, fault: Option<CrashLoop>) {
        let _ = (key, image_tag, fault);
    }

    /// Kills `share` (0 to 1) of the workload's running containers once; the kubelets restart them.
    pub fn kill_pods(&mut self, key: &WorkloadKey, share: f64, now: Millis) {
        let _ = (key, share, now);
    }

    /// A nodegroup's bounds and counts.
    #[must_use]
    pub fn nodegroup(&self, name: &str) -> Option<NodegroupState> {
        let _ = name;
        None
    }

    /// Sets a nodegroup's bounds, as `UpdateNodegroupConfig` does; nodes come and go over the next minutes.
    pub fn resize_nodegroup(&mut self, name: &str, min: u32, desired: u32, max: u32, now: Millis) {
        let _ = (name, min, desired, max, now);
    }

    /// Tells KEDA how many messages are visible in the workload's queue.
    pub fn set_queue_depth(&mut self, key: &WorkloadKey, visible: u64) {
        let _ = (key, visible);
    }
}
