//! What a service left out of its answer, or said in a word that nobody knows, is not healthy: the
//! thing was read, but not what it is judged by.

use super::{Rule, Subject, Verdict, say};
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;
use crate::node::{Node, Standing};

pub(super) const RULES: &[Rule] = &[
    Rule::new("unsaid.missing", JUDGED, missing),
    Rule::new("unsaid.word", &[Kind::Alarm, Kind::Pod], word),
];

/// Kinds that [`needed`] names a fact of.
const JUDGED: &[Kind] = &[
    Kind::Distribution,
    Kind::LoadBalancer,
    Kind::TargetGroup,
    Kind::Cluster,
    Kind::Nodegroup,
    Kind::Node,
    Kind::Pod,
    Kind::DbCluster,
    Kind::DbInstance,
    Kind::Queue,
    Kind::Mapping,
    Kind::Alarm,
];

/// The fact without which nothing can be said of a node, and the service's own name of it. None for
/// kinds whose answers may leave everything out (Kubernetes omits what is zero, ListFunctions the
/// state: <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>) or that have a
/// rule of their own.
fn needed(node: &Node) -> Option<(Fact, &'static str)> {
    match node.kind {
        Kind::Distribution => Some((Fact::Status, "Status")),
        Kind::LoadBalancer => Some((Fact::Status, "State")),
        Kind::TargetGroup => Some((Fact::TargetsHealthy, "the health of its targets")),
        // Clusters of a kubeconfig alone are not known to EKS.
        Kind::Cluster => {
            let of_eks = node.facts.text(Fact::Arn).is_some();
            of_eks.then_some((Fact::Status, "status"))
        }
        Kind::Nodegroup => Some((Fact::Status, "status")),
        Kind::Pod => Some((Fact::Phase, "status.phase")),
        Kind::Node => Some((Fact::Ready, "the condition Ready")),
        Kind::DbCluster => Some((Fact::Status, "Status")),
        Kind::DbInstance => Some((Fact::Status, "DBInstanceStatus")),
        Kind::Queue => Some((Fact::MessagesVisible, "ApproximateNumberOfMessages")),
        Kind::Mapping => Some((Fact::StateWord, "State")),
        Kind::Alarm => Some((Fact::AlarmState, "StateValue")),
        Kind::Zone
        | Kind::Record
        | Kind::HealthCheck
        | Kind::WebAcl
        | Kind::Bucket
        | Kind::NodePool
        | Kind::Namespace
        | Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::Hpa
        | Kind::ScaledObject
        | Kind::Application
        | Kind::Kustomization
        | Kind::HelmRelease
        | Kind::Service
        | Kind::Ingress
        | Kind::DbGlobal
        | Kind::CacheGroup
        | Kind::CacheNode
        | Kind::Function => None,
    }
}

/// Where a part of it could not be read, that is said already.
fn missing(subject: &Subject<'_>) -> Option<Verdict> {
    let node = subject.node;
    if node.standing != Standing::Read || subject.failure().is_some() {
        return None;
    }
    let (fact, name) = needed(node)?;
    if node.facts.get(fact).is_some() {
        return None;
    }
    let service = subject
        .source(&node.source)
        .map_or("the answer", |status| status.source.service.label());
    let sentence = format!("{}: {service} left out {name}.", subject.name());
    let text = format!("{name} is missing in the answer");
    say(Level::Unknown, sentence, subject.evidence(fact, text))
}

/// States of alarms (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html>)
/// and phases of pods (<https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase>;
/// `Unknown` is one of them: its node does not answer).
fn word(subject: &Subject<'_>) -> Option<Verdict> {
    let (fact, known): (Fact, &[&str]) = if subject.node.kind == Kind::Pod {
        (Fact::Phase, &["Pending", "Running", "Succeeded", "Failed"])
    } else {
        (Fact::AlarmState, &["OK", "ALARM", "INSUFFICIENT_DATA"])
    };
    let said = subject.text(fact).filter(|said| !known.contains(said))?;
    let (kind, name) = (subject.node.kind, subject.name());
    let sentence = format!("The state of {kind} {name} is not known: it is said to be {said}.");
    let text = format!("{said} is none of {}", known.join(", "));
    say(Level::Unknown, sentence, subject.evidence(fact, text))
}
