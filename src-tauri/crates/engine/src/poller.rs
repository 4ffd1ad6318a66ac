//! One poller per source: reads it, rests, reads it again; never two readings at once.

use crate::book::{no_answer, words};
use crate::cadence::{Cadence, Pace};
use crate::index::{Message, PlatformClock};
use crate::time::{Instant, now};
use collect::{Known, Reading};
use futures::future::BoxFuture;
use model::{FailureClass, FoundNode, Observation, Service, Source, SourceFailure, SourceId, cost};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// Something that can be read again and again.
pub(crate) trait Reader: Send + Sync {
    /// Which source it is.
    fn source(&self) -> &Source;
    /// Time between readings when calm.
    fn period(&self) -> Duration;
    /// The shortest time between readings that can bring news.
    fn floor(&self) -> Duration;
    /// Services whose sources in reach must have answered before the first reading.
    fn needs(&self) -> &[Service];
    /// Reads it.
    fn read(&self, known: Vec<Arc<FoundNode>>) -> BoxFuture<'_, Reading>;
}

/// How many runs watch a source.
pub(crate) type Live = BTreeMap<SourceId, usize>;

/// Who was heard since the engine started.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Answered or failed.
    pub(crate) answered: BTreeSet<SourceId>,
    /// Answered well at least once.
    pub(crate) well: BTreeSet<SourceId>,
}

/// So long the first reading waits for all that it needs; then what some of them found must do.
const NEEDS_WITHIN: Duration = Duration::from_secs(5);

/// What every poller and watcher is given.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) mailbox: mpsc::Sender<Message>,
    pub(crate) clock: PlatformClock,
    pub(crate) deadline: Duration,
    pub(crate) heard: watch::Receiver<Heard>,
    pub(crate) abnormal: watch::Receiver<Arc<BTreeSet<SourceId>>>,
    pub(crate) live: watch::Receiver<Live>,
    /// Changes when the machine woke up.
    pub(crate) woken: watch::Receiver<()>,
    /// How many times longer than by itself to rest between two readings that cost something.
    pub(crate) slowed: watch::Receiver<f64>,
}

impl Desk {
    /// Whether all is calm: nothing anywhere is abnormal, and no run is under way.
    pub(crate) fn is_calm(&self) -> bool {
        self.abnormal.borrow().is_empty() && self.live.borrow().is_empty()
    }
}

/// One source's poller.
pub(crate) struct Poller {
    pub(crate) reader: Arc<dyn Reader>,
    pub(crate) desk: Desk,
    pub(crate) poke: Arc<Notify>,
    /// Sources whose findings it asks about: the first reading waits for them.
    pub(crate) after: Vec<SourceId>,
}

/// The index is gone: the engine stops.
struct Stopped;

impl Poller {
    /// Reads until the engine stops.
    pub(crate) async fn run(mut self) {
        let mut cadence = Cadence::new(self.reader.period(), self.reader.floor());
        if self.wait_for_needs().await.is_err() {
            return;
        }
        loop {
            let missing = self.missing();
            cadence.slow(self.slowed());
            if self.read(&mut cadence).await.is_err()
                || self.rest(cadence.clone(), &missing).await.is_err()
            {
                return;
            }
        }
    }

    /// Waits until all that it needs has answered or failed; a hanging one is waited for only
    /// while there is nothing else to begin with. Whoever looks is told what is waited for.
    async fn wait_for_needs(&mut self) -> Result<(), Stopped> {
        let after = &self.after;
        let mut heard = self.desk.heard.clone();
        let all = |heard: &Heard| after.iter().all(|id| heard.answered.contains(id));
        let some = |heard: &Heard| after.iter().any(|id| heard.answered.contains(id));
        if all(&heard.borrow_and_update()) {
            return Ok(());
        }
        let id = self.reader.source().id.clone();
        self.send(Message::Waits(id.clone(), after.clone())).await?;
        let waited = crate::time::timeout(NEEDS_WITHIN, heard.wait_for(all)).await;
        match waited.map(|heard| heard.map(drop)) {
            Ok(waited) => waited.map_err(|_| Stopped)?,
            Err(_) => drop(heard.wait_for(some).await.map_err(|_| Stopped)?),
        }
        self.send(Message::Waits(id, Vec::new())).await
    }

    /// What it needs and has not heard well of yet.
    fn missing(&self) -> Vec<SourceId> {
        let heard = self.desk.heard.borrow();
        let missing = self.after.iter().filter(|id| !heard.well.contains(*id));
        missing.cloned().collect()
    }

    async fn read(&mut self, cadence: &mut Cadence) -> Result<(), Stopped> {
        let known = self.known().await?;
        let started = (self.desk.clock)();
        let begun = now();
        let deadline = self.desk.deadline;
        let reading = match crate::time::timeout(deadline, self.reader.read(known)).await {
            Ok(reading) => reading,
            Err(_) => Reading {
                requests: 0,
                skipped: 0,
                partial: None,
                outcome: Err(no_answer(self.reader.source(), deadline)),
            },
        };
        let failure = reading.outcome.as_ref().err().map(|failure| failure.class);
        let observation = Observation {
            source: self.reader.source().clone(),
            started,
            finished: (self.desk.clock)(),
            requests: reading.requests,
            skipped: reading.skipped,
            partial: reading.partial,
            outcome: reading.outcome,
        };
        let expected = cadence.next_period(self.pace()) + (now() - begun);
        let changed = self.report(observation, begun, expected).await?;
        match failure {
            Some(class) => cadence.failed(class),
            None => cadence.answered(changed),
        }
        Ok(())
    }

