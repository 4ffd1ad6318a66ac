//! Snapshots as a whole: derived facts, branches that serve, roll-up, order, sharing.

use crate::diff::{apply, diff};
use crate::edge::Relation;
use crate::facts::{Fact, Value};
use crate::health::Level;
use crate::id::NodeId;
use crate::kind::Kind;
use crate::observation::Name;
use crate::snapshot::Snapshot;
use crate::source::Service;
use crate::stage::{self, Stage, ago, level, node};
use proptest::prelude::*;
use std::sync::Arc;

#[test]
fn facts_follow_from_facts_and_edges() {
    let mut stage = Stage::new();
    let cluster = stage.thing(Kind::Cluster, stage::CLUSTER, &[]);
    let host = stage.thing(Kind::Node, "ip-10-0-0-1", &[(Fact::Ready, true.into())]);
    stage.place(&host, "us-east-1b");
    let pod = stage.pod("api-1", true);
    stage.edge(&host, Relation::Hosts, &pod);
    stage.thing(Kind::Pod, "job-1", &[(Fact::Phase, "Succeeded".into())]);
    let facts = [
        (Fact::MessagesVisible, Value::from(600)),
        (Fact::SentPerSecond, 10.0.into()),
        (Fact::DeletedPerSecond, 30.0.into()),
    ];
    let queue = stage.thing(Kind::Queue, "orders", &facts);
    let dead = stage.thing(Kind::Queue, "orders-dlq", &[]);
    stage.edge(&queue, Relation::DeadLetters, &dead);
    let picture = stage.picture();
    assert_eq!(node(&picture, &pod).scope.az.as_deref(), Some("us-east-1b"));
    let counts = &node(&picture, &cluster).facts;
    assert_eq!(counts.count(Fact::Nodes), Some(1));
    assert_eq!(
        counts.count(Fact::Pods),
        Some(1),
        "a finished pod is not counted"
    );
    assert_eq!(counts.count(Fact::PodsReady), Some(1));
    let facts = &node(&picture, &queue).facts;
    assert_eq!(facts.text(Fact::DeadLetterQueue), Some("orders-dlq"));
    assert_eq!(facts.flag(Fact::IsDeadLetterQueue), Some(false));
    assert_eq!(facts.count(Fact::TimeToDrainSeconds), Some(30));
    let facts = &node(&picture, &dead).facts;
    assert_eq!(facts.text(Fact::SourceQueues), Some("orders"));
    assert_eq!(facts.flag(Fact::IsDeadLetterQueue), Some(true));
}

#[test]
fn figures_are_laid_over_the_node_with_their_origin() {
    let mut stage = Stage::new();
    let queue = stage.thing(Kind::Queue, "orders", &[(Fact::MessagesVisible, 3.into())]);
    stage.figures(
        &queue,
        &[(Fact::OldestAgeSeconds, 9.into())],
        Some((Fact::SentPerSecond, &[1.0, 2.0])),
    );
    let picture = stage.picture();
    let queue = node(&picture, &queue);
    assert_eq!(queue.facts.count(Fact::OldestAgeSeconds), Some(9));
    assert_eq!(queue.source, stage::source_of(Service::Sqs).id);
    let origin = &queue.fact_origins[&Fact::OldestAgeSeconds];
    assert_eq!(origin.source, stage::source_of(Service::CloudWatch).id);
    assert_eq!(origin.observed_at, ago(60));
    assert_eq!(queue.series[0].values, [Some(1.0), Some(2.0)]);
}

/// Branches of one name with a health each; says which are answered.
fn answered(branches: &[(&[(Fact, Value)], f64)]) -> Vec<bool> {
    let mut stage = Stage::new();
    let mut ids = Vec::new();
    for (n, (facts, status)) in branches.iter().enumerate() {
        let set = format!("set{n}");
        let record = stage.thing(Kind::Record, &format!("Z1/api.x./A/{set}"), facts);
        stage
            .found(&record)
            .facts
            .set(Fact::SetIdentifier, set.as_str());
        let check = stage.thing(
            Kind::HealthCheck,
            &format!("c{n}"),
            &[(Fact::CheckStatus, (*status).into())],
        );
        stage.edge(&check, Relation::Gates, &record);
        ids.push(record);
    }
    let picture = stage.picture();
    let serving = |id: &NodeId| node(&picture, id).facts.flag(Fact::Serving) == Some(true);
    ids.iter().map(serving).collect()
}

