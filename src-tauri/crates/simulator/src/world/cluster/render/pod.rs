//! Pods: by joining the text their revision shares with the few words of their own.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::super::Cluster;
use super::super::pod::{Container, Ended, Pod};
use super::super::spec::WorkloadKind;
use super::super::store::{Draft, PodRow};
use super::super::template::with_name;
use super::super::workload::{Piece, PodPrint, Revision, Workload};
use super::stamp;
use crate::clock::Millis;

impl Cluster {
    /// A pod as it is now.
    pub(in super::super) fn pod_draft(&self, pod: &Pod) -> Draft {
        let workload = self.workload(pod.workload);
        let node = self.node_name(pod);
        let host = pod.node.and_then(|n| self.nodes.get(&n)).map(|n| n.ip);
        let contact = self.in_contact(pod.id);
        let revision = workload.revision(pod.revision);
        let empty = PodPrint::default();
        let print = revision.map_or(&empty, |r| &r.print);
        let mut text = String::with_capacity(4600);
        metadata(&mut text, pod, workload, revision);
        spec(&mut text, pod, print, &node);
        status(&mut text, pod, workload, revision, host, contact);
        text.push('}');
        let labels = revision.map(|r| r.labels.clone()).unwrap_or_default();
        let labels = if pod.ordinal.is_some() {
            let mut own = (*labels).clone();
            own.insert(
                "statefulset.kubernetes.io/pod-name".into(),
                pod.name.clone(),
            );
            Arc::new(own)
        } else {
            labels
        };
        Draft {
            namespace: workload.key.namespace.clone(),
            name: pod.name.clone(),
            created: pod.created,
            labels,
            text,
            pod: Some(row(pod, node)),
        }
    }
}

fn row(pod: &Pod, node: Arc<str>) -> PodRow {
    PodRow {
        ready: pod.ready,
        status: pod.status(),
        restarts: pod.restarts,
        last_restart: pod.last.map(|l| l.finished),
        ip: pod.ip.map(|ip| ip.to_string()).unwrap_or_default(),
        node,
        phase: pod.phase().as_str(),
    }
}

fn metadata(text: &mut String, pod: &Pod, workload: &Workload, revision: Option<&Revision>) {
    let generate = match workload.spec.kind {
        WorkloadKind::Deployment => revision
            .map(|r| workload.replica_set(r))
            .unwrap_or_default(),
        WorkloadKind::StatefulSet => workload.key.name.clone(),
    };
    let deleted = match pod.deleted {
        Some(at) => format!(
            "\"deletionTimestamp\":\"{}\",\"deletionGracePeriodSeconds\":30,",
            stamp(at.plus_seconds(30))
        ),
        None => String::new(),
    };
    let shared = revision
        .map(|r| r.print.metadata.as_str())
        .unwrap_or("\"labels\":{}");
    *text += "{\"metadata\":{\"name\":\"";
    *text += &pod.name;
    *text += "\",\"generateName\":\"";
    *text += &generate;
    *text += "-\",\"namespace\":\"";
    *text += &workload.key.namespace;
    *text += "\",\"uid\":\"";
    *text += &pod.uid;
    *text += if pod.deleted.is_some() {
        "\",\"generation\":2,"
    } else {
        "\",\"generation\":1,"
    };
    *text += "\"creationTimestamp\":\"";
    *text += &stamp(pod.created);
    *text += "\",";
    *text += &deleted;
    if pod.ordinal.is_some() {
        *text += &with_name(shared, &pod.name);
    } else {
        *text += shared;
    }
    *text += "},";
}

fn spec(text: &mut String, pod: &Pod, print: &PodPrint, node: &str) {
    *text += "\"spec\":";
    for piece in &print.spec {
        match piece {
            Piece::Text(shared) => *text += shared,
            Piece::Suffix => *text += &pod.suffix,
            Piece::Name => *text += &pod.name,
            Piece::Node if node.is_empty() => {}
            Piece::Node => {
                *text += "\"nodeName\":\"";
                *text += node;
                *text += "\",";
            }
        }
    }
    if print.spec.is_empty() {
        *text += "{}";
    }
    *text += ",";
}

fn condition(text: &mut String, kind: &str, yes: bool, since: &str, why: &str) {
    *text += "{\"type\":\"";
    *text += kind;
    *text += if yes {
        "\",\"status\":\"True\""
    } else {
        "\",\"status\":\"False\""
    };
    *text += ",\"lastProbeTime\":null,\"lastTransitionTime\":\"";
    *text += since;
    *text += "\"";
    *text += why;
    *text += "}";
}

