//! What a cluster has to do and how it bears it: every figure CloudWatch has of a database follows from here.
//!
//! Work is counted in cores. An instance's strain is its work against the cores its host really gives; waiting grows
//! as in a single queue, by 1 / (1 - strain), and above a strain of 1 the rest of the statements wait for good.
//! Metrics: Aurora User Guide, "Amazon CloudWatch metrics for Amazon Aurora" and "… for Amazon RDS Performance Insights".

use super::{DbCluster, DbInstance, series};
use crate::clock::Millis;
use crate::world::dice::noise;
use crate::world::metric::{Metrics, SeriesId};

/// Strain of a writer and of a reader at the reference hour.
const WRITER_STRAIN: f64 = 0.46;
const READER_STRAIN: f64 = 0.21;
/// Connections of a pod to the writer at rest, to the readers, and the most its pool opens to the writer.
const POOL_TO_WRITER: f64 = 3.6;
const POOL_TO_READERS: f64 = 4.8;
const POOL_LIMIT: f64 = 10.0;
/// Strain from which statements run into their time-out.
const FULL: f64 = 0.97;
/// Share of the way to its level that the number of connections goes in a second.
const SETTLING: f64 = 0.25;

/// What is asked of a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// How grey each zone is, 0 to 1.
    pub grey: &'a [f64],
    /// Demand against the reference hour.
    pub demand: f64,
    /// Pods that name the cluster.
    pub pods: f64,
    /// Share of them that are connected to the writer.
    pub attached: f64,
    /// Share of them that hold on to an instance that was the writer before.
    pub clinging: f64,
    /// Seed of the noise.
    pub seed: u64,
}

#[derive(Debug)]
pub(super) struct InstanceSeries {
    cpu: SeriesId,
    connections: SeriesId,
    memory: SeriesId,
    commit: SeriesId,
    lag: SeriesId,
    read: SeriesId,
    write: SeriesId,
    queries: SeriesId,
    hits: SeriesId,
    load: SeriesId,
    load_cpu: SeriesId,
    load_other: SeriesId,
}

impl InstanceSeries {
    pub(super) fn new(name: &str, region: &str, metrics: &mut Metrics) -> Self {
        let mut of = |metric, unit| {
            series(
                metrics,
                region,
                ("DBInstanceIdentifier", name),
                metric,
                unit,
            )
        };
        Self {
            cpu: of("CPUUtilization", "Percent"),
            connections: of("DatabaseConnections", "Count"),
            memory: of("FreeableMemory", "Bytes"),
            commit: of("CommitLatency", "Milliseconds"),
            lag: of("AuroraReplicaLag", "Milliseconds"),
            read: of("ReadLatency", "Seconds"),
            write: of("WriteLatency", "Seconds"),
            queries: of("Queries", "Count/Second"),
            hits: of("BufferCacheHitRatio", "Percent"),
            load: of("DBLoad", "None"),
            load_cpu: of("DBLoadCPU", "None"),
            load_other: of("DBLoadNonCPU", "None"),
        }
    }
}

#[derive(Debug)]
pub(super) struct ClusterSeries {
    lag_max: SeriesId,
    volume: SeriesId,
    /// `AuroraGlobalDBRPOLag` and `AuroraGlobalDBReplicationLag`: of secondaries only.
    global: Option<(SeriesId, SeriesId)>,
}

impl ClusterSeries {
    pub(super) fn new(name: &str, region: &str, global: bool, metrics: &mut Metrics) -> Self {
        let mut of =
            |metric, unit| series(metrics, region, ("DBClusterIdentifier", name), metric, unit);
        Self {
            lag_max: of("AuroraReplicaLagMaximum", "Milliseconds"),
            volume: of("VolumeBytesUsed", "Bytes"),
            global: global.then(|| {
                (
                    of("AuroraGlobalDBRPOLag", "Milliseconds"),
                    of("AuroraGlobalDBReplicationLag", "Milliseconds"),
                )
            }),
        }
    }
}

impl DbInstance {
    /// How much longer a statement takes than on an instance of the usual strain, 1 and more.
    #[must_use]
    pub fn waiting(&self) -> f64 {
        let wait = (1.0 - WRITER_STRAIN) / (1.0 - self.strain.min(0.98));
        (wait * self.strain.max(1.0)).max(1.0)
    }

    /// Share of the statements that run into a time-out here, 0 to 1.
    #[must_use]
    pub fn refused(&self) -> f64 {
        ((self.strain - FULL) / self.strain.max(FULL)).clamp(0.0, 0.9)
    }
}

impl DbCluster {
    /// Cores of work at the reference hour, of the writer and of the readers together.
    pub(super) fn usual_work(&self) -> (f64, f64) {
        let most = self
            .instances
            .iter()
            .map(|i| i.class.vcpus)
            .fold(0.0, f64::max);
        let readers = f64::from(u32::try_from(self.readers().count()).unwrap_or(1));
        (WRITER_STRAIN * most, READER_STRAIN * most * readers)
    }

    /// The host of the writer gives only this share of its cores from now on.
    pub fn writer_host(&mut self, share: f64) {
        if let Some(writer) = self.instances.iter_mut().find(|i| i.writer) {
            writer.host = share;
        }
    }

    /// Every instance is on a sound host again.
    pub fn mend_hosts(&mut self) {
        self.instances.iter_mut().for_each(|i| i.host = 1.0);
    }

