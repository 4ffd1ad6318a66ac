//! Readers come and go: creating one takes minutes, deleting one cannot be called back.

use super::status::{ClusterStatus, InstanceStatus, Refusal};
use super::{Change, DbClass, DbCluster, DbEvent};
use crate::clock::Millis;
use crate::world::metric::Metrics;

/// Instances a cluster may have: a writer and 15 readers (Aurora User Guide, "Quotas and constraints for Amazon Aurora").
const MOST_INSTANCES: usize = 16;

/// What CreateDBInstance asks for.
#[derive(Debug, Clone)]
pub struct NewReader {
    /// Identifier.
    pub name: String,
    /// Class.
    pub class: DbClass,
    /// Zone, index; the one with the fewest instances when left out.
    pub az: Option<usize>,
    /// Promotion tier, 0..=15.
    pub tier: u32,
}

impl DbCluster {
    /// Starts to make a reader; it serves some minutes later. `zones` is how many the region has. Refused with
    /// `InvalidDBClusterStateFault` while the cluster is not available.
    pub fn add_reader(
        &mut self,
        new: NewReader,
        zones: usize,
        now: Millis,
        metrics: &mut Metrics,
    ) -> Result<(), Refusal> {
        if self.status != ClusterStatus::Available {
            return Err(Refusal::ClusterState(format!(
                "DB cluster {} is not in available state.",
                self.name
            )));
        }
        if self.instances.len() >= MOST_INSTANCES {
            return Err(Refusal::Quota(format!(
                "DB cluster {} already has {MOST_INSTANCES} DB instances.",
                self.name
            )));
        }
        let az = new.az.unwrap_or_else(|| self.emptiest_zone(zones));
        let mut instance = self.build(new.name.clone(), new.class, az, now, metrics);
        instance.tier = new.tier;
        self.instances.push(instance);
        let ready = now.plus_seconds(self.dice.between(240, 420));
        self.plan(ready, Change::Ready { name: new.name });
        Ok(())
    }

    fn emptiest_zone(&self, zones: usize) -> usize {
        let count = |z: usize| self.instances.iter().filter(|i| i.az == z).count();
        (0..zones.max(1)).min_by_key(|z| count(*z)).unwrap_or(0)
    }

    pub(super) fn open(&mut self, name: &str, now: Millis) -> Option<DbEvent> {
        let instance = self.instance_mut(name)?;
        instance.status = InstanceStatus::Available;
        instance.started = now;
        instance.lag_ms = 900.0;
        let instance = self.instance(name)?;
        Some(self.tell_of(now, instance, "creation", "DB instance created"))
    }

    /// Starts to delete an instance. Refused with `InvalidDBInstanceState` while it is created or deleted already, and
    /// with `InvalidDBClusterStateFault` for the only instance of a secondary cluster.
    ///
    /// Deleting the writer fails over first, to the [heir](Self::heir), when there is one.
    pub fn delete_instance(&mut self, name: &str, now: Millis) -> Result<(), Refusal> {
        let Some(instance) = self.instance(name) else {
            return Err(Refusal::NoInstance(format!("DBInstance {name} not found.")));
        };
        let (name, status) = (instance.name.clone(), instance.status);
        let going = status == InstanceStatus::Deleting;
        if going || status == InstanceStatus::Creating {
            let why = format!(
                "Instance {name} cannot be deleted while its status is {}.",
                status.name()
            );
            return Err(Refusal::InstanceState(why));
        }
        if self.secondary && self.instances.len() == 1 {
            return Err(Refusal::ClusterState(
                "Cannot delete the last instance of the read replica DB cluster.".into(),
            ));
        }
        if instance.writer && self.heir().is_some() {
            self.fail_over(None, now)?;
        }
        let gone = now.plus_seconds(self.dice.between(150, 300));
        if let Some(instance) = self.instance_mut(&name) {
            instance.status = InstanceStatus::Deleting;
            instance.connections = 0.0;
        }
        self.plan(gone, Change::Gone { name });
        Ok(())
    }

    pub(super) fn forget(&mut self, name: &str, now: Millis) -> Option<DbEvent> {
        let n = self.instances.iter().position(|i| i.name == name)?;
        let instance = self.instances.remove(n);
        Some(self.tell_of(now, &instance, "deletion", "DB instance deleted"))
    }

    /// Gives an instance another promotion tier. Refused with `InvalidDBInstanceState` unless it is available.
    pub fn set_tier(&mut self, name: &str, tier: u32, now: Millis) -> Result<(), Refusal> {
        let until = now.plus_seconds(self.dice.between(8, 20));
        let Some(instance) = self.instance_mut(name) else {
            return Err(Refusal::NoInstance(format!("DBInstance {name} not found.")));
        };
        if instance.status != InstanceStatus::Available {
            let status = instance.status.name();
            let why = format!("Database instance is not in available state: it is {status}.");
            return Err(Refusal::InstanceState(why));
        }
        instance.tier = tier;
        instance.status = InstanceStatus::Modifying;
        let name = instance.name.clone();
        self.plan(until, Change::Settle { name });
        Ok(())
    }
}
