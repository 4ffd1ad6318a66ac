//! Open loops: what was left open on the platform and must be closed again by somebody. A pause, a
//! task that runs, something suspended.
//!
//! What is still open is read off the platform's own state, never remembered: a loop of ours is over
//! when the platform shows that it is, whoever closed it; and what somebody else left open is listed
//! as well, its owner unknown. Nothing here closes anything: a person does, by a request that is
//! planned and checked like any other.

use crate::action::{Request, action};
use crate::plan::Leaves;
use crate::receipt::RunId;
use crate::words::{count, span, thousands};
use model::{Fact, Kind, Node, NodeId, Snapshot, State, Timestamp, Verb};
use serde::{Deserialize, Serialize};

/// Names one open loop, for as long as it is open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct LoopId(pub String);

/// How urgent a loop is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "lowercase")]
pub enum LoopState {
    /// It was to be closed by now.
    Expired,
    /// Its node could not be read lately: whether it is still open is not known.
    Unseen,
    /// It is open, as it should be until its time.
    Open,
}

/// Something that was left open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct OpenLoop {
    /// Its id.
    pub id: LoopId,
    /// The node it is on.
    pub node: NodeId,
    /// That node's own name.
    pub name: String,
    /// How urgent.
    pub state: LoopState,
    /// What is open, for how long, and what to do: whole sentences.
    pub sentence: String,
    /// Who left it open; absent where nobody here did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub owner: Option<String>,
    /// Why, as the owner said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<String>,
    /// The run that left it open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub run: Option<RunId>,
    /// Since when, platform time, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub since: Option<Timestamp>,
    /// By when it is to be closed, platform time; absent where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub until: Option<Timestamp>,
    /// The request that closes it: planned and checked like any other, by a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub close: Option<Request>,
}

/// A loop that a run of ours left open, as it was written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Left {
    /// The run.
    pub run: RunId,
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// The platform it is on, as its stack file calls it.
    pub stack: String,
    /// What is left, for how long, and what closes it.
    pub leaves: Leaves,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Since when, platform time: the end of the run, or its press while it runs.
    pub since: Timestamp,
    /// The run is over.
    pub ended: bool,
}

impl Left {
    /// By when it is to be closed.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.since.plus_seconds(self.leaves.seconds)
    }
}

/// What the platform shows of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is open.
    Open,
    /// It is not, or the whole thing is gone.
    Closed,
    /// Nothing that was read since says.
    Unknown,
}

/// What `snapshot` shows of a loop of ours. That it is over is believed only of what was observed after
/// the run ended; what is watched and has not changed since is as old as its last change.
#[must_use]
pub fn shown(snapshot: &Snapshot, left: &Left) -> Shown {
    let Some(node) = snapshot.node(&left.node) else {
        let all = !snapshot.sources.is_empty();
        let whole = all && snapshot.sources.iter().all(|s| s.state == State::Ok);
        return if whole { Shown::Closed } else { Shown::Unknown };
    };
    let Some((fact, open)) = open(node) else {
        return closed_by_offer(snapshot, node, left);
    };
    let (_, seen) = crate::origin::said(node, fact);
    let believed = crate::origin::Origin::of(snapshot, node, fact).believed;
    match open {
        _ if !believed => Shown::Unknown,
        true => Shown::Open,
        false if seen > left.since => Shown::Closed,
        false => Shown::Unknown,
    }
}

/// Where no fact says, the request that would close it does: what is not offered any more has
/// nothing left to close.
fn closed_by_offer(snapshot: &Snapshot, node: &Node, left: &Left) -> Shown {
    let close = action(left.leaves.close.action, node.kind);
    match close {
        Some(action) if action.offered(snapshot, node) => Shown::Open,
        Some(_) if node.observed_at > left.since => Shown::Closed,
        Some(_) | None => Shown::Unknown,
    }
}

/// Whether a node shows something left open, and by which fact; nothing where its kind has no such
/// state, or it was not read.
fn open(node: &Node) -> Option<(Fact, bool)> {
    let facts = &node.facts;
    match node.kind {
        // Lambda, EventSourceMappingConfiguration: State is Creating, Enabling, Enabled, Disabling,
        // Disabled, Updating or Deleting.
        Kind::Mapping => match facts.text(Fact::StateWord)? {
            "Disabled" | "Disabling" => Some((Fact::StateWord, true)),
            "Enabled" | "Enabling" => Some((Fact::StateWord, false)),
            _ => None,
        },
        // KEDA, "Pausing autoscaling": any of the paused annotations.
        Kind::ScaledObject => {
            let parts = [Fact::PausedScaleIn, Fact::PausedScaleOut];
            let part = parts.into_iter().find(|f| facts.flag(*f) == Some(true));
            match part {
                Some(part) => Some((part, true)),
                None => facts.flag(Fact::Paused).map(|on| (Fact::Paused, on)),
            }
        }
        Kind::Application | Kind::Kustomization | Kind::HelmRelease => {
            facts.flag(Fact::Suspended).map(|on| (Fact::Suspended, on))
        }
        // `spec.paused` of a Deployment.
        Kind::Deployment => facts.flag(Fact::Paused).map(|on| (Fact::Paused, on)),
        // SQS, ListMessageMoveTasks.
        Kind::Queue => {
            let status = facts.text(Fact::MoveTaskStatus)?;
            let runs = matches!(status, "RUNNING" | "CANCELLING");
            Some((Fact::MoveTaskStatus, runs))
        }
        Kind::Zone
        | Kind::Record
        | Kind::HealthCheck
        | Kind::Distribution
        | Kind::WebAcl
        | Kind::Bucket
        | Kind::LoadBalancer
        | Kind::TargetGroup
        | Kind::Cluster
        | Kind::Nodegroup
        | Kind::NodePool
        | Kind::Node
        | Kind::Namespace
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::Pod
        | Kind::Hpa
        | Kind::Service
        | Kind::Ingress
        | Kind::DbGlobal
        | Kind::DbCluster
        | Kind::DbInstance
        | Kind::CacheGroup
        | Kind::CacheNode
        | Kind::Function
        | Kind::Alarm => None,
    }
}

