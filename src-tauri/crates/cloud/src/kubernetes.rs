//! A cluster's Kubernetes API: one client per kubeconfig context or EKS cluster, and what its failures mean.
//!
//! The client is kube's own stack (TLS by rustls, client certificates, tokens, token files that are
//! read again every minute) with some things changed: it asks for gzip, it never retries by itself
//! (kube's default retries 429, 503 and 504 fifteen times, writes included), it hands every
//! `Date` header to the platform clock, and it gets what signs in through a [`door::Door`]. Deadlines
//! are ours, per phase: a watch may be silent for a minute, the head of an answer may not.
//!
//! Failures are classified from types, status codes and `Status.reason`
//! (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/>), never from
//! message text.

mod certificate;
mod door;
mod eks;
mod failure;
mod kubeconfig;
mod plugin;
mod program;
mod refused;
mod sign;
mod written;

pub use certificate::Certificates;
pub use failure::{Call, CallFailure, Phase, Refusal, classify};
pub(crate) use kubeconfig::programs_of;
pub use kubeconfig::{ClusterPlace, contexts, places};

use crate::Clock;
use crate::acting::ActUser;
use crate::proxy::ThroughProxy;
use crate::stack::Entrance;
use crate::words::address;
use door::Door;
use http::header::{ACCEPT, DATE, HeaderName, USER_AGENT};
use http::{HeaderValue, Request, Response};
use kube::client::{Body, ClientBuilder};
use kubeconfig::{Resolved, SignsIn};
use model::{AccountId, Kind, NodeId, Scope, SourceFailure};
use sign::Signer;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tower::BoxError;

/// How long a connection may take to be made (TCP and TLS).
const CONNECT: Duration = Duration::from_millis(3100);
/// How long the head of an answer may take. A busy server needs seconds for 10,000 pods.
pub const HEAD: Duration = Duration::from_secs(10);
/// How long a body may pause before the answer counts as cut off.
pub const PAUSE: Duration = Duration::from_secs(10);
/// Requests that may wait to be sent, as many as kube's own client has.
const QUEUED: usize = 1024;
/// The largest refusal that is read: a `Status` is a few hundred bytes.
const REFUSAL_LIMIT: usize = 64 * 1024;
/// Whose a request is, where it is not of who signed in (Kubernetes documentation, "User impersonation").
const IMPERSONATE: HeaderName = HeaderName::from_static("impersonate-user");
/// The longest text that is read whole: two hundred log lines are far below.
pub const TEXT_LIMIT: usize = 512 * 1024;

/// One cluster as one user sees it. Cheap to clone; connections are shared.
#[derive(Clone)]
pub struct ClusterSession {
    inner: Arc<Inner>,
}

struct Inner {
    client: kube::Client,
    context: Option<Arc<str>>,
    name: Arc<str>,
    id: NodeId,
    scope: Scope,
    endpoint: String,
    loopback: bool,
    nobody: Arc<AtomicBool>,
    act_user: Option<ActUser>,
    clock: Clock,
    requests: AtomicU64,
}

impl fmt::Debug for ClusterSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterSession")
            .field("context", &self.inner.context)
            .field("endpoint", &self.inner.endpoint)
            .finish_non_exhaustive()
    }
}

/// The head of an answer and how long it took.
#[derive(Debug)]
pub struct Answer {
    /// The answer, body unread.
    pub response: Response<Body>,
    /// From request to the head of the answer.
    pub took: Duration,
}

