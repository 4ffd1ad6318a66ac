//! Tables: the server-side printing kubectl asks for.

use serde_json::{Value, json};

use super::accept::Include;
use super::columns::columns;
use crate::clock::Millis;
use crate::world::cluster::resource::Resource;
use crate::world::cluster::store::Stored;

/// `columnDefinitions`.
#[must_use]
pub(super) fn definitions(resource: Resource) -> Value {
    columns(resource)
        .into_iter()
        .map(|c| {
            let format = if c.name == "Name" { "name" } else { "" };
            json!({ "name": c.name, "type": c.kind, "format": format, "description": describe(resource, c.name),
                    "priority": c.priority })
        })
        .collect()
}

fn describe(resource: Resource, column: &str) -> String {
    match column {
        "Age" => "CreationTimestamp is a timestamp representing the server time when this object was created.".into(),
        "Name" => "Name must be unique within a namespace.".into(),
        other => format!("{other} of the {}.", resource.row().kind),
    }
}

/// A row.
#[must_use]
pub(super) fn row(resource: Resource, object: &Stored, include: Include, now: Millis) -> String {
    let cells = json!(cells(resource, object, now));
    let carried = match include {
        Include::None => "null".to_owned(),
        Include::Metadata => {
            let metadata = object.metadata();
            format!(
                "{{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{}}}",
                String::from_utf8_lossy(&metadata)
            )
        }
        Include::Object => {
            let body = String::from_utf8_lossy(&object.body);
            format!(
                "{{\"kind\":\"{}\",\"apiVersion\":\"{}\",{}",
                resource.row().kind,
                resource.api_version(),
                &body[1..]
            )
        }
    };
    format!("{{\"cells\":{cells},\"object\":{carried}}}")
}

/// A span as kubectl writes ages (`k8s.io/apimachinery/pkg/util/duration.HumanDuration`).
#[must_use]
pub(super) fn human(ms: i64) -> String {
    let s = (ms / 1000).max(0);
    let (m, h, d) = (s / 60, s / 3600, s / 86_400);
    let pair = |a: i64, x: &str, b: i64, y: &str| {
        if b == 0 {
            format!("{a}{x}")
        } else {
            format!("{a}{x}{b}{y}")
        }
    };
    match s {
        0..120 => format!("{s}s"),
        120..600 => pair(m, "m", s % 60, "s"),
        600..10_800 => format!("{m}m"),
        10_800..28_800 => pair(h, "h", m % 60, "m"),
        28_800..172_800 => format!("{h}h"),
        172_800..691_200 => pair(d, "d", h % 24, "h"),
        691_200..63_072_000 => format!("{d}d"),
        63_072_000..252_288_000 => pair(d / 365, "y", d % 365, "d"),
        _ => format!("{}y", d / 365),
    }
}

fn cells(resource: Resource, object: &Stored, now: Millis) -> Vec<Value> {
    let age = json!(human(now.since(object.created)));
    if let Some(pod) = &object.pod {
        let restarts = match pod.last_restart {
            Some(at) if pod.restarts > 0 => {
                format!("{} ({} ago)", pod.restarts, human(now.since(at)))
            }
            _ => pod.restarts.to_string(),
        };
        let ready = if pod.ready { "1/1" } else { "0/1" };
        let or_none = |s: &str| {
            if s.is_empty() {
                json!("<none>")
            } else {
                json!(s)
            }
        };
        return vec![
            json!(object.name),
            json!(ready),
            json!(pod.status),
            json!(restarts),
            age,
            or_none(&pod.ip),
            or_none(&pod.node),
            json!("<none>"),
            json!("<none>"),
        ];
    }
    let value = object.value();
    if resource == Resource::Events {
        return event(object, &value, now);
    }
    let mut cells = vec![json!(object.name)];
    cells.extend(middle(resource, &value, &age));
    cells
}

fn at<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

fn count(value: &Value, path: &str) -> i64 {
    value.pointer(path).and_then(Value::as_i64).unwrap_or(0)
}

fn or_none(text: &str) -> Value {
    if text.is_empty() {
        json!("<none>")
    } else {
        json!(text)
    }
}

