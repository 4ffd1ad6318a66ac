//! The exact calls of a redrive and the AWS CLI lines that do the same.
//!
//! `StartMessageMoveTask`, `CancelMessageMoveTask`: Amazon SQS API model 2012-11-05. One task per
//! queue; the canary is itself a task at one message a second that is cancelled after about the
//! canary's number, and a cancel never takes back what was moved.

use super::estimate::has_canary;
use super::settings::{CANARY_RATE, Settings};
use super::subject::Subject;
use crate::arn;
use crate::plan::ApiCall;
use crate::rights::Right;
use crate::words::shell;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The step that moves a few messages first.
pub(crate) const CANARY: &str = "canary";
/// The step that moves the rest.
pub(crate) const FULL: &str = "full";
/// Starts a move task.
pub(crate) const START: &str = "sqs:StartMessageMoveTask";
/// Stops a move task.
pub(crate) const CANCEL: &str = "sqs:CancelMessageMoveTask";

/// The calls in order: canary, its cancel, the full task; only the last when there are few messages.
pub(crate) fn calls(subject: &Subject<'_>, settings: &Settings) -> Vec<ApiCall> {
    let source = arn::queue(subject.dlq);
    let region = subject
        .dlq
        .scope
        .region
        .as_deref()
        .unwrap_or("us-east-1")
        .to_owned();
    let named = subject.destinations.first().filter(|_| subject.named);
    let destination = named.map(|queue| arn::queue(queue));
    let mut calls = Vec::new();
    if has_canary(subject.visible().unwrap_or(0), settings).is_some() {
        calls.push(start(
            &region,
            &source,
            destination.as_deref(),
            CANARY_RATE,
            CANARY,
        ));
        calls.push(cancel(&region, &source, CANARY));
    }
    calls.push(start(
        &region,
        &source,
        destination.as_deref(),
        settings.rate,
        FULL,
    ));
    calls
}

fn start(region: &str, source: &str, destination: Option<&str>, rate: i32, step: &str) -> ApiCall {
    let mut parameters: BTreeMap<String, Value> = BTreeMap::new();
    parameters.insert("SourceArn".to_owned(), json!(source));
    parameters.insert("MaxNumberOfMessagesPerSecond".to_owned(), json!(rate));
    let mut cli = format!(
        "aws sqs start-message-move-task --region {} --source-arn {}",
        shell(region),
        shell(source)
    );
    if let Some(arn) = destination {
        parameters.insert("DestinationArn".to_owned(), json!(arn));
        cli.push_str(&format!(" --destination-arn {}", shell(arn)));
    }
    cli.push_str(&format!(" --max-number-of-messages-per-second {rate}"));
    ApiCall {
        operation: START.to_owned(),
        region: region.to_owned(),
        parameters,
        cli,
        step: step.to_owned(),
    }
}

/// The handle is known only once the task was started; the CLI line asks for it.
fn cancel(region: &str, source: &str, step: &str) -> ApiCall {
    let handle = format!(
        "$(aws sqs list-message-move-tasks --region {} --source-arn {} --query 'Results[0].TaskHandle' --output text)",
        shell(region),
        shell(source)
    );
    let parameters = [(
        "TaskHandle".to_owned(),
        json!(format!("of the {step} task")),
    )];
    ApiCall {
        operation: CANCEL.to_owned(),
        region: region.to_owned(),
        parameters: parameters.into_iter().collect(),
        cli: format!(
            "aws sqs cancel-message-move-task --region {} --task-handle \"{handle}\"",
            shell(region)
        ),
        step: step.to_owned(),
    }
}

/// What the calls need: to move out of the dead-letter queue a caller must also be allowed to receive
/// and delete there, and to send to the destination (Amazon SQS Developer Guide, "Configuring queue
/// permissions for dead-letter queue redrive").
pub(crate) fn rights(subject: &Subject<'_>) -> Vec<Right> {
    let source = arn::queue(subject.dlq);
    let own = [
        START,
        CANCEL,
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ];
    let own = own.map(|action| (action, source.clone()));
    let sends = subject.destinations.iter();
    let sends = sends.map(|queue| ("sqs:SendMessage", arn::queue(queue)));
    own.into_iter()
        .chain(sends)
        .chain(super::past::keys(subject))
        .map(|(action, resource)| Right::Iam {
            action: action.to_owned(),
            resource,
        })
        .collect()
}
