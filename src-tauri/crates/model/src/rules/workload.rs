//! Deployments and StatefulSets, and what scales them: capacity decides, not the single pod.
//!
//! One of twelve pods down is a warning, one of one is down. A rollout in progress is a transition
//! while enough pods serve.

use super::{Rule, Subject, Verdict, say, starting};
use crate::assemble::pods_of;
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;
use crate::words;

const WORKLOADS: &[Kind] = &[Kind::Deployment, Kind::StatefulSet];

pub(super) const RULES: &[Rule] = &[
    Rule::new("workload.capacity", WORKLOADS, capacity),
    Rule::new("workload.rollout-stuck", &[Kind::Deployment], stuck),
    Rule::new("workload.rollout", WORKLOADS, rollout),
    Rule::new("workload.paused", &[Kind::Deployment], paused),
    Rule::new("workload.restarts", WORKLOADS, restarts),
    Rule::new("hpa.pinned", &[Kind::Hpa], pinned),
    Rule::new("hpa.inactive", &[Kind::Hpa], inactive),
    Rule::new("scaledobject.paused", &[Kind::ScaledObject], scaler_paused),
    Rule::new(
        "scaledobject.not-ready",
        &[Kind::ScaledObject],
        scaler_not_ready,
    ),
];

/// A rollout under way that has not yet taken too long: pods of the newest revision are missing, or
/// the revision is so new that its pods may still start.
fn rolling(subject: &Subject<'_>) -> bool {
    let count = |fact| subject.count(fact);
    let behind = count(Fact::Generation).is_some_and(|g| count(Fact::ObservedGeneration) < Some(g));
    let progressing = subject.text(Fact::Rollout) == Some("progressing");
    let unfinished = count(Fact::ReplicasUpdated) < count(Fact::Replicas);
    let age = subject.since(Fact::RolloutStartedAt);
    let young = age.is_some_and(|s| s <= subject.limits().rollout_young_seconds);
    behind || (progressing && (young || unfinished))
}

fn capacity(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.count(Fact::Replicas).filter(|d| *d > 0)?;
    let available = subject.count(Fact::ReplicasAvailable);
    let ready = subject.count(Fact::ReplicasReady);
    let serving = ready.or(available).unwrap_or(0).min(desired);
    let missing = desired - serving;
    if missing <= 0 {
        return None;
    }
    let share = 100.0 * missing as f64 / desired as f64;
    let limits = subject.limits();
    let new = subject.since(Fact::CreatedAt).is_some_and(|s| s < 120.0);
    let level = if new {
        Level::InTransition
    } else if share >= limits.replicas_critical_percent && !only_starting(subject, missing) {
        Level::Critical
    } else if rolling(subject) || only_starting(subject, missing) {
        Level::InTransition
    } else if share >= limits.replicas_noise_percent {
        Level::Warning
    } else {
        Level::Ok
    };
    let sentence = format!(
        "{} has {serving} of {desired} pods ready, {}.",
        subject.name(),
        where_missing(subject, missing)
    );
    let text = format!("{serving} of {desired} ready");
    say(level, sentence, subject.evidence(Fact::ReplicasReady, text))
}

/// Pods that are not ready, as positions.
fn unready<'a>(subject: &Subject<'a>) -> impl Iterator<Item = &'a crate::node::Node> {
    let (nodes, graph, at) = subject.around();
    let pods = pods_of(graph, at).into_iter();
    pods.map(move |at| &*nodes[at]).filter(|n| {
        n.kind == Kind::Pod
            && n.facts.flag(Fact::Ready) == Some(false)
            && n.facts.text(Fact::Phase) != Some("Succeeded")
    })
}

/// Every missing pod has just been asked for, or restarts for once: nothing was lost for good.
fn only_starting(subject: &Subject<'_>, missing: i64) -> bool {
    let limits = subject.limits();
    let now = subject.now();
    let young = unready(subject).filter(|p| starting(p, now, limits, limits.pod_pending_seconds));
    let young = i64::try_from(young.count()).unwrap_or(0);
    young >= missing
}

/// `3 missing in us-east-1b and us-east-1c`.
fn where_missing(subject: &Subject<'_>, missing: i64) -> String {
    let mut zones: Vec<&str> = unready(subject)
        .filter_map(|n| n.scope.az.as_deref())
        .collect();
    zones.sort_unstable();
    zones.dedup();
    match zones.len() {
        0 => format!("{missing} missing"),
        _ => format!("{missing} missing in {}", words::list(&zones, 3)),
    }
}

