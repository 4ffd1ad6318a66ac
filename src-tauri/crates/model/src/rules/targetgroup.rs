//! Target groups: how many targets are out of service, in which zone, for which reason.
//!
//! Reason codes: [TargetHealth](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html).
//! A group whose targets are all unhealthy gets requests all the same (fail-open):
//! [health checks](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html).

use super::{Rule, Subject, Verdict, say, starting};
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new("targetgroup.fail-open", &[Kind::TargetGroup], fail_open),
    Rule::new(
        "targetgroup.none-healthy",
        &[Kind::TargetGroup],
        none_healthy,
    ),
    Rule::new("targetgroup.unhealthy", &[Kind::TargetGroup], unhealthy),
    Rule::new("targetgroup.zone-out", &[Kind::TargetGroup], zone_out),
    Rule::new("targetgroup.empty", &[Kind::TargetGroup], empty),
    Rule::new("targetgroup.single-zone", &[Kind::TargetGroup], single_zone),
];

/// Healthy, unhealthy and all targets that requests could go to.
fn tally(subject: &Subject<'_>) -> Option<(i64, i64, i64)> {
    let healthy = subject.count(Fact::TargetsHealthy)?;
    let unhealthy = subject.count(Fact::TargetsUnhealthy).unwrap_or(0);
    Some((healthy, unhealthy, healthy + unhealthy))
}

/// `, Target.Timeout ×3` of the whole group.
fn reasons(subject: &Subject<'_>) -> String {
    let reasons = subject
        .text(Fact::UnhealthyReasons)
        .filter(|r| !r.is_empty());
    reasons.map_or(String::new(), |r| format!(", {r}"))
}

fn fail_open(subject: &Subject<'_>) -> Option<Verdict> {
    let (healthy, unhealthy, _) = tally(subject)?;
    if healthy > 0 || unhealthy == 0 {
        return None;
    }
    let targets = words::count(unhealthy, "target");
    let sentence = format!(
        "{}: none of its {targets} is healthy, so the balancer sends to all of them (fail-open){}.",
        subject.name(),
        reasons(subject)
    );
    let text = format!("0 of {targets} healthy");
    say(
        Level::Critical,
        sentence,
        subject.evidence(Fact::TargetsHealthy, text),
    )
}

/// Targets, none of them healthy and none counted as unhealthy: they are new, draining, out of use or
/// in a state we have no word for. Whoever forwards there finds nobody.
fn none_healthy(subject: &Subject<'_>) -> Option<Verdict> {
    let (healthy, unhealthy, _) = tally(subject)?;
    let all = subject.count(Fact::Targets).filter(|all| *all > 0)?;
    if healthy > 0 || unhealthy > 0 {
        return None;
    }
    let balancer = subject.previous(Relation::Forwards).next()?;
    let of = |fact| subject.count(fact).unwrap_or(0);
    let counted = [
        (of(Fact::TargetsInitial), "initial"),
        (of(Fact::TargetsDraining), "draining"),
        (of(Fact::TargetsUnused), "unused"),
    ];
    let other = all - counted.iter().map(|(n, _)| n).sum::<i64>();
    let states: Vec<String> = counted
        .into_iter()
        .chain([(other, "in another state")])
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let states = words::list(&states, 4);
    let level = if of(Fact::TargetsInitial) == all {
        Level::InTransition
    } else {
        Level::Critical
    };
    let sentence = format!(
        "{}: none of its {} is healthy ({states}): what {} forwards there finds nobody.",
        subject.name(),
        words::count(all, "target"),
        balancer.name
    );
    let text = format!("0 of {all} healthy, {states}");
    say(
        level,
        sentence,
        subject.evidence(Fact::TargetsHealthy, text),
    )
}

