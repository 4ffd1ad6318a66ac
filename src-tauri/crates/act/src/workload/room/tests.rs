//! What Karpenter may still buy, and what is said where the nodes do not hold the pods.
//!
//! Of the ground's machine four pods more are held; ten of 500m CPU and 512 MiB come.

use crate::Verb;
use crate::plan::{Finding, Outcome};
use crate::workload::tests::{Ground, api, outcome};
use model::{Fact, Kind, NodeId, Value};

const TO: &str = "14";

fn pool(ground: &mut Ground, name: &str, facts: &[(Fact, Value)]) -> NodeId {
    let id = ground.node(Kind::NodePool, name);
    let all = &mut ground.at(&id).facts;
    all.set(Fact::Ready, true);
    for (fact, value) in facts {
        all.set(*fact, value.clone());
    }
    id
}

/// A pool that has 60 CPU and may have so many.
fn general(ground: &mut Ground, cores: i64) -> NodeId {
    let facts = [
        (Fact::CpuLimitMillicores, Value::Int(cores * 1_000)),
        (Fact::CpuProvisionedMillicores, Value::Int(60_000)),
    ];
    pool(ground, "general", &facts)
}

fn nodes(ground: &Ground) -> Finding {
    let plan = ground.scale(TO);
    outcome(&plan, "scale.nodes");
    let mut all = plan.findings.into_iter();
    all.find(|finding| &*finding.id == "scale.nodes")
        .expect("it is asked")
}

fn said(finding: &Finding, words: &str) {
    assert!(finding.sentence.contains(words), "{}", finding.sentence);
}

#[test]
fn what_the_limit_of_a_pool_leaves_is_room_too() {
    let mut ground = Ground::new();
    general(&mut ground, 64);
    let found = nodes(&ground);
    assert_eq!(found.outcome, Outcome::Pass);
    said(
        &found,
        "the ready nodes hold 4 more, 10 come. 6 are Pending until Karpenter has bought nodes for them",
    );
    said(
        &found,
        "NodePool general may still buy 4 of its limit of 64 CPU, room for 8 of these pods at most.",
    );

    let mut ground = Ground::new();
    general(&mut ground, 61);
    let found = nodes(&ground);
    assert_eq!(found.outcome, Outcome::Fail);
    said(
        &found,
        "hold 4 more, 10 come: 4 stay Pending until nodes are added.",
    );
    said(
        &found,
        "may still buy 1 of its limit of 61 CPU, room for 2 of these pods at most.",
    );
    let next = found.next_step.expect("a next step");
    assert!(next.contains("raise the limit of a NodePool"), "{next}");
}

#[test]
fn a_pool_without_a_limit_may_buy_any_number_and_memory_counts_as_well() {
    let mut ground = Ground::new();
    let id = pool(
        &mut ground,
        "general",
        &[(Fact::CapacityType, "SPOT".into())],
    );
    let found = nodes(&ground);
    assert_eq!(found.outcome, Outcome::Pass);
    said(&found, "NodePool general has no limit (spot only).");
    assert!(!found.sentence.contains("of these pods"));
    ground.at(&id).facts.set(Fact::MemoryLimitMib, 1_024);
    ground.at(&id).facts.set(Fact::MemoryProvisionedMib, 0);
    let found = nodes(&ground);
    assert_eq!(found.outcome, Outcome::Fail);
    said(
        &found,
        "1 of its limit of 1 GiB of memory (spot only), room for 2",
    );
}

#[test]
fn a_pool_at_its_limit_buys_nothing_nor_one_that_has_less_left_than_a_pod_needs() {
    let mut ground = Ground::new();
    let id = general(&mut ground, 60);
    let found = nodes(&ground);
    assert_eq!(found.outcome, Outcome::Fail);
    said(
        &found,
        "6 stay Pending until nodes are added. NodePool general is at its limit: 60 of 60 CPU.",
    );
    let facts = &mut ground.at(&id).facts;
    facts.set(Fact::CpuLimitMillicores, 60_499);
    said(&nodes(&ground), "is at its limit: 60 of 60.5 CPU.");
    let facts = &mut ground.at(&id).facts;
    facts.set(Fact::CpuLimitMillicores, 60_500);
    said(&nodes(&ground), "room for 1 of these pods at most.");
}

#[test]
fn a_pool_that_has_less_left_than_a_node_of_it_may_buy_a_smaller_one() {
    let mut ground = Ground::new();
    general(&mut ground, 64);
    let machine = ground.node(Kind::Node, "m2");
    let facts = &mut ground.at(&machine).facts;
    facts.set(Fact::NodePool, "general");
    facts.set(Fact::CpuAllocatableMillicores, 7_900);
    let found = nodes(&ground);
    assert_eq!(found.outcome, Outcome::Pass);
    said(&found, "may still buy 4 of its limit of 64 CPU, room for 8");
}

