//! Rolling restart of a deployment: a new value of the annotation
//! `kubectl.kubernetes.io/restartedAt` in its pod template, as `kubectl rollout restart` sets it
//! (<https://kubernetes.io/docs/reference/kubectl/generated/kubectl_rollout/kubectl_rollout_restart/>).
//!
//! A changed template is a new ReplicaSet, rolled out by the deployment's own strategy. Disruption
//! budgets do not limit it, `maxUnavailable` does
//! (<https://kubernetes.io/docs/concepts/workloads/pods/disruptions/>).

mod guard;
mod steps;
#[cfg(test)]
mod tests;

use crate::action::{Action, PlanError};
use crate::course::Course;
use crate::draft::{Draft, Undo};
use crate::hands::Hands;
use crate::object::kubectl;
use crate::plan::{ApiCall, Blast, ConfirmLevel, Expectation, Plan};
use crate::rights::Right;
use crate::sequence::Sequence;
use crate::setting;
use crate::shelf::Shelf;
use crate::words::{count, shell};
use model::{Fact, Kind, Node, Relation, Snapshot, SourceId, Value, Verb};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use steps::{ERRORS, QUIET, ROLLED_OUT, Restarting};

/// The annotation.
pub(crate) const ANNOTATION: &str = "kubectl.kubernetes.io/restartedAt";
/// The call.
pub(crate) const PATCH: &str = "kubernetes:patch deployments";

/// The restart of a deployment.
#[derive(Clone, Copy, Debug)]
pub struct Restart;

impl Action for Restart {
    fn verb(&self) -> Verb {
        Verb::Restart
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Deployment]
    }

    fn fits(&self) -> &'static str {
        "deployments"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts.count(Fact::Replicas) > Some(0)
    }

    /// Nothing in the picture alone says that a restart helps: it is offered by what finds out, such
    /// as a failover after which a pool clings.
    fn called_for(&self, _snapshot: &Snapshot, _node: &Node) -> bool {
        false
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        _shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        setting::none(self.verb(), settings)?;
        Ok(draft(snapshot, node))
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Box::new(Sequence::new(plan, Restarting::new(plan, hands)))
    }

    fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        let said = plan.findings.iter().filter_map(|f| f.source.clone());
        let mut all: BTreeSet<SourceId> = said.collect();
        all.extend(snapshot.node(&plan.node).map(|node| node.source.clone()));
        all.into_iter().collect()
    }
}

fn draft(snapshot: &Snapshot, node: &Node) -> Draft {
    let pods = node.facts.count(Fact::Replicas).unwrap_or(0);
    let groups = groups(snapshot, node);
    let expect = |id: &'static str, sentence: String, dwell_seconds| Expectation {
        id: id.into(),
        sentence,
        dwell_seconds,
    };
    let mut expectations = vec![
        expect(
            ROLLED_OUT,
            format!(
                "All {} of {} are new and ready.",
                count(pods, "pod"),
                node.name
            ),
            30.0,
        ),
        expect(
            QUIET,
            format!("No pod of {} restarts by itself.", node.name),
            120.0,
        ),
    ];
    if !groups.is_empty() {
        expectations.push(expect(
            ERRORS,
            format!("Target 5xx of {} are no more than before.", node.name),
            60.0,
        ));
    }
    Draft {
        settings: BTreeMap::new(),
        targets: vec![node.id.clone()],
        label: format!(
            "Restart {} · {} one after another",
            node.name,
            count(pods, "pod")
        ),
        calls: vec![call(snapshot, node)],
        before: before(node, &groups),
        findings: guard::findings(snapshot, node),
        expectations,
        stops: vec![
            "A rollout that was begun goes on by itself; stopping ends the watching.".to_owned(),
        ],
        undo: undo(node),
        blast: blast(node, pods),
        level: ConfirmLevel::L2,
        confirm: node.name.clone(),
        takes: Vec::new(),
        rights: rights(node),
        leaves: None,
    }
}

