//! Argo CD's Applications and Flux' Kustomizations.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Cluster;
use super::super::git::Git;
use super::super::resource::Resource;
use super::super::spec::GitOps;
use super::super::workload::{Workload, WorkloadId};
use super::{draft, stamp};

impl Cluster {
    /// Renders what keeps a workload as git has it.
    pub(in super::super) fn show_git(&mut self, id: WorkloadId) {
        let workload = self.workload(id);
        let Some(git) = &workload.git else { return };
        let mut metadata = json!({ "name": workload.key.name, "namespace": git.namespace(), "uid": git.uid,
            "generation": git.generation, "creationTimestamp": stamp(git.created) });
        if !git.labels.is_empty() {
            metadata["labels"] = json!(git.labels);
        }
        if !git.annotations.is_empty() {
            metadata["annotations"] = json!(git.annotations);
        }
        let (resource, status) = match git.tool {
            GitOps::ArgoCd => (Resource::Applications, application(workload, git)),
            GitOps::Flux => (Resource::Kustomizations, kustomization(workload, git)),
        };
        let rest = json!({ "spec": git.spec, "status": status });
        let labels = Arc::new(git.labels.clone());
        let name = workload.key.name.clone();
        let draft = draft(
            git.namespace(),
            &name,
            git.created,
            labels,
            &metadata,
            &rest,
        );
        self.store.put(resource, draft);
    }
}

fn application(workload: &Workload, git: &Git) -> Value {
    let sync = if git.drifted.is_some() {
        "OutOfSync"
    } else {
        "Synced"
    };
    let health = if workload.counts.ready >= workload.desired {
        "Healthy"
    } else {
        "Progressing"
    };
    let applied = stamp(git.applied);
    json!({
        "sync": { "status": sync, "revision": git.revision,
                  "comparedTo": { "source": git.spec["source"], "destination": git.spec["destination"] } },
        "health": { "status": health },
        "reconciledAt": stamp(git.looked),
        "resources": [{ "group": "apps", "version": "v1", "kind": workload.spec.kind.as_str(),
            "namespace": workload.key.namespace, "name": workload.key.name, "status": sync,
            "health": { "status": health } }],
        "operationState": { "phase": "Succeeded", "message": "successfully synced (all tasks run)",
            "startedAt": applied, "finishedAt": applied,
            "operation": { "initiatedBy": { "automated": true }, "sync": { "revision": git.revision } } },
    })
}

fn kustomization(workload: &Workload, git: &Git) -> Value {
    let revision = format!("main@sha1:{}", git.revision);
    let id = format!(
        "{}_{}_apps_{}",
        workload.key.namespace,
        workload.key.name,
        workload.spec.kind.as_str()
    );
    json!({
        "observedGeneration": git.observed,
        "lastAppliedRevision": revision, "lastAttemptedRevision": revision,
        "inventory": { "entries": [{ "id": id, "v": "v1" }] },
        "conditions": [{ "type": "Ready", "status": "True", "reason": "ReconciliationSucceeded",
            "message": format!("Applied revision: {revision}"), "lastTransitionTime": stamp(git.looked),
            "observedGeneration": git.observed }],
    })
}
