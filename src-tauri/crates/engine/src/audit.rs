//! The record of everything done: one table in SQLite, each row hashed over the row before it, so
//! that nothing can be changed or taken out unseen. Shared by the window and every `qd`.
//!
//! The newest hash is also kept in a file beside the database: without it, rows cut off the end
//! would leave a chain that is whole.

mod chain;
mod row;
#[cfg(test)]
mod tests;

pub use row::{AuditError, AuditKind, AuditRow, Broken, Record};

use crate::journal::private_dir;
use crate::state::prepare_alone;
use act::{Receipt, RunId};
use chain::{Raw, hash, raw};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::fs::{self, OpenOptions};
use std::io::Write;
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
        let _turn = prepare_alone(&path).map_err(io)?;
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
        // It is kept after every row; a crash can come between the first row and its first writing.
        if head.is_none() && raw.len() > 1 {
            return Err(Broken::Head {
                path: self.head.clone(),
            });
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
