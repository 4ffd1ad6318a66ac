//! Prints what every watch of a stack's clusters tells: `cargo run -p collect --example watch STACK [PART…]`.

use cloud::kubernetes::{ClusterSession, places};
use collect::kubernetes::{Cluster, WatchBatch, Watched};
use futures::StreamExt as _;
use std::path::PathBuf;
use std::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let stack = arguments.next().ok_or("which stack file?")?;
    let parts: Vec<String> = arguments.collect();
    let stack = cloud::Stack::load(&PathBuf::from(stack))?;
    let sessions = cloud::open(&stack).await?;
    let began = Instant::now();
    let mut watches = Vec::new();
    for place in places(&stack, &sessions) {
        let session = match ClusterSession::open(&place, sessions.clock.clone()).await {
            Ok(session) => session,
            Err(failure) => {
                println!("{} {}", failure.sentence, failure.next_step);
                continue;
            }
        };
        let cluster = Cluster::new(session);
        let wanted =
            |what: &&Watched| parts.is_empty() || parts.iter().any(|part| part == what.part());
        for what in Watched::ALL.iter().filter(wanted) {
            let source = cluster.source(*what).id;
            watches.push(
                cluster
                    .watch(*what)
                    .map(move |batch| (source.clone(), batch))
                    .boxed(),
            );
        }
    }
    let mut batches = futures::stream::select_all(watches);
    while let Some((source, batch)) = batches.next().await {
        println!(
            "{:8.3} {source} {}",
            began.elapsed().as_secs_f64(),
            words(&batch)
        );
    }
    Ok(())
}

fn words(batch: &WatchBatch) -> String {
    match batch {
        WatchBatch::Began => "began".to_owned(),
        WatchBatch::Replaced { found, skipped } => {
            format!("{} found, {skipped} skipped", found.len())
        }
        WatchBatch::Changed {
            upserts,
            gone,
            skipped,
        } => {
            format!(
                "{} changed, {} gone, {skipped} skipped",
                upserts.len(),
                gone.len()
            )
        }
        WatchBatch::Alive => "alive".to_owned(),
        WatchBatch::Absent(sentence) => sentence.clone(),
        WatchBatch::Failed(failure) => format!("{} {}", failure.sentence, failure.next_step),
    }
}
