//! Application balancers and their target groups, in all and by availability zone.
//!
//! Metrics: ELB guide, load-balancer-cloudwatch-metrics. `HTTPCode_*` are reported only when there
//! is a nonzero value, `TargetResponseTime` is in seconds.

use super::figure::{Figure, Measured, PER_SECOND, Show, Subject, measure, percent, readings};
use super::metric::{Window, rounded};
use crate::{Known, Round};
use model::{Fact, Facts, Found, FoundNode, Kind, Name, Relation, Series, SourceFailure};
use std::collections::HashMap;

super::metrics! {
    /// Requests, errors and latency of balancers and target groups.
    BalancerMetrics, "balancer-metrics", Regional, [Elb], balancers
}

const NAMESPACE: &str = "AWS/ApplicationELB";

const REQUESTS: Figure = Figure::new(
    Fact::RequestsPerSecond,
    "RequestCount",
    "Sum",
    PER_SECOND,
    Show::Past,
);
const TARGET_5XX: Figure = Figure::new(
    Fact::Target5xxPerSecond,
    "HTTPCode_Target_5XX_Count",
    "Sum",
    PER_SECOND,
    Show::Past,
);
const ELB_5XX: Figure = Figure::new(
    Fact::Elb5xxPerSecond,
    "HTTPCode_ELB_5XX_Count",
    "Sum",
    PER_SECOND,
    Show::Past,
);
const P50: Figure = Figure::new(
    Fact::LatencyP50Ms,
    "TargetResponseTime",
    "p50",
    1000.0,
    Show::Newest,
);
const P99: Figure = Figure::new(
    Fact::LatencyP99Ms,
    "TargetResponseTime",
    "p99",
    1000.0,
    Show::Past,
);
const REJECTED: Figure = Figure::new(
    Fact::RejectedConnectionsPerSecond,
    "RejectedConnectionCount",
    "Sum",
    PER_SECOND,
    Show::Newest,
);

const OF_BALANCER: &[Figure] = &[REQUESTS, TARGET_5XX, ELB_5XX, P50, P99, REJECTED];
const OF_ZONE: &[Figure] = &[REQUESTS, TARGET_5XX, ELB_5XX, P50, P99];
const OF_GROUP: &[Figure] = &[REQUESTS, TARGET_5XX, P50, P99];

async fn balancers(round: &Round<'_>, known: &Known) -> Result<Vec<Found>, SourceFailure> {
    let window = Window::recent(round.session.clock.now());
    let groups: HashMap<&str, &FoundNode> = known
        .here(round.session, Kind::TargetGroup)
        .filter_map(|group| Some((group.facts.text(Fact::Arn)?, group)))
        .collect();
    let subjects: Vec<Subject> = known
        .here(round.session, Kind::LoadBalancer)
        .filter(|balancer| balancer.facts.text(Fact::LbType) == Some("application"))
        .flat_map(|balancer| subjects(balancer, &groups))
        .collect();
    let measured = measure(round, &window, subjects).await?;
    Ok(readings(&window, &measured, |one, facts, series| {
        shares(one, facts, series, &window)
    }))
}

