//! SQS in one account and region: ReceiveMessage, SendMessageBatch, DeleteMessageBatch,
//! ChangeMessageVisibilityBatch (Amazon SQS API reference, 2012-11-05).

use super::{Counts, Fate, Outgoing, Post, Taken};
use crate::once::{Told, told};
use crate::redrive::{Mover, Sqs as Mine, Task};
use crate::selected::message::{Attribute, Message};
use async_trait::async_trait;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry, Message as Wire, MessageAttributeValue,
    MessageSystemAttributeName, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
    SendMessageBatchRequestEntry,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cloud::Session;
use model::{FailureClass, Service, SourceFailure};
use std::collections::BTreeMap;

/// The most a request is about.
const BATCH: i32 = 10;
/// Seconds a receive waits for a message.
const WAIT: i32 = 1;

/// SQS in one account and region.
pub(crate) struct Sqs {
    session: Session,
    client: aws_sdk_sqs::Client,
    counts: Mine,
}

impl Sqs {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            client: aws_sdk_sqs::Client::new(&session.sdk_for_writes()),
            counts: Mine::new(session.clone()),
            session,
        }
    }
}

fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

#[async_trait]
impl Post for Sqs {
    async fn receive(&self, url: &str, hide: i32) -> Result<Vec<Taken>, SourceFailure> {
        let request = self.client.receive_message().queue_url(url);
        let request = request
            .max_number_of_messages(BATCH)
            .wait_time_seconds(WAIT);
        let request = request
            .visibility_timeout(hide)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let told = told(
            &self.session,
            Service::Sqs,
            "ReceiveMessage",
            name(url),
            request.send(),
        );
        match told.await {
            Told::Done(answer) => Ok(answer
                .messages
                .unwrap_or_default()
                .into_iter()
                .filter_map(taken)
                .collect()),
            Told::Refused(failure) | Told::Unknown(failure) => Err(failure),
        }
    }

    async fn send(&self, url: &str, messages: &[Outgoing<'_>]) -> Vec<Fate> {
        let entries: Result<Vec<_>, _> = messages.iter().enumerate().map(entry).collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return vec![Fate::Refused(unbuilt(&error)); messages.len()],
        };
        let request = self.client.send_message_batch().queue_url(url);
        let request = request.set_entries(Some(entries)).send();
        let told = told(
            &self.session,
            Service::Sqs,
            "SendMessageBatch",
            name(url),
            request,
        )
        .await;
        fates(messages.len(), told, |answer| {
            let done = answer.successful.into_iter();
            (
                done.map(|one| (one.id, one.message_id)).collect(),
                answer.failed,
            )
        })
    }

    async fn delete(&self, url: &str, receipts: &[String]) -> Vec<Fate> {
        let entries = receipts.iter().enumerate().map(|(at, receipt)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(at.to_string());
            entry.receipt_handle(receipt).build()
        });
        let entries: Vec<_> = entries.filter_map(Result::ok).collect();
        let request = self.client.delete_message_batch().queue_url(url);
        let request = request.set_entries(Some(entries)).send();
        let told = told(
            &self.session,
            Service::Sqs,
            "DeleteMessageBatch",
            name(url),
            request,
        )
        .await;
        fates(receipts.len(), told, |answer| {
            let done = answer.successful.into_iter();
            (
                done.map(|one| (one.id, String::new())).collect(),
                answer.failed,
            )
        })
    }

    async fn release(&self, url: &str, receipts: &[String]) -> Vec<Fate> {
        let entries = receipts.iter().enumerate().map(|(at, receipt)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(at.to_string());
            entry.receipt_handle(receipt).visibility_timeout(0).build()
        });
        let entries: Vec<_> = entries.filter_map(Result::ok).collect();
        let request = self.client.change_message_visibility_batch().queue_url(url);
        let request = request.set_entries(Some(entries)).send();
        let what = "ChangeMessageVisibilityBatch";
        let told = told(&self.session, Service::Sqs, what, name(url), request).await;
        fates(receipts.len(), told, |answer| {
            let done = answer.successful.into_iter();
            (
                done.map(|one| (one.id, String::new())).collect(),
                answer.failed,
            )
        })
    }

    async fn counts(&self, url: &str) -> Result<Counts, SourceFailure> {
        self.counts.counts(url).await
    }

    async fn moving(&self, arn: &str) -> Result<Option<String>, SourceFailure> {
        let tasks = self.counts.tasks(arn).await?;
        let active = tasks.into_iter().find(Task::active);
        Ok(active.map(|task| task.status))
    }
}

