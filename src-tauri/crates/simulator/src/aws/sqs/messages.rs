//! Messages: send, receive, delete, visibility.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::digest::{Attributes, hex, md5, md5_of_attributes};
use super::{error, invalid, missing_parameter, queue, queue_mut};
use crate::aws::error::AwsError;
use crate::aws::render::Answer;
use crate::aws::request::{Call, int};
use crate::clock::Millis;
use crate::world::dice::{Dice, format_uuid};
use crate::world::queue::{Attribute, Body, Delivery, Message, Queue};
use crate::world::region::Region;

/// One message to send, whole request or batch entry.
struct Sending {
    message: Message,
    delay: i64,
    body_md5: String,
    attributes_md5: Option<String>,
}

fn sending(queue: &Queue, entry: &Value, ids: &mut Dice, now: Millis) -> Result<Sending, AwsError> {
    let text = |name: &str| {
        entry
            .get(name)
            .and_then(Value::as_str)
            .filter(|t| !t.is_empty())
    };
    let body = text("MessageBody").ok_or_else(|| missing_parameter("MessageBody"))?;
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    if !body.chars().all(legal) {
        let message = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
        return Err(error(
            "InvalidMessageContents",
            "InvalidMessageContents",
            message,
        ));
    }
    let attributes = attributes(entry)?;
    let size = body.len()
        + attributes
            .iter()
            .map(|(k, a)| k.len() + a.data_type.len() + a.value.len())
            .sum::<usize>();
    if i64::try_from(size).unwrap_or(i64::MAX) > queue.max_message_size {
        return Err(invalid(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
            queue.max_message_size
        )));
    }
    let delay = entry.get("DelaySeconds").and_then(int);
    if delay.is_some_and(|d| !(0..=900).contains(&d)) {
        return Err(invalid(format!(
            "Value {} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
            delay.unwrap_or(0)
        )));
    }
    if queue.fifo && delay.is_some_and(|d| d > 0) {
        return Err(invalid(
            "Value for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
        ));
    }
    if let (false, Some(id)) = (queue.fifo, text("MessageDeduplicationId")) {
        return Err(invalid(format!(
            "Value {id} for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type."
        )));
    }
    let mut message = Message::new(ids.bits(), Body::Text(body.into()), now);
    message.group = text("MessageGroupId").map(Into::into);
    let trace = &entry["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"];
    message.trace = trace.as_str().map(Into::into);
    if queue.fifo {
        if message.group.is_none() {
            return Err(missing_parameter("MessageGroupId"));
        }
        let by_content = queue
            .content_deduplication
            .then(|| hex(&Sha256::digest(body.as_bytes())));
        let id = text("MessageDeduplicationId")
            .map(str::to_owned)
            .or(by_content);
        let why = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
        message.deduplication = Some(id.ok_or_else(|| invalid(why))?.into());
    }
    let attributes_md5 = md5_of_attributes(&attributes);
    message.attributes = (!attributes.is_empty()).then(|| Arc::new(attributes));
    Ok(Sending {
        message,
        delay: delay.unwrap_or(queue.delay),
        body_md5: md5(body),
        attributes_md5,
    })
}

fn attributes(entry: &Value) -> Result<Attributes, AwsError> {
    let mut out = Attributes::new();
    for (name, value) in entry
        .get("MessageAttributes")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let data_type = value["DataType"].as_str().filter(|t| !t.is_empty());
        let content = value["StringValue"]
            .as_str()
            .or_else(|| value["BinaryValue"].as_str());
        let (Some(data_type), Some(content)) = (data_type, content) else {
            return Err(invalid(format!(
                "The message attribute '{name}' must contain a non-empty message attribute value."
            )));
        };
        out.insert(
            name.clone(),
            Attribute {
                data_type: data_type.into(),
                value: content.into(),
            },
        );
    }
    Ok(out)
}

/// Sends; a repeated deduplication id answers with the first message's id.
fn put(queue: &mut Queue, sending: Sending, now: Millis) -> Value {
    let id = sending.message.id;
    let (id, sequence) = match queue.send(sending.message, sending.delay, now) {
        Ok(sequence) => (id, sequence),
        Err((id, sequence)) => (id, Some(sequence)),
    };
    json!({
        "MessageId": format_uuid(id), "MD5OfMessageBody": sending.body_md5,
        "MD5OfMessageAttributes": sending.attributes_md5, "SequenceNumber": sequence.map(|s| s.to_string()),
    })
}

pub(super) fn send(region: &mut Region, ids: &mut Dice, call: &Call) -> Result<Answer, AwsError> {
    let queue = queue_mut(region, call)?;
    let sending = sending(queue, &call.input, ids, call.now)?;
    Ok(put(queue, sending, call.now).into())
}

