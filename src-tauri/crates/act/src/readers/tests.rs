//! Every check made true and made false.

mod price;

use super::hands::{CONNECTED, Changing, KEEPS_UP, OTHERS};
use crate::action::nothing;
use crate::course::Moment;
use crate::draft::SECOND_PERSON;
use crate::hands::Hands;
use crate::sequence::Steps;
use crate::{Action, Ask, ConfirmLevel, Context, Outcome, Plan, Request, Verb, plan};
use model::{
    AccountId, Edge, Fact, Health, Kind, Node, NodeId, Provenance, Relation, Scope, Service,
    Snapshot, Source, SourceStatus, Standing, State, Timestamp, Value,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn scope(az: Option<&str>) -> Scope {
    Scope {
        account: Some(AccountId::new("1")),
        region: Some("eu-west-1".into()),
        az: az.map(Into::into),
        ..Scope::default()
    }
}

fn source() -> SourceStatus {
    SourceStatus {
        source: Source::new(Service::Rds, scope(None), "clusters"),
        state: State::Ok,
        last_ok: Some(Timestamp::default()),
        period_seconds: 15.0,
        requests: 1,
        skipped: 0,
        outdated: false,
        error: None,
        failure: None,
    }
}

fn id(kind: Kind, name: &str) -> NodeId {
    NodeId::aws(kind, "1", Some("eu-west-1"), name)
}

fn node(kind: Kind, name: &str, az: Option<&str>, facts: &[(Fact, Value)]) -> Node {
    let mut own = model::Facts::default();
    for (fact, value) in facts {
        own.set(*fact, value.clone());
    }
    Node {
        id: id(kind, name),
        kind,
        name: name.to_owned(),
        scope: scope(az),
        health: Health::default(),
        facts: own,
        zones: BTreeMap::new(),
        series: Vec::new(),
        standing: Standing::Read,
        observed_at: Timestamp::default(),
        source: source().source.id,
        fact_origins: BTreeMap::new(),
    }
}

fn instance(name: &str, role: &str, az: &str) -> Node {
    node(
        Kind::DbInstance,
        name,
        Some(az),
        &[
            (Fact::Role, role.into()),
            (Fact::Status, "available".into()),
            (Fact::InstanceClass, "db.r6g.large".into()),
            (Fact::ClassVcpus, 2.into()),
            (Fact::CpuPercent, 20.0.into()),
            (Fact::Connections, 5.into()),
        ],
    )
}

/// A writer in a with readers in b and c, changed by `change`, by name.
fn snapshot(change: impl Fn(&mut Node), more: usize) -> Snapshot {
    let cluster = [
        (Fact::Status, "available".into()),
        (Fact::Engine, "aurora-mysql".into()),
        (Fact::Writer, "db-1".into()),
    ];
    let mut nodes = vec![
        node(Kind::DbCluster, "db", None, &cluster),
        instance("db-1", "writer", "a"),
        instance("db-2", "reader", "b"),
        instance("db-3", "reader", "c"),
    ];
    nodes.extend((0..more).map(|n| instance(&format!("more-{n}"), "reader", "b")));
    nodes.iter_mut().for_each(change);
    nodes.sort_by(|a, b| a.id.cmp(&b.id));
    let owns = |node: &Node| Edge {
        from: id(Kind::DbCluster, "db"),
        to: node.id.clone(),
        relation: Relation::Owns,
        provenance: Provenance("test".into()),
    };
    let members = nodes.iter().filter(|n| n.kind == Kind::DbInstance);
    let edges: Vec<Edge> = members.map(owns).collect();
    Snapshot {
        nodes: nodes.into_iter().map(Arc::new).collect(),
        edges: edges.into(),
        sources: vec![source()],
        ..nothing()
    }
}

fn planned(snapshot: &Snapshot, action: Verb, node: NodeId, settings: &[(&str, &str)]) -> Plan {
    let settings = settings.iter();
    let request = Request {
        action,
        node,
        settings: settings
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    plan(snapshot, &request, &Context::default()).expect("a plan")
}

fn add(snapshot: &Snapshot, settings: &[(&str, &str)]) -> Plan {
    planned(
        snapshot,
        Verb::AddReader,
        id(Kind::DbCluster, "db"),
        settings,
    )
}

fn remove(snapshot: &Snapshot) -> Plan {
    planned(
        snapshot,
        Verb::RemoveReader,
        id(Kind::DbInstance, "db-3"),
        &[],
    )
}

fn failing(plan: &Plan) -> Vec<&str> {
    plan.failing().map(|f| f.id.as_ref()).collect()
}

fn set(name: &'static str, fact: Fact, value: impl Into<Value> + Clone) -> impl Fn(&mut Node) {
    move |node| {
        if node.name == name {
            node.facts.set(fact, value.clone());
        }
    }
}

fn unset(name: &'static str, fact: Fact) -> impl Fn(&mut Node) {
    move |node| {
        if node.name == name {
            node.facts.remove(fact);
        }
    }
}

#[test]
fn a_reader_is_added_in_the_emptiest_zone_with_the_writers_class_at_level_two() {
    let plan = add(&snapshot(|_| {}, 1), &[]);
    assert_eq!(failing(&plan), Vec::<&str>::new());
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L2, false));
    assert!(
        plan.calls[0].cli.contains("--db-instance-identifier db-4")
            && plan.calls[0]
                .cli
                .contains("--db-instance-class db.r6g.large")
            && plan.calls[0].cli.ends_with("--availability-zone a"),
        "{}",
        plan.calls[0].cli
    );
    let undo = plan.undo_request.expect("its undo");
    assert_eq!(undo.node, id(Kind::DbInstance, "db-4"));
}

