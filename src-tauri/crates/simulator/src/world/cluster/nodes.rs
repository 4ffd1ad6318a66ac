//! Nodes come, go, and lose contact.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Cluster;
use super::agenda::Task;
use super::node::{Node, NodeId, Size, dns_name};
use super::pod::{Container, PodId};
use super::pools::ClaimId;
use super::recorder::{About, Tone, Voice};
use super::resource::Resource;
use super::store::Labels;
use crate::clock::Millis;

pub(super) const HEARTBEAT_SECONDS: i64 = 300;

impl Cluster {
    pub(super) fn node_says(
        &mut self,
        id: NodeId,
        voice: Voice,
        tone: Tone,
        reason: &'static str,
        message: String,
    ) {
        let Some(node) = self.nodes.get(&id) else {
            return;
        };
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
        let pods: Vec<PodId> = self
            .nodes
            .get(&id)
            .map(|n| n.pods.iter().copied().collect())
            .unwrap_or_default();
        for pod in pods {
            self.show_pod(pod);
        }
    }

    /// Makes a node of a nodegroup, in the zone that has fewest of the group's, and of all nodes among those.
    pub(super) fn make_node(&mut self, group: usize, created: Millis) -> NodeId {
        let az = (0..self.spec.azs.len())
            .min_by_key(|az| {
                let here = || self.nodes.values().filter(|n| n.az == *az);
                (
                    here().filter(|n| n.group == Some(group)).count(),
                    here().count(),
                )
            })
            .unwrap_or(0);
        let group_type = self.groups[group].instance_type.clone();
        let own = {
            let group = &self.groups[group];
            vec![
                (
                    "eks.amazonaws.com/capacityType",
                    group.capacity_type.as_str().to_owned(),
                ),
                ("eks.amazonaws.com/nodegroup", group.name.clone()),
            ]
        };
        self.add_node(az, &group_type, &own, Some(group), None, created)
    }

    /// Makes the node of a claim.
    pub(super) fn make_claimed_node(&mut self, id: ClaimId, created: Millis) -> NodeId {
        let claim = self.claims.get(&id);
        let (az, instance_type, own) = claim.map_or((0, String::new(), Vec::new()), |claim| {
            let pool = self.pools[claim.pool].name.clone();
            let own = vec![
                (
                    "karpenter.sh/capacity-type",
                    claim.capacity.karpenter().to_owned(),
                ),
                ("karpenter.sh/nodepool", pool),
                ("karpenter.sh/registered", "true".to_owned()),
                ("karpenter.sh/initialized", "true".to_owned()),
            ];
            (claim.az, claim.instance_type.clone(), own)
        });
        self.add_node(az, &instance_type, &own, None, Some(id), created)
    }

    fn add_node(
        &mut self,
        az: usize,
        instance_type: &str,
        own: &[(&str, String)],
        group: Option<usize>,
        claim: Option<ClaimId>,
        created: Millis,
    ) -> NodeId {
        let id = NodeId(self.next_node);
        self.next_node += 1;
        let ip = self.addresses.node(az);
        let name: Arc<str> = dns_name(ip, &self.spec.region).into();
        let size = Size::of(instance_type);
        let node = Node {
            id,
            uid: self.dice.uid(),
            instance_id: self.dice.instance_id(),
            ip,
            az,
            group,
            claim,
            size,
            created,
            heartbeat: created,
            ready: true,
            ready_since: created.plus_seconds(25),
            cordoned: false,
            leaving: false,
            pods: BTreeSet::new(),
            empty_since: None,
            used_millicpu: 0,
            used_mib: 0,
            labels: Arc::new(self.node_labels(&name, instance_type, own, az)),
            annotations: Labels::new(),
            name,
        };
        self.nodes.insert(id, node);
        id
    }

    fn node_labels(
        &self,
        name: &str,
        instance_type: &str,
        own: &[(&str, String)],
        az: usize,
    ) -> Labels {
        let arch = if instance_type
            .split('.')
            .next()
            .is_some_and(|f| f.contains('g'))
        {
            "arm64"
        } else {
            "amd64"
        };
        let zone = &self.spec.azs[az];
        [
            ("beta.kubernetes.io/arch", arch),
            ("beta.kubernetes.io/instance-type", instance_type),
            ("beta.kubernetes.io/os", "linux"),
            (
                "failure-domain.beta.kubernetes.io/region",
                &self.spec.region,
            ),
            ("failure-domain.beta.kubernetes.io/zone", &zone.name),
            ("k8s.io/cloud-provider-aws", "d5e1f6a2b8c94730"),
            ("kubernetes.io/arch", arch),
            ("kubernetes.io/hostname", name),
            ("kubernetes.io/os", "linux"),
            ("node.kubernetes.io/instance-type", instance_type),
            ("topology.k8s.aws/zone-id", &zone.id),
            ("topology.kubernetes.io/region", &self.spec.region),
            ("topology.kubernetes.io/zone", &zone.name),
        ]
        .into_iter()
        .chain(own.iter().map(|(k, v)| (*k, v.as_str())))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
    }