/// The cells after the name.
fn middle(resource: Resource, v: &Value, age: &Value) -> Vec<Value> {
    let age = age.clone();
    let of = |path: &str| or_none(at(v, path));
    let n = |path: &str| json!(count(v, path));
    let ready = || {
        json!(format!(
            "{}/{}",
            count(v, "/status/readyReplicas"),
            count(v, "/spec/replicas")
        ))
    };
    let container = |field: &str| of(&format!("/spec/template/spec/containers/0/{field}"));
    let selector = || json!(pairs(v.pointer("/spec/selector/matchLabels")));
    match resource {
        Resource::Nodes => node(v, age),
        Resource::Namespaces => vec![of("/status/phase"), age],
        Resource::Deployments => vec![
            ready(),
            n("/status/updatedReplicas"),
            n("/status/availableReplicas"),
            age,
            container("name"),
            container("image"),
            selector(),
        ],
        Resource::ReplicaSets => vec![
            n("/spec/replicas"),
            n("/status/replicas"),
            n("/status/readyReplicas"),
            age,
            container("name"),
            container("image"),
            selector(),
        ],
        Resource::StatefulSets => vec![ready(), age, container("name"), container("image")],
        Resource::HorizontalPodAutoscalers => vec![
            json!(format!(
                "{}/{}",
                at(v, "/spec/scaleTargetRef/kind"),
                at(v, "/spec/scaleTargetRef/name")
            )),
            json!(targets(v)),
            json!(count(v, "/spec/minReplicas").to_string()),
            json!(count(v, "/spec/maxReplicas").to_string()),
            n("/status/currentReplicas"),
            age,
        ],
        Resource::Services => {
            let port = format!(
                "{}/{}",
                count(v, "/spec/ports/0/port"),
                at(v, "/spec/ports/0/protocol")
            );
            vec![
                of("/spec/type"),
                of("/spec/clusterIP"),
                json!("<none>"),
                json!(port),
                age,
                json!(pairs(v.pointer("/spec/selector"))),
            ]
        }
        Resource::Ingresses => vec![
            of("/spec/ingressClassName"),
            of("/spec/rules/0/host"),
            json!(at(v, "/status/loadBalancer/ingress/0/hostname")),
            json!("80"),
            age,
        ],
        Resource::EndpointSlices => vec![
            of("/addressType"),
            json!(count(v, "/ports/0/port").to_string()),
            json!(endpoints(v)),
            age,
        ],
        Resource::PodDisruptionBudgets => vec![
            json!("N/A"),
            of("/spec/maxUnavailable"),
            n("/status/disruptionsAllowed"),
            age,
        ],
        Resource::ConfigMaps => {
            let data = v
                .pointer("/data")
                .and_then(Value::as_object)
                .map_or(0, serde_json::Map::len);
            vec![json!(data.to_string()), age]
        }
        Resource::ServiceAccounts => vec![json!("0"), age],
        Resource::Leases => vec![of("/spec/holderIdentity"), age],
        Resource::ScaledObjects => scaled(v, age),
        Resource::Applications => vec![
            json!(at(v, "/status/sync/status")),
            json!(at(v, "/status/health/status")),
            json!(at(v, "/status/sync/revision")),
        ],
        Resource::Ec2NodeClasses => vec![json!(condition(v, "Ready")), age],
        Resource::NodeClaims => claim(v, age),
        Resource::NodePools => vec![
            json!(at(v, "/spec/template/spec/nodeClassRef/name")),
            json!(at(v, "/status/resources/nodes")),
            json!(condition(v, "Ready")),
            age,
            n("/spec/weight"),
            json!(at(v, "/status/resources/cpu")),
        ],
        Resource::Kustomizations => {
            let message = condition_field(v, "Ready", "message");
            vec![age, json!(condition(v, "Ready")), json!(message)]
        }
        Resource::TargetGroupBindings => vec![
            of("/spec/serviceRef/name"),
            json!(count(v, "/spec/serviceRef/port").to_string()),
            of("/spec/targetType"),
            of("/spec/targetGroupARN"),
            age,
        ],
        Resource::Pods
        | Resource::Events
        | Resource::LimitRanges
        | Resource::PersistentVolumeClaims
        | Resource::PersistentVolumes
        | Resource::ReplicationControllers
        | Resource::ResourceQuotas
        | Resource::Secrets
        | Resource::DaemonSets
        | Resource::CronJobs
        | Resource::Jobs => vec![age],
    }
}

fn pairs(map: Option<&Value>) -> String {
    let map = map.and_then(Value::as_object);
    let all: Vec<String> = map
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    if all.is_empty() {
        "<none>".to_owned()
    } else {
        all.join(",")
    }
}

fn condition<'a>(v: &'a Value, kind: &str) -> &'a str {
    let all = v.pointer("/status/conditions").and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .find(|c| c["type"] == kind)
        .and_then(|c| c["status"].as_str())
        .unwrap_or("Unknown")
}

fn condition_field<'a>(v: &'a Value, kind: &str, field: &str) -> &'a str {
    let all = v.pointer("/status/conditions").and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .find(|c| c["type"] == kind)
        .and_then(|c| c[field].as_str())
        .unwrap_or_default()
}