impl ClusterSession {
    /// Opens what `place` names. Asks nothing of the cluster yet: a dead one is found out by its sources.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read, has no such context, has a certificate that has ended, or
    /// signs in by a program that was not approved; when EKS does not tell where the cluster is.
    pub async fn open(place: &ClusterPlace, clock: Clock) -> Result<Self, SourceFailure> {
        let found = match &place.entrance {
            Entrance::Context(context) => kubeconfig::read(place, context, clock.now()).await?,
            Entrance::Eks(name) => eks::read(place, name).await?,
        };
        let server = found.config.cluster_url.clone();
        let act_user = found.act_user.clone();
        let name = Arc::clone(&found.name);
        let (account, region) = (found.account.clone(), found.region.clone());
        let nobody = Arc::new(AtomicBool::new(found.nobody));
        let client = enter(place, found, &clock, Arc::clone(&nobody)).await?;
        let of = account.as_ref().map_or("-", AccountId::as_str);
        let id = NodeId::aws(Kind::Cluster, of, region.as_deref(), &name);
        let scope = Scope {
            account,
            region,
            cluster: Some(Arc::clone(&name)),
            ..Scope::default()
        };
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                context: match &place.entrance {
                    Entrance::Context(context) => Some(context.as_str().into()),
                    Entrance::Eks(_) => None,
                },
                name,
                id,
                scope,
                endpoint: address(&server),
                loopback: server.host().is_some_and(is_loopback),
                nobody,
                act_user,
                clock,
                requests: AtomicU64::new(0),
            }),
        })
    }

    /// The client, for calls that kube knows by itself (patches, evictions, access reviews).
    #[must_use]
    pub fn client(&self) -> kube::Client {
        self.inner.client.clone()
    }

    /// The kubeconfig context; none where it is reached through EKS.
    #[must_use]
    pub fn context(&self) -> Option<&str> {
        self.inner.context.as_deref()
    }

    /// The EKS cluster's name, or the context where the kubeconfig does not say.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.inner.name
    }

    /// The id of the cluster's node.
    #[must_use]
    pub fn id(&self) -> &NodeId {
        &self.inner.id
    }

    /// Account, region and cluster.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.inner.scope
    }

    /// The API server's URL.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.inner.endpoint
    }

    /// Whether the API server is on this machine (a tunnel, an emulator).
    #[must_use]
    pub fn endpoint_is_loopback(&self) -> bool {
        self.inner.loopback
    }

    /// The user its writes are of; `None`: whoever reads it.
    #[must_use]
    pub fn act_user(&self) -> Option<&ActUser> {
        self.inner.act_user.as_ref()
    }

    /// The platform's time, which this session's answers help to know.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Requests sent by [`ClusterSession::get`] since the session was opened.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::Relaxed)
    }

    /// Sends `GET path` and waits for the head of the answer, at most `deadline`.
    ///
    /// # Errors
    /// When nothing was heard in time, the connection failed, or the server refused (any status but 2xx).
    pub async fn get(&self, path: &str, deadline: Duration) -> Result<Answer, CallFailure> {
        self.send(path, "application/json", deadline).await
    }

    /// Reads `GET path` as text, at most [`TEXT_LIMIT`] bytes: a pod's log.
    ///
    /// # Errors
    /// As [`ClusterSession::get`], and when the body pauses or is longer.
    pub async fn text(&self, path: &str) -> Result<String, CallFailure> {
        let answer = self.send(path, "text/plain, */*", HEAD).await?;
        let limited = http_body_util::Limited::new(answer.response.into_body(), TEXT_LIMIT);
        let read = tokio::time::timeout(PAUSE, http_body_util::BodyExt::collect(limited)).await;
        match read {
            Err(_) => Err(CallFailure::Silent(Phase::Body, PAUSE)),
            Ok(Err(error)) => Err(CallFailure::Kube(Box::new(kube::Error::Service(error)))),
            Ok(Ok(whole)) => Ok(String::from_utf8_lossy(&whole.to_bytes()).into_owned()),
        }
    }

    async fn send(
        &self,
        path: &str,
        accept: &'static str,
        deadline: Duration,
    ) -> Result<Answer, CallFailure> {
        let request = Request::get(path)
            .header(ACCEPT, accept)
            .body(Body::empty())
            .map_err(|error| CallFailure::Kube(Box::new(kube::Error::HttpError(error))))?;
        self.inner.requests.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        let sent = tokio::time::timeout(deadline, self.inner.client.send(request)).await;
        let response = match sent {
            Err(_) => return Err(CallFailure::Silent(Phase::Head, deadline)),
            Ok(Err(error)) => return Err(CallFailure::Kube(Box::new(error))),
            Ok(Ok(response)) => response,
        };
        let took = began.elapsed();
        if response.status().is_success() {
            Ok(Answer { response, took })
        } else {
            let mut refusal = refusal(response).await;
            refusal.nobody = self.inner.nobody.load(Ordering::Relaxed);
            Err(CallFailure::Refused(Box::new(refusal)))
        }
    }
}

