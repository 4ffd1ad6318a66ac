//! IAM: what the caller would be allowed. Service model `iam` 2010-05-08, SimulatePrincipalPolicy.
//!
//! Every role may do everything but what a fault denies; so the simulated policies and the answers of the services never
//! contradict each other. What a session policy denies is not known to IAM either.

use serde_json::{Value, json};

use super::error::AwsError;
use super::page::page;
use super::principal::Role;
use super::render::Answer;
use super::request::{Call, Service};
use super::sts::MAX_DURATION;
use crate::fault::{Faults, Kind};
use crate::world::SIMULATED_ACCOUNT;

pub(super) fn handle(faults: &Faults, call: &Call) -> Result<Answer, AwsError> {
    match call.operation.as_str() {
        "SimulatePrincipalPolicy" => simulate(faults, call),
        "GetRole" => role(call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn role(call: &Call) -> Result<Answer, AwsError> {
    let name = call.text("RoleName").unwrap_or_default();
    let role = Role::named(name).ok_or_else(|| no_entity(name))?;
    let body = json!({"Role": {
        "Path": "/", "RoleName": role.name(), "RoleId": role.id(), "Arn": role.arn(),
        "CreateDate": call.now.plus_seconds(-400 * 86_400).iso(), "MaxSessionDuration": MAX_DURATION,
    }});
    Ok(body.into())
}

fn no_entity(name: &str) -> AwsError {
    let why = format!("The role with name {name} cannot be found.");
    AwsError::new("NoSuchEntity", why).status(404)
}

fn invalid(why: String) -> AwsError {
    AwsError::new("InvalidInput", why)
}

fn simulate(faults: &Faults, call: &Call) -> Result<Answer, AwsError> {
    let role = principal(call.text("PolicySourceArn").unwrap_or_default())?;
    let (actions, mut resources) = (call.texts("ActionNames"), call.texts("ResourceArns"));
    if actions.is_empty() {
        return Err(AwsError::new(
            "ValidationError",
            "1 validation error detected: Value at 'actionNames' failed to satisfy constraint: Member must not be null",
        ));
    }
    if let Some(odd) = actions.iter().find(|a| !a.contains(':')) {
        return Err(invalid(format!("Invalid Action: {odd}")));
    }
    if resources.is_empty() {
        resources.push("*".into());
    }
    let all: Vec<Value> = actions
        .iter()
        .flat_map(|a| resources.iter().map(move |r| (a, r)))
        .map(|(action, resource)| result(role, action, resource, denied(faults, action, resource)))
        .collect();
    let size = call.int("MaxItems").and_then(|n| usize::try_from(n).ok());
    let size = size.unwrap_or(100).clamp(1, 1000);
    let page = page("EvaluationResults", all, call.text("Marker"), size)
        .ok_or_else(|| invalid("The marker is not valid".into()))?;
    let body = json!({
        "EvaluationResults": page.items, "IsTruncated": page.next.is_some(), "Marker": page.next,
    });
    Ok(body.into())
}

/// IAM wants a user, a group or a role, not the session of one.
fn principal(arn: &str) -> Result<Role, AwsError> {
    if let Some(role) = Role::at(arn) {
        return Ok(role);
    }
    let prefix = format!("arn:aws:iam::{SIMULATED_ACCOUNT}:role/");
    match arn.strip_prefix(&prefix) {
        Some(name) => Err(no_entity(name)),
        None => Err(invalid(format!(
            "Invalid Entity Arn: {arn} does not clearly define entity type and name."
        ))),
    }
}

/// Whether a fault denies an action on a resource: as a policy would that denies it, because what these roles are for
/// is allowed.
fn denied(faults: &Faults, action: &str, resource: &str) -> bool {
    let Some((prefix, operation)) = action.split_once(':') else {
        return false;
    };
    let region = resource.split(':').nth(3).unwrap_or_default();
    Service::ALL
        .into_iter()
        .filter(|s| s.iam() == prefix)
        .any(|s| {
            let name = s.signing_name();
            let mut kinds = faults.of(name, region);
            kinds.extend(faults.on(name, region, operation));
            kinds.contains(&Kind::Denied)
        })
}

fn result(role: Role, action: &str, resource: &str, denied: bool) -> Value {
    let matched = json!([{
        "SourcePolicyId": role.name(), "SourcePolicyType": "IAM Policy",
        "StartPosition": {"Line": 3, "Column": 17}, "EndPosition": {"Line": 8, "Column": 6},
    }]);
    json!({
        "EvalActionName": action, "EvalResourceName": resource,
        "EvalDecision": if denied { "explicitDeny" } else { "allowed" },
        "MatchedStatements": matched,
        "MissingContextValues": [],
    })
}
