//! Who said a value, how old it is, and whether it can be believed now: what every check rests on.

use model::{Fact, Node, Snapshot, SourceId, SourceStatus, State, Timestamp};

/// Who said a value and how old it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Origin {
    pub(crate) source: SourceId,
    /// Seconds.
    pub(crate) age: f64,
    /// Its source can be believed now: it answered, and its last good reading is not outdated.
    pub(crate) believed: bool,
}

impl Origin {
    /// Where `fact` of `node` comes from.
    pub(crate) fn of(snapshot: &Snapshot, node: &Node, fact: Fact) -> Self {
        let (source, seen) = said(node, fact);
        Self {
            age: snapshot.taken_at.seconds_since(seen).max(0.0),
            believed: status(snapshot, &source).is_some_and(believed),
            source,
        }
    }

    /// The whole of a source, also where it said nothing of a node (nothing was ever there).
    pub(crate) fn of_source(snapshot: &Snapshot, status: &SourceStatus) -> Self {
        let age = status
            .last_ok
            .map_or(0.0, |at| snapshot.taken_at.seconds_since(at).max(0.0));
        Self {
            source: status.source.id.clone(),
            age,
            believed: believed(status),
        }
    }
}

/// The source of a fact and when it was seen.
pub(crate) fn said(node: &Node, fact: Fact) -> (SourceId, Timestamp) {
    match node.fact_origins.get(&fact) {
        Some(origin) => (origin.source.clone(), origin.observed_at),
        None => (node.source.clone(), node.observed_at),
    }
}

fn status<'a>(snapshot: &'a Snapshot, id: &SourceId) -> Option<&'a SourceStatus> {
    let mut sources = snapshot.sources.iter();
    sources.find(|status| &status.source.id == id)
}

fn believed(status: &SourceStatus) -> bool {
    match status.state {
        State::Ok => true,
        State::Failed => status.last_ok.is_some() && !status.outdated,
        State::Pending | State::Stale => false,
    }
}
