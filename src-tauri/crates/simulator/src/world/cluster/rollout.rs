//! The workload controllers: replica sets, rolling updates, stateful sets, and the statuses that follow.

use std::collections::BTreeMap;

use super::Cluster;
use super::agenda::Task;
use super::pod::{Container, Pod, PodId};
use super::recorder::{About, Tone, Voice};
use super::spec::WorkloadKind;
use super::workload::{Counts, RevisionId, WorkloadId};
use crate::clock::Millis;

/// A rollout that has not got further for so long is shown as failed (`progressDeadlineSeconds`).
pub(super) const PROGRESS_DEADLINE_SECONDS: i64 = 600;

impl Cluster {
    /// Reconciles what was touched, until nothing touches anything any more.
    pub(super) fn reconcile_touched(&mut self) {
        // Making and deleting pods touches the workload again; two rounds settle it, the bound is for safety.
        for _ in 0..4 {
            let touched = std::mem::take(&mut self.touched);
            if touched.is_empty() {
                return;
            }
            for id in &touched {
                match self.workload(*id).spec.kind {
                    WorkloadKind::Deployment => self.reconcile_deployment(*id),
                    WorkloadKind::StatefulSet => self.reconcile_stateful_set(*id),
                }
            }
            for id in touched {
                self.show_workload(id);
            }
        }
    }

    fn live_pods(&self, id: WorkloadId) -> Vec<&Pod> {
        self.workload(id)
            .pods
            .iter()
            .filter_map(|p| self.pods.get(p))
            .filter(|p| p.live())
            .collect()
    }

    fn reconcile_deployment(&mut self, id: WorkloadId) {
        let workload = self.workload(id);
        let (desired, current, paused) = (workload.desired, workload.current, workload.paused);
        let (surge, unavailable) = (workload.surge(), workload.unavailable());
        let live = self.live_pods(id);
        let all = count(&live, |_| true);
        let new = count(&live, |p| p.revision == current);
        let old = all - new;
        let ready = count(&live, |p| p.ready);
        if old == 0 || paused {
            let (target, revision) = if old == 0 {
                (desired, current)
            } else {
                (desired.saturating_sub(old), current)
            };
            self.scale_revision(id, revision, new, target);
            return;
        }
        let room = (desired + surge).saturating_sub(all);
        let target = desired.min(new + room);
        let floor = desired - unavailable.min(desired);
        let new_not_ready = new - count(&live, |p| p.revision == current && p.ready);
        let may_go = all.saturating_sub(floor + new_not_ready).min(old);
        let broken = count(&live, |p| p.revision != current && !p.ready).min(may_go);
        let healthy = ready.saturating_sub(floor).min(may_go - broken);
        let going = self.oldest_first(id, broken, healthy);
        if target != new {
            self.scale_revision(id, current, new, target);
        }
        for pod in going {
            self.delete_pod(pod);
        }
        self.share_out(id);
    }

    /// Pods of older revisions to delete: the broken ones first, then so many healthy ones.
    fn oldest_first(&self, id: WorkloadId, broken: u32, healthy: u32) -> Vec<PodId> {
        let current = self.workload(id).current;
        let old: Vec<&Pod> = self
            .live_pods(id)
            .into_iter()
            .filter(|p| p.revision != current)
            .collect();
        let take = |ready: bool, n: u32| {
            old.iter()
                .filter(move |p| p.ready == ready)
                .map(|p| p.id)
                .take(usize::try_from(n).unwrap_or(0))
        };
        take(false, broken).chain(take(true, healthy)).collect()
    }

    /// Sets the replicas of each replica set to the pods it is left with.
    fn share_out(&mut self, id: WorkloadId) {
        let counts: Vec<(RevisionId, u32)> = {
            let live = self.live_pods(id);
            let revisions = &self.workload(id).revisions;
            revisions
                .iter()
                .map(|r| (r.id, count(&live, |p| p.revision == r.id)))
                .collect()
        };
        for (revision, pods) in counts {
            self.set_replicas(id, revision, pods);
        }
    }

