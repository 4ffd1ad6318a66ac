//! Nodegroups: nodes are ordered, join, are drained and leave.

use super::Cluster;
use super::agenda::Task;
use super::node::NodeId;
use super::nodes::HEARTBEAT_SECONDS;
use super::pod::PodId;
use super::recorder::{Tone, Voice};
use super::resource::Resource;
use crate::clock::Millis;

const AUTOSCALE_SECONDS: i64 = 10;

impl Cluster {
    /// Sets a nodegroup's bounds, as `UpdateNodegroupConfig` does; nodes come and go over the next minutes.
    pub fn resize_nodegroup(&mut self, name: &str, min: u32, desired: u32, max: u32, now: Millis) {
        self.now = now;
        let Some(index) = self.groups.iter().position(|g| g.name == name) else {
            return;
        };
        let group = &mut self.groups[index];
        (group.min, group.max) = (min, max.max(min));
        group.desired = desired.clamp(group.min, group.max);
        self.settle_group(index);
        self.reconcile_touched();
    }

    /// Orders the nodes a group lacks, and drains those it has too many.
    fn settle_group(&mut self, index: usize) {
        let mut here: Vec<(usize, NodeId)> = self
            .nodes
            .values()
            .filter(|n| n.group == index && !n.leaving)
            .map(|n| (n.pods.len(), n.id))
            .collect();
        let group = &mut self.groups[index];
        let wanted = usize::try_from(group.desired).unwrap_or(usize::MAX);
        let coming = here.len() + usize::try_from(group.joining).unwrap_or(0);
        for _ in coming..wanted {
            self.groups[index].joining += 1;
            let wait = self.dice.seconds(55, 95);
            self.agenda.at(Millis(self.now.0 + wait), Task::Join(index));
        }
        here.sort_unstable();
        for (_, id) in here.into_iter().take(coming.saturating_sub(wanted)) {
            self.drain(id);
        }
    }

    fn drain(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        node.leaving = true;
        node.cordoned = true;
        let name = node.name.clone();
        let pods: Vec<PodId> = node.pods.iter().copied().collect();
        let message = format!("Node {name} status is now: NodeNotSchedulable");
        self.node_says(
            id,
            Voice::Kubelet(name),
            Tone::Normal,
            "NodeNotSchedulable",
            message,
        );
        for pod in pods {
            if let Some(pod) = self.pods.get_mut(&pod) {
                pod.evicted = true;
            }
            self.delete_pod(pod);
        }
        self.show_node(id);
        self.agenda.at(self.now.plus_seconds(45), Task::Leave(id));
    }

    /// An ordered instance joins.
    pub(super) fn join_node(&mut self, group: usize) {
        let now = self.now;
        self.groups[group].joining = self.groups[group].joining.saturating_sub(1);
        let id = self.make_node(group, now);
        if let Some(node) = self.nodes.get_mut(&id) {
            node.ready_since = now;
        }
        let name = self
            .nodes
            .get(&id)
            .map(|n| n.name.clone())
            .unwrap_or_default();
        let message = format!("Node {name} event: Registered Node {name} in Controller");
        self.node_says(
            id,
            Voice::Component("node-controller"),
            Tone::Normal,
            "RegisteredNode",
            message,
        );
        let voice = Voice::Kubelet(name.clone());
        self.node_says(
            id,
            voice,
            Tone::Normal,
            "NodeReady",
            format!("Node {name} status is now: NodeReady"),
        );
        self.show_node(id);
        self.show_lease(id);
        self.agenda
            .at(now.plus_seconds(HEARTBEAT_SECONDS), Task::Heartbeat(id));
    }

    /// A drained node is taken away, with whatever is still on it.
    pub(super) fn leave_node(&mut self, id: NodeId) {
        let rest: Vec<PodId> = self
            .nodes
            .get(&id)
            .map(|n| n.pods.iter().copied().collect())
            .unwrap_or_default();
        for pod in rest {
            self.forget_pod(pod);
        }
        let Some(node) = self.nodes.get(&id) else {
            return;
        };
        let name = node.name.clone();
        let message = format!("Node {name} event: Removing Node {name} from Controller");
        self.node_says(
            id,
            Voice::Component("node-controller"),
            Tone::Normal,
            "RemovingNode",
            message,
        );
        self.nodes.remove(&id);
        self.store.remove(Resource::Nodes, "", &name);
        self.store
            .remove(Resource::Leases, "kube-node-lease", &name);
    }

    /// Orders nodes for pods that have waited a while, as the cluster autoscaler does.
    pub(super) fn autoscale_nodes(&mut self) {
        const WAITED_SECONDS: i64 = 20;
        const PODS_A_NODE: usize = 8;
        let now = self.now;
        self.agenda
            .at(now.plus_seconds(AUTOSCALE_SECONDS), Task::Autoscale);
        let waiting: Vec<PodId> = self
            .homeless
            .iter()
            .copied()
            .filter(|id| {
                let since = self
                    .pods
                    .get(id)
                    .and_then(|p| p.unschedulable.as_ref())
                    .map(|(since, _)| *since);
                since.is_some_and(|since| now.since(since) >= WAITED_SECONDS * 1000)
            })
            .collect();
        let joining: u32 = self.groups.iter().map(|g| g.joining).sum();
        if waiting.is_empty() || joining > 0 {
            return;
        }
        let Some(index) = self.groups.iter().position(|g| g.desired < g.max) else {
            return;
        };
        let group = &mut self.groups[index];
        let before = group.desired;
        let wanted = u32::try_from(waiting.len().div_ceil(PODS_A_NODE)).unwrap_or(1);
        group.desired = (group.desired + wanted).min(group.max);
        let message = format!(
            "pod triggered scale-up: [{{{} {before}->{} (max: {})}}]",
            group.name, group.desired, group.max
        );
        self.settle_group(index);
        for id in waiting {
            if let Some(about) = self.pods.get(&id).map(|p| self.about_pod(p)) {
                let voice = Voice::Component("cluster-autoscaler");
                self.say(
                    about,
                    voice,
                    Tone::Normal,
                    "TriggeredScaleUp",
                    message.clone(),
                );
            }
        }
    }
}
