//! The one world: what exists, and how it moves one second at a time.
//!
//! A world is made in its past: three hours of minutes are relived from the same rates, the last minutes second by
//! second, so that a fault that began five minutes ago has really run for five minutes when the first client asks.

pub mod alarm;
pub mod balancer;
pub mod build;
pub mod cluster;
pub mod database;
pub mod dice;
pub mod dns;
pub mod edge;
pub mod flow;
pub mod front;
pub mod function;
pub mod geography;
pub mod metric;
pub mod names;
mod passage;
pub mod plan;
pub mod point;
pub mod queue;
pub mod region;
pub mod shift;
pub mod traffic;
mod usage;
mod watching;
mod workloads;

use crate::clock::Millis;
use crate::scenario::{Happening, Planned, Scenario};
pub use model::SIMULATED_ACCOUNT;

use alarm::Alarm;
use cluster::{Cluster, Load};
use database::GlobalDatabase;
use dice::Dice;
use dns::Dns;
use edge::Edge;
use flow::Frame;
use metric::{LAG_SECONDS, Metrics};
use plan::Plan;
use region::Region;

/// Minutes of history a world is born with.
pub const HISTORY_MINUTES: i64 = 200;
/// Seconds that are run second by second before the start, at least; up to a minute more so that a life begins with a
/// whole minute.
const RUN_IN: i64 = 420;

/// Share of the health checks into a fully grey zone that time out: some still pass, so that some targets there keep
/// being served and failing.
const UNANSWERED: f64 = 0.6;

/// Seconds within which the warnings of a spot storm come.
const SPOT_WARNINGS: i64 = 150;

/// Everything that exists. Stepped in fixed steps of one world second.
pub struct World {
    /// World time.
    pub now: Millis,
    /// The Kubernetes clusters, one per region and in the order of the regions; served by index.
    pub clusters: Vec<Cluster>,
    /// Everything else of the regions.
    pub regions: Vec<Region>,
    /// What it was made from.
    pub plan: Plan,
    /// Route 53.
    pub dns: Dns,
    /// CloudFront and S3.
    pub edge: Edge,
    /// The global database.
    pub global_database: GlobalDatabase,
    /// CloudWatch's metrics.
    pub metrics: Metrics,
    /// CloudWatch's alarms.
    pub alarms: Vec<Alarm>,
    /// Dice of the APIs: identifiers handed out.
    pub ids: Dice,
    dice: Dice,
    frame: Frame,
    planned: Vec<Planned>,
}

/// What a world is made from.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Regions, 1 to 6.
    pub regions: usize,
    /// Pods per region, about.
    pub pods: u32,
    /// Decides every name and throw.
    pub seed: u64,
}

impl World {
    /// The world as it is at `start`, with the scenario's fault five minutes old.
    #[must_use]
    pub fn new(size: Size, scenario: Scenario, start: Millis) -> Self {
        let start = Millis(start.0 - start.0.rem_euclid(1000));
        let run_in = RUN_IN + start.seconds().rem_euclid(60);
        let mut world = Self::at(size, start.plus_seconds(-run_in), start);
        world.relive();
        world.planned = scenario.plan(&world, start);
        for _ in 0..run_in {
            world.step();
        }
        world
    }

    /// The world at its birth, in its steady state.
    fn at(size: Size, born: Millis, reference: Millis) -> Self {
        let Size {
            regions,
            pods,
            seed,
        } = size;
        let plan = Plan::new(seed);
        let mut metrics = Metrics::new(born.plus_seconds(-HISTORY_MINUTES * 60));
        let mut dice = Dice::new(seed, 2);
        let places = &geography::PLACES[..regions.clamp(1, geography::PLACES.len())];
        let drafts: Vec<_> = places
            .iter()
            .enumerate()
            .map(|(n, p)| build::draft(&plan, *p, n, pods, born, seed, &mut metrics))
            .collect();
        let (mut regions, mut clusters) = (Vec::new(), Vec::new());
        for (n, draft) in drafts.into_iter().enumerate() {
            regions.push(draft.region);
            clusters.push(Cluster::new(draft.cluster, born, seed ^ (n as u64 + 1)));
        }
        for (region, cluster) in regions.iter_mut().zip(&clusters) {
            let zones = region.zones.clone();
            for group in &mut region.groups {
                group.settle(cluster, &zones, born, &mut dice);
            }
        }
        let edge = front::edge(&plan, &regions, born, &mut metrics, &mut dice);
        let dns = front::dns(&plan, &regions, &edge, born, &mut metrics, &mut dice);
        let alarms = regions
            .iter()
            .flat_map(|r| watching::alarms(r, born))
            .collect();
        // The dice were thrown here before: what comes after stays as it was.
        dice.hex(16);
        let members = regions.iter().filter_map(|r| r.databases.get(1));
        let global_database = GlobalDatabase::new(
            plan.reference_database.clone(),
            members.map(|d| d.arn.clone()).collect(),
            Dice::new(seed, 8),
        );
        let frame = Frame { seed, reference };
        let ids = Dice::new(seed, 3);
        Self {
            now: born,
            clusters,
            regions,
            plan,
            dns,
            edge,
            global_database,
            metrics,
            alarms,
            ids,
            dice,
            frame,
            planned: Vec::new(),
        }
    }

