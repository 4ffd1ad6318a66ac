//! Horizontal pod autoscalers and KEDA's scaled objects.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::Cluster;
use super::super::resource::Resource;
use super::super::store::Draft;
use super::super::workload::{
    Autoscaler, Held, Limited, Measure, Pause, Scaled, Workload, WorkloadId,
};
use super::{draft, metric_name, stamp};

impl Cluster {
    /// Renders a workload's autoscaler, when it has one.
    pub(in super::super) fn show_autoscaler(&mut self, id: WorkloadId) {
        let workload = self.workload(id);
        if let Some(draft) = workload
            .hpa
            .as_ref()
            .map(|hpa| autoscaler_draft(workload, hpa))
        {
            self.store.put(Resource::HorizontalPodAutoscalers, draft);
        }
    }

    /// Renders a workload's scaled object, when it has one.
    pub(in super::super) fn show_scaled(&mut self, id: WorkloadId) {
        let workload = self.workload(id);
        if let Some(draft) = workload
            .scaled
            .as_ref()
            .map(|s| self.scaled_draft(workload, s))
        {
            self.store.put(Resource::ScaledObjects, draft);
        }
    }

    fn scaled_draft(&self, workload: &Workload, scaled: &Scaled) -> Draft {
        let (min, max) = scaled.bounds;
        let labels = scaled.labels.clone();
        let metadata = json!({ "name": scaled.name, "namespace": workload.key.namespace, "uid": scaled.uid,
            "generation": scaled.generation, "creationTimestamp": stamp(scaled.created), "labels": labels,
            "annotations": scaled.annotations, "finalizers": ["finalizer.keda.sh"] });
        let (paused, held) = (scaled.paused, scaled.held());
        // KEDA says it of a pause of one direction too.
        let said = paused || held.up || held.down;
        let one = |kind: &str, yes: bool, reason: &str, message: &str| json!({ "type": kind, "status": if yes { "True" } else { "False" }, "reason": reason, "message": message });
        let active = if scaled.active {
            one(
                "Active",
                true,
                "ScalerActive",
                "Scaling is performed because triggers are active",
            )
        } else {
            one(
                "Active",
                false,
                "ScalerNotActive",
                "Scaling is not performed because triggers are not active",
            )
        };
        let mut status = json!({
            "conditions": [
                one("Ready", true, "ScaledObjectReady", "ScaledObject is defined correctly and is ready for scaling"),
                active,
                one("Fallback", false, "NoFallbackFound", "No fallbacks are active on this scaled object"),
                one("Paused", said, if said { "ScaledObjectPaused" } else { "ScaledObjectUnpaused" },
                    if said { "ScaledObject is paused" } else { "ScaledObject is unpaused" }),
            ],
            "externalMetricNames": [metric_name(workload)],
            "hpaName": scaled.hpa_name(),
            "originalReplicaCount": scaled.original,
            "scaleTargetGVKR": { "group": "apps", "kind": workload.spec.kind.as_str(),
                "resource": format!("{}s", workload.spec.kind.as_str().to_lowercase()), "version": "v1" },
            "scaleTargetKind": format!("apps/v1.{}", workload.spec.kind.as_str()),
            "triggersTypes": "aws-sqs-queue",
        });
        if let Some(at) = scaled.last_active {
            status["lastActiveTime"] = json!(stamp(at));
        }
        if let (Pause::At(n), true) = (scaled.pause(), paused) {
            status["pausedReplicaCount"] = json!(n);
        }
        let spec = json!({
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": workload.spec.kind.as_str(), "name": workload.key.name },
            "pollingInterval": 15, "cooldownPeriod": 300, "minReplicaCount": min, "maxReplicaCount": max,
            "triggers": [{ "type": "aws-sqs-queue", "authenticationRef": { "name": "keda-aws" }, "metadata": {
                "queueURL": scaled.queue_url, "queueLength": scaled.length.to_string(),
                "awsRegion": self.spec.region, "scaleOnInFlight": "false" } }],
        });
        let rest = json!({ "spec": spec, "status": status });
        draft(
            &workload.key.namespace,
            &scaled.name,
            scaled.created,
            Arc::new(labels),
            &metadata,
            &rest,
        )
    }
}

fn autoscaler_draft(workload: &Workload, hpa: &Autoscaler) -> Draft {
    let mut labels = hpa.labels.clone();
    let mut metadata = json!({ "name": hpa.name, "namespace": workload.key.namespace, "uid": hpa.uid,
        "creationTimestamp": stamp(hpa.created) });
    if let Some(scaled) = &workload.scaled {
        labels.insert("scaledobject.keda.sh/name".into(), scaled.name.clone());
        labels.insert(
            "app.kubernetes.io/managed-by".into(),
            "keda-operator".into(),
        );
        metadata["ownerReferences"] = json!([{ "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
            "name": scaled.name, "uid": scaled.uid, "controller": true, "blockOwnerDeletion": true }]);
    }
    if !labels.is_empty() {
        metadata["labels"] = json!(labels);
    }
    if !hpa.annotations.is_empty() {
        metadata["annotations"] = json!(hpa.annotations);
    }
    let (wanted, current) = metrics(workload, hpa);
    let mut status = json!({ "currentReplicas": workload.counts.replicas, "desiredReplicas": hpa.desired,
        "currentMetrics": current.map(|c| vec![c]), "conditions": conditions(workload, hpa) });
    if let Some(at) = hpa.last_scaled {
        status["lastScaleTime"] = json!(stamp(at));
    }
    let spec = json!({
        "scaleTargetRef": { "kind": workload.spec.kind.as_str(), "name": workload.key.name, "apiVersion": "apps/v1" },
        "minReplicas": hpa.min.max(1), "maxReplicas": hpa.max, "metrics": [wanted], "behavior": behavior(hpa.held),
    });
    let rest = json!({ "spec": spec, "status": status });
    draft(
        &workload.key.namespace,
        &hpa.name,
        hpa.created,
        Arc::new(labels),
        &metadata,
        &rest,
    )
}

