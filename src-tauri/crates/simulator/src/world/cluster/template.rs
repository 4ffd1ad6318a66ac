//! From a workload to its pod template, and from a template to the text its pods share.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::dice::template_hash;
use super::spec::{ClusterSpec, WorkloadKind, WorkloadSpec};
use super::store::Labels;
use super::workload::{Piece, PodPrint};

const SUFFIX: &str = "%%SUFFIX%%";
const NODE: &str = "%%NODE%%";
const NAME: &str = "%%NAME%%";

/// The part of a template that a release or a restart changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    /// Annotations of the template, such as `kubectl.kubernetes.io/restartedAt`.
    pub annotations: Labels,
}

/// The image as the kubelet pulls it: with the registry of the account when the name has none.
pub(super) fn image(cluster: &ClusterSpec, repository: &str, tag: &str) -> String {
    let registry = if repository
        .split('/')
        .next()
        .is_some_and(|first| first.contains('.'))
    {
        String::new()
    } else {
        format!(
            "{}.dkr.ecr.{}.amazonaws.com/",
            cluster.account, cluster.region
        )
    };
    format!("{registry}{repository}:{tag}")
}

/// Splits `repository:tag`; the tag is `latest` when there is none.
pub(super) fn split_image(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (image, "latest"),
    }
}

/// Labels every pod of a workload carries at a tag, without the hash.
pub(super) fn labels(spec: &WorkloadSpec, tag: &str) -> Labels {
    [
        ("app.kubernetes.io/name", spec.name.as_str()),
        ("app.kubernetes.io/part-of", spec.namespace.as_str()),
        ("app.kubernetes.io/version", tag),
        ("team", spec.namespace.as_str()),
    ]
    .into_iter()
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .collect()
}

/// `spec.template` of a workload at an image.
pub(super) fn template(
    cluster: &ClusterSpec,
    spec: &WorkloadSpec,
    tag: &str,
    changes: &Changes,
) -> Value {
    let (repository, _) = split_image(&spec.image);
    let mut annotations: Map<String, Value> = [
        ("prometheus.io/port", "9102"),
        ("prometheus.io/scrape", "true"),
    ]
    .into_iter()
    .map(|(k, v)| (k.to_owned(), json!(v)))
    .collect();
    annotations.extend(
        changes
            .annotations
            .iter()
            .map(|(k, v)| (k.clone(), json!(v))),
    );
    json!({
        "metadata": { "labels": labels(spec, tag), "annotations": annotations },
        "spec": {
            "containers": [container(spec, &image(cluster, repository, tag))],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": spec.name,
            "serviceAccount": spec.name,
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "topologySpreadConstraints": [{
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": { "matchLabels": { "app.kubernetes.io/name": spec.name } },
            }],
        },
    })
}

fn container(spec: &WorkloadSpec, image: &str) -> Value {
    let mut env: Vec<Value> = spec
        .env
        .iter()
        .map(|(k, v)| json!({ "name": k, "value": v }))
        .collect();
    env.push(json!({ "name": "POD_NAME", "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.name" } } }));
    let port = spec.service.map_or(8080, |s| s.target_port);
    let probe = |path: &str, period: u32| {
        json!({ "httpGet": { "path": path, "port": "http", "scheme": "HTTP" }, "timeoutSeconds": 1,
                "periodSeconds": period, "successThreshold": 1, "failureThreshold": 3 })
    };
    let memory = format!("{}Mi", spec.requests_mib);
    let mut container = json!({
        "name": spec.name,
        "image": image,
        "ports": [
            { "name": "http", "containerPort": port, "protocol": "TCP" },
            { "name": "metrics", "containerPort": 9102, "protocol": "TCP" },
        ],
        "env": env,
        "resources": {
            "limits": { "memory": memory },
            "requests": { "cpu": format!("{}m", spec.requests_millicpu), "memory": memory },
        },
        "livenessProbe": probe("/live", 10),
        "readinessProbe": probe("/ready", 5),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    });
    if !spec.config.is_empty() {
        container["envFrom"] =
            json!([{ "configMapRef": { "name": format!("{}-config", spec.name) } }]);
    }
    container
}

/// The hash of a template among the revisions of its workload.
pub(super) fn hash_of(workload: &str, template: &Value) -> String {
    template_hash(&format!("{workload}{template}"))
}

