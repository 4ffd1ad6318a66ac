//! `metrics.k8s.io`: what pods and nodes use now, as metrics-server would answer.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::failure::{Failure, json_response};
use super::host::Host;
use super::query::Query;
use super::selector::Selector;
use crate::clock::Millis;
use crate::world::cluster::Cluster;
use crate::world::cluster::resource::Resource;
use crate::world::cluster::store::Stored;

/// Answers a list, or one object when `name` is given.
///
/// # Errors
/// 400 for a selector that cannot be read, 404 for what uses nothing.
pub(super) fn answer(
    host: &dyn Host,
    query: &Query,
    resource: Resource,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Result<Response, Failure> {
    let selector = Selector::parse(
        resource,
        query.get("labelSelector"),
        query.get("fieldSelector"),
    )?;
    let now = host.now();
    let mut items = Vec::new();
    host.cluster(&mut |cluster| {
        let all: Vec<Arc<Stored>> = cluster
            .store()
            .range(resource, namespace, None)
            .filter(|o| name.is_none_or(|n| n == o.name) && selector.matches(o))
            .cloned()
            .collect();
        items = all
            .iter()
            .filter_map(|o| item(cluster, resource, o, now))
            .collect();
    });
    let kind = if resource == Resource::Pods {
        "PodMetrics"
    } else {
        "NodeMetrics"
    };
    let value = match name {
        Some(name) => {
            let mut one = items
                .pop()
                .ok_or_else(|| Failure::not_found(resource, name))?;
            one["kind"] = json!(kind);
            one["apiVersion"] = json!("metrics.k8s.io/v1beta1");
            one
        }
        None => {
            json!({ "kind": format!("{kind}List"), "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {},
                        "items": items })
        }
    };
    Ok(json_response(StatusCode::OK, value.to_string()))
}

fn item(cluster: &Cluster, resource: Resource, object: &Stored, now: Millis) -> Option<Value> {
    let at = Millis(now.0.div_euclid(15_000) * 15_000).iso();
    let mut metadata =
        json!({ "name": object.name, "creationTimestamp": at, "labels": *object.labels });
    if !object.namespace.is_empty() {
        metadata["namespace"] = json!(object.namespace);
    }
    let usage = |(millicpu, mib): (u64, u64)| json!({ "cpu": format!("{millicpu}m"), "memory": format!("{}Ki", mib * 1024) });
    let mut item = json!({ "metadata": metadata, "timestamp": at, "window": "15.0s" });
    if resource == Resource::Pods {
        let (container, used) = cluster.pod_usage(&object.namespace, &object.name)?;
        item["containers"] = json!([{ "name": container, "usage": usage(used) }]);
    } else {
        item["usage"] = usage(cluster.node_usage(&object.name)?);
    }
    Some(item)
}
