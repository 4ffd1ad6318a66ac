//! Request budgets: token buckets at AWS's documented limits, so that this console is never the
//! reason somebody else's call is throttled.
//!
//! | API | burst | per second | source |
//! |---|---|---|---|
//! | Route 53 | 50 | 10 | DeveloperGuide/throttling-api-requests |
//! | Elastic Load Balancing, describe | 40 | 10 | elb-api-throttling |
//! | RDS | 300 | 12 | rds-api-throttling |
//! | Lambda control plane | 15 | 15 | gettingstarted-limits, "rate of control plane API requests" |
//! | CloudWatch | 9 | 9 | the tightest of ours: DescribeAlarms, cloudwatch_limits (GetMetricData 50) |
//! | Price List | 10 | 5 | awsaccountbilling/latest/aboutv2/using-pelong, "Quotas" |
//! | STS | 100 | 100 | quota 600 per second; we need one call |
//! | SQS, EKS, CloudFront | | | not published: our own bounds, backed off when throttled |

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use model::{Service, cost};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The request budget of one session. Sessions of one account and region share their buckets.
#[derive(Clone, Debug)]
pub struct Budget {
    buckets: Arc<Buckets>,
    sent: Arc<AtomicU64>,
    /// Billionths of a dollar.
    charged: Arc<AtomicU64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    /// Full buckets of their own.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buckets: Arc::new(Buckets::new()),
            sent: Arc::default(),
            charged: Arc::default(),
        }
    }

    /// A budget that draws on the same buckets and counts for itself.
    #[must_use]
    pub fn sharing(&self) -> Self {
        Self {
            buckets: self.buckets.clone(),
            sent: Arc::default(),
            charged: Arc::default(),
        }
    }

    /// Waits until one more request to `service` is within its limit, and takes it.
    pub async fn spend(&self, service: Service) {
        self.buckets.of(service).until_ready().await;
        self.charge(cost::request(service));
    }

    /// So many metrics are asked for by the next request.
    pub fn asks_metrics(&self, metrics: usize) {
        let metrics = u64::try_from(metrics).unwrap_or(u64::MAX);
        self.charge(metrics.saturating_mul(cost::METRIC));
    }

    fn charge(&self, nanodollars: u64) {
        self.charged.fetch_add(nanodollars, Ordering::Relaxed);
    }

    /// What AWS charges for what was read since the session was opened, at list prices, in billionths of a dollar.
    #[must_use]
    pub fn nanodollars(&self) -> u64 {
        self.charged.load(Ordering::Relaxed)
    }

    /// Requests sent since the session was opened, retries included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn sent_one(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Buckets {
    sts: DefaultDirectRateLimiter,
    route53: DefaultDirectRateLimiter,
    cloudfront: DefaultDirectRateLimiter,
    elb: DefaultDirectRateLimiter,
    ec2: DefaultDirectRateLimiter,
    eks: DefaultDirectRateLimiter,
    rds: DefaultDirectRateLimiter,
    sqs: DefaultDirectRateLimiter,
    lambda: DefaultDirectRateLimiter,
    cloudwatch: DefaultDirectRateLimiter,
    pricing: DefaultDirectRateLimiter,
    /// ARC publishes no rates of its zonal shift API; one list is read a minute.
    zonal_shift: DefaultDirectRateLimiter,
    /// Rights are asked for now and then; IAM is one service for all regions and publishes no rates.
    iam: DefaultDirectRateLimiter,
    /// Kubernetes is watched, not polled; the stack file is read once.
    rest: DefaultDirectRateLimiter,
}

impl Buckets {
    fn new() -> Self {
        Self {
            sts: bucket(100, 100),
            route53: bucket(50, 10),
            cloudfront: bucket(20, 10),
            elb: bucket(40, 10),
            ec2: bucket(50, 10),
            eks: bucket(40, 10),
            rds: bucket(300, 12),
            sqs: bucket(300, 150),
            lambda: bucket(15, 15),
            cloudwatch: bucket(9, 9),
            pricing: bucket(10, 5),
            zonal_shift: bucket(10, 5),
            iam: bucket(20, 5),
            rest: bucket(500, 200),
        }
    }

    fn of(&self, service: Service) -> &DefaultDirectRateLimiter {
        match service {
            Service::Sts => &self.sts,
            Service::Route53 => &self.route53,
            Service::CloudFront => &self.cloudfront,
            Service::Elb => &self.elb,
            Service::Ec2 => &self.ec2,
            Service::Eks => &self.eks,
            Service::Rds => &self.rds,
            Service::Sqs => &self.sqs,
            Service::Lambda => &self.lambda,
            Service::CloudWatch => &self.cloudwatch,
            Service::Pricing => &self.pricing,
            Service::ZonalShift => &self.zonal_shift,
            Service::Iam => &self.iam,
            Service::Kubernetes | Service::Stack => &self.rest,
        }
    }
}

fn bucket(burst: u32, per_second: u32) -> DefaultDirectRateLimiter {
    let rate = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    RateLimiter::direct(Quota::per_second(rate).allow_burst(burst))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn the_burst_is_free_and_what_follows_waits_for_the_refill() {
        let budget = Budget::new();
        let other = budget.sharing();
        let start = Instant::now();
        for _ in 0..8 {
            budget.spend(Service::CloudWatch).await;
        }
        other.spend(Service::CloudWatch).await;
        assert!(start.elapsed() < Duration::from_millis(90));
        other.spend(Service::CloudWatch).await;
        assert!(start.elapsed() > Duration::from_millis(90));
        budget.spend(Service::Elb).await;
        budget.sent_one();
        assert_eq!((budget.requests(), other.requests()), (1, 0));
        // Eight requests of CloudWatch at $0.01 a thousand, and a hundred metrics at the same price.
        budget.asks_metrics(100);
        assert_eq!(
            (budget.nanodollars(), other.nanodollars()),
            (1_080_000, 20_000)
        );
    }
}
