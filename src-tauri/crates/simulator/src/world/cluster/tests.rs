//! Laws of a cluster: what it begins as, that it reaches what is asked, and that its store tells the truth.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::resource::Resource;
use super::store::{Draft, Happened, Labels, Store};
use super::*;

const BORN: Millis = Millis(1_795_300_000_000);

pub(crate) fn spec(scale: u32) -> ClusterSpec {
    let az = |name: &str, id: &str| Az {
        name: name.into(),
        id: id.into(),
    };
    let base = WorkloadSpec::deployment("trading", "orders", "orders:2026.11.7", 8 * scale);
    ClusterSpec {
        name: "prod-use1".into(),
        region: "us-east-1".into(),
        account: "100200300400".into(),
        version: "1.33".into(),
        network: 40,
        azs: vec![
            az("us-east-1a", "use1-az4"),
            az("us-east-1b", "use1-az6"),
            az("us-east-1c", "use1-az1"),
        ],
        nodegroups: vec![NodegroupSpec {
            name: "core".into(),
            instance_type: "m7i.4xlarge".into(),
            capacity_type: CapacityType::OnDemand,
            min: 3,
            desired: 6,
            max: 12,
        }],
        pools: Vec::new(),
        workloads: vec![
            WorkloadSpec {
                hpa: Some(Hpa {
                    min: 8 * scale,
                    max: 24 * scale,
                    target_cpu_percent: 70,
                }),
                service: Some(ServicePort {
                    port: 80,
                    target_port: 8080,
                }),
                target_group_arn: Some(
                    "arn:aws:elasticloadbalancing:us-east-1:100200300400:targetgroup/o/1".into(),
                ),
                ingress: Some(IngressSpec {
                    host: "orders.example".into(),
                    load_balancer: "lb.example".into(),
                }),
                env: vec![("DATABASE_HOST".into(), "db.example".into())],
                config: vec![("CACHE_HOST".into(), "cache.example".into())],
                revision: 42,
                ..base.clone()
            },
            WorkloadSpec {
                name: "settler".into(),
                image: "settler:41".into(),
                queue_trigger: Some(QueueTrigger {
                    queue_url: "https://sqs.us-east-1.amazonaws.com/100200300400/settle".into(),
                    min: 2,
                    max: 20,
                    length_per_pod: 50,
                }),
                replicas: 4,
                revision: 41,
                ..base.clone()
            },
            WorkloadSpec {
                name: "ledger".into(),
                kind: WorkloadKind::StatefulSet,
                image: "ledger:3".into(),
                replicas: 3,
                ..base
            },
        ],
    }
}

fn calm(_: &WorkloadKey, _: &str) -> Load {
    Load {
        cpu_percent_of_request: 66.0,
    }
}

fn run(cluster: &mut Cluster, seconds: i64) {
    let start = cluster.now();
    for second in 1..=seconds {
        cluster.step(start.plus_seconds(second), &calm);
    }
}

fn orders() -> WorkloadKey {
    WorkloadKey::new("trading", "orders")
}

fn settler() -> WorkloadKey {
    WorkloadKey::new("trading", "settler")
}

#[test]
fn it_begins_settled() {
    let cluster = Cluster::new(spec(1), BORN, 1);
    assert_eq!(
        (cluster.ready(&orders()), cluster.desired(&orders())),
        (8, 8)
    );
    assert_eq!(cluster.current_revision(&orders()), 42);
    let mut zones: BTreeMap<&str, u32> = BTreeMap::new();
    for pod in cluster.pods(&orders()) {
        assert!(pod.ip.is_some() && pod.created < BORN);
        *zones.entry(pod.az).or_default() += 1;
    }
    assert_eq!(zones.into_values().collect::<Vec<_>>(), [3, 3, 2]);
    for resource in Resource::ALL {
        for object in cluster.store().range(*resource, None, None) {
            let value: Value = serde_json::from_slice(&object.body).unwrap();
            assert_eq!(value["metadata"]["name"], object.name.as_str());
            assert_eq!(
                value["metadata"]["resourceVersion"],
                object.version.to_string()
            );
            let metadata: Value = serde_json::from_slice(&object.metadata()).unwrap();
            assert_eq!(metadata, value["metadata"]);
        }
    }
    assert_eq!(cluster.store().count(Resource::TargetGroupBindings), 1);
    assert_eq!(cluster.store().count(Resource::ScaledObjects), 1);
    assert_eq!(cluster.store().count(Resource::HorizontalPodAutoscalers), 2);
}