#[test]
fn the_branches_that_serve_are_those_route_53_answers_with() {
    let primary: &[(Fact, Value)] = &[(Fact::Failover, "PRIMARY".into())];
    let secondary: &[(Fact, Value)] = &[(Fact::Failover, "SECONDARY".into())];
    assert_eq!(answered(&[(primary, 1.0), (secondary, 1.0)]), [true, false]);
    assert_eq!(answered(&[(primary, 0.0), (secondary, 1.0)]), [false, true]);
    assert_eq!(answered(&[(primary, 0.0), (secondary, 0.0)]), [true, false]);
    let heavy: &[(Fact, Value)] = &[(Fact::Weight, 90.into())];
    let light: &[(Fact, Value)] = &[(Fact::Weight, 10.into())];
    let none: &[(Fact, Value)] = &[(Fact::Weight, 0.into())];
    assert_eq!(
        answered(&[(heavy, 1.0), (light, 1.0), (none, 1.0)]),
        [true, true, false]
    );
    assert_eq!(
        answered(&[(heavy, 0.0), (light, 1.0), (none, 1.0)]),
        [false, true, false]
    );
    assert_eq!(answered(&[(heavy, 0.0), (none, 1.0)]), [false, true]);
    assert_eq!(
        answered(&[(none, 1.0), (none, 1.0)]),
        [true, true],
        "all weights 0 count alike"
    );
    assert_eq!(
        answered(&[(heavy, 0.0), (light, 0.0)]),
        [true, true],
        "fail-open"
    );
    let near: &[(Fact, Value)] = &[(Fact::LatencyRegion, "us-east-1".into())];
    let far: &[(Fact, Value)] = &[(Fact::LatencyRegion, "eu-west-1".into())];
    assert_eq!(answered(&[(near, 0.0), (far, 1.0)]), [false, true]);
}

#[test]
fn an_alias_that_evaluates_its_target_is_as_healthy_as_that() {
    let mut stage = Stage::new();
    let alias = [
        (Fact::EvaluateTargetHealth, true.into()),
        (Fact::SetIdentifier, "a".into()),
    ];
    let record = stage.thing(Kind::Record, "Z1/api.x./A/a", &alias);
    let other = stage.thing(
        Kind::Record,
        "Z1/api.x./A/b",
        &[(Fact::SetIdentifier, "b".into())],
    );
    let lb = stage.thing(Kind::LoadBalancer, "api", &[]);
    let facts = [
        (Fact::Targets, 3.into()),
        (Fact::TargetsHealthy, 0.into()),
        (Fact::TargetsUnhealthy, 3.into()),
    ];
    let group = stage.thing(Kind::TargetGroup, "tg", &facts);
    stage.edge(&record, Relation::RoutesTo, &lb);
    stage.edge(&lb, Relation::Forwards, &group);
    let picture = stage.picture();
    assert_eq!(
        node(&picture, &record).facts.flag(Fact::Serving),
        Some(false)
    );
    assert_eq!(node(&picture, &other).facts.flag(Fact::Serving), Some(true));
}

/// record → balancer → target group → pods of a deployment; gives them in this order.
fn path(stage: &mut Stage, pods: usize, unhealthy: i64) -> [NodeId; 4] {
    let healthy = i64::try_from(pods).expect("few pods") - unhealthy;
    let facts = [
        (Fact::Targets, (healthy + unhealthy).into()),
        (Fact::TargetsHealthy, healthy.into()),
        (Fact::TargetsUnhealthy, unhealthy.into()),
    ];
    let group = stage.thing(Kind::TargetGroup, "api-tg", &facts);
    if unhealthy > 0 {
        let why = format!("Target.Timeout ×{unhealthy}");
        let zone = [
            (Fact::TargetsHealthy, (healthy / 3).into()),
            (Fact::TargetsUnhealthy, unhealthy.into()),
            (Fact::UnhealthyReasons, why.into()),
        ];
        stage.zone(&group, "us-east-1b", &zone);
    }
    let (deployment, targets) = stage.deployment("api", pods, pods);
    for pod in &targets {
        stage.edge(&group, Relation::Targets, pod);
    }
    let lb = stage.thing(Kind::LoadBalancer, "lb", &[]);
    stage.edge(&lb, Relation::Forwards, &group);
    let record = stage.thing(Kind::Record, "api.x.", &[]);
    stage.edge(&record, Relation::RoutesTo, &lb);
    [record, lb, group, deployment]
}

