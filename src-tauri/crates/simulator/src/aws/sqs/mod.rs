//! SQS over JSON. Service model `sqs` 2012-11-05; every error also carries its code of the query protocol.

mod digest;
mod messages;
mod moves;
mod queues;

use std::time::Duration;

use serde_json::Value;

use super::error::AwsError;
use super::render::Answer;
use super::request::{Call, Protocol, Service};
use crate::world::World;
use crate::world::queue::Queue;
use crate::world::region::Region;

/// The code of the query protocol behind a code of the JSON protocol, where they differ: trait
/// `aws.protocols#awsQueryError` of the service's Smithy model.
fn error(code: &'static str, query: &'static str, message: impl Into<String>) -> AwsError {
    AwsError::new(code, message).query(query)
}

fn invalid(message: impl Into<String>) -> AwsError {
    error(
        "InvalidParameterValueException",
        "InvalidParameterValue",
        message,
    )
}

fn missing_parameter(name: &str) -> AwsError {
    let message = format!("The request must contain the parameter {name}.");
    error(
        "MissingRequiredParameterException",
        "MissingParameter",
        message,
    )
}

fn no_queue() -> AwsError {
    error(
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
    )
}

/// How long a ReceiveMessage waits for a message; `None`: it does not wait, or there is one.
pub(super) fn patience(world: &World, call: &Call) -> Option<Duration> {
    if call.service != Service::Sqs || call.operation != "ReceiveMessage" {
        return None;
    }
    let region = world.regions.iter().find(|r| r.name() == call.region)?;
    let queue = queue(region, call).ok()?;
    let wait = call.int("WaitTimeSeconds").unwrap_or(queue.wait);
    let seconds = u64::try_from(wait).ok().filter(|s| (1..=20).contains(s))?;
    (!queue.receivable()).then(|| Duration::from_secs(seconds))
}

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    if call.protocol != Protocol::Json {
        return Err(AwsError::unknown_operation(call.service, &call.operation));
    }
    let World {
        regions,
        metrics,
        ids,
        ..
    } = world;
    let region = regions.iter_mut().find(|r| r.name() == call.region);
    let Some(region) = region else {
        return elsewhere(call);
    };
    if let Ok(queue) = queue_mut(region, call) {
        queue.active = Some(call.now);
    }
    match call.operation.as_str() {
        "ListQueues" => queues::list(region, call),
        "GetQueueUrl" => queues::url(region, call),
        "GetQueueAttributes" => queues::attributes(region, call),
        "ListQueueTags" => queues::tags(region, call),
        "TagQueue" => queues::tag(region, call),
        "UntagQueue" => queues::untag(region, call),
        "ListDeadLetterSourceQueues" => queues::sources(region, call),
        "CreateQueue" => queues::create(region, metrics, call),
        "SetQueueAttributes" => queues::set_attributes(region, call),
        "DeleteQueue" => queues::delete(region, call),
        "PurgeQueue" => queues::purge(region, call),
        "SendMessage" => messages::send(region, ids, call),
        "SendMessageBatch" => messages::send_batch(region, ids, call),
        "ReceiveMessage" => messages::receive(region, call),
        "DeleteMessage" => messages::delete(region, call),
        "DeleteMessageBatch" => messages::delete_batch(region, call),
        "ChangeMessageVisibility" => messages::change_visibility(region, call),
        "ChangeMessageVisibilityBatch" => messages::change_visibility_batch(region, call),
        "StartMessageMoveTask" => moves::start(region, ids, call),
        "ListMessageMoveTasks" => moves::list(region, call),
        "CancelMessageMoveTask" => moves::cancel(region, call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

/// A region where nothing was built.
fn elsewhere(call: &Call) -> Result<Answer, AwsError> {
    if call.operation == "ListQueues" {
        Ok(Value::Null.into())
    } else {
        Err(no_queue())
    }
}

fn queue<'a>(region: &'a Region, call: &Call) -> Result<&'a Queue, AwsError> {
    let url = call
        .text("QueueUrl")
        .ok_or_else(|| missing_parameter("QueueUrl"))?;
    region.queue_at(url).ok_or_else(no_queue)
}

fn queue_mut<'a>(region: &'a mut Region, call: &Call) -> Result<&'a mut Queue, AwsError> {
    let arn = queue(region, call)?.arn.clone();
    region.queues.get_mut(&arn).ok_or_else(no_queue)
}

#[cfg(test)]
mod tests;
