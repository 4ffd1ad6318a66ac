//! A message as it is taken out of a queue, kept on disk and sent again.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A message attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attribute {
    /// `String`, `Number` or `Binary`, with an optional custom label.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its bytes, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
}

/// Everything of a message that is needed to send it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id in the queue it was taken from.
    pub id: String,
    /// Its body.
    pub body: String,
    /// Its attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// What SQS says of it, by SQS's names (ReceiveMessage, "MessageSystemAttributeNames").
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub system: BTreeMap<String, String>,
}

impl Message {
    /// An attribute's text.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.text.as_deref()
    }

    fn said(&self, name: &str) -> Option<&str> {
        self.system.get(name).map(String::as_str)
    }

    /// Its group.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.said("MessageGroupId")
    }

    /// Its deduplication id.
    #[must_use]
    pub fn deduplication(&self) -> Option<&str> {
        self.said("MessageDeduplicationId")
    }

    /// Its X-Ray trace header.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        self.said("AWSTraceHeader")
    }

    /// When it was sent, milliseconds since the epoch; of a FIFO queue, when it came here.
    #[must_use]
    pub fn sent_at(&self) -> Option<i64> {
        self.said("SentTimestamp")?.parse().ok()
    }

    /// How often it was received, this time included.
    #[must_use]
    pub fn receives(&self) -> Option<i64> {
        self.said("ApproximateReceiveCount")?.parse().ok()
    }

    /// What a consumer reads of it, told apart within this process: body and attributes. `body` is the one it is sent
    /// with.
    pub(crate) fn content(&self, body: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (body, &self.attributes).hash(&mut hasher);
        hasher.finish()
    }

    /// What it takes of the limit, bytes: body, attribute names, types and values (SendMessage,
    /// "MessageAttributes").
    #[must_use]
    pub fn bytes(&self) -> usize {
        let attribute = |(name, a): (&String, &Attribute)| {
            let binary = a.binary.as_ref().map_or(0, |b| b.len() / 4 * 3);
            name.len() + a.data_type.len() + a.text.as_ref().map_or(0, String::len) + binary
        };
        self.body.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }
}
