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

mod times;

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

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackAccount {
    /// Profile of the AWS config; `None`: the default chain.
    pub profile: Option<String>,
    /// The account it must lead to, twelve digits; `None`: whichever it leads to.
    pub id: Option<String>,
    /// Its regions, without repetition.
    pub regions: Vec<String>,
}

/// One cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackCluster {
    /// Which account, by profile; `None`: the first.
    pub profile: Option<String>,
    /// Its region.
    pub region: String,
    /// Context of the kubeconfig.
    pub context: String,
    /// Its EKS name, where the context does not tell.
    pub name: Option<String>,
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
    /// route of the application.
    pub write_probe: String,
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
    account: Vec<Spanned<WrittenAccount>>,
    #[serde(default)]
    cluster: Vec<Spanned<StackCluster>>,
    #[serde(default)]
    files: StackFiles,
    dns: Option<StackDns>,
    #[serde(default)]
    queue: Vec<Spanned<WrittenQueue>>,
    #[serde(default)]
    database: Vec<Spanned<WrittenDatabase>>,
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAccount {
    profile: Option<String>,
    id: Option<Spanned<String>>,
    regions: Vec<Spanned<String>>,
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
    write_probe: Spanned<String>,
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
        let accounts = accounts(written.account, &wrong)?;
        check_clusters(&written.cluster, &accounts, &wrong)?;
        Ok(Self {
            path: path.to_owned(),
            name: written.name.into_inner(),
            environment: written.environment,
            accounts,
            clusters: written
                .cluster
                .into_iter()
                .map(Spanned::into_inner)
                .collect(),
            files: written.files.beside(path),
            dns: written.dns,
            queues: queues(written.queue, &wrong)?,
            databases: databases(written.database, &wrong)?,
            edges: written.edge,
            hosted_zones: written.hosted_zones,
            thresholds: written.thresholds,
            freezes: times::times(written.freeze, written.maintenance, &wrong)?,
            lock: written.lock,
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

fn accounts(
    written: Vec<Spanned<WrittenAccount>>,
    wrong: &Wrong<'_>,
) -> Result<Vec<StackAccount>, StackError> {
    if written.is_empty() {
        let reason = "there is no [[account]]: name at least one with its regions";
        return Err(wrong(0..0, &reason));
    }
    let mut accounts: Vec<StackAccount> = Vec::new();
    for account in written {
        let span = account.span();
        let account = account.into_inner();
        if accounts.iter().any(|a| a.profile == account.profile) {
            let who = account.profile.as_deref().unwrap_or("of the default chain");
            return Err(wrong(span, &format!("the account {who} is there twice")));
        }
        if account.regions.is_empty() {
            return Err(wrong(span, &"this account has no regions"));
        }
        let id = account.id.map(|id| account_id(id, wrong)).transpose()?;
        let mut regions: Vec<String> = Vec::new();
        for region in account.regions {
            let span = region.span();
            let region = region.into_inner();
            if !is_region(&region) {
                return Err(wrong(span, &format!("{region:?} is no AWS region")));
            }
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        let profile = account.profile;
        accounts.push(StackAccount {
            profile,
            id,
            regions,
        });
    }
    Ok(accounts)
}

fn account_id(id: Spanned<String>, wrong: &Wrong<'_>) -> Result<String, StackError> {
    let span = id.span();
    let id = id.into_inner();
    if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(id);
    }
    let reason = format!("{id:?} is no account id: it has twelve digits, in quotation marks");
    Err(wrong(span, &reason))
}

fn check_clusters(
    clusters: &[Spanned<StackCluster>],
    accounts: &[StackAccount],
    wrong: &Wrong<'_>,
) -> Result<(), StackError> {
    for cluster in clusters {
        let span = cluster.span();
        let cluster = cluster.get_ref();
        let account = match &cluster.profile {
            Some(_) => accounts.iter().find(|a| a.profile == cluster.profile),
            None => accounts.first(),
        };
        let Some(account) = account else {
            let profile = cluster.profile.as_deref().unwrap_or_default();
            let reason = format!("no [[account]] has the profile {profile:?} of this cluster");
            return Err(wrong(span, &reason));
        };
        if !account.regions.contains(&cluster.region) {
            let reason = format!(
                "the region {:?} of this cluster is not among its account's regions",
                cluster.region
            );
            return Err(wrong(span, &reason));
        }
    }
    Ok(())
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
        let WrittenDatabase { name, write_probe } = database.into_inner();
        if databases.iter().any(|known| known.name == name) {
            return Err(wrong(
                span,
                &format!("the database {name:?} is there twice"),
            ));
        }
        let at = write_probe.span();
        let write_probe = write_probe.into_inner();
        if !crate::probe::can_be_asked(&write_probe) {
            let reason = format!("{write_probe:?} is no http or https URL");
            return Err(wrong(at, &reason));
        }
        databases.push(StackDatabase { name, write_probe });
    }
    Ok(databases)
}

/// The shape of a region's name: lower-case words joined by dashes, a number at the end.
fn is_region(name: &str) -> bool {
    let words: Vec<&str> = name.split('-').collect();
    let lower = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
    match words.split_last() {
        Some((number, words)) => {
            words.len() >= 2
                && words.iter().all(lower)
                && !number.is_empty()
                && number.chars().all(|c| c.is_ascii_digit())
        }
        None => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = "name = \"Meridian\"\nenvironment = \"prod\"\n\n[[account]]\nregions = [\"us-east-1\", \"eu-west-1\", \"us-east-1\"]\n";

    fn parse(text: &str) -> Result<Stack, String> {
        Stack::parse(text, Path::new("/stacks/q.toml")).map_err(|e| e.to_string())
    }

    fn mistake(text: &str) -> String {
        parse(text).err().unwrap_or_else(|| "no mistake".to_owned())
    }

    #[test]
    fn the_smallest_stack_is_enough() {
        let stack = parse(SMALLEST).expect("parses");
        assert_eq!(stack.accounts[0].regions, ["us-east-1", "eu-west-1"]);
        assert_eq!(stack.accounts[0].profile, None);
        assert_eq!(stack.environment, Environment::Prod);
    }

    #[test]
    fn an_account_id_has_twelve_digits() {
        let with = |id: &str| SMALLEST.replace("[[account]]", &format!("[[account]]\nid = {id}"));
        let stack = parse(&with("\"012345678901\"")).expect("parses");
        assert_eq!(stack.accounts[0].id.as_deref(), Some("012345678901"));
        for wrong in ["\"12345678901\"", "\"12345678901a\"", "\"\""] {
            let told = mistake(&with(wrong));
            assert!(
                told.contains("line 5, column 6") && told.contains("twelve digits"),
                "{told}"
            );
        }
        assert!(mistake(&with("123456789012")).contains("line 5, column 6"));
    }

    #[test]
    fn a_resolver_is_an_address_and_a_port() {
        let dns = parse(&format!("{SMALLEST}[dns]\nserver = \"127.0.0.1:5353\"\n"))
            .expect("parses")
            .dns
            .expect("declared");
        assert_eq!(dns.server.port(), 5353);
        assert!(parse(SMALLEST).expect("parses").dns.is_none());
        assert!(parse(&format!("{SMALLEST}[dns]\nserver = \"resolver\"\n")).is_err());
    }

    #[test]
    fn files_are_relative_to_the_stack_file() {
        let text = format!("{SMALLEST}[files]\naws_config = \"aws/config\"\nkubeconfig = \"/k\"\n");
        let files = parse(&text).expect("parses").files;
        assert_eq!(
            files.aws_config.as_deref(),
            Some(Path::new("/stacks/aws/config"))
        );
        assert_eq!(files.kubeconfig.as_deref(), Some(Path::new("/k")));
    }

    #[test]
    fn queues_clusters_edges_and_thresholds_are_read() {
        let text = format!(
            "hosted_zones = [\"example.com\"]\n{SMALLEST}[[queue]]\nname = \"orders\"\nidempotent = true\nconsumer = \"external\"\n\
             [[cluster]]\nregion = \"us-east-1\"\ncontext = \"prod\"\n\
             [[edge]]\nfrom = \"a\"\nto = \"b\"\nrelation = \"connects-to\"\n[thresholds]\ncpu = 90\n"
        );
        let stack = parse(&text).expect("parses");
        assert!(stack.queues[0].idempotent && stack.queues[0].external);
        assert_eq!(stack.clusters[0].context, "prod");
        assert_eq!(stack.edges[0].relation, model::Relation::ConnectsTo);
        assert_eq!(stack.thresholds.get("cpu"), Some(&90.0));
    }

    #[test]
    fn a_database_has_a_probe_that_can_be_asked() {
        let text = format!(
            "{SMALLEST}[[database]]\nname = \"orders\"\nwrite_probe = \"https://app/health/write\"\n"
        );
        let stack = parse(&text).expect("parses");
        assert_eq!(stack.databases[0].write_probe, "https://app/health/write");
        let wrong = mistake(&text.replace("https://", "file://"));
        assert!(wrong.contains("no http or https URL"), "{wrong}");
    }

    #[test]
    fn a_mistake_is_told_with_line_and_column() {
        assert!(
            mistake("name = \"x\"\nenviroment = \"prod\"\n")
                .starts_with("/stacks/q.toml, line 2, column 1: unknown field")
        );
        let wrong = mistake("name = \"x\"\nenvironment = \"live\"\n");
        assert!(
            wrong.contains("line 2, column 15") && wrong.contains("staging"),
            "{wrong}"
        );
        assert!(mistake("name = \"x\"\nenvironment = \"dev\"\n").contains("no [[account]]"));
        let wrong = mistake(
            "name = \"x\"\nenvironment = \"dev\"\n[[account]]\nregions = [\"us-east-1\", \"US East\"]\n",
        );
        assert!(
            wrong.contains("line 4, column 25") && wrong.contains("no AWS region"),
            "{wrong}"
        );
        let twice = format!("{SMALLEST}[[account]]\nregions = [\"us-west-2\"]\n");
        assert!(mistake(&twice).contains("twice"));
        let cluster = format!("{SMALLEST}[[cluster]]\nregion = \"us-west-2\"\ncontext = \"c\"\n");
        assert!(mistake(&cluster).contains("not among"));
        assert!(mistake("name = ").contains("line 1"));
    }

    #[test]
    fn freezes_and_the_lock_are_read() {
        let text = format!(
            "{SMALLEST}[[freeze]]\nfrom = \"2026-11-27T14:00:00Z\"\nuntil = \"2026-11-28T06:00:00Z\"\nreason = \"Black Friday\"\n\
             [[freeze]]\ndays = [\"mon\", \"fri\"]\nfrom = \"14:30\"\nuntil = \"21:00\"\nzone = \"UTC\"\neffect = \"warn\"\nreason = \"market open\"\n\
             [[maintenance]]\nfrom = \"2026-11-29T01:00:00Z\"\nuntil = \"2026-11-29T03:00:00Z\"\nreason = \"patching\"\n\
             [lock]\nnamespace = \"ops\"\n"
        );
        let stack = parse(&text).expect("parses");
        assert_eq!(stack.freezes[0].reason, "Black Friday");
        let effects: Vec<StackEffect> = stack.freezes.iter().map(|f| f.effect).collect();
        assert_eq!(
            effects,
            [
                StackEffect::Block,
                StackEffect::Warn,
                StackEffect::Maintenance
            ]
        );
        assert_eq!(stack.lock.namespace, "ops");
        let turned = text.replace("11-28", "11-26");
        assert!(mistake(&turned).contains("ends before it begins"));
        assert!(mistake(&text.replace("06:00:00Z", "6 am")).contains("is no time"));
        let day = mistake(&text.replace("\"fri\"", "\"freitag\""));
        assert!(
            day.contains("line 11, column") && day.contains("no day of the week"),
            "{day}"
        );
        let zone = mistake(&text.replace("zone = \"UTC\"", "zone = \"Mars/Base\""));
        assert!(
            zone.contains("line 14, column 8") && zone.contains("not known here"),
            "{zone}"
        );
        assert!(mistake(&text.replace("zone = \"UTC\"\n", "")).contains("needs a zone"));
        assert!(mistake(&text.replace("market open", " ")).contains("no reason"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Stack::load(Path::new("/nowhere/q.toml")).expect_err("is not there");
        assert_eq!(
            error.to_string(),
            "The stack file /nowhere/q.toml cannot be read: there is no such file."
        );
    }
}
