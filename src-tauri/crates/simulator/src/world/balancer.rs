//! Application load balancers: target groups whose targets are pods, and the health checks that judge them.
//!
//! States and reasons are those of the service model of `elasticloadbalancingv2` 2015-12-01 (TargetHealth).

use std::collections::{BTreeMap, HashSet};
use std::net::Ipv4Addr;

use crate::clock::Millis;
use crate::world::cluster::{Cluster, Phase, WorkloadKey};
use crate::world::dice::Dice;
use crate::world::metric::{MetricKey, Metrics, SeriesId};

/// Seconds between the health checks of a target.
pub const CHECK_INTERVAL: i64 = 10;
/// Seconds until a health check counts as timed out.
pub const CHECK_TIMEOUT: i64 = 5;
/// Checks in a row that make a target healthy.
pub const HEALTHY_THRESHOLD: u32 = 3;
/// Checks in a row that make a target unhealthy.
pub const UNHEALTHY_THRESHOLD: u32 = 2;
/// Seconds a deregistered target drains.
pub const DEREGISTRATION_DELAY: i64 = 60;
/// Seconds between two reconciliations of the load balancer controller.
const RECONCILE: i64 = 5;

/// Why a health check of a target failed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No answer in time.
    Timeout,
    /// The connection was refused.
    Refused,
}

/// State of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    /// Registered, not yet judged.
    Initial,
    /// In service.
    Healthy,
    /// Out of service.
    Unhealthy(Failure),
    /// Deregistered, finishing its requests.
    Draining,
}

/// A registered target.
#[derive(Debug, Clone)]
pub struct Target {
    /// Zone.
    pub az: usize,
    /// State.
    pub state: TargetState,
    streak: u32,
    streak_good: bool,
    last_failure: Failure,
    next_check: Millis,
    drains_until: Millis,
    answering: bool,
    seen: bool,
}

/// Series of one scope (a balancer or a target group, whole or in one zone).
#[derive(Debug, Clone, Copy)]
pub struct Counters {
    /// `RequestCount`
    pub requests: SeriesId,
    /// `HTTPCode_Target_2XX_Count`
    pub ok: SeriesId,
    /// `HTTPCode_Target_4XX_Count`
    pub client_errors: SeriesId,
    /// `HTTPCode_Target_5XX_Count`
    pub server_errors: SeriesId,
    /// `TargetResponseTime`
    pub latency: SeriesId,
}

/// A target group.
#[derive(Debug)]
pub struct TargetGroup {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Index of its balancer.
    pub balancer: usize,
    /// Port of the targets.
    pub port: u16,
    /// Whose pods they are.
    pub workload: WorkloadKey,
    /// Targets by address.
    pub targets: BTreeMap<Ipv4Addr, Target>,
    /// Series, whole and by zone.
    pub counters: Vec<Counters>,
    /// `HealthyHostCount`, whole and by zone.
    pub healthy_hosts: Vec<SeriesId>,
    /// `UnHealthyHostCount`, whole and by zone.
    pub unhealthy_hosts: Vec<SeriesId>,
    /// `RequestCountPerTarget`
    pub per_target: SeriesId,
}

/// A rule of the HTTPS listener.
#[derive(Debug, Clone)]
pub struct Rule {
    /// ARN.
    pub arn: String,
    /// Priority; `None` is the default rule.
    pub priority: Option<u32>,
    /// Path pattern.
    pub path: Option<String>,
    /// Index of the target group.
    pub group: usize,
}

/// A load balancer.
#[derive(Debug)]
pub struct LoadBalancer {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// DNS name.
    pub dns: String,
    /// `internet-facing` or `internal`.
    pub scheme: &'static str,
    /// When it was made.
    pub created: Millis,
    /// ARN of the HTTPS listener.
    pub https: String,
    /// ARN of the HTTP listener, which redirects.
    pub http: String,
    /// ARN of the certificate.
    pub certificate: String,
    /// Rules of the HTTPS listener, the default one last.
    pub rules: Vec<Rule>,
    /// Series, whole and by zone.
    pub counters: Vec<Counters>,
    /// `HTTPCode_ELB_5XX_Count`, whole and by zone.
    pub own_errors: Vec<SeriesId>,
    /// `ActiveConnectionCount`, whole and by zone.
    pub connections: Vec<SeriesId>,
    /// Share of its requests of the last second that failed, by zone of the target and as a whole.
    pub failing: f64,
}

impl TargetGroup {
    /// Healthy targets of each zone.
    #[must_use]
    pub fn healthy_by_zone(&self, zones: usize) -> Vec<u32> {
        self.count(zones, |s| s == TargetState::Healthy)
    }

    /// Targets that get requests, by zone: the healthy ones, or all when none is (the group fails open).
    #[must_use]
    pub fn serving_by_zone(&self, zones: usize) -> Vec<u32> {
        let healthy = self.healthy_by_zone(zones);
        if healthy.iter().any(|n| *n > 0) {
            return healthy;
        }
        self.count(zones, |s| {
            matches!(s, TargetState::Unhealthy(_) | TargetState::Initial)
        })
    }

    /// Targets of each zone that are in a state.
    #[must_use]
    pub fn count(&self, zones: usize, is: impl Fn(TargetState) -> bool) -> Vec<u32> {
        let mut out = vec![0; zones];
        for target in self.targets.values().filter(|t| is(t.state)) {
            out[target.az] += 1;
        }
        out
    }

