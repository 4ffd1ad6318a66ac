//! A message and its body.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Millis;
use crate::world::dice::format_uuid;

/// What a message says.
#[derive(Debug, Clone)]
pub enum Body {
    /// Made by a producer of the world: written out only when someone reads it.
    Made {
        /// Running number of the producer.
        serial: u64,
        /// Version of the payload's schema; consumers may choke on one.
        schema: u8,
    },
    /// Sent through the API.
    Text(Arc<str>),
}

impl Body {
    /// The text of the body.
    #[must_use]
    pub fn text(&self) -> Arc<str> {
        match self {
            Self::Text(text) => text.clone(),
            Self::Made { serial, schema } => {
                let side = if serial % 2 == 0 { "BUY" } else { "SELL" };
                let symbol = ["XAQ", "BRN", "TLT", "KVO", "NDR", "SPX"]
                    [usize::try_from(serial % 6).unwrap_or(0)];
                let quantity = 10 + serial * 7 % 490;
                format!(
                    "{{\"schemaVersion\":{schema},\"id\":\"{:010x}\",\"symbol\":\"{symbol}\",\"side\":\"{side}\",\"quantity\":{quantity}}}",
                    serial.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24
                )
                .into()
            }
        }
    }
}

/// A message attribute as the API takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// `String`, `Number` or `Binary`, with an optional custom label.
    pub data_type: String,
    /// Text, or base64 when the type is binary.
    pub value: String,
}

/// A message that is in a queue.
#[derive(Debug, Clone)]
pub struct Message {
    /// Printed as a UUID.
    pub id: u128,
    /// What it says.
    pub body: Body,
    /// User attributes.
    pub attributes: Option<Arc<BTreeMap<String, Attribute>>>,
    /// X-Ray trace header the sender gave.
    pub trace: Option<Arc<str>>,
    /// When it was sent: retention of a standard queue counts from here, also after a move to a dead-letter queue.
    pub sent: Millis,
    /// When it came into the present queue.
    pub entered: Millis,
    /// Deliveries so far.
    pub receives: u32,
    /// First delivery.
    pub first_received: Option<Millis>,
    /// FIFO: the group; standard queues may carry one too.
    pub group: Option<Arc<str>>,
    /// FIFO: deduplication id.
    pub deduplication: Option<Arc<str>>,
    /// FIFO: SQS's sequence number.
    pub sequence: Option<u128>,
    /// ARN of the queue that dead-lettered it.
    pub origin: Option<Arc<str>>,
}

impl Message {
    /// A fresh message.
    #[must_use]
    pub fn new(id: u128, body: Body, sent: Millis) -> Self {
        Self {
            id,
            body,
            attributes: None,
            trace: None,
            sent,
            entered: sent,
            receives: 0,
            first_received: None,
            group: None,
            deduplication: None,
            sequence: None,
            origin: None,
        }
    }

    /// The id as the API shows it.
    #[must_use]
    pub fn uuid(&self) -> String {
        format_uuid(self.id)
    }
}