    /// One world second of load.
    pub fn bear(&mut self, ask: &Ask<'_>, now: Millis) {
        let serving = |i: &&DbInstance| !i.writer && i.status.serves();
        let readers =
            f64::from(u32::try_from(self.instances.iter().filter(serving).count()).unwrap_or(0));
        let demand = ask.demand * self.weight;
        let attached = if self.quiet { 0.0 } else { ask.attached };
        let (writes, reads) = (self.work.0 * demand, self.work.1 * demand);
        let clung = self
            .failovers
            .last()
            .map(|f| f.from.clone())
            .unwrap_or_default();
        let to_readers = ask.pods * POOL_TO_READERS;
        for (n, i) in self.instances.iter_mut().enumerate() {
            let ill = ask.grey.get(i.az).copied().unwrap_or(0.0);
            let (work, mut level) = match (i.writer, readers) {
                (true, 0.0) => (writes * attached + reads, to_readers),
                (true, _) => (writes * attached, 0.0),
                (false, n) => (reads / n.max(1.0), to_readers / n.max(1.0)),
            };
            i.strain = work * (1.0 + ill) / (i.class.vcpus * i.host);
            if i.writer {
                let spread = 1.0 + 0.25 * (i.waiting() - 1.0);
                level += ask.pods * attached * (POOL_TO_WRITER * spread).min(POOL_LIMIT);
            }
            if i.name == clung && !i.writer {
                level += ask.pods * ask.clinging * POOL_TO_WRITER;
            }
            let level = level.min(i.class.max_connections(self.engine));
            if i.status.serves() {
                i.connections += (level - i.connections) * SETTLING;
            } else {
                (i.connections, i.strain) = (0.0, 0.0);
            }
            i.fall_behind(ill, ask.seed, n, now);
        }
    }

    /// Writes the gauges of this moment.
    pub fn sample(&self, metrics: &mut Metrics, ask: &Ask<'_>, now: Millis) {
        let mut worst: f64 = 0.0;
        for (n, i) in self
            .instances
            .iter()
            .enumerate()
            .filter(|(_, i)| i.status.serves())
        {
            let wobble = 1.0 + 0.08 * noise(ask.seed, 700 + n as u64, now.seconds(), 120);
            let ill = ask.grey.get(i.az).copied().unwrap_or(0.0);
            let ceiling = (ask.pods * POOL_LIMIT).min(i.class.max_connections(self.engine));
            i.sample(metrics, wobble, ill, ceiling);
            metrics.sample(i.series.queries, i.statements(ask.demand) * wobble);
            if !i.writer {
                metrics.sample(i.series.lag, i.lag_ms);
                worst = worst.max(i.lag_ms);
            }
        }
        metrics.sample(self.series.lag_max, worst);
        metrics.sample(self.series.volume, 4.1e11 + now.epoch_seconds() % 1e9);
        if let Some((rpo, replication)) = self.series.global.filter(|_| self.secondary) {
            let lag = 320.0 + 90.0 * noise(ask.seed, 41, now.seconds(), 90);
            metrics.sample(rpo, lag);
            metrics.sample(replication, lag * 0.6);
        }
    }
}

impl DbInstance {
    /// Statements a second: what is asked for, as far as it is carried.
    fn statements(&self, demand: f64) -> f64 {
        900.0
            * demand
            * if self.strain > 1.0 {
                1.0 / self.strain
            } else {
                1.0
            }
    }

    /// A replica falls behind in a grey zone, on a bad host and when it is full, and catches up otherwise.
    fn fall_behind(&mut self, ill: f64, seed: u64, n: usize, now: Millis) {
        if self.writer {
            self.lag_ms = 0.0;
            return;
        }
        let calm = 14.0 + 6.0 * noise(seed, 500 + n as u64, now.seconds(), 30);
        if ill > 0.0 {
            let drift = 18.0 * (1.0 + noise(seed, 900 + n as u64, now.seconds(), 20));
            self.lag_ms = (self.lag_ms + drift * ill).min(9_000.0);
            return;
        }
        let host = 260.0 * (1.0 - self.host);
        let full = 900.0 * (self.strain - 0.9).clamp(0.0, 0.5);
        self.lag_ms += (calm + host + full - self.lag_ms) * 0.2;
    }

    fn sample(&self, metrics: &mut Metrics, wobble: f64, ill: f64, ceiling: f64) {
        let s = &self.series;
        let waiting = self.waiting();
        metrics.sample(s.cpu, (self.strain * 100.0 * wobble).min(99.5));
        metrics.sample(
            s.connections,
            (self.connections * wobble).min(ceiling).round(),
        );
        let crowd = (self.connections / ceiling.max(1.0) - 0.45).clamp(0.0, 0.55);
        let memory = self.class.memory * 1.75e8 * (1.0 - 0.05 * wobble) * (1.0 - 1.5 * crowd);
        metrics.sample(s.memory, memory);
        metrics.sample(s.read, 0.0006 * wobble * (1.0 + 60.0 * ill));
        metrics.sample(s.hits, 99.6 - 0.2 * wobble);
        if self.writer {
            metrics.sample(s.commit, 3.1 * wobble * waiting * (1.0 + 30.0 * ill));
            metrics.sample(
                s.write,
                0.0011 * wobble * waiting.sqrt() * (1.0 + 60.0 * ill),
            );
        }
        let cores = self.strain.min(1.0) * self.class.vcpus;
        let sessions = (cores * waiting * wobble).min(self.connections.max(cores));
        let on_cpu = sessions.min(self.class.vcpus);
        metrics.sample(s.load, sessions);
        metrics.sample(s.load_cpu, on_cpu);
        metrics.sample(s.load_other, (sessions - on_cpu).max(0.0));
    }
}
