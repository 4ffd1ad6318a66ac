//! LIST: read in one go, split and decoded while it arrives.
//!
//! `resourceVersion=0` is answered from the server's watch cache, as informers do
//! (<https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list>): no
//! etcd read, and a watch follows at once. `limit` bounds what one answer costs a server that
//! does page; servers that answer from the cache may ignore it. Pages depend on each other, so they
//! are large: see [`PAGE`].

use super::Context;
use super::decode::{Framing, Text, nullable};
use super::endpoint::Endpoint;
use super::shelf::Shelf;
use super::split::{NotAList, Piece, Splitter};
use cloud::kubernetes::{CallFailure, Phase};
use http_body_util::BodyExt as _;
use kube::client::Body;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::mpsc;

/// Objects per page. 500, kubectl's choice, takes twenty dependent round trips for 10,000 pods (1.2 s
/// at 60 ms); in one page the server's own time is all there is, and since the page is decoded
/// while it arrives its size costs no memory here. Beyond this many, answers become too large for
/// a server to make in one go.
pub(super) const PAGE: u32 = 20_000;
/// Chunks that may wait between the connection and the decoder.
const AHEAD: usize = 64;

/// A list that was read to its end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// The version to watch from.
    pub(super) version: String,
    /// Malformed items left out.
    pub(super) skipped: u32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    resource_version: Text<'a>,
    #[serde(borrow, rename = "continue", default, deserialize_with = "nullable")]
    next: Text<'a>,
}

/// One page's metadata and skipped items.
#[derive(Default)]
struct Page {
    version: String,
    next: String,
    skipped: u32,
}

/// Reads the whole list onto the shelf. A continue token that expired half-way begins it anew,
/// once, without pages.
pub(super) async fn read(
    context: &Context,
    endpoint: &Endpoint,
    shelf: &mut dyn Shelf,
) -> Result<Listed, CallFailure> {
    match paged(context, endpoint, shelf, Some(PAGE)).await {
        Err(Interrupted::Expired) => match paged(context, endpoint, shelf, None).await {
            Ok(listed) => Ok(listed),
            Err(Interrupted::Expired) => Err(CallFailure::Malformed(
                "a continue token that was expired when it was given".to_owned(),
            )),
            Err(Interrupted::Failed(failure)) => Err(failure),
        },
        Ok(listed) => Ok(listed),
        Err(Interrupted::Failed(failure)) => Err(failure),
    }
}

enum Interrupted {
    Expired,
    Failed(CallFailure),
}

async fn paged(
    context: &Context,
    endpoint: &Endpoint,
    shelf: &mut dyn Shelf,
    limit: Option<u32>,
) -> Result<Listed, Interrupted> {
    shelf.begin();
    let mut listed = Listed::default();
    let mut token = String::new();
    loop {
        let page = page(context, &query(endpoint, limit, &token), endpoint, shelf)
            .await
            .map_err(|failure| {
                if failure.is_gone() && !token.is_empty() {
                    Interrupted::Expired
                } else {
                    Interrupted::Failed(failure)
                }
            })?;
        listed.skipped += page.skipped;
        if listed.version.is_empty() {
            listed.version = page.version;
        }
        if page.next.is_empty() {
            return Ok(listed);
        }
        if page.next == token {
            let why = "the same continue token twice".to_owned();
            return Err(Interrupted::Failed(CallFailure::Malformed(why)));
        }
        token = page.next;
    }
}

fn query(endpoint: &Endpoint, limit: Option<u32>, token: &str) -> String {
    let path = endpoint.path();
    match (limit, token) {
        (None, "") => path,
        (None, token) => format!("{path}?continue={}", encoded(token)),
        (Some(limit), "") => format!("{path}?limit={limit}&resourceVersion=0"),
        // A continue token carries its version; both together are refused.
        (Some(limit), token) => format!("{path}?limit={limit}&continue={}", encoded(token)),
    }
}

pub(super) fn encoded(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

async fn page(
    context: &Context,
    path: &str,
    endpoint: &Endpoint,
    shelf: &mut dyn Shelf,
) -> Result<Page, CallFailure> {
    context.count(endpoint.what);
    let answer = context.session.get(path, context.limits.head).await?;
    let mut chunks = ahead(answer.response.into_body(), context.limits.pause);
    let mut splitter = Splitter::new();
    let mut page = Page::default();
    let mut metadata: Result<(), serde_json::Error> = Ok(());
    let mut each = |piece: Piece<'_>| match piece {
        Piece::Metadata(json) => metadata = page.meta(json),
        Piece::Item(json) => {
            if let Err(error) = shelf.put(json, Framing::Item, context) {
                page.skip(endpoint, &error);
            }
        }
    };
    let broken = |error: NotAList| CallFailure::Malformed(error.to_string());
    while let Some(chunk) = chunks.recv().await {
        splitter.feed(&chunk?, &mut each).map_err(broken)?;
    }
    splitter.finish(each).map_err(broken)?;
    metadata.map_err(|error| CallFailure::Malformed(format!("metadata of the list: {error}")))?;
    Ok(page)
}

/// Receives and unpacks on a task of its own, beside the decoding. It ends with the body, with a
/// failure, or when nobody takes what it receives.
fn ahead(mut body: Body, pause: Duration) -> mpsc::Receiver<Result<bytes::Bytes, CallFailure>> {
    let (chunks, received) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        while let Some(chunk) = next(&mut body, pause).await.transpose() {
            let last = chunk.is_err();
            if chunks.send(chunk).await.is_err() || last {
                return;
            }
        }
    });
    received
}

impl Page {
    fn meta(&mut self, json: &[u8]) -> Result<(), serde_json::Error> {
        let meta: ListMeta<'_> = serde_json::from_slice(json)?;
        self.version = meta.resource_version.to_string();
        self.next = meta.next.to_string();
        Ok(())
    }

    fn skip(&mut self, endpoint: &Endpoint, error: &serde_json::Error) {
        self.skipped += 1;
        tracing::warn!(resource = endpoint.resource, %error, "left out a malformed item");
    }
}

/// The next bytes of a body; `None` at its end.
async fn next(body: &mut Body, pause: Duration) -> Result<Option<bytes::Bytes>, CallFailure> {
    loop {
        let frame = tokio::time::timeout(pause, body.frame()).await;
        match frame {
            Err(_) => return Err(CallFailure::Silent(Phase::Body, pause)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(CallFailure::Kube(Box::new(error))),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}
