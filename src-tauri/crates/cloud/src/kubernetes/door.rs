//! The way into a cluster of a kubeconfig: what signs in is got before a request is sent, and got anew
//! when it ends, when the server takes it no more (401), and when the file was written (but for what a program gives);
//! where the file cannot be used as it is then, what was got before is used until it ends.
//!
//! A program is run once at a time, however many requests wait for what it gives. A request waits less
//! long for it than a cluster is waited for, so that it is not the cluster that is said to be silent;
//! the program itself has longer (somebody may have to confirm something in a browser), and what it
//! gives then is used by the next request.

use super::kubeconfig::{self, ClusterPlace, SignsIn, Stamp};
use super::plugin::{Given, Plugin};
use super::sign::NotSignedIn;
use super::{Reached, certificate, client, refused};
use crate::Clock;
use crate::programs::{self, Stop, run};
use crate::supply::{Short, Supply};
use crate::words::plain;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use kube::Config;
use kube::client::Body;
use model::{SourceFailure, Timestamp};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tower::BoxError;

/// So long a request waits for a program.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);
/// So long a program may take.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// What failed is not tried again for so long, however many requests ask for it …
const REST: Duration = Duration::from_secs(5);
/// … and a program that did not end is not for this long.
const LONG_REST: Duration = Duration::from_secs(60);
/// What is younger than this is not got anew for a 401: it would be refused again.
const YOUNG: Duration = Duration::from_secs(5);
/// So long before its end something is got anew, or a tenth of the time it was good for.
const AHEAD: f64 = 10.0;

/// The way in. Cheap to clone.
#[derive(Clone)]
pub(super) struct Door(Arc<Inner>);

struct Inner {
    place: ClusterPlace,
    context: String,
    /// Where it led when it was opened. What is read and done goes by that: it leads nowhere else.
    server: Uri,
    clock: Clock,
    /// The kubeconfig has nothing to sign in with, as it was last read.
    nobody: Arc<AtomicBool>,
    passes: Supply<Pass, SourceFailure>,
}

/// What lets requests in.
#[derive(Clone)]
struct Pass {
    client: kube::Client,
    bearer: Option<HeaderValue>,
    got: Instant,
    until: Option<Timestamp>,
    /// The kubeconfig that it was got by; `None`: a program gave it, and is not run because a file was written (somebody
    /// may have to confirm something for it).
    stamp: Option<Stamp>,
}

impl Pass {
    /// What a program gives that has ended already is used for a moment, and not got anew for each request.
    fn lasts(&self, now: Timestamp) -> bool {
        self.got.elapsed() < YOUNG || self.until.is_none_or(|until| until > now)
    }

    /// Whether the kubeconfig is still the one it was got by.
    fn is_current(&self) -> bool {
        self.stamp.as_ref().is_none_or(Stamp::is_current)
    }

    async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>, BoxError> {
        if let Some(bearer) = &self.bearer {
            request.headers_mut().insert(AUTHORIZATION, bearer.clone());
        }
        Ok(self.client.send(request).await?)
    }
}

impl Door {
    /// Without anything that lets in yet: it is got with the first request.
    pub(super) fn new(
        place: &ClusterPlace,
        context: &str,
        server: &Uri,
        clock: &Clock,
        nobody: Arc<AtomicBool>,
    ) -> Self {
        Self(Arc::new(Inner {
            place: place.clone(),
            context: context.to_owned(),
            server: server.clone(),
            clock: clock.clone(),
            nobody,
            passes: Supply::default(),
        }))
    }

    /// With what the kubeconfig itself lets in by.
    pub(super) fn opened_by(
        self,
        client: kube::Client,
        until: Option<Timestamp>,
        stamp: Stamp,
    ) -> Self {
        let pass = Pass {
            client,
            bearer: None,
            got: Instant::now(),
            until,
            stamp: Some(stamp),
        };
        self.0.passes.held(|held| *held = Some(pass));
        self
    }

    /// For a read, what let in before will do where nothing newer is to be had; a write is nobody's but who the kubeconfig
    /// names now.
    async fn pass(&self, reads: bool) -> Result<Pass, NotSignedIn> {
        let (now, door) = (self.0.clock.now(), self.clone());
        let work = || async move { door.sign_in().await };
        let passes = &self.0.passes;
        let fits = |pass: &Pass| pass.lasts(now) && pass.is_current();
        let got = passes.get(fits, ANSWERED_WITHIN, work).await;
        got.or_else(|short| {
            let held = passes.held(|held| held.clone());
            held.filter(|pass| reads && pass.lasts(now)).ok_or(short)
        })
        .map_err(|short| {
            NotSignedIn(match short {
                Short::Failed(failure) => failure,
                Short::Awaited => self.awaited(),
                Short::Broken => self.broken(),
            })
        })
    }

