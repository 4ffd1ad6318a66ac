//! What this machine keeps that an action rests on: room for ledgers, and what runs, peeks, exports and
//! purges left behind. Read by the engine when a plan is made, so that plans stay pure.

use crate::selected::{Message, peek};
use model::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Folder within the state folder, beside the runs.
const FOLDER: &str = "shelf";
/// A peek older than this says nothing of what is there now.
pub(crate) const PEEK_SECONDS: f64 = 600.0;
/// Signatures that are kept of a node.
const SIGNATURES: usize = 500;

/// What is kept about one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// Bytes that can still be written to the state folder; `None` when nobody says.
    pub room_bytes: Option<u64>,
    /// Runs whose ledger is about this node, oldest first.
    pub ledgers: Vec<KeptLedger>,
    /// The last peek.
    pub peek: Option<KeptPeek>,
    /// The last export whose file is still there.
    pub export: Option<KeptExport>,
    /// Signatures of the messages that peeks and exports have shown here, by their words.
    pub signatures: BTreeMap<String, KeptSignature>,
    /// When it was purged from here last.
    pub purged_at: Option<Timestamp>,
    /// When it was failed over from here last: RDS' events come late, and not from every server.
    pub failed_over_at: Option<Timestamp>,
}

/// The ledger of an earlier run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLedger {
    /// The run.
    pub run: String,
    /// Messages it sent out of the queue.
    pub sent: i64,
}

/// A peek, for what is checked against real messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPeek {
    /// When, platform time.
    pub at: Timestamp,
    /// The messages.
    pub messages: Vec<Message>,
}

impl KeptPeek {
    /// Its messages by signature.
    #[must_use]
    pub fn signatures(&self) -> BTreeMap<String, u32> {
        let mut all = BTreeMap::new();
        for message in &self.messages {
            *all.entry(peek::signature(message)).or_insert(0) += 1;
        }
        all
    }
}

/// When messages of a signature were seen, platform time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSignature {
    /// The first time.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptExport {
    /// The file.
    pub path: PathBuf,
    /// When it was finished, platform time.
    pub at: Timestamp,
    /// Messages in it.
    pub messages: i64,
    /// Every message that could be received is in it.
    pub complete: bool,
    /// How long the file was then, bytes.
    pub bytes: u64,
}

impl Shelf {
    /// Reads the shelf of `node`; `runs` is the folder of runs.
    #[must_use]
    pub fn read(runs: &Path, node: &str) -> Self {
        let export: Option<KeptExport> = kept(runs, node, "export");
        let whole = |export: &KeptExport| {
            fs::metadata(&export.path).is_ok_and(|file| file.len() >= export.bytes)
        };
        Self {
            room_bytes: room(runs),
            ledgers: crate::selected::kept_ledgers(runs, node),
            peek: kept(runs, node, "peek"),
            export: export.filter(whole),
            signatures: kept(runs, node, "signatures").unwrap_or_default(),
            purged_at: kept(runs, node, "purge"),
            failed_over_at: kept(runs, node, "failover"),
        }
    }
}

/// Keeps a peek of `node`.
///
/// # Errors
/// When it cannot be written.
pub fn keep_peek(runs: &Path, node: &str, peek: &KeptPeek) -> io::Result<()> {
    keep(runs, node, "peek", peek)
}

/// Keeps which signatures messages of `node` had at a time; of the oldest not more than a few hundred.
///
/// # Errors
/// When it cannot be written.
pub fn keep_signatures(
    runs: &Path,
    node: &str,
    signatures: impl IntoIterator<Item = String>,
    at: Timestamp,
) -> io::Result<()> {
    let mut all: BTreeMap<String, KeptSignature> =
        kept(runs, node, "signatures").unwrap_or_default();
    for signature in signatures {
        let new = KeptSignature {
            first: at,
            last: at,
        };
        all.entry(signature).or_insert(new).last = at;
    }
    let mut newest: Vec<(String, KeptSignature)> = all.into_iter().collect();
    // What was known before goes last.
    newest.sort_by_key(|(_, seen)| (std::cmp::Reverse(seen.last), seen.first));
    newest.truncate(SIGNATURES);
    let newest: BTreeMap<_, _> = newest.into_iter().collect();
    keep(runs, node, "signatures", &newest)
}

/// Keeps where an export of `node` is.
///
/// # Errors
/// When it cannot be written.
pub fn keep_export(runs: &Path, node: &str, export: &KeptExport) -> io::Result<()> {
    keep(runs, node, "export", export)
}

