//! Writes: patch and put, scale, eviction, create, delete, and the question whether one may.

use std::sync::Arc;

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::failure::{Failure, json_response};
use super::host::{Asked, Host, WireFault};
use super::path::Item;
use super::{Call, header, list, patch, protobuf, scale};
use crate::world::cluster::Operation;
use crate::world::cluster::resource::Resource;
use crate::world::cluster::store::Stored;
use crate::world::cluster::write::WriteError;

/// A write of an object or one of its subresources.
pub(super) fn item(host: &Arc<dyn Host>, call: &Call, item: &Item) -> Result<Response, Failure> {
    match (&call.method, item.sub.as_str()) {
        (&Method::POST, "eviction") => evict(host, call, item),
        (&Method::PATCH | &Method::PUT, "scale") => write_scale(host, call, item),
        (&Method::PATCH | &Method::PUT, "") => write(host, call, item),
        (&Method::DELETE, "") => delete(host, call, item),
        _ => Err(Failure::method_not_allowed()),
    }
}

fn dry(call: &Call) -> bool {
    call.query.get("dryRun") == Some("All")
}

fn current(host: &dyn Host, item: &Item) -> Result<Arc<Stored>, Failure> {
    let mut found = None;
    host.cluster(&mut |c| {
        found = c
            .store()
            .get(item.resource, &item.namespace, &item.name)
            .cloned()
    });
    found.ok_or_else(|| Failure::not_found(item.resource, &item.name))
}

/// The object a request makes of what there is.
fn changed(call: &Call, now: &Value) -> Result<Value, Failure> {
    if call.method == Method::PUT {
        return read(call);
    }
    let kind = header(call, http::header::CONTENT_TYPE).unwrap_or_default();
    patch::apply(now, kind, &call.body)
}

fn read(call: &Call) -> Result<Value, Failure> {
    // Some commands of kubectl write protobuf, which is not read here.
    let kind = header(call, http::header::CONTENT_TYPE).unwrap_or("application/json");
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Failure::unsupported_media());
    }
    let unreadable = |e: serde_json::Error| {
        Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type object): {e}"
        ))
    };
    serde_json::from_slice(&call.body).map_err(unreadable)
}

fn write(host: &Arc<dyn Host>, call: &Call, item: &Item) -> Result<Response, Failure> {
    let stored = current(host.as_ref(), item)?;
    let mut whole = stored.value();
    whole["kind"] = json!(item.resource.row().kind);
    whole["apiVersion"] = json!(item.resource.api_version());
    let applied = applies(call);
    let next = if applied {
        apply(host.as_ref(), call, item, &whole)?
    } else {
        changed(call, &whole)?
    };
    let manager = manager(call);
    let operation = if applied {
        Operation::Apply
    } else {
        Operation::Update
    };
    let now = host.now();
    let mut done = None;
    host.cluster(&mut |c| {
        done = Some(if dry(call) {
            c.check(item.resource, &item.namespace, &item.name, &next)
                .map(|()| None)
        } else {
            let place = (item.namespace.as_str(), item.name.as_str());
            c.write_as(&manager, operation, "", item.resource, place, &next, now)
                .map(Some)
        });
    });
    let kind = qualified_kind(item.resource);
    let written = done
        .unwrap_or(Err(WriteError::NotFound))
        .map_err(|e| refusal(item, &kind, e))?;
    host.moved();
    Ok(match written {
        Some(object) => json_response(
            StatusCode::OK,
            list::single(item.resource, &object, super::shape(call)?, now),
        ),
        None => json_response(StatusCode::OK, next.to_string()),
    })
}

/// Whether a request is a server-side apply.
fn applies(call: &Call) -> bool {
    let kind = header(call, http::header::CONTENT_TYPE).unwrap_or_default();
    call.method == Method::PATCH && kind.starts_with("application/apply-patch")
}

