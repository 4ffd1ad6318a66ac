//! Kubernetes, watched: one stream of batches per cluster and resource.
//!
//! ```text
//! LIST ─▶ split ─▶ decode (the fields used) ─▶ shelf ─▶ Replaced
//!   └▶ WATCH from its version ─▶ lines ─▶ decode ─▶ shelf ─(50 ms)─▶ Changed · Alive
//!        410 / twice silent ─▶ LIST      reset, end, half line, garbage, silence ─▶ WATCH again
//! ```
//!
//! Why not `kube::runtime::watcher`: it collects a whole page before it decodes it (75 MB for
//! 10,000 pods, or twenty dependent round trips of 500), fails a page for one malformed item, and
//! judges no silence. Here a LIST is split into items while it arrives (`split`), each is decoded
//! with borrowed strings straight into what is kept, and one that does not fit is skipped and
//! counted. Nothing of the bodies survives their decoding; `managedFields` and specs never become
//! values.
//!
//! Resources are asked for separately, so that a missing permission takes out one of them. What
//! joins several (a deployment's rollout start from its replica sets, disruption budgets, hosts in
//! ConfigMaps) goes through `neighbours`: published by one stream, read by the others, in whichever
//! order they answer.

mod api;
mod autoscalers;
mod backoff;
mod bindings;
mod budgets;
mod configmaps;
mod decode;
mod endpoint;
mod events;
mod follow;
mod gitops;
mod hosts;
mod intern;
mod joined;
mod list;
mod neighbours;
mod node_pools;
mod nodes;
mod ownership;
mod pods;
mod quotas;
mod replicasets;
mod scaled_objects;
mod selector;
mod services;
mod shelf;
mod split;
mod template;
mod whole;
mod workloads;

use cloud::kubernetes::{ClusterSession, HEAD, PAUSE};
use endpoint::Listed;
use futures::Stream;
use intern::Interner;
use model::{Found, Kind, NodeId, Scope, Service, Source, SourceFailure};
use neighbours::Neighbours;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// Which resource a stream watches. One source each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watched {
    /// The API server itself: its version and how fast it answers (asked every 15 s).
    Api,
    /// Nodes.
    Nodes,
    /// Pods.
    Pods,
    /// Deployments.
    Deployments,
    /// Replica sets.
    ReplicaSets,
    /// Stateful sets.
    StatefulSets,
    /// Horizontal pod autoscalers.
    Autoscalers,
    /// Pod disruption budgets: facts of the workloads they cover.
    Budgets,
    /// Resource quotas: facts of their namespaces.
    Quotas,
    /// Services.
    Services,
    /// Ingresses.
    Ingresses,
    /// Events: changes about the objects they involve.
    Events,
    /// Namespaces.
    Namespaces,
    /// ConfigMaps that pods refer to: asked for by name, reduced to host names and queues.
    ConfigMaps,
    /// KEDA scaled objects, where served.
    ScaledObjects,
    /// Karpenter's NodePools, where served.
    NodePools,
    /// Argo CD's Applications, where served.
    Applications,
    /// Flux' Kustomizations, where served.
    Kustomizations,
    /// Flux' HelmReleases, where served.
    HelmReleases,
    /// Target group bindings of the AWS Load Balancer Controller, where served.
    Bindings,
}

