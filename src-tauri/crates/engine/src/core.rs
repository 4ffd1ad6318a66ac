//! The supervised tasks around the index, without knowing what they read: pollers, watchers, the
//! index and the recorder. [`Engine`](crate::Engine) gives them collectors and sessions.

use crate::awake::{Awake, Gap};
use crate::book::Feed;
use crate::index::{Assembler, Index, Message, PlatformClock, Signals};
use crate::poller::{Desk, Heard, Live, Poller, Reader, defect, prerequisites};
use crate::recorder::Recorder;
use crate::settings::Settings;
use crate::supervise::supervised;
use crate::time::now;
use crate::watcher::{Watch, watch as follow};
use model::{Snapshot, Source, SourceId, State};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

/// How many messages may wait for the index; senders wait when it is full.
const MAILBOX: usize = 256;

/// What a core is made of.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) clock: PlatformClock,
    pub(crate) assembler: Assembler,
    /// Told that the machine slept.
    pub(crate) woke: Woke,
    /// The picture before anything was read.
    pub(crate) first: Snapshot,
    pub(crate) readers: Vec<Arc<dyn Reader>>,
    pub(crate) watches: Vec<Arc<dyn Watch>>,
}

/// Who else is told that the machine slept.
pub(crate) type Woke = Box<dyn Fn() + Send + Sync>;

/// One notice per polled source: it is read now.
type Pokes = Arc<Mutex<BTreeMap<SourceId, Arc<Notify>>>>;

/// How often it is looked whether the machine slept.
const AWAKE_EVERY: Duration = Duration::from_secs(5);

/// The running tasks.
pub(crate) struct Core {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    pokes: Pokes,
    live: watch::Sender<Live>,
    slowed: watch::Sender<f64>,
    desk: Desk,
    tasks: Mutex<JoinSet<()>>,
    index: Mutex<Option<JoinHandle<()>>>,
}

impl Core {
    /// Starts everything. `recorder` is given the mailbox for what an earlier run recorded.
    pub(crate) fn start(
        mut parts: Parts,
        recorder: impl FnOnce(mpsc::Sender<Message>) -> Recorder,
    ) -> Self {
        let (mailbox, inbox) = mpsc::channel(MAILBOX);
        let signals = Signals {
            heard: watch::Sender::new(Heard::default()),
            abnormal: watch::Sender::new(Arc::new(BTreeSet::new())),
        };
        let live = watch::Sender::new(Live::new());
        let slowed = watch::Sender::new(1.0);
        let woken = watch::Sender::new(());
        let desk = Desk {
            mailbox: mailbox.clone(),
            clock: Arc::clone(&parts.clock),
            deadline: parts.settings.reading_deadline,
            heard: signals.heard.subscribe(),
            abnormal: signals.abnormal.subscribe(),
            live: live.subscribe(),
            slowed: slowed.subscribe(),
            woken: woken.subscribe(),
        };
        let woke = std::mem::replace(&mut parts.woke, Box::new(|| {}));
        let readers = std::mem::take(&mut parts.readers);
        let watches = std::mem::take(&mut parts.watches);
        let (index, snapshots) = first_index(parts, signals, recorder(mailbox), &readers, &watches);
        let core = Self {
            snapshots,
            pokes: Pokes::default(),
            live,
            slowed,
            desk,
            tasks: Mutex::new(JoinSet::new()),
            index: Mutex::new(Some(tokio::spawn(index.run(inbox)))),
        };
        for reader in &readers {
            let after = prerequisites(reader.as_ref(), &readers);
            core.poll(Arc::clone(reader), after);
        }
        watches.into_iter().for_each(|watched| core.follow(watched));
        core.spawn(wake(core.mailbox(), Arc::clone(&core.pokes), woken, woke));
        core
    }

