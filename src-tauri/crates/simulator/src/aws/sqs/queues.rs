//! Queues and their attributes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{error, invalid, missing_parameter, no_queue, queue, queue_mut};
use crate::aws::error::AwsError;
use crate::aws::page::page;
use crate::aws::render::Answer;
use crate::aws::request::Call;
use crate::world::SIMULATED_ACCOUNT;
use crate::world::build::add_queue;
use crate::world::metric::Metrics;
use crate::world::queue::{Queue, Redrive};
use crate::world::region::Region;

/// Attributes that can be set, and the range of those that are numbers.
const RANGES: &[(&str, i64, i64)] = &[
    ("VisibilityTimeout", 0, 43_200),
    ("MessageRetentionPeriod", 60, 1_209_600),
    ("DelaySeconds", 0, 900),
    ("ReceiveMessageWaitTimeSeconds", 0, 20),
    ("MaximumMessageSize", 1024, 1_048_576),
];
/// Attributes GetQueueAttributes knows.
const KNOWN: &[&str] = &[
    "All",
    "Policy",
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
    "ApproximateNumberOfMessagesDelayed",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
];

fn bad_attribute(name: &str) -> AwsError {
    error(
        "InvalidAttributeName",
        "InvalidAttributeName",
        format!("Unknown Attribute {name}."),
    )
}

fn bad_value(name: &str) -> AwsError {
    error(
        "InvalidAttributeValue",
        "InvalidAttributeValue",
        format!("Invalid value for the parameter {name}."),
    )
}

/// One page, or all (up to 1,000) when the caller gives no `MaxResults`.
fn urls(call: &Call, list: &str, key: &str, all: Vec<String>) -> Result<Answer, AwsError> {
    let size = match call.int("MaxResults") {
        None => 1000,
        Some(n) if (1..=1000).contains(&n) => usize::try_from(n).unwrap_or(1000),
        Some(_) => {
            return Err(invalid(
                "Value for parameter MaxResults is invalid. Reason: Must be an integer between 1 and 1000.",
            ));
        }
    };
    let page = page(list, all, call.text("NextToken"), size)
        .ok_or_else(|| invalid("Invalid or expired next token."))?;
    let next = page.next.filter(|_| call.int("MaxResults").is_some());
    let mut body = json!({ "NextToken": next });
    if !page.items.is_empty() || key == "queueUrls" {
        body[key] = json!(page.items);
    }
    Ok(body.into())
}

pub(super) fn list(region: &Region, call: &Call) -> Result<Answer, AwsError> {
    let prefix = call.text("QueueNamePrefix").unwrap_or_default();
    let all = region
        .queues
        .values()
        .filter(|q| q.name.starts_with(prefix))
        .map(|q| q.url.clone())
        .collect();
    urls(call, "queues", "QueueUrls", all)
}

pub(super) fn url(region: &Region, call: &Call) -> Result<Answer, AwsError> {
    let name = call
        .text("QueueName")
        .ok_or_else(|| missing_parameter("QueueName"))?;
    let owner = call
        .text("QueueOwnerAWSAccountId")
        .unwrap_or(SIMULATED_ACCOUNT);
    let found = region
        .queues
        .values()
        .find(|q| q.name == name && owner == SIMULATED_ACCOUNT);
    found
        .map(|q| json!({"QueueUrl": q.url}).into())
        .ok_or_else(no_queue)
}

pub(super) fn attributes(region: &Region, call: &Call) -> Result<Answer, AwsError> {
    let queue = queue(region, call)?;
    let names = call.texts("AttributeNames");
    if let Some(unknown) = names.iter().find(|n| !KNOWN.contains(&n.as_str())) {
        return Err(bad_attribute(unknown));
    }
    let all = names.iter().any(|n| n == "All");
    let mut shown = values(queue);
    shown.retain(|name, _| all || names.contains(name));
    Ok(if shown.is_empty() {
        Value::Null.into()
    } else {
        json!({"Attributes": shown}).into()
    })
}

