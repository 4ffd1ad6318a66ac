//! What pods log about their database: who still talks to the old writer.
//!
//! A pool that kept the old writer's address writes to what is a reader now: MySQL answers error 1290
//! ("--read-only"), PostgreSQL "cannot execute … in a read-only transaction"; until it is back, its
//! address refuses connections.

use crate::database::{Database, User};
use crate::hands::Hands;
use cloud::kubernetes::ClusterSession;
use futures::future::join_all;
use model::{Fact, Kind, Node, NodeId, Snapshot, Timestamp};
use std::collections::BTreeMap;

/// Pods of one workload that are read, those that run longest first: they are the ones that cling.
const PODS: usize = 3;
/// Pods that are read in all; of every workload one, however many there are.
const ALL_PODS: usize = 60;
/// Lines of one pod that are read.
const LINES: u32 = 200;
/// A workload counts as clinging this long after it was last heard of, seconds.
const HEARD: f64 = 30.0;
/// Who was heard of for less than this finds the new writer by itself: the endpoint's name is cached
/// for 5 s (Aurora User Guide, "Fast failover with Amazon Aurora"), and a pool needs a moment to throw
/// out what is broken. Seconds.
const LINGERS: f64 = 15.0;

/// A pod whose log is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pod {
    cluster: String,
    region: Option<String>,
    namespace: String,
    name: String,
    workload: NodeId,
}

/// The pods of the workloads that use a database, as the picture shows them.
pub(super) fn pods(snapshot: &Snapshot, cluster: &Node) -> Vec<Pod> {
    let users = Database::new(snapshot, cluster).users();
    let eldest: Vec<Vec<Pod>> = users.iter().map(eldest).collect();
    let of_rank = |rank: usize| eldest.iter().filter_map(move |pods| pods.get(rank));
    let least = of_rank(0).count();
    let all = (0..PODS).flat_map(of_rank);
    all.take(least.max(ALL_PODS)).cloned().collect()
}

fn eldest(user: &User<'_>) -> Vec<Pod> {
    let ready = |pod: &&&Node| pod.facts.flag(Fact::Ready) == Some(true);
    let mut pods: Vec<&Node> = user.pods.iter().filter(ready).copied().collect();
    pods.sort_by_key(|pod| pod.facts.time(Fact::StartedAt));
    let pod = |pod: &Node| {
        Some(Pod {
            cluster: pod.scope.cluster.as_deref()?.to_owned(),
            region: pod.scope.region.as_deref().map(ToOwned::to_owned),
            namespace: pod.scope.namespace.as_deref()?.to_owned(),
            name: pod.name.clone(),
            workload: user.node.id.clone(),
        })
    };
    pods.into_iter().take(PODS).filter_map(pod).collect()
}

/// What was heard, over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Heard {
    /// When each workload was first and last heard to cling.
    clinging: BTreeMap<NodeId, (Timestamp, Timestamp)>,
    /// Pods that answered in the last reading, and how many lines of them told of it.
    pub(super) read: usize,
    pub(super) lines: usize,
    /// Pods that were to be read.
    pub(super) asked: usize,
    pub(super) at: Option<Timestamp>,
}

impl Heard {
    /// Who clings, by the last readings: heard of lately, and for longer than a cached name lasts.
    pub(super) fn clinging(&self, now: Timestamp) -> impl Iterator<Item = &NodeId> {
        let lately = move |last: Timestamp| now.seconds_since(last) <= HEARD;
        let all = self.clinging.iter();
        all.filter(move |(_, (first, last))| lately(*last) && last.seconds_since(*first) >= LINGERS)
            .map(|(id, _)| id)
    }

    /// Since when somebody clings, of those that do.
    pub(super) fn since(&self, now: Timestamp) -> Option<Timestamp> {
        let now = self.clinging(now).filter_map(|id| self.clinging.get(id));
        now.map(|(first, _)| *first).min()
    }

