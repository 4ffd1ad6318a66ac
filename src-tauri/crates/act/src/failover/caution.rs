//! What warns of a failover (guards.md §1), each decidable from one snapshot. A warning makes it
//! level 4.

use super::subject::Subject;
use super::{consumers, proxy, window};
use crate::database::{
    any_available, available_words, class_words, is_autoscaled, is_available, size, smaller,
};
use crate::finding::{Answer, Words, finding, not_checked};
use crate::plan::{Finding, Severity};
use crate::words::{percent, thousands};
use model::strain::Looks;
use model::{Fact, Node};

/// CPU of the target above this warns, percent.
const TARGET_CPU: f64 = 70.0;
/// What the readers that are left can carry, percent of their CPU.
const READERS_CPU: f64 = 95.0;
/// A higher promotion tier warns.
const TIER: i64 = 1;

pub(super) fn warnings(subject: &Subject<'_>) -> Vec<Finding> {
    let mut all = vec![load_or_host(subject)];
    if let (Some(target), Some(writer)) = (subject.target, subject.database.writer) {
        all.extend([
            target_size(subject, target, writer),
            target_zone(subject, target, writer),
            target_tier(subject, target),
            target_cpu(subject, target),
            target_connections(subject, target, writer),
            readers_left(subject, target),
        ]);
        all.extend(read_share(subject, target));
        all.push(window::finding(subject, target, writer));
    }
    all.push(consumers::finding(subject));
    all.push(proxy::finding(subject));
    all.extend(unwatched(subject));
    all
}

/// What the run cannot watch afterwards: told, so that verified does not mean more than it does.
fn unwatched(subject: &Subject<'_>) -> Vec<Finding> {
    let probe = subject.cluster().facts.text(Fact::WriteProbe);
    let pods = subject.users.iter().any(|user| !user.pods.is_empty());
    let mut all = Vec::new();
    if probe.is_none() {
        all.push(not_checked(
            "failover.without-probe",
            "whether a write succeeds afterwards (the stack file names no write probe)",
            "The run is verified without one.",
        ));
    }
    if subject.balancers.is_empty() {
        all.push(not_checked(
            "failover.without-errors",
            "the errors of the application afterwards (no load balancer in front of its pods is in the picture)",
            "The run is verified without them.",
        ));
    }
    if !pods {
        all.push(not_checked(
            "failover.without-logs",
            "who still talks to the old writer afterwards (no pod that uses the database is in the picture)",
            "The run is verified without their logs.",
        ));
    }
    all
}

fn load_or_host(subject: &Subject<'_>) -> Finding {
    let strain = subject.strain.as_ref();
    let value = match strain.map(|s| s.looks) {
        Some(Looks::Calm) => "neither",
        Some(Looks::Host) => "host",
        Some(Looks::Load) => "load",
        Some(Looks::Unclear) => "cannot be told",
        None => "not known",
    };
    let answer = match subject.database.writer {
        Some(writer) => Answer::of(
            subject.database.origin(writer, Fact::CpuPercent),
            strain.map(|s| s.looks != Looks::Load),
            value,
        ),
        None => Answer::unknown("the writer is not known"),
    };
    let sentence = strain.map_or_else(String::new, |s| s.sentence.clone());
    finding(
        "failover.load-or-host",
        Severity::Warn,
        answer,
        Words {
            pass: sentence.clone(),
            fail: sentence,
            unknown: "Whether it is load or the host is not known: the writer's CPU was not read."
                .to_owned(),
            threshold: "not load",
            next: "Take load off (slow consumers, scale in, larger class) or add a reader instead.",
        },
    )
}

