//! The API server itself: which version it is and how fast it answers us.
//!
//! `api_latency_ms` is the time from sending `GET /version` on a connection that stands to the head
//! of its answer: the way there and back and the server's own time, without TCP and TLS.

use super::backoff::Backoff;
use super::{Context, WatchBatch, Watched};
use cloud::kubernetes::{Call, CallFailure, Phase};
use http_body_util::{BodyExt as _, Limited};
use model::{Fact, Found, FoundNode, Kind, Standing};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often it is asked. `/version` is open to every authenticated user and costs it nothing.
pub(super) const PERIOD: Duration = Duration::from_secs(15);
/// More than any version answer.
const LIMIT: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

/// Asks until nobody listens.
pub(super) async fn ask(context: Arc<Context>, out: mpsc::Sender<WatchBatch>) {
    let mut backoff = Backoff::default();
    let mut last = None;
    loop {
        let (batch, wait) = match warm(&context, last).await {
            Ok((version, took)) => {
                backoff.reset();
                last = Some(took);
                let found = vec![Found::Node(Box::new(cluster(&context, &version, took)))];
                (WatchBatch::Replaced { found, skipped: 0 }, PERIOD)
            }
            Err(failure) => {
                let wait = backoff.next(failure.retry_after());
                (WatchBatch::Failed(failure.describe(call(&context))), wait)
            }
        };
        if out.send(batch).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = out.closed() => return,
        }
    }
}

fn call(context: &Context) -> Call<'_> {
    Call {
        verb: "get",
        group: "",
        resource: "/version",
        namespace: None,
        cluster: context.session.name(),
    }
}

/// Asks, and once more when it took much longer than the last time or there was none: that may have
/// been a new connection (TCP, TLS), which is no slowness of the server. The faster answer counts.
async fn warm(
    context: &Context,
    last: Option<Duration>,
) -> Result<(Version, Duration), CallFailure> {
    let (version, took) = version(context).await?;
    if last.is_some_and(|last| took < 2 * last) {
        return Ok((version, took));
    }
    let (version, again) = self::version(context).await?;
    Ok((version, took.min(again)))
}

async fn version(context: &Context) -> Result<(Version, Duration), CallFailure> {
    context.count(Watched::Api);
    let answer = context.session.get("/version", context.limits.head).await?;
    let body = Limited::new(answer.response.into_body(), LIMIT);
    let read = tokio::time::timeout(context.limits.pause, body.collect()).await;
    let collected = match read {
        Err(_) => return Err(CallFailure::Silent(Phase::Body, context.limits.pause)),
        Ok(Err(error)) => return Err(CallFailure::Malformed(error.to_string())),
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    let version = serde_json::from_slice(&collected)
        .map_err(|error| CallFailure::Malformed(error.to_string()))?;
    Ok((version, answer.took))
}

/// The cluster as its own API shows it. EKS owns the node; where EKS is not read, this is all there is.
fn cluster(context: &Context, version: &Version, took: Duration) -> FoundNode {
    let session = &context.session;
    let name = session.name().to_string();
    let mut node = FoundNode::new(
        session.id().clone(),
        Kind::Cluster,
        name,
        session.scope().clone(),
    );
    node.standing = Standing::Declared;
    node.facts.set(Fact::Version, version.git_version.as_str());
    node.facts.set(Fact::Endpoint, session.endpoint());
    node.facts.set_some(Fact::KubeContext, session.context());
    let user = session.act_user().map(|user| user.name());
    node.facts.set_some(Fact::ActUser, user);
    node.facts.set(
        Fact::ApiLatencyMs,
        (took.as_secs_f64() * 10_000.0).round() / 10.0,
    );
    node
}
