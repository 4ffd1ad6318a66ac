//! LIST: whole or in pages, each page of the version the first one had.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::accept::{Include, Shape};
use super::body::joined;
use super::failure::Failure;
use super::query::Query;
use super::selector::Selector;
use super::table;
use crate::clock::Millis;
use crate::world::cluster::resource::Resource;
use crate::world::cluster::store::{Store, Stored};

/// What a list or watch is about.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// Resource.
    pub resource: Resource,
    /// Namespace, or all.
    pub namespace: Option<String>,
    /// What it is narrowed to.
    pub selector: Selector,
}

/// A continue token: as the real one, the version and the key to start from.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    v: String,
    rv: i64,
    start: String,
}

impl Token {
    fn write(rv: i64, start: String) -> String {
        let token = Self {
            v: "meta.k8s.io/v1".into(),
            rv,
            start,
        };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
    }

    fn read(text: &str) -> Result<Self, Failure> {
        let wrong = |what: String| {
            Failure::bad_request(format!(
                "invalid continue token: continue key is not valid: {what}"
            ))
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|e| wrong(e.to_string()))?;
        let token: Self = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
        if token.v != "meta.k8s.io/v1" || token.start.is_empty() {
            return Err(wrong(format!(
                "server does not recognize this encoded version \"{}\"",
                token.v
            )));
        }
        Ok(token)
    }
}

/// A page of a list, taken under the lock and sent without it.
#[derive(Debug)]
pub(super) struct Page {
    objects: Vec<Arc<Stored>>,
    version: u64,
    more: Option<String>,
    remaining: Option<usize>,
}

