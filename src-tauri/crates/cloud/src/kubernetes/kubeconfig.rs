//! Finding a context in a kubeconfig, and what it says of how it is reached and signed in to.

use super::certificate::{Certificates, Endings};
use super::plugin::{self, Plugin};
use super::program;
use super::refused::{first_line, flawed, may_be_told, refused, two_users};
use super::sign::Signer;
use super::written::as_kubectl_takes_it;
use crate::acting::ActUser;
use crate::programs::{Named, Programs};
use crate::proxy;
use crate::stack::{Entrance, StackCluster};
use crate::words::visible;
use crate::{AccountSessions, Session, Sessions, Stack};
use kube::Config;
use kube::config::{Cluster, KubeConfigOptions, Kubeconfig, KubeconfigError};
use model::{AccountId, SourceFailure, Timestamp};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

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
    /// The user its writes are of; `None`: whoever reads it.
    pub act_user: Option<ActUser>,
    /// Those of every account: where an ARN in the kubeconfig names another one, that one's user.
    pub act_users: BTreeMap<AccountId, ActUser>,
    /// The programs it may sign in by.
    pub programs: Programs,
    /// Until when the certificates are good that clusters are reached with.
    pub certificates: Certificates,
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
            act_user: account.and_then(|account| account.global.act_user.clone()),
            act_users: act_users(sessions),
            programs: sessions.programs.clone(),
            certificates: sessions.certificates.clone(),
        }
    };
    stack.clusters.iter().map(place).collect()
}

fn act_users(sessions: &Sessions) -> BTreeMap<AccountId, ActUser> {
    let of = |account: &AccountSessions| {
        let user = account.global.act_user.clone()?;
        Some((account.account.clone(), user))
    };
    sessions.accounts.iter().filter_map(of).collect()
}

