//! A small way to say, in tests, what the sources found.

use crate::assemble::{Assembly, Declared, Held, Input, assemble};
use crate::edge::Relation;
use crate::facts::{Fact, Facts, Value};
use crate::failure::SourceFailure;
use crate::health::{Level, Reason};
use crate::id::{AccountId, NodeId, SourceId};
use crate::kind::Kind;
use crate::link::reader;
use crate::node::{Node, Series};
use crate::observation::{Change, ChangeKind, Found, FoundNode, Name, Readings};
use crate::rules::Thresholds;
use crate::snapshot::{Environment, Identity, Snapshot, StackIdentity};
use crate::source::{Scope, Service, Source, SourceStatus, State};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const CLUSTER: &str = "prod";
/// 2026-11-22T02:47:00Z, the time of every test.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_315_620);

/// `seconds` before now.
pub(crate) fn ago(seconds: i64) -> Timestamp {
    NOW.plus_seconds(-seconds)
}

/// What the sources found so far.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) sources: Vec<SourceStatus>,
    pub(crate) held: Vec<(SourceId, Timestamp, Arc<Found>)>,
    pub(crate) declared: Declared,
    pub(crate) thresholds: Thresholds,
    pub(crate) now: Timestamp,
}

fn scope_of(service: Service) -> Scope {
    let global = matches!(service, Service::Route53 | Service::CloudFront);
    let cluster = service == Service::Kubernetes;
    Scope {
        account: Some(AccountId::new(ACCOUNT)),
        region: (!global).then(|| REGION.into()),
        cluster: cluster.then(|| CLUSTER.into()),
        ..Scope::default()
    }
}

/// The source that reads things of a kind in these tests.
pub(crate) fn source_of(service: Service) -> Source {
    let part = if service == Service::CloudWatch {
        "metrics"
    } else {
        "all"
    };
    Source::new(service, scope_of(service), part)
}

/// What every answer about such a thing says, where nothing else was told.
fn fill(node: &mut FoundNode) {
    let usual: (Fact, Value) = match node.kind {
        Kind::Distribution => (Fact::Status, "Deployed".into()),
        Kind::LoadBalancer => (Fact::Status, "active".into()),
        Kind::Nodegroup => (Fact::Status, "ACTIVE".into()),
        Kind::Node => (Fact::Ready, true.into()),
        Kind::Pod => (Fact::Phase, "Running".into()),
        Kind::DbCluster | Kind::DbInstance => (Fact::Status, "available".into()),
        Kind::Queue => (Fact::MessagesVisible, 0.into()),
        Kind::Mapping => (Fact::StateWord, "Enabled".into()),
        Kind::Alarm => (Fact::AlarmState, "OK".into()),
        _ => return,
    };
    if node.facts.get(usual.0).is_none() {
        node.facts.set(usual.0, usual.1);
    }
}

impl Stage {
    /// Every source has answered, nothing was found.
    pub(crate) fn new() -> Self {
        let services = [
            Service::Route53,
            Service::CloudFront,
            Service::Elb,
            Service::Eks,
            Service::Kubernetes,
            Service::Rds,
            Service::Sqs,
            Service::Lambda,
            Service::CloudWatch,
        ];
        let sources = services.map(|service| SourceStatus {
            source: source_of(service),
            state: State::Ok,
            last_ok: Some(NOW),
            period_seconds: 15.0,
            outdated: false,
            requests: 1,
            skipped: 0,
            error: None,
            failure: None,
        });
        Self {
            sources: sources.into(),
            held: Vec::new(),
            declared: Declared::default(),
            thresholds: Thresholds::default(),
            now: NOW,
        }
    }

    /// The status of a service's source.
    pub(crate) fn source(&mut self, service: Service) -> &mut SourceStatus {
        let id = source_of(service).id;
        let found = self.sources.iter_mut().find(|s| s.source.id == id);
        found.expect("every service has a source")
    }

    /// The source of a service failed and its last reading is too old.
    pub(crate) fn lose(&mut self, service: Service) {
        let source = self.source(service);
        source.state = State::Failed;
        source.outdated = true;
        source.last_ok = Some(ago(190));
        source.error = Some("Nobody answered.".to_owned());
    }

