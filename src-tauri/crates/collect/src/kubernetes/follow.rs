//! LIST, then WATCH from its version, for as long as somebody listens.
//!
//! A watch that ends, breaks, goes silent or turns to garbage is made anew from the last version
//! seen: the server repeats what was missed. When it cannot (410), or when two in a row brought not a
//! word (a server whose versions began again, a proxy that lets no watch through), everything is
//! listed again. Only what hinders us is reported as a failure: a watch that ended and came back is
//! `Alive`.
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes>

use super::backoff::Backoff;
use super::decode::{Bare, Framing, object};
use super::endpoint::Endpoint;
use super::list::{self, encoded};
use super::shelf::{News, Rejoin, Shelf};
use super::{Context, WatchBatch};
use cloud::kubernetes::{Call, CallFailure, Refusal};
use http_body_util::BodyExt as _;
use kube::client::Body;
use rand::Rng as _;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// The longest silence of a watch. Servers send a bookmark about once a minute.
pub(super) const SILENCE: Duration = Duration::from_secs(75);
/// At most so many changes before they are told.
const GATHERED: usize = 1000;
/// A watch is asked to end by itself after about this long, so that servers can be drained.
const LASTS: std::ops::Range<u64> = 300..600;
/// A watch that ends within this without a word counts as a failure for the back-off.
const SHORT: Duration = Duration::from_secs(2);
/// A line longer than this is no watch event.
const LINE: usize = 32 * 1024 * 1024;

/// Nobody listens any more.
pub(super) struct Closed;

/// How a watch came to its end.
#[derive(Debug)]
enum Ended {
    /// As asked, or for whatever reason the server had.
    Done,
    /// Nothing was heard for too long.
    Silent,
    /// The version is gone, or a neighbour asks for it.
    ListAgain,
    /// It broke.
    Failed(CallFailure),
}

/// One resource of one cluster.
struct Follower {
    context: Arc<Context>,
    endpoint: Endpoint,
    shelf: Box<dyn Shelf>,
    out: mpsc::Sender<WatchBatch>,
    neighbours: watch::Receiver<u64>,
    backoff: Backoff,
    version: String,
    /// Events in a row that could not be read.
    garbage: u32,
    /// Whether this watch brought a word.
    heard: bool,
    /// Watches in a row that brought not a word.
    barren: u32,
}

/// Lists and watches until nobody listens.
pub(super) async fn drive(
    context: Arc<Context>,
    endpoint: Endpoint,
    shelf: Box<dyn Shelf>,
    out: mpsc::Sender<WatchBatch>,
) {
    let neighbours = context.neighbours.changes();
    let mut follower = Follower {
        context,
        endpoint,
        shelf,
        out,
        neighbours,
        backoff: Backoff::default(),
        version: String::new(),
        garbage: 0,
        heard: false,
        barren: 0,
    };
    while follower.round().await.is_ok() {}
}

impl Follower {
    /// One list and the watches that follow it.
    async fn round(&mut self) -> Result<(), Closed> {
        self.say(WatchBatch::Began).await?;
        match list::read(&self.context, &self.endpoint, &mut *self.shelf).await {
            Ok(listed) => {
                self.version = listed.version;
                self.shelf.settle(&self.context).await;
                let found = self.shelf.all(&self.context);
                let skipped = listed.skipped;
                self.say(WatchBatch::Replaced { found, skipped }).await?;
                self.watches().await
            }
            Err(failure) if failure.is_not_served() && !self.endpoint.always => self.absent().await,
            Err(failure) if failure.is_forbidden() && self.is_unknown().await => {
                self.absent().await
            }
            Err(failure) => {
                self.shelf.give_up(&self.context);
                self.failed(&failure, "list").await
            }
        }
    }

    /// Whether the server does not know the group at all. It asks for rights before it looks what it
    /// serves, so that who may read little is forbidden what is not there; discovery is open to every
    /// authenticated user (`system:discovery`,
    /// <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles>).
    async fn is_unknown(&self) -> bool {
        if self.endpoint.always || self.endpoint.group.is_empty() {
            return false;
        }
        let path = format!("/apis/{}/{}", self.endpoint.group, self.endpoint.version);
        self.context.count(self.endpoint.what);
        let session = &self.context.session;
        let answer = session.get(&path, self.context.limits.head).await;
        answer.is_err_and(|failure| failure.is_not_served())
    }

    async fn absent(&mut self) -> Result<(), Closed> {
        self.shelf.begin();
        self.shelf.give_up(&self.context);
        let Endpoint {
            group,
            version,
            resource,
            ..
        } = self.endpoint;
        let name = self.context.session.name();
        let sentence = format!("Cluster {name} does not serve {resource} ({group}/{version}).");
        self.say(WatchBatch::Absent(sentence)).await?;
        self.pause(self.context.limits.absent).await
    }

