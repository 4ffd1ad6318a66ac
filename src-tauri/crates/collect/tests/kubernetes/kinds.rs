//! The resources that are joined with others, and the smaller ones.

use crate::server::{Act, Line, Server, event, list_of, nodes, pod, read, recorded, told};
use collect::kubernetes::{Cluster, Limits, WatchBatch, Watched};
use model::{
    Change, ChangeKind, Direction, Fact, Found, FoundNode, Name, Relation, Standing, Timestamp,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
const REPLICA_SETS: &str = "/apis/apps/v1/replicasets";
const BUDGETS: &str = "/apis/policy/v1/poddisruptionbudgets";
const PODS: &str = "/api/v1/pods";
const EVENTS: &str = "/api/v1/events";

fn text(node: &FoundNode, fact: Fact) -> Option<&str> {
    node.facts.text(fact)
}

fn tied(node: &FoundNode, relation: Relation, direction: Direction) -> Vec<Name> {
    let ties = node.ties.iter();
    ties.filter(|tie| tie.relation == relation && tie.direction == direction)
        .map(|tie| tie.other.clone())
        .collect()
}

fn id(text: &str) -> Name {
    Name::Id(model::NodeId::new(text))
}

/// Everything a cluster tells of some resources at first.
async fn all(cluster: &Cluster, what: &[Watched]) -> Vec<FoundNode> {
    let mut watches: Vec<_> = what.iter().map(|what| cluster.watch(*what)).collect();
    let mut found = Vec::new();
    // In the order given: none of them ends before all have told.
    for watch in &mut watches {
        found.extend(nodes(told(watch).await));
    }
    found
}

fn named<'n>(nodes: &'n [FoundNode], id: &str) -> &'n FoundNode {
    nodes
        .iter()
        .find(|node| node.id.as_str() == id)
        .unwrap_or_else(|| {
            panic!(
                "no {id} in {:?}",
                nodes.iter().map(|node| node.id.clone()).collect::<Vec<_>>()
            )
        })
}

#[tokio::test]
async fn a_deployment_with_its_replica_set_and_budget() {
    let server = Server::start().await;
    server.list(
        DEPLOYMENTS,
        Act::Json(list_of("1", &[recorded("deployment")])),
    );
    server.list(REPLICA_SETS, Act::Json(recorded("replicasets")));
    let mut budgets = recorded("pdbs");
    budgets["items"][0]["metadata"]["namespace"] = json!("trading");
    budgets["items"][0]["spec"]["selector"]["matchLabels"] =
        json!({"app.kubernetes.io/name": "order-api"});
    server.list(BUDGETS, Act::Json(budgets));
    let cluster = server.cluster(Limits::default()).await;
    let found = all(
        &cluster,
        &[Watched::Deployments, Watched::ReplicaSets, Watched::Budgets],
    )
    .await;
    let deployment = named(
        &found,
        "deployment/111122223333/eu-west-1/prod/trading/order-api",
    );
    for (fact, count) in [
        (Fact::Replicas, 22),
        (Fact::ReplicasReady, 22),
        (Fact::ReplicasUpdated, 22),
        (Fact::ReplicasAvailable, 22),
        (Fact::ReplicasUnavailable, 0),
        (Fact::Revision, 1),
        (Fact::ObservedGeneration, 1),
        (Fact::MinAvailable, 9),
        (Fact::DisruptionsAllowed, 3),
        (Fact::CpuRequestMillicores, 250),
        (Fact::MemoryRequestMib, 512),
        (Fact::TerminationGraceSeconds, 30),
    ] {
        assert_eq!(deployment.facts.count(fact), Some(count), "{fact:?}");
    }
    assert_eq!(text(deployment, Fact::Rollout), Some("complete"));
    assert_eq!(text(deployment, Fact::Strategy), Some("RollingUpdate"));
    assert_eq!(text(deployment, Fact::MaxUnavailable), Some("10%"));
    assert_eq!(text(deployment, Fact::MaxSurge), Some("25%"));
    assert!(
        text(deployment, Fact::Image)
            .unwrap()
            .ends_with("order-api:2026.11.3")
    );
    assert_eq!(
        deployment.facts.time(Fact::RolloutStartedAt),
        Timestamp::parse("2026-11-22T18:14:36Z")
    );
    let set = named(
        &found,
        "replicaset/111122223333/eu-west-1/prod/trading/order-api-c44ffcd5d",
    );
    assert_eq!(set.facts.flag(Fact::RevisionCurrent), Some(true));
    assert_eq!(set.facts.count(Fact::Revision), Some(1));
    assert_eq!(
        tied(set, Relation::Owns, Direction::In),
        [id(
            "deployment/111122223333/eu-west-1/prod/trading/order-api"
        )]
    );
}