fn values(q: &Queue) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put =
        |name: &str, value: String| drop(out.insert(name.to_owned(), Value::String(value)));
    put("QueueArn", q.arn.to_string());
    put("ApproximateNumberOfMessages", q.visible().to_string());
    put(
        "ApproximateNumberOfMessagesNotVisible",
        q.in_flight().to_string(),
    );
    put(
        "ApproximateNumberOfMessagesDelayed",
        q.delayed().to_string(),
    );
    put("CreatedTimestamp", q.created.seconds().to_string());
    put("LastModifiedTimestamp", q.modified.seconds().to_string());
    put("VisibilityTimeout", q.visibility_timeout.to_string());
    put("MaximumMessageSize", q.max_message_size.to_string());
    put("MessageRetentionPeriod", q.retention.to_string());
    put("DelaySeconds", q.delay.to_string());
    put("ReceiveMessageWaitTimeSeconds", q.wait.to_string());
    put("SqsManagedSseEnabled", "true".into());
    if let Some(r) = &q.redrive {
        put(
            "RedrivePolicy",
            format!(
                "{{\"deadLetterTargetArn\":\"{}\",\"maxReceiveCount\":{}}}",
                r.target, r.max_receive_count
            ),
        );
    }
    for (name, value) in [
        ("RedriveAllowPolicy", &q.redrive_allow),
        ("Policy", &q.policy),
    ] {
        if let Some(value) = value {
            put(name, value.clone());
        }
    }
    if q.fifo {
        put("FifoQueue", "true".into());
        put(
            "ContentBasedDeduplication",
            q.content_deduplication.to_string(),
        );
        put("DeduplicationScope", "queue".into());
        put("FifoThroughputLimit", "perQueue".into());
    }
    out
}

pub(super) fn tags(region: &Region, call: &Call) -> Result<Answer, AwsError> {
    let queue = queue(region, call)?;
    Ok(if queue.tags.is_empty() {
        Value::Null.into()
    } else {
        json!({"Tags": queue.tags}).into()
    })
}

pub(super) fn tag(region: &mut Region, call: &Call) -> Result<Answer, AwsError> {
    let queue = queue_mut(region, call)?;
    let tags = call.input["Tags"]
        .as_object()
        .ok_or_else(|| missing_parameter("Tags"))?;
    let tags = tags
        .iter()
        .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()));
    queue.tags.extend(tags);
    Ok(Value::Null.into())
}

pub(super) fn untag(region: &mut Region, call: &Call) -> Result<Answer, AwsError> {
    let queue = queue_mut(region, call)?;
    for key in call.texts("TagKeys") {
        queue.tags.remove(&key);
    }
    Ok(Value::Null.into())
}

pub(super) fn sources(region: &Region, call: &Call) -> Result<Answer, AwsError> {
    let dead = &queue(region, call)?.arn;
    let of = |q: &&Queue| q.redrive.as_ref().is_some_and(|r| r.target == *dead);
    let all = region
        .queues
        .values()
        .filter(of)
        .map(|q| q.url.clone())
        .collect();
    urls(call, "sources", "queueUrls", all)
}

pub(super) fn create(
    region: &mut Region,
    metrics: &mut Metrics,
    call: &Call,
) -> Result<Answer, AwsError> {
    let name = call
        .text("QueueName")
        .ok_or_else(|| missing_parameter("QueueName"))?;
    let body = name.strip_suffix(".fifo").unwrap_or(name);
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > 80 || body.is_empty() || !body.chars().all(legal) {
        return Err(invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ));
    }
    let asked = asked(call, "Attributes");
    if (asked.get("FifoQueue").map(String::as_str) == Some("true")) != name.ends_with(".fifo") {
        return Err(invalid(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
        ));
    }
    if let Some(existing) = region.queues.values().find(|q| q.name == name) {
        let now = values(existing);
        let differs = asked
            .iter()
            .find(|(k, v)| now.get(*k).and_then(Value::as_str) != Some(v.as_str()));
        return match differs {
            Some((k, _)) => Err(error(
                "QueueNameExists",
                "QueueAlreadyExists",
                format!(
                    "A queue already exists with the same name and a different value for attribute {k}"
                ),
            )),
            None => Ok(json!({"QueueUrl": existing.url}).into()),
        };
    }
    let mut queue = Queue::new(region.name(), SIMULATED_ACCOUNT, name, call.now);
    apply(region, &mut queue, &asked)?;
    queue.tags = crate::aws::sqs::queues::asked(call, "tags");
    let url = queue.url.clone();
    add_queue(region, queue, metrics);
    Ok(json!({"QueueUrl": url}).into())
}