    pub(super) fn note(&mut self, told: &[(NodeId, Option<usize>)], now: Timestamp) {
        self.asked = told.len();
        self.read = told.iter().filter(|(_, lines)| lines.is_some()).count();
        self.lines = told.iter().filter_map(|(_, lines)| *lines).sum();
        self.at = Some(now);
        for (id, lines) in told {
            if lines.is_some_and(|lines| lines > 0) {
                let entry = self.clinging.entry(id.clone()).or_insert((now, now));
                // Who was quiet in between begins anew.
                if now.seconds_since(entry.1) > 2.0 * HEARD {
                    entry.0 = now;
                }
                entry.1 = now;
            }
        }
    }
}

/// Reads what each pod logged in the last `seconds`, and how many lines tell of the old writer at
/// `old`; `None` for a pod that could not be read.
pub(super) async fn read(
    hands: &Hands,
    pods: &[Pod],
    old: Option<&str>,
    seconds: u32,
) -> Vec<(NodeId, Option<usize>)> {
    let reads = pods.iter().map(|pod| async move {
        let session = hands.cluster_of(&pod.cluster, pod.region.as_deref());
        let lines = match session {
            Some(session) => lines(session, pod, old, seconds).await,
            None => None,
        };
        (pod.workload.clone(), lines)
    });
    join_all(reads).await
}

async fn lines(
    session: &ClusterSession,
    pod: &Pod,
    old: Option<&str>,
    seconds: u32,
) -> Option<usize> {
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}/log?tailLines={LINES}&sinceSeconds={seconds}",
        pod.namespace, pod.name
    );
    let text = session.text(&path).await.ok()?;
    Some(text.lines().filter(|line| tells(line, old)).count())
}

/// Whether a line tells of the old writer.
fn tells(line: &str, old: Option<&str>) -> bool {
    line.contains("read-only")
        || line.contains("read only")
        || old.is_some_and(|old| {
            line.contains(old) && (line.contains("refused") || line.contains("error"))
        })
}

/// Whether a restart of it can be asked for.
pub(super) fn can_be_restarted(workload: &NodeId) -> bool {
    workload
        .as_str()
        .starts_with(&format!("{}/", Kind::Deployment))
}

/// The name at the end of an id.
pub(super) fn name(workload: &NodeId) -> &str {
    let id = workload.as_str();
    id.rsplit('/').next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_old_writer_are_told_from_others() {
        let old = Some("10.120.0.21");
        assert!(tells(
            "Error 1290: running with the --read-only option",
            None
        ));
        assert!(tells(
            "ERROR: cannot execute INSERT in a read-only transaction",
            None
        ));
        assert!(tells("dial tcp 10.120.0.21:3306: connection refused", old));
        assert!(!tells("dial tcp 10.120.0.22:3306: connection refused", old));
        assert!(!tells("{\"level\":\"info\",\"msg\":\"request\"}", old));
    }

    #[test]
    fn who_was_heard_clings_until_it_is_quiet_for_a_while() {
        let at = |seconds| Timestamp::from_seconds(seconds);
        let (one, two) = (NodeId::new("deployment/a"), NodeId::new("deployment/b"));
        let mut heard = Heard::default();
        let told = [(one.clone(), Some(2)), (two.clone(), Some(0))];
        heard.note(&told, at(100));
        heard.note(&[(one.clone(), Some(1)), (two.clone(), None)], at(110));
        assert_eq!((heard.asked, heard.read, heard.lines), (2, 1, 1));
        assert_eq!(heard.clinging(at(112)).count(), 0, "a cached name");
        heard.note(&[(one.clone(), Some(1)), (two, Some(0))], at(120));
        assert_eq!(heard.clinging(at(150)).collect::<Vec<_>>(), [&one]);
        assert_eq!(heard.since(at(150)), Some(at(100)));
        assert_eq!(heard.clinging(at(151)).count(), 0);
        heard.note(&[(one.clone(), Some(1))], at(200));
        heard.note(&[(one, Some(1))], at(215));
        assert_eq!(heard.since(at(215)), Some(at(200)), "it began anew");
    }
}