    /// Adds watches that were discovered after the start.
    pub(crate) async fn add(&self, watches: Vec<Arc<dyn Watch>>) {
        for watched in watches {
            let source = watched.source().clone();
            let register = Message::Register(source, Feed::Watched, watched.period());
            if self.desk.mailbox.send(register).await.is_ok() {
                self.follow(watched);
            }
        }
    }

    /// Runs a task of the engine's until the engine stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.tasks).spawn(task);
    }

    fn poll(&self, reader: Arc<dyn Reader>, after: Vec<SourceId>) {
        let poke = Arc::new(Notify::new());
        let source = reader.source().clone();
        lock(&self.pokes).insert(source.id.clone(), Arc::clone(&poke));
        let desk = self.desk.clone();
        let report = reporter(source, desk.mailbox.clone());
        let make = move || {
            Poller {
                reader: Arc::clone(&reader),
                desk: desk.clone(),
                poke: Arc::clone(&poke),
                after: after.clone(),
            }
            .run()
        };
        self.spawn(async move { supervised(make, report).await });
    }

    fn follow(&self, watched: Arc<dyn Watch>) {
        let desk = self.desk.clone();
        let report = reporter(watched.source().clone(), desk.mailbox.clone());
        let make = move || follow(Arc::clone(&watched), desk.clone());
        self.spawn(async move { supervised(make, report).await });
    }

    /// The pictures.
    pub(crate) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// The mailbox of the index.
    pub(crate) fn mailbox(&self) -> mpsc::Sender<Message> {
        self.desk.mailbox.clone()
    }

    /// Reads these sources now. One that is being read is read again right after: the reading
    /// under way may have begun before what it should show.
    pub(crate) fn poke<'a>(&self, sources: impl IntoIterator<Item = &'a SourceId>) {
        let pokes = lock(&self.pokes);
        for source in sources {
            if let Some(poke) = pokes.get(source) {
                poke.notify_one();
            }
        }
    }

    /// Rests so many times longer between two readings that cost something, while all is calm.
    pub(crate) fn pace_of_spending(&self) -> watch::Sender<f64> {
        self.slowed.clone()
    }

    /// Whether nothing is abnormal and no run is under way.
    pub(crate) fn is_calm(&self) -> bool {
        self.desk.is_calm()
    }

    /// Reads now what failed: somebody has mended something.
    pub(crate) fn poke_failed(&self) {
        let picture = self.snapshots.borrow().clone();
        let failed = picture.sources.iter().filter(|s| s.state == State::Failed);
        self.poke(failed.map(|s| &s.source.id));
    }

    /// Whether it was stopped: nothing is read any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.desk.mailbox.is_closed()
    }

    /// Reads these sources and waits for the picture with those readings; after `timeout`, the
    /// picture as it is.
    pub(crate) async fn refresh(
        &self,
        sources: BTreeSet<SourceId>,
        timeout: Duration,
    ) -> Arc<Snapshot> {
        let since = now();
        let wait = self.ask(|reply| Message::Await(sources.clone(), since, reply));
        let wait = async {
            let asked = wait.await;
            self.poke(&sources);
            asked?.await.ok()
        };
        match crate::time::timeout(timeout, wait).await {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) | Err(_) => self.snapshots.borrow().clone(),
        }
    }

    /// The first picture for which every source has answered or failed; after `timeout` the rest
    /// are failed, in a sentence.
    pub(crate) async fn complete(&self, timeout: Duration) -> Arc<Snapshot> {
        self.complete_within(timeout, timeout).await
    }

    /// As [`Core::complete`], for somebody who has `left` of the `timeout` that sentences tell.
    pub(crate) async fn complete_within(&self, timeout: Duration, left: Duration) -> Arc<Snapshot> {
        let all = async { self.ask(Message::AwaitAll).await?.await.ok() };
        if let Ok(Some(snapshot)) = crate::time::timeout(left, all).await {
            return snapshot;
        }
        let concluded = async {
            let conclude = |reply| Message::Conclude(timeout, reply);
            self.ask(conclude).await?.await.ok()
        };
        match concluded.await {
            Some(snapshot) => snapshot,
            None => self.snapshots.borrow().clone(),
        }
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Option<oneshot::Receiver<T>> {
        let (reply, answer) = oneshot::channel();
        self.desk.mailbox.send(message(reply)).await.ok()?;
        Some(answer)
    }

    /// Reads these sources at the pace of a run until the guard is dropped.
    pub(crate) fn hurry(&self, sources: BTreeSet<SourceId>) -> Hurry {
        self.live.send_modify(|live| {
            for source in &sources {
                *live.entry(source.clone()).or_default() += 1;
            }
        });
        Hurry {
            live: self.live.clone(),
            sources,
        }
    }

    /// Ends every task and flushes the recorder. Safe to call twice.
    pub(crate) async fn stop(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
        if let Some(stopped) = self.ask(Message::Stop).await {
            // The index answers when all is recorded, or is gone already.
            let _ = stopped.await;
        }
        let index = lock(&self.index).take();
        if let Some(index) = index {
            // It has answered; a panic on its last step has nothing left to lose.
            let _ = index.await;
        }
    }
}

