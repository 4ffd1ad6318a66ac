//! What a run of a restart sees of the deployment, and what it makes of that.

use super::{ANNOTATION, PATCH, guard};
use crate::course::{Answer, Call, Moment};
use crate::hands::{Hands, not_asked};
use crate::once;
use crate::plan::{ApiCall, Plan};
use crate::receipt::RunProgress;
use crate::sequence::{Steps, Took};
use crate::words::{count, percent};
use async_trait::async_trait;
use cloud::kubernetes::{self, ClusterSession};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use model::{Fact, FailureClass, NodeId, SourceFailure, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const ROLLED_OUT: &str = "restart.rolled-out";
pub(super) const QUIET: &str = "restart.no-restarts";
pub(super) const ERRORS: &str = "restart.errors";

/// Where the controller keeps the revision.
const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

/// A deployment as the run sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    at: Timestamp,
    version: Option<String>,
    stamp: Option<String>,
    revision: Option<String>,
    generation: i64,
    observed: i64,
    replicas: i64,
    updated: i64,
    ready: i64,
    total: i64,
}

impl Seen {
    fn of(object: &Value, at: Timestamp) -> Self {
        let text = |pointer: &str| {
            let value = object.pointer(pointer).and_then(Value::as_str);
            value.map(ToOwned::to_owned)
        };
        let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
        let annotations = object.pointer("/spec/template/metadata/annotations");
        let stamp = annotations.and_then(|all| all.get(ANNOTATION)?.as_str());
        Self {
            at,
            version: text("/metadata/resourceVersion"),
            stamp: stamp.map(ToOwned::to_owned),
            revision: text(REVISION),
            generation: number("/metadata/generation"),
            observed: number("/status/observedGeneration"),
            replicas: number("/spec/replicas"),
            updated: number("/status/updatedReplicas"),
            ready: number("/status/readyReplicas"),
            total: number("/status/replicas"),
        }
    }

    /// Every pod is of the newest template and ready, and no other is left.
    fn settled(&self) -> bool {
        self.observed >= self.generation
            && self.updated == self.replicas
            && self.ready == self.replicas
            && self.total == self.replicas
    }
}

/// The steps of one restart.
pub(super) struct Restarting {
    session: Option<ClusterSession>,
    node: NodeId,
    name: String,
    namespace: String,
    revision: Option<String>,
    groups: Vec<NodeId>,
    errors_before: f64,
}

impl Restarting {
    pub(super) fn new(plan: &Plan, hands: &Hands) -> Self {
        let path = plan.calls.first();
        let path = path.and_then(|call| call.parameters.get("object")?.as_str());
        let namespace = path.and_then(|path| path.split('/').nth(5));
        let text = |name: &str| plan.before.get(name).and_then(Value::as_str);
        let groups = text("target_groups").unwrap_or_default().split(',');
        let errors = plan.before.get("target_5xx_percent");
        Self {
            session: hands.cluster().cloned(),
            node: plan.node.clone(),
            name: plan.name.clone(),
            namespace: namespace.unwrap_or_default().to_owned(),
            revision: text("revision").map(ToOwned::to_owned),
            groups: groups
                .filter(|id| !id.is_empty())
                .map(NodeId::new)
                .collect(),
            errors_before: errors.and_then(Value::as_f64).unwrap_or(0.0),
        }
    }

    fn api(&self, session: &ClusterSession) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("apps", "v1", "Deployment");
        let resource = ApiResource::from_gvk_with_plural(&kind, "deployments");
        Api::namespaced_with(session.client(), &self.namespace, &resource)
    }

    fn right<'a>(&'a self, verb: &'a str, cluster: &'a str) -> kubernetes::Call<'a> {
        kubernetes::Call {
            verb,
            group: "apps",
            resource: "deployments",
            namespace: Some(&self.namespace),
            cluster,
        }
    }

    fn errors(&self, moment: &Moment<'_>) -> (bool, String) {
        let mut worst: f64 = 0.0;
        for id in &self.groups {
            let node = moment.snapshot.node(id);
            let Some(errors) = node.and_then(|n| n.facts.number(Fact::Target5xxPercent)) else {
                return (false, "no figure".to_owned());
            };
            worst = worst.max(errors);
        }
        (worst <= self.errors_before.max(1.0), percent(worst))
    }
}

