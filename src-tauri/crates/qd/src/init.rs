//! `qd init`: from a profile of the AWS config to a stack file, by looking at what is there.

use crate::args::InitArgs;
use crate::failure::Failure;
use crate::print;
use crate::text::clean;
use cloud::Profile;
use cloud::stack::StackFiles;
use engine::{Choice, Discovery};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

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
    let choices = chosen(args, &known)?;
    let limit = Duration::from_secs_f64(args.timeout);
    let found = engine::discover(&choices, &files, limit).await;
    let found = found.map_err(Failure::new)?;
    let first = choices.first().and_then(|choice| choice.profile.as_deref());
    let name = args.name.as_deref().or(first).unwrap_or("platform");
    write(&args.to, &found.stack_file(name, args.environment))?;
    if args.json {
        print::line(&told(args, &found))?;
    } else {
        print::text(&outline(args, &found))?;
    }
    Ok(if found.misses() { 3 } else { 0 })
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
fn chosen(args: &InitArgs, known: &[Profile]) -> Result<Vec<Choice>, Failure> {
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
        Ok(Choice {
            profile: name.map(ToOwned::to_owned),
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

/// Never over a file that came to be there meanwhile.
fn write(to: &Path, text: &str) -> Result<(), Failure> {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(to);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::new(format!("{} cannot be written: {error}.", to.display())))
}

fn told(args: &InitArgs, found: &Discovery) -> Value {
    let accounts = found.accounts.iter();
    let accounts = accounts.map(|account| json!({ "id": account.id, "caller": account.caller }));
    let counts = found.counts().into_iter();
    let counts: BTreeMap<&str, usize> = counts.map(|(kind, n)| (kind.as_str(), n)).collect();
    let unread = found.unread();
    let unread =
        unread.map(|(status, _)| json!({ "source": status.source.id, "error": status.error }));
    let clusters = found.clusters.iter().map(|cluster| {
        json!({ "name": cluster.name, "region": cluster.region, "context": cluster.context })
    });
    json!({
        "stack": args.to,
        "accounts": accounts.collect::<Vec<_>>(),
        "found": counts,
        "edges": found.snapshot.edges.len(),
        "clusters": clusters.collect::<Vec<_>>(),
        "failed": unread.collect::<Vec<_>>(),
    })
}

fn outline(args: &InitArgs, found: &Discovery) -> String {
    let mut out = String::new();
    for account in &found.accounts {
        let _ = writeln!(
            out,
            "Account {} as {}",
            clean(&account.id),
            clean(&account.caller)
        );
    }
    let counts = found.counts().into_iter();
    let counts: Vec<String> = counts
        .map(|(kind, n)| format!("{n} {}", kind.as_str()))
        .collect();
    let _ = writeln!(
        out,
        "Found {}, with {} edges.",
        counts.join(", "),
        found.snapshot.edges.len()
    );
    for cluster in &found.clusters {
        let how = match &cluster.context {
            Some(context) => format!("context {}", clean(context)),
            None => "by EKS itself, signed in to as this account".to_owned(),
        };
        let _ = writeln!(out, "Cluster {}: {how}", clean(&cluster.name));
    }
    for (_, why) in found.unread() {
        let _ = writeln!(out, "Not read: {}", clean(why));
    }
    let file = args.to.display();
    let _ = writeln!(out, "Wrote {file}. Look at it: qd status --stack {file}");
    out
}
