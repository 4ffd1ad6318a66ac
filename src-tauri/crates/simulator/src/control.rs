//! The control endpoint: time and faults from outside. Plain HTTP with JSON on its own port of loopback.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Value, json};

use crate::aws::sign_in::{Authenticator, SignIn, Verdict, wall_time};
use crate::fault::Fault;
use crate::shared::SharedWorld;
use crate::simulation::advance;

/// Seconds one call may advance: a day.
const MAX_ADVANCE: u64 = 86_400;
/// Pod changes a second that one cluster may be asked for.
const MAX_CHURN: u64 = 10_000;

/// What the file `control` says below its first line, the base URL.
pub const HELP: &str = "\
# The simulated platform listens here. With curl:
#   curl -X POST URL/advance -d '{\"seconds\": 60}'      move world time; answers {\"now\": …} when it has moved
#   curl URL/time                                       world time
#   curl -X POST URL/faults -d '{\"spec\": \"slow:sqs:eu-west-1=2000\"}'
#                                                       KIND:SERVICE[:REGION][:ACTION][=MS]; kinds are slow, throttled, denied,
#                                                       silent, expired, malformed, partial, reset; services are the
#                                                       names of AWS signatures, kubernetes, or * for all
#   curl URL/faults                                     the faults in force
#   curl -X DELETE URL/faults                           end all faults
#   curl -X POST URL/databases -d '{\"instance\": \"NAME\", \"host\": 0.3}'
#                                                       share of its cores that an instance's host gives, 0.05 to 1
#   curl -X POST URL/databases -d '{\"instance\": \"NAME\", \"maintenance\": true}'
#                                                       maintenance ahead of an instance, or none
#   curl -X POST URL/churn -d '{\"per_second\": 100}'   so many pods of each cluster change per wall second, evenly, to
#                                                       measure watchers by: probes fail and pass again; 0 ends it
#   curl -X POST URL/sign-in -d '{\"approve\": \"CODE\"}'  somebody says yes in the browser to that code, or with true
#                                                       to the next one that is asked for; \"deny\" says no
#   curl -X POST URL/sign-in -d '{\"slow_down\": 2}'     so many polls are answered that they come too fast
#   curl -X POST URL/sign-in -d '{\"token_seconds\": 60, \"session_seconds\": 60, \"role_seconds\": 30, \"code_seconds\": 600}'
#                                                       for how long what is issued from now on holds, by the wall clock;
#                                                       of a role that is assumed, at most
#   curl -X POST URL/sign-in -d '{\"new_device\": true}'  another device for codes in the place of the one there is
#   curl URL/sign-in                                    the codes that wait, and the device
#   curl URL/calls                                      which AWS calls were made, by whom and how often, as CloudTrail has it
#   curl URL/state                                      depths, targets and happenings to come, for tests
";

/// The routes.
pub fn router(shared: SharedWorld) -> Router {
    Router::new().fallback(handle).with_state(shared)
}

async fn handle(State(shared): State<SharedWorld>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, 65_536)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    match (&parts.method, parts.uri.path()) {
        (&Method::POST, "/advance") => match body["seconds"].as_u64().filter(|s| *s <= MAX_ADVANCE)
        {
            Some(seconds) => {
                advance(&shared, u32::try_from(seconds).unwrap_or(0)).await;
                Json(time(&shared)).into_response()
            }
            None => refused("seconds must be a whole number up to 86400"),
        },
        (&Method::GET, "/time") => Json(time(&shared)).into_response(),
        (&Method::POST, "/faults") => {
            match body["spec"].as_str().unwrap_or_default().parse::<Fault>() {
                Ok(fault) => {
                    shared.faults().add(fault);
                    Json(faults(&shared)).into_response()
                }
                Err(e) => refused(&e.to_string()),
            }
        }
        (&Method::GET, "/faults") => Json(faults(&shared)).into_response(),
        (&Method::DELETE, "/faults") => {
            shared.faults().clear();
            Json(faults(&shared)).into_response()
        }
        (&Method::POST, "/databases") => match afflict(&shared, &body) {
            Ok(()) => Json(json!({})).into_response(),
            Err(why) => refused(why),
        },
        (&Method::POST, "/churn") => churn(&shared, &body),
        (&Method::POST, "/sign-in") => {
            let mut state = shared.sign_in();
            match said(&mut state, &body) {
                Ok(()) => Json(signing_in(&state)).into_response(),
                Err(why) => refused(why),
            }
        }
        (&Method::GET, "/sign-in") => Json(signing_in(&shared.sign_in())).into_response(),
        (&Method::GET, "/calls") => Json(calls(&shared)).into_response(),
        (&Method::GET, "/state") => Json(state(&shared)).into_response(),
        _ => (
            StatusCode::NOT_FOUND,
            Json(json!({"error": "see the file `control`"})),
        )
            .into_response(),
    }
}

