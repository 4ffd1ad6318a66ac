//! What is read of each recorded object.

use crate::server::{Act, Server, list_of, nodes, read, recorded, told};
use collect::kubernetes::{Limits, Watched};
use model::{Direction, Fact, FoundNode, Name, Relation, Timestamp};
use serde_json::json;

const PODS: &str = "/api/v1/pods";

fn text(node: &FoundNode, fact: Fact) -> Option<&str> {
    node.facts.text(fact)
}

fn tied(node: &FoundNode, relation: Relation, direction: Direction) -> Vec<String> {
    let ties = node.ties.iter();
    ties.filter(|tie| tie.relation == relation && tie.direction == direction)
        .map(|tie| match &tie.other {
            Name::Id(id) => id.to_string(),
            Name::Arn(text) | Name::Host(text) | Name::QueueUrl(text) => text.to_string(),
            Name::Ip(region, ip) => format!("{region} {ip}"),
            Name::Selector(_, namespace, labels) => format!("{namespace} {labels:?}"),
        })
        .collect()
}

use std::time::Duration;

#[tokio::test]
async fn a_pod_in_a_crash_loop() {
    let pods = read(Watched::Pods, PODS, "pod-crashloop").await;
    let [pod] = pods.as_slice() else {
        panic!("{pods:?}")
    };
    assert_eq!(
        pod.id.as_str(),
        "pod/111122223333/eu-west-1/prod/platform/ledger-archiver-5dc7cc84b8-5gftr"
    );
    assert_eq!(text(pod, Fact::Phase), Some("Running"));
    assert_eq!(pod.facts.flag(Fact::Ready), Some(false));
    assert_eq!(text(pod, Fact::Reason), Some("CrashLoopBackOff"));
    assert!(
        text(pod, Fact::Message)
            .unwrap()
            .starts_with("back-off 5m0s")
    );
    assert_eq!(pod.facts.count(Fact::Restarts), Some(36));
    assert_eq!(text(pod, Fact::LastExit), Some("OOMKilled (exit 137)"));
    assert_eq!(
        pod.facts.time(Fact::LastRestartAt),
        Timestamp::parse("2026-11-22T18:16:01Z")
    );
    assert_eq!(text(pod, Fact::Workload), Some("platform/ledger-archiver"));
    assert_eq!(text(pod, Fact::WorkloadKind), Some("Deployment"));
    assert_eq!(pod.facts.flag(Fact::Terminating), Some(false));
    assert_eq!(pod.scope.az.as_deref(), Some("eu-west-1b"));
    assert_eq!(pod.scope.namespace.as_deref(), Some("platform"));
    assert_eq!(
        pod.known_as,
        [Name::Ip("eu-west-1".into(), "10.107.24.10".into())]
    );
    assert_eq!(
        tied(pod, Relation::Hosts, Direction::In),
        ["node/111122223333/eu-west-1/prod/ip-10-0-16-10.eu-west-1.compute.internal"]
    );
    assert_eq!(
        tied(pod, Relation::Owns, Direction::In),
        ["replicaset/111122223333/eu-west-1/prod/platform/ledger-archiver-5dc7cc84b8"]
    );
    assert_eq!(
        tied(pod, Relation::ConnectsTo, Direction::Out),
        ["aurora-trading.cluster-ro.lab.internal"]
    );
}

#[tokio::test]
async fn pods_that_cannot_start_say_why() {
    let pulling = &read(Watched::Pods, PODS, "pod-imagepull").await[0];
    assert_eq!(text(pulling, Fact::Reason), Some("ImagePullBackOff"));
    assert_eq!(text(pulling, Fact::Phase), Some("Pending"));
    assert!(
        text(pulling, Fact::Message)
            .unwrap()
            .contains("does-not-exist")
    );
    let unplaced = &read(Watched::Pods, PODS, "pod-unschedulable").await[0];
    assert_eq!(text(unplaced, Fact::Reason), Some("Unschedulable"));
    assert!(
        text(unplaced, Fact::Message)
            .unwrap()
            .starts_with("0/6 nodes are available")
    );
    assert_eq!(unplaced.facts.get(Fact::NodeName), None);
    assert!(unplaced.known_as.is_empty());
}

