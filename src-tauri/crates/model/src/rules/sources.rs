//! What we do not know is not healthy: data too old, sources that failed, things that are only named.

use super::{Rule, Subject, Verdict, say};
use crate::facts::Fact;
use crate::health::{Evidence, Level};
use crate::kind::Kind;
use crate::link::reader;
use crate::node::Standing;
use crate::source::{Service, SourceStatus, State};
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new("source.outdated", &[], outdated),
    Rule::new("source.figures-outdated", &[], figures_outdated),
    Rule::new("source.figures-missing", MEASURED, figures_missing),
    Rule::new("source.partial", &[], partial),
    Rule::new("source.cluster-blind", &[Kind::Cluster], cluster_blind),
    Rule::new(
        "source.cluster-unwatched",
        &[Kind::Cluster],
        cluster_unwatched,
    ),
    Rule::new("declared.not-read", &[], not_read),
    Rule::new("declared.missing", &[], ghost),
];

/// What names things that no other thing does.
const STACK_FILE: &str = "The stack file";

/// Kinds that are judged by CloudWatch figures besides what their own service says.
const MEASURED: &[Kind] = &[
    Kind::HealthCheck,
    Kind::Distribution,
    Kind::LoadBalancer,
    Kind::DbInstance,
    Kind::Queue,
    Kind::Function,
];

/// Whether what the source found last still counts.
pub(crate) fn believed(source: &SourceStatus) -> bool {
    match source.state {
        State::Ok => true,
        State::Failed => source.last_ok.is_some() && !source.outdated,
        State::Pending | State::Stale => false,
    }
}

/// The rest of the sentence: why a source is not believed.
fn because(source: &SourceStatus) -> String {
    match (&source.error, source.state) {
        (Some(error), _) => format!(": {error}"),
        (None, State::Pending) => "; it has not answered yet.".to_owned(),
        (None, State::Ok | State::Stale | State::Failed) => ".".to_owned(),
    }
}

fn about(source: &SourceStatus, subject: &Subject<'_>, text: String) -> Vec<Evidence> {
    vec![Evidence {
        text,
        source: source.source.id.clone(),
        observed_at: source.last_ok.unwrap_or_else(|| subject.now()),
    }]
}

fn outdated(subject: &Subject<'_>) -> Option<Verdict> {
    let node = subject.node;
    let source = subject.source(&node.source)?;
    if believed(source) {
        return None;
    }
    let seconds = subject.now().seconds_since(node.observed_at);
    let age = words::age(seconds);
    let sentence = format!("{}: data {age} old{}", node.name, because(source));
    let limit = words::span(2.0 * source.period_seconds);
    let text = format!("last read {age} ago (limit {limit})");
    say(Level::Unknown, sentence, about(source, subject, text))
}

fn figures_outdated(subject: &Subject<'_>) -> Option<Verdict> {
    let node = subject.node;
    let (origin, source) = node.fact_origins.values().find_map(|origin| {
        let source = subject.source(&origin.source)?;
        let counts = source.source.bears_on_health() && !believed(source);
        counts.then_some((origin, source))
    })?;
    let age = words::age(subject.now().seconds_since(origin.observed_at));
    let label = source.source.service.label();
    let sentence = format!(
        "{}: {label} figures {age} old{}",
        node.name,
        because(source)
    );
    let text = format!("figures read {age} ago");
    say(Level::Unknown, sentence, about(source, subject, text))
}

/// The part of CloudWatch that reads the figures of this kind.
fn figures(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::HealthCheck | Kind::Distribution => Some("edge-metrics"),
        Kind::LoadBalancer => Some("balancer-metrics"),
        Kind::DbInstance => Some("database-metrics"),
        Kind::Queue => Some("queue-metrics"),
        Kind::Function => Some("function-metrics"),
        Kind::Zone
        | Kind::Record
        | Kind::WebAcl
        | Kind::Bucket
        | Kind::TargetGroup
        | Kind::Cluster
        | Kind::Nodegroup
        | Kind::NodePool
        | Kind::Node
        | Kind::Namespace
        | Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::Pod
        | Kind::Hpa
        | Kind::ScaledObject
        | Kind::Application
        | Kind::Kustomization
        | Kind::HelmRelease
        | Kind::Service
        | Kind::Ingress
        | Kind::DbGlobal
        | Kind::DbCluster
        | Kind::CacheGroup
        | Kind::CacheNode
        | Kind::Mapping
        | Kind::Alarm => None,
    }
}

/// Figures that were never read because their source failed or has not answered.
fn figures_missing(subject: &Subject<'_>) -> Option<Verdict> {
    let node = subject.node;
    let told = node.fact_origins.values().any(|origin| {
        let source = subject.source(&origin.source);
        source.is_none_or(|source| source.source.bears_on_health())
    });
    if node.standing != Standing::Read || told {
        return None;
    }
    let part = figures(node.kind)?;
    // The metrics of global services are kept in us-east-1.
    let region = node.scope.region.as_deref().unwrap_or("us-east-1");
    let source = subject.sources().iter().find(|s| {
        let scope = &s.source.scope;
        s.source.service == Service::CloudWatch
            && s.source.part == part
            && scope.account == node.scope.account
            && scope.region.as_deref().unwrap_or("us-east-1") == region
            && !believed(s)
    })?;
    let sentence = format!(
        "{}: its CloudWatch figures in {region} are not known{}",
        node.name,
        because(source)
    );
    let text = "no figures".to_owned();
    say(Level::Unknown, sentence, about(source, subject, text))
}

