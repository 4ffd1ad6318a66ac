//! Load balancers: who fails the requests (the balancer itself or its targets), where, and how slow.
//!
//! `HTTPCode_ELB_5XX_Count` are answers the balancer made itself (no target, timeout, reset);
//! `HTTPCode_Target_5XX_Count` came from a target:
//! [CloudWatch metrics of Application Load Balancers](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html).

use super::{Rule, Subject, Verdict, evidence, graded, say};
use crate::facts::{Fact, Facts};
use crate::health::Level;
use crate::kind::Kind;
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new("balancer.state", &[Kind::LoadBalancer], state),
    Rule::new("balancer.elb-5xx", &[Kind::LoadBalancer], elb_5xx),
    Rule::new("balancer.target-5xx", &[Kind::LoadBalancer], target_5xx),
    Rule::new("balancer.zone-errors", &[Kind::LoadBalancer], zone_errors),
    Rule::new("balancer.slow", &[Kind::LoadBalancer], slow),
    Rule::new("balancer.rejects", &[Kind::LoadBalancer], rejects),
];

fn state(subject: &Subject<'_>) -> Option<Verdict> {
    let status = subject.text(Fact::Status)?;
    let level = match status {
        "active" => return None,
        "provisioning" => Level::InTransition,
        "active_impaired" => Level::Warning,
        _ => Level::Critical,
    };
    let why = subject
        .text(Fact::Reason)
        .map_or(String::new(), |r| format!(": {r}"));
    let sentence = format!("{} is {status}{why}.", subject.name());
    let text = format!("state {status} (wanted active)");
    say(level, sentence, subject.evidence(Fact::Status, text))
}

/// Whether there are enough requests for shares of them to mean something.
fn busy(subject: &Subject<'_>) -> bool {
    let rate = subject.number(Fact::RequestsPerSecond);
    rate.is_none_or(|rate| rate >= subject.limits().quiet_requests_per_second)
}

fn share_5xx(
    subject: &Subject<'_>,
    fact: Fact,
    warning: f64,
    critical: f64,
    who: &str,
) -> Option<Verdict> {
    let share = subject.number(fact).filter(|_| busy(subject))?;
    let level = graded(share, warning, critical)?;
    let (share, limit) = (words::measure(share), words::measure(warning));
    let sentence = format!(
        "{} fails {share} % of its requests with 5xx {who}.",
        subject.name()
    );
    let text = format!("5xx {share} % of requests (limit {limit} %)");
    say(level, sentence, subject.evidence(fact, text))
}

fn elb_5xx(subject: &Subject<'_>) -> Option<Verdict> {
    let limits = subject.limits();
    share_5xx(
        subject,
        Fact::Elb5xxPercent,
        limits.elb_5xx_warning_percent,
        limits.elb_5xx_critical_percent,
        "of its own: no target answered (no healthy one, timeout or reset)",
    )
}

fn target_5xx(subject: &Subject<'_>) -> Option<Verdict> {
    let limits = subject.limits();
    share_5xx(
        subject,
        Fact::Target5xxPercent,
        limits.target_5xx_warning_percent,
        limits.target_5xx_critical_percent,
        "from its targets: the application fails",
    )
}

/// The share of requests that failed, whoever failed them.
pub(crate) fn failing_percent(facts: &Facts) -> Option<f64> {
    let (elb, target) = (
        facts.number(Fact::Elb5xxPercent),
        facts.number(Fact::Target5xxPercent),
    );
    match (elb, target) {
        (None, None) => None,
        (elb, target) => Some(elb.unwrap_or(0.0) + target.unwrap_or(0.0)),
    }
}

/// One zone fails while the others do not: named, because leaving it is the answer.
fn zone_errors(subject: &Subject<'_>) -> Option<Verdict> {
    let zones = subject.node.zones.iter();
    let mut shares: Vec<(f64, &str)> = zones
        .filter_map(|(zone, facts)| Some((failing_percent(facts)?, zone.as_str())))
        .collect();
    shares.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let [(worst, zone), rest @ ..] = shares.as_slice() else {
        return None;
    };
    let next = rest.first()?.0;
    let limits = subject.limits();
    let level = graded(
        *worst,
        limits.target_5xx_warning_percent,
        limits.target_5xx_critical_percent,
    )?;
    if *worst < 3.0 * next || !busy(subject) {
        return None;
    }
    let (worst, next) = (words::measure(*worst), words::measure(next));
    let name = subject.name();
    let sentence = format!(
        "{name} fails {worst} % of its requests in {zone}, at most {next} % in its other zones."
    );
    let text = format!("5xx {worst} % in {zone}, {next} % in the next worst zone");
    say(
        level,
        sentence,
        subject.evidence(Fact::Target5xxPercent, text),
    )
}

fn slow(subject: &Subject<'_>) -> Option<Verdict> {
    let p99 = subject.number(Fact::LatencyP99Ms)?;
    let limit = subject.limits().latency_p99_warning_ms;
    if p99 < limit || !busy(subject) {
        return None;
    }
    let (p99, limit) = (words::thousands(p99), words::thousands(limit));
    let sentence = format!(
        "{} is slow: one request in a hundred takes {p99} ms or more.",
        subject.name()
    );
    let text = format!("p99 {p99} ms (limit {limit} ms)");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::LatencyP99Ms, text),
    )
}

fn rejects(subject: &Subject<'_>) -> Option<Verdict> {
    let rate = subject
        .number(Fact::RejectedConnectionsPerSecond)
        .filter(|r| *r > 0.0)?;
    let rate = words::measure(rate.max(0.1));
    let sentence = format!(
        "{} rejects {rate} connections/s: it is at its connection limit.",
        subject.name()
    );
    let text = format!("{rate} rejected connections/s (limit 0)");
    let proof = evidence(subject.node, Fact::RejectedConnectionsPerSecond, text);
    say(Level::Warning, sentence, vec![proof])
}