fn replica_set(hash: &str, revision: &str, created: &str, history: Option<&str>) -> Value {
    let mut annotations = json!({"deployment.kubernetes.io/revision": revision});
    if let Some(history) = history {
        annotations["deployment.kubernetes.io/revision-history"] = json!(history);
    }
    json!({
        "metadata": {
            "name": format!("order-api-{hash}"), "namespace": "trading", "resourceVersion": "7",
            "creationTimestamp": created, "annotations": annotations,
            "ownerReferences": [{"kind": "Deployment", "name": "order-api", "controller": true}],
        },
        "spec": {"replicas": 3},
    })
}

fn deployment(revision: &str, status: Value, progressing: Value) -> Value {
    let mut status = status;
    status["conditions"] = json!([progressing]);
    json!({
        "metadata": {
            "name": "order-api", "namespace": "trading", "generation": 5,
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {"replicas": 3},
        "status": status,
    })
}

#[tokio::test]
async fn a_new_revision_takes_the_place_of_the_old_one() {
    let server = Server::start().await;
    let old = replica_set("aaa", "1", "2026-11-22T10:00:00Z", None);
    server.list(
        REPLICA_SETS,
        Act::Json(list_of("1", std::slice::from_ref(&old))),
    );
    let new = replica_set("bbb", "2", "2026-11-22T11:00:00Z", None);
    server.watch(
        REPLICA_SETS,
        Act::Watch(vec![Line::Gate, event("ADDED", &new), Line::Silence]),
    );
    let done = json!({"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
        "lastUpdateTime": "2026-11-22T10:01:00Z"});
    let whole = json!({"observedGeneration": 5, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3});
    server.list(
        DEPLOYMENTS,
        Act::Json(list_of("1", &[deployment("1", whole, done)])),
    );
    let cluster = server.cluster(Limits::default()).await;
    let mut sets = cluster.watch(Watched::ReplicaSets);
    let mut deployments = cluster.watch(Watched::Deployments);
    let started = |nodes: Vec<FoundNode>| nodes[0].facts.time(Fact::RolloutStartedAt);
    assert_eq!(
        started(nodes(told(&mut deployments).await)),
        Timestamp::parse("2026-11-22T10:00:00Z")
    );
    assert_eq!(
        nodes(told(&mut sets).await)[0]
            .facts
            .flag(Fact::RevisionCurrent),
        Some(true)
    );
    server.go_on();
    let changed = nodes(told(&mut sets).await);
    let current = |hash: &str| {
        let node = changed
            .iter()
            .find(|node| node.name.ends_with(hash))
            .unwrap();
        node.facts.flag(Fact::RevisionCurrent)
    };
    assert_eq!((current("aaa"), current("bbb")), (Some(false), Some(true)));
    assert_eq!(
        started(nodes(told(&mut deployments).await)),
        Timestamp::parse("2026-11-22T11:00:00Z")
    );
}

#[tokio::test]
async fn a_rollback_does_not_date_back_to_the_old_replica_set() {
    let server = Server::start().await;
    let back = replica_set("aaa", "3", "2026-11-22T10:00:00Z", Some("1"));
    let bad = replica_set("bbb", "2", "2026-11-22T11:00:00Z", None);
    server.list(REPLICA_SETS, Act::Json(list_of("1", &[back, bad])));
    let done = json!({"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
        "lastUpdateTime": "2026-11-22T12:00:00Z"});
    let whole = json!({"observedGeneration": 5, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3});
    server.list(
        DEPLOYMENTS,
        Act::Json(list_of("1", &[deployment("3", whole, done)])),
    );
    let cluster = server.cluster(Limits::default()).await;
    let found = all(&cluster, &[Watched::ReplicaSets, Watched::Deployments]).await;
    let node = named(
        &found,
        "deployment/111122223333/eu-west-1/prod/trading/order-api",
    );
    assert_eq!(
        node.facts.time(Fact::RolloutStartedAt),
        Timestamp::parse("2026-11-22T12:00:00Z")
    );
}

#[tokio::test]
async fn rollouts_are_told_apart() {
    let status = |updated: i64, ready: i64, seen: i64| json!({"observedGeneration": seen, "replicas": 3, "updatedReplicas": updated, "availableReplicas": ready});
    let because = |status: &str, reason: &str| json!({"type": "Progressing", "status": status, "reason": reason});
    let arrived = || because("True", "NewReplicaSetAvailable");
    let mut paused = deployment("1", status(3, 3, 5), arrived());
    paused["spec"]["paused"] = json!(true);
    for (object, word) in [
        (deployment("1", status(3, 3, 5), arrived()), "complete"),
        // A pod that fails later is no rollout.
        (deployment("1", status(3, 1, 5), arrived()), "complete"),
        (deployment("1", status(3, 3, 4), arrived()), "progressing"),
        (
            deployment("1", status(1, 3, 5), because("True", "ReplicaSetUpdated")),
            "progressing",
        ),
        (
            deployment(
                "1",
                status(1, 2, 5),
                because("False", "ProgressDeadlineExceeded"),
            ),
            "stuck",
        ),
        (paused, "paused"),
    ] {
        let server = Server::start().await;
        server.list(DEPLOYMENTS, Act::Json(list_of("1", &[object])));
        let cluster = server.cluster(Limits::default()).await;
        let found = nodes(told(&mut cluster.watch(Watched::Deployments)).await);
        assert_eq!(text(&found[0], Fact::Rollout), Some(word));
    }
}

#[tokio::test]
async fn a_pinned_autoscaler() {
    let path = "/apis/autoscaling/v2/horizontalpodautoscalers";
    let hpa = &read(Watched::Autoscalers, path, "hpa").await[0];
    for (fact, count) in [
        (Fact::Min, 11),
        (Fact::Max, 22),
        (Fact::CurrentReplicas, 22),
        (Fact::DesiredReplicas, 22),
    ] {
        assert_eq!(hpa.facts.count(fact), Some(count), "{fact:?}");
    }
    assert_eq!(hpa.facts.flag(Fact::PinnedAtMax), Some(true));
    assert_eq!(hpa.facts.flag(Fact::ScalingActive), Some(true));
    assert_eq!(
        text(hpa, Fact::ScalingLimitedReason),
        Some("TooManyReplicas")
    );
    assert_eq!(text(hpa, Fact::Metric), Some("cpu utilization in percent"));
    assert_eq!(hpa.facts.number(Fact::MetricCurrent), Some(97.0));
    assert_eq!(hpa.facts.number(Fact::MetricTarget), Some(70.0));
    assert_eq!(text(hpa, Fact::ScaleTarget), Some("Deployment/order-api"));
    let target = id("deployment/111122223333/eu-west-1/prod/trading/order-api");
    assert_eq!(tied(hpa, Relation::Scales, Direction::Out), [target]);
}

#[tokio::test]
async fn a_service_and_an_ingress() {
    let service = &read(Watched::Services, "/api/v1/services", "services").await[0];
    assert_eq!(text(service, Fact::ServiceType), Some("ClusterIP"));
    assert_eq!(service.facts.count(Fact::Port), Some(80));
    let labels = BTreeMap::from([(
        "app.kubernetes.io/name".to_owned(),
        "fix-gateway".to_owned(),
    )]);
    let cluster = model::NodeId::new("cluster/111122223333/eu-west-1/prod");
    let pods = Name::Selector(cluster, "trading".into(), labels.into());
    assert_eq!(tied(service, Relation::Selects, Direction::Out), [pods]);
    assert!(
        service
            .known_as
            .contains(&Name::Host("fix-gateway.trading.svc.cluster.local".into()))
    );
    let ingress = &read(
        Watched::Ingresses,
        "/apis/networking.k8s.io/v1/ingresses",
        "ingresses",
    )
    .await[0];
    assert_eq!(text(ingress, Fact::IngressClass), Some("alb"));
    assert_eq!(text(ingress, Fact::Hosts), Some("md.lab.internal"));
    let backend = id("service/111122223333/eu-west-1/prod/market-data/market-data-gateway");
    assert_eq!(tied(ingress, Relation::Selects, Direction::Out), [backend]);
    let host = "internal-k8s-tradingedge-market-data-gateway.eu-west-1.elb.amazonaws.com";
    assert_eq!(
        tied(ingress, Relation::Owns, Direction::Out),
        [Name::Host(host.into())]
    );
}

fn changes(batch: WatchBatch) -> Vec<Change> {
    let WatchBatch::Replaced { found, .. } = batch else {
        panic!("{batch:?}")
    };
    let change = |found| match found {
        Found::Change(change) => Some(change),
        Found::Node(_) | Found::Readings(_) => None,
    };
    found.into_iter().filter_map(change).collect()
}

fn an_event(name: &str, kind: &str, reason: &str, count: i64, last: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "trading", "resourceVersion": "9"},
        "involvedObject": {"kind": "Pod", "namespace": "trading", "name": "a"},
        "type": kind, "reason": reason, "message": "it happened", "count": count, "lastTimestamp": last,
    })
}

