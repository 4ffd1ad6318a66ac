//! The AWS APIs over loopback: one port, routed by the scope of the signature.
//!
//! Handlers take and give plain values; [`request`] reads each protocol and [`render`] writes it.

mod authorize;
mod autoscaling;
mod cbor;
mod cloudfront;
mod cloudwatch;
mod ec2;
mod eks;
mod elb;
mod error;
mod form;
mod iam;
mod lambda;
mod page;
mod policy;
mod pricing;
mod principal;
mod rds;
mod render;
mod request;
mod route53;
mod s3;
pub mod sign_in;
mod sqs;
mod sts;
mod throttle;
mod xml;
mod zonal_shift;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use http_body_util::{BodyExt as _, Limited};

use authorize::Caller;
pub use error::AwsError;
use error::Why;
pub(crate) use principal::Role;
use render::{Answer, Envelope};
pub use request::Service;
use request::{Call, Protocol};
use throttle::Throttle;

use crate::fault::{self, Kind};
use crate::shared::SharedWorld;
use crate::world::World;
use crate::world::region::Region;

/// Bytes a request body may have; SQS batches are the largest.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// Access key the written credentials carry.
pub const ACCESS_KEY: &str = "AKIAQUARTERDECKSIM01";
/// What it signs with. Only tokens for a cluster are checked against it.
pub(crate) const SECRET_KEY: &str = "nothing-secret-on-loopback";

struct Server {
    shared: SharedWorld,
    throttle: Mutex<Throttle>,
}

/// The routes: there is one, which takes everything.
pub fn router(shared: SharedWorld) -> Router {
    let server = Arc::new(Server {
        shared,
        throttle: Mutex::default(),
    });
    Router::new().fallback(answer).with_state(server)
}

async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let Some(scope) = request::scope(&parts.headers, &parts.uri) else {
        return match sign_in::operation(&parts) {
            Some(operation) => signing_in(&server, operation, &parts, &body).await,
            None => unsigned(&server, &parts),
        };
    };
    let kinds = server.shared.faults().of(scope.0.signing_name(), &scope.1);
    fault::wait(&kinds, server.shared.latency_ms).await;
    let response = handle(&server, scope, &parts, &body, &kinds).await;
    fault::spoil(&kinds, response).await
}

/// A request of somebody who signs in; only faults of all services strike it.
async fn signing_in(
    server: &Server,
    operation: sign_in::Operation,
    parts: &Parts,
    body: &[u8],
) -> Response {
    let kinds = server.shared.faults().of("sso", "");
    fault::wait(&kinds, server.shared.latency_ms).await;
    let response = sign_in::answer(&server.shared, operation, parts, body);
    fault::spoil(&kinds, response).await
}

/// A request without a signature, or for a service that does not exist here.
fn unsigned(server: &Server, parts: &Parts) -> Response {
    let (now, request) = stamp(server);
    let content = parts.headers.get(http::header::CONTENT_TYPE);
    let json = content.is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.contains("json")));
    let envelope = Envelope {
        service: Service::Sts,
        protocol: if json {
            Protocol::Json
        } else {
            Protocol::Query
        },
        operation: String::new(),
        request,
        now,
    };
    let error = match request::named(&parts.headers, &parts.uri) {
        Some((_, service)) => AwsError::new(
            if json {
                "UnknownOperationException"
            } else {
                "InvalidAction"
            },
            format!("The simulated platform has no service {service}."),
        ),
        None => {
            AwsError::new("MissingAuthenticationToken", "Missing Authentication Token").status(403)
        }
    };
    render::response(&envelope, Err(error))
}

fn stamp(server: &Server) -> (crate::clock::Millis, String) {
    let mut world = server.shared.lock();
    (world.now, world.ids.uuid())
}

