//! The record of everything done: one table in SQLite, each row hashed over the row before it, so
//! that nothing can be changed or taken out unseen. Shared by the window and every `qd`.
//!
//! The newest hash is also kept in a file beside the database: without it, rows cut off the end
//! would leave a chain that is whole.

use crate::journal::private_dir;
use act::{Receipt, RunId, hex};
use model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FILE: &str = "audit.db";
const HEAD: &str = "audit.head";
/// How long to wait for another process to finish its row.
const BUSY: Duration = Duration::from_secs(10);
/// The hash before the first row.
const ROOT: &str = "0000000000000000000000000000000000000000000000000000000000000000";

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
    const ALL: [AuditKind; 6] = [
        AuditKind::Armed,
        AuditKind::Disarmed,
        AuditKind::Refused,
        AuditKind::Opened,
        AuditKind::Resumed,
        AuditKind::Closed,
    ];

    const fn as_str(self) -> &'static str {
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
    /// It cannot be read at all.
    #[error(transparent)]
    Unreadable(#[from] AuditError),
}

/// The record of one state folder.
#[derive(Debug)]
pub struct Audit {
    path: PathBuf,
    head: PathBuf,
    connection: Mutex<Connection>,
}

impl Audit {
    /// Opens the record of `state_dir`, creating it (0600) when there is none.
    ///
    /// # Errors
    /// When the folder or the database cannot be used.
    pub fn open(state_dir: &Path) -> Result<Self, AuditError> {
        let path = state_dir.join(FILE);
        let io = |source| AuditError::Io {
            path: path.clone(),
            source,
        };
        let database = |source| AuditError::Database {
            path: path.clone(),
            source,
        };
        private_dir(state_dir).map_err(io)?;
        let mut options = OpenOptions::new();
        options
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        let connection = Connection::open(&path).map_err(database)?;
        connection.busy_timeout(BUSY).map_err(database)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE IF NOT EXISTS audit (
                     seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL,
                     kind TEXT NOT NULL, run TEXT, sentence TEXT NOT NULL, body TEXT NOT NULL,
                     previous TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
                 CREATE INDEX IF NOT EXISTS audit_run ON audit (run, kind);",
            )
            .map_err(database)?;
        Ok(Self {
            head: state_dir.join(HEAD),
            connection: Mutex::new(connection),
            path,
        })
    }

    /// Appends a row. When this returns, it is on disk.
    ///
    /// # Errors
    /// When it cannot be written: then what it records must not be done.
    pub fn append(&self, record: Record) -> Result<AuditRow, AuditError> {
        let row = self
            .insert(record)
            .map_err(|source| self.database(source))?;
        self.keep_head(&row)?;
        Ok(row)
    }

    fn insert(&self, record: Record) -> rusqlite::Result<AuditRow> {
        let mut connection = self.lock();
        let write = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last: Option<(i64, String)> = write
            .query_row(
                "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let (seq, previous) = last.unwrap_or((0, ROOT.to_owned()));
        let mut row = AuditRow {
            seq: seq + 1,
            at: record.at,
            actor: record.actor,
            kind: record.kind,
            run: record.run,
            sentence: record.sentence,
            body: record.body,
            previous,
            hash: String::new(),
        };
        let body = row.body.to_string();
        row.hash = hash(&row, &body);
        write.execute(
            "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                row.seq,
                row.at.to_string(),
                row.actor,
                row.kind.as_str(),
                row.run.as_ref().map(|run| run.0.as_str()),
                row.sentence,
                body,
                row.previous,
                row.hash
            ],
        )?;
        write.commit()?;
        Ok(row)
    }