    fn set_replicas(&mut self, id: WorkloadId, revision: RevisionId, replicas: u32) {
        let workload = self.workload(id);
        let Some(r) = workload
            .revision(revision)
            .filter(|r| r.replicas != replicas)
        else {
            return;
        };
        let (from, name) = (r.replicas, workload.replica_set(r));
        let word = if replicas > from { "up" } else { "down" };
        let kind = workload.spec.kind;
        let about = self.about_workload(id);
        if let Some(r) = self.workload_mut(id).revision_mut(revision) {
            r.replicas = replicas;
            r.generation += 1;
        }
        if kind == WorkloadKind::Deployment {
            let message = format!("Scaled {word} replica set {name} from {from} to {replicas}");
            self.say(
                about,
                Voice::Component("deployment-controller"),
                Tone::Normal,
                "ScalingReplicaSet",
                message,
            );
        }
    }

    /// Brings the live pods of a revision from `from` to `to`.
    fn scale_revision(&mut self, id: WorkloadId, revision: RevisionId, from: u32, to: u32) {
        self.set_replicas(id, revision, to);
        for _ in from..to {
            self.make_pod(id, revision, None);
        }
        if to < from {
            let mut live: Vec<(bool, std::cmp::Reverse<PodId>)> = self
                .live_pods(id)
                .into_iter()
                .filter(|p| p.revision == revision)
                .map(|p| (p.ready, std::cmp::Reverse(p.id)))
                .collect();
            live.sort_unstable();
            for (_, std::cmp::Reverse(pod)) in live
                .into_iter()
                .take(usize::try_from(from - to).unwrap_or(0))
            {
                self.delete_pod(pod);
            }
        }
    }

    /// Stateful pods: one missing ordinal at a time, then from the highest one whose revision is old.
    fn reconcile_stateful_set(&mut self, id: WorkloadId) {
        let (desired, current) = (self.workload(id).desired, self.workload(id).current);
        let pods: Vec<(u32, PodId, bool, bool, RevisionId)> = self
            .workload(id)
            .pods
            .iter()
            .filter_map(|p| self.pods.get(p))
            .map(|p| (p.ordinal.unwrap_or(0), p.id, p.ready, p.live(), p.revision))
            .collect();
        if let Some((_, pod, ..)) = pods.iter().filter(|p| p.0 >= desired).max_by_key(|p| p.0) {
            if pods.iter().all(|p| p.3) {
                self.delete_pod(*pod);
            }
            return;
        }
        self.set_replicas(id, current, desired);
        let settled = pods.iter().all(|(.., ready, live, _)| *ready && *live);
        let missing = (0..desired).find(|n| !pods.iter().any(|p| p.0 == *n));
        match missing {
            Some(ordinal) if settled => self.make_pod(id, current, Some(ordinal)),
            Some(_) => {}
            None if settled => {
                if let Some((_, pod, ..)) =
                    pods.iter().filter(|p| p.4 != current).max_by_key(|p| p.0)
                {
                    self.delete_pod(*pod);
                }
            }
            None => {}
        }
    }

    /// Makes a pod and hands it to the scheduler.
    pub(super) fn make_pod(&mut self, id: WorkloadId, revision: RevisionId, ordinal: Option<u32>) {
        let now = self.now;
        let pod = self.new_pod(id, revision, ordinal, now);
        let name = self
            .pods
            .get(&pod)
            .map(|p| p.name.clone())
            .unwrap_or_default();
        let workload = self.workload(id);
        let (about, source) = match workload.spec.kind {
            WorkloadKind::StatefulSet => (self.about_workload(id), "statefulset-controller"),
            WorkloadKind::Deployment => (
                self.about_replica_set(id, revision),
                "replicaset-controller",
            ),
        };
        self.say(
            about,
            Voice::Component(source),
            Tone::Normal,
            "SuccessfulCreate",
            format!("Created pod: {name}"),
        );
        let wait = self.dice.between(200, 1500);
        self.agenda.at(Millis(now.0 + wait), Task::Bind(pod));
        self.show_pod(pod);
    }