#[test]
fn trouble_travels_up_the_path_and_names_the_leaf() {
    let mut stage = Stage::new();
    let [record, lb, group, deployment] = path(&mut stage, 12, 3);
    let picture = stage.picture();
    for id in [&record, &lb] {
        let rolled = &node(&picture, id).health.reasons[0];
        assert_eq!(rolled.leaf.as_ref(), Some(&group));
        assert_eq!(rolled.rule, "targetgroup.unhealthy");
        assert_eq!(rolled.level, Level::Warning);
    }
    assert_eq!(
        node(&picture, &record).health.reasons[0].sentence,
        "api.x. degraded: api-tg: 3/12 targets unhealthy: 3/6 in us-east-1b (Target.Timeout ×3)."
    );
    assert_eq!(
        level(&picture, &deployment),
        Level::Ok,
        "trouble does not travel down"
    );
}

#[test]
fn a_distribution_is_called_by_its_first_alternate_name() {
    let mut stage = Stage::new();
    let [_, lb, ..] = path(&mut stage, 12, 3);
    let aliases = [(Fact::Aliases, "app.example, api.example".into())];
    let edge = stage.thing(Kind::Distribution, "E1ABC", &aliases);
    stage.edge(&edge, Relation::Origin, &lb);
    let picture = stage.picture();
    let sentence = &node(&picture, &edge).health.reasons[0].sentence;
    assert!(sentence.starts_with("app.example degraded"), "{sentence}");
    assert_eq!(node(&picture, &edge).name, "E1ABC");
}

#[test]
fn one_failed_pod_in_seven_hundred_turns_nothing_else() {
    let mut stage = Stage::new();
    let [record, lb, group, deployment] = path(&mut stage, 700, 0);
    let pod = stage::id(Kind::Pod, "api-5d9c-00007");
    let facts = &mut stage.found(&pod).facts;
    facts.set(Fact::Ready, false);
    facts.set(Fact::Reason, "CrashLoopBackOff");
    stage.found(&deployment).facts.set(Fact::ReplicasReady, 699);
    let picture = stage.picture();
    assert_eq!(level(&picture, &pod), Level::Critical);
    for id in [&record, &lb, &group, &deployment] {
        assert_eq!(level(&picture, id), Level::Ok, "{id}");
    }
}

#[test]
fn what_is_not_known_never_counts_as_healthy() {
    let mut stage = Stage::new();
    let [record, lb, group, deployment] = path(&mut stage, 12, 0);
    stage.lose(Service::Kubernetes);
    let picture = stage.picture();
    for id in [&record, &lb, &group, &deployment] {
        assert_eq!(level(&picture, id), Level::Unknown, "{id}");
    }
}

#[test]
fn a_circle_of_edges_ends() {
    let mut stage = Stage::new();
    let a = stage.thing(Kind::Record, "a", &[]);
    let b = stage.thing(Kind::Record, "b", &[]);
    stage.edge(&a, Relation::RoutesTo, &b);
    stage.edge(&b, Relation::RoutesTo, &a);
    assert_eq!(stage.picture().edges.len(), 2);
}

#[test]
fn the_order_of_what_is_held_does_not_matter() {
    let mut stage = Stage::new();
    path(&mut stage, 12, 3);
    let queue = stage.thing(Kind::Queue, "orders", &[]);
    stage.event(ago(9), &queue, "First.");
    stage.event(ago(5), &queue, "Second.");
    stage.event(ago(5), &queue, "Second.");
    let picture = stage.picture();
    let told: Vec<&str> = picture
        .changes
        .iter()
        .map(|c| c.sentence.as_str())
        .collect();
    assert_eq!(told, ["Second.", "First."], "newest first, each once");
    stage.held.reverse();
    stage.sources.reverse();
    assert_eq!(stage.picture(), picture);
}