fn claim(v: &Value, age: Value) -> Vec<Value> {
    let label = |key: &str| json!(v["metadata"]["labels"][key].as_str().unwrap_or_default());
    vec![
        label("node.kubernetes.io/instance-type"),
        label("karpenter.sh/capacity-type"),
        label("topology.kubernetes.io/zone"),
        json!(at(v, "/status/nodeName")),
        json!(condition(v, "Ready")),
        age,
        json!(at(v, "/status/providerID")),
        label("karpenter.sh/nodepool"),
    ]
}

fn node(v: &Value, age: Value) -> Vec<Value> {
    let mut status = if condition(v, "Ready") == "True" {
        "Ready"
    } else {
        "NotReady"
    }
    .to_owned();
    if v.pointer("/spec/unschedulable") == Some(&json!(true)) {
        status += ",SchedulingDisabled";
    }
    let info = |field: &str| or_none(at(v, &format!("/status/nodeInfo/{field}")));
    vec![
        json!(status),
        json!("<none>"),
        age,
        info("kubeletVersion"),
        or_none(at(v, "/status/addresses/0/address")),
        json!("<none>"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn targets(v: &Value) -> String {
    if let Some(wanted) = v.pointer("/spec/metrics/0/resource/target/averageUtilization") {
        let seen = v.pointer("/status/currentMetrics/0/resource/current/averageUtilization");
        let seen = seen.map_or_else(|| "<unknown>".to_owned(), |s| format!("{s}%"));
        return format!("cpu: {seen}/{wanted}%");
    }
    let wanted = at(v, "/spec/metrics/0/external/target/averageValue");
    let seen = at(v, "/status/currentMetrics/0/external/current/averageValue");
    format!(
        "{}/{wanted} (avg)",
        if seen.is_empty() { "<unknown>" } else { seen }
    )
}

fn endpoints(v: &Value) -> String {
    const SHOWN: usize = 3;
    let all = v
        .pointer("/endpoints")
        .and_then(Value::as_array)
        .map_or(&[] as &[Value], Vec::as_slice);
    let first: Vec<&str> = all
        .iter()
        .take(SHOWN)
        .map(|e| at(e, "/addresses/0"))
        .collect();
    match all.len() {
        0 => "<unset>".to_owned(),
        n if n > SHOWN => format!("{} + {} more...", first.join(","), n - SHOWN),
        _ => first.join(","),
    }
}

fn scaled(v: &Value, age: Value) -> Vec<Value> {
    vec![
        json!(at(v, "/status/scaleTargetKind")),
        json!(at(v, "/spec/scaleTargetRef/name")),
        json!(count(v, "/spec/minReplicaCount")),
        json!(count(v, "/spec/maxReplicaCount")),
        json!(condition(v, "Ready")),
        json!(condition(v, "Active")),
        json!(condition(v, "Fallback")),
        json!(condition(v, "Paused")),
        json!(at(v, "/spec/triggers/0/type")),
        json!(at(v, "/spec/triggers/0/authenticationRef/name")),
        age,
    ]
}

fn event(object: &Stored, v: &Value, now: Millis) -> Vec<Value> {
    let when = |path: &str| Millis::parse_iso(at(v, path));
    let first = when("/firstTimestamp")
        .or_else(|| when("/eventTime"))
        .unwrap_or(object.created);
    let last = when("/series/lastObservedTime")
        .or_else(|| when("/lastTimestamp"))
        .unwrap_or(first);
    let times = v
        .pointer("/count")
        .or_else(|| v.pointer("/series/count"))
        .and_then(Value::as_i64)
        .unwrap_or(1);
    let seen = if times > 1 {
        format!(
            "{} (x{times} over {})",
            human(now.since(last)),
            human(now.since(first))
        )
    } else {
        human(now.since(last))
    };
    let source = match at(v, "/source/component") {
        "" => at(v, "/reportingComponent").to_owned(),
        component if at(v, "/source/host").is_empty() => component.to_owned(),
        component => format!("{component}, {}", at(v, "/source/host")),
    };
    let kind = at(v, "/involvedObject/kind").to_lowercase();
    vec![
        json!(seen),
        json!(at(v, "/type")),
        json!(at(v, "/reason")),
        json!(format!("{kind}/{}", at(v, "/involvedObject/name"))),
        json!(at(v, "/involvedObject/fieldPath")),
        json!(source),
        json!(at(v, "/message")),
        json!(human(now.since(first))),
        json!(times),
        json!(object.name),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_writes_them() {
        let all = [
            5, 119, 150, 540, 700, 12_000, 40_000, 180_000, 800_000, 70_000_000,
        ];
        let words: Vec<String> = all.iter().map(|s| human(s * 1000)).collect();
        assert_eq!(
            words,
            [
                "5s", "119s", "2m30s", "9m", "11m", "3h20m", "11h", "2d2h", "9d", "2y80d"
            ]
        );
    }
}
