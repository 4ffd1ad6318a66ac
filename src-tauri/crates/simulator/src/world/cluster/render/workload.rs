//! Deployments, replica sets, stateful sets and disruption budgets.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Cluster;
use super::super::resource::Resource;
use super::super::rollout::PROGRESS_DEADLINE_SECONDS;
use super::super::spec::WorkloadKind;
use super::super::store::{Draft, Labels};
use super::super::workload::{Operation, Revision, Workload, WorkloadId};
use super::{draft, stamp};

impl Cluster {
    /// Counts a workload's pods again, and renders it and what follows from it.
    pub(in super::super) fn show_workload(&mut self, id: WorkloadId) {
        self.recount(id);
        let workload = self.workload(id);
        let mut drafts: Vec<(Resource, Draft)> = Vec::new();
        match workload.spec.kind {
            WorkloadKind::Deployment => {
                for revision in &workload.revisions {
                    drafts.push((Resource::ReplicaSets, replica_set_draft(workload, revision)));
                }
                drafts.push((Resource::Deployments, self.deployment_draft(workload)));
            }
            WorkloadKind::StatefulSet => {
                drafts.push((Resource::StatefulSets, stateful_set_draft(workload)))
            }
        }
        drafts.push((Resource::PodDisruptionBudgets, self.budget_draft(workload)));
        for (resource, draft) in drafts {
            self.store.put(resource, draft);
        }
        self.show_slices(id);
    }

