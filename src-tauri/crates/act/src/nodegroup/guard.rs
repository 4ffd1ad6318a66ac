//! The checks of a scale (guards.md §5), each decidable from one snapshot.

mod zonal_shift;

use super::need::{self, requests};
use super::settings::Sizes;
use super::subject::{Subject, hosted, is_ready, same_cluster};
use crate::finding::{Answer, Words, finding, not_checked};
use crate::plan::{Finding, Severity};
use crate::words::{count, list, thousands};
use crate::workload::near;
use model::{Fact, Kind, Node};
use std::collections::BTreeSet;

/// Every check, blocks first.
pub(super) fn findings(subject: &Subject<'_>, wanted: Sizes) -> Vec<Finding> {
    let (up, down) = (
        wanted.desired > subject.sizes.desired,
        wanted.desired < subject.sizes.desired,
    );
    let mut all = vec![
        active(subject),
        sizes_known(subject),
        within_bounds(subject, wanted),
        changes(subject, wanted),
        issues(subject),
        autoscaler(subject, wanted),
    ];
    if up {
        all.extend([
            spot(subject),
            quota(subject, wanted),
            addresses(subject, wanted),
            zonal_shift::zonal_shift(subject),
        ]);
    }
    if down {
        all.extend([budgets(subject), room(subject, wanted), terminates(subject)]);
    }
    all
}

fn active(subject: &Subject<'_>) -> Finding {
    let name = &subject.group.name;
    let status = subject.group.facts.text(Fact::Status);
    let value = status.unwrap_or("not read");
    finding(
        "nodegroup.active",
        Severity::Block,
        Answer::of(
            subject.origin(Fact::Status),
            status.map(|status| status == "ACTIVE"),
            value,
        ),
        Words {
            pass: format!("{name} is ACTIVE: no update is under way."),
            fail: format!(
                "{name} is {value}: EKS refuses a second update (ResourceInUseException)."
            ),
            unknown: format!("Whether an update of {name} is under way is not known."),
            threshold: "ACTIVE",
            next: "Wait until it is ACTIVE again, then plan again.",
        },
    )
}

fn sizes_known(subject: &Subject<'_>) -> Finding {
    let known = Sizes::of(subject.group);
    let value = known.map_or_else(|| "not read".to_owned(), Sizes::words);
    finding(
        "nodegroup.sizes-known",
        Severity::Block,
        Answer::of(
            subject.origin(Fact::Desired),
            known.map(|_| true),
            value.clone(),
        ),
        Words {
            pass: format!("{} has {value} now.", subject.group.name),
            fail: String::new(),
            unknown: format!("The sizes of {} are not known.", subject.group.name),
            threshold: "read from EKS",
            next: "Wait for the next reading of EKS.",
        },
    )
}

/// EKS refuses contradicting sizes (`InvalidParameterException`; API reference,
/// NodegroupScalingConfig).
fn within_bounds(subject: &Subject<'_>, wanted: Sizes) -> Finding {
    let holds = wanted.max >= 1 && (wanted.min..=wanted.max).contains(&wanted.desired);
    let value = wanted.words();
    let next = if wanted.desired > wanted.max {
        "Raise max too, or ask for fewer nodes."
    } else {
        "Give min ≤ desired ≤ max, and max at least 1."
    };
    finding(
        "nodegroup.within-bounds",
        Severity::Block,
        Answer::given(holds, value.clone()),
        Words {
            pass: format!("What is asked for fits together: {value}."),
            fail: format!(
                "{}: {value} contradict each other, EKS refuses them.",
                subject.group.name
            ),
            unknown: String::new(),
            threshold: "min ≤ desired ≤ max",
            next,
        },
    )
}