/// Zones with unhealthy targets, worst first: `3/4 in us-east-1b (Target.Timeout ×3)`.
fn by_zone(subject: &Subject<'_>) -> Vec<String> {
    let zones = subject.node.zones.iter().filter_map(|(zone, facts)| {
        let bad = facts.count(Fact::TargetsUnhealthy).filter(|bad| *bad > 0)?;
        let all = bad + facts.count(Fact::TargetsHealthy).unwrap_or(0);
        let why = facts
            .text(Fact::UnhealthyReasons)
            .map_or(String::new(), |r| format!(" ({r})"));
        Some((bad, format!("{bad}/{all} in {zone}{why}")))
    });
    let mut zones: Vec<(i64, String)> = zones.collect();
    zones.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    zones.into_iter().map(|(_, text)| text).collect()
}

fn unhealthy(subject: &Subject<'_>) -> Option<Verdict> {
    let (healthy, bad, all) = tally(subject)?;
    if bad == 0 || healthy == 0 {
        return None;
    }
    let share = 100.0 * bad as f64 / all as f64;
    let limits = subject.limits();
    let level = if bad <= on_the_move(subject) {
        Level::InTransition
    } else if share >= limits.targets_critical_percent {
        Level::Critical
    } else if share >= limits.targets_noise_percent {
        Level::Warning
    } else {
        Level::Ok
    };
    let zones = by_zone(subject);
    let place = if zones.is_empty() {
        reasons(subject)
    } else {
        format!(": {}", words::list(&zones, 3))
    };
    let sentence = format!("{}: {bad}/{all} targets unhealthy{place}.", subject.name());
    let text = format!("{bad} of {all} targets unhealthy");
    say(
        level,
        sentence,
        subject.evidence(Fact::TargetsUnhealthy, text),
    )
}

/// Pods behind the group that come or go: their targets pass their health checks a little later than
/// they are ready, and fail them a little earlier than they are deregistered.
fn on_the_move(subject: &Subject<'_>) -> i64 {
    let (now, limits) = (subject.now(), subject.limits());
    let moving = subject.next(Relation::Targets).filter(|pod| {
        pod.facts.flag(Fact::Terminating) == Some(true)
            || starting(pod, now, limits, 2.0 * limits.pod_unready_seconds)
    });
    i64::try_from(moving.count()).unwrap_or(0)
}

/// A zone where requests find no healthy target.
fn zone_out(subject: &Subject<'_>) -> Option<Verdict> {
    let (healthy, ..) = tally(subject)?;
    let zones = subject.node.zones.iter();
    let out = zones.filter(|(_, facts)| {
        let bad = facts.count(Fact::TargetsUnhealthy).unwrap_or(0);
        bad > 0 && facts.count(Fact::TargetsHealthy).unwrap_or(0) == 0
    });
    let out: Vec<&str> = out.map(|(zone, _)| zone.as_str()).collect();
    if out.is_empty() || healthy == 0 {
        return None;
    }
    let zones = words::list(&out, 3);
    let sentence = format!("{} has no healthy target in {zones}.", subject.name());
    let text = format!("0 healthy targets in {zones}");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::TargetsHealthy, text),
    )
}

/// A balancer forwards to it and there is nobody to answer.
fn empty(subject: &Subject<'_>) -> Option<Verdict> {
    let none = subject.count(Fact::Targets)? == 0;
    let balancer = subject
        .previous(Relation::Forwards)
        .next()
        .filter(|_| none)?;
    let sentence = format!(
        "{} has no registered target: {} answers 503 for what it forwards there.",
        subject.name(),
        balancer.name
    );
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::Targets, "0 targets"),
    )
}

/// Worth knowing before a zone is left; no trouble while the zone is well.
fn single_zone(subject: &Subject<'_>) -> Option<Verdict> {
    let targets = subject.count(Fact::Targets).filter(|t| *t > 1)?;
    let (zone, _) = subject
        .node
        .zones
        .iter()
        .next()
        .filter(|_| subject.node.zones.len() == 1)?;
    let balancer = subject.previous(Relation::Forwards).next()?;
    balancer
        .facts
        .count(Fact::ZonesCount)
        .filter(|zones| *zones > 1)?;
    let sentence = format!(
        "{} has all of its {targets} targets in {zone}: without that zone it has none.",
        subject.name()
    );
    let text = format!("{targets} targets in one zone");
    say(Level::Ok, sentence, subject.evidence(Fact::Targets, text))
}
