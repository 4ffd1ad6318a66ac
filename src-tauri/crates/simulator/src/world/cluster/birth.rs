//! How a cluster begins: in its steady state, with a past.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::Cluster;
use super::agenda::{Agenda, Task};
use super::dice::Dice;
use super::node::{Addresses, NodeId, Nodegroup, Size};
use super::pod::{Container, End, Ended, PodId};
use super::pools::ClaimId;
use super::recorder::Recorder;
use super::resource::Resource;
use super::spec::{ClusterSpec, WorkloadKind, WorkloadSpec};
use super::store::{Labels, Store};
use super::template::{self, Changes};
use super::workload::{
    Autoscaler, Counts, Credit, Measure, Operation, RevisionId, Scaled, Workload, WorkloadId,
};
use crate::clock::Millis;

const DAY: i64 = 86_400;
/// Room left on the nodes at the start, for surges and spread.
const HEADROOM: f64 = 1.2;

impl Cluster {
    /// A cluster in its steady state at `born`: every workload at its replicas, ready, with plausible older ages.
    #[must_use]
    pub fn new(spec: ClusterSpec, born: Millis, seed: u64) -> Self {
        let seed = seed ^ super::dice::hash(&format!("{}/{}", spec.region, spec.name));
        let mut dice = Dice::new(seed);
        let version = 40_000_000 + dice.bits() % 20_000_000;
        let azs = spec.azs.len();
        let mut cluster = Self {
            now: born,
            born,
            dice,
            store: Store::new(version),
            agenda: Agenda::default(),
            recorder: Recorder::default(),
            addresses: Addresses::new(spec.network),
            nodes: BTreeMap::new(),
            next_node: 0,
            groups: Vec::new(),
            pools: Vec::new(),
            claims: BTreeMap::new(),
            next_claim: 0,
            dry: Default::default(),
            quotas: [0; 2],
            pods: BTreeMap::new(),
            next_pod: 0,
            named: HashMap::new(),
            workloads: Vec::new(),
            index: HashMap::new(),
            touched: BTreeSet::new(),
            homeless: BTreeSet::new(),
            flickering: VecDeque::new(),
            troubled: vec![false; azs],
            loads: vec![vec![40.0; azs]; spec.workloads.len()],
            spec: Arc::new(spec),
        };
        cluster.found();
        cluster.store.forget();
        cluster
    }

    fn found(&mut self) {
        self.found_namespaces();
        self.found_nodes();
        let specs = self.spec.workloads.clone();
        for spec in specs {
            let id = self.found_workload(spec);
            self.found_pods(id);
            self.show_surroundings(id);
        }
        self.touched.clear();
        for index in 0..self.workloads.len() {
            self.show_workload(WorkloadId(index));
            self.show_autoscaler(WorkloadId(index));
            self.show_scaled(WorkloadId(index));
            self.show_git(WorkloadId(index));
        }
        self.show_node_class();
        let claims: Vec<ClaimId> = self.claims.keys().copied().collect();
        for id in claims {
            self.show_claim(id);
        }
        for pool in 0..self.pools.len() {
            self.show_pool(pool);
        }
        let nodes: Vec<NodeId> = self.nodes.keys().copied().collect();
        for id in nodes {
            self.show_node(id);
            self.show_lease(id);
            let first = self.dice.seconds(1, 300);
            self.agenda
                .at(Millis(self.now.0 + first), Task::Heartbeat(id));
        }
        // Where Karpenter buys nodes, no cluster autoscaler does.
        if self.pools.is_empty() {
            self.agenda.at(self.now.plus_seconds(10), Task::Autoscale);
        }
        self.agenda.at(self.now.plus_seconds(60), Task::Sweep);
        self.next_mishap();
    }

    fn found_namespaces(&mut self) {
        let mut names: BTreeSet<String> =
            ["default", "kube-system", "kube-public", "kube-node-lease"]
                .map(str::to_owned)
                .into();
        names.extend(self.spec.workloads.iter().map(|w| w.namespace.clone()));
        let kept = self.spec.workloads.iter().filter_map(|w| w.gitops);
        names.extend(kept.map(|g| g.namespace().to_owned()));
        let age = self.dice.between(200, 420) * DAY;
        for name in names {
            let draft = self.namespace_draft(&name, self.born.plus_seconds(-age));
            self.store.put(Resource::Namespaces, draft);
        }
    }

    fn found_nodes(&mut self) {
        let groups = self.spec.nodegroups.clone();
        self.groups = groups
            .into_iter()
            .map(|g| Nodegroup {
                name: g.name,
                instance_type: g.instance_type,
                capacity_type: g.capacity_type,
                min: g.min,
                desired: g.desired,
                max: g.max.max(g.desired),
                joining: 0,
                modified: self.born.plus_seconds(-30 * DAY),
                updates: Vec::new(),
                issue: None,
            })
            .collect();
        self.make_room();
        for group in 0..self.groups.len() {
            for _ in 0..self.groups[group].desired {
                let age = self.dice.between(2 * DAY, 20 * DAY);
                self.make_node(group, self.born.plus_seconds(-age));
            }
        }
        self.found_pools();
        self.found_quotas();
    }

