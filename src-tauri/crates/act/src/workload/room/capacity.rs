//! Whether the nodes hold more pods: by requests, as the scheduler counts
//! (<https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/>). Affinity, taints and
//! volumes are not counted, and pods whose requests are not read count with none. What they do not hold Karpenter may
//! buy room for ([`pools`]).

use super::Step;
use super::pools::{self, Bought};
use crate::finding::{Answer, Words, finding};
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::{count, thousands};
use crate::workload::near;
use model::{Fact, Kind, Node};
use std::collections::BTreeMap;

/// What is free on one node, or taken there.
#[derive(Clone, Copy, Default)]
pub(super) struct Room {
    pub(super) cpu: i64,
    pub(super) memory: i64,
    pub(super) pods: i64,
}

impl Room {
    /// Without a limit.
    pub(super) const ENDLESS: Self = Self {
        cpu: i64::MAX,
        memory: i64::MAX,
        pods: i64::MAX,
    };

    /// Pods of this size that fit; without a limit as many as there are numbers.
    pub(super) fn holds(&self, pod: Room) -> i64 {
        let by = |free: i64, each: i64| match (free, each) {
            (i64::MAX, _) | (_, 0) => i64::MAX,
            (free, each) => free / each,
        };
        let least = by(self.cpu, pod.cpu).min(by(self.memory, pod.memory));
        least.min(by(self.pods, pod.pods)).max(0)
    }
}

/// What one pod of a workload asks for.
pub(super) fn request(workload: &Node) -> Room {
    Room {
        cpu: workload
            .facts
            .count(Fact::CpuRequestMillicores)
            .unwrap_or(0),
        memory: workload.facts.count(Fact::MemoryRequestMib).unwrap_or(0),
        pods: 1,
    }
}

/// What pods take by node name, and how many of them say no request.
fn taken(step: Step<'_>) -> (BTreeMap<String, Room>, usize) {
    let nodes = step.snapshot.nodes.iter().map(AsRef::as_ref);
    let here = |node: &&Node| near::same_cluster(node, step.workload);
    let workloads: BTreeMap<(Kind, String), Room> = nodes
        .clone()
        .filter(here)
        .filter(|node| matches!(node.kind, Kind::Deployment | Kind::StatefulSet))
        .map(|node| {
            let place = node.scope.namespace.as_deref().unwrap_or("");
            ((node.kind, format!("{place}/{}", node.name)), request(node))
        })
        .collect();
    let (mut all, mut unknown) = (BTreeMap::<String, Room>::new(), 0);
    for pod in nodes.filter(here).filter(|node| node.kind == Kind::Pod) {
        let over = matches!(pod.facts.text(Fact::Phase), Some("Succeeded" | "Failed"));
        let Some(machine) = pod.facts.text(Fact::NodeName).filter(|_| !over) else {
            continue;
        };
        let stateful = pod.facts.text(Fact::WorkloadKind) == Some("StatefulSet");
        let kind = if stateful {
            Kind::StatefulSet
        } else {
            Kind::Deployment
        };
        let workload = pod.facts.text(Fact::Workload).unwrap_or("").to_owned();
        let known = workloads.get(&(kind, workload));
        unknown += usize::from(known.is_none());
        let each = known.copied().unwrap_or(Room {
            pods: 1,
            ..Room::default()
        });
        let room = all.entry(machine.to_owned()).or_default();
        room.cpu += each.cpu;
        room.memory += each.memory;
        room.pods += 1;
    }
    (all, unknown)
}

/// Whether ready, schedulable nodes hold the pods that come, or Karpenter may buy some that do.
pub(super) fn nodes(step: Step<'_>) -> Finding {
    let machines = near::machines(step.snapshot, step.workload);
    let (holds, unknown) = holds(step);
    let short = holds.is_none_or(|holds| holds < step.added());
    // Where no node is ready there is more amiss than room.
    let asked = short && !machines.is_empty();
    let bought = pools::bought(step).filter(|_| asked);
    worded(step, machines.first().copied(), (holds, unknown), bought)
}

/// How many more pods of the workload the ready nodes hold, `None` where that was not read; and how
/// many pods say no request.
pub(crate) fn holds(step: Step<'_>) -> (Option<i64>, usize) {
    let machines = near::machines(step.snapshot, step.workload);
    let (taken, unknown) = taken(step);
    let pod = request(step.workload);
    let mut holds: Option<i64> = None;
    for machine in &machines {
        let fact = |fact| machine.facts.count(fact);
        let allocatable = (
            fact(Fact::CpuAllocatableMillicores),
            fact(Fact::MemoryAllocatableMib),
            fact(Fact::PodsAllocatable),
        );
        let (Some(cpu), Some(memory), Some(pods)) = allocatable else {
            continue;
        };
        let used = taken.get(&machine.name).copied().unwrap_or_default();
        let free = Room {
            cpu: cpu - used.cpu,
            memory: memory - used.memory,
            pods: pods - used.pods,
        };
        holds = Some(holds.unwrap_or(0).saturating_add(free.holds(pod)));
    }
    (holds, unknown)
}

