//! What the rest of the world asks of a cluster.

use super::node::Node;
use super::pod::{Container, Pod};
use super::spec::{NodegroupState, WorkloadKey};
use super::view::{NodeView, PodView};
use super::{Cluster, Load};

impl Cluster {
    /// The pods of a workload, being deleted or not, in the order of their creation.
    pub fn pods(&self, key: &WorkloadKey) -> impl Iterator<Item = PodView<'_>> {
        self.find(key)
            .into_iter()
            .flat_map(|id| self.workload(id).pods.iter())
            .filter_map(|id| self.pods.get(id))
            .map(|pod| self.view(pod))
    }

    /// All pods, in the order of their creation.
    pub fn all_pods(&self) -> impl Iterator<Item = PodView<'_>> {
        self.pods.values().map(|pod| self.view(pod))
    }

    fn view<'a>(&'a self, pod: &'a Pod) -> PodView<'a> {
        let workload = self.workload(pod.workload);
        let node = pod.node.and_then(|id| self.nodes.get(&id));
        let revision = workload.revision(pod.revision);
        PodView {
            name: &pod.name,
            namespace: &workload.key.namespace,
            workload: &workload.key.name,
            ip: pod.ip,
            az: node.map_or("", |n| self.az_name(n.az)),
            node: node.map_or("", |n| &n.name),
            ready: pod.ready && pod.live(),
            terminating: !pod.live(),
            phase: pod.phase(),
            revision: revision.map_or(0, |r| r.number),
            image_tag: revision.map_or("", |r| &r.tag),
            restarts: pod.restarts,
            created: pod.created,
            running_since: match pod.container {
                Container::Running { since } => Some(since),
                Container::Unbound | Container::Creating | Container::BackOff { .. } => None,
            },
            env: &workload.spec.env,
        }
    }

    /// All nodes, in the order in which they joined.
    pub fn nodes(&self) -> impl Iterator<Item = NodeView<'_>> {
        self.nodes.values().map(|node| self.node_view(node))
    }

    fn node_view<'a>(&'a self, node: &'a Node) -> NodeView<'a> {
        NodeView {
            name: &node.name,
            instance_id: &node.instance_id,
            ip: node.ip,
            az: self.az_name(node.az),
            nodegroup: node.group.map_or("", |g| &self.groups[g].name),
            ready: node.ready,
            created: node.created,
        }
    }

    pub(super) fn az_name(&self, az: usize) -> &str {
        self.spec.azs.get(az).map_or("", |a| &a.name)
    }

    /// Revision of the workload's current template; 0 when there is no such workload.
    #[must_use]
    pub fn current_revision(&self, key: &WorkloadKey) -> u32 {
        self.find(key)
            .and_then(|id| self.workload(id).current())
            .map_or(0, |r| r.number)
    }

    /// Image tag of the workload's current template.
    #[must_use]
    pub fn current_tag(&self, key: &WorkloadKey) -> Option<&str> {
        self.find(key)
            .and_then(|id| self.workload(id).current())
            .map(|r| r.tag.as_str())
    }

    /// Whether a rollout of the workload is under way.
    #[must_use]
    pub fn rolling_out(&self, key: &WorkloadKey) -> bool {
        self.find(key)
            .is_some_and(|id| self.workload(id).rolling.is_some())
    }

    /// Replicas wanted.
    #[must_use]
    pub fn desired(&self, key: &WorkloadKey) -> u32 {
        self.find(key).map_or(0, |id| self.workload(id).desired)
    }

    /// Replicas ready.
    #[must_use]
    pub fn ready(&self, key: &WorkloadKey) -> u32 {
        self.pods(key).filter(|p| p.ready).map(|_| 1).sum()
    }

    /// A nodegroup's bounds and counts.
    #[must_use]
    pub fn nodegroup(&self, name: &str) -> Option<NodegroupState> {
        let index = self.groups.iter().position(|g| g.name == name)?;
        let group = &self.groups[index];
        let here = || self.nodes.values().filter(|n| n.group == Some(index));
        Some(NodegroupState {
            min: group.min,
            desired: group.desired,
            max: group.max,
            ready: here().filter(|n| n.ready).map(|_| 1).sum(),
            nodes: here().map(|_| 1).sum(),
            updating: group.updating(self.now),
            modified: group.modified,
        })
    }

    /// CPU use of a workload's pods in a zone as last told, percent of the request.
    pub(super) fn load_of(&self, workload: usize, az: usize) -> f64 {
        self.loads
            .get(workload)
            .and_then(|l| l.get(az))
            .copied()
            .unwrap_or(30.0)
    }

    pub(super) fn learn_load(
        &mut self,
        workload: usize,
        load: &dyn Fn(&WorkloadKey, &str) -> Load,
    ) {
        let key = self.workloads[workload].key.clone();
        for az in 0..self.spec.azs.len() {
            self.loads[workload][az] = load(&key, &self.spec.azs[az].name)
                .cpu_percent_of_request
                .max(0.0);
        }
    }
}
