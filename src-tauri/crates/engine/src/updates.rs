//! What one subscriber is told: everything once, then what changed against what it last received.
//!
//! A slow subscriber skips snapshots, never updates: the next delta is made from what it has.

use futures::Stream;
use model::{Snapshot, Update, diff};
use std::sync::Arc;
use tokio::sync::watch;

/// The full state, then deltas, until the engine is gone. Law: folding the deltas onto the full
/// state gives the newest snapshot.
pub fn updates(receiver: watch::Receiver<Arc<Snapshot>>) -> impl Stream<Item = Update> + Send {
    let begin = (receiver, None::<Arc<Snapshot>>);
    futures::stream::unfold(begin, |(mut receiver, held)| async move {
        let Some(held) = held else {
            let snapshot = receiver.borrow_and_update().clone();
            let update = Update::Full {
                snapshot: Arc::clone(&snapshot),
            };
            return Some((update, (receiver, Some(snapshot))));
        };
        receiver.changed().await.ok()?;
        let next = receiver.borrow_and_update().clone();
        let update = Update::Delta(Box::new(diff(&held, &next)));
        Some((update, (receiver, Some(next))))
    })
}
