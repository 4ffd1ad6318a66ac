//! What ties resolve to.

use crate::assemble::{DeclaredQueue, Expected, PinnedEdge};
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::Level;
use crate::id::{AccountId, NodeId};
use crate::kind::Kind;
use crate::node::Standing;
use crate::observation::Name;
use crate::snapshot::Snapshot;
use crate::source::Service;
use crate::stage::{self, REGION, Stage, level, node};
use std::collections::BTreeMap;
use std::sync::Arc;

fn ends(picture: &Snapshot, relation: Relation) -> Vec<(&str, &str)> {
    let name = |id: &NodeId| node(picture, id).name.as_str();
    let all = picture.edges.iter().filter(|e| e.relation == relation);
    all.map(|e| (name(&e.from), name(&e.to))).collect()
}

fn ip(address: &str) -> Name {
    Name::Ip(REGION.into(), address.into())
}

#[test]
fn a_target_is_the_pod_that_has_the_address_now() {
    let mut stage = Stage::new();
    for (name, phase) in [("done", "Succeeded"), ("running", "Running")] {
        let pod = stage.thing(Kind::Pod, name, &[(Fact::Phase, phase.into())]);
        stage.found(&pod).known_as.push(ip("10.0.3.17"));
    }
    stage.add(Kind::TargetGroup, "api-tg", |g| {
        g.tie_to(
            Relation::Targets,
            ip("10.0.3.17"),
            "target IP 10.0.3.17 = pod IP",
        );
        g.tie_to(
            Relation::Targets,
            ip("10.0.3.99"),
            "target IP 10.0.3.99 = pod IP",
        );
    });
    let picture = stage.picture();
    assert_eq!(ends(&picture, Relation::Targets), [("api-tg", "running")]);
    assert_eq!(
        picture.edges[0].provenance.0,
        "target IP 10.0.3.17 = pod IP"
    );
    assert_eq!(picture.nodes.len(), 3, "an address is no neighbour");
}

#[test]
fn a_name_in_a_zone_is_the_record_and_not_the_distribution_that_accepts_it() {
    let mut stage = Stage::new();
    let host = || Name::Host("api.x".into());
    let record = |stage: &mut Stage, id: &str, kind: &str, private: bool| {
        stage.add(Kind::Record, id, |r| {
            r.known_as.push(host());
            r.facts.set(Fact::RecordType, kind);
            r.facts.set(Fact::PrivateZone, private);
        })
    };
    record(&mut stage, "a", "A", false);
    record(&mut stage, "aaaa", "AAAA", false);
    record(&mut stage, "private", "A", true);
    stage.add(Kind::Distribution, "E1", |d| d.known_as.push(host()));
    stage.add(Kind::Record, "www", |r| {
        r.facts.set(Fact::RecordType, "A");
        r.tie_to(Relation::RoutesTo, host(), "alias target");
    });
    assert_eq!(ends(&stage.picture(), Relation::RoutesTo), [("www", "a")]);
}

#[test]
fn a_missing_neighbour_is_a_ghost_only_when_its_service_answered_whole() {
    let tell = |stage: &mut Stage| {
        stage.add(Kind::Record, "api", |r| {
            let host = Name::Host("api-123.us-east-1.elb.amazonaws.com".into());
            r.tie_to(Relation::RoutesTo, host, "alias target");
        });
        stage::id(Kind::LoadBalancer, "api")
    };
    let mut stage = Stage::new();
    let id = tell(&mut stage);
    let picture = stage.picture();
    assert_eq!(node(&picture, &id).standing, Standing::Ghost);
    assert_eq!(level(&picture, &id), Level::Critical);
    let record = stage::id(Kind::Record, "api");
    assert_eq!(
        level(&picture, &record),
        Level::Critical,
        "the record leads nowhere"
    );

    for break_it in [
        |s: &mut Stage| s.lose(Service::Elb),
        |s: &mut Stage| s.source(Service::Elb).skipped = 1,
    ] {
        let mut stage = Stage::new();
        let id = tell(&mut stage);
        break_it(&mut stage);
        let picture = stage.picture();
        assert_eq!(node(&picture, &id).standing, Standing::Declared);
        assert_eq!(level(&picture, &id), Level::Unknown);
        let sentence = &node(&picture, &id).health.reasons[0].sentence;
        assert!(
            sentence.ends_with("gave no answer for its place."),
            "{sentence}"
        );
    }
}

