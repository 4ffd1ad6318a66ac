//! Writes through the API: a changed object is read back into the state it was rendered from.
//!
//! What the state does not hold is not taken over, as a mutating admission would drop it; resources that hold
//! nothing that can be set refuse the write.

use std::sync::Arc;

use serde_json::Value;

use super::Cluster;
use super::node::NodeId;
use super::resource::Resource;
use super::spec::WorkloadKey;
use super::store::{Draft, Labels, Stored, key};
use super::workload::{Autoscaler, Held, Measure, Operation, WorkloadId};
use crate::clock::Millis;

/// Why a write was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// There is no such object.
    #[error("not found")]
    NotFound,
    /// It exists.
    #[error("already exists")]
    Exists,
    /// It has been changed since it was read.
    #[error("the object has been modified")]
    Conflict,
    /// A field cannot be so.
    #[error("{field}: {problem}")]
    Invalid {
        /// Path of the field.
        field: &'static str,
        /// What is wrong, in the words of the API server.
        problem: String,
    },
    /// A disruption budget is against it.
    #[error("it would violate the disruption budget {budget}")]
    Budget {
        /// Name of the budget.
        budget: String,
        /// Pods it needs.
        needed: u32,
        /// Pods that are healthy.
        healthy: u32,
    },
    /// The resource cannot be written so.
    #[error("not allowed")]
    NotAllowed,
}

fn invalid(field: &'static str, problem: impl Into<String>) -> WriteError {
    WriteError::Invalid {
        field,
        problem: problem.into(),
    }
}

fn at_least_zero(field: &'static str, value: &Value) -> Result<u32, WriteError> {
    match value.as_i64() {
        Some(n) if n < 0 => Err(invalid(
            field,
            format!("Invalid value: {n}: must be greater than or equal to 0"),
        )),
        Some(n) => Ok(u32::try_from(n).unwrap_or(u32::MAX)),
        None => Err(invalid(
            field,
            format!("Invalid value: {value}: must be a whole number"),
        )),
    }
}

pub(super) fn strings(value: &Value) -> Labels {
    let map = value.as_object().into_iter().flatten();
    map.map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
        .collect()
}

