//! One poller per source: reads it, rests, reads it again; never two readings at once.

use crate::book::{no_answer, words};
use crate::cadence::{Cadence, Pace};
use crate::index::{Message, PlatformClock};
use crate::time::{Instant, now};
use collect::{Known, Reading};
use futures::future::BoxFuture;
use model::{FailureClass, FoundNode, Observation, Service, Source, SourceFailure, SourceId};
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

/// What every poller and watcher is given.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) mailbox: mpsc::Sender<Message>,
    pub(crate) clock: PlatformClock,
    pub(crate) deadline: Duration,
    pub(crate) answered: watch::Receiver<BTreeSet<SourceId>>,
    pub(crate) abnormal: watch::Receiver<Arc<BTreeSet<SourceId>>>,
    pub(crate) live: watch::Receiver<Live>,
}

/// One source's poller.
pub(crate) struct Poller {
    pub(crate) reader: Arc<dyn Reader>,
    pub(crate) desk: Desk,
    pub(crate) poke: Arc<Notify>,
    /// Sources that must have answered before the first reading.
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
            if self.read(&mut cadence).await.is_err() || self.rest(&cadence).await.is_err() {
                return;
            }
        }
    }

    async fn wait_for_needs(&mut self) -> Result<(), Stopped> {
        let after = std::mem::take(&mut self.after);
        let all = |answered: &BTreeSet<SourceId>| after.iter().all(|id| answered.contains(id));
        self.desk
            .answered
            .wait_for(all)
            .await
            .map_err(|_| Stopped)?;
        Ok(())
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

    /// Rests as long as the pace asks for; a poke ends it, a change of pace moves its end.
    async fn rest(&mut self, cadence: &Cadence) -> Result<(), Stopped> {
        let since = now();
        let dice = rand::random::<f64>();
        loop {
            let end = since + cadence.rest(self.pace(), dice);
            tokio::select! {
                () = self.poke.notified() => return Ok(()),
                () = crate::time::sleep_until(end) => return Ok(()),
                changed = self.desk.abnormal.changed() => changed.map_err(|_| Stopped)?,
                changed = self.desk.live.changed() => changed.map_err(|_| Stopped)?,
            }
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
/// of its account, in its region or global. Sources that wait for its own service are left out:
/// two that waited for each other would never begin.
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
                && !other.needs().contains(&own.service)
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

/// CloudWatch has one point a minute: asking more often than twice a minute costs and tells nothing.
const METRICS_FLOOR: Duration = Duration::from_secs(30);

impl Reader for CollectorReader {
    fn source(&self) -> &Source {
        &self.source
    }

    fn period(&self) -> Duration {
        self.collector.period()
    }

    fn floor(&self) -> Duration {
        match self.source.service {
            Service::CloudWatch => METRICS_FLOOR,
            Service::Sts
            | Service::Route53
            | Service::CloudFront
            | Service::Elb
            | Service::Eks
            | Service::Kubernetes
            | Service::Rds
            | Service::Sqs
            | Service::Lambda
            | Service::Stack => Duration::ZERO,
        }
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
