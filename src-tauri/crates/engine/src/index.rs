//! The index: the only task that writes the picture.
//!
//! Pollers and watchers send messages; the index keeps the [`Book`], assembles at most four times
//! a second and only when something happened, and publishes only what differs. Readings that
//! merely confirm what is known are assembled every ten seconds, so that shown ages stay true.

mod waiters;

use crate::book::{Book, Effect, Feed, Recording};
use crate::poller::Heard;
use crate::recorder::Recorder;
use crate::sameness::{News, news};
use crate::settings::Settings;
use crate::supervise::text_of;
use crate::time::{Instant, now};
use collect::kubernetes::WatchBatch;
use model::{
    AccountId, FoundNode, Identity, Level, Observation, Snapshot, Source, SourceFailure, SourceId,
    SourceStatus, State, Timestamp,
};
use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use waiters::{Waiter, Waiters};

/// How many costs the gap is judged by.
const COSTS_KEPT: usize = 5;

/// Platform time, now.
pub(crate) type PlatformClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Builds the picture: number, time, previous picture, book, sources, identity.
pub(crate) type Assembler = Box<dyn FnMut(Draft<'_>) -> Snapshot + Send>;

/// What a picture is built from.
pub(crate) struct Draft<'a> {
    pub(crate) seq: u64,
    pub(crate) taken_at: Timestamp,
    pub(crate) previous: Option<&'a Snapshot>,
    pub(crate) sources: Vec<SourceStatus>,
    pub(crate) identity: Identity,
    pub(crate) book: &'a Book,
}

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
    dirt: Effect,
    /// When the next picture is wanted.
    wanted: Option<Instant>,
    /// What the latest assemblies took.
    costs: VecDeque<Duration>,
    assembled_at: Option<Instant>,
    published_at: Option<Instant>,
    hasty: bool,
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
            dirt: Effect::Nothing,
            wanted: None,
            costs: VecDeque::new(),
            assembled_at: None,
            published_at: None,
            hasty: false,
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
        self.assembled_at = None;
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
        let turn = self.book.next_turn(self.assembled_at.unwrap_or(now));
        let earliest = self.assembled_at.map(|at| at + self.gap());
        let dirty = match (self.dirt, self.wanted) {
            (Effect::Content, Some(_)) if self.hasty => Some(now),
            (Effect::Content, Some(wanted)) => Some(earliest.map_or(wanted, |at| at.max(wanted))),
            (Effect::Ages, _) => Some(
                self.assembled_at
                    .map_or(now, |at| at + self.settings.ages_gap),
            ),
            (Effect::Content | Effect::Nothing, _) => None,
        };
        let turn = turn.map(|at| earliest.map_or(at, |earliest| at.max(earliest)));
        [dirty, turn].into_iter().flatten().min()
    }

    /// The least time between two assemblies: longer where they are expensive.
    fn gap(&self) -> Duration {
        let Settings {
            assembly_gap,
            assembly_gap_most,
            assembly_rest,
            ..
        } = self.settings;
        // The cheapest of late: one that was interrupted says nothing about the work.
        let cost = self.costs.iter().min().copied().unwrap_or_default();
        (cost * assembly_rest).clamp(assembly_gap, assembly_gap_most.max(assembly_gap))
    }

    fn soil(&mut self, effect: Effect) {
        self.soil_within(effect, self.settings.settle);
    }

    /// Something happened that should be in a picture within this time.
    fn soil_within(&mut self, effect: Effect, within: Duration) {
        if effect == Effect::Content {
            let wanted = now() + within;
            self.wanted = Some(self.wanted.map_or(wanted, |at| at.min(wanted)));
            self.unrecorded = true;
        }
        self.dirt = self.dirt.max(effect);
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
            Message::Identity(identity) => {
                if self.identity != identity {
                    self.identity = identity;
                    self.soil(Effect::Content);
                }
            }
            Message::Known(account, reply) => {
                // Nobody listening any more is no error.
                let _ = reply.send(self.book.known(account.as_ref()));
            }
            Message::Restore(recording) => {
                let effect = self.book.restore(recording);
                self.soil(effect);
                self.hasty |= effect == Effect::Content;
            }
            Message::Await(sources, since, reply) => {
                let polled = |id: &SourceId| self.book.feed(id) == Some(Feed::Polled);
                let sources = sources.into_iter().filter(polled).collect();
                self.wait(Waiter::sources(sources, since, reply));
            }
            Message::AwaitAll(reply) => self.wait(Waiter::all(reply)),
            Message::Conclude(after, reply) => {
                let effect = self.book.conclude(after);
                self.soil(effect);
                self.note_outstanding();
                self.wait(Waiter::all(reply));
            }
            // Handled by the loop.
            Message::Stop(_) => {}
        }
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
        self.hasty |= self.outstanding.is_empty();
    }

    fn wait(&mut self, waiter: Waiter) {
        self.waiters.add(waiter);
        if self.waiters.any_satisfied(self.outstanding.is_empty()) {
            self.soil(Effect::Content);
            self.hasty = true;
        }
    }

    /// Assembles, publishes when there is news, and tells those who wait.
    fn refresh(&mut self, now: Instant) {
        self.dirt = Effect::Nothing;
        self.wanted = None;
        self.hasty = false;
        self.assembled_at = Some(now);
        let previous = self.snapshots.borrow().clone();
        let begun = std::time::Instant::now();
        let next = self.assembled(&previous, now);
        let drawn = begun.elapsed();
        let rested = self
            .published_at
            .is_none_or(|at| now >= at + self.settings.ages_gap);
        let news = news(&previous, &next);
        if self.costs.len() == COSTS_KEPT {
            self.costs.pop_front();
        }
        self.costs.push_back(begun.elapsed());
        tracing::debug!(
            nodes = next.nodes.len(),
            micros = drawn.as_micros(),
            compared_micros = (begun.elapsed() - drawn).as_micros(),
            ?news,
            "assembled"
        );
        match news {
            News::Content => self.publish(next, now),
            News::Ages if rested => self.publish(next, now),
            News::Ages => self.soil(Effect::Ages),
            News::None => {}
        }
        let current = self.snapshots.borrow().clone();
        self.waiters.tell(&current, self.outstanding.is_empty());
        self.record();
    }

    fn assembled(&mut self, previous: &Snapshot, now: Instant) -> Snapshot {
        let draft = Draft {
            seq: previous.seq + 1,
            taken_at: (self.clock)(),
            previous: Some(previous),
            sources: self.book.statuses(now),
            identity: self.identity.clone(),
            book: &self.book,
        };
        let assembler = &mut self.assembler;
        match catch_unwind(AssertUnwindSafe(|| assembler(draft))) {
            Ok(snapshot) => snapshot,
            Err(panic) => self.undrawable(previous, &text_of(panic.as_ref()), now),
        }
    }

    /// The picture when a rule has a defect: the nodes as they were, and a sentence.
    fn undrawable(&self, previous: &Snapshot, panic: &str, now: Instant) -> Snapshot {
        let source = Source::new(model::Service::Stack, model::Scope::default(), "assembly");
        let failure = SourceFailure {
            class: model::FailureClass::Other,
            sentence: format!(
                "The picture could not be drawn anew: a rule has a defect ({panic})."
            ),
            next_step: "What is shown is the last good picture; please report this sentence."
                .to_owned(),
            code: None,
            request_id: None,
        };
        let mut sources = self.book.statuses(now);
        sources.push(SourceStatus {
            source,
            state: State::Failed,
            last_ok: Some(previous.taken_at),
            period_seconds: self.settings.ages_gap.as_secs_f64(),
            outdated: true,
            requests: 0,
            skipped: 0,
            error: Some(format!("{} {}", failure.sentence, failure.next_step)),
            failure: Some(failure),
        });
        sources.sort_by(|a, b| a.source.id.cmp(&b.source.id));
        Snapshot {
            seq: previous.seq + 1,
            taken_at: (self.clock)(),
            sources,
            ..previous.clone()
        }
    }

    fn publish(&mut self, next: Snapshot, now: Instant) {
        self.published_at = Some(now);
        let abnormal = abnormal_sources(&next);
        self.signals.abnormal.send_if_modified(|known| {
            let differs = **known != abnormal;
            if differs {
                *known = Arc::new(abnormal);
            }
            differs
        });
        self.snapshots.send_replace(Arc::new(next));
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

/// The sources that describe something abnormal: they are read faster.
fn abnormal_sources(snapshot: &Snapshot) -> BTreeSet<SourceId> {
    let mut sources = BTreeSet::new();
    for node in &snapshot.nodes {
        match node.health.level {
            Level::Ok | Level::Unknown => {}
            Level::InTransition | Level::Warning | Level::Critical => {
                if !sources.contains(&node.source) {
                    sources.insert(node.source.clone());
                }
                for origin in node.fact_origins.values() {
                    if !sources.contains(&origin.source) {
                        sources.insert(origin.source.clone());
                    }
                }
            }
        }
    }
    sources
}

async fn until(due: Option<Instant>) {
    match due {
        Some(at) => crate::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