    /// Writes the metrics of the hours before the birth.
    fn relive(&mut self) {
        let born = self.now;
        let first = Millis(born.0.div_euclid(60_000) * 60_000).plus_seconds(-HISTORY_MINUTES * 60);
        for minute in 1..=HISTORY_MINUTES {
            let now = first.plus_seconds(minute * 60);
            for region in &mut self.regions {
                region.relive_minute(
                    self.frame,
                    now.plus_seconds(-1),
                    &mut self.metrics,
                    &mut self.dice,
                );
            }
            for (region, cluster) in self.regions.iter().zip(&self.clusters) {
                usage::sample(region.name(), cluster, &mut self.metrics);
            }
            self.serve_edge(60.0);
            self.dns.sample(&mut self.metrics);
            self.metrics.tick(now);
        }
    }

    fn serve_edge(&mut self, dt: f64) {
        for (distribution, saw) in self
            .edge
            .distributions
            .iter()
            .zip(flow::edge_traffic(&self.regions, dt))
        {
            distribution.record(&mut self.metrics, saw);
        }
    }

    /// Moves everything by one second.
    pub fn step(&mut self) {
        let minute_ends = (self.now.seconds() + 1) % 60 == 0;
        self.now = self.now.plus_seconds(1);
        let now = self.now;
        if minute_ends {
            self.end_minute();
        }
        while self.planned.first().is_some_and(|p| p.at <= now) {
            let planned = self.planned.remove(0);
            self.happen(planned.what);
        }
        for r in 0..self.regions.len() {
            self.step_region(r);
        }
        self.global_database.step(&mut self.regions, now);
        self.serve_edge(1.0);
        let regions = &self.regions;
        let failing = |region: usize, balancer: usize| regions[region].balancers[balancer].failing;
        self.dns.step(&failing, now, &mut self.dice);
        if now.seconds() % 60 == LAG_SECONDS {
            for alarm in &mut self.alarms {
                alarm.evaluate(&self.metrics, now);
            }
        }
    }

    fn step_region(&mut self, r: usize) {
        let (now, frame) = (self.now, self.frame);
        let (region, cluster) = (&mut self.regions[r], &mut self.clusters[r]);
        region.set_demand(frame, now);
        region.feel_databases(cluster, now);
        region.move_messages(cluster, now, &mut self.metrics, &mut self.dice);
        region.serve(frame, now, 1.0, &mut self.metrics, &mut self.dice);
        region.call_functions(1.0, &mut self.metrics, &mut self.dice);
        let silence: Vec<f64> = region.grey.iter().map(|g| g * UNANSWERED).collect();
        let Region { groups, zones, .. } = region;
        for group in groups {
            group.step(cluster, zones, &silence, now, &mut self.dice);
        }
        region.step_databases(frame, now, &mut self.metrics);
        for force in &region.workforces {
            if let Some(queue) = region.queues.get(&force.queue) {
                cluster.set_queue_depth(&force.workload, queue.visible() as u64);
            }
        }
        let (loads, zones) = (&region.loads, &region.zones);
        cluster.step(now, &|key, az| {
            let at = zones.iter().position(|z| z == az);
            let cpu = loads
                .get(key)
                .and_then(|l| l.get(at?))
                .copied()
                .unwrap_or(20.0);
            Load {
                cpu_percent_of_request: cpu,
            }
        });
    }

    fn end_minute(&mut self) {
        for (region, cluster) in self.regions.iter_mut().zip(&self.clusters) {
            region.sample(self.now, &mut self.metrics);
            usage::sample(region.name(), cluster, &mut self.metrics);
        }
        self.dns.sample(&mut self.metrics);
        self.metrics.tick(self.now);
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Release {
                region,
                workload,
                tag,
                defect,
                crash,
            } => {
                self.clusters[region].release(&workload, &tag, self.now);
                if let Some(crash) = crash {
                    self.clusters[region].set_crash_loop(&workload, &tag, Some(crash));
                }
                self.regions[region].defects.extend(defect);
            }
            Happening::Rollback {
                region,
                workload,
                from,
            } => {
                // The pipeline takes back its own release, not what somebody did about it meanwhile.
                if self.clusters[region].runs(&workload, &from) {
                    self.clusters[region].rollback(&workload, self.now);
                }
            }
            Happening::Host {
                region,
                database,
                share,
            } => self.regions[region].databases[database].writer_host(share),
            Happening::HostReplaced { region, database } => {
                self.regions[region].databases[database].mend_hosts()
            }
            Happening::Load {
                region,
                database,
                surge,
                weight,
            } => {
                self.regions[region].surge = surge;
                self.regions[region].databases[database].weight = weight;
            }
            Happening::Surge { region, factor } => self.regions[region].surge = factor,
            Happening::SpotStorm {
                region,
                nodes,
                pending,
            } => self.clusters[region].spot_storm(nodes, pending, SPOT_WARNINGS, self.now),
            Happening::SpotReturns { region, zone } => self.clusters[region].spot_returns(zone),
            Happening::Grey {
                region,
                zone,
                severity,
            } => {
                self.regions[region].grey[zone] = severity;
                let az = self.regions[region].zones[zone].clone();
                self.clusters[region].az_fault(&az, severity > 0.0);
            }
        }
    }

    /// The seed of every name and throw.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.frame.seed
    }

    /// Index of a region by name.
    #[must_use]
    pub fn region_index(&self, name: &str) -> Option<usize> {
        self.regions.iter().position(|r| r.name() == name)
    }
}

#[cfg(test)]
mod tests;
