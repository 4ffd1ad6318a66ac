//! What happens to every request on its way: it is counted, the answer tells the time, and it must
//! be whole.
//!
//! This sits in the HTTP client and not in each call, so that no call can forget it and retries
//! are seen too.

use crate::budget::Budget;
use crate::clock::{self, Clock};
use crate::proxy::{self, ThroughProxy};
use crate::skew;
use crate::whole::{self, Broken};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http::Uri;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

tokio::task_local! {
    static SENT: Arc<AtomicU32>;
}

/// Runs `work` and adds every request it sends to `sent`, retries included.
pub async fn counting<F: Future>(sent: Arc<AtomicU32>, work: F) -> F::Output {
    SENT.scope(sent, work).await
}

/// The pools of connections of one account: each request goes the way that [`proxy`] says, a service's own endpoint on
/// this machine too.
#[derive(Debug)]
struct Ways {
    straight: SharedHttpClient,
    /// Through the proxy of `http` targets.
    http: Option<SharedHttpClient>,
    /// Through the proxy of `https` targets.
    https: Option<SharedHttpClient>,
}

/// The pools, as one.
pub(crate) fn pool() -> SharedHttpClient {
    // The proxy of a host that no exception is about.
    let through = |target: &'static str| {
        let uri = proxy::of_environment(&Uri::from_static(target))?;
        let config = ProxyConfig::all(uri.to_string());
        // A scheme that cannot be told so is left to the environment.
        Some(by(config.unwrap_or_else(|_| ProxyConfig::from_env())))
    };
    SharedHttpClient::new(Ways {
        straight: by(ProxyConfig::disabled()),
        http: through("http://aws.invalid"),
        https: through("https://aws.invalid"),
    })
}

fn by(proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::AwsLc,
        ));
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(proxy.clone()));
        connector.build()
    })
}

impl HttpClient for Ways {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let made = |pool: &SharedHttpClient| pool.http_connector(settings, components);
        SharedHttpConnector::new(Fork {
            straight: made(&self.straight),
            http: self.http.as_ref().map(made),
            https: self.https.as_ref().map(made),
        })
    }
}

#[derive(Debug)]
struct Fork {
    straight: SharedHttpConnector,
    http: Option<SharedHttpConnector>,
    https: Option<SharedHttpConnector>,
}

impl HttpConnector for Fork {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target: Option<Uri> = request.uri().parse().ok();
        let target = target.filter(|target| proxy::of_environment(target).is_some());
        let through = target.and_then(|target| match target.scheme_str() {
            Some("https") => self.https.as_ref(),
            Some(_) | None => self.http.as_ref(),
        });
        through.unwrap_or(&self.straight).call(request)
    }
}

/// The HTTP client of one session.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pool: SharedHttpClient,
    seen: Seen,
    reads: bool,
}

#[derive(Debug, Clone)]
struct Seen {
    clock: Clock,
    budget: Budget,
    strayed: Arc<AtomicBool>,
}

impl Wire {
    /// `strayed` becomes true when a request goes to a host that is not loopback.
    pub(crate) fn new(
        pool: SharedHttpClient,
        clock: Clock,
        budget: Budget,
        strayed: Arc<AtomicBool>,
    ) -> Self {
        let seen = Seen {
            clock,
            budget,
            strayed,
        };
        Self {
            pool,
            seen,
            reads: true,
        }
    }

    /// The same for writes: some of them are answered without a body.
    pub(crate) fn for_writes(&self) -> Self {
        Self {
            reads: false,
            ..self.clone()
        }
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Tap {
            connector: self.pool.http_connector(settings, components),
            seen: self.seen.clone(),
            reads: self.reads,
        })
    }
}

#[derive(Debug)]
struct Tap {
    connector: SharedHttpConnector,
    seen: Seen,
    reads: bool,
}

/// The same request may be answered whole the next time.
fn broken(broken: Broken) -> ConnectorError {
    ConnectorError::other(broken.into(), Some(ErrorKind::TransientError))
}

/// The same failure, with the proxy it came through.
fn named(error: ConnectorError, proxy: Option<&Uri>) -> ConnectorError {
    let Some(proxy) = proxy else { return error };
    let (timeout, io, user) = (error.is_timeout(), error.is_io(), error.is_user());
    let kind = error.as_other();
    let through = ThroughProxy::new(proxy, error.into()).into();
    match (timeout, io, user) {
        (true, ..) => ConnectorError::timeout(through),
        (_, true, _) => ConnectorError::io(through),
        (.., true) => ConnectorError::user(through),
        (false, false, false) => ConnectorError::other(through, kind),
    }
}

impl HttpConnector for Tap {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (seen, reads) = (self.seen.clone(), self.reads);
        seen.budget.sent_one();
        if !is_loopback(request.uri()) {
            seen.strayed.store(true, Ordering::Relaxed);
        }
        let proxy = request.uri().parse().ok();
        let proxy = proxy.and_then(|target| proxy::of_environment(&target));
        let signed = skew::signed_at(&request);
        let answer = self.connector.call(request);
        HttpConnectorFuture::new(async move {
            // Not counted: requests outside a reading (credentials refreshed in the background).
            let _ = SENT.try_with(|sent| sent.fetch_add(1, Ordering::Relaxed));
            let mut answer = answer.await.map_err(|error| named(error, proxy.as_ref()))?;
            match answer.headers().get("date") {
                Some(date) if clock::is_absurd(date) => drop(answer.headers_mut().remove("date")),
                Some(date) => seen.clock.observe(date),
                None => {}
            }
            let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
            let body = whole::read(body).await.map_err(broken)?;
            if let Some(date) = skew::refused(&answer, &body) {
                seen.clock.refused_at(date);
                if signed.is_some_and(|at| seen.clock.signs_otherwise(at)) {
                    answer.add_extension(skew::OldTime);
                }
            }
            if reads && answer.status().is_success() {
                whole::check(&body).map_err(broken)?;
            }
            *answer.body_mut() = SdkBody::from(body);
            Ok(answer)
        })
    }
}

/// Whether the URL's host is this machine.
pub(crate) fn is_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    let Some(host) = uri.host() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn loopback_is_told_from_names_that_only_look_like_it() {
        assert!(is_loopback("http://127.0.0.1:4566"));
        assert!(is_loopback("http://[::1]:80/x"));
        assert!(is_loopback("http://LocalHost:1/"));
        assert!(!is_loopback("http://127.0.0.1.example.com/"));
        assert!(!is_loopback("https://sqs.us-east-1.amazonaws.com/"));
    }
}
