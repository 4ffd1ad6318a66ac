//! The kubelets: containers start, pass or fail their probes, crash, back off and end.

use std::sync::Arc;

use super::agenda::Task;
use super::pod::{Container, End, Ended, Pod, PodId};
use super::recorder::{About, Tone, Voice};
use super::resource::Resource;
use super::spec::CrashReason;
use super::{Cluster, WorkloadKey};
use crate::clock::Millis;

/// So many probes fail at a time for the sake of [`Cluster::churn`].
const FLICKERING: usize = 150;

impl Cluster {
    /// The object reference of a pod, for events.
    pub(super) fn about_pod(&self, pod: &Pod) -> About {
        About {
            kind: "Pod",
            api_version: "v1",
            namespace: self.workload(pod.workload).key.namespace.clone(),
            name: pod.name.clone(),
            uid: pod.uid.clone(),
        }
    }

    fn kubelet_says(&mut self, id: PodId, tone: Tone, reason: &'static str, message: String) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let Some(node) = pod.node.and_then(|n| self.nodes.get(&n)) else {
            return;
        };
        let (about, voice) = (self.about_pod(pod), Voice::Kubelet(node.name.clone()));
        self.say(about, voice, tone, reason, message);
    }

    /// Renders a pod after its state changed, and has its workload looked at.
    pub(super) fn show_pod(&mut self, id: PodId) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let ready = matches!(pod.container, Container::Running { .. })
            && pod.probe
            && pod
                .node
                .and_then(|n| self.nodes.get(&n))
                .is_some_and(|n| n.ready);
        let (now, workload) = (self.now, pod.workload);
        if let Some(pod) = self.pods.get_mut(&id).filter(|p| p.ready != ready) {
            pod.ready = ready;
            pod.ready_since = now;
        }
        if let Some(draft) = self.pods.get(&id).map(|pod| self.pod_draft(pod)) {
            self.store.put(Resource::Pods, draft);
        }
        self.refresh_slice(id);
        self.touch(workload);
    }

    /// The container starts for the first time.
    pub(super) fn start_container(&mut self, id: PodId) {
        let Some(pod) = self
            .pods
            .get(&id)
            .filter(|p| p.live() && p.container == Container::Creating)
        else {
            return;
        };
        let (name, image) = {
            let workload = self.workload(pod.workload);
            let image = workload
                .revision(pod.revision)
                .map(|r| r.image.clone())
                .unwrap_or_default();
            (workload.key.name.clone(), image)
        };
        let pulled = format!("Container image \"{image}\" already present on machine");
        self.kubelet_says(id, Tone::Normal, "Pulled", pulled);
        self.kubelet_says(
            id,
            Tone::Normal,
            "Created",
            format!("Created container: {name}"),
        );
        self.kubelet_says(
            id,
            Tone::Normal,
            "Started",
            format!("Started container {name}"),
        );
        self.run_container(id);
    }

    /// The container runs from now; its probe passes a little later, and a faulty release ends after that.
    pub(super) fn run_container(&mut self, id: PodId) {
        let now = self.now;
        let number = self.dice.bits();
        let Some(pod) = self.pods.get_mut(&id) else {
            return;
        };
        pod.container = Container::Running { since: now };
        pod.container_id = number;
        pod.probe = false;
        pod.started_at.get_or_insert(now);
        let warm_up = self.dice.seconds(4, 14);
        self.agenda.at(Millis(now.0 + warm_up), Task::Pass(id));
        self.plan_crash(id, 12, 75);
        self.show_pod(id);
    }

    /// Plans the end of a container whose release is faulty, when it is one of those that crash.
    pub(super) fn plan_crash(&mut self, id: PodId, low: i64, high: i64) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let workload = self.workload(pod.workload);
        let Some(fault) = workload
            .revision(pod.revision)
            .and_then(|r| workload.fault(&r.tag))
        else {
            return;
        };
        // Spread evenly over the pods of the release, and the first is always one of them.
        let crashing = |n: u32| (f64::from(n) * fault.share).ceil();
        if crashing(pod.nth + 1) > crashing(pod.nth) {
            let container = pod.container_id;
            let after = self.dice.seconds(low, high);
            self.agenda
                .at(Millis(self.now.0 + after), Task::Crash(id, container));
        }
    }

    /// The readiness probe passes.
    pub(super) fn pass_probe(&mut self, id: PodId) {
        let Some(pod) = self.pods.get_mut(&id) else {
            return;
        };
        if pod.probe || !matches!(pod.container, Container::Running { .. }) {
            return;
        }
        pod.probe = true;
        self.show_pod(id);
    }

    /// The readiness probe fails for a while.
    pub(super) fn fail_probe(&mut self, id: PodId, seconds: i64) {
        let Some(pod) = self.pods.get_mut(&id) else {
            return;
        };
        if !pod.probe || pod.deleted.is_some() {
            return;
        }
        pod.probe = false;
        let message = pod.ip.map(|ip| {
            format!("Readiness probe failed: Get \"http://{ip}:8080/ready\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
        });
        self.agenda
            .at(self.now.plus_seconds(seconds), Task::Pass(id));
        if let Some(message) = message {
            self.kubelet_says(id, Tone::Warning, "Unhealthy", message);
        }
        self.show_pod(id);
    }

    /// The container ends by the fault of its release, unless the fault or the container is gone by now.
    pub(super) fn crash(&mut self, id: PodId, container: u64) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        if pod.container_id != container || !pod.live() {
            return;
        }
        let workload = self.workload(pod.workload);
        let reason = workload
            .revision(pod.revision)
            .and_then(|r| workload.fault(&r.tag))
            .map(|f| f.reason);
        if let Some(reason) = reason {
            self.end_container(id, End::Crash(reason));
        }
    }

    /// The container ends and is started again, at once or after the back-off.
    pub(super) fn end_container(&mut self, id: PodId, why: End) {
        const WELL_AFTER_MS: i64 = 600_000;
        let now = self.now;
        let Some(pod) = self.pods.get_mut(&id) else {
            return;
        };
        let Container::Running { since } = pod.container else {
            return;
        };
        pod.crashes = if now.since(since) > WELL_AFTER_MS {
            1
        } else {
            pod.crashes + 1
        };
        pod.restarts += 1;
        pod.last = Some(Ended {
            started: since,
            finished: now,
            why,
            container: pod.container_id,
        });
        pod.probe = false;
        let seconds = Pod::back_off(pod.crashes);
        if seconds == 0 {
            self.run_container(id);
            return;
        }
        pod.container = Container::BackOff { seconds };
        let (name, uid, workload) = (pod.name.clone(), pod.uid.clone(), pod.workload);
        let key: WorkloadKey = self.workload(workload).key.clone();
        self.agenda.at(now.plus_seconds(seconds), Task::Restart(id));
        let message = format!(
            "Back-off restarting failed container {} in pod {name}_{}({uid})",
            key.name, key.namespace
        );
        self.kubelet_says(id, Tone::Warning, "BackOff", message);
        self.show_pod(id);
    }

    /// The back-off is over.
    pub(super) fn restart_container(&mut self, id: PodId) {
        if self
            .pods
            .get(&id)
            .is_some_and(|p| p.live() && matches!(p.container, Container::BackOff { .. }))
        {
            self.run_container(id);
        }
    }

    /// A container somewhere ends once; about every second day per pod.
    pub(super) fn mishap(&mut self) {
        if !self.pods.is_empty() {
            let nth = self.dice.index(self.pods.len());
            if let Some(id) = self.pods.keys().nth(nth).copied() {
                self.end_container(id, End::Once);
            }
        }
        self.next_mishap();
    }

    pub(super) fn next_mishap(&mut self) {
        const PER_POD_SECONDS: f64 = 172_800.0;
        let mean = PER_POD_SECONDS / (self.pods.len().max(1) as f64);
        let wait = -(1.0 - self.dice.unit()).ln() * mean;
        self.agenda.at(
            Millis(self.now.0 + (wait.clamp(1.0, 86_400.0) * 1000.0) as i64),
            Task::Mishap,
        );
    }

    /// So many pods change now for the sake of the change, to measure watchers by: a readiness probe fails and,
    /// when [`FLICKERING`] others have failed after it, passes again. Without events.
    pub fn churn(&mut self, changes: u32) {
        for _ in 0..changes {
            if self.flickering.len() >= FLICKERING
                && let Some(id) = self.flickering.pop_front()
            {
                self.pass_probe(id);
                continue;
            }
            let any = PodId(self.dice.bits() % self.next_pod.max(1));
            let Some((&id, _)) = self.pods.range(any..).next() else {
                continue;
            };
            let Some(pod) = self.pods.get_mut(&id).filter(|p| p.probe && p.live()) else {
                continue;
            };
            pod.probe = false;
            self.flickering.push_back(id);
            self.show_pod(id);
        }
    }

    /// Every probe that fails for the sake of the change passes again.
    pub fn end_churn(&mut self) {
        for id in std::mem::take(&mut self.flickering) {
            self.pass_probe(id);
        }
    }

    /// Asks for a pod's deletion; it goes when its kubelet is done.
    pub(super) fn delete_pod(&mut self, id: PodId) {
        let now = self.now;
        let Some(pod) = self.pods.get_mut(&id).filter(|p| p.live()) else {
            return;
        };
        pod.deleted = Some(now);
        let bound = pod.node.is_some();
        let name = self.workloads[pod.workload.0].key.name.clone();
        if !bound {
            self.forget_pod(id);
            return;
        }
        self.kubelet_says(
            id,
            Tone::Normal,
            "Killing",
            format!("Stopping container {name}"),
        );
        let grace = self.dice.seconds(3, 9);
        self.agenda.at(Millis(now.0 + grace), Task::Gone(id));
        self.show_pod(id);
    }

    /// A pod is gone: from the store, its node and its workload.
    pub(super) fn forget_pod(&mut self, id: PodId) {
        let Some(pod) = self.pods.remove(&id) else {
            return;
        };
        self.homeless.remove(&id);
        let workload = &mut self.workloads[pod.workload.0];
        workload.pods.remove(&id);
        for slice in &mut workload.slices {
            slice.stale |= slice.pods.remove(&id);
        }
        let (millicpu, mib) = (pod.need.millicpu, pod.need.mib);
        let namespace = workload.key.namespace.clone();
        if let Some(node) = pod.node.and_then(|n| self.nodes.get_mut(&n)) {
            node.pods.remove(&id);
            node.used_millicpu = node.used_millicpu.saturating_sub(millicpu);
            node.used_mib = node.used_mib.saturating_sub(mib);
            let az = node.az;
            workload.zones[az] = workload.zones[az].saturating_sub(1);
            if let Some(ip) = pod.ip {
                self.addresses.free(az, ip);
            }
        }
        self.named.remove(&super::store::key(&namespace, &pod.name));
        self.store.remove(Resource::Pods, &namespace, &pod.name);
        self.touch(pod.workload);
    }

    /// Kills `share` (0 to 1) of the workload's running containers once; the kubelets restart them.
    pub fn kill_pods(&mut self, key: &WorkloadKey, share: f64, now: Millis) {
        self.now = now;
        let Some(id) = self.find(key) else { return };
        let all: Vec<PodId> = self.workload(id).pods.iter().copied().collect();
        for pod in all {
            if self.dice.unit() < share {
                self.end_container(pod, End::Crash(CrashReason::Error));
            }
        }
        self.reconcile_touched();
    }

    /// Makes the release `image_tag` of a workload faulty, or well again with `None`. Pods of other releases, and
    /// pods that a later undo creates from another release, are not touched.
    pub fn set_crash_loop(
        &mut self,
        key: &WorkloadKey,
        image_tag: &str,
        fault: Option<super::CrashLoop>,
    ) {
        let Some(id) = self.find(key) else { return };
        let workload = self.workload_mut(id);
        workload.faults.retain(|(tag, _)| tag != image_tag);
        let Some(fault) = fault else { return };
        workload.faults.push((image_tag.to_owned(), fault));
        let hit: Vec<PodId> = workload.pods.iter().copied().collect();
        for pod in hit {
            self.plan_crash(pod, 2, 40);
        }
    }

    /// The name of a pod's node, empty while it has none.
    pub(super) fn node_name(&self, pod: &Pod) -> Arc<str> {
        pod.node
            .and_then(|n| self.nodes.get(&n))
            .map_or_else(|| Arc::from(""), |n| n.name.clone())
    }
}