    /// Keeps `SEQ HASH` beside the database. Another process may have gone further meanwhile: the
    /// file never goes back.
    fn keep_head(&self, row: &AuditRow) -> Result<(), AuditError> {
        if self.head().is_some_and(|(seq, _)| seq >= row.seq) {
            return Ok(());
        }
        let failed = |source| AuditError::Io {
            path: self.head.clone(),
            source,
        };
        let new = self
            .head
            .with_extension(format!("new-{}-{}", std::process::id(), row.seq));
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&new).map_err(failed)?;
        write!(file, "{} {}", row.seq, row.hash).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        fs::rename(&new, &self.head).map_err(failed)
    }

    fn head(&self) -> Option<(i64, String)> {
        let text = fs::read_to_string(&self.head).ok()?;
        let (seq, hash) = text.split_once(' ')?;
        Some((seq.parse().ok()?, hash.trim().to_owned()))
    }

    /// Every row, oldest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn rows(&self) -> Result<Vec<AuditRow>, AuditError> {
        self.select("SELECT * FROM audit ORDER BY seq", params![])
    }

    /// The newest rows, newest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn newest(&self, limit: u32) -> Result<Vec<AuditRow>, AuditError> {
        self.select(
            "SELECT * FROM audit ORDER BY seq DESC LIMIT ?1",
            params![limit],
        )
    }

    /// Receipts of closed runs, newest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn receipts(&self, limit: u32) -> Result<Vec<Receipt>, AuditError> {
        let closed = "SELECT * FROM audit WHERE kind = 'closed' ORDER BY seq DESC LIMIT ?1";
        let rows = self.select(closed, params![limit])?;
        Ok(rows
            .into_iter()
            .filter_map(|row| serde_json::from_value(row.body).ok())
            .collect())
    }

    /// The row of one kind about one run.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn about(&self, run: &RunId, kind: AuditKind) -> Result<Option<AuditRow>, AuditError> {
        let query = "SELECT * FROM audit WHERE run = ?1 AND kind = ?2 ORDER BY seq LIMIT 1";
        let rows = self.select(query, params![run.0, kind.as_str()])?;
        Ok(rows.into_iter().next())
    }

    /// Checks the whole chain and answers its length.
    ///
    /// # Errors
    /// The first row that is not what was recorded.
    pub fn verify(&self) -> Result<usize, Broken> {
        // The head first: rows that are added meanwhile are then beyond it, not missing.
        let head = self.head();
        let raw = self.raw()?;
        let mut previous = ROOT.to_owned();
        for (at, row) in raw.iter().enumerate() {
            let expected = at as i64 + 1;
            let bad = |why: &str| Broken::Row {
                seq: expected,
                why: why.to_owned(),
            };
            if row.seq != expected {
                return Err(bad("it is missing"));
            }
            if row.previous != previous {
                return Err(bad("it does not follow the row before it"));
            }
            if row.recompute() != row.hash {
                return Err(bad("its content is not what was recorded"));
            }
            previous.clone_from(&row.hash);
        }
        if let Some((seq, hash)) = head {
            let found = usize::try_from(seq - 1).ok().and_then(|at| raw.get(at));
            let bad = |why: &str| Broken::Row {
                seq,
                why: why.to_owned(),
            };
            let row = found.ok_or_else(|| bad("it was cut off"))?;
            if row.hash != hash {
                return Err(bad("the chain was written anew"));
            }
        }
        Ok(raw.len())
    }

    fn select(
        &self,
        query: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<AuditRow>, AuditError> {
        let read = || -> rusqlite::Result<Vec<AuditRow>> {
            let connection = self.lock();
            let mut statement = connection.prepare(query)?;
            let rows = statement.query_map(values, raw)?;
            rows.map(|row| row.map(Raw::row)).collect()
        };
        read().map_err(|source| self.database(source))
    }

    fn raw(&self) -> Result<Vec<Raw>, AuditError> {
        let read = || -> rusqlite::Result<Vec<Raw>> {
            let connection = self.lock();
            let mut statement = connection.prepare("SELECT * FROM audit ORDER BY seq")?;
            let rows = statement.query_map([], raw)?;
            rows.collect()
        };
        read().map_err(|source| self.database(source))
    }

    fn database(&self, source: rusqlite::Error) -> AuditError {
        AuditError::Database {
            path: self.path.clone(),
            source,
        }
    }

    /// A panic while appending rolled its transaction back, so a poisoned lock guards a whole record.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row as it stands in the table, so that what is hashed is what is stored, byte for byte.
struct Raw {
    seq: i64,
    at: String,
    actor: String,
    kind: String,
    run: Option<String>,
    sentence: String,
    body: String,
    previous: String,
    hash: String,
}

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
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
    fn recompute(&self) -> String {
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

    fn row(self) -> AuditRow {
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

fn hash(row: &AuditRow, body: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn record(sentence: &str) -> Record {
        Record {
            at: Timestamp::from_seconds(1_795_315_620),
            actor: "okafor@desk".to_owned(),
            kind: AuditKind::Opened,
            run: Some(RunId("r1".to_owned())),
            sentence: sentence.to_owned(),
            body: serde_json::json!({ "messages": 4182 }),
        }
    }

    fn filled(rows: usize) -> (tempfile::TempDir, Audit) {
        let dir = tempfile::tempdir().expect("a folder");
        let audit = Audit::open(dir.path()).expect("opened");
        for at in 0..rows {
            audit
                .append(record(&format!("row {at}")))
                .expect("appended");
        }
        (dir, audit)
    }

    fn broken_at(audit: &Audit) -> i64 {
        match audit.verify() {
            Err(Broken::Row { seq, .. }) => seq,
            other => panic!("expected a broken row, got {other:?}"),
        }
    }

    #[test]
    fn an_untouched_chain_verifies_and_is_private() {
        let (dir, audit) = filled(3);
        assert_eq!(audit.verify().expect("whole"), 3);
        let mode = fs::metadata(dir.path().join(FILE))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = Audit::open(dir.path()).expect("reopened");
        assert_eq!(again.verify().expect("whole"), 3);
        let found = again
            .about(&RunId("r1".to_owned()), AuditKind::Opened)
            .expect("read");
        assert_eq!(found.map(|row| row.seq), Some(1));
    }

    #[test]
    fn every_way_to_tamper_names_the_first_bad_row() {
        let tampers = [
            ("UPDATE audit SET sentence = 'x' WHERE seq = 2", 2),
            ("UPDATE audit SET body = '{}' WHERE seq = 3", 3),
            ("UPDATE audit SET kind = 'closed' WHERE seq = 1", 1),
            ("DELETE FROM audit WHERE seq = 2", 2),
            ("DELETE FROM audit WHERE seq = 4", 4),
            ("DELETE FROM audit", 4),
            ("UPDATE audit SET hash = previous WHERE seq = 2", 2),
        ];
        for (tamper, bad) in tampers {
            let (_dir, audit) = filled(4);
            audit.lock().execute_batch(tamper).expect("tampered");
            assert_eq!(broken_at(&audit), bad, "{tamper}");
        }
    }

    #[test]
    fn several_writers_make_one_chain() {
        let (dir, audit) = filled(1);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let dir = dir.path();
                scope.spawn(move || {
                    let own = Audit::open(dir).expect("opened");
                    for at in 0..10 {
                        own.append(record(&format!("{writer}/{at}")))
                            .expect("appended");
                    }
                });
            }
        });
        assert_eq!(audit.verify().expect("whole"), 41);
    }
}
