//! One row per action: its world, how it gets green there, and how somebody else gets in its way.

use crate::stage::Stage;
use act::{Action, Verb};
use futures::future::BoxFuture;
use model::{Fact, Kind, NodeId, Snapshot};

/// What the harness must know of an action.
pub(crate) struct Row {
    /// The simulated world.
    pub(crate) scenario: &'static str,
    /// World seconds until the action is green in it.
    pub(crate) advance: u32,
    /// Which node, in a complete picture.
    pub(crate) node: fn(&Snapshot) -> NodeId,
    /// Settings by name.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Calls that may be made again once a look showed that they did not help, because a second one
    /// does no more than the first.
    pub(crate) repeatable: &'static [&'static str],
    /// Somebody else changes the target, so that ours must not be done.
    pub(crate) meddle: for<'a> fn(&'a Stage, NodeId) -> BoxFuture<'a, ()>,
    /// What it does can be undone by a request.
    pub(crate) undo: bool,
}

/// The row of an action. A verb without one does not compile.
pub(crate) fn row(action: &dyn Action) -> Row {
    match action.verb() {
        Verb::Redrive => redrive(),
    }
}

/// Ten minutes after a dead-letter queue began to fill, the pipeline has rolled the consumer back.
fn redrive() -> Row {
    Row {
        scenario: "dlq-fills",
        advance: 16 * 60,
        node: |snapshot| {
            let queues = snapshot.nodes.iter().filter(|node| {
                node.kind == Kind::Queue && node.facts.flag(Fact::IsDeadLetterQueue) == Some(true)
            });
            let fullest = queues.max_by_key(|node| node.facts.count(Fact::MessagesVisible));
            fullest.expect("a dead-letter queue").id.clone()
        },
        settings: &[("rate", "500")],
        repeatable: &["sqs:CancelMessageMoveTask"],
        meddle: |stage, node| Box::pin(start_another_task(stage, node)),
        undo: false,
    }
}

/// Another console starts a move task of its own.
async fn start_another_task(stage: &Stage, node: NodeId) {
    let snapshot = stage.engine.snapshot();
    let queue = snapshot.node(&node).expect("the queue");
    let session = stage.engine.session_of(queue).expect("its session");
    let start = session.sqs().start_message_move_task();
    let start = start.source_arn(queue.facts.text(Fact::Arn).expect("an ARN"));
    start
        .max_number_of_messages_per_second(3)
        .send()
        .await
        .expect("started");
}
