//! The ledger of a selected redrive: what was about to be sent, what was sent and as what, what was
//! deleted. On disk before and after each step, so that after a crash nothing is lost and what may
//! be there twice is counted.
//!
//! An append-only file of JSON lines, 0600, beside the run's journal: it holds whole messages. A crash
//! can leave the last line half written; it is dropped. Writers that come together share one sync.
//!
//! The id of a message in the queue it was taken from is what it is known by: SQS keeps it however
//! often the message is received. One that was sent is only deleted when it is seen again; one whose
//! sending has no known outcome is sent again, and counted.

mod line;
mod state;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use line::{Line, Sending};
pub(crate) use state::{Stage, State, Tally};

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use writer::Writer;

/// Ending of a ledger's file name, beside `RUN.journal`.
pub(crate) const ENDING: &str = "ledger";

/// Why a ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    /// The disk or the file system said no.
    #[error("The ledger {} cannot be {what}: {source}.", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// `written`, `read`.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A line in the middle is not what was written.
    #[error("Line {line} of the ledger {} is damaged: {why}.", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Its writer is gone.
    #[error("The ledger's writer stopped.")]
    Stopped,
}

/// An open ledger. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    writer: Writer,
    state: Arc<Mutex<State>>,
}

impl Ledger {
    /// Opens the ledger of a run in `dir`, making it where there is none.
    pub(crate) fn open(dir: &Path, run: &str) -> Result<Self, LedgerError> {
        let path = file(dir, run);
        let failed = |what| {
            let path = path.clone();
            move |source| LedgerError::Io { path, what, source }
        };
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(&path).map_err(failed("opened"))?;
        let (state, whole) = fold(&mut file, &path)?;
        // What a crash left half written goes, or the next line would be glued to it.
        file.set_len(whole).map_err(failed("opened"))?;
        file.seek(SeekFrom::End(0)).map_err(failed("opened"))?;
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(failed("opened"))?;
        Ok(Self {
            writer: Writer::start(file, path),
            state: Arc::new(Mutex::new(state)),
        })
    }

    /// Writes a line, waits until it is on disk, and takes it in.
    pub(crate) async fn write(&self, line: Line) -> Result<(), LedgerError> {
        self.writer.append(&line).await?;
        self.state().take(&line);
        Ok(())
    }

    /// What it says now. No task panics while it holds this lock.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the ledger of a run is.
pub(crate) fn file(dir: &Path, run: &str) -> PathBuf {
    dir.join(format!("{run}.{ENDING}"))
}

/// The state a ledger file tells, and how many bytes its whole lines take.
fn fold(file: &mut File, path: &Path) -> Result<(State, u64), LedgerError> {
    let mut state = State::default();
    let whole = lines(file, path, |line| state.take(&line))?;
    Ok((state, whole))
}

/// Reads a ledger without holding it; nothing when there is none.
pub(crate) fn peek(dir: &Path, run: &str) -> Result<Option<State>, LedgerError> {
    let path = file(dir, run);
    match File::open(&path) {
        Ok(mut file) => Ok(Some(fold(&mut file, &path)?.0)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LedgerError::Io {
            path,
            what: "read",
            source,
        }),
    }
}

/// Every message the ledger says was sent, as it was taken.
pub(crate) fn sent_messages(path: &Path) -> Result<Vec<super::Message>, LedgerError> {
    let mut file = File::open(path).map_err(|source| LedgerError::Io {
        path: path.to_owned(),
        what: "read",
        source,
    })?;
    let mut state = State::default();
    let mut all = std::collections::BTreeMap::new();
    let mut order = Vec::new();
    lines(&mut file, path, |line| {
        if let Line::Sending { messages } = &line {
            for sending in messages {
                let message = sending.message.clone();
                if all.insert(message.id.clone(), message.clone()).is_none() {
                    order.push(message.id);
                }
            }
        }
        state.take(&line);
    })?;
    let was_sent = |id: &String| state.stage(id).is_some_and(Stage::was_sent);
    order.retain(was_sent);
    Ok(order.iter().filter_map(|id| all.remove(id)).collect())
}

fn lines(file: &mut File, path: &Path, mut each: impl FnMut(Line)) -> Result<u64, LedgerError> {
    let mut bytes = Vec::new();
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_end(&mut bytes));
    read.map_err(|source| LedgerError::Io {
        path: path.to_owned(),
        what: "read",
        source,
    })?;
    let end = bytes
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    bytes.truncate(end);
    let all = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    for (at, line) in all.enumerate() {
        each(
            serde_json::from_slice(line).map_err(|error| LedgerError::Damaged {
                path: path.to_owned(),
                line: at + 1,
                why: error.to_string(),
            })?,
        );
    }
    Ok(end as u64)
}

/// The runs that have a ledger in `dir`.
pub(crate) fn runs(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut all: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == ENDING))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    all.sort();
    all
}
