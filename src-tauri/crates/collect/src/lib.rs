//! Reads of the platform: what is there, in the services' own words. Nothing here judges or links.
//!
//! A [`Collector`] reads one part of one AWS API for one session and fails on its own; the engine
//! decides when. [`COLLECTORS`] lists them: one more service is one more file in [`aws`] and its
//! rows there.

pub mod aws;
pub mod kubernetes;
mod round;

pub use round::{Round, each};

use async_trait::async_trait;
use cloud::Session;
use model::{Found, FoundNode, Kind, Service, SourceFailure};
use std::sync::Arc;
use std::time::Duration;

/// Reads one part of one AWS API.
#[async_trait]
pub trait Collector: Send + Sync {
    /// The API it asks.
    fn service(&self) -> Service;

    /// Which part of it: `queues`, `move-tasks`, `records` ….
    fn part(&self) -> &'static str;

    /// Whether it is read once per account or in every region.
    fn reach(&self) -> Reach;

    /// Time between readings while all is calm.
    fn period(&self) -> Duration;

    /// The shortest time between readings that can bring news, however hurried it is.
    fn floor(&self) -> Duration {
        Duration::ZERO
    }

    /// Services whose nodes it needs to know: its first reading waits until every source of them
    /// in the same session has reported once, well or not. Sources that need something themselves
    /// are not waited for: they find no nodes, only figures.
    fn needs(&self) -> &'static [Service] {
        &[]
    }

    /// Reads. One malformed item is skipped and counted, one dead call is a failure: never a panic.
    async fn collect(&self, session: &Session, known: &Known) -> Reading;
}

/// Where a part is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Once per account, with its global session.
    Global,
    /// In every region.
    Regional,
}

/// What one reading brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Requests it took, retries included.
    pub requests: u32,
    /// Malformed items left out.
    pub skipped: u32,
    /// What was found lacks something, because a question about one of its things was not answered.
    pub partial: Option<SourceFailure>,
    /// What was found, or why nothing was.
    pub outcome: Result<Vec<Found>, SourceFailure>,
}

/// What the other sources of the account have found.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Their nodes, of all regions.
    pub nodes: Vec<Arc<FoundNode>>,
}

impl Known {
    /// The nodes of one kind that live where `session` looks.
    pub fn here(&self, session: &Session, kind: Kind) -> impl Iterator<Item = &FoundNode> {
        let scope = session.scope();
        self.nodes.iter().map(AsRef::as_ref).filter(move |node| {
            node.kind == kind
                && node.scope.account == scope.account
                && node.scope.region == scope.region
                && node.standing == model::Standing::Read
        })
    }
}

/// Every AWS collector, in the order of the path.
pub const COLLECTORS: &[&dyn Collector] = &[
    &aws::sts::Who,
    &aws::route53::Records,
    &aws::route53::HealthChecks,
    &aws::cloudfront::Distributions,
    &aws::elb::Balancers,
    &aws::elb::TargetGroups,
    &aws::eks::Clusters,
    &aws::ec2::Subnets,
    &aws::rds::Clusters,
    &aws::rds::GlobalClusters,
    &aws::rds::Events,
    &aws::rds::Maintenance,
    &aws::rds::Quotas,
    &aws::rds::Proxies,
    &aws::sqs::Queues,
    &aws::sqs::DeadLetterSources,
    &aws::sqs::MoveTasks,
    &aws::lambda::Functions,
    &aws::lambda::Mappings,
    &aws::lambda::States,
    &aws::lambda::Concurrency,
    &aws::lambda::Tags,
    &aws::cloudwatch::EdgeMetrics,
    &aws::cloudwatch::BalancerMetrics,
    &aws::cloudwatch::DatabaseMetrics,
    &aws::cloudwatch::QueueMetrics,
    &aws::cloudwatch::FunctionMetrics,
    &aws::cloudwatch::ProcessorQuotas,
    &aws::cloudwatch::Alarms,
    &aws::pricing::Instances,
    &aws::zonal_shift::Shifts,
];
