//! Nodes come, go, and lose contact.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Cluster;
use super::agenda::Task;
use super::node::{Node, NodeId, Size, dns_name};
use super::pod::{Container, PodId};
use super::recorder::{About, Tone, Voice};
use super::resource::Resource;
use super::store::Labels;
use crate::clock::Millis;

const HEARTBEAT_SECONDS: i64 = 300;
const AUTOSCALE_SECONDS: i64 = 10;

impl Cluster {
    fn node_says(&mut self, id: NodeId, voice: Voice, tone: Tone, reason: &'static str, message: String) {
        let Some(node) = self.nodes.get(&id) else { return };
        // A node event names the node for its uid, as kubelets do.
        let about = About {
            kind: "Node",
            api_version: "v1",
            namespace: String::new(),
            name: node.name.to_string(),
            uid: node.name.to_string(),
        };
        self.say(about, voice, tone, reason, message);
    }

    /// Renders a node after its state changed.
    pub(super) fn show_node(&mut self, id: NodeId) {
        if let Some(draft) = self.nodes.get(&id).map(|n| self.node_draft(n)) {
            self.store.put(Resource::Nodes, draft);
        }
    }

    fn show_pods_of(&mut self, id: NodeId) {
        let pods: Vec<PodId> = self.nodes.get(&id).map(|n| n.pods.iter().copied().collect()).unwrap_or_default();
        for pod in pods {
            self.show_pod(pod);
        }
    }

    /// Makes a node of a nodegroup, in the zone that has fewest of the group's.
    pub(super) fn make_node(&mut self, group: usize, created: Millis) -> NodeId {
        let az = (0..self.spec.azs.len())
            .min_by_key(|az| self.nodes.values().filter(|n| n.group == group && n.az == *az).count())
            .unwrap_or(0);
        let id = NodeId(self.next_node);
        self.next_node += 1;
        let ip = self.addresses.node(az);
        let name: Arc<str> = dns_name(ip, &self.spec.region).into();
        let size = Size::of(&self.groups[group].instance_type);
        let node = Node {
            id,
            uid: self.dice.uid(),
            instance_id: self.dice.instance_id(),
            ip,
            az,
            group,
            size,
            created,
            heartbeat: created,
            ready: true,
            ready_since: created.plus_seconds(25),
            cordoned: false,
            leaving: false,
            pods: BTreeSet::new(),
            used_millicpu: 0,
            used_mib: 0,
            labels: Arc::new(self.node_labels(&name, group, az)),
            annotations: Labels::new(),
            name,
        };
        self.nodes.insert(id, node);
        id
    }

    fn node_labels(&self, name: &str, group: usize, az: usize) -> Labels {
        let group = &self.groups[group];
        let arch = if group.instance_type.split('.').next().is_some_and(|f| f.contains('g')) { "arm64" } else { "amd64" };
        let zone = &self.spec.azs[az];
        [
            ("beta.kubernetes.io/arch", arch),
            ("beta.kubernetes.io/instance-type", &group.instance_type),
            ("beta.kubernetes.io/os", "linux"),
            ("eks.amazonaws.com/capacityType", group.capacity_type.as_str()),
            ("eks.amazonaws.com/nodegroup", &group.name),
            ("failure-domain.beta.kubernetes.io/region", &self.spec.region),
            ("failure-domain.beta.kubernetes.io/zone", &zone.name),
            ("k8s.io/cloud-provider-aws", "d5e1f6a2b8c94730"),
            ("kubernetes.io/arch", arch),
            ("kubernetes.io/hostname", name),
            ("kubernetes.io/os", "linux"),
            ("node.kubernetes.io/instance-type", &group.instance_type),
            ("topology.k8s.aws/zone-id", &zone.id),
            ("topology.kubernetes.io/region", &self.spec.region),
            ("topology.kubernetes.io/zone", &zone.name),
        ]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
    }

