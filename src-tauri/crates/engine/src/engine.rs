//! The handle of a running engine: one stack, its sessions, its tasks, its picture.

use crate::assembly::{assembler, stack_identity};
use crate::clusters::Clusters;
use crate::core::{Core, Hurry, Parts, lock};
use crate::identity::identity;
use crate::index::{Message, PlatformClock};
use crate::meter::Meter;
use crate::poller::{CollectorReader, Reader};
use crate::recorder::{Notices, Recorder, notice};
use crate::runs::{Deck, Helm, Platform, Terms};
use crate::settings::Settings;
use crate::time::{now, sleep};
use crate::updates::updates;
use cloud::{Session, Sessions, Stack};
use collect::kubernetes::Cluster;
use collect::{COLLECTORS, Collector, Reach};
use futures::Stream;
use model::{Node, Snapshot, Source, SourceId, Timestamp, Update};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How often requests are counted and our identity is looked at again.
const PULSE: Duration = Duration::from_secs(5);

/// A running engine. Cheap to clone; it ends when the last handle is dropped, and properly
/// (everything recorded) by [`Engine::stop`].
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    stack: Stack,
    sessions: Sessions,
    clusters: Clusters,
    state_dir: PathBuf,
    meter: Arc<Mutex<Meter>>,
    helm: Helm,
    deck: Arc<dyn Platform>,
}

impl Engine {
    /// Starts reading. What an earlier run recorded of this stack is drawn at once, marked stale;
    /// nothing is awaited but the kubeconfig files.
    pub async fn start(stack: Stack, sessions: Sessions, state_dir: &Path) -> Self {
        Self::with(stack, sessions, state_dir, Settings::default(), COLLECTORS).await
    }

    /// Starts with other figures and collectors than the usual ones.
    pub async fn with(
        stack: Stack,
        sessions: Sessions,
        state_dir: &Path,
        settings: Settings,
        collectors: &[&'static dyn Collector],
    ) -> Self {
        let clusters = Clusters::default();
        let places = cloud::kubernetes::places(&stack, &sessions);
        let (watches, openers) = clusters.open(places, &sessions.clock).await;
        let mut readers = readers(&sessions, collectors);
        readers.extend(openers.iter().map(|o| Arc::clone(o) as Arc<dyn Reader>));
        let notices = Notices::new(Vec::new());
        let (assembler, complaint) = assembler(&stack);
        if let Some(complaint) = complaint {
            notice(&notices, complaint);
        }
        let clock = sessions.clock.clone();
        let platform: PlatformClock = Arc::new(move || clock.now());
        let parts = Parts {
            settings,
            first: first_picture(&stack, &sessions, &clusters, platform()),
            clock: platform,
            assembler,
            notices: notices.clone(),
            readers,
            watches,
        };
        let stamp = fingerprint(&stack, &sessions, &clusters.all());
        let core = Arc::new(Core::start(parts, |mailbox| {
            let mailbox = mailbox.downgrade();
            let gap = settings.recording_gap;
            Recorder::open(state_dir, stamp, gap, notices, move |recording| {
                // An engine that stopped already draws nothing.
                if let Some(mailbox) = mailbox.upgrade() {
                    let _ = mailbox.blocking_send(Message::Restore(recording));
                }
            })
        }));
        openers.iter().for_each(|opener| opener.serve(&core));
        let meter = Arc::new(Mutex::new(Meter::default()));
        core.spawn(pulse(
            sessions.clone(),
            clusters.clone(),
            Arc::clone(&meter),
            core.mailbox(),
        ));
        let deck = Deck::new(Arc::clone(&core), sessions.clone(), clusters.clone());
        let deck: Arc<dyn Platform> = Arc::new(deck);
        let helm = Helm::new(Arc::clone(&deck), state_dir, Terms::of(&stack));
        let inner = Inner {
            helm,
            deck,
            core,
            stack,
            sessions,
            clusters,
            state_dir: state_dir.to_owned(),
            meter,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The pictures; the first one names every source and has nothing read.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.inner.core.snapshots()
    }

    /// The picture as it is.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots().borrow().clone()
    }

    /// For one subscriber: the full state, then what changed since what it was told last.
    pub fn updates(&self) -> impl Stream<Item = Update> + Send + use<> {
        updates(self.snapshots())
    }

    /// The first picture for which every source has answered or failed; after `timeout` the rest
    /// is failed, "no answer in S s".
    pub async fn complete(&self, timeout: Duration) -> Arc<Snapshot> {
        self.inner.core.complete(timeout).await
    }

    /// Reads these sources now, without waiting. Watches need no poke.
    pub fn poke<'a>(&self, sources: impl IntoIterator<Item = &'a SourceId>) {
        self.inner.core.poke(sources);
    }

    /// Reads these sources anew and gives the picture with those readings (or their failures) in
    /// it; after `timeout` the picture as it is. What is watched counts as read.
    pub async fn refresh(&self, sources: BTreeSet<SourceId>, timeout: Duration) -> Arc<Snapshot> {
        self.inner.core.refresh(sources, timeout).await
    }

    /// Reads these sources at the pace of a run until the guard is dropped.
    pub fn hurry(&self, sources: BTreeSet<SourceId>) -> Hurry {
        self.inner.core.hurry(sources)
    }