    /// Registers and deregisters what the cluster has now, and runs the health checks that are due.
    pub fn step(
        &mut self,
        cluster: &Cluster,
        zones: &[String],
        silence: &[f64],
        now: Millis,
        dice: &mut Dice,
    ) {
        if now.seconds() % RECONCILE == 0 {
            self.reconcile(cluster, zones, now, dice);
        }
        for target in self.targets.values_mut() {
            if target.next_check <= now && target.state != TargetState::Draining {
                target.next_check = now.plus_seconds(CHECK_INTERVAL);
                let silence = silence[target.az];
                let good = !dice.chance(silence) && target.answering;
                target.check(
                    good,
                    if silence > 0.0 {
                        Failure::Timeout
                    } else {
                        Failure::Refused
                    },
                );
            }
        }
        self.targets
            .retain(|_, t| t.state != TargetState::Draining || now < t.drains_until);
    }

    /// Fills the group at the birth of the world: its pods are registered and long healthy.
    pub fn settle(&mut self, cluster: &Cluster, zones: &[String], now: Millis, dice: &mut Dice) {
        self.reconcile(cluster, zones, now, dice);
        for target in self.targets.values_mut() {
            target.state = TargetState::Healthy;
        }
    }

    fn reconcile(&mut self, cluster: &Cluster, zones: &[String], now: Millis, dice: &mut Dice) {
        for target in self.targets.values_mut() {
            target.seen = false;
        }
        // A pod is not ready when its node is out of contact, although its process may answer.
        let lost: HashSet<&str> = cluster
            .nodes()
            .filter(|n| !n.ready)
            .map(|n| n.name)
            .collect();
        for pod in cluster.pods(&self.workload) {
            let (Some(ip), Some(az)) = (pod.ip, zones.iter().position(|z| z == pod.az)) else {
                continue;
            };
            let alive = !pod.terminating && pod.phase == Phase::Running;
            if let Some(target) = self.targets.get_mut(&ip) {
                target.seen = alive;
                target.answering = pod.ready || lost.contains(pod.node);
            } else if alive && pod.ready {
                let first = now.plus_seconds(1 + dice.between(0, CHECK_INTERVAL - 1));
                self.targets.insert(ip, Target::new(az, first));
            }
        }
        for target in self
            .targets
            .values_mut()
            .filter(|t| !t.seen && t.state != TargetState::Draining)
        {
            target.state = TargetState::Draining;
            target.drains_until = now.plus_seconds(DEREGISTRATION_DELAY);
        }
    }
}

impl Target {
    fn new(az: usize, first_check: Millis) -> Self {
        Self {
            az,
            state: TargetState::Initial,
            streak: 0,
            streak_good: true,
            last_failure: Failure::Refused,
            next_check: first_check,
            drains_until: Millis(0),
            answering: true,
            seen: true,
        }
    }

    fn check(&mut self, good: bool, failure: Failure) {
        self.streak = if good == self.streak_good {
            self.streak + 1
        } else {
            1
        };
        self.streak_good = good;
        if !good {
            self.last_failure = failure;
        }
        let needed = match (good, self.state) {
            (true, TargetState::Initial) => 1,
            (true, _) => HEALTHY_THRESHOLD,
            (false, _) => UNHEALTHY_THRESHOLD,
        };
        if self.streak >= needed {
            self.state = if good {
                TargetState::Healthy
            } else {
                TargetState::Unhealthy(self.last_failure)
            };
        }
    }
}

/// Registers the series of a scope: `dimensions` as a whole first, then in each zone.
pub fn counters(
    metrics: &mut Metrics,
    region: &str,
    dimensions: &[(&str, &str)],
    zones: &[String],
) -> Vec<Counters> {
    scopes(dimensions, zones)
        .iter()
        .map(|scope| Counters {
            requests: series(metrics, region, "RequestCount", scope, "Count"),
            ok: series(metrics, region, "HTTPCode_Target_2XX_Count", scope, "Count"),
            client_errors: series(metrics, region, "HTTPCode_Target_4XX_Count", scope, "Count"),
            server_errors: series(metrics, region, "HTTPCode_Target_5XX_Count", scope, "Count"),
            latency: series(metrics, region, "TargetResponseTime", scope, "Seconds"),
        })
        .collect()
}

/// Registers one metric as a whole and in each zone.
pub fn spread(
    metrics: &mut Metrics,
    region: &str,
    name: &str,
    dimensions: &[(&str, &str)],
    zones: &[String],
) -> Vec<SeriesId> {
    scopes(dimensions, zones)
        .iter()
        .map(|scope| series(metrics, region, name, scope, "Count"))
        .collect()
}

fn scopes<'a>(
    dimensions: &[(&'a str, &'a str)],
    zones: &'a [String],
) -> Vec<Vec<(&'a str, &'a str)>> {
    let mut out = vec![dimensions.to_vec()];
    out.extend(zones.iter().map(|z| {
        let mut scope = dimensions.to_vec();
        scope.push(("AvailabilityZone", z));
        scope
    }));
    out
}

fn series(
    metrics: &mut Metrics,
    region: &str,
    name: &str,
    scope: &[(&str, &str)],
    unit: &'static str,
) -> SeriesId {
    metrics.series(
        MetricKey::new(region, "AWS/ApplicationELB", name, scope),
        unit,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_failures_take_a_target_out_and_three_successes_bring_it_back() {
        let mut target = Target::new(0, Millis(0));
        target.check(true, Failure::Refused);
        assert_eq!(target.state, TargetState::Healthy);
        target.check(false, Failure::Timeout);
        assert_eq!(target.state, TargetState::Healthy);
        target.check(false, Failure::Timeout);
        assert_eq!(target.state, TargetState::Unhealthy(Failure::Timeout));
        for _ in 0..2 {
            target.check(true, Failure::Refused);
        }
        assert_eq!(target.state, TargetState::Unhealthy(Failure::Timeout));
        target.check(true, Failure::Refused);
        assert_eq!(target.state, TargetState::Healthy);
    }
}
