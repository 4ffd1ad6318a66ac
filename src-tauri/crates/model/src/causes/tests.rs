//! Causes: each rule true and false, on small platforms.

use crate::edge::Relation;
use crate::facts::{Fact, Value};
use crate::health::{Cause, Level};
use crate::id::NodeId;
use crate::kind::Kind;
use crate::source::Service;
use crate::stage::{Stage, ago};

const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// What one of the systems sees in each zone: unhealthy targets of 20, lost nodes of 4, unready pods
/// of 10, replica lag in ms.
struct Zones {
    targets: [i64; 3],
    nodes: [usize; 3],
    pods: [usize; 3],
    lag: [f64; 3],
}

fn zones(seen: &Zones) -> Stage {
    let mut stage = Stage::new();
    let group = stage.thing(Kind::TargetGroup, "api-tg", &[(Fact::Targets, 60.into())]);
    let balancer = stage.thing(Kind::LoadBalancer, "api", &[]);
    stage.edge(&balancer, Relation::Forwards, &group);
    let (mut healthy, mut unhealthy) = (0, 0);
    for (n, zone) in ZONES.into_iter().enumerate() {
        let bad = seen.targets[n];
        (healthy, unhealthy) = (healthy + 20 - bad, unhealthy + bad);
        let facts = [
            (Fact::TargetsHealthy, (20 - bad).into()),
            (Fact::TargetsUnhealthy, bad.into()),
        ];
        stage.zone(&group, zone, &facts);
        for host in 0..4 {
            let ready = host >= seen.nodes[n];
            let facts = [
                (Fact::Ready, ready.into()),
                (
                    Fact::ReadySince,
                    ago(if ready { 80_000 } else { 140 }).into(),
                ),
                (Fact::CreatedAt, ago(86_400).into()),
            ];
            let id = stage.thing(Kind::Node, &format!("ip-{n}-{host}"), &facts);
            stage.place(&id, zone);
        }
        for pod in 0..10 {
            let id = stage.pod(&format!("p-{n}-{pod}"), pod >= seen.pods[n]);
            stage.place(&id, zone);
        }
        let facts = [
            (Fact::Role, "reader".into()),
            (Fact::Status, "available".into()),
            (Fact::ReplicaLagMs, seen.lag[n].into()),
        ];
        let reader = stage.thing(Kind::DbInstance, &format!("ledger-{n}"), &facts);
        stage.place(&reader, zone);
        let lag = seen.lag[n];
        stage.figures(
            &reader,
            &[],
            Some((Fact::ReplicaLagMs, &[20.0, 20.0, lag, lag])),
        );
    }
    stage.found(&group).facts.set(Fact::TargetsHealthy, healthy);
    stage
        .found(&group)
        .facts
        .set(Fact::TargetsUnhealthy, unhealthy);
    stage
}

fn causes(stage: &Stage) -> Vec<Cause> {
    stage.picture().causes
}

fn rules(stage: &Stage) -> Vec<String> {
    causes(stage)
        .into_iter()
        .map(|c| c.rule.into_owned())
        .collect()
}

#[test]
fn three_systems_abnormal_in_one_zone_are_a_fault_of_the_zone() {
    let stage = zones(&Zones {
        targets: [0, 14, 0],
        nodes: [0, 1, 0],
        pods: [0, 4, 0],
        lag: [18.0, 2_400.0, 21.0],
    });
    let picture = stage.picture();
    let [cause] = picture.causes.as_slice() else {
        panic!("one cause, not {:?}", picture.causes)
    };
    assert_eq!(
        (cause.rule.as_ref(), cause.level),
        ("az-fault", Level::Critical)
    );
    assert_eq!(
        cause.sentence,
        "Availability zone us-east-1b is faulty: load balancing, nodes, pods and databases are \
         abnormal there and clearly better in the other zones."
    );
    assert_eq!(cause.since, Some(ago(140)));
    assert_eq!(cause.signals.len(), 4);
    let names = |ids: &[NodeId]| -> Vec<String> {
        ids.iter()
            .map(|id| picture.node(id).expect("a node").name.clone())
            .collect()
    };
    assert_eq!(names(&cause.targets), ["ledger-1", "ip-1-0"]);
    let victims = names(&cause.consequences);
    assert!(
        victims.contains(&"api".to_owned()) && victims.contains(&"p-1-0".to_owned()),
        "{victims:?}"
    );
    assert!(
        !victims.iter().any(|name| name.starts_with("p-0")),
        "{victims:?}"
    );
}

