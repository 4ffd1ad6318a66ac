//! Requests and messages through a region, step by step. Every metric and every load follows from here.

use crate::clock::Millis;
use crate::world::balancer::{Counters, TargetGroup, TargetState};
use crate::world::database::pools::POOL_WAIT;
use crate::world::dice::{Dice, noise};
use crate::world::edge::EdgeTraffic;
use crate::world::metric::Metrics;
use crate::world::region::{Region, Service};
use crate::world::traffic;

/// Seconds until a load balancer or a client gives up on a target.
const GIVE_UP: f64 = 10.0;
/// Share of the requests into a fully grey zone that are lost there.
const LOST_IN_GREY: f64 = 0.24;
/// Share of a sound service's answers that are 5xx, and 4xx.
const BASE_ERRORS: f64 = 0.000_15;
const BASE_CLIENT_ERRORS: f64 = 0.012;
/// Payload schemas: what producers send, and what they also send since the last change of the payload.
pub const OLD_SCHEMA: u8 = 6;
/// See [`OLD_SCHEMA`].
pub const NEW_SCHEMA: u8 = 7;
/// A queue silent for six hours reports no metrics: SQS Developer Guide, available CloudWatch metrics.
const SILENT_AFTER: i64 = 6 * 3600 * 1000;

/// What does not change during a run.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Seed.
    pub seed: u64,
    /// The hour everything is scaled to.
    pub reference: Millis,
}

/// What a balancer saw in a step, by zone.
#[derive(Debug, Clone, Default)]
struct Seen {
    requests: f64,
    ok: f64,
    client: f64,
    server: f64,
    own: f64,
}

impl Region {
    /// Sets the demand of this moment.
    pub fn set_demand(&mut self, frame: Frame, now: Millis) {
        let day = traffic::factor(now, frame.reference, self.place.utc_offset, frame.seed, 10);
        self.demand = day * self.surge;
    }

    /// Serves the requests of `dt` seconds.
    pub fn serve(
        &mut self,
        frame: Frame,
        now: Millis,
        dt: f64,
        metrics: &mut Metrics,
        dice: &mut Dice,
    ) {
        let zones = self.zones.len();
        let mut seen = vec![vec![Seen::default(); zones + 1]; self.balancers.len()];
        for service in &self.services {
            let wobble = 1.0 + 0.03 * noise(frame.seed, service.stream, now.seconds(), 60);
            let wanted = self.demand * wobble;
            let Some(group) = service.group.map(|g| &self.groups[g]) else {
                let cpu = service.cpu * wanted;
                self.loads.insert(
                    service.key.clone(),
                    self.grey.iter().map(|g| cpu * (1.0 - 0.4 * g)).collect(),
                );
                continue;
            };
            let lb = &self.balancers[group.balancer];
            let input = Input {
                service,
                group,
                wanted,
                dt,
                grey: &self.grey,
                away: self.shift_of(&lb.arn, now).map(|shift| shift.zone),
            };
            let cpu = input.serve(&lb.counters, &mut seen[group.balancer], metrics, dice);
            self.loads.insert(service.key.clone(), cpu);
        }
        for (lb, seen) in self.balancers.iter_mut().zip(&seen) {
            let all = &seen[0];
            lb.failing = if all.requests > 0.0 {
                (all.server + all.own) / all.requests
            } else {
                0.0
            };
            for (scope, s) in seen.iter().enumerate() {
                record(metrics, &lb.counters[scope], s);
                metrics.count(lb.own_errors[scope], s.own);
                metrics.amount(lb.connections[scope], (s.requests / dt * 2.5).round());
            }
        }
    }

    /// Runs the functions that are called directly.
    pub fn call_functions(&mut self, dt: f64, metrics: &mut Metrics, dice: &mut Dice) {
        #[allow(clippy::cast_precision_loss)]
        for f in self.functions.iter_mut().filter(|f| f.direct > 0.0) {
            let calls = dice.rounded(f.direct * self.demand * dt) as f64;
            let errors = dice.rounded(calls * 0.0003) as f64;
            f.record(metrics, calls, errors, dt);
        }
    }

