//! Route 53: the hosted zone, its record sets, and health checks with their checkers around the world.
//!
//! Shapes are those of the service model of `route53` 2013-04-01.

use crate::clock::Millis;
use crate::world::dice::Dice;
use crate::world::metric::{MetricKey, Metrics, SeriesId};

/// Where the checkers are; two of them in each.
pub const CHECKER_REGIONS: &[&str] = &[
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
];
/// An endpoint is healthy while more than this share of checkers says so: Developer Guide, how Route 53 determines
/// whether an endpoint is healthy.
pub const HEALTHY_SHARE: f64 = 0.18;

/// How one of several sets of the same name and type is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routing {
    /// The only one.
    Simple,
    /// Nearest region.
    Latency(String),
    /// `PRIMARY` or `SECONDARY`.
    Failover(&'static str),
    /// Weight, 0..=255.
    Weighted(u32),
}

/// What a set answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Values with a TTL in seconds.
    Values(u32, Vec<String>),
    /// An AWS resource.
    Alias {
        /// Its hosted zone.
        zone: String,
        /// Its name, with the dot at the end.
        name: String,
        /// Whether its health counts.
        evaluate: bool,
    },
}

/// A record set.
#[derive(Debug, Clone)]
pub struct RecordSet {
    /// Name with the dot at the end.
    pub name: String,
    /// `A`, `AAAA`, …
    pub kind: &'static str,
    /// Set identifier.
    pub set: Option<String>,
    /// Routing.
    pub routing: Routing,
    /// Answer.
    pub answer: Answer,
    /// Health check.
    pub check: Option<String>,
}

/// What a health check watches.
#[derive(Debug, Clone)]
pub enum Watched {
    /// The balancer `balancer` of region `region`, both indexes, by its host name.
    Endpoint {
        /// Region.
        region: usize,
        /// Balancer.
        balancer: usize,
        /// Host name asked.
        host: String,
    },
    /// Other checks, of which `threshold` must be healthy.
    Calculated {
        /// Indexes of the children.
        children: Vec<usize>,
        /// How many.
        threshold: usize,
    },
}

/// A health check.
#[derive(Debug)]
pub struct HealthCheck {
    /// Id.
    pub id: String,
    /// What it watches.
    pub watched: Watched,
    /// Seconds, 10 or 30.
    pub interval: i64,
    /// Failures in a row.
    pub threshold: u32,
    /// Inverted.
    pub inverted: bool,
    /// Disabled: always healthy.
    pub disabled: bool,
    /// Version.
    pub version: i64,
    /// Tag `Name`.
    pub label: String,
    /// Checkers; none for a calculated check.
    pub checkers: Vec<Checker>,
    /// Result of the last second.
    pub healthy: bool,
    status: SeriesId,
    share: SeriesId,
}

/// A checker of a health check.
#[derive(Debug, Clone)]
pub struct Checker {
    /// Its region.
    pub region: &'static str,
    /// Its address.
    pub ip: String,
    /// Last request succeeded.
    pub good: bool,
    /// When it last asked.
    pub checked: Millis,
    streak: u32,
    says_healthy: bool,
    next: Millis,
}

/// The hosted zone.
#[derive(Debug)]
pub struct Dns {
    /// Zone id.
    pub zone: String,
    /// Name with the dot at the end.
    pub name: String,
    /// Comment.
    pub comment: String,
    /// Caller reference.
    pub reference: String,
    /// Name servers.
    pub servers: Vec<String>,
    /// Record sets in Route 53's order.
    pub records: Vec<RecordSet>,
    /// Health checks.
    pub checks: Vec<HealthCheck>,
}

impl HealthCheck {
    /// A check that was healthy for long.
    pub fn new(
        watched: Watched,
        label: String,
        interval: i64,
        now: Millis,
        metrics: &mut Metrics,
        dice: &mut Dice,
    ) -> Self {
        let id = dice.uuid();
        let mut series = |metric: &str, unit| {
            metrics.series(
                MetricKey::new(
                    super::geography::GLOBAL,
                    "AWS/Route53",
                    metric,
                    &[("HealthCheckId", &id)],
                ),
                unit,
            )
        };
        let status = series("HealthCheckStatus", "None");
        let share = series("HealthCheckPercentageHealthy", "Percent");
        let checkers = match watched {
            Watched::Endpoint { .. } => CHECKER_REGIONS
                .iter()
                .flat_map(|r| [*r, *r])
                .map(|r| Checker::new(r, now, interval, dice))
                .collect(),
            Watched::Calculated { .. } => Vec::new(),
        };
        Self {
            id,
            watched,
            interval,
            threshold: 3,
            inverted: false,
            disabled: false,
            version: 1,
            label,
            checkers,
            healthy: true,
            status,
            share,
        }
    }

