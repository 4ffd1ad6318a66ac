//! Load balancers and their target groups.

use super::*;

/// A balancer with a share of failed requests per zone.
fn balancer(s: &mut Stage, shares: [f64; 3]) -> NodeId {
    let lb = s.thing(
        Kind::LoadBalancer,
        "api",
        &[(RequestsPerSecond, 100.into())],
    );
    for (zone, share) in ["us-east-1a", "us-east-1b", "us-east-1c"]
        .into_iter()
        .zip(shares)
    {
        s.zone(&lb, zone, &[(Target5xxPercent, share.into())]);
    }
    lb
}

/// A target group behind a balancer, with (healthy, unhealthy) per zone.
pub(super) fn group(s: &mut Stage, zones: &[(&str, i64, i64)]) -> NodeId {
    let sum = |of: fn(&(&str, i64, i64)) -> i64| zones.iter().map(of).sum::<i64>();
    let (healthy, bad) = (sum(|z| z.1), sum(|z| z.2));
    let facts = [
        (Targets, (healthy + bad).into()),
        (TargetsHealthy, healthy.into()),
        (TargetsUnhealthy, bad.into()),
    ];
    let group = s.thing(Kind::TargetGroup, "api-tg", &facts);
    for (zone, healthy, bad) in zones {
        let facts = [
            (TargetsHealthy, (*healthy).into()),
            (TargetsUnhealthy, (*bad).into()),
        ];
        s.zone(&group, zone, &facts);
        if *bad > 0 {
            let why = format!("Target.Timeout ×{bad}");
            s.zone(&group, zone, &[(UnhealthyReasons, why.into())]);
        }
    }
    let lb = s.thing(Kind::LoadBalancer, "api", &[(ZonesCount, 3.into())]);
    s.edge(&lb, Relation::Forwards, &group);
    group
}

/// A group with counts of targets that are neither healthy nor unhealthy.
fn standing(s: &mut Stage, counts: &[(Fact, i64)]) -> NodeId {
    let facts: Vec<(Fact, Value)> = counts.iter().map(|(f, n)| (*f, (*n).into())).collect();
    s.thing(Kind::TargetGroup, "api-tg", &facts)
}

fn forwarded(s: &mut Stage, group: &NodeId) {
    let lb = s.thing(Kind::LoadBalancer, "api", &[(ZonesCount, 3.into())]);
    s.edge(&lb, Relation::Forwards, group);
}

pub(super) const BALANCING: &[Row] = &[
    row(
        "balancer.state",
        Warning,
        "api is active_impaired.",
        thing!(LoadBalancer, "api", Status = "active_impaired"),
        thing!(LoadBalancer, "api", Status = "active"),
    ),
    row(
        "balancer.elb-5xx",
        Critical,
        "api fails 7 % of its requests with 5xx of its own",
        thing!(
            LoadBalancer,
            "api",
            Elb5xxPercent = 7.0,
            RequestsPerSecond = 40
        ),
        thing!(
            LoadBalancer,
            "api",
            Elb5xxPercent = 7.0,
            RequestsPerSecond = 0.001
        ),
    ),
    row(
        "balancer.target-5xx",
        Warning,
        "api fails 1.9 % of its requests with 5xx from its targets",
        thing!(LoadBalancer, "api", Target5xxPercent = 1.9),
        thing!(LoadBalancer, "api", Target5xxPercent = 0.02),
    ),
    row(
        "balancer.zone-errors",
        Critical,
        "api fails 21 % of its requests in us-east-1b, at most 0.2 % in its other zones.",
        |s| balancer(s, [0.1, 21.0, 0.2]),
        |s| balancer(s, [19.0, 21.0, 18.0]),
    ),
    row(
        "balancer.slow",
        Warning,
        "takes 4,100 ms or more",
        thing!(LoadBalancer, "api", LatencyP99Ms = 4100.0),
        thing!(LoadBalancer, "api", LatencyP99Ms = 310.0),
    ),
    row(
        "balancer.rejects",
        Warning,
        "rejects 3 connections/s",
        thing!(LoadBalancer, "api", RejectedConnectionsPerSecond = 3.0),
        thing!(LoadBalancer, "api", RejectedConnectionsPerSecond = 0.0),
    ),
    row(
        "targetgroup.fail-open",
        Critical,
        "api-tg: none of its 4 targets is healthy, so the balancer sends to all of them (fail-open)",
        |s| group(s, &[("us-east-1a", 0, 2), ("us-east-1b", 0, 2)]),
        |s| group(s, &[("us-east-1a", 1, 2), ("us-east-1b", 0, 2)]),
    ),
    row(
        "targetgroup.none-healthy",
        Critical,
        "api-tg: none of its 5 targets is healthy (3 draining and 2 in another state): what api forwards there finds nobody.",
        |s| {
            let group = standing(
                s,
                &[(Targets, 5), (TargetsHealthy, 0), (TargetsDraining, 3)],
            );
            forwarded(s, &group);
            group
        },
        |s| {
            standing(
                s,
                &[(Targets, 5), (TargetsHealthy, 0), (TargetsDraining, 5)],
            )
        },
    ),
    row(
        "targetgroup.none-healthy",
        InTransition,
        "2 initial",
        |s| {
            let group = standing(s, &[(Targets, 2), (TargetsHealthy, 0), (TargetsInitial, 2)]);
            forwarded(s, &group);
            group
        },
        |s| {
            let group = standing(s, &[(Targets, 2), (TargetsHealthy, 1), (TargetsInitial, 1)]);
            forwarded(s, &group);
            group
        },
    ),
    row(
        "targetgroup.unhealthy",
        Warning,
        "api-tg: 3/12 targets unhealthy: 3/4 in us-east-1b (Target.Timeout ×3).",
        |s| {
            group(
                s,
                &[
                    ("us-east-1a", 4, 0),
                    ("us-east-1b", 1, 3),
                    ("us-east-1c", 4, 0),
                ],
            )
        },
        |s| group(s, &[("us-east-1a", 4, 0), ("us-east-1b", 4, 0)]),
    ),
    row(
        "targetgroup.zone-out",
        Warning,
        "api-tg has no healthy target in us-east-1b.",
        |s| group(s, &[("us-east-1a", 4, 0), ("us-east-1b", 0, 3)]),
        |s| group(s, &[("us-east-1a", 4, 0), ("us-east-1b", 1, 3)]),
    ),
    row(
        "targetgroup.empty",
        Warning,
        "api-tg has no registered target: api answers 503",
        |s| group(s, &[]),
        |s| group(s, &[("us-east-1a", 1, 0)]),
    ),
    row(
        "targetgroup.single-zone",
        Level::Ok,
        "all of its 2 targets in us-east-1a",
        |s| group(s, &[("us-east-1a", 2, 0)]),
        |s| group(s, &[("us-east-1a", 2, 0), ("us-east-1b", 1, 0)]),
    ),
];
