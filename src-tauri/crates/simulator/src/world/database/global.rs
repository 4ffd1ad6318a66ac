//! The global database over the regions: a switchover, which loses nothing and waits for it, and a failover, which
//! does not wait.
//!
//! Phases and events: Aurora User Guide, "Using switchover or failover in Amazon Aurora Global Database"; states: API
//! reference, FailoverState and GlobalClusterMember.

use super::status::{ClusterStatus, Refusal};
use super::{DbCluster, DbEvent};
use crate::clock::Millis;
use crate::world::dice::Dice;
use crate::world::region::Region;

/// A global database.
#[derive(Debug)]
pub struct GlobalDatabase {
    /// Identifier.
    pub name: String,
    /// Resource id.
    pub resource: String,
    /// The global writer endpoint.
    pub endpoint: String,
    /// ARN of the cluster it leads to.
    pub endpoint_at: String,
    /// Members: ARNs, the primary first.
    pub members: Vec<String>,
    /// What is under way.
    pub operation: Option<Operation>,
    /// ARN of a member that takes over the data of the new primary after a failover.
    pub resyncing: Option<String>,
    agenda: Vec<(Millis, Phase)>,
    dice: Dice,
}

/// A switchover or failover under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// ARN of the primary it began with.
    pub from: String,
    /// ARN of the secondary that is promoted.
    pub to: String,
    /// A failover: what was not replicated is lost.
    pub loses_data: bool,
    /// Verified and begun.
    pub begun: bool,
}

impl Operation {
    /// Word of `FailoverState.Status`.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        match (self.begun, self.loses_data) {
            (false, _) => "pending",
            (true, true) => "failing-over",
            (true, false) => "switching-over",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Begin,
    Quiesce,
    Promote,
    MoveEndpoint,
    Finish,
    Resynchronised,
}

impl GlobalDatabase {
    /// A global database in its steady state.
    #[must_use]
    pub fn new(name: String, members: Vec<String>, mut dice: Dice) -> Self {
        Self {
            resource: format!("cluster-{}", dice.hex(16)),
            endpoint: format!("{name}.global-{}.global.rds.amazonaws.com", dice.lower(12)),
            endpoint_at: members.first().cloned().unwrap_or_default(),
            name,
            members,
            operation: None,
            resyncing: None,
            agenda: Vec::new(),
            dice,
        }
    }

    /// Word of `Status`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match &self.operation {
            None => "available",
            Some(o) if o.loses_data => "failing-over",
            Some(_) => "switching-over",
        }
    }

    /// Starts to make the member `target` (ARN or identifier) the primary.
    ///
    /// Refused with `InvalidGlobalClusterStateFault` while another operation is under way, `DBClusterNotFoundFault` for
    /// what is no member, and `InvalidDBClusterStateFault` for a target that is the primary already or not available; a
    /// switchover also for a primary that is not available or a member that is not connected.
    pub fn make_primary(
        &mut self,
        target: &str,
        loses_data: bool,
        regions: &[Region],
        now: Millis,
    ) -> Result<(), Refusal> {
        if self.operation.is_some() {
            return Err(Refusal::GlobalState(format!(
                "Global cluster {} is in state {} and cannot be switched or failed over.",
                self.name,
                self.status()
            )));
        }
        let to = self.member(target, regions)?;
        let from = self.members.first().cloned().unwrap_or_default();
        if to == from {
            let why = format!("DB cluster {target} is already the primary cluster.");
            return Err(Refusal::ClusterState(why));
        }
        let must_be_well = if loses_data {
            vec![&to]
        } else {
            self.members.iter().collect()
        };
        for arn in must_be_well {
            let status = find(regions, arn).map(|d| d.status);
            if status != Some(ClusterStatus::Available) {
                let status = status.map_or("unknown", ClusterStatus::name);
                let why = format!("DB cluster {arn} is not available: its status is {status}.");
                return Err(Refusal::ClusterState(why));
            }
            if !loses_data && self.resyncing.as_ref() == Some(arn) {
                let why = format!("DB cluster {arn} is not synchronized with its primary.");
                return Err(Refusal::ClusterState(why));
            }
        }
        self.operation = Some(Operation {
            from,
            to,
            loses_data,
            begun: false,
        });
        self.schedule(loses_data, now);
        Ok(())
    }

    fn schedule(&mut self, loses_data: bool, now: Millis) {
        let begin = now.plus_seconds(self.dice.between(2, 4));
        let quiet = begin.plus_seconds(self.dice.between(6, 14));
        let wait = if loses_data {
            self.dice.between(20, 50)
        } else {
            self.dice.between(15, 30)
        };
        let promoted = quiet.plus_seconds(wait);
        let moved = promoted.plus_seconds(self.dice.between(5, 15));
        let done = moved.plus_seconds(self.dice.between(5, 20));
        self.agenda = vec![
            (begin, Phase::Begin),
            (quiet, Phase::Quiesce),
            (promoted, Phase::Promote),
            (moved, Phase::MoveEndpoint),
            (done, Phase::Finish),
        ];
        if loses_data {
            let synchronised = done.plus_seconds(self.dice.between(240, 480));
            self.agenda.push((synchronised, Phase::Resynchronised));
        }
    }

    fn member(&self, target: &str, regions: &[Region]) -> Result<String, Refusal> {
        let is = |arn: &&String| {
            *arn == target
                || find(regions, arn).is_some_and(|d| d.name.eq_ignore_ascii_case(target))
        };
        self.members.iter().find(is).cloned().ok_or_else(|| {
            Refusal::NoCluster(format!(
                "DB cluster {target} is not a member of global cluster {}.",
                self.name
            ))
        })
    }

    /// What is due happens.
    pub fn step(&mut self, regions: &mut [Region], now: Millis) {
        while self.agenda.first().is_some_and(|(at, _)| *at <= now) {
            let (_, phase) = self.agenda.remove(0);
            self.enter(phase, regions, now);
        }
    }

    fn enter(&mut self, phase: Phase, regions: &mut [Region], now: Millis) {
        if phase == Phase::Resynchronised {
            if let Some(arn) = self.resyncing.take() {
                let text = |d: &str| {
                    format!(
                        "Finished resynchronizing members of DB cluster {d} after global failover"
                    )
                };
                tell(regions, &[&arn], now, &text, &arn);
            }
            return;
        }
        let Some(mut operation) = self.operation.take() else {
            return;
        };
        operation.begun = true;
        match phase {
            Phase::Begin => begin(&operation, regions, now),
            Phase::Quiesce => quiesce(&operation, regions, now),
            Phase::Promote => self.promote(&operation, regions, now),
            Phase::MoveEndpoint => self.endpoint_at.clone_from(&operation.to),
            Phase::Finish => {
                finish(&operation, regions, now);
                return;
            }
            Phase::Resynchronised => {}
        }
        self.operation = Some(operation);
    }

    fn promote(&mut self, operation: &Operation, regions: &mut [Region], now: Millis) {
        if let Some(old) = find_mut(regions, &operation.from) {
            old.become_secondary();
        }
        if let Some(new) = find_mut(regions, &operation.to) {
            new.become_primary();
        }
        self.members.retain(|arn| *arn != operation.to);
        self.members.insert(0, operation.to.clone());
        if operation.loses_data {
            self.resyncing = Some(operation.from.clone());
            let text = |d: &str| {
                format!("Started resynchronizing members of DB cluster {d} after global failover")
            };
            tell(regions, &[&operation.from], now, &text, &operation.from);
        } else {
            let text = |d: &str| format!("New primary DB cluster {d} was successfully promoted");
            tell(regions, &[&operation.to], now, &text, &operation.to);
        }
    }
}