#[test]
fn a_limit_of_nodes_bounds_the_pods_by_what_a_node_takes() {
    let mut ground = Ground::new();
    let facts = [
        (Fact::NodesLimit, Value::Int(3)),
        (Fact::Nodes, Value::Int(2)),
    ];
    let id = pool(&mut ground, "general", &facts);
    let at = |ground: &Ground, to: &str| {
        let plan = ground.scale(to);
        let mut all = plan.findings.into_iter();
        let found = all.find(|finding| &*finding.id == "scale.nodes");
        found.expect("it is asked")
    };
    // Four come that the nodes hold already: four and 110 are held, one more is not.
    let found = at(&ground, "118");
    assert_eq!(found.outcome, Outcome::Pass, "{}", found.sentence);
    said(
        &found,
        "may still buy 1 of its limit of 3 nodes, room for 110 of these pods at most.",
    );
    assert_eq!(at(&ground, "119").outcome, Outcome::Fail);
    ground.at(&id).facts.set(Fact::Nodes, 3);
    said(&at(&ground, "14"), "is at its limit: 3 of 3 nodes.");
    // A number no cluster holds is none.
    ground.at(&id).facts.set(Fact::NodesLimit, 10_000);
    let found = at(&ground, "118");
    assert_eq!(found.outcome, Outcome::Pass);
    said(&found, "may still buy 9,997 of its limit of 10,000 nodes.");
}

#[test]
fn a_pool_of_which_a_limit_or_what_counts_against_it_was_not_read_is_not_counted() {
    for (fact, value, words) in [
        (
            Fact::LimitsUnread,
            Value::from("CPU"),
            "NodePool general is not counted: its limit of CPU could not be read.",
        ),
        (
            Fact::CpuLimitMillicores,
            Value::Int(64_000),
            "NodePool general is not counted: what it has of CPU was not read.",
        ),
    ] {
        let mut ground = Ground::new();
        pool(&mut ground, "general", &[(fact, value)]);
        let found = nodes(&ground);
        assert_eq!(found.outcome, Outcome::Fail, "{words}");
        said(&found, words);
    }
}

#[test]
fn a_pool_of_which_is_not_known_whether_it_is_ready_is_not_called_unready() {
    let mut ground = Ground::new();
    ground.node(Kind::NodePool, "general");
    let found = nodes(&ground);
    assert_eq!(found.outcome, Outcome::Fail);
    said(
        &found,
        "NodePool general is not counted: whether it is ready is not known.",
    );
}

#[test]
fn pools_that_do_not_buy_for_these_pods_are_named_and_not_counted() {
    for (fact, value, words) in [
        (
            Fact::Ready,
            Value::Bool(false),
            "is not ready and buys nothing",
        ),
        (
            Fact::Replicas,
            Value::Int(3),
            "keeps a fixed number of nodes",
        ),
        (
            Fact::Taints,
            "gpu:NoSchedule".into(),
            "is not counted: these pods do not tolerate its taint gpu:NoSchedule",
        ),
    ] {
        let mut ground = Ground::new();
        pool(&mut ground, "other", &[(fact, value)]);
        let found = nodes(&ground);
        assert_eq!(found.outcome, Outcome::Fail, "{words}");
        said(&found, words);
        pool(&mut ground, "general", &[]);
        assert_eq!(nodes(&ground).outcome, Outcome::Pass, "{words}");
    }
}

#[test]
fn where_pods_wait_for_room_already_karpenter_is_not_counted_on() {
    let mut ground = Ground::new();
    pool(&mut ground, "general", &[]);
    let pod = ground.node(Kind::Pod, "late");
    let facts = &mut ground.at(&pod).facts;
    facts.set(Fact::Phase, "Pending");
    facts.set(Fact::Reason, "Unschedulable");
    facts.set(
        Fact::Message,
        "0/3 nodes are available: 3 Insufficient cpu.",
    );
    let taken_at = ground.picture().taken_at;
    for (waited, outcome) in [(30, Outcome::Pass), (150, Outcome::Fail)] {
        let born = taken_at.plus_seconds(-waited);
        ground.at(&pod).facts.set(Fact::CreatedAt, born);
        let found = nodes(&ground);
        assert_eq!(found.outcome, outcome, "{waited}");
        if outcome == Outcome::Fail {
            said(
                &found,
                "up to 6 stay Pending until nodes are added, for 1 pod of the cluster found no room",
            );
            assert_eq!(found.next_step.as_deref(), Some("Scale a nodegroup first."));
        }
    }
}

