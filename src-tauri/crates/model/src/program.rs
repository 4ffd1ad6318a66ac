//! Programs that a file names to sign in with, and that nobody approved as they are. Values of
//! variables and arguments that are secrets never come here.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A program that is not run until somebody has looked at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Program {
    /// SHA-256 over its file, arguments, environment and receiver, in hexadecimal: what is approved.
    pub hash: String,
    /// Who names it: `context prod of /home/me/.kube/config`.
    pub named_by: String,
    /// Profile of the AWS config whose account waits for it; absent: a cluster does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub profile: Option<String>,
    /// As the file names it.
    pub command: String,
    /// The file that would be run.
    pub path: String,
    /// Its arguments; what follows a name like `--password` is not shown.
    pub args: Vec<String>,
    /// Names of the variables it would be given.
    pub env: Vec<String>,
    /// Who is sent what it gives, and how that one proves who it is; absent: AWS is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub receiver: Option<String>,
    /// When it was approved as it was then, before it changed; absent: it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub approved_at: Option<Timestamp>,
    /// What is the matter, a sentence.
    pub sentence: String,
    /// What to do, a sentence.
    pub next_step: String,
    /// The command that approves it.
    pub approve: String,
}