/// A message without id or receipt cannot be handled; SQS sends none.
fn taken(wire: Wire) -> Option<Taken> {
    let attributes = wire.message_attributes.unwrap_or_default();
    let attributes = attributes.into_iter().map(|(name, value)| {
        let attribute = Attribute {
            data_type: value.data_type,
            text: value.string_value,
            binary: value.binary_value.map(|blob| BASE64.encode(blob)),
        };
        (name, attribute)
    });
    let system = wire.attributes.unwrap_or_default().into_iter();
    let system: BTreeMap<String, String> = system
        .map(|(name, value)| (name.as_str().to_owned(), value))
        .collect();
    Some(Taken {
        message: Message {
            id: wire.message_id?,
            body: wire.body.unwrap_or_default(),
            attributes: attributes.collect(),
            system,
        },
        receipt: wire.receipt_handle?,
    })
}

fn entry(
    (at, outgoing): (usize, &Outgoing<'_>),
) -> Result<SendMessageBatchRequestEntry, BuildError> {
    let message = outgoing.message;
    let mut entry = SendMessageBatchRequestEntry::builder()
        .id(at.to_string())
        .message_body(outgoing.body)
        .set_message_group_id(message.group().map(ToOwned::to_owned))
        .set_message_deduplication_id(outgoing.deduplication.map(ToOwned::to_owned));
    for (name, attribute) in &message.attributes {
        let binary = attribute
            .binary
            .as_ref()
            .and_then(|text| BASE64.decode(text).ok());
        let value = MessageAttributeValue::builder()
            .data_type(&attribute.data_type)
            .set_string_value(attribute.text.clone())
            .set_binary_value(binary.map(Blob::new))
            .build()?;
        entry = entry.message_attributes(name, value);
    }
    if let Some(trace) = message.trace() {
        let value = MessageSystemAttributeValue::builder();
        let value = value.data_type("String").string_value(trace).build()?;
        let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
        entry = entry.message_system_attributes(name, value);
    }
    entry.build()
}

/// What the message's own request says of it is all there is: an entry the answer leaves out has no
/// known outcome.
fn fates<O>(
    count: usize,
    told: Told<O>,
    read: impl FnOnce(O) -> (Vec<(String, String)>, Vec<BatchResultErrorEntry>),
) -> Vec<Fate> {
    let (done, failed) = match told {
        Told::Done(answer) => read(answer),
        Told::Refused(failure) => return vec![Fate::Refused(failure); count],
        Told::Unknown(failure) => return vec![Fate::Unknown(failure); count],
    };
    let mut all = vec![Fate::Unknown(left_out()); count];
    let place = |id: &str| id.parse::<usize>().ok().filter(|at| *at < count);
    for (id, result) in done {
        if let Some(at) = place(&id) {
            all[at] = Fate::Done(result);
        }
    }
    for entry in failed {
        if let Some(at) = place(&entry.id) {
            all[at] = refused(&entry);
        }
    }
    all
}

/// An entry that failed through SQS's own fault may have been taken all the same
/// (BatchResultErrorEntry, "SenderFault").
fn refused(entry: &BatchResultErrorEntry) -> Fate {
    let said = entry.message.as_deref().unwrap_or("no reason given");
    let failure = SourceFailure {
        class: FailureClass::Other,
        sentence: format!("SQS refused a message ({}): {said}.", entry.code),
        next_step: "Put the reason right and plan again.".to_owned(),
        code: Some(entry.code.clone()),
        request_id: None,
    };
    match entry.sender_fault {
        true => Fate::Refused(failure),
        false => Fate::Unknown(failure),
    }
}

fn left_out() -> SourceFailure {
    SourceFailure {
        class: FailureClass::Malformed,
        sentence: "SQS's answer left out a message of the batch.".to_owned(),
        next_step: "Look whether it arrived.".to_owned(),
        code: None,
        request_id: None,
    }
}

fn unbuilt(error: &BuildError) -> SourceFailure {
    SourceFailure {
        class: FailureClass::Other,
        sentence: format!("A message cannot be put into a request: {error}."),
        next_step: "Look at its attributes.".to_owned(),
        code: None,
        request_id: None,
    }
}
