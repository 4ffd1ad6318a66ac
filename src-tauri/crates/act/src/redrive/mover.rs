//! The hands of a redrive: SQS over the wire. Reads go through the session's budget and retries;
//! writes are made once, by a client that never repeats them.

use super::calls::{CANCEL, START};
use super::task::{Counts, Task};
use crate::course::{Answer, Call};
use crate::hands::not_asked;
use crate::once;
use async_trait::async_trait;
use aws_sdk_sqs::types::{ListMessageMoveTasksResultEntry, QueueAttributeName};
use cloud::{Session, failure};
use model::{Service, SourceFailure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Below this a task's start is in seconds, above in milliseconds: the API model says only
/// "timestamp", SQS answers milliseconds.
const MILLIS_FROM: i64 = 100_000_000_000;

/// What a redrive reads and writes.
#[async_trait]
pub trait Mover: Send + Sync {
    /// The last ten move tasks out of a queue, newest first.
    ///
    /// # Errors
    /// When SQS does not say.
    async fn tasks(&self, source_arn: &str) -> Result<Vec<Task>, SourceFailure>;

    /// How many messages a queue holds.
    ///
    /// # Errors
    /// When SQS does not say.
    async fn counts(&self, queue_url: &str) -> Result<Counts, SourceFailure>;

    /// Starts or cancels a move task, once.
    async fn write(&self, call: &Call) -> Answer;
}

/// SQS in one account and region.
#[derive(Debug)]
pub struct Sqs {
    session: Session,
    writes: aws_sdk_sqs::Client,
}

impl Sqs {
    /// Reads and writes through `session`.
    #[must_use]
    pub fn new(session: Session) -> Self {
        let writes = aws_sdk_sqs::Client::new(&session.sdk_for_writes());
        Self { session, writes }
    }
}

/// The queue a call is about, as its ARN ends.
fn thing(call: &Call) -> &str {
    let arn = call
        .parameters
        .get("SourceArn")
        .and_then(Value::as_str)
        .unwrap_or("");
    arn.rsplit(':').next().unwrap_or(arn)
}

fn text<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.parameters.get(name).and_then(Value::as_str)
}

#[async_trait]
impl Mover for Sqs {
    async fn tasks(&self, source_arn: &str) -> Result<Vec<Task>, SourceFailure> {
        let name = source_arn.rsplit(':').next().unwrap_or(source_arn);
        let call = self.session.sqs().list_message_move_tasks();
        let call = call.source_arn(source_arn).max_results(10).send();
        let answer = self
            .session
            .ask(Service::Sqs, "ListMessageMoveTasks", name, call)
            .await?;
        Ok(answer
            .results
            .unwrap_or_default()
            .into_iter()
            .map(task)
            .collect())
    }

    async fn counts(&self, queue_url: &str) -> Result<Counts, SourceFailure> {
        let name = queue_url.rsplit('/').next().unwrap_or(queue_url);
        let call = self
            .session
            .sqs()
            .get_queue_attributes()
            .queue_url(queue_url);
        let call = call.set_attribute_names(Some(vec![
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ]));
        let answer = self
            .session
            .ask(Service::Sqs, "GetQueueAttributes", name, call.send())
            .await?;
        let asked = self.session.asked(Service::Sqs, "GetQueueAttributes", name);
        let attributes = answer.attributes.unwrap_or_default();
        counts(&attributes).ok_or_else(|| failure::incomplete(&asked, "a message count"))
    }

    async fn write(&self, call: &Call) -> Answer {
        match call.operation.as_str() {
            START => {
                let rate = call
                    .parameters
                    .get("MaxNumberOfMessagesPerSecond")
                    .and_then(Value::as_i64);
                let request = self
                    .writes
                    .start_message_move_task()
                    .set_source_arn(text(call, "SourceArn").map(ToOwned::to_owned))
                    .set_destination_arn(text(call, "DestinationArn").map(ToOwned::to_owned))
                    .set_max_number_of_messages_per_second(
                        rate.and_then(|r| i32::try_from(r).ok()),
                    );
                once::aws(
                    &self.session,
                    Service::Sqs,
                    call,
                    thing(call),
                    request.send(),
                    |output| {
                        let handle = output
                            .task_handle()
                            .map(|h| ("TaskHandle".to_owned(), json!(h)));
                        handle.into_iter().collect()
                    },
                )
                .await
            }
            CANCEL => {
                let request = self.writes.cancel_message_move_task();
                let request =
                    request.set_task_handle(text(call, "TaskHandle").map(ToOwned::to_owned));
                once::aws(
                    &self.session,
                    Service::Sqs,
                    call,
                    thing(call),
                    request.send(),
                    |output| {
                        let moved = output.approximate_number_of_messages_moved();
                        BTreeMap::from([(
                            "ApproximateNumberOfMessagesMoved".to_owned(),
                            json!(moved),
                        )])
                    },
                )
                .await
            }
            _ => once::no_such_call(call),
        }
    }
}

/// Hands that do nothing: a journal is only read.
pub(crate) struct Handless;

#[async_trait]
impl Mover for Handless {
    async fn tasks(&self, _source_arn: &str) -> Result<Vec<Task>, SourceFailure> {
        Err(not_asked())
    }

    async fn counts(&self, _queue_url: &str) -> Result<Counts, SourceFailure> {
        Err(not_asked())
    }

    async fn write(&self, _call: &Call) -> Answer {
        Answer::Refused {
            failure: not_asked(),
        }
    }
}

fn task(entry: ListMessageMoveTasksResultEntry) -> Task {
    let started = entry.started_timestamp;
    Task {
        handle: entry.task_handle.filter(|handle| !handle.is_empty()),
        status: entry.status.unwrap_or_default(),
        destination: entry.destination_arn.filter(|arn| !arn.is_empty()),
        rate: entry.max_number_of_messages_per_second,
        moved: entry.approximate_number_of_messages_moved,
        to_move: entry.approximate_number_of_messages_to_move,
        failure: entry.failure_reason,
        started: if started < MILLIS_FROM {
            started * 1000
        } else {
            started
        },
    }
}

/// `None` when the visible count is missing or no number; the others may be left out by a server.
fn counts(attributes: &HashMap<QueueAttributeName, String>) -> Option<Counts> {
    let count = |name: QueueAttributeName| attributes.get(&name).and_then(|text| text.parse().ok());
    Some(Counts {
        visible: count(QueueAttributeName::ApproximateNumberOfMessages)?,
        not_visible: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible).unwrap_or(0),
        delayed: count(QueueAttributeName::ApproximateNumberOfMessagesDelayed).unwrap_or(0),
    })
}