#[test]
fn a_fault_of_a_zone_says_whose_traffic_has_left_it() {
    let mut stage = zones(&Zones {
        targets: [0, 14, 0],
        nodes: [0, 1, 0],
        pods: [0, 4, 0],
        lag: [18.0, 2_400.0, 21.0],
    });
    let facts = |zone: &str| [(Fact::ShiftedAwayFrom, zone.into())];
    stage.thing(Kind::LoadBalancer, "edge", &facts("us-east-1b"));
    stage.thing(Kind::LoadBalancer, "feed", &facts("us-east-1a"));
    let picture = stage.picture();
    let cause = picture.causes.first().expect("a cause");
    assert!(
        cause
            .sentence
            .ends_with("other zones. The traffic of edge is shifted away from it already."),
        "{}",
        cause.sentence
    );
}

#[test]
fn two_systems_are_no_fault_of_the_zone_and_neither_is_trouble_in_every_zone() {
    let two = Zones {
        targets: [0, 14, 0],
        nodes: [0, 0, 0],
        pods: [0, 0, 0],
        lag: [18.0, 2_400.0, 21.0],
    };
    assert_eq!(rules(&zones(&two)), [""; 0]);
    let everywhere = Zones {
        targets: [13, 14, 12],
        nodes: [1, 1, 1],
        pods: [4, 4, 4],
        lag: [2_300.0, 2_400.0, 2_500.0],
    };
    assert_eq!(rules(&zones(&everywhere)), [""; 0]);
    let calm = Zones {
        targets: [0; 3],
        nodes: [0; 3],
        pods: [0; 3],
        lag: [18.0; 3],
    };
    assert_eq!(rules(&zones(&calm)), [""; 0]);
}

/// A worker that consumes `orders`, whose newest revision was rolled out 360 s ago, and the depth of
/// the dead-letter queue over the last minutes.
fn consumer(rolled_out: i64, depths: &[f64]) -> (Stage, NodeId, NodeId) {
    let mut stage = Stage::new();
    let (worker, pods) = stage.deployment("worker", 6, 4);
    let facts = &mut stage.found(&worker).facts;
    facts.set(Fact::Revision, 42);
    facts.set(Fact::RolloutStartedAt, ago(rolled_out));
    facts.set(Fact::Image, "registry/worker:4.13.0");
    let queue = stage.thing(Kind::Queue, "orders", &[]);
    let depth = depths.last().map_or(0, |d| *d as i64);
    let dead = stage.thing(
        Kind::Queue,
        "orders-dlq",
        &[(Fact::MessagesVisible, depth.into())],
    );
    stage.edge(&queue, Relation::DeadLetters, &dead);
    let scaler = stage.thing(Kind::ScaledObject, "worker", &[]);
    stage.edge(&queue, Relation::ConsumedBy, &scaler);
    stage.edge(&scaler, Relation::Scales, &worker);
    for pod in &pods[4..] {
        let facts = &mut stage.found(pod).facts;
        facts.set(Fact::Reason, "CrashLoopBackOff");
        facts.set(Fact::Restarts, 5);
        facts.set(Fact::LastRestartAt, ago(30));
    }
    stage.figures(&dead, &[], Some((Fact::MessagesVisible, depths)));
    (stage, worker, dead)
}

const FILLING: [f64; 10] = [0.0, 0.0, 0.0, 0.0, 0.0, 40.0, 300.0, 610.0, 900.0, 1284.0];

#[test]
fn dead_letters_since_a_rollout_are_the_revisions_doing() {
    let (stage, worker, dead) = consumer(360, &FILLING);
    let causes = causes(&stage);
    let [cause] = causes.as_slice() else {
        panic!("one cause, not {causes:?}")
    };
    assert_eq!(
        (cause.rule.as_ref(), cause.level),
        ("consumer-revision", Level::Critical)
    );
    assert_eq!(
        cause.sentence,
        "worker fails since revision 42, rolled out at 02:41:00: 1,284 dead letters in orders-dlq since then."
    );
    assert_eq!(cause.targets, [worker]);
    assert!(cause.consequences.contains(&dead));
    assert_eq!(cause.since, Some(ago(360)));
    let told: Vec<&str> = cause.signals.iter().map(|s| s.sentence.as_str()).collect();
    assert_eq!(
        told[0],
        "worker was rolled out with revision 42 (4.13.0) at 02:41:00."
    );
    assert_eq!(told[1], "orders-dlq fills since 02:42:00: 1,284 messages.");
    assert!(
        told.iter().any(|s| s.contains("CrashLoopBackOff")),
        "{told:?}"
    );
}

