//! Aurora Auto Scaling: readers of its own are added when the readers' mean CPU is over its target, and removed when
//! fewer would do. It never touches a reader made by hand.
//!
//! Aurora User Guide, "Amazon Aurora Auto Scaling with Aurora Replicas": cooldowns of 300 s, names that begin with
//! `application-autoscaling-`, promotion tier 15, the class of the writer. Application Auto Scaling User Guide, "How
//! target tracking scaling works": out after 3 minutes over the target, in after 15 below nine tenths of it.

use super::status::{ClusterStatus, InstanceStatus};
use super::{DbCluster, NewReader};
use crate::clock::Millis;
use crate::world::dice::Dice;
use crate::world::metric::Metrics;

/// What the names of its readers begin with.
const PREFIX: &str = "application-autoscaling-";
/// Seconds over the target before it adds, and below before it removes.
const OUT_AFTER: i64 = 180;
const IN_AFTER: i64 = 900;
/// Activities that are kept.
const KEPT: usize = 50;

/// The scalable target of a cluster and its one policy.
#[derive(Debug)]
pub struct ReaderScaling {
    /// Least number of readers.
    pub min: u32,
    /// Greatest number of readers.
    pub max: u32,
    /// CPU of the readers it holds, percent.
    pub target: f64,
    /// Seconds between two of its changes.
    pub cooldown: i64,
    /// It does not remove.
    pub in_suspended: bool,
    /// It does not add.
    pub out_suspended: bool,
    /// When it was registered.
    pub created: Millis,
    /// What it did, oldest first.
    pub activities: Vec<Activity>,
    over: Option<Millis>,
    under: Option<Millis>,
    changed: Option<Millis>,
}

/// Something it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Identifier.
    pub id: String,
    /// Readers it went for.
    pub count: u32,
    /// Why.
    pub cause: String,
    /// When it began.
    pub began: Millis,
    /// When it was done.
    pub ended: Option<Millis>,
    /// The reader that comes or goes.
    pub reader: String,
    /// Whether it comes.
    pub adds: bool,
}

impl ReaderScaling {
    /// A target at 70 % CPU.
    #[must_use]
    pub fn new(min: u32, max: u32, created: Millis) -> Self {
        Self {
            min,
            max,
            target: 70.0,
            cooldown: 300,
            in_suspended: false,
            out_suspended: false,
            created,
            activities: Vec::new(),
            over: None,
            under: None,
            changed: None,
        }
    }

    /// The number of readers to go for, when it is another than `count`.
    fn wish(&mut self, count: u32, cpu: f64, now: Millis) -> Option<u32> {
        let needed = f64::from(count) * cpu / self.target;
        let hold = |since: &mut Option<Millis>, true_now: bool| {
            *since = if true_now { since.or(Some(now)) } else { None };
            since.map_or(0, |s| now.since(s) / 1000)
        };
        let over = hold(&mut self.over, cpu > self.target);
        let fewer = needed.ceil() < f64::from(count);
        let under = hold(&mut self.under, cpu < 0.9 * self.target && fewer);
        let cool = self
            .changed
            .is_none_or(|at| now.since(at) >= self.cooldown * 1000);
        if !cool {
            return None;
        }
        let out = count < self.min || (over >= OUT_AFTER && count < self.max);
        if out && !self.out_suspended {
            return Some(count + 1);
        }
        (under >= IN_AFTER && count > self.min && !self.in_suspended).then(|| count - 1)
    }

    fn note(&mut self, activity: Activity) {
        self.changed = Some(activity.began);
        (self.over, self.under) = (None, None);
        self.activities.push(activity);
        let surplus = self.activities.len().saturating_sub(KEPT);
        self.activities.drain(..surplus);
    }
}

impl DbCluster {
    /// Lets Aurora Auto Scaling look, and act when it is time. `zones` is how many the region has.
    pub fn autoscale(&mut self, zones: usize, now: Millis, metrics: &mut Metrics) {
        let Some(mut scaling) = self.scaling.take() else {
            return;
        };
        self.conclude(&mut scaling, now);
        let serving: Vec<f64> = self
            .readers()
            .filter(|r| r.status.serves())
            .map(|r| r.strain.min(1.0) * 100.0)
            .collect();
        let kept = self
            .readers()
            .filter(|r| r.status != InstanceStatus::Deleting);
        let count = u32::try_from(kept.count()).unwrap_or(0);
        if !serving.is_empty() && self.status == ClusterStatus::Available {
            let cpu =
                serving.iter().sum::<f64>() / f64::from(u32::try_from(serving.len()).unwrap_or(1));
            match scaling.wish(count, cpu, now) {
                Some(more) if more > count => {
                    self.scale_out(&mut scaling, more, zones, now, metrics)
                }
                Some(fewer) => self.scale_in(&mut scaling, fewer, now),
                None => {}
            }
        }
        self.scaling = Some(scaling);
    }

    fn conclude(&self, scaling: &mut ReaderScaling, now: Millis) {
        for a in scaling.activities.iter_mut().filter(|a| a.ended.is_none()) {
            let there = self.instances.iter().find(|i| i.name == a.reader);
            let done = match there {
                Some(i) => a.adds && i.status == InstanceStatus::Available,
                None => true,
            };
            a.ended = done.then_some(now);
        }
    }

    fn scale_out(
        &mut self,
        scaling: &mut ReaderScaling,
        count: u32,
        zones: usize,
        now: Millis,
        metrics: &mut Metrics,
    ) {
        let Some(class) = self.writer().map(|w| w.class.clone()) else {
            return;
        };
        let name = format!("{PREFIX}{}", self.dice.uuid());
        let new = NewReader {
            name: name.clone(),
            class,
            az: None,
            tier: 15,
        };
        if self.add_reader(new, zones, now, metrics).is_ok() {
            let cause = self.cause("AlarmHigh");
            scaling.note(activity(&mut self.dice, count, cause, name, true, now));
        }
    }

    /// The newest of its own goes; one that was promoted meanwhile is the writer, and stays.
    fn scale_in(&mut self, scaling: &mut ReaderScaling, count: u32, now: Millis) {
        let own = self
            .readers()
            .filter(|r| r.name.starts_with(PREFIX) && r.status == InstanceStatus::Available);
        let Some(name) = own.max_by_key(|r| r.created).map(|r| r.name.clone()) else {
            return;
        };
        if self.delete_instance(&name, now).is_ok() {
            let cause = self.cause("AlarmLow");
            scaling.note(activity(&mut self.dice, count, cause, name, false, now));
        }
    }

    fn cause(&self, alarm: &str) -> String {
        format!(
            "monitor alarm TargetTracking-cluster:{}-{alarm} in state ALARM triggered policy readers-by-cpu",
            self.name
        )
    }
}

fn activity(
    dice: &mut Dice,
    count: u32,
    cause: String,
    reader: String,
    adds: bool,
    now: Millis,
) -> Activity {
    Activity {
        id: dice.uuid(),
        count,
        cause,
        began: now,
        ended: None,
        reader,
        adds,
    }
}