    /// Watches, one after the other, until the list must be read again.
    async fn watches(&mut self) -> Result<(), Closed> {
        let mut again = false;
        loop {
            let began = Instant::now();
            let ended = match self.open().await {
                Ok(body) => {
                    if again {
                        self.say(WatchBatch::Alive).await?;
                    }
                    self.read(body).await?
                }
                Err(failure) if failure.is_gone() => Ended::ListAgain,
                Err(failure) => {
                    self.failed(&failure, "watch").await?;
                    again = true;
                    continue;
                }
            };
            again = true;
            if self.after(ended, began).await? {
                return Ok(());
            }
        }
    }

    /// What follows the end of a watch. True: the list must be read again.
    async fn after(&mut self, ended: Ended, began: Instant) -> Result<bool, Closed> {
        let resource = self.endpoint.resource;
        tracing::debug!(resource, ?ended, "a watch ended");
        self.barren = if self.heard { 0 } else { self.barren + 1 };
        let list = self.barren > 1;
        match ended {
            Ended::ListAgain => {
                let wait = self.backoff.next(None);
                self.pause(wait.min(Duration::from_secs(1))).await?;
                Ok(true)
            }
            Ended::Silent => Ok(list),
            Ended::Failed(failure)
                if matches!(failure, CallFailure::Malformed(_)) && self.garbage > 1 =>
            {
                // The same version brings the same garbage: go round it.
                self.failed(&failure, "watch").await?;
                Ok(true)
            }
            Ended::Failed(_) | Ended::Done if began.elapsed() < SHORT => {
                let wait = self.backoff.next(None);
                self.pause(wait).await?;
                Ok(list)
            }
            Ended::Failed(_) | Ended::Done => {
                let jitter = rand::rng().random_range(0..200);
                self.pause(Duration::from_millis(jitter)).await?;
                Ok(list)
            }
        }
    }

    async fn open(&mut self) -> Result<Body, CallFailure> {
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
            self.endpoint.path(),
            encoded(&self.version),
            rand::rng().random_range(LASTS),
        );
        self.context.count(self.endpoint.what);
        let answer = self
            .context
            .session
            .get(&path, self.context.limits.head)
            .await?;
        Ok(answer.response.into_body())
    }

    /// Reads one watch to its end.
    async fn read(&mut self, mut body: Body) -> Result<Ended, Closed> {
        let mut lines = Lines::default();
        let mut batch = Batch::default();
        self.heard = false;
        let mut silent_at = Instant::now() + self.context.limits.silence;
        loop {
            let tell_at = batch.since.map(|since| since + self.shelf.gather());
            tokio::select! {
                frame = body.frame() => {
                    let ended = match frame {
                        None => Some(Ended::Done),
                        Some(Err(error)) => Some(Ended::Failed(CallFailure::Kube(Box::new(error)))),
                        Some(Ok(frame)) => {
                            silent_at = Instant::now() + self.context.limits.silence;
                            let data = frame.into_data().unwrap_or_default();
                            self.take(&mut lines, &data, &mut batch).err()
                        }
                    };
                    if ended.is_some() || batch.count >= GATHERED {
                        self.tell(&mut batch).await?;
                    }
                    if let Some(ended) = ended {
                        return Ok(ended);
                    }
                }
                () = at(tell_at) => self.tell(&mut batch).await?,
                () = sleep_until(silent_at) => return Ok(Ended::Silent),
                changed = self.neighbours.changed() => match self.joined(changed.is_ok()) {
                    Rejoin::Nothing => {}
                    Rejoin::Tell => batch.touch(),
                    Rejoin::List => return Ok(Ended::ListAgain),
                },
                () = self.out.closed() => return Err(Closed),
            }
        }
    }

    fn joined(&mut self, still_there: bool) -> Rejoin {
        if still_there {
            self.shelf.rejoin(&self.context)
        } else {
            Rejoin::Nothing
        }
    }

    /// Takes the lines that these bytes complete.
    fn take(&mut self, lines: &mut Lines, data: &[u8], batch: &mut Batch) -> Result<(), Ended> {
        let mut ended = Ok(());
        lines.feed(data, |line| {
            if ended.is_ok() && !line.trim_ascii().is_empty() {
                ended = self.event(line, batch);
            }
        });
        if lines.held.len() > LINE {
            return Err(Ended::Failed(CallFailure::Malformed(
                "an event of more than 32 MiB".to_owned(),
            )));
        }
        ended
    }

    /// One line of a watch.
    fn event(&mut self, line: &[u8], batch: &mut Batch) -> Result<(), Ended> {
        let Ok(kind) = event_kind(line) else {
            return Err(self.garbled("a line that is no watch event".to_owned()));
        };
        let taken = match kind {
            EventKind::Added | EventKind::Modified => {
                self.shelf.put(line, Framing::Event, &self.context)
            }
            EventKind::Deleted => self.shelf.remove(line, Framing::Event, &self.context),
            EventKind::Bookmark => object::<Bare<'_>>(line, Framing::Event).map(|bare| {
                batch.alive = true;
                bare.metadata.resource_version.to_string()
            }),
            EventKind::Error => return Err(error_event(line)),
        };
        if let Err(error) = &taken
            && !error.is_data()
        {
            return Err(self.garbled(error.to_string()));
        }
        batch.touch();
        self.garbage = 0;
        self.heard = true;
        self.backoff.reset();
        let version = taken.or_else(|error| {
            batch.skipped += 1;
            tracing::warn!(resource = self.endpoint.resource, %error, "left out a malformed event");
            object::<Bare<'_>>(line, Framing::Event)
                .map(|bare| bare.metadata.resource_version.to_string())
        });
        if let Ok(version) = version
            && !version.is_empty()
        {
            self.version = version;
        }
        Ok(())
    }

    /// The line is no JSON: what follows cannot be trusted either.
    fn garbled(&mut self, why: String) -> Ended {
        self.garbage += 1;
        Ended::Failed(CallFailure::Malformed(why))
    }

    /// Tells what was gathered.
    async fn tell(&mut self, batch: &mut Batch) -> Result<(), Closed> {
        let told = std::mem::take(batch);
        let skipped = told.skipped;
        let news = match self.shelf.news(&self.context) {
            News::Some { upserts, gone } => WatchBatch::Changed {
                upserts,
                gone,
                skipped,
            },
            News::All(found) => WatchBatch::Replaced { found, skipped },
            News::None if skipped > 0 => WatchBatch::Changed {
                upserts: Vec::new(),
                gone: Vec::new(),
                skipped,
            },
            News::None if told.alive => WatchBatch::Alive,
            News::None => return Ok(()),
        };
        self.say(news).await
    }

    async fn failed(&mut self, failure: &CallFailure, verb: &str) -> Result<(), Closed> {
        let call = Call {
            verb,
            group: self.endpoint.group,
            resource: self.endpoint.resource,
            namespace: None,
            cluster: self.context.session.name(),
        };
        self.say(WatchBatch::Failed(failure.describe(call))).await?;
        let wait = self.backoff.next(failure.retry_after());
        self.pause(wait).await
    }

    async fn say(&self, batch: WatchBatch) -> Result<(), Closed> {
        self.out.send(batch).await.map_err(|_| Closed)
    }

    async fn pause(&self, wait: Duration) -> Result<(), Closed> {
        tokio::select! {
            () = sleep(wait) => Ok(()),
            () = self.out.closed() => Err(Closed),
        }
    }
}