impl Cluster {
    /// Checks that `new` may take the place of the stored object: nothing is changed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(
        &self,
        resource: Resource,
        namespace: &str,
        name: &str,
        new: &Value,
    ) -> Result<(), WriteError> {
        let stored = self
            .store
            .get(resource, namespace, name)
            .ok_or(WriteError::NotFound)?;
        match new["metadata"]["resourceVersion"].as_str() {
            Some(version) if !version.is_empty() && version != stored.version.to_string() => {
                return Err(WriteError::Conflict);
            }
            _ => {}
        }
        let spec = &new["spec"];
        match resource {
            Resource::Deployments | Resource::StatefulSets => {
                at_least_zero("spec.replicas", &spec["replicas"]).map(drop)
            }
            Resource::HorizontalPodAutoscalers => {
                bounds(&spec["minReplicas"], &spec["maxReplicas"])
            }
            Resource::ScaledObjects => bounds(&spec["minReplicaCount"], &spec["maxReplicaCount"]),
            Resource::Applications
            | Resource::Kustomizations
            | Resource::NodePools
            | Resource::Nodes
            | Resource::ConfigMaps
            | Resource::Leases => Ok(()),
            _ => Err(WriteError::NotAllowed),
        }
    }

    /// Takes over what can be set of a changed object, at `now`, and gives the object as it is then.
    ///
    /// # Errors
    /// What is wrong with it; nothing is changed then.
    pub fn write(
        &mut self,
        resource: Resource,
        namespace: &str,
        name: &str,
        new: &Value,
        now: Millis,
    ) -> Result<Arc<Stored>, WriteError> {
        self.check(resource, namespace, name, new)?;
        self.now = self.now.max(now);
        match resource {
            Resource::Deployments | Resource::StatefulSets => {
                self.write_workload(namespace, name, new)?
            }
            Resource::HorizontalPodAutoscalers => self.write_autoscaler(namespace, name, new)?,
            Resource::ScaledObjects => self.write_scaled(namespace, name, new)?,
            Resource::Applications | Resource::Kustomizations => {
                self.write_git(resource, namespace, name, new)?
            }
            Resource::NodePools => self.write_pool(name, new)?,
            Resource::Nodes => self.write_node(name, new)?,
            _ => {
                let draft = document(namespace, name, new);
                self.store.put(resource, draft);
            }
        }
        self.reconcile_touched();
        self.store
            .get(resource, namespace, name)
            .cloned()
            .ok_or(WriteError::NotFound)
    }

    /// Who a client that writes `replicas` of a workload takes it from: manager, operation and subresource of the last
    /// writer, when the value differs from the present one.
    #[must_use]
    pub fn taken_from(
        &self,
        resource: Resource,
        namespace: &str,
        name: &str,
        replicas: &Value,
    ) -> Option<(&str, Operation, &'static str)> {
        let id = self.workload_of(resource, namespace, name)?;
        let workload = self.workload(id);
        let same = replicas.as_u64() == Some(u64::from(workload.desired));
        let by = &workload.replicas_by;
        (!same).then_some((by.manager.as_str(), by.operation, by.subresource))
    }

    /// Writes as [`Self::write`] does, and notes the manager where `replicas` change.
    ///
    /// # Errors
    /// What is wrong with it; nothing is changed then.
    #[allow(clippy::too_many_arguments)]
    pub fn write_as(
        &mut self,
        manager: &str,
        operation: Operation,
        subresource: &'static str,
        resource: Resource,
        (namespace, name): (&str, &str),
        new: &Value,
        now: Millis,
    ) -> Result<Arc<Stored>, WriteError> {
        self.check(resource, namespace, name, new)?;
        self.now = self.now.max(now);
        let replicas = &new["spec"]["replicas"];
        if self
            .taken_from(resource, namespace, name, replicas)
            .is_some()
            && let Some(id) = self.workload_of(resource, namespace, name)
        {
            self.credit(id, manager, operation, subresource);
        }
        self.write(resource, namespace, name, new, now)
    }

    fn workload_of(&self, resource: Resource, namespace: &str, name: &str) -> Option<WorkloadId> {
        matches!(resource, Resource::Deployments | Resource::StatefulSets)
            .then(|| self.find(&WorkloadKey::new(namespace, name)))?
    }

    fn write_workload(
        &mut self,
        namespace: &str,
        name: &str,
        new: &Value,
    ) -> Result<(), WriteError> {
        let id = self
            .find(&WorkloadKey::new(namespace, name))
            .ok_or(WriteError::NotFound)?;
        let replicas = at_least_zero("spec.replicas", &new["spec"]["replicas"])?;
        let mut annotations = strings(&new["metadata"]["annotations"]);
        annotations.remove("deployment.kubernetes.io/revision");
        let labels = strings(&new["metadata"]["labels"]);
        let paused = new["spec"]["paused"].as_bool().unwrap_or(false);
        let workload = self.workload_mut(id);
        (workload.annotations, workload.labels) = (annotations, labels);
        if workload.paused != paused {
            workload.paused = paused;
            workload.generation += 1;
        }
        self.set_desired(id, replicas);
        let mut template = new["spec"]["template"].clone();
        drop_nulls(&mut template);
        self.adopt_template(id, template);
        self.touch(id);
        Ok(())
    }

    fn autoscaler_of(&self, namespace: &str, name: &str) -> Option<WorkloadId> {
        self.workloads
            .iter()
            .find(|w| {
                w.key.namespace == namespace && w.hpa.as_ref().is_some_and(|h| h.name == name)
            })
            .map(|w| w.id)
    }

    fn scaled_of(&self, namespace: &str, name: &str) -> Option<WorkloadId> {
        self.workloads
            .iter()
            .find(|w| {
                w.key.namespace == namespace && w.scaled.as_ref().is_some_and(|s| s.name == name)
            })
            .map(|w| w.id)
    }

    fn write_autoscaler(
        &mut self,
        namespace: &str,
        name: &str,
        new: &Value,
    ) -> Result<(), WriteError> {
        let id = self
            .autoscaler_of(namespace, name)
            .ok_or(WriteError::NotFound)?;
        let Some(hpa) = &mut self.workload_mut(id).hpa else {
            return Err(WriteError::NotFound);
        };
        let spec = &new["spec"];
        hpa.min = at_least_zero("spec.minReplicas", &spec["minReplicas"])?;
        hpa.max = at_least_zero("spec.maxReplicas", &spec["maxReplicas"])?;
        hpa.annotations = strings(&new["metadata"]["annotations"]);
        hpa.labels = strings(&new["metadata"]["labels"]);
        let off = |way: &str| {
            spec.pointer(&format!("/behavior/{way}/selectPolicy")) == Some(&Value::from("Disabled"))
        };
        hpa.held = Held {
            up: off("scaleUp"),
            down: off("scaleDown"),
        };
        let target = spec
            .pointer("/metrics/0/resource/target/averageUtilization")
            .and_then(Value::as_u64);
        if let (Measure::Cpu(wanted), Some(target)) = (&mut hpa.measure, target) {
            *wanted = u32::try_from(target).unwrap_or(*wanted);
        }
        hpa.advice.clear();
        self.show_autoscaler(id);
        if self.workload(id).scaled.is_some() {
            // Who owns it puts it right again.
            self.tell_keda(id);
        }
        Ok(())
    }

    fn write_scaled(&mut self, namespace: &str, name: &str, new: &Value) -> Result<(), WriteError> {
        let id = self
            .scaled_of(namespace, name)
            .ok_or(WriteError::NotFound)?;
        let min = at_least_zero("spec.minReplicaCount", &new["spec"]["minReplicaCount"])?;
        let max = at_least_zero("spec.maxReplicaCount", &new["spec"]["maxReplicaCount"])?;
        let workload = self.workload_mut(id);
        let Some(scaled) = &mut workload.scaled else {
            return Err(WriteError::NotFound);
        };
        scaled.annotations = strings(&new["metadata"]["annotations"]);
        scaled.labels = strings(&new["metadata"]["labels"]);
        let length = new
            .pointer("/spec/triggers/0/metadata/queueLength")
            .and_then(Value::as_str)
            .and_then(|n| n.parse().ok())
            .unwrap_or(scaled.length);
        if (scaled.bounds, scaled.length) != ((min, max), length) {
            scaled.generation += 1;
        }
        (scaled.bounds, scaled.length) = ((min, max), length);
        self.show_scaled(id);
        self.tell_keda(id);
        Ok(())
    }

    fn write_node(&mut self, name: &str, new: &Value) -> Result<(), WriteError> {
        let found: Option<NodeId> = self.nodes.values().find(|n| &*n.name == name).map(|n| n.id);
        let id = found.ok_or(WriteError::NotFound)?;
        if let Some(node) = self.nodes.get_mut(&id) {
            node.labels = Arc::new(strings(&new["metadata"]["labels"]));
            node.annotations = strings(&new["metadata"]["annotations"]);
        }
        self.cordon(id, new["spec"]["unschedulable"].as_bool().unwrap_or(false));
        self.show_node(id);
        Ok(())
    }

    /// Creates a document: a lease or a config map.
    ///
    /// # Errors
    /// When it exists, when its namespace does not, or when the resource cannot be created so.
    pub fn create(
        &mut self,
        resource: Resource,
        namespace: &str,
        new: &Value,
        now: Millis,
    ) -> Result<Arc<Stored>, WriteError> {
        if resource == Resource::HorizontalPodAutoscalers {
            return self.create_autoscaler(namespace, new, now);
        }
        if !matches!(resource, Resource::Leases | Resource::ConfigMaps) {
            return Err(WriteError::NotAllowed);
        }
        self.store
            .get(Resource::Namespaces, "", namespace)
            .ok_or(WriteError::NotFound)?;
        let name = new["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if name.is_empty() {
            return Err(invalid(
                "metadata.name",
                "Required value: name or generateName is required",
            ));
        }
        if self.store.get(resource, namespace, &name).is_some() {
            return Err(WriteError::Exists);
        }
        let mut new = new.clone();
        new["metadata"]["namespace"] = Value::from(namespace);
        new["metadata"]["uid"] = Value::from(self.dice.uid());
        new["metadata"]["creationTimestamp"] = Value::from(now.iso());
        Ok(self.store.put(resource, document(namespace, &name, &new)))
    }

    /// Creates an autoscaler on CPU of a workload that has none yet, as `kubectl autoscale` does.
    fn create_autoscaler(
        &mut self,
        namespace: &str,
        new: &Value,
        now: Millis,
    ) -> Result<Arc<Stored>, WriteError> {
        const RESOURCE: Resource = Resource::HorizontalPodAutoscalers;
        let spec = &new["spec"];
        bounds(&spec["minReplicas"], &spec["maxReplicas"])?;
        let name = new["metadata"]["name"].as_str().unwrap_or_default();
        if self.store.get(RESOURCE, namespace, name).is_some() {
            return Err(WriteError::Exists);
        }
        let target = spec["scaleTargetRef"]["name"].as_str().unwrap_or_default();
        let unknown = format!("Invalid value: \"{target}\": there is no such workload");
        let id = self
            .find(&WorkloadKey::new(namespace, target))
            .ok_or_else(|| invalid("spec.scaleTargetRef", unknown))?;
        if let Some(other) = &self.workload(id).hpa {
            let problem = format!(
                "Invalid value: \"{target}\": already scaled by {}",
                other.name
            );
            return Err(invalid("spec.scaleTargetRef", problem));
        }
        let percent = spec
            .pointer("/metrics/0/resource/target/averageUtilization")
            .and_then(Value::as_u64)
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(80);
        let low = spec["minReplicas"].as_u64().unwrap_or(1);
        let high = spec["maxReplicas"].as_u64().unwrap_or(1);
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let uid = self.dice.uid();
        let range = (small(low), small(high));
        let mut hpa = Autoscaler::new(name.to_owned(), uid, now, range, Measure::Cpu(percent));
        hpa.desired = self.workload(id).desired;
        self.workload_mut(id).hpa = Some(hpa);
        self.show_autoscaler(id);
        let made = self.store.get(RESOURCE, namespace, name).cloned();
        made.ok_or(WriteError::NotFound)
    }

    /// Deletes a pod, gracefully, or a document.
    ///
    /// # Errors
    /// When there is none, or when the resource cannot be deleted so.
    pub fn delete(
        &mut self,
        resource: Resource,
        namespace: &str,
        name: &str,
        now: Millis,
    ) -> Result<Arc<Stored>, WriteError> {
        let stored = self
            .store
            .get(resource, namespace, name)
            .cloned()
            .ok_or(WriteError::NotFound)?;
        self.now = self.now.max(now);
        match resource {
            Resource::Pods => {
                let pod = self
                    .named
                    .get(&key(namespace, name))
                    .copied()
                    .ok_or(WriteError::NotFound)?;
                self.delete_pod(pod);
                self.reconcile_touched();
                Ok(self
                    .store
                    .get(resource, namespace, name)
                    .cloned()
                    .unwrap_or(stored))
            }
            Resource::HorizontalPodAutoscalers => {
                let id = self.autoscaler_of(namespace, name);
                let id = id.ok_or(WriteError::NotFound)?;
                self.workload_mut(id).hpa = None;
                // KEDA makes its own anew.
                self.tell_keda(id);
                let gone = self.store.remove(resource, namespace, name);
                gone.ok_or(WriteError::NotFound)
            }
            Resource::NodeClaims => {
                let claim = self.claim_named(name).ok_or(WriteError::NotFound)?;
                self.delete_claim(claim);
                self.reconcile_touched();
                let left = self.store.get(resource, namespace, name).cloned();
                Ok(left.unwrap_or(stored))
            }
            Resource::Leases | Resource::ConfigMaps => self
                .store
                .remove(resource, namespace, name)
                .ok_or(WriteError::NotFound),
            _ => Err(WriteError::NotAllowed),
        }
    }

    /// Evicts a pod, when its disruption budget lets it; `dry` only asks.
    ///
    /// # Errors
    /// When there is none, or the budget is against it.
    pub fn evict(
        &mut self,
        namespace: &str,
        name: &str,
        dry: bool,
        now: Millis,
    ) -> Result<(), WriteError> {
        let id = self
            .named
            .get(&key(namespace, name))
            .copied()
            .ok_or(WriteError::NotFound)?;
        self.may_evict(id)?;
        if !dry {
            self.now = self.now.max(now);
            self.delete_pod(id);
            self.reconcile_touched();
        }
        Ok(())
    }

    /// Whether a pod's disruption budget lets it go now.
    pub(super) fn may_evict(&self, id: super::pod::PodId) -> Result<(), WriteError> {
        let pod = self.pods.get(&id).ok_or(WriteError::NotFound)?;
        let workload = self.workload(pod.workload);
        let healthy = workload.counts.ready;
        let needed = workload.desired - workload.desired.div_ceil(5);
        // A pod that is not ready is no loss (`unhealthyPodEvictionPolicy: IfHealthyBudget`).
        let spared = !pod.ready && healthy >= needed;
        if pod.live() && healthy <= needed && !spared {
            return Err(WriteError::Budget {
                budget: workload.key.name.clone(),
                needed,
                healthy,
            });
        }
        Ok(())
    }
}

