//! `qd peek`, `qd export`: looking into queues.

use crate::args::{ExportArgs, PeekArgs};
use crate::failure::Failure;
use crate::text::clean;
use crate::{print, reading};
use act::selected::peek::{Cluster, Peek};
use model::{Kind, NodeId, Snapshot};
use std::fmt::Write as _;

fn queue(snapshot: &Snapshot, name: &str) -> Result<NodeId, Failure> {
    let found = snapshot.find(name, |kind| kind == Kind::Queue);
    Ok(found
        .map_err(|error| Failure::new(error.to_string()))?
        .id
        .clone())
}

/// A sample of a queue's messages, grouped.
pub(crate) async fn peek(args: &PeekArgs) -> Result<u8, Failure> {
    let (engine, snapshot) = reading::read(&args.read).await?;
    let id = queue(&snapshot, &args.queue)?;
    let edit = args
        .edit
        .as_deref()
        .map(|edit| (edit, args.shape == "free"));
    let found = engine.peek(&id, args.sample, edit).await;
    engine.stop().await;
    let found = found.map_err(|error| Failure::new(error.to_string()))?;
    if args.json {
        print::line(&found)?;
    } else {
        print::text(&text(&found))?;
    }
    Ok(0)
}

fn text(peek: &Peek) -> String {
    let mut text = format!("{}\n{}\n", clean(&peek.name), clean(&peek.sentence));
    for sentence in &peek.side_effects {
        let _ = writeln!(text, "  {}", clean(sentence));
    }
    if peek.left_hidden > 0 {
        let _ = writeln!(
            text,
            "  {} could not be let go and come back by themselves.",
            peek.left_hidden
        );
    }
    for cluster in &peek.clusters {
        text.push_str(&cluster_text(cluster));
    }
    text
}

fn cluster_text(cluster: &Cluster) -> String {
    let mut text = format!("\n{} ({:.0} %)\n", cluster.count, cluster.percent);
    for part in &cluster.signature {
        let _ = writeln!(
            text,
            "  {:<8} {} [{}]",
            clean(&part.name),
            clean(&part.value),
            clean(&part.place)
        );
    }
    let _ = writeln!(text, "  where    {}", clean(&cluster.filter));
    let _ = writeln!(text, "  e.g.     {}", clean(&cluster.example.body));
    for difference in &cluster.differences {
        let none = || "nothing".to_owned();
        let (before, after) = (difference.before.clone(), difference.after.clone());
        let _ = writeln!(
            text,
            "  edit     {}: {} → {}",
            clean(&difference.path),
            clean(&before.unwrap_or_else(none)),
            clean(&after.unwrap_or_else(none))
        );
    }
    if let Some(unfit) = &cluster.unfit {
        let _ = writeln!(text, "  unfit    {}: {}", unfit.count, clean(&unfit.why));
    }
    text
}

/// Every message of a queue, in a file. Exit 0 complete, 3 partial.
pub(crate) async fn export(args: &ExportArgs) -> Result<u8, Failure> {
    let (engine, snapshot) = reading::read(&args.read).await?;
    let id = queue(&snapshot, &args.queue)?;
    let done = engine.export(&id, &args.to).await;
    engine.stop().await;
    let done = done.map_err(|error| Failure::new(error.to_string()))?;
    if args.json {
        print::line(&done)?;
    } else {
        print::text(&format!(
            "{}\n{}\n",
            done.path.display(),
            clean(&done.sentence)
        ))?;
    }
    Ok(if done.complete { 0 } else { 3 })
}