/// The entries of a batch, checked as a whole.
fn entries(call: &Call) -> Result<&[Value], AwsError> {
    let entries = call.list("Entries");
    if entries.is_empty() {
        let message = "There should be at least one entry in the request.";
        return Err(error(
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            message,
        ));
    }
    if entries.len() > 10 {
        let message = format!(
            "Maximum number of entries per request are 10. You have sent {}.",
            entries.len()
        );
        return Err(error(
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            message,
        ));
    }
    let mut seen = HashSet::new();
    for entry in entries {
        let id = entry["Id"].as_str().unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.is_empty() || id.len() > 80 || !id.chars().all(legal) {
            let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
            return Err(error(
                "InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
                message,
            ));
        }
        if !seen.insert(id) {
            let message = format!("Id {id} repeated.");
            return Err(error(
                "BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
                message,
            ));
        }
    }
    Ok(entries)
}

/// Runs each entry of a batch and reports those that failed.
fn batch(entries: &[Value], mut one: impl FnMut(&Value) -> Result<Value, AwsError>) -> Answer {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        match one(entry) {
            Ok(mut done) => {
                done["Id"] = entry["Id"].clone();
                successful.push(done);
            }
            Err(e) => {
                let code = e.query_code.unwrap_or("InternalError");
                failed.push(json!({"Id": entry["Id"], "SenderFault": true, "Code": code, "Message": e.message}));
            }
        }
    }
    json!({"Successful": successful, "Failed": failed}).into()
}

pub(super) fn send_batch(
    region: &mut Region,
    ids: &mut Dice,
    call: &Call,
) -> Result<Answer, AwsError> {
    let queue = queue_mut(region, call)?;
    let entries = entries(call)?;
    let size: usize = entries
        .iter()
        .map(|e| e["MessageBody"].as_str().map_or(0, str::len))
        .sum();
    if i64::try_from(size).unwrap_or(i64::MAX) > queue.max_message_size {
        let message = format!(
            "Batch requests cannot be longer than {} bytes. You have sent {size} bytes.",
            queue.max_message_size
        );
        return Err(error(
            "BatchRequestTooLong",
            "AWS.SimpleQueueService.BatchRequestTooLong",
            message,
        ));
    }
    Ok(batch(entries, |entry| {
        sending(queue, entry, ids, call.now).map(|s| put(queue, s, call.now))
    }))
}

/// What stands behind a receipt handle: the queue, the message, and which delivery it belongs to.
fn receipt(queue: &Queue, delivery: &Delivery) -> String {
    BASE64.encode(format!(
        "{}\n{}\n{}\n{}",
        queue.name,
        delivery.slot,
        delivery.message.receives,
        delivery.message.uuid()
    ))
}

fn read_receipt(queue: &Queue, entry: &Value) -> Result<(u64, u32, String), AwsError> {
    let handle = entry["ReceiptHandle"]
        .as_str()
        .ok_or_else(|| missing_parameter("ReceiptHandle"))?;
    let parse = || {
        let text = String::from_utf8(BASE64.decode(handle).ok()?).ok()?;
        let mut lines = text.lines();
        let own = lines.next()? == queue.name;
        let slot = lines.next()?.parse().ok()?;
        let receives = lines.next()?.parse().ok()?;
        own.then_some((slot, receives, lines.next()?.to_owned()))
    };
    parse().ok_or_else(|| {
        let message =
            format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
        error("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", message).status(404)
    })
}

pub(super) fn receive(region: &mut Region, call: &Call) -> Result<Answer, AwsError> {
    let max = call.int("MaxNumberOfMessages").unwrap_or(1);
    if !(1..=10).contains(&max) {
        return Err(invalid(format!(
            "Value {max} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
        )));
    }
    let visibility = call.int("VisibilityTimeout");
    if visibility.is_some_and(|v| !(0..=43_200).contains(&v)) {
        return Err(invalid(
            "Value for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be >= 0 and <= 43200",
        ));
    }
    if let Some(wait) = call
        .int("WaitTimeSeconds")
        .filter(|w| !(0..=20).contains(w))
    {
        return Err(invalid(format!(
            "Value {wait} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."
        )));
    }
    let arn = queue(region, call)?.arn.clone();
    let queue = queue_mut(region, call)?;
    let visibility = visibility.unwrap_or(queue.visibility_timeout);
    let received = queue.receive(usize::try_from(max).unwrap_or(1), visibility, call.now);
    let shown: Vec<Value> = received
        .deliveries
        .iter()
        .map(|d| delivered(queue, d, call))
        .collect();
    region.bury(&arn, received.dead, call.now);
    Ok(if shown.is_empty() {
        Value::Null.into()
    } else {
        json!({"Messages": shown}).into()
    })
}

