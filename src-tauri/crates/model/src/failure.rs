//! A reading that failed: data, never a panic and never a blank screen.

use serde::{Deserialize, Serialize};

/// What kind of failure, classified from SDK types (never from message text). The engine and the
/// window branch on it; people read the sentence.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The API asked us to slow down.
    Throttled,
    /// Credentials are good, the permission is missing.
    Denied,
    /// Credentials are expired, invalid or absent.
    Credentials,
    /// No connection: refused, reset, DNS, TLS.
    Unreachable,
    /// Connected, but no complete answer in time.
    TimedOut,
    /// An answer that cannot be parsed, or was cut off.
    Malformed,
    /// The server does not know the operation.
    Unsupported,
    /// The server failed (5xx).
    Server,
    /// The request was refused for its content, or anything not classified.
    Other,
}

/// One failed reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct SourceFailure {
    /// What kind.
    pub class: FailureClass,
    /// A full sentence that names the call, the thing and what happened.
    pub sentence: String,
    /// What to do about it, a sentence.
    pub next_step: String,
    /// The API's own error code, e.g. `AccessDenied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub code: Option<String>,
    /// The request id, to give to AWS support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub request_id: Option<String>,
}
