//! What went wrong with a call to a Kubernetes API, classified and put into a sentence.

use super::sign::NotSignedIn;
use crate::proxy::ThroughProxy;
use model::{FailureClass, SourceFailure};
use rustls::{AlertDescription, CertificateError};
use std::error::Error;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::time::Duration;

/// A call as a sentence names it, and as RBAC grants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// RBAC verb: `list`, `watch`, `get`.
    pub verb: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Plural resource, e.g. `pods`.
    pub resource: &'a str,
    /// The namespace asked in; `None` is the whole cluster.
    pub namespace: Option<&'a str>,
    /// The cluster.
    pub cluster: &'a str,
}

/// Where an answer stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing came.
    Head,
    /// The body began and then paused.
    Body,
}

/// The server's answer when it is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status, or the code of a `Status` in a watch.
    pub code: u16,
    /// `Status.reason`, e.g. `Forbidden`; empty when the body was no `Status`.
    pub reason: String,
    /// `Status.message`, for display only.
    pub message: String,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// `Audit-Id`.
    pub request_id: Option<String>,
    /// It was asked by nobody: the kubeconfig has nothing to sign in with.
    pub nobody: bool,
}

/// Why a call brought nothing, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// The server was silent for too long.
    #[error("no answer in {1:?}")]
    Silent(Phase, Duration),
    /// The server refused.
    #[error("refused: {} {}", .0.code, .0.reason)]
    Refused(Box<Refusal>),
    /// The answer is not what the API documents.
    #[error("{0}")]
    Malformed(String),
    /// The connection failed, before or in the answer.
    #[error("{0}")]
    Kube(Box<kube::Error>),
}

impl CallFailure {
    /// What kind of failure.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Silent(..) => FailureClass::TimedOut,
            Self::Refused(refusal) => of_status(refusal.code, &refusal.reason),
            Self::Malformed(_) => FailureClass::Malformed,
            Self::Kube(error) => classify(error),
        }
    }

    /// The resource version asked for is gone: list again.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Refused(refusal)
            if refusal.code == 410 || matches!(refusal.reason.as_str(), "Expired" | "Gone"))
    }

    /// The server does not serve this path.
    #[must_use]
    pub fn is_not_served(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == 404)
    }

    /// We may not do this.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == 403)
    }

    /// Nobody could be signed in, so nothing was sent (of a read: not once more). A write that failed so is certainly not
    /// done.
    #[must_use]
    pub fn was_not_sent(&self) -> bool {
        match self {
            Self::Kube(error) => not_signed_in(error).is_some(),
            Self::Silent(..) | Self::Refused(_) | Self::Malformed(_) => false,
        }
    }

    /// How long the server asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Silent(..) | Self::Malformed(_) | Self::Kube(_) => None,
        }
    }

    /// The failure in words.
    #[must_use]
    pub fn describe(&self, call: Call<'_>) -> SourceFailure {
        let class = self.class();
        let (code, request_id) = match self {
            Self::Refused(refusal) => (
                Some(match refusal.reason.as_str() {
                    "" => refusal.code.to_string(),
                    reason => reason.to_owned(),
                }),
                refusal.request_id.clone(),
            ),
            Self::Silent(..) | Self::Malformed(_) | Self::Kube(_) => (None, None),
        };
        let unsigned = match self {
            Self::Kube(error) => not_signed_in(error),
            Self::Silent(..) | Self::Refused(_) | Self::Malformed(_) => None,
        };
        let proxy = match self {
            Self::Kube(error) => ThroughProxy::of(error.as_ref()).map(ThroughProxy::next_step),
            Self::Silent(..) | Self::Refused(_) | Self::Malformed(_) => None,
        };
        let next = unsigned.map(|failure| failure.next_step.clone()).or(proxy);
        let next = next.or_else(|| self.particular(class));
        SourceFailure {
            class,
            sentence: self.sentence(class, call),
            next_step: next.unwrap_or_else(|| next_step(class, call)),
            code,
            request_id,
        }
    }

    /// What to do about a failure that says more than its class.
    fn particular(&self, class: FailureClass) -> Option<String> {
        let step = match (self, class) {
            (Self::Refused(refusal), FailureClass::Denied | FailureClass::Credentials)
                if refusal.nobody =>
            {
                "The context's user has no token, certificate or exec plugin in the kubeconfig, so nobody is signed in: give it one."
            }
            (Self::Kube(error), _) => match refused_by_tls(error)? {
                Tls::Ours => {
                    "See that certificate-authority (and tls-server-name) in the kubeconfig are those of this server; where a proxy opens TLS, its authority."
                }
                Tls::Time => {
                    "Renew the API server's certificate; where it is good, set this machine's clock."
                }
                Tls::Theirs => {
                    "See that the context's client certificate is one that this server takes."
                }
            },
            (Self::Silent(..) | Self::Refused(_) | Self::Malformed(_), _) => return None,
        };
        Some(step.to_owned())
    }

    fn sentence(&self, class: FailureClass, call: Call<'_>) -> String {
        let Call { verb, cluster, .. } = call;
        let what = qualified(call);
        let asked = format!("Kubernetes cluster {cluster}, asked to {verb} {what},");
        match (self, class) {
            (Self::Silent(Phase::Head, waited), _) => {
                format!("{asked} did not answer in {:.0} s.", waited.as_secs_f64())
            }
            (Self::Silent(Phase::Body, waited), _) => {
                format!(
                    "{asked} stopped in the middle of its answer for {:.0} s.",
                    waited.as_secs_f64()
                )
            }
            (Self::Refused(_), FailureClass::Denied) => {
                format!("{asked} denied it; missing: {}.", permission(call))
            }
            (Self::Refused(_), FailureClass::Credentials) => {
                format!("{asked} did not accept our credentials (401).")
            }
            (Self::Refused(refusal), FailureClass::Throttled) => {
                let mut text = format!("{asked} told us to slow down ({})", refusal.code);
                if let Some(wait) = refusal.retry_after {
                    let _ = write!(text, " and to come back in {} s", wait.as_secs());
                }
                text + "."
            }
            (Self::Refused(refusal), _) => {
                format!("{asked} answered {}{}.", refusal.code, worded(refusal))
            }
            (Self::Malformed(why), _) => {
                format!("{asked} gave an answer that cannot be read: {why}.")
            }
            (Self::Kube(error), _) if let Some(failure) = not_signed_in(error) => {
                format!(
                    "Kubernetes cluster {cluster} was not asked to {verb} {what}: {}",
                    failure.sentence
                )
            }
            (Self::Kube(error), _) => {
                let by_way = match ThroughProxy::of(error.as_ref()) {
                    Some(through) => format!(" {through}"),
                    None => String::new(),
                };
                format!(
                    "{asked} could not be reached{by_way} or broke off: {}.",
                    innermost(error)
                )
            }
        }
    }
}