/// Notices that the machine slept: what was read is that much older, everything is read again at once, and watches are
/// opened anew, whose connections nobody kept alive meanwhile. Where the clock was set nothing is older, but it is read
/// again all the same: a machine that its host stood still looks like that.
async fn wake(mailbox: mpsc::Sender<Message>, pokes: Pokes, woken: watch::Sender<()>, woke: Woke) {
    let mut awake = Awake::default();
    loop {
        crate::time::sleep(AWAKE_EVERY).await;
        match awake.look() {
            None => continue,
            Some(Gap::ClockSet) => tracing::info!("the machine's clock was set"),
            Some(Gap::Slept(away)) => {
                tracing::info!(seconds = away.as_secs(), "the machine slept");
                woke();
                if mailbox.send(Message::Slept).await.is_err() {
                    return;
                }
            }
        }
        woken.send_replace(());
        lock(&pokes).values().for_each(|poke| poke.notify_one());
    }
}

/// While it lives, some sources are read at the pace of a run.
#[must_use = "the pace is kept only while the guard lives"]
#[derive(Debug)]
pub struct Hurry {
    live: watch::Sender<Live>,
    sources: BTreeSet<SourceId>,
}

impl Drop for Hurry {
    fn drop(&mut self) {
        self.live.send_modify(|live| {
            for source in &self.sources {
                if let Some(runs) = live.get_mut(source) {
                    *runs -= 1;
                    if *runs == 0 {
                        live.remove(source);
                    }
                }
            }
        });
    }
}

/// An index that knows every source by name and has drawn that.
fn first_index(
    parts: Parts,
    signals: Signals,
    recorder: Recorder,
    readers: &[Arc<dyn Reader>],
    watches: &[Arc<dyn Watch>],
) -> (Index, watch::Receiver<Arc<Snapshot>>) {
    let (snapshots, receiver) = watch::channel(Arc::new(parts.first));
    let mut index = Index::new(
        parts.settings,
        parts.clock,
        parts.assembler,
        snapshots,
        signals,
        recorder,
    );
    for reader in readers {
        index.register(reader.source().clone(), Feed::Polled, reader.period());
    }
    for watched in watches {
        index.register(watched.source().clone(), Feed::Watched, watched.period());
    }
    index.draw();
    (index, receiver)
}

/// Tells the index of a reader's or watcher's panic.
fn reporter(
    source: Source,
    mailbox: mpsc::Sender<Message>,
) -> impl FnMut(String, Duration) -> futures::future::BoxFuture<'static, ()> + Send {
    move |panic, again| {
        let fault = Message::Fault(source.id.clone(), defect(&source, &panic, again));
        let mailbox = mailbox.clone();
        Box::pin(async move {
            // Without an index there is nobody to tell.
            let _ = mailbox.send(fault).await;
        })
    }
}

/// No task panics while it holds one of these locks, so a poisoned one is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
