//! Aurora: clusters, their instances in the zones, and the global database over the regions.
//!
//! What is asked of a cluster over the API takes time: it lies on the cluster's agenda and happens second by second.
//! Every figure of CloudWatch follows from the same state, see [`load`].

mod autoscale;
pub mod class;
mod endpoint;
mod event;
mod failover;
mod global;
pub mod load;
mod members;
pub mod pools;
mod regional;
pub mod status;

use std::net::Ipv4Addr;

use crate::clock::Millis;
use crate::world::dice::Dice;
use crate::world::metric::{MetricKey, Metrics, SeriesId};

pub use autoscale::{Activity, ReaderScaling};
pub use class::{DbClass, Engine};
pub use endpoint::TTL as ENDPOINT_TTL;
pub use event::DbEvent;
pub use failover::Failover;
pub use global::{GlobalDatabase, Operation};
pub use members::NewReader;
pub use pools::{Ail, Pool};
pub use status::{ClusterStatus, InstanceStatus, Refusal};

use load::{ClusterSeries, InstanceSeries};

/// An instance of a cluster.
#[derive(Debug)]
pub struct DbInstance {
    /// Identifier.
    pub name: String,
    /// Endpoint address.
    pub endpoint: String,
    /// What its endpoint resolves to.
    pub address: Ipv4Addr,
    /// Zone, index.
    pub az: usize,
    /// Class.
    pub class: DbClass,
    /// Promotion tier, 0..=15.
    pub tier: u32,
    /// The writer of its cluster.
    pub writer: bool,
    /// State.
    pub status: InstanceStatus,
    /// When it was made.
    pub created: Millis,
    /// When its engine last started.
    pub started: Millis,
    /// Resource id.
    pub resource: String,
    /// Milliseconds this replica is behind its writer.
    pub lag_ms: f64,
    /// Share of its cores that its host really gives, 0 to 1.
    pub host: f64,
    /// Work per second against what it can do; above 1 statements wait for good.
    pub strain: f64,
    /// Open connections.
    pub connections: f64,
    /// Maintenance that waits for its window, and the day it is applied.
    pub maintenance: Option<Millis>,
    series: InstanceSeries,
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
    /// Endpoint of the RDS Proxy in front of it, where there is one.
    pub proxy: Option<String>,
    /// Engine.
    pub engine: Engine,
    /// Database name.
    pub database: String,
    /// State.
    pub status: ClusterStatus,
    /// When it was made.
    pub created: Millis,
    /// Global database it belongs to.
    pub global: Option<String>,
    /// Secondary of its global database: it has no writer.
    pub secondary: bool,
    /// Instances.
    pub instances: Vec<DbInstance>,
    /// Name of the instance the writer endpoint resolves to.
    pub endpoint_at: String,
    /// Failovers, oldest first.
    pub failovers: Vec<Failover>,
    /// Work of the writer and of all readers together at the reference hour, cores.
    pub work: (f64, f64),
    /// Work of a statement against the usual.
    pub weight: f64,
    /// Aurora Auto Scaling of its readers.
    pub scaling: Option<ReaderScaling>,
    /// Protected against deletion.
    pub protected: bool,
    /// It takes no writes although it has a writer: its global database changes its primary.
    pub quiet: bool,
    agenda: Vec<(Millis, Change)>,
    dice: Dice,
    host: String,
    network: u8,
    serial: u8,
    series: ClusterSeries,
}

/// What is still to happen to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    /// A failover is told of.
    Announce { to: String },
    /// The writer stops.
    Stop { from: String, to: String },
    /// A reader takes the role.
    Promote { to: String },
    /// The failover is told to be over.
    Finish { to: String },
    /// The writer endpoint follows the role.
    Move,
    /// The old writer is back.
    Return { name: String },
    /// A new reader serves.
    Ready { name: String },
    /// A reader is gone.
    Gone { name: String },
    /// A changed setting is in force.
    Settle { name: String },
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
    /// Engine.
    pub engine: Engine,
    /// The random part of its host names.
    pub host: &'a str,
    /// Resource id, `cluster-…`.
    pub resource: String,
    /// Global database.
    pub global: Option<String>,
    /// Secondary of it.
    pub secondary: bool,
    /// An RDS Proxy stands in front of it.
    pub proxied: bool,
    /// Zone and class of each instance, the writer first.
    pub instances: &'a [(usize, &'static str)],
    /// Second octet of its addresses.
    pub network: u8,
    /// Third octet of its addresses.
    pub subnet: u8,
    /// When it was made.
    pub created: Millis,
    /// Decides how long things take.
    pub dice: Dice,
}

