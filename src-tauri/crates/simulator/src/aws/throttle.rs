//! Token buckets at AWS's documented limits.
//!
//! Route 53 Developer Guide, throttling API requests; RDS and Elastic Load Balancing API throttling pages; CloudWatch
//! and Lambda quotas. Where AWS publishes none, the bucket is wide. They refill in wall time, in which a client backs off,
//! or in the world's where that runs ahead: what reads it then reads as much oftener.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::request::{Call, Service};
use crate::clock::Millis;

/// Capacity, and tokens a second.
#[derive(Debug, Clone, Copy)]
struct Limit {
    burst: f64,
    per_second: f64,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: (Instant, Millis),
}

/// The buckets of the account.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    buckets: HashMap<(Service, String, &'static str), Bucket>,
}

impl Throttle {
    /// Takes a token for the call; false when there is none.
    pub(crate) fn admit(&mut self, call: &Call, now: Instant) -> bool {
        let (name, limit) = limit(call);
        let global = matches!(call.service, Service::Route53 | Service::CloudFront);
        let region = if global {
            String::new()
        } else {
            call.region.clone()
        };
        let bucket = self
            .buckets
            .entry((call.service, region, name))
            .or_insert(Bucket {
                tokens: limit.burst,
                filled: (now, call.now),
            });
        let refill = passed(bucket.filled, (now, call.now)).as_secs_f64() * limit.per_second;
        bucket.tokens = (bucket.tokens + refill).min(limit.burst);
        bucket.filled = (now, call.now);
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }
}

fn passed(since: (Instant, Millis), now: (Instant, Millis)) -> Duration {
    let world = u64::try_from(now.1.since(since.1)).unwrap_or_default();
    let wall = now.0.saturating_duration_since(since.0);
    wall.max(Duration::from_millis(world))
}

fn limit(call: &Call) -> (&'static str, Limit) {
    let of = |burst, per_second| Limit { burst, per_second };
    match (call.service, call.operation.as_str()) {
        (Service::Route53, "GetHealthCheckStatus") => ("status", of(4.0, 1.0)),
        (Service::Route53, _) => ("all", of(50.0, 10.0)),
        (Service::Rds, _) => ("all", of(300.0, 12.0)),
        // EC2 Developer Guide, "Request throttling for the Amazon EC2 API": non-mutating, with a page size.
        (Service::Ec2, _) => ("read", of(100.0, 20.0)),
        // Billing User Guide, "Using the AWS Price List Query API".
        (Service::Pricing, _) => ("all", of(10.0, 5.0)),
        (Service::Elb, _) => ("read", of(40.0, 10.0)),
        (Service::CloudWatch, "GetMetricData") => ("data", of(50.0, 50.0)),
        (Service::CloudWatch, "ListMetrics") => ("list", of(25.0, 25.0)),
        (Service::CloudWatch, "DescribeAlarms") => ("alarms", of(9.0, 9.0)),
        (Service::Lambda, "GetFunction") => ("get", of(100.0, 100.0)),
        (Service::Lambda, _) => ("control", of(15.0, 15.0)),
        (
            Service::Sts
            | Service::CloudFront
            | Service::Eks
            | Service::Sqs
            | Service::CloudWatch
            | Service::S3
            | Service::AutoScaling
            | Service::Iam
            | Service::ZonalShift,
            _,
        ) => ("all", of(3000.0, 3000.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::request::Protocol;

    #[test]
    fn a_bucket_empties_and_refills_at_the_documented_rate() {
        let mut call = Call {
            service: Service::Elb,
            region: "eu-west-1".into(),
            protocol: Protocol::Query,
            operation: "DescribeLoadBalancers".into(),
            input: serde_json::Value::Null,
            path: vec![],
            query: std::collections::BTreeMap::new(),
            now: Millis(0),
        };
        let (mut throttle, t0) = (Throttle::default(), Instant::now());
        assert!((0..40).all(|_| throttle.admit(&call, t0)));
        assert!(!throttle.admit(&call, t0));
        assert!(throttle.admit(&call, t0 + Duration::from_millis(101)));
        assert!(!throttle.admit(&call, t0 + Duration::from_millis(101)));
        call.now = Millis(101);
        assert!(throttle.admit(&call, t0 + Duration::from_millis(101)));
    }
}
