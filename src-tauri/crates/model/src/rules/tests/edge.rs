//! Route 53 and CloudFront.

use super::*;

/// Two branches of one name; gives the first. Each has a check with the given status.
fn branches(s: &mut Stage, first: f64, second: f64) -> NodeId {
    let mut ids = Vec::new();
    for (set, status) in [("use1", first), ("euw1", second)] {
        let record = s.add(Kind::Record, &format!("Z1/api.x./A/{set}"), |r| {
            r.name = "api.x.".to_owned();
            r.facts.set(SetIdentifier, set);
            r.facts.set(Alias, true);
            r.facts.set(EvaluateTargetHealth, false);
            r.facts.set(HealthCheckId, set);
        });
        let check = s.thing(Kind::HealthCheck, &format!("check-{set}"), &[]);
        s.figures(&check, &[(CheckStatus, status.into())], None);
        s.edge(&check, Relation::Gates, &record);
        ids.push(record);
    }
    ids.swap_remove(0)
}

pub(super) const EDGE: &[Row] = &[
    row(
        "record.fail-open",
        Critical,
        "api.x. (use1) is unhealthy and so is every other branch, so Route 53 answers with it all the same",
        |s| branches(s, 0.0, 0.0),
        |s| branches(s, 0.0, 1.0),
    ),
    row(
        "record.branch-out",
        Warning,
        "api.x. (use1) is unhealthy: Route 53 leaves it out",
        |s| branches(s, 0.0, 1.0),
        |s| branches(s, 1.0, 1.0),
    ),
    row(
        "record.not-evaluated",
        Level::Ok,
        "Route 53 never takes it out",
        thing!(
            Record,
            "Z1/a./A/x",
            SetIdentifier = "x",
            Alias = true,
            EvaluateTargetHealth = false
        ),
        thing!(
            Record,
            "Z1/a./A/x",
            SetIdentifier = "x",
            Alias = true,
            EvaluateTargetHealth = true
        ),
    ),
    row(
        "healthcheck.unhealthy",
        Critical,
        "Health check c1 of https://api.x/health is unhealthy; 9 % of the checkers reach it (limit 18 %).",
        thing!(
            HealthCheck,
            "c1",
            CheckStatus = 0.0,
            Target = "https://api.x/health",
            CheckersHealthyPercent = 9.0
        ),
        thing!(HealthCheck, "c1", CheckStatus = 1.0),
    ),
    row(
        "healthcheck.checkers",
        Warning,
        "only 50 % of the checkers",
        thing!(
            HealthCheck,
            "c1",
            CheckStatus = 1.0,
            CheckersHealthyPercent = 50.0
        ),
        thing!(
            HealthCheck,
            "c1",
            CheckStatus = 1.0,
            CheckersHealthyPercent = 98.0
        ),
    ),
    row(
        "healthcheck.disabled",
        Level::Ok,
        "is disabled",
        thing!(HealthCheck, "c1", Disabled = true),
        thing!(HealthCheck, "c1", Disabled = false),
    ),
    row(
        "healthcheck.no-status",
        Unknown,
        "has no status",
        thing!(HealthCheck, "c1", Disabled = false),
        thing!(HealthCheck, "c1", CheckStatus = 1.0),
    ),
    row(
        "distribution.errors-5xx",
        Critical,
        "www.x answers 6.2 % of its requests with 5xx.",
        thing!(
            Distribution,
            "E1",
            Aliases = "www.x,x",
            Error5xxPercent = 6.2
        ),
        thing!(Distribution, "E1", Error5xxPercent = 0.2),
    ),
    row(
        "distribution.errors-4xx",
        Warning,
        "E1 answers 31 % of its requests with 4xx.",
        thing!(Distribution, "E1", Error4xxPercent = 31.0),
        thing!(Distribution, "E1", Error4xxPercent = 3.0),
    ),
    row(
        "distribution.deploying",
        InTransition,
        "(InProgress)",
        thing!(Distribution, "E1", Status = "InProgress"),
        thing!(Distribution, "E1", Status = "Deployed"),
    ),
    row(
        "distribution.disabled",
        Critical,
        "E1 is disabled, and www.x. leads to it.",
        |s| {
            let edge = s.thing(Kind::Distribution, "E1", &[(Enabled, false.into())]);
            let record = s.thing(Kind::Record, "www.x.", &[]);
            s.edge(&record, Relation::RoutesTo, &edge);
            edge
        },
        thing!(Distribution, "E1", Enabled = true),
    ),
];