fn churn(shared: &SharedWorld, body: &Value) -> Response {
    let rate = body["per_second"].as_u64().filter(|n| *n <= MAX_CHURN);
    let Some(rate) = rate.and_then(|n| u32::try_from(n).ok()) else {
        return refused("per_second must be a whole number up to 10000");
    };
    shared.churn().send_replace(rate);
    Json(json!({"per_second": rate})).into_response()
}

fn calls(shared: &SharedWorld) -> Value {
    let trail = shared.trail();
    let one = |(action, signer, times)| json!({"action": action, "signer": signer, "times": times});
    json!({"calls": trail.calls().map(one).collect::<Vec<_>>()})
}

fn refused(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response()
}

fn time(shared: &SharedWorld) -> Value {
    let now = shared.lock().now;
    json!({"now": now.iso_millis(), "epoch_ms": now.0})
}

fn faults(shared: &SharedWorld) -> Value {
    json!({"faults": shared.faults().list().map(ToString::to_string).collect::<Vec<_>>()})
}

/// Something happens to an instance of a database: to its host, or maintenance comes up.
fn afflict(shared: &SharedWorld, body: &Value) -> Result<(), &'static str> {
    let name = body["instance"].as_str().unwrap_or_default();
    let mut world = shared.lock();
    let day_after = world.now.plus_seconds(86_400);
    let mut instances = world
        .regions
        .iter_mut()
        .flat_map(|r| &mut r.databases)
        .flat_map(|d| &mut d.instances);
    let instance = instances
        .find(|i| i.name == name)
        .ok_or("there is no such instance")?;
    match (body["host"].as_f64(), body["maintenance"].as_bool()) {
        (Some(share), None) if (0.05..=1.0).contains(&share) => instance.host = share,
        (None, Some(due)) => instance.maintenance = due.then_some(day_after),
        _ => return Err("give host, 0.05 to 1, or maintenance, true or false"),
    }
    Ok(())
}

fn signing_in(state: &SignIn) -> Value {
    let lifetimes = state.lifetimes;
    let device = state.device.as_ref();
    let device = device.map(|d| json!({"serial": Authenticator::serial(), "seed": d.seed()}));
    json!({
        "device": device,
        "waiting": state.waiting(wall_time()), "clients": state.clients(),
        "code_seconds": lifetimes.code, "token_seconds": lifetimes.token,
        "session_seconds": lifetimes.session, "role_seconds": lifetimes.role,
    })
}

/// What somebody in a browser, or an administrator of IAM Identity Center, says.
fn said(state: &mut SignIn, body: &Value) -> Result<(), &'static str> {
    let fields = body.as_object().filter(|fields| !fields.is_empty());
    for (field, value) in fields.ok_or("give at least one field, see the file `control`")? {
        let seconds = || value.as_i64().filter(|n| (1..=86_400).contains(n));
        let seconds = || seconds().ok_or("seconds must be a whole number, 1 to 86400");
        match field.as_str() {
            "approve" => judged(state, value, Verdict::Approved)?,
            "deny" => judged(state, value, Verdict::Denied)?,
            "slow_down" => {
                let times = value.as_u64().and_then(|n| u32::try_from(n).ok());
                state.slow_down = times.ok_or("slow_down must be a whole number")?;
            }
            "code_seconds" => state.lifetimes.code = seconds()?,
            "token_seconds" => state.lifetimes.token = seconds()?,
            "session_seconds" => state.lifetimes.session = seconds()?,
            "role_seconds" => state.lifetimes.role = seconds()?,
            "new_device" => match value.as_bool() == Some(true) && state.replace_device() {
                true => {}
                false => return Err("give true; there is a device with --sign-in mfa only"),
            },
            _ => return Err("there is no such field, see the file `control`"),
        }
    }
    Ok(())
}

fn judged(state: &mut SignIn, code: &Value, verdict: Verdict) -> Result<(), &'static str> {
    let known = match code {
        Value::Bool(true) => state.judge(None, verdict, wall_time()),
        Value::String(code) => state.judge(Some(code), verdict, wall_time()),
        _ => return Err("give true, or a code"),
    };
    known.then_some(()).ok_or("no such code waits")
}

fn state(shared: &SharedWorld) -> Value {
    let world = shared.lock();
    let regions: Vec<Value> = world
        .regions
        .iter()
        .zip(&world.clusters)
        .map(|(region, cluster)| {
            let queues: serde_json::Map<String, Value> = region
                .queues
                .values()
                .map(|q| (q.name.clone(), json!({"visible": q.visible(), "in_flight": q.in_flight(), "deleted": q.ledger.deleted})))
                .collect();
            let targets: usize = region.groups.iter().map(|g| g.targets.len()).sum();
            json!({
                "name": region.name(), "cluster": cluster.spec().name, "queues": queues, "targets": targets,
                "grey": region.zones.iter().zip(&region.grey).filter(|(_, g)| **g > 0.0).map(|(z, _)| z).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({"now": world.now.iso_millis(), "regions": regions})
}