fn changes(subject: &Subject<'_>, wanted: Sizes) -> Finding {
    let differs = wanted != subject.sizes;
    let at_max = subject.sizes.desired == subject.sizes.max;
    finding(
        "nodegroup.changes",
        Severity::Block,
        Answer::given(differs, wanted.words()),
        Words {
            pass: "It changes something.".to_owned(),
            fail: format!(
                "{} has {} already: there is nothing to change.",
                subject.group.name,
                subject.sizes.words()
            ),
            unknown: String::new(),
            threshold: "other sizes than now",
            next: if at_max {
                "It is at its max: give a higher max and desired."
            } else {
                "Give another desired, min or max."
            },
        },
    )
}

fn issues(subject: &Subject<'_>) -> Finding {
    let facts = &subject.group.facts;
    let issues = facts
        .text(Fact::HealthIssues)
        .filter(|text| !text.is_empty());
    let said = facts
        .text(Fact::Message)
        .map_or_else(String::new, |message| {
            let short: String = message.chars().take(160).collect();
            format!(": {}", short.trim_end_matches(['.', ' ']))
        });
    let value = issues.unwrap_or("none");
    finding(
        "nodegroup.issues",
        Severity::Warn,
        Answer::of(
            subject.origin(Fact::HealthIssues),
            Some(issues.is_none()),
            value,
        ),
        Words {
            pass: format!("EKS reports no issue of {}.", subject.group.name),
            fail: format!(
                "EKS reports {value} of {}{said}. New nodes may not come.",
                subject.group.name
            ),
            unknown: format!(
                "What EKS says of the health of {} is not known.",
                subject.group.name
            ),
            threshold: "no health issues",
            next: "Mend the issue, or scale another group.",
        },
    )
}

/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_NodegroupScalingConfig.html>: desiredSize
/// should not be changed directly where the Cluster Autoscaler owns it.
fn autoscaler(subject: &Subject<'_>, wanted: Sizes) -> Finding {
    let owner = subject.autoscaler();
    let unread = near::unread(subject.snapshot, subject.group, "deployments");
    if let (None, Some(why)) = (owner, unread) {
        return not_checked(
            "nodegroup.autoscaler",
            &format!("whether a Cluster Autoscaler runs in the cluster ({why})"),
            "It would set desired back.",
        );
    }
    let moved = wanted.desired != subject.sizes.desired;
    finding(
        "nodegroup.autoscaler",
        Severity::Warn,
        Answer::of(
            subject.origin(Fact::Status),
            Some(owner.is_none() || !moved),
            owner.unwrap_or("nobody"),
        ),
        Words {
            pass: match (owner, moved) {
                (Some(owner), false) => format!("{owner} owns desired; only its bounds change."),
                _ => "No Cluster Autoscaler runs in the cluster, and the group is not tagged for one.".to_owned(),
            },
            fail: format!(
                "{} owns desired of {}: it may set it back at once.",
                owner.unwrap_or("The Cluster Autoscaler"),
                subject.group.name
            ),
            unknown: format!("Who owns desired of {} is not known.", subject.group.name),
            threshold: "not tagged for the Cluster Autoscaler",
            next: "Change min or max instead, within which it decides.",
        },
    )
}

fn spot(subject: &Subject<'_>) -> Finding {
    let capacity = subject.group.facts.text(Fact::CapacityType);
    finding(
        "nodegroup.on-demand",
        Severity::Warn,
        Answer::of(
            subject.origin(Fact::CapacityType),
            capacity.map(|capacity| capacity != "SPOT"),
            capacity.unwrap_or("not read"),
        ),
        Words {
            pass: format!(
                "{} buys {}.",
                subject.group.name,
                capacity.unwrap_or("instances")
            ),
            fail: format!(
                "{} buys spot instances only: in a shortage they are not sold, and they are taken back with 2 minutes' notice.",
                subject.group.name
            ),
            unknown: format!("What {} buys is not known.", subject.group.name),
            threshold: "on demand",
            next: "Scale an on-demand group.",
        },
    )
}

