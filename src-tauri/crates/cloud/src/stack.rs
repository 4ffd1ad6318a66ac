//! The stack file: which platform this is and where to look for it.
//!
//! Unknown keys are refused, so that a misspelt one is never silently without effect, and every
//! mistake is a sentence with line and column.

use model::Environment;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

mod accounts;
mod clusters;
mod expected;
mod saved;
#[cfg(test)]
mod tests;
mod times;

pub use accounts::StackAccount;
pub use clusters::{Entrance, StackCluster};
pub use expected::StackExpected;
pub use saved::{Saved, save, saved};
pub use times::{StackEffect, StackFreeze};

/// The platform, as its stack file declares it.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Where it was read from.
    pub path: PathBuf,
    /// The platform's name.
    pub name: String,
    /// How loudly the frame says where we are.
    pub environment: Environment,
    /// Accounts and their regions; at least one, each with at least one region.
    pub accounts: Vec<StackAccount>,
    /// Clusters named by hand; the rest is found through EKS.
    pub clusters: Vec<StackCluster>,
    /// Configuration files of its own, already absolute.
    pub files: StackFiles,
    /// The resolver the platform's private names are asked of; `None`: the machine's own.
    pub dns: Option<StackDns>,
    /// What is declared about queues.
    pub queues: Vec<StackQueue>,
    /// What is declared about databases.
    pub databases: Vec<StackDatabase>,
    /// What must be there.
    pub expected: Vec<StackExpected>,
    /// Edges that discovery cannot know.
    pub edges: Vec<StackEdge>,
    /// Hosted zones to show, by name without trailing dot or by id; empty: all.
    pub hosted_zones: Vec<String>,
    /// Thresholds of the health rules that differ from the defaults, by name.
    pub thresholds: BTreeMap<String, f64>,
    /// Freezes and maintenance windows.
    pub freezes: Vec<StackFreeze>,
    /// Where consoles lock what they act on.
    pub lock: StackLock,
    /// What reading may cost a day in USD; `None`: as much as it takes.
    pub dollars_per_day: Option<f64>,
}

/// Where consoles lock what they act on, so that two of them never act on one thing at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackLock {
    /// The Kubernetes namespace of the Leases, in the cluster of the node (or the first one).
    pub namespace: String,
}

impl Default for StackLock {
    fn default() -> Self {
        Self {
            namespace: "quarterdeck".to_owned(),
        }
    }
}

/// Configuration files of the stack; `None`: the usual place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackFiles {
    /// AWS config (`~/.aws/config`).
    pub aws_config: Option<PathBuf>,
    /// AWS credentials (`~/.aws/credentials`).
    pub aws_credentials: Option<PathBuf>,
    /// Kubeconfig (`~/.kube/config`).
    pub kubeconfig: Option<PathBuf>,
}

/// The platform's resolver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackDns {
    /// Address and port it answers on, over UDP.
    pub server: std::net::SocketAddr,
}

/// What is declared about a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackQueue {
    /// The queue's name.
    pub name: String,
    /// Delivering a message twice is harmless.
    pub idempotent: bool,
    /// Its consumer is outside what can be seen.
    pub external: bool,
}

/// What is declared about a database cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackDatabase {
    /// The cluster's name, in every account and region.
    pub name: String,
    /// Answered with 2xx to a GET when something can be written through its writer endpoint: a health
    /// route of the application; `None`: there is none.
    pub write_probe: Option<String>,
    /// How many readers it has at least; `None`: as many as there are.
    pub readers: Option<u32>,
}

/// A pinned edge; both ends by node id or unique name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackEdge {
    /// Where it starts.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// What it means, e.g. `connects-to`.
    pub relation: model::Relation,
}