#[test]
fn the_same_seed_evolves_the_same() {
    let objects = |seed| {
        let mut cluster = Cluster::new(spec(1), BORN, seed);
        cluster.release(&orders(), "2026.11.8", BORN);
        run(&mut cluster, 120);
        let pods = cluster.store().range(Resource::Pods, None, None);
        pods.map(|o| o.body.clone()).collect::<Vec<_>>()
    };
    assert_eq!(objects(5), objects(5));
    assert_ne!(objects(5), objects(6));
}

#[test]
fn a_release_rolls_over_with_surge_and_reaches_all() {
    let mut cluster = Cluster::new(spec(1), BORN, 2);
    run(&mut cluster, 5);
    cluster.release(&orders(), "2026.11.8", cluster.now());
    let (mut most, mut least) = (0, u32::MAX);
    for _ in 0..180 {
        run(&mut cluster, 1);
        let live = cluster.pods(&orders()).filter(|p| !p.terminating).count();
        most = most.max(live);
        least = least.min(cluster.ready(&orders()));
    }
    assert_eq!(cluster.current_revision(&orders()), 43);
    assert!(
        cluster
            .pods(&orders())
            .all(|p| p.image_tag == "2026.11.8" && p.ready),
        "not all are new"
    );
    assert_eq!(cluster.pods(&orders()).count(), 8);
    assert!((9..=10).contains(&most), "surge {most}");
    assert!(least >= 8, "only {least} ready");
    assert!(!cluster.rolling_out(&orders()));
}

#[test]
fn an_undo_gives_the_old_replica_set_a_new_number() {
    let mut cluster = Cluster::new(spec(1), BORN, 2);
    let before = cluster.store().count(Resource::ReplicaSets);
    cluster.release(&orders(), "bad", BORN);
    run(&mut cluster, 200);
    cluster.rollback(&orders(), cluster.now());
    run(&mut cluster, 200);
    assert_eq!(cluster.current_revision(&orders()), 44);
    assert_eq!(cluster.current_tag(&orders()), Some("2026.11.7"));
    assert!(
        cluster
            .pods(&orders())
            .all(|p| p.image_tag == "2026.11.7" && p.revision == 44)
    );
    assert!(cluster.store().count(Resource::ReplicaSets) <= before + 1);
}

#[test]
fn a_faulty_release_crashes_and_an_undo_heals() {
    let mut cluster = Cluster::new(spec(1), BORN, 3);
    cluster.release(&settler(), "42", BORN);
    run(&mut cluster, 120);
    let fault = CrashLoop {
        share: 1.0,
        reason: CrashReason::OomKilled,
        last_words: "out of memory".into(),
    };
    cluster.set_crash_loop(&settler(), "42", Some(fault));
    run(&mut cluster, 300);
    assert!(cluster.pods(&settler()).all(|p| p.restarts >= 2));
    assert!(cluster.pods(&orders()).all(|p| p.restarts <= 1));
    let events: Vec<String> = cluster
        .store()
        .range(Resource::Events, None, None)
        .map(|o| o.value()["reason"].as_str().unwrap().to_owned())
        .collect();
    assert!(events.iter().any(|r| r == "BackOff"));
    cluster.rollback(&settler(), cluster.now());
    run(&mut cluster, 200);
    assert!(
        cluster
            .pods(&settler())
            .all(|p| p.ready && p.restarts == 0 && p.image_tag == "41")
    );
}