fn behavior(held: Held) -> Value {
    let policy = |held: bool| if held { "Disabled" } else { "Max" };
    let percent = json!({ "type": "Percent", "value": 100, "periodSeconds": 15 });
    json!({
        "scaleUp": { "stabilizationWindowSeconds": 0, "selectPolicy": policy(held.up),
                     "policies": [{ "type": "Pods", "value": 4, "periodSeconds": 15 }, percent] },
        "scaleDown": { "stabilizationWindowSeconds": 300, "selectPolicy": policy(held.down), "policies": [percent] },
    })
}

fn scaled_name(workload: &Workload) -> &str {
    workload.scaled.as_ref().map_or("", |s| s.name.as_str())
}

/// The metric wanted, and the one seen.
fn metrics(workload: &Workload, hpa: &Autoscaler) -> (Value, Option<Value>) {
    match hpa.measure {
        Measure::Cpu(target) => {
            let wanted = json!({ "type": "Resource", "resource": { "name": "cpu",
                "target": { "type": "Utilization", "averageUtilization": target } } });
            let current = hpa.seen.map(|percent| {
                let milli = (percent / 100.0 * f64::from(workload.spec.requests_millicpu)).round();
                json!({ "type": "Resource", "resource": { "name": "cpu", "current": {
                    "averageValue": format!("{milli}m"), "averageUtilization": percent.round() as i64 } } })
            });
            (wanted, current)
        }
        Measure::Queue(each) => {
            let metric = json!({ "name": metric_name(workload),
                "selector": { "matchLabels": { "scaledobject.keda.sh/name": scaled_name(workload) } } });
            let wanted = json!({ "type": "External", "external": { "metric": metric,
                "target": { "type": "AverageValue", "averageValue": each.to_string() } } });
            let pods = f64::from(workload.counts.ready.max(1));
            let current = hpa.seen.map(|all| {
                let milli = (all / pods * 1000.0).round() as i64;
                let value = if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") };
                json!({ "type": "External", "external": { "metric": metric, "current": { "averageValue": value } } })
            });
            (wanted, current)
        }
    }
}

fn conditions(workload: &Workload, hpa: &Autoscaler) -> Value {
    let one = |kind: &str, yes: bool, since: String, reason: &str, message: &str| {
        json!({ "type": kind, "status": if yes { "True" } else { "False" }, "lastTransitionTime": since,
                "reason": reason, "message": message })
    };
    let born = stamp(hpa.created.plus_seconds(15));
    let limited = stamp(hpa.limited_since);
    if workload.desired == 0 {
        let words = "scaling is disabled since the replica count of the target is zero";
        return json!([
            one(
                "AbleToScale",
                true,
                born.clone(),
                "SucceededGetScale",
                "the HPA controller was able to get the target's current scale"
            ),
            one("ScalingActive", false, born, "ScalingDisabled", words),
        ]);
    }
    let held =
        hpa.limited == Limited::Free && hpa.advice.back().is_some_and(|(_, n)| *n < hpa.desired);
    let rescaled = hpa.last_scaled == Some(hpa.synced);
    let able = if rescaled {
        let words = format!(
            "the HPA controller was able to update the target scale to {}",
            hpa.desired
        );
        one(
            "AbleToScale",
            true,
            born.clone(),
            "SucceededRescale",
            &words,
        )
    } else if held {
        one(
            "AbleToScale",
            true,
            born.clone(),
            "ScaleDownStabilized",
            "recent recommendations were higher than current one, applying the highest recent recommendation",
        )
    } else {
        one(
            "AbleToScale",
            true,
            born.clone(),
            "ReadyForNewScale",
            "recommended size matches current size",
        )
    };
    let what = match hpa.measure {
        Measure::Cpu(_) => "cpu resource utilization (percentage of request)".to_owned(),
        Measure::Queue(_) => format!(
            "external metric {}(&LabelSelector{{MatchLabels:map[string]string{{scaledobject.keda.sh/name: {},}},MatchExpressions:[]LabelSelectorRequirement{{}},}})",
            metric_name(workload),
            scaled_name(workload)
        ),
    };
    let active = if hpa.seen.is_some() {
        one(
            "ScalingActive",
            true,
            born,
            "ValidMetricFound",
            &format!("the HPA was able to successfully calculate a replica count from {what}"),
        )
    } else {
        one(
            "ScalingActive",
            false,
            born,
            "FailedGetResourceMetric",
            "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API",
        )
    };
    let bound = match hpa.limited {
        Limited::AtMax => one(
            "ScalingLimited",
            true,
            limited,
            "TooManyReplicas",
            "the desired replica count is more than the maximum replica count",
        ),
        Limited::AtMin => one(
            "ScalingLimited",
            true,
            limited,
            "TooFewReplicas",
            "the desired replica count is less than the minimum replica count",
        ),
        Limited::Free => one(
            "ScalingLimited",
            false,
            limited,
            "DesiredWithinRange",
            "the desired count is within the acceptable range",
        ),
    };
    json!([able, active, bound])
}
