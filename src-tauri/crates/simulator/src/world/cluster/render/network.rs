//! What surrounds a workload: service, endpoint slices, ingress, target group binding, config map, service account;
//! and namespaces and leases.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Cluster;
use super::super::node::NodeId;
use super::super::pod::{Pod, PodId};
use super::super::resource::Resource;
use super::super::store::{Draft, Labels};
use super::super::workload::{Slice, Workload, WorkloadId};
use super::workload::sister_uid;
use super::{draft, stamp};
use crate::clock::Millis;

/// Endpoints in one slice (`--max-endpoints-per-slice`).
const SLICE: usize = 100;

impl Cluster {
    /// A namespace.
    pub(in super::super) fn namespace_draft(&mut self, name: &str, created: Millis) -> Draft {
        let labels: Labels = [("kubernetes.io/metadata.name".to_owned(), name.to_owned())].into();
        let metadata = json!({ "name": name, "uid": self.dice.uid(), "creationTimestamp": stamp(created), "labels": labels });
        let rest =
            json!({ "spec": { "finalizers": ["kubernetes"] }, "status": { "phase": "Active" } });
        draft("", name, created, Arc::new(labels), &metadata, &rest)
    }

    /// A node's lease. Its renewals are not written: they would be most of the traffic and tell nothing.
    pub(in super::super) fn show_lease(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(&id) else {
            return;
        };
        let metadata = json!({ "name": &*node.name, "namespace": "kube-node-lease", "uid": sister_uid(&node.uid, 'l'),
            "creationTimestamp": stamp(node.created),
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Node", "name": &*node.name, "uid": node.uid }] });
        let renewed = format!("{}000Z", self.now.iso_millis().trim_end_matches('Z'));
        let rest = json!({ "spec": { "holderIdentity": &*node.name, "leaseDurationSeconds": 40, "renewTime": renewed } });
        let draft = draft(
            "kube-node-lease",
            &node.name,
            node.created,
            Arc::default(),
            &metadata,
            &rest,
        );
        self.store.put(Resource::Leases, draft);
    }

    /// Renders once what a workload is surrounded with.
    pub(in super::super) fn show_surroundings(&mut self, id: WorkloadId) {
        let workload = self.workload(id);
        let mut drafts = vec![(Resource::ServiceAccounts, service_account(workload))];
        if !workload.spec.config.is_empty() {
            drafts.push((Resource::ConfigMaps, config_map(workload)));
        }
        if workload.spec.service.is_some() {
            drafts.push((Resource::Services, self.service(workload)));
            if let Some(arn) = &workload.spec.target_group_arn {
                drafts.push((
                    Resource::TargetGroupBindings,
                    target_group_binding(workload, arn),
                ));
            }
            if let Some(ingress) = &workload.spec.ingress {
                drafts.push((
                    Resource::Ingresses,
                    ingress_draft(workload, &ingress.host, &ingress.load_balancer),
                ));
            }
        }
        for (resource, draft) in drafts {
            self.store.put(resource, draft);
        }
    }

    /// The claim and the volume of a numbered pod: EBS volumes stay in the zone they were made in.
    pub(in super::super) fn show_volume(&mut self, id: WorkloadId, ordinal: u32) {
        let workload = self.workload(id);
        let zone = workload
            .homes
            .get(&ordinal)
            .map_or("", |az| self.az_name(*az));
        let uid = sister_uid(
            &workload.uid,
            char::from_u32(0x100 + ordinal).unwrap_or('v'),
        );
        let (claim, volume) = (
            format!("data-{}-{ordinal}", workload.key.name),
            format!("pvc-{uid}"),
        );
        let namespace = &workload.key.namespace;
        let id = format!("vol-0{:016x}", super::super::dice::hash(&uid));
        let labels = Labels::from([(
            "app.kubernetes.io/name".to_owned(),
            workload.key.name.clone(),
        )]);
        let size = json!({ "storage": "100Gi" });
        let claim_metadata = json!({ "name": claim, "namespace": namespace, "uid": uid, "labels": labels,
            "creationTimestamp": stamp(workload.created), "finalizers": ["kubernetes.io/pvc-protection"] });
        let claimed = json!({
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": size },
                      "volumeName": volume, "storageClassName": "gp3", "volumeMode": "Filesystem" },
            "status": { "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": size },
        });
        let affinity = json!({ "required": { "nodeSelectorTerms": [{ "matchExpressions": [
            { "key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone] }] }] } });
        let volume_metadata = json!({ "name": volume, "uid": sister_uid(&uid, 'v'),
            "creationTimestamp": stamp(workload.created), "finalizers": ["kubernetes.io/pv-protection"] });
        let made = json!({
            "spec": { "capacity": size, "accessModes": ["ReadWriteOnce"], "storageClassName": "gp3",
                      "persistentVolumeReclaimPolicy": "Delete", "volumeMode": "Filesystem",
                      "csi": { "driver": "ebs.csi.aws.com", "fsType": "ext4", "volumeHandle": id },
                      "claimRef": { "kind": "PersistentVolumeClaim", "apiVersion": "v1", "name": claim,
                                    "namespace": namespace, "uid": uid },
                      "nodeAffinity": affinity },
            "status": { "phase": "Bound" },
        });
        let born = workload.created;
        let claim = draft(
            namespace,
            &claim,
            born,
            Arc::new(labels),
            &claim_metadata,
            &claimed,
        );
        let volume = draft("", &volume, born, Arc::default(), &volume_metadata, &made);
        self.store.put(Resource::PersistentVolumeClaims, claim);
        self.store.put(Resource::PersistentVolumes, volume);
    }

    fn service(&self, workload: &Workload) -> Draft {
        let port = workload.spec.service.map_or(80, |s| s.port);
        let hash = super::super::dice::hash(&workload.service_uid);
        let ip = format!("172.20.{}.{}", hash % 256, hash / 256 % 254 + 1);
        let spec = json!({
            "ports": [{ "name": "http", "protocol": "TCP", "port": port, "targetPort": "http" }],
            "selector": { "app.kubernetes.io/name": workload.key.name },
            "clusterIP": ip, "clusterIPs": [ip], "type": "ClusterIP", "sessionAffinity": "None",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
        });
        beside(
            workload,
            &workload.service_uid,
            None,
            &json!({ "spec": spec, "status": { "loadBalancer": {} } }),
        )
    }

    /// Renders the endpoint slices of a workload whose pods changed.
    pub(in super::super) fn show_slices(&mut self, id: WorkloadId) {
        let now = self.now;
        for index in 0..self.workload(id).slices.len() {
            let slice = &mut self.workload_mut(id).slices[index];
            if !std::mem::take(&mut slice.stale) {
                continue;
            }
            slice.generation += 1;
            slice.changed = now;
            let workload = self.workload(id);
            let slice = &workload.slices[index];
            let draft = slice_draft(workload, slice, &self.endpoints(workload, slice));
            self.store.put(Resource::EndpointSlices, draft);
        }
    }

    /// Has the slice of a pod rendered again; a pod that has an address gets into the first one with room.
    pub(in super::super) fn refresh_slice(&mut self, id: PodId) {
        let Some(pod) = self.pods.get(&id) else {
            return;
        };
        let (workload, slice) = (pod.workload, pod.slice);
        if self.workload(workload).spec.service.is_none() || pod.started_at.is_none() {
            return;
        }
        let index = slice.map(usize::from).unwrap_or_else(|| {
            let slices = &self.workload(workload).slices;
            let room = slices.iter().position(|s| s.pods.len() < SLICE);
            room.unwrap_or_else(|| self.new_slice(workload))
        });
        let slice = &mut self.workload_mut(workload).slices[index];
        slice.pods.insert(id);
        slice.stale = true;
        if let Some(pod) = self.pods.get_mut(&id) {
            pod.slice = u16::try_from(index).ok();
        }
    }

    fn new_slice(&mut self, id: WorkloadId) -> usize {
        let (suffix, uid, now) = (self.dice.suffix(5), self.dice.uid(), self.now);
        let workload = self.workload_mut(id);
        let name = format!("{}-{suffix}", workload.key.name);
        workload.slices.push(Slice {
            name,
            uid,
            pods: BTreeSet::new(),
            generation: 0,
            changed: now,
            stale: true,
        });
        workload.slices.len() - 1
    }

    /// The endpoints of a slice as text: with a hundred of them it is rendered too often for values.
    fn endpoints(&self, workload: &Workload, slice: &Slice) -> String {
        let all = slice.pods.iter().filter_map(|p| self.pods.get(p));
        let all: Vec<String> = all.map(|p| self.endpoint(workload, p)).collect();
        format!("[{}]", all.join(","))
    }

    fn endpoint(&self, workload: &Workload, pod: &Pod) -> String {
        let node = pod.node.and_then(|n| self.nodes.get(&n));
        let (host, zone) = node.map_or(("", ""), |n| (&n.name, self.az_name(n.az)));
        let ip = pod.ip.map(|ip| ip.to_string()).unwrap_or_default();
        let (ready, going) = (pod.ready && pod.live(), !pod.live());
        let conditions = format!(
            "{{\"ready\":{ready},\"serving\":{},\"terminating\":{going}}}",
            pod.ready
        );
        let target = format!(
            "{{\"kind\":\"Pod\",\"namespace\":\"{}\",\"name\":\"{}\",\"uid\":\"{}\"}}",
            workload.key.namespace, pod.name, pod.uid
        );
        format!(
            "{{\"addresses\":[\"{ip}\"],\"conditions\":{conditions},\"targetRef\":{target},\"nodeName\":\"{host}\",\"zone\":\"{zone}\"}}"
        )
    }
}

fn slice_draft(workload: &Workload, slice: &Slice, endpoints: &str) -> Draft {
    let labels: Labels = [
        (
            "endpointslice.kubernetes.io/managed-by",
            "endpointslice-controller.k8s.io",
        ),
        ("kubernetes.io/service-name", &workload.key.name),
    ]
    .into_iter()
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .collect();
    let metadata = json!({
        "name": slice.name, "generateName": format!("{}-", workload.key.name), "namespace": workload.key.namespace,
        "uid": slice.uid, "generation": slice.generation, "creationTimestamp": stamp(workload.created), "labels": labels,
        "annotations": { "endpoints.kubernetes.io/last-change-trigger-time": stamp(slice.changed) },
        "ownerReferences": [{ "apiVersion": "v1", "kind": "Service", "name": workload.key.name,
            "uid": workload.service_uid, "controller": true, "blockOwnerDeletion": true }],
    });
    let port = workload.spec.service.map_or(8080, |s| s.target_port);
    let rest = json!({ "addressType": "IPv4",
                       "ports": [{ "name": "http", "protocol": "TCP", "port": port }] });
    let (namespace, labels) = (&workload.key.namespace, Arc::new(labels));
    let mut draft = draft(
        namespace,
        &slice.name,
        workload.created,
        labels,
        &metadata,
        &rest,
    );
    draft.text.pop();
    draft.text += ",\"endpoints\":";
    draft.text += endpoints;
    draft.text.push('}');
    draft
}

/// An object that carries the workload's name and labels.
fn beside(workload: &Workload, uid: &str, annotations: Option<Value>, rest: &Value) -> Draft {
    named(workload, &workload.key.name, uid, annotations, rest)
}

fn named(
    workload: &Workload,
    name: &str,
    uid: &str,
    annotations: Option<Value>,
    rest: &Value,
) -> Draft {
    let mut metadata = json!({ "name": name, "namespace": workload.key.namespace, "uid": uid,
        "creationTimestamp": stamp(workload.created), "labels": workload.labels });
    if let Some(annotations) = annotations {
        metadata["annotations"] = annotations;
    }
    let labels = Arc::new(workload.labels.clone());
    draft(
        &workload.key.namespace,
        name,
        workload.created,
        labels,
        &metadata,
        rest,
    )
}

fn service_account(workload: &Workload) -> Draft {
    let annotations = workload
        .spec
        .role_arn
        .as_ref()
        .map(|arn| json!({ "eks.amazonaws.com/role-arn": arn }));
    beside(
        workload,
        &sister_uid(&workload.uid, 'a'),
        annotations,
        &json!({}),
    )
}

fn config_map(workload: &Workload) -> Draft {
    let data: Labels = workload.spec.config.iter().cloned().collect();
    let name = format!("{}-config", workload.key.name);
    named(
        workload,
        &name,
        &sister_uid(&workload.uid, 'c'),
        None,
        &json!({ "data": data }),
    )
}

/// <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/targetgroupbinding/spec/>
fn target_group_binding(workload: &Workload, arn: &str) -> Draft {
    let port = workload.spec.service.map_or(80, |s| s.port);
    let rest = json!({
        "spec": { "targetGroupARN": arn, "targetType": "ip", "ipAddressType": "ipv4",
                  "serviceRef": { "name": workload.key.name, "port": port } },
        "status": { "observedGeneration": 1 },
    });
    beside(workload, &sister_uid(&workload.uid, 't'), None, &rest)
}

fn ingress_draft(workload: &Workload, host: &str, load_balancer: &str) -> Draft {
    let annotations = json!({
        "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTPS\":443}]",
        "alb.ingress.kubernetes.io/scheme": if load_balancer.starts_with("internal-") { "internal" } else { "internet-facing" },
        "alb.ingress.kubernetes.io/target-type": "ip",
    });
    let backend = json!({ "service": { "name": workload.key.name, "port": { "name": "http" } } });
    let rest = json!({
        "spec": { "ingressClassName": "alb", "rules": [{ "host": host, "http": { "paths": [
            { "path": "/", "pathType": "Prefix", "backend": backend } ] } }] },
        "status": { "loadBalancer": { "ingress": [{ "hostname": load_balancer }] } },
    });
    beside(
        workload,
        &sister_uid(&workload.uid, 'i'),
        Some(annotations),
        &rest,
    )
}