    fn deployment_draft(&self, workload: &Workload) -> Draft {
        let number = workload.current().map_or(1, |r| r.number);
        let mut annotations = workload.annotations.clone();
        annotations.insert(
            "deployment.kubernetes.io/revision".into(),
            number.to_string(),
        );
        let counts = workload.counts;
        let mut status = json!({ "observedGeneration": workload.generation, "replicas": counts.replicas,
            "updatedReplicas": counts.updated, "readyReplicas": counts.ready, "availableReplicas": counts.ready,
            "terminatingReplicas": counts.terminating, "conditions": self.deployment_conditions(workload) });
        let missing = counts.replicas.saturating_sub(counts.ready);
        if missing > 0 {
            status["unavailableReplicas"] = json!(missing);
        }
        drop_zeros(&mut status);
        let mut spec = json!({
            "replicas": workload.desired,
            "selector": selector(workload),
            "template": workload.current().map(|r| &r.template),
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "10%", "maxSurge": "25%" } },
            "revisionHistoryLimit": super::super::release::HISTORY,
            "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
        });
        if workload.paused {
            spec["paused"] = json!(true);
        }
        of_workload(workload, &annotations, &spec, &status)
    }

    fn deployment_conditions(&self, workload: &Workload) -> Value {
        let (yes, reason, message) = if workload.available {
            (
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        let set = workload
            .current()
            .map(|r| workload.replica_set(r))
            .unwrap_or_default();
        let progressed = stamp(workload.progressed);
        let began = stamp(workload.rolling.unwrap_or(workload.created));
        let late = self.now.since(workload.progressed) > PROGRESS_DEADLINE_SECONDS * 1000;
        let (going, why, words) = match workload.rolling {
            None => (
                "True",
                "NewReplicaSetAvailable",
                format!("ReplicaSet \"{set}\" has successfully progressed."),
            ),
            Some(_) if workload.paused => (
                "Unknown",
                "DeploymentPaused",
                "Deployment is paused".to_owned(),
            ),
            Some(_) if late => (
                "False",
                "ProgressDeadlineExceeded",
                format!("ReplicaSet \"{set}\" has timed out progressing."),
            ),
            Some(_) => (
                "True",
                "ReplicaSetUpdated",
                format!("ReplicaSet \"{set}\" is progressing."),
            ),
        };
        let since = stamp(workload.available_since);
        json!([
            { "type": "Available", "status": yes, "lastUpdateTime": since, "lastTransitionTime": since,
              "reason": reason, "message": message },
            { "type": "Progressing", "status": going, "lastUpdateTime": progressed, "lastTransitionTime": began,
              "reason": why, "message": words },
        ])
    }

    fn budget_draft(&self, workload: &Workload) -> Draft {
        let (expected, healthy) = (workload.desired, workload.counts.ready);
        let needed = expected - (expected.div_ceil(5)).min(expected);
        let allowed = healthy.saturating_sub(needed);
        let (yes, reason) = if allowed > 0 {
            ("True", "SufficientPods")
        } else {
            ("False", "InsufficientPods")
        };
        let metadata = json!({ "name": workload.key.name, "namespace": workload.key.namespace,
            "uid": sister_uid(&workload.uid, 'b'), "generation": 1, "creationTimestamp": stamp(workload.created),
            "labels": workload.labels });
        let rest = json!({
            "spec": { "selector": selector(workload), "maxUnavailable": "20%" },
            "status": { "observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": healthy,
                "desiredHealthy": needed, "expectedPods": expected,
                "conditions": [{ "type": "DisruptionAllowed", "status": yes, "observedGeneration": 1,
                    "lastTransitionTime": stamp(workload.available_since), "reason": reason, "message": "" }] },
        });
        let labels = Arc::new(workload.labels.clone());
        draft(
            &workload.key.namespace,
            &workload.key.name,
            workload.created,
            labels,
            &metadata,
            &rest,
        )
    }
}

fn replica_set_draft(workload: &Workload, revision: &Revision) -> Draft {
    let name = workload.replica_set(revision);
    let (all, ready) = (revision.staying, revision.ready);
    let surge = workload.surge();
    let cause = format!("release {}", revision.tag);
    let annotations = json!({
        "deployment.kubernetes.io/desired-replicas": workload.desired.to_string(),
        "deployment.kubernetes.io/max-replicas": (workload.desired + surge).to_string(),
        "deployment.kubernetes.io/revision": revision.number.to_string(),
        "kubernetes.io/change-cause": cause,
    });
    let metadata = json!({
        "name": name, "namespace": workload.key.namespace, "uid": revision.uid, "generation": revision.generation,
        "creationTimestamp": stamp(revision.created), "labels": *revision.labels, "annotations": annotations,
        "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": workload.key.name,
                              "uid": workload.uid, "controller": true, "blockOwnerDeletion": true }],
    });
    let mut template = revision.template.clone();
    template["metadata"]["labels"]["pod-template-hash"] = json!(revision.hash);
    let mut status = json!({ "replicas": all, "fullyLabeledReplicas": all, "readyReplicas": ready,
            "availableReplicas": ready, "terminatingReplicas": revision.going,
            "observedGeneration": revision.generation });
    drop_zeros(&mut status);
    status["replicas"] = json!(all);
    let mut selector = selector(workload);
    selector["matchLabels"]["pod-template-hash"] = json!(revision.hash);
    let rest = json!({ "spec": { "replicas": revision.replicas, "selector": selector, "template": template },
                           "status": status });
    draft(
        &workload.key.namespace,
        &name,
        revision.created,
        revision.labels.clone(),
        &metadata,
        &rest,
    )
}

fn stateful_set_draft(workload: &Workload) -> Draft {
    let counts = workload.counts;
    let name = |r: Option<&Revision>| r.map(|r| workload.replica_set(r)).unwrap_or_default();
    let update = name(workload.current());
    let current = if workload.rolling.is_some() {
        name(workload.previous())
    } else {
        update.clone()
    };
    let status = json!({
        "observedGeneration": workload.generation, "replicas": counts.replicas, "readyReplicas": counts.ready,
        "availableReplicas": counts.ready, "updatedReplicas": counts.updated,
        "currentReplicas": if workload.rolling.is_some() { counts.replicas - counts.updated } else { counts.replicas },
        "currentRevision": current, "updateRevision": update, "collisionCount": 0,
    });
    let spec = json!({
        "replicas": workload.desired, "selector": selector(workload),
        "template": workload.current().map(|r| &r.template), "serviceName": workload.key.name,
        "volumeClaimTemplates": [{ "kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": { "name": "data" },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "100Gi" } },
                      "storageClassName": "gp3", "volumeMode": "Filesystem" }, "status": { "phase": "Pending" } }],
        "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10,
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
        "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Retain", "whenScaled": "Retain" },
    });
    of_workload(workload, &workload.annotations, &spec, &status)
}

