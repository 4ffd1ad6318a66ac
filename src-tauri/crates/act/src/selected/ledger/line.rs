//! A line of the ledger.

use crate::selected::Message;
use serde::{Deserialize, Serialize};

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sending {
    /// As it was taken.
    pub(crate) message: Message,
    /// Its receipt.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) receipt: String,
    /// The body that is sent, where it was edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) edited: Option<String>,
    /// The deduplication id it is sent with, to a FIFO queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deduplication: Option<String>,
    /// When, milliseconds since the epoch of this machine.
    pub(crate) at: i64,
}

/// What was about to happen, or happened. Ids are those of the queue the messages were taken from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub(crate) enum Line {
    /// Which node's queue the messages come from: the first line.
    Opened { node: String, queue: String },
    /// These are about to be sent.
    Sending { messages: Vec<Sending> },
    /// These were sent, each with its id in the destination.
    Sent { ids: Vec<(String, String)> },
    /// These were certainly not sent, and why.
    Unsent { ids: Vec<String>, why: String },
    /// These were deleted where they were taken from.
    Deleted { ids: Vec<String> },
    /// These were sent, and are not where they were taken from any more: the answer to their deletion
    /// was lost.
    Gone { ids: Vec<String> },
    /// These are held, unsent, until the end: not selected, or not to be sent. With their receipts.
    Held { ids: Vec<(String, String)> },
    /// These came back: they are the copies an earlier line names.
    Returned { ids: Vec<String> },
    /// So many of what was sent again are in the destination twice: it was looked through.
    Counted { twice: i64 },
    /// These can be received again.
    Released { ids: Vec<String> },
}
