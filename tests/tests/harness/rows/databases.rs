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

/// A fourth member of the main cluster.
pub(crate) fn add_reader() -> Row {
    Row {
        scenario: "calm",
        advance: 30,
        node: |snapshot| main_cluster(snapshot).id.clone(),
        settings: &[],
        repeatable: &[],
        meddle: |stage, node| Box::pin(add_another(stage, node)),
        undo: true,
    }
}

/// Another console adds a reader under the name that ours would get.
async fn add_another(stage: &Stage, node: NodeId) {
    let snapshot = stage.engine.snapshot();
    let cluster = snapshot.node(&node).expect("the cluster");
    let session = stage.engine.session_of(cluster).expect("its session");
    let call = session.rds().create_db_instance();
    let call = call
        .db_instance_identifier(format!("{}-4", cluster.name))
        .db_cluster_identifier(&cluster.name)
        .db_instance_class("db.r6g.large")
        .set_engine(cluster.facts.text(Fact::Engine).map(ToOwned::to_owned));
    call.send().await.expect("begun");
}

/// The smaller of two readers goes.
pub(crate) fn remove_reader() -> Row {
    Row {
        scenario: "calm",
        advance: 30,
        node: |snapshot| {
            let cluster = main_cluster(snapshot);
            let readers = snapshot.nodes.iter().filter(|node| {
                node.kind == Kind::DbInstance
                    && node.name.starts_with(&cluster.name)
                    && node.facts.text(Fact::Role) == Some("reader")
            });
            let smallest = readers.min_by_key(|node| node.facts.count(Fact::ClassVcpus));
            smallest.expect("a reader").id.clone()
        },
        settings: &[],
        repeatable: &[],
        meddle: |stage, node| Box::pin(delete_it(stage, node)),
        undo: true,
    }
}

/// Another console deletes it.
async fn delete_it(stage: &Stage, node: NodeId) {
    let snapshot = stage.engine.snapshot();
    let reader = snapshot.node(&node).expect("the reader");
    let session = stage.engine.session_of(reader).expect("its session");
    let call = session.rds().delete_db_instance();
    let call = call.db_instance_identifier(&reader.name);
    call.send().await.expect("begun");
}