#[test]
fn a_flood_of_one_reason_leaves_room_for_what_came_before_it() {
    let mut stage = Stage::new();
    let pod = stage.thing(Kind::Pod, "late", &[]);
    stage.event(ago(900), &pod, "SpotInterrupted: warning was triggered");
    for n in 0..300 {
        stage.event(ago(n), &pod, &format!("FailedScheduling: no room (×{n})"));
    }
    let picture = stage.picture();
    let last = picture.changes.last().expect("something");
    assert!(last.sentence.starts_with("SpotInterrupted"), "{last:?}");
}

#[test]
fn nodes_that_did_not_change_are_shared_with_the_snapshot_before() {
    let mut stage = Stage::new();
    path(&mut stage, 12, 0);
    let mut assembly = super::Assembly::default();
    let first = stage.next_of(&mut assembly);
    stage.thing(Kind::Queue, "orders", &[]);
    let second = stage.next_of(&mut assembly);
    let shared = second
        .nodes
        .iter()
        .filter(|n| first.nodes.iter().any(|o| Arc::ptr_eq(o, n)));
    assert_eq!(shared.count(), first.nodes.len());
    assert_eq!(diff(&first, &second).nodes.len(), 1);
}

/// A snapshot as lines: how each node is and why, and the edges.
fn lines(picture: &Snapshot) -> String {
    let mut text = String::new();
    for node in &picture.nodes {
        let zone = node
            .scope
            .az
            .as_deref()
            .map_or(String::new(), |az| format!(" @{az}"));
        text += &format!(
            "{}{zone} {:?} {:?}\n",
            node.id, node.standing, node.health.level
        );
        for reason in &node.health.reasons {
            let leaf = reason
                .leaf
                .as_ref()
                .map_or(String::new(), |l| format!(" ← {l}"));
            text += &format!(
                "    {:?} {}: {}{leaf}\n",
                reason.level, reason.rule, reason.sentence
            );
        }
    }
    for edge in picture.edges.iter() {
        text += &format!(
            "{} –{:?}→ {} ({})\n",
            edge.from, edge.relation, edge.to, edge.provenance.0
        );
    }
    for cause in &picture.causes {
        text += &format!(
            "CAUSE {:?} {}: {}\n",
            cause.level, cause.rule, cause.sentence
        );
    }
    text
}

#[test]
fn a_small_platform_in_trouble() {
    let mut stage = Stage::new();
    let [_, lb, ..] = path(&mut stage, 6, 2);
    stage.figures(
        &lb,
        &[
            (Fact::Target5xxPercent, 6.5.into()),
            (Fact::RequestsPerSecond, 80.into()),
        ],
        None,
    );
    let queue = stage.add(Kind::Queue, "orders", |q| {
        let arn = Name::Arn("arn:aws:sqs:us-east-1:111122223333:orders-dlq".into());
        q.tie_to(Relation::DeadLetters, arn, "redrive policy");
    });
    let dead = stage.thing(
        Kind::Queue,
        "orders-dlq",
        &[(Fact::MessagesVisible, 12.into())],
    );
    stage.figures(
        &dead,
        &[(Fact::OldestAgeSeconds, 90.into())],
        Some((Fact::MessagesVisible, &[12.0, 12.0])),
    );
    let mapping = stage.thing(
        Kind::Mapping,
        "m-1",
        &[(Fact::StateWord, "Disabled".into())],
    );
    stage.edge(&queue, Relation::ConsumedBy, &mapping);
    stage.add(Kind::Mapping, "m-1", |m| {
        let arn = Name::Arn("arn:aws:lambda:us-east-1:111122223333:function:settle".into());
        m.tie_to(Relation::ConsumedBy, arn, "FunctionArn");
    });
    stage.add(Kind::Distribution, "E1", |d| {
        let host = Name::Host("assets.s3.us-east-1.amazonaws.com".into());
        d.tie_to(Relation::Origin, host, "origin domain");
    });
    insta::assert_snapshot!(lines(&stage.picture()));
}