    /// Writes the gauges of the minute that ends now.
    pub fn sample(&mut self, now: Millis, metrics: &mut Metrics) {
        let zones = self.zones.len();
        for group in &self.groups {
            let healthy = group.healthy_by_zone(zones);
            let unhealthy = group.count(zones, |s| matches!(s, TargetState::Unhealthy(_)));
            for (ids, counts) in [
                (&group.healthy_hosts, healthy),
                (&group.unhealthy_hosts, unhealthy),
            ] {
                metrics.sample(ids[0], counts.iter().map(|n| f64::from(*n)).sum());
                for (id, n) in ids[1..].iter().zip(counts) {
                    metrics.sample(*id, f64::from(n));
                }
            }
        }
        self.sample_queues(now, metrics);
    }

    #[allow(clippy::cast_precision_loss)]
    fn sample_queues(&mut self, now: Millis, metrics: &mut Metrics) {
        for queue in self.queues.values_mut() {
            let tally = std::mem::take(&mut queue.tally);
            let active =
                queue.watched || queue.active.is_some_and(|at| now.since(at) <= SILENT_AFTER);
            if !active {
                continue;
            }
            let Some(series) = self.queue_series.get(&queue.arn) else {
                continue;
            };
            metrics.sample(series.visible, queue.visible() as f64);
            metrics.sample(series.hidden, queue.in_flight() as f64);
            metrics.sample(series.delayed, queue.delayed() as f64);
            metrics.sample(series.age, queue.oldest_age(now).unwrap_or(0) as f64);
            metrics.sample(series.sent, tally.sent as f64);
            metrics.sample(series.received, tally.received as f64);
            metrics.sample(series.deleted, tally.deleted as f64);
            metrics.sample(series.empty, tally.empty_receives as f64);
        }
    }

    /// A minute of history: the same rates, and queues whose consumers keep up.
    pub fn relive_minute(
        &mut self,
        frame: Frame,
        now: Millis,
        metrics: &mut Metrics,
        dice: &mut Dice,
    ) {
        self.set_demand(frame, now);
        self.serve(frame, now, 60.0, metrics, dice);
        self.call_functions(60.0, metrics, dice);
        for producer in &self.producers {
            let n = dice.rounded(producer.rate * self.demand * 60.0);
            producer_history(self.queues.get_mut(&producer.queue), n, now);
        }
        #[allow(clippy::cast_precision_loss)]
        for mapping in &self.mappings {
            let sent = self.queues.get(&mapping.queue).map_or(0, |q| q.tally.sent) as f64;
            let calls = (sent / 3.0).ceil();
            let errors = dice.rounded(calls * mapping.error_rate) as f64;
            self.functions[mapping.function].record(metrics, calls, errors, 60.0);
        }
        self.relive_databases(frame, now, metrics);
        self.sample(now, metrics);
    }

    /// What the distribution before the API balancers sees of this region.
    #[must_use]
    pub fn api_traffic(&self) -> (f64, f64, f64) {
        let rate: f64 = self
            .services
            .iter()
            .filter(|s| s.group.is_some_and(|g| self.groups[g].balancer == 0))
            .map(|s| s.rate)
            .sum();
        let b = &self.balancers[0];
        (rate * self.demand, b.failing, 0.05)
    }
}

fn producer_history(queue: Option<&mut crate::world::queue::Queue>, n: u64, now: Millis) {
    if let Some(queue) = queue {
        queue.active = Some(now);
        queue.tally.sent = n;
        queue.tally.received = n;
        queue.tally.deleted = n;
    }
}

fn record(metrics: &mut Metrics, to: &Counters, s: &Seen) {
    metrics.count(to.requests, s.requests);
    metrics.count(to.ok, s.ok);
    metrics.count(to.client_errors, s.client);
    metrics.count(to.server_errors, s.server);
}

/// What a service has to serve in a step.
struct Input<'a> {
    service: &'a Service,
    group: &'a TargetGroup,
    wanted: f64,
    dt: f64,
    grey: &'a [f64],
    /// The zone a shift keeps requests out of.
    away: Option<usize>,
}

