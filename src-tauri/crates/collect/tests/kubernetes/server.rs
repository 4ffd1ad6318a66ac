//! An API server under the test's control, down to the bytes and the reset of a connection.

use cloud::Clock;
use cloud::kubernetes::{ClusterPlace, ClusterSession};
use cloud::stack::Entrance;
use collect::kubernetes::{Cluster, Limits, Watch, WatchBatch, Watched};
use futures::StreamExt as _;
use model::{AccountId, Fact, Found, FoundNode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A whole JSON answer.
    Json(Value),
    /// A status with a `Status` body.
    Status(u16, Value, Vec<(&'static str, &'static str)>),
    /// A status with a body that is no `Status`.
    Text(u16, &'static str),
    /// The head promises the whole text, but only so many bytes come before the connection is reset.
    CutAt(Value, usize),
    /// Bytes said to be gzip.
    Gzip(Vec<u8>),
    /// Nothing ever comes.
    Hang,
    /// The head comes, and the beginning of the text, and then nothing.
    Stall(&'static str),
    /// The connection is reset.
    Reset,
    /// A watch.
    Watch(Vec<Line>),
}

/// What happens on a watch.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// A line.
    Event(Value),
    /// Bytes as they are.
    Bytes(String),
    /// The answer ends properly.
    End,
    /// The connection is reset.
    Reset,
    /// Goes on when [`Server::go_on`] was called: a reset takes with it what was not read yet.
    Gate,
    /// From here on silence.
    Silence,
}

/// An event of a watch.
pub(crate) fn event(kind: &str, object: &Value) -> Line {
    Line::Event(json!({"type": kind, "object": object}))
}

/// A bookmark.
pub(crate) fn bookmark(version: &str) -> Line {
    event(
        "BOOKMARK",
        &json!({"kind": "Pod", "metadata": {"resourceVersion": version}}),
    )
}

/// How a watch of a [`Truth`] goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    End,
    Reset,
    HalfLine,
    Garbage,
    /// The version is gone.
    Gone,
    Silence,
    /// The watch is not even begun.
    Refused,
}

/// A server with a memory: lists are its state at a version, watches repeat what came after.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// Event type and object; the versions are 1, 2, 3 ….
    pub(crate) log: Vec<(&'static str, Value)>,
    /// The version the first list shows; later ones show the last.
    pub(crate) listed: usize,
    /// Per watch: after how many events what goes wrong.
    pub(crate) twists: VecDeque<(usize, Twist)>,
}

impl Truth {
    fn list(&mut self) -> Act {
        let version = std::mem::replace(&mut self.listed, self.log.len());
        let mut there = BTreeMap::new();
        for (kind, object) in &self.log[..version] {
            let name = object["metadata"]["name"].to_string();
            if *kind == "DELETED" {
                there.remove(&name);
            } else {
                there.insert(name, object.clone());
            }
        }
        let items: Vec<Value> = there.into_values().collect();
        Act::Json(list_of(&version.to_string(), &items))
    }

    fn watch(&mut self, version: usize) -> Act {
        let all = self
            .log
            .iter()
            .skip(version)
            .map(|(kind, object)| event(kind, object));
        let Some((after, twist)) = self.twists.pop_front() else {
            return Act::Watch(all.chain([Line::Silence]).collect());
        };
        let mut lines: Vec<Line> = all.take(after).collect();
        lines.extend(match twist {
            Twist::End => vec![Line::End],
            Twist::Reset => vec![Line::Reset],
            Twist::HalfLine => vec![
                Line::Bytes("{\"type\":\"ADDED\",\"obj".to_owned()),
                Line::End,
            ],
            Twist::Garbage => vec![
                Line::Bytes("{\"type\":\"ADDED\",\"object\":}}\n".to_owned()),
                Line::Silence,
            ],
            Twist::Gone => vec![
                event("ERROR", &json!({"code": 410, "reason": "Expired"})),
                Line::End,
            ],
            Twist::Silence => vec![Line::Silence],
            Twist::Refused => return Act::Text(503, "starting"),
        });
        Act::Watch(lines)
    }
}

