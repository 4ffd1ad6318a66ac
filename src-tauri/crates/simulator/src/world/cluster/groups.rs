//! Nodegroups: nodes are ordered, join, are drained and leave.

use super::Cluster;
use super::agenda::Task;
use super::node::{NodeId, Nodegroup, NodegroupUpdate};
use super::nodes::HEARTBEAT_SECONDS;
use super::pod::PodId;
use super::recorder::{Tone, Voice};
use super::resource::Resource;
use crate::clock::Millis;

const AUTOSCALE_SECONDS: i64 = 10;

/// Seconds an update of a nodegroup's settings takes; its nodes come and go after that.
pub(super) const UPDATE_SECONDS: i64 = 25;
/// Seconds an ordered instance takes until its kubelet is Ready, from and to.
pub(super) const JOIN_SECONDS: (i64, i64) = (95, 150);
/// How often a node that goes is looked at for pods that may be evicted by now.
const DRAIN_SECONDS: i64 = 5;
/// Minutes after which a node goes whatever is still on it
/// (<https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html>, scaling in).
const DRAIN_LIMIT_SECONDS: i64 = 900;

/// Why a nodegroup is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodegroupRefusal {
    /// There is none of this name.
    #[error("no nodegroup")]
    Missing,
    /// Another update is under way.
    #[error("an update is under way")]
    Busy,
    /// The sizes contradict each other.
    #[error("{0}")]
    Sizes(String),
}

/// Sizes asked for; what is left out stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sizes {
    /// Least number of nodes.
    pub min: Option<u32>,
    /// Number wanted.
    pub desired: Option<u32>,
    /// Greatest number.
    pub max: Option<u32>,
}

impl Nodegroup {
    /// Whether an update is under way.
    pub(super) fn updating(&self, now: Millis) -> bool {
        self.updates.last().is_some_and(|u| u.settles > now)
    }
}

impl Cluster {
    /// Changes a nodegroup's sizes, as `UpdateNodegroupConfig` does: the update takes [`UPDATE_SECONDS`], and nodes
    /// come and go over the minutes after it. A token that was seen before gives the update it made then.
    ///
    /// # Errors
    /// [`NodegroupRefusal`].
    pub fn update_nodegroup(
        &mut self,
        name: &str,
        sizes: Sizes,
        token: Option<&str>,
        now: Millis,
    ) -> Result<NodegroupUpdate, NodegroupRefusal> {
        let index = self.groups.iter().position(|g| g.name == name);
        let index = index.ok_or(NodegroupRefusal::Missing)?;
        let id = self.dice.uid();
        let group = &mut self.groups[index];
        let seen = group
            .updates
            .iter()
            .find(|u| token.is_some() && u.token.as_deref() == token);
        if let Some(seen) = seen {
            return Ok(seen.clone());
        }
        if group.updating(now) {
            return Err(NodegroupRefusal::Busy);
        }
        let (min, max) = (
            sizes.min.unwrap_or(group.min),
            sizes.max.unwrap_or(group.max),
        );
        let desired = sizes.desired.unwrap_or(group.desired);
        consistent(min, desired, max).map_err(NodegroupRefusal::Sizes)?;
        let params = [
            ("MinSize", sizes.min),
            ("MaxSize", sizes.max),
            ("DesiredSize", sizes.desired),
        ];
        let update = NodegroupUpdate {
            id,
            token: token.map(Into::into),
            params: params
                .into_iter()
                .filter_map(|(k, v)| Some((k, v?.to_string())))
                .collect(),
            created: now,
            settles: now.plus_seconds(UPDATE_SECONDS),
        };
        group.updates.push(update.clone());
        self.resize_nodegroup(name, min, desired, max, now);
        Ok(update)
    }

    /// The updates of a nodegroup, oldest first.
    pub fn nodegroup_updates(&self, name: &str) -> impl Iterator<Item = &NodegroupUpdate> {
        self.groups
            .iter()
            .filter(move |g| g.name == name)
            .flat_map(|g| &g.updates)
    }

    /// Why a nodegroup gets no instances, if so.
    #[must_use]
    pub fn nodegroup_issue(&self, name: &str) -> Option<&str> {
        let group = self.groups.iter().find(|g| g.name == name)?;
        group.issue.as_ref().map(|(_, why)| why.as_str())
    }