/// Keeps when `node` was purged.
///
/// # Errors
/// When it cannot be written.
pub fn keep_purge(runs: &Path, node: &str, at: Timestamp) -> io::Result<()> {
    keep(runs, node, "purge", &at)
}

/// Keeps when `node` was failed over.
///
/// # Errors
/// When it cannot be written.
pub fn keep_failover(runs: &Path, node: &str, at: Timestamp) -> io::Result<()> {
    keep(runs, node, "failover", &at)
}

fn file(runs: &Path, node: &str, what: &str) -> PathBuf {
    let name = crate::plan::hex(&Sha256::digest(node.as_bytes())[..12]);
    let state = runs.parent().unwrap_or(runs);
    state.join(FOLDER).join(format!("{name}.{what}"))
}

/// Whole messages are in it: it is its owner's alone.
fn keep(runs: &Path, node: &str, what: &str, value: &impl Serialize) -> io::Result<()> {
    let path = file(runs, node, what);
    let dir = path.parent().unwrap_or(runs);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)?;
    let fresh = path.with_extension(format!("{what}.{}", std::process::id()));
    let mut options = OpenOptions::new();
    let mut written = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    written.write_all(&serde_json::to_vec(value)?)?;
    written.sync_all()?;
    fs::rename(&fresh, &path)
}

/// What cannot be read is not kept.
fn kept<T: DeserializeOwned>(runs: &Path, node: &str, what: &str) -> Option<T> {
    serde_json::from_slice(&fs::read(file(runs, node, what)).ok()?).ok()
}

/// Bytes left on the file system of a folder, or of the nearest parent that is there: the standard
/// library does not say, `df -Pk` does (POSIX.1-2017, df).
fn room(dir: &Path) -> Option<u64> {
    let there: PathBuf = dir.ancestors().find(|path| path.exists())?.to_owned();
    let output = std::process::Command::new("df")
        .arg("-Pk")
        .arg(there)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let kilobytes: u64 = text
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_an_export_only_while_its_file_is_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let runs = dir.path().join("runs");
        assert_eq!(
            Shelf {
                room_bytes: None,
                ..Shelf::read(&runs, "q")
            },
            Shelf::default()
        );
        let path = dir.path().join("export.jsonl");
        fs::write(&path, "0123456789").expect("written");
        let at = Timestamp::from_seconds(7);
        let export = KeptExport {
            path: path.clone(),
            at,
            messages: 3,
            complete: true,
            bytes: 10,
        };
        keep_export(&runs, "q", &export).expect("kept");
        keep_purge(&runs, "q", at).expect("kept");
        keep_failover(&runs, "q", at).expect("kept");
        let peek = KeptPeek {
            at,
            messages: Vec::new(),
        };
        keep_peek(&runs, "q", &peek).expect("kept");
        let shelf = Shelf::read(&runs, "q");
        assert_eq!(
            (shelf.export, shelf.purged_at, shelf.peek),
            (Some(export), Some(at), Some(peek))
        );
        assert_eq!(shelf.failed_over_at, Some(at));
        let message = |kind: &str| Message {
            id: kind.to_owned(),
            body: format!("{{\"type\":\"{kind}\"}}"),
            attributes: BTreeMap::new(),
            system: BTreeMap::new(),
        };
        let later = at.plus_seconds(60);
        let both = [message("fill"), message("trade"), message("fill")];
        let both = both.map(|message| peek::signature(&message));
        keep_signatures(&runs, "q", both[..1].to_vec(), at).expect("kept");
        keep_signatures(&runs, "q", both, later).expect("kept");
        let known = Shelf::read(&runs, "q").signatures;
        let seen: Vec<_> = known.values().map(|seen| (seen.first, seen.last)).collect();
        assert_eq!(seen, [(at, later), (later, later)], "{known:?}");
        let many = (0..SIGNATURES).map(|n| format!("a {n:04}"));
        keep_signatures(&runs, "q", many.chain(known.keys().cloned()), later).expect("kept");
        let kept = Shelf::read(&runs, "q").signatures;
        assert_eq!(kept.len(), SIGNATURES);
        assert!(
            known
                .keys()
                .any(|one| kept.get(one).is_some_and(|seen| seen.first == at))
        );
        assert!(shelf.room_bytes > Some(0));
        assert_eq!(Shelf::read(&runs, "other").export, None);
        fs::write(&path, "01234").expect("cut");
        assert_eq!(Shelf::read(&runs, "q").export, None);
    }
}