/// `Reason: message`, bounded, in brackets.
fn worded(refusal: &Refusal) -> String {
    let mut words = refusal.reason.clone();
    if !refusal.message.is_empty() {
        if !words.is_empty() {
            words.push_str(": ");
        }
        words.extend(
            refusal
                .message
                .chars()
                .filter(|c| !model::unfit(*c))
                .take(200),
        );
    }
    if words.is_empty() {
        words
    } else {
        format!(" ({words})")
    }
}

fn qualified(call: Call<'_>) -> String {
    if call.group.is_empty() {
        call.resource.to_owned()
    } else {
        format!("{}.{}", call.resource, call.group)
    }
}

/// The permission in RBAC's words: `list pods at cluster scope`.
fn permission(call: Call<'_>) -> String {
    let what = qualified(call);
    match call.namespace {
        None => format!("{} {what} at cluster scope", call.verb),
        Some(namespace) => format!("{} {what} in namespace {namespace}", call.verb),
    }
}

fn next_step(class: FailureClass, call: Call<'_>) -> String {
    match class {
        FailureClass::Throttled => "Nothing: it is asked again after the wait it named.".to_owned(),
        FailureClass::Denied => format!(
            "Grant this context's user the right to {} (a ClusterRole with get, list and watch).",
            permission(call)
        ),
        FailureClass::Credentials => {
            "Renew the token or certificate of this context in the kubeconfig; of an EKS cluster, see that our role has an access entry."
                .to_owned()
        }
        FailureClass::Unreachable => {
            "Check the network, the VPN or tunnel, and the cluster's address.".to_owned()
        }
        FailureClass::TimedOut => {
            "Check the network and the health of the API server; it is tried again by itself.".to_owned()
        }
        FailureClass::Malformed => {
            "Check what stands between here and the API server (a proxy); it is tried again by itself.".to_owned()
        }
        FailureClass::Unsupported => {
            "Check that the cluster's address is a Kubernetes API server.".to_owned()
        }
        FailureClass::Server => "Check the health of the API server; it is tried again by itself.".to_owned(),
        FailureClass::Other => "Read the server's words; it is tried again by itself.".to_owned(),
    }
}