/// Why a stack file cannot be used, in a sentence with line and column.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The file cannot be read.
    #[error("The stack file {path} cannot be read: {reason}.")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The file's content is wrong.
    #[error("{path}, line {line}, column {column}: {reason}.")]
    Wrong {
        /// Which file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    environment: Environment,
    #[serde(default)]
    account: Vec<Spanned<accounts::WrittenAccount>>,
    #[serde(default)]
    cluster: Vec<Spanned<clusters::WrittenCluster>>,
    #[serde(default)]
    files: StackFiles,
    dns: Option<StackDns>,
    #[serde(default)]
    queue: Vec<Spanned<WrittenQueue>>,
    #[serde(default)]
    database: Vec<Spanned<WrittenDatabase>>,
    #[serde(default)]
    expect: Vec<Spanned<expected::WrittenExpected>>,
    #[serde(default)]
    edge: Vec<StackEdge>,
    #[serde(default)]
    hosted_zones: Vec<String>,
    #[serde(default)]
    thresholds: BTreeMap<String, f64>,
    #[serde(default)]
    freeze: Vec<Spanned<times::WrittenFreeze>>,
    #[serde(default)]
    maintenance: Vec<Spanned<times::WrittenMaintenance>>,
    #[serde(default)]
    lock: StackLock,
    budget: Option<WrittenBudget>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBudget {
    dollars_per_day: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenQueue {
    name: String,
    #[serde(default)]
    idempotent: bool,
    consumer: Option<Consumer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDatabase {
    name: String,
    write_probe: Option<Spanned<String>>,
    readers: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Consumer {
    External,
}

impl Stack {
    /// Reads a stack file. File names in it are relative to it.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, has an unknown key or a value that cannot be.
    pub fn load(path: &Path) -> Result<Self, StackError> {
        let text = read(path).map_err(|error| StackError::Unreadable {
            path: path.display().to_string(),
            reason: reason_of(&error),
        })?;
        Self::parse(&text, path)
    }

    /// Reads the text of a stack file that lies at `path`.
    ///
    /// # Errors
    /// As [`Stack::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, StackError> {
        let wrong = |span: Range<usize>, reason: &dyn fmt::Display| {
            let (line, column) = place(text, span.start);
            StackError::Wrong {
                path: path.display().to_string(),
                line,
                column,
                reason: one_line(&reason.to_string()),
            }
        };
        let written: Written = toml::from_str(text)
            .map_err(|error| wrong(error.span().unwrap_or(0..0), &error.message()))?;
        if written.name.as_ref().trim().is_empty() {
            return Err(wrong(written.name.span(), &"the platform's name is empty"));
        }
        let accounts = accounts::accounts(written.account, &wrong)?;
        let clusters = clusters::clusters(written.cluster, &accounts, &wrong)?;
        let expecting = accounts.clone();
        Ok(Self {
            path: path.to_owned(),
            name: written.name.into_inner(),
            environment: written.environment,
            accounts,
            clusters,
            files: written.files.beside(path),
            dns: written.dns,
            queues: queues(written.queue, &wrong)?,
            databases: databases(written.database, &wrong)?,
            expected: expected::expected(written.expect, &expecting, &wrong)?,
            edges: written.edge,
            hosted_zones: written.hosted_zones,
            thresholds: written.thresholds,
            freezes: times::times(written.freeze, written.maintenance, &wrong)?,
            lock: written.lock,
            dollars_per_day: written
                .budget
                .map(|budget| dollars(budget, &wrong))
                .transpose()?,
        })
    }
}

impl StackFiles {
    fn beside(self, stack: &Path) -> Self {
        let base = stack.parent().unwrap_or(Path::new(""));
        let absolute = |file: Option<PathBuf>| file.map(|file| base.join(file));
        Self {
            aws_config: absolute(self.aws_config),
            aws_credentials: absolute(self.aws_credentials),
            kubeconfig: absolute(self.kubeconfig),
        }
    }
}

type Wrong<'a> = dyn Fn(Range<usize>, &dyn fmt::Display) -> StackError + 'a;

fn dollars(budget: WrittenBudget, wrong: &Wrong<'_>) -> Result<f64, StackError> {
    let span = budget.dollars_per_day.span();
    let dollars = budget.dollars_per_day.into_inner();
    match dollars.is_finite() && dollars > 0.0 {
        true => Ok(dollars),
        false => Err(wrong(span, &"a budget is more than nothing")),
    }
}

fn queues(
    written: Vec<Spanned<WrittenQueue>>,
    wrong: &Wrong<'_>,
) -> Result<Vec<StackQueue>, StackError> {
    let mut queues: Vec<StackQueue> = Vec::new();
    for queue in written {
        let span = queue.span();
        let queue = queue.into_inner();
        if queues.iter().any(|q| q.name == queue.name) {
            return Err(wrong(
                span,
                &format!("the queue {:?} is there twice", queue.name),
            ));
        }
        queues.push(StackQueue {
            name: queue.name,
            idempotent: queue.idempotent,
            external: matches!(queue.consumer, Some(Consumer::External)),
        });
    }
    Ok(queues)
}

fn databases(
    written: Vec<Spanned<WrittenDatabase>>,
    wrong: &Wrong<'_>,
) -> Result<Vec<StackDatabase>, StackError> {
    let mut databases: Vec<StackDatabase> = Vec::new();
    for database in written {
        let span = database.span();
        let WrittenDatabase {
            name,
            write_probe,
            readers,
        } = database.into_inner();
        if databases.iter().any(|known| known.name == name) {
            return Err(wrong(
                span,
                &format!("the database {name:?} is there twice"),
            ));
        }
        if write_probe.is_none() && readers.is_none() {
            let reason = format!("nothing is said of the database {name:?}: write_probe, readers");
            return Err(wrong(span, &reason));
        }
        databases.push(StackDatabase {
            name,
            write_probe: write_probe.map(|url| probe(url, wrong)).transpose()?,
            readers,
        });
    }
    Ok(databases)
}

fn probe(url: Spanned<String>, wrong: &Wrong<'_>) -> Result<String, StackError> {
    let at = url.span();
    let url = url.into_inner();
    match crate::probe::can_be_asked(&url) {
        true => Ok(url),
        false => Err(wrong(at, &format!("{url:?} is no http or https URL"))),
    }
}

/// Line and column, both from 1, of a byte of the text.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before[start..].chars().count() + 1)
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches('.').to_owned()
}

/// The longest stack file, bytes.
const LONGEST: u64 = 1024 * 1024;

/// The text of a file; a pipe or device, which may never end, is none.
fn read(path: &Path) -> std::io::Result<String> {
    let told = std::fs::metadata(path)?;
    let refuse = |why| Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why));
    if told.is_dir() {
        return refuse("it is a folder");
    }
    if !told.is_file() {
        return refuse("it is no ordinary file");
    }
    if told.len() > LONGEST {
        return refuse("it is longer than 1 MiB");
    }
    std::fs::read_to_string(path)
}

fn reason_of(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "reading it is not permitted".to_owned(),
        std::io::ErrorKind::InvalidData => "it is no UTF-8 text".to_owned(),
        _ => one_line(&error.to_string()),
    }
}
