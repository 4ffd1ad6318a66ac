//! Actions on databases.

use crate::rows::Row;
use crate::stage::Stage;
use model::{Fact, Kind, Node, NodeId, Snapshot};

/// The cluster that is in no global database.
fn main_cluster(snapshot: &Snapshot) -> &Node {
    let clusters = snapshot.nodes.iter().filter(|node| {
        node.kind == Kind::DbCluster && node.facts.text(Fact::GlobalCluster).is_none()
    });
    clusters.into_iter().next().expect("a cluster")
}

/// The reader that fits best becomes the writer. A pool that clings to the old writer is restarted as
/// soon as the run names it.
pub(crate) fn failover() -> Row {
    Row {
        scenario: "calm",
        advance: 30,
        node: |snapshot| main_cluster(snapshot).id.clone(),
        settings: &[("target", "*")],
        repeatable: &[],
        meddle: |stage, node| Box::pin(fail_over_elsewhere(stage, node)),
        undo: true,
    }
}

/// Another console fails over to a reader of its own choice.
async fn fail_over_elsewhere(stage: &Stage, node: NodeId) {
    let snapshot = stage.engine.snapshot();
    let cluster = snapshot.node(&node).expect("the cluster");
    let session = stage.engine.session_of(cluster).expect("its session");
    let call = session.rds().failover_db_cluster();
    let call = call.db_cluster_identifier(&cluster.name);
    call.send().await.expect("begun");
}
