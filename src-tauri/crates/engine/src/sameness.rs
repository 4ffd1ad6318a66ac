//! Whether two pictures say the same. Times of observation alone are ages, not news: they are
//! published seldom, so that a calm platform costs next to nothing.

use model::{Evidence, Health, Node, Reason, Snapshot, SourceStatus};
use std::sync::Arc;

/// How a snapshot differs from the one before, `seq` and `taken_at` left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum News {
    /// Equal.
    None,
    /// Known things were observed again.
    Ages,
    /// Something is different.
    Content,
}

/// Compares what `next` says with what `previous` said.
pub(crate) fn news(previous: &Snapshot, next: &Snapshot) -> News {
    let same = previous.stack == next.stack
        && previous.identity == next.identity
        && (Arc::ptr_eq(&previous.edges, &next.edges) || previous.edges == next.edges)
        && previous.causes == next.causes
        && previous.changes == next.changes
        && previous.nodes.len() == next.nodes.len()
        && previous.sources.len() == next.sources.len();
    if !same {
        return News::Content;
    }
    let sources = previous.sources.iter().zip(&next.sources);
    let nodes = previous.nodes.iter().zip(&next.nodes);
    let mut news = News::None;
    for one in sources
        .map(|(a, b)| source_news(a, b))
        .chain(nodes.map(|(a, b)| node_news(a, b)))
    {
        news = news.max(one);
        if news == News::Content {
            break;
        }
    }
    news
}

fn source_news(a: &SourceStatus, b: &SourceStatus) -> News {
    let same = a.source == b.source
        && a.state == b.state
        && a.outdated == b.outdated
        && a.skipped == b.skipped
        && a.error == b.error
        && a.failure == b.failure;
    graded(same, || {
        a.last_ok == b.last_ok
            && a.requests == b.requests
            && (a.period_seconds - b.period_seconds).abs() < f64::EPSILON
    })
}

fn node_news(a: &Arc<Node>, b: &Arc<Node>) -> News {
    if Arc::ptr_eq(a, b) {
        return News::None;
    }
    let same = a.id == b.id
        && a.kind == b.kind
        && a.name == b.name
        && a.scope == b.scope
        && a.facts == b.facts
        && a.zones == b.zones
        && a.series == b.series
        && a.standing == b.standing
        && a.source == b.source
        && same_health(&a.health, &b.health)
        && a.fact_origins.len() == b.fact_origins.len();
    graded(same, || {
        a.observed_at == b.observed_at && a.fact_origins == b.fact_origins && a.health == b.health
    })
}

fn same_health(a: &Health, b: &Health) -> bool {
    a.level == b.level
        && a.reasons.len() == b.reasons.len()
        && a.reasons
            .iter()
            .zip(&b.reasons)
            .all(|(a, b)| same_reason(a, b))
}

fn same_reason(a: &Reason, b: &Reason) -> bool {
    a.rule == b.rule
        && a.level == b.level
        && a.sentence == b.sentence
        && a.leaf == b.leaf
        && a.evidence.len() == b.evidence.len()
        && a.evidence
            .iter()
            .zip(&b.evidence)
            .all(|(a, b)| same_evidence(a, b))
}

fn same_evidence(a: &Evidence, b: &Evidence) -> bool {
    a.text == b.text && a.source == b.source
}

fn graded(same: bool, ages: impl FnOnce() -> bool) -> News {
    match same {
        false => News::Content,
        true if ages() => News::None,
        true => News::Ages,
    }
}