/// Kubernetes' own verdict after `progressDeadlineSeconds`. The age of the newest replica set says
/// nothing: a rollback brings an old one back.
fn stuck(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.text(Fact::Rollout) != Some("stuck") {
        return None;
    }
    let revision = subject.count(Fact::Revision);
    let revision = revision.map_or(String::new(), |r| format!(" of revision {r}"));
    let updated = subject.count(Fact::ReplicasUpdated).unwrap_or(0);
    let desired = subject.count(Fact::Replicas).unwrap_or(0);
    let sentence = format!(
        "The rollout{revision} of {} is stuck: {updated} of {desired} pods are updated.",
        subject.name()
    );
    let evidence = subject.evidence(Fact::Rollout, "rollout stuck (progress deadline exceeded)");
    say(Level::Warning, sentence, evidence)
}

fn rollout(subject: &Subject<'_>) -> Option<Verdict> {
    if !rolling(subject) {
        return None;
    }
    let revision = subject
        .count(Fact::Revision)
        .map_or(String::new(), |r| format!(" revision {r}"));
    let updated = subject.count(Fact::ReplicasUpdated).unwrap_or(0);
    let desired = subject.count(Fact::Replicas).unwrap_or(0);
    let sentence = format!(
        "{} rolls out{revision}: {updated} of {desired} pods are updated.",
        subject.name()
    );
    let text = format!("{updated} of {desired} updated");
    say(
        Level::InTransition,
        sentence,
        subject.evidence(Fact::ReplicasUpdated, text),
    )
}

/// A pause somebody chose: seen, because pauses are forgotten.
fn paused(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Paused) != Some(true) {
        return None;
    }
    let sentence = format!(
        "The rollout of {} is paused: changes to it have no effect.",
        subject.name()
    );
    say(
        Level::InTransition,
        sentence,
        subject.evidence(Fact::Paused, "spec.paused is true"),
    )
}

fn restarts(subject: &Subject<'_>) -> Option<Verdict> {
    let restarts = subject.count(Fact::RestartsRecent)?;
    let limits = subject.limits();
    let pods = subject.number(Fact::Replicas).unwrap_or(0.0);
    let limit = limits
        .workload_restarts
        .max(pods * limits.workload_restarts_percent / 100.0);
    if (restarts as f64) < limit {
        return None;
    }
    let times = words::count(restarts, "time");
    let sentence = format!(
        "The pods of {} restarted at least {times} in the last 10 minutes.",
        subject.name()
    );
    let text = format!(
        "{} (limit {})",
        words::count(restarts, "restart"),
        words::measure(limit)
    );
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::RestartsRecent, text),
    )
}

fn pinned(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::PinnedAtMax) != Some(true) {
        return None;
    }
    let max = subject
        .count(Fact::Max)
        .map_or(String::new(), |m| format!(" of {m}"));
    let why = subject
        .text(Fact::ScalingLimitedReason)
        .map_or(String::new(), |r| format!(" ({r})"));
    let target = subject.text(Fact::ScaleTarget).unwrap_or("its workload");
    let sentence = format!(
        "{} is pinned at its maximum{max}: {target} gets no more pods{why}.",
        subject.name()
    );
    let text = format!("desired = max{max}");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::PinnedAtMax, text),
    )
}

fn inactive(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::ScalingActive) != Some(false) {
        return None;
    }
    let why = subject.text(Fact::Reason).unwrap_or("no reason given");
    // Scaled to zero by somebody: switched off, not broken.
    let level = if why == "ScalingDisabled" {
        Level::Ok
    } else {
        Level::Warning
    };
    let target = subject.text(Fact::ScaleTarget).unwrap_or("its workload");
    let sentence = format!("{} does not scale {target}: {why}.", subject.name());
    say(
        level,
        sentence,
        subject.evidence(
            Fact::ScalingActive,
            format!("ScalingActive is False ({why})"),
        ),
    )
}

fn scaler_paused(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Paused) != Some(true) {
        return None;
    }
    let sentence = format!("{} is paused: nothing scales its workload.", subject.name());
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::Paused, "paused by annotation"),
    )
}

fn scaler_not_ready(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Ready) != Some(false) {
        return None;
    }
    let why = subject.text(Fact::Reason).unwrap_or("no reason given");
    let sentence = format!("{} cannot scale: {why}.", subject.name());
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::Ready, format!("Ready is False ({why})")),
    )
}