/// The class of an HTTP status and `Status.reason`. The reason goes first: it is the finer word.
fn of_status(code: u16, reason: &str) -> FailureClass {
    match reason {
        "TooManyRequests" => return FailureClass::Throttled,
        "Forbidden" => return FailureClass::Denied,
        "Unauthorized" => return FailureClass::Credentials,
        "Timeout" | "ServerTimeout" => return FailureClass::TimedOut,
        "NotFound" | "MethodNotAllowed" => return FailureClass::Unsupported,
        "InternalError" | "ServiceUnavailable" | "StorageReadError" => return FailureClass::Server,
        _ => {}
    }
    match code {
        401 => FailureClass::Credentials,
        403 => FailureClass::Denied,
        404..=406 => FailureClass::Unsupported,
        408 | 504 => FailureClass::TimedOut,
        429 => FailureClass::Throttled,
        500..=599 => FailureClass::Server,
        _ => FailureClass::Other,
    }
}

/// The class of any error of the kube client, from types alone.
#[must_use]
pub fn classify(error: &kube::Error) -> FailureClass {
    match error {
        kube::Error::Api(status) => of_status(status.code, &status.reason),
        kube::Error::SerdeError(_)
        | kube::Error::FromUtf8(_)
        | kube::Error::LinesCodecMaxLineLengthExceeded => FailureClass::Malformed,
        kube::Error::Auth(_) | kube::Error::InferKubeconfig(_) => FailureClass::Credentials,
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
            of_chain(error)
        }
        _ => FailureClass::Other,
    }
}

/// Walks the causes to the first that says what kind it is.
fn of_chain(error: &(dyn Error + 'static)) -> FailureClass {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(NotSignedIn(failure)) = cause.downcast_ref() {
            return failure.class;
        }
        if let Some(http) = cause.downcast_ref::<hyper::Error>() {
            if http.is_parse() {
                return FailureClass::Malformed;
            }
            if http.is_timeout() {
                return FailureClass::TimedOut;
            }
            if http.is_incomplete_message() || http.is_closed() || http.is_canceled() {
                return FailureClass::Unreachable;
            }
        }
        if cause.is::<kube::client::AuthError>() {
            return FailureClass::Credentials;
        }
        if let Some(class) = cause.downcast_ref::<std::io::Error>().and_then(of_io) {
            return class;
        }
        next = cause.source();
    }
    FailureClass::Unreachable
}

/// Why nobody was signed in, where that is why nothing was sent.
fn not_signed_in(error: &kube::Error) -> Option<&SourceFailure> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(NotSignedIn(failure)) = cause.downcast_ref() {
            return Some(failure);
        }
        next = cause.source();
    }
    None
}

/// Whose certificate TLS failed on.
enum Tls {
    /// We do not take the server's.
    Ours,
    /// The server's has ended, or has not begun.
    Time,
    /// The server does not take ours.
    Theirs,
}

/// What a server says of a client's certificate (RFC 8446, section 6.2).
fn is_of_a_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}

fn refused_by_tls(error: &kube::Error) -> Option<Tls> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        match cause.downcast_ref() {
            Some(rustls::Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            )) => return Some(Tls::Time),
            Some(rustls::Error::InvalidCertificate(_)) => return Some(Tls::Ours),
            Some(rustls::Error::AlertReceived(alert)) => {
                return is_of_a_certificate(*alert).then_some(Tls::Theirs);
            }
            Some(_) | None => {}
        }
        // What an I/O error is made of is not its source, but its source's.
        let made_of = cause.downcast_ref::<std::io::Error>();
        next = match made_of.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

/// The class of an I/O error; `None` when a cause inside it may say more.
fn of_io(error: &std::io::Error) -> Option<FailureClass> {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Some(FailureClass::TimedOut),
        // rustls reports what it refuses as InvalidData around its own error.
        ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            let inner = error.get_ref().map(|inner| inner.is::<rustls::Error>());
            Some(if inner == Some(true) {
                FailureClass::Unreachable
            } else {
                FailureClass::Malformed
            })
        }
        ErrorKind::UnexpectedEof => Some(FailureClass::Malformed),
        ErrorKind::Other => None,
        _ => Some(FailureClass::Unreachable),
    }
}

/// The words of the deepest cause: `connection refused`, not the layers around it.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    let mut words: String = deepest.to_string();
    words.truncate(words.floor_char_boundary(200));
    words.trim_end_matches('.').to_owned()
}
