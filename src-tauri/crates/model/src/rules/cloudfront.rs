//! CloudFront: error shares, deployments and distributions that are switched off.

use super::{Rule, Subject, Verdict, graded, say};
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new("distribution.errors-5xx", &[Kind::Distribution], errors_5xx),
    Rule::new("distribution.errors-4xx", &[Kind::Distribution], errors_4xx),
    Rule::new("distribution.deploying", &[Kind::Distribution], deploying),
    Rule::new("distribution.disabled", &[Kind::Distribution], disabled),
];

fn errors_5xx(subject: &Subject<'_>) -> Option<Verdict> {
    let share = subject.number(Fact::Error5xxPercent)?;
    let limits = subject.limits();
    let level = graded(
        share,
        limits.edge_5xx_warning_percent,
        limits.edge_5xx_critical_percent,
    )?;
    let (share, limit) = (
        words::measure(share),
        words::measure(limits.edge_5xx_warning_percent),
    );
    let sentence = format!(
        "{} answers {share} % of its requests with 5xx.",
        subject.node.called()
    );
    let text = format!("5xx {share} % (limit {limit} %)");
    say(
        level,
        sentence,
        subject.evidence(Fact::Error5xxPercent, text),
    )
}

/// 4xx may be the clients' fault, so it is never more than a warning.
fn errors_4xx(subject: &Subject<'_>) -> Option<Verdict> {
    let share = subject.number(Fact::Error4xxPercent)?;
    let limit = subject.limits().edge_4xx_warning_percent;
    if share < limit {
        return None;
    }
    let (share, limit) = (words::measure(share), words::measure(limit));
    let sentence = format!(
        "{} answers {share} % of its requests with 4xx.",
        subject.node.called()
    );
    let text = format!("4xx {share} % (limit {limit} %)");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::Error4xxPercent, text),
    )
}

fn deploying(subject: &Subject<'_>) -> Option<Verdict> {
    let status = subject.text(Fact::Status)?;
    if status == "Deployed" {
        return None;
    }
    let sentence = format!(
        "{} is being deployed to the edge ({status}).",
        subject.node.called()
    );
    let text = format!("status {status} (wanted Deployed)");
    say(
        Level::InTransition,
        sentence,
        subject.evidence(Fact::Status, text),
    )
}

/// Switched off: fatal where a record leads to it, a setting where none does.
fn disabled(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Enabled) != Some(false) {
        return None;
    }
    let (level, what) = match subject.previous(Relation::RoutesTo).next() {
        Some(record) => (
            Level::Critical,
            format!(", and {} leads to it", record.name),
        ),
        None => (Level::Ok, String::new()),
    };
    let sentence = format!("{} is disabled{what}.", subject.node.called());
    say(
        level,
        sentence,
        subject.evidence(Fact::Enabled, "Enabled is false"),
    )
}
