//! A consumer is broken by its newest revision: dead letters began after the revision was rolled
//! out, within the time a revision can be blamed for, and the consumer still fails.
//!
//! The rollout time is the creation of the newest replica set (of a function: its last
//! modification). A rollback brings an old replica set back, so a consumer that was rolled back is no
//! longer blamed.

use super::case::{Case, earliest};
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::{Cause, Level, Signal};
use crate::kind::Kind;
use crate::node::Node;
use crate::rules::{filled_since, growth, is_dlq, points};
use crate::time::Timestamp;
use crate::words;
use std::collections::{BTreeMap, BTreeSet};

const ID: &str = "consumer-revision";

/// Metrics are whole minutes, and a failure shows up to a minute before its minute is told.
const BLUR_SECONDS: f64 = 90.0;

/// What speaks against one consumer.
struct Charge {
    rolled_out: Timestamp,
    dead: BTreeSet<usize>,
    sources: BTreeSet<usize>,
}

pub(super) fn find(case: &Case<'_>, _: &[Cause]) -> Vec<Cause> {
    let mut charges: BTreeMap<usize, Charge> = BTreeMap::new();
    for dead in case.of(Kind::Queue).filter(|at| is_dlq(&case.nodes[*at])) {
        for source in case.world.graph.previous(dead, Relation::DeadLetters) {
            for consumer in case.consumers(source) {
                if let Some(rolled_out) = blamed(case, consumer, dead) {
                    let charge = charges.entry(consumer).or_insert_with(|| Charge {
                        rolled_out,
                        dead: BTreeSet::new(),
                        sources: BTreeSet::new(),
                    });
                    charge.dead.insert(dead);
                    charge.sources.insert(source);
                }
            }
        }
    }
    let told = charges
        .into_iter()
        .map(|(consumer, charge)| tell(case, consumer, &charge));
    told.collect()
}

/// When the revision was rolled out that the dead letters are blamed on.
fn blamed(case: &Case<'_>, consumer: usize, dead: usize) -> Option<Timestamp> {
    let node = &case.nodes[consumer];
    let rolled_out = match node.kind {
        Kind::Function => node.facts.time(Fact::LastModified),
        _ => node.facts.time(Fact::RolloutStartedAt),
    }?;
    let queue = &case.nodes[dead];
    if queue.facts.number(Fact::MessagesVisible).unwrap_or(0.0) <= 0.0 {
        return None;
    }
    let began = first_after(queue, rolled_out)?;
    let late = began.seconds_since(rolled_out);
    let window = case.world.thresholds.revision_blame_seconds;
    let growing = growth(
        queue,
        case.world.thresholds.dlq_growing_seconds,
        case.world.now,
    )
    .is_some();
    let fits = (-BLUR_SECONDS..=window).contains(&late);
    (fits && (growing || failing(case, consumer))).then_some(rolled_out)
}

/// When the queue began to fill after `time`; `None` when it was filling before.
fn first_after(queue: &Node, time: Timestamp) -> Option<Timestamp> {
    let series = queue
        .series
        .iter()
        .find(|s| s.fact == Fact::MessagesVisible);
    let depths: Vec<(Timestamp, f64)> = series.map(|s| points(s).collect()).unwrap_or_default();
    let early = |(at, _): &(Timestamp, f64)| at.seconds_since(time) < -BLUR_SECONDS / 2.0;
    let (before, after) = depths.split_at(depths.partition_point(early));
    let Some(base) = before.last() else {
        return filled_since(queue);
    };
    // A queue that was filling as fast all along is not this revision's doing.
    let was = before
        .first()
        .map_or(0.0, |first| per_second(*first, *base));
    let is = after.last().map_or(0.0, |last| per_second(*base, *last));
    match after.iter().find(|(_, depth)| *depth > base.1) {
        Some((at, _)) => (was <= 0.5 * is).then_some(*at),
        // Not in the metrics yet: what came since the last point is new.
        None => {
            let depth = queue.facts.number(Fact::MessagesVisible)?;
            (depth > base.1).then_some(queue.observed_at)
        }
    }
}

fn per_second(from: (Timestamp, f64), to: (Timestamp, f64)) -> f64 {
    (to.1 - from.1) / to.0.seconds_since(from.0).max(1.0)
}

/// Whether the consumer itself shows that it fails.
fn failing(case: &Case<'_>, consumer: usize) -> bool {
    let node = &case.nodes[consumer];
    let own = node.health.reasons.iter().filter(|r| r.leaf.is_none());
    let bad = |r: &crate::health::Reason| r.level == Level::Critical || r.level == Level::Warning;
    own.into_iter().any(bad)
}

