//! The journal of one run: an append-only file of JSON lines, on disk before and after every
//! mutating call, held under an OS lock while its process lives.
//!
//! A crash can leave a last line half written; it is dropped. Any other line that cannot be read
//! makes the journal damaged: such a run is not taken up, because what it started is not known.

use act::{Entry, RunId};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Endings of file names: of a run that is not over, and of one that is.
const OPEN: &str = "journal";
const DONE: &str = "done";
/// Of one that cannot be read to its end: kept for whoever wants to look into it.
const DAMAGED: &str = "damaged";

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk or the file system said no.
    #[error("the journal {} cannot be {what}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// `written`, `read`, `created`.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A live process holds it.
    #[error("run {} is alive in another process", .0.0)]
    Alive(RunId),
    /// A line in the middle is not what was written.
    #[error("line {line} of the journal {} is damaged: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// There is no such run.
    #[error("there is no unfinished run {}", .0.0)]
    Missing(RunId),
}

/// An open journal; dropping it releases the lock.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

/// A journal as found by somebody who does not hold it.
#[derive(Debug)]
pub struct Found {
    /// Its lines.
    pub entries: Vec<Entry>,
    /// A live process holds it.
    pub alive: bool,
}

impl Journal {
    /// Creates the journal of a new run with its first line, locked, 0600. It appears under its name
    /// only when that line is on disk, so nobody ever finds one without.
    ///
    /// # Errors
    /// When it cannot be created or written.
    pub fn create(dir: &Path, run: &RunId, opened: &Entry) -> Result<Self, JournalError> {
        let path = file(dir, run, OPEN);
        let hidden = dir.join(format!(".{}.new", run.0));
        let failed = |source| JournalError::Io {
            path: path.clone(),
            what: "created",
            source,
        };
        private_dir(dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create_new(true).mode(0o600);
        let file = file.open(&hidden).map_err(failed)?;
        file.lock().map_err(failed)?;
        let mut journal = Self {
            file,
            path: path.clone(),
        };
        journal.append(opened)?;
        fs::rename(&hidden, &path).map_err(failed)?;
        sync_dir(dir).map_err(failed)?;
        Ok(journal)
    }

    /// Takes up the journal of an interrupted run: its lines, and the lock.
    ///
    /// # Errors
    /// When it is alive, missing, damaged or cannot be read.
    pub fn take_up(dir: &Path, run: &RunId) -> Result<(Self, Vec<Entry>), JournalError> {
        let mut journal = Self::locked(dir, run)?;
        let (entries, whole) = read(&mut journal.file, &journal.path)?;
        let failed = |source| JournalError::Io {
            path: journal.path.clone(),
            what: "read",
            source,
        };
        // What a crash left half written goes, or the next line would be glued to it.
        journal.file.set_len(whole).map_err(failed)?;
        journal.file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok((journal, entries))
    }

    /// Takes up a damaged journal: the lines before the first that cannot be read, and the lock.
    ///
    /// # Errors
    /// When it is alive, missing or cannot be read at all.
    pub fn salvage(dir: &Path, run: &RunId) -> Result<(Self, Vec<Entry>), JournalError> {
        let mut journal = Self::locked(dir, run)?;
        let entries = prefix(&mut journal.file, &journal.path)?;
        Ok((journal, entries))
    }

    fn locked(dir: &Path, run: &RunId) -> Result<Self, JournalError> {
        let path = file(dir, run, OPEN);
        let failed = |source| JournalError::Io {
            path: path.clone(),
            what: "read",
            source,
        };
        let mut options = OpenOptions::new();
        let file = match options.read(true).append(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(JournalError::Missing(run.clone()));
            }
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Self { file, path }),
            Err(TryLockError::WouldBlock) => Err(JournalError::Alive(run.clone())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Writes one line and waits until it is on disk.
    ///
    /// # Errors
    /// When it cannot be written: then nothing may be called that rests on it.
    pub fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let failed = |source| JournalError::Io {
            path: self.path.clone(),
            what: "written",
            source,
        };
        let mut line = serde_json::to_vec(entry)
            .map_err(io::Error::other)
            .map_err(failed)?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)?;
        self.file.sync_data().map_err(failed)
    }

    /// Files it away as done; the lock goes with it.
    ///
    /// # Errors
    /// When it cannot be renamed; its last line says that it is done all the same.
    pub fn done(self, dir: &Path, run: &RunId) -> Result<(), JournalError> {
        self.filed(dir, run, DONE)
    }

    /// Files it away as damaged, as it is.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn set_aside(self, dir: &Path, run: &RunId) -> Result<(), JournalError> {
        self.filed(dir, run, DAMAGED)
    }

    fn filed(self, dir: &Path, run: &RunId, ending: &str) -> Result<(), JournalError> {
        let failed = |source| JournalError::Io {
            path: self.path.clone(),
            what: "filed",
            source,
        };
        fs::rename(&self.path, file(dir, run, ending)).map_err(failed)?;
        sync_dir(dir).map_err(failed)
    }
}

/// The journals of runs that are not over, by name.
///
/// # Errors
/// When the folder cannot be read; one that is not there holds none.
pub fn unfinished(dir: &Path) -> io::Result<Vec<RunId>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let open = path.extension().is_some_and(|ending| ending == OPEN);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let (true, Some(stem)) = (open, stem.filter(|stem| !stem.starts_with('.'))) {
            runs.push(RunId(stem.to_owned()));
        }
    }
    runs.sort();
    Ok(runs)
}