#[test]
fn what_speaks_against_another_reader_is_found() {
    let full = add(&snapshot(|_| {}, 13), &[]);
    assert_eq!(
        (failing(&full), full.blocked),
        (vec!["add-reader.room"], true)
    );
    let used_up = |n: &mut Node| {
        if n.kind == Kind::DbCluster {
            n.facts.set(Fact::InstanceQuota, 40);
            n.facts.set(Fact::InstanceQuotaUsed, 40);
        }
    };
    let quota = add(&snapshot(used_up, 0), &[]);
    assert_eq!(
        (failing(&quota), quota.blocked),
        (vec!["add-reader.quota"], true)
    );
    let unsaid = add(&snapshot(|_| {}, 0), &[]);
    let unsaid = unsaid.findings.iter().find(|f| f.id == "add-reader.quota");
    assert_eq!(unsaid.expect("said").value, "not checked");
    let busy = add(&snapshot(set("db", Fact::Status, "failing-over"), 0), &[]);
    assert_eq!(failing(&busy), ["add-reader.cluster-available"]);
    let zone = add(&snapshot(|_| {}, 0), &[("az", "d")]);
    assert_eq!(
        (failing(&zone), zone.blocked),
        (vec!["add-reader.zone"], true)
    );
    let class = add(&snapshot(|_| {}, 0), &[("class", "db.r6g.xlarge")]);
    assert_eq!(failing(&class), ["add-reader.class"]);
    assert_eq!((class.level, class.blocked), (ConfirmLevel::L3, false));
    let unsaid = add(
        &snapshot(unset("db-1", Fact::InstanceClass), 0),
        &[("class", "db.r6g.large")],
    );
    assert_eq!(failing(&unsaid), ["add-reader.class"]);
    assert_eq!(unsaid.level, ConfirmLevel::L3);
    let scaled = add(
        &snapshot(set("db-3", Fact::CreatedBy, "autoscaling"), 0),
        &[],
    );
    assert_eq!(failing(&scaled), ["add-reader.autoscaling"]);
    let silent = add(&snapshot(unset("db-3", Fact::Status), 0), &[]);
    assert_eq!(failing(&silent), ["add-reader.autoscaling"]);
}

/// A writer alone in a, whose subnet group has `zones`.
fn alone(zones: Option<&'static str>) -> Snapshot {
    let mut whole = snapshot(
        move |node| {
            if let ("db-1", Some(zones)) = (node.name.as_str(), zones) {
                node.facts.set(Fact::SubnetZones, zones);
            }
        },
        0,
    );
    let mut nodes = whole.nodes.to_vec();
    nodes.retain(|n| !matches!(n.name.as_str(), "db-2" | "db-3"));
    whole.nodes = nodes;
    whole
}

#[test]
fn a_reader_beside_a_writer_alone_gets_another_zone_of_the_subnet_group() {
    let id = "add-reader.zone";
    let sentence = |plan: &Plan| {
        let found = plan.findings.iter().find(|f| f.id == id);
        found.map(|f| f.sentence.clone()).unwrap_or_default()
    };
    let read = alone(Some("a, b, c"));
    let plan = add(&read, &[]);
    assert_eq!(plan.settings.get("az").map(String::as_str), Some("b"));
    assert_eq!(
        sentence(&plan),
        "The subnet group of db has subnets in a, b, c."
    );
    assert_eq!(outcome(&add(&read, &[("az", "c")]), id), Outcome::Pass);
    let outside = add(&read, &[("az", "d")]);
    assert_eq!(
        (outcome(&outside, id), sentence(&outside).as_str()),
        (
            Outcome::Fail,
            "The subnet group of db has no subnet in d: it has a, b, c."
        )
    );
    let cluster = read.node(&id_of_cluster()).expect("the cluster");
    let settings = super::AddReader.settings(&read, cluster);
    let Ask::Choice { choices } = &settings[1].ask else {
        panic!("no choice");
    };
    let zones: Vec<&str> = choices.iter().map(|c| c.value.as_str()).collect();
    assert_eq!(zones, ["a", "b", "c"]);

    let unread = alone(None);
    let plan = add(&unread, &[]);
    assert_eq!(plan.settings.get("az").map(String::as_str), Some("a"));
    assert!(
        sentence(&plan).contains("were not read"),
        "{}",
        sentence(&plan)
    );
    let other = add(&unread, &[("az", "b")]);
    assert_eq!(outcome(&other, id), Outcome::Fail);
    assert!(
        sentence(&other).contains("no member in b yet, and the zones"),
        "{}",
        sentence(&other)
    );
}

