//! We are blind: most sources of a place do not answer, so what is seen there says nothing about it.
//! A state of its own, because "not known" everywhere looks like an outage and may be our network.

use super::case::{Case, earliest};
use crate::health::{Cause, Level, Signal};
use crate::id::NodeId;
use crate::rules::believed;
use crate::source::{SourceStatus, State};
use crate::words;
use std::collections::BTreeMap;

const ID: &str = "source-blind";

/// Fewer blind sources than this are told by their nodes.
const SEVERAL: usize = 3;

/// Account, region, cluster.
type Place<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

pub(super) fn find(case: &Case<'_>, _: &[Cause]) -> Vec<Cause> {
    let mut places: BTreeMap<Place<'_>, Vec<&SourceStatus>> = BTreeMap::new();
    for source in case.world.sources {
        let scope = &source.source.scope;
        let place = (
            scope.account.as_ref().map(|a| a.as_str()),
            scope.region.as_deref(),
            scope.cluster.as_deref(),
        );
        places.entry(place).or_default().push(source);
    }
    let blind = places
        .into_iter()
        .filter_map(|(place, all)| blind(case, place, &all));
    blind.collect()
}

fn blind(case: &Case<'_>, place: Place<'_>, all: &[&SourceStatus]) -> Option<Cause> {
    // A source that has not answered yet is not blind, only slow.
    let lost = |s: &&&SourceStatus| s.state != State::Pending && !believed(s);
    let out: Vec<&SourceStatus> = all.iter().filter(lost).copied().collect();
    if out.len() < SEVERAL || 2 * out.len() <= all.len() {
        return None;
    }
    let (account, region, cluster) = place;
    let name = match (cluster, region, account) {
        (Some(cluster), Some(region), _) => format!("cluster {cluster} in {region}"),
        (Some(cluster), None, _) => format!("cluster {cluster}"),
        (None, Some(region), _) => region.to_owned(),
        (None, None, Some(account)) => format!("the global services of account {account}"),
        (None, None, None) => "the stack".to_owned(),
    };
    let signals: Vec<Signal> = out.iter().map(|s| signal(case, s)).collect();
    let since = earliest(&signals);
    let when = since.map_or(String::new(), |at| format!(" since {}", words::clock(at)));
    let why = out[0].error.as_deref().unwrap_or("no answer.");
    let ids: Vec<&crate::id::SourceId> = out.iter().map(|s| &s.source.id).collect();
    let unseen = (0..case.nodes.len()).filter(|at| ids.contains(&&case.nodes[*at].source));
    Some(Cause {
        rule: ID.into(),
        level: Level::Unknown,
        sentence: format!(
            "We are blind in {name}{when}: {} of {} sources do not answer ({why})",
            out.len(),
            all.len()
        ),
        targets: Vec::new(),
        consequences: case.victims(unseen, &[]),
        signals,
        since,
    })
}

/// A source is no node: the first thing it had found stands for it, else the source's own id.
fn signal(case: &Case<'_>, source: &SourceStatus) -> Signal {
    let known = case.nodes.iter().find(|n| n.source == source.source.id);
    let node = known.map_or_else(|| NodeId::new(source.source.id.as_str()), |n| n.id.clone());
    let label = source.source.service.label();
    let why = source.error.as_deref().unwrap_or("no answer.");
    Signal {
        sentence: format!("{label} {}: {why}", source.source.part),
        node,
        at: source.last_ok,
    }
}