    /// Raises the nodegroups until the workloads fit with room to spare.
    fn make_room(&mut self) {
        let need = |f: fn(&WorkloadSpec) -> u32| {
            self.spec
                .workloads
                .iter()
                .map(|w| f64::from(w.replicas) * f64::from(f(w)))
                .sum::<f64>()
                * HEADROOM
        };
        let (cpu, memory, pods) = (
            need(|w| w.requests_millicpu),
            need(|w| w.requests_mib),
            need(|_| 1),
        );
        let bought = |f: fn(Size) -> u32| {
            let pools = self.spec.pools.iter();
            pools
                .filter_map(|p| Some((p.nodes, p.instance_types.first()?)))
                .map(|(n, t)| f64::from(n) * f64::from(f(Size::of(t).allocatable())))
                .sum::<f64>()
        };
        let bought = (
            bought(|s| s.millicpu),
            bought(|s| s.mib),
            bought(|s| s.pods),
        );
        let room = |groups: &[Nodegroup], f: fn(Size) -> u32| {
            groups
                .iter()
                .map(|g| {
                    f64::from(g.desired) * f64::from(f(Size::of(&g.instance_type).allocatable()))
                })
                .sum::<f64>()
        };
        while room(&self.groups, |s| s.millicpu) + bought.0 < cpu
            || room(&self.groups, |s| s.mib) + bought.1 < memory
            || room(&self.groups, |s| s.pods) + bought.2 < pods
        {
            // The least grown in proportion, so that the groups keep their shares.
            let next = self
                .groups
                .iter_mut()
                .filter(|g| g.desired > 0)
                .min_by_key(|g| g.desired * 1000 / g.max.max(1));
            let Some(group) = next else { return };
            group.desired += 1;
            group.max = group.max.max(group.desired + group.desired / 3);
        }
    }