/// Whose the writes are to a cluster whose ARN may name another account than the stack file's. An account that STS did not
/// name yet is any.
fn act_user<'a>(place: &'a ClusterPlace, arn: Option<&ClusterArn<'_>>) -> Option<&'a ActUser> {
    match (
        arn,
        place.account.as_ref().filter(|account| account.is_named()),
    ) {
        (Some(arn), Some(account)) if arn.account != account.as_str() => {
            place.act_users.get(&AccountId::new(arn.account))
        }
        _ => place.act_user.as_ref(),
    }
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
    let Some(read) = if_there(kubeconfig)? else {
        return Ok(BTreeMap::new());
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

/// The kubeconfig, or the usual ones together.
pub(crate) fn whole(kubeconfig: Option<&Path>) -> Result<Kubeconfig, KubeconfigError> {
    match kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    }
}

/// The same; `None` where there is no file. One that may not be read is there.
fn if_there(kubeconfig: Option<&Path>) -> Result<Option<Kubeconfig>, String> {
    match whole(kubeconfig) {
        Ok(read) => Ok(Some(read)),
        Err(KubeconfigError::FindPath) => Ok(None),
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => {
            let told = first_line(&error.to_string()).to_owned();
            Err(format!("The kubeconfig cannot be read: {told}."))
        }
    }
}

/// The programs that contexts of a kubeconfig sign in by, those that are stood in for left out; of
/// every context where `only` names none. No file is no program.
///
/// # Errors
/// When there is a file and it is no kubeconfig: a sentence.
pub(crate) fn programs_of(
    kubeconfig: Option<&Path>,
    only: Option<&[&str]>,
) -> Result<Vec<Named>, String> {
    let Some(read) = if_there(kubeconfig)? else {
        return Ok(Vec::new());
    };
    let wanted = |name: &str| only.is_none_or(|only| only.contains(&name));
    let contexts = read.contexts.iter().map(|named| named.name.clone());
    let contexts: Vec<String> = contexts.filter(|name| wanted(name)).collect();
    let of = |context: String| {
        // As when it is signed in with: another server would be another hash.
        let mut taken = read.clone();
        as_kubectl_takes_it(&context, &mut taken).ok()?;
        let cluster = entry(&context, &taken);
        let auth = program::taken_out(&context, &mut taken)?;
        let exec = auth.exec.filter(|exec| !program::is_ours(exec))?;
        let by = context_of(&context, kubeconfig);
        Some(plugin::named(by, &exec, cluster.as_ref()))
    };
    Ok(contexts.into_iter().filter_map(of).collect())
}

/// A place, resolved.
pub(super) struct Resolved {
    pub(super) config: Config,
    pub(super) signs_in: SignsIn,
    /// The files as they were when they were read.
    pub(super) stamp: Stamp,
    /// There is nothing to sign in with.
    pub(super) nobody: bool,
    /// When its client certificate ends.
    pub(super) until: Option<Timestamp>,
    pub(super) name: Arc<str>,
    pub(super) account: Option<AccountId>,
    pub(super) region: Option<Arc<str>>,
    /// The user its writes are of.
    pub(super) act_user: Option<ActUser>,
}

/// Length and time of the kubeconfig's files and of those that it names: no longer current once one of them was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Stamp(Vec<(PathBuf, Written)>);

/// Of a file that is there.
type Written = Option<(u64, SystemTime)>;

fn written(file: &Path) -> Written {
    let about = std::fs::metadata(file).ok()?;
    Some((about.len(), about.modified().ok()?))
}

impl Stamp {
    /// Of the files of a place as they are (<https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>,
    /// the KUBECONFIG variable).
    pub(super) fn of(place: &ClusterPlace) -> Self {
        let files = match (&place.kubeconfig, std::env::var_os("KUBECONFIG")) {
            (Some(file), _) => vec![file.clone()],
            (None, Some(files)) => std::env::split_paths(&files).collect(),
            (None, None) => {
                let home = std::env::var_os("HOME").map(PathBuf::from);
                home.map(|home| home.join(".kube/config"))
                    .into_iter()
                    .collect()
            }
        };
        Self(Vec::new()).and(files)
    }

    /// And of more.
    fn and(mut self, files: Vec<PathBuf>) -> Self {
        let each = files.into_iter().map(|file| {
            let about = written(&file);
            (file, about)
        });
        self.0.extend(each);
        self
    }

    /// Whether all of them are as they were.
    pub(super) fn is_current(&self) -> bool {
        self.0.iter().all(|(file, was)| written(file) == *was)
    }
}

/// Who signs in.
pub(super) enum SignsIn {
    /// What the configuration itself has: a token, a token file, a certificate, nothing.
    Itself,
    /// We do, for EKS.
    Signer(Box<Signer>),
    /// A program, once it was approved.
    Program(Box<Plugin>),
}

/// Reads the kubeconfig and resolves the context as it is at `now`, the platform's time. Nothing is run.
pub(super) async fn read(
    place: &ClusterPlace,
    context: &str,
    now: Timestamp,
) -> Result<Resolved, SourceFailure> {
    let stamp = Stamp::of(place);
    let mut kubeconfig =
        whole(place.kubeconfig.as_deref()).map_err(|error| refused(place, &error))?;
    let cluster = cluster_entry(context, &kubeconfig);
    let arn = ClusterArn::parse(&cluster).or_else(|| ClusterArn::parse(context));
    let beside = as_kubectl_takes_it(context, &mut kubeconfig);
    let beside = beside.map_err(|flaw| flawed(place, &flaw))?;
    let stamp = stamp.and(beside.files);
    let entry = entry(context, &kubeconfig);
    let signs_in = match program::taken_out(context, &mut kubeconfig) {
        None => SignsIn::Itself,
        Some(auth) => program::stands_in(place, context, arn.as_ref(), &auth, entry.as_ref())?,
    };
    let mut config = resolve(kubeconfig, context)
        .await
        .map_err(|error| refused(place, &error))?;
    through(&mut config, entry.as_ref()).map_err(|error| refused(place, &error))?;
    let act_user = act_user(place, arn.as_ref());
    if let (Some(other), Some(user)) = (&config.auth_info.impersonate, act_user) {
        return Err(two_users(place, other, user));
    }
    let endings = Endings::of(&config);
    place.certificates.note(place, endings);
    if let Some(over) = endings.over(place, now) {
        return Err(over);
    }
    if let SignsIn::Signer(signer) = &signs_in {
        may_be_told(place, &config, signer)?;
    }
    if !matches!(signs_in, SignsIn::Program(_)) {
        place.programs.waits_no_more(&named_by(place));
    }
    Ok(Resolved {
        name: place
            .name
            .as_deref()
            .or(arn.as_ref().map(|arn| arn.name))
            .unwrap_or(context)
            .into(),
        account: match &arn {
            Some(arn) => Some(AccountId::new(arn.account)),
            None => place.account.clone(),
        },
        region: match &arn {
            Some(arn) => Some(arn.region.into()),
            None => place.region.clone(),
        },
        config,
        signs_in,
        nobody: beside.nobody,
        act_user: act_user.cloned(),
        stamp,
        until: endings.client,
    })
}

/// Sets the proxy as kubectl does: kube asks `NO_PROXY` about the proxy, not about the cluster.
pub(super) fn through(config: &mut Config, entry: Option<&Cluster>) -> Result<(), KubeconfigError> {
    let named = entry.and_then(|cluster| cluster.proxy_url.as_deref());
    let variable = |name: &str| std::env::var(name).ok();
    config.proxy_url = proxy::of_cluster(&config.cluster_url, named, variable)
        .map_err(KubeconfigError::ParseProxyUrl)?;
    Ok(())
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

/// The cluster entry itself.
fn entry(context: &str, kubeconfig: &Kubeconfig) -> Option<Cluster> {
    let cluster = cluster_entry(context, kubeconfig);
    let mut entries = kubeconfig.clusters.iter();
    entries.find(|named| named.name == cluster)?.cluster.clone()
}

/// In the middle of a sentence: `context c of /k`.
pub(super) fn named_by(place: &ClusterPlace) -> String {
    match &place.entrance {
        Entrance::Context(context) => context_of(context, place.kubeconfig.as_deref()),
        Entrance::Eks(name) => format!("the EKS cluster {name}"),
    }
}

fn context_of(context: &str, kubeconfig: Option<&Path>) -> String {
    visible(&format!("context {context} of {}", file_of(kubeconfig)))
}

pub(super) fn file(place: &ClusterPlace) -> String {
    file_of(place.kubeconfig.as_deref())
}

fn file_of(kubeconfig: Option<&Path>) -> String {
    match kubeconfig {
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
