//! What clients rely on: pages of one version, watches that replay to the list, refusals in the recorded words.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt as _;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, BodyStream};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::{Asked, Host, WireFault, serve};
use crate::clock::Millis;
use crate::world::cluster::tests::spec;
use crate::world::cluster::{Cluster, Load, WorkloadKey};

const BORN: Millis = Millis(1_795_300_000_000);
const PODS: &str = "/api/v1/namespaces/trading/pods";
const ORDERS: &str = "/apis/apps/v1/namespaces/trading/deployments/orders";

struct Bench {
    cluster: Mutex<Cluster>,
    steps: watch::Sender<u64>,
    fault: Mutex<Option<(&'static str, WireFault)>>,
}

impl Bench {
    fn new() -> Arc<Self> {
        let cluster = Mutex::new(Cluster::new(spec(1), BORN, 9));
        Arc::new(Self { cluster, steps: watch::channel(0).0, fault: Mutex::new(None) })
    }

    fn run(&self, seconds: i64) {
        {
            let mut cluster = self.cluster.lock().unwrap();
            let from = cluster.now();
            for second in 1..=seconds {
                cluster.step(from.plus_seconds(second), &|_, _| Load { cpu_percent_of_request: 66.0 });
            }
        }
        self.moved();
    }

    fn with<T>(&self, f: impl FnOnce(&mut Cluster) -> T) -> T {
        let answer = f(&mut self.cluster.lock().unwrap());
        self.moved();
        answer
    }

