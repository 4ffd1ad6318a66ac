//! ConfigMaps that pods take their environment or files from, and no others: each is asked for by
//! name, and only the host names and queues its values mention are kept.
//!
//! Not watched: a running pod does not see its environment change, and a watch over all ConfigMaps
//! would read everybody's configuration for a few names.

use super::backoff::Backoff;
use super::decode::{Pairs, nullable};
use super::hosts::mentions;
use super::neighbours::{Config, Key};
use super::{Context, WatchBatch, Watched};
use cloud::kubernetes::{Call, CallFailure, Phase};
use futures::StreamExt as _;
use http_body_util::{BodyExt as _, Limited};
use model::SourceFailure;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How often they are read again.
pub(super) const PERIOD: Duration = Duration::from_secs(300);
/// References come in bursts: wait this long for the rest.
const GATHER: Duration = Duration::from_millis(20);
/// Asked for at the same time.
const ABREAST: usize = 16;
/// A ConfigMap is at most 1 MiB.
const LARGEST: usize = 4 * 1024 * 1024;

#[derive(Deserialize)]
struct ConfigMap<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    data: Pairs<'a>,
}

/// Reads what is referred to, until nobody listens.
pub(super) async fn read(context: Arc<Context>, out: mpsc::Sender<WatchBatch>) {
    let mut changes = context.neighbours.changes();
    let mut held: BTreeMap<Key, Config> = BTreeMap::new();
    let mut backoff = Backoff::default();
    let mut full_at = Instant::now();
    loop {
        let wanted = context.neighbours.wanted_configs();
        held.retain(|key, _| wanted.contains(key));
        let due = Instant::now() >= full_at;
        let ask: BTreeSet<Key> = wanted
            .into_iter()
            .filter(|key| due || !held.contains_key(key))
            .collect();
        if due || !ask.is_empty() {
            let failure = round(&context, ask, &mut held).await;
            context.neighbours.tell_configs(held.clone());
            let batch = match failure {
                None => {
                    backoff.reset();
                    full_at = Instant::now() + PERIOD;
                    WatchBatch::Replaced {
                        found: Vec::new(),
                        skipped: 0,
                    }
                }
                Some((failure, asked)) => {
                    full_at = Instant::now() + backoff.next(asked);
                    WatchBatch::Failed(failure)
                }
            };
            if out.send(batch).await.is_err() {
                return;
            }
        }
        tokio::select! {
            _ = changes.changed() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep_until(full_at) => {}
            () = out.closed() => return,
        }
    }
}

/// Reads these; gives the first failure. One that cannot be read counts as empty, so that nobody
/// waits for it.
async fn round(
    context: &Context,
    ask: BTreeSet<Key>,
    held: &mut BTreeMap<Key, Config>,
) -> Option<(SourceFailure, Option<Duration>)> {
    let answers = futures::stream::iter(ask).map(|key| async {
        let answer = one(context, &key).await;
        (key, answer)
    });
    let mut answers = std::pin::pin!(answers.buffer_unordered(ABREAST));
    let mut failed = None;
    while let Some((key, answer)) = answers.next().await {
        match answer {
            Ok(config) => {
                held.insert(key, config);
            }
            Err(failure) if failure.is_not_served() => {
                held.insert(key, Config::new());
            }
            Err(failure) => {
                let call = Call {
                    verb: "get",
                    group: "",
                    resource: "configmaps",
                    namespace: Some(&key.0),
                    cluster: context.session.name(),
                };
                failed.get_or_insert((failure.describe(call), failure.retry_after()));
                held.entry(key).or_default();
            }
        }
    }
    failed
}

async fn one(context: &Context, (namespace, name): &Key) -> Result<Config, CallFailure> {
    context.count(Watched::ConfigMaps);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
    let answer = context.session.get(&path, context.limits.head).await?;
    let body = Limited::new(answer.response.into_body(), LARGEST).collect();
    let body = match tokio::time::timeout(context.limits.head, body).await {
        Err(_) => return Err(CallFailure::Silent(Phase::Body, context.limits.head)),
        Ok(Err(error)) => return Err(CallFailure::Malformed(error.to_string())),
        Ok(Ok(body)) => body.to_bytes(),
    };
    let map: ConfigMap<'_> =
        serde_json::from_slice(&body).map_err(|error| CallFailure::Malformed(error.to_string()))?;
    let reduced = map.data.iter().map(|(key, value)| {
        let found = mentions(key, value, &context.intern).into_iter().collect();
        (context.intern.text(key), found)
    });
    Ok(reduced
        .filter(|(_, found): &(_, Vec<_>)| !found.is_empty())
        .collect())
}
