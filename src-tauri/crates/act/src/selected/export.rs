//! An export: a queue's messages as JSON lines, with everything needed to send them again. The first
//! line says of which queue and when; the last whether it is complete.

mod write;

pub use write::{ExportFailure, Exported, export};

use super::message::Message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// A line of an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub enum Line {
    /// The first.
    Export {
        /// The queue's node.
        node: String,
        /// Its ARN.
        queue: String,
        /// Platform time.
        at: model::Timestamp,
        /// How many messages SQS said it held, approximately.
        depth: i64,
    },
    /// One message.
    Message {
        /// It.
        message: Box<Message>,
    },
    /// The last.
    End {
        /// How many messages it holds.
        messages: i64,
        /// Every message that could be received is in it.
        complete: bool,
        /// A sentence.
        sentence: String,
    },
}

/// Why an export cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file system said no.
    #[error("The export {} cannot be read: {source}.", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not what was written.
    #[error("Line {line} of the export {} is damaged: {why}.", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// The messages of an export, in its order, each once.
///
/// # Errors
/// When it cannot be read, or a line of it is damaged.
pub fn messages(path: &Path) -> Result<Vec<Message>, ExportError> {
    let mut all = Vec::new();
    each(path, |message| all.push(message))?;
    Ok(all)
}

/// The signatures of an export's messages, read one by one.
///
/// # Errors
/// When it cannot be read, or a line of it is damaged.
pub fn signatures(path: &Path) -> Result<BTreeSet<String>, ExportError> {
    let mut all = BTreeSet::new();
    each(path, |message| {
        all.insert(super::peek::signature(&message));
    })?;
    Ok(all)
}

fn each(path: &Path, mut told: impl FnMut(Message)) -> Result<(), ExportError> {
    let io = |source| ExportError::Io {
        path: path.to_owned(),
        source,
    };
    let mut seen = BTreeSet::new();
    for (at, line) in BufReader::new(File::open(path).map_err(io)?)
        .lines()
        .enumerate()
    {
        let line = line.map_err(io)?;
        if line.is_empty() {
            continue;
        }
        let read = serde_json::from_str(&line).map_err(|error| ExportError::Damaged {
            path: path.to_owned(),
            line: at + 1,
            why: error.to_string(),
        })?;
        match read {
            Line::Message { message } if seen.insert(message.id.clone()) => told(*message),
            Line::Message { .. } | Line::Export { .. } | Line::End { .. } => {}
        }
    }
    Ok(())
}
