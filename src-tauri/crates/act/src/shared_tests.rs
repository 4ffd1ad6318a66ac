//! What every plan shares: levels, freezes, rights, and the rule that something must remain.

use crate::draft::level;
use crate::plan::{ConfirmLevel, Finding, Outcome, Severity};
use crate::rights::{Allowed, Right};
use crate::takes::{SOMETHING_REMAINS, Takes};
use crate::{ACTIONS, Verb, action, rights, takes};
use model::{
    Edge, Fact, Health, Kind, Node, NodeId, Provenance, Relation, Scope, Service, Snapshot, Source,
    SourceStatus, Standing, State, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn check(severity: Severity, outcome: Outcome) -> Finding {
    Finding {
        id: "x".into(),
        severity,
        outcome,
        sentence: String::new(),
        value: String::new(),
        threshold: String::new(),
        source: None,
        age: None,
        next_step: None,
        breakable: false,
    }
}

#[test]
fn warnings_raise_the_level_and_what_is_unknown_blocks_from_level_three() {
    use ConfirmLevel::{L1, L2, L3, L4};
    use Outcome::{Fail, Pass, Unknown};
    use Severity::{Block, Info, Warn};
    type Row = (
        ConfirmLevel,
        &'static [(Severity, Outcome)],
        ConfirmLevel,
        bool,
    );
    let rows: &[Row] = &[
        (L1, &[(Block, Pass), (Warn, Pass), (Info, Fail)], L1, false),
        (L1, &[(Warn, Fail), (Warn, Fail)], L2, false),
        (L1, &[(Block, Unknown)], L2, false),
        (L2, &[(Warn, Unknown)], L3, false),
        (L2, &[(Warn, Unknown), (Warn, Fail)], L3, true),
        (L3, &[(Block, Unknown)], L4, true),
        (L3, &[(Warn, Fail)], L4, false),
        (L1, &[(Block, Fail)], L1, true),
    ];
    for (base, findings, expected, blocked) in rows {
        let findings: Vec<Finding> = findings.iter().map(|(s, o)| check(*s, *o)).collect();
        assert_eq!(
            level(*base, &findings),
            (*expected, *blocked),
            "{findings:?}"
        );
    }
}

#[test]
fn a_missing_right_blocks_and_is_named_and_one_that_cannot_be_asked_does_not() {
    let right = Right::Kubernetes {
        verb: "patch".to_owned(),
        group: "apps".to_owned(),
        resource: "deployments/scale".to_owned(),
        namespace: "trading".to_owned(),
        name: "order-writer".to_owned(),
    };
    let needed = [right.clone()];
    let answer = |allowed: Option<Allowed>| {
        let known = allowed.map(|a| (right.clone(), a)).into_iter().collect();
        rights::findings(&needed, &known).expect("a finding")
    };
    let denied = answer(Some(Allowed::No(String::new())));
    assert_eq!(
        (denied.severity, denied.outcome),
        (Severity::Block, Outcome::Fail)
    );
    assert!(
        denied
            .sentence
            .contains("patch deployments/scale.apps order-writer in trading"),
        "{}",
        denied.sentence
    );
    assert_eq!(answer(Some(Allowed::Yes)).outcome, Outcome::Pass);
    for unknown in [
        None,
        Some(Allowed::Unasked("asking is denied too".to_owned())),
    ] {
        let open = answer(unknown);
        assert_eq!(
            (open.severity, open.outcome),
            (Severity::Info, Outcome::Pass)
        );
        assert!(
            open.sentence.contains("could not be checked"),
            "{}",
            open.sentence
        );
    }
}

fn node(kind: Kind, name: &str, az: Option<&str>) -> Node {
    let scope = Scope {
        region: Some("eu-west-1".into()),
        az: az.map(Into::into),
        cluster: Some("c".into()),
        ..Scope::default()
    };
    Node {
        id: NodeId::new(format!("{kind}/{name}")),
        kind,
        name: name.to_owned(),
        scope,
        health: Health::default(),
        facts: model::Facts::default(),
        zones: BTreeMap::new(),
        series: Vec::new(),
        standing: Standing::Read,
        observed_at: Timestamp::default(),
        source: source().source.id,
        fact_origins: BTreeMap::new(),
    }
}

fn source() -> SourceStatus {
    SourceStatus {
        source: Source::new(Service::Rds, Scope::default(), "all"),
        state: State::Ok,
        last_ok: Some(Timestamp::default()),
        period_seconds: 10.0,
        requests: 1,
        skipped: 0,
        outdated: false,
        error: None,
        failure: None,
    }
}

fn picture(mut nodes: Vec<Node>, edges: &[(&str, Relation, &str)]) -> Snapshot {
    nodes.sort_by(|a, b| a.id.cmp(&b.id));
    let edges = edges.iter().map(|(from, relation, to)| Edge {
        from: NodeId::new(*from),
        to: NodeId::new(*to),
        relation: *relation,
        provenance: Provenance("test".into()),
    });
    Snapshot {
        nodes: nodes.into_iter().map(Arc::new).collect(),
        edges: edges.collect(),
        sources: vec![source()],
        ..action::nothing()
    }
}

fn outcome(snapshot: &Snapshot, taken: Takes) -> Outcome {
    let findings = takes::findings(snapshot, &[taken]);
    assert_eq!(findings[0].id, SOMETHING_REMAINS);
    assert_eq!(findings[0].severity, Severity::Block);
    assert!(!findings[0].sentence.is_empty());
    findings[0].outcome
}

fn instance(name: &str, role: &str, az: &str) -> Node {
    let mut node = node(Kind::DbInstance, name, Some(az));
    node.facts.set(Fact::Role, role);
    node.facts.set(Fact::Status, "available");
    node
}

#[test]
fn the_last_reader_in_another_zone_than_the_writer_is_not_taken() {
    let member = |name: &str| Takes::Reader {
        member: NodeId::new(format!("dbinstance/{name}")),
    };
    let owns = |name| ("dbcluster/db", Relation::Owns, name);
    let edges = [
        owns("dbinstance/w"),
        owns("dbinstance/a"),
        owns("dbinstance/b"),
    ];
    let nodes = |second: &str| {
        vec![
            node(Kind::DbCluster, "db", None),
            instance("w", "writer", "eu-west-1a"),
            instance("a", "reader", "eu-west-1b"),
            instance("b", "reader", second),
        ]
    };
    let two = picture(nodes("eu-west-1c"), &edges);
    assert_eq!(outcome(&two, member("a")), Outcome::Pass);
    let beside_the_writer = picture(nodes("eu-west-1a"), &edges);
    assert_eq!(outcome(&beside_the_writer, member("a")), Outcome::Fail);
    assert_eq!(outcome(&beside_the_writer, member("b")), Outcome::Pass);
    // What the other one is, or where, was not read.
    let unsaid = |change: fn(&mut Node)| {
        let mut nodes = nodes("eu-west-1c");
        change(nodes.last_mut().expect("a reader"));
        picture(nodes, &edges)
    };
    let statusless = unsaid(|node| node.facts.remove(Fact::Status));
    assert_eq!(outcome(&statusless, member("a")), Outcome::Unknown);
    let zoneless = unsaid(|node| node.scope.az = None);
    assert_eq!(outcome(&zoneless, member("a")), Outcome::Unknown);
    let creating = unsaid(|node| {
        node.scope.az = None;
        node.facts.set(Fact::Status, "creating");
    });
    assert_eq!(outcome(&creating, member("a")), Outcome::Fail);
    let mut outdated = two.clone();
    outdated.sources[0].state = State::Stale;
    assert_eq!(outcome(&outdated, member("a")), Outcome::Unknown);
    assert_eq!(outcome(&two, member("none")), Outcome::Unknown);
}

#[test]
fn the_last_zone_machine_answer_consumer_and_replica_are_not_taken() {
    let machine = |name: &str, az: &str, ready: bool| {
        let mut node = node(Kind::Node, name, Some(az));
        node.facts.set(Fact::Ready, ready);
        node
    };
    let pod = |name: &str| {
        let mut pod = node(Kind::Pod, name, None);
        pod.facts.set(Fact::Ready, true);
        pod.facts.set(Fact::Workload, "api");
        pod
    };
    let nodes = |second_ready: bool| {
        vec![
            machine("m1", "eu-west-1a", true),
            machine("m2", "eu-west-1b", second_ready),
            pod("p1"),
            node(Kind::Deployment, "api", None),
            node(Kind::Queue, "q", None),
            node(Kind::Mapping, "f", None),
        ]
    };
    let edges = [
        ("node/m1", Relation::Hosts, "pod/p1"),
        ("queue/q", Relation::ConsumedBy, "mapping/f"),
    ];
    let zone = || Takes::Zone {
        near: NodeId::new("deployment/api"),
        zone: "eu-west-1a".to_owned(),
    };
    assert_eq!(
        outcome(&picture(nodes(true), &edges), zone()),
        Outcome::Pass
    );
    assert_eq!(
        outcome(&picture(nodes(false), &edges), zone()),
        Outcome::Fail
    );
    let alone = picture(nodes(true), &edges);
    let m1 = Takes::Machine {
        machine: NodeId::new("node/m1"),
    };
    assert_eq!(outcome(&alone, m1.clone()), Outcome::Fail);
    let mut with_second = nodes(true);
    with_second.push(pod("p2"));
    assert_eq!(outcome(&picture(with_second, &edges), m1), Outcome::Pass);
    let consumer = Takes::Consumer {
        consumer: NodeId::new("mapping/f"),
    };
    assert_eq!(outcome(&alone, consumer), Outcome::Fail);
}

#[test]
fn of_a_nodegroup_no_more_nodes_remain_than_are_ready() {
    let machine = |name: &str, ready: bool| {
        let mut node = node(Kind::Node, name, None);
        node.facts.set(Fact::Ready, ready);
        node
    };
    let world = |own: bool, other: bool, edges: &[(&str, Relation, &str)]| {
        let nodes = vec![
            node(Kind::Nodegroup, "g", None),
            machine("own", own),
            machine("other", other),
        ];
        picture(nodes, edges)
    };
    let owns = [("nodegroup/g", Relation::Owns, "node/own")];
    for (own, other, edges, left, expected) in [
        (true, false, &owns[..], 1, Outcome::Pass),
        (false, true, &owns, 0, Outcome::Pass),
        // None is taken where none is Ready.
        (false, false, &owns, 1, Outcome::Pass),
        (true, false, &owns, 0, Outcome::Fail),
        (false, false, &[], 1, Outcome::Unknown),
        (false, false, &[], 0, Outcome::Fail),
    ] {
        let taken = Takes::Nodes {
            group: NodeId::new("nodegroup/g"),
            left,
        };
        let found = outcome(&world(own, other, edges), taken);
        assert_eq!(found, expected, "{own} {other} {left}");
    }
}

#[test]
fn every_verb_has_an_action_and_no_two_answer_for_one_kind() {
    let mut seen = BTreeSet::new();
    for action in ACTIONS {
        for kind in action.kinds() {
            assert!(
                seen.insert((action.verb(), *kind)),
                "{:?} {kind}",
                action.verb()
            );
        }
    }
    for verb in Verb::ALL {
        assert!(
            seen.iter().any(|(v, _)| v == verb),
            "{verb:?} has no action"
        );
    }
}
