//! The clusters a stack names: opened from their kubeconfig or through EKS, watched resource by resource.

use crate::core::Core;
use crate::poller::Reader;
use crate::watcher::Watch;
use cloud::Clock;
use cloud::kubernetes::{ClusterPlace, ClusterSession};
use cloud::stack::Entrance;
use collect::Reading;
use collect::kubernetes::{Cluster, WatchBatch, Watched};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use model::{FoundNode, NodeId, Scope, Service, Source, SourceFailure};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

/// The clusters a stack names, open or not. Those that are not become open when a kubeconfig is mended
/// or EKS tells where they are.
#[derive(Clone, Default)]
pub(crate) struct Clusters(Arc<Mutex<Named>>);

#[derive(Default)]
struct Named {
    open: Vec<Cluster>,
    /// Name and region of those that are not.
    waiting: Vec<(String, Option<Arc<str>>)>,
}

impl Clusters {
    pub(crate) fn all(&self) -> Vec<Cluster> {
        self.named().open.clone()
    }

    /// The names of those of a region that are not open; of all where no region is given.
    pub(crate) fn waiting(&self, region: Option<&str>) -> Vec<String> {
        let named = self.named();
        let there = named
            .waiting
            .iter()
            .filter(|(_, own)| region.is_none() || own.as_deref() == region);
        there.map(|(name, _)| name.clone()).collect()
    }

    fn named(&self) -> MutexGuard<'_, Named> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is named, and not open.
    pub(crate) fn wait(&self, place: &ClusterPlace) {
        let waits = (place.called().to_owned(), place.region.clone());
        let mut named = self.named();
        if !named.waiting.contains(&waits) {
            named.waiting.push(waits);
        }
    }

    /// It is open, or not there any more: it waits no longer.
    pub(crate) fn waits_no_more(&self, name: &str, region: Option<&str>) {
        let is_it =
            |waits: &(String, Option<Arc<str>>)| waits.0 == name && waits.1.as_deref() == region;
        self.named().waiting.retain(|waits| !is_it(waits));
    }

    /// It is gone: nothing counts on it, least of all the lock.
    pub(crate) fn forget(&self, id: &NodeId) {
        self.named()
            .open
            .retain(|cluster| cluster.session().id() != id);
    }

    /// Opens these places; one that cannot be opened becomes a source that tries again. EKS is not
    /// waited for here: what is reached by it is such a source from the beginning.
    pub(crate) async fn open(
        &self,
        places: Vec<ClusterPlace>,
        clock: &Clock,
    ) -> (Vec<Arc<dyn Watch>>, Vec<Arc<Opener>>) {
        let mut watches: Vec<Arc<dyn Watch>> = Vec::new();
        let mut openers = Vec::new();
        for place in places {
            let failure = match &place.entrance {
                Entrance::Eks(_) => None,
                Entrance::Context(_) => match ClusterSession::open(&place, clock.clone()).await {
                    Ok(session) => {
                        watches.extend(self.watch(session));
                        continue;
                    }
                    Err(failure) => Some(failure),
                },
            };
            self.wait(&place);
            let opener = Opener::new(place, clock.clone(), self.clone(), failure);
            openers.push(Arc::new(opener));
        }
        (watches, openers)
    }

    /// What is read of an open cluster.
    pub(crate) fn watch(&self, session: ClusterSession) -> Vec<Arc<dyn Watch>> {
        let cluster = Cluster::new(session);
        self.named().open.push(cluster.clone());
        Watched::ALL
            .iter()
            .map(|what| Arc::new(ClusterWatch::new(cluster.clone(), *what)) as Arc<dyn Watch>)
            .collect()
    }
}

/// One resource of one cluster.
struct ClusterWatch {
    cluster: Cluster,
    what: Watched,
    source: Source,
}

impl ClusterWatch {
    fn new(cluster: Cluster, what: Watched) -> Self {
        let source = cluster.source(what);
        Self {
            cluster,
            what,
            source,
        }
    }
}

impl Watch for ClusterWatch {
    fn source(&self) -> &Source {
        &self.source
    }

    fn period(&self) -> Duration {
        self.what.period()
    }

    fn requests(&self) -> u64 {
        self.cluster.requests(self.what)
    }

    fn open(&self) -> BoxStream<'static, WatchBatch> {
        self.cluster.watch(self.what).boxed()
    }
}

/// A cluster that is not open yet: a source that fails in a sentence and tries again, until its
/// kubeconfig can be used or EKS tells where it is.
pub(crate) struct Opener {
    place: ClusterPlace,
    clock: Clock,
    clusters: Clusters,
    source: Source,
    /// Why it was not opened at the start, where that was tried; the first reading says so without trying again.
    first: Mutex<Option<SourceFailure>>,
    opened: OnceLock<()>,
    core: OnceLock<Weak<Core>>,
}

impl Opener {
    fn new(
        place: ClusterPlace,
        clock: Clock,
        clusters: Clusters,
        failure: Option<SourceFailure>,
    ) -> Self {
        let part = match &place.entrance {
            Entrance::Context(_) => "kubeconfig",
            Entrance::Eks(_) => "endpoint",
        };
        let scope = Scope {
            account: place.account.clone(),
            region: place.region.clone(),
            cluster: Some(place.called().into()),
            ..Scope::default()
        };
        Self {
            source: Source::new(Service::Kubernetes, scope, part),
            place,
            clock,
            clusters,
            first: Mutex::new(failure),
            opened: OnceLock::new(),
            core: OnceLock::new(),
        }
    }

    /// Where the watches go once it is open.
    pub(crate) fn serve(&self, core: &Arc<Core>) {
        // Set once, at the start.
        let _ = self.core.set(Arc::downgrade(core));
    }

    async fn try_open(&self) -> Result<(), SourceFailure> {
        let first = self
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(failure) = first {
            return Err(failure);
        }
        if self.opened.get().is_some() {
            return Ok(());
        }
        let session = ClusterSession::open(&self.place, self.clock.clone()).await?;
        if let Some(core) = self.core.get().and_then(Weak::upgrade) {
            let watches = self.clusters.watch(session);
            let region = self.place.region.as_deref();
            self.clusters.waits_no_more(self.place.called(), region);
            core.add(watches).await;
            // This poller is the only one that sets it.
            let _ = self.opened.set(());
        }
        Ok(())
    }
}

impl Reader for Opener {
    fn source(&self) -> &Source {
        &self.source
    }

    fn period(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn floor(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn needs(&self) -> &[Service] {
        &[]
    }

    fn read(&self, _: Vec<Arc<FoundNode>>) -> BoxFuture<'_, Reading> {
        Box::pin(async {
            Reading {
                requests: 0,
                skipped: 0,
                partial: None,
                outcome: self.try_open().await.map(|()| Vec::new()),
            }
        })
    }
}