/// A client that signs in as the place says: of a context through a door, which reads the kubeconfig again. A program
/// must have been approved; it is run with the first request.
async fn enter(
    place: &ClusterPlace,
    found: Resolved,
    clock: &Clock,
    nobody: Arc<AtomicBool>,
) -> Result<kube::Client, SourceFailure> {
    let Resolved {
        config,
        signs_in,
        stamp,
        until,
        act_user,
        ..
    } = found;
    let namespace = config.default_namespace.clone();
    let door = match &place.entrance {
        Entrance::Context(context) => {
            let server = &config.cluster_url;
            Some(Door::new(place, context, server, clock, nobody))
        }
        Entrance::Eks(_) => None,
    };
    let signer = match (signs_in, &door) {
        (SignsIn::Program(plugin), Some(door)) => {
            let approved = place.programs.check(&plugin.named).await;
            approved.map_err(|stop| stop.failure())?;
            return Ok(kube::Client::new(door.clone(), namespace));
        }
        (SignsIn::Signer(signer), _) => Some(*signer),
        (SignsIn::Itself | SignsIn::Program(_), _) => None,
    };
    let reached = Reached {
        config,
        signer,
        act_user,
    };
    let client = made(place, reached, clock)?;
    Ok(match door {
        Some(door) => kube::Client::new(door.opened_by(client, until, stamp), namespace),
        None => client,
    })
}

fn made(
    place: &ClusterPlace,
    reached: Reached,
    clock: &Clock,
) -> Result<kube::Client, SourceFailure> {
    client(reached, clock).map_err(|error| refused::unusable(place, &error))
}

/// Where a cluster is, who puts a token on each request, where the configuration does not, and whose the writes are.
struct Reached {
    config: kube::Config,
    signer: Option<Signer>,
    act_user: Option<ActUser>,
}

/// kube's own stack, changed as the module says.
fn client(reached: Reached, clock: &Clock) -> Result<kube::Client, kube::Error> {
    let Reached {
        mut config,
        signer,
        act_user,
    } = reached;
    let agent = concat!("quarterdeck/", env!("CARGO_PKG_VERSION"));
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(agent)));
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = None;
    config.default_retry = false;
    let proxy = config.proxy_url.clone();
    let name_proxy = move |error: BoxError| match &proxy {
        Some(proxy) => ThroughProxy::new(proxy, error).into(),
        None => error,
    };
    let builder = ClientBuilder::try_from(config)?
        .with_layer(&tower::util::MapErrLayer::new(name_proxy))
        .with_layer(&tower::util::MapRequestLayer::new(acting(act_user)))
        .with_layer(&tower::util::MapResponseLayer::new(hear_date(
            clock.clone(),
        )));
    Ok(match signer {
        // A filter that waits needs a service that can be cloned.
        Some(signer) => builder
            .with_layer(&tower::buffer::BufferLayer::new(QUEUED))
            .with_layer(&tower::filter::AsyncFilterLayer::new(signer))
            .build(),
        None => builder.build(),
    })
}

/// Reads why the server refused. A body that does not come or is no `Status` leaves the code.
async fn refusal(response: Response<Body>) -> Refusal {
    let (head, body) = response.into_parts();
    let text = |name: &str| {
        let value = head.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let mut refusal = Refusal {
        code: head.status.as_u16(),
        reason: String::new(),
        message: String::new(),
        retry_after: text("retry-after")
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(Duration::from_secs),
        request_id: text("audit-id"),
        nobody: false,
    };
    let limited = http_body_util::Limited::new(body, REFUSAL_LIMIT);
    let read = tokio::time::timeout(PAUSE, http_body_util::BodyExt::collect(limited)).await;
    let Ok(Ok(collected)) = read else {
        return refusal;
    };
    let body = collected.to_bytes();
    if let Ok(status) = serde_json::from_slice::<kube::core::Status>(&body) {
        refusal.reason = status.reason;
        refusal.message = status.message;
    } else if text("content-type").is_none_or(|kind| kind.starts_with("text/plain")) {
        let words = String::from_utf8_lossy(&body);
        refusal.message = words.lines().next().unwrap_or_default().trim().to_owned();
    }
    refusal
}

/// Says whose a write is. Reads stay those of who signed in.
fn acting<B>(user: Option<ActUser>) -> impl FnMut(Request<B>) -> Request<B> + Clone {
    move |mut request| {
        if let Some(user) = user.as_ref().filter(|_| !request.method().is_safe()) {
            request.headers_mut().insert(IMPERSONATE, user.value());
        }
        request
    }
}

/// Passes every answer's `Date` on.
fn hear_date<B>(clock: Clock) -> impl FnOnce(Response<B>) -> Response<B> + Clone {
    move |response| {
        let date = response.headers().get(DATE);
        if let Some(date) = date.and_then(|date| date.to_str().ok()) {
            clock.observe(date);
        }
        response
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
