//! Scenarios: what happens to the world, and when. They only make events; everything seen follows from those.

use crate::clock::Millis;
use crate::world::World;
use crate::world::build::first_worker;
use crate::world::cluster::{CrashLoop, CrashReason, WorkloadKey};
use crate::world::dice::Dice;
use crate::world::flow::NEW_SCHEMA;
use crate::world::region::Defect;

/// The scenarios that exist.
pub const NAMES: &[&str] = &[
    "calm",
    "az-degraded",
    "dlq-fills",
    "writer-sick",
    "writer-load",
    "spot-storm",
];

/// Seconds a fault is old when the world is first seen.
const FAULT_AGE: i64 = 300;
/// Seconds from the start to the rollback by the release pipeline.
const ROLLBACK_AFTER: i64 = 480;

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Nothing happens but the day.
    Calm,
    /// One zone goes grey.
    AzDegraded,
    /// A release of a consumer cannot read part of its messages.
    DlqFills,
    /// The host of the main database's writer gives a third of its cores: failing over helps.
    WriterSick,
    /// The same statements cost more on every instance, and there are more of them: failing over moves the problem.
    WriterLoad,
    /// Spot instances are taken back as demand rises.
    SpotStorm,
}

/// Something that happens to the world.
#[derive(Debug)]
pub enum Happening {
    /// A release is rolled out.
    Release {
        /// Region, index.
        region: usize,
        /// Of which workload.
        workload: WorkloadKey,
        /// The release.
        tag: String,
        /// What it gets wrong.
        defect: Option<Defect>,
        /// How some of its pods end.
        crash: Option<CrashLoop>,
    },
    /// A release is undone, if it still runs.
    Rollback {
        /// Region, index.
        region: usize,
        /// Of which workload.
        workload: WorkloadKey,
        /// The release.
        from: String,
    },
    /// The host of a database's writer gives only a share of its cores.
    Host {
        /// Region, index.
        region: usize,
        /// Database, index.
        database: usize,
        /// 0 to 1.
        share: f64,
    },
    /// The instances of a database are on sound hosts.
    HostReplaced {
        /// Region, index.
        region: usize,
        /// Database, index.
        database: usize,
    },
    /// Customers ask for more, and a statement of theirs costs more.
    Load {
        /// Region, index.
        region: usize,
        /// Database, index.
        database: usize,
        /// Requests against the usual.
        surge: f64,
        /// Work of a statement against the usual.
        weight: f64,
    },
    /// A zone becomes grey, or well again.
    Grey {
        /// Region, index.
        region: usize,
        /// Zone, index.
        zone: usize,
        /// 0 is well, 1 is as bad as grey gets.
        severity: f64,
    },
    /// Customers want more, or less, than the hour alone would have it.
    Surge {
        /// Region, index.
        region: usize,
        /// Demand against the day's.
        factor: f64,
    },
    /// Spot instances are taken back, and no zone sells new ones.
    SpotStorm {
        /// Region, index.
        region: usize,
        /// Nodes, at most.
        nodes: usize,
        /// Pods left without a place, about.
        pending: u32,
    },
    /// A zone sells spot instances again.
    SpotReturns {
        /// Region, index.
        region: usize,
        /// Zone, index.
        zone: usize,
    },
}

/// A happening and its time.
#[derive(Debug)]
pub struct Planned {
    /// When.
    pub at: Millis,
    /// What.
    pub what: Happening,
}

impl Scenario {
    /// The scenario of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "calm" => Some(Self::Calm),
            "az-degraded" => Some(Self::AzDegraded),
            "dlq-fills" => Some(Self::DlqFills),
            "writer-sick" => Some(Self::WriterSick),
            "writer-load" => Some(Self::WriterLoad),
            "spot-storm" => Some(Self::SpotStorm),
            _ => None,
        }
    }

    /// What happens, in order, around `start`.
    #[must_use]
    pub fn plan(self, world: &World, start: Millis) -> Vec<Planned> {
        let began = start.plus_seconds(-FAULT_AGE);
        match self {
            Self::Calm => Vec::new(),
            Self::AzDegraded => grey_zone(world, began).into_iter().collect(),
            Self::DlqFills => broken_consumer(world, began, start),
            Self::WriterSick => sick_host(began, start),
            Self::WriterLoad => heavy_load(began, start),
            Self::SpotStorm => spot_storm(world, began, start),
        }
    }
}

