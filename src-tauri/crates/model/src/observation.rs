//! What a collector brings home. Failure is data; nothing here judges or links.

use crate::edge::Relation;
use crate::facts::Facts;
use crate::failure::SourceFailure;
use crate::id::NodeId;
use crate::kind::Kind;
use crate::node::{Series, Standing};
use crate::source::{Scope, Source};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One reading of one source. It replaces everything that source had found before; a failed one
/// replaces nothing (the last good reading ages and turns stale).
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Which source.
    pub source: Source,
    /// Platform time when the reading began.
    pub started: Timestamp,
    /// Platform time when it was complete: the age of everything in it counts from here.
    pub finished: Timestamp,
    /// Requests it took.
    pub requests: u32,
    /// Malformed items left out.
    pub skipped: u32,
    /// What was found is not whole: a question about one of its things was not answered.
    pub partial: Option<SourceFailure>,
    /// What was found, or why not.
    pub outcome: Result<Vec<Found>, SourceFailure>,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Found {
    /// A node, whole.
    Node(Box<FoundNode>),
    /// Figures about a node that another source found.
    Readings(Readings),
    /// Something that happened.
    Change(Change),
}

/// A node as its source describes it, with what is needed to link it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundNode {
    /// Stable id.
    pub id: NodeId,
    /// What it is.
    pub kind: Kind,
    /// AWS's or Kubernetes' own name.
    pub name: String,
    /// Where it lives.
    pub scope: Scope,
    /// What is known of it.
    pub facts: Facts,
    /// Facts by availability zone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, Facts>,
    /// `Read` when this source owns the kind; `Declared` when it merely names it.
    pub standing: Standing,
    /// What others may call it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_as: Vec<Name>,
    /// What it says about its neighbours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ties: Vec<Tie>,
    /// Kubernetes labels (pods and nodes), for selectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Arc<BTreeMap<String, String>>>,
    /// Why part of it could not be read (one queue's attributes denied, say).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<SourceFailure>,
}

impl FoundNode {
    /// A node that was read, with nothing known of it yet.
    #[must_use]
    pub fn new(id: NodeId, kind: Kind, name: impl Into<String>, scope: Scope) -> Self {
        Self {
            id,
            kind,
            name: name.into(),
            scope,
            facts: Facts::default(),
            zones: BTreeMap::new(),
            standing: Standing::Read,
            known_as: Vec::new(),
            ties: Vec::new(),
            labels: None,
            failure: None,
        }
    }

    /// A tie from this node to `other`.
    pub fn tie_to(
        &mut self,
        relation: Relation,
        other: Name,
        provenance: impl Into<Cow<'static, str>>,
    ) {
        self.ties.push(Tie {
            relation,
            direction: Direction::Out,
            other,
            provenance: provenance.into(),
        });
    }

    /// A tie from `other` to this node.
    pub fn tie_from(
        &mut self,
        relation: Relation,
        other: Name,
        provenance: impl Into<Cow<'static, str>>,
    ) {
        self.ties.push(Tie {
            relation,
            direction: Direction::In,
            other,
            provenance: provenance.into(),
        });
    }
}

/// What a node is called by others. Comparison is exact: collectors normalise (hosts lower-case,
/// no trailing dot, no `dualstack.` prefix; queue URLs become ARNs where both are known).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Name {
    /// By our own id.
    Id(NodeId),
    /// By ARN.
    Arn(Arc<str>),
    /// By host name: balancer DNS name, distribution domain or alias, database endpoint, record name.
    Host(Arc<str>),
    /// By IP address within a region (VPC addresses repeat across regions).
    Ip(Arc<str>, Arc<str>),
    /// By queue URL.
    QueueUrl(Arc<str>),
    /// Every pod with all these labels in a namespace of a cluster (cluster node id, namespace, labels).
    Selector(NodeId, Arc<str>, Arc<BTreeMap<String, String>>),
}

/// Which way a tie points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// From the node that holds the tie.
    Out,
    /// To the node that holds the tie.
    In,
}

/// A statement about a neighbour; becomes an [`Edge`](crate::Edge) when the name resolves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tie {
    /// What the edge means.
    pub relation: Relation,
    /// Which way it points.
    pub direction: Direction,
    /// The neighbour.
    pub other: Name,
    /// How it is known.
    pub provenance: Cow<'static, str>,
}

/// Figures about a node that its own source does not give (CloudWatch metrics).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Readings {
    /// About which node.
    pub about: NodeId,
    /// The figures.
    pub facts: Facts,
    /// The figures by availability zone.
    pub zones: BTreeMap<String, Facts>,
    /// Their recent past.
    pub series: Vec<Series>,
    /// Platform time the figures stand for (end of the newest complete period).
    pub at: Timestamp,
}

/// What kind of change.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// A new revision of a workload.
    Deploy,
    /// A change in the number of something.
    Scale,
    /// An alarm changed state.
    Alarm,
    /// The platform reports an event (Kubernetes event, RDS event).
    Event,
    /// An operator's action from this console.
    Action,
}

/// Something that happened at a time, to a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What kind.
    pub kind: ChangeKind,
    /// To which node.
    pub node: NodeId,
    /// What, a sentence.
    pub sentence: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Fact;

    #[test]
    fn what_was_found_survives_the_recorder() {
        let id = NodeId::aws(Kind::Queue, "123456789012", Some("eu-west-1"), "orders");
        let mut queue = FoundNode::new(id.clone(), Kind::Queue, "orders", Scope::default());
        queue.facts.set(Fact::MessagesVisible, 3_i64);
        queue.known_as.push(Name::Arn("arn:aws:sqs:…".into()));
        queue.tie_to(
            Relation::DeadLetters,
            Name::Selector(id.clone(), "trading".into(), Arc::new(BTreeMap::new())),
            "redrive policy",
        );
        let found = vec![
            Found::Node(Box::new(queue)),
            Found::Readings(Readings {
                about: id.clone(),
                facts: Facts::default(),
                zones: BTreeMap::new(),
                series: Vec::new(),
                at: Timestamp::from_seconds(7),
            }),
            Found::Change(Change {
                at: Timestamp::from_seconds(8),
                kind: ChangeKind::Event,
                node: id,
                sentence: "Something happened.".to_owned(),
            }),
        ];
        let text = serde_json::to_string(&found).expect("findings serialise");
        let back: Vec<Found> = serde_json::from_str(&text).expect("findings parse");
        assert_eq!(back, found);
    }
}
