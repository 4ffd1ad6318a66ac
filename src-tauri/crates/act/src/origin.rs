//! Who said a value, how old it is, and whether it can be believed now: what every check rests on.

use model::{
    Fact, Kind, Node, Scope, Service, Snapshot, Source, SourceId, SourceStatus, State, Timestamp,
};

/// Who said a value and how old it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Origin {
    pub(crate) source: SourceId,
    /// Seconds.
    pub(crate) age: f64,
    /// Its source can be believed now: it answered, and its last good reading is not outdated.
    pub(crate) believed: bool,
    /// Why it says nothing that counts, a clause; `None` where it does, or where that is not known.
    pub(crate) silence: Option<String>,
}

impl Origin {
    /// Where `fact` of `node` comes from.
    pub(crate) fn of(snapshot: &Snapshot, node: &Node, fact: Fact) -> Self {
        if let Some(silent) = Self::silent(snapshot, node, fact) {
            return silent;
        }
        let (source, seen) = said(node, fact);
        let status = status(snapshot, &source);
        Self {
            age: snapshot.taken_at.seconds_since(seen).max(0.0),
            believed: status.is_some_and(believed),
            silence: status.filter(|status| !believed(status)).map(silence),
            source,
        }
    }

    /// Of a fact that nobody told: the source that would have.
    fn silent(snapshot: &Snapshot, node: &Node, fact: Fact) -> Option<Self> {
        if node.facts.get(fact).is_some() {
            return None;
        }
        let (service, part) = teller(node.kind, fact)?;
        let scope = Scope {
            account: node.scope.account.clone(),
            region: node.scope.region.clone(),
            ..Scope::default()
        };
        let status = status(snapshot, &Source::new(service, scope, part).id)?;
        Some(Self {
            silence: Some(silence(status)),
            ..Self::of_source(snapshot, status)
        })
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
            silence: None,
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

/// The source of what the listing of a database, function or mapping does not say, nor that of a balancer or cluster:
/// service and part.
fn teller(kind: Kind, fact: Fact) -> Option<(Service, &'static str)> {
    match (kind, fact) {
        (
            Kind::DbInstance,
            Fact::CpuPercent
            | Fact::Connections
            | Fact::ReplicaLagMs
            | Fact::CommitLatencyMs
            | Fact::FreeableMemoryMib,
        ) => Some((Service::CloudWatch, "database-metrics")),
        (Kind::DbInstance | Kind::DbCluster, Fact::PendingMaintenance) => {
            Some((Service::Rds, "maintenance"))
        }
        (Kind::DbCluster, Fact::Proxies) => Some((Service::Rds, "proxies")),
        (Kind::DbCluster, Fact::FailoverEventsRecent) => Some((Service::Rds, "events")),
        (Kind::Function, Fact::StateWord | Fact::LastUpdateStatus) => {
            Some((Service::Lambda, "states"))
        }
        (Kind::Mapping, Fact::OwnerStack) => Some((Service::Lambda, "tags")),
        (Kind::LoadBalancer | Kind::Cluster, Fact::ShiftedAwayFrom) => {
            Some((Service::ZonalShift, "shifts"))
        }
        _ => None,
    }
}

/// Why a source says nothing that counts. Without its age: a sentence that changes by the second is a
/// new one to whoever compares.
pub(crate) fn silence(status: &SourceStatus) -> String {
    let label = status.source.service.label();
    match (&status.error, status.state) {
        (Some(error), _) => error.trim_end_matches('.').to_owned(),
        (None, State::Pending) => format!("{label} has not answered yet"),
        (None, State::Ok) => format!("{label} has said nothing of it lately"),
        (None, State::Stale | State::Failed) => format!("the last answer of {label} is too old"),
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