    fn found_workload(&mut self, spec: WorkloadSpec) -> WorkloadId {
        let id = WorkloadId(self.workloads.len());
        let created = self
            .born
            .plus_seconds(-self.dice.between(60 * DAY, 190 * DAY));
        let (_, tag) = template::split_image(&spec.image);
        let tag = tag.to_owned();
        let labels: Labels = [
            ("app.kubernetes.io/name", &spec.name),
            ("team", &spec.namespace),
        ]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.clone()))
        .collect();
        let annotations: Labels = [(
            "kubernetes.io/change-cause".to_owned(),
            format!("release {tag}"),
        )]
        .into();
        let key = spec.key();
        let workload = Workload {
            id,
            uid: self.dice.uid(),
            service_uid: self.dice.uid(),
            created,
            generation: spec.revision.max(1) + u32::try_from(self.dice.between(0, 40)).unwrap_or(0),
            desired: spec.replicas,
            paused: false,
            labels,
            annotations,
            revisions: Vec::new(),
            current: RevisionId(0),
            next_revision: 0,
            pods: BTreeSet::new(),
            zones: vec![0; self.spec.azs.len()],
            homes: BTreeMap::new(),
            counts: Counts::default(),
            available_since: created.plus_seconds(40),
            available: true,
            progressed: created,
            rolling: None,
            hpa: None,
            scaled: None,
            git: None,
            replicas_by: Credit {
                manager: "kubectl-client-side-apply".into(),
                operation: Operation::Update,
                subresource: "",
                time: created,
            },
            slices: Vec::new(),
            faults: Vec::new(),
            complaints: Vec::new(),
            key: key.clone(),
            spec,
        };
        self.workloads.push(workload);
        self.index.insert(key, id);
        self.found_revisions(id, &tag);
        self.found_autoscaler(id);
        if self.workload(id).hpa.is_some() {
            self.credit(id, "kube-controller-manager", Operation::Update, "scale");
        }
        self.found_git(id, &tag);
        id
    }

    /// The running release and up to three before it.
    fn found_revisions(&mut self, id: WorkloadId, tag: &str) {
        let spec = self.workload(id).spec.clone();
        let last = spec.revision.max(1);
        let past = last.min(u32::try_from(super::release::HISTORY).unwrap_or(0) + 1);
        let newest = self.dice.between(3 * 3600, 9 * DAY);
        for step in (0..past).rev() {
            let tag = if step == 0 {
                tag.to_owned()
            } else {
                earlier_tag(tag, step)
            };
            let template = template::template(&self.spec, &spec, &tag, &Changes::default());
            let created = self
                .born
                .plus_seconds(-newest - i64::from(step) * self.dice.between(2 * DAY, 8 * DAY));
            let revision = self.new_revision(id, template, last - step, created);
            if step == 0 {
                let workload = self.workload_mut(id);
                workload.current = revision;
                workload.progressed = created.plus_seconds(150);
                if let Some(r) = workload.revision_mut(revision) {
                    r.replicas = spec.replicas;
                    r.generation = 3;
                }
            }
        }
    }

    fn found_autoscaler(&mut self, id: WorkloadId) {
        let (spec, created) = (self.workload(id).spec.clone(), self.workload(id).created);
        if let Some(trigger) = &spec.queue_trigger {
            let measure = Measure::Queue(trigger.length_per_pod);
            let name = format!("keda-hpa-{}", spec.name);
            let bounds = (trigger.min.max(1), trigger.max);
            let mut hpa = Autoscaler::new(name, self.dice.uid(), created, bounds, measure);
            (hpa.desired, hpa.seen) = (spec.replicas, Some(0.0));
            let scaled = Scaled {
                name: spec.name.clone(),
                uid: self.dice.uid(),
                generation: 1,
                bounds: (trigger.min, trigger.max),
                original: spec.replicas,
                labels: [("scaledobject.keda.sh/name".to_owned(), spec.name.clone())].into(),
                paused: false,
                created,
                queue_url: trigger.queue_url.clone(),
                length: trigger.length_per_pod,
                visible: 0,
                active: false,
                last_active: None,
                annotations: Labels::new(),
            };
            let workload = self.workload_mut(id);
            (workload.hpa, workload.scaled) = (Some(hpa), Some(scaled));
        } else if let Some(bounds) = spec.hpa {
            let measure = Measure::Cpu(bounds.target_cpu_percent);
            let uid = self.dice.uid();
            let mut hpa = Autoscaler::new(
                spec.name.clone(),
                uid,
                created,
                (bounds.min, bounds.max),
                measure,
            );
            (hpa.desired, hpa.seen) = (
                spec.replicas,
                Some(f64::from(bounds.target_cpu_percent) * 0.9),
            );
            self.workload_mut(id).hpa = Some(hpa);
        }
    }

    fn found_pods(&mut self, id: WorkloadId) {
        let workload = self.workload(id);
        let (replicas, kind, current) = (workload.desired, workload.spec.kind, workload.current);
        let rolled = workload.current().map_or(self.born, |r| r.created);
        for n in 0..replicas {
            let ordinal = (kind == WorkloadKind::StatefulSet).then_some(n);
            let latest = self.born.0 - 20 * 60_000;
            let created = if self.dice.unit() < 0.7 {
                rolled.0 + self.dice.seconds(0, 400)
            } else {
                self.dice.between(rolled.0, latest.max(rolled.0))
            };
            let pod = self.new_pod(id, current, ordinal, Millis(created.min(latest)));
            self.settle_pod(pod);
        }
    }

    /// Puts a pod where it has long been: on a node, running and ready.
    fn settle_pod(&mut self, id: PodId) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let node = self.choose(pod).unwrap_or_else(|| {
            let age = self.dice.between(2 * DAY, 20 * DAY);
            self.groups[0].desired += 1;
            self.groups[0].max = self.groups[0].max.max(self.groups[0].desired);
            self.make_node(0, self.born.plus_seconds(-age))
        });
        self.place(id, node);
        let (bits, unlucky) = (self.dice.bits(), self.dice.unit() < 0.02);
        let Some(pod) = self.pods.get_mut(&id) else {
            return;
        };
        let bound = Millis(pod.created.0 + 700);
        let mut started = bound.plus_seconds(5);
        pod.container_id = bits;
        pod.started_at = Some(started);
        pod.bound_at = Some(bound);
        if unlucky {
            let span = self.born.since(started);
            let ended = Millis(started.0 + span / 3 + (bits % 1000) as i64 * (span / 3000));
            pod.restarts = 1;
            pod.last = Some(Ended {
                started,
                finished: ended,
                why: End::Once,
                container: bits ^ 1,
            });
            started = ended.plus_seconds(1);
        }
        pod.container = Container::Running { since: started };
        (pod.probe, pod.ready, pod.ready_since) = (true, true, started.plus_seconds(9));
        if let Some(draft) = self.pods.get(&id).map(|p| self.pod_draft(p)) {
            self.store.put(Resource::Pods, draft);
        }
        self.refresh_slice(id);
    }
}

/// A tag some releases before this one: its last number counted down, or a mark when it has none.
fn earlier_tag(tag: &str, step: u32) -> String {
    let digits = tag.len() - tag.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (stem, number) = tag.split_at(tag.len() - digits);
    match number.parse::<u64>() {
        Ok(n) if n >= u64::from(step) => format!("{stem}{}", n - u64::from(step)),
        _ => format!("{tag}-r{step}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_count_down() {
        assert_eq!(earlier_tag("2026.11.30", 2), "2026.11.28");
        assert_eq!(earlier_tag("v3", 1), "v2");
        assert_eq!(earlier_tag("stable", 1), "stable-r1");
    }
}
