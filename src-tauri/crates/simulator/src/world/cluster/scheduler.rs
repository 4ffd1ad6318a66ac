//! The scheduler: which node a pod goes to, and why there is none.

use std::collections::BTreeMap;

use super::Cluster;
use super::agenda::Task;
use super::node::{Node, NodeId};
use super::pod::{Container, Pod, PodId};
use super::recorder::{Tone, Voice};
use crate::clock::Millis;

/// How often a pod without a place is looked at again.
const RETRY_SECONDS: i64 = 10;
const UNSCHEDULABLE: &str = "node(s) were unschedulable";
const TAINTED: &str = "node(s) had untolerated taint(s)";
const NOT_SELECTED: &str = "node(s) didn't match Pod's node affinity/selector";
const OTHER_ZONE: &str = "node(s) had volume node affinity conflict";
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";

impl Cluster {
    /// Looks for a node for a pod, and binds it or says why not.
    pub(super) fn bind(&mut self, id: PodId) {
        let Some(pod) = self.pods.get(&id).filter(|p| p.live() && p.node.is_none()) else {
            return;
        };
        let (about, name) = (self.about_pod(pod), pod.name.clone());
        let namespace = self.workload(pod.workload).key.namespace.clone();
        let Some(node) = self.choose(pod) else {
            self.refuse(id);
            return;
        };
        self.place(id, node);
        self.homeless.remove(&id);
        let host = self
            .nodes
            .get(&node)
            .map(|n| n.name.clone())
            .unwrap_or_default();
        let message = format!("Successfully assigned {namespace}/{name} to {host}");
        self.say(about, Voice::Scheduler, Tone::Normal, "Scheduled", message);
        let wait = self.dice.seconds(2, 7);
        self.agenda.at(Millis(self.now.0 + wait), Task::Start(id));
        self.show_pod(id);
    }

    /// Puts a pod on a node.
    pub(super) fn place(&mut self, id: PodId, node: NodeId) {
        let now = self.now;
        let Some(pod) = self.pods.get_mut(&id) else {
            return;
        };
        let Some(node) = self.nodes.get_mut(&node) else {
            return;
        };
        let workload = &mut self.workloads[pod.workload.0];
        pod.node = Some(node.id);
        pod.ip = Some(self.addresses.pod(node.az));
        pod.bound_at = Some(now);
        pod.unschedulable = None;
        pod.container = Container::Creating;
        node.pods.insert(id);
        node.used_millicpu += pod.need.millicpu;
        node.used_mib += pod.need.mib;
        workload.zones[node.az] += 1;
        let ordinal = pod.ordinal;
        let (owner, az) = (pod.workload, node.az);
        if let Some(ordinal) = ordinal
            && workload.homes.insert(ordinal, az).is_none()
        {
            self.show_volume(owner, ordinal);
        }
    }

    /// The node with most room, in the zone that has fewest of the workload's pods so far.
    pub(super) fn choose(&self, pod: &Pod) -> Option<NodeId> {
        let workload = self.workload(pod.workload);
        let zones = &workload.zones;
        self.nodes
            .values()
            .filter(|n| self.against(pod, n).is_empty())
            .min_by_key(|n| (zones.get(n.az).copied().unwrap_or(0), n.fullness(), n.id))
            .map(|n| n.id)
    }

    /// Why a pod cannot go to a node, in the words and the order of the scheduler's filters; nothing when it can.
    fn against(&self, pod: &Pod, node: &Node) -> Vec<&'static str> {
        if node.cordoned {
            return vec![UNSCHEDULABLE];
        }
        if !node.ready || node.leaving {
            return vec![TAINTED];
        }
        let wanted = &pod.need.selector;
        if wanted.iter().any(|(k, v)| node.labels.get(k) != Some(v)) {
            return vec![NOT_SELECTED];
        }
        let mut lacks = node.lacks(&pod.need);
        let home = pod
            .ordinal
            .and_then(|n| self.workload(pod.workload).homes.get(&n));
        if lacks.is_empty() && home.is_some_and(|az| *az != node.az) {
            lacks.push(OTHER_ZONE);
        }
        lacks
    }

    fn refuse(&mut self, id: PodId) {
        let now = self.now;
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let message = self.why_not(pod);
        let about = self.about_pod(pod);
        let known = pod
            .unschedulable
            .as_ref()
            .is_some_and(|(_, m)| *m == message);
        self.agenda
            .at(now.plus_seconds(RETRY_SECONDS), Task::Bind(id));
        if !known {
            if let Some(pod) = self.pods.get_mut(&id) {
                let since = pod.unschedulable.as_ref().map_or(now, |(since, _)| *since);
                pod.unschedulable = Some((since, message.clone()));
            }
            self.homeless.insert(id);
            self.say(
                about,
                Voice::Scheduler,
                Tone::Warning,
                "FailedScheduling",
                message,
            );
            self.show_pod(id);
        }
    }

    /// The scheduler's sentence, as `FitError` writes it: each reason with its number of nodes, in the order of the
    /// text; then what preemption came to, which helps only against a lack of resources
    /// (`k8s.io/kubernetes/pkg/scheduler/framework/types.go`).
    fn why_not(&self, pod: &Pod) -> String {
        let mut reasons: BTreeMap<&'static str, usize> = BTreeMap::new();
        let (mut full, mut hopeless) = (0, 0);
        for node in self.nodes.values() {
            let against = self.against(pod, node);
            match against.first() {
                Some(&(UNSCHEDULABLE | TAINTED | NOT_SELECTED | OTHER_ZONE)) => hopeless += 1,
                Some(_) | None => full += 1,
            }
            for reason in against {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        let total = self.nodes.len();
        let histogram = |counts: Vec<(&str, usize)>| {
            let some = counts.into_iter().filter(|(_, n)| *n > 0);
            let mut texts: Vec<String> = some.map(|(reason, n)| format!("{n} {reason}")).collect();
            texts.sort_unstable();
            texts.join(", ")
        };
        let why = histogram(reasons.into_iter().collect());
        let preemption = histogram(vec![(NO_VICTIMS, full), (NOT_HELPFUL, hopeless)]);
        format!(
            "0/{total} nodes are available: {why}. preemption: 0/{total} nodes are available: {preemption}."
        )
    }
}