fn target_size(subject: &Subject<'_>, target: &Node, writer: &Node) -> Finding {
    let origin = subject.database.origin(target, Fact::InstanceClass);
    let (own, its) = (class_words(target), class_words(writer));
    finding(
        "failover.target-size",
        Severity::Warn,
        Answer::of(
            origin,
            smaller(target, writer).map(|smaller| !smaller),
            own.clone(),
        ),
        Words {
            pass: format!("{} is no smaller than the writer: {own}.", target.name),
            fail: format!(
                "{} is smaller than the writer: {own} against {its}. It would run hotter than the writer does.",
                target.name
            ),
            unknown: format!(
                "Whether {} is as large as the writer is not known: {own} against {its}.",
                target.name
            ),
            threshold: "as many vCPUs and as much memory as the writer",
            next: "Choose a reader of the writer's class.",
        },
    )
}

/// Only where the zone is the reason does its zone matter.
fn target_zone(subject: &Subject<'_>, target: &Node, writer: &Node) -> Finding {
    let zone = |node: &Node| node.scope.az.as_deref().map(ToOwned::to_owned);
    let (own, its) = (zone(target), zone(writer));
    let zone_is_ill = subject.database.snapshot.causes.iter().any(|cause| {
        cause.rule == "az-fault"
            && (cause.targets.contains(&writer.id) || cause.consequences.contains(&writer.id))
    });
    let same = own.as_ref().zip(its.as_ref()).map(|(own, its)| own == its);
    let silent = match own {
        Some(_) => writer,
        None => target,
    };
    let value = own.unwrap_or_else(|| "not known".to_owned());
    let pass = match same {
        Some(true) => format!("{} is in {value}, the writer's zone.", target.name),
        Some(false) => format!(
            "{} is in {value}, another zone than the writer's.",
            target.name
        ),
        None => format!(
            "The zone of {} is not known, and no zone is ill.",
            silent.name
        ),
    };
    finding(
        "failover.target-zone",
        Severity::Warn,
        Answer::of(
            subject.database.origin(target, Fact::Status),
            match zone_is_ill {
                true => same.map(|same| !same),
                false => Some(true),
            },
            value.clone(),
        ),
        Words {
            pass,
            fail: format!(
                "{} is in {value}, the writer's own zone, and that zone is what is ill.",
                target.name
            ),
            unknown: format!("The zone of {} is not known.", silent.name),
            threshold: "another zone, where the zone is ill",
            next: "Choose a reader in another zone.",
        },
    )
}

fn target_tier(subject: &Subject<'_>, target: &Node) -> Finding {
    let tier = target.facts.count(Fact::PromotionTier);
    let made = is_autoscaled(target);
    let value = match (tier, made) {
        (Some(tier), true) => format!("tier {tier}, made by autoscaling"),
        (Some(tier), false) => format!("tier {tier}"),
        (None, _) => "not known".to_owned(),
    };
    finding(
        "failover.target-tier",
        Severity::Warn,
        Answer::of(
            subject.database.origin(target, Fact::PromotionTier),
            tier.map(|tier| tier <= TIER && !made),
            value.clone(),
        ),
        Words {
            pass: format!("{} is meant to be promoted: {value}.", target.name),
            fail: format!(
                "{} is not meant to be promoted: {value}.{}",
                target.name,
                match made {
                    true =>
                        " Autoscaling keeps a reader that was promoted and may size it as a reader.",
                    false => "",
                }
            ),
            unknown: format!("The promotion tier of {} is not known.", target.name),
            threshold: "tier 0 or 1, not made by autoscaling",
            next: "Choose a reader of a lower tier.",
        },
    )
}

fn target_cpu(subject: &Subject<'_>, target: &Node) -> Finding {
    let cpu = target.facts.number(Fact::CpuPercent);
    let value = cpu.map_or_else(|| "not known".to_owned(), percent);
    finding(
        "failover.target-cpu",
        Severity::Warn,
        Answer::of(
            subject.database.origin(target, Fact::CpuPercent),
            cpu.map(|cpu| cpu <= TARGET_CPU),
            value.clone(),
        ),
        Words {
            pass: format!("{} has room: {value} CPU.", target.name),
            fail: format!(
                "{} is busy already: {value} CPU before it gets the writes.",
                target.name
            ),
            unknown: format!("The CPU of {} is not known.", target.name),
            threshold: "70 % CPU at most",
            next: "Choose a calmer reader.",
        },
    )
}

