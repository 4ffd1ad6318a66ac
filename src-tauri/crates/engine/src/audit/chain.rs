//! The chain: what is hashed, byte for byte as it is stored.

use super::row::{AuditKind, AuditRow};
use act::{RunId, hex};
use model::Timestamp;
use rusqlite::Row;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A row as it stands in the table, so that what is hashed is what is stored, byte for byte.
pub(super) struct Raw {
    pub(super) seq: i64,
    at: String,
    actor: String,
    kind: String,
    run: Option<String>,
    sentence: String,
    body: String,
    pub(super) previous: String,
    pub(super) hash: String,
}

pub(super) fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        seq: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        kind: row.get(3)?,
        run: row.get(4)?,
        sentence: row.get(5)?,
        body: row.get(6)?,
        previous: row.get(7)?,
        hash: row.get(8)?,
    })
}

impl Raw {
    pub(super) fn recompute(&self) -> String {
        let run = self.run.as_deref();
        let (seq, at, actor) = (self.seq, self.at.as_str(), self.actor.as_str());
        digest(
            &self.previous,
            seq,
            [
                at,
                actor,
                &self.kind,
                run.unwrap_or(""),
                &self.sentence,
                &self.body,
            ],
        )
    }

    pub(super) fn row(self) -> AuditRow {
        let kind = AuditKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == self.kind);
        AuditRow {
            seq: self.seq,
            at: Timestamp::parse(&self.at).unwrap_or_default(),
            actor: self.actor,
            // Only a row that was tampered with has another word; `verify` names it.
            kind: kind.unwrap_or(AuditKind::Refused),
            run: self.run.map(RunId),
            sentence: self.sentence,
            body: serde_json::from_str(&self.body).unwrap_or(Value::Null),
            previous: self.previous,
            hash: self.hash,
        }
    }
}

pub(super) fn hash(row: &AuditRow, body: &str) -> String {
    let at = row.at.to_string();
    let run = row.run.as_ref().map_or("", |run| run.0.as_str());
    digest(
        &row.previous,
        row.seq,
        [&at, &row.actor, row.kind.as_str(), run, &row.sentence, body],
    )
}

/// SHA-256 over the previous hash and the row, each field led by its length so that no two rows
/// share a text.
fn digest(previous: &str, seq: i64, fields: [&str; 6]) -> String {
    let mut sum = Sha256::new();
    sum.update(previous.as_bytes());
    sum.update(seq.to_be_bytes());
    for field in fields {
        sum.update((field.len() as u64).to_be_bytes());
        sum.update(field.as_bytes());
    }
    hex(&sum.finalize())
}
