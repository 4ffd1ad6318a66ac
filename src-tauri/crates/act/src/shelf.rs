//! What this machine keeps that an action rests on: room for ledgers, what runs left behind. Read by
//! the engine when a plan is made, so that plans stay pure.

use std::path::PathBuf;

/// What is kept about one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// Bytes that can still be written to the state folder; `None` when nobody says.
    pub room_bytes: Option<u64>,
    /// Runs whose ledger is about this node, oldest first.
    pub ledgers: Vec<KeptLedger>,
}

/// The ledger of an earlier run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLedger {
    /// The run.
    pub run: String,
    /// Messages it sent out of the queue.
    pub sent: i64,
}

impl Shelf {
    /// Reads the shelf of `node` in the folder of runs.
    #[must_use]
    pub fn read(runs: &std::path::Path, node: &str) -> Self {
        Self {
            room_bytes: room(runs),
            ledgers: crate::selected::kept_ledgers(runs, node),
        }
    }
}

/// Bytes left on the file system of a folder, or of the nearest parent that is there: the standard
/// library does not say, `df -Pk` does (POSIX.1-2017, df).
fn room(dir: &std::path::Path) -> Option<u64> {
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