/// The field manager of a request: as it says, or the client's name.
fn manager(call: &Call) -> String {
    let agent = header(call, http::header::USER_AGENT).unwrap_or("unknown");
    let client = agent.split('/').next().unwrap_or(agent);
    call.query.get("fieldManager").unwrap_or(client).to_owned()
}

/// Server-side apply, as far as it is served: what is declared is merged into the object; `spec.replicas` that another
/// manager wrote is a conflict unless forced. Fields that a manager no longer declares stay as they are.
fn apply(host: &dyn Host, call: &Call, item: &Item, whole: &Value) -> Result<Value, Failure> {
    let missing = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
    let manager = call.query.get("fieldManager");
    let manager = manager.ok_or_else(|| Failure::bad_request(missing))?;
    let unreadable =
        |e: serde_json::Error| Failure::bad_request(format!("error decoding YAML: {e}"));
    let mut declared: Value = serde_json::from_slice(&call.body).map_err(unreadable)?;
    if let Some(metadata) = declared["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    let replicas = &declared["spec"]["replicas"];
    let mut conflict = None;
    if !replicas.is_null() && !call.query.flag("force") {
        host.cluster(&mut |c| {
            let from = c.taken_from(item.resource, &item.namespace, &item.name, replicas);
            let other = from.filter(|(who, how, _)| (*who, *how) != (manager, Operation::Apply));
            conflict = other.map(|(who, how, sub)| (who.to_owned(), how, sub));
        });
    }
    if let Some((who, how, sub)) = conflict {
        let version = item.resource.api_version();
        return Err(Failure::apply_conflict(&who, how, sub, &version));
    }
    let body = declared.to_string();
    let kind = "application/strategic-merge-patch+json";
    patch::apply(whole, kind, body.as_bytes())
}

fn write_scale(host: &Arc<dyn Host>, call: &Call, item: &Item) -> Result<Response, Failure> {
    let stored = current(host.as_ref(), item)?;
    let next = changed(call, &scale(&stored))?;
    let mut whole = stored.value();
    whole["spec"]["replicas"] = match &next["spec"]["replicas"] {
        Value::Null => json!(0),
        replicas => replicas.clone(),
    };
    whole["metadata"]["resourceVersion"] = next["metadata"]["resourceVersion"].clone();
    let now = host.now();
    let mut done = None;
    host.cluster(&mut |c| {
        done = Some(if dry(call) {
            c.check(item.resource, &item.namespace, &item.name, &whole)
                .map(|()| None)
        } else {
            let place = (item.namespace.as_str(), item.name.as_str());
            let (who, how) = (manager(call), Operation::Update);
            c.write_as(&who, how, "scale", item.resource, place, &whole, now)
                .map(Some)
        });
    });
    let written = done
        .unwrap_or(Err(WriteError::NotFound))
        .map_err(|e| refusal(item, "Scale.autoscaling", e))?;
    host.moved();
    let answer = written.map_or(next, |object| scale(&object));
    Ok(json_response(StatusCode::OK, answer.to_string()))
}

fn evict(host: &Arc<dyn Host>, call: &Call, item: &Item) -> Result<Response, Failure> {
    let body = if call.body.is_empty() {
        Value::Null
    } else {
        read(call)?
    };
    let dry = dry(call) || body.pointer("/deleteOptions/dryRun/0") == Some(&json!("All"));
    let now = host.now();
    let mut done = Err(WriteError::NotFound);
    host.cluster(&mut |c| done = c.evict(&item.namespace, &item.name, dry, now));
    done.map_err(|e| refusal(item, "Pod", e))?;
    host.moved();
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 });
    Ok(json_response(StatusCode::CREATED, status.to_string()))
}