#[test]
fn what_the_stack_file_expects_is_a_ghost_once_its_service_answered_without_it() {
    let expect = |stage: &mut Stage, region: &str| {
        stage.declared.expected = vec![Expected {
            kind: Kind::Queue,
            account: AccountId::new(stage::ACCOUNT),
            region: Some(region.to_owned()),
            name: "orders-dlq".to_owned(),
        }];
        NodeId::aws(Kind::Queue, stage::ACCOUNT, Some(region), "orders-dlq")
    };
    let mut stage = Stage::new();
    let id = expect(&mut stage, stage::REGION);
    let picture = stage.picture();
    assert_eq!(node(&picture, &id).standing, Standing::Ghost);
    assert_eq!(level(&picture, &id), Level::Warning);
    let sentence = &node(&picture, &id).health.reasons[0].sentence;
    assert_eq!(
        sentence,
        "The stack file names the queue orders-dlq, but SQS has none of that name in us-east-1."
    );
    assert_eq!(
        Some(node(&picture, &id).observed_at),
        stage.source(Service::Sqs).last_ok
    );

    stage.lose(Service::Sqs);
    assert_eq!(node(&stage.picture(), &id).standing, Standing::Declared);

    let mut stage = Stage::new();
    let id = expect(&mut stage, stage::REGION);
    stage.add(Kind::Queue, "orders-dlq", |_| {});
    assert_eq!(node(&stage.picture(), &id).standing, Standing::Read);

    let mut stage = Stage::new();
    let id = expect(&mut stage, "eu-central-1");
    let picture = stage.picture();
    assert!(picture.node(&id).is_none(), "nobody reads that region");
}

#[test]
fn what_a_pod_has_in_its_environment_makes_no_ghost() {
    let mut stage = Stage::new();
    stage.add(Kind::Pod, "p", |p| {
        let host = Name::Host("old.cluster-x.us-east-1.rds.amazonaws.com".into());
        p.tie_to(Relation::ConnectsTo, host, "DATABASE_HOST");
    });
    assert_eq!(stage.picture().nodes.len(), 1);
}

/// An RDS Proxy's source names the cluster under its own id, with the host of the proxy.
#[test]
fn a_host_that_another_source_tells_of_leads_to_the_thing_itself() {
    let mut stage = Stage::new();
    let host = || Name::Host("ledger.proxy-x.us-east-1.rds.amazonaws.com".into());
    let cluster = stage.thing(Kind::DbCluster, "ledger", &[(Fact::Members, 2.into())]);
    stage.add(Kind::Pod, "p", |p| {
        p.tie_to(Relation::ConnectsTo, host(), "DATABASE_HOST");
    });
    assert_eq!(ends(&stage.picture(), Relation::ConnectsTo), []);
    stage.add(Kind::DbCluster, "ledger", |named| {
        named.standing = Standing::Declared;
        named.known_as.push(host());
    });
    let picture = stage.picture();
    assert_eq!(ends(&picture, Relation::ConnectsTo), [("p", "ledger")]);
    assert_eq!(picture.nodes.len(), 2);
    let shown = node(&picture, &cluster);
    assert_eq!(shown.standing, Standing::Read);
    assert_eq!(shown.facts.count(Fact::Members), Some(2));
}

#[test]
fn a_thing_named_under_another_id_appears_once_and_keeps_its_edges() {
    let mut stage = Stage::new();
    let arn = || Name::Arn("arn:aws:lambda:us-east-1:111122223333:function:settle".into());
    let read = stage.add(Kind::Function, "settle", |f| {
        f.known_as.push(arn());
        f.facts.set(Fact::Runtime, "java21");
    });
    stage.add(Kind::Function, "by-another-name", |f| {
        f.standing = Standing::Declared;
        f.known_as.push(arn());
        f.facts.set(Fact::TimeoutSeconds, 15);
        f.tie_from(
            Relation::ConsumedBy,
            Name::Id(stage::id(Kind::Queue, "orders")),
            "mapping",
        );
    });
    let queue = stage.thing(Kind::Queue, "orders", &[]);
    let other = stage::id(Kind::Function, "by-another-name");
    stage.edge(&queue, Relation::SendsTo, &other);
    let picture = stage.picture();
    assert_eq!(picture.nodes.len(), 2);
    let function = node(&picture, &read);
    assert_eq!(function.standing, Standing::Read);
    assert_eq!(function.facts.count(Fact::TimeoutSeconds), Some(15));
    assert_eq!(ends(&picture, Relation::ConsumedBy), [("orders", "settle")]);
    assert_eq!(ends(&picture, Relation::SendsTo), [("orders", "settle")]);
}