/// Completes at a time, or never.
async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// What was gathered since the last time it was told.
#[derive(Default)]
struct Batch {
    since: Option<Instant>,
    count: usize,
    skipped: u32,
    alive: bool,
}

impl Batch {
    fn touch(&mut self) {
        self.since.get_or_insert_with(Instant::now);
        self.count += 1;
    }
}

/// Bytes up to the next line's end.
#[derive(Default)]
struct Lines {
    held: Vec<u8>,
}

impl Lines {
    fn feed(&mut self, mut data: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = data.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = data.split_at(end);
            data = &rest[1..];
            if self.held.is_empty() {
                each(line);
            } else {
                self.held.extend_from_slice(line);
                each(&self.held);
                self.held.clear();
            }
        }
        self.held.extend_from_slice(data);
    }
}

/// `type` of a watch event.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum EventKind {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: EventKind,
}

/// Servers write the type first; should one not, the whole line is looked through.
fn event_kind(line: &[u8]) -> Result<EventKind, serde_json::Error> {
    const KNOWN: [(&[u8], EventKind); 5] = [
        (b"{\"type\":\"MODIFIED\",", EventKind::Modified),
        (b"{\"type\":\"ADDED\",", EventKind::Added),
        (b"{\"type\":\"DELETED\",", EventKind::Deleted),
        (b"{\"type\":\"BOOKMARK\",", EventKind::Bookmark),
        (b"{\"type\":\"ERROR\",", EventKind::Error),
    ];
    match KNOWN.iter().find(|(head, _)| line.starts_with(head)) {
        Some((_, kind)) => Ok(*kind),
        None => serde_json::from_slice::<Head>(line).map(|head| head.kind),
    }
}

/// An ERROR event ends the watch; its object is a `Status`.
fn error_event(line: &[u8]) -> Ended {
    match object::<kube::core::Status>(line, Framing::Event) {
        Err(error) => Ended::Failed(CallFailure::Malformed(error.to_string())),
        Ok(status) => {
            let failure = CallFailure::Refused(Box::new(Refusal {
                code: status.code,
                reason: status.reason,
                message: status.message,
                retry_after: None,
                request_id: None,
                nobody: false,
            }));
            if failure.is_gone() {
                Ended::ListAgain
            } else {
                Ended::Failed(failure)
            }
        }
    }
}
