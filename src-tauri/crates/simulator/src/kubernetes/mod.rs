//! The Kubernetes API of each cluster over loopback.
//!
//! Shapes and words are those a real API server was recorded answering; what a client can ask of it is in
//! [`path::Target`]. Every answer carries world time in its `Date`.

mod accept;
mod body;
mod columns;
mod discovery;
mod door;
mod failure;
mod host;
mod list;
mod logs;
mod metrics;
mod patch;
mod path;
mod protobuf;
mod query;
mod selector;
mod table;
mod token;
mod watch;
mod writes;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use serde_json::{Value, json};

pub use door::Door;
pub use host::{Asked, Host, WireFault};

use accept::Shape;
use failure::{Failure, json_response, no_such_path};
use list::Scope;
use path::{Item, Target};
use query::Query;
use selector::Selector;

/// Longest request body that is read, as the real server has it (3 MiB).
const BODY_LIMIT: usize = 3 * 1024 * 1024;
/// Whose a request is to be, where it is not of who signed in.
const IMPERSONATE: header::HeaderName = header::HeaderName::from_static("impersonate-user");
/// The user every known token belongs to.
const USER: &str = "operator";

/// The API server of one cluster.
pub fn serve(host: Arc<dyn Host>) -> Router {
    Router::new().fallback(handle).with_state(host)
}

/// A request, read.
struct Call {
    method: Method,
    target: Target,
    query: Query,
    headers: HeaderMap,
    body: Bytes,
}

async fn handle(State(host): State<Arc<dyn Host>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let target = path::target(parts.uri.path());
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let asked_path = parts.uri.path().to_owned();
    let mut response = match axum::body::to_bytes(body, BODY_LIMIT).await {
        Ok(body) => {
            let call = Call {
                method: parts.method,
                target,
                query,
                headers: parts.headers,
                body,
            };
            answer(&host, &call, &asked_path).await
        }
        Err(_) => {
            Failure::bad_request("the request body is too large or was cut off").into_response()
        }
    };
    stamp(&mut response, host.as_ref());
    response
}

/// World time and the headers every answer of the real server has.
fn stamp(response: &mut Response, host: &dyn Host) {
    let headers = response.headers_mut();
    if let Ok(date) = HeaderValue::from_str(&host.now().http_date()) {
        headers.insert(header::DATE, date);
    }
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
}

async fn answer(host: &Arc<dyn Host>, call: &Call, path: &str) -> Response {
    let open = matches!(call.target, Target::Version | Target::Health);
    if !open && !known(&call.headers, host.as_ref()) {
        return Failure::unauthorized().into_response();
    }
    let user = match user(host.as_ref(), call) {
        Ok(user) => user,
        Err(refused) => return refused.into_response(),
    };
    if let Some(group) = group(&call.target) {
        host.noted(group, asked(call, path), user);
    }
    match host.fault(asked(call, path)) {
        Some(WireFault::Slow(more)) => tokio::time::sleep(more).await,
        Some(WireFault::Throttled(seconds)) => return Failure::throttled(seconds).into_response(),
        Some(WireFault::Denied) => return denied(call).into_response(),
        Some(WireFault::Silent) => silence(host, call, path).await,
        None => {}
    }
    if host.latency() > Duration::ZERO {
        tokio::time::sleep(host.latency()).await;
    }
    dispatch(host, call).unwrap_or_else(IntoResponse::into_response)
}

/// Holds an answer back for as long as the fault lasts.
async fn silence(host: &Arc<dyn Host>, call: &Call, path: &str) {
    const LOOK_AGAIN: Duration = Duration::from_millis(200);
    while host.fault(asked(call, path)) == Some(WireFault::Silent) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// A token that nobody issued is refused. Who brings none is let in: kubectl never sends its token over plain HTTP
/// (client-go's `clientcmd` reads credentials only for a server with TLS), and this server is on loopback only.
fn known(headers: &HeaderMap, host: &dyn Host) -> bool {
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return true;
    };
    let given = given.to_str().ok().and_then(|v| v.strip_prefix("Bearer "));
    let Some(given) = given.map(str::trim) else {
        return false;
    };
    let mut cluster = String::new();
    host.cluster(&mut |c| cluster.clone_from(&c.spec().name));
    given == host.token()
        || token::is_of(given, &cluster, host.now(), &|key, session| {
            host.secret(key, session)
        })
}