impl DbCluster {
    /// A cluster in its steady state.
    pub fn new(spec: DbSpec<'_>, metrics: &mut Metrics) -> Self {
        let DbSpec {
            name,
            region,
            account,
            host,
            ..
        } = spec;
        let mut cluster = Self {
            name: name.into(),
            region: region.into(),
            arn: format!("arn:aws:rds:{region}:{account}:cluster:{name}"),
            endpoint: format!("{name}.cluster-{host}.{region}.rds.amazonaws.com"),
            reader_endpoint: format!("{name}.cluster-ro-{host}.{region}.rds.amazonaws.com"),
            proxy: spec
                .proxied
                .then(|| format!("{name}.proxy-{host}.{region}.rds.amazonaws.com")),
            engine: spec.engine,
            database: spec.database.into(),
            status: ClusterStatus::Available,
            created: spec.created,
            series: ClusterSeries::new(name, region, spec.global.is_some(), metrics),
            global: spec.global,
            secondary: spec.secondary,
            instances: Vec::new(),
            endpoint_at: String::new(),
            failovers: Vec::new(),
            work: (0.0, 0.0),
            weight: 1.0,
            scaling: None,
            protected: true,
            quiet: false,
            agenda: Vec::new(),
            dice: spec.dice,
            host: host.into(),
            network: spec.network,
            serial: spec.subnet,
            resource: spec.resource,
        };
        for (n, (az, class)) in spec.instances.iter().enumerate() {
            let name = format!("{name}-{}", n + 1);
            let Some(class) = DbClass::parse(class) else {
                continue;
            };
            let mut instance = cluster.build(name, class, *az, spec.created, metrics);
            instance.tier = u32::try_from(n.min(2)).unwrap_or(2);
            instance.writer = n == 0 && !spec.secondary;
            instance.status = InstanceStatus::Available;
            instance.created = spec
                .created
                .plus_seconds(600 + 900 * i64::try_from(n).unwrap_or(0));
            instance.started = instance.created;
            cluster.instances.push(instance);
        }
        cluster.endpoint_at = cluster.writer().map(|w| w.name.clone()).unwrap_or_default();
        cluster.work = cluster.usual_work();
        cluster
    }

    /// An instance that does not serve yet.
    fn build(
        &mut self,
        name: String,
        class: DbClass,
        az: usize,
        now: Millis,
        metrics: &mut Metrics,
    ) -> DbInstance {
        self.serial += 1;
        let n = self.serial;
        let zone = u8::try_from(az).unwrap_or(0);
        DbInstance {
            endpoint: format!("{name}.{}.{}.rds.amazonaws.com", self.host, self.region),
            address: Ipv4Addr::new(10, self.network, zone, n),
            az,
            class,
            tier: 1,
            writer: false,
            status: InstanceStatus::Creating,
            created: now,
            started: now,
            resource: format!("db-{}", self.dice.upper(26)),
            lag_ms: 14.0,
            host: 1.0,
            strain: 0.0,
            connections: 0.0,
            maintenance: None,
            series: InstanceSeries::new(&name, &self.region, metrics),
            name,
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

    /// Its writer; a secondary cluster of a global database has none.
    #[must_use]
    pub fn writer(&self) -> Option<&DbInstance> {
        self.instances.iter().find(|i| i.writer)
    }

    /// Its readers, serving or not.
    pub fn readers(&self) -> impl Iterator<Item = &DbInstance> {
        self.instances.iter().filter(|i| !i.writer)
    }

    /// An instance by its identifier, however it is capitalised, or its ARN.
    #[must_use]
    pub fn instance(&self, id: &str) -> Option<&DbInstance> {
        let named = |i: &&DbInstance| i.name.eq_ignore_ascii_case(id) || self.instance_arn(i) == id;
        self.instances.iter().find(named)
    }

    fn instance_mut(&mut self, name: &str) -> Option<&mut DbInstance> {
        self.instances
            .iter_mut()
            .find(|i| i.name.eq_ignore_ascii_case(name))
    }

    fn plan(&mut self, at: Millis, what: Change) {
        let after = self.agenda.partition_point(|(due, _)| *due <= at);
        self.agenda.insert(after, (at, what));
    }

    /// What is due happens.
    pub fn run_agenda(&mut self, now: Millis, events: &mut Vec<DbEvent>) {
        while self.agenda.first().is_some_and(|(at, _)| *at <= now) {
            let (_, what) = self.agenda.remove(0);
            events.extend(self.happen(what, now));
        }
    }

    fn happen(&mut self, what: Change, now: Millis) -> Option<DbEvent> {
        match what {
            Change::Announce { to } => self.announce(&to, now),
            Change::Stop { from, to } => self.stop_writer(&from, &to, now),
            Change::Promote { to } => self.promote(&to, now),
            Change::Finish { to } => self.finish_failover(&to, now),
            Change::Move => {
                self.move_endpoint(now);
                None
            }
            Change::Return { name } => self.bring_back(&name, now),
            Change::Ready { name } => self.open(&name, now),
            Change::Gone { name } => self.forget(&name, now),
            Change::Settle { name } => {
                if let Some(instance) = self.instance_mut(&name) {
                    instance.status = InstanceStatus::Available;
                }
                None
            }
        }
    }
}

/// A series of RDS.
fn series(
    metrics: &mut Metrics,
    region: &str,
    dimension: (&str, &str),
    metric: &str,
    unit: &'static str,
) -> SeriesId {
    metrics.series(
        MetricKey::new(region, "AWS/RDS", metric, &[dimension]),
        unit,
    )
}

#[cfg(test)]
mod life;
#[cfg(test)]
mod tests;
