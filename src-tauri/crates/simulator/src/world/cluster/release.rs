//! New revisions: releases, undos and restarts.

use std::sync::Arc;

use serde_json::Value;

use super::Cluster;
use super::need::Need;
use super::spec::{WorkloadKey, WorkloadKind};
use super::template::{self, Changes};
use super::workload::{Credit, Operation, Revision, RevisionId, WorkloadId};
use crate::clock::Millis;

/// Replica sets kept scaled to zero (`revisionHistoryLimit`).
pub(super) const HISTORY: usize = 3;

impl Cluster {
    /// Starts the release of another image tag: a new revision, rolled out with surge over the next minutes.
    pub fn release(&mut self, key: &WorkloadKey, image_tag: &str, now: Millis) {
        let Some(id) = self.find(key) else { return };
        self.now = now;
        let template = template::template(
            &self.spec,
            &self.workload(id).spec,
            image_tag,
            &Changes::default(),
        );
        let cause = format!("release {image_tag}");
        self.workload_mut(id)
            .annotations
            .insert("kubernetes.io/change-cause".into(), cause);
        self.commit_tag(key, image_tag);
        self.adopt_template(id, template);
        self.reconcile_touched();
    }

    /// Whether a workload's current revision is of this image tag.
    #[must_use]
    pub fn runs(&self, key: &WorkloadKey, tag: &str) -> bool {
        let current = self.find(key).and_then(|id| self.workload(id).current());
        current.is_some_and(|revision| revision.tag == tag)
    }

    /// Undoes to the revision before the current one, as `kubectl rollout undo` does.
    pub fn rollback(&mut self, key: &WorkloadKey, now: Millis) {
        let Some(id) = self.find(key) else { return };
        self.now = now;
        let before = self.workload(id).previous();
        let Some((template, tag)) = before.map(|r| (r.template.clone(), r.tag.clone())) else {
            return;
        };
        self.commit_tag(key, &tag);
        self.adopt_template(id, template);
        self.reconcile_touched();
    }

    /// Makes a template current: by the revision that has it already, with a new number, or by a new one.
    pub(super) fn adopt_template(&mut self, id: WorkloadId, template: Value) {
        let now = self.now;
        let workload = self.workload(id);
        if workload.current().is_some_and(|r| r.template == template) {
            return;
        }
        let number = workload
            .revisions
            .iter()
            .map(|r| r.number)
            .max()
            .unwrap_or(0)
            + 1;
        let known = workload
            .revisions
            .iter()
            .find(|r| r.template == template)
            .map(|r| r.id);
        let revision = known.unwrap_or_else(|| self.new_revision(id, template, number, now));
        let workload = self.workload_mut(id);
        if let Some(r) = workload.revision_mut(revision) {
            r.number = number;
        }
        workload.current = revision;
        workload.generation += 1;
        workload.rolling = Some(now);
        workload.progressed = now;
        self.drop_old_revisions(id);
        self.touch(id);
    }

    /// A revision from a template, with its replica set still at zero.
    pub(super) fn new_revision(
        &mut self,
        id: WorkloadId,
        template: Value,
        number: u32,
        created: Millis,
    ) -> RevisionId {
        let uid = self.dice.uid();
        let workload = self.workload(id);
        let revision = RevisionId(workload.next_revision);
        let image = template["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let hash = template::hash_of(&workload.key.name, &template);
        let labels = template::pod_labels(&workload.spec, &template, &hash);
        let set = format!("{}-{hash}", workload.key.name);
        let owner = match workload.spec.kind {
            WorkloadKind::Deployment => ("ReplicaSet", set.as_str(), uid.as_str()),
            WorkloadKind::StatefulSet => (
                "StatefulSet",
                workload.key.name.as_str(),
                workload.uid.as_str(),
            ),
        };
        let print = template::print(&workload.spec, &template, &labels, owner, &image);
        let tag = template::split_image(&image).1.to_owned();
        let made = Revision {
            id: revision,
            number,
            hash,
            uid,
            created,
            image,
            tag,
            labels,
            need: Arc::new(Need::of(&template)),
            print,
            template,
            replicas: 0,
            staying: 0,
            ready: 0,
            going: 0,
            made: 0,
            generation: 1,
        };
        let workload = self.workload_mut(id);
        workload.next_revision += 1;
        workload.revisions.push(made);
        revision
    }

    /// Drops the oldest empty replica sets beyond the history limit.
    fn drop_old_revisions(&mut self, id: WorkloadId) {
        loop {
            let workload = self.workload(id);
            let in_use = |r: &Revision| {
                r.id == workload.current
                    || workload
                        .pods
                        .iter()
                        .filter_map(|p| self.pods.get(p))
                        .any(|p| p.revision == r.id)
            };
            let idle: Vec<&Revision> = workload.revisions.iter().filter(|r| !in_use(r)).collect();
            if idle.len() <= HISTORY {
                return;
            }
            let Some(oldest) = idle.iter().min_by_key(|r| r.number) else {
                return;
            };
            let (gone, set, namespace) = (
                oldest.id,
                workload.replica_set(oldest),
                workload.key.namespace.clone(),
            );
            self.workload_mut(id).revisions.retain(|r| r.id != gone);
            self.store
                .remove(super::resource::Resource::ReplicaSets, &namespace, &set);
        }
    }

    /// Notes who writes `spec.replicas` now.
    pub(super) fn credit(
        &mut self,
        id: WorkloadId,
        manager: &str,
        operation: Operation,
        subresource: &'static str,
    ) {
        let time = self.now;
        self.workload_mut(id).replicas_by = Credit {
            manager: manager.to_owned(),
            operation,
            subresource,
            time,
        };
    }

    /// Sets the replicas wanted, as a write of the scale subresource does.
    pub(super) fn set_desired(&mut self, id: WorkloadId, replicas: u32) {
        let workload = self.workload_mut(id);
        if workload.desired != replicas {
            workload.desired = replicas;
            workload.generation += 1;
            self.touch(id);
        }
    }
}