fn of_workload(workload: &Workload, annotations: &Labels, spec: &Value, status: &Value) -> Draft {
    let metadata = json!({ "name": workload.key.name, "namespace": workload.key.namespace, "uid": workload.uid,
        "generation": workload.generation, "creationTimestamp": stamp(workload.created), "labels": workload.labels,
        "annotations": annotations, "managedFields": managed_fields(workload) });
    let labels = Arc::new(workload.labels.clone());
    let rest = json!({ "spec": spec, "status": status });
    draft(
        &workload.key.namespace,
        &workload.key.name,
        workload.created,
        labels,
        &metadata,
        &rest,
    )
}

/// Who manages what, as far as the simulation knows it: `spec.replicas` by its last writer, the rest of the spec by
/// who keeps it, the status by the controllers
/// (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>).
fn managed_fields(workload: &Workload) -> Value {
    let (keeper, how) = workload.git.as_ref().map_or(
        ("kubectl-client-side-apply", Operation::Update),
        super::super::git::Git::manager,
    );
    let by = &workload.replicas_by;
    let together = by.manager == keeper && by.operation == how && by.subresource.is_empty();
    let entry = |manager: &str, how: Operation, time, fields: Value, subresource: &str| {
        let mut entry = json!({ "manager": manager, "operation": how.as_str(), "apiVersion": "apps/v1",
            "time": stamp(time), "fieldsType": "FieldsV1", "fieldsV1": fields });
        if !subresource.is_empty() {
            entry["subresource"] = json!(subresource);
        }
        entry
    };
    let names = |labels: &Labels| -> Value {
        let all = labels.keys().map(|k| (format!("f:{k}"), json!({})));
        Value::Object(all.collect())
    };
    let metadata = json!({ "f:annotations": names(&workload.annotations), "f:labels": names(&workload.labels) });
    let mut spec = json!({ "f:selector": {}, "f:template": {} });
    if together {
        spec["f:replicas"] = json!({});
    }
    let since = workload.progressed;
    let fields = json!({ "f:metadata": metadata, "f:spec": spec });
    let mut all = vec![entry(keeper, how, since, fields, "")];
    if !together {
        let fields = json!({ "f:spec": { "f:replicas": {} } });
        all.push(entry(
            &by.manager,
            by.operation,
            by.time,
            fields,
            by.subresource,
        ));
    }
    let fields = json!({ "f:status": { "f:conditions": {}, "f:observedGeneration": {}, "f:readyReplicas": {}, "f:replicas": {} } });
    let controller = "kube-controller-manager";
    all.push(entry(
        controller,
        Operation::Update,
        since,
        fields,
        "status",
    ));
    json!(all)
}

fn selector(workload: &Workload) -> Value {
    json!({ "matchLabels": { "app.kubernetes.io/name": workload.key.name } })
}

/// Counts of zero are left out, as `omitempty` does; `observedGeneration` and `terminatingReplicas` stay.
fn drop_zeros(status: &mut Value) {
    if let Some(map) = status.as_object_mut() {
        map.retain(|k, v| v != 0 || k == "terminatingReplicas" || k == "observedGeneration");
    }
}

/// A uid that follows from another, for objects that live and die with it.
pub(super) fn sister_uid(uid: &str, mark: char) -> String {
    let hash = super::super::dice::hash(&format!("{uid}{mark}"));
    format!(
        "{:08x}{}{:012x}",
        hash >> 32,
        &uid[8..24],
        hash & 0xffff_ffff_ffff
    )
}