    /// A node posts its status, as kubelets do every five minutes when nothing changed.
    pub(super) fn heartbeat(&mut self, id: NodeId) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let heard = node.ready;
        if heard {
            node.heartbeat = now;
        }
        self.agenda.at(now.plus_seconds(HEARTBEAT_SECONDS), Task::Heartbeat(id));
        if heard {
            self.show_node(id);
        }
    }

    /// A kubelet loses contact: the node lifecycle controller marks it Unknown and its pods not ready.
    pub(super) fn lose_node(&mut self, id: NodeId) {
        let now = self.now;
        let faulty = |c: &Self, n: &Node| c.troubled.get(n.az).copied().unwrap_or(false);
        if self.nodes.get(&id).is_none_or(|n| !n.ready || !faulty(self, n)) {
            return;
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            node.ready = false;
            node.ready_since = now;
        }
        let name = self.nodes.get(&id).map(|n| n.name.clone()).unwrap_or_default();
        let voice = Voice::Component("node-controller");
        self.node_says(id, voice, Tone::Normal, "NodeNotReady", format!("Node {name} status is now: NodeNotReady"));
        let pods: Vec<PodId> = self.nodes.get(&id).map(|n| n.pods.iter().copied().collect()).unwrap_or_default();
        for about in pods.iter().filter_map(|p| self.pods.get(p)).map(|p| self.about_pod(p)).collect::<Vec<_>>() {
            let voice = Voice::Component("node-controller");
            self.say(about, voice, Tone::Warning, "NodeNotReady", "Node is not ready".to_owned());
        }
        self.show_node(id);
        self.show_pods_of(id);
        let away = self.dice.seconds(35, 110);
        self.agenda.at(Millis(now.0 + away), Task::Return(id));
    }

    /// A kubelet is back; in a faulty zone not for long.
    pub(super) fn return_node(&mut self, id: NodeId) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id).filter(|n| !n.ready) else { return };
        node.ready = true;
        node.ready_since = now;
        node.heartbeat = now;
        let (name, az) = (node.name.clone(), node.az);
        let voice = Voice::Kubelet(name.clone());
        self.node_says(id, voice, Tone::Normal, "NodeReady", format!("Node {name} status is now: NodeReady"));
        self.show_node(id);
        self.show_pods_of(id);
        if self.troubled.get(az).copied().unwrap_or(false) {
            let calm = self.dice.seconds(60, 260);
            self.agenda.at(Millis(now.0 + calm), Task::Lose(id));
        }
    }

    /// Starts or ends the fault of a zone: its kubelets lose contact for spells, pods there fail their probes.
    pub fn az_fault(&mut self, az: &str, on: bool) {
        let Some(index) = self.spec.azs.iter().position(|a| a.name == az || a.id == az) else { return };
        if self.troubled[index] == on {
            return;
        }
        self.troubled[index] = on;
        let nodes: Vec<NodeId> = self.nodes.values().filter(|n| n.az == index).map(|n| n.id).collect();
        for id in nodes {
            let wait = if on { self.dice.seconds(2, 120) } else { self.dice.seconds(2, 20) };
            let task = if on { Task::Lose(id) } else { Task::Return(id) };
            self.agenda.at(Millis(self.now.0 + wait), task);
        }
        if on {
            self.agenda.at(self.now.plus_seconds(2), Task::Trouble(index));
        }
    }

    /// Some pods of a faulty zone fail their probes for a spell.
    pub(super) fn trouble(&mut self, az: usize) {
        const EVERY_SECONDS: i64 = 5;
        const SHARE: f64 = 0.035;
        if !self.troubled[az] {
            return;
        }
        let pods: Vec<PodId> =
            self.nodes.values().filter(|n| n.az == az && n.ready).flat_map(|n| n.pods.iter().copied()).collect();
        for id in pods {
            if self.dice.unit() < SHARE {
                let spell = self.dice.between(15, 70);
                self.fail_probe(id, spell);
            }
        }
        self.agenda.at(self.now.plus_seconds(EVERY_SECONDS), Task::Trouble(az));
    }

    /// Sets a nodegroup's bounds, as `UpdateNodegroupConfig` does; nodes come and go over the next minutes.
    pub fn resize_nodegroup(&mut self, name: &str, min: u32, desired: u32, max: u32, now: Millis) {
        self.now = now;
        let Some(index) = self.groups.iter().position(|g| g.name == name) else { return };
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
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.leaving = true;
        node.cordoned = true;
        let name = node.name.clone();
        let pods: Vec<PodId> = node.pods.iter().copied().collect();
        let message = format!("Node {name} status is now: NodeNotSchedulable");
        self.node_says(id, Voice::Kubelet(name), Tone::Normal, "NodeNotSchedulable", message);
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
        let name = self.nodes.get(&id).map(|n| n.name.clone()).unwrap_or_default();
        let message = format!("Node {name} event: Registered Node {name} in Controller");
        self.node_says(id, Voice::Component("node-controller"), Tone::Normal, "RegisteredNode", message);
        let voice = Voice::Kubelet(name.clone());
        self.node_says(id, voice, Tone::Normal, "NodeReady", format!("Node {name} status is now: NodeReady"));
        self.show_node(id);
        self.show_lease(id);
        self.agenda.at(now.plus_seconds(HEARTBEAT_SECONDS), Task::Heartbeat(id));
    }

    /// A drained node is taken away, with whatever is still on it.
    pub(super) fn leave_node(&mut self, id: NodeId) {
        let rest: Vec<PodId> = self.nodes.get(&id).map(|n| n.pods.iter().copied().collect()).unwrap_or_default();
        for pod in rest {
            self.forget_pod(pod);
        }
        let Some(node) = self.nodes.get(&id) else { return };
        let name = node.name.clone();
        let message = format!("Node {name} event: Removing Node {name} from Controller");
        self.node_says(id, Voice::Component("node-controller"), Tone::Normal, "RemovingNode", message);
        self.nodes.remove(&id);
        self.store.remove(Resource::Nodes, "", &name);
        self.store.remove(Resource::Leases, "kube-node-lease", &name);
    }

    /// Orders nodes for pods that have waited a while, as the cluster autoscaler does.
    pub(super) fn autoscale_nodes(&mut self) {
        const WAITED_SECONDS: i64 = 20;
        const PODS_A_NODE: usize = 8;
        let now = self.now;
        self.agenda.at(now.plus_seconds(AUTOSCALE_SECONDS), Task::Autoscale);
        let waiting: Vec<PodId> = self
            .homeless
            .iter()
            .copied()
            .filter(|id| {
                let since = self.pods.get(id).and_then(|p| p.unschedulable.as_ref()).map(|(since, _)| *since);
                since.is_some_and(|since| now.since(since) >= WAITED_SECONDS * 1000)
            })
            .collect();
        let joining: u32 = self.groups.iter().map(|g| g.joining).sum();
        if waiting.is_empty() || joining > 0 {
            return;
        }
        let Some(index) = self.groups.iter().position(|g| g.desired < g.max) else { return };
        let group = &mut self.groups[index];
        let before = group.desired;
        let wanted = u32::try_from(waiting.len().div_ceil(PODS_A_NODE)).unwrap_or(1);
        group.desired = (group.desired + wanted).min(group.max);
        let message =
            format!("pod triggered scale-up: [{{{} {before}->{} (max: {})}}]", group.name, group.desired, group.max);
        self.settle_group(index);
        for id in waiting {
            if let Some(about) = self.pods.get(&id).map(|p| self.about_pod(p)) {
                let voice = Voice::Component("cluster-autoscaler");
                self.say(about, voice, Tone::Normal, "TriggeredScaleUp", message.clone());
            }
        }
    }

    /// Cordons or uncordons a node, as a patch of `spec.unschedulable` does.
    pub(super) fn cordon(&mut self, id: NodeId, on: bool) {
        let Some(node) = self.nodes.get_mut(&id).filter(|n| n.cordoned != on) else { return };
        node.cordoned = on;
        let name = node.name.clone();
        let reason = if on { "NodeNotSchedulable" } else { "NodeSchedulable" };
        let message = format!("Node {name} status is now: {reason}");
        self.node_says(id, Voice::Kubelet(name), Tone::Normal, reason, message);
        self.show_node(id);
    }

    /// Whether any container runs on the node of a pod; used where a view must not show a stale state.
    pub(super) fn in_contact(&self, id: PodId) -> bool {
        let pod = self.pods.get(&id);
        let node = pod.and_then(|p| p.node).and_then(|n| self.nodes.get(&n));
        node.is_some_and(|n| n.ready) && pod.is_some_and(|p| p.container != Container::Unbound)
    }
}
