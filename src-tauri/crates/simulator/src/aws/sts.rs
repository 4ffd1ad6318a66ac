//! STS: who is calling. Service model `sts` 2011-06-15.

use serde_json::json;

use super::error::AwsError;
use super::render::Answer;
use super::request::Call;
use crate::world::{SIMULATED_ACCOUNT, World};

/// ARN of the only caller there is.
#[must_use]
pub(crate) fn caller_arn() -> String {
    format!("arn:aws:sts::{SIMULATED_ACCOUNT}:assumed-role/operations/on-call")
}

pub(super) fn handle(_: &mut World, call: &Call) -> Result<Answer, AwsError> {
    match call.operation.as_str() {
        "GetCallerIdentity" => {
            let body = json!({"Arn": caller_arn(), "UserId": "AROAQUARTERDECKSIM01:on-call", "Account": SIMULATED_ACCOUNT});
            Ok(body.into())
        }
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}
