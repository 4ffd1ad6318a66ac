//! Those who wait for a picture that contains certain readings.

use crate::time::{Instant, now};
use model::{Snapshot, SourceId};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Somebody who waits.
pub(super) struct Waiter {
    /// `None`: until every source has answered or failed once.
    sources: Option<BTreeSet<SourceId>>,
    /// Attempts that began earlier do not count.
    since: Instant,
    reply: oneshot::Sender<Arc<Snapshot>>,
}

impl Waiter {
    /// Waits until each of these sources was read, or failed to be, in an attempt that began
    /// at `since` or later.
    pub(super) fn sources(
        sources: BTreeSet<SourceId>,
        since: Instant,
        reply: oneshot::Sender<Arc<Snapshot>>,
    ) -> Self {
        Self {
            sources: Some(sources),
            since,
            reply,
        }
    }

    /// Waits until every source has answered or failed once.
    pub(super) fn all(reply: oneshot::Sender<Arc<Snapshot>>) -> Self {
        Self {
            sources: None,
            since: now(),
            reply,
        }
    }

    fn satisfied(&self, complete: bool) -> bool {
        match &self.sources {
            Some(left) => left.is_empty(),
            None => complete,
        }
    }
}

/// Everybody who waits.
#[derive(Default)]
pub(super) struct Waiters(Vec<Waiter>);

impl Waiters {
    pub(super) fn add(&mut self, waiter: Waiter) {
        self.0.push(waiter);
    }

    /// Notes an attempt; true when somebody waits for nothing else.
    pub(super) fn heard(&mut self, source: &SourceId, begun: Instant) -> bool {
        let mut done = false;
        for waiter in &mut self.0 {
            if let Some(left) = &mut waiter.sources
                && begun >= waiter.since
            {
                left.remove(source);
                done |= left.is_empty();
            }
        }
        done
    }

    pub(super) fn any_satisfied(&self, complete: bool) -> bool {
        self.0.iter().any(|waiter| waiter.satisfied(complete))
    }

    /// Hands the picture to all who have what they waited for.
    pub(super) fn tell(&mut self, snapshot: &Arc<Snapshot>, complete: bool) {
        let (done, left) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|waiter| waiter.satisfied(complete));
        self.0 = left;
        for waiter in done {
            // Whoever stopped waiting misses nothing.
            let _ = waiter.reply.send(Arc::clone(snapshot));
        }
    }
}
