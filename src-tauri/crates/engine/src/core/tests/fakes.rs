//! Readers and watches that do as they are told.

use super::super::*;
use crate::index::Draft;
use crate::time::Instant;
use collect::Reading;
use collect::kubernetes::WatchBatch;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt as _};
use model::{
    Environment, Fact, FailureClass, Found, FoundNode, Health, Identity, Kind, Level, Node, NodeId,
    Scope, Service, SourceFailure, StackIdentity, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a fake reader does at its nth reading (from 0).
pub(super) type Script = Box<dyn Fn(u32) -> BoxFuture<'static, Reading> + Send + Sync>;

pub(super) struct FakeReader {
    source: Source,
    period: Duration,
    needs: Vec<Service>,
    script: Script,
    pub(super) readings: AtomicU32,
    /// When each reading began.
    pub(super) begun: Mutex<Vec<Instant>>,
    reading: AtomicU32,
}

impl FakeReader {
    pub(super) fn new(
        part: &str,
        script: impl Fn(u32) -> BoxFuture<'static, Reading> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::of(Service::Sqs, part, &[], script)
    }

    pub(super) fn of(
        service: Service,
        part: &str,
        needs: &[Service],
        script: impl Fn(u32) -> BoxFuture<'static, Reading> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            source: source(service, part),
            period: Duration::from_secs(30),
            needs: needs.to_vec(),
            script: Box::new(script),
            readings: AtomicU32::new(0),
            begun: Mutex::new(Vec::new()),
            reading: AtomicU32::new(0),
        })
    }

    pub(super) fn id(&self) -> SourceId {
        self.source.id.clone()
    }

    pub(super) fn count(&self) -> u32 {
        self.readings.load(Ordering::SeqCst)
    }

    /// Seconds between the beginnings of readings.
    pub(super) fn gaps(&self) -> Vec<f64> {
        let begun = lock(&self.begun);
        begun
            .windows(2)
            .map(|w| (w[1] - w[0]).as_secs_f64())
            .collect()
    }
}

impl Reader for FakeReader {
    fn source(&self) -> &Source {
        &self.source
    }
    fn period(&self) -> Duration {
        self.period
    }
    fn floor(&self) -> Duration {
        Duration::ZERO
    }
    fn needs(&self) -> &[Service] {
        &self.needs
    }
    fn read(&self, _: Vec<Arc<FoundNode>>) -> BoxFuture<'_, Reading> {
        let nth = self.readings.fetch_add(1, Ordering::SeqCst);
        lock(&self.begun).push(now());
        Box::pin(async move {
            let others = self.reading.fetch_add(1, Ordering::SeqCst);
            let _over = Over(&self.reading);
            assert_eq!(others, 0, "a poller never overlaps itself");
            (self.script)(nth).await
        })
    }
}

/// Ends a reading however it ends.
struct Over<'a>(&'a AtomicU32);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Watches that play a list of scripts, one per opening; then they stay silent.
pub(super) struct FakeWatch {
    source: Source,
    pub(super) openings: AtomicU32,
    script: Box<dyn Fn(u32) -> BoxStream<'static, WatchBatch> + Send + Sync>,
}

impl FakeWatch {
    pub(super) fn new(
        part: &str,
        script: impl Fn(u32) -> BoxStream<'static, WatchBatch> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            source: source(Service::Kubernetes, part),
            openings: AtomicU32::new(0),
            script: Box::new(script),
        })
    }
}

impl Watch for FakeWatch {
    fn source(&self) -> &Source {
        &self.source
    }
    fn period(&self) -> Duration {
        Duration::from_secs(75)
    }
    fn requests(&self) -> u64 {
        1
    }
    fn open(&self) -> BoxStream<'static, WatchBatch> {
        (self.script)(self.openings.fetch_add(1, Ordering::SeqCst))
    }
}

/// These batches, then silence.
pub(super) fn then_silence(batches: Vec<WatchBatch>) -> BoxStream<'static, WatchBatch> {
    futures::stream::iter(batches)
        .chain(futures::stream::pending())
        .boxed()
}

pub(super) fn source(service: Service, part: &str) -> Source {
    let scope = Scope {
        account: Some(model::AccountId::new("123456789012")),
        region: Some("eu-west-1".into()),
        ..Scope::default()
    };
    Source::new(service, scope, part)
}

/// A queue with so many messages.
pub(super) fn queue(name: &str, messages: i64) -> Found {
    let id = NodeId::aws(Kind::Queue, "123456789012", Some("eu-west-1"), name);
    let mut node = FoundNode::new(id, Kind::Queue, name, Scope::default());
    node.facts.set(Fact::MessagesVisible, messages);
    Found::Node(Box::new(node))
}

pub(super) fn queue_id(name: &str) -> NodeId {
    NodeId::aws(Kind::Queue, "123456789012", Some("eu-west-1"), name)
}

pub(super) fn good(found: Vec<Found>) -> BoxFuture<'static, Reading> {
    Box::pin(std::future::ready(Reading {
        requests: 1,
        skipped: 0,
        partial: None,
        outcome: Ok(found),
    }))
}

pub(super) fn bad(class: FailureClass) -> BoxFuture<'static, Reading> {
    Box::pin(std::future::ready(Reading {
        requests: 1,
        skipped: 0,
        partial: None,
        outcome: Err(failure(class)),
    }))
}