/// A zone without a writer, so that leaving it is a choice and not a failover.
fn grey_zone(world: &World, at: Millis) -> Option<Planned> {
    let region = 0;
    let place = &world.regions[region];
    let writers: Vec<usize> = place
        .databases
        .iter()
        .flat_map(|d| &d.instances)
        .filter(|i| i.writer)
        .map(|i| i.az)
        .collect();
    let free: Vec<usize> = (0..place.zones.len())
        .filter(|z| !writers.contains(z))
        .collect();
    let zone = *free.get(Dice::new(world.seed(), 5).below(free.len()))?;
    Some(Planned {
        at,
        what: Happening::Grey {
            region,
            zone,
            severity: 0.9,
        },
    })
}

/// Share of its cores a bad host still gives.
const BAD_HOST: f64 = 0.3;
/// Seconds from the start until RDS has replaced a bad host by itself.
const HOST_REPLACED_AFTER: i64 = 3600;
/// Seconds from the start until the customers calm down.
const LOAD_ENDS_AFTER: i64 = 3600;

fn sick_host(began: Millis, start: Millis) -> Vec<Planned> {
    let (region, database) = (0, 0);
    let sick = Happening::Host {
        region,
        database,
        share: BAD_HOST,
    };
    vec![
        Planned {
            at: began,
            what: sick,
        },
        Planned {
            at: start.plus_seconds(HOST_REPLACED_AFTER),
            what: Happening::HostReplaced { region, database },
        },
    ]
}

fn heavy_load(began: Millis, start: Millis) -> Vec<Planned> {
    let load = |surge, weight| Happening::Load {
        region: 0,
        database: 0,
        surge,
        weight,
    };
    vec![
        Planned {
            at: began,
            what: load(1.3, 2.5),
        },
        Planned {
            at: start.plus_seconds(LOAD_ENDS_AFTER),
            what: load(1.0, 1.0),
        },
    ]
}

/// Nodes that are taken back, and pods that are left without a place for it, about.
const TAKEN_BACK: usize = 14;
const LEFT_OVER: u32 = 40;
/// Seconds from the start until the first zone sells spot instances again, and between two zones.
const SPOT_BACK_AFTER: i64 = 2_400;

/// The market opens: demand rises by steps, and the spot market is swept clean in one region.
fn spot_storm(world: &World, began: Millis, start: Millis) -> Vec<Planned> {
    let region = 0;
    let mut plan = vec![Planned {
        at: began,
        what: Happening::SpotStorm {
            region,
            nodes: TAKEN_BACK,
            pending: LEFT_OVER,
        },
    }];
    for (minute, factor) in [(0, 1.03), (2, 1.05), (4, 1.07), (6, 1.09), (9, 1.11)] {
        let what = Happening::Surge { region, factor };
        plan.push(Planned {
            at: began.plus_seconds(minute * 60),
            what,
        });
    }
    for zone in 0..world.regions[region].zones.len() {
        let wait = SPOT_BACK_AFTER + i64::try_from(zone).unwrap_or(0) * 300;
        let what = Happening::SpotReturns { region, zone };
        plan.push(Planned {
            at: start.plus_seconds(wait),
            what,
        });
    }
    plan.sort_by_key(|p| p.at);
    plan
}

fn broken_consumer(world: &World, began: Millis, start: Millis) -> Vec<Planned> {
    let Some(service) = first_worker(&world.plan) else {
        return Vec::new();
    };
    let region = 0;
    let workload = WorkloadKey::new(&service.namespace, &service.name);
    let tag = next_tag(&service.tag);
    let defect = Defect {
        workload: workload.clone(),
        tag: tag.clone(),
        chokes_on: NEW_SCHEMA,
    };
    let crash = CrashLoop {
        share: 0.3,
        reason: CrashReason::Error,
        last_words: format!("fatal: cannot decode message: unknown schemaVersion {NEW_SCHEMA}"),
    };
    let release = Happening::Release {
        region,
        workload: workload.clone(),
        tag: tag.clone(),
        defect: Some(defect),
        crash: Some(crash),
    };
    let rollback = Happening::Rollback {
        region,
        workload,
        from: tag,
    };
    vec![
        Planned {
            at: began,
            what: release,
        },
        Planned {
            at: start.plus_seconds(ROLLBACK_AFTER),
            what: rollback,
        },
    ]
}

/// The release after `tag`: the next minor version.
fn next_tag(tag: &str) -> String {
    let mut parts = tag.split('.');
    let major = parts.next().unwrap_or("1");
    let minor: u32 = parts.next().and_then(|m| m.parse().ok()).unwrap_or(0);
    format!("{major}.{}.0", minor + 1)
}