/// Target groups that send to its pods.
fn groups<'a>(snapshot: &'a Snapshot, node: &Node) -> Vec<&'a Node> {
    let namespace = node.scope.namespace.as_deref().unwrap_or_default();
    let workload = format!("{namespace}/{}", node.name);
    let own = |id| {
        let pod = snapshot.node(id)?;
        let of_it = pod.facts.text(Fact::Workload) == Some(workload.as_str());
        (of_it && pod.scope.cluster == node.scope.cluster).then_some(())
    };
    let targets = snapshot
        .edges
        .iter()
        .filter(|e| e.relation == Relation::Targets && own(&e.to).is_some());
    let groups: BTreeSet<_> = targets.map(|e| &e.from).collect();
    let groups = groups.into_iter().filter_map(|id| snapshot.node(id));
    groups.map(AsRef::as_ref).collect()
}

/// The object's path in the API.
fn path(node: &Node) -> String {
    let namespace = node.scope.namespace.as_deref().unwrap_or("default");
    format!(
        "/apis/apps/v1/namespaces/{namespace}/deployments/{}",
        node.name
    )
}

/// The stamp itself is made when the call is: it is no part of what is confirmed.
fn call(snapshot: &Snapshot, node: &Node) -> ApiCall {
    let namespace = node.scope.namespace.as_deref().unwrap_or("default");
    let parameters = [("object".to_owned(), json!(path(node)))];
    ApiCall {
        operation: PATCH.to_owned(),
        region: node.scope.region.as_deref().unwrap_or("").to_owned(),
        parameters: parameters.into_iter().collect(),
        cli: format!(
            "{} --namespace {} rollout restart deployment/{}",
            kubectl(snapshot, node),
            shell(namespace),
            shell(&node.name)
        ),
        step: "restart".to_owned(),
    }
}

fn rights(node: &Node) -> Vec<Right> {
    let right = |verb: &str| Right::Kubernetes {
        verb: verb.to_owned(),
        group: "apps".to_owned(),
        resource: "deployments".to_owned(),
        namespace: node.scope.namespace.as_deref().unwrap_or("").to_owned(),
        name: node.name.clone(),
    };
    vec![right("get"), right("patch")]
}

/// Words and flags are what must not change until the press.
fn before(node: &Node, groups: &[&Node]) -> BTreeMap<String, serde_json::Value> {
    let mut all = BTreeMap::new();
    let revision = node.facts.count(Fact::Revision);
    all.insert(
        "revision".to_owned(),
        json!(revision.map(|r| r.to_string())),
    );
    let image = node.facts.text(Fact::Image);
    all.insert("image".to_owned(), json!(image));
    let replicas = node.facts.count(Fact::Replicas);
    all.insert("replicas".to_owned(), json!(replicas));
    let ids: Vec<&str> = groups.iter().map(|g| g.id.as_str()).collect();
    all.insert("target_groups".to_owned(), json!(ids.join(",")));
    let errors = groups
        .iter()
        .filter_map(|g| g.facts.number(Fact::Target5xxPercent));
    let errors = errors.fold(0.0, f64::max);
    all.insert("target_5xx_percent".to_owned(), json!(errors));
    all.retain(|_, value| !value.is_null());
    all
}

fn blast(node: &Node, pods: i64) -> Blast {
    let shown = |fact| match node.facts.get(fact) {
        Some(Value::Int(count)) => count.to_string(),
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Bool(_) | Value::Float(_)) | None => "25%".to_owned(),
    };
    let grace = node.facts.count(Fact::TerminationGraceSeconds);
    let grace = grace.map_or_else(String::new, |s| format!(" with up to {s} s to end each"));
    Blast {
        sentences: vec![
            format!(
                "{} of {} are replaced{grace}: at most {} more and {} fewer than wanted at a time.",
                count(pods, "pod"),
                node.name,
                shown(Fact::MaxSurge),
                shown(Fact::MaxUnavailable)
            ),
            "Their connections, database pools included, are made anew; caches in them are cold."
                .to_owned(),
            "Disruption budgets do not limit a rollout; maxUnavailable does.".to_owned(),
        ],
        messages: None,
    }
}

/// A restart changes nothing but a stamp: the revision before runs the same image.
fn undo(node: &Node) -> Undo {
    Undo::none(&format!(
        "the pods of {} run what they ran before; pods that were ended do not come back.",
        node.name
    ))
}