/// Whose a request is: the user it says it is of, if who signed in may say so
/// (<https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/>). Here everybody may but for a fault.
fn user<'a>(host: &dyn Host, call: &'a Call) -> Result<&'a str, Failure> {
    let Some(other) = header(call, IMPERSONATE) else {
        return Ok(USER);
    };
    let asked = Asked {
        verb: "impersonate",
        resource: "users",
        sub: "",
    };
    match host.fault(asked) {
        Some(WireFault::Denied) => Err(Failure::not_impersonated(USER, other)),
        _ => Ok(other),
    }
}

/// The API group of what is asked for; `None`: no resource.
fn group(target: &Target) -> Option<&'static str> {
    match target {
        Target::Collection(resource, _) | Target::Metrics(resource, _, _) => {
            Some(resource.row().group)
        }
        Target::Item(item) => Some(item.resource.row().group),
        Target::Version
        | Target::Health
        | Target::Core
        | Target::Groups
        | Target::Group(_)
        | Target::Resources(_, _)
        | Target::Review
        | Target::OpenApi
        | Target::Nowhere => None,
    }
}

fn verb(call: &Call) -> &'static str {
    let single = matches!(call.target, Target::Item(_));
    match call.method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if single => "delete",
        Method::DELETE => "deletecollection",
        _ if call.query.flag("watch") => "watch",
        _ if single => "get",
        _ => "list",
    }
}

fn asked<'a>(call: &'a Call, path: &'a str) -> Asked<'a> {
    let resource = match &call.target {
        Target::Collection(resource, _) | Target::Metrics(resource, _, _) => resource.row().plural,
        Target::Item(item) => item.resource.row().plural,
        Target::Review => "selfsubjectaccessreviews",
        Target::Version
        | Target::Health
        | Target::Core
        | Target::Groups
        | Target::Group(_)
        | Target::Resources(_, _)
        | Target::OpenApi
        | Target::Nowhere => path,
    };
    let sub = match &call.target {
        Target::Item(item) => item.sub.as_str(),
        Target::Collection(..)
        | Target::Metrics(..)
        | Target::Review
        | Target::Version
        | Target::Health
        | Target::Core
        | Target::Groups
        | Target::Group(_)
        | Target::Resources(_, _)
        | Target::OpenApi
        | Target::Nowhere => "",
    };
    Asked {
        verb: verb(call),
        resource,
        sub,
    }
}

fn denied(call: &Call) -> Failure {
    match &call.target {
        Target::Collection(resource, namespace) => Failure::forbidden(
            USER,
            verb(call),
            *resource,
            "",
            namespace.as_deref().unwrap_or(""),
            "",
        ),
        Target::Item(i) => {
            Failure::forbidden(USER, verb(call), i.resource, &i.sub, &i.namespace, &i.name)
        }
        Target::Metrics(resource, namespace, _) => Failure::forbidden(
            USER,
            verb(call),
            *resource,
            "",
            namespace.as_deref().unwrap_or(""),
            "",
        ),
        Target::Version
        | Target::Health
        | Target::Core
        | Target::Groups
        | Target::Group(_)
        | Target::Resources(_, _)
        | Target::Review
        | Target::OpenApi
        | Target::Nowhere => Failure::forbidden_path(USER, verb(call)),
    }
}

fn header(call: &Call, name: header::HeaderName) -> Option<&str> {
    call.headers.get(name).and_then(|v| v.to_str().ok())
}

fn dispatch(host: &Arc<dyn Host>, call: &Call) -> Result<Response, Failure> {
    let reading = call.method == Method::GET || call.method == Method::HEAD;
    let only_read = |value: Option<Value>| match value {
        _ if !reading => Err(Failure::method_not_allowed()),
        Some(value) => Ok(json_response(StatusCode::OK, value.to_string())),
        None => Ok(no_such_path()),
    };
    let aggregated = accept::wants_aggregated(header(call, header::ACCEPT));
    match &call.target {
        Target::Version => only_read(Some(version(host.as_ref()))),
        Target::Health => {
            Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "ok").into_response())
        }
        Target::OpenApi => only_read(Some(json!({ "paths": {} }))),
        Target::Core if aggregated => Ok(discovered(true)),
        Target::Groups if aggregated => Ok(discovered(false)),
        Target::Core => only_read(Some(discovery::core(
            header(call, header::HOST).unwrap_or("127.0.0.1"),
        ))),
        Target::Groups => only_read(Some(discovery::group_list())),
        Target::Group(name) => only_read(discovery::one_group(name)),
        Target::Resources(group, version) => only_read(discovery::resource_list(group, version)),
        Target::Collection(resource, namespace) if reading => {
            collection(host, call, *resource, namespace.clone())
        }
        Target::Item(item) if reading => read(host, call, item),
        Target::Metrics(resource, namespace, name) if reading => metrics::answer(
            host.as_ref(),
            &call.query,
            *resource,
            namespace.as_deref(),
            name.as_deref(),
        ),
        Target::Collection(resource, namespace) if call.method == Method::POST => {
            writes::create(host, call, *resource, namespace.as_deref())
        }
        Target::Item(item) => writes::item(host, call, item),
        Target::Review => writes::review(host, call),
        Target::Collection(..) | Target::Metrics(..) => Err(Failure::method_not_allowed()),
        Target::Nowhere => Ok(no_such_path()),
    }
}