    async fn known(&self) -> Result<Vec<Arc<FoundNode>>, Stopped> {
        let (reply, known) = oneshot::channel();
        let account = self.reader.source().scope.account.clone();
        self.send(Message::Known(account, reply)).await?;
        known.await.map_err(|_| Stopped)
    }

    async fn report(
        &self,
        observation: Observation,
        begun: Instant,
        expected: Duration,
    ) -> Result<bool, Stopped> {
        let (reply, changed) = oneshot::channel();
        self.send(Message::Reading {
            observation: Box::new(observation),
            begun,
            expected,
            reply,
        })
        .await?;
        changed.await.map_err(|_| Stopped)
    }

    async fn send(&self, message: Message) -> Result<(), Stopped> {
        self.desk.mailbox.send(message).await.map_err(|_| Stopped)
    }

    /// Rests as long as the pace asks for; a poke ends it, and so does the first good answer of a
    /// source that the last reading missed; a change of pace moves its end. It is never slowed further
    /// than when the source was read: until when it counts was told then.
    async fn rest(&mut self, mut cadence: Cadence, missing: &[SourceId]) -> Result<(), Stopped> {
        let since = now();
        let dice = rand::random::<f64>();
        let come = |heard: &Heard| missing.iter().any(|id| heard.well.contains(id));
        loop {
            cadence.slow_at_most(self.slowed());
            let end = since + cadence.rest(self.pace(), dice);
            tokio::select! {
                () = self.poke.notified() => return Ok(()),
                () = crate::time::sleep_until(end) => return Ok(()),
                heard = self.desk.heard.wait_for(come) => return heard.map(drop).map_err(|_| Stopped),
                changed = self.desk.abnormal.changed() => changed.map_err(|_| Stopped)?,
                changed = self.desk.live.changed() => changed.map_err(|_| Stopped)?,
            }
        }
    }

    /// How many times longer than by itself it rests: what costs nothing does not, and while anything is wrong,
    /// nothing does.
    fn slowed(&self) -> f64 {
        let costs = cost::request(self.reader.source().service) > 0;
        if costs && self.desk.is_calm() {
            *self.desk.slowed.borrow()
        } else {
            1.0
        }
    }

    fn pace(&self) -> Pace {
        let id = &self.reader.source().id;
        if self.desk.live.borrow().contains_key(id) {
            Pace::Live
        } else if self.desk.abnormal.borrow().contains(id) {
            Pace::Hurried
        } else {
            Pace::Calm
        }
    }
}

/// What is said of a source whose reader panicked.
pub(crate) fn defect(source: &Source, panic: &str, again: Duration) -> SourceFailure {
    SourceFailure {
        class: FailureClass::Other,
        sentence: format!(
            "{}: the reader stopped on a defect of its own ({panic}).",
            words(source)
        ),
        next_step: format!(
            "It starts again in {} s and nothing else is affected; please report this sentence.",
            again.as_secs().max(1)
        ),
        code: None,
        request_id: None,
    }
}

/// The sources that `reader` waits for before its first reading: those of the services it needs,
/// of its account, in its region or global. Sources that wait themselves are left out: they find
/// no things, only figures of things, and two that waited for each other would never begin.
pub(crate) fn prerequisites(reader: &dyn Reader, all: &[Arc<dyn Reader>]) -> Vec<SourceId> {
    let own = reader.source();
    let in_reach = |other: &Source| {
        other.scope.account == own.scope.account
            && (own.scope.region.is_none()
                || other.scope.region.is_none()
                || other.scope.region == own.scope.region)
    };
    all.iter()
        .filter(|other| {
            let source = other.source();
            source.id != own.id
                && reader.needs().contains(&source.service)
                && other.needs().is_empty()
                && in_reach(source)
        })
        .map(|other| other.source().id.clone())
        .collect()
}

/// A collector bound to the session it reads with.
pub(crate) struct CollectorReader {
    collector: &'static dyn collect::Collector,
    session: cloud::Session,
    source: Source,
}

impl CollectorReader {
    /// Binds `collector` to `session`.
    pub(crate) fn new(
        collector: &'static dyn collect::Collector,
        session: cloud::Session,
        source: Source,
    ) -> Self {
        Self {
            collector,
            session,
            source,
        }
    }
}

impl Reader for CollectorReader {
    fn source(&self) -> &Source {
        &self.source
    }

    fn period(&self) -> Duration {
        self.collector.period()
    }

    fn floor(&self) -> Duration {
        self.collector.floor()
    }

    fn needs(&self) -> &[Service] {
        self.collector.needs()
    }

    fn read(&self, nodes: Vec<Arc<FoundNode>>) -> BoxFuture<'_, Reading> {
        Box::pin(async move {
            let known = Known { nodes };
            self.collector.collect(&self.session, &known).await
        })
    }
}
