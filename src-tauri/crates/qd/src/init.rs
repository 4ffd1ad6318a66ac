//! `qd init`: from a profile of the AWS config to a stack file, by looking at what is there.

use crate::args::InitArgs;
use crate::failure::Failure;
use crate::print;
use crate::text::clean;
use cloud::stack::StackFiles;
use cloud::{Profile, Stack};
use engine::Engine;
use model::{Fact, Kind, Snapshot, SourceStatus, State};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An account of the stack file that is being made.
struct Account {
    profile: Option<String>,
    id: Option<String>,
    regions: Vec<String>,
}

/// A cluster that was found, and the context of the kubeconfig that leads to it; without one EKS does.
struct Cluster {
    name: String,
    region: String,
    profile: Option<String>,
    context: Option<String>,
}

/// Looks through the profiles that were chosen, says what is there, and writes the stack file.
pub(crate) async fn run(args: &InitArgs) -> Result<u8, Failure> {
    if args.to.exists() {
        return Err(Failure::new(format!(
            "{} is there already: give another file with --to, or move it away.",
            args.to.display()
        )));
    }
    let files = files(args);
    let known = cloud::profiles(&files).await.map_err(Failure::new)?;
    let mut accounts = chosen(args, &known)?;
    let draft = text(args, &accounts, &[]);
    let (snapshot, who) = look(args, &draft).await?;
    for (account, (id, _)) in accounts.iter_mut().zip(&who) {
        account.id = Some(id.clone());
    }
    let contexts = cloud::kubernetes::contexts(files.kubeconfig.as_deref());
    let contexts = contexts.map_err(Failure::new)?;
    let clusters = clusters(&snapshot, &accounts, &contexts);
    write(&args.to, &text(args, &accounts, &clusters))?;
    if args.json {
        print::line(&told(args, &snapshot, &who, &clusters))?;
    } else {
        print::text(&outline(args, &snapshot, &who, &clusters))?;
    }
    let missed = snapshot.sources.iter().any(SourceStatus::is_missed);
    Ok(if missed { 3 } else { 0 })
}

fn files(args: &InitArgs) -> StackFiles {
    let absolute = |file: &std::path::PathBuf| std::path::absolute(file).unwrap_or(file.clone());
    StackFiles {
        aws_config: args.aws_config.as_ref().map(absolute),
        aws_credentials: args.aws_credentials.as_ref().map(absolute),
        kubeconfig: args.kubeconfig.as_ref().map(absolute),
    }
}

/// The profiles that were named, here or by `$AWS_PROFILE` as for the AWS CLI; without a name the only one
/// there is, or the default chain.
fn chosen(args: &InitArgs, known: &[Profile]) -> Result<Vec<Account>, Failure> {
    let of_shell = std::env::var("AWS_PROFILE").ok();
    let of_shell = of_shell.as_deref().filter(|name| !name.is_empty());
    let names: Vec<Option<&str>> = match (args.profiles.as_slice(), of_shell, known) {
        ([], Some(name), _) => vec![Some(name)],
        ([], None, []) => vec![None],
        ([], None, [only]) => vec![Some(only.name.as_str())],
        ([], None, several) => return Err(Failure::with_code(choose(several), 2)),
        (named, ..) => named.iter().map(|name| Some(name.as_str())).collect(),
    };
    let account = |name: Option<&str>| {
        let profile = known
            .iter()
            .find(|profile| Some(profile.name.as_str()) == name);
        if let (Some(name), None) = (name, profile) {
            let sentence = format!("The AWS config has no profile {name}.\n{}", list(known));
            return Err(Failure::with_code(sentence, 2));
        }
        let own = profile.and_then(|profile| profile.region.clone());
        let of_shell = || {
            let mut names = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter();
            names.find_map(|name| std::env::var(name).ok().filter(|r| !r.is_empty()))
        };
        let regions: Vec<String> = match args.regions.as_slice() {
            [] => own.or_else(of_shell).into_iter().collect(),
            asked => asked.to_vec(),
        };
        if regions.is_empty() {
            let who = name.map_or("The default chain".to_owned(), |n| format!("Profile {n}"));
            return Err(Failure::with_code(
                format!("{who} has no region: give each with --region, e.g. --region eu-west-1."),
                2,
            ));
        }
        Ok(Account {
            profile: name.map(ToOwned::to_owned),
            id: None,
            regions,
        })
    };
    names.into_iter().map(account).collect()
}

fn choose(known: &[Profile]) -> String {
    format!(
        "There are {} profiles: choose with --profile NAME (it may be repeated).\n{}",
        known.len(),
        list(known)
    )
}

/// Each profile on a line: name, region, how it signs in, where it leads.
fn list(known: &[Profile]) -> String {
    let line = |profile: &Profile| {
        format!(
            "  {:<24} {:<16} {:<20} {}\n",
            clean(&profile.name),
            clean(profile.region.as_deref().unwrap_or("no region")),
            profile.way.words(),
            clean(profile.account.as_deref().unwrap_or(""))
        )
    };
    known.iter().map(line).collect()
}

