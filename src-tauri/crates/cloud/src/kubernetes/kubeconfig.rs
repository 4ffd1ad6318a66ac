//! Finding a context in a kubeconfig, and saying in a sentence why it cannot be used.

use crate::stack::StackCluster;
use crate::{Session, Sessions, Stack};
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use model::{AccountId, FailureClass, SourceFailure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which context of which kubeconfig, and where the stack file says the cluster lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPlace {
    /// The kubeconfig; `$KUBECONFIG` or `~/.kube/config` when left out.
    pub kubeconfig: Option<PathBuf>,
    /// The context.
    pub context: String,
    /// The account the cluster belongs to, as STS answered. An ARN in the kubeconfig goes before it.
    pub account: Option<AccountId>,
    /// The region the stack file names.
    pub region: Option<Arc<str>>,
    /// The EKS cluster's name, where the stack file gives it; else the kubeconfig's ARN, else the context.
    pub name: Option<String>,
}

/// The clusters a stack file names, each with the account its sessions found.
#[must_use]
pub fn places(stack: &Stack, sessions: &Sessions) -> Vec<ClusterPlace> {
    let account = |cluster: &StackCluster| {
        let mut accounts = sessions.accounts.iter();
        let named = accounts.find(|account| match &cluster.profile {
            Some(profile) => account.profile.as_deref() == Some(profile.as_str()),
            None => {
                let regional = |session: &Session| *session.region == *cluster.region;
                account.regional.iter().any(regional)
            }
        });
        named
            .or(sessions.accounts.first())
            .map(|account| account.account.clone())
    };
    stack
        .clusters
        .iter()
        .map(|cluster| ClusterPlace {
            kubeconfig: stack.files.kubeconfig.clone(),
            context: cluster.context.clone(),
            account: account(cluster),
            region: Some(cluster.region.as_str().into()),
            name: cluster.name.clone(),
        })
        .collect()
}

/// The contexts of a kubeconfig that lead to EKS clusters, by the cluster's ARN, as `aws eks update-kubeconfig` writes
/// them. No file is no context.
///
/// # Errors
/// When there is a file and it is no kubeconfig: a sentence.
pub fn contexts(kubeconfig: Option<&Path>) -> Result<BTreeMap<String, String>, String> {
    let read = match kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let read = match read {
        Ok(read) => read,
        Err(KubeconfigError::FindPath | KubeconfigError::ReadConfig(..)) => {
            return Ok(BTreeMap::new());
        }
        Err(error) => {
            let told = first_line(&error.to_string()).to_owned();
            return Err(format!("The kubeconfig cannot be read: {told}."));
        }
    };
    let all = read.contexts.into_iter().filter_map(|named| {
        let cluster = named.context?.cluster;
        let arn = [cluster.as_str(), named.name.as_str()];
        let arn = arn
            .into_iter()
            .find(|text| ClusterArn::parse(text).is_some())?;
        Some((arn.to_owned(), named.name.clone()))
    });
    Ok(all.collect())
}

/// A context, resolved.
pub(super) struct Resolved {
    pub(super) config: Config,
    pub(super) name: Arc<str>,
    pub(super) account: Option<AccountId>,
    pub(super) region: Option<Arc<str>>,
}

/// Reads the kubeconfig and resolves the context.
pub(super) async fn read(place: &ClusterPlace) -> Result<Resolved, SourceFailure> {
    let kubeconfig = match &place.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    }
    .map_err(|error| refused(place, &error))?;
    refuse_programs(place, &kubeconfig)?;
    let cluster = cluster_entry(place, &kubeconfig);
    let options = KubeConfigOptions {
        context: Some(place.context.clone()),
        cluster: None,
        user: None,
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| refused(place, &error))?;
    let arn = ClusterArn::parse(&cluster).or_else(|| ClusterArn::parse(&place.context));
    let named = place.name.as_deref();
    Ok(match arn {
        Some(arn) => Resolved {
            config,
            name: named.unwrap_or(arn.name).into(),
            account: Some(AccountId::new(arn.account)),
            region: Some(arn.region.into()),
        },
        None => Resolved {
            config,
            name: named.unwrap_or(&place.context).into(),
            account: place.account.clone(),
            region: place.region.clone(),
        },
    })
}

