//! Finding a context in a kubeconfig, and saying in a sentence why it cannot be used.

use super::program;
use super::sign::Signer;
use crate::stack::{Entrance, StackCluster};
use crate::{AccountSessions, Session, Sessions, Stack};
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use model::{AccountId, FailureClass, SourceFailure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a cluster is reached, and where the stack file says it lives.
#[derive(Clone, Debug)]
pub struct ClusterPlace {
    /// By a context, or by its EKS name.
    pub entrance: Entrance,
    /// The kubeconfig; `$KUBECONFIG` or `~/.kube/config` when left out.
    pub kubeconfig: Option<PathBuf>,
    /// Who signs in to EKS: the account's session in the cluster's region.
    pub session: Option<Session>,
    /// The account the cluster belongs to, as STS answered. An ARN in the kubeconfig goes before it.
    pub account: Option<AccountId>,
    /// The region the stack file names.
    pub region: Option<Arc<str>>,
    /// The EKS cluster's name, where the stack file gives it; else the kubeconfig's ARN, else the context.
    pub name: Option<String>,
}

impl ClusterPlace {
    /// The name it goes by until more is known.
    #[must_use]
    pub fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(self.entrance.name())
    }
}

/// The clusters a stack file names, each with the account its sessions found.
#[must_use]
pub fn places(stack: &Stack, sessions: &Sessions) -> Vec<ClusterPlace> {
    let account = |cluster: &StackCluster| {
        let mut accounts = sessions.accounts.iter();
        let named = accounts.find(|account| match &cluster.profile {
            Some(profile) => account.profile.as_deref() == Some(profile.as_str()),
            None => in_region(account, &cluster.region).is_some(),
        });
        named.or(sessions.accounts.first())
    };
    let place = |cluster: &StackCluster| {
        let account = account(cluster);
        ClusterPlace {
            entrance: cluster.entrance.clone(),
            kubeconfig: stack.files.kubeconfig.clone(),
            session: account.and_then(|account| in_region(account, &cluster.region).cloned()),
            account: account.map(|account| account.account.clone()),
            region: Some(cluster.region.as_str().into()),
            name: cluster.name.clone(),
        }
    };
    stack.clusters.iter().map(place).collect()
}

fn in_region<'a>(account: &'a AccountSessions, region: &str) -> Option<&'a Session> {
    let mut sessions = account.regional.iter();
    sessions.find(|session| *session.region == *region)
}

/// The contexts of a kubeconfig that lead to EKS clusters by keys of their own, by the cluster's ARN as
/// `aws eks update-kubeconfig` names them; those that would run a program are reached by EKS instead. No
/// file is no context.
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
    let by_program = |user: &str| {
        let mut users = read.auth_infos.iter();
        let entry = users.find(|named| named.name == user);
        entry
            .and_then(|named| named.auth_info.as_ref())
            .is_some_and(|auth| auth.exec.is_some())
    };
    let all = read.contexts.iter().filter_map(|named| {
        let context = named.context.as_ref()?;
        if context.user.as_deref().is_some_and(by_program) {
            return None;
        }
        let cluster = context.cluster.clone();
        let arn = [cluster.as_str(), named.name.as_str()];
        let arn = arn
            .into_iter()
            .find(|text| ClusterArn::parse(text).is_some())?;
        Some((arn.to_owned(), named.name.clone()))
    });
    Ok(all.collect())
}

/// A place, resolved.
pub(super) struct Resolved {
    pub(super) config: Config,
    /// Who puts a token on each request, where the configuration does not.
    pub(super) signer: Option<Signer>,
    pub(super) name: Arc<str>,
    pub(super) account: Option<AccountId>,
    pub(super) region: Option<Arc<str>>,
}

