//! The AWS APIs over loopback: one port, routed by the scope of the signature.
//!
//! Handlers take and give plain values; [`request`] reads each protocol and [`render`] writes it.

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
mod pricing;
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

pub use error::AwsError;
use render::{Answer, Envelope};
pub use request::Service;
use request::{Call, Protocol};
use throttle::Throttle;

use crate::fault::{self, Faults, Kind};
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
    let known = request::key(&parts.headers, &parts.uri).and_then(|(key, session)| {
        let now = sign_in::wall_time();
        server
            .shared
            .sign_in()
            .admits(&key, session.as_deref(), now)
            .err()
    });
    if let Some(refusal) = known {
        return render::response(&envelope, Err(refusal.of(service)));
    }
    if let Err(error) = admit(server, &call, &kinds) {
        return render::response(&envelope, Err(error));
    }
    await_message(server, &mut call).await;
    let envelope = Envelope {
        now: call.now,
        ..envelope
    };
    let faults = server.shared.faults().clone();
    let result = dispatch(&mut server.shared.lock(), &faults, &call);
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

fn admit(server: &Server, call: &Call, kinds: &[Kind]) -> Result<(), AwsError> {
    for kind in kinds {
        match kind {
            Kind::Throttled => return Err(AwsError::throttled(call.service)),
            Kind::Denied => {
                return Err(AwsError::denied(
                    call.service,
                    &call.operation,
                    &sts::caller_arn(),
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
    if admitted {
        Ok(())
    } else {
        Err(AwsError::throttled(call.service))
    }
}

fn dispatch(world: &mut World, faults: &Faults, call: &Call) -> Result<Answer, AwsError> {
    match call.service {
        Service::Sts => sts::handle(world, call),
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
        Service::Iam => iam::handle(faults, call),
        Service::Ec2 => ec2::handle(world, call),
        Service::Pricing => pricing::handle(call),
        Service::ZonalShift => zonal_shift::handle(world, call),
    }
}

/// The region of a call; regions where nothing was built are empty.
fn region<'a>(world: &'a World, call: &Call) -> Option<&'a Region> {
    world.region_index(&call.region).map(|r| &world.regions[r])
}