#[test]
fn what_is_not_known_of_a_consumer_makes_its_queue_unknown_and_not_degraded() {
    let mut stage = Stage::new();
    stage.lose(Service::Lambda);
    let queue = stage.thing(Kind::Queue, "orders", &[]);
    let function = stage.thing(Kind::Function, "settle", &[]);
    stage.edge(&queue, Relation::ConsumedBy, &function);
    let picture = stage.picture();
    let queue = picture.nodes.iter().find(|n| n.id == queue);
    let health = &queue.expect("it is there").health;
    assert_eq!(health.level, Level::Unknown);
    assert!(
        health.reasons[0].sentence.contains("not known"),
        "{health:?}"
    );
}

/// A thing among a few, with facts that decide its health, and edges to others.
type Thing = (usize, u8, Option<i64>, bool, Vec<(usize, usize)>);

const KINDS: [Kind; 6] = [
    Kind::Record,
    Kind::LoadBalancer,
    Kind::TargetGroup,
    Kind::Pod,
    Kind::Queue,
    Kind::Function,
];
const EDGES: [Relation; 5] = [
    Relation::RoutesTo,
    Relation::Forwards,
    Relation::Targets,
    Relation::DeadLetters,
    Relation::ConsumedBy,
];

fn things() -> impl Strategy<Value = Vec<Thing>> {
    let edges = prop::collection::vec((0..EDGES.len(), 0..24_usize), 0..3);
    let thing = (
        0..KINDS.len(),
        0..4_u8,
        prop::option::of(0..2_000_i64),
        any::<bool>(),
        edges,
    );
    prop::collection::vec(thing, 0..24)
}

fn staged(seq: u64, things: &[Thing], lost: bool) -> Snapshot {
    let mut stage = Stage::new();
    let name = |kind: usize, n: u8| format!("{}-{n}", KINDS[kind].as_str());
    for (kind, n, number, ready, edges) in things {
        let id = stage.add(KINDS[*kind], &name(*kind, *n), |found| {
            found.facts.set_some(Fact::MessagesVisible, *number);
            found.facts.set(Fact::Ready, *ready);
            found.facts.set(Fact::Phase, "Running");
        });
        for (relation, other) in edges {
            let other = &things[other % things.len()];
            let to = stage::id(KINDS[other.0], &name(other.0, other.1));
            stage.edge(&id, EDGES[*relation], &to);
        }
        stage.event(ago(i64::from(*n)), &id, "Something happened.");
    }
    if lost {
        stage.lose(Service::Sqs);
        stage
            .sources
            .retain(|s| s.source.service != Service::Lambda);
    }
    let mut picture = stage.picture();
    picture.seq = seq;
    picture
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn a_difference_applied_gives_the_second(a in things(), b in things(), lost in any::<(bool, bool)>()) {
        let (a, b) = (staged(1, &a, lost.0), staged(2, &b, lost.1));
        let delta = diff(&a, &b);
        prop_assert!(apply(&a, &delta).is_some_and(|applied| applied == b));
        prop_assert_eq!(apply(&b, &delta), None, "made from another snapshot");
        let text = serde_json::to_string(&delta).expect("a delta serialises");
        let back = serde_json::from_str(&text).expect("a delta parses");
        prop_assert!(apply(&a, &back).is_some_and(|applied| applied == b), "over the wire");
    }

    #[test]
    fn snapshots_are_ordered_and_nothing_appears_twice(all in things()) {
        let picture = staged(1, &all, false);
        prop_assert!(picture.nodes.windows(2).all(|w| w[0].id < w[1].id));
        let key = |e: &crate::edge::Edge| (e.from.clone(), e.to.clone(), e.relation);
        prop_assert!(picture.edges.windows(2).all(|w| key(&w[0]) < key(&w[1])));
        prop_assert!(picture.edges.iter().all(|e| picture.node(&e.from).is_some() && picture.node(&e.to).is_some()));
        for node in &picture.nodes {
            let worst = node.health.reasons.iter().map(|r| r.level).max().unwrap_or_default();
            prop_assert_eq!(node.health.level, worst);
        }
    }
}
