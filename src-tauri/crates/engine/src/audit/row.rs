//! The nouns of the record.

use act::RunId;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io;
use std::path::PathBuf;

/// What kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "lowercase")]
pub enum AuditKind {
    /// Actions were allowed for a scope.
    Armed,
    /// Read-only again, by hand.
    Disarmed,
    /// A press was refused.
    Refused,
    /// A run was confirmed; written before its first call.
    Opened,
    /// A run was taken up after a crash.
    Resumed,
    /// A run is over.
    Closed,
}

impl AuditKind {
    pub(super) const ALL: [AuditKind; 6] = [
        AuditKind::Armed,
        AuditKind::Disarmed,
        AuditKind::Refused,
        AuditKind::Opened,
        AuditKind::Resumed,
        AuditKind::Closed,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            AuditKind::Armed => "armed",
            AuditKind::Disarmed => "disarmed",
            AuditKind::Refused => "refused",
            AuditKind::Opened => "opened",
            AuditKind::Resumed => "resumed",
            AuditKind::Closed => "closed",
        }
    }
}

/// What is to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Platform time.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What kind.
    pub kind: AuditKind,
    /// Which run, where it is about one.
    pub run: Option<RunId>,
    /// What happened, a sentence.
    pub sentence: String,
    /// Everything: the plan, the receipt.
    pub body: Value,
}

/// One row of the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct AuditRow {
    /// From 1, without gaps.
    pub seq: i64,
    /// Platform time.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What kind.
    pub kind: AuditKind,
    /// Which run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub run: Option<RunId>,
    /// What happened.
    pub sentence: String,
    /// Everything.
    #[ts(type = "unknown")]
    pub body: Value,
    /// Hash of the row before.
    pub previous: String,
    /// Hash over `previous` and this row.
    pub hash: String,
}

/// Why the record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// SQLite said no.
    #[error("the audit record {} cannot be used: {source}", path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file system said no.
    #[error("the audit record {} cannot be used: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl AuditError {
    /// Whether what lies there is no record (any more), rather than one that cannot be used just now.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            AuditError::Database { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(DatabaseCorrupt | NotADatabase)
            ),
            AuditError::Io { .. } => false,
        }
    }
}

/// Why a chain does not verify.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A row is not what was recorded.
    #[error("the audit chain is broken at row {seq}: {why}")]
    Row {
        /// The first bad row.
        seq: i64,
        /// What is wrong with it.
        why: String,
    },
    /// What tells whether rows were cut off the end is gone.
    #[error(
        "the audit chain is broken: {} is missing, so rows may have been cut off its end",
        path.display()
    )]
    Head {
        /// The missing file.
        path: PathBuf,
    },
    /// It cannot be read at all.
    #[error(transparent)]
    Unreadable(#[from] AuditError),
}