/// A loop of ours as it stands at `now` (platform time).
#[must_use]
pub fn ours(left: &Left, shown: Shown, now: Timestamp) -> OpenLoop {
    let until = left.until();
    let over = now.seconds_since(until);
    let state = match shown {
        _ if over >= 0.0 => LoopState::Expired,
        Shown::Unknown if left.ended => LoopState::Unseen,
        Shown::Open | Shown::Closed | Shown::Unknown => LoopState::Open,
    };
    let what = left.leaves.sentence.trim_end_matches('.');
    let close = &left.leaves.close;
    let next = format!("Close it with {} on {}.", close.action.as_str(), left.name);
    let sentence = match state {
        LoopState::Expired => format!(
            "{what}: it was to be closed {} ago and is still open. {next}",
            span(over)
        ),
        LoopState::Unseen => format!(
            "{what}. It is to be closed in {}; whether it is still open cannot be seen now. {next}",
            span(-over)
        ),
        LoopState::Open => format!("{what}. It is to be closed in {}.", span(-over)),
    };
    OpenLoop {
        id: LoopId(left.run.0.clone()),
        node: left.node.clone(),
        name: left.name.clone(),
        state,
        sentence,
        owner: Some(left.actor.clone()),
        reason: Some(left.reason.clone()),
        run: Some(left.run.clone()),
        since: Some(left.since),
        until: Some(until),
        close: Some(close.clone()),
    }
}

/// What the platform shows as left open, whoever did it, in the order of the nodes. Owners are for
/// the caller to add.
#[must_use]
pub fn found(snapshot: &Snapshot) -> Vec<OpenLoop> {
    let nodes = snapshot.nodes.iter();
    nodes
        .filter_map(|node| Some((node, open(node)?)))
        .filter(|(_, (_, open))| *open)
        .map(|(node, (fact, _))| stranger(snapshot, node, fact))
        .collect()
}

fn stranger(snapshot: &Snapshot, node: &Node, fact: Fact) -> OpenLoop {
    let origin = crate::origin::Origin::of(snapshot, node, fact);
    let since = match fact {
        Fact::MoveTaskStatus => node.facts.time(Fact::MoveTaskStartedAt),
        _ => None,
    };
    OpenLoop {
        id: LoopId(node.id.to_string()),
        node: node.id.clone(),
        name: node.name.clone(),
        state: if origin.believed {
            LoopState::Open
        } else {
            LoopState::Unseen
        },
        sentence: what(node, fact),
        owner: None,
        reason: None,
        run: None,
        since,
        until: None,
        close: resume(node),
    }
}

/// What is open on a node, in words; nobody said until when.
fn what(node: &Node, fact: Fact) -> String {
    let name = &node.name;
    let nobody = "Who did it and until when is not known here.";
    match fact {
        Fact::MoveTaskStatus => {
            let moved = node.facts.count(Fact::MoveTaskMoved).unwrap_or(0);
            let all = node.facts.count(Fact::MoveTaskToMove);
            let of = all.map_or_else(String::new, |all| format!(" of {}", thousands(all)));
            format!(
                "A move task is running on {name}: {}{of} moved so far.",
                count(moved, "message")
            )
        }
        Fact::PausedScaleIn => format!("{name} does not scale in: that is paused. {nobody}"),
        Fact::PausedScaleOut => format!("{name} does not scale out: that is paused. {nobody}"),
        Fact::StateWord => format!("{name} is disabled: it takes no messages. {nobody}"),
        Fact::Suspended => {
            format!("{name} is suspended: what changes in git does not reach the cluster. {nobody}")
        }
        _ => format!("{name} is paused. {nobody}"),
    }
}

/// The request that ends a pause, where there is such an action for the node.
fn resume(node: &Node) -> Option<Request> {
    action(Verb::Resume, node.kind)?;
    Some(Request::plain(Verb::Resume, node))
}

#[cfg(test)]
mod tests;
