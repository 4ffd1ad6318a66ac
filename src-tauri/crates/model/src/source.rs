//! Where readings come from, and how each source is doing.

use crate::failure::SourceFailure;
use crate::id::{AccountId, SourceId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The API a reading came from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// AWS STS: who we are.
    Sts,
    /// AWS IAM: what we are allowed.
    Iam,
    /// Amazon Route 53.
    Route53,
    /// Amazon CloudFront.
    CloudFront,
    /// Elastic Load Balancing v2.
    Elb,
    /// Amazon EC2: the subnets of nodegroups.
    Ec2,
    /// Amazon EKS.
    Eks,
    /// A cluster's Kubernetes API server.
    Kubernetes,
    /// Amazon RDS (Aurora).
    Rds,
    /// Amazon SQS.
    Sqs,
    /// AWS Lambda.
    Lambda,
    /// Amazon CloudWatch.
    CloudWatch,
    /// AWS Price List: what instances cost on demand.
    Pricing,
    /// Application Recovery Controller: zonal shifts.
    #[serde(rename = "arc-zonal-shift")]
    ZonalShift,
    /// The stack file's own declarations.
    Stack,
}

impl Service {
    /// The name as people say it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Service::Sts => "STS",
            Service::Iam => "IAM",
            Service::Route53 => "Route 53",
            Service::CloudFront => "CloudFront",
            Service::Elb => "Load balancing",
            Service::Ec2 => "EC2",
            Service::Eks => "EKS",
            Service::Kubernetes => "Kubernetes",
            Service::Rds => "RDS",
            Service::Sqs => "SQS",
            Service::Lambda => "Lambda",
            Service::CloudWatch => "CloudWatch",
            Service::Pricing => "Price List",
            Service::ZonalShift => "ARC zonal shift",
            Service::Stack => "stack file",
        }
    }

    /// The lower-case word of ids and `--fault` specifications.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Service::Sts => "sts",
            Service::Iam => "iam",
            Service::Route53 => "route53",
            Service::CloudFront => "cloudfront",
            Service::Elb => "elb",
            Service::Ec2 => "ec2",
            Service::Eks => "eks",
            Service::Kubernetes => "kubernetes",
            Service::Rds => "rds",
            Service::Sqs => "sqs",
            Service::Lambda => "lambda",
            Service::CloudWatch => "cloudwatch",
            Service::Pricing => "pricing",
            Service::ZonalShift => "arc-zonal-shift",
            Service::Stack => "stack",
        }
    }
}

/// Where something lives. Absent parts do not apply (a hosted zone has no region).
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
pub struct Scope {
    /// AWS account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub account: Option<AccountId>,
    /// AWS region, e.g. `us-east-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub region: Option<Arc<str>>,
    /// Availability zone by name, e.g. `us-east-1b`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub az: Option<Arc<str>>,
    /// EKS cluster name (or kubeconfig context).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub cluster: Option<Arc<str>>,
    /// Kubernetes namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "string")]
    pub namespace: Option<Arc<str>>,
}

/// One thing that is read on its own period and fails on its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
pub struct Source {
    /// Its stable id.
    pub id: SourceId,
    /// The API it asks.
    pub service: Service,
    /// What it covers.
    pub scope: Scope,
    /// Which part of the API, where a service is read in parts (`queues`, `move-tasks`, `pods`).
    pub part: String,
}

impl Source {
    /// Builds the source and its id `service/account/region[/cluster]/part`.
    #[must_use]
    pub fn new(service: Service, scope: Scope, part: &str) -> Self {
        let account = scope.account.as_ref().map_or("-", |a| a.as_str());
        let region = scope.region.as_deref().unwrap_or("global");
        let cluster = scope
            .cluster
            .as_deref()
            .map(|c| format!("/{c}"))
            .unwrap_or_default();
        let id = SourceId::new(format!(
            "{}/{account}/{region}{cluster}/{part}",
            service.as_str()
        ));
        Self {
            id,
            service,
            scope,
            part: part.to_owned(),
        }
    }

    /// Whether what it tells bears on how anything is. What instances cost does not, nor does who keeps a mapping, nor
    /// which zone somebody has moved traffic away from (what that does, the figures tell): a picture without them is
    /// whole.
    #[must_use]
    pub fn bears_on_health(&self) -> bool {
        match self.service {
            Service::Pricing | Service::ZonalShift => false,
            Service::Lambda => self.part != "tags",
            Service::Sts
            | Service::Iam
            | Service::Route53
            | Service::CloudFront
            | Service::Elb
            | Service::Ec2
            | Service::Eks
            | Service::Kubernetes
            | Service::Rds
            | Service::Sqs
            | Service::CloudWatch
            | Service::Stack => true,
        }
    }
}

/// Whether a source can be believed now.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Never answered yet, first reading under way. Serialised as `stale` in `qd topology`.
    Pending,
    /// The last reading succeeded and is younger than twice the period.
    Ok,
    /// Older than twice its period: shown with its age, rolls up as Unknown.
    Stale,
    /// The last attempt failed.
    Failed,
}

/// A source and how it is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct SourceStatus {
    /// Which source.
    #[serde(flatten)]
    pub source: Source,
    /// Can it be believed.
    pub state: State,
    /// Platform time of the last good reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub last_ok: Option<Timestamp>,
    /// Expected seconds between readings now (adapts); watches: the longest silence accepted.
    pub period_seconds: f64,
    /// The last good reading, if there is one, is older than twice the period by the local clock
    /// (always true of a stale source, sooner or later of a failed one): what it found rolls up
    /// as Unknown. A failed source that is not outdated is still believed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub outdated: bool,
    /// Requests sent since start.
    pub requests: u64,
    /// Malformed items skipped in the last reading.
    pub skipped: u32,
    /// Why it is not ok, in a sentence with the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<String>,
    /// The failure behind `error`, classified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub failure: Option<SourceFailure>,
}

impl SourceStatus {
    /// Whether the picture is not whole for want of it.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.state != State::Ok && self.source.bears_on_health()
    }
}

/// The partition of a region (AWS General Reference, "Amazon Resource Names"): ARNs begin with it.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_without_prices_owners_and_shifts_is_whole_and_without_anything_else_it_is_not() {
        let bears = |service, part| Source::new(service, Scope::default(), part).bears_on_health();
        assert!(!bears(Service::Pricing, "instances"));
        assert!(!bears(Service::Lambda, "tags"));
        assert!(!bears(Service::ZonalShift, "shifts"));
        assert!(bears(Service::Lambda, "mappings"));
        assert!(bears(Service::Sqs, "queues"));
    }
}
