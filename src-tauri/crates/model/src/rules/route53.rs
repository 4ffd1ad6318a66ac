//! Route 53: what is answered although it is sick, what is left out, and checks that fail.
//!
//! A share of 18 % of the checkers or less makes an endpoint unhealthy:
//! [how Route 53 determines the status of health checks](https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html).

use super::{Rule, Subject, Verdict, evidence, say};
use crate::assemble::healthy;
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::{Evidence, Level};
use crate::kind::Kind;
use crate::node::{Node, Standing};
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new("record.fail-open", &[Kind::Record], fail_open),
    Rule::new("record.branch-out", &[Kind::Record], branch_out),
    Rule::new("record.not-evaluated", &[Kind::Record], not_evaluated),
    Rule::new("healthcheck.unhealthy", &[Kind::HealthCheck], unhealthy),
    Rule::new("healthcheck.checkers", &[Kind::HealthCheck], checkers),
    Rule::new("healthcheck.disabled", &[Kind::HealthCheck], disabled),
    Rule::new("healthcheck.no-status", &[Kind::HealthCheck], no_status),
];

/// Below this share of healthy checkers a check that still passes is worth a warning, percent.
const CHECKERS_WARNING: f64 = 70.0;

/// The record as people call it: its name and, of several branches, which.
fn called(record: &Node) -> String {
    match record.facts.text(Fact::SetIdentifier) {
        Some(set) => format!("{} ({set})", record.name),
        None => record.name.clone(),
    }
}

/// What makes the branch unhealthy, as evidence.
fn proof(subject: &Subject<'_>) -> Vec<Evidence> {
    let checks = subject.previous(Relation::Gates);
    let failing = checks.filter(|c| c.facts.number(Fact::CheckStatus) == Some(0.0));
    let by_check = failing.map(|c| {
        let text = format!("health check {} is unhealthy (status 0)", c.name);
        evidence(c, Fact::CheckStatus, text)
    });
    let targets = subject.next(Relation::RoutesTo).take(1).map(|target| {
        let text = format!("alias target {} as evaluated", target.name);
        evidence(target, Fact::Status, text)
    });
    let proof: Vec<Evidence> = by_check.collect();
    if proof.is_empty() {
        targets.collect()
    } else {
        proof
    }
}

fn sick(subject: &Subject<'_>) -> bool {
    let (nodes, graph, at) = subject.around();
    healthy(nodes, graph, at) == Some(false)
}

/// Route 53 answers with what it knows to be unhealthy, because nothing else is healthy.
fn fail_open(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Serving) != Some(true) || !sick(subject) {
        return None;
    }
    let sentence = format!(
        "{} is unhealthy and so is every other branch, so Route 53 answers with it all the same (fail-open).",
        called(subject.node)
    );
    say(Level::Critical, sentence, proof(subject))
}

/// A branch that Route 53 leaves out while another one serves.
fn branch_out(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Serving) != Some(false) || !sick(subject) {
        return None;
    }
    let sentence = format!(
        "{} is unhealthy: Route 53 leaves it out and answers with the other branches.",
        called(subject.node)
    );
    say(Level::Warning, sentence, proof(subject))
}

/// One of several branches that nothing can take out: worth knowing, no trouble by itself.
fn not_evaluated(subject: &Subject<'_>) -> Option<Verdict> {
    let branches = subject.text(Fact::SetIdentifier).is_some();
    let alias = subject.flag(Fact::Alias) == Some(true);
    let evaluates = subject.flag(Fact::EvaluateTargetHealth) == Some(true);
    let secondary = subject.text(Fact::Failover) == Some("SECONDARY");
    let checked = subject.text(Fact::HealthCheckId).is_some();
    if !branches || !alias || evaluates || checked || secondary {
        return None;
    }
    let sentence = format!(
        "{} neither evaluates its alias target nor has a health check: Route 53 never takes it out.",
        called(subject.node)
    );
    let text = "EvaluateTargetHealth is false";
    say(
        Level::Ok,
        sentence,
        subject.evidence(Fact::EvaluateTargetHealth, text),
    )
}

fn unhealthy(subject: &Subject<'_>) -> Option<Verdict> {
    let status = subject.number(Fact::CheckStatus)?;
    if status >= 1.0 || subject.flag(Fact::Disabled) == Some(true) {
        return None;
    }
    let what = subject.text(Fact::Target).unwrap_or("its endpoint");
    let share = subject.number(Fact::CheckersHealthyPercent);
    let share = share.map_or(String::new(), |s| {
        format!(
            "; {} % of the checkers reach it (limit 18 %)",
            words::measure(s)
        )
    });
    let inverted = match subject.flag(Fact::Inverted) {
        Some(true) => " (inverted)",
        Some(false) | None => "",
    };
    let sentence = format!(
        "Health check {} of {what} is unhealthy{inverted}{share}.",
        subject.name()
    );
    let evidence = subject.evidence(Fact::CheckStatus, "HealthCheckStatus 0 (healthy is 1)");
    say(Level::Critical, sentence, evidence)
}

/// Still healthy, but some checkers around the world no longer reach the endpoint.
fn checkers(subject: &Subject<'_>) -> Option<Verdict> {
    let share = subject.number(Fact::CheckersHealthyPercent)?;
    if share >= CHECKERS_WARNING || subject.number(Fact::CheckStatus) != Some(1.0) {
        return None;
    }
    let share = words::measure(share);
    let sentence = format!(
        "Health check {} is reached by only {share} % of the checkers; at 18 % it turns unhealthy.",
        subject.name()
    );
    let text = format!("HealthCheckPercentageHealthy {share} % (limit 18 %)");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::CheckersHealthyPercent, text),
    )
}

/// A setting, no trouble by itself: the branch it gates is always taken for healthy.
fn disabled(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Disabled) != Some(true) {
        return None;
    }
    let sentence = format!(
        "Health check {} is disabled: Route 53 takes what it gates for healthy, whatever happens.",
        subject.name()
    );
    say(
        Level::Ok,
        sentence,
        subject.evidence(Fact::Disabled, "Disabled is true"),
    )
}

fn no_status(subject: &Subject<'_>) -> Option<Verdict> {
    let known = subject.number(Fact::CheckStatus).is_some();
    let off = subject.flag(Fact::Disabled) == Some(true);
    if known || off || subject.node.standing != Standing::Read {
        return None;
    }
    let sentence = format!(
        "Health check {} has no status: CloudWatch has no HealthCheckStatus of it.",
        subject.name()
    );
    say(
        Level::Unknown,
        sentence,
        subject.evidence(Fact::CheckStatus, "no data"),
    )
}
