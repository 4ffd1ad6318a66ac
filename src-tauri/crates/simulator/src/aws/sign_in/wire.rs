//! Both services in REST-JSON, known by method and path.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::{Refusal, oidc, portal};
use crate::aws::form::parse_form;
use crate::clock::Millis;
use crate::shared::SharedWorld;

/// An operation of the two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aws) enum Operation {
    RegisterClient,
    StartDeviceAuthorization,
    CreateToken,
    GetRoleCredentials,
    ListAccountRoles,
    ListAccounts,
}

/// The operation of a request that carries no signature.
pub(in crate::aws) fn operation(parts: &Parts) -> Option<Operation> {
    match (&parts.method, parts.uri.path()) {
        (&Method::POST, "/client/register") => Some(Operation::RegisterClient),
        (&Method::POST, "/device_authorization") => Some(Operation::StartDeviceAuthorization),
        (&Method::POST, "/token") => Some(Operation::CreateToken),
        (&Method::GET, "/federation/credentials") => Some(Operation::GetRoleCredentials),
        (&Method::GET, "/assignment/roles") => Some(Operation::ListAccountRoles),
        (&Method::GET, "/assignment/accounts") => Some(Operation::ListAccounts),
        _ => None,
    }
}

/// Now, by the machine's clock.
pub(crate) fn wall_time() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Millis(i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX))
}

/// Answers it.
pub(in crate::aws) fn answer(
    shared: &SharedWorld,
    operation: Operation,
    parts: &Parts,
    body: &[u8],
) -> Response {
    let now = wall_time();
    let (request, brand, date) = {
        let mut world = shared.lock();
        let brand = world.plan.names.brand.to_string();
        (world.ids.uuid(), brand, world.now.http_date())
    };
    let result = done(shared, operation, parts, body, &brand, now);
    let (status, mut answer, error) = match result {
        Ok(answer) => (200, answer, None),
        Err(refusal) => {
            let (name, error, sentence, status) = refusal.told();
            let body = match error {
                "" => json!({"message": sentence}),
                error => json!({"error": error, "error_description": sentence}),
            };
            (status, body, Some(name))
        }
    };
    if let Value::Object(map) = &mut answer {
        map.retain(|_, value| !value.is_null());
    }
    let mut response = Response::new(Body::from(answer.to_string()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    put("content-type", "application/json");
    put("date", &date);
    put("x-amzn-requestid", &request);
    if let Some(name) = error {
        put("x-amzn-errortype", name);
    }
    response
}

fn done(
    shared: &SharedWorld,
    operation: Operation,
    parts: &Parts,
    body: &[u8],
    brand: &str,
    now: Millis,
) -> Result<Value, Refusal> {
    let input = || {
        serde_json::from_slice::<Value>(body).map_err(|_| Refusal::Request("the body is no JSON"))
    };
    let query = parse_form(parts.uri.query().unwrap_or_default());
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let mut state = shared.sign_in();
    let bearer = header("x-amz-sso_bearer_token").unwrap_or_default();
    match operation {
        Operation::RegisterClient => oidc::register(&mut state, &input()?, now),
        Operation::StartDeviceAuthorization => {
            let url = format!("http://{}", header("host").unwrap_or("127.0.0.1"));
            oidc::start(&mut state, &input()?, &url, now)
        }
        Operation::CreateToken => oidc::token(&mut state, &input()?, now),
        Operation::GetRoleCredentials => {
            state.holds(bearer, now)?;
            portal::credentials(&mut state, &query, now)
        }
        Operation::ListAccountRoles => {
            state.holds(bearer, now)?;
            portal::roles(&query)
        }
        Operation::ListAccounts => {
            state.holds(bearer, now)?;
            Ok(portal::accounts(brand))
        }
    }
}
