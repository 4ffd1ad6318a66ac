//! The steps of an undo: the template of the replica set becomes the deployment's, once, while the
//! deployment is still at the revision the undo was planned for.

use crate::course::{Answer, Call, Moment};
use crate::hands::{Hands, not_asked};
use crate::object::{Object, Resource, overtaken, read, send};
use crate::once::no_such_call;
use crate::plan::{ApiCall, Plan};
use crate::receipt::RunProgress;
use crate::sequence::{Steps, Took};
use crate::words::count;
use crate::workload::near;
use crate::workload::scale::judge::Replicas;
use async_trait::async_trait;
use cloud::kubernetes::ClusterSession;
use model::{Fact, FailureClass, NodeId, SourceFailure, Timestamp};
use serde_json::{Value, json};

/// The call of an undo.
pub(super) const UNDO: &str = "kubernetes:patch deployments";
/// Every replica has the old template and is ready.
pub(super) const ROLLED: &str = "undo.rolled-out";
/// No pod restarts.
pub(super) const STEADY: &str = "undo.steady";

const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";
const HASH: &str = "pod-template-hash";

/// The deployment and the replica set of the revision.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    deployment: Value,
    set: Value,
}

impl Pair {
    /// The replica set's template as a deployment has it: without the hash its controller puts on.
    fn template(&self) -> Option<Value> {
        let mut template = self.set.pointer("/spec/template")?.clone();
        let labels = template.pointer_mut("/metadata/labels");
        if let Some(labels) = labels.and_then(Value::as_object_mut) {
            labels.remove(HASH);
        }
        Some(template)
    }

    fn revision(&self) -> Option<&str> {
        self.deployment.pointer(REVISION)?.as_str()
    }

    fn done(&self) -> bool {
        let now = self.deployment.pointer("/spec/template");
        now.is_some() && now == self.template().as_ref()
    }
}

pub(super) struct UndoSteps {
    session: Option<ClusterSession>,
    deployment: Option<Object>,
    set: Option<Object>,
    node: NodeId,
    name: String,
    from: String,
    to: String,
    /// The run began.
    began: Timestamp,
}

impl UndoSteps {
    pub(super) fn new(plan: &Plan, hands: &Hands) -> Self {
        let call = plan.calls.first();
        let word = |name: &str| {
            let value = call.and_then(|call| call.parameters.get(name));
            value.and_then(Value::as_str).unwrap_or("").to_owned()
        };
        let deployment = Object::at(&plan.node);
        let set = deployment.as_ref().map(|own| Object {
            resource: Resource::ReplicaSet,
            namespace: own.namespace.clone(),
            name: word("replicaset"),
        });
        Self {
            session: hands.cluster().cloned(),
            deployment,
            set,
            node: plan.node.clone(),
            name: plan.name.clone(),
            from: word("from"),
            to: word("to"),
            began: plan.made_at,
        }
    }

    async fn pair(&self) -> Result<Pair, SourceFailure> {
        let (Some(session), Some(deployment), Some(set)) =
            (&self.session, &self.deployment, &self.set)
        else {
            return Err(not_asked());
        };
        Ok(Pair {
            deployment: read(session, deployment).await?.unwrap_or(Value::Null),
            set: read(session, set).await?.unwrap_or(Value::Null),
        })
    }

    fn moved(&self, seen: &Pair) -> Option<String> {
        if seen.deployment.is_null() {
            return Some(format!("Deployment {} is not there any more.", self.name));
        }
        if seen.set.is_null() {
            return Some(format!(
                "The replica set of revision {} is not there any more.",
                self.to
            ));
        }
        let now = seen.revision().unwrap_or("?");
        (now != self.from).then(|| {
            format!(
                "Deployment {} is at revision {now}, was at {} when this was planned.",
                self.name, self.from
            )
        })
    }

