//! The recorder's file: the last recording of each stack.

use super::{Notices, notice};
use crate::book::Recording;
use crate::state::prepare_alone;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// "QDRK" in the file's header: a database that is ours.
const APPLICATION: i32 = 0x5144_524B;
/// Layout of the tables and of the bodies.
const LAYOUT: i32 = 2;
/// Stacks not opened for this long are forgotten.
const FORGET_MS: i64 = 30 * 24 * 3600 * 1000;
/// Another process may be writing.
const BUSY: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("its content makes no sense: {0}")]
    Body(#[from] serde_json::Error),
    #[error("it is not a database of the recorder")]
    Foreign,
    #[error("a newer Quarterdeck wrote it (layout {0})")]
    Newer(i32),
}

impl StoreError {
    /// Whether the file itself is of no use, as opposed to busy, full or forbidden.
    fn is_of_the_file(&self) -> bool {
        match self {
            StoreError::Foreign | StoreError::Body(_) => true,
            StoreError::Newer(_) | StoreError::Io(_) => false,
            StoreError::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
            ),
        }
    }
}

pub(super) struct Store {
    db: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the file, makes it, or sets a useless one aside.
    ///
    /// # Errors
    /// A sentence when nothing can be recorded at all.
    pub(super) fn open(path: &Path, notices: &Notices) -> Result<Self, String> {
        let cannot = |error: StoreError| {
            format!(
                "Nothing is recorded: {} cannot be used ({error}).",
                path.display()
            )
        };
        match Self::try_open(path) {
            Ok(store) => Ok(store),
            Err(error) if error.is_of_the_file() => {
                let aside = set_aside(path).map_err(|e| cannot(e.into()))?;
                notice(
                    notices,
                    format!(
                        "{} could not be used ({error}); it was set aside as {} and a new one begun.",
                        path.display(),
                        aside.display()
                    ),
                );
                Self::try_open(path).map_err(cannot)
            }
            Err(error) => Err(cannot(error)),
        }
    }

    fn try_open(path: &Path) -> Result<Self, StoreError> {
        if let Some(dir) = path.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)?;
        }
        let _turn = prepare_alone(path)?;
        let mut db = Connection::open(path)?;
        db.busy_timeout(BUSY)?;
        prepare(&mut db)?;
        let store = Self {
            db,
            path: path.to_owned(),
        };
        Ok(store)
    }

    /// The last recording of a stack.
    pub(super) fn last(&self, stack: &str) -> Result<Option<Recording>, StoreError> {
        let body: Option<Vec<u8>> = self
            .db
            .query_row("SELECT body FROM last WHERE stack = ?1", [stack], |row| {
                row.get(0)
            })
            .optional()?;
        let Some(body) = body else { return Ok(None) };
        let reader = BufReader::new(ZlibDecoder::new(&body[..]));
        Ok(Some(serde_json::from_reader(reader)?))
    }

    /// Writes a recording; a file found corrupt is set aside, so that the next one succeeds.
    pub(super) fn save(&mut self, stack: &str, recording: &Recording) -> Result<(), StoreError> {
        let saved = self.try_save(stack, recording);
        if let Err(error) = &saved
            && error.is_of_the_file()
        {
            set_aside(&self.path)?;
            *self = Self::try_open(&self.path)?;
            return self.try_save(stack, recording);
        }
        saved
    }

    fn try_save(&mut self, stack: &str, recording: &Recording) -> Result<(), StoreError> {
        let body = packed(recording)?;
        let at = recording.taken_at.millis();
        let now = wall_millis();
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute(
            "INSERT INTO last (stack, taken_at, written_at, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (stack) DO UPDATE SET taken_at = ?2, written_at = ?3, body = ?4",
            params![stack, at, now, body],
        )?;
        tx.execute("DELETE FROM last WHERE written_at < ?1", [now - FORGET_MS])?;
        tx.commit()?;
        Ok(())
    }
}

fn prepare(db: &mut Connection) -> Result<(), StoreError> {
    let application: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if application != APPLICATION && (application != 0 || tables > 0) {
        return Err(StoreError::Foreign);
    }
    let layout: i32 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if layout > LAYOUT {
        return Err(StoreError::Newer(layout));
    }
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
    if layout == LAYOUT {
        return Ok(());
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Layout 1 also kept older recordings, which nothing read.
    tx.execute_batch(&format!(
        "DROP TABLE IF EXISTS ring;
         CREATE TABLE IF NOT EXISTS last (
            stack TEXT PRIMARY KEY, taken_at INTEGER NOT NULL, written_at INTEGER NOT NULL,
            body BLOB NOT NULL) STRICT;
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {LAYOUT};"
    ))?;
    tx.commit()?;
    if layout > 0 {
        db.execute_batch("VACUUM;")?;
    }
    Ok(())
}

fn packed(recording: &Recording) -> Result<Vec<u8>, StoreError> {
    // The buffer keeps the encoder from being called once per token.
    let mut writer =
        BufWriter::with_capacity(64 * 1024, ZlibEncoder::new(Vec::new(), Compression::fast()));
    serde_json::to_writer(&mut writer, recording)?;
    writer.flush()?;
    let encoder = writer
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    Ok(encoder.finish()?)
}

/// Moves the file and SQLite's companions out of the way.
fn set_aside(path: &Path) -> Result<PathBuf, std::io::Error> {
    let with = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let aside = with(&format!(".aside-{}", wall_millis()));
    std::fs::rename(path, &aside)?;
    for companion in ["-wal", "-shm"] {
        match std::fs::remove_file(with(companion)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(aside)
}

/// The wall clock, for housekeeping only: nothing shown is timed by it.
fn wall_millis() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
