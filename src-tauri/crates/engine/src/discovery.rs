//! Discovery: from profiles of the AWS config to a stack file, by looking at what they lead to. Nothing
//! of the platform is changed, nothing is recorded, and no file is written: the text is the caller's.

use crate::engine::Engine;
use cloud::Stack;
use cloud::folders::state_dir;
use cloud::stack::StackFiles;
use model::{Environment, Fact, Kind, Node, Snapshot, SourceStatus, State};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A profile to look through, and in which regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Of the AWS config; `None`: the default chain.
    pub profile: Option<String>,
    /// At least one.
    pub regions: Vec<String>,
}

/// What profiles lead to.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// In the order they were chosen.
    pub accounts: Vec<FoundAccount>,
    /// The clusters EKS lists.
    pub clusters: Vec<FoundCluster>,
    /// Everything, linked and judged.
    pub snapshot: Arc<Snapshot>,
    files: StackFiles,
}

/// An account a profile leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAccount {
    /// What was chosen.
    pub choice: Choice,
    /// Twelve digits.
    pub id: String,
    /// ARN of the user or assumed role.
    pub caller: String,
}

/// A cluster, and the context of the kubeconfig that leads to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCluster {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// The profile it was found through.
    pub profile: Option<String>,
    /// `None`: none leads there, and EKS itself is signed in to.
    pub context: Option<String>,
}

/// Looks through what was chosen for at most `limit`. What could not be read in that time, or was denied,
/// is in the sources of the snapshot.
///
/// # Errors
/// A sentence with a next step: a file that is not understood, or an account that does not let one in.
pub async fn discover(
    choices: &[Choice],
    files: &StackFiles,
    limit: Duration,
) -> Result<Discovery, String> {
    let begun = Instant::now();
    let draft = text("draft", Environment::Dev, files, choices, &[], &[]);
    let stack = Stack::parse(&draft, Path::new("draft")).map_err(|error| error.to_string())?;
    let contexts = cloud::kubernetes::contexts(files.kubeconfig.as_deref())?;
    let sessions = cloud::open_within(&stack, limit / 2).await;
    let sessions = sessions.map_err(|error| error.to_string())?;
    let mut accounts = Vec::new();
    for (account, choice) in sessions.accounts.iter().zip(choices) {
        let caller = account.identity.as_ref();
        let caller = caller.map_err(|why| format!("{} {}", why.sentence, why.next_step))?;
        accounts.push(FoundAccount {
            choice: choice.clone(),
            id: caller.account.to_string(),
            caller: caller.arn.clone(),
        });
    }
    let engine = Engine::glance(stack, sessions, &state_dir()).await;
    let left = limit.saturating_sub(begun.elapsed());
    let snapshot = engine.complete_within(limit, left).await;
    engine.stop().await;
    Ok(Discovery {
        clusters: clusters(&snapshot, &accounts, &contexts),
        accounts,
        snapshot,
        files: files.clone(),
    })
}

impl Discovery {
    /// How many of each kind.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Kind, usize> {
        let mut all = BTreeMap::new();
        for node in &self.snapshot.nodes {
            *all.entry(node.kind).or_insert(0) += 1;
        }
        all
    }

    /// What could not be read, each a sentence.
    pub fn unread(&self) -> impl Iterator<Item = (&SourceStatus, &str)> {
        let sources = self.snapshot.sources.iter();
        let unread = sources.filter(|source| source.state != State::Ok);
        unread.map(|source| {
            let why = source.error.as_deref();
            (source, why.unwrap_or("It has not answered yet."))
        })
    }

    /// Whether something that bears on health could not be read.
    #[must_use]
    pub fn misses(&self) -> bool {
        self.snapshot.sources.iter().any(SourceStatus::is_missed)
    }

    /// The stack file: accounts pinned by id, clusters, and the files that were named.
    #[must_use]
    pub fn stack_file(&self, name: &str, environment: Environment) -> String {
        let choices = self.accounts.iter().map(|account| account.choice.clone());
        let ids: Vec<&str> = self.accounts.iter().map(|a| a.id.as_str()).collect();
        let choices: Vec<Choice> = choices.collect();
        text(
            name,
            environment,
            &self.files,
            &choices,
            &ids,
            &self.clusters,
        )
    }
}