fn delivered(queue: &Queue, d: &Delivery, call: &Call) -> Value {
    let m = &d.message;
    let body = m.body.text();
    let mut out = json!({
        "MessageId": m.uuid(), "ReceiptHandle": receipt(queue, d), "MD5OfBody": md5(&body), "Body": &*body,
    });
    let wanted: Vec<String> = [
        call.texts("AttributeNames"),
        call.texts("MessageSystemAttributeNames"),
    ]
    .concat();
    let mut system = system_attributes(m);
    system.retain(|k, _| wanted.iter().any(|w| w == "All" || w == k));
    if !system.is_empty() {
        out["Attributes"] = Value::Object(system);
    }
    let names = call.texts("MessageAttributeNames");
    let matches = |k: &str| {
        names.iter().any(|n| {
            n == "All"
                || n == ".*"
                || n == k
                || n.strip_suffix(".*").is_some_and(|p| k.starts_with(p))
        })
    };
    let own: Attributes = m
        .attributes
        .iter()
        .flat_map(|a| a.iter())
        .filter(|(k, _)| matches(k))
        .map(|(k, a)| (k.clone(), a.clone()))
        .collect();
    if let Some(digest) = md5_of_attributes(&own) {
        let shown: Map<String, Value> = own
            .iter()
            .map(|(k, a)| (k.clone(), shown_attribute(a)))
            .collect();
        out["MessageAttributes"] = Value::Object(shown);
        out["MD5OfMessageAttributes"] = json!(digest);
    }
    out
}

fn shown_attribute(a: &Attribute) -> Value {
    let key = if a.data_type.starts_with("Binary") {
        "BinaryValue"
    } else {
        "StringValue"
    };
    json!({"DataType": a.data_type, key: a.value})
}

fn system_attributes(m: &Message) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put =
        |name: &str, value: String| drop(out.insert(name.to_owned(), Value::String(value)));
    put("SenderId", "AROAQUARTERDECKSIM01:producer".into());
    put("SentTimestamp", m.sent.0.to_string());
    put("ApproximateReceiveCount", m.receives.to_string());
    put(
        "ApproximateFirstReceiveTimestamp",
        m.first_received.unwrap_or(m.sent).0.to_string(),
    );
    for (name, value) in [
        ("MessageGroupId", &m.group),
        ("MessageDeduplicationId", &m.deduplication),
        ("DeadLetterQueueSourceArn", &m.origin),
        ("AWSTraceHeader", &m.trace),
    ] {
        if let Some(value) = value {
            put(name, value.to_string());
        }
    }
    if let Some(sequence) = m.sequence {
        put("SequenceNumber", sequence.to_string());
    }
    out
}

fn delete_one(queue: &mut Queue, entry: &Value, now: Millis) -> Result<Value, AwsError> {
    let (slot, receives, _) = read_receipt(queue, entry)?;
    queue.delete(slot, receives, now);
    Ok(json!({}))
}

pub(super) fn delete(region: &mut Region, call: &Call) -> Result<Answer, AwsError> {
    delete_one(queue_mut(region, call)?, &call.input, call.now).map(|_| Value::Null.into())
}

pub(super) fn delete_batch(region: &mut Region, call: &Call) -> Result<Answer, AwsError> {
    let queue = queue_mut(region, call)?;
    Ok(batch(entries(call)?, |entry| {
        delete_one(queue, entry, call.now)
    }))
}

fn hide_one(queue: &mut Queue, entry: &Value, now: Millis) -> Result<Value, AwsError> {
    let (slot, _, id) = read_receipt(queue, entry)?;
    let seconds = entry
        .get("VisibilityTimeout")
        .and_then(int)
        .ok_or_else(|| missing_parameter("VisibilityTimeout"))?;
    if !(0..=43_200).contains(&seconds) {
        return Err(invalid(format!(
            "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200."
        )));
    }
    if queue.get(slot).is_none_or(|m| m.uuid() != id)
        || !queue.change_visibility(slot, seconds, now)
    {
        let message = "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.";
        return Err(error(
            "MessageNotInflight",
            "AWS.SimpleQueueService.MessageNotInflight",
            message,
        ));
    }
    Ok(json!({}))
}

pub(super) fn change_visibility(region: &mut Region, call: &Call) -> Result<Answer, AwsError> {
    hide_one(queue_mut(region, call)?, &call.input, call.now).map(|_| Value::Null.into())
}

pub(super) fn change_visibility_batch(
    region: &mut Region,
    call: &Call,
) -> Result<Answer, AwsError> {
    let queue = queue_mut(region, call)?;
    Ok(batch(entries(call)?, |entry| {
        hide_one(queue, entry, call.now)
    }))
}