fn asked(call: &Call, name: &str) -> BTreeMap<String, String> {
    let map = call.input.get(name).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
        .collect()
}

pub(super) fn set_attributes(region: &mut Region, call: &Call) -> Result<Answer, AwsError> {
    let arn = queue(region, call)?.arn.clone();
    let asked = asked(call, "Attributes");
    let Some(mut queue) = region.queues.remove(&arn) else {
        return Err(no_queue());
    };
    queue.modified = call.now;
    let result = apply(region, &mut queue, &asked);
    region.queues.insert(arn, queue);
    result.map(|()| Value::Null.into())
}

fn apply(
    region: &Region,
    queue: &mut Queue,
    asked: &BTreeMap<String, String>,
) -> Result<(), AwsError> {
    for (name, value) in asked {
        if let Some((_, low, high)) = RANGES.iter().find(|(n, ..)| n == name) {
            let number: i64 = value.parse().map_err(|_| bad_value(name))?;
            if !(*low..=*high).contains(&number) {
                return Err(bad_value(name));
            }
            match name.as_str() {
                "VisibilityTimeout" => queue.visibility_timeout = number,
                "MessageRetentionPeriod" => queue.retention = number,
                "DelaySeconds" => queue.delay = number,
                "ReceiveMessageWaitTimeSeconds" => queue.wait = number,
                _ => queue.max_message_size = number,
            }
            continue;
        }
        match name.as_str() {
            "RedrivePolicy" => queue.redrive = redrive(region, queue, value)?,
            "RedriveAllowPolicy" => {
                queue.redrive_allow = Some(value.clone()).filter(|v| !v.is_empty())
            }
            "Policy" => queue.policy = Some(value.clone()).filter(|v| !v.is_empty()),
            "ContentBasedDeduplication" if queue.fifo => {
                queue.content_deduplication = value == "true"
            }
            "FifoQueue"
            | "KmsMasterKeyId"
            | "KmsDataKeyReusePeriodSeconds"
            | "SqsManagedSseEnabled"
            | "DeduplicationScope"
            | "FifoThroughputLimit" => {}
            other => return Err(bad_attribute(other)),
        }
    }
    Ok(())
}

fn redrive(region: &Region, queue: &Queue, text: &str) -> Result<Option<Redrive>, AwsError> {
    if text.is_empty() {
        return Ok(None);
    }
    let bad = |why: &str| {
        invalid(format!(
            "Value {text} for parameter RedrivePolicy is invalid. Reason: {why}"
        ))
    };
    let policy: Value =
        serde_json::from_str(text).map_err(|_| bad("Redrive policy is not a valid JSON map."))?;
    let target = policy["deadLetterTargetArn"].as_str().ok_or_else(|| {
        bad("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
    })?;
    let count = crate::aws::request::int(&policy["maxReceiveCount"])
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| (1..=1000).contains(n))
        .ok_or_else(|| bad("Invalid value for maxReceiveCount."))?;
    let dead = region
        .queues
        .get(target)
        .map(|d| d.fifo)
        .or_else(|| (target == &*queue.arn).then_some(queue.fifo));
    match dead {
        None => Err(bad("Dead letter target does not exist.")),
        Some(fifo) if fifo != queue.fifo => Err(bad(
            "Dead-letter queue must be same type of queue as the source.",
        )),
        Some(_) => Ok(Some(Redrive {
            target: target.into(),
            max_receive_count: count,
        })),
    }
}

pub(super) fn delete(region: &mut Region, call: &Call) -> Result<Answer, AwsError> {
    let arn = queue(region, call)?.arn.clone();
    region.queues.remove(&arn);
    region.queue_series.remove(&arn);
    Ok(Value::Null.into())
}

pub(super) fn purge(region: &mut Region, call: &Call) -> Result<Answer, AwsError> {
    let queue = queue_mut(region, call)?;
    if queue.purged.is_some_and(|at| call.now.since(at) < 60_000) {
        let message = format!(
            "Only one PurgeQueue operation on {} is allowed every 60 seconds.",
            queue.name
        );
        return Err(error(
            "PurgeQueueInProgress",
            "AWS.SimpleQueueService.PurgeQueueInProgress",
            message,
        )
        .status(403));
    }
    queue.purge(call.now);
    Ok(Value::Null.into())
}