/// One thing among many that could not be read in full.
fn partial(subject: &Subject<'_>) -> Option<Verdict> {
    let failure = subject.failure()?;
    let sentence = format!("{}: {}", subject.node.name, failure.sentence);
    let evidence = subject.evidence(Fact::Arn, failure.next_step.clone());
    say(Level::Unknown, sentence, evidence)
}

/// The sources that watch a cluster.
fn watches<'a>(subject: &Subject<'a>) -> impl Iterator<Item = &'a SourceStatus> {
    let node = subject.node;
    subject.sources().iter().filter(|s| {
        let other = &s.source.scope;
        s.source.service == Service::Kubernetes
            && other.account == node.scope.account
            && other.region == node.scope.region
            && other.cluster.as_deref() == Some(node.name.as_str())
    })
}

/// A cluster some of whose resources are not watched.
fn cluster_blind(subject: &Subject<'_>) -> Option<Verdict> {
    let mut blind = watches(subject).filter(|s| !believed(s));
    let first = blind.next()?;
    let mut parts = vec![first.source.part.clone()];
    parts.extend(blind.map(|s| s.source.part.clone()));
    let sentence = format!(
        "{}: its {} cannot be seen{}",
        subject.node.name,
        words::list(&parts, 3),
        because(first)
    );
    let text = format!("{} of its Kubernetes sources not read", parts.len());
    say(Level::Unknown, sentence, about(first, subject, text))
}

/// A cluster that EKS lists and nothing watches: that nothing in it is red means nothing.
fn cluster_unwatched(subject: &Subject<'_>) -> Option<Verdict> {
    let node = subject.node;
    let source = subject.source(&node.source)?;
    if source.source.service != Service::Eks || watches(subject).next().is_some() {
        return None;
    }
    let region = node.scope.region.as_deref().unwrap_or("its region");
    let sentence = format!(
        "{}: not watched, because no [[cluster]] of the stack file names it; its pods are not known.",
        node.name
    );
    let text = format!(
        "add [[cluster]] with region = \"{region}\", name = \"{}\" and the context of its kubeconfig",
        node.name
    );
    say(Level::Unknown, sentence, about(source, subject, text))
}

/// The thing that names it; none names what only the stack file expects.
fn declarer<'a>(subject: &Subject<'a>) -> Option<&'a str> {
    let (nodes, graph, at) = subject.around();
    let legs = graph.into(at).iter().chain(graph.out(at));
    legs.map(|leg| nodes[leg.to].name.as_str()).next()
}

/// Why a thing that is only named was not found, a clause.
fn unfound(subject: &Subject<'_>) -> String {
    let node = subject.node;
    let Some(service) = reader(node.kind) else {
        return format!("{} is not read yet", owner(node.kind));
    };
    if let Some(engine) = node.facts.text(Fact::Engine) {
        return format!(
            "it is there and of the engine {engine}: of databases Aurora clusters and their instances are read"
        );
    }
    format!("{} gave no answer for its place", service.label())
}

fn not_read(subject: &Subject<'_>) -> Option<Verdict> {
    let node = subject.node;
    if node.standing != Standing::Declared {
        return None;
    }
    let who = declarer(subject).unwrap_or(STACK_FILE);
    let why = unfound(subject);
    let sentence = format!("{} is not read: {who} names it, and {why}.", node.name);
    let evidence = subject.evidence(Fact::Arn, format!("named by {who}"));
    say(Level::Unknown, sentence, evidence)
}

/// The service that owns a kind which no source reads.
fn owner(kind: Kind) -> &'static str {
    match kind {
        Kind::Bucket => "S3",
        Kind::WebAcl => "WAF",
        Kind::CacheGroup | Kind::CacheNode => "ElastiCache",
        _ => "its service",
    }
}

/// Named by AWS, and the service that owns it answered without it.
fn ghost(subject: &Subject<'_>) -> Option<Verdict> {
    let node = subject.node;
    if node.standing != Standing::Ghost {
        return None;
    }
    let service = reader(node.kind).map_or("its service", Service::label);
    let region = node.scope.region.as_deref();
    let place = region.map_or(String::new(), |r| format!(" in {r}"));
    let sentence = format!(
        "{} names the {} {}, but {service} has none of that name{place}.",
        declarer(subject).unwrap_or(STACK_FILE),
        node.kind,
        node.name
    );
    // Without a dead-letter queue, alarm or check things still serve; without the rest they do not.
    let still_serves = matches!(
        node.kind,
        Kind::Queue | Kind::Alarm | Kind::HealthCheck | Kind::WebAcl
    );
    let level = if still_serves {
        Level::Warning
    } else {
        Level::Critical
    };
    let evidence = subject.evidence(Fact::Arn, format!("absent from {service}"));
    say(level, sentence, evidence)
}
