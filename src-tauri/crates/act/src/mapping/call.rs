//! The one call of a change and the AWS CLI line that does the same.
//!
//! `UpdateEventSourceMapping` has no client token: what it did is told by the mapping's state and
//! concurrency. An empty ScalingConfig takes the limit away
//! (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>, maximum concurrency).

use super::settings::{Change, Pause};
use super::subject::Subject;
use crate::arn;
use crate::plan::ApiCall;
use crate::rights::Right;
use crate::words::shell;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The call.
pub(super) const UPDATE: &str = "lambda:UpdateEventSourceMapping";
/// Its concurrency parameter; the text `none` takes the limit away.
pub(super) const MAX: &str = "ScalingConfig.MaximumConcurrency";

pub(super) fn update(subject: &Subject<'_>, change: Change) -> ApiCall {
    let mapping = subject.mapping;
    let region = mapping.scope.region.as_deref().unwrap_or("us-east-1");
    let (step, name, value, words): (&str, &str, Value, String) = match change {
        Change::Pause(Pause::For(_) | Pause::Open) => {
            ("pause", "Enabled", json!(false), "--no-enabled".to_owned())
        }
        Change::Resume => ("resume", "Enabled", json!(true), "--enabled".to_owned()),
        Change::Concurrency(Some(max)) => (
            "concurrency",
            MAX,
            json!(max),
            format!("--scaling-config MaximumConcurrency={max}"),
        ),
        Change::Concurrency(None) => (
            "concurrency",
            MAX,
            json!("none"),
            "--scaling-config '{}'".to_owned(),
        ),
    };
    ApiCall {
        operation: UPDATE.to_owned(),
        region: region.to_owned(),
        parameters: BTreeMap::from([
            ("UUID".to_owned(), json!(mapping.name)),
            (name.to_owned(), value),
        ]),
        cli: format!(
            "aws lambda update-event-source-mapping --region {} --uuid {} {words}",
            shell(region),
            shell(&mapping.name)
        ),
        step: step.to_owned(),
    }
}

/// What the call needs (Service Authorization Reference, AWS Lambda).
pub(super) fn rights(subject: &Subject<'_>) -> Vec<Right> {
    vec![Right::Iam {
        action: UPDATE.to_owned(),
        resource: arn::mapping(subject.mapping),
    }]
}