    /// A thing of a kind, with facts.
    pub(crate) fn thing(&mut self, kind: Kind, name: &str, facts: &[(Fact, Value)]) -> NodeId {
        self.add(kind, name, |node| {
            for (fact, value) in facts {
                node.facts.set(*fact, value.clone());
            }
        })
    }

    /// A thing of a kind, told in full.
    pub(crate) fn add(
        &mut self,
        kind: Kind,
        name: &str,
        tell: impl FnOnce(&mut FoundNode),
    ) -> NodeId {
        let service = reader(kind).unwrap_or(Service::Stack);
        let mut scope = scope_of(service);
        let id = id(kind, name);
        if service == Service::Kubernetes && !matches!(kind, Kind::Node | Kind::NodePool) {
            scope.namespace = Some("trade".into());
        }
        let mut node = FoundNode::new(id.clone(), kind, name, scope);
        tell(&mut node);
        fill(&mut node);
        let found = Found::Node(Box::new(node));
        self.held
            .push((source_of(service).id, self.now, Arc::new(found)));
        id
    }

    /// The found node with this id.
    pub(crate) fn found(&mut self, id: &NodeId) -> &mut FoundNode {
        let all = self
            .held
            .iter_mut()
            .filter_map(|(_, _, found)| match Arc::make_mut(found) {
                Found::Node(node) if node.id == *id => Some(node.as_mut()),
                Found::Node(_) | Found::Readings(_) | Found::Change(_) => None,
            });
        all.last().expect("a thing that was told")
    }

    /// An edge between two things.
    pub(crate) fn edge(&mut self, from: &NodeId, relation: Relation, to: &NodeId) {
        let other = Name::Id(to.clone());
        self.found(from).tie_to(relation, other, "test");
    }

    /// Facts of one zone of a thing.
    pub(crate) fn zone(&mut self, id: &NodeId, zone: &str, facts: &[(Fact, Value)]) {
        let all = self.found(id).zones.entry(zone.to_owned()).or_default();
        for (fact, value) in facts {
            all.set(*fact, value.clone());
        }
    }

    /// Puts a thing into a zone.
    pub(crate) fn place(&mut self, id: &NodeId, zone: &str) {
        self.found(id).scope.az = Some(zone.into());
    }

    /// CloudWatch figures of a thing, with the last minutes of one of them (oldest first, the last
    /// one a minute ago).
    pub(crate) fn figures(
        &mut self,
        about: &NodeId,
        facts: &[(Fact, Value)],
        series: Option<(Fact, &[f64])>,
    ) {
        let mut set = Facts::default();
        for (fact, value) in facts {
            set.set(*fact, value.clone());
        }
        let series = series.map(|(fact, values)| Series {
            fact,
            start: self
                .now
                .plus_seconds(-60 * i64::try_from(values.len()).expect("few points")),
            step_seconds: 60,
            values: values.iter().map(|v| Some(*v)).collect(),
        });
        let readings = Readings {
            about: about.clone(),
            facts: set,
            zones: BTreeMap::new(),
            series: series.into_iter().collect(),
            at: self.now.plus_seconds(-60),
        };
        let source = source_of(Service::CloudWatch).id;
        self.held
            .push((source, self.now, Arc::new(Found::Readings(readings))));
    }

    /// A thing that its service lists and does not describe.
    pub(crate) fn list(&mut self, kind: Kind, name: &str) {
        let mut facts = Facts::default();
        facts.set(Fact::Engine, "mysql");
        let readings = Readings {
            about: id(kind, name),
            facts,
            zones: BTreeMap::new(),
            series: Vec::new(),
            at: Timestamp::default(),
        };
        let source = source_of(reader(kind).expect("is read")).id;
        self.held
            .push((source, self.now, Arc::new(Found::Readings(readings))));
    }

    /// A part of a thing could not be read.
    pub(crate) fn fail(&mut self, id: &NodeId, failure: SourceFailure) {
        self.found(id).failure = Some(failure);
    }

