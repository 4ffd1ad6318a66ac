//! What reading a platform costs its owner: requests, and what AWS charges for some of them.
//!
//! List prices in USD without free tiers and discounts: CloudWatch <https://aws.amazon.com/cloudwatch/pricing/>, SQS
//! <https://aws.amazon.com/sqs/pricing/>. Every other call the console reads with is free of charge. The figure is of
//! what is read: repeated attempts of the SDK and the messages a run moves or looks at are not in it, and a FIFO queue's
//! requests cost a quarter more than is reckoned.

use crate::source::Service;
use serde::{Deserialize, Serialize};

/// A metric that `GetMetricData` is asked for: $0.01 per 1,000, in billionths of a dollar.
pub const METRIC: u64 = 10_000;

/// One request, in billionths of a dollar; what it asks of `GetMetricData` comes on top.
#[must_use]
pub const fn request(service: Service) -> u64 {
    match service {
        // $0.40 per million requests of a standard queue.
        Service::Sqs => 400,
        // $0.01 per 1,000 requests.
        Service::CloudWatch => 10_000,
        Service::Sts
        | Service::Iam
        | Service::Route53
        | Service::CloudFront
        | Service::Elb
        | Service::Ec2
        | Service::Eks
        | Service::Kubernetes
        | Service::Rds
        | Service::Lambda
        | Service::Pricing
        | Service::ZonalShift
        | Service::Stack => 0,
    }
}

/// What reading costs at its present pace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Cost {
    /// Requests of the last minute, retries included.
    pub requests_per_minute: f64,
    /// Of the last ten minutes, carried on for a day; absent until there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub dollars_per_day: Option<f64>,
    /// What the stack file allows; absent: it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub budget_dollars_per_day: Option<f64>,
    /// How many times longer than by itself it rests between two readings that cost something, while all is calm.
    pub slowed: f64,
}

/// The longest that a budget stretches the rests: what is staler than that is of no use at night.
pub const SLOWEST: f64 = 5.0;

/// How much longer than by itself to rest, where that would cost so much a day.
#[must_use]
pub fn slowed(dollars_per_day: f64, budget: f64) -> f64 {
    if budget <= 0.0 {
        return SLOWEST;
    }
    (dollars_per_day / budget).clamp(1.0, SLOWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_stretches_the_rests_as_far_as_it_takes_within_bounds() {
        for (dollars, budget, wanted) in [
            (4.0, 2.0, 2.0),
            (4.0, 10.0, 1.0),
            (4.0, 0.1, SLOWEST),
            (4.0, 0.0, SLOWEST),
        ] {
            let slowed = slowed(dollars, budget);
            assert!((slowed - wanted).abs() < f64::EPSILON, "{budget}: {slowed}");
        }
    }
}
