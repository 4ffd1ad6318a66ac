//! The global services: distributions and health checks. Their metrics are in us-east-1 only.
//!
//! Metrics: CloudFront guide, viewing-cloudfront-metrics (`Region` is `Global`; origin latency and
//! hit rate only where additional metrics are on); Route 53 guide, monitoring-health-checks.

use super::alarms::on_global_services;
use super::figure::{Figure, PER_SECOND, Show, Subject, measure, readings};
use super::metric::Window;
use crate::{Known, Round};
use model::{Fact, Found, Kind, SourceFailure};

super::metrics! {
    /// Requests, errors and hit rate of distributions; state of health checks; their alarms, where
    /// no regional session would read them.
    EdgeMetrics, "edge-metrics", Global, [CloudFront, Route53], edge
}

const OF_DISTRIBUTION: &[Figure] = &[
    Figure::new(
        Fact::RequestsPerSecond,
        "Requests",
        "Sum",
        PER_SECOND,
        Show::Past,
    ),
    Figure::new(
        Fact::Error4xxPercent,
        "4xxErrorRate",
        "Average",
        1.0,
        Show::Past,
    ),
    Figure::new(
        Fact::Error5xxPercent,
        "5xxErrorRate",
        "Average",
        1.0,
        Show::Past,
    ),
    Figure::new(
        Fact::OriginLatencyMs,
        "OriginLatency",
        "Average",
        1.0,
        Show::Newest,
    ),
    Figure::new(
        Fact::CacheHitPercent,
        "CacheHitRate",
        "Average",
        1.0,
        Show::Newest,
    ),
];

const OF_CHECK: &[Figure] = &[
    Figure::new(
        Fact::CheckStatus,
        "HealthCheckStatus",
        "Minimum",
        1.0,
        Show::Whole,
    ),
    Figure::new(
        Fact::CheckersHealthyPercent,
        "HealthCheckPercentageHealthy",
        "Average",
        1.0,
        Show::Newest,
    ),
];

async fn edge(round: &Round<'_>, known: &Known) -> Result<Vec<Found>, SourceFailure> {
    let window = Window::recent(round.session.clock.now());
    let distributions = known
        .here(round.session, Kind::Distribution)
        .map(|node| Subject {
            about: node.id.clone(),
            zone: None,
            namespace: "AWS/CloudFront",
            dimensions: vec![
                ("DistributionId", node.name.clone()),
                ("Region", "Global".to_owned()),
            ],
            figures: OF_DISTRIBUTION,
        });
    let checks = known
        .here(round.session, Kind::HealthCheck)
        .map(|node| Subject {
            about: node.id.clone(),
            zone: None,
            namespace: "AWS/Route53",
            dimensions: vec![("HealthCheckId", node.name.clone())],
            figures: OF_CHECK,
        });
    let subjects = distributions.chain(checks).collect();
    let measured = measure(round, &window, subjects).await?;
    let mut found = readings(&window, &measured, |_, _, _| {});
    if !round.session.covered {
        found.extend(on_global_services(round).await?);
    }
    Ok(found)
}