/// Reads a journal without holding it.
///
/// # Errors
/// When it is missing, damaged or cannot be read.
pub fn peek(dir: &Path, run: &RunId) -> Result<Found, JournalError> {
    look(dir, run, |file, path| Ok(read(file, path)?.0))
}

/// Reads what can be read of a damaged journal, without holding it.
///
/// # Errors
/// When it is missing or cannot be read at all.
pub fn peek_prefix(dir: &Path, run: &RunId) -> Result<Found, JournalError> {
    look(dir, run, prefix)
}

fn look(
    dir: &Path,
    run: &RunId,
    read: impl FnOnce(&mut File, &Path) -> Result<Vec<Entry>, JournalError>,
) -> Result<Found, JournalError> {
    let path = file(dir, run, OPEN);
    let mut held = match File::open(&path) {
        Ok(held) => held,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(JournalError::Missing(run.clone()));
        }
        Err(source) => {
            return Err(JournalError::Io {
                path,
                what: "read",
                source,
            });
        }
    };
    let alive = matches!(held.try_lock_shared(), Err(TryLockError::WouldBlock));
    let entries = read(&mut held, &path)?;
    Ok(Found { entries, alive })
}

fn file(dir: &Path, run: &RunId, ending: &str) -> PathBuf {
    dir.join(format!("{}.{ending}", run.0))
}

/// The whole lines, and how many bytes they take.
fn read(file: &mut File, path: &Path) -> Result<(Vec<Entry>, u64), JournalError> {
    let bytes = whole_lines(file, path)?;
    let mut entries = Vec::new();
    for (at, line) in lines(&bytes).enumerate() {
        let entry = serde_json::from_slice(line).map_err(|error| JournalError::Damaged {
            path: path.to_owned(),
            line: at + 1,
            why: error.to_string(),
        })?;
        entries.push(entry);
    }
    Ok((entries, bytes.len() as u64))
}

/// The lines before the first that cannot be read.
fn prefix(file: &mut File, path: &Path) -> Result<Vec<Entry>, JournalError> {
    let bytes = whole_lines(file, path)?;
    let entries = lines(&bytes).map_while(|line| serde_json::from_slice(line).ok());
    Ok(entries.collect())
}

/// Everything up to the last line's end: what comes after it was half written.
fn whole_lines(file: &mut File, path: &Path) -> Result<Vec<u8>, JournalError> {
    let failed = |source| JournalError::Io {
        path: path.to_owned(),
        what: "read",
        source,
    };
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    file.read_to_end(&mut bytes).map_err(failed)?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    bytes.truncate(end.map_or(0, |at| at + 1));
    Ok(bytes)
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty())
}

/// Makes a folder only its owner can enter.
pub(crate) fn private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;
    use std::os::unix::fs::PermissionsExt;

    fn entry(text: &str) -> Entry {
        Entry::Mark {
            at: Timestamp::from_seconds(7),
            mark: text.into(),
        }
    }

    fn run() -> RunId {
        RunId("20261122-024900-a1b2".to_owned())
    }

    #[test]
    fn a_journal_is_private_locked_and_found_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut journal = Journal::create(dir.path(), &run(), &entry("opened")).expect("created");
        journal.append(&entry("second")).expect("appended");
        let mode = fs::metadata(&journal.path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(peek(dir.path(), &run()).expect("readable").alive);
        let taken = Journal::take_up(dir.path(), &run());
        assert!(matches!(taken, Err(JournalError::Alive(_))), "{taken:?}");
        drop(journal);
        let found = peek(dir.path(), &run()).expect("readable");
        assert_eq!((found.alive, found.entries.len()), (false, 2));
        assert_eq!(unfinished(dir.path()).expect("listed"), [run()]);
        let (journal, entries) = Journal::take_up(dir.path(), &run()).expect("taken up");
        assert_eq!(entries, [entry("opened"), entry("second")]);
        journal.done(dir.path(), &run()).expect("filed");
        assert!(unfinished(dir.path()).expect("listed").is_empty());
    }

    #[test]
    fn a_half_written_last_line_is_dropped_and_any_other_is_damage() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut journal = Journal::create(dir.path(), &run(), &entry("opened")).expect("created");
        let path = journal.path.clone();
        journal.file.write_all(b"{\"entry\":\"ma").expect("torn");
        drop(journal);
        let (mut journal, entries) = Journal::take_up(dir.path(), &run()).expect("taken up");
        assert_eq!(entries.len(), 1);
        journal.append(&entry("after")).expect("appended");
        drop(journal);
        assert_eq!(
            peek(dir.path(), &run()).expect("whole again").entries.len(),
            2
        );
        let text = fs::read_to_string(&path)
            .expect("text")
            .replacen("entry", "entyr", 1);
        fs::write(&path, text).expect("spoilt");
        let damaged = Journal::take_up(dir.path(), &run());
        assert!(
            matches!(damaged, Err(JournalError::Damaged { line: 1, .. })),
            "{damaged:?}"
        );
    }

    #[test]
    fn no_folder_is_no_runs() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(
            unfinished(&dir.path().join("none"))
                .expect("empty")
                .is_empty()
        );
        let missing = Journal::take_up(dir.path(), &run());
        assert!(matches!(missing, Err(JournalError::Missing(_))));
    }
}