fn begin(operation: &Operation, regions: &mut [Region], now: Millis) {
    for arn in [&operation.from, &operation.to] {
        if let Some(d) = find_mut(regions, arn) {
            d.status = if *arn == operation.to {
                ClusterStatus::Promoting
            } else {
                ClusterStatus::Modifying
            };
        }
    }
    if !operation.loses_data {
        let text = |d: &str| format!("Global switchover to DB cluster {d} started");
        tell(
            regions,
            &[&operation.from, &operation.to],
            now,
            &text,
            &operation.to,
        );
    }
}

/// The old primary takes no writes any more: a switchover waits for it, a failover does it as far as it can.
fn quiesce(operation: &Operation, regions: &mut [Region], now: Millis) {
    if let Some(old) = find_mut(regions, &operation.from) {
        old.quiesce();
    }
    if !operation.loses_data {
        let text = |d: &str| format!("Old primary DB cluster {d} successfully shut down");
        tell(regions, &[&operation.from], now, &text, &operation.from);
    }
}

fn finish(operation: &Operation, regions: &mut [Region], now: Millis) {
    for arn in [&operation.from, &operation.to] {
        if let Some(d) = find_mut(regions, arn) {
            d.status = ClusterStatus::Available;
        }
    }
    let (what, end) = if operation.loses_data {
        ("failover", "completed")
    } else {
        ("switchover", "finished")
    };
    let text = |d: &str| format!("Global {what} to DB cluster {d} {end}");
    tell(
        regions,
        &[&operation.from, &operation.to],
        now,
        &text,
        &operation.to,
    );
}

/// Puts an event of the category `global failover` into the regions of some members; the text gets the name and region
/// of the cluster it is about.
fn tell(
    regions: &mut [Region],
    to: &[&String],
    now: Millis,
    text: &dyn Fn(&str) -> String,
    about: &str,
) {
    let Some(subject) = find(regions, about) else {
        return;
    };
    let message = text(&format!("{} in Region {}", subject.name, subject.region));
    for arn in to {
        for region in regions.iter_mut() {
            let told: Option<DbEvent> = region
                .databases
                .iter()
                .find(|d| d.arn == **arn)
                .map(|d| d.tell(now, "global failover", message.clone()));
            region.events.extend(told);
        }
    }
}

fn find<'a>(regions: &'a [Region], arn: &str) -> Option<&'a DbCluster> {
    regions
        .iter()
        .flat_map(|r| &r.databases)
        .find(|d| d.arn == arn)
}

fn find_mut<'a>(regions: &'a mut [Region], arn: &str) -> Option<&'a mut DbCluster> {
    regions
        .iter_mut()
        .flat_map(|r| &mut r.databases)
        .find(|d| d.arn == arn)
}

impl DbCluster {
    /// It takes no writes any more.
    fn quiesce(&mut self) {
        self.quiet = true;
    }

    fn become_secondary(&mut self) {
        (self.secondary, self.quiet) = (true, false);
        self.instances.iter_mut().for_each(|i| i.writer = false);
    }

    /// Its heir becomes the writer.
    fn become_primary(&mut self) {
        self.secondary = false;
        let Some(heir) = self.heir().map(|i| i.name.clone()) else {
            return;
        };
        for instance in &mut self.instances {
            instance.writer = instance.name == heir;
        }
        self.endpoint_at = heir;
    }
}