#[tokio::test]
async fn restarts_are_counted_as_kubectl_counts_them() {
    let mut pod = recorded("pod-crashloop");
    pod["spec"]["initContainers"] = json!([
        {"name": "mesh", "restartPolicy": "Always"},
        {"name": "migrate"},
    ]);
    pod["status"]["initContainerStatuses"] = json!([
        {"name": "mesh", "restartCount": 2},
        {"name": "migrate", "restartCount": 5},
    ]);
    for (initialized, restarts) in [("True", 36 + 2), ("False", 36 + 2 + 5)] {
        pod["status"]["conditions"][1]["status"] = json!(initialized);
        let server = Server::start().await;
        server.list(PODS, Act::Json(list_of("1", &[pod.clone()])));
        let cluster = server.cluster(Limits::default()).await;
        let found = nodes(told(&mut cluster.watch(Watched::Pods)).await);
        assert_eq!(found[0].facts.count(Fact::Restarts), Some(restarts));
    }
}

#[tokio::test]
async fn a_node_and_a_cordoned_one() {
    let node = &read(Watched::Nodes, "/api/v1/nodes", "nodes").await[0];
    assert_eq!(
        node.id.as_str(),
        "node/111122223333/eu-west-1/prod/ip-10-0-0-10.eu-west-1.compute.internal"
    );
    assert_eq!(node.scope.az.as_deref(), Some("eu-west-1a"));
    assert_eq!(node.facts.flag(Fact::Ready), Some(true));
    assert_eq!(node.facts.flag(Fact::Schedulable), Some(true));
    assert_eq!(text(node, Fact::InstanceType), Some("c7i.4xlarge"));
    assert_eq!(text(node, Fact::Nodegroup), Some("core-a"));
    assert_eq!(text(node, Fact::CapacityType), Some("SPOT"));
    assert_eq!(
        node.facts.count(Fact::CpuAllocatableMillicores),
        Some(16_000)
    );
    assert_eq!(node.facts.count(Fact::MemoryAllocatableMib), Some(32_768));
    assert_eq!(
        node.facts.time(Fact::ReadySince),
        Timestamp::parse("2026-11-22T18:14:35Z")
    );
    assert_eq!(
        tied(node, Relation::Owns, Direction::In),
        ["nodegroup/111122223333/eu-west-1/prod/core-a"]
    );
    let cordoned = &read(Watched::Nodes, "/api/v1/nodes", "node-cordon").await[0];
    assert_eq!(cordoned.facts.flag(Fact::Schedulable), Some(false));
}

#[tokio::test]
async fn pages_are_put_together() {
    let server = Server::start().await;
    server.list(PODS, Act::Json(recorded("pods-list-limit")));
    let mut last = recorded("pods-list-continue");
    last["metadata"].as_object_mut().unwrap().remove("continue");
    server.list(PODS, Act::Json(last));
    let cluster = server.cluster(Limits::default()).await;
    assert_eq!(
        nodes(told(&mut cluster.watch(Watched::Pods)).await).len(),
        4
    );
    let asked = server.asked();
    assert!(asked[0].contains("limit="), "{asked:?}");
    assert!(asked[1].contains("&continue=eyJ2Ijoi"), "{asked:?}");
    let head = server.head().to_ascii_lowercase();
    assert!(head.contains("accept-encoding: gzip"), "{head}");
    assert!(
        head.contains(concat!(
            "user-agent: quarterdeck/",
            env!("CARGO_PKG_VERSION")
        )),
        "{head}"
    );
}

#[tokio::test]
async fn the_api_tells_its_version_and_its_latency_without_the_making_of_the_connection() {
    let server = Server::far(Duration::from_millis(400)).await;
    server.list("/version", Act::Json(recorded("version")));
    let cluster = server.cluster(Limits::default()).await;
    let found = nodes(told(&mut cluster.watch(Watched::Api)).await);
    assert_eq!(found[0].id.as_str(), "cluster/111122223333/eu-west-1/prod");
    assert!(text(&found[0], Fact::Version).unwrap().starts_with("v1.36"));
    let latency = found[0].facts.number(Fact::ApiLatencyMs).unwrap();
    assert!(latency > 0.0 && latency < 400.0, "{latency}");
}