    async fn ask(self: &Arc<Self>, request: Request<Body>) -> (StatusCode, http::HeaderMap, Vec<u8>) {
        let response = serve(self.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    async fn get(self: &Arc<Self>, path: &str) -> (u16, Value) {
        let (status, _, body) = self.ask(Request::get(path).body(Body::empty()).unwrap()).await;
        (status.as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn send(self: &Arc<Self>, method: Method, path: &str, kind: &str, body: &Value) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let (status, _, body) = self.ask(request.body(Body::from(body.to_string())).unwrap()).await;
        (status.as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Opens a watch; the stream gives one event after the other.
    async fn watch(self: &Arc<Self>, path: &str) -> Events {
        let response = serve(self.clone()).oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        Events { body: BodyStream::new(response.into_body()), rest: Vec::new() }
    }
}

impl Host for Bench {
    fn cluster(&self, f: &mut dyn FnMut(&mut Cluster)) {
        f(&mut self.cluster.lock().unwrap());
    }
    fn now(&self) -> Millis {
        self.cluster.lock().unwrap().now()
    }
    fn changes(&self) -> watch::Receiver<u64> {
        self.steps.subscribe()
    }
    fn moved(&self) {
        self.steps.send_modify(|n| *n += 1);
    }
    fn fault(&self, asked: Asked<'_>) -> Option<WireFault> {
        self.fault.lock().unwrap().filter(|(verb, _)| *verb == asked.verb).map(|(_, fault)| fault)
    }
    fn latency(&self) -> Duration {
        Duration::ZERO
    }
    fn bookmark_every(&self) -> Duration {
        Duration::from_millis(50)
    }
    fn token(&self) -> &str {
        "known"
    }
}

struct Events {
    body: BodyStream<Body>,
    rest: Vec<u8>,
}

impl Events {
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = self.body.next().await?.unwrap();
            self.rest.extend_from_slice(frame.data_ref().unwrap());
        }
    }
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

fn names(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn pages_keep_the_version_of_the_first() {
    let bench = Bench::new();
    bench.run(2);
    let (_, whole) = bench.get("/api/v1/pods").await;
    let (mut path, mut pages, mut left) = ("/api/v1/pods?limit=4".to_owned(), Vec::new(), Vec::new());
    loop {
        let (status, page) = bench.get(&path).await;
        assert_eq!(status, 200);
        assert_eq!(page["metadata"]["resourceVersion"], whole["metadata"]["resourceVersion"]);
        pages.extend(page["items"].as_array().unwrap().clone());
        left.push(page["metadata"]["remainingItemCount"].as_u64());
        // The world goes on between two pages: pods come and go.
        bench.with(|c| c.release(&WorkloadKey::new("trading", "orders"), &format!("t{}", left.len()), c.now()));
        bench.run(20);
        let Some(more) = page["metadata"]["continue"].as_str() else { break };
        path = format!("/api/v1/pods?limit=4&continue={more}");
    }
    assert_eq!(Value::from(pages), whole["items"]);
    assert_eq!(left, [Some(11), Some(7), Some(3), None]);
}

#[tokio::test]
async fn a_page_whose_version_is_gone_says_how_to_go_on() {
    let bench = Bench::new();
    let (_, first) = bench.get(&format!("{PODS}?limit=5")).await;
    bench.with(|c| c.set_queue_depth(&WorkloadKey::new("trading", "settler"), 5000));
    bench.run(40);
    bench.with(Cluster::forget_history);
    let more = first["metadata"]["continue"].as_str().unwrap();
    let (status, gone) = bench.get(&format!("{PODS}?limit=50&continue={more}")).await;
    assert_eq!((status, &gone["reason"], &gone["code"]), (410, &json!("Expired"), &json!(410)));
    let more = gone["metadata"]["continue"].as_str().unwrap();
    let (status, rest) = bench.get(&format!("{PODS}?limit=500&continue={more}")).await;
    assert_eq!(status, 200);
    let (_, now) = bench.get(PODS).await;
    let last = names(&first).pop().unwrap();
    let expected: Vec<String> = names(&now).into_iter().filter(|n| *n > last).collect();
    assert_eq!(names(&rest), expected);
}

#[tokio::test]
async fn a_watch_from_a_list_replays_to_the_next_list() {
    let bench = Bench::new();
    bench.run(1);
    let (_, before) = bench.get(PODS).await;
    let version = before["metadata"]["resourceVersion"].as_str().unwrap();
    let mut seen: BTreeMap<String, Value> =
        before["items"].as_array().unwrap().iter().map(|p| (name(p), p.clone())).collect();
    let mut events = bench.watch(&format!("{PODS}?watch=1&resourceVersion={version}&allowWatchBookmarks=true")).await;
    bench.with(|c| c.release(&WorkloadKey::new("trading", "orders"), "next", c.now()));
    for _ in 0..6 {
        bench.run(20);
    }
    let (_, after) = bench.get(PODS).await;
    let end: u64 = after["items"].as_array().unwrap().iter().map(version_of).max().unwrap();
    loop {
        let event = events.next().await.unwrap();
        let mut object = event["object"].clone();
        let version = version_of(&object);
        assert_eq!((&object["kind"], &object["apiVersion"]), (&json!("Pod"), &json!("v1")));
        object.as_object_mut().unwrap().retain(|k, _| k != "kind" && k != "apiVersion");
        match event["type"].as_str().unwrap() {
            "ADDED" => assert!(seen.insert(name(&object), object).is_none()),
            "MODIFIED" => assert!(seen.insert(name(&object), object).is_some()),
            "DELETED" => assert!(seen.remove(&name(&object)).is_some()),
            other => panic!("{other}"),
        }
        if version >= end && seen.len() == after["items"].as_array().unwrap().len() {
            break;
        }
    }
    assert_eq!(Value::from(seen.into_values().collect::<Vec<_>>()), after["items"]);
}

fn version_of(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_watch_from_a_version_that_is_gone_ends_with_410() {
    let bench = Bench::new();
    let mut events = bench.watch(&format!("{PODS}?watch=1&resourceVersion=2")).await;
    let event = events.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(event["object"]["reason"], "Expired");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let bench = Bench::new();
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=&allowWatchBookmarks=true";
    let mut events = bench.watch(&format!("{PODS}?{query}")).await;
    for _ in 0..15 {
        assert_eq!(events.next().await.unwrap()["type"], "ADDED");
    }
    let end = events.next().await.unwrap();
    assert_eq!(end["type"], "BOOKMARK");
    assert_eq!(end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    let (status, refused) = bench.get(&format!("{PODS}?watch=1&sendInitialEvents=true")).await;
    assert_eq!((status, &refused["reason"]), (422, &json!("Invalid")));
}

#[tokio::test]
async fn an_object_that_no_longer_matches_is_deleted_from_the_watch() {
    let bench = Bench::new();
    let mut events = bench.watch(&format!("{PODS}?watch=1&fieldSelector=status.phase%3DPending")).await;
    bench.with(|c| c.release(&WorkloadKey::new("trading", "orders"), "next", c.now()));
    bench.run(30);
    let mut kinds = Vec::new();
    loop {
        let event = events.next().await.unwrap();
        let kind = event["type"].as_str().unwrap().to_owned();
        if kind == "DELETED" {
            assert_eq!(event["object"]["status"]["phase"], "Pending");
            break;
        }
        kinds.push(kind);
    }
    assert_eq!(kinds[0], "ADDED");
}

#[tokio::test]
async fn refusals_have_the_recorded_words() {
    let bench = Bench::new();
    let message = |v: &Value| v["message"].as_str().unwrap_or_default().to_owned();
    let merge = "application/merge-patch+json";
    let (status, v) = bench.get("/apis/apps/v1/namespaces/trading/deployments/nope").await;
    assert_eq!((status, message(&v)), (404, "deployments.apps \"nope\" not found".into()));
    let (status, v) = bench.get("/api/v1/pods?fieldSelector=spec.foo%3Dbar").await;
    assert_eq!((status, message(&v)), (400, "field label not supported: spec.foo".into()));
    let (status, v) = bench.get("/api/v1/pods?limit=2&continue=garbage").await;
    assert_eq!(status, 400);
    assert!(message(&v).starts_with("invalid continue token: continue key is not valid: "));
    let (status, v) = bench.send(Method::PATCH, "/api/v1/pods", merge, &json!({ "a": 1 })).await;
    assert_eq!((status, &v["reason"], &v["details"]), (405, &json!("MethodNotAllowed"), &json!({})));
    let (status, v) = bench.send(Method::PATCH, ORDERS, "text/plain", &json!("x")).await;
    assert_eq!((status, message(&v)), (415, "415: Unsupported Media Type".into()));
    let down = json!({ "spec": { "replicas": -1 } });
    let (status, v) = bench.send(Method::PATCH, &format!("{ORDERS}/scale"), merge, &down).await;
    let words = "Scale.autoscaling \"orders\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0";
    assert_eq!((status, message(&v)), (422, words.into()));
    assert_eq!(v["details"]["causes"][0]["field"], "spec.replicas");
    let (status, _, body) = bench.ask(Request::get("/apis/nobody.io/v1/things").body(Body::empty()).unwrap()).await;
    assert_eq!((status.as_u16(), body.as_slice()), (404, b"404 page not found\n".as_slice()));
    let (status, v) = bench.get("/api/v1/pods?resourceVersion=999999999999").await;
    assert_eq!((status, &v["reason"]), (504, &json!("Timeout")));
}

#[tokio::test]
async fn only_known_tokens_are_let_in() {
    let bench = Bench::new();
    for (token, expected) in [("Bearer known", 200), ("Bearer other", 401), ("Basic known", 401)] {
        let request = Request::get(PODS).header("authorization", token).body(Body::empty()).unwrap();
        let (status, headers, body) = bench.ask(request).await;
        assert_eq!(status.as_u16(), expected, "{token}");
        assert_eq!(headers["date"], BORN.http_date());
        if expected == 401 {
            let v: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((&v["message"], &v["reason"]), (&json!("Unauthorized"), &json!("Unauthorized")));
        }
    }
}

#[tokio::test]
async fn a_long_list_is_compressed_for_who_takes_it_and_says_the_same() {
    let bench = Arc::new(Bench {
        cluster: Mutex::new(Cluster::new(spec(8), BORN, 9)),
        steps: watch::channel(0).0,
        fault: Mutex::new(None),
    });
    let (_, headers, plain) = bench.ask(Request::get("/api/v1/pods").body(Body::empty()).unwrap()).await;
    assert!(headers.get("content-encoding").is_none());
    let request = Request::get("/api/v1/pods").header("accept-encoding", "br, gzip").body(Body::empty()).unwrap();
    let (_, headers, packed) = bench.ask(request).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(plain.len() > 128 * 1024 && packed.len() * 4 < plain.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == plain);
    serde_json::from_slice::<Value>(&plain).unwrap();
}

#[tokio::test]
async fn tables_have_a_cell_for_every_column() {
    let bench = Bench::new();
    bench.with(|c| c.release(&WorkloadKey::new("trading", "orders"), "next", c.now()));
    bench.run(10);
    for resource in crate::world::cluster::resource::Resource::ALL {
        let row = resource.row();
        let base = if row.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}/{}", row.group, row.version) };
        let request = Request::get(format!("{base}/{}", row.plural))
            .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
        let (status, _, body) = bench.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, 200, "{resource:?}");
        let table: Value = serde_json::from_slice(&body).unwrap();
        let columns = table["columnDefinitions"].as_array().unwrap().len();
        for line in table["rows"].as_array().unwrap() {
            assert_eq!(line["cells"].as_array().unwrap().len(), columns, "{resource:?}: {line}");
            assert_eq!(line["object"]["kind"], "PartialObjectMetadata");
        }
    }
}

#[tokio::test]
async fn both_forms_of_discovery_agree() {
    let bench = Bench::new();
    let (_, groups) = bench.get("/apis").await;
    let request = Request::get("/apis")
        .header("accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json");
    let (_, headers, body) = bench.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(headers["content-type"], "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    let whole: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(groups["groups"].as_array().unwrap().len(), whole["items"].as_array().unwrap().len());
    for item in whole["items"].as_array().unwrap() {
        let version = &item["versions"][0];
        let path = format!("/apis/{}/{}", name(item), version["version"].as_str().unwrap());
        let (status, list) = bench.get(&path).await;
        assert_eq!(status, 200, "{path}");
        let plain = |v: &&Value| !v["name"].as_str().unwrap().contains('/');
        let listed: Vec<&Value> = list["resources"].as_array().unwrap().iter().filter(plain).map(|v| &v["name"]).collect();
        let found: Vec<&Value> = version["resources"].as_array().unwrap().iter().map(|v| &v["resource"]).collect();
        assert_eq!(listed, found);
    }
}

#[tokio::test]
async fn a_scale_is_written_and_the_pods_follow() {
    let bench = Bench::new();
    let path = "/apis/apps/v1/namespaces/trading/statefulsets/ledger/scale";
    let merge = "application/merge-patch+json";
    let want = json!({ "spec": { "replicas": 5 } });
    let (status, dry) = bench.send(Method::PATCH, &format!("{path}?dryRun=All"), merge, &want).await;
    assert_eq!((status, &dry["spec"]["replicas"], &dry["status"]["replicas"]), (200, &json!(5), &json!(3)));
    assert_eq!(bench.with(|c| c.desired(&WorkloadKey::new("trading", "ledger"))), 3);
    let (status, scale) = bench.send(Method::PATCH, path, merge, &want).await;
    assert_eq!((status, &scale["kind"], &scale["spec"]["replicas"]), (200, &json!("Scale"), &json!(5)));
    bench.run(90);
    let (_, now) = bench.get(path).await;
    assert_eq!(now["status"]["replicas"], 5);
    let mut stale = now.clone();
    stale["metadata"]["resourceVersion"] = json!("1");
    let (status, v) = bench.send(Method::PUT, path, "application/json", &stale).await;
    assert_eq!((status, &v["reason"]), (409, &json!("Conflict")));
}

#[tokio::test]
async fn a_restart_is_a_new_revision_and_its_undo_finds_the_old_one() {
    let bench = Bench::new();
    let patch = json!({ "spec": { "template": { "metadata": { "annotations": { "kubectl.kubernetes.io/restartedAt": "now" } } } } });
    let (status, v) = bench.send(Method::PATCH, ORDERS, "application/strategic-merge-patch+json", &patch).await;
    assert_eq!((status, &v["metadata"]["annotations"]["deployment.kubernetes.io/revision"]), (200, &json!("43")));
    bench.run(120);
    let (_, sets) = bench.get("/apis/apps/v1/namespaces/trading/replicasets?labelSelector=app.kubernetes.io/name%3Dorders").await;
    let old = sets["items"].as_array().unwrap().iter().find(|s| s["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "42").unwrap();
    let mut template = old["spec"]["template"].clone();
    template["metadata"]["labels"].as_object_mut().unwrap().remove("pod-template-hash");
    template["metadata"]["creationTimestamp"] = Value::Null;
    let undo = json!([{ "op": "replace", "path": "/spec/template", "value": template }]);
    bench.send(Method::PATCH, ORDERS, "application/json-patch+json", &undo).await;
    bench.run(120);
    let (_, set) = bench.get(&format!("/apis/apps/v1/namespaces/trading/replicasets/{}", name(old))).await;
    assert_eq!(set["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "44");
    assert_eq!(set["status"]["readyReplicas"], 8);
}

#[tokio::test]
async fn evictions_stop_at_the_budget() {
    let bench = Bench::new();
    let (_, pods) = bench.get(&format!("{PODS}?labelSelector=app.kubernetes.io/name%3Dorders")).await;
    let mut answers = Vec::new();
    for pod in names(&pods) {
        let body = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": pod } });
        let (status, v) = bench.send(Method::POST, &format!("{PODS}/{pod}/eviction"), "application/json", &body).await;
        if status == 429 {
            let words = "The disruption budget orders needs 6 healthy pods and has 6 currently";
            assert_eq!(v["details"]["causes"][0]["message"], words);
        }
        answers.push(status);
    }
    assert_eq!(answers, [201, 201, 429, 429, 429, 429, 429, 429]);
}

#[tokio::test]
async fn a_lease_is_created_once() {
    let bench = Bench::new();
    let path = "/apis/coordination.k8s.io/v1/namespaces/trading/leases";
    let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "demo" },
                        "spec": { "holderIdentity": "a", "leaseDurationSeconds": 30 } });
    let (status, made) = bench.send(Method::POST, path, "application/json", &lease).await;
    assert_eq!((status, &made["metadata"]["namespace"], &made["spec"]), (201, &json!("trading"), &lease["spec"]));
    let (status, v) = bench.send(Method::POST, path, "application/json", &lease).await;
    assert_eq!((status, &v["reason"]), (409, &json!("AlreadyExists")));
}

#[tokio::test]
async fn faults_show_on_the_wire() {
    let bench = Bench::new();
    let set = |fault| *bench.fault.lock().unwrap() = fault;
    set(Some(("list", WireFault::Throttled(3))));
    let (status, headers, _) = bench.ask(Request::get(PODS).body(Body::empty()).unwrap()).await;
    assert_eq!((status.as_u16(), &headers["retry-after"]), (429, &http::HeaderValue::from(3)));
    set(Some(("patch", WireFault::Denied)));
    let merge = "application/merge-patch+json";
    let (status, v) = bench.send(Method::PATCH, &format!("{ORDERS}/scale"), merge, &json!({})).await;
    let words = "deployments.apps \"orders\" is forbidden: User \"operator\" cannot patch resource \"deployments/scale\" in API group \"apps\" in the namespace \"trading\"";
    assert_eq!((status, &v["message"]), (403, &json!(words)));
    let review = json!({ "spec": { "resourceAttributes": { "verb": "patch", "group": "apps", "resource": "deployments" } } });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let (status, v) = bench.send(Method::POST, path, "application/json", &review).await;
    assert_eq!((status, &v["status"]["allowed"]), (201, &json!(false)));
    set(None);
    let (_, v) = bench.send(Method::POST, path, "application/json", &review).await;
    assert_eq!(v["status"]["allowed"], true);
}

#[tokio::test]
async fn a_silent_server_answers_nothing_until_it_is_heard_again() {
    let bench = Bench::new();
    let mut events = bench.watch(&format!("{PODS}?watch=1&resourceVersion={}", bench.with(|c| c.store().version()))).await;
    *bench.fault.lock().unwrap() = Some(("watch", WireFault::Silent));
    bench.with(|c| c.release(&WorkloadKey::new("trading", "orders"), "next", c.now()));
    bench.run(10);
    assert!(tokio::time::timeout(Duration::from_millis(300), events.next()).await.is_err());
    *bench.fault.lock().unwrap() = None;
    assert_eq!(events.next().await.unwrap()["type"], "ADDED");
}

#[tokio::test]
async fn a_quiet_watch_is_kept_alive_by_bookmarks_and_ends_in_time() {
    let bench = Bench::new();
    let version = bench.with(|c| c.store().version());
    let query = format!("watch=1&resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=1");
    let mut events = bench.watch(&format!("{PODS}?{query}")).await;
    for _ in 0..4 {
        let event = events.next().await.unwrap();
        assert_eq!((event["type"].as_str(), version_of(&event["object"])), (Some("BOOKMARK"), version));
    }
    // More of them come, and then the end.
    while let Some(event) = events.next().await {
        assert_eq!(event["type"], "BOOKMARK");
    }
}
