//! The scheduler: which node a pod goes to, and why there is none.

use super::Cluster;
use super::agenda::Task;
use super::node::NodeId;
use super::pod::{Container, PodId};
use super::recorder::{Tone, Voice};
use crate::clock::Millis;

/// How often a pod without a place is looked at again.
const RETRY_SECONDS: i64 = 10;

impl Cluster {
    /// Looks for a node for a pod, and binds it or says why not.
    pub(super) fn bind(&mut self, id: PodId) {
        let Some(pod) = self.pods.get(&id).filter(|p| p.live() && p.node.is_none()) else {
            return;
        };
        let workload = self.workload(pod.workload);
        let (millicpu, mib) = (workload.spec.requests_millicpu, workload.spec.requests_mib);
        let (about, namespace, name) = (
            self.about_pod(pod),
            workload.key.namespace.clone(),
            pod.name.clone(),
        );
        let Some(node) = self.choose(&workload.zones, millicpu, mib) else {
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
        node.used_millicpu += workload.spec.requests_millicpu;
        node.used_mib += workload.spec.requests_mib;
        workload.zones[node.az] += 1;
    }

    /// The node with most room, in the zone that has fewest of the workload's pods so far.
    pub(super) fn choose(&self, zones: &[u32], millicpu: u32, mib: u32) -> Option<NodeId> {
        self.nodes
            .values()
            .filter(|n| n.open() && n.fits(millicpu, mib))
            .min_by_key(|n| (zones.get(n.az).copied().unwrap_or(0), n.fullness(), n.id))
            .map(|n| n.id)
    }

    fn refuse(&mut self, id: PodId) {
        let now = self.now;
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let spec = &self.workload(pod.workload).spec;
        let message = self.why_not(spec.requests_millicpu, spec.requests_mib);
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

    /// The scheduler's sentence, as `FitError` writes it.
    fn why_not(&self, millicpu: u32, mib: u32) -> String {
        let (mut cordoned, mut lost, mut cpu, mut memory, mut pods) = (0, 0, 0, 0, 0);
        for node in self.nodes.values() {
            let room = node.size.allocatable();
            if node.cordoned || node.leaving {
                cordoned += 1;
            } else if !node.ready {
                lost += 1;
            } else if node.used_millicpu + millicpu > room.millicpu {
                cpu += 1;
            } else if node.used_mib + mib > room.mib {
                memory += 1;
            } else {
                pods += 1;
            }
        }
        let reasons: Vec<String> = [
            (cpu, "Insufficient cpu"),
            (memory, "Insufficient memory"),
            (pods, "Too many pods"),
            (cordoned, "node(s) were unschedulable"),
            (lost, "node(s) had untolerated taint(s)"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, reason)| format!("{n} {reason}"))
        .collect();
        let total = self.nodes.len();
        format!(
            "0/{total} nodes are available: {}. preemption: 0/{total} nodes are available: {} No preemption victims found for incoming pod.",
            reasons.join(", "),
            cpu + memory + pods
        )
    }
}