/// Typed clients write `"creationTimestamp":null` and the like: the same as leaving it out.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An object that is kept as it was written.
fn document(namespace: &str, name: &str, new: &Value) -> Draft {
    let mut metadata = new["metadata"].clone();
    let mut rest = new.clone();
    if let Some(map) = metadata.as_object_mut() {
        map.remove("resourceVersion");
        map.remove("managedFields");
    }
    if let Some(map) = rest.as_object_mut() {
        for field in ["metadata", "kind", "apiVersion"] {
            map.remove(field);
        }
    }
    let created = metadata["creationTimestamp"]
        .as_str()
        .and_then(Millis::parse_iso)
        .unwrap_or_default();
    let labels = Arc::new(strings(&metadata["labels"]));
    super::render::draft(namespace, name, created, labels, &metadata, &rest)
}

fn bounds(min: &Value, max: &Value) -> Result<(), WriteError> {
    let low = if min.is_null() {
        0
    } else {
        at_least_zero("spec.minReplicas", min)?
    };
    let high = at_least_zero("spec.maxReplicas", max)?;
    if high == 0 {
        return Err(invalid(
            "spec.maxReplicas",
            "Invalid value: 0: must be greater than 0",
        ));
    }
    if high < low {
        let problem =
            format!("Invalid value: {high}: must be greater than or equal to `minReplicas`");
        return Err(invalid("spec.maxReplicas", problem));
    }
    Ok(())
}