fn clusters(
    snapshot: &Snapshot,
    accounts: &[FoundAccount],
    contexts: &BTreeMap<String, String>,
) -> Vec<FoundCluster> {
    let nodes = snapshot.nodes.iter();
    let cluster = |node: &Arc<Node>| {
        let of = node.scope.account.as_ref()?;
        let account = accounts.iter().find(|account| account.id == of.as_str())?;
        let arn = node.facts.text(Fact::Arn)?;
        Some(FoundCluster {
            name: node.name.clone(),
            region: node.scope.region.as_deref()?.to_owned(),
            profile: account.choice.profile.clone(),
            context: contexts.get(arn).cloned(),
        })
    };
    nodes
        .filter(|node| node.kind == Kind::Cluster)
        .filter_map(cluster)
        .collect()
}

/// A basic string of TOML: JSON's escapes are among TOML's (<https://toml.io/en/v1.0.0#string>).
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn text(
    name: &str,
    environment: Environment,
    files: &StackFiles,
    choices: &[Choice],
    ids: &[&str],
    clusters: &[FoundCluster],
) -> String {
    let mut out = format!(
        "name = {}\nenvironment = \"{}\"\n",
        quoted(name),
        environment.as_str()
    );
    for (at, choice) in choices.iter().enumerate() {
        out.push_str("\n[[account]]\n");
        if let Some(profile) = &choice.profile {
            let _ = writeln!(out, "profile = {}", quoted(profile));
        }
        if let Some(id) = ids.get(at) {
            let _ = writeln!(out, "id = {}", quoted(id));
        }
        let regions: Vec<String> = choice.regions.iter().map(|r| quoted(r)).collect();
        let _ = writeln!(out, "regions = [{}]", regions.join(", "));
    }
    for cluster in clusters {
        out.push_str("\n[[cluster]]\n");
        if let Some(profile) = &cluster.profile {
            let _ = writeln!(out, "profile = {}", quoted(profile));
        }
        let _ = writeln!(out, "region = {}", quoted(&cluster.region));
        let _ = match &cluster.context {
            Some(context) => writeln!(out, "context = {}", quoted(context)),
            None => writeln!(out, "eks = {}", quoted(&cluster.name)),
        };
    }
    out + &of_files(files)
}

fn of_files(files: &StackFiles) -> String {
    let named = [
        ("aws_config", &files.aws_config),
        ("aws_credentials", &files.aws_credentials),
        ("kubeconfig", &files.kubeconfig),
    ];
    let lines = named.iter().filter_map(|(key, file)| {
        let file = file.as_ref()?.to_str()?;
        Some(format!("{key} = {}\n", quoted(file)))
    });
    let lines: String = lines.collect();
    if lines.is_empty() {
        return lines;
    }
    format!("\n[files]\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_as_what_was_chosen_whatever_the_names() {
        let choices = [
            Choice {
                profile: Some("pro\"d\\\n[[account]]".to_owned()),
                regions: vec!["eu-west-1".to_owned(), "us-east-1".to_owned()],
            },
            Choice {
                profile: None,
                regions: vec!["cn-north-1".to_owned()],
            },
        ];
        let cluster = FoundCluster {
            name: "blue".to_owned(),
            region: "eu-west-1".to_owned(),
            profile: choices[0].profile.clone(),
            context: None,
        };
        let files = StackFiles {
            kubeconfig: Some("/home/o'ps/kube\u{7}config".into()),
            ..StackFiles::default()
        };
        let ids = ["111122223333", "444455556666"];
        let written = text(
            "Müller & \u{1}",
            Environment::Staging,
            &files,
            &choices,
            &ids,
            &[cluster],
        );
        let read = Stack::parse(&written, Path::new("/tmp/s.toml")).expect("it is a stack file");
        assert_eq!(
            (read.name.as_str(), read.environment),
            ("Müller & \u{1}", Environment::Staging)
        );
        assert_eq!(read.accounts.len(), 2);
        for (account, (choice, id)) in read.accounts.iter().zip(choices.iter().zip(ids)) {
            assert_eq!(account.profile, choice.profile);
            assert_eq!(account.regions, choice.regions);
            assert_eq!(account.id.as_deref(), Some(id));
        }
        assert_eq!(read.clusters.len(), 1);
        assert_eq!(read.files, files);
    }
}
