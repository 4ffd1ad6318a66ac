//! Actions on Kubernetes workloads and on what scales them.

use crate::rows::Row;
use crate::stage::Stage;
use model::{Fact, Kind, Node, NodeId, Relation, Snapshot};
use serde_json::{Value, json};

/// What an action on a workload has in common with the others: a calm world, and nothing to prepare.
fn calm(node: fn(&Snapshot) -> NodeId) -> Row {
    Row {
        scenario: "calm",
        advance: 60,
        node,
        settings: &[],
        repeatable: &[],
        meddle: |_, _| Box::pin(std::future::ready(())),
        undo: true,
    }
}

fn first(snapshot: &Snapshot, kind: Kind, fits: impl Fn(&Node) -> bool) -> NodeId {
    let mut nodes = snapshot.nodes.iter();
    let node = nodes.find(|node| node.kind == kind && fits(node));
    node.unwrap_or_else(|| panic!("no {kind} fits")).id.clone()
}

/// An autoscaler that KEDA does not keep.
fn hpa(snapshot: &Snapshot) -> NodeId {
    first(snapshot, Kind::Hpa, |node| {
        !node.name.starts_with("keda-hpa-")
    })
}

/// A workload that an autoscaler scales: the write goes to the autoscaler.
pub(crate) fn scale() -> Row {
    Row {
        meddle: |stage, node| {
            Box::pin(async move {
                let snapshot = stage.engine.snapshot();
                let edge = snapshot.edges.iter().find(|e| {
                    e.relation == Relation::Scales
                        && e.to == node
                        && e.from.as_str().starts_with("hpa/")
                });
                let hpa = edge.expect("its autoscaler").from.clone();
                raise(stage, &hpa).await;
            })
        },
        ..calm(|snapshot| {
            let hpa = hpa(snapshot);
            let mut edges = snapshot.edges.iter();
            let edge = edges.find(|e| e.relation == Relation::Scales && e.from == hpa);
            edge.expect("what it scales").to.clone()
        })
    }
}

pub(crate) fn bounds() -> Row {
    Row {
        meddle: |stage, node| Box::pin(async move { raise(stage, &node).await }),
        ..calm(hpa)
    }
}

/// Somebody else gives an autoscaler another ceiling.
async fn raise(stage: &Stage, hpa: &NodeId) {
    let snapshot = stage.engine.snapshot();
    let node = snapshot.node(hpa).expect("the autoscaler");
    let max = node.facts.count(Fact::Max).expect("a ceiling");
    let patch = json!({ "spec": { "maxReplicas": max + 40 } });
    let place = "autoscaling/v2";
    stage
        .patch(node, place, "horizontalpodautoscalers", &patch)
        .await;
}

fn scaled(snapshot: &Snapshot) -> NodeId {
    first(snapshot, Kind::ScaledObject, |_| true)
}

const SCALE_IN: &str = "autoscaling.keda.sh/paused-scale-in";
const SCALE_OUT: &str = "autoscaling.keda.sh/paused-scale-out";

async fn annotate(stage: &Stage, node: &NodeId, annotations: Value) {
    let snapshot = stage.engine.snapshot();
    let node = snapshot.node(node).expect("the scaled object");
    let patch = json!({ "metadata": { "annotations": annotations } });
    stage
        .patch(node, "keda.sh/v1alpha1", "scaledobjects", &patch)
        .await;
}

pub(crate) fn pause() -> Row {
    Row {
        meddle: |stage, node| {
            Box::pin(async move { annotate(stage, &node, json!({ SCALE_IN: "true" })).await })
        },
        ..calm(scaled)
    }
}

/// Both ways of scaling are paused, by somebody else.
pub(crate) async fn pause_it(stage: &Stage, node: NodeId) {
    let marks = json!({ SCALE_IN: "true", SCALE_OUT: "true" });
    annotate(stage, &node, marks).await;
    stage.settle(&node, 5).await;
}

pub(crate) fn resume() -> Row {
    Row {
        meddle: |stage, node| {
            Box::pin(async move { annotate(stage, &node, json!({ SCALE_OUT: null })).await })
        },
        ..calm(scaled)
    }
}

fn suspend(stage: &Stage, node: NodeId, to: Value) -> futures::future::BoxFuture<'_, ()> {
    Box::pin(async move {
        let snapshot = stage.engine.snapshot();
        let node = snapshot.node(&node).expect("the Kustomization");
        let patch = json!({ "spec": { "suspend": to } });
        let place = "kustomize.toolkit.fluxcd.io/v1";
        stage.patch(node, place, "kustomizations", &patch).await;
    })
}

fn kustomization(snapshot: &Snapshot) -> NodeId {
    first(snapshot, Kind::Kustomization, |_| true)
}

/// What keeps a workload as git has it is suspended by somebody else.
pub(crate) fn pause_sync() -> Row {
    Row {
        meddle: |stage, node| suspend(stage, node, json!(true)),
        ..calm(kustomization)
    }
}

/// It is suspended, by somebody else.
pub(crate) async fn suspend_it(stage: &Stage, node: NodeId) {
    suspend(stage, node.clone(), json!(true)).await;
    stage.settle(&node, 5).await;
}

pub(crate) fn resume_sync() -> Row {
    Row {
        meddle: |stage, node| suspend(stage, node, Value::Null),
        ..calm(kustomization)
    }
}

/// The revision that a cause blames, before the pipeline rolls it back.
pub(crate) fn undo() -> Row {
    Row {
        scenario: "dlq-fills",
        meddle: |stage, node| {
            Box::pin(async move {
                let snapshot = stage.engine.snapshot();
                let node = snapshot.node(&node).expect("the deployment");
                let mark = json!({ "metadata": { "annotations": { "restarted": "now" } } });
                let patch = json!({ "spec": { "template": mark } });
                stage.patch(node, "apps/v1", "deployments", &patch).await;
            })
        },
        ..calm(|snapshot| {
            let mut causes = snapshot.causes.iter();
            let cause = causes.find(|cause| cause.rule == "consumer-revision");
            cause.expect("a blamed revision").targets[0].clone()
        })
    }
}

/// The smallest deployment that keeps serving while it restarts.
pub(crate) fn restart() -> Row {
    Row {
        scenario: "calm",
        advance: 30,
        node: |snapshot| {
            let deployments = snapshot.nodes.iter().filter(|node| {
                node.kind == Kind::Deployment
                    && node.facts.count(Fact::Replicas) > Some(1)
                    && node.facts.text(Fact::Rollout) == Some("complete")
            });
            let smallest = deployments.min_by_key(|node| node.facts.count(Fact::Replicas));
            smallest.expect("a deployment").id.clone()
        },
        settings: &[],
        repeatable: &[],
        meddle: |stage, node| {
            Box::pin(async move {
                stage.restart(&node, "by somebody else").await;
            })
        },
        undo: false,
    }
}