fn tell(case: &Case<'_>, consumer: usize, charge: &Charge) -> Cause {
    let node = &case.nodes[consumer];
    let revision = match (node.kind, node.facts.count(Fact::Revision)) {
        (Kind::Function, _) | (_, None) => "its last change".to_owned(),
        (_, Some(revision)) => format!("revision {revision}"),
    };
    let at = words::clock(charge.rolled_out);
    let image = node
        .facts
        .text(Fact::Image)
        .and_then(|i| i.rsplit_once(':'))
        .map(|(_, tag)| tag);
    let image = image.map_or(String::new(), |tag| format!(" ({tag})"));
    let rollout = format!(
        "{} was rolled out with {revision}{image} at {at}.",
        node.name
    );
    let mut signals = vec![case.signal(consumer, Some(charge.rolled_out), rollout)];
    signals.extend(
        charge
            .dead
            .iter()
            .map(|dead| dead_letters(case, *dead, charge.rolled_out)),
    );
    signals.extend(own_failures(case, consumer));
    signals.extend(
        case.alarms(
            charge
                .dead
                .iter()
                .chain(&charge.sources)
                .copied()
                .chain([consumer]),
        ),
    );
    let queues: Vec<&str> = charge
        .dead
        .iter()
        .map(|d| case.nodes[*d].name.as_str())
        .collect();
    let lost: f64 = charge
        .dead
        .iter()
        .filter_map(|d| case.nodes[*d].facts.number(Fact::MessagesVisible))
        .sum();
    let targets = vec![node.id.clone()];
    let since = earliest(&signals);
    signals[1..].sort_by_key(|s| (s.at.is_none(), s.at));
    Cause {
        rule: ID.into(),
        level: level(case, charge),
        sentence: format!(
            "{} fails since {revision}, rolled out at {at}: {} dead letters in {} since then.",
            node.name,
            words::thousands(lost),
            words::list(&queues, 3)
        ),
        consequences: case.victims(touched(case, consumer, charge), &targets),
        targets,
        signals,
        since,
    }
}

fn level(case: &Case<'_>, charge: &Charge) -> Level {
    let window = case.world.thresholds.dlq_growing_seconds;
    let grows = |d: &usize| growth(&case.nodes[*d], window, case.world.now).is_some();
    if charge.dead.iter().any(grows) {
        Level::Critical
    } else {
        Level::Warning
    }
}

fn dead_letters(case: &Case<'_>, dead: usize, rolled_out: Timestamp) -> Signal {
    let queue = &case.nodes[dead];
    let depth = queue.facts.number(Fact::MessagesVisible).unwrap_or(0.0);
    let began = first_after(queue, rolled_out);
    let clock = began.map_or(String::new(), |at| format!(" since {}", words::clock(at)));
    let sentence = format!(
        "{} fills{clock}: {} messages.",
        queue.name,
        words::thousands(depth)
    );
    case.signal(dead, began, sentence)
}

/// Restarts, errors, failing pods: the consumer's own reasons, and one pod that speaks for the others.
fn own_failures(case: &Case<'_>, consumer: usize) -> Vec<Signal> {
    let node = &case.nodes[consumer];
    let own = node
        .health
        .reasons
        .iter()
        .filter(|r| r.leaf.is_none() && r.level > Level::InTransition);
    let mut signals: Vec<Signal> = own
        .map(|r| case.signal(consumer, None, r.sentence.clone()))
        .collect();
    let pods = case
        .world
        .graph
        .reach(consumer, |leg| leg.relation == Relation::Owns);
    let crashed = pods
        .into_iter()
        .filter(|at| case.nodes[*at].kind == Kind::Pod);
    let crashed = crashed.filter_map(|at| {
        let reason = case.nodes[at]
            .health
            .reasons
            .iter()
            .find(|r| r.level > Level::InTransition)?;
        Some((
            case.nodes[at].facts.time(Fact::LastRestartAt),
            at,
            reason.sentence.clone(),
        ))
    });
    if let Some((time, at, sentence)) =
        crashed.min_by_key(|(time, at, _)| (time.is_none(), *time, *at))
    {
        signals.push(case.signal(at, time, sentence));
    }
    signals
}

fn touched(case: &Case<'_>, consumer: usize, charge: &Charge) -> BTreeSet<usize> {
    let graph = case.world.graph;
    let queues = charge.dead.iter().chain(&charge.sources).copied();
    let mut all = case.resting_on(queues.chain([consumer]));
    all.extend(graph.reach(consumer, |leg| leg.relation == Relation::Owns));
    all
}