fn id_of_cluster() -> NodeId {
    id(Kind::DbCluster, "db")
}

fn outcome(plan: &Plan, id: &str) -> Outcome {
    let found = plan.findings.iter().find(|f| f.id == id);
    found.unwrap_or_else(|| panic!("no {id}")).outcome
}

#[test]
fn what_was_not_read_of_a_reader_is_not_known() {
    let silent = remove(&snapshot(unset("db-3", Fact::Status), 0));
    let id = "remove-reader.autoscaling";
    assert_eq!(outcome(&silent, id), Outcome::Unknown);
    let other = remove(&snapshot(unset("db-2", Fact::Status), 0));
    assert_eq!(outcome(&other, "remove-reader.not-last"), Outcome::Unknown);
}

/// What a run's steps say of a predicate, by a picture.
fn judged(steps: &Changing, snapshot: &Snapshot, id: &str) -> (bool, String) {
    let moment = Moment {
        now: Timestamp::default(),
        blind_for: Duration::ZERO,
        pace: 1.0,
        snapshot,
        stop: None,
    };
    steps.judge(id, &None, &moment)
}

#[test]
fn a_figure_that_is_too_old_holds_for_nothing() {
    let told = set("db-3", Fact::ReplicaLagMs, 14.0);
    let mut picture = snapshot(told, 0);
    let removing = Changing::new(&remove(&picture), &Hands::none(), false);
    // The reader that was added has a name of its own.
    let mut plan = add(&picture, &[]);
    plan.before.insert("reader".to_owned(), "db-3".into());
    let adding = Changing::new(&plan, &Hands::none(), true);
    let rows = [
        (&adding, KEEPS_UP, "14 ms"),
        (&adding, CONNECTED, "5 connections"),
        (&removing, OTHERS, "20 %"),
    ];
    for (steps, id, value) in rows {
        let now = judged(steps, &picture, id);
        assert_eq!(now, (true, value.to_owned()), "{id}");
    }
    picture.sources[0].state = State::Stale;
    for (steps, id, _) in rows {
        let (holds, why) = judged(steps, &picture, id);
        assert!(!holds && why.contains("too old"), "{id}: {why}");
    }
}

#[test]
fn a_reader_that_is_not_needed_is_removed_at_level_three_and_can_be_added_again() {
    let plan = remove(&snapshot(|_| {}, 0));
    assert_eq!(failing(&plan), Vec::<&str>::new());
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L3, false));
    assert_eq!(
        plan.calls[0].cli,
        "aws rds delete-db-instance --region eu-west-1 --db-instance-identifier db-3"
    );
    let undo = plan.undo_request.expect("its undo").settings;
    assert_eq!(undo.get("az").map(String::as_str), Some("c"));
    assert_eq!(undo.get("class").map(String::as_str), Some("db.r6g.large"));
}

#[test]
fn what_speaks_against_removing_is_found() {
    let gone = remove(&snapshot(set("db-2", Fact::Status, "creating"), 0));
    assert!(gone.blocked && failing(&gone).contains(&"remove-reader.not-last"));
    let busy = remove(&snapshot(set("db-2", Fact::CpuPercent, 60.0), 0));
    assert_eq!(failing(&busy), ["remove-reader.others-carry"]);
    let writer = remove(&snapshot(set("db-3", Fact::Role, "writer"), 0));
    assert!(writer.blocked && failing(&writer).contains(&"remove-reader.is-reader"));
    let going = remove(&snapshot(set("db-3", Fact::Status, "deleting"), 0));
    assert!(going.blocked && failing(&going).contains(&"remove-reader.available"));
    let cluster = remove(&snapshot(set("db", Fact::Status, "upgrading"), 0));
    assert_eq!(failing(&cluster), ["remove-reader.cluster-available"]);
    let scaled = remove(&snapshot(set("db-3", Fact::CreatedBy, "autoscaling"), 0));
    assert_eq!(
        (failing(&scaled), scaled.level),
        (
            vec!["remove-reader.autoscaling", SECOND_PERSON],
            ConfirmLevel::L4
        )
    );
}