#[test]
fn a_deep_queue_scales_its_consumer_to_the_bound() {
    let mut cluster = Cluster::new(spec(1), BORN, 3);
    cluster.set_queue_depth(&settler(), 40_000);
    run(&mut cluster, 240);
    assert_eq!(cluster.desired(&settler()), 20);
    assert_eq!(cluster.ready(&settler()), 20);
    let hpa = cluster
        .store()
        .get(
            Resource::HorizontalPodAutoscalers,
            "trading",
            "keda-hpa-settler",
        )
        .unwrap()
        .value();
    assert_eq!(hpa["status"]["conditions"][2]["reason"], "TooManyReplicas");
    cluster.set_queue_depth(&settler(), 0);
    run(&mut cluster, 500);
    assert_eq!(cluster.desired(&settler()), 2);
}

#[test]
fn a_zone_at_fault_flaps_and_recovers() {
    let mut cluster = Cluster::new(spec(4), BORN, 4);
    cluster.az_fault("us-east-1b", true);
    let (mut lost, mut unready_elsewhere) = (0, 0);
    for _ in 0..240 {
        run(&mut cluster, 1);
        lost += cluster
            .nodes()
            .filter(|n| !n.ready && n.az == "us-east-1b")
            .count();
        unready_elsewhere += cluster
            .nodes()
            .filter(|n| !n.ready && n.az != "us-east-1b")
            .count();
    }
    assert!(lost > 20, "{lost}");
    assert_eq!(unready_elsewhere, 0);
    assert!(
        cluster
            .nodes()
            .filter(|n| n.az == "us-east-1b")
            .any(|n| n.ready)
            || lost > 0
    );
    cluster.az_fault("us-east-1b", false);
    run(&mut cluster, 180);
    assert!(cluster.nodes().all(|n| n.ready));
    assert_eq!(cluster.ready(&orders()), cluster.desired(&orders()));
}

#[test]
fn a_nodegroup_grows_and_shrinks() {
    let mut cluster = Cluster::new(spec(1), BORN, 4);
    cluster.resize_nodegroup("core", 3, 9, 12, BORN);
    run(&mut cluster, 60);
    assert_eq!(cluster.nodegroup("core").unwrap().ready, 6);
    run(&mut cluster, 95);
    assert_eq!(cluster.nodegroup("core").unwrap().ready, 9);
    cluster.resize_nodegroup("core", 3, 4, 12, cluster.now());
    run(&mut cluster, 180);
    assert_eq!(cluster.nodegroup("core").unwrap().ready, 4);
    assert_eq!(cluster.ready(&orders()), 8);
}

#[test]
fn a_stateful_set_rolls_from_the_highest_ordinal() {
    let key = WorkloadKey::new("trading", "ledger");
    let mut cluster = Cluster::new(spec(1), BORN, 5);
    cluster.release(&key, "4", BORN);
    run(&mut cluster, 15);
    let old: Vec<String> = cluster
        .pods(&key)
        .filter(|p| p.image_tag == "3" && !p.terminating)
        .map(|p| p.name.to_owned())
        .collect();
    assert_eq!(old, ["ledger-0", "ledger-1"]);
    run(&mut cluster, 200);
    assert!(cluster.pods(&key).all(|p| p.image_tag == "4" && p.ready));
    assert_eq!(cluster.pods(&key).count(), 3);
}

#[test]
fn replaying_the_log_gives_the_list() {
    let mut cluster = Cluster::new(spec(1), BORN, 6);
    run(&mut cluster, 3);
    let from = cluster.store().version();
    let mut seen: BTreeMap<String, (u64, Vec<u8>)> = cluster
        .store()
        .range(Resource::Pods, None, None)
        .map(|o| (o.key(), (o.version, o.body.to_vec())))
        .collect();
    cluster.release(&orders(), "next", cluster.now());
    cluster.az_fault("us-east-1a", true);
    run(&mut cluster, 150);
    for change in cluster.store().since(Resource::Pods, from).unwrap() {
        let key = change.object.key();
        match change.happened {
            Happened::Deleted => assert!(seen.remove(&key).is_some()),
            Happened::Added => assert!(
                seen.insert(key, (change.version, change.object.body.to_vec()))
                    .is_none()
            ),
            Happened::Modified => assert!(
                seen.insert(key, (change.version, change.object.body.to_vec()))
                    .is_some()
            ),
        }
    }
    let now: BTreeMap<String, (u64, Vec<u8>)> = cluster
        .store()
        .range(Resource::Pods, None, None)
        .map(|o| (o.key(), (o.version, o.body.to_vec())))
        .collect();
    assert_eq!(seen, now);
}

