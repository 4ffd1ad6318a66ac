//! The hands of a selected redrive: SQS over the wire. Every request is made once; what a batch did is
//! told message by message.

mod sqs;

pub(crate) use sqs::Sqs;

use super::Message;
use crate::hands::not_asked;
use async_trait::async_trait;
use model::SourceFailure;

pub(crate) use crate::redrive::Counts;

/// A message taken out of a queue: hidden there until its time is over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Taken {
    pub(crate) message: Message,
    pub(crate) receipt: String,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outgoing<'m> {
    pub(crate) message: &'m Message,
    pub(crate) body: &'m str,
    pub(crate) deduplication: Option<&'m str>,
}

/// What became of one message of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    /// Done; of a sent message, its new id.
    Done(String),
    /// Certainly not done.
    Refused(SourceFailure),
    /// Perhaps done.
    Unknown(SourceFailure),
}

/// What a selected redrive reads and writes.
#[async_trait]
pub(crate) trait Post: Send + Sync {
    /// Takes up to ten messages out of a queue, hiding them for `hide` seconds; waits a second for
    /// one, so that every server of the queue is asked (SQS Developer Guide, "Amazon SQS short and
    /// long polling").
    async fn receive(&self, url: &str, hide: i32) -> Result<Vec<Taken>, SourceFailure>;

    /// Sends up to ten; one fate each, in their order.
    async fn send(&self, url: &str, messages: &[Outgoing<'_>]) -> Vec<Fate>;

    /// Deletes up to ten by receipt.
    async fn delete(&self, url: &str, receipts: &[String]) -> Vec<Fate>;

    /// Lets up to ten be received again, by receipt.
    async fn release(&self, url: &str, receipts: &[String]) -> Vec<Fate>;

    /// How many messages a queue holds.
    async fn counts(&self, url: &str) -> Result<Counts, SourceFailure>;

    /// The status of a native move task that is active on a queue, by its ARN.
    async fn moving(&self, arn: &str) -> Result<Option<String>, SourceFailure>;
}

/// Hands that do nothing: a journal is only read.
pub(crate) struct Handless;

#[async_trait]
impl Post for Handless {
    async fn receive(&self, _url: &str, _hide: i32) -> Result<Vec<Taken>, SourceFailure> {
        Err(not_asked())
    }

    async fn send(&self, _url: &str, messages: &[Outgoing<'_>]) -> Vec<Fate> {
        messages
            .iter()
            .map(|_| Fate::Refused(not_asked()))
            .collect()
    }

    async fn delete(&self, _url: &str, receipts: &[String]) -> Vec<Fate> {
        receipts
            .iter()
            .map(|_| Fate::Refused(not_asked()))
            .collect()
    }

    async fn release(&self, _url: &str, receipts: &[String]) -> Vec<Fate> {
        receipts
            .iter()
            .map(|_| Fate::Refused(not_asked()))
            .collect()
    }

    async fn counts(&self, _url: &str) -> Result<Counts, SourceFailure> {
        Err(not_asked())
    }

    async fn moving(&self, _arn: &str) -> Result<Option<String>, SourceFailure> {
        Err(not_asked())
    }
}
