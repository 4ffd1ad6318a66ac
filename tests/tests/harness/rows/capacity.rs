//! Actions on what runs the pods and functions.

use crate::rows::Row;
use crate::stage::Stage;
use model::{Fact, Kind, NodeId, Snapshot};

/// One more node for the smallest running nodegroup of a calm day.
pub(crate) fn scale_nodegroup() -> Row {
    Row {
        scenario: "calm",
        advance: 60,
        node: |snapshot| {
            let groups = snapshot.nodes.iter().filter(|node| {
                node.kind == Kind::Nodegroup && node.facts.count(Fact::Desired) == Some(0)
            });
            let kept = groups.min_by_key(|node| node.facts.count(Fact::Max));
            kept.expect("the nodegroup that is kept").id.clone()
        },
        settings: &[("desired", "1")],
        repeatable: &[],
        meddle: |stage, node| Box::pin(raise_its_max(stage, node)),
        undo: true,
    }
}

/// Another console raises the group's bounds.
async fn raise_its_max(stage: &Stage, node: NodeId) {
    let snapshot = stage.engine.snapshot();
    let group = snapshot.node(&node).expect("the nodegroup");
    let session = stage.engine.session_of(group).expect("its session");
    let max = group.facts.count(Fact::Max).expect("its max");
    let scaling = aws_sdk_eks::types::NodegroupScalingConfig::builder()
        .max_size(i32::try_from(max + 1).expect("small"))
        .build();
    let update = session.eks().update_nodegroup_config();
    update
        .cluster_name(group.scope.cluster.as_deref().expect("its cluster"))
        .nodegroup_name(&group.name)
        .scaling_config(scaling)
        .send()
        .await
        .expect("begun");
}

/// Pauses the consumer of a queue on a calm day.
pub(crate) fn pause_mapping() -> Row {
    Row {
        node: |snapshot| a_mapping(snapshot),
        settings: &[("for", "30m")],
        meddle: |stage, node| Box::pin(change_its_batch(stage, node)),
        ..scale_nodegroup()
    }
}

/// As [`pause_mapping`], the other way: it is paused first, see [`pause_it`].
pub(crate) fn resume_mapping() -> Row {
    Row {
        settings: &[],
        ..pause_mapping()
    }
}

/// Halves what a mapping runs at once.
pub(crate) fn mapping_concurrency() -> Row {
    Row {
        settings: &[("max", "5")],
        ..pause_mapping()
    }
}

/// One that takes from an SQS queue.
fn a_mapping(snapshot: &Snapshot) -> NodeId {
    let mappings = snapshot.nodes.iter().filter(|n| n.kind == Kind::Mapping);
    let first = mappings.min_by_key(|node| node.id.clone());
    first.expect("a mapping").id.clone()
}

/// Somebody paused it half a minute ago.
pub(crate) async fn pause_it(stage: &Stage, node: NodeId) {
    let (lambda, uuid) = lambda_of(stage, &node);
    let update = lambda.update_event_source_mapping().uuid(uuid);
    update.enabled(false).send().await.expect("disabling");
    stage.settle(&node, 30).await;
}

/// Another console changes how many messages it takes at once.
async fn change_its_batch(stage: &Stage, node: NodeId) {
    let (lambda, uuid) = lambda_of(stage, &node);
    let update = lambda.update_event_source_mapping().uuid(uuid);
    update.batch_size(3).send().await.expect("updating");
}

fn lambda_of(stage: &Stage, node: &NodeId) -> (aws_sdk_lambda::Client, String) {
    let snapshot = stage.engine.snapshot();
    let mapping = snapshot.node(node).expect("the mapping");
    let session = stage.engine.session_of(mapping).expect("its session");
    (session.lambda().clone(), mapping.name.clone())
}
