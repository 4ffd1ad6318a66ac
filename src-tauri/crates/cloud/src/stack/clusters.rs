//! The clusters a stack file names: each by a context of the kubeconfig or by its EKS name.

use super::{StackAccount, StackError, Wrong};
use serde::Deserialize;
use toml::Spanned;

/// One cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackCluster {
    /// Which account, by profile; `None`: the first.
    pub profile: Option<String>,
    /// Its region.
    pub region: String,
    /// How it is reached.
    pub entrance: Entrance,
    /// Its EKS name, where the context does not tell.
    pub name: Option<String>,
}

/// How a cluster's API server is reached and signed in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// By a context of the kubeconfig.
    Context(String),
    /// By its EKS name: EKS tells where it is, the account's credentials sign in.
    Eks(String),
}

impl Entrance {
    /// The context's or the cluster's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Context(name) | Self::Eks(name) => name,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCluster {
    profile: Option<String>,
    region: String,
    context: Option<String>,
    eks: Option<String>,
    name: Option<String>,
}

pub(super) fn clusters(
    written: Vec<Spanned<WrittenCluster>>,
    accounts: &[StackAccount],
    wrong: &Wrong<'_>,
) -> Result<Vec<StackCluster>, StackError> {
    let cluster = |written: Spanned<WrittenCluster>| {
        let span = written.span();
        let written = written.into_inner();
        check_region(&written, accounts).map_err(|reason| wrong(span.clone(), &reason))?;
        let entrance = entrance(&written).map_err(|reason| wrong(span, &reason))?;
        Ok(StackCluster {
            profile: written.profile,
            region: written.region,
            entrance,
            name: written.name,
        })
    };
    written.into_iter().map(cluster).collect()
}

fn check_region(cluster: &WrittenCluster, accounts: &[StackAccount]) -> Result<(), String> {
    let account = match &cluster.profile {
        Some(_) => accounts.iter().find(|a| a.profile == cluster.profile),
        None => accounts.first(),
    };
    let Some(account) = account else {
        let profile = cluster.profile.as_deref().unwrap_or_default();
        return Err(format!(
            "no [[account]] has the profile {profile:?} of this cluster"
        ));
    };
    match account.regions.contains(&cluster.region) {
        true => Ok(()),
        false => Err(format!(
            "the region {:?} of this cluster is not among its account's regions",
            cluster.region
        )),
    }
}

fn entrance(cluster: &WrittenCluster) -> Result<Entrance, &'static str> {
    match (&cluster.context, &cluster.eks, &cluster.name) {
        (Some(context), None, _) => Ok(Entrance::Context(context.clone())),
        (None, Some(eks), None) => Ok(Entrance::Eks(eks.clone())),
        (None, Some(_), Some(_)) => Err("eks is this cluster's name already: leave name out"),
        (Some(_), Some(_), _) => Err("this cluster has both context and eks: give one of them"),
        (None, None, _) => Err(
            "this cluster has neither context (of the kubeconfig) nor eks (its EKS name): give one of them",
        ),
    }
}
