//! The book of open loops: what runs left open, in SQLite, shared by the window and every `qd`, so
//! that a pause is not forgotten because a process ended. Whether a loop is still open is read off
//! the platform ([`act::loops`]); the book only knows who left it, why and until when.
//!
//! A loop is written down before the first call of the run that leaves it: a crash leaves at worst a
//! loop that the platform then shows to be closed.

use crate::journal::private_dir;
use crate::state::prepare_alone;
use act::loops::Left;
use act::{RunId, Verb};
use model::{NodeId, Timestamp};
use rusqlite::{Connection, params};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FILE: &str = "loops.db";
/// How long to wait for another process to finish its row.
const BUSY: Duration = Duration::from_secs(10);

/// Why the book cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoopsError {
    /// The file or its folder.
    #[error("the open loops in {path} cannot be used: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database.
    #[error("the open loops in {path} cannot be used: {source}")]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// The book of one state folder; its file (0600) is made with the first loop.
#[derive(Debug)]
pub(crate) struct LoopBook {
    path: PathBuf,
    connection: Mutex<Option<Connection>>,
}

impl LoopBook {
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self {
            path: state_dir.join(FILE),
            connection: Mutex::new(None),
        }
    }

    /// Writes a loop down. When this returns, it is on disk.
    ///
    /// # Errors
    /// When it cannot be written: then what leaves it open must not be done.
    pub(crate) fn begin(&self, left: &Left) -> Result<(), LoopsError> {
        let body = serde_json::to_string(left).unwrap_or_default();
        self.with(true, |db| {
            db.execute(
                "INSERT OR REPLACE INTO loops VALUES (?1, ?2, ?3, ?4, NULL, NULL)",
                params![
                    left.run.0,
                    left.node.as_str(),
                    left.leaves.close.action.as_str(),
                    body
                ],
            )
        })
        .map(drop)
    }

    /// The run that leaves a loop is over: its time counts from here, and it takes the place of an
    /// older one that the same request closes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn ended(&self, run: &RunId, at: Timestamp) -> Result<(), LoopsError> {
        let Some(mut left) = self.open()?.into_iter().find(|left| left.run == *run) else {
            return Ok(());
        };
        left.since = at;
        left.ended = true;
        self.begin(&left)?;
        self.closed_by(&left.node, left.leaves.close.action, run, at)
    }

    /// A run that was to leave a loop changed nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn forget(&self, run: &RunId) -> Result<(), LoopsError> {
        let query = "DELETE FROM loops WHERE run = ?1 AND closed_at IS NULL";
        self.with(false, |db| db.execute(query, [&run.0])).map(drop)
    }

    /// A loop is over, by what the platform shows.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn close(&self, run: &RunId, at: Timestamp, how: &str) -> Result<(), LoopsError> {
        let query = "UPDATE loops SET closed_at = ?2, closed_how = ?3
                     WHERE run = ?1 AND closed_at IS NULL";
        let values = params![run.0, at.to_string(), how];
        self.with(false, |db| db.execute(query, values)).map(drop)
    }

    /// A run did what closes the loops of a node.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn closed_by(
        &self,
        node: &NodeId,
        verb: Verb,
        run: &RunId,
        at: Timestamp,
    ) -> Result<(), LoopsError> {
        let query = "UPDATE loops SET closed_at = ?4, closed_how = ?5
                     WHERE node = ?1 AND verb = ?2 AND run != ?3 AND closed_at IS NULL";
        let how = format!("run {}", run.0);
        let values = params![node.as_str(), verb.as_str(), run.0, at.to_string(), how];
        self.with(false, |db| db.execute(query, values)).map(drop)
    }

    /// Loops that nobody closed, oldest run first.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub(crate) fn open(&self) -> Result<Vec<Left>, LoopsError> {
        let read = |db: &Connection| -> rusqlite::Result<Vec<String>> {
            let mut rows =
                db.prepare("SELECT body FROM loops WHERE closed_at IS NULL ORDER BY run")?;
            rows.query_map([], |row| row.get(0))?.collect()
        };
        let bodies = self.with(false, read)?;
        // A row of a later version is that version's to tell.
        let told = |body: &String| serde_json::from_str(body).ok();
        Ok(bodies.iter().filter_map(told).collect())
    }

    /// Works on the database; without its file there is nothing in it, and it is made only to write
    /// a loop down.
    fn with<T: Default>(
        &self,
        make: bool,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LoopsError> {
        let lock = self.connection.lock();
        let mut connection = lock.unwrap_or_else(PoisonError::into_inner);
        if connection.is_none() {
            let there = self.path.try_exists().map_err(|e| self.io(e))?;
            if !there && !make {
                return Ok(T::default());
            }
            *connection = Some(self.connect()?);
        }
        match connection.as_ref() {
            Some(db) => work(db).map_err(|e| self.database(e)),
            None => Ok(T::default()),
        }
    }

    fn connect(&self) -> Result<Connection, LoopsError> {
        if let Some(dir) = self.path.parent() {
            private_dir(dir).map_err(|e| self.io(e))?;
        }
        let _turn = prepare_alone(&self.path).map_err(|e| self.io(e))?;
        let open = || -> rusqlite::Result<Connection> {
            let db = Connection::open(&self.path)?;
            db.busy_timeout(BUSY)?;
            db.execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE IF NOT EXISTS loops (
                     run TEXT PRIMARY KEY, node TEXT NOT NULL, verb TEXT NOT NULL,
                     body TEXT NOT NULL, closed_at TEXT, closed_how TEXT) STRICT;",
            )?;
            Ok(db)
        };
        open().map_err(|e| self.database(e))
    }

    fn io(&self, source: io::Error) -> LoopsError {
        LoopsError::Io {
            path: self.path.clone(),
            source,
        }
    }

    fn database(&self, source: rusqlite::Error) -> LoopsError {
        LoopsError::Database {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use act::{Leaves, Request};
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt as _;

    fn left(run: &str, node: &str) -> Left {
        let node = NodeId::new(node);
        Left {
            run: RunId(run.to_owned()),
            node: node.clone(),
            name: "orders".to_owned(),
            stack: "Meridian".to_owned(),
            leaves: Leaves {
                sentence: "orders stays paused.".to_owned(),
                seconds: 1_800,
                close: Request {
                    action: Verb::Redrive,
                    node,
                    settings: BTreeMap::new(),
                },
            },
            actor: "ann".to_owned(),
            reason: "drill".to_owned(),
            since: Timestamp::from_seconds(100),
            ended: false,
        }
    }

    fn runs(book: &LoopBook) -> Vec<String> {
        let open = book.open().expect("read");
        open.into_iter().map(|left| left.run.0).collect()
    }

    #[test]
    fn a_loop_survives_its_process_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let book = LoopBook::new(dir.path());
        assert!(book.open().expect("read").is_empty());
        assert!(!book.path.exists(), "reading makes no file");
        book.begin(&left("r1", "mapping/m")).expect("written");
        let mode = std::fs::metadata(&book.path).expect("there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        book.ended(&RunId("r1".to_owned()), Timestamp::from_seconds(160))
            .expect("written");
        drop(book);
        let again = LoopBook::new(dir.path()).open().expect("read");
        assert_eq!(again[0].until(), Timestamp::from_seconds(160 + 1_800));
        assert!(again[0].ended);
    }

    #[test]
    fn a_loop_is_over_by_its_undo_by_the_platform_or_when_nothing_was_done() {
        let dir = tempfile::tempdir().expect("a folder");
        let book = LoopBook::new(dir.path());
        let at = Timestamp::from_seconds(200);
        for (run, node) in [
            ("r1", "mapping/a"),
            ("r2", "mapping/b"),
            ("r3", "mapping/c"),
        ] {
            book.begin(&left(run, node)).expect("written");
        }
        let undo = RunId("r4".to_owned());
        book.closed_by(&NodeId::new("mapping/a"), Verb::Redrive, &undo, at)
            .expect("written");
        assert_eq!(runs(&book), ["r2", "r3"]);
        book.close(&RunId("r2".to_owned()), at, "the platform shows it")
            .expect("written");
        assert_eq!(runs(&book), ["r3"]);
        book.forget(&RunId("r3".to_owned())).expect("written");
        assert!(runs(&book).is_empty());
    }

    #[test]
    fn a_pause_again_takes_the_place_of_the_first() {
        let dir = tempfile::tempdir().expect("a folder");
        let book = LoopBook::new(dir.path());
        let at = Timestamp::from_seconds(200);
        for run in ["r1", "r2"] {
            book.begin(&left(run, "mapping/a")).expect("written");
            book.ended(&RunId(run.to_owned()), at).expect("written");
        }
        assert_eq!(runs(&book), ["r2"]);
    }
}