/// The balancer, its zones, and the groups it forwards to.
fn subjects(balancer: &FoundNode, groups: &HashMap<&str, &FoundNode>) -> Vec<Subject> {
    // The dimension is what follows `loadbalancer/` in the ARN: `app/NAME/ID`.
    let arn = balancer.facts.text(Fact::Arn).unwrap_or_default();
    let Some((_, dimension)) = arn.split_once(":loadbalancer/") else {
        return Vec::new();
    };
    let subject = |about: &FoundNode, figures, zone: Option<&String>, more: Vec<_>| {
        let mut dimensions = vec![("LoadBalancer", dimension.to_owned())];
        dimensions.extend(more);
        let (about, zone) = (about.id.clone(), zone.cloned());
        Subject {
            about,
            zone,
            namespace: NAMESPACE,
            dimensions,
            figures,
        }
    };
    let mut all = vec![subject(balancer, OF_BALANCER, None, Vec::new())];
    for zone in balancer.zones.keys() {
        let dimension = vec![("AvailabilityZone", zone.clone())];
        all.push(subject(balancer, OF_ZONE, Some(zone), dimension));
    }
    for tie in balancer
        .ties
        .iter()
        .filter(|tie| tie.relation == Relation::Forwards)
    {
        let Name::Arn(arn) = &tie.other else { continue };
        let tail = arn.rsplit(':').next().unwrap_or_default().to_owned();
        if let Some(group) = groups.get(&**arn) {
            all.push(subject(group, OF_GROUP, None, vec![("TargetGroup", tail)]));
        }
    }
    all
}

/// Errors as a share of requests. Errors are reported only when there are some, so none while there
/// are requests is nought, now and in the past.
fn shares(one: &Measured, facts: &mut Facts, series: &mut Vec<Series>, window: &Window) {
    let Some(requests) = one.of(Fact::RequestsPerSecond) else {
        return;
    };
    let kinds = [
        (Fact::Target5xxPerSecond, Fact::Target5xxPercent),
        (Fact::Elb5xxPerSecond, Fact::Elb5xxPercent),
    ];
    for (rate, share) in kinds {
        let Some(errors) = one.of(rate) else { continue };
        let counted = requests.with(errors, |_, errors| errors.unwrap_or(0.0));
        if let Some((_, errors)) = counted.newest(window) {
            facts.set(rate, rounded(errors * PER_SECOND));
            facts.set_some(share, percent(window, requests, &counted));
            series.retain(|series| series.fact != rate);
            series.extend(counted.series(rate, PER_SECOND, window));
        } else if errors
            .newest(window)
            .is_some_and(|(_, errors)| errors > 0.0)
        {
            // Requests for which there was no target are counted as errors only.
            facts.set(share, 100.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::metric::Points;
    use super::*;
    use model::{NodeId, Timestamp};

    const NOW: i64 = 1_795_315_620;

    fn measured(requests: &[(i64, f64)], target: &[(i64, f64)]) -> Measured {
        let subject = Subject {
            about: NodeId::new("loadbalancer/1/r/x"),
            zone: None,
            namespace: NAMESPACE,
            dimensions: Vec::new(),
            figures: OF_BALANCER,
        };
        let mut points = vec![Points::of(requests), Points::of(target)];
        points.resize(OF_BALANCER.len(), Points::default());
        Measured { subject, points }
    }

    #[test]
    fn errors_are_a_share_of_the_requests_of_the_same_minute() {
        let window = Window::recent(Timestamp::from_seconds(NOW));
        let (now, before) = (NOW - 60, NOW - 120);
        let one = measured(&[(before, 600.0), (now, 1200.0)], &[(before, 300.0)]);
        let (mut facts, _) = one.facts(&window);
        shares(&one, &mut facts, &mut Vec::new(), &window);
        assert_eq!(facts.number(Fact::RequestsPerSecond), Some(20.0));
        assert_eq!(facts.number(Fact::Target5xxPerSecond), Some(0.0));
        assert_eq!(facts.number(Fact::Target5xxPercent), Some(0.0));
        let one = measured(&[(now, 1200.0)], &[(now, 30.0)]);
        let (mut facts, _) = one.facts(&window);
        shares(&one, &mut facts, &mut Vec::new(), &window);
        assert_eq!(facts.number(Fact::Target5xxPercent), Some(2.5));
    }

    #[test]
    fn an_idle_balancer_has_no_figures_at_all() {
        let window = Window::recent(Timestamp::from_seconds(NOW));
        let found = readings(&window, &[measured(&[], &[])], |one, facts, series| {
            shares(one, facts, series, &window);
        });
        assert!(found.is_empty());
    }
}