impl Input<'_> {
    /// Spreads the requests over the targets, writes the group's metrics; returns the CPU of the pods by zone.
    fn serve(
        &self,
        lb: &[Counters],
        seen: &mut [Seen],
        metrics: &mut Metrics,
        dice: &mut Dice,
    ) -> Vec<f64> {
        let zones = self.grey.len();
        let serving = self.serving(zones);
        let total: f64 = serving.iter().map(|n| f64::from(*n)).sum();
        let demand = self.service.rate * self.wanted * self.dt;
        if total == 0.0 {
            seen[0].requests += demand.round();
            seen[0].own += demand.round();
            return vec![0.0; zones];
        }
        let crowding = self.wanted * self.service.replicas / total;
        let slow = 1.0 + 3.0 * (crowding - 1.3).max(0.0);
        let ail = self.service.ail;
        let mut cpu = Vec::with_capacity(zones);
        metrics.amount(self.group.per_target, demand / total);
        for (z, n) in serving.iter().enumerate() {
            let ill = self.grey[z];
            let d = demand * f64::from(*n) / total;
            let lost = whole(dice, d * LOST_IN_GREY * ill);
            let own = (lost * 0.45).round();
            let overload = (crowding - 1.6).max(0.0) * 0.1;
            let waited = whole(dice, d * ail.timed_out);
            let broken = whole(dice, d * ail.broken);
            let server = whole(dice, d * (BASE_ERRORS + overload)) + lost - own + waited + broken;
            let client = whole(dice, d * BASE_CLIENT_ERRORS);
            let requests = whole(dice, d).max(server + client + own);
            let s = Seen {
                requests,
                ok: requests - server - client - own,
                client,
                server,
                own,
            };
            let median = self.service.median * (slow + ail.slower) * (1.0 + 3.0 * ill);
            for scope in [0, z + 1] {
                record(metrics, &self.group.counters[scope], &s);
                seen[scope].add(&s);
                for counters in [&self.group.counters[scope], &lb[scope]] {
                    metrics.latency(counters.latency, requests - lost - waited, median);
                    metrics.timeouts(counters.latency, lost - own, GIVE_UP);
                    if waited > 0.0 {
                        metrics.timeouts(counters.latency, waited, POOL_WAIT);
                    }
                }
            }
            let idle = self.away == Some(z) && *n == 0;
            let crowding = if idle { 0.0 } else { crowding };
            cpu.push(self.service.cpu * crowding * (1.0 - 0.45 * ill));
        }
        cpu
    }

    /// Targets that get requests, by zone: none in the zone a shift is away from, if there are any elsewhere.
    fn serving(&self, zones: usize) -> Vec<u32> {
        let mut serving = self.group.serving_by_zone(zones);
        let elsewhere = |z| serving.iter().enumerate().any(|(i, n)| i != z && *n > 0);
        if let Some(z) = self.away.filter(|z| elsewhere(*z)) {
            serving[z] = 0;
        }
        serving
    }
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.ok += other.ok;
        self.client += other.client;
        self.server += other.server;
        self.own += other.own;
    }
}

#[allow(clippy::cast_precision_loss)]
fn whole(dice: &mut Dice, mean: f64) -> f64 {
    dice.rounded(mean) as f64
}

/// What the two distributions see in a step: the API through the balancers, the pages from the bucket.
#[must_use]
pub fn edge_traffic(regions: &[Region], dt: f64) -> [EdgeTraffic; 2] {
    let (mut rate, mut failing, mut origin) = (0.0, 0.0, 0.05);
    for region in regions {
        let (r, f, o) = region.api_traffic();
        failing += r * f;
        rate += r;
        origin = o;
    }
    let failing = if rate > 0.0 {
        failing / rate * 100.0
    } else {
        0.0
    };
    let api = EdgeTraffic {
        requests: (rate * dt).round(),
        client_errors: 1.2,
        server_errors: failing,
        origin,
    };
    let web = EdgeTraffic {
        requests: (rate * 0.6 * dt).round(),
        client_errors: 0.4,
        server_errors: 0.0,
        origin: 0.03,
    };
    [api, web]
}
