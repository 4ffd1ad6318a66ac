//! What the index is told, by pollers, watchers, the recorder and those who wait.

use crate::book::{Feed, Recording};
use crate::time::Instant;
use collect::kubernetes::WatchBatch;
use model::{
    AccountId, FoundNode, Identity, Observation, Snapshot, Source, SourceFailure, SourceId,
    Timestamp,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// What the index is told.
pub(crate) enum Message {
    /// A source that will be read.
    Register(Source, Feed, Duration),
    /// A reading; the answer is whether it brought news.
    Reading {
        observation: Box<Observation>,
        /// When the reading began, by the local clock.
        begun: Instant,
        /// Time until the next reading.
        expected: Duration,
        reply: oneshot::Sender<bool>,
    },
    /// What a watch says.
    Batch {
        source: SourceId,
        batch: WatchBatch,
        at: Timestamp,
        /// Requests sent since start.
        requests: u64,
    },
    /// The machine slept: whatever was heard before is older than the local clock says.
    Slept,
    /// A failure that no reading reports.
    Fault(SourceId, SourceFailure),
    /// A source's first reading waits for these; none: it waits no more.
    Waits(SourceId, Vec<SourceId>),
    /// Who we are.
    Identity(Identity),
    /// What the account's AWS sources found.
    Known(Option<AccountId>, oneshot::Sender<Vec<Arc<FoundNode>>>),
    /// What an earlier run recorded.
    Restore(Recording),
    /// Tell when these sources were read anew (or failed to be) since then.
    Await(BTreeSet<SourceId>, Instant, oneshot::Sender<Arc<Snapshot>>),
    /// Tell when every source answered or failed.
    AwaitAll(oneshot::Sender<Arc<Snapshot>>),
    /// Fail whatever did not answer in this time, and tell.
    Conclude(Duration, oneshot::Sender<Arc<Snapshot>>),
    /// Record and end.
    Stop(oneshot::Sender<()>),
}
