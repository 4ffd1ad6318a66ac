//! One watcher per cluster × resource: passes on what the watch says and opens it again when it
//! ends or falls silent. Connection, resource versions and 410 are the watch's own business.

use crate::book::words;
use crate::index::Message;
use crate::poller::Desk;
use crate::time::now;
use collect::kubernetes::WatchBatch;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use model::{FailureClass, Source, SourceFailure};
use std::sync::Arc;
use std::time::Duration;

/// Something that is watched.
pub(crate) trait Watch: Send + Sync {
    /// Which source it is.
    fn source(&self) -> &Source;
    /// The longest silence that is accepted; twice as long and it is stale.
    fn period(&self) -> Duration;
    /// Requests sent since start.
    fn requests(&self) -> u64;
    /// Begins to watch.
    fn open(&self) -> BoxStream<'static, WatchBatch>;
}

/// The first pause before a watch that ended is opened again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A watch that lasted this long was a good one.
const STEADY: Duration = Duration::from_secs(60);

/// A watch judges silence itself; after this many periods it must be the watch that is broken …
const REOPEN_AFTER: u32 = 4;
/// … unless it may be backing off.
const LEAST_SILENCE: Duration = Duration::from_secs(300);

/// Watches until the engine stops.
pub(crate) async fn watch(watched: Arc<dyn Watch>, desk: Desk) {
    let mut pause = FIRST_PAUSE;
    let mut woken = desk.woken.clone();
    loop {
        woken.mark_unchanged();
        let opened = now();
        let ended = match follow(watched.as_ref(), &desk).await {
            Ended::Engine => return,
            Ended::Slept => continue,
            Ended::Watch(failure) => failure,
        };
        if (now() - opened) >= STEADY {
            pause = FIRST_PAUSE;
        }
        let id = watched.source().id.clone();
        if desk.mailbox.send(Message::Fault(id, ended)).await.is_err() {
            return;
        }
        tokio::select! {
            () = crate::time::sleep(pause.mul_f64(0.8 + 0.4 * rand::random::<f64>())) => {
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            // What went wrong before the machine slept says nothing of now.
            changed = woken.changed() => match changed {
                Ok(()) => pause = FIRST_PAUSE,
                Err(_) => return,
            },
        }
    }
}

/// Why a watch is followed no longer.
enum Ended {
    /// The engine stops.
    Engine,
    /// The machine slept: nobody knows what its connection is worth.
    Slept,
    /// By itself.
    Watch(SourceFailure),
}

/// Passes on one watch until it ends.
async fn follow(watched: &dyn Watch, desk: &Desk) -> Ended {
    let source = watched.source();
    let mut batches = watched.open();
    let limit = (watched.period() * REOPEN_AFTER).max(LEAST_SILENCE);
    let mut woken = desk.woken.clone();
    woken.mark_unchanged();
    loop {
        let next = crate::time::timeout(limit, batches.next());
        let next = tokio::select! {
            next = next => next,
            changed = woken.changed() => match changed {
                Ok(()) => return Ended::Slept,
                Err(_) => return Ended::Engine,
            },
        };
        match next {
            Ok(Some(batch)) => {
                let message = Message::Batch {
                    source: source.id.clone(),
                    batch,
                    at: (desk.clock)(),
                    requests: watched.requests(),
                };
                if desk.mailbox.send(message).await.is_err() {
                    return Ended::Engine;
                }
            }
            Ok(None) => return Ended::Watch(ended(source)),
            Err(_) => return Ended::Watch(silent(source, limit)),
        }
    }
}

fn ended(source: &Source) -> SourceFailure {
    SourceFailure {
        class: FailureClass::Unreachable,
        sentence: format!("{}: the watch ended.", words(source)),
        next_step: "It is opened again by itself.".to_owned(),
        code: None,
        request_id: None,
    }
}

fn silent(source: &Source, limit: Duration) -> SourceFailure {
    SourceFailure {
        class: FailureClass::TimedOut,
        sentence: format!(
            "{}: the watch said nothing for {} s.",
            words(source),
            limit.as_secs()
        ),
        next_step: "It is opened again by itself; check the network to the API server.".to_owned(),
        code: None,
        request_id: None,
    }
}
