//! `qd topology`, `qd status`, `qd watch`: the reads.

use crate::args::{ReadArgs, StackArgs};
use crate::failure::Failure;
use crate::{print, status};
use cloud::{Sessions, Stack};
use engine::Engine;
use futures::StreamExt;
use model::{Snapshot, SourceStatus};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A stack file and the sessions of its accounts; who we are is asked for `limit` at most.
async fn opened(file: &Path, limit: Duration) -> Result<(Stack, Sessions), Failure> {
    let stack = Stack::load(file).map_err(|error| Failure::new(error.to_string()))?;
    let sessions = cloud::open_within(&stack, limit)
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    Ok((stack, sessions))
}

/// An engine and its first complete snapshot.
pub(crate) async fn read(args: &ReadArgs) -> Result<(Engine, Arc<Snapshot>), Failure> {
    let begun = Instant::now();
    let limit = Duration::from_secs_f64(args.timeout);
    // Who we are is asked first; half of the time is left for the rest when nobody says.
    let (stack, sessions) = opened(&args.stack.stack, limit / 2).await?;
    let engine = Engine::glance(stack, sessions, &engine::state_dir()).await;
    let snapshot = engine
        .complete_within(limit, limit.saturating_sub(begun.elapsed()))
        .await;
    Ok((engine, snapshot))
}

/// One complete snapshot.
pub(crate) async fn topology(args: &ReadArgs, json: bool) -> Result<u8, Failure> {
    let (engine, snapshot) = read(args).await?;
    if json {
        print::line(snapshot.as_ref())?;
    } else {
        print::text(&outline(&snapshot))?;
    }
    engine.stop().await;
    let missed = snapshot.sources.iter().any(SourceStatus::is_missed);
    Ok(if missed { 3 } else { 0 })
}

/// Nodes with their neighbours, for people.
fn outline(snapshot: &Snapshot) -> String {
    let mut lines = String::new();
    for node in &snapshot.nodes {
        let level = status::word(node.health.level);
        lines.push_str(&format!(
            "{level:<13} {}\n",
            crate::text::clean(node.id.as_str())
        ));
        let from = snapshot.edges.partition_point(|edge| edge.from < node.id);
        for edge in snapshot.edges[from..]
            .iter()
            .take_while(|edge| edge.from == node.id)
        {
            let to = crate::text::clean(edge.to.as_str());
            lines.push_str(&format!(
                "    → {to} ({})\n",
                crate::text::clean(&edge.provenance.0)
            ));
        }
    }
    lines
}

/// What is wrong, in sentences.
pub(crate) async fn status(args: &ReadArgs) -> Result<u8, Failure> {
    let (engine, snapshot) = read(args).await?;
    let (open, trouble) = match engine.loops() {
        Ok(open) => (open, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let (text, code) = status::render(&snapshot, &open);
    print::text(&text)?;
    if let Some(trouble) = trouble {
        print::text(&format!("\nWhat was left open is not known: {trouble}\n"))?;
    }
    engine.stop().await;
    Ok(code)
}

/// An update as it is documented: a source is ok, stale or failed, and what is not ok says why. To the
/// window one that was not read yet is a state of its own.
fn told(update: &model::Update) -> serde_json::Value {
    let mut update = serde_json::json!(update);
    for sources in ["/snapshot/sources", "/sources"] {
        let sources = update
            .pointer_mut(sources)
            .and_then(|list| list.as_array_mut());
        for source in sources.into_iter().flatten() {
            if source["state"] == "pending" {
                source["state"] = "stale".into();
                source["error"] = "It has not answered yet.".into();
            }
        }
    }
    update
}

/// The full state, then deltas, until SIGINT or SIGTERM.
pub(crate) async fn watch(args: &StackArgs) -> Result<u8, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let unable = |error| Failure::new(format!("Signals cannot be received: {error}."));
    let mut terminate = signal(SignalKind::terminate()).map_err(unable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unable)?;
    let (stack, sessions) = opened(&args.stack, Duration::MAX).await?;
    let engine = Engine::start(stack, sessions, &engine::state_dir()).await;
    let mut updates = std::pin::pin!(engine.updates());
    loop {
        tokio::select! {
            update = updates.next() => match update {
                Some(update) => print::line(&told(&update))?,
                None => break,
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    engine.stop().await;
    Ok(0)
}