/// Takes the page a query asks for.
///
/// # Errors
/// 400, 410 and 504, as documented for list options.
pub(super) fn page(store: &Store, scope: &Scope, query: &Query) -> Result<Page, Failure> {
    let limit = query
        .number("limit")?
        .map(|n| usize::try_from(n).unwrap_or(usize::MAX))
        .filter(|n| *n > 0);
    let asked = query.version()?;
    let exact = query.get("resourceVersionMatch") == Some("Exact");
    if let Some(token) = query.get("continue") {
        if asked.is_some_and(|v| v != 0) {
            return Err(Failure::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        return continued(store, scope, limit, &Token::read(token)?);
    }
    let current = store.version();
    if let Some(version) = asked.filter(|v| *v > current) {
        return Err(Failure::too_large(version, current));
    }
    if let Some(version) = asked.filter(|_| exact) {
        let all = store.range_at(scope.resource, scope.namespace.as_deref(), None, version);
        return Ok(cut(
            scope,
            all.map_err(Failure::expired)?.into_iter(),
            limit,
            version,
        ));
    }
    // A list at version 0 is answered from the cache, whole.
    let limit = limit.filter(|_| asked != Some(0));
    let all = store
        .range(scope.resource, scope.namespace.as_deref(), None)
        .cloned();
    Ok(cut(scope, all, limit, current))
}

fn continued(
    store: &Store,
    scope: &Scope,
    limit: Option<usize>,
    token: &Token,
) -> Result<Page, Failure> {
    let start = match &scope.namespace {
        Some(namespace) => format!("{namespace}/{}", token.start),
        None => token.start.trim_start_matches('/').to_owned(),
    };
    let namespace = scope.namespace.as_deref();
    let Ok(version) = u64::try_from(token.rv) else {
        let rest = store
            .range(scope.resource, namespace, Some(&start))
            .cloned();
        return Ok(cut(scope, rest, limit, store.version()));
    };
    match store.range_at(scope.resource, namespace, Some(&start), version) {
        Ok(rest) => Ok(cut(scope, rest.into_iter(), limit, version)),
        Err(_) => Err(Failure::expired_list(Token::write(-1, token.start.clone()))),
    }
}

/// The first `limit` objects that match, and how it goes on.
fn cut(
    scope: &Scope,
    all: impl Iterator<Item = Arc<Stored>>,
    limit: Option<usize>,
    version: u64,
) -> Page {
    let mut matching = all.filter(|o| scope.selector.matches(o));
    let limit = limit.unwrap_or(usize::MAX);
    let objects: Vec<Arc<Stored>> = matching.by_ref().take(limit).collect();
    let rest = matching.count();
    let mut page = Page {
        objects,
        version,
        more: None,
        remaining: None,
    };
    if rest > 0 {
        let last = page.objects.last().map(|o| match scope.namespace {
            Some(_) => format!("{}\0", o.name),
            None => format!("/{}\0", o.key()),
        });
        page.more =
            last.map(|start| Token::write(i64::try_from(version).unwrap_or(i64::MAX), start));
        page.remaining = scope.selector.is_empty().then_some(rest);
    }
    page
}

impl Page {
    /// The answer.
    pub(super) fn response(
        self,
        resource: Resource,
        shape: Shape,
        gzip: bool,
        now: Millis,
    ) -> Response {
        let mut metadata = json!({ "resourceVersion": self.version.to_string() });
        if let Some(more) = &self.more {
            metadata["continue"] = json!(more);
        }
        if let Some(n) = self.remaining {
            metadata["remainingItemCount"] = json!(n);
        }
        let row = resource.row();
        let whole: usize = self.objects.iter().map(|o| o.body.len() + 1).sum();
        let count = self.objects.len();
        let objects = self.objects;
        match shape {
            Shape::Object => {
                let head = format!(
                    "{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{metadata},\"items\":[",
                    row.kind,
                    resource.api_version()
                );
                joined(head, "]}", count, whole, gzip, move |n, out| {
                    out.extend_from_slice(&objects[n].body)
                })
            }
            Shape::Metadata => {
                let head = format!(
                    "{{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{metadata},\"items\":["
                );
                joined(head, "]}", count, whole / 4, gzip, move |n, out| {
                    partial(&objects[n], out)
                })
            }
            Shape::Table(include) => {
                let head = format!(
                    "{{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{metadata},\"columnDefinitions\":{},\"rows\":[",
                    table::definitions(resource)
                );
                let size = if include == Include::None {
                    count * 190
                } else {
                    count * 1200
                };
                joined(head, "]}", count, size, gzip, move |n, out| {
                    out.extend_from_slice(
                        table::row(resource, &objects[n], include, now).as_bytes(),
                    );
                })
            }
        }
    }
}

/// The metadata of an object as an object of its own.
pub(super) fn partial(object: &Stored, out: &mut Vec<u8>) {
    out.extend_from_slice(
        b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":",
    );
    out.extend_from_slice(&object.metadata());
    out.push(b'}');
}

/// An object alone, in a shape.
#[must_use]
pub(super) fn single(resource: Resource, object: &Stored, shape: Shape, now: Millis) -> Vec<u8> {
    let mut out = Vec::with_capacity(object.body.len() + 64);
    match shape {
        Shape::Object => whole(resource, object, &mut out),
        Shape::Metadata => partial(object, &mut out),
        Shape::Table(include) => {
            let head = format!(
                "{{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{{\"resourceVersion\":\"{}\"}},\"columnDefinitions\":{},\"rows\":[{}]}}",
                object.version,
                table::definitions(resource),
                table::row(resource, object, include, now)
            );
            out.extend_from_slice(head.as_bytes());
        }
    }
    out
}

/// An object with its kind and version of the API.
pub(super) fn whole(resource: Resource, object: &Stored, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"kind\":\"");
    out.extend_from_slice(resource.row().kind.as_bytes());
    out.extend_from_slice(b"\",\"apiVersion\":\"");
    out.extend_from_slice(resource.api_version().as_bytes());
    out.extend_from_slice(b"\",");
    out.extend_from_slice(&object.body[1..]);
}
