//! How a window begins that was given no platform: the stack files it keeps, the profiles of the AWS
//! config and what they lead to, the drills. Choosing is all the page can do: it never names a file.

use crate::error::{IpcCode, IpcError};
use crate::platform::Platform;
use cloud::stack::{self, StackFiles};
use engine::{Choice, Discovery};
use model::{Environment, Kind, Relation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tauri::State;

/// How long a profile is looked through.
const LOOK_FOR: Duration = Duration::from_secs(30);

/// What was found last, until it is kept.
pub(crate) type Found = Arc<Mutex<Option<Discovery>>>;

/// What there is to begin with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct Beginnings {
    /// The stack files the window keeps, by file.
    pub stacks: Vec<KeptStack>,
    /// The profiles of the AWS config, by name.
    pub profiles: Vec<KnownProfile>,
    /// Why the AWS config cannot be read, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub profiles_error: Option<String>,
}

/// A stack file the window keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct KeptStack {
    /// Where it lies.
    pub file: String,
    /// The platform's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub name: Option<String>,
    /// Its environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub environment: Option<Environment>,
    /// Why it cannot be used, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<String>,
}

/// A profile of the AWS config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct KnownProfile {
    /// Its name.
    pub name: String,
    /// Its region.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub region: Option<String>,
    /// How it signs in, in words.
    pub way: String,
    /// Whether somebody signs in for it.
    pub signs_in: bool,
    /// The account it says it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub account: Option<String>,
}

/// A profile to look through.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ts_rs::TS)]
pub struct ChosenProfile {
    /// Of the AWS config.
    pub profile: String,
    /// At least one.
    pub regions: Vec<String>,
}

/// What profiles lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct FoundPlatform {
    /// Each account, and as whom one is let in.
    pub accounts: Vec<FoundCaller>,
    /// Each cluster, and how it is signed in to.
    pub clusters: Vec<FoundEntrance>,
    /// How many of each kind, in the order of the path.
    pub kinds: Vec<FoundKind>,
    /// How many edges of each sort.
    pub edges: Vec<FoundEdges>,
    /// What could not be read, each a sentence.
    pub unread: Vec<String>,
}

/// An account, and as whom one is let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct FoundCaller {
    /// Twelve digits.
    pub id: String,
    /// ARN of the user or assumed role.
    pub caller: String,
}

/// A cluster, and how it is signed in to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct FoundEntrance {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// The context of the kubeconfig; none: EKS itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub context: Option<String>,
}

/// How many of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct FoundKind {
    /// Which.
    pub kind: Kind,
    /// How many.
    pub count: u32,
}

/// How many edges of a sort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct FoundEdges {
    /// From nodes of this kind.
    pub from: Kind,
    /// What they mean.
    pub relation: Relation,
    /// To nodes of this kind.
    pub to: Kind,
    /// How many.
    pub count: u32,
}

