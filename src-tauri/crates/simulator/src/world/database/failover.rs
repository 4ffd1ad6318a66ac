//! Failover within a region: a reader becomes the writer, some seconds later the writer endpoint follows, and the old
//! writer comes back as a reader.
//!
//! Order of preference when no target is named: promotion tier, then size, then any (Aurora User Guide, "Fault tolerance
//! for an Aurora DB cluster"). Durations: about 30 s is typical (RDS API reference, FailoverDBCluster: under 35).

use super::status::{ClusterStatus, InstanceStatus, Refusal};
use super::{Change, DbCluster, DbEvent, DbInstance};
use crate::clock::Millis;

/// Seconds from the request until the writer stops.
const STOPS_AFTER: i64 = 2;

/// A failover that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failover {
    /// The writer it began with.
    pub from: String,
    /// The reader that is promoted.
    pub to: String,
    /// When the writer stopped taking statements.
    pub stopped: Millis,
    /// When the reader took the role; `None` until then.
    pub promoted: Option<Millis>,
    /// When the writer endpoint moved; `None` until then.
    pub moved: Option<Millis>,
    /// When the old writer was back; `None` until then.
    pub returned: Option<Millis>,
}

impl DbCluster {
    /// The reader AWS would promote: the lowest tier, of those the largest, of those the first.
    #[must_use]
    pub fn heir(&self) -> Option<&DbInstance> {
        self.readers()
            .filter(|i| i.status == InstanceStatus::Available)
            .min_by(|a, b| {
                a.tier
                    .cmp(&b.tier)
                    .then(b.class.memory.total_cmp(&a.class.memory))
            })
    }

    /// Starts a failover to `target`, or to the [heir](Self::heir). Refused as the API reference says:
    /// `InvalidDBClusterStateFault` for a cluster that is not available or has no reader to promote,
    /// `InvalidDBInstanceState` for a target that is the writer or not available, and where no instance of the cluster
    /// has the name, `DBInstanceNotFound`.
    pub fn fail_over(&mut self, target: Option<&str>, now: Millis) -> Result<(), Refusal> {
        let to = self.target(target)?;
        let Some(from) = self.writer().map(|w| w.name.clone()) else {
            return Err(Refusal::ClusterState(format!(
                "DB cluster {} is a secondary cluster of a global database and has no writer to fail over.",
                self.name
            )));
        };
        self.status = ClusterStatus::FailingOver;
        let promoted = now.plus_seconds(STOPS_AFTER + self.dice.between(7, 13));
        let plan = [
            (now.plus_seconds(1), Change::Announce { to: to.clone() }),
            (
                now.plus_seconds(STOPS_AFTER),
                Change::Stop {
                    from: from.clone(),
                    to: to.clone(),
                },
            ),
            (promoted, Change::Promote { to: to.clone() }),
            (
                promoted.plus_seconds(self.dice.between(2, 3)),
                Change::Finish { to },
            ),
            (promoted.plus_seconds(self.dice.between(4, 9)), Change::Move),
            (
                promoted.plus_seconds(self.dice.between(14, 30)),
                Change::Return { name: from },
            ),
        ];
        plan.into_iter().for_each(|(at, what)| self.plan(at, what));
        Ok(())
    }

    fn target(&self, named: Option<&str>) -> Result<String, Refusal> {
        if self.status != ClusterStatus::Available {
            return Err(Refusal::ClusterState(format!(
                "DB cluster {} cannot be failed over while its status is {}.",
                self.name,
                self.status.name()
            )));
        }
        let Some(named) = named else {
            return self.heir().map(|i| i.name.clone()).ok_or_else(|| {
                Refusal::ClusterState(format!(
                    "DB cluster {} cannot be failed over: it has no available reader.",
                    self.name
                ))
            });
        };
        let target = self
            .instance(named)
            .ok_or_else(|| Refusal::NoInstance(format!("DBInstance {named} not found.")))?;
        if target.writer {
            let why = format!("DB instance {named} is already the writer of its DB cluster.");
            return Err(Refusal::InstanceState(why));
        }
        if target.status != InstanceStatus::Available {
            let status = target.status.name();
            let why =
                format!("DB instance {named} cannot be promoted while its status is {status}.");
            return Err(Refusal::InstanceState(why));
        }
        Ok(target.name.clone())
    }

    pub(super) fn announce(&self, to: &str, now: Millis) -> Option<DbEvent> {
        let az = |i: &DbInstance| i.az;
        let same = self.writer().map(az) == self.instance(to).map(az);
        let kind = if same { "same" } else { "cross" };
        let message = format!("Started {kind} AZ failover to DB instance: {to}");
        Some(self.tell(now, "failover", message))
    }

    pub(super) fn stop_writer(&mut self, from: &str, to: &str, now: Millis) -> Option<DbEvent> {
        for name in [from, to] {
            let kept = |i: &&mut DbInstance| i.status != InstanceStatus::Deleting;
            if let Some(instance) = self.instance_mut(name).filter(kept) {
                instance.status = InstanceStatus::Rebooting;
            }
        }
        self.failovers.push(Failover {
            from: from.to_owned(),
            to: to.to_owned(),
            stopped: now,
            promoted: None,
            moved: None,
            returned: None,
        });
        let old = self.instance(from)?;
        Some(self.tell_of(now, old, "availability", "DB instance shutdown"))
    }

    pub(super) fn promote(&mut self, to: &str, now: Millis) -> Option<DbEvent> {
        for instance in &mut self.instances {
            instance.writer = instance.name == to;
        }
        if let Some(failover) = self.failovers.last_mut() {
            failover.promoted = Some(now);
        }
        let new = self.instance_mut(to)?;
        new.status = InstanceStatus::Available;
        new.lag_ms = 0.0;
        new.started = now;
        let new = self.instance(to)?;
        Some(self.tell_of(now, new, "availability", "DB instance restarted"))
    }

    pub(super) fn finish_failover(&mut self, to: &str, now: Millis) -> Option<DbEvent> {
        self.status = ClusterStatus::Available;
        let message = format!("Completed failover to DB instance: {to}");
        Some(self.tell(now, "failover", message))
    }

    /// The writer endpoint is pointed at the writer.
    pub(super) fn move_endpoint(&mut self, now: Millis) {
        if let Some(writer) = self.writer().map(|w| w.name.clone()) {
            self.endpoint_at = writer;
        }
        if let Some(failover) = self.failovers.last_mut() {
            failover.moved.get_or_insert(now);
        }
    }

    pub(super) fn bring_back(&mut self, name: &str, now: Millis) -> Option<DbEvent> {
        if let Some(failover) = self.failovers.iter_mut().rev().find(|f| f.from == name) {
            failover.returned.get_or_insert(now);
        }
        let stopped = |i: &&mut DbInstance| i.status == InstanceStatus::Rebooting;
        let old = self.instance_mut(name).filter(stopped)?;
        old.status = InstanceStatus::Available;
        old.started = now;
        old.lag_ms = 400.0;
        let old = self.instance(name)?;
        Some(self.tell_of(now, old, "availability", "DB instance restarted"))
    }
}