/// The account's quota of vCPUs in the region, with those of the nodes that are ordered; where it was not read, EC2
/// refuses what is too much, and EKS reports that.
fn quota(subject: &Subject<'_>, wanted: Sizes) -> Finding {
    let count = |fact| subject.group.facts.count(fact);
    let origin = subject.origin(Fact::VcpuQuota);
    let told = count(Fact::VcpuQuota).zip(count(Fact::VcpuQuotaUsed));
    let size = need::vcpus(subject);
    let why = match told {
        None => "CloudWatch did not say",
        Some(_) => "how many its nodes have is not known",
    };
    let Some(((most, used), each)) = told.zip(size) else {
        return not_checked(
            "nodegroup.vcpu-quota",
            &format!("the account's EC2 quota of vCPUs ({why})"),
            "When it is used up, EKS reports AsgInstanceLaunchFailures and no node comes.",
        );
    };
    // EC2 counts what is ordered at once: what comes on top is more.
    let more = (wanted.desired - subject.sizes.desired).max(0) * each;
    let value = format!(
        "{} used and {} more of {}",
        thousands(used),
        thousands(more),
        thousands(most)
    );
    finding(
        "nodegroup.vcpu-quota",
        Severity::Block,
        Answer::of(origin, Some(used + more <= most), value.clone()),
        Words {
            pass: format!("The account may run as many vCPUs here: {value}."),
            fail: format!(
                "The account may not run as many vCPUs here: {value}. EC2 refuses the instances beyond it and no node comes (AsgInstanceLaunchFailures)."
            ),
            unknown: "Whether the account may run as many vCPUs is not known.".to_owned(),
            threshold: "within the quota",
            next: "Ask for fewer nodes, or AWS for a higher quota (Service Quotas, EC2, Running Instances).",
        },
    )
}

/// Addresses of the group's subnets for the nodes that come on top and the pods they are for; where EC2 did not say,
/// EKS reports what was too much.
fn addresses(subject: &Subject<'_>, wanted: Sizes) -> Finding {
    let facts = &subject.group.facts;
    let Some(free) = facts.count(Fact::FreeAddresses) else {
        return not_checked(
            "nodegroup.free-addresses",
            "free IP addresses of the group's subnets (EC2 did not say)",
            "When they are used up, EKS reports InsufficientFreeAddresses or pods stay in ContainerCreating.",
        );
    };
    let more = (wanted.desired - subject.sizes.desired).max(0);
    let needed = more * need::addresses(subject);
    // Without an address of its own no node comes; whether pods take theirs from the same subnets depends on the
    // network plugin.
    let severity = match more > free {
        true => Severity::Block,
        false => Severity::Warn,
    };
    let value = format!(
        "{} free, about {} needed",
        thousands(free),
        thousands(needed)
    );
    let fullest = facts
        .count(Fact::LeastFreeAddresses)
        .map_or_else(String::new, |least| {
            format!(" The fullest subnet has {} left.", thousands(least))
        });
    finding(
        "nodegroup.free-addresses",
        severity,
        Answer::of(
            subject.origin(Fact::FreeAddresses),
            Some(needed <= free),
            value.clone(),
        ),
        Words {
            pass: format!("The group's subnets have addresses for them: {value}.{fullest}"),
            fail: format!(
                "The group's subnets have not enough addresses: {value}.{fullest} EKS reports InsufficientFreeAddresses, or pods with addresses of these subnets stay in ContainerCreating."
            ),
            unknown: "Whether the group's subnets have addresses for them is not known.".to_owned(),
            threshold: "an address for every node and its pods",
            next: "Ask for fewer nodes, or scale a group in other subnets.",
        },
    )
}

