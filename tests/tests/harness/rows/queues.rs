//! Actions on queues.

use crate::rows::Row;
use crate::stage::Stage;
use model::{Fact, Kind, NodeId};

/// Ten minutes after a dead-letter queue began to fill, the pipeline has rolled the consumer back.
pub(crate) fn redrive() -> Row {
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

/// The same world; a few of the messages are enough. A batch is made again when the ledger shows that
/// nothing of it was sent.
pub(crate) fn redrive_selected() -> Row {
    Row {
        settings: &[
            ("where", "$.schemaVersion = 7"),
            ("limit", "12"),
            ("rate", "500"),
        ],
        repeatable: &["sqs:SendMessageBatch", "sqs:DeleteMessageBatch"],
        meddle: |stage, node| Box::pin(start_another_task(stage, node)),
        undo: true,
        ..redrive()
    }
}

/// An hour on, when what is left in the dead-letter queue is no longer young, with an export of it.
pub(crate) fn purge() -> Row {
    Row {
        advance: 75 * 60,
        settings: &[],
        repeatable: &[],
        undo: true,
        ..redrive()
    }
}

/// The export a purge asks for.
pub(crate) async fn export_it(stage: &Stage, node: NodeId) {
    let file = stage.state.join("export.jsonl");
    let done = stage.engine.export(&node, &file).await.expect("an export");
    assert!(done.complete, "{}", done.sentence);
}
