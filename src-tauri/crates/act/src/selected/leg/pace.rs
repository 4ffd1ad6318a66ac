//! Keeps a rate over all lanes and legs of a run.

use crate::time::Instant;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// When the next message may be sent.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Waits until `count` messages may be sent, each `gap` after the one before.
    pub(crate) async fn wait(&self, count: usize, gap: Duration) {
        let now = crate::time::now();
        let begin = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let begin = next.map_or(now, |at| at.max(now));
            *next = Some(begin + gap * u32::try_from(count).unwrap_or(u32::MAX));
            begin
        };
        crate::time::sleep_until(begin).await;
    }
}
