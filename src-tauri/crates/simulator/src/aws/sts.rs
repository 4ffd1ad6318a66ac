//! STS: who is calling, and roles to assume. Service model `sts` 2011-06-15,
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
//!
//! What is issued ends by the machine's clock, as the keys of IAM Identity Center do. In a simulation whose user has a
//! device, roles trust the user only with a code of it.

use serde_json::json;

use super::authorize::Caller;
use super::error::AwsError;
use super::policy::{MAX_CHARACTERS, Policy, packed_percent};
use super::principal::{Principal, Role};
use super::render::Answer;
use super::request::Call;
use super::sign_in::{Authenticator, SignIn};
use crate::clock::Millis;
use crate::world::SIMULATED_ACCOUNT;

/// `MaxSessionDuration` of every role, and the default of AssumeRole, seconds.
pub(super) const MAX_DURATION: i64 = 3600;
/// No session is shorter, seconds.
const MIN_DURATION: i64 = 900;

/// Answers a call of `caller`; `now` is the machine's time.
pub(super) fn handle(
    state: &mut SignIn,
    caller: &Caller,
    call: &Call,
    now: Millis,
) -> Result<Answer, AwsError> {
    match call.operation.as_str() {
        "GetCallerIdentity" => {
            let who = &caller.principal;
            let body = json!({"Arn": who.arn(), "UserId": who.id(), "Account": SIMULATED_ACCOUNT});
            Ok(body.into())
        }
        "AssumeRole" => assume(state, caller, call, now),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn assume(
    state: &mut SignIn,
    caller: &Caller,
    call: &Call,
    now: Millis,
) -> Result<Answer, AwsError> {
    let arn = given(call, "RoleArn", 20)?;
    let name = session_name(call)?;
    let seconds = duration(caller, call)?;
    let policy = session_policy(call)?;
    unknown(call)?;
    let with_code = code(state, caller, call, now)?;
    let role = Role::at(arn).filter(|role| trusts(*role, caller, state, with_code));
    let role = role.ok_or_else(|| untrusted(caller, arn))?;
    let principal = Principal::Session {
        role,
        name: name.to_owned(),
    };
    let assumed = json!({"AssumedRoleId": principal.id(), "Arn": principal.arn()});
    let ends = now.plus_seconds(seconds.min(state.lifetimes.role));
    let holder = Caller { principal, policy };
    let keys = state.keys.issue(holder, ends, now);
    let body = json!({
        "Credentials": {
            "AccessKeyId": keys.id, "SecretAccessKey": keys.secret, "SessionToken": keys.session,
            "Expiration": keys.ends.iso(),
        },
        "AssumedRoleUser": assumed,
        "PackedPolicySize": call.text("Policy").map(packed_percent),
        "SourceIdentity": call.text("SourceIdentity"),
    });
    Ok(body.into())
}

fn invalid(why: impl Into<String>) -> AwsError {
    AwsError::new("ValidationError", why)
}

/// A constraint of the service model that a value does not keep.
fn breaks(parameter: &str, constraint: &str) -> AwsError {
    let mut name = parameter.to_owned();
    name[..1].make_ascii_lowercase();
    invalid(format!(
        "1 validation error detected: Value at '{name}' failed to satisfy constraint: {constraint}"
    ))
}

fn given<'a>(call: &'a Call, parameter: &str, least: usize) -> Result<&'a str, AwsError> {
    match call.text(parameter) {
        None => Err(breaks(parameter, "Member must not be null")),
        Some(text) if text.chars().count() < least => {
            let constraint = format!("Member must have length greater than or equal to {least}");
            Err(breaks(parameter, &constraint))
        }
        Some(text) => Ok(text),
    }
}

fn session_name(call: &Call) -> Result<&str, AwsError> {
    let name = given(call, "RoleSessionName", 2)?;
    if name.chars().count() > 64 {
        let constraint = "Member must have length less than or equal to 64";
        return Err(breaks("RoleSessionName", constraint));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    match name.chars().all(plain) {
        true => Ok(name),
        false => Err(breaks(
            "RoleSessionName",
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        )),
    }
}

fn duration(caller: &Caller, call: &Call) -> Result<i64, AwsError> {
    match call.int("DurationSeconds") {
        None => Ok(MAX_DURATION),
        Some(n) if n < MIN_DURATION => Err(breaks(
            "DurationSeconds",
            "Member must have value greater than or equal to 900",
        )),
        Some(n) if n > MAX_DURATION => Err(invalid(match caller.principal {
            Principal::User => {
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            }
            Principal::Session { .. } => {
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            }
        })),
        Some(n) => Ok(n),
    }
}

fn session_policy(call: &Call) -> Result<Option<Policy>, AwsError> {
    let Some(text) = call.text("Policy") else {
        return Ok(None);
    };
    if text.chars().count() > MAX_CHARACTERS {
        let constraint = format!("Member must have length less than or equal to {MAX_CHARACTERS}");
        return Err(breaks("Policy", &constraint));
    }
    let policy =
        Policy::parse(text).map_err(|why| AwsError::new("MalformedPolicyDocument", why))?;
    match packed_percent(text) {
        percent if percent > 100 => Err(AwsError::new(
            "PackedPolicyTooLarge",
            format!(
                "Packed policy consumes {percent}% of allotted space, please use smaller policy."
            ),
        )),
        _ => Ok(Some(policy)),
    }
}

/// What would narrow a session and is not obeyed here is refused.
fn unknown(call: &Call) -> Result<(), AwsError> {
    let narrowing = [
        "PolicyArns",
        "Tags",
        "TransitiveTagKeys",
        "ProvidedContexts",
    ];
    match narrowing.iter().find(|name| call.input.get(name).is_some()) {
        Some(name) => Err(invalid(format!("The simulated platform takes no {name}."))),
        None => Ok(()),
    }
}

/// Whether a right code came with it.
fn code(state: &mut SignIn, caller: &Caller, call: &Call, now: Millis) -> Result<bool, AwsError> {
    let failed = |how: &str| {
        let message = format!("MultiFactorAuthentication failed{how}");
        Err(AwsError::new("AccessDenied", message).status(403))
    };
    let (serial, code) = match (call.text("SerialNumber"), call.text("TokenCode")) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        (Some(_), None) | (None, Some(_)) => {
            return failed(", must provide both MFA serial number and one time pass code.");
        }
    };
    if code.len() != 6 {
        return Err(breaks("TokenCode", "Member must have length equal to 6"));
    }
    let own = caller.principal == Principal::User && serial == Authenticator::serial();
    let device = state.device.as_mut().filter(|_| own);
    match device.map(|device| device.takes(code, now)) {
        Some(true) => Ok(true),
        Some(false) => failed(" with invalid MFA one time pass code. "),
        None => failed(
            ", unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
        ),
    }
}

/// Whether a role trusts who asks: whoever has the one may assume both, whoever has the other none.
fn trusts(role: Role, caller: &Caller, state: &SignIn, with_code: bool) -> bool {
    match (&caller.principal, role) {
        (Principal::User, Role::Operations | Role::Act) => with_code || state.device.is_none(),
        (Principal::Session { role: has, .. }, Role::Operations | Role::Act) => {
            *has == Role::Operations
        }
    }
}

/// A role that is not there is answered like one that trusts somebody else.
fn untrusted(caller: &Caller, arn: &str) -> AwsError {
    let who = caller.principal.arn();
    let message =
        format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}");
    AwsError::new("AccessDenied", message).status(403)
}

#[cfg(test)]
mod tests;
