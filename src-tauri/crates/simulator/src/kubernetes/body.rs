//! Bodies of lists: joined from the bytes of their items while they are sent, compressed when that pays.

use std::io::Write as _;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::failure::json_response;

/// Below this an answer is not compressed (`k8s.io/apiserver`'s `defaultGzipThresholdBytes`).
const GZIP_FROM: usize = 128 * 1024;
/// Level of the compression (`defaultGzipContentEncodingLevel`).
const GZIP_LEVEL: u32 = 1;
/// Bytes gathered before they are sent.
const CHUNK: usize = 64 * 1024;

/// Whether the client takes gzip.
#[must_use]
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .any(|v| {
            v.split(',')
                .any(|e| e.split(';').next().map(str::trim) == Some("gzip"))
        })
}

/// A body of `head`, the items with commas between them, and `tail`. `item` writes the `n`th item.
pub(super) fn joined(
    head: String,
    tail: &'static str,
    count: usize,
    size: usize,
    gzip: bool,
    item: impl Fn(usize, &mut Vec<u8>) + Send + Sync + 'static,
) -> Response {
    if size < GZIP_FROM {
        let mut all = head.into_bytes();
        for n in 0..count {
            if n > 0 {
                all.push(b',');
            }
            item(n, &mut all);
        }
        all.extend_from_slice(tail.as_bytes());
        return json_response(StatusCode::OK, all);
    }
    let sink = if gzip {
        Sink::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL)))
    } else {
        Sink::Plain
    };
    let state = State {
        head: Some(head),
        next: 0,
        sink,
        done: false,
    };
    let item = Arc::new(item);
    let stream = futures::stream::unfold(state, move |mut state| {
        let item = item.clone();
        async move {
            let chunk = state.chunk(count, tail, item.as_ref())?;
            // Lets other requests have their turn between two chunks of a long list.
            tokio::task::yield_now().await;
            Some((Ok::<_, std::convert::Infallible>(chunk), state))
        }
    });
    let mut response = json_response(StatusCode::OK, Body::from_stream(stream));
    if gzip {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
            .headers_mut()
            .insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    response
}

enum Sink {
    Plain,
    Gzip(GzEncoder<Vec<u8>>),
    Closed,
}

struct State {
    head: Option<String>,
    next: usize,
    sink: Sink,
    done: bool,
}

impl State {
    fn chunk(
        &mut self,
        count: usize,
        tail: &str,
        item: &impl Fn(usize, &mut Vec<u8>),
    ) -> Option<Bytes> {
        while !self.done {
            let mut plain = self.head.take().map(String::into_bytes).unwrap_or_default();
            plain.reserve(CHUNK + 8192);
            while self.next < count && plain.len() < CHUNK {
                if self.next > 0 {
                    plain.push(b',');
                }
                item(self.next, &mut plain);
                self.next += 1;
            }
            if self.next == count {
                plain.extend_from_slice(tail.as_bytes());
                self.done = true;
            }
            let out = self.squeeze(plain);
            if !out.is_empty() {
                return Some(out.into());
            }
        }
        None
    }

    fn squeeze(&mut self, plain: Vec<u8>) -> Vec<u8> {
        match &mut self.sink {
            Sink::Plain => plain,
            Sink::Closed => Vec::new(),
            Sink::Gzip(encoder) => {
                // Writing to a vector cannot fail.
                let _ = encoder.write_all(&plain);
                if !self.done {
                    return std::mem::take(encoder.get_mut());
                }
                match std::mem::replace(&mut self.sink, Sink::Closed) {
                    Sink::Gzip(encoder) => encoder.finish().unwrap_or_default(),
                    Sink::Plain | Sink::Closed => Vec::new(),
                }
            }
        }
    }
}