/// Its own connections stay, the writer's come. Told and no warning: pools fill up at a sick writer, and
/// at a healthy one the same work needs fewer, so the very sign of a bad host must not keep from leaving it.
fn target_connections(subject: &Subject<'_>, target: &Node, writer: &Node) -> Finding {
    let open = |node: &Node| node.facts.count(Fact::Connections);
    let most = target.facts.count(Fact::MaxConnectionsEstimate);
    let (own, come) = (open(target), open(writer));
    let needed = own.zip(come).map(|(own, come)| own + come);
    let value = match (needed, most) {
        (Some(needed), Some(most)) => format!("{} of {}", thousands(needed), thousands(most)),
        _ => "not known".to_owned(),
    };
    // Where the class's limit is not in the guide's table (serverless), its own connections are all
    // that can be compared.
    let holds = needed.map(|needed| most.is_none_or(|most| needed <= most));
    finding(
        "failover.target-connections",
        Severity::Info,
        Answer::of(
            subject.database.origin(target, Fact::Connections),
            holds,
            value.clone(),
        ),
        Words {
            pass: format!(
                "{} takes the writer's connections beside its own: {value}.",
                target.name
            ),
            fail: format!(
                "{} cannot take the writer's connections beside its own: {value} by the default of its class.",
                target.name
            ),
            unknown: format!("The connections of {} are not known.", target.name),
            threshold: "its own and the writer's within max_connections",
            next: "Choose a larger reader.",
        },
    )
}

fn readers_left(subject: &Subject<'_>, target: &Node) -> Finding {
    let readers = subject.database.readers.iter().copied();
    let left: Vec<&Node> = readers.filter(|r| r.id != target.id).collect();
    let origin = subject
        .database
        .origin(subject.cluster(), Fact::ReadersAvailable);
    let value = available_words(&left);
    finding(
        "failover.readers-left",
        Severity::Warn,
        Answer::of(origin, any_available(&left), value.clone()),
        Words {
            pass: format!("Reads go on meanwhile at {value}."),
            fail: format!(
                "{} is the only available reader: nothing serves reads until the old writer is back.",
                target.name
            ),
            unknown: "Which readers are left is not known.".to_owned(),
            threshold: "at least one other available reader",
            next: "Add a reader first, if there is time.",
        },
    )
}

/// What all readers carry now, on those that are left until the old writer is back. Left out when
/// nobody is left: that is said already.
fn read_share(subject: &Subject<'_>, target: &Node) -> Option<Finding> {
    let available: Vec<&Node> = subject
        .database
        .readers
        .iter()
        .copied()
        .filter(|r| is_available(r))
        .collect();
    let cores = |node: &Node| size(node).0.unwrap_or(1.0);
    let work: Option<Vec<f64>> = available
        .iter()
        .map(|r| Some(r.facts.number(Fact::CpuPercent)? * cores(r)))
        .collect();
    let left: f64 = available
        .iter()
        .filter(|r| r.id != target.id)
        .map(|r| cores(r))
        .sum();
    if left <= 0.0 {
        return None;
    }
    let cpu = work.map(|work| work.iter().sum::<f64>() / left);
    let value = cpu.map_or_else(|| "not known".to_owned(), percent);
    let silent = |r: &&Node| r.facts.number(Fact::CpuPercent).is_none();
    let asked = available.iter().copied().find(silent).unwrap_or(target);
    Some(finding(
        "failover.read-share",
        Severity::Warn,
        Answer::of(
            subject.database.origin(asked, Fact::CpuPercent),
            cpu.map(|cpu| cpu <= READERS_CPU),
            value.clone(),
        ),
        Words {
            pass: format!("The readers that are left carry the reads: about {value} CPU each."),
            fail: format!(
                "The readers that are left would run at about {value} CPU until the old writer is back."
            ),
            unknown: "How busy the readers are is not known.".to_owned(),
            threshold: "95 % CPU at most on those that are left",
            next: "Add a reader first, if there is time.",
        },
    ))
}