#[async_trait]
impl Steps for Restarting {
    type Seen = Seen;

    fn outcome(&self) -> String {
        format!("every pod of {} was replaced", self.name)
    }

    async fn look(&mut self) -> Result<Seen, SourceFailure> {
        let session = self.session.as_ref().ok_or_else(not_asked)?;
        let path = format!(
            "/apis/apps/v1/namespaces/{}/deployments/{}",
            self.namespace, self.name
        );
        let right = self.right("get", session.name());
        let text = session.text(&path).await;
        let text = text.map_err(|failure| failure.describe(right))?;
        let object: Value = serde_json::from_str(&text).map_err(|_| SourceFailure {
            class: FailureClass::Malformed,
            sentence: format!("The API server's answer about {} is no JSON.", self.name),
            next_step: "Try again; if it stays so, look at the API server.".to_owned(),
            code: None,
            request_id: None,
        })?;
        Ok(Seen::of(&object, session.clock().now()))
    }

    async fn write(&mut self, call: &Call) -> Answer {
        let stamp = call.saw.get("stamp").and_then(Value::as_str);
        let (Some(session), Some(stamp)) = (&self.session, stamp) else {
            return Answer::Refused {
                failure: not_asked(),
            };
        };
        if call.operation != PATCH {
            return once::no_such_call(call);
        }
        // Applies to the version that was seen and to no other: a change of somebody else is a
        // conflict, answered 409.
        let patch = json!({
            "metadata": { "resourceVersion": call.saw.get("version") },
            "spec": { "template": { "metadata": { "annotations": { (ANNOTATION): stamp } } } },
        });
        let api = self.api(session);
        let params = PatchParams {
            field_manager: Some("quarterdeck".to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(&patch);
        let sent = api.patch(&self.name, &params, &patch);
        let right = self.right("patch", session.name());
        once::kubernetes(session, right, sent, |_| BTreeMap::new()).await
    }

    fn saw(&self, _call: &ApiCall, seen: &Seen) -> Value {
        json!({
            "stamp": seen.at.to_string(),
            "was": seen.stamp,
            "version": seen.version,
        })
    }

    fn changed(&self, _call: &ApiCall, seen: &Seen) -> Option<String> {
        if self.revision.is_some() && self.revision != seen.revision {
            return Some(format!(
                "{} was rolled out by somebody else: it is at revision {} now.",
                self.name,
                seen.revision.as_deref().unwrap_or("?")
            ));
        }
        (!seen.settled()).then(|| {
            format!(
                "A rollout of {} is under way: {} of {} ready.",
                self.name,
                seen.updated.min(seen.ready),
                count(seen.replicas, "pod")
            )
        })
    }

    fn took(&self, call: &Call, seen: &Seen) -> Took {
        let stamp = call.saw.get("stamp").and_then(Value::as_str);
        let was = call.saw.get("was").and_then(Value::as_str);
        match seen.stamp.as_deref() {
            now if now == stamp => Took::Yes,
            now if now == was => Took::No,
            _ => Took::Unclear(format!("{} was restarted by somebody else.", self.name)),
        }
    }

    fn progress(&self, seen: &Seen) -> RunProgress {
        RunProgress {
            moved: seen.updated.min(seen.ready),
            to_move: seen.replicas,
            counted: "pods new and ready".to_owned(),
            ..RunProgress::default()
        }
    }

    fn judge(&self, id: &str, seen: &Seen, moment: &Moment<'_>) -> (bool, String) {
        match id {
            ROLLED_OUT => (
                seen.settled(),
                format!(
                    "{} of {} new, {} ready",
                    seen.updated, seen.replicas, seen.ready
                ),
            ),
            QUIET => {
                let node = moment.snapshot.node(&self.node);
                let restarts = node.map(|node| guard::restarts(moment.snapshot, node));
                match (restarts, seen.settled()) {
                    (None, _) => (false, "not in the picture".to_owned()),
                    (Some(restarts), settled) => {
                        (settled && restarts == 0, count(restarts, "restart"))
                    }
                }
            }
            ERRORS => self.errors(moment),
            _ => (false, "not known here".to_owned()),
        }
    }
}