    /// A node posts its status, as kubelets do every five minutes when nothing changed.
    pub(super) fn heartbeat(&mut self, id: NodeId) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let heard = node.ready;
        if heard {
            node.heartbeat = now;
        }
        self.agenda
            .at(now.plus_seconds(HEARTBEAT_SECONDS), Task::Heartbeat(id));
        if heard {
            self.show_node(id);
        }
    }

    /// A kubelet loses contact: the node lifecycle controller marks it Unknown and its pods not ready.
    pub(super) fn lose_node(&mut self, id: NodeId) {
        let now = self.now;
        let faulty = |c: &Self, n: &Node| c.troubled.get(n.az).copied().unwrap_or(false);
        if self
            .nodes
            .get(&id)
            .is_none_or(|n| !n.ready || !faulty(self, n))
        {
            return;
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            node.ready = false;
            node.ready_since = now;
        }
        let name = self
            .nodes
            .get(&id)
            .map(|n| n.name.clone())
            .unwrap_or_default();
        let voice = Voice::Component("node-controller");
        self.node_says(
            id,
            voice,
            Tone::Normal,
            "NodeNotReady",
            format!("Node {name} status is now: NodeNotReady"),
        );
        let pods: Vec<PodId> = self
            .nodes
            .get(&id)
            .map(|n| n.pods.iter().copied().collect())
            .unwrap_or_default();
        for about in pods
            .iter()
            .filter_map(|p| self.pods.get(p))
            .map(|p| self.about_pod(p))
            .collect::<Vec<_>>()
        {
            let voice = Voice::Component("node-controller");
            self.say(
                about,
                voice,
                Tone::Warning,
                "NodeNotReady",
                "Node is not ready".to_owned(),
            );
        }
        self.show_node(id);
        self.show_pods_of(id);
        let away = self.dice.seconds(35, 110);
        self.agenda.at(Millis(now.0 + away), Task::Return(id));
    }

    /// A kubelet is back; in a faulty zone not for long.
    pub(super) fn return_node(&mut self, id: NodeId) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id).filter(|n| !n.ready) else {
            return;
        };
        node.ready = true;
        node.ready_since = now;
        node.heartbeat = now;
        let (name, az) = (node.name.clone(), node.az);
        let voice = Voice::Kubelet(name.clone());
        self.node_says(
            id,
            voice,
            Tone::Normal,
            "NodeReady",
            format!("Node {name} status is now: NodeReady"),
        );
        self.show_node(id);
        self.show_pods_of(id);
        if self.troubled.get(az).copied().unwrap_or(false) {
            let calm = self.dice.seconds(60, 260);
            self.agenda.at(Millis(now.0 + calm), Task::Lose(id));
        }
    }

    /// Starts or ends the fault of a zone: its kubelets lose contact for spells, pods there fail their probes.
    pub fn az_fault(&mut self, az: &str, on: bool) {
        let Some(index) = self
            .spec
            .azs
            .iter()
            .position(|a| a.name == az || a.id == az)
        else {
            return;
        };
        if self.troubled[index] == on {
            return;
        }
        self.troubled[index] = on;
        let nodes: Vec<NodeId> = self
            .nodes
            .values()
            .filter(|n| n.az == index)
            .map(|n| n.id)
            .collect();
        for id in nodes {
            let wait = if on {
                self.dice.seconds(2, 120)
            } else {
                self.dice.seconds(2, 20)
            };
            let task = if on { Task::Lose(id) } else { Task::Return(id) };
            self.agenda.at(Millis(self.now.0 + wait), task);
        }
        if on {
            self.agenda
                .at(self.now.plus_seconds(2), Task::Trouble(index));
        }
    }

    /// Some pods of a faulty zone fail their probes for a spell.
    pub(super) fn trouble(&mut self, az: usize) {
        const EVERY_SECONDS: i64 = 5;
        const SHARE: f64 = 0.035;
        if !self.troubled[az] {
            return;
        }
        let pods: Vec<PodId> = self
            .nodes
            .values()
            .filter(|n| n.az == az && n.ready)
            .flat_map(|n| n.pods.iter().copied())
            .collect();
        for id in pods {
            if self.dice.unit() < SHARE {
                let spell = self.dice.between(15, 70);
                self.fail_probe(id, spell);
            }
        }
        self.agenda
            .at(self.now.plus_seconds(EVERY_SECONDS), Task::Trouble(az));
    }

    /// Cordons or uncordons a node, as a patch of `spec.unschedulable` does.
    pub(super) fn cordon(&mut self, id: NodeId, on: bool) {
        let Some(node) = self.nodes.get_mut(&id).filter(|n| n.cordoned != on) else {
            return;
        };
        node.cordoned = on;
        let name = node.name.clone();
        let reason = if on {
            "NodeNotSchedulable"
        } else {
            "NodeSchedulable"
        };
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