#[test]
fn dead_letters_from_before_a_rollout_or_long_after_are_not() {
    for (why, rolled_out, depths) in [
        ("it was rolled out long before", 7_200, &FILLING[..]),
        (
            "it filled before",
            360,
            &[100.0, 300.0, 500.0, 700.0, 900.0, 1_000.0, 1_100.0, 1_200.0][..],
        ),
    ] {
        let (stage, ..) = consumer(rolled_out, depths);
        assert_eq!(rules(&stage), ["dead-letter-backlog"], "{why}");
    }
    let (stage, ..) = consumer(360, &[0.0; 10]);
    assert_eq!(rules(&stage), [""; 0]);
}

#[test]
fn dead_letters_that_are_left_when_the_consumer_is_well_again_wait_for_a_redrive() {
    let depths = [
        900.0, 1284.0, 1284.0, 1284.0, 1284.0, 1284.0, 1284.0, 1284.0,
    ];
    let (mut stage, worker, _) = consumer(86_400, &depths);
    stage.found(&worker).facts.set(Fact::ReplicasReady, 6);
    let mends: Vec<NodeId> = (4..6)
        .map(|n| crate::stage::id(Kind::Pod, &format!("worker-5d9c-{n:05}")))
        .collect();
    for pod in mends {
        let facts = &mut stage.found(&pod).facts;
        facts.remove(Fact::Reason);
        facts.set(Fact::Ready, true);
        facts.set(Fact::LastRestartAt, ago(3_000));
    }
    let causes = causes(&stage);
    let [cause] = causes.as_slice() else {
        panic!("one cause, not {causes:?}")
    };
    assert_eq!(
        (cause.rule.as_ref(), cause.level),
        ("dead-letter-backlog", Level::Warning)
    );
    assert_eq!(
        cause.sentence,
        "orders-dlq holds 1,284 dead letters; its consumer worker is well now."
    );
}

#[test]
fn most_sources_of_a_region_out_is_blindness() {
    let mut stage = Stage::new();
    stage.thing(Kind::Queue, "orders", &[]);
    for service in [Service::Elb, Service::Eks, Service::Rds, Service::Sqs] {
        stage.lose(service);
    }
    let causes = causes(&stage);
    let [cause] = causes.as_slice() else {
        panic!("one cause, not {causes:?}")
    };
    assert_eq!(
        (cause.rule.as_ref(), cause.level),
        ("source-blind", Level::Unknown)
    );
    assert_eq!(
        cause.sentence,
        "We are blind in us-east-1 since 02:43:50: 4 of 6 sources do not answer (Nobody answered.)"
    );
    assert_eq!(cause.consequences.len(), 1);
    let mut stage = Stage::new();
    stage.lose(Service::Sqs);
    assert_eq!(rules(&stage), [""; 0], "one source is told by its nodes");
}

#[test]
fn a_functions_last_change_is_blamed_like_a_revision() {
    let mut stage = Stage::new();
    let facts = [
        (Fact::LastModified, Value::from(ago(400))),
        (Fact::ErrorsPercent, 38.0.into()),
    ];
    let function = stage.thing(Kind::Function, "settle", &facts);
    let queue = stage.thing(Kind::Queue, "orders", &[]);
    let dead = stage.thing(
        Kind::Queue,
        "orders-dlq",
        &[(Fact::MessagesVisible, 1284.into())],
    );
    stage.edge(&queue, Relation::DeadLetters, &dead);
    let mapping = stage.thing(Kind::Mapping, "m", &[]);
    stage.edge(&queue, Relation::ConsumedBy, &mapping);
    stage.edge(&mapping, Relation::ConsumedBy, &function);
    stage.figures(&dead, &[], Some((Fact::MessagesVisible, &FILLING)));
    let causes = causes(&stage);
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].targets, [function]);
}

/// Pods without room, a spot instance that went, an empty group on demand.
fn storm(message: &str, waited: i64) -> Stage {
    let mut stage = Stage::new();
    let cluster = stage.thing(Kind::Cluster, crate::stage::CLUSTER, &[]);
    stage.found(&cluster).scope.cluster = Some(crate::stage::CLUSTER.into());
    for name in ["late-1", "late-2"] {
        let pod = stage.pod(name, false);
        let facts = &mut stage.found(&pod).facts;
        facts.set(Fact::Phase, "Pending");
        facts.set(Fact::Reason, "Unschedulable");
        facts.set(Fact::Message, message);
        facts.set(Fact::CreatedAt, ago(waited));
    }
    let gone = crate::stage::id(Kind::Node, "ip-9");
    stage.event(
        ago(300),
        &gone,
        "SpotInterrupted: Spot interruption warning was triggered",
    );
    stage
}

