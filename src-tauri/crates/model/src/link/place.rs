//! What an ARN, an endpoint or a queue URL says about the thing it names: kind, account, region and
//! name are part of the text itself.
//!
//! ARN formats: [Service Authorization Reference](https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html),
//! "Resource types defined by …" of each service.

use crate::id::{AccountId, NodeId};
use crate::kind::Kind;
use crate::observation::Name;
use crate::source::Scope;

/// A thing somebody named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What it is.
    pub(super) kind: Kind,
    /// Its account.
    pub(super) account: String,
    /// Its region; `None` for a global service.
    pub(super) region: Option<String>,
    /// Its name.
    pub(super) name: String,
}

impl Place {
    /// The id under which its own source would report it.
    pub(super) fn id(&self) -> NodeId {
        NodeId::aws(self.kind, &self.account, self.region.as_deref(), &self.name)
    }

    /// Where it lives.
    pub(super) fn scope(&self) -> Scope {
        Scope {
            account: Some(AccountId::new(self.account.as_str())),
            region: self.region.as_deref().map(Into::into),
            ..Scope::default()
        }
    }
}

/// Reads the name; `near` gives account and region where the name leaves them open. `None` when the
/// name does not tell what it names.
pub(super) fn of(name: &Name, near: &Scope) -> Option<Place> {
    match name {
        Name::Arn(arn) => from_arn(arn, near),
        Name::Host(host) => from_host(host, near),
        Name::QueueUrl(url) => from_queue_url(url, near),
        Name::Id(id) => from_id(id.as_str()),
        Name::Ip(..) | Name::Selector(..) => None,
    }
}

fn from_arn(arn: &str, near: &Scope) -> Option<Place> {
    let mut parts = arn.splitn(6, ':');
    (parts.next()? == "arn").then_some(())?;
    let _partition = parts.next()?;
    let (service, region, account, resource) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (kind, name) = resource_of(service, resource)?;
    let near_account = near.account.as_ref().map_or("", AccountId::as_str);
    Some(Place {
        kind,
        account: if account.is_empty() {
            near_account
        } else {
            account
        }
        .to_owned(),
        region: (!region.is_empty() && !is_global(kind)).then(|| region.to_owned()),
        name: name.to_owned(),
    })
}

/// The kind and name in the last part of an ARN.
fn resource_of<'a>(service: &str, resource: &'a str) -> Option<(Kind, &'a str)> {
    let second = |separator: char| resource.split(separator).nth(1);
    Some(match service {
        "sqs" => (Kind::Queue, resource),
        // function:NAME[:QUALIFIER]: a version or alias is the same function.
        "lambda" if resource.starts_with("function:") => (Kind::Function, second(':')?),
        "lambda" if resource.starts_with("event-source-mapping:") => (Kind::Mapping, second(':')?),
        "elasticloadbalancing" if resource.starts_with("loadbalancer/") => {
            (Kind::LoadBalancer, resource.split('/').rev().nth(1)?)
        }
        "elasticloadbalancing" if resource.starts_with("targetgroup/") => {
            (Kind::TargetGroup, second('/')?)
        }
        "cloudfront" if resource.starts_with("distribution/") => (Kind::Distribution, second('/')?),
        "s3" if !resource.contains('/') => (Kind::Bucket, resource),
        "wafv2" if resource.contains("/webacl/") => (Kind::WebAcl, resource.split('/').nth(2)?),
        "rds" if resource.starts_with("cluster:") => (Kind::DbCluster, second(':')?),
        "rds" if resource.starts_with("db:") => (Kind::DbInstance, second(':')?),
        "rds" if resource.starts_with("global-cluster:") => (Kind::DbGlobal, second(':')?),
        "eks" if resource.starts_with("cluster/") => (Kind::Cluster, second('/')?),
        "cloudwatch" if resource.starts_with("alarm:") => {
            (Kind::Alarm, resource.strip_prefix("alarm:")?)
        }
        _ => return None,
    })
}