fn delete(host: &Arc<dyn Host>, call: &Call, item: &Item) -> Result<Response, Failure> {
    let now = host.now();
    let mut done = Err(WriteError::NotFound);
    preconditions(host, call, item)?;
    if dry(call) {
        done = Ok(current(host.as_ref(), item)?);
    } else {
        host.cluster(&mut |c| done = c.delete(item.resource, &item.namespace, &item.name, now));
    }
    let object = done.map_err(|e| refusal(item, &qualified_kind(item.resource), e))?;
    host.moved();
    Ok(json_response(
        StatusCode::OK,
        list::single(item.resource, &object, super::shape(call)?, now),
    ))
}

/// What a delete asks of the object as it is (DeleteOptions, `preconditions`).
fn preconditions(host: &Arc<dyn Host>, call: &Call, item: &Item) -> Result<(), Failure> {
    let Ok(asked) = read(call) else {
        return Ok(());
    };
    let stored = current(host.as_ref(), item)?.value();
    for part in ["uid", "resourceVersion"] {
        let wanted = &asked["preconditions"][part];
        if !wanted.is_null() && *wanted != stored["metadata"][part] {
            return Err(Failure::conflict(item.resource, &item.name));
        }
    }
    Ok(())
}

/// Creates an object of a resource.
pub(super) fn create(
    host: &Arc<dyn Host>,
    call: &Call,
    resource: Resource,
    namespace: Option<&str>,
) -> Result<Response, Failure> {
    let namespace = namespace.ok_or_else(Failure::method_not_allowed)?;
    let new = read(call)?;
    let name = new["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let now = host.now();
    let item = Item {
        resource,
        namespace: namespace.to_owned(),
        name,
        sub: String::new(),
    };
    let mut done = Err(WriteError::NotAllowed);
    host.cluster(&mut |c| done = c.create(resource, namespace, &new, now));
    let object = match done {
        Err(WriteError::NotFound) => {
            return Err(Failure::not_found(Resource::Namespaces, namespace));
        }
        other => other.map_err(|e| refusal(&item, &qualified_kind(resource), e))?,
    };
    host.moved();
    Ok(json_response(
        StatusCode::CREATED,
        list::single(resource, &object, super::shape(call)?, now),
    ))
}

/// Answers a SelfSubjectAccessReview: all is allowed but what a fault denies.
pub(super) fn review(host: &Arc<dyn Host>, call: &Call) -> Result<Response, Failure> {
    if call.method != Method::POST {
        return Err(Failure::method_not_allowed());
    }
    let mut review = match protobuf::review(&call.body) {
        Some(review) => review,
        None => read(call)?,
    };
    let attributes = &review["spec"]["resourceAttributes"];
    let word = |name: &str| attributes[name].as_str().unwrap_or_default();
    let asked = Asked {
        verb: word("verb"),
        resource: word("resource"),
        sub: word("subresource"),
    };
    let allowed = host.fault(asked) != Some(WireFault::Denied);
    review["kind"] = json!("SelfSubjectAccessReview");
    review["apiVersion"] = json!("authorization.k8s.io/v1");
    review["metadata"] = json!({});
    review["status"] = json!({ "allowed": allowed });
    Ok(json_response(StatusCode::CREATED, review.to_string()))
}

/// `Deployment.apps`, `Pod`.
fn qualified_kind(resource: Resource) -> String {
    let row = resource.row();
    if row.group.is_empty() {
        row.kind.to_owned()
    } else {
        format!("{}.{}", row.kind, row.group)
    }
}

fn refusal(item: &Item, kind: &str, error: WriteError) -> Failure {
    match error {
        WriteError::NotFound => Failure::not_found(item.resource, &item.name),
        WriteError::Exists => Failure::exists(item.resource, &item.name),
        WriteError::Conflict => Failure::conflict(item.resource, &item.name),
        WriteError::Invalid { field, problem } => {
            Failure::invalid(kind, &item.name, field, &problem)
        }
        WriteError::Budget {
            budget,
            needed,
            healthy,
        } => Failure::budget(&budget, u64::from(needed), u64::from(healthy)),
        WriteError::NotAllowed => Failure::method_not_allowed(),
    }
}
