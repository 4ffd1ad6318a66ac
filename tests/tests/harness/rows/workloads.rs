//! Actions on workloads.

use crate::rows::Row;
use model::{Fact, Kind};

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