    /// Reads the kubeconfig as it is now, and does what it says.
    async fn sign_in(&self) -> Result<Pass, (SourceFailure, Duration)> {
        let Inner {
            place,
            context,
            server,
            clock,
            ..
        } = &*self.0;
        let resolved = kubeconfig::read(place, context, clock.now()).await;
        let resolved = resolved.map_err(|failure| (failure, REST))?;
        self.0.nobody.store(resolved.nobody, Ordering::Relaxed);
        if resolved.config.cluster_url != *server {
            self.0.passes.held(|held| *held = None);
            return Err((
                refused::elsewhere(place, &resolved.config.cluster_url),
                REST,
            ));
        }
        let (signs_in, until) = (resolved.signs_in, resolved.until);
        let itself = Some(resolved.stamp);
        let (config, bearer, signer, until, stamp) = match signs_in {
            SignsIn::Itself => (resolved.config, None, None, until, itself),
            SignsIn::Signer(signer) => (resolved.config, None, Some(*signer), until, itself),
            SignsIn::Program(plugin) => {
                let given = self.given(&plugin).await?;
                let (config, ends) = with_certificate(resolved.config, &given);
                let first = until.into_iter().chain(ahead(given.ends, clock.now()));
                (config, given.bearer, None, first.chain(ends).min(), None)
            }
        };
        let reached = Reached {
            config,
            signer,
            act_user: resolved.act_user,
        };
        let client =
            client(reached, clock).map_err(|error| (refused::unusable(place, &error), REST))?;
        Ok(Pass {
            client,
            bearer,
            got: Instant::now(),
            until,
            stamp,
        })
    }

    /// What the program gives, if it is the one that was approved.
    async fn given(&self, plugin: &Plugin) -> Result<Given, (SourceFailure, Duration)> {
        let named = &plugin.named;
        let found = self.0.place.programs.check(named).await;
        let found = found.map_err(|stop| (stop.failure(), REST))?;
        let output = run(&found, &named.args, &plugin.variables(), ENDS_WITHIN).await;
        let told = |what: &dyn std::fmt::Display, next_step: &str| {
            let signs_in = programs::signs_in(named);
            let words = format!("{signs_in} {:?}, and that {what}", plain(&named.command));
            Stop::new(words, next_step).failure()
        };
        match output {
            Ok(output) => plugin.read(&output).map_err(|garbage| {
                let next_step = "Run it by hand to see what it writes; it is run again by itself.";
                (told(&garbage, next_step), REST)
            }),
            Err(ended) => {
                let rest = match ended {
                    programs::Ended::Hung(_) => LONG_REST,
                    _ => REST,
                };
                let next_step = "Run it by hand in a terminal: perhaps it must be signed in first; it is run again by itself.";
                Err((told(&ended, next_step), rest))
            }
        }
    }

    /// It is still waited for.
    fn awaited(&self) -> SourceFailure {
        let words = format!(
            "{} signs in by a program that has not ended for {} s",
            kubeconfig::named_by(&self.0.place),
            ANSWERED_WITHIN.as_secs()
        );
        let next_step = "It is waited for; perhaps it waits for somebody, in a browser. Reading goes on by itself.";
        Stop::new(words, next_step).failure()
    }

    /// Signing in panicked: a defect of a library, or of ours.
    fn broken(&self) -> SourceFailure {
        let by = kubeconfig::named_by(&self.0.place);
        let next_step = "It is tried again by itself; if it stays, look at the kubeconfig for what is unusual in it.";
        Stop::new(
            format!("{by} could not be signed in: that broke off inside Quarterdeck"),
            next_step,
        )
        .failure()
    }

    /// The server took it no more; whether something else may be had now.
    fn refused(&self, pass: &Pass) -> bool {
        self.0.passes.held(|held| match held {
            Some(latest) if latest.got == pass.got => {
                let old = pass.got.elapsed() >= YOUNG;
                if old {
                    *held = None;
                }
                old
            }
            Some(_) | None => true,
        })
    }
}

/// A moment before it ends, so that nothing is sent that ends on its way.
fn ahead(ends: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let ends = ends?;
    let margin = (ends.seconds_since(now) / 10.0).min(AHEAD);
    Some(Timestamp::from_millis(
        ends.millis() - (margin * 1000.0) as i64,
    ))
}

/// The configuration with the certificate that was given, and when that ends.
fn with_certificate(mut config: Config, given: &Given) -> (Config, Option<Timestamp>) {
    let Some((certificate, key)) = &given.certificate else {
        return (config, None);
    };
    let written = json!({
        "client-certificate-data": BASE64_STANDARD.encode(certificate),
        "client-key-data": BASE64_STANDARD.encode(key),
    });
    if let Ok(auth) = serde_json::from_value::<kube::config::AuthInfo>(written) {
        config.auth_info.client_certificate_data = auth.client_certificate_data;
        config.auth_info.client_key_data = auth.client_key_data;
    }
    (config, certificate::of_pem(certificate.as_bytes()))
}

/// The same once more, where it may be sent once more: a read has no body.
fn again(request: &Request<Body>) -> Option<Request<Body>> {
    if *request.method() != Method::GET {
        return None;
    }
    let mut again = Request::get(request.uri().clone())
        .body(Body::empty())
        .ok()?;
    *again.headers_mut() = request.headers().clone();
    Some(again)
}

impl tower::Service<Request<Body>> for Door {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let door = self.clone();
        Box::pin(async move {
            let again = again(&request);
            let pass = door.pass(again.is_some()).await?;
            let answer = pass.send(request).await?;
            let anew = answer.status() == StatusCode::UNAUTHORIZED && door.refused(&pass);
            match again {
                Some(again) if anew => door.pass(true).await?.send(again).await,
                Some(_) | None => Ok(answer),
            }
        })
    }
}