    /// Percent of the checkers that say healthy.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn percentage(&self) -> f64 {
        if self.checkers.is_empty() {
            return if self.healthy { 100.0 } else { 0.0 };
        }
        100.0 * self.checkers.iter().filter(|c| c.says_healthy).count() as f64
            / self.checkers.len() as f64
    }

    fn ask(&mut self, failing: f64, now: Millis, dice: &mut Dice) {
        for checker in self.checkers.iter_mut().filter(|c| c.next <= now) {
            checker.next = now.plus_seconds(self.interval);
            checker.checked = now;
            checker.judge(!dice.chance(failing), self.threshold);
        }
    }
}

impl Checker {
    fn new(region: &'static str, now: Millis, interval: i64, dice: &mut Dice) -> Self {
        let ip = format!("15.177.{}.{}", dice.between(0, 63), dice.between(1, 254));
        let next = now.plus_seconds(dice.between(0, interval - 1));
        Self {
            region,
            ip,
            good: true,
            checked: now,
            streak: 9,
            says_healthy: true,
            next,
        }
    }

    fn judge(&mut self, good: bool, threshold: u32) {
        self.streak = if good == self.good {
            self.streak.saturating_add(1)
        } else {
            1
        };
        self.good = good;
        if self.streak >= threshold {
            self.says_healthy = good;
        }
    }
}

impl Dns {
    /// One world second; `failing` gives the share of failing requests of a balancer.
    pub fn step(&mut self, failing: &dyn Fn(usize, usize) -> f64, now: Millis, dice: &mut Dice) {
        for check in &mut self.checks {
            if let Watched::Endpoint {
                region, balancer, ..
            } = check.watched
            {
                check.ask(failing(region, balancer), now, dice);
                check.healthy = check.percentage() > HEALTHY_SHARE * 100.0;
            }
        }
        for n in 0..self.checks.len() {
            if let Watched::Calculated {
                children,
                threshold,
            } = &self.checks[n].watched
            {
                let healthy = children
                    .iter()
                    .filter(|c| self.checks[**c].effective())
                    .count()
                    >= *threshold;
                self.checks[n].healthy = healthy;
            }
        }
    }

    /// Writes a minute's gauges.
    pub fn sample(&self, metrics: &mut Metrics) {
        for check in &self.checks {
            metrics.sample(check.status, if check.effective() { 1.0 } else { 0.0 });
            if !check.checkers.is_empty() {
                metrics.sample(check.share, check.percentage());
            }
        }
    }
}

impl HealthCheck {
    /// What DNS acts upon: a disabled check is healthy, an inverted one the opposite of what it sees.
    #[must_use]
    pub fn effective(&self) -> bool {
        (self.disabled || self.healthy) != self.inverted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(failing: f64, seconds: i64) -> HealthCheck {
        let t0 = Millis(1_700_000_000_000);
        let (mut metrics, mut dice) = (Metrics::new(t0), Dice::new(1, 1));
        let watched = Watched::Endpoint {
            region: 0,
            balancer: 0,
            host: "h".into(),
        };
        let mut dns = Dns {
            zone: "Z".into(),
            name: "n.".into(),
            comment: String::new(),
            reference: String::new(),
            servers: vec![],
            records: vec![],
            checks: vec![HealthCheck::new(
                watched,
                "l".into(),
                10,
                t0,
                &mut metrics,
                &mut dice,
            )],
        };
        for s in 0..seconds {
            dns.step(&|_, _| failing, t0.plus_seconds(s), &mut dice);
        }
        dns.checks.remove(0)
    }

    #[test]
    fn an_endpoint_stays_healthy_while_a_few_checkers_fail_and_turns_after_three_intervals() {
        assert!(check(0.1, 300).healthy);
        assert!(check(1.0, 15).healthy, "not before the threshold");
        assert!(!check(1.0, 45).healthy);
    }

    #[test]
    fn a_disabled_check_is_healthy_and_an_inverted_one_the_opposite() {
        let mut check = check(1.0, 60);
        assert!(!check.effective());
        check.disabled = true;
        assert!(check.effective());
        (check.disabled, check.inverted) = (false, true);
        assert!(check.effective());
    }
}
