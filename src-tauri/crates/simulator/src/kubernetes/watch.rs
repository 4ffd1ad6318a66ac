//! WATCH: the log of changes as a stream, from any version that is still kept.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::accept::Shape;
use super::failure::{Failure, json_response};
use super::host::{Asked, Host, WireFault};
use super::list::{Scope, partial, whole};
use super::query::Query;
use super::table;
use crate::clock::Millis;
use crate::world::cluster::store::{Change, Happened, Store, Stored};

/// A watch without a timeout ends after this and up to as much again (`--min-request-timeout`).
const LASTS_AT_LEAST: u64 = 1800;

/// Opens a watch.
///
/// # Errors
/// 400 and 422, as documented for watch options; a version that is gone is an event of the stream.
pub(super) fn open(
    host: Arc<dyn Host>,
    scope: Scope,
    shape: Shape,
    query: &Query,
) -> Result<Response, Failure> {
    let initial = query
        .get("sendInitialEvents")
        .map(|_| query.flag("sendInitialEvents"));
    if initial.is_some() && query.get("resourceVersionMatch") != Some("NotOlderThan") {
        let problem =
            "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return Err(Failure::invalid(
            "ListOptions.meta.k8s.io",
            "",
            "resourceVersionMatch",
            problem,
        ));
    }
    let version = query.version()?.filter(|v| *v != 0);
    let start = match (initial, version) {
        (Some(true), _) => Start::Initial,
        (Some(false), None) => Start::Now,
        (None, None) => Start::Existing,
        (_, Some(version)) => Start::From(version),
    };
    let now = Instant::now();
    let lasts = query.number("timeoutSeconds")?.filter(|s| *s > 0);
    let lasts = lasts.unwrap_or(LASTS_AT_LEAST + host.now().0.unsigned_abs() % LASTS_AT_LEAST);
    let mut watcher = Watcher {
        changes: host.changes(),
        scope,
        shape,
        start: Some(start),
        version: 0,
        ends: now + Duration::from_secs(lasts.min(86_400)),
        bookmarks: query.flag("allowWatchBookmarks"),
        bookmark_at: now + host.bookmark_every(),
        described: false,
        over: false,
        waiting: Vec::new(),
        host,
    };
    // The watch begins with the request, not when its first bytes are asked for.
    watcher.waiting = watcher.news();
    let stream = futures::stream::unfold(watcher, |mut watcher| async move {
        let chunk = watcher.next().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), watcher))
    });
    Ok(json_response(StatusCode::OK, Body::from_stream(stream)))
}

enum Start {
    /// What exists, a bookmark that says it was all, then what happens.
    Initial,
    /// What exists, then what happens.
    Existing,
    /// What happens.
    Now,
    /// What happened since a version.
    From(u64),
}

struct Watcher {
    host: Arc<dyn Host>,
    changes: watch::Receiver<u64>,
    scope: Scope,
    shape: Shape,
    start: Option<Start>,
    version: u64,
    ends: Instant,
    bookmarks: bool,
    bookmark_at: Instant,
    /// Whether the columns of a table have been sent.
    described: bool,
    over: bool,
    /// To be sent before anything else.
    waiting: Vec<u8>,
}