fn doc(name: &str, n: u32) -> Draft {
    Draft {
        namespace: "a".into(),
        name: name.into(),
        created: BORN,
        labels: Labels::new().into(),
        text: format!("{{\"metadata\":{{\"name\":\"{name}\"}},\"data\":{{\"n\":\"{n}\"}}}}"),
        pod: None,
    }
}

#[test]
fn a_list_can_be_continued_at_its_version() {
    let mut store = Store::new(100);
    for n in 0..5 {
        store.put(Resource::ConfigMaps, doc(&format!("c{n}"), 0));
    }
    let version = store.version();
    let before: Vec<_> = store
        .range(Resource::ConfigMaps, None, None)
        .map(|o| o.body.clone())
        .collect();
    store.put(Resource::ConfigMaps, doc("c1", 7));
    store.remove(Resource::ConfigMaps, "a", "c2");
    store.put(Resource::ConfigMaps, doc("c9", 1));
    store.put(Resource::ConfigMaps, doc("c2", 8));
    let then = store
        .range_at(Resource::ConfigMaps, None, None, version)
        .unwrap();
    assert_eq!(
        then.iter().map(|o| o.body.clone()).collect::<Vec<_>>(),
        before
    );
    let rest = store
        .range_at(Resource::ConfigMaps, Some("a"), Some("a/c3"), version)
        .unwrap();
    assert_eq!(
        rest.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(),
        ["c3", "c4"]
    );
}

#[test]
fn what_is_not_in_the_log_is_too_old() {
    let mut store = Store::new(100);
    store.keep(2);
    for n in 0..4 {
        store.put(Resource::ConfigMaps, doc("c", n));
    }
    assert!(store.since(Resource::ConfigMaps, 101).is_err());
    assert_eq!(store.since(Resource::ConfigMaps, 102).unwrap().count(), 2);
    store.forget();
    assert!(store.since(Resource::ConfigMaps, 102).is_err());
    assert_eq!(store.since(Resource::ConfigMaps, 104).unwrap().count(), 0);
}

#[test]
fn putting_the_same_again_is_no_change() {
    let mut store = Store::new(1);
    let first = store.put(Resource::ConfigMaps, doc("c", 1));
    assert_eq!(
        store.put(Resource::ConfigMaps, doc("c", 1)).version,
        first.version
    );
    assert_eq!(
        store.put(Resource::ConfigMaps, doc("c", 2)).version,
        first.version + 1
    );
}

#[test]
fn ten_thousand_pods_start_soon() {
    let start = Instant::now();
    let mut cluster = Cluster::new(spec(1250), BORN, 1);
    let born = start.elapsed();
    assert!(cluster.store().count(Resource::Pods) > 10_000);
    let bytes: usize = cluster
        .store()
        .range(Resource::Pods, None, None)
        .map(|o| o.body.len())
        .sum();
    let start = Instant::now();
    run(&mut cluster, 60);
    let minute = start.elapsed();
    let from = cluster.store().version();
    let start = Instant::now();
    for _ in 0..20 {
        cluster.churn(100);
        run(&mut cluster, 1);
    }
    let churned = start.elapsed() / 20;
    let changes = cluster.store().since(Resource::Pods, from).unwrap().count();
    assert!(changes > 1500, "{changes} changes in 20 s at 100 a second");
    eprintln!("at 100 changes a second a step takes {churned:?}");
    eprintln!("10,000 pods: born in {born:?}, {bytes} bytes, a calm minute in {minute:?}");
    assert!(born.as_secs() < 20, "{born:?}");
}