fn worded(
    step: Step<'_>,
    machine: Option<&Node>,
    (holds, unknown): (Option<i64>, usize),
    bought: Option<Bought>,
) -> Finding {
    let added = step.added();
    let held = holds.unwrap_or(0);
    let may = bought.as_ref().map_or(0, |bought| bought.pods);
    let waiting = bought.as_ref().map_or(0, |bought| bought.waiting);
    let fits =
        holds.map(|held| held >= added || (waiting == 0 && held.saturating_add(may) >= added));
    let value = match (machine, holds) {
        (None, _) => "no node is ready".to_owned(),
        (Some(_), None) => "what the nodes hold was not read".to_owned(),
        (Some(_), Some(holds)) => format!("room for {} of {added}", thousands(holds)),
    };
    let answer = match machine {
        Some(machine) => {
            let origin = Origin::of(step.snapshot, machine, Fact::Ready);
            Answer::of(origin, fits, value)
        }
        None => match near::source(step.snapshot, step.workload, "nodes") {
            Some(status) => {
                Answer::of(Origin::of_source(step.snapshot, status), Some(false), value)
            }
            None => Answer::unknown("nodes are not read"),
        },
    };
    finding(
        "scale.nodes",
        Severity::Warn,
        answer,
        words(step, held, unknown, bought),
    )
}

fn words(step: Step<'_>, held: i64, unknown: usize, bought: Option<Bought>) -> Words {
    let added = step.added();
    let pod = request(step.workload);
    let aside = match unknown {
        0 => String::new(),
        n => format!(
            ", {} of other kinds not counted",
            count(i64::try_from(n).unwrap_or(i64::MAX), "pod")
        ),
    };
    let start = format!(
        "By requests ({}m CPU and {} MiB{aside}) the ready nodes hold {} more, {added} come",
        pod.cpu,
        thousands(pod.memory),
        thousands(held)
    );
    let short = (added - held).max(0);
    let next = bought.as_ref().map_or(pools::SOME_AUTOSCALER, Bought::next);
    let (pass, fail) = match bought {
        None => (String::new(), stay(short)),
        Some(bought) => with_karpenter(short, bought),
    };
    Words {
        pass: format!("{start}.{pass}"),
        fail: format!("{start}: {fail}"),
        unknown: "Whether the nodes hold more pods is not known.".to_owned(),
        threshold: "room for every pod that comes",
        next,
    }
}

fn stay(pods: i64) -> String {
    format!("{} stay Pending until nodes are added.", thousands(pods))
}

/// What is said of pods the nodes are `short` of room for: where Karpenter may buy enough, and where not.
fn with_karpenter(short: i64, bought: Bought) -> (String, String) {
    let words = bought.words;
    let pass = format!(
        " {} are Pending until Karpenter has bought nodes for them (affinity and volumes are not compared).{words}",
        thousands(short)
    );
    let fail = match bought.waiting {
        0 => stay(short.saturating_sub(bought.pods)),
        n => format!(
            "up to {} stay Pending until nodes are added, for {} of the cluster found no room for two minutes or more.",
            thousands(short),
            count(i64::try_from(n).unwrap_or(i64::MAX), "pod")
        ),
    };
    (pass, format!("{fail}{words}"))
}

/// Addresses for the pods that come: with the VPC CNI a pod has one of its node's subnet (EKS User Guide, "Amazon EKS
/// networking requirements for VPC and subnets"). `None` where no subnet of the cluster was read.
pub(super) fn addresses(step: Step<'_>) -> Option<Finding> {
    let nodes = step.snapshot.nodes.iter().map(AsRef::as_ref);
    let groups = nodes.filter(|node: &&Node| {
        node.kind == Kind::Nodegroup && near::same_cluster(node, step.workload)
    });
    let told = groups.filter_map(|group| Some((group, group.facts.count(Fact::FreeAddresses)?)));
    // Groups in the same subnets have the same addresses.
    let places: BTreeMap<&str, (&Node, i64)> = told
        .map(|(group, free)| (group.facts.text(Fact::Subnets).unwrap_or(""), (group, free)))
        .collect();
    let free: i64 = places.values().map(|(_, free)| free).sum();
    let (group, _) = places.into_values().next()?;
    let value = format!(
        "{} free, {} needed",
        thousands(free),
        thousands(step.added())
    );
    Some(finding(
        "scale.free-addresses",
        Severity::Warn,
        Answer::of(
            Origin::of(step.snapshot, group, Fact::FreeAddresses),
            Some(free >= step.added()),
            value.clone(),
        ),
        Words {
            pass: format!("The subnets of the cluster's nodes have addresses for them: {value}."),
            fail: format!(
                "The subnets of the cluster's nodes have not enough addresses: {value}. Some nodes hold a few in stock; the other pods may stay in ContainerCreating."
            ),
            unknown: "Whether the subnets of the cluster's nodes have addresses is not known."
                .to_owned(),
            threshold: "an address for every pod that comes",
            next: "Ask for fewer, or scale something else in these subnets down first.",
        },
    ))
}
