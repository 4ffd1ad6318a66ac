//! One region of the world: everything in it but its Kubernetes cluster.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::clock::Millis;
use crate::world::balancer::{LoadBalancer, TargetGroup};
use crate::world::cluster::{Az, WorkloadKey};
use crate::world::database::{Ail, DbCluster, DbEvent, Pool};
use crate::world::function::{Function, Mapping};
use crate::world::geography::{Network, Place};
use crate::world::metric::SeriesId;
use crate::world::queue::consume::Workforce;
use crate::world::queue::{MoveTask, Queue};
use crate::world::shift::Shift;

/// A service as it runs in a region.
#[derive(Debug)]
pub struct Service {
    /// Namespace and name.
    pub key: WorkloadKey,
    /// Index of its target group.
    pub group: Option<usize>,
    /// Replicas at the reference hour.
    pub replicas: f64,
    /// Requests a second at the reference hour.
    pub rate: f64,
    /// Median seconds of an answer.
    pub median: f64,
    /// CPU in percent of the request at the reference hour.
    pub cpu: f64,
    /// Its noise.
    pub stream: u64,
    /// The database clusters its pods name.
    pub databases: Vec<usize>,
    /// Share of its requests that need the writer of the main database.
    pub writes: f64,
    /// How its connections follow a failover.
    pub pool: Pool,
    /// What it suffers from the main database now.
    pub ail: Ail,
}

/// A stream of messages into a queue.
#[derive(Debug)]
pub struct Producer {
    /// ARN of the queue.
    pub queue: Arc<str>,
    /// Messages a second at the reference hour.
    pub rate: f64,
    /// Share of messages in the newest schema.
    pub new_schema_share: f64,
    /// Messages sent so far.
    pub serial: u64,
}

/// A release that cannot read one schema of its messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Defect {
    /// Whose release.
    pub workload: WorkloadKey,
    /// The release.
    pub tag: String,
    /// The schema.
    pub chokes_on: u8,
}

/// Series of a queue.
#[derive(Debug, Clone, Copy)]
pub struct QueueSeries {
    /// `ApproximateNumberOfMessagesVisible`
    pub visible: SeriesId,
    /// `ApproximateNumberOfMessagesNotVisible`
    pub hidden: SeriesId,
    /// `ApproximateNumberOfMessagesDelayed`
    pub delayed: SeriesId,
    /// `ApproximateAgeOfOldestMessage`
    pub age: SeriesId,
    /// `NumberOfMessagesSent`
    pub sent: SeriesId,
    /// `NumberOfMessagesReceived`
    pub received: SeriesId,
    /// `NumberOfMessagesDeleted`
    pub deleted: SeriesId,
    /// `NumberOfEmptyReceives`
    pub empty: SeriesId,
}

/// The EKS view of the region's cluster that Kubernetes itself does not have.
#[derive(Debug)]
pub struct EksFacts {
    /// ARN.
    pub arn: String,
    /// When it was made.
    pub created: Millis,
    /// The random part of its issuer.
    pub host: String,
    /// Where its API server is served; empty until it is.
    pub endpoint: String,
    /// Add-ons: name and version.
    pub addons: Vec<(&'static str, &'static str)>,
}

/// A region.
#[derive(Debug)]
pub struct Region {
    /// What is the same in every account.
    pub place: Place,
    /// Zones.
    pub azs: Vec<Az>,
    /// Names of the zones.
    pub zones: Vec<String>,
    /// Network.
    pub network: Network,
    /// EKS.
    pub eks: EksFacts,
    /// Services.
    pub services: Vec<Service>,
    /// Load balancers.
    pub balancers: Vec<LoadBalancer>,
    /// Target groups.
    pub groups: Vec<TargetGroup>,
    /// Database clusters.
    pub databases: Vec<DbCluster>,
    /// Database events, oldest first.
    pub events: Vec<DbEvent>,
    /// Queues by ARN.
    pub queues: BTreeMap<Arc<str>, Queue>,
    /// Series of the queues.
    pub queue_series: HashMap<Arc<str>, QueueSeries>,
    /// Producers.
    pub producers: Vec<Producer>,
    /// Consumers.
    pub workforces: Vec<Workforce>,
    /// Move tasks, oldest first.
    pub moves: Vec<MoveTask>,
    /// Functions.
    pub functions: Vec<Function>,
    /// Event source mappings.
    pub mappings: Vec<Mapping>,
    /// Zonal shifts, oldest first.
    pub shifts: Vec<Shift>,
    /// Faulty releases.
    pub defects: Vec<Defect>,
    /// How grey each zone is, 0 (well) to 1.
    pub grey: Vec<f64>,
    /// CPU of each workload in each zone, percent of the request.
    pub loads: HashMap<WorkloadKey, Vec<f64>>,
    /// Demand against the reference hour.
    pub demand: f64,
    /// Demand beyond the usual, as a factor.
    pub surge: f64,
}

impl Region {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.place.name
    }

    /// The queue at a URL, however the URL's host is written: the path decides.
    #[must_use]
    pub fn queue_at(&self, url: &str) -> Option<&Queue> {
        let name = url.rsplit('/').next().filter(|n| !n.is_empty())?;
        self.queues.values().find(|q| q.name == name)
    }

    /// ARN of the queue at a URL.
    #[must_use]
    pub fn queue_arn_at(&self, url: &str) -> Option<Arc<str>> {
        self.queue_at(url).map(|q| q.arn.clone())
    }

    /// Dead-letters messages out of `from`, to where its redrive policy says.
    pub fn bury(&mut self, from: &Arc<str>, dead: Vec<crate::world::queue::Message>, now: Millis) {
        if dead.is_empty() {
            return;
        }
        let Some(target) = self
            .queues
            .get(from)
            .and_then(|q| q.redrive.as_ref())
            .map(|r| r.target.clone())
        else {
            return;
        };
        if let Some(queue) = self.queues.get_mut(&target) {
            for message in dead {
                queue.bury(message, from.clone(), now);
            }
        }
    }
}