    /// The acting half: offers, plans, runs, the record.
    #[must_use]
    pub fn helm(&self) -> &Helm {
        &self.inner.helm
    }

    /// The reading half as the acting half sees it.
    #[must_use]
    pub fn platform(&self) -> Arc<dyn Platform> {
        Arc::clone(&self.inner.deck)
    }

    /// The stack.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.inner.stack
    }

    /// The AWS sessions.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.inner.sessions
    }

    /// The clusters that could be opened so far.
    #[must_use]
    pub fn clusters(&self) -> Vec<Cluster> {
        self.inner.clusters.all()
    }

    /// The session that reaches a node: its account's, in its region.
    #[must_use]
    pub fn session_of(&self, node: &Node) -> Option<&Session> {
        let account = node.scope.account.as_ref()?;
        let mut accounts = self.inner.sessions.accounts.iter();
        let account = accounts.find(|a| a.account == *account)?;
        match &node.scope.region {
            None => Some(&account.global),
            Some(region) => account.regional.iter().find(|s| s.region == *region),
        }
    }

    /// Where recorder, audit and journals lie.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.inner.state_dir
    }

    /// Platform time, now.
    #[must_use]
    pub fn platform_now(&self) -> Timestamp {
        self.inner.sessions.clock.now()
    }

    /// Requests sent since the start, retries included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        requests(&self.inner.sessions, &self.inner.clusters)
    }

    /// Requests in the last minute.
    #[must_use]
    pub fn requests_per_minute(&self) -> f64 {
        let mut meter = lock(&self.inner.meter);
        meter.note(now(), self.requests());
        meter.per_minute()
    }

    /// Sentences about the console itself (a record set aside, a threshold not understood).
    #[must_use]
    pub fn notices(&self) -> watch::Receiver<Vec<String>> {
        self.inner.core.notices().subscribe()
    }

    /// Ends every task and flushes the recorder. Safe to call twice.
    pub async fn stop(&self) {
        self.inner.core.stop().await;
    }
}

/// The sources that say something about a node: its own and those of its figures.
#[must_use]
pub fn sources_of(node: &Node) -> BTreeSet<SourceId> {
    let origins = node
        .fact_origins
        .values()
        .map(|origin| origin.source.clone());
    origins.chain([node.source.clone()]).collect()
}

/// One reader per collector and session in its reach.
fn readers(sessions: &Sessions, collectors: &[&'static dyn Collector]) -> Vec<Arc<dyn Reader>> {
    let mut readers: Vec<Arc<dyn Reader>> = Vec::new();
    for account in &sessions.accounts {
        for collector in collectors {
            let sessions = match collector.reach() {
                Reach::Global => std::slice::from_ref(&account.global),
                Reach::Regional => &account.regional,
            };
            for session in sessions {
                let source = Source::new(collector.service(), session.scope(), collector.part());
                let reader = CollectorReader::new(*collector, session.clone(), source);
                readers.push(Arc::new(reader));
            }
        }
    }
    readers
}

/// The picture before anything was read.
fn first_picture(
    stack: &Stack,
    sessions: &Sessions,
    clusters: &Clusters,
    at: Timestamp,
) -> Snapshot {
    Snapshot {
        seq: 0,
        taken_at: at,
        stack: stack_identity(stack),
        identity: identity(sessions, &clusters.all()),
        nodes: Vec::new(),
        edges: Vec::new(),
        sources: Vec::new(),
        causes: Vec::new(),
        changes: Vec::new(),
    }
}

/// What tells this platform from another that has the same name: a record is drawn only for the
/// platform it was made of.
fn fingerprint(stack: &Stack, sessions: &Sessions, clusters: &[Cluster]) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.as_bytes());
        hash.update([0]);
    };
    let path = std::fs::canonicalize(&stack.path).unwrap_or_else(|_| stack.path.clone());
    add(&path.to_string_lossy());
    add(&stack.name);
    for account in &sessions.accounts {
        add(account.account.as_str());
        for session in account.regional.iter().chain([&account.global]) {
            add(&session.region);
            add(session.sdk.endpoint_url().unwrap_or("aws"));
        }
    }
    for cluster in clusters {
        add(cluster.session().endpoint());
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn requests(sessions: &Sessions, clusters: &Clusters) -> u64 {
    let aws = sessions
        .accounts
        .iter()
        .flat_map(|account| account.regional.iter().chain([&account.global]));
    let aws: u64 = aws.map(|session| session.budget.requests()).sum();
    let kubernetes: u64 = clusters.all().iter().map(|c| c.session().requests()).sum();
    aws + kubernetes
}

/// Counts requests and looks at who we are, now and then.
async fn pulse(
    sessions: Sessions,
    clusters: Clusters,
    meter: Arc<Mutex<Meter>>,
    mailbox: mpsc::Sender<Message>,
) {
    let mut known = identity(&sessions, &clusters.all());
    loop {
        lock(&meter).note(now(), requests(&sessions, &clusters));
        let seen = identity(&sessions, &clusters.all());
        if seen != known {
            known = seen;
            if mailbox
                .send(Message::Identity(known.clone()))
                .await
                .is_err()
            {
                return;
            }
        }
        sleep(PULSE).await;
    }
}