/// Labels of the pods of a revision.
pub(super) fn pod_labels(spec: &WorkloadSpec, template: &Value, hash: &str) -> Arc<Labels> {
    let mut labels: Labels = template["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
        .collect();
    match spec.kind {
        WorkloadKind::Deployment => labels.insert("pod-template-hash".into(), hash.to_owned()),
        WorkloadKind::StatefulSet => labels.insert(
            "controller-revision-hash".into(),
            format!("{}-{hash}", spec.name),
        ),
    };
    Arc::new(labels)
}

/// The text the pods of a revision share. `owner` is the kind, name and uid of what owns them.
pub(super) fn print(
    spec: &WorkloadSpec,
    template: &Value,
    labels: &Labels,
    owner: (&str, &str, &str),
    image: &str,
) -> PodPrint {
    let mut labels = labels.clone();
    if spec.kind == WorkloadKind::StatefulSet {
        labels.insert("statefulset.kubernetes.io/pod-name".into(), NAME.to_owned());
    }
    let owners = json!([{ "apiVersion": "apps/v1", "kind": owner.0, "name": owner.1, "uid": owner.2,
                          "controller": true, "blockOwnerDeletion": true }]);
    let metadata = format!(
        "\"labels\":{},\"annotations\":{},\"ownerReferences\":{owners}",
        json!(labels),
        template["metadata"]["annotations"]
    );
    let (_, digest) = image.split_at(image.find('/').map_or(0, |i| i + 1));
    let digest = format!("{:016x}", super::dice::hash(digest));
    let (repository, _) = split_image(image);
    PodPrint {
        metadata,
        spec: pieces(&pod_spec(spec, template).to_string()),
        image_id: format!("{repository}@sha256:{}", digest.repeat(4)),
    }
}

/// The name a stateful set's pods put for this mark in their labels.
pub(super) fn with_name(text: &str, name: &str) -> String {
    text.replace(NAME, name)
}

/// The spec of a pod: the template's, with what admission adds to it.
fn pod_spec(spec: &WorkloadSpec, template: &Value) -> Value {
    let mut pod = template["spec"].clone();
    pod["volumes"] = json!([{ "name": format!("kube-api-access-{SUFFIX}"), "projected": {
        "sources": [
            { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [{ "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } }] } },
        ],
        "defaultMode": 420,
    } }]);
    pod["containers"][0]["volumeMounts"] = json!([{ "name": format!("kube-api-access-{SUFFIX}"), "readOnly": true,
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount" }]);
    let toleration = |what: &str| json!({ "key": format!("node.kubernetes.io/{what}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 });
    pod["tolerations"] = json!([toleration("not-ready"), toleration("unreachable")]);
    pod["nodeName"] = json!(NODE);
    pod["priority"] = json!(0);
    pod["enableServiceLinks"] = json!(true);
    pod["preemptionPolicy"] = json!("PreemptLowerPriority");
    if spec.kind == WorkloadKind::StatefulSet {
        if let Some(volumes) = pod["volumes"].as_array_mut() {
            let claim = json!({ "claimName": format!("data-{NAME}") });
            volumes.insert(0, json!({ "name": "data", "persistentVolumeClaim": claim }));
        }
        pod["hostname"] = json!(NAME);
        pod["subdomain"] = json!(spec.name);
    }
    pod
}

/// Cuts a spec at its marks.
fn pieces(text: &str) -> Vec<Piece> {
    let node = format!("\"nodeName\":\"{NODE}\",");
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let next = [
            (SUFFIX, Piece::Suffix),
            (node.as_str(), Piece::Node),
            (NAME, Piece::Name),
        ]
        .into_iter()
        .filter_map(|(mark, piece)| rest.find(mark).map(|at| (at, mark.len(), piece)))
        .min_by_key(|(at, _, _)| *at);
        let Some((at, len, piece)) = next else { break };
        pieces.push(Piece::Text(rest[..at].to_owned()));
        pieces.push(piece);
        rest = &rest[at + len..];
    }
    pieces.push(Piece::Text(rest.to_owned()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_registry_gets_the_accounts() {
        let cluster = ClusterSpec {
            name: "c".into(),
            region: "eu-west-1".into(),
            account: "123".into(),
            version: "1.33".into(),
            network: 1,
            azs: Vec::new(),
            nodegroups: Vec::new(),
            pools: Vec::new(),
            workloads: Vec::new(),
        };
        assert_eq!(
            image(&cluster, "orders", "7"),
            "123.dkr.ecr.eu-west-1.amazonaws.com/orders:7"
        );
        assert_eq!(image(&cluster, "quay.io/x/y", "7"), "quay.io/x/y:7");
    }

    #[test]
    fn a_tag_is_split_off_and_a_port_is_not() {
        assert_eq!(
            split_image("registry:5000/orders"),
            ("registry:5000/orders", "latest")
        );
        assert_eq!(split_image("orders:2026.11.3"), ("orders", "2026.11.3"));
    }

    #[test]
    fn pieces_join_to_the_text() {
        let parts = pieces(&format!(
            "{{\"a\":\"{SUFFIX}\",\"nodeName\":\"{NODE}\",\"z\":1}}"
        ));
        assert_eq!(parts.len(), 5);
        assert!(matches!(parts[3], Piece::Node));
    }
}