    /// Pods of the deployment that restarted within the last two minutes and since the plan.
    fn restarted(&self, moment: &Moment<'_>) -> Option<i64> {
        let node = moment.snapshot.node(&self.node)?;
        let recent = |at: Timestamp| {
            moment.now.seconds_since(at) < super::STEADY_SECONDS
                && at.seconds_since(self.began) > 0.0
        };
        let pods = near::pods(moment.snapshot, node);
        let restarted = pods
            .iter()
            .filter(|pod| pod.facts.flag(Fact::Terminating) != Some(true))
            .filter(|pod| pod.facts.time(Fact::LastRestartAt).is_some_and(recent));
        i64::try_from(restarted.count()).ok()
    }
}

#[async_trait]
impl Steps for UndoSteps {
    type Seen = Pair;

    fn outcome(&self) -> String {
        format!("{} runs the template of revision {}", self.name, self.to)
    }

    async fn look(&mut self) -> Result<Pair, SourceFailure> {
        self.pair().await
    }

    async fn write(&mut self, call: &Call) -> Answer {
        let (Some(session), Some(object)) = (&self.session, &self.deployment) else {
            return Answer::Refused {
                failure: not_asked(),
            };
        };
        if call.operation != UNDO {
            return no_such_call(call);
        }
        // The template is read, not planned: nothing was written when it does not come.
        let pair = match self.pair().await {
            Ok(pair) => pair,
            Err(failure) => return Answer::Refused { failure },
        };
        let Some(template) = pair.template() else {
            return Answer::Refused {
                failure: gone(&self.to),
            };
        };
        let body = json!([
            { "op": "test", "path": REVISION, "value": self.from },
            { "op": "replace", "path": "/spec/template", "value": template },
        ]);
        let answer = send(session, object, "", "application/json-patch+json", &body).await;
        let Answer::Refused { failure } = &answer else {
            return answer;
        };
        let now = self.pair().await.ok();
        match now.and_then(|now| self.moved(&now)) {
            Some(what) => overtaken(what, failure),
            None => answer,
        }
    }

    fn saw(&self, _call: &ApiCall, seen: &Pair) -> Value {
        json!({ "revision": seen.revision() })
    }

    fn changed(&self, _call: &ApiCall, seen: &Pair) -> Option<String> {
        self.moved(seen)
    }

    fn took(&self, _call: &Call, seen: &Pair) -> Took {
        if seen.done() {
            Took::Yes
        } else if seen.revision() == Some(self.from.as_str()) {
            Took::No
        } else {
            Took::Unclear(self.moved(seen).unwrap_or_default())
        }
    }

    fn taken_back(&self, seen: &Pair) -> Option<String> {
        let revision = seen.revision().unwrap_or("?");
        (!seen.deployment.is_null() && !seen.done()).then(|| {
            format!(
                "It was taken back: {} has another template again (revision {revision}).",
                self.name
            )
        })
    }

    fn progress(&self, seen: &Pair) -> RunProgress {
        let state = Replicas::of(&seen.deployment);
        RunProgress {
            moved: state.updated,
            to_move: state.wanted,
            counted: "pods updated".to_owned(),
            ..RunProgress::default()
        }
    }

    fn judge(&self, id: &str, seen: &Pair, moment: &Moment<'_>) -> (bool, String) {
        match id {
            ROLLED => {
                let state = Replicas::of(&seen.deployment);
                let rolled = state.settled() && state.updated == state.wanted;
                let words = format!(
                    "{} of {} updated, {}",
                    state.updated,
                    state.wanted,
                    state.words()
                );
                (seen.done() && rolled, words)
            }
            STEADY => match self.restarted(moment) {
                Some(0) => (true, "none restarted".to_owned()),
                Some(n) => (false, format!("{} restarted", count(n, "pod"))),
                None => (false, "not known".to_owned()),
            },
            _ => (false, "not known".to_owned()),
        }
    }
}

fn gone(revision: &str) -> SourceFailure {
    SourceFailure {
        class: FailureClass::Other,
        sentence: format!("The replica set of revision {revision} has no template to go back to."),
        next_step: "Choose another revision.".to_owned(),
        code: None,
        request_id: None,
    }
}
