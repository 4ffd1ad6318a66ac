//! EKS clusters, nodegroups and nodes.
//!
//! Status words: EKS API reference, [Cluster](https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html)
//! and [Nodegroup](https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html).

use super::{Rule, Subject, Verdict, say};
use crate::assemble::RECENT_SECONDS;
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new("eks.status", &[Kind::Cluster, Kind::Nodegroup], status),
    Rule::new("eks.issues", &[Kind::Cluster, Kind::Nodegroup], issues),
    Rule::new("cluster.api-slow", &[Kind::Cluster], api_slow),
    Rule::new("cluster.nodes", &[Kind::Cluster], nodes),
    Rule::new("nodepool.not-ready", &[Kind::NodePool], pool_not_ready),
    Rule::new("node.not-ready", &[Kind::Node], not_ready),
    Rule::new("node.was-not-ready", &[Kind::Node], was_not_ready),
    Rule::new("node.pressure", &[Kind::Node], pressure),
    Rule::new("node.cordoned", &[Kind::Node], cordoned),
];

fn status(subject: &Subject<'_>) -> Option<Verdict> {
    let status = subject.text(Fact::Status)?;
    let level = match status {
        "ACTIVE" => return None,
        "CREATING" | "UPDATING" | "DELETING" | "PENDING" => Level::InTransition,
        "DEGRADED" => Level::Warning,
        _ => Level::Critical,
    };
    let kind = subject.node.kind;
    let sentence = format!("The {kind} {} is {status}.", subject.name());
    let text = format!("status {status} (wanted ACTIVE)");
    say(level, sentence, subject.evidence(Fact::Status, text))
}

fn issues(subject: &Subject<'_>) -> Option<Verdict> {
    let issues = subject.text(Fact::HealthIssues).filter(|i| !i.is_empty())?;
    let kind = subject.node.kind;
    let sentence = format!(
        "EKS reports issues of the {kind} {}: {issues}.",
        subject.name()
    );
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::HealthIssues, issues),
    )
}

fn api_slow(subject: &Subject<'_>) -> Option<Verdict> {
    let latency = subject.number(Fact::ApiLatencyMs)?;
    let limit = subject.limits().api_latency_warning_ms;
    if latency < limit {
        return None;
    }
    let (latency, limit) = (words::thousands(latency), words::thousands(limit));
    let sentence = format!(
        "The API server of {} took {latency} ms to answer.",
        subject.name()
    );
    let text = format!("{latency} ms (limit {limit} ms)");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::ApiLatencyMs, text),
    )
}

/// Nodes not ready, by how much of the cluster they are.
fn nodes(subject: &Subject<'_>) -> Option<Verdict> {
    let all = subject.count(Fact::Nodes).filter(|n| *n > 0)?;
    let out = all - subject.count(Fact::NodesReady)?;
    if out <= 0 {
        return None;
    }
    let share = 100.0 * out as f64 / all as f64;
    let critical = share >= subject.limits().nodes_critical_percent;
    let level = if critical {
        Level::Critical
    } else {
        Level::Warning
    };
    let verb = words::are(usize::try_from(out).unwrap_or(2));
    let sentence = format!(
        "{out} of {all} nodes of {} {verb} not ready.",
        subject.name()
    );
    let text = format!("{} of {all} nodes ready", all - out);
    say(level, sentence, subject.evidence(Fact::NodesReady, text))
}

/// ` in us-east-1b`, where the zone is known.
fn place(subject: &Subject<'_>) -> String {
    let az = subject.node.scope.az.as_deref();
    az.map_or(String::new(), |az| format!(" in {az}"))
}

fn not_ready(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Ready) != Some(false) {
        return None;
    }
    let new = subject
        .since(Fact::CreatedAt)
        .is_some_and(|age| age < 180.0);
    let level = if new {
        Level::InTransition
    } else {
        Level::Critical
    };
    let since = subject.node.facts.time(Fact::ReadySince);
    let since = since.map_or(String::new(), |at| format!(" since {}", words::clock(at)));
    let why = subject
        .text(Fact::Reason)
        .map_or(String::new(), |r| format!(" ({r})"));
    let sentence = format!(
        "Node {}{} is not ready{since}{why}.",
        subject.name(),
        place(subject)
    );
    say(
        level,
        sentence,
        subject.evidence(Fact::Ready, "Ready is not True"),
    )
}

/// "If a NodePool is not ready, it will not be considered for scheduling"
/// (<https://karpenter.sh/docs/concepts/nodepools/#statusconditions>).
fn pool_not_ready(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Ready) != Some(false) {
        return None;
    }
    let why = subject.text(Fact::Message).filter(|why| !why.is_empty());
    let why = why.or(subject.text(Fact::Reason).filter(|why| !why.is_empty()));
    let why = why.map_or(String::new(), |why| format!(" ({why})"));
    let sentence = format!(
        "NodePool {} is not ready{why}: Karpenter buys no node of it.",
        subject.name()
    );
    let text = "Ready is not True";
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::Ready, text),
    )
}

/// Ready again after it was not: a kubelet that loses contact for spells.
fn was_not_ready(subject: &Subject<'_>) -> Option<Verdict> {
    let facts = &subject.node.facts;
    let back = facts.time(Fact::ReadySince)?;
    let born = facts.time(Fact::CreatedAt)?;
    let ready = subject.flag(Fact::Ready) == Some(true);
    let recent = subject
        .since(Fact::ReadySince)
        .is_some_and(|s| s < RECENT_SECONDS);
    // A new node is not ready until its agents run.
    if !ready || !recent || back.seconds_since(born) < 300.0 {
        return None;
    }
    let at = words::clock(back);
    let sentence = format!(
        "Node {}{} was not ready until {at}.",
        subject.name(),
        place(subject)
    );
    let text = format!("Ready again since {at}");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::ReadySince, text),
    )
}

fn pressure(subject: &Subject<'_>) -> Option<Verdict> {
    let pressure = subject.text(Fact::Pressure).filter(|p| !p.is_empty())?;
    let sentence = format!(
        "Node {}{} reports pressure: {pressure}.",
        subject.name(),
        place(subject)
    );
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::Pressure, pressure),
    )
}

fn cordoned(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Schedulable) != Some(false) {
        return None;
    }
    let sentence = format!(
        "Node {}{} is cordoned: no new pod goes there.",
        subject.name(),
        place(subject)
    );
    let text = "spec.unschedulable is true";
    say(
        Level::InTransition,
        sentence,
        subject.evidence(Fact::Schedulable, text),
    )
}
