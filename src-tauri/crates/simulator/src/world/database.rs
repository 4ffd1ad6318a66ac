//! Aurora: clusters, their instances in the zones, and the global database over the regions.

use crate::clock::Millis;
use crate::world::dice::noise;
use crate::world::metric::{MetricKey, Metrics, SeriesId};

/// An instance of a cluster.
#[derive(Debug)]
pub struct DbInstance {
    /// Identifier.
    pub name: String,
    /// Endpoint address.
    pub endpoint: String,
    /// Zone, index.
    pub az: usize,
    /// Class.
    pub class: &'static str,
    /// Promotion tier, 0..=15.
    pub tier: u32,
    /// The writer of its cluster.
    pub writer: bool,
    /// `available`, …
    pub status: &'static str,
    /// When it was made.
    pub created: Millis,
    /// Resource id.
    pub resource: String,
    /// Milliseconds this replica is behind its writer.
    pub lag_ms: f64,
    series: InstanceSeries,
}

#[derive(Debug)]
struct InstanceSeries {
    cpu: SeriesId,
    connections: SeriesId,
    memory: SeriesId,
    commit: SeriesId,
    lag: SeriesId,
    read: SeriesId,
    write: SeriesId,
    queries: SeriesId,
    hits: SeriesId,
}

/// A cluster.
#[derive(Debug)]
pub struct DbCluster {
    /// Identifier.
    pub name: String,
    /// Region.
    pub region: String,
    /// ARN.
    pub arn: String,
    /// Resource id.
    pub resource: String,
    /// Writer endpoint.
    pub endpoint: String,
    /// Reader endpoint.
    pub reader_endpoint: String,
    /// `aurora-postgresql`.
    pub engine: &'static str,
    /// Engine version.
    pub version: &'static str,
    /// Port.
    pub port: u16,
    /// Database name.
    pub database: String,
    /// `available`, …
    pub status: &'static str,
    /// When it was made.
    pub created: Millis,
    /// Global database it belongs to.
    pub global: Option<String>,
    /// Secondary of its global database: it has no writer.
    pub secondary: bool,
    /// Instances.
    pub instances: Vec<DbInstance>,
    /// Connections each pod that names the cluster keeps open.
    pub pool: f64,
    lag_max: SeriesId,
    volume: SeriesId,
    rpo: Option<SeriesId>,
    replication: Option<SeriesId>,
}

/// A global database.
#[derive(Debug)]
pub struct GlobalDatabase {
    /// Identifier.
    pub name: String,
    /// Resource id.
    pub resource: String,
    /// Members: ARNs, the primary first.
    pub members: Vec<String>,
}

/// An event of DescribeEvents.
#[derive(Debug, Clone)]
pub struct DbEvent {
    /// When.
    pub at: Millis,
    /// `db-instance` or `db-cluster`.
    pub source_type: &'static str,
    /// Identifier.
    pub source: String,
    /// ARN.
    pub arn: String,
    /// Category.
    pub category: &'static str,
    /// What happened.
    pub message: &'static str,
}

/// What a cluster is made of.
#[derive(Debug)]
pub struct DbSpec<'a> {
    /// Identifier.
    pub name: &'a str,
    /// Region.
    pub region: &'a str,
    /// Account.
    pub account: &'a str,
    /// Name of the database in it.
    pub database: &'a str,
    /// The random part of its host names.
    pub host: &'a str,
    /// Resource id, `cluster-…`.
    pub resource: String,
    /// Global database.
    pub global: Option<String>,
    /// Secondary of it.
    pub secondary: bool,
    /// Zone of each instance, the writer first.
    pub zones: &'a [usize],
    /// When it was made.
    pub created: Millis,
}

impl DbCluster {
    /// A cluster in its steady state.
    pub fn new(spec: &DbSpec<'_>, metrics: &mut Metrics) -> Self {
        let DbSpec {
            name,
            region,
            account,
            host,
            ..
        } = *spec;
        let series = |metrics: &mut Metrics, metric: &str, unit| {
            metrics.series(
                MetricKey::new(region, "AWS/RDS", metric, &[("DBClusterIdentifier", name)]),
                unit,
            )
        };
        let global = spec.secondary;
        Self {
            name: name.into(),
            region: region.into(),
            arn: format!("arn:aws:rds:{region}:{account}:cluster:{name}"),
            resource: spec.resource.clone(),
            endpoint: format!("{name}.cluster-{host}.{region}.rds.amazonaws.com"),
            reader_endpoint: format!("{name}.cluster-ro-{host}.{region}.rds.amazonaws.com"),
            engine: "aurora-postgresql",
            version: "16.6",
            port: 5432,
            database: spec.database.into(),
            status: "available",
            created: spec.created,
            global: spec.global.clone(),
            secondary: spec.secondary,
            instances: spec
                .zones
                .iter()
                .enumerate()
                .map(|(n, az)| instance(spec, n, *az, metrics))
                .collect(),
            pool: 6.0,
            lag_max: series(metrics, "AuroraReplicaLagMaximum", "Milliseconds"),
            volume: series(metrics, "VolumeBytesUsed", "Bytes"),
            rpo: global.then(|| series(metrics, "AuroraGlobalDBRPOLag", "Milliseconds")),
            replication: global
                .then(|| series(metrics, "AuroraGlobalDBReplicationLag", "Milliseconds")),
        }
    }

