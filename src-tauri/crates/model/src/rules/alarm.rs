//! Alarms: what somebody decided to be woken for. An alarm without data is not green, unless what it
//! watches is idle: then there is nothing to measure.

use super::{Rule, Subject, Verdict, say};
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;
use crate::node::Node;
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new("alarm.firing", &[Kind::Alarm], firing),
    Rule::new("alarm.no-data", &[Kind::Alarm], no_data),
];

/// ` since 02:47:00`.
fn since(subject: &Subject<'_>) -> String {
    let since = subject.node.facts.time(Fact::AlarmStateSince);
    since.map_or(String::new(), |at| format!(" since {}", words::clock(at)))
}

fn firing(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.text(Fact::AlarmState) != Some("ALARM") {
        return None;
    }
    let what = subject
        .text(Fact::AlarmCondition)
        .map_or(String::new(), |c| format!(": {c}"));
    let sentence = format!("Alarm {} fires{}{what}.", subject.name(), since(subject));
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::AlarmState, "state ALARM"),
    )
}

/// Nothing passes through it now, so that there is nothing to measure.
fn idle(node: &Node) -> bool {
    let quiet = |fact| node.facts.number(fact).is_none_or(|v| v <= 0.0);
    match node.kind {
        Kind::Queue => [
            Fact::MessagesVisible,
            Fact::MessagesNotVisible,
            Fact::SentPerSecond,
        ]
        .into_iter()
        .all(quiet),
        Kind::Function | Kind::Mapping => quiet(Fact::InvocationsPerSecond),
        Kind::LoadBalancer | Kind::TargetGroup | Kind::Distribution | Kind::WebAcl => {
            quiet(Fact::RequestsPerSecond)
        }
        _ => false,
    }
}

fn no_data(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.text(Fact::AlarmState) != Some("INSUFFICIENT_DATA") {
        return None;
    }
    let watched: Vec<&Node> = subject.next(Relation::Watches).collect();
    let idle = !watched.is_empty() && watched.iter().all(|n| idle(n));
    let (level, why) = if idle {
        (Level::Ok, format!("{} is idle", watched[0].name))
    } else {
        (Level::Unknown, "what it watches is not known".to_owned())
    };
    let sentence = format!(
        "Alarm {} has no data{}: {why}.",
        subject.name(),
        since(subject)
    );
    say(
        level,
        sentence,
        subject.evidence(Fact::AlarmState, "state INSUFFICIENT_DATA"),
    )
}
