//! How the workloads live through what happens to their database: their connection pools, and what their requests and
//! logs see of it.
//!
//! What pools do after a failover: Aurora User Guide, "Fast failover with Amazon Aurora" (drivers that know the cluster,
//! name caching of five seconds at most, and clients that keep an address for good).

use super::{DbCluster, ENDPOINT_TTL, Failover};
use crate::clock::Millis;
use crate::world::cluster::{Cluster, Complaint};
use crate::world::region::{Region, Service};

/// Seconds a request waits for a connection before it gives up.
pub const POOL_WAIT: f64 = 5.0;
/// Seconds after which even a pool that keeps its address makes its connections anew.
const LONGEST_LIFE: i64 = 1800;
/// Share of a request's time that is spent in the database on a calm day.
const DATABASE_TIME: f64 = 0.25;
/// Errors in a log for each failed request among the few that are logged: failures are always logged.
const LOUDNESS: f64 = 3.0;

/// How a workload's connections follow a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// Its driver knows the cluster and finds the new writer by itself.
    Aware,
    /// It asks the DNS when it connects again.
    Resolves,
    /// It keeps the address it found at its start.
    Clings,
}

/// What a workload's requests suffer from its database.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Ail {
    /// Share of the requests that fail at once, 0 to 1.
    pub broken: f64,
    /// Share of the requests that fail after [`POOL_WAIT`], 0 to 1.
    pub timed_out: f64,
    /// How much longer the others take, over 1.
    pub slower: f64,
    /// Share of its pods that hold on to the old writer, 0 to 1.
    pub clinging: f64,
    /// Whether the rest has a writer to talk to.
    pub detached: bool,
}

impl Ail {
    /// Share of the requests that fail.
    #[must_use]
    pub fn failing(&self) -> f64 {
        self.broken + self.timed_out
    }
}

impl Failover {
    /// Whether a pool that does not cling is without a writer. `late` spreads the pools over a second or three.
    fn detaches(&self, pool: Pool, late: i64, now: Millis) -> bool {
        let Some(promoted) = self.promoted else {
            return true;
        };
        match pool {
            Pool::Aware => now < promoted.plus_seconds(1 + late),
            Pool::Resolves | Pool::Clings => self.moved.is_none_or(|moved| {
                now < moved.plus_seconds(1 + late + late * i64::from(ENDPOINT_TTL) / 3)
            }),
        }
    }

    /// Whether a process that started at `started` and clings still holds on to the old writer.
    fn holds(&self, started: Millis, now: Millis) -> bool {
        self.moved
            .is_some_and(|moved| started < moved && now < moved.plus_seconds(LONGEST_LIFE))
    }
}

impl Region {
    /// Works out what every workload suffers from the main database now, and lets its pods say so.
    pub fn feel_databases(&mut self, cluster: &mut Cluster, now: Millis) {
        let Some(database) = self.databases.first() else {
            return;
        };
        for service in self
            .services
            .iter_mut()
            .filter(|s| s.databases.contains(&0))
        {
            let ail = ail(service, database, cluster, now);
            let complaint = complaint(service, &ail, database);
            if complaint.is_some() || service.ail != ail {
                cluster.complain(&service.key, complaint, now);
            }
            service.ail = ail;
        }
    }

    /// Shares of the pods on a database that are connected to its writer, and that hold on to an old one.
    pub(super) fn attachment(&self, database: usize) -> (f64, f64) {
        if database != 0 {
            return (1.0, 0.0);
        }
        let (mut all, mut attached, mut clinging) = (0.0, 0.0, 0.0);
        for s in self.services.iter().filter(|s| s.databases.contains(&0)) {
            all += s.replicas;
            clinging += s.replicas * s.ail.clinging;
            if !s.ail.detached {
                attached += s.replicas * (1.0 - s.ail.clinging);
            }
        }
        if all == 0.0 {
            (1.0, 0.0)
        } else {
            (attached / all, clinging / all)
        }
    }
}

fn ail(service: &Service, database: &DbCluster, cluster: &Cluster, now: Millis) -> Ail {
    let failover = database.failovers.last();
    let late = i64::try_from(service.stream % 3).unwrap_or(0);
    let detached = failover.is_some_and(|f| f.detaches(service.pool, late, now));
    let clinging = failover
        .filter(|_| service.pool == Pool::Clings && !detached)
        .map_or(0.0, |f| holding(service, f, cluster, now));
    if detached {
        return Ail {
            broken: service.writes,
            detached,
            ..Ail::default()
        };
    }
    let (full, waiting) = database
        .writer()
        .map_or((0.0, 1.0), |w| (w.refused(), w.waiting()));
    let readers = database.readers().filter(|r| r.status.serves());
    let (n, lost) = readers.fold((0.0, 0.0), |(n, lost), r| (n + 1.0, lost + r.refused()));
    let reads_lost = if n > 0.0 { lost / n } else { full };
    let free = 1.0 - clinging;
    Ail {
        broken: service.writes * clinging,
        timed_out: service.writes * full * free + (1.0 - service.writes) * reads_lost * 0.3,
        slower: DATABASE_TIME * service.writes * (waiting - 1.0) * free,
        clinging,
        detached,
    }
}

/// Share of a workload's pods that hold on to the old writer.
fn holding(service: &Service, failover: &Failover, cluster: &Cluster, now: Millis) -> f64 {
    let (mut all, mut held) = (0.0, 0.0);
    for pod in cluster.pods(&service.key).filter(|p| p.ready) {
        all += 1.0;
        let holds = |started| failover.holds(started, now);
        if pod.running_since.is_some_and(holds) {
            held += 1.0;
        }
    }
    if all > 0.0 { held / all } else { 0.0 }
}

/// What the pods of a workload log of it.
fn complaint(service: &Service, ail: &Ail, database: &DbCluster) -> Option<Complaint> {
    let failover = database.failovers.last();
    let port = database.engine.port();
    let old = failover.and_then(|f| database.instance(&f.from));
    let gone = |instance: Option<&super::DbInstance>| {
        let to = instance.map_or_else(String::new, |i| i.address.to_string());
        format!("dial tcp {to}:{port}: connect: connection refused")
    };
    let (words, share, before) = if ail.detached {
        (gone(old), service.writes, None)
    } else if ail.clinging > 0.0 {
        let returned = failover.is_some_and(|f| f.returned.is_some());
        let words = if returned {
            database.engine.read_only_error().to_owned()
        } else {
            gone(old)
        };
        (words, service.writes, failover.and_then(|f| f.moved))
    } else if ail.timed_out > 0.0 {
        let words = format!("timeout acquiring connection to {}", database.endpoint);
        (words, ail.timed_out * LOUDNESS, None)
    } else {
        return None;
    };
    Some(Complaint {
        words,
        share: share.min(1.0),
        started_before: before,
    })
}
