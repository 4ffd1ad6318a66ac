//! Runs the engine on a stack and prints what it sees: `live STACK [SECONDS]`.

use engine::Engine;
use futures::StreamExt as _;
use model::{Level, Snapshot, State, Update};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let mut words = std::env::args().skip(1);
    let path = PathBuf::from(words.next().ok_or("live STACK [SECONDS]")?);
    let seconds = words.next().map_or(Ok(20), |text| text.parse())?;
    let begun = Instant::now();
    let stack = cloud::Stack::load(&path)?;
    let sessions = cloud::open(&stack).await?;
    let state = path.with_extension("state");
    let engine = Engine::start(stack, sessions, &state).await;
    let whole = engine.complete(Duration::from_secs(30)).await;
    println!(
        "complete after {:.2} s, {} requests",
        begun.elapsed().as_secs_f64(),
        engine.requests()
    );
    print(&whole);
    let mut updates = Box::pin(engine.updates());
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    while let Ok(Some(update)) = tokio::time::timeout_at(end, updates.next()).await {
        if let Update::Delta(delta) = update {
            println!(
                "{} seq {}: {} nodes, {} gone, {} edges, {} cut, {} sources, causes {}",
                delta.taken_at,
                delta.seq,
                delta.nodes.len(),
                delta.gone.len(),
                delta.edges.len(),
                delta.cut.len(),
                delta.sources.len(),
                delta.causes.is_some(),
            );
        }
    }
    print(&engine.snapshot());
    println!("{:.0} requests a minute", engine.requests_per_minute());
    engine.stop().await;
    Ok(())
}

fn print(snapshot: &Snapshot) {
    let mut kinds: BTreeMap<&str, BTreeMap<Level, usize>> = BTreeMap::new();
    for node in &snapshot.nodes {
        *kinds
            .entry(node.kind.as_str())
            .or_default()
            .entry(node.health.level)
            .or_default() += 1;
    }
    println!(
        "seq {} at {}: {} nodes, {} edges, {:?}",
        snapshot.seq,
        snapshot.taken_at,
        snapshot.nodes.len(),
        snapshot.edges.len(),
        snapshot.identity
    );
    for (kind, levels) in kinds {
        println!("  {kind:14} {levels:?}");
    }
    for source in snapshot.sources.iter().filter(|s| s.state != State::Ok) {
        println!(
            "  {:?} {}: {}",
            source.state,
            source.source.id,
            source.error.as_deref().unwrap_or_default()
        );
    }
    for cause in &snapshot.causes {
        println!("  CAUSE {:?} {}", cause.level, cause.sentence);
    }
}