#[test]
fn pods_without_room_name_what_was_taken_back_and_what_could_give_room() {
    let full = "0/3 nodes are available: 3 Insufficient cpu.";
    let found = causes(&storm(full, 200));
    let short: Vec<_> = found
        .iter()
        .filter(|c| &*c.rule == "capacity-short")
        .collect();
    assert_eq!(short.len(), 1, "{found:#?}");
    assert!(
        short[0].sentence.contains("2 pods of prod Pending"),
        "{}",
        short[0].sentence
    );
    assert!(
        short[0].sentence.contains("1 spot instance taken back"),
        "{}",
        short[0].sentence
    );
    assert_eq!(short[0].signals.len(), 2, "{:#?}", short[0].signals);
    assert_eq!(short[0].since, Some(ago(300)));
    assert!(
        short[0]
            .consequences
            .iter()
            .any(|id| id.as_str().contains("late-1"))
    );
    assert!(
        !rules(&storm(full, 10)).contains(&"capacity-short".to_owned()),
        "only just"
    );
    let taint = "0/3 nodes are available: 3 node(s) had untolerated taint {a: b}.";
    assert!(!rules(&storm(taint, 200)).contains(&"capacity-short".to_owned()));
}

#[test]
fn a_node_pool_at_its_limit_is_named_and_one_with_room_is_not() {
    let mut stage = storm("0/3 nodes are available: 3 Insufficient cpu.", 200);
    let facts = [
        (Fact::Ready, Value::from(true)),
        (Fact::CpuLimitMillicores, 64_000.into()),
        (Fact::CpuProvisionedMillicores, 62_000.into()),
    ];
    let pool = stage.thing(Kind::NodePool, "general", &facts);
    let short = |stage: &Stage| {
        let mut all = causes(stage).into_iter();
        all.find(|c| &*c.rule == "capacity-short").expect("found")
    };
    // Two processors are left: less than a node of the pool has, and a smaller one may be bought.
    stage.thing(
        Kind::Node,
        "ip-1",
        &[
            (Fact::NodePool, "general".into()),
            (Fact::CpuAllocatableMillicores, 3_920.into()),
        ],
    );
    assert!(!short(&stage).sentence.contains("NodePool"));
    let has = Fact::CpuProvisionedMillicores;
    stage.found(&pool).facts.set(has, 64_000);
    let found = short(&stage);
    let full = "; 1 spot instance taken back; NodePool general is at its limit: 64 of 64 CPU.";
    assert!(found.sentence.ends_with(full), "{}", found.sentence);
    let evidence = found.signals.iter().find(|signal| signal.node == pool);
    assert_eq!(
        evidence.expect("a signal").sentence,
        "NodePool general is at its limit: 64 of 64 CPU."
    );
    // A pool with taints may not be for these pods.
    let taints = "gpu:NoSchedule";
    stage.found(&pool).facts.set(Fact::Taints, taints);
    assert!(!short(&stage).sentence.contains("NodePool"));
    stage.found(&pool).facts.remove(Fact::Taints);
    assert!(short(&stage).sentence.contains("64 of 64 CPU"));
    // A pool that buys nothing anyway is not kept from it by its limit.
    stage.found(&pool).facts.set(Fact::Ready, false);
    assert!(!short(&stage).sentence.contains("at its limit"));
}

#[test]
fn of_the_groups_on_demand_the_empty_one_is_named() {
    let mut stage = storm("0/3 nodes are available: 3 Insufficient memory.", 200);
    for (name, desired, max) in [("core", 3, 30), ("reserve", 0, 12)] {
        let facts = [
            (Fact::Status, Value::from("ACTIVE")),
            (Fact::CapacityType, "ON_DEMAND".into()),
            (Fact::Desired, desired.into()),
            (Fact::Max, max.into()),
        ];
        let group = stage.thing(Kind::Nodegroup, name, &facts);
        stage.found(&group).scope.cluster = Some(crate::stage::CLUSTER.into());
    }
    let found = causes(&stage);
    let short = found
        .iter()
        .find(|c| &*c.rule == "capacity-short")
        .expect("found");
    assert!(
        short
            .sentence
            .contains("Nodegroup reserve could give 12 nodes more on demand"),
        "{}",
        short.sentence
    );
    // Two of it are ordered, and none is there yet.
    for (name, desired) in [("reserve", 2_i64), ("core", 0)] {
        let group = crate::stage::id(Kind::Nodegroup, name);
        stage.found(&group).facts.set(Fact::Desired, desired);
    }
    stage.thing(Kind::Node, "ip-1", &[]);
    let coming = "2 nodes of reserve are ordered and not there yet.";
    assert!(causes(&stage).iter().any(|c| c.sentence.ends_with(coming)));
}