/// Long polling: waits until there is a message to receive, for as long as was asked by the clock of
/// the world or by the wall's, whichever ends first (SQS Developer Guide, short and long polling).
async fn await_message(server: &Server, call: &mut Call) {
    let Some(wait) = sqs::patience(&server.shared.lock(), call) else {
        return;
    };
    let mut moved = server.shared.subscribe();
    let until = call
        .now
        .plus_seconds(i64::try_from(wait.as_secs()).unwrap_or(20));
    let arrived = async {
        loop {
            {
                let world = server.shared.lock();
                if world.now >= until || sqs::patience(&world, call).is_none() {
                    return;
                }
            }
            if moved.changed().await.is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(wait, arrived).await;
    call.now = server.shared.lock().now;
}

async fn handle(
    server: &Server,
    scope: (Service, String),
    parts: &Parts,
    body: &[u8],
    kinds: &[Kind],
) -> Response {
    let (now, request) = stamp(server);
    let service = scope.0;
    let envelope = |protocol, operation: &str| Envelope {
        service,
        protocol,
        operation: operation.into(),
        request: request.clone(),
        now,
    };
    let mut call =
        match request::understand(scope, &parts.method, &parts.uri, &parts.headers, body, now) {
            Ok(call) => call,
            Err((protocol, error)) => return render::response(&envelope(protocol, ""), Err(error)),
        };
    let envelope = envelope(call.protocol, &call.operation);
    let name = service.signing_name();
    let mut kinds = kinds.to_vec();
    kinds.extend(
        server
            .shared
            .faults()
            .on(name, &call.region, &call.operation),
    );
    let admitted = caller(server, service, parts).and_then(|caller| {
        let mut trail = server.shared.trail();
        trail.note(authorize::action_of(&call), caller.principal.arn());
        drop(trail);
        admit(server, &call, &kinds, caller)
    });
    let caller = match admitted {
        Ok(caller) => caller,
        Err(error) => return render::response(&envelope, Err(error)),
    };
    await_message(server, &mut call).await;
    let envelope = Envelope {
        now: call.now,
        ..envelope
    };
    let result = dispatch(&server.shared, &caller, &call);
    if call.is_write() {
        server.shared.notify();
    }
    tracing::debug!(
        service = service.signing_name(),
        operation = call.operation,
        ok = result.is_ok(),
        "answered"
    );
    render::response(&envelope, result)
}

/// Who signed a request; the error is the one for a key that was not given or has ended.
fn caller(server: &Server, service: Service, parts: &Parts) -> Result<Caller, AwsError> {
    let (key, session) = request::key(&parts.headers, &parts.uri).unwrap_or_default();
    let now = sign_in::wall_time();
    let state = server.shared.sign_in();
    let known = state.keys.admits(&key, session.as_deref(), now);
    known.map_err(|refusal| refusal.of(service))
}

fn admit(server: &Server, call: &Call, kinds: &[Kind], caller: Caller) -> Result<Caller, AwsError> {
    for kind in kinds {
        match kind {
            Kind::Throttled => return Err(AwsError::throttled(call.service)),
            Kind::Denied => {
                let action = authorize::action_of(call);
                let who = caller.principal.arn();
                return Err(AwsError::denied(
                    call.service,
                    &action,
                    &who,
                    None,
                    Why::Identity,
                ));
            }
            Kind::Expired => return Err(AwsError::expired(call.service)),
            Kind::Slow(_) | Kind::Silent | Kind::Malformed | Kind::Partial | Kind::Reset => {}
        }
    }
    let admitted = server
        .throttle
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .admit(call, Instant::now());
    if !admitted {
        return Err(AwsError::throttled(call.service));
    }
    authorize::check(&server.shared.lock(), call, &caller)?;
    Ok(caller)
}

fn dispatch(shared: &SharedWorld, caller: &Caller, call: &Call) -> Result<Answer, AwsError> {
    let faults = shared.faults().clone();
    let world = &mut *shared.lock();
    match call.service {
        Service::Sts => sts::handle(&mut shared.sign_in(), caller, call, sign_in::wall_time()),
        Service::Route53 => route53::handle(world, call),
        Service::CloudFront => cloudfront::handle(world, call),
        Service::Elb => elb::handle(world, call),
        Service::Eks => eks::handle(world, call),
        Service::Rds => rds::handle(world, call),
        Service::Sqs => sqs::handle(world, call),
        Service::Lambda => lambda::handle(world, call),
        Service::CloudWatch => cloudwatch::handle(world, call),
        Service::S3 => s3::handle(world, call),
        Service::AutoScaling => autoscaling::handle(world, call),
        Service::Iam => iam::handle(&faults, call),
        Service::Ec2 => ec2::handle(world, call),
        Service::Pricing => pricing::handle(call),
        Service::ZonalShift => zonal_shift::handle(world, call),
    }
}

/// The region of a call; regions where nothing was built are empty.
fn region<'a>(world: &'a World, call: &Call) -> Option<&'a Region> {
    world.region_index(&call.region).map(|r| &world.regions[r])
}
