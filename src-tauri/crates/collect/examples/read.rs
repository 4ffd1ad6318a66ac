//! Prints everything the AWS collectors find through a stack file, as debug lines:
//! `cargo run -p collect --example read -- STACK [SERVICE[/PART]]`.

use cloud::{Session, Stack};
use collect::{COLLECTORS, Collector, Known, Reach};
use model::{Found, Source};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = PathBuf::from(args.next().ok_or("usage: read STACK [SERVICE[/PART]]")?);
    let only = args.next();
    let sessions = cloud::open(&Stack::load(&path)?).await?;
    for account in &sessions.accounts {
        println!("account {} {:?}", account.account, account.identity);
        let mut known = Known::default();
        for needy in [false, true] {
            let mut jobs = Vec::new();
            for collector in COLLECTORS.iter().filter(|c| c.needs().is_empty() != needy) {
                let sessions = match collector.reach() {
                    Reach::Global => std::slice::from_ref(&account.global),
                    Reach::Regional => &account.regional,
                };
                jobs.extend(
                    sessions
                        .iter()
                        .map(|session| read(*collector, session, &known, &only)),
                );
            }
            let found: Vec<Found> = futures::future::join_all(jobs)
                .await
                .into_iter()
                .flatten()
                .collect();
            known
                .nodes
                .extend(found.into_iter().filter_map(|found| match found {
                    Found::Node(node) => Some(Arc::new(*node)),
                    Found::Readings(_) | Found::Change(_) => None,
                }));
        }
    }
    println!("platform time {}", sessions.clock.now());
    Ok(())
}

async fn read(
    collector: &dyn Collector,
    session: &Session,
    known: &Known,
    only: &Option<String>,
) -> Vec<Found> {
    let source = Source::new(collector.service(), session.scope(), collector.part());
    let name = format!("{}/{}", collector.service().as_str(), collector.part());
    let shown = only
        .as_ref()
        .is_none_or(|only| name.starts_with(only.as_str()));
    let started = Instant::now();
    let reading = collector.collect(session, known).await;
    let mut lines = format!(
        "== {} {} requests, {} skipped, {:?}\n",
        source.id,
        reading.requests,
        reading.skipped,
        started.elapsed()
    );
    let found = match reading.outcome {
        Ok(found) => found,
        Err(failure) => {
            lines += &format!("   FAILED {failure:?}\n");
            Vec::new()
        }
    };
    for item in &found {
        lines += &match item {
            Found::Node(node) => format!(
                "   {} {:?} {:?} facts {}\n      zones {}\n      known as {:?}\n      ties {:?}\n      failure {:?}\n",
                node.id,
                node.standing,
                node.scope.az,
                serde_json::to_string(&node.facts).unwrap_or_default(),
                serde_json::to_string(&node.zones).unwrap_or_default(),
                node.known_as,
                node.ties,
                node.failure
            ),
            Found::Readings(readings) => format!(
                "   about {} at {} facts {} zones {} series {}\n",
                readings.about,
                readings.at,
                serde_json::to_string(&readings.facts).unwrap_or_default(),
                serde_json::to_string(&readings.zones).unwrap_or_default(),
                readings.series.len()
            ),
            Found::Change(change) => format!("   {change:?}\n"),
        };
    }
    if shown {
        print!("{lines}");
    }
    found
}