pub(super) fn failure(class: FailureClass) -> SourceFailure {
    SourceFailure {
        class,
        sentence: "ListQueues was refused.".to_owned(),
        next_step: String::new(),
        code: None,
        request_id: None,
    }
}

pub(super) fn hang() -> BoxFuture<'static, Reading> {
    Box::pin(std::future::pending())
}

/// What the fake assembly was asked.
#[derive(Default)]
pub(super) struct Assemblies {
    pub(super) at: Mutex<Vec<Instant>>,
    /// Messages beyond which a queue makes the fake rules panic.
    pub(super) panics_at: Mutex<Option<i64>>,
}

impl Assemblies {
    pub(super) fn count(&self) -> usize {
        lock(&self.at).len()
    }
}

/// A picture without links or rules, but for one: more than 100 messages are critical.
fn draw(draft: &Draft<'_>, assemblies: &Assemblies) -> Snapshot {
    lock(&assemblies.at).push(now());
    let outdated: BTreeSet<&SourceId> = draft
        .sources
        .iter()
        .filter(|s| s.outdated)
        .map(|s| &s.source.id)
        .collect();
    let mut nodes = BTreeMap::new();
    for held in draft.book.held() {
        let Found::Node(found) = &**held.found else {
            continue;
        };
        let messages = found.facts.count(Fact::MessagesVisible).unwrap_or(0);
        let panics = lock(&assemblies.panics_at).is_some_and(|limit| messages > limit);
        assert!(!panics, "the rule cannot count that far");
        let level = match messages {
            _ if outdated.contains(held.source) => Level::Unknown,
            0..=100 => Level::Ok,
            _ => Level::Critical,
        };
        let node = Node {
            id: found.id.clone(),
            kind: found.kind,
            name: found.name.clone(),
            scope: found.scope.clone(),
            health: Health {
                level,
                reasons: Vec::new(),
            },
            facts: found.facts.clone(),
            zones: BTreeMap::new(),
            series: Vec::new(),
            standing: found.standing,
            observed_at: held.observed_at,
            source: held.source.clone(),
            fact_origins: BTreeMap::new(),
        };
        nodes.insert(node.id.clone(), Arc::new(node));
    }
    Snapshot {
        seq: draft.seq,
        taken_at: draft.taken_at,
        identity: draft.identity.clone(),
        nodes: nodes.into_values().collect(),
        sources: draft.sources.clone(),
        ..blank()
    }
}

pub(super) fn blank() -> Snapshot {
    Snapshot {
        seq: 0,
        taken_at: Timestamp::from_seconds(0),
        stack: StackIdentity {
            name: "test".to_owned(),
            environment: Environment::Dev,
        },
        identity: Identity::default(),
        nodes: Vec::new(),
        edges: [].into(),
        sources: Vec::new(),
        causes: Vec::new(),
        changes: Vec::new(),
    }
}

/// A running core and what it assembled.
pub(super) struct Bench {
    pub(super) core: Core,
    pub(super) assemblies: Arc<Assemblies>,
}

impl Bench {
    pub(super) fn start(readers: &[Arc<FakeReader>], watches: &[Arc<FakeWatch>]) -> Self {
        Self::recorded(readers, watches, |_| Recorder::off())
    }

    pub(super) fn recorded(
        readers: &[Arc<FakeReader>],
        watches: &[Arc<FakeWatch>],
        recorder: impl FnOnce(mpsc::Sender<Message>) -> Recorder,
    ) -> Self {
        let epoch = now();
        let assemblies = Arc::new(Assemblies::default());
        let drawn = Arc::clone(&assemblies);
        let parts = Parts {
            settings: Settings::default(),
            clock: Arc::new(move || {
                let millis = i64::try_from((now() - epoch).as_millis()).expect("a short test");
                Timestamp::from_millis(1_795_000_000_000 + millis)
            }),
            assembler: Box::new(move |draft| draw(&draft, &drawn)),
            woke: Box::new(|| {}),
            first: blank(),
            readers: readers
                .iter()
                .map(|r| Arc::clone(r) as Arc<dyn Reader>)
                .collect(),
            watches: watches
                .iter()
                .map(|w| Arc::clone(w) as Arc<dyn Watch>)
                .collect(),
        };
        Self {
            core: Core::start(parts, recorder),
            assemblies,
        }
    }

    pub(super) fn now(&self) -> Arc<Snapshot> {
        self.core.snapshots().borrow().clone()
    }

    /// The first picture from now on of which this is true.
    pub(super) async fn when(&self, what: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.core.snapshots();
        let wait = snapshots.wait_for(|s| what(s));
        let found = crate::time::timeout(Duration::from_secs(3600), wait).await;
        found
            .expect("it becomes true within the hour")
            .expect("the index lives")
            .clone()
    }
}

pub(super) fn messages(snapshot: &Snapshot, name: &str) -> Option<i64> {
    let id = queue_id(name);
    let node = snapshot.nodes.iter().find(|n| n.id == id)?;
    node.facts.count(Fact::MessagesVisible)
}

pub(super) fn status<'a>(snapshot: &'a Snapshot, id: &SourceId) -> &'a model::SourceStatus {
    let found = snapshot.sources.iter().find(|s| s.source.id == *id);
    found.expect("every source has a status")
}
