//! `[[expect]]`: things that must be there. One that is not is shown as missing.
//!
//! ```toml
//! [[expect]]
//! # A loadbalancer is an application, network or gateway one: classic ones are not read. A dbcluster or dbinstance is
//! # Aurora's; another one that is not found is said to be unread, not missing.
//! kind = "queue"            # queue, function, dbcluster, dbinstance, loadbalancer, targetgroup, cluster, alarm, distribution
//! name = "orders-dlq"       # AWS's own name; of a distribution its id
//! region = "us-east-1"      # may be left out where there is one
//! profile = "meridian-prod" # may be left out where there is one account
//! ```

use super::{StackAccount, StackError, Wrong};
use model::Kind;
use serde::Deserialize;
use toml::Spanned;

/// A thing that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackExpected {
    /// What it is.
    pub kind: Kind,
    /// Position of its account in the stack file.
    pub account: usize,
    /// Its region; `None` of what is global.
    pub region: Option<String>,
    /// AWS's own name of it.
    pub name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenExpected {
    kind: Spanned<Kind>,
    name: String,
    region: Option<Spanned<String>>,
    profile: Option<Spanned<String>>,
}

/// What is expected, each in a place that the stack file names.
pub(super) fn expected(
    written: Vec<Spanned<WrittenExpected>>,
    accounts: &[StackAccount],
    wrong: &Wrong<'_>,
) -> Result<Vec<StackExpected>, StackError> {
    let mut all = Vec::new();
    for one in written {
        let span = one.span();
        let one = one.into_inner();
        let kind = *one.kind.as_ref();
        let account = match one.profile {
            None if accounts.len() == 1 => 0,
            None => return Err(wrong(span, &"several accounts are named: give its profile")),
            Some(profile) => account(profile, accounts, wrong)?,
        };
        let regions = &accounts[account].regions;
        let region = match (is_global(kind), one.region) {
            (None, _) => {
                let reason = format!("a {kind} cannot be expected by its name");
                return Err(wrong(one.kind.span(), &reason));
            }
            (Some(true), None) => None,
            (Some(true), Some(region)) => {
                return Err(wrong(region.span(), &format!("a {kind} has no region")));
            }
            (Some(false), Some(region)) if regions.contains(region.as_ref()) => {
                Some(region.into_inner())
            }
            (Some(false), Some(region)) => {
                let reason = format!("the account has no region {:?}", region.as_ref());
                return Err(wrong(region.span(), &reason));
            }
            (Some(false), None) => match regions.as_slice() {
                [only] => Some(only.clone()),
                _ => return Err(wrong(span, &"the account has several regions: name one")),
            },
        };
        all.push(StackExpected {
            kind,
            account,
            region,
            name: one.name,
        });
    }
    Ok(all)
}

fn account(
    profile: Spanned<String>,
    accounts: &[StackAccount],
    wrong: &Wrong<'_>,
) -> Result<usize, StackError> {
    let named = |account: &StackAccount| account.profile.as_ref() == Some(profile.as_ref());
    accounts.iter().position(named).ok_or_else(|| {
        let reason = format!("no [[account]] has the profile {:?}", profile.as_ref());
        wrong(profile.span(), &reason)
    })
}

/// Whether things of this kind are in no region; `None`: their name alone does not tell which one is meant, or nothing
/// reads them.
const fn is_global(kind: Kind) -> Option<bool> {
    match kind {
        Kind::Distribution => Some(true),
        Kind::LoadBalancer
        | Kind::TargetGroup
        | Kind::Cluster
        | Kind::DbCluster
        | Kind::DbInstance
        | Kind::Queue
        | Kind::Function
        | Kind::Alarm => Some(false),
        Kind::Zone
        | Kind::Record
        | Kind::HealthCheck
        | Kind::WebAcl
        | Kind::Bucket
        | Kind::Nodegroup
        | Kind::NodePool
        | Kind::Node
        | Kind::Namespace
        | Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::Pod
        | Kind::Hpa
        | Kind::ScaledObject
        | Kind::Application
        | Kind::Kustomization
        | Kind::HelmRelease
        | Kind::Service
        | Kind::Ingress
        | Kind::DbGlobal
        | Kind::CacheGroup
        | Kind::CacheNode
        | Kind::Mapping => None,
    }
}
