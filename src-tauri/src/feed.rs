//! One typed channel per window: the full state, then deltas against what this window last received.

use crate::link::{Link, Links};
use act::{RunEvent, RunPhase};
use engine::{Engine, RunWatch};
use futures::StreamExt;
use model::Update;
use tauri::ipc::Channel;

/// Sends updates until the window's channel is gone.
pub(crate) fn updates(engine: &Engine, channel: Channel<Update>) {
    let updates = engine.updates();
    tauri::async_runtime::spawn(async move {
        let mut updates = std::pin::pin!(updates);
        while let Some(update) = updates.next().await {
            if channel.send(update).is_err() {
                break;
            }
        }
    });
}

/// Sends links until the window's channel is gone or its page begins anew.
pub(crate) fn links(links: Links, channel: Channel<Link>) {
    tauri::async_runtime::spawn(async move {
        links.follow(|link| channel.send(link).is_ok()).await;
    });
}

/// Sends a run's events until it is over or the window's channel is gone.
pub(crate) fn run(mut watch: RunWatch, channel: Channel<RunEvent>) {
    tauri::async_runtime::spawn(async move {
        loop {
            let event = watch.borrow_and_update().clone();
            let over = event.receipt.phase == RunPhase::Closed;
            if channel.send(event).is_err() || over || watch.changed().await.is_err() {
                break;
            }
        }
    });
}
