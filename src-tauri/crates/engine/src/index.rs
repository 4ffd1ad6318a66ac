//! The index: the only task that writes the picture.
//!
//! Pollers and watchers send messages; the index keeps the [`Book`], assembles at most four times
//! a second and only when something happened, and publishes only what differs. Readings that
//! merely confirm what is known are assembled every ten seconds, so that shown ages stay true.

mod drawing;
mod message;
mod pace;
mod waiters;

use crate::book::{Book, Effect, Feed, Recording};
use crate::poller::Heard;
use crate::recorder::Recorder;
use crate::settings::Settings;
use crate::supervise::text_of;
use crate::time::{Instant, asleep, now};
pub(crate) use message::Message;
use model::{Identity, Observation, Snapshot, Source, SourceId, SourceStatus, Timestamp};
use pace::Pace;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use waiters::{Waiter, Waiters};

/// Platform time, now.
pub(crate) type PlatformClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Builds the picture: number, time, book, sources, identity.
pub(crate) type Assembler = Box<dyn FnMut(Draft<'_>) -> Snapshot + Send>;

/// What a picture is built from.
pub(crate) struct Draft<'a> {
    pub(crate) seq: u64,
    pub(crate) taken_at: Timestamp,
    pub(crate) sources: Vec<SourceStatus>,
    pub(crate) identity: Identity,
    pub(crate) book: &'a Book,
}

/// What the index tells the pollers.
pub(crate) struct Signals {
    /// Sources that were heard since the start.
    pub(crate) heard: watch::Sender<Heard>,
    /// Sources with something abnormal among what they describe.
    pub(crate) abnormal: watch::Sender<Arc<BTreeSet<SourceId>>>,
}

/// The index and its state.
pub(crate) struct Index {
    pub(crate) settings: Settings,
    pub(crate) clock: PlatformClock,
    pub(crate) assembler: Assembler,
    pub(crate) snapshots: watch::Sender<Arc<Snapshot>>,
    pub(crate) signals: Signals,
    pub(crate) recorder: Recorder,
    book: Book,
    identity: Identity,
    waiters: Waiters,
    outstanding: BTreeSet<SourceId>,
    pace: Pace,
    unrecorded: bool,
}

impl Index {
    /// An index with an empty book; the first picture is in `snapshots` already.
    pub(crate) fn new(
        settings: Settings,
        clock: PlatformClock,
        assembler: Assembler,
        snapshots: watch::Sender<Arc<Snapshot>>,
        signals: Signals,
        recorder: Recorder,
    ) -> Self {
        let identity = snapshots.borrow().identity.clone();
        Self {
            settings,
            clock,
            assembler,
            snapshots,
            signals,
            recorder,
            book: Book::default(),
            identity,
            waiters: Waiters::default(),
            outstanding: BTreeSet::new(),
            pace: Pace::new(settings),
            unrecorded: false,
        }
    }

    /// Names a source before the index runs.
    pub(crate) fn register(&mut self, source: Source, feed: Feed, period: Duration) {
        self.apply(Message::Register(source, feed, period));
    }

    /// Draws the first picture: every source by name, nothing read yet.
    pub(crate) fn draw(&mut self) {
        self.refresh(now());
        // The first findings need not wait for a picture of nothing.
        self.pace.rested();
    }

    /// Runs until it is stopped or nobody can send any more.
    pub(crate) async fn run(mut self, mut mailbox: mpsc::Receiver<Message>) {
        loop {
            let due = self.due(now());
            tokio::select! {
                message = mailbox.recv() => match message {
                    Some(Message::Stop(done)) => return self.end(Some(done)),
                    Some(message) => {
                        self.take(message);
                        if let Some(done) = self.drain(&mut mailbox) {
                            return self.end(Some(done));
                        }
                    }
                    None => return self.end(None),
                },
                () = until(due) => {}
            }
            let now = now();
            if self.due(now).is_some_and(|due| now >= due) {
                self.refresh(now);
            }
        }
    }

    /// Takes what has gathered meanwhile; a stop among it ends the index.
    fn drain(&mut self, mailbox: &mut mpsc::Receiver<Message>) -> Option<oneshot::Sender<()>> {
        for _ in 0..mailbox.len() {
            match mailbox.try_recv() {
                Ok(Message::Stop(done)) => return Some(done),
                Ok(message) => self.take(message),
                Err(_) => return None,
            }
        }
        None
    }

    /// When the picture is next assembled.
    fn due(&self, now: Instant) -> Option<Instant> {
        let turn = self.book.next_turn(self.pace.drawn_at(now));
        self.pace.due(turn, now)
    }

    fn soil(&mut self, effect: Effect) {
        self.soil_within(effect, self.settings.settle);
    }

    /// Something happened that should be in a picture within this time.
    fn soil_within(&mut self, effect: Effect, within: Duration) {
        self.unrecorded |= effect == Effect::Content;
        self.pace.soil(effect, now() + within);
    }

    /// How long news of a source may wait for company. A failure does not wait: the next attempt
    /// may come before its picture.
    fn patience(&self, source: &SourceId) -> Duration {
        let calm = self.outstanding.is_empty()
            && self.book.feed(source) == Some(Feed::Polled)
            && !self.book.failing(source)
            && !self.signals.abnormal.borrow().contains(source);
        if calm {
            self.settings.patience
        } else {
            self.settings.settle
        }
    }

