//! What clients rely on: pages of one version, watches that replay to the list, refusals in the recorded words.

mod reads;
mod watches;
mod writes;

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
    told: Mutex<Vec<String>>,
}

impl Bench {
    fn new() -> Arc<Self> {
        let cluster = Mutex::new(Cluster::new(spec(1), BORN, 9));
        Arc::new(Self {
            cluster,
            steps: watch::channel(0).0,
            fault: Mutex::new(None),
            told: Mutex::default(),
        })
    }

    fn run(&self, seconds: i64) {
        {
            let mut cluster = self.cluster.lock().unwrap();
            let from = cluster.now();
            for second in 1..=seconds {
                cluster.step(from.plus_seconds(second), &|_, _| Load {
                    cpu_percent_of_request: 66.0,
                });
            }
        }
        self.moved();
    }

    fn with<T>(&self, f: impl FnOnce(&mut Cluster) -> T) -> T {
        let answer = f(&mut self.cluster.lock().unwrap());
        self.moved();
        answer
    }

    async fn ask(
        self: &Arc<Self>,
        request: Request<Body>,
    ) -> (StatusCode, http::HeaderMap, Vec<u8>) {
        let response = serve(self.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (
            parts.status,
            parts.headers,
            body.collect().await.unwrap().to_bytes().to_vec(),
        )
    }

    async fn get(self: &Arc<Self>, path: &str) -> (u16, Value) {
        let (status, _, body) = self
            .ask(Request::get(path).body(Body::empty()).unwrap())
            .await;
        (
            status.as_u16(),
            serde_json::from_slice(&body).unwrap_or(Value::Null),
        )
    }

    async fn send(
        self: &Arc<Self>,
        method: Method,
        path: &str,
        kind: &str,
        body: &Value,
    ) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind);
        let (status, _, body) = self
            .ask(request.body(Body::from(body.to_string())).unwrap())
            .await;
        (
            status.as_u16(),
            serde_json::from_slice(&body).unwrap_or(Value::Null),
        )
    }

    /// Opens a watch; the stream gives one event after the other.
    async fn watch(self: &Arc<Self>, path: &str) -> Events {
        let response = serve(self.clone())
            .oneshot(Request::get(path).body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        Events {
            body: BodyStream::new(response.into_body()),
            rest: Vec::new(),
        }
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
        self.fault
            .lock()
            .unwrap()
            .filter(|(verb, _)| *verb == asked.verb)
            .map(|(_, fault)| fault)
    }
    fn noted(&self, group: &str, asked: Asked<'_>, user: &str) {
        let told = format!("{user} {} {group}/{}", asked.verb, asked.resource);
        self.told.lock().unwrap().push(told);
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
    fn secret(&self, _: &str, _: Option<&str>) -> Option<String> {
        None
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