/// The name of the cluster entry the context points to.
fn cluster_entry(place: &ClusterPlace, kubeconfig: &Kubeconfig) -> String {
    kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == place.context)
        .and_then(|named| named.context.as_ref())
        .map(|context| context.cluster.clone())
        .unwrap_or_default()
}

/// A program named by a file is not run: what it may do was not approved by anybody.
fn refuse_programs(place: &ClusterPlace, kubeconfig: &Kubeconfig) -> Result<(), SourceFailure> {
    let user = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == place.context)
        .and_then(|named| named.context.as_ref()?.user.clone());
    let entry = kubeconfig
        .auth_infos
        .iter()
        .find(|named| Some(&named.name) == user.as_ref())
        .and_then(|named| named.auth_info.as_ref());
    let Some(entry) = entry else { return Ok(()) };
    let program = match (&entry.exec, &entry.auth_provider) {
        (Some(exec), _) => exec.command.clone().unwrap_or_default(),
        (None, Some(provider)) => provider.name.clone(),
        (None, None) => return Ok(()),
    };
    Err(SourceFailure {
        class: FailureClass::Credentials,
        sentence: format!(
            "Context {} of {} signs in by running the program {program:?}, which Quarterdeck does not run.",
            place.context,
            file(place),
        ),
        next_step: "Give the context's user a token, a token file or a client certificate."
            .to_owned(),
        code: None,
        request_id: None,
    })
}

/// The parser of YAML draws the place below its sentence.
fn first_line(text: &str) -> &str {
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.')
}

/// A kubeconfig that cannot be used.
fn refused(place: &ClusterPlace, error: &KubeconfigError) -> SourceFailure {
    let class = match error {
        KubeconfigError::LoadClientCertificate(_) | KubeconfigError::LoadClientKey(_) => {
            FailureClass::Credentials
        }
        KubeconfigError::Parse(_)
        | KubeconfigError::ParseClusterUrl(_)
        | KubeconfigError::ParseProxyUrl(_)
        | KubeconfigError::ParseCertificates(_) => FailureClass::Malformed,
        KubeconfigError::CurrentContextNotSet
        | KubeconfigError::KindMismatch
        | KubeconfigError::ApiVersionMismatch
        | KubeconfigError::LoadContext(_)
        | KubeconfigError::LoadClusterOfContext(_)
        | KubeconfigError::FindPath
        | KubeconfigError::ReadConfig(..)
        | KubeconfigError::MissingClusterUrl
        | KubeconfigError::LoadCertificateAuthority(_) => FailureClass::Other,
    };
    SourceFailure {
        class,
        sentence: format!(
            "Context {} of {} cannot be used: {}.",
            place.context,
            file(place),
            first_line(&error.to_string())
        ),
        next_step: "Correct the kubeconfig or the context's name in the stack file.".to_owned(),
        code: None,
        request_id: None,
    }
}

/// A context that was read but that no client can be made from (TLS material, proxy).
pub(super) fn unusable(place: &ClusterPlace, error: &kube::Error) -> SourceFailure {
    SourceFailure {
        class: super::classify(error),
        sentence: format!(
            "No connection can be prepared for context {} of {}: {error}.",
            place.context,
            file(place)
        ),
        next_step: "Check the context's certificates and proxy in the kubeconfig.".to_owned(),
        code: None,
        request_id: None,
    }
}

fn file(place: &ClusterPlace) -> String {
    match &place.kubeconfig {
        Some(path) => path.display().to_string(),
        None => "the default kubeconfig".to_owned(),
    }
}

/// `arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME`, as `aws eks update-kubeconfig` names clusters.
struct ClusterArn<'a> {
    region: &'a str,
    account: &'a str,
    name: &'a str,
}

impl<'a> ClusterArn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (arn, _partition, eks) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let name = resource.strip_prefix("cluster/")?;
        (arn == "arn" && eks == "eks" && !name.is_empty()).then_some(Self {
            region,
            account,
            name,
        })
    }
}
