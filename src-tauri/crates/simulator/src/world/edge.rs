//! CloudFront distributions, origin access controls, and the buckets behind them.

use crate::clock::Millis;
use crate::world::geography::GLOBAL;
use crate::world::metric::{MetricKey, Metrics, SeriesId};

/// Where a distribution fetches from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Id within the distribution.
    pub id: String,
    /// Domain.
    pub domain: String,
    /// Id of the origin access control: the origin is a bucket.
    pub access_control: Option<String>,
}

/// A distribution.
#[derive(Debug)]
pub struct Distribution {
    /// Id.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// `d….cloudfront.net`
    pub domain: String,
    /// Alternate names.
    pub aliases: Vec<String>,
    /// Origins.
    pub origins: Vec<Origin>,
    /// Id of the origin group, when the origins fail over.
    pub group: Option<String>,
    /// Comment.
    pub comment: String,
    /// ETag of the configuration.
    pub etag: String,
    /// Certificate.
    pub certificate: String,
    /// Root object.
    pub root: &'static str,
    /// Last change.
    pub modified: Millis,
    /// Past invalidations: id and time, newest first.
    pub invalidations: Vec<(String, Millis)>,
    /// Share of requests answered from the cache.
    pub hit_share: f64,
    series: EdgeSeries,
}

#[derive(Debug)]
struct EdgeSeries {
    requests: SeriesId,
    bytes: SeriesId,
    client_errors: SeriesId,
    server_errors: SeriesId,
    errors: SeriesId,
    hits: SeriesId,
    origin: SeriesId,
}

/// An origin access control.
#[derive(Debug)]
pub struct AccessControl {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    /// Name.
    pub name: String,
    /// Region.
    pub region: String,
    /// When it was made.
    pub created: Millis,
}

/// The edge.
#[derive(Debug, Default)]
pub struct Edge {
    /// Distributions.
    pub distributions: Vec<Distribution>,
    /// Origin access controls.
    pub controls: Vec<AccessControl>,
    /// Buckets.
    pub buckets: Vec<Bucket>,
}

/// What the edge saw in a step.
#[derive(Debug, Clone, Copy, Default)]
pub struct EdgeTraffic {
    /// Requests of viewers.
    pub requests: f64,
    /// Percent answered 4xx.
    pub client_errors: f64,
    /// Percent answered 5xx.
    pub server_errors: f64,
    /// Median seconds of the origin.
    pub origin: f64,
}

impl Distribution {
    /// A deployed distribution without origins.
    pub fn new(
        id: String,
        account: &str,
        domain: String,
        modified: Millis,
        metrics: &mut Metrics,
    ) -> Self {
        let mut series = |metric: &str, unit| {
            let dimensions = [("DistributionId", id.as_str()), ("Region", "Global")];
            metrics.series(
                MetricKey::new(GLOBAL, "AWS/CloudFront", metric, &dimensions),
                unit,
            )
        };
        let series = EdgeSeries {
            requests: series("Requests", "None"),
            bytes: series("BytesDownloaded", "None"),
            client_errors: series("4xxErrorRate", "Percent"),
            server_errors: series("5xxErrorRate", "Percent"),
            errors: series("TotalErrorRate", "Percent"),
            hits: series("CacheHitRate", "Percent"),
            origin: series("OriginLatency", "Milliseconds"),
        };
        Self {
            arn: format!("arn:aws:cloudfront::{account}:distribution/{id}"),
            id,
            domain,
            aliases: Vec::new(),
            origins: Vec::new(),
            group: None,
            comment: String::new(),
            etag: String::new(),
            certificate: String::new(),
            root: "",
            modified,
            invalidations: Vec::new(),
            hit_share: 0.0,
            series,
        }
    }

    /// Writes what it saw.
    pub fn record(&self, metrics: &mut Metrics, saw: EdgeTraffic) {
        let s = &self.series;
        metrics.count(s.requests, saw.requests);
        metrics.amount(s.bytes, saw.requests * 14_000.0);
        metrics.amount(s.client_errors, saw.client_errors);
        metrics.amount(s.server_errors, saw.server_errors);
        metrics.amount(s.errors, saw.client_errors + saw.server_errors);
        metrics.amount(s.hits, self.hit_share * 100.0);
        metrics.latency(
            s.origin,
            saw.requests * (1.0 - self.hit_share),
            saw.origin * 1000.0,
        );
    }
}