/// Reads the kubeconfig and resolves the context.
pub(super) async fn read(place: &ClusterPlace, context: &str) -> Result<Resolved, SourceFailure> {
    let kubeconfig = match &place.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let mut kubeconfig = kubeconfig.map_err(|error| refused(place, &error))?;
    let cluster = cluster_entry(context, &kubeconfig);
    let arn = ClusterArn::parse(&cluster).or_else(|| ClusterArn::parse(context));
    let signer = match program::taken_out(context, &mut kubeconfig) {
        None => None,
        Some(auth) => Some(program::stands_in(place, context, arn.as_ref(), &auth)?),
    };
    let config = resolve(kubeconfig, context)
        .await
        .map_err(|error| refused(place, &error))?;
    let named = place.name.as_deref();
    Ok(match arn {
        Some(arn) => Resolved {
            config,
            signer,
            name: named.unwrap_or(arn.name).into(),
            account: Some(AccountId::new(arn.account)),
            region: Some(arn.region.into()),
        },
        None => Resolved {
            config,
            signer,
            name: named.unwrap_or(context).into(),
            account: place.account.clone(),
            region: place.region.clone(),
        },
    })
}

pub(super) async fn resolve(
    kubeconfig: Kubeconfig,
    context: &str,
) -> Result<Config, KubeconfigError> {
    let options = KubeConfigOptions {
        context: Some(context.to_owned()),
        cluster: None,
        user: None,
    };
    Config::from_custom_kubeconfig(kubeconfig, &options).await
}

/// The name of the cluster entry the context points to.
fn cluster_entry(context: &str, kubeconfig: &Kubeconfig) -> String {
    kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == context)
        .and_then(|named| named.context.as_ref())
        .map(|context| context.cluster.clone())
        .unwrap_or_default()
}

/// The parser of YAML draws the place below its sentence.
fn first_line(text: &str) -> &str {
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.')
}

/// A kubeconfig that cannot be used.
pub(super) fn refused(place: &ClusterPlace, error: &KubeconfigError) -> SourceFailure {
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
            "{} cannot be used: {}.",
            called(place),
            first_line(&error.to_string())
        ),
        next_step: match &place.entrance {
            Entrance::Context(_) => {
                "Correct the kubeconfig or the context's name in the stack file."
            }
            Entrance::Eks(_) => {
                "Look at its endpoint and certificate authority: aws eks describe-cluster."
            }
        }
        .to_owned(),
        code: None,
        request_id: None,
    }
}

/// A server that is not EKS's, for which a token of EKS would be signed.
pub(super) fn not_eks(place: &ClusterPlace, server: &http::Uri) -> SourceFailure {
    let host = server.host().unwrap_or_default();
    SourceFailure {
        class: FailureClass::Credentials,
        sentence: format!(
            "{} leads to {host}, which is not EKS in its region nor this machine, or is not to prove it (insecure-skip-tls-verify): no token of ours is sent there.",
            called(place)
        ),
        next_step:
            "See who changed the server's address; through a tunnel it is localhost with tls-server-name."
                .to_owned(),
        code: None,
        request_id: None,
    }
}

/// A context that was read but that no client can be made from (TLS material, proxy).
pub(super) fn unusable(place: &ClusterPlace, error: &kube::Error) -> SourceFailure {
    SourceFailure {
        class: super::classify(error),
        sentence: format!("{} cannot be connected to: {error}.", called(place)),
        next_step: match &place.entrance {
            Entrance::Context(_) => "Check the context's certificates and proxy in the kubeconfig.",
            Entrance::Eks(_) => {
                "Look at its endpoint and certificate authority: aws eks describe-cluster."
            }
        }
        .to_owned(),
        code: None,
        request_id: None,
    }
}

/// At the start of a sentence.
fn called(place: &ClusterPlace) -> String {
    match &place.entrance {
        Entrance::Context(context) => format!("Context {context} of {}", file(place)),
        Entrance::Eks(name) => format!("The EKS cluster {name}"),
    }
}

pub(super) fn file(place: &ClusterPlace) -> String {
    match &place.kubeconfig {
        Some(path) => path.display().to_string(),
        None => "the default kubeconfig".to_owned(),
    }
}

/// `arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME`, as `aws eks update-kubeconfig` names clusters.
pub(super) struct ClusterArn<'a> {
    pub(super) region: &'a str,
    pub(super) account: &'a str,
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