#[tokio::test]
async fn events_are_told_newest_first_and_never_twice() {
    let server = Server::start().await;
    let mut list = recorded("events");
    list["metadata"].as_object_mut().unwrap().remove("continue");
    let items = list["items"].as_array_mut().unwrap();
    items.push(an_event(
        "e1",
        "Warning",
        "BackOff",
        1,
        "2026-11-22T18:00:00Z",
    ));
    items.push(an_event(
        "e2",
        "Normal",
        "Pulled",
        1,
        "2026-11-22T18:01:00Z",
    ));
    let mut scaled = an_event(
        "e3",
        "Normal",
        "ScalingReplicaSet",
        1,
        "2026-11-22T18:02:00Z",
    );
    scaled["involvedObject"] =
        json!({"kind": "Deployment", "namespace": "trading", "name": "order-api"});
    items.push(scaled);
    server.list(EVENTS, Act::Json(list));
    let again = an_event("e1", "Warning", "BackOff", 4, "2026-11-22T18:03:00Z");
    server.watch(
        EVENTS,
        Act::Watch(vec![event("MODIFIED", &again), Line::Silence]),
    );
    let cluster = server.cluster(Limits::default()).await;
    let mut watch = cluster.watch(Watched::Events);
    let first = changes(told(&mut watch).await);
    let told_of: Vec<_> = first
        .iter()
        .map(|change| (change.kind, change.sentence.as_str()))
        .collect();
    assert_eq!(
        told_of,
        [
            (ChangeKind::Scale, "ScalingReplicaSet: it happened"),
            (ChangeKind::Event, "BackOff: it happened")
        ]
    );
    assert_eq!(
        first[0].node.as_str(),
        "deployment/111122223333/eu-west-1/prod/trading/order-api"
    );
    let second = changes(told(&mut watch).await);
    assert_eq!(second.len(), 2);
    assert_eq!(second[0].sentence, "BackOff: it happened (×4)");
}

