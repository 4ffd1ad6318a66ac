//! What pods use and say: derived from their state when asked, never kept.

use super::Cluster;
use super::pod::{Container, Pod};
use super::view::PodLog;

impl Cluster {
    fn pod_named(&self, namespace: &str, name: &str) -> Option<&Pod> {
        self.named
            .get(&super::store::key(namespace, name))
            .and_then(|id| self.pods.get(id))
    }

    /// Name of a running pod's container, and what it uses: thousandths of a core, MiB.
    #[must_use]
    pub fn pod_usage(&self, namespace: &str, name: &str) -> Option<(&str, (u64, u64))> {
        let pod = self.pod_named(namespace, name)?;
        let workload = self.workload(pod.workload);
        Some((&workload.key.name, self.used(pod)?))
    }

    fn used(&self, pod: &Pod) -> Option<(u64, u64)> {
        if !matches!(pod.container, Container::Running { .. }) {
            return None;
        }
        let spec = &self.workload(pod.workload).spec;
        let az = pod
            .node
            .and_then(|n| self.nodes.get(&n))
            .map_or(0, |n| n.az);
        let own = 0.85 + (pod.container_id % 300) as f64 / 1000.0;
        let millicpu =
            self.load_of(pod.workload.0, az) / 100.0 * f64::from(spec.requests_millicpu) * own;
        let share = 0.55 + (pod.container_id / 300 % 200) as f64 / 1000.0;
        Some((
            millicpu.round() as u64,
            (f64::from(spec.requests_mib) * share).round() as u64,
        ))
    }

    /// What a node uses: thousandths of a core, MiB; `None` for an unknown one or one out of contact.
    #[must_use]
    pub fn node_usage(&self, name: &str) -> Option<(u64, u64)> {
        let node = self.nodes.values().find(|n| &*n.name == name && n.ready)?;
        let pods = node
            .pods
            .iter()
            .filter_map(|p| self.pods.get(p))
            .filter_map(|p| self.used(p));
        Some(pods.fold((120, 900), |(cpu, mib), (c, m)| (cpu + c, mib + m)))
    }

    /// What a pod's log is made of, of the current container or the one before; `None` when there is none.
    #[must_use]
    pub fn pod_log(&self, namespace: &str, name: &str, previous: bool) -> Option<PodLog> {
        let pod = self.pod_named(namespace, name)?;
        let workload = self.workload(pod.workload);
        let revision = workload.revision(pod.revision)?;
        let (started, ended, number) = match (pod.container, pod.last) {
            (Container::Running { since }, _) if !previous => (since, None, pod.container_id),
            (_, Some(last)) => (last.started, Some(last.finished), last.container),
            _ => return None,
        };
        let last_words = workload.fault(&revision.tag).map(|f| f.last_words.clone());
        Some(PodLog {
            workload: workload.key.name.clone(),
            tag: revision.tag.clone(),
            consumes: workload.scaled.is_some(),
            started,
            ended,
            last_words: ended.and(last_words),
            number,
            complaints: workload.complaints.clone(),
        })
    }
}
