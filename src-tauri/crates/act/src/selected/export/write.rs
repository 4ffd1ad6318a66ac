//! Writing an export: every message that can be received, held until the end so that none comes twice,
//! then let go. What is interrupted is a file without a last line; it is taken up where it ended.

use super::super::post::{Fate, Post, Sqs};
use super::{ExportError, Line, messages};
use crate::words::{count, thousands};
use cloud::Session;
use model::{Fact, Node, SourceFailure, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Receives in a row that bring nothing new before the queue counts as read through.
const EMPTY: u32 = 3;
const BATCH: usize = 10;
/// How every export begins, see [`Line::Export`].
const HEAD: &[u8] = b"{\"line\":\"export\"";

/// A finished export.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exported {
    /// The file.
    pub path: PathBuf,
    /// When it was finished, platform time; of one that was interrupted, when it was begun: what it held
    /// then may be gone since.
    pub at: Timestamp,
    /// Messages in it.
    pub messages: i64,
    /// Of these, so many were in it before: an earlier export was interrupted.
    pub resumed: i64,
    /// Every message that could be received is in it, and nobody else holds any.
    pub complete: bool,
    /// Messages that could not be let go: they come back by themselves.
    pub left_hidden: u32,
    /// How long the file is, bytes.
    pub bytes: u64,
    /// A sentence.
    pub sentence: String,
}

/// Why there is no finished export.
#[derive(Debug, thiserror::Error)]
pub enum ExportFailure {
    /// SQS refused or did not answer; what was written stays.
    #[error("{} {}", .0.sentence, .0.next_step)]
    Sqs(SourceFailure),
    /// The file cannot be used.
    #[error("{0}")]
    File(#[from] ExportError),
    /// A finished export is there already.
    #[error("{} is a finished export already: choose another file.", .0.display())]
    There(PathBuf),
    /// What is there was not written by an export; it stays as it is.
    #[error("{} is there and is no export: choose another file.", .0.display())]
    Foreign(PathBuf),
    /// What is there was begun from another queue.
    #[error("{} is an interrupted export of {other}: choose another file.", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// The node of the queue it is of.
        other: String,
    },
}

/// Exports `queue` into `path`, made 0600 where it is not there.
///
/// # Errors
/// [`ExportFailure`], a sentence; a file that was begun stays and is taken up by the next export.
pub async fn export(
    session: &Session,
    queue: &Node,
    path: &Path,
) -> Result<Exported, ExportFailure> {
    let post = Sqs::new(session.clone());
    let url = queue.facts.text(Fact::Url).unwrap_or(queue.name.as_str());
    let failed = |source| ExportError::Io {
        path: path.to_owned(),
        source,
    };
    let begun = begun(path);
    if let Some((_, other)) = begun.as_ref().filter(|(_, of)| *of != queue.id.as_str()) {
        return Err(ExportFailure::Other {
            path: path.to_owned(),
            other: other.clone(),
        });
    }
    let (mut file, mut seen) = opened(path)?;
    let resumed = seen.len() as i64;
    let counts = post.counts(url).await.map_err(ExportFailure::Sqs)?;
    if begun.is_none() {
        let first = Line::Export {
            node: queue.id.to_string(),
            queue: queue.facts.text(Fact::Arn).unwrap_or("").to_owned(),
            at: session.clock.now(),
            depth: counts.total(),
        };
        append(&mut file, &[first]).map_err(failed)?;
    }
    let hide = (counts.total() / 50 + 120).clamp(120, 43_200) as i32;
    let mut receipts = Vec::new();
    let read = read_all(&post, url, hide, &mut file, path, &mut seen, &mut receipts).await;
    let left_hidden = let_go(&post, url, &receipts).await;
    read?;
    let after = post.counts(url).await.map_err(ExportFailure::Sqs)?;
    let held_by_others = (after.not_visible - i64::from(left_hidden)).max(0);
    let (held, total) = (seen.len() as i64, after.total());
    let complete = held_by_others == 0 && held >= total;
    let sentence = sentence(held, total, held_by_others, complete);
    let last = Line::End {
        messages: held,
        complete,
        sentence: sentence.clone(),
    };
    append(&mut file, &[last]).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let path = path.canonicalize().map_err(failed)?;
    let begun = begun.map(|(at, _)| at).filter(|_| resumed > 0);
    let at = begun.unwrap_or_else(|| session.clock.now());
    Ok(Exported {
        path,
        at,
        messages: held,
        resumed,
        complete,
        left_hidden,
        bytes,
        sentence,
    })
}

fn sentence(held: i64, total: i64, others: i64, complete: bool) -> String {
    match complete {
        true => format!(
            "Complete: all {} that could be received.",
            count(held, "message")
        ),
        false => format!(
            "Partial: {} of about {}; {} are held by another reader.",
            count(held, "message"),
            thousands(total.max(held)),
            thousands(others)
        ),
    }
}