/// Kinds whose ids carry the region `global`.
const fn is_global(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Zone
            | Kind::Record
            | Kind::HealthCheck
            | Kind::Distribution
            | Kind::Bucket
            | Kind::DbGlobal
    )
}

/// Endpoints that carry the name: balancers
/// (`NAME-NUMBER.REGION.elb.amazonaws.com`), Aurora clusters
/// (`NAME.cluster-HASH.REGION.rds.amazonaws.com`) and instances, buckets.
fn from_host(host: &str, near: &Scope) -> Option<Place> {
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let (kind, region, name) = if let Some(front) = host.strip_suffix(".elb.amazonaws.com") {
        let (label, region) = front.split_once('.')?;
        let (name, _number) = label.rsplit_once('-')?;
        let name = name.strip_prefix("internal-").unwrap_or(name);
        (Kind::LoadBalancer, Some(region), name)
    } else if let Some(front) = host.strip_suffix(".rds.amazonaws.com") {
        let mut labels = front.split('.');
        let (name, hash, region) = (labels.next()?, labels.next()?, labels.next()?);
        let cluster = hash.starts_with("cluster-");
        let kind = if cluster {
            Kind::DbCluster
        } else {
            Kind::DbInstance
        };
        (kind, Some(region), name)
    } else {
        (Kind::Bucket, None, bucket_of(host)?)
    };
    Some(Place {
        kind,
        account: near.account.as_ref()?.to_string(),
        region: region.map(str::to_owned),
        name: name.to_owned(),
    })
}

/// `BUCKET.s3.REGION.amazonaws.com`, `BUCKET.s3.amazonaws.com`, `BUCKET.s3-website-REGION.…`.
fn bucket_of(host: &str) -> Option<&str> {
    let front = host.strip_suffix(".amazonaws.com")?;
    let at = front.rfind(".s3.").or_else(|| front.rfind(".s3-"));
    let at = at.or_else(|| front.ends_with(".s3").then(|| front.len() - 3))?;
    Some(&front[..at])
}

/// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`; behind another endpoint the region is the
/// caller's.
fn from_queue_url(url: &str, near: &Scope) -> Option<Place> {
    let (_, rest) = url.split_once("://")?;
    let mut parts = rest.split('/');
    let (host, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    (crate::id::is_account(account) && parts.next().is_none() && !name.is_empty()).then_some(())?;
    let host = host.strip_prefix("sqs.");
    let named = host.and_then(|h| h.strip_suffix(".amazonaws.com"));
    Some(Place {
        kind: Kind::Queue,
        account: account.to_owned(),
        region: Some(named.or(near.region.as_deref())?.to_owned()),
        name: name.to_owned(),
    })
}

/// Our own ids of AWS things. Kubernetes objects come and go faster than lists agree, so a missing
/// one is no news; of them only the cluster has a place of its own.
fn from_id(id: &str) -> Option<Place> {
    let mut parts = id.splitn(4, '/');
    let word = parts.next()?;
    let kind = *Kind::ALL.iter().find(|k| k.as_str() == word)?;
    let (account, region, name) = (parts.next()?, parts.next()?, parts.next()?);
    lives_in_aws(kind).then(|| Place {
        kind,
        account: account.to_owned(),
        region: (region != "global").then(|| region.to_owned()),
        name: name.to_owned(),
    })
}

/// Whether AWS (and not a Kubernetes API server) owns things of this kind.
const fn lives_in_aws(kind: Kind) -> bool {
    match kind {
        Kind::Zone
        | Kind::Record
        | Kind::HealthCheck
        | Kind::Distribution
        | Kind::WebAcl
        | Kind::Bucket
        | Kind::LoadBalancer
        | Kind::TargetGroup
        | Kind::Cluster
        | Kind::Nodegroup
        | Kind::DbGlobal
        | Kind::DbCluster
        | Kind::DbInstance
        | Kind::CacheGroup
        | Kind::CacheNode
        | Kind::Queue
        | Kind::Function
        | Kind::Mapping
        | Kind::Alarm => true,
        Kind::NodePool
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
        | Kind::Ingress => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near() -> Scope {
        Scope {
            account: Some(AccountId::new("111122223333")),
            region: Some("eu-west-1".into()),
            ..Scope::default()
        }
    }

    fn id(name: Name) -> Option<String> {
        of(&name, &near()).map(|p| p.id().to_string())
    }

    #[test]
    fn arns_tell_kind_region_and_name() {
        let cases = [
            (
                "arn:aws:sqs:us-east-1:444455556666:orders-dlq",
                "queue/444455556666/us-east-1/orders-dlq",
            ),
            (
                "arn:aws:lambda:us-east-1:444455556666:function:settle:live",
                "function/444455556666/us-east-1/settle",
            ),
            (
                "arn:aws:elasticloadbalancing:us-east-1:444455556666:loadbalancer/app/api/50dc6c495c0c9188",
                "loadbalancer/444455556666/us-east-1/api",
            ),
            (
                "arn:aws:elasticloadbalancing:us-east-1:444455556666:targetgroup/api-tg/73e2d6bc24d8a067",
                "targetgroup/444455556666/us-east-1/api-tg",
            ),
            (
                "arn:aws:cloudfront::444455556666:distribution/E2QWRUHAPOMQZL",
                "distribution/444455556666/global/E2QWRUHAPOMQZL",
            ),
            ("arn:aws:s3:::assets", "bucket/111122223333/global/assets"),
            (
                "arn:aws:rds:us-east-1:444455556666:cluster:ledger",
                "dbcluster/444455556666/us-east-1/ledger",
            ),
        ];
        for (arn, expected) in cases {
            assert_eq!(
                id(Name::Arn(arn.into())).as_deref(),
                Some(expected),
                "{arn}"
            );
        }
        assert_eq!(
            id(Name::Arn("arn:aws:iam::444455556666:role/x".into())),
            None
        );
        assert_eq!(id(Name::Arn("not an arn".into())), None);
    }

    #[test]
    fn endpoints_tell_kind_region_and_name() {
        let cases = [
            (
                "internal-api-int-123.us-east-1.elb.amazonaws.com",
                Some("loadbalancer/111122223333/us-east-1/api-int"),
            ),
            (
                "ledger.cluster-ro-c7tj4example.us-east-1.rds.amazonaws.com",
                Some("dbcluster/111122223333/us-east-1/ledger"),
            ),
            (
                "ledger-1.c7tj4example.us-east-1.rds.amazonaws.com",
                Some("dbinstance/111122223333/us-east-1/ledger-1"),
            ),
            (
                "a.b.s3.us-east-1.amazonaws.com",
                Some("bucket/111122223333/global/a.b"),
            ),
            (
                "assets.s3.amazonaws.com",
                Some("bucket/111122223333/global/assets"),
            ),
            ("example.com", None),
        ];
        for (host, expected) in cases {
            assert_eq!(id(Name::Host(host.into())).as_deref(), expected, "{host}");
        }
    }

    #[test]
    fn queue_urls_tell_account_and_name_behind_any_endpoint() {
        let real = Name::QueueUrl("https://sqs.us-east-1.amazonaws.com/444455556666/orders".into());
        assert_eq!(
            id(real).as_deref(),
            Some("queue/444455556666/us-east-1/orders")
        );
        let local = Name::QueueUrl("http://127.0.0.1:4566/444455556666/orders".into());
        assert_eq!(
            id(local).as_deref(),
            Some("queue/444455556666/eu-west-1/orders")
        );
        assert_eq!(id(Name::QueueUrl("http://example.com/a/b".into())), None);
    }
}