impl Watcher {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.silenced() && !self.over {
                self.wait_until_heard().await;
                continue;
            }
            let mut news = std::mem::take(&mut self.waiting);
            if !self.over {
                self.changes.borrow_and_update();
                news.extend(self.news());
            }
            if !news.is_empty() {
                return Some(news.into());
            }
            if self.over {
                return None;
            }
            let until = if self.bookmarks {
                self.ends.min(self.bookmark_at)
            } else {
                self.ends
            };
            tokio::select! {
                moved = self.changes.changed() => {
                    if moved.is_err() {
                        return None;
                    }
                }
                () = tokio::time::sleep_until(until) => {
                    if Instant::now() >= self.ends {
                        return None;
                    }
                    self.bookmark_at = Instant::now() + self.host.bookmark_every();
                    return Some(self.bookmark(false).into());
                }
            }
        }
    }

    fn silenced(&self) -> bool {
        let asked = Asked {
            verb: "watch",
            resource: self.scope.resource.row().plural,
            sub: "",
        };
        self.host.fault(asked) == Some(WireFault::Silent)
    }

    /// While silenced nothing is sent, not even the end.
    async fn wait_until_heard(&mut self) {
        const LOOK_AGAIN: Duration = Duration::from_millis(200);
        let look = tokio::time::sleep(LOOK_AGAIN);
        tokio::select! {
            moved = self.changes.changed() => {
                if moved.is_err() {
                    self.over = true;
                }
            }
            () = look => {}
        }
    }

    /// What there is to send now.
    fn news(&mut self) -> Vec<u8> {
        let host = self.host.clone();
        let mut out = Vec::new();
        let now = host.now();
        host.cluster(&mut |cluster| {
            let store = cluster.store();
            match self.start.take() {
                Some(Start::Initial) => {
                    self.existing(store, now, &mut out);
                    out.extend(self.bookmark(true));
                }
                Some(Start::Existing) => self.existing(store, now, &mut out),
                Some(Start::Now) => self.version = store.version(),
                Some(Start::From(version)) => self.version = version,
                None => {}
            }
            self.happened(store, now, &mut out);
        });
        out
    }

    fn existing(&mut self, store: &Store, now: Millis, out: &mut Vec<u8>) {
        self.version = store.version();
        let scope = self.scope.clone();
        for object in store.range(scope.resource, scope.namespace.as_deref(), None) {
            if scope.selector.matches(object) {
                self.event("ADDED", object, now, out);
            }
        }
    }

    fn happened(&mut self, store: &Store, now: Millis, out: &mut Vec<u8>) {
        let changes = match store.since(self.scope.resource, self.version) {
            Ok(changes) => changes,
            Err(mut too_old) => {
                too_old.kept = store.version();
                let status = Failure::expired(too_old).value();
                out.extend(
                    format!("{}\n", json!({ "type": "ERROR", "object": status })).into_bytes(),
                );
                self.over = true;
                return;
            }
        };
        for change in changes {
            self.change(change, now, out);
        }
        // A version of the future stays: nothing is sent until it is passed.
        self.version = self.version.max(store.version());
    }

    fn change(&mut self, change: &Change, now: Millis, out: &mut Vec<u8>) {
        if self
            .scope
            .namespace
            .as_ref()
            .is_some_and(|n| *n != change.object.namespace)
        {
            return;
        }
        let selector = &self.scope.selector;
        let was = change.before.as_ref().is_some_and(|b| selector.matches(b));
        let is = change.happened != Happened::Deleted && selector.matches(&change.object);
        match (was, is, &change.before) {
            (false, true, _) => self.event("ADDED", &change.object, now, out),
            (true, true, _) => self.event("MODIFIED", &change.object, now, out),
            (true, false, _) if change.happened == Happened::Deleted => {
                self.event("DELETED", &change.object, now, out)
            }
            (true, false, Some(before)) => {
                self.event("DELETED", &before.at(change.version), now, out)
            }
            (true, false, None) | (false, false, _) => {}
        }
    }

    fn event(&mut self, kind: &str, object: &Stored, now: Millis, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"object\":");
        match self.shape {
            Shape::Object => whole(self.scope.resource, object, out),
            Shape::Metadata => partial(object, out),
            Shape::Table(include) => {
                let row = table::row(self.scope.resource, object, include, now);
                self.table(object.version, &row, out);
            }
        }
        out.extend_from_slice(b"}\n");
    }

    /// A table of one row; only the first carries the columns.
    fn table(&mut self, version: u64, row: &str, out: &mut Vec<u8>) {
        let columns = if self.described {
            Value::Null
        } else {
            table::definitions(self.scope.resource)
        };
        self.described = true;
        let text = format!(
            "{{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{{\"resourceVersion\":\"{version}\"}},\"columnDefinitions\":{columns},\"rows\":[{row}]}}"
        );
        out.extend_from_slice(text.as_bytes());
    }

    fn bookmark(&mut self, end_of_initial: bool) -> Vec<u8> {
        let resource = self.scope.resource;
        let mut metadata = json!({ "resourceVersion": self.version.to_string() });
        if end_of_initial {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = match self.shape {
            Shape::Object => {
                let mut object = json!({ "kind": resource.row().kind, "apiVersion": resource.api_version(), "metadata": metadata });
                if resource == crate::world::cluster::resource::Resource::Pods {
                    object["spec"] = json!({ "containers": null });
                    object["status"] = json!({});
                }
                object
            }
            Shape::Metadata | Shape::Table(_) => {
                json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
            }
        };
        format!("{}\n", json!({ "type": "BOOKMARK", "object": object })).into_bytes()
    }
}