#[tokio::test]
async fn hosts_in_config_maps_tie_pods_and_deployments() {
    let server = Server::start().await;
    let spec = json!({"containers": [{"name": "c", "image": "i:1", "envFrom": [{"configMapRef": {"name": "order-api-config"}}],
        "env": [{"name": "QUEUE_URL", "value": "https://sqs.eu-west-1.amazonaws.com/111122223333/orders"}]}]});
    let mut one = pod("a", "5", 0);
    one["spec"] = spec.clone();
    server.list(PODS, Act::Json(list_of("1", &[one])));
    let mut owner = deployment("1", json!({}), json!({"type": "Progressing"}));
    owner["spec"]["template"] = json!({"spec": spec});
    server.list(DEPLOYMENTS, Act::Json(list_of("1", &[owner])));
    let map = |host: &str| json!({"metadata": {"name": "order-api-config"}, "data": {"DB_HOST": host, "SECRET": "hunter2"}});
    let aurora = "trading.cluster-abc.eu-west-1.rds.amazonaws.com";
    server.list(
        "/api/v1/namespaces/trading/configmaps/order-api-config",
        Act::Json(map(aurora)),
    );
    let cluster = server.cluster(Limits::default()).await;
    let found = all(
        &cluster,
        &[Watched::Pods, Watched::Deployments, Watched::ConfigMaps],
    )
    .await;
    let pod = named(&found, "pod/111122223333/eu-west-1/prod/trading/a");
    let database = [Name::Host(aurora.into())];
    assert_eq!(tied(pod, Relation::ConnectsTo, Direction::Out), database);
    assert!(tied(pod, Relation::SendsTo, Direction::Out).is_empty());
    let deployment = named(
        &found,
        "deployment/111122223333/eu-west-1/prod/trading/order-api",
    );
    assert_eq!(
        tied(deployment, Relation::ConnectsTo, Direction::Out),
        database
    );
    let queue = Name::Arn("arn:aws:sqs:eu-west-1:111122223333:orders".into());
    assert_eq!(tied(deployment, Relation::SendsTo, Direction::Out), [queue]);
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_config_map_that_answers_late_has_the_pods_told_again() {
    let server = Server::start().await;
    let mut one = pod("a", "5", 0);
    one["spec"]["containers"] =
        json!([{"name": "c", "envFrom": [{"configMapRef": {"name": "late"}}]}]);
    server.list(PODS, Act::Json(list_of("1", &[one])));
    let map = json!({"data": {"DB_HOST": "db.example.internal"}});
    server.list("/api/v1/namespaces/trading/configmaps/late", Act::Json(map));
    let cluster = server.cluster(Limits::default()).await;
    let mut pods = cluster.watch(Watched::Pods);
    assert!(
        tied(
            &nodes(told(&mut pods).await)[0],
            Relation::ConnectsTo,
            Direction::Out
        )
        .is_empty()
    );
    let mut maps = cluster.watch(Watched::ConfigMaps);
    assert_eq!(
        told(&mut maps).await,
        WatchBatch::Replaced {
            found: vec![],
            skipped: 0
        }
    );
    let again = nodes(told(&mut pods).await);
    let database = Name::Host("db.example.internal".into());
    assert_eq!(
        tied(&again[0], Relation::ConnectsTo, Direction::Out),
        [database]
    );
}

#[tokio::test]
async fn kinds_that_are_not_served_are_absent_and_no_failure() {
    let server = Server::start().await;
    let cluster = server.cluster(Limits::default()).await;
    for what in [
        Watched::ScaledObjects,
        Watched::NodePools,
        Watched::Bindings,
        Watched::Autoscalers,
    ] {
        let WatchBatch::Absent(sentence) = told(&mut cluster.watch(what)).await else {
            panic!("{what:?}")
        };
        assert!(sentence.contains(what.part()), "{sentence}");
    }
}

/// KEDA sets the condition for a pause of one direction as well.
#[tokio::test]
async fn a_scaled_object_that_is_held_one_way_is_not_paused() {
    let held = |name: &str, annotations: Value| {
        json!({
            "metadata": {"name": name, "namespace": "trading", "annotations": annotations},
            "spec": {"scaleTargetRef": {"name": "w"}, "triggers": []},
            "status": {"conditions": [{"type": "Paused", "status": "True"}]},
        })
    };
    let server = Server::start().await;
    let all = [
        held("a", json!({"autoscaling.keda.sh/paused-scale-in": "True"})),
        held("b", json!({"autoscaling.keda.sh/paused-scale-out": "yes"})),
        held("c", json!({"autoscaling.keda.sh/paused": "1"})),
        held("d", json!({"autoscaling.keda.sh/paused-scale-in": "false"})),
    ];
    server.list(
        "/apis/keda.sh/v1alpha1/scaledobjects",
        Act::Json(list_of("1", &all)),
    );
    let cluster = server.cluster(Limits::default()).await;
    let found = nodes(told(&mut cluster.watch(Watched::ScaledObjects)).await);
    let flags = [Fact::Paused, Fact::PausedScaleIn, Fact::PausedScaleOut];
    let said: Vec<_> = found
        .iter()
        .map(|node| flags.map(|flag| node.facts.flag(flag)))
        .collect();
    assert_eq!(
        said,
        [
            [Some(false), Some(true), None],
            [Some(false), None, Some(true)],
            [Some(true), None, None],
            [Some(true), Some(false), None],
        ]
    );
}

#[tokio::test]
async fn a_scaled_object_consumes_its_queue() {
    let server = Server::start().await;
    let object = json!({
        "metadata": {"name": "settle", "namespace": "trading", "annotations": {
            "autoscaling.keda.sh/paused": "true", "autoscaling.keda.sh/paused-scale-in": "true",
            "autoscaling.keda.sh/paused-replicas": "4", "argocd.argoproj.io/tracking-id": "shop:keda.sh/ScaledObject:trading/settle"}},
        "spec": {
            "scaleTargetRef": {"name": "settlement-worker"}, "maxReplicaCount": 40,
            "triggers": [{"type": "aws-sqs-queue", "metadata": {
                "queueURL": "https://sqs.eu-west-1.amazonaws.com/111122223333/settle", "queueLength": "20", "awsRegion": "eu-west-1"}}],
        },
        "status": {"hpaName": "keda-hpa-settle", "conditions": [{"type": "Ready", "status": "True"}, {"type": "Active", "status": "False"}]},
    });
    server.list(
        "/apis/keda.sh/v1alpha1/scaledobjects",
        Act::Json(list_of("1", &[object])),
    );
    let cluster = server.cluster(Limits::default()).await;
    let node = &nodes(told(&mut cluster.watch(Watched::ScaledObjects)).await)[0];
    assert_eq!(
        text(node, Fact::Trigger),
        Some("aws-sqs-queue settle, 20 messages per pod")
    );
    assert_eq!(node.facts.flag(Fact::Paused), Some(true));
    assert_eq!(node.facts.flag(Fact::ScalingActive), Some(false));
    assert_eq!(
        (node.facts.count(Fact::Min), node.facts.count(Fact::Max)),
        (Some(0), Some(40))
    );
    assert_eq!(node.facts.count(Fact::PausedReplicas), Some(4));
    assert_eq!(node.facts.flag(Fact::PausedScaleIn), Some(true));
    assert_eq!(node.facts.flag(Fact::PausedScaleOut), None);
    assert_eq!(text(node, Fact::HpaName), Some("keda-hpa-settle"));
    assert_eq!(text(node, Fact::ManagedBy), Some("argocd:shop"));
    assert_eq!(node.facts.count(Fact::PollingIntervalSeconds), Some(30));
    let queue = Name::Arn("arn:aws:sqs:eu-west-1:111122223333:settle".into());
    assert_eq!(tied(node, Relation::ConsumedBy, Direction::In), [queue]);
    let workload = id("deployment/111122223333/eu-west-1/prod/trading/settlement-worker");
    assert_eq!(tied(node, Relation::Scales, Direction::Out), [workload]);
}

#[tokio::test]
async fn the_tightest_quota_is_said_of_its_namespace() {
    let server = Server::start().await;
    let quota = |name: &str, hard: Value, used: Value| json!({"metadata": {"name": name, "namespace": "trading"}, "status": {"hard": hard, "used": used}});
    let mut scoped = quota("batch", json!({"pods": "1"}), json!({"pods": "1"}));
    scoped["spec"] = json!({"scopes": ["BestEffort"]});
    let items = [
        quota(
            "compute",
            json!({"requests.cpu": "40", "requests.memory": "64Gi", "pods": "200"}),
            json!({"requests.cpu": "38500m", "requests.memory": "20Gi", "pods": "150"}),
        ),
        quota(
            "count",
            json!({"count/pods": "160"}),
            json!({"count/pods": "150"}),
        ),
        scoped,
    ];
    server.list("/api/v1/resourcequotas", Act::Json(list_of("1", &items)));
    let cluster = server.cluster(Limits::default()).await;
    let found = nodes(told(&mut cluster.watch(Watched::Quotas)).await);
    let [namespace] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(namespace.standing, Standing::Declared);
    for (fact, count) in [
        (Fact::QuotaPods, 160),
        (Fact::QuotaPodsUsed, 150),
        (Fact::QuotaCpuMillicores, 40_000),
        (Fact::QuotaCpuUsedMillicores, 38_500),
        (Fact::QuotaMemoryMib, 65_536),
        (Fact::QuotaMemoryUsedMib, 20_480),
    ] {
        assert_eq!(namespace.facts.count(fact), Some(count), "{fact:?}");
    }
}

#[tokio::test]
async fn a_target_group_binding_is_said_of_its_service() {
    let server = Server::start().await;
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/k8s-orders/0123456789abcdef";
    let object = |name: &str, arn: &str| {
        json!({
            "metadata": {"name": name, "namespace": "trading"},
            "spec": {"targetGroupARN": arn, "serviceRef": {"name": "order-api", "port": 80}},
        })
    };
    let items = [object("one", arn), object("two", &format!("{arn}2"))];
    server.list(
        "/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings",
        Act::Json(list_of("1", &items)),
    );
    let cluster = server.cluster(Limits::default()).await;
    let found = nodes(told(&mut cluster.watch(Watched::Bindings)).await);
    let [service] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(service.standing, Standing::Declared);
    assert_eq!(
        service.id.as_str(),
        "service/111122223333/eu-west-1/prod/trading/order-api"
    );
    assert_eq!(tied(service, Relation::Selects, Direction::In).len(), 2);
}

#[tokio::test]
async fn pods_carry_the_revision_of_their_replica_set() {
    let server = Server::start().await;
    let mut one = pod("order-api-bbb-x", "5", 0);
    one["metadata"]["labels"] = json!({"pod-template-hash": "bbb"});
    one["metadata"]["ownerReferences"] =
        json!([{"kind": "ReplicaSet", "name": "order-api-bbb", "controller": true}]);
    server.list(PODS, Act::Json(list_of("1", &[one])));
    server.list(
        REPLICA_SETS,
        Act::Json(list_of(
            "1",
            &[replica_set("bbb", "7", "2026-11-22T11:00:00Z", None)],
        )),
    );
    let cluster = server.cluster(Limits::default()).await;
    let found = all(&cluster, &[Watched::Pods, Watched::ReplicaSets]).await;
    let pod = named(
        &found,
        "pod/111122223333/eu-west-1/prod/trading/order-api-bbb-x",
    );
    assert_eq!(pod.facts.count(Fact::Revision), Some(7));
    assert_eq!(text(pod, Fact::Workload), Some("trading/order-api"));
}