/// A new file, or one an interrupted export left, with the ids in it.
fn opened(path: &Path) -> Result<(File, BTreeSet<String>), ExportFailure> {
    let failed = |source| ExportError::Io {
        path: path.to_owned(),
        source,
    };
    let mut seen = BTreeSet::new();
    if path.exists() {
        let text = std::fs::read(path).map_err(failed)?;
        if begun(path).is_none() && !untold(&text) {
            return Err(ExportFailure::Foreign(path.to_owned()));
        }
        let whole = text
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
        file.set_len(whole as u64).map_err(failed)?;
        let lines = String::from_utf8_lossy(&text[..whole]);
        if lines
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("{\"line\":\"end\""))
        {
            return Err(ExportFailure::There(path.to_owned()));
        }
        seen.extend(messages(path)?.into_iter().map(|message| message.id));
    }
    let mut options = OpenOptions::new();
    let file = options
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    Ok((file, seen))
}

/// Whether a file without the whole first line of an export holds nothing but a beginning of it, as an
/// export leaves it that was cut off there: nothing is lost with that.
fn untold(text: &[u8]) -> bool {
    let torn = text.starts_with(HEAD) || HEAD.starts_with(text);
    torn && !text.contains(&b'\n')
}

/// When the export in a file was begun, and of which node; nothing of a file that is no export.
fn begun(path: &Path) -> Option<(Timestamp, String)> {
    let mut first = String::new();
    let mut file = BufReader::new(File::open(path).ok()?);
    file.read_line(&mut first).ok()?;
    match serde_json::from_str(first.strip_suffix('\n')?).ok()? {
        Line::Export { at, node, .. } => Some((at, node)),
        Line::Message { .. } | Line::End { .. } => None,
    }
}

fn append(file: &mut File, lines: &[Line]) -> io::Result<()> {
    let mut bytes = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut bytes, line)?;
        bytes.push(b'\n');
    }
    file.write_all(&bytes)
}

async fn read_all(
    post: &dyn Post,
    url: &str,
    hide: i32,
    file: &mut File,
    path: &Path,
    seen: &mut BTreeSet<String>,
    receipts: &mut Vec<String>,
) -> Result<(), ExportFailure> {
    let mut empty = 0;
    while empty < EMPTY {
        let taken = post.receive(url, hide).await.map_err(ExportFailure::Sqs)?;
        empty = if taken.is_empty() { empty + 1 } else { 0 };
        let mut lines = Vec::new();
        for one in taken {
            receipts.push(one.receipt);
            if seen.insert(one.message.id.clone()) {
                lines.push(Line::Message {
                    message: Box::new(one.message),
                });
            }
        }
        append(file, &lines).map_err(|source| ExportError::Io {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(())
}

/// How many could not be let go.
async fn let_go(post: &dyn Post, url: &str, receipts: &[String]) -> u32 {
    let mut left = 0;
    for batch in receipts.chunks(BATCH) {
        let fates = post.release(url, batch).await;
        left += fates
            .iter()
            .filter(|fate| !matches!(fate, Fate::Done(_)))
            .count() as u32;
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_export_is_as_old_as_its_first_line() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("export.jsonl");
        let (mut file, seen) = opened(&path).expect("a new file");
        assert_eq!((seen.len(), begun(&path)), (0, None));
        let at = Timestamp::from_seconds(7);
        let first = Line::Export {
            node: "n".to_owned(),
            queue: "q".to_owned(),
            at,
            depth: 1,
        };
        append(&mut file, &[first]).expect("written");
        assert_eq!(begun(&path), Some((at, "n".to_owned())));
    }

    #[test]
    fn what_is_there_and_is_no_export_stays_as_it_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("notes.json");
        let message = "{\"line\":\"message\"}\n";
        for foreign in ["{\"my\":1}", "one\ntwo", "one\n", "\n", message] {
            std::fs::write(&path, foreign).expect("written");
            let refused = opened(&path).expect_err("no export").to_string();
            let told = format!(
                "{} is there and is no export: choose another file.",
                path.display()
            );
            assert_eq!(refused, told);
            assert_eq!(std::fs::read_to_string(&path).expect("read"), foreign);
        }
    }

    #[test]
    fn a_first_line_that_was_cut_off_is_begun_anew() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("export.jsonl");
        let first = Line::Export {
            node: "n".to_owned(),
            queue: "q".to_owned(),
            at: Timestamp::from_seconds(7),
            depth: 1,
        };
        let line = serde_json::to_string(&first).expect("a line");
        for cut in 0..=line.len() {
            std::fs::write(&path, &line[..cut]).expect("written");
            let (_, seen) = opened(&path).expect("taken up");
            let left = std::fs::metadata(&path).expect("there").len();
            assert_eq!((seen.len(), left), (0, 0), "{cut}");
        }
    }
}
