//! What pods log about their database: who still talks to the old writer.
//!
//! A pool that kept the old writer's address writes to what is a reader now: MySQL answers error 1290
//! ("--read-only"), PostgreSQL "cannot execute … in a read-only transaction"; until it is back, its
//! address refuses connections.
//!
//! Of a pod with several containers the API server gives no log unless one is named (Kubernetes API
//! reference, "read log of the specified Pod"), so each pod is asked for its containers first.

use crate::database::{Database, User};
use crate::hands::Hands;
use cloud::kubernetes::ClusterSession;
use futures::future::join_all;
use model::{Fact, Kind, Node, NodeId, Snapshot, Timestamp};
use serde_json::Value;
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

/// The annotation that names the container kubectl takes where none is named (Kubernetes reference,
/// "Well-Known Labels, Annotations and Taints").
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// A pod whose log is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// Whose log is read of each pod, as far as that is known.
pub(super) type Containers = BTreeMap<Pod, String>;

/// Reads what each pod logged in the last `seconds`, and how many lines tell of the old writer at
/// `old`; `None` for a pod that could not be read. A pod is asked for its containers once.
pub(super) async fn read(
    hands: &Hands,
    pods: &[Pod],
    named: &mut Containers,
    old: Option<&str>,
    seconds: u32,
) -> Vec<(NodeId, Option<usize>)> {
    let known = &*named;
    let reads = pods.iter().map(|pod| async move {
        let session = hands.cluster_of(&pod.cluster, pod.region.as_deref())?;
        let container = match known.get(pod) {
            Some(container) => Some(container.clone()),
            None => container(session, pod).await,
        };
        let lines = lines(session, pod, container.as_deref(), old, seconds).await?;
        Some((container, lines))
    });
    let told = join_all(reads).await;
    let each = pods.iter().zip(told).map(|(pod, told)| {
        let (container, lines) = told.unzip();
        match container.flatten() {
            Some(container) => named.insert(pod.clone(), container),
            None => named.remove(pod),
        };
        (pod.workload.clone(), lines)
    });
    each.collect()
}

/// The container whose log tells of the application; `None` when the pod could not be read: one with a
/// single container gives its log all the same.
async fn container(session: &ClusterSession, pod: &Pod) -> Option<String> {
    let path = format!("/api/v1/namespaces/{}/pods/{}", pod.namespace, pod.name);
    let text = session.text(&path).await.ok()?;
    main_container(&serde_json::from_str(&text).ok()?)
}

/// The one its annotation names, else the first.
fn main_container(pod: &Value) -> Option<String> {
    let containers = pod.get("spec")?.get("containers")?.as_array()?;
    let names = || containers.iter().filter_map(|c| c.get("name")?.as_str());
    let annotations = pod.get("metadata").and_then(|m| m.get("annotations"));
    let marked = annotations.and_then(|all| all.get(DEFAULT_CONTAINER)?.as_str());
    let marked = marked.filter(|marked| names().any(|name| name == *marked));
    marked.or(names().next()).map(ToOwned::to_owned)
}

async fn lines(
    session: &ClusterSession,
    pod: &Pod,
    container: Option<&str>,
    old: Option<&str>,
    seconds: u32,
) -> Option<usize> {
    let container = container.map_or_else(String::new, |name| format!("&container={name}"));
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}/log?tailLines={LINES}&sinceSeconds={seconds}{container}",
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
    use cloud::Clock;
    use cloud::kubernetes::ClusterPlace;
    use cloud::stack::Entrance;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

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
    fn the_marked_container_is_read_else_the_first() {
        let pod = |marked: &str| {
            json!({
                "metadata": { "annotations": { DEFAULT_CONTAINER: marked } },
                "spec": { "containers": [{ "name": "proxy" }, { "name": "api" }] },
            })
        };
        let plain = json!({ "spec": { "containers": [{ "name": "api" }] } });
        for (pod, expected) in [
            (pod("api"), Some("api")),
            (pod("gone"), Some("proxy")),
            (plain, Some("api")),
            (json!({}), None),
        ] {
            assert_eq!(main_container(&pod).as_deref(), expected, "{pod}");
        }
    }

    /// An API server with one pod of two containers, which gives no log without a container's name.
    async fn server() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = vec![0; 4096];
                let length = stream.read(&mut asked).await.unwrap_or(0);
                let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
                let (status, text) = answer(asked.lines().next().unwrap_or_default());
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                    text.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        address
    }

    fn answer(asked: &str) -> (&'static str, &'static str) {
        let log = asked.contains("/pods/api-1/log?");
        match (log, asked.contains("container=api")) {
            (true, true) => ("200 OK", "running with the --read-only option\nok\n"),
            (true, false) => ("400 Bad Request", "a container name must be specified"),
            (false, _) if asked.contains("/pods/api-1 ") => (
                "200 OK",
                r#"{"spec":{"containers":[{"name":"api"},{"name":"proxy"}]}}"#,
            ),
            (false, _) => ("404 Not Found", ""),
        }
    }

    async fn session(address: std::net::SocketAddr) -> ClusterSession {
        let files = tempfile::tempdir().expect("a folder");
        let kubeconfig = files.path().join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {{server: \"http://{address}\"}}\n\
             contexts:\n- name: c\n  context: {{cluster: c, user: me}}\nusers:\n- name: me\n  user: {{token: t}}\n"
        );
        std::fs::write(&kubeconfig, text).expect("written");
        let place = ClusterPlace {
            kubeconfig: Some(kubeconfig),
            entrance: Entrance::Context("c".to_owned()),
            session: None,
            account: None,
            region: None,
            name: None,
            act_user: None,
            act_users: Default::default(),
            programs: Default::default(),
            certificates: Default::default(),
        };
        let opened = ClusterSession::open(&place, Clock::new()).await;
        opened.expect("a session")
    }

    #[tokio::test]
    async fn the_log_of_a_pod_with_a_sidecar_is_read() {
        let session = session(server().await).await;
        let hands = Hands::none().with_clusters(vec![session]);
        let pod = |name: &str| Pod {
            cluster: "c".to_owned(),
            region: None,
            namespace: "trading".to_owned(),
            name: name.to_owned(),
            workload: NodeId::new("deployment/api"),
        };
        let mut named = Containers::new();
        let pods = [pod("api-1"), pod("gone")];
        for _ in 0..2 {
            let told = read(&hands, &pods, &mut named, None, 5).await;
            let lines: Vec<_> = told.into_iter().map(|(_, lines)| lines).collect();
            assert_eq!(lines, [Some(1), None]);
            assert_eq!(named.get(&pods[0]).map(String::as_str), Some("api"));
        }
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