    /// Sets a nodegroup's bounds; nodes come and go over the next minutes.
    pub fn resize_nodegroup(&mut self, name: &str, min: u32, desired: u32, max: u32, now: Millis) {
        self.now = now;
        let Some(index) = self.groups.iter().position(|g| g.name == name) else {
            return;
        };
        let group = &mut self.groups[index];
        (group.min, group.max) = (min, max.max(min));
        group.desired = desired.clamp(group.min, group.max);
        group.modified = now;
        self.settle_group(index);
        self.reconcile_touched();
    }

    /// Orders the nodes a group lacks, and drains those it has too many.
    fn settle_group(&mut self, index: usize) {
        let mut here: Vec<(usize, NodeId)> = self
            .nodes
            .values()
            .filter(|n| n.group == Some(index) && !n.leaving)
            .map(|n| (n.pods.len(), n.id))
            .collect();
        let group = &mut self.groups[index];
        let wanted = usize::try_from(group.desired).unwrap_or(usize::MAX);
        let coming = here.len() + usize::try_from(group.joining).unwrap_or(0);
        for _ in coming..wanted {
            if !self.launches(index, self.now) {
                break;
            }
            self.groups[index].joining += 1;
            let wait = self.dice.seconds(JOIN_SECONDS.0, JOIN_SECONDS.1);
            self.agenda.at(Millis(self.now.0 + wait), Task::Join(index));
        }
        if coming >= wanted {
            self.groups[index].issue = None;
        }
        here.sort_unstable();
        // Instances on their way that are no longer wanted are given up when they arrive.
        let extra = here.len().saturating_sub(wanted);
        for (_, id) in here.into_iter().take(extra) {
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
        }
        self.show_node(id);
        let limit = self.now.plus_seconds(DRAIN_LIMIT_SECONDS);
        self.empty_node(id, limit);
    }

    /// Evicts what the budgets let go from a node that leaves, and takes it away when it is empty or its time is up.
    pub(super) fn empty_node(&mut self, id: NodeId, limit: Millis) {
        let now = self.now;
        let Some(node) = self.nodes.get(&id) else {
            return;
        };
        if node.pods.is_empty() || now >= limit {
            self.agenda.at(now.plus_seconds(10), Task::Leave(id));
            return;
        }
        let live: Vec<PodId> = node
            .pods
            .iter()
            .copied()
            .filter(|p| self.pods.get(p).is_some_and(super::pod::Pod::live))
            .collect();
        for pod in live {
            if self.may_evict(pod).is_ok() {
                self.delete_pod(pod);
                self.reconcile_touched();
            }
        }
        self.agenda
            .at(now.plus_seconds(DRAIN_SECONDS), Task::Empty(id, limit));
    }

    /// An ordered instance joins.
    pub(super) fn join_node(&mut self, group: usize) {
        let now = self.now;
        self.groups[group].joining = self.groups[group].joining.saturating_sub(1);
        let here = self
            .nodes
            .values()
            .filter(|n| n.group == Some(group) && !n.leaving);
        if here.count() >= usize::try_from(self.groups[group].desired).unwrap_or(usize::MAX) {
            return;
        }
        let id = self.make_node(group, now);
        self.welcome(id);
    }

    /// A node that has just joined is announced, and starts to post its status.
    pub(super) fn welcome(&mut self, id: NodeId) {
        let now = self.now;
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
        let (name, claim) = (node.name.clone(), node.claim);
        let message = format!("Node {name} event: Removing Node {name} from Controller");
        self.node_says(
            id,
            Voice::Component("node-controller"),
            Tone::Normal,
            "RemovingNode",
            message,
        );
        self.nodes.remove(&id);
        if let Some(claim) = claim {
            self.drop_claim(claim);
        }
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

/// What EKS says of sizes that contradict each other.
fn consistent(min: u32, desired: u32, max: u32) -> Result<(), String> {
    if max < 1 {
        return Err("Maximum capacity must be at least 1".into());
    }
    if min > max {
        return Err(format!(
            "Minimum capacity {min} can't be greater than max size {max}"
        ));
    }
    if min > desired {
        return Err(format!(
            "Minimum capacity {min} can't be greater than desired size {desired}"
        ));
    }
    if desired > max {
        return Err(format!(
            "desired capacity {desired} can't be greater than max size {max}"
        ));
    }
    Ok(())
}