#[derive(Default)]
struct Script {
    /// Answers where there is one, whatever the path.
    truth: Option<Truth>,
    /// Per path: answers to lists in turn, the last one for good.
    lists: HashMap<String, VecDeque<Act>>,
    /// Per path: watches in turn, then silence.
    watches: HashMap<String, VecDeque<Act>>,
    /// Every request's path and query.
    asked: Vec<String>,
    /// The head of the last request.
    head: String,
}

/// The server.
#[derive(Clone)]
pub(crate) struct Server {
    script: Arc<Mutex<Script>>,
    gate: Arc<Notify>,
    port: u16,
    /// How long a new connection takes to be ready.
    handshake: Duration,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::far(Duration::ZERO).await
    }

    /// A server whose connections take so long to be made.
    pub(crate) async fn far(handshake: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            script: Arc::default(),
            gate: Arc::default(),
            port: listener.local_addr().unwrap().port(),
            handshake,
        };
        let handle = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(handle.clone().serve(stream));
            }
        });
        server
    }

    /// The next answer to a list of `path` (with nothing after it: also every later one).
    pub(crate) fn list(&self, path: &str, act: Act) {
        self.script
            .lock()
            .unwrap()
            .lists
            .entry(path.to_owned())
            .or_default()
            .push_back(act);
    }

    /// From now on answers from this.
    pub(crate) fn tell(&self, truth: Truth) {
        self.script.lock().unwrap().truth = Some(truth);
    }

    /// The next watch of `path`.
    pub(crate) fn watch(&self, path: &str, act: Act) {
        self.script
            .lock()
            .unwrap()
            .watches
            .entry(path.to_owned())
            .or_default()
            .push_back(act);
    }

    /// Lets one waiting watch go on.
    pub(crate) fn go_on(&self) {
        self.gate.notify_one();
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.script.lock().unwrap().asked.clone()
    }

    /// The head of the last request.
    pub(crate) fn head(&self) -> String {
        self.script.lock().unwrap().head.clone()
    }

    /// A cluster that reads from this server.
    pub(crate) async fn cluster(&self, limits: Limits) -> Cluster {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(
            file,
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{}\"}}}}]\n\
             contexts: [{{name: prod, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n",
            self.port
        )
        .unwrap();
        let place = ClusterPlace {
            kubeconfig: Some(file.path().to_path_buf()),
            entrance: Entrance::Context("prod".to_owned()),
            session: None,
            account: Some(AccountId::new("111122223333")),
            region: Some("eu-west-1".into()),
            name: None,
            act_user: None,
            act_users: Default::default(),
            programs: Default::default(),
            certificates: Default::default(),
        };
        Cluster::with_limits(
            ClusterSession::open(&place, Clock::new()).await.unwrap(),
            limits,
        )
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut held = Vec::new();
        tokio::time::sleep(self.handshake).await;
        loop {
            let end = loop {
                if let Some(end) = held.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                    break end + 4;
                }
                let mut bytes = [0; 4096];
                match stream.read(&mut bytes).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => held.extend_from_slice(&bytes[..count]),
                }
            };
            let head = String::from_utf8(held.drain(..end).collect()).unwrap();
            let act = self.next(&head);
            if answer(&mut stream, act, &self.gate).await.is_none() {
                return;
            }
        }
    }

    fn next(&self, head: &str) -> Act {
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut script = self.script.lock().unwrap();
        script.asked.push(target.clone());
        script.head = head.to_owned();
        if let Some(truth) = &mut script.truth {
            let version = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("resourceVersion="));
            return match query.contains("watch=true") {
                true => truth.watch(version.unwrap().parse().unwrap()),
                false => truth.list(),
            };
        }
        if query.contains("watch=true") {
            let next = script.watches.get_mut(path).and_then(VecDeque::pop_front);
            return next.unwrap_or(Act::Watch(vec![Line::Silence]));
        }
        match script.lists.get_mut(path) {
            None => Act::Text(404, "404 page not found\n"),
            Some(acts) if acts.len() > 1 => acts.pop_front().unwrap(),
            Some(acts) => acts.front().cloned().unwrap_or(Act::Hang),
        }
    }
}