#[test]
fn a_selector_selects_the_pods_of_its_namespace_that_bear_all_labels() {
    let mut stage = Stage::new();
    let labels = |all: &[(&str, &str)]| -> Arc<BTreeMap<String, String>> {
        Arc::new(
            all.iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    };
    for (name, own) in [
        ("one", labels(&[("app", "api"), ("track", "stable")])),
        ("two", labels(&[("app", "api"), ("track", "canary")])),
        ("three", labels(&[("app", "web"), ("track", "stable")])),
    ] {
        stage.add(Kind::Pod, name, |p| p.labels = Some(own));
    }
    stage.add(Kind::Service, "api", |s| {
        let cluster = stage::id(Kind::Cluster, stage::CLUSTER);
        let wanted = labels(&[("app", "api"), ("track", "stable")]);
        s.tie_to(
            Relation::Selects,
            Name::Selector(cluster, "trade".into(), wanted),
            "selector",
        );
    });
    stage.add(Kind::Service, "elsewhere", |s| {
        let cluster = stage::id(Kind::Cluster, stage::CLUSTER);
        let wanted = labels(&[("app", "api")]);
        s.tie_to(
            Relation::Selects,
            Name::Selector(cluster, "risk".into(), wanted),
            "selector",
        );
    });
    assert_eq!(ends(&stage.picture(), Relation::Selects), [("api", "one")]);
}

#[test]
fn a_queue_url_points_at_the_consumer_where_a_scaler_says_so() {
    let mut stage = Stage::new();
    let queue = stage.thing(Kind::Queue, "orders", &[]);
    let (worker, pods) = stage.deployment("worker", 1, 1);
    let (_, senders) = stage.deployment("api", 1, 1);
    let scaler = stage.thing(Kind::ScaledObject, "worker", &[]);
    stage.edge(&queue, Relation::ConsumedBy, &scaler);
    stage.edge(&scaler, Relation::Scales, &worker);
    stage.edge(&pods[0], Relation::SendsTo, &queue);
    stage.edge(&senders[0], Relation::SendsTo, &queue);
    let picture = stage.picture();
    assert_eq!(
        ends(&picture, Relation::SendsTo),
        [("api-5d9c-00000", "orders")]
    );
    let consumers = ends(&picture, Relation::ConsumedBy);
    assert_eq!(
        consumers,
        [("orders", "worker-5d9c-00000"), ("orders", "worker")]
    );
}

#[test]
fn one_edge_known_for_two_reasons_is_one_edge() {
    let mut stage = Stage::new();
    let dead = stage.thing(Kind::Queue, "orders-dlq", &[]);
    stage.add(Kind::Queue, "orders", |q| {
        q.tie_to(
            Relation::DeadLetters,
            Name::Id(dead.clone()),
            "redrive policy",
        );
        q.tie_to(
            Relation::DeadLetters,
            Name::Id(dead.clone()),
            "ListDeadLetterSourceQueues",
        );
    });
    let picture = stage.picture();
    assert_eq!(picture.edges.len(), 1);
    assert_eq!(
        picture.edges[0].provenance.0,
        "ListDeadLetterSourceQueues; redrive policy"
    );
}

#[test]
fn the_stack_file_says_what_cannot_be_discovered() {
    let mut stage = Stage::new();
    let queue = stage.thing(Kind::Queue, "orders", &[]);
    stage.deployment("batch", 1, 1);
    stage.declared.edges.push(PinnedEdge {
        from: "orders".to_owned(),
        to: "batch".to_owned(),
        relation: Relation::ConsumedBy,
    });
    stage.declared.queues.push(DeclaredQueue {
        name: "orders".to_owned(),
        idempotent: Some(true),
        external: false,
    });
    let picture = stage.picture();
    assert_eq!(ends(&picture, Relation::ConsumedBy), [("orders", "batch")]);
    let facts = &node(&picture, &queue).facts;
    assert_eq!(facts.flag(Fact::ConsumerIdempotent), Some(true));
    assert_eq!(facts.flag(Fact::ConsumerExternal), Some(false));
}

#[test]
fn an_expected_database_that_is_listed_among_what_nobody_reads_is_not_missing() {
    for (kind, name) in [(Kind::DbInstance, "ledger"), (Kind::DbCluster, "documents")] {
        let mut stage = Stage::new();
        stage.thing(kind, "orders", &[]);
        stage.declared.expected = vec![Expected {
            kind,
            account: AccountId::new(stage::ACCOUNT),
            region: Some(stage::REGION.to_owned()),
            name: name.to_owned(),
        }];
        let id = NodeId::aws(kind, stage::ACCOUNT, Some(stage::REGION), name);
        let picture = stage.picture();
        assert_eq!(node(&picture, &id).standing, Standing::Ghost);
        assert_eq!(level(&picture, &id), Level::Critical);
        stage.list(kind, name);
        let picture = stage.picture();
        assert_eq!(node(&picture, &id).standing, Standing::Declared);
        assert_eq!(level(&picture, &id), Level::Unknown);
        let sentence = &node(&picture, &id).health.reasons[0].sentence;
        let why = "it is there and of the engine mysql: of databases Aurora clusters and their instances are read";
        assert_eq!(
            *sentence,
            format!("{name} is not read: The stack file names it, and {why}.")
        );
        // Figures of another source do not say that it is there.
        stage.held.pop();
        stage.figures(&id, &[], None);
        assert_eq!(node(&stage.picture(), &id).standing, Standing::Ghost);
    }
}