fn status(
    text: &mut String,
    pod: &Pod,
    workload: &Workload,
    revision: Option<&Revision>,
    host: Option<Ipv4Addr>,
    contact: bool,
) {
    *text += "\"status\":{\"phase\":\"";
    *text += pod.phase().as_str();
    *text += "\",\"conditions\":[";
    let Some(bound) = pod.bound_at else {
        let since = pod
            .unschedulable
            .as_ref()
            .map_or(pod.created, |(since, _)| *since);
        let why = pod.unschedulable.as_ref().map(|(_, message)| {
            format!(
                ",\"reason\":\"Unschedulable\",\"message\":{}",
                serde_json::Value::from(message.as_str())
            )
        });
        if let Some(why) = why {
            condition(text, "PodScheduled", false, &stamp(since), &why);
        }
        *text += "],\"qosClass\":\"Burstable\"}";
        return;
    };
    conditions(text, pod, workload, bound, contact);
    *text += "]";
    if let (Some(host), Some(ip)) = (host, pod.ip) {
        let (host, ip) = (host.to_string(), ip.to_string());
        *text += &format!(",\"hostIP\":\"{host}\",\"hostIPs\":[{{\"ip\":\"{host}\"}}]");
        if pod.container != Container::Creating {
            *text += &format!(",\"podIP\":\"{ip}\",\"podIPs\":[{{\"ip\":\"{ip}\"}}]");
        }
    }
    *text += ",\"startTime\":\"";
    *text += &stamp(bound);
    *text += "\",\"containerStatuses\":[";
    container(text, pod, workload, revision);
    *text += "],\"qosClass\":\"Burstable\"}";
}

fn conditions(text: &mut String, pod: &Pod, workload: &Workload, bound: Millis, contact: bool) {
    let started = pod.started_at;
    let bound = stamp(bound);
    let began = started.map_or_else(|| bound.clone(), stamp);
    let ready_since = stamp(pod.ready_since.max(pod.bound_at.unwrap_or(pod.ready_since)));
    let unready = format!(
        ",\"reason\":\"ContainersNotReady\",\"message\":\"containers with unready status: [{}]\"",
        workload.key.name
    );
    let containers = pod.ready || (!contact && pod.probe);
    let why = if pod.ready || containers {
        ""
    } else {
        &unready
    };
    condition(
        text,
        "PodReadyToStartContainers",
        started.is_some(),
        &began,
        "",
    );
    *text += ",";
    condition(text, "Initialized", true, &bound, "");
    *text += ",";
    condition(text, "Ready", pod.ready, &ready_since, why);
    *text += ",";
    condition(text, "ContainersReady", containers, &ready_since, why);
    *text += ",";
    condition(text, "PodScheduled", true, &bound, "");
}

fn container(text: &mut String, pod: &Pod, workload: &Workload, revision: Option<&Revision>) {
    let name = &workload.key.name;
    let (state, started) = match pod.container {
        Container::Unbound | Container::Creating => (
            "{\"waiting\":{\"reason\":\"ContainerCreating\"}}".to_owned(),
            false,
        ),
        Container::Running { since } => (
            format!("{{\"running\":{{\"startedAt\":\"{}\"}}}}", stamp(since)),
            true,
        ),
        Container::BackOff { seconds } => {
            let span = if seconds >= 60 {
                format!("{}m{}s", seconds / 60, seconds % 60)
            } else {
                format!("{seconds}s")
            };
            let who = format!(
                "container={name} pod={}_{}({})",
                pod.name, workload.key.namespace, pod.uid
            );
            let message = format!("back-off {span} restarting failed {who}");
            (
                format!(
                    "{{\"waiting\":{{\"reason\":\"CrashLoopBackOff\",\"message\":\"{message}\"}}}}"
                ),
                false,
            )
        }
    };
    let last = pod.last.map_or_else(|| "{}".to_owned(), |l| ended(&l));
    let (image, image_id) =
        revision.map_or(("", ""), |r| (r.image.as_str(), r.print.image_id.as_str()));
    let ready = pod.probe && started;
    let running = pod.container != Container::Creating;
    *text += &format!(
        "{{\"name\":\"{name}\",\"state\":{state},\"lastState\":{last},\"ready\":{ready},\"restartCount\":{},\"image\":\"{image}\",\"imageID\":\"{}\",",
        pod.restarts,
        if running { image_id } else { "" },
    );
    if running {
        let id = if started {
            pod.container_id
        } else {
            pod.last.map_or(pod.container_id, |l| l.container)
        };
        *text += &format!("\"containerID\":\"{}\",", container_id(id));
    }
    *text += &format!("\"started\":{started}}}");
}

fn ended(last: &Ended) -> String {
    let (code, reason) = last.why.code();
    format!(
        "{{\"terminated\":{{\"exitCode\":{code},\"reason\":\"{reason}\",\"startedAt\":\"{}\",\"finishedAt\":\"{}\",\"containerID\":\"{}\"}}}}",
        stamp(last.started),
        stamp(last.finished),
        container_id(last.container)
    )
}

fn container_id(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "containerd://{number:016x}{mixed:016x}{:016x}{:016x}",
        number ^ mixed,
        mixed.rotate_left(17)
    )
}