    /// Takes one message; a defect in taking it must not end the index.
    fn take(&mut self, message: Message) {
        let taken = catch_unwind(AssertUnwindSafe(|| self.apply(message)));
        if let Err(panic) = taken {
            tracing::error!(
                panic = text_of(panic.as_ref()),
                "a message to the index was dropped"
            );
        }
    }

    fn apply(&mut self, message: Message) {
        let now = now();
        let older = self.book.slept(asleep());
        self.soil(older);
        match message {
            Message::Register(source, feed, period) => {
                let effect = self.book.register(source, feed, period);
                self.outstanding = self.book.outstanding();
                self.soil(effect);
            }
            Message::Reading {
                observation,
                begun,
                expected,
                reply,
            } => self.reading(*observation, begun, expected, reply, now),
            Message::Batch {
                source,
                batch,
                at,
                requests,
            } => {
                let effect = self.book.watched(&source, batch, requests, (at, now));
                self.heard(&source, now, effect);
            }
            Message::Fault(source, failure) => {
                let effect = self.book.failed(&source, failure);
                self.heard(&source, now, effect);
            }
            Message::Waits(source, needed) => {
                let effect = self.book.waits(&source, needed);
                self.soil(effect);
            }
            Message::Identity(identity) => self.identify(identity),
            // Nobody listening any more is no error.
            Message::Known(account, reply) => drop(reply.send(self.book.known(account.as_ref()))),
            Message::Restore(recording) => self.restore(recording),
            Message::Await(sources, since, reply) => self.await_sources(sources, since, reply),
            Message::AwaitAll(reply) => self.wait(Waiter::all(reply)),
            Message::Conclude(after, reply) => self.conclude(after, reply),
            // Looked at with every message.
            Message::Slept => {}
            // Handled by the loop.
            Message::Stop(_) => {}
        }
    }

    fn identify(&mut self, identity: Identity) {
        if self.identity != identity {
            self.identity = identity;
            self.soil(Effect::Content);
        }
    }

    fn restore(&mut self, recording: Recording) {
        let effect = self.book.restore(recording);
        self.soil(effect);
        if effect == Effect::Content {
            self.pace.hasten();
        }
    }

    fn await_sources(
        &mut self,
        sources: BTreeSet<SourceId>,
        since: Instant,
        reply: oneshot::Sender<Arc<Snapshot>>,
    ) {
        let polled = |id: &SourceId| self.book.feed(id) == Some(Feed::Polled);
        let sources = sources.into_iter().filter(polled).collect();
        self.wait(Waiter::sources(sources, since, reply));
    }

    fn conclude(&mut self, after: Duration, reply: oneshot::Sender<Arc<Snapshot>>) {
        let effect = self.book.conclude(after);
        self.soil(effect);
        self.note_outstanding();
        self.wait(Waiter::all(reply));
    }

    fn reading(
        &mut self,
        observation: Observation,
        begun: Instant,
        expected: Duration,
        reply: oneshot::Sender<bool>,
        now: Instant,
    ) {
        let source = observation.source.id.clone();
        let effect = self.book.observe(observation, expected, now);
        // A poller that was stopped meanwhile does not listen any more.
        let _ = reply.send(effect == Effect::Content);
        self.heard(&source, begun, effect);
    }

    /// Something was heard of a source, in an attempt that began at `begun`.
    fn heard(&mut self, source: &SourceId, begun: Instant, effect: Effect) {
        self.soil_within(effect, self.patience(source));
        if self.outstanding.contains(source) {
            self.note_outstanding();
        }
        if !self.signals.heard.borrow().well.contains(source) && self.book.well(source) {
            self.signals.heard.send_modify(|heard| {
                heard.well.insert(source.clone());
            });
        }
        if self.waiters.heard(source, begun) {
            self.soil(Effect::Content);
        }
    }

    fn note_outstanding(&mut self) {
        let before = std::mem::replace(&mut self.outstanding, self.book.outstanding());
        let answered: Vec<SourceId> = before.difference(&self.outstanding).cloned().collect();
        if answered.is_empty() {
            return;
        }
        self.signals
            .heard
            .send_modify(|heard| heard.answered.extend(answered));
        // The first complete picture is awaited by somebody: it does not wait for company.
        if self.outstanding.is_empty() {
            self.pace.hasten();
        }
    }

    fn wait(&mut self, waiter: Waiter) {
        self.waiters.add(waiter);
        if self.waiters.any_satisfied(self.outstanding.is_empty()) {
            self.soil(Effect::Content);
            self.pace.hasten();
        }
    }

    fn record(&mut self) {
        if self.unrecorded && self.recorder.ready() {
            self.recorder.record(self.book.recording((self.clock)()));
            self.unrecorded = false;
        }
    }

    fn end(self, done: Option<oneshot::Sender<()>>) {
        if self.unrecorded {
            self.recorder.record(self.book.recording((self.clock)()));
        }
        self.recorder.finish();
        if let Some(done) = done {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(at) => crate::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