fn discovered(core: bool) -> Response {
    let mut response = json_response(StatusCode::OK, discovery::aggregated(core).to_string());
    let kind = HeaderValue::from_static(
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    );
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

fn version(host: &dyn Host) -> Value {
    let mut git = String::new();
    host.cluster(&mut |c| git = c.git_version());
    let mut numbers = git.trim_start_matches('v').split('.');
    json!({ "major": numbers.next(), "minor": numbers.next(), "gitVersion": git,
            "gitCommit": "113cf36a0e8e2ba0a6f4e4b1f2a9be3e6d6cf4f6", "gitTreeState": "clean",
            "buildDate": "2026-08-21T00:00:00Z", "goVersion": "go1.24.6", "compiler": "gc", "platform": "linux/amd64" })
}

fn shape(call: &Call) -> Result<Shape, Failure> {
    accept::shape(
        header(call, header::ACCEPT),
        call.query.get("includeObject"),
    )
}

fn collection(
    host: &Arc<dyn Host>,
    call: &Call,
    resource: crate::world::cluster::resource::Resource,
    namespace: Option<String>,
) -> Result<Response, Failure> {
    let shape = shape(call)?;
    let selector = Selector::parse(
        resource,
        call.query.get("labelSelector"),
        call.query.get("fieldSelector"),
    )?;
    let scope = Scope {
        resource,
        namespace,
        selector,
    };
    if call.query.flag("watch") {
        return watch::open(host.clone(), scope, shape, &call.query);
    }
    let mut page = None;
    host.cluster(&mut |cluster| page = Some(list::page(cluster.store(), &scope, &call.query)));
    let page = page.unwrap_or_else(|| Err(Failure::method_not_allowed()))?;
    Ok(page.response(resource, shape, body::takes_gzip(&call.headers), host.now()))
}

fn read(host: &Arc<dyn Host>, call: &Call, item: &Item) -> Result<Response, Failure> {
    let shape = shape(call)?;
    let mut found = None;
    host.cluster(&mut |c| {
        found = c
            .store()
            .get(item.resource, &item.namespace, &item.name)
            .cloned()
    });
    let object = found.ok_or_else(|| Failure::not_found(item.resource, &item.name))?;
    match item.sub.as_str() {
        "" | "status" => {
            let body = list::single(item.resource, &object, shape, host.now());
            Ok(json_response(StatusCode::OK, body))
        }
        "scale" => Ok(json_response(StatusCode::OK, scale(&object).to_string())),
        "log" => logs::answer(host.as_ref(), &call.query, &object),
        _ => Err(Failure::method_not_allowed()),
    }
}

/// The scale of a workload.
fn scale(object: &crate::world::cluster::store::Stored) -> Value {
    let whole = object.value();
    let kept = [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ];
    let metadata: serde_json::Map<String, Value> = kept
        .iter()
        .map(|k| ((*k).to_owned(), whole["metadata"][k].clone()))
        .collect();
    let selector = whole["spec"]["selector"]["matchLabels"]
        .as_object()
        .into_iter()
        .flatten();
    let selector: Vec<String> = selector
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    // A zero is left out (`ScaleSpec.replicas`, `omitempty`).
    let spec = match whole["spec"]["replicas"].as_i64() {
        Some(0) | None => json!({}),
        Some(replicas) => json!({ "replicas": replicas }),
    };
    json!({ "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec,
            "status": { "replicas": whole["status"]["replicas"].as_i64().unwrap_or(0), "selector": selector.join(",") } })
}