    /// ARN of an instance.
    #[must_use]
    pub fn instance_arn(&self, instance: &DbInstance) -> String {
        self.arn.replace(
            &format!("cluster:{}", self.name),
            &format!("db:{}", instance.name),
        )
    }

    /// One world second: replicas fall behind where their zone is grey, and catch up where it is not.
    pub fn step(&mut self, grey: &[f64], seed: u64, now: Millis) {
        for (n, instance) in self
            .instances
            .iter_mut()
            .enumerate()
            .filter(|(_, i)| !i.writer)
        {
            let calm = 14.0 + 6.0 * noise(seed, 500 + n as u64, now.seconds(), 30);
            let ill = grey[instance.az];
            if ill > 0.0 {
                let drift = 18.0 * (1.0 + noise(seed, 900 + n as u64, now.seconds(), 20));
                instance.lag_ms = (instance.lag_ms + drift * ill).min(9_000.0);
            } else {
                instance.lag_ms += (calm - instance.lag_ms) * 0.2;
            }
        }
    }

    /// Writes a minute's gauges; `demand` is the load against the reference, `pods` how many pods are connected.
    pub fn sample(
        &self,
        metrics: &mut Metrics,
        grey: &[f64],
        demand: f64,
        pods: f64,
        seed: u64,
        now: Millis,
    ) {
        let readers = self.instances.iter().filter(|i| !i.writer).count().max(1);
        let mut worst: f64 = 0.0;
        for (n, i) in self.instances.iter().enumerate() {
            let wobble = 1.0 + 0.08 * noise(seed, 700 + n as u64, now.seconds(), 120);
            let ill = grey[i.az];
            let (cpu, share) = if i.writer {
                (36.0, 0.6)
            } else {
                (
                    21.0,
                    0.4 * 2.0 / f64::from(u32::try_from(readers).unwrap_or(1)),
                )
            };
            let s = &i.series;
            metrics.sample(s.cpu, (cpu * demand * wobble * (1.0 + ill)).min(99.5));
            metrics.sample(s.connections, (pods * self.pool * share * wobble).round());
            metrics.sample(s.memory, 11.2e9 * (1.0 - 0.05 * wobble));
            metrics.sample(s.read, 0.0006 * wobble * (1.0 + 60.0 * ill));
            metrics.sample(s.queries, 900.0 * demand * wobble);
            metrics.sample(s.hits, 99.6 - 0.2 * wobble);
            if i.writer {
                metrics.sample(s.commit, 3.1 * wobble * (1.0 + 30.0 * ill));
                metrics.sample(s.write, 0.0011 * wobble * (1.0 + 60.0 * ill));
            } else {
                metrics.sample(s.lag, i.lag_ms);
                worst = worst.max(i.lag_ms);
            }
        }
        metrics.sample(self.lag_max, worst);
        metrics.sample(self.volume, 4.1e11 + now.epoch_seconds() % 1e9);
        let global_lag = 320.0 + 90.0 * noise(seed, 41, now.seconds(), 90);
        for id in [self.rpo, self.replication].into_iter().flatten() {
            metrics.sample(id, global_lag);
        }
    }
}

fn instance(spec: &DbSpec<'_>, n: usize, az: usize, metrics: &mut Metrics) -> DbInstance {
    let name = format!("{}-{}", spec.name, n + 1);
    let mut series = |metric: &str, unit| {
        metrics.series(
            MetricKey::new(
                spec.region,
                "AWS/RDS",
                metric,
                &[("DBInstanceIdentifier", &name)],
            ),
            unit,
        )
    };
    let series = InstanceSeries {
        cpu: series("CPUUtilization", "Percent"),
        connections: series("DatabaseConnections", "Count"),
        memory: series("FreeableMemory", "Bytes"),
        commit: series("CommitLatency", "Milliseconds"),
        lag: series("AuroraReplicaLag", "Milliseconds"),
        read: series("ReadLatency", "Seconds"),
        write: series("WriteLatency", "Seconds"),
        queries: series("Queries", "Count/Second"),
        hits: series("BufferCacheHitRatio", "Percent"),
    };
    DbInstance {
        endpoint: format!("{name}.{}.{}.rds.amazonaws.com", spec.host, spec.region),
        resource: format!("db-{}{n}", spec.resource.trim_start_matches("cluster-")),
        name,
        az,
        class: "db.r6g.2xlarge",
        tier: u32::try_from(n.min(2)).unwrap_or(2),
        writer: n == 0 && !spec.secondary,
        status: "available",
        created: spec
            .created
            .plus_seconds(600 + 900 * i64::try_from(n).unwrap_or(0)),
        lag_ms: 14.0,
        series,
    }
}
