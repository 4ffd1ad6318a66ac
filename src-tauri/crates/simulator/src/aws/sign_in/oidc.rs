//! The OIDC service. Service model `sso-oidc` 2019-06-10.

use serde_json::{Value, json};

use super::{Refusal, SignIn};
use crate::clock::Millis;

/// The grant of a device code (RFC 8628, section 3.4).
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// RegisterClient.
pub(super) fn register(state: &mut SignIn, input: &Value, now: Millis) -> Result<Value, Refusal> {
    text(input, "clientName").ok_or(Refusal::Request("clientName is missing"))?;
    if text(input, "clientType") != Some("public") {
        return Err(Refusal::Request("clientType must be public"));
    }
    let scopes = input["scopes"].as_array().map_or(&[][..], Vec::as_slice);
    let refreshes = scopes.iter().any(|scope| scope == "sso:account:access");
    let (id, secret, ends) = state.register(refreshes, now);
    Ok(json!({
        "clientId": id, "clientSecret": secret, "clientIdIssuedAt": now.seconds(),
        "clientSecretExpiresAt": ends.seconds(),
    }))
}

/// StartDeviceAuthorization.
pub(super) fn start(
    state: &mut SignIn,
    input: &Value,
    url: &str,
    now: Millis,
) -> Result<Value, Refusal> {
    let client = client(state, input, now)?;
    if text(input, "startUrl") != Some(&state.start_url) {
        return Err(Refusal::Request("Invalid start url provided"));
    }
    let (code, user_code) = state.device(&client, now);
    Ok(json!({
        "deviceCode": code, "userCode": user_code,
        "verificationUri": format!("{url}/device"),
        "verificationUriComplete": format!("{url}/device?user_code={user_code}"),
        "expiresIn": state.lifetimes.code, "interval": state.interval,
    }))
}

/// CreateToken, for a device code or a refresh token.
pub(super) fn token(state: &mut SignIn, input: &Value, now: Millis) -> Result<Value, Refusal> {
    let client = client(state, input, now)?;
    let issued = match text(input, "grantType") {
        Some(DEVICE_CODE) => {
            let code =
                text(input, "deviceCode").ok_or(Refusal::Request("deviceCode is missing"))?;
            state.poll(&client, code, now)?
        }
        Some("refresh_token") => {
            let token =
                text(input, "refreshToken").ok_or(Refusal::Request("refreshToken is missing"))?;
            state.refresh(&client, token, now)?
        }
        Some(_) => return Err(Refusal::GrantType),
        None => return Err(Refusal::Request("grantType is missing")),
    };
    Ok(json!({
        "accessToken": issued.access, "tokenType": "Bearer", "expiresIn": issued.seconds,
        "refreshToken": issued.refresh,
    }))
}

fn client(state: &SignIn, input: &Value, now: Millis) -> Result<String, Refusal> {
    let (id, secret) = (text(input, "clientId"), text(input, "clientSecret"));
    let (Some(id), Some(secret)) = (id, secret) else {
        return Err(Refusal::Request("clientId or clientSecret is missing"));
    };
    state.known(id, secret, now)?;
    Ok(id.to_owned())
}

fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input[name].as_str().filter(|text| !text.is_empty())
}
