//! Message move tasks. Codes and sentences as answers of AWS recorded in January and March 2024 show them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{error, invalid, missing_parameter};
use crate::aws::error::AwsError;
use crate::aws::render::Answer;
use crate::aws::request::Call;
use crate::world::dice::Dice;
use crate::world::queue::moves::{MAX_RATE, REMEMBERED};
use crate::world::queue::{MoveStatus, MoveTask, Queue};
use crate::world::region::Region;

fn not_found(message: String) -> AwsError {
    error(
        "ResourceNotFoundException",
        "ResourceNotFoundException",
        message,
    )
    .status(404)
}

fn by_arn<'a>(region: &'a Region, arn: &str, parameter: &str) -> Result<&'a Queue, AwsError> {
    let missing = || {
        not_found(format!(
            "The resource that you specified for the {parameter} parameter doesn't exist."
        ))
    };
    region.queues.get(arn).ok_or_else(missing)
}

fn source<'a>(region: &'a Region, call: &Call) -> Result<&'a Queue, AwsError> {
    let arn = call
        .text("SourceArn")
        .ok_or_else(|| missing_parameter("SourceArn"))?;
    by_arn(region, arn, "SourceArn")
}

pub(super) fn start(region: &mut Region, ids: &mut Dice, call: &Call) -> Result<Answer, AwsError> {
    let from = source(region, call)?;
    if !region
        .queues
        .values()
        .any(|q| q.redrive.as_ref().is_some_and(|r| r.target == from.arn))
    {
        return Err(invalid(
            "Source queue must be configured as a Dead Letter Queue.",
        ));
    }
    let destination: Option<Arc<str>> = match call.text("DestinationArn") {
        None => None,
        Some(arn) => {
            let to = by_arn(region, arn, "DestinationArn")?;
            if to.arn == from.arn {
                return Err(invalid(
                    "Source queue arn and destination queue arn cannot be the same.",
                ));
            }
            if to.fifo != from.fifo {
                return Err(invalid(
                    "Source and destination queues must be of the same type.",
                ));
            }
            Some(to.arn.clone())
        }
    };
    let rate = match call.int("MaxNumberOfMessagesPerSecond") {
        None => None,
        Some(n) => {
            let why = "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number between 1 and 500.";
            Some(
                u32::try_from(n)
                    .ok()
                    .filter(|n| (1..=MAX_RATE).contains(n))
                    .ok_or_else(|| invalid(why))?,
            )
        }
    };
    if region
        .moves
        .iter()
        .any(|t| t.source == from.arn && t.status.is_active())
    {
        return Err(invalid(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        ));
    }
    let task = MoveTask::new(ids.uuid(), from, destination, rate, call.now);
    let handle = handle(&task);
    let own = task.source.clone();
    region.moves.push(task);
    forget_old(region, &own);
    Ok(json!({"TaskHandle": handle}).into())
}

/// Keeps the last ten tasks of a queue.
fn forget_old(region: &mut Region, source: &str) {
    let mut surplus = region
        .moves
        .iter()
        .filter(|t| &*t.source == source)
        .count()
        .saturating_sub(REMEMBERED);
    region.moves.retain(|t| {
        let drop = surplus > 0 && &*t.source == source && !t.status.is_active();
        surplus -= usize::from(drop);
        !drop
    });
}

fn handle(task: &MoveTask) -> String {
    BASE64.encode(json!({"taskId": task.id, "sourceArn": &*task.source}).to_string())
}

pub(super) fn list(region: &Region, call: &Call) -> Result<Answer, AwsError> {
    let from = source(region, call)?;
    let max = call.int("MaxResults").unwrap_or(1);
    if !(1..=10).contains(&max) {
        return Err(invalid(
            "Value for parameter MaxResults is invalid. Reason: You must enter a number between 1 and 10.",
        ));
    }
    let own = region.moves.iter().rev().filter(|t| t.source == from.arn);
    let shown: Vec<Value> = own
        .take(usize::try_from(max).unwrap_or(1))
        .map(listed)
        .collect();
    Ok(json!({"Results": shown}).into())
}

fn listed(t: &MoveTask) -> Value {
    json!({
        "TaskHandle": (t.status == MoveStatus::Running).then(|| handle(t)),
        "Status": t.status.name(), "SourceArn": &*t.source, "DestinationArn": t.destination.as_deref(),
        "MaxNumberOfMessagesPerSecond": t.rate, "ApproximateNumberOfMessagesMoved": t.moved,
        "ApproximateNumberOfMessagesToMove": t.to_move, "FailureReason": t.failure, "StartedTimestamp": t.started.0,
    })
}

pub(super) fn cancel(region: &mut Region, call: &Call) -> Result<Answer, AwsError> {
    let text = call
        .text("TaskHandle")
        .ok_or_else(|| missing_parameter("TaskHandle"))?;
    let bad = || invalid("Value for parameter TaskHandle is invalid.");
    let value: Value =
        serde_json::from_slice(&BASE64.decode(text).map_err(|_| bad())?).map_err(|_| bad())?;
    let (Some(id), Some(arn)) = (value["taskId"].as_str(), value["sourceArn"].as_str()) else {
        return Err(bad());
    };
    by_arn(region, arn, "SourceArn")?;
    let task = region
        .moves
        .iter_mut()
        .find(|t| t.id == id && &*t.source == arn);
    let Some(task) = task else {
        return Err(not_found("Task does not exist.".into()));
    };
    if !task.cancel(call.now) {
        let message = "Only active tasks can be cancelled.";
        return Err(invalid(message));
    }
    Ok(json!({"ApproximateNumberOfMessagesMoved": task.moved}).into())
}
