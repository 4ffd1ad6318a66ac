//! The clusters of a stack that names none: whatever EKS lists is opened and watched, as if the stack
//! file had named it by its EKS name. One whose API server does not answer from here is told in a
//! sentence and tried again. It keeps the lock all the same where it comes first, as for any other
//! console, and then nobody here can take it.

use crate::clusters::Clusters;
use crate::core::{Core, lock};
use crate::poller::Reader;
use cloud::kubernetes::{Call, CallFailure, ClusterPlace, ClusterSession};
use cloud::stack::Entrance;
use cloud::{Clock, Session};
use collect::Reading;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use model::{FoundNode, Kind, NodeId, Service, Source, SourceFailure};
use std::collections::{BTreeMap, BTreeSet};
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
    opened: Mutex<BTreeMap<String, NodeId>>,
    /// Those that EKS listed last.
    seen: Mutex<BTreeSet<String>>,
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
            seen: Mutex::default(),
            core: OnceLock::new(),
        }
    }

    /// Where the watches go.
    pub(crate) fn serve(&self, core: &Arc<Core>) {
        // Set once, at the start.
        let _ = self.core.set(Arc::downgrade(core));
    }

    /// Opens what EKS lists and is not open, each as soon as it answers, and drops what it lists no more. Until it is
    /// open a cluster waits: where it would keep the lock, no other one does in its place.
    async fn open(&self, known: Vec<Arc<FoundNode>>) -> Result<(), SourceFailure> {
        let here = |node: &&Arc<FoundNode>| {
            node.kind == Kind::Cluster && node.scope.region.as_deref() == Some(&self.session.region)
        };
        let listed: BTreeSet<&str> = known.iter().filter(here).map(|n| n.name.as_str()).collect();
        self.drop_unlisted(&listed);
        let opened = lock(&self.opened).clone();
        let new = listed
            .into_iter()
            .filter(|name| !opened.contains_key(*name));
        let mut opening: FuturesUnordered<_> = new
            .map(|name| async move { (name, self.answering(&self.place(name)).await) })
            .collect();
        let mut failures: BTreeMap<&str, SourceFailure> = BTreeMap::new();
        while let Some((name, opened)) = opening.next().await {
            match opened {
                Ok(session) => self.watch(name, session).await,
                Err(failure) => drop(failures.insert(name, failure)),
            }
        }
        together(failures.into_values())
    }

    /// A cluster that was deleted keeps no lock, and one of the same name is another.
    fn drop_unlisted(&self, listed: &BTreeSet<&str>) {
        let region = Some(&*self.session.region);
        let mut seen = lock(&self.seen);
        for gone in seen.iter().filter(|name| !listed.contains(name.as_str())) {
            self.clusters.waits_no_more(gone, region);
            if let Some(id) = lock(&self.opened).remove(gone) {
                self.clusters.forget(&id);
            }
        }
        *seen = listed.iter().map(|name| (*name).to_owned()).collect();
    }

    fn place(&self, name: &str) -> ClusterPlace {
        let place = ClusterPlace {
            entrance: Entrance::Eks(name.to_owned()),
            kubeconfig: None,
            session: Some(self.session.clone()),
            account: Some(self.session.account.clone()),
            region: Some(Arc::clone(&self.session.region)),
            name: None,
            act_user: self.session.act_user.clone(),
            act_users: BTreeMap::new(),
            programs: Default::default(),
            certificates: Default::default(),
        };
        self.clusters.wait(&place);
        place
    }

    /// A session with a cluster that answers, be it that it lets nobody in.
    async fn answering(&self, place: &ClusterPlace) -> Result<ClusterSession, SourceFailure> {
        let session = ClusterSession::open(place, self.clock.clone()).await?;
        match session.get("/version", ANSWERS_WITHIN).await {
            Ok(_) | Err(CallFailure::Refused(_)) => Ok(session),
            Err(failure) => Err(failure.describe(Call {
                verb: "get",
                group: "",
                resource: "version",
                namespace: None,
                cluster: place.called(),
            })),
        }
    }

    async fn watch(&self, name: &str, session: ClusterSession) {
        if let Some(core) = self.core.get().and_then(Weak::upgrade) {
            let id = session.id().clone();
            let watches = self.clusters.watch(session);
            self.clusters
                .waits_no_more(name, Some(&self.session.region));
            core.add(watches).await;
            lock(&self.opened).insert(name.to_owned(), id);
        }
    }
}

/// Every failure in the words of the first one's class.
fn together(failures: impl Iterator<Item = SourceFailure>) -> Result<(), SourceFailure> {
    let all = failures.reduce(|mut first, other| {
        first.sentence.push(' ');
        first.sentence.push_str(&other.sentence);
        first
    });
    all.map_or(Ok(()), Err)
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

#[cfg(test)]
mod tests {
    use super::*;
    use model::FailureClass;

    #[test]
    fn every_cluster_that_does_not_answer_is_told() {
        let failure = |sentence: &str| SourceFailure {
            class: FailureClass::TimedOut,
            sentence: sentence.to_owned(),
            next_step: "Look.".to_owned(),
            code: None,
            request_id: None,
        };
        assert_eq!(together([].into_iter()), Ok(()));
        let told = together([failure("A is silent."), failure("B is silent.")].into_iter());
        let told = told.expect_err("two");
        assert_eq!(told.sentence, "A is silent. B is silent.");
    }
}