    /// A pod that is nowhere yet.
    pub(super) fn new_pod(
        &mut self,
        id: WorkloadId,
        revision: RevisionId,
        ordinal: Option<u32>,
        now: Millis,
    ) -> PodId {
        let pod = PodId(self.next_pod);
        self.next_pod += 1;
        let workload = self.workload(id);
        let (base, namespace) = (workload.key.name.clone(), workload.key.namespace.clone());
        let hash = workload
            .revision(revision)
            .map(|r| r.hash.clone())
            .unwrap_or_default();
        let need = workload
            .revision(revision)
            .map(|r| r.need.clone())
            .unwrap_or_default();
        let name = match ordinal {
            Some(n) => format!("{base}-{n}"),
            None => format!("{base}-{hash}-{}", self.dice.suffix(5)),
        };
        let nth = self.workload_mut(id).revision_mut(revision).map_or(0, |r| {
            r.made += 1;
            r.made - 1
        });
        self.named.insert(super::store::key(&namespace, &name), pod);
        self.pods.insert(
            pod,
            Pod {
                id: pod,
                uid: self.dice.uid(),
                name,
                workload: id,
                revision,
                nth,
                ordinal,
                created: now,
                need,
                deleted: None,
                node: None,
                ip: None,
                suffix: self.dice.suffix(5),
                container: Container::Unbound,
                container_id: 0,
                restarts: 0,
                last: None,
                crashes: 0,
                probe: false,
                ready: false,
                ready_since: now,
                bound_at: None,
                started_at: None,
                unschedulable: None,
                slice: None,
                evicted: false,
                nominated: false,
            },
        );
        self.workload_mut(id).pods.insert(pod);
        pod
    }

    pub(super) fn about_workload(&self, id: WorkloadId) -> About {
        let workload = self.workload(id);
        About {
            kind: workload.spec.kind.as_str(),
            api_version: "apps/v1",
            namespace: workload.key.namespace.clone(),
            name: workload.key.name.clone(),
            uid: workload.uid.clone(),
        }
    }

    fn about_replica_set(&self, id: WorkloadId, revision: RevisionId) -> About {
        let workload = self.workload(id);
        let (name, uid) = workload
            .revision(revision)
            .map(|r| (workload.replica_set(r), r.uid.clone()))
            .unwrap_or_default();
        About {
            kind: "ReplicaSet",
            api_version: "apps/v1",
            namespace: workload.key.namespace.clone(),
            name,
            uid,
        }
    }

    /// Counts the pods of a workload and of each of its revisions, in one pass.
    fn count_pods(&mut self, id: WorkloadId) -> Counts {
        let (pods, workload) = (&self.pods, &mut self.workloads[id.0]);
        let mut tally: BTreeMap<RevisionId, (u32, u32, u32)> = BTreeMap::new();
        for pod in workload.pods.iter().filter_map(|p| pods.get(p)) {
            let (staying, ready, going) = tally.entry(pod.revision).or_default();
            *staying += u32::from(pod.live());
            *ready += u32::from(pod.live() && pod.ready);
            *going += u32::from(!pod.live());
        }
        let mut counts = Counts::default();
        for revision in &mut workload.revisions {
            let (staying, ready, going) = tally.get(&revision.id).copied().unwrap_or_default();
            (revision.staying, revision.ready, revision.going) = (staying, ready, going);
            counts.replicas += staying;
            counts.ready += ready;
            counts.terminating += going;
            if revision.id == workload.current {
                counts.updated = staying;
            }
        }
        counts
    }

    /// Counts again, and notes how far the rollout is.
    pub(super) fn recount(&mut self, id: WorkloadId) {
        let now = self.now;
        let counts = self.count_pods(id);
        let workload = self.workload_mut(id);
        if counts != workload.counts && workload.rolling.is_some() {
            workload.progressed = now;
        }
        workload.counts = counts;
        let available =
            counts.ready >= workload.desired - workload.unavailable().min(workload.desired);
        if available != workload.available {
            workload.available = available;
            workload.available_since = now;
        }
        let done = counts.updated == workload.desired
            && counts.replicas == workload.desired
            && counts.ready >= workload.desired;
        if done && workload.rolling.take().is_some() {
            workload.progressed = now;
        }
    }
}

pub(super) fn count(pods: &[&Pod], test: impl Fn(&Pod) -> bool) -> u32 {
    u32::try_from(pods.iter().filter(|p| test(p)).count()).unwrap_or(u32::MAX)
}