/// What the accounts hold, and each one's id and caller. Nothing is written where one is not let in.
async fn look(
    args: &InitArgs,
    draft: &str,
) -> Result<(Arc<Snapshot>, Vec<(String, String)>), Failure> {
    let begun = Instant::now();
    let limit = Duration::from_secs_f64(args.timeout);
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let stack = Stack::parse(draft, &args.to).map_err(|error| failed(&error))?;
    let sessions = cloud::open_within(&stack, limit / 2).await;
    let sessions = sessions.map_err(|error| failed(&error))?;
    let mut who = Vec::new();
    for account in &sessions.accounts {
        match &account.identity {
            Ok(caller) => who.push((caller.account.to_string(), caller.arn.clone())),
            Err(failure) => {
                return Err(Failure::new(format!(
                    "{} {}",
                    failure.sentence, failure.next_step
                )));
            }
        }
    }
    let engine = Engine::glance(stack, sessions, &engine::state_dir()).await;
    let left = limit.saturating_sub(begun.elapsed());
    let snapshot = engine.complete_within(limit, left).await;
    engine.stop().await;
    Ok((snapshot, who))
}

fn clusters(
    snapshot: &Snapshot,
    accounts: &[Account],
    contexts: &BTreeMap<String, String>,
) -> Vec<Cluster> {
    let found = snapshot
        .nodes
        .iter()
        .filter(|node| node.kind == Kind::Cluster);
    let cluster = |node: &Arc<model::Node>| {
        let of = node.scope.account.as_ref().map(|account| account.as_str());
        let account = accounts
            .iter()
            .find(|account| account.id.as_deref() == of)?;
        let arn = node.facts.text(Fact::Arn)?;
        Some(Cluster {
            name: node.name.clone(),
            region: node.scope.region.as_deref()?.to_owned(),
            profile: account.profile.clone(),
            context: contexts.get(arn).cloned(),
        })
    };
    found.filter_map(cluster).collect()
}

/// A basic string of TOML: JSON's escapes are among TOML's (<https://toml.io/en/v1.0.0#string>).
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn text(args: &InitArgs, accounts: &[Account], clusters: &[Cluster]) -> String {
    let first = accounts
        .first()
        .and_then(|account| account.profile.as_deref());
    let name = args.name.as_deref().or(first).unwrap_or("platform");
    let mut out = format!(
        "name = {}\nenvironment = {}\n",
        quoted(name),
        quoted(&args.environment)
    );
    for account in accounts {
        out.push_str("\n[[account]]\n");
        if let Some(profile) = &account.profile {
            let _ = writeln!(out, "profile = {}", quoted(profile));
        }
        if let Some(id) = &account.id {
            let _ = writeln!(out, "id = {}", quoted(id));
        }
        let regions: Vec<String> = account.regions.iter().map(|r| quoted(r)).collect();
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
    let files = files(args);
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
    if !lines.is_empty() {
        let _ = write!(out, "\n[files]\n{lines}");
    }
    out
}

/// Never over a file that came to be there meanwhile.
fn write(to: &Path, text: &str) -> Result<(), Failure> {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(to);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::new(format!("{} cannot be written: {error}.", to.display())))
}

fn counted(snapshot: &Snapshot) -> BTreeMap<&'static str, usize> {
    let mut all = BTreeMap::new();
    for node in &snapshot.nodes {
        *all.entry(node.kind.as_str()).or_insert(0) += 1;
    }
    all
}

fn told(
    args: &InitArgs,
    snapshot: &Snapshot,
    who: &[(String, String)],
    clusters: &[Cluster],
) -> Value {
    let failed = snapshot.sources.iter().filter(|s| s.state != State::Ok);
    let failed = failed.map(|s| json!({ "source": s.source.id, "error": s.error }));
    let clusters = clusters.iter().map(|cluster| {
        json!({ "name": cluster.name, "region": cluster.region, "context": cluster.context })
    });
    json!({
        "stack": args.to,
        "accounts": who.iter().map(|(id, arn)| json!({ "id": id, "caller": arn })).collect::<Vec<_>>(),
        "found": counted(snapshot),
        "edges": snapshot.edges.len(),
        "clusters": clusters.collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
    })
}

fn outline(
    args: &InitArgs,
    snapshot: &Snapshot,
    who: &[(String, String)],
    clusters: &[Cluster],
) -> String {
    let mut out = String::new();
    for (id, arn) in who {
        let _ = writeln!(out, "Account {} as {}", clean(id), clean(arn));
    }
    let found = counted(snapshot).into_iter();
    let found: Vec<String> = found.map(|(kind, n)| format!("{n} {kind}")).collect();
    let _ = writeln!(
        out,
        "Found {}, with {} edges.",
        found.join(", "),
        snapshot.edges.len()
    );
    for cluster in clusters {
        let how = match &cluster.context {
            Some(context) => format!("context {}", clean(context)),
            None => "by EKS itself, signed in to as this account".to_owned(),
        };
        let _ = writeln!(out, "Cluster {}: {how}", clean(&cluster.name));
    }
    for source in snapshot.sources.iter().filter(|s| s.state != State::Ok) {
        let why = source
            .error
            .as_deref()
            .unwrap_or("It has not answered yet.");
        let _ = writeln!(out, "Not read: {}", clean(why));
    }
    let file = args.to.display();
    let _ = writeln!(out, "Wrote {file}. Look at it: qd status --stack {file}");
    out
}
