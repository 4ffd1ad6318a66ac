//! The clusters of a stack that names none: whatever EKS lists is opened and watched, as if the stack
//! file had named it by its EKS name. One whose API server does not answer from here is told in a
//! sentence and tried again; until it answers nothing counts on it, least of all the lock.

use crate::clusters::Clusters;
use crate::core::{Core, lock};
use crate::poller::Reader;
use cloud::kubernetes::{Call, CallFailure, ClusterPlace, ClusterSession};
use cloud::stack::Entrance;
use cloud::{Clock, Session};
use collect::Reading;
use futures::future::BoxFuture;
use model::{FoundNode, Kind, Service, Source, SourceFailure};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

/// How often EKS' list is looked at again. It is read anyway, so that looking costs nothing.
const PERIOD: Duration = Duration::from_secs(30);
/// How long an API server may take to say which version it is.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// The clusters of one account in one region.
pub(crate) struct Finder {
    session: Session,
    clock: Clock,
    clusters: Clusters,
    source: Source,
    /// Those that were opened, by name.
    opened: Mutex<BTreeSet<String>>,
    core: OnceLock<Weak<Core>>,
}

impl Finder {
    pub(crate) fn new(session: &Session, clock: &Clock, clusters: &Clusters) -> Self {
        Self {
            session: session.clone(),
            clock: clock.clone(),
            clusters: clusters.clone(),
            source: Source::new(Service::Kubernetes, session.scope(), "clusters"),
            opened: Mutex::default(),
            core: OnceLock::new(),
        }
    }

    /// Where the watches go.
    pub(crate) fn serve(&self, core: &Arc<Core>) {
        // Set once, at the start.
        let _ = self.core.set(Arc::downgrade(core));
    }

    /// Opens what is new among `known`; the failure of the last one that could not be.
    async fn open(&self, known: Vec<Arc<FoundNode>>) -> Result<(), SourceFailure> {
        let new = known.into_iter().filter(|node| self.is_new(node));
        let names = new.map(|node| node.name.clone());
        let opened = names.map(|name| async move {
            let session = self.answering(&name).await?;
            Ok::<_, SourceFailure>((name, session))
        });
        let mut outcome = Ok(());
        for opened in futures::future::join_all(opened).await {
            match opened {
                Ok((name, session)) => self.watch(name, session).await,
                Err(failure) => outcome = Err(failure),
            }
        }
        outcome
    }

    fn is_new(&self, node: &FoundNode) -> bool {
        node.kind == Kind::Cluster
            && node.scope.region.as_deref() == Some(&self.session.region)
            && !lock(&self.opened).contains(&node.name)
    }

    /// A session with a cluster that answers, be it that it lets nobody in.
    async fn answering(&self, name: &str) -> Result<ClusterSession, SourceFailure> {
        let place = ClusterPlace {
            entrance: Entrance::Eks(name.to_owned()),
            kubeconfig: None,
            session: Some(self.session.clone()),
            account: Some(self.session.account.clone()),
            region: Some(Arc::clone(&self.session.region)),
            name: None,
        };
        let session = ClusterSession::open(&place, self.clock.clone()).await?;
        match session.get("/version", ANSWERS_WITHIN).await {
            Ok(_) | Err(CallFailure::Refused(_)) => Ok(session),
            Err(failure) => Err(failure.describe(Call {
                verb: "get",
                group: "",
                resource: "version",
                namespace: None,
                cluster: name,
            })),
        }
    }

    async fn watch(&self, name: String, session: ClusterSession) {
        if let Some(core) = self.core.get().and_then(Weak::upgrade) {
            core.add(self.clusters.watch(session)).await;
            lock(&self.opened).insert(name);
        }
    }
}

impl Reader for Finder {
    fn source(&self) -> &Source {
        &self.source
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    fn floor(&self) -> Duration {
        PERIOD
    }

    fn needs(&self) -> &[Service] {
        &[Service::Eks]
    }

    fn read(&self, known: Vec<Arc<FoundNode>>) -> BoxFuture<'_, Reading> {
        Box::pin(async {
            Reading {
                requests: 0,
                skipped: 0,
                partial: None,
                outcome: self.open(known).await.map(|()| Vec::new()),
            }
        })
    }
}