impl Watched {
    /// Everything that is watched in a cluster.
    pub const ALL: &'static [Watched] = &[
        Watched::Api,
        Watched::Nodes,
        Watched::Pods,
        Watched::Deployments,
        Watched::ReplicaSets,
        Watched::StatefulSets,
        Watched::Autoscalers,
        Watched::Budgets,
        Watched::Quotas,
        Watched::Services,
        Watched::Ingresses,
        Watched::Events,
        Watched::Namespaces,
        Watched::ConfigMaps,
        Watched::ScaledObjects,
        Watched::NodePools,
        Watched::Applications,
        Watched::Kustomizations,
        Watched::HelmReleases,
        Watched::Bindings,
    ];

    /// The `part` of its source: the resource as `kubectl` names it.
    #[must_use]
    pub const fn part(self) -> &'static str {
        match self {
            Watched::Api => "api",
            Watched::Nodes => "nodes",
            Watched::Pods => "pods",
            Watched::Deployments => "deployments",
            Watched::ReplicaSets => "replicasets",
            Watched::StatefulSets => "statefulsets",
            Watched::Autoscalers => "horizontalpodautoscalers",
            Watched::Budgets => "poddisruptionbudgets",
            Watched::Quotas => "resourcequotas",
            Watched::Services => "services",
            Watched::Ingresses => "ingresses",
            Watched::Events => "events",
            Watched::Namespaces => "namespaces",
            Watched::ConfigMaps => "configmaps",
            Watched::ScaledObjects => "scaledobjects",
            Watched::NodePools => "nodepools",
            Watched::Applications => "applications",
            Watched::Kustomizations => "kustomizations",
            Watched::HelmReleases => "helmreleases",
            Watched::Bindings => "targetgroupbindings",
        }
    }

    /// The longest time between two signs of life: what engine takes for the source's period.
    #[must_use]
    pub const fn period(self) -> Duration {
        match self.road() {
            Road::Asked => api::PERIOD,
            Road::Referred => configmaps::PERIOD,
            Road::Listed(_) => follow::SILENCE,
        }
    }

    const fn road(self) -> Road {
        match self {
            Watched::Api => Road::Asked,
            Watched::ConfigMaps => Road::Referred,
            Watched::Nodes => Road::Listed(Listed::Nodes),
            Watched::Pods => Road::Listed(Listed::Pods),
            Watched::Deployments => Road::Listed(Listed::Deployments),
            Watched::ReplicaSets => Road::Listed(Listed::ReplicaSets),
            Watched::StatefulSets => Road::Listed(Listed::StatefulSets),
            Watched::Autoscalers => Road::Listed(Listed::Autoscalers),
            Watched::Budgets => Road::Listed(Listed::Budgets),
            Watched::Quotas => Road::Listed(Listed::Quotas),
            Watched::Services => Road::Listed(Listed::Services),
            Watched::Ingresses => Road::Listed(Listed::Ingresses),
            Watched::Events => Road::Listed(Listed::Events),
            Watched::Namespaces => Road::Listed(Listed::Namespaces),
            Watched::ScaledObjects => Road::Listed(Listed::ScaledObjects),
            Watched::NodePools => Road::Listed(Listed::NodePools),
            Watched::Applications => Road::Listed(Listed::Applications),
            Watched::Kustomizations => Road::Listed(Listed::Kustomizations),
            Watched::HelmReleases => Road::Listed(Listed::HelmReleases),
            Watched::Bindings => Road::Listed(Listed::Bindings),
        }
    }
}

/// How a resource is read.
enum Road {
    /// Asked for on a period.
    Asked,
    /// Asked for by name when something refers to it.
    Referred,
    /// Listed and watched.
    Listed(Listed),
}

/// What a stream says. After `Failed`, any other batch but `Began` means that it is well again.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchBatch {
    /// A full list begins.
    Began,
    /// Everything there is: replaces all this source had found, changes (events) included.
    Replaced {
        /// All of it.
        found: Vec<Found>,
        /// Malformed items left out.
        skipped: u32,
    },
    /// What changed since the last batch. Nodes replace the node of the same id; ids in `gone` are
    /// to be forgotten. Never holds [`Found::Change`]; `Readings` replace those about the same node.
    Changed {
        /// New or different.
        upserts: Vec<Found>,
        /// No longer there.
        gone: Vec<NodeId>,
        /// Malformed items left out.
        skipped: u32,
    },
    /// Nothing changed and all of it is still true: a bookmark, or a watch made anew from where the
    /// last one ended.
    Alive,
    /// This API server does not serve the kind: nothing to find, and no failure. Says so in a
    /// sentence; asked again now and then.
    Absent(String),
    /// The reading failed. It is tried again with back-off; what was found before stays until then.
    Failed(SourceFailure),
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nothing on a watch: it is made anew.
    pub silence: Duration,
    /// The head of an answer.
    pub head: Duration,
    /// A pause within an answer.
    pub pause: Duration,
    /// Until a kind that was not served is asked for again.
    pub absent: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            silence: follow::SILENCE,
            head: HEAD,
            pause: PAUSE,
            absent: Duration::from_secs(60),
        }
    }
}