    /// Something happened.
    pub(crate) fn event(&mut self, at: Timestamp, node: &NodeId, sentence: &str) {
        let change = Change {
            at,
            kind: ChangeKind::Event,
            node: node.clone(),
            sentence: sentence.to_owned(),
        };
        let source = source_of(Service::Kubernetes).id;
        let found = Arc::new(Found::Change(change));
        self.held.push((source, self.now, found));
    }

    /// A workload with pods: deployment, replica set and `ready` of `pods` pods ready, over three
    /// zones in turn. Gives the deployment and its pods.
    pub(crate) fn deployment(
        &mut self,
        name: &str,
        pods: usize,
        ready: usize,
    ) -> (NodeId, Vec<NodeId>) {
        let count = |n: usize| Value::from(n);
        let facts = [
            (Fact::Replicas, count(pods)),
            (Fact::ReplicasReady, count(ready)),
            (Fact::CreatedAt, ago(86_400).into()),
        ];
        let deployment = self.thing(Kind::Deployment, name, &facts);
        let set = self.thing(Kind::ReplicaSet, &format!("{name}-5d9c"), &[]);
        self.edge(&deployment, Relation::Owns, &set);
        let pods: Vec<NodeId> = (0..pods)
            .map(|n| {
                let pod = self.pod(&format!("{name}-5d9c-{n:05}"), n < ready);
                self.place(&pod, ["us-east-1a", "us-east-1b", "us-east-1c"][n % 3]);
                self.edge(&set, Relation::Owns, &pod);
                pod
            })
            .collect();
        (deployment, pods)
    }

    /// A running pod that is an hour old.
    pub(crate) fn pod(&mut self, name: &str, ready: bool) -> NodeId {
        let facts = [
            (Fact::Phase, "Running".into()),
            (Fact::Ready, ready.into()),
            (Fact::CreatedAt, ago(3_600).into()),
            (Fact::StartedAt, ago(3_600).into()),
            (Fact::Restarts, 0.into()),
        ];
        self.thing(Kind::Pod, name, &facts)
    }

    fn input(&self, seq: u64) -> Input<'_> {
        Input {
            seq,
            taken_at: self.now,
            stack: StackIdentity {
                name: "Meridian".to_owned(),
                environment: Environment::Prod,
            },
            identity: Identity::default(),
            sources: self.sources.clone(),
            held: self
                .held
                .iter()
                .map(|(source, observed_at, found)| Held {
                    source,
                    observed_at: *observed_at,
                    found,
                })
                .collect(),
            declared: self.declared.clone(),
            thresholds: &self.thresholds,
        }
    }

    /// The picture of what was told.
    pub(crate) fn picture(&self) -> Snapshot {
        assemble(self.input(1))
    }

    /// The next picture of an assembly.
    pub(crate) fn next_of(&self, assembly: &mut Assembly) -> Snapshot {
        assembly.next(self.input(1))
    }
}

/// The id a thing gets here.
pub(crate) fn id(kind: Kind, name: &str) -> NodeId {
    let service = reader(kind).unwrap_or(Service::Stack);
    let cluster = NodeId::aws(Kind::Cluster, ACCOUNT, Some(REGION), CLUSTER);
    match service {
        Service::Kubernetes if matches!(kind, Kind::Node | Kind::NodePool) => {
            NodeId::kubernetes(kind, &cluster, None, name)
        }
        Service::Kubernetes => NodeId::kubernetes(kind, &cluster, Some("trade"), name),
        Service::Route53 | Service::CloudFront | Service::Stack => {
            NodeId::aws(kind, ACCOUNT, None, name)
        }
        _ => NodeId::aws(kind, ACCOUNT, Some(REGION), name),
    }
}

/// A node of a picture.
pub(crate) fn node<'a>(picture: &'a Snapshot, id: &NodeId) -> &'a Node {
    picture.node(id).expect("the node is in the picture")
}

/// The reason that a rule gives at a node, unless it came from elsewhere.
pub(crate) fn reason<'a>(picture: &'a Snapshot, id: &NodeId, rule: &str) -> Option<&'a Reason> {
    let reasons = &node(picture, id).health.reasons;
    reasons.iter().find(|r| r.rule == rule && r.leaf.is_none())
}

/// How a node is.
pub(crate) fn level(picture: &Snapshot, id: &NodeId) -> Level {
    node(picture, id).health.level
}