/// Managed nodegroups drain by evicting, and evictions honour budgets
/// (<https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html>, scale down).
fn budgets(subject: &Subject<'_>) -> Finding {
    let pods = hosted(subject.snapshot, &subject.nodes);
    let here: BTreeSet<_> = pods
        .filter_map(|pod| need::workload(subject.group, pod))
        .collect();
    let workloads = here.iter().filter_map(|id| subject.snapshot.node(id));
    let stuck: Vec<&str> = workloads
        .filter(|node| node.facts.count(Fact::DisruptionsAllowed) == Some(0))
        .map(|node| node.name.as_str())
        .collect();
    if let Some(why) = near::unread(subject.snapshot, subject.group, near::BUDGETS) {
        return not_checked(
            "nodegroup.budgets",
            &format!("disruption budgets of the pods on its nodes ({why})"),
            "Nodes whose pods may not go are terminated with them when the drain gives up.",
        );
    }
    let answer = match subject.watch("pods") {
        Some(origin) => Answer::of(
            origin,
            Some(stuck.is_empty()),
            if stuck.is_empty() {
                "none".to_owned()
            } else {
                list(&stuck)
            },
        ),
        None => Answer::unknown("pods are not read"),
    };
    finding(
        "nodegroup.budgets",
        Severity::Warn,
        answer,
        Words {
            pass: "No disruption budget of a pod on its nodes is used up.".to_owned(),
            fail: format!(
                "{} may lose no pod now (disruptions allowed 0): their nodes are not drained until one may, and are terminated with them when the drain gives up.",
                list(&stuck)
            ),
            unknown: "Whether disruption budgets let its nodes be drained is not known.".to_owned(),
            threshold: "at least one disruption allowed",
            next: "Wait until these workloads are whole, or scale them up first.",
        },
    )
}

/// What the pods of the cluster ask for against what its Ready nodes give afterwards.
fn room(subject: &Subject<'_>, wanted: Sizes) -> Finding {
    let of = requests(subject.snapshot, subject.group);
    let cluster = |kind: Kind| {
        let all = subject.snapshot.nodes.iter().map(AsRef::as_ref);
        all.filter(move |node: &&Node| {
            node.kind == kind && same_cluster(&node.scope, &subject.group.scope)
        })
    };
    let gives: i64 = cluster(Kind::Node)
        .filter(|node| is_ready(node) && node.facts.flag(Fact::Schedulable) != Some(false))
        .filter_map(|node| node.facts.count(Fact::CpuAllocatableMillicores))
        .sum();
    let leaves = subject.sizes.desired - wanted.desired;
    let after = need::allocatable(subject).map(|each| gives - each * leaves);
    let live = |pod: &&Node| !matches!(pod.facts.text(Fact::Phase), Some("Succeeded" | "Failed"));
    let asked: i64 = cluster(Kind::Pod)
        .filter(live)
        .filter_map(|pod| of.get(&need::workload(subject.group, pod)?).copied())
        .sum();
    let cores = |millicores: i64| thousands(millicores / 1_000);
    let value = after.map_or_else(
        || "not known".to_owned(),
        |after| format!("{} vCPU asked for of {}", cores(asked), cores(after)),
    );
    let answer = match (subject.watch("nodes"), after) {
        (Some(origin), Some(after)) => Answer::of(origin, Some(asked <= after), value.clone()),
        (Some(_) | None, _) => Answer::unknown(value.clone()),
    };
    finding(
        "nodegroup.room",
        Severity::Warn,
        answer,
        Words {
            pass: format!("The nodes that stay have room: {value}."),
            fail: format!(
                "The nodes that stay have no room for all pods: {value}. Some will be Pending."
            ),
            unknown: "Whether the nodes that stay have room is not known.".to_owned(),
            threshold: "requests within what stays",
            next: "Take fewer nodes, or scale workloads down first.",
        },
    )
}

fn terminates(subject: &Subject<'_>) -> Finding {
    finding(
        "nodegroup.terminates",
        Severity::Info,
        Answer::given(true, count(subject.ready(), "Ready node")),
        Words {
            pass: format!(
                "Scaling down terminates instances of {}; nobody promises which, and data on their own disks is lost.",
                subject.group.name
            ),
            fail: String::new(),
            unknown: String::new(),
            threshold: "",
            next: "",
        },
    )
}