/// The stack files and profiles there are. Nothing is asked of AWS.
#[tauri::command]
pub(crate) async fn beginnings() -> Result<Beginnings, IpcError> {
    let stacks = stack::saved(&engine::config_dir()).into_iter().map(|kept| {
        let (identity, error) = match kept.identity {
            Ok(identity) => (Some(identity), None),
            Err(error) => (None, Some(error)),
        };
        KeptStack {
            file: kept.file.display().to_string(),
            environment: identity.as_ref().map(|identity| identity.environment),
            name: identity.map(|identity| identity.name),
            error,
        }
    });
    let (profiles, profiles_error) = match cloud::profiles(&StackFiles::default()).await {
        Ok(profiles) => (profiles, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let profiles = profiles.into_iter().map(|profile| KnownProfile {
        way: profile.way.words().to_owned(),
        signs_in: matches!(profile.way, cloud::Way::Sso | cloud::Way::Mfa),
        name: profile.name,
        region: profile.region,
        account: profile.account,
    });
    Ok(Beginnings {
        stacks: stacks.collect(),
        profiles: profiles.collect(),
        profiles_error,
    })
}

/// Looks through profiles. Nothing of the platform is changed, and nothing is kept before `keep`.
#[tauri::command]
pub(crate) async fn discover(
    found: State<'_, Found>,
    profiles: Vec<ChosenProfile>,
) -> Result<FoundPlatform, IpcError> {
    let choices = profiles.into_iter().map(|chosen| Choice {
        profile: Some(chosen.profile),
        regions: chosen.regions,
    });
    let choices: Vec<Choice> = choices.collect();
    let seen = engine::discover(&choices, &StackFiles::default(), LOOK_FOR).await;
    let seen = seen.map_err(|sentence| IpcError::new(IpcCode::NotOpen, sentence))?;
    let told = told(&seen);
    *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    Ok(told)
}

/// Keeps what was found last as a stack file of this name, and opens it.
#[tauri::command]
pub(crate) async fn keep(
    found: State<'_, Found>,
    platform: State<'_, Platform>,
    name: String,
    environment: Environment,
) -> Result<(), IpcError> {
    let text = {
        let found = found.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = found.as_ref().ok_or_else(|| {
            IpcError::new(IpcCode::Refused, "Nothing was looked through yet.")
                .hint("Choose a profile and look through it first.")
        })?;
        seen.stack_file(name.trim(), environment)
    };
    let file = stack::save(&engine::config_dir(), name.trim(), &text);
    let file = file.map_err(|sentence| IpcError::new(IpcCode::Refused, sentence))?;
    // It is kept once, and the whole picture of it is not held on to.
    found.lock().unwrap_or_else(PoisonError::into_inner).take();
    platform.open_stack(file).await
}

/// Opens one of the stack files the window keeps, in the place of what it looks at.
#[tauri::command]
pub(crate) async fn open_stack(
    platform: State<'_, Platform>,
    file: String,
) -> Result<(), IpcError> {
    let kept = stack::saved(&engine::config_dir());
    let kept = kept
        .into_iter()
        .find(|kept| kept.file.display().to_string() == file);
    let kept = kept.ok_or_else(|| {
        let folder = engine::config_dir();
        let sentence = format!("{file} is none of the stack files in {}.", folder.display());
        IpcError::new(IpcCode::Refused, sentence)
    })?;
    platform.open_stack(kept.file).await
}

/// Opens anew what was asked for, after it was mended.
#[tauri::command]
pub(crate) async fn reopen(platform: State<'_, Platform>) -> Result<(), IpcError> {
    platform.reopen().await
}

/// Closes the platform, so that another can be chosen.
#[tauri::command]
pub(crate) async fn leave(platform: State<'_, Platform>) -> Result<(), IpcError> {
    platform.leave().await
}

fn told(seen: &Discovery) -> FoundPlatform {
    let kinds = seen.counts().into_iter().map(|(kind, count)| FoundKind {
        kind,
        count: u32::try_from(count).unwrap_or(u32::MAX),
    });
    let accounts = seen.accounts.iter().map(|account| FoundCaller {
        id: account.id.clone(),
        caller: account.caller.clone(),
    });
    let clusters = seen.clusters.iter().map(|cluster| FoundEntrance {
        name: cluster.name.clone(),
        region: cluster.region.clone(),
        context: cluster.context.clone(),
    });
    FoundPlatform {
        accounts: accounts.collect(),
        clusters: clusters.collect(),
        kinds: kinds.collect(),
        edges: edges(seen),
        unread: seen.unread().map(|(_, why)| why.to_owned()).collect(),
    }
}

fn edges(seen: &Discovery) -> Vec<FoundEdges> {
    let nodes = seen.snapshot.nodes.iter();
    let kinds: BTreeMap<_, Kind> = nodes.map(|node| (&node.id, node.kind)).collect();
    let mut sorts: BTreeMap<(Kind, Relation, Kind), u32> = BTreeMap::new();
    for edge in seen.snapshot.edges.iter() {
        if let (Some(from), Some(to)) = (kinds.get(&edge.from), kinds.get(&edge.to)) {
            *sorts.entry((*from, edge.relation, *to)).or_default() += 1;
        }
    }
    let sorts = sorts.into_iter();
    sorts
        .map(|((from, relation, to), count)| FoundEdges {
            from,
            relation,
            to,
            count,
        })
        .collect()
}