/// One cluster whose resources are watched. Cheap to clone; its streams share connections,
/// interned strings and what they tell each other.
#[derive(Clone)]
pub struct Cluster {
    context: Arc<Context>,
}

/// What decoders and streams of one cluster share.
pub(crate) struct Context {
    pub(crate) session: ClusterSession,
    pub(crate) region: Arc<str>,
    pub(crate) intern: Interner,
    pub(crate) neighbours: Neighbours,
    pub(crate) limits: Limits,
    requests: [AtomicU64; Watched::ALL.len()],
    running: Mutex<BTreeSet<&'static str>>,
}

impl Context {
    /// Whether the stream of this part was ever started: only then is it waited for.
    pub(crate) fn runs(&self, part: &str) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.contains(part)
    }

    fn started(&self, what: Watched) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(what.part());
    }

    /// The id of an object of this cluster.
    pub(crate) fn id(&self, kind: Kind, namespace: Option<&str>, name: &str) -> NodeId {
        NodeId::kubernetes(kind, self.session.id(), namespace, name)
    }

    /// Where an object of this cluster lives.
    pub(crate) fn scope(&self, namespace: Option<&str>) -> Scope {
        Scope {
            namespace: namespace.map(|namespace| self.intern.text(namespace)),
            ..self.session.scope().clone()
        }
    }

    /// Counts one request of a stream.
    pub(crate) fn count(&self, what: Watched) {
        if let Some(counter) = self.requests.get(what as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Cluster {
    /// Prepares to watch; asks nothing yet.
    #[must_use]
    pub fn new(session: ClusterSession) -> Self {
        Self::with_limits(session, Limits::default())
    }

    /// Prepares to watch with other limits than the usual ones.
    #[must_use]
    pub fn with_limits(session: ClusterSession, limits: Limits) -> Self {
        let region = session.scope().region.clone().unwrap_or_else(|| "-".into());
        Self {
            context: Arc::new(Context {
                session,
                region,
                intern: Interner::default(),
                neighbours: Neighbours::default(),
                limits,
                requests: Default::default(),
                running: Mutex::default(),
            }),
        }
    }

    /// The session it reads through.
    #[must_use]
    pub fn session(&self) -> &ClusterSession {
        &self.context.session
    }

    /// The source a stream's batches belong to.
    #[must_use]
    pub fn source(&self, what: Watched) -> Source {
        Source::new(
            Service::Kubernetes,
            self.session().scope().clone(),
            what.part(),
        )
    }

    /// Requests a stream has sent since start.
    #[must_use]
    pub fn requests(&self, what: Watched) -> u64 {
        let counter = self.context.requests.get(what as usize);
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// Lists and watches a resource until the stream is dropped. Needs a tokio runtime.
    pub fn watch(&self, what: Watched) -> Watch {
        let (batches, received) = mpsc::channel(16);
        let context = Arc::clone(&self.context);
        context.started(what);
        let task = tokio::spawn(async move {
            match what.road() {
                Road::Asked => api::ask(context, batches).await,
                Road::Referred => configmaps::read(context, batches).await,
                Road::Listed(listed) => {
                    let (endpoint, shelf) = (endpoint::of(listed), shelf::of(listed));
                    follow::drive(context, endpoint, shelf, batches).await;
                }
            }
        });
        Watch { received, task }
    }
}

/// The batches of one resource; dropping it ends the watch.
pub struct Watch {
    received: mpsc::Receiver<WatchBatch>,
    task: tokio::task::JoinHandle<()>,
}

impl Stream for Watch {
    type Item = WatchBatch;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        self.received.poll_recv(task)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