/// Answers; `None` when the connection is over.
async fn answer(stream: &mut TcpStream, act: Act, gate: &Notify) -> Option<()> {
    match act {
        Act::Json(body) => whole(stream, 200, &[], &body.to_string()).await,
        Act::Status(code, body, headers) => whole(stream, code, &headers, &body.to_string()).await,
        Act::Text(code, body) => whole(stream, code, &[], body).await,
        Act::CutAt(body, at) => {
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}",
                body.len(),
                &body[..at]
            );
            stream.write_all(head.as_bytes()).await.ok()?;
            reset(stream)
        }
        Act::Gzip(body) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()
        }
        Act::Hang => std::future::pending().await,
        Act::Stall(text) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{text}");
            stream.write_all(head.as_bytes()).await.ok()?;
            std::future::pending().await
        }
        Act::Reset => reset(stream),
        Act::Watch(lines) => watched(stream, lines, gate).await,
    }
}

async fn whole(
    stream: &mut TcpStream,
    code: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<()> {
    let mut head = format!(
        "HTTP/1.1 {code} X\r\ncontent-length: {}\r\ncontent-type: application/json\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .await
        .ok()
}

async fn watched(stream: &mut TcpStream, lines: Vec<Line>, gate: &Notify) -> Option<()> {
    let head =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    for line in lines {
        let text = match line {
            Line::Event(event) => format!("{event}\n"),
            Line::Bytes(text) => text,
            Line::Gate => {
                gate.notified().await;
                continue;
            }
            Line::End => return stream.write_all(b"0\r\n\r\n").await.ok(),
            Line::Reset => return reset(stream),
            Line::Silence => std::future::pending().await,
        };
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        stream.write_all(chunk.as_bytes()).await.ok()?;
    }
    std::future::pending().await
}

/// Closes with a reset, not with an orderly end.
fn reset(stream: &mut TcpStream) -> Option<()> {
    #[allow(deprecated)]
    stream.set_linger(Some(Duration::ZERO)).unwrap();
    None
}

/// A recorded answer's body.
pub(crate) fn recorded(name: &str) -> Value {
    let path = format!("{}/tests/answers/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let answer: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    answer["body"].clone()
}

/// A list of items.
pub(crate) fn list_of(version: &str, items: &[Value]) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items})
}

/// A small pod.
pub(crate) fn pod(name: &str, version: &str, restarts: i64) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "trading", "resourceVersion": version},
        "spec": {"nodeName": "node-1"},
        "status": {"phase": "Running", "containerStatuses": [{"name": "c", "restartCount": restarts}]},
    })
}

/// The next batch; ten seconds is for ever.
pub(crate) async fn next(watch: &mut Watch) -> WatchBatch {
    let batch = tokio::time::timeout(Duration::from_secs(10), watch.next()).await;
    batch.expect("a batch in time").expect("the watch goes on")
}

/// The next batch but `Began`.
pub(crate) async fn told(watch: &mut Watch) -> WatchBatch {
    loop {
        match next(watch).await {
            WatchBatch::Began => {}
            batch => return batch,
        }
    }
}

/// The nodes of a full list.
pub(crate) fn nodes(batch: WatchBatch) -> Vec<FoundNode> {
    let found = match batch {
        WatchBatch::Replaced { found, .. } => found,
        WatchBatch::Changed { upserts, .. } => upserts,
        other => panic!("no nodes in {other:?}"),
    };
    let node = |found| match found {
        Found::Node(node) => Some(*node),
        Found::Readings(_) | Found::Change(_) => None,
    };
    found.into_iter().filter_map(node).collect()
}

/// Names and restarts of pods, sorted.
pub(crate) fn restarts(nodes: &[FoundNode]) -> Vec<(String, i64)> {
    let mut pods: Vec<(String, i64)> = nodes
        .iter()
        .map(|node| {
            (
                node.name.clone(),
                node.facts.count(Fact::Restarts).unwrap_or(-1),
            )
        })
        .collect();
    pods.sort();
    pods
}

/// One recorded answer, read as a list or as the one object of a list.
pub(crate) async fn read(what: Watched, path: &str, name: &str) -> Vec<FoundNode> {
    let server = Server::start().await;
    let body = recorded(name);
    let list = if body.get("items").is_some() {
        body
    } else {
        list_of("1", &[body])
    };
    server.list(path, Act::Json(list));
    let cluster = server.cluster(Limits::default()).await;
    nodes(told(&mut cluster.watch(what)).await)
}