#[test]
fn pools_that_were_not_read_are_named_where_they_are_missed_and_nowhere_else() {
    let mut ground = Ground::new();
    general(&mut ground, 64);
    ground.forget("nodepools");
    let found = nodes(&ground);
    assert_eq!(found.outcome, Outcome::Fail);
    said(
        &found,
        "6 stay Pending until nodes are added. What Karpenter may buy is not counted: nodepools are not read.",
    );
    let plan = ground.scale("8");
    assert_eq!(outcome(&plan, "scale.nodes"), Outcome::Pass);
    let next = found.next_step.expect("a next step");
    assert!(next.contains("let the node autoscaler"), "{next}");
    let quiet = |finding: &Finding| !finding.sentence.contains("Karpenter");
    assert!(plan.findings.iter().all(quiet));
}

#[test]
fn the_bounds_of_an_autoscaler_count_them_too() {
    let mut ground = Ground::new();
    let hpa = ground.scaler(Kind::Hpa, "api", 12, 12);
    general(&mut ground, 61);
    let plan = |ground: &Ground| ground.plan(Verb::Bounds, &hpa, &[("min", "14"), ("max", "14")]);
    assert_eq!(outcome(&plan(&ground), "scale.nodes"), Outcome::Fail);
    let id = NodeId::new(
        hpa.as_str()
            .replace("hpa/", "nodepool/")
            .replace("/api", "/general"),
    );
    ground.at(&id).facts.set(Fact::CpuLimitMillicores, 80_000);
    assert_eq!(outcome(&plan(&ground), "scale.nodes"), Outcome::Pass);
}

#[test]
fn a_rollback_may_begin_where_karpenter_may_buy_the_room_it_needs() {
    let mut ground = Ground::new();
    ground.api().facts.set(Fact::MaxUnavailable, 0);
    let machine = NodeId::new(
        api()
            .as_str()
            .replace("deployment/", "node/")
            .replace("trading/api", "m1"),
    );
    ground.at(&machine).facts.set(Fact::PodsAllocatable, 4);
    let pool = general(&mut ground, 60);
    let plan = |ground: &Ground| ground.plan(Verb::Undo, &api(), &[]);
    assert_eq!(outcome(&plan(&ground), "undo.room"), Outcome::Fail);
    ground.at(&pool).facts.set(Fact::CpuLimitMillicores, 64_000);
    assert_eq!(outcome(&plan(&ground), "undo.room"), Outcome::Pass);
}

#[test]
fn a_pool_counts_where_its_taints_are_tolerated_and_its_labels_are_those_asked_for() {
    let outcome = |tolerations: &str, selector: &str, taints: &str, labels: &str| {
        let mut ground = Ground::new();
        ground.api().facts.set(Fact::Tolerations, tolerations);
        ground.api().facts.set(Fact::NodeSelector, selector);
        let facts = [
            (Fact::Taints, taints.into()),
            (Fact::NodeLabels, labels.into()),
        ];
        pool(&mut ground, "general", &facts);
        nodes(&ground).outcome
    };
    for (tolerations, taints) in [
        ("", ""),
        ("team=risk:NoSchedule", "team=risk:NoSchedule"),
        ("team:NoSchedule", "team=risk:NoSchedule"),
        ("team:*", "team=risk:NoExecute"),
        ("*:*", "team=risk:NoExecute, gpu:NoSchedule"),
        ("gpu=:NoSchedule", "gpu:NoSchedule"),
    ] {
        assert_eq!(
            outcome(tolerations, "", taints, ""),
            Outcome::Pass,
            "{tolerations}"
        );
    }
    for (tolerations, taints) in [
        ("", "gpu:NoSchedule"),
        ("team=desk:NoSchedule", "team=risk:NoSchedule"),
        ("team=risk:NoSchedule", "team=risk:NoExecute"),
        ("team:*", "team=risk:NoExecute, gpu:NoSchedule"),
    ] {
        assert_eq!(
            outcome(tolerations, "", taints, ""),
            Outcome::Fail,
            "{tolerations}"
        );
    }
    let zones = "team=risk, zone=a|b, tenant=*";
    for selector in [
        "team=risk",
        "zone=b, team=risk",
        "tenant=x",
        "topology.kubernetes.io/zone=x",
        "topology.ebs.csi.aws.com/zone=x",
        "kubernetes.io/arch=arm64",
        "karpenter.k8s.aws/instance-family=m7i",
        "eks.amazonaws.com/compute-type=auto",
        "karpenter.sh/nodepool=general",
    ] {
        assert_eq!(
            outcome("", selector, "", zones),
            Outcome::Pass,
            "{selector}"
        );
    }
    for selector in [
        "team=desk",
        "zone=c",
        "unsaid=x",
        "acme.example/unsaid=x",
        "eks.amazonaws.com/nodegroup=core",
        "karpenter.sh/nodepool=gpu",
    ] {
        assert_eq!(
            outcome("", selector, "", zones),
            Outcome::Fail,
            "{selector}"
        );
    }
}
