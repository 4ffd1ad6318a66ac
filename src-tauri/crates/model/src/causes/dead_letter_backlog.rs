//! Dead letters that no other rule explains: they grow for a reason we do not see, or they are what
//! an incident has left behind and wait for a redrive.

use super::case::Case;
use super::explained;
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::{Cause, Level};
use crate::kind::Kind;
use crate::rules::{filled_since, growth, is_dlq};
use crate::words;
use std::collections::BTreeSet;

const ID: &str = "dead-letter-backlog";

pub(super) fn find(case: &Case<'_>, so_far: &[Cause]) -> Vec<Cause> {
    let known = explained(so_far);
    case.of(Kind::Queue)
        .filter(|at| is_dlq(&case.nodes[*at]) && !known.contains(&case.nodes[*at].id))
        .filter_map(|at| backlog(case, at))
        .collect()
}

fn backlog(case: &Case<'_>, dead: usize) -> Option<Cause> {
    let queue = &case.nodes[dead];
    let waiting = queue
        .facts
        .number(Fact::MessagesVisible)
        .filter(|n| *n > 0.0)?;
    let moving = matches!(
        queue.facts.text(Fact::MoveTaskStatus),
        Some("RUNNING" | "CANCELLING")
    );
    let grown = growth(
        queue,
        case.world.thresholds.dlq_growing_seconds,
        case.world.now,
    );
    let grown = grown.filter(|_| !moving);
    let sources: Vec<usize> = case
        .world
        .graph
        .previous(dead, Relation::DeadLetters)
        .collect();
    let consumers: BTreeSet<usize> = sources.iter().flat_map(|s| case.consumers(*s)).collect();
    let names: Vec<&str> = consumers
        .iter()
        .map(|c| case.nodes[*c].name.as_str())
        .collect();
    let sick = consumers.iter().any(|c| case.abnormal(*c));
    let who = match (names.is_empty(), sick) {
        (true, _) => "its consumer is not known".to_owned(),
        (false, true) => format!("its consumer {} is not well", words::list(&names, 2)),
        (false, false) => format!("its consumer {} is well now", words::list(&names, 2)),
    };
    let messages = words::count(waiting as i64, "dead letter");
    let what = match (grown, moving) {
        (Some(_), _) => format!("grows and holds {messages}"),
        (None, true) => format!("is being redriven and still holds {messages}"),
        (None, false) => format!("holds {messages}"),
    };
    let since = filled_since(queue);
    let sentence = format!("{} {what}; {who}.", queue.name);
    let mut signals = vec![case.signal(dead, since, sentence.clone())];
    signals.extend(case.alarms([dead]));
    let targets = vec![queue.id.clone()];
    Some(Cause {
        rule: ID.into(),
        level: if grown.is_some() {
            Level::Critical
        } else {
            Level::Warning
        },
        sentence,
        consequences: case.victims(case.resting_on([dead]), &targets),
        targets,
        signals,
        since,
    })
}
