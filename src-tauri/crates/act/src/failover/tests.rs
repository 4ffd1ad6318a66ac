//! Every check made true and made false, who fits best, and what the plan says.

use super::Failover;
use crate::action::nothing;
use crate::{
    Action, Ask, Colour, ConfirmLevel, Context, Finding, Outcome, Plan, Request, Severity, Shelf,
    Verb, plan,
};
use model::node::FactOrigin;
use model::{
    AccountId, Cause, Edge, Fact, Health, Kind, Level, Node, NodeId, Provenance, Relation, Scope,
    Series, Service, Snapshot, Source, SourceId, SourceStatus, Standing, State, Timestamp, Value,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const DB: &str = "dbcluster/1/eu-west-1/orders-db";

fn at(clock: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-11-25T{clock}Z")).expect("a time")
}

fn scope(az: Option<&str>) -> Scope {
    Scope {
        account: Some(AccountId::new("1")),
        region: Some("eu-west-1".into()),
        az: az.map(Into::into),
        ..Scope::default()
    }
}

fn source(service: Service, part: &str) -> SourceStatus {
    SourceStatus {
        source: Source::new(service, scope(None), part),
        state: State::Ok,
        last_ok: Some(at("12:00:00")),
        period_seconds: 15.0,
        requests: 1,
        skipped: 0,
        outdated: false,
        error: None,
        failure: None,
    }
}

/// A cluster with its writer in a and readers in b and c, on which a failover to `r1` is all green.
struct World {
    nodes: BTreeMap<NodeId, Node>,
    edges: Vec<Edge>,
    sources: Vec<SourceStatus>,
    causes: Vec<Cause>,
}

impl World {
    fn green() -> Self {
        let mut world = Self {
            nodes: BTreeMap::new(),
            edges: Vec::new(),
            sources: vec![
                source(Service::CloudWatch, "database-metrics"),
                source(Service::Rds, "clusters"),
                source(Service::Rds, "events"),
                source(Service::Rds, "maintenance"),
                source(Service::Rds, "proxies"),
            ],
            causes: Vec::new(),
        };
        world.add(Kind::DbCluster, "orders-db", None);
        let db = "dbcluster/orders-db";
        world.set(db, Fact::Status, "available");
        world.set(db, Fact::Writer, "w");
        world.set(db, Fact::ReadersAvailable, 2);
        world.set(db, Fact::BackupWindow, "02:00-02:30");
        world.told(db, Fact::FailoverEventsRecent, 0, "events");
        world.told(db, Fact::Proxies, "none", "proxies");
        for (name, role, az, tier) in [
            ("w", "writer", "a", 0),
            ("r1", "reader", "b", 1),
            ("r2", "reader", "c", 1),
        ] {
            world.instance(name, role, az, tier);
        }
        world
    }

    fn instance(&mut self, name: &str, role: &str, az: &str, tier: i64) {
        self.add(Kind::DbInstance, name, Some(az));
        let short = format!("dbinstance/{name}");
        self.set(&short, Fact::Role, role);
        self.set(&short, Fact::Status, "available");
        self.set(&short, Fact::InstanceClass, "db.r6g.2xlarge");
        self.set(&short, Fact::ClassVcpus, 8);
        self.set(&short, Fact::ClassMemoryGib, 64.0);
        self.set(&short, Fact::PromotionTier, tier);
        self.set(&short, Fact::PendingModifications, "none");
        self.set(&short, Fact::MaxConnectionsEstimate, 3000);
        self.told(&short, Fact::PendingMaintenance, "none", "maintenance");
        let cpu = if role == "writer" { 40.0 } else { 20.0 };
        for (fact, value) in [
            (Fact::CpuPercent, Value::from(cpu)),
            (Fact::Connections, Value::from(200)),
            (Fact::ReplicaLagMs, Value::from(14.0)),
        ] {
            self.told(&short, fact, value, "database-metrics");
        }
        let from = NodeId::new(DB);
        let to = self.node(&short).id.clone();
        self.edge(from, Relation::Owns, to);
    }

    fn edge(&mut self, from: NodeId, relation: Relation, to: NodeId) {
        self.edges.push(Edge {
            from,
            to,
            relation,
            provenance: Provenance("test".into()),
        });
    }

    fn add(&mut self, kind: Kind, name: &str, az: Option<&str>) -> NodeId {
        let id = NodeId::aws(kind, "1", Some("eu-west-1"), name);
        let node = Node {
            id: id.clone(),
            kind,
            name: name.to_owned(),
            scope: scope(az),
            health: Health::default(),
            facts: model::Facts::default(),
            zones: BTreeMap::new(),
            series: Vec::new(),
            standing: Standing::Read,
            observed_at: at("12:00:00"),
            source: source(Service::Rds, "clusters").source.id,
            fact_origins: BTreeMap::new(),
        };
        self.nodes.insert(id.clone(), node);
        id
    }

    fn node(&mut self, short: &str) -> &mut Node {
        let (kind, name) = short.split_once('/').expect("kind/name");
        let id = NodeId::new(format!("{kind}/1/eu-west-1/{name}"));
        self.nodes.get_mut(&id).expect("a node of this world")
    }

    fn set(&mut self, short: &str, fact: Fact, value: impl Into<Value>) {
        self.node(short).facts.set(fact, value);
    }

    fn told(&mut self, short: &str, fact: Fact, value: impl Into<Value>, part: &str) {
        let sources = self.sources.iter().find(|s| s.source.part == part);
        let source: SourceId = sources.expect("a source").source.id.clone();
        let node = self.node(short);
        node.facts.set(fact, value);
        let observed_at = at("11:59:30");
        node.fact_origins.insert(
            fact,
            FactOrigin {
                source,
                observed_at,
            },
        );
    }

    fn with(mut self, short: &str, fact: Fact, value: impl Into<Value>) -> Self {
        self.set(short, fact, value);
        self
    }

    fn without(mut self, short: &str, fact: Fact) -> Self {
        self.node(short).facts.remove(fact);
        self
    }

    fn past(&mut self, short: &str, fact: Fact, usual: f64) {
        let series = Series {
            fact,
            start: at("09:00:00"),
            step_seconds: 60,
            values: vec![Some(usual); 120],
        };
        self.node(short).series.push(series);
    }

    fn snapshot(&self) -> Snapshot {
        let mut edges = self.edges.clone();
        edges.sort();
        Snapshot {
            taken_at: at("12:00:05"),
            nodes: self.nodes.values().cloned().map(Arc::new).collect(),
            edges: edges.into(),
            sources: self.sources.clone(),
            causes: self.causes.clone(),
            ..nothing()
        }
    }

    fn plan_to(&self, target: &str) -> Plan {
        self.plan_with(&[("target", target)])
    }

    fn plan_with(&self, settings: &[(&str, &str)]) -> Plan {
        let given = settings.iter().filter(|(_, value)| !value.is_empty());
        let request = Request {
            action: Verb::Failover,
            node: NodeId::new(DB),
            settings: given
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        plan(&self.snapshot(), &request, &Context::default()).expect("a plan")
    }

    /// The check whether it just failed over, on a machine that did so at `clock`.
    fn recent_from_here(&self, clock: &str) -> Finding {
        let context = Context {
            shelf: Shelf {
                failed_over_at: Some(at(clock)),
                ..Shelf::default()
            },
            ..Context::default()
        };
        let request = Request {
            action: Verb::Failover,
            node: NodeId::new(DB),
            settings: [("target".to_owned(), "r1".to_owned())].into(),
        };
        let plan = plan(&self.snapshot(), &request, &context).expect("a plan");
        let mut findings = plan.findings.into_iter();
        findings
            .find(|f| f.id == "failover.not-recent")
            .expect("the check")
    }

    fn finding(&self, target: &str, id: &str) -> Finding {
        let plan = self.plan_to(target);
        let found = plan.findings.into_iter().find(|f| f.id == id);
        found.unwrap_or_else(|| panic!("no {id}"))
    }

    fn outcome(&self, id: &str) -> Outcome {
        let finding = self.finding("r1", id);
        assert!(finding.sentence.ends_with('.'), "{}", finding.sentence);
        finding.outcome
    }
}

#[test]
fn a_failover_to_a_sound_reader_is_green_level_three_and_says_what_it_does() {
    let plan = World::green().plan_to("r1");
    let failing: Vec<_> = plan.failing().map(|f| &f.sentence).collect();
    assert!(failing.is_empty() && !plan.blocked, "{failing:?}");
    assert_eq!(plan.level, ConfirmLevel::L3);
    assert_eq!(plan.confirm, "orders-db");
    assert_eq!(plan.label, "Fail over orders-db: w → r1");
    assert_eq!(
        plan.calls[0].cli,
        "aws rds failover-db-cluster --region eu-west-1 --db-cluster-identifier orders-db --target-db-instance-identifier r1"
    );
    let undo = plan.undo_request.expect("the way back");
    assert_eq!(undo.settings.get("target").map(String::as_str), Some("w"));
    let blast = plan.blast.sentences.join(" ");
    for fact in [
        "200 connections to w drop",
        "reads fail too",
        "AWS restarts both",
        "under 60 s",
        "5 s TTL",
    ] {
        assert!(blast.contains(fact), "{blast}");
    }
    assert!(!blast.contains("10 min"), "{blast}");
    assert!(
        plan.undo.contains("less than 100 ms behind"),
        "{}",
        plan.undo
    );
}

/// A failover may be urgent, failing back is not.
#[test]
fn a_fail_back_is_held_back_at_less_lag_than_a_failover() {
    let lags = [
        (Some(99.0), Outcome::Pass, Outcome::Pass),
        (Some(100.0), Outcome::Pass, Outcome::Fail),
        (Some(240.0), Outcome::Pass, Outcome::Fail),
        (Some(1_200.0), Outcome::Fail, Outcome::Fail),
        (None, Outcome::Unknown, Outcome::Unknown),
    ];
    for (lag, over, back) in lags {
        let mut world = World::green();
        world
            .node("dbinstance/r1")
            .facts
            .set_some(Fact::ReplicaLagMs, lag);
        if lag.is_none() {
            world = world.without("dbinstance/r1", Fact::ReplicaLagMs);
        }
        let told = |settings: &[(&str, &str)]| {
            let plan = world.plan_with(settings);
            let lag = plan.findings.iter().find(|f| f.id == "failover.target-lag");
            let lag = lag.cloned().expect("the check");
            assert_eq!(plan.blocked, lag.outcome != Outcome::Pass);
            // The † of guards.md.
            assert_eq!(plan.breakable, plan.blocked);
            lag
        };
        assert_eq!(told(&[("target", "r1")]).outcome, over, "{lag:?}");
        assert_eq!(told(&[("target", "r1"), ("back", "no")]).outcome, over);
        let held = told(&[("target", "r1"), ("back", "yes")]);
        assert_eq!(held.outcome, back, "{lag:?}");
        if lag == Some(240.0) {
            let says = "r1 is 240 ms behind the writer: a fail back is held back until it is planned again with less than 100 ms.";
            assert_eq!(held.sentence, says);
        }
    }
}

#[test]
fn the_way_back_knows_that_it_is_one() {
    let world = World::green();
    let undo = world.plan_to("r1").undo_request.expect("the way back");
    assert_eq!(undo.settings.get("back").map(String::as_str), Some("yes"));
    let back = world.plan_with(&[("target", "r1"), ("back", "yes")]);
    assert_eq!(back.label, "Fail back orders-db: w → r1");
    assert_eq!(back.settings.get("back").map(String::as_str), Some("yes"));
    assert!(!world.plan_to("r1").settings.contains_key("back"));
    let request = Request {
        action: Verb::Failover,
        node: NodeId::new(DB),
        settings: [("back".to_owned(), "perhaps".to_owned())].into(),
    };
    let refused = plan(&world.snapshot(), &request, &Context::default());
    assert!(refused.is_err_and(|why| why.to_string().contains("yes or no")));
}

#[test]
fn nobody_is_chosen_by_default_and_aws_own_choice_is_told() {
    let plan = World::green().plan_to("");
    assert!(plan.blocked);
    let chosen = World::green().finding("", "failover.target-chosen");
    assert_eq!(chosen.outcome, Outcome::Fail);
    assert!(
        chosen.sentence.contains("AWS would promote r1") && chosen.sentence.contains("any of them"),
        "{}",
        chosen.sentence
    );
    for (target, word) in [("w", "is the writer already"), ("other", "is no reader")] {
        let finding = World::green().finding(target, "failover.target-chosen");
        assert!(finding.sentence.contains(word), "{}", finding.sentence);
    }
}

#[test]
fn without_a_name_the_tier_decides_then_the_size() {
    let heir = |world: World| world.finding("", "failover.target-chosen").sentence;
    let tiers = World::green().with("dbinstance/r1", Fact::PromotionTier, 5);
    assert!(heir(tiers).contains("promote r2: its promotion tier 1 is the lowest"));
    let sizes = World::green().with("dbinstance/r2", Fact::ClassMemoryGib, 128.0);
    assert!(heir(sizes).contains("promote r2: of promotion tier 1 it is the largest"));
    let only = World::green().with("dbinstance/r1", Fact::Status, "rebooting");
    assert!(heir(only).contains("promote r2: it is the only available reader"));
}

#[test]
fn what_is_not_known_names_the_source_that_did_not_tell_it_and_why() {
    let mut world = World::green().without("dbinstance/r1", Fact::ReplicaLagMs);
    let lag = world.finding("r1", "failover.target-lag");
    assert_eq!(
        lag.sentence,
        "How far r1 is behind the writer is not known, because CloudWatch has said nothing of it lately."
    );
    let source = lag.source.expect("a source");
    assert!(source.as_str().ends_with("/database-metrics"), "{source}");
    let failed = world.sources.iter_mut();
    for source in failed.filter(|s| s.source.part == "database-metrics") {
        source.state = State::Failed;
        source.outdated = true;
        source.error = Some("CloudWatch GetMetricData was denied.".to_owned());
    }
    for (id, sentence) in [
        (
            "failover.target-lag",
            "How far r1 is behind the writer is not known, because CloudWatch GetMetricData was denied.",
        ),
        // It was told, and is too old to count.
        (
            "failover.target-cpu",
            "The CPU of r1 is not known, because CloudWatch GetMetricData was denied.",
        ),
    ] {
        assert_eq!(world.finding("r1", id).sentence, sentence);
    }
}

#[test]
fn without_a_reader_it_is_said_that_a_primary_is_created() {
    let alone = World::green()
        .with("dbinstance/r1", Fact::Status, "rebooting")
        .with("dbinstance/r2", Fact::Status, "creating");
    let blast = alone.plan_to("r1").blast.sentences.join(" ");
    assert!(
        blast.contains("creates a new primary, typically in less than 10 min"),
        "{blast}"
    );
}

/// Events of RDS come late, and some servers have none.
#[test]
fn what_was_failed_over_from_here_is_not_failed_over_again_at_once() {
    let db = "dbcluster/orders-db";
    let silent = || World::green().without(db, Fact::FailoverEventsRecent);
    for (world, clock, outcome, says) in [
        (World::green(), "11:55:00", Outcome::Fail, "5 min 5 s ago"),
        (silent(), "11:55:00", Outcome::Fail, "5 min 5 s ago"),
        (
            World::green(),
            "11:40:00",
            Outcome::Pass,
            "from here: 20 min 5 s ago",
        ),
        (silent(), "11:40:00", Outcome::Unknown, "is not known"),
    ] {
        let finding = world.recent_from_here(clock);
        assert_eq!(finding.outcome, outcome, "{}", finding.sentence);
        assert!(finding.sentence.contains(says), "{}", finding.sentence);
    }
}

#[test]
fn what_blocks_blocks_and_what_is_not_known_blocks_too() {
    use Outcome::{Fail, Pass, Unknown};
    let green = World::green;
    let (db, r1) = ("dbcluster/orders-db", "dbinstance/r1");
    let recent = |clock: &str| {
        green()
            .with(db, Fact::FailoverEventsRecent, 2)
            .with(db, Fact::LastFailoverAt, at(clock))
    };
    let rows: Vec<(&str, World, Outcome)> = vec![
        ("failover.cluster-available", green(), Pass),
        (
            "failover.cluster-available",
            green().with(db, Fact::Status, "failing-over"),
            Fail,
        ),
        ("failover.reader-available", green(), Pass),
        (
            "failover.reader-available",
            green().with(r1, Fact::Status, "rebooting").with(
                "dbinstance/r2",
                Fact::Status,
                "creating",
            ),
            Fail,
        ),
        (
            "failover.reader-available",
            green()
                .without(r1, Fact::Status)
                .with("dbinstance/r2", Fact::Status, "creating"),
            Unknown,
        ),
        ("failover.target-available", green(), Pass),
        (
            "failover.target-available",
            green().with(r1, Fact::Status, "modifying"),
            Fail,
        ),
        ("failover.target-modification", green(), Pass),
        (
            "failover.target-modification",
            green().with(r1, Fact::PendingModifications, "class db.r6g.large"),
            Fail,
        ),
        ("failover.target-maintenance", green(), Pass),
        (
            "failover.target-maintenance",
            green().with(r1, Fact::PendingMaintenance, "system-update"),
            Fail,
        ),
        (
            "failover.target-maintenance",
            green().without(r1, Fact::PendingMaintenance),
            Unknown,
        ),
        ("failover.target-lag", green(), Pass),
        (
            "failover.target-lag",
            green().with(r1, Fact::ReplicaLagMs, 1_200.0),
            Fail,
        ),
        (
            "failover.target-lag",
            green().without(r1, Fact::ReplicaLagMs),
            Unknown,
        ),
        ("failover.not-recent", green(), Pass),
        ("failover.not-recent", recent("11:40:00"), Pass),
        ("failover.not-recent", recent("11:55:00"), Fail),
        (
            "failover.not-recent",
            green().without(db, Fact::FailoverEventsRecent),
            Unknown,
        ),
    ];
    for (id, world, expected) in rows {
        assert_eq!(world.outcome(id), expected, "{id}");
        let plan = world.plan_to("r1");
        assert_eq!(plan.blocked, plan.failing().next().is_some(), "{id}");
    }
}

#[test]
fn a_global_database_that_changes_its_primary_blocks() {
    let mut world = World::green();
    let global = world.add(Kind::DbGlobal, "ledger", None);
    world.edge(global, Relation::Owns, NodeId::new(DB));
    world.set("dbglobal/ledger", Fact::Status, "available");
    assert_eq!(world.outcome("failover.global-at-rest"), Outcome::Pass);
    world.set("dbglobal/ledger", Fact::FailoverState, "switching-over");
    assert_eq!(world.outcome("failover.global-at-rest"), Outcome::Fail);
    world.node("dbglobal/ledger").standing = Standing::Declared;
    assert_eq!(world.outcome("failover.global-at-rest"), Outcome::Unknown);
}

#[test]
fn a_global_database_that_was_not_read_is_not_at_rest() {
    let id = "failover.global-at-rest";
    let alone = World::green().plan_to("r1");
    assert!(alone.findings.iter().all(|f| f.id != id));
    let world = World::green().with("dbcluster/orders-db", Fact::GlobalCluster, "ledger");
    let finding = world.finding("r1", id);
    assert_eq!(finding.outcome, Outcome::Unknown);
    assert!(finding.sentence.contains("ledger"), "{}", finding.sentence);
    assert!(world.plan_to("r1").blocked);
}

#[test]
fn what_warns_makes_it_level_four() {
    use Outcome::{Fail, Pass, Unknown};
    let green = World::green;
    let (db, r1) = ("dbcluster/orders-db", "dbinstance/r1");
    let busy = |cpu: f64| {
        let world = green().with(r1, Fact::CpuPercent, cpu);
        world.with("dbinstance/r2", Fact::CpuPercent, cpu)
    };
    let rows: Vec<(&str, World, Outcome)> = vec![
        ("failover.target-size", green(), Pass),
        (
            "failover.target-size",
            green()
                .with(r1, Fact::InstanceClass, "db.r6g.large")
                .with(r1, Fact::ClassVcpus, 2)
                .with(r1, Fact::ClassMemoryGib, 16.0),
            Fail,
        ),
        ("failover.target-tier", green(), Pass),
        (
            "failover.target-tier",
            green().with(r1, Fact::PromotionTier, 2),
            Fail,
        ),
        (
            "failover.target-tier",
            green().with(r1, Fact::CreatedBy, "autoscaling"),
            Fail,
        ),
        ("failover.target-cpu", green(), Pass),
        (
            "failover.target-cpu",
            green().with(r1, Fact::CpuPercent, 71.0),
            Fail,
        ),
        ("failover.readers-left", green(), Pass),
        (
            "failover.readers-left",
            green().with("dbinstance/r2", Fact::Status, "creating"),
            Fail,
        ),
        (
            "failover.readers-left",
            green().without("dbinstance/r2", Fact::Status),
            Unknown,
        ),
        ("failover.read-share", green(), Pass),
        ("failover.read-share", busy(50.0), Fail),
        ("failover.window", green(), Pass),
        (
            "failover.window",
            green().with(db, Fact::BackupWindow, "12:10-12:40"),
            Fail,
        ),
        (
            "failover.window",
            green().with(
                "dbinstance/w",
                Fact::MaintenanceWindow,
                "wed:12:00-wed:12:30",
            ),
            Fail,
        ),
        (
            "failover.window",
            green().without(db, Fact::BackupWindow),
            Unknown,
        ),
        (
            "failover.window",
            green().with(db, Fact::BackupWindow, "at night"),
            Unknown,
        ),
        ("failover.consumers", green(), Pass),
        ("failover.load-or-host", green(), Pass),
    ];
    for (id, world, expected) in rows {
        assert_eq!(world.outcome(id), expected, "{id}");
        if expected == Fail {
            let plan = world.plan_to("r1");
            assert_eq!(
                (plan.level, plan.blocked, plan.breakable),
                (ConfirmLevel::L4, true, true),
                "{id}"
            );
        }
    }
}

#[test]
fn the_connections_of_a_sick_writer_are_told_and_raise_nothing() {
    let id = "failover.target-connections";
    assert_eq!(World::green().outcome(id), Outcome::Pass);
    let full = World::green().with("dbinstance/r1", Fact::MaxConnectionsEstimate, 399);
    assert_eq!(full.outcome(id), Outcome::Fail);
    let plan = full.plan_to("r1");
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L3, false));
}

/// `writer` and `readers` CPU now; usually 45 and 20 percent.
fn strained(writer: f64, readers: f64) -> World {
    let mut world = World::green().with("dbinstance/w", Fact::CpuPercent, writer);
    for reader in ["dbinstance/r1", "dbinstance/r2"] {
        world.set(reader, Fact::CpuPercent, readers);
        world.past(reader, Fact::CpuPercent, 20.0);
    }
    world.past("dbinstance/w", Fact::CpuPercent, 45.0);
    world
}

#[test]
fn load_warns_that_failover_moves_the_problem_and_a_bad_host_calls_for_it() {
    let load = strained(99.0, 60.0);
    let finding = load.finding("r1", "failover.load-or-host");
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(
        finding.sentence.contains("Failover moves the problem"),
        "{}",
        finding.sentence
    );
    let called = |mut world: World| {
        world.node("dbcluster/orders-db").health.level = Level::Warning;
        let snapshot = world.snapshot();
        let node = snapshot.node(&NodeId::new(DB)).expect("the cluster");
        Failover.called_for(&snapshot, node)
    };
    assert!(!called(load) && !called(World::green()));
    let host = strained(99.0, 21.0);
    assert_eq!(host.outcome("failover.load-or-host"), Outcome::Pass);
    assert!(called(host));
    let dark = World::green().without("dbinstance/w", Fact::CpuPercent);
    assert_eq!(dark.outcome("failover.load-or-host"), Outcome::Unknown);
    assert!(dark.plan_to("r1").blocked);
}

#[test]
fn the_writers_zone_warns_only_where_the_zone_is_ill() {
    let mut world = World::green();
    world.node("dbinstance/r1").scope.az = Some("a".into());
    assert_eq!(world.outcome("failover.target-zone"), Outcome::Pass);
    let ill = Cause {
        rule: "az-fault".into(),
        level: Level::Critical,
        sentence: String::new(),
        targets: Vec::new(),
        consequences: vec![NodeId::new("dbinstance/1/eu-west-1/w")],
        signals: Vec::new(),
        since: None,
    };
    world.causes.push(ill.clone());
    assert_eq!(world.outcome("failover.target-zone"), Outcome::Fail);
    for silent in ["r1", "w"] {
        let mut world = World::green();
        world.node(&format!("dbinstance/{silent}")).scope.az = None;
        assert_eq!(world.outcome("failover.target-zone"), Outcome::Pass);
        world.causes.push(ill.clone());
        let finding = world.finding("r1", "failover.target-zone");
        assert_eq!(
            (finding.outcome, finding.sentence.as_str()),
            (
                Outcome::Unknown,
                format!("The zone of {silent} is not known.").as_str()
            )
        );
    }
}

#[test]
fn the_windows_that_were_read_are_told_and_those_that_were_not() {
    let finding = World::green().finding("r1", "failover.window");
    assert_eq!(
        finding.sentence,
        "No window is near. Read: backup of orders-db 02:00-02:30 UTC. Not read: maintenance of orders-db, maintenance of r1 and maintenance of w."
    );
}

#[test]
fn what_a_run_cannot_watch_is_told_and_raises_nothing() {
    let told = |plan: &Plan| -> Vec<String> {
        let open = plan.findings.iter().filter(|f| f.value == "not checked");
        let open = open.filter(|f| f.id.starts_with("failover."));
        open.map(|f| f.id.to_string()).collect()
    };
    let mut world = World::green();
    let plan = world.plan_to("r1");
    assert_eq!(
        told(&plan),
        [
            "failover.without-probe",
            "failover.without-errors",
            "failover.without-logs"
        ]
    );
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L3, false));
    let url = "http://probe.example/write";
    world.set("dbcluster/orders-db", Fact::WriteProbe, url);
    let workload = world.add(Kind::Deployment, "api", None);
    world.edge(workload, Relation::ConnectsTo, NodeId::new(DB));
    let pod = world.add(Kind::Pod, "api-1", None);
    world.set("pod/api-1", Fact::Workload, "/api");
    world.set("pod/api-1", Fact::WorkloadKind, "Deployment");
    let group = world.add(Kind::TargetGroup, "api", None);
    let balancer = world.add(Kind::LoadBalancer, "public", None);
    world.edge(group.clone(), Relation::Targets, pod);
    world.edge(balancer, Relation::Forwards, group);
    assert_eq!(told(&world.plan_to("r1")), Vec::<String>::new());
}

#[test]
fn consumers_that_write_fast_are_named() {
    let mut world = World::green();
    let queue = world.add(Kind::Queue, "orders", None);
    let scaler = world.add(Kind::ScaledObject, "order-writer", None);
    let workload = world.add(Kind::Deployment, "order-writer", None);
    world.edge(queue, Relation::ConsumedBy, scaler.clone());
    world.edge(scaler, Relation::Scales, workload.clone());
    world.edge(workload, Relation::ConnectsTo, NodeId::new(DB));
    let id = "failover.consumers";
    world.set("queue/orders", Fact::ReceivedPerSecond, 480.0);
    assert_eq!(world.outcome(id), Outcome::Pass);
    world.set("queue/orders", Fact::ReceivedPerSecond, 900.0);
    let finding = world.finding("r1", id);
    assert_eq!(finding.outcome, Outcome::Fail);
    assert!(finding.value.contains("orders at 900"), "{}", finding.value);
}

/// What CloudWatch said before it fell silent says nothing of now, be it high or low.
#[test]
fn a_rate_that_is_too_old_to_believe_is_one_that_was_not_read() {
    let id = "failover.consumers";
    let mut world = World::green();
    let workload = world.add(Kind::Deployment, "api", None);
    world.edge(workload.clone(), Relation::ConnectsTo, NodeId::new(DB));
    for name in ["fills", "orders"] {
        let queue = world.add(Kind::Queue, name, None);
        world.edge(queue, Relation::ConsumedBy, workload.clone());
    }
    let rate = Fact::ReceivedPerSecond;
    world.set("queue/fills", rate, 20.0);
    world.told("queue/orders", rate, 480.0, "database-metrics");
    assert_eq!(
        world.finding("r1", id).sentence,
        "No queue's consumer writes here at a high rate."
    );
    world.sources[0].state = State::Failed;
    world.sources[0].outdated = true;
    for (last, says) in [(480.0, "last 480"), (900.0, "last 900")] {
        world.told("queue/orders", rate, last, "database-metrics");
        let part = world.finding("r1", id);
        assert_eq!(part.outcome, Outcome::Pass);
        let rest = format!("Of 2 queues the rate of 1 was not read: orders ({says} messages/s).");
        assert!(part.sentence.ends_with(&rest), "{}", part.sentence);
    }
    world.told("queue/fills", rate, 20.0, "database-metrics");
    let dark = world.finding("r1", id);
    assert_eq!(dark.value, "not checked");
    let rates = "of fills (last 20 messages/s) and orders (last 900 messages/s) was not read";
    assert!(dark.sentence.contains(rates), "{}", dark.sentence);
}

#[test]
fn a_queue_whose_rate_was_not_read_is_not_called_quiet() {
    let mut world = World::green();
    let id = "failover.consumers";
    let none = world.finding("r1", id);
    assert_eq!(none.outcome, Outcome::Pass);
    assert_eq!(
        none.sentence,
        "No queue is known whose consumer writes here."
    );
    let workload = world.add(Kind::Deployment, "api", None);
    world.edge(workload.clone(), Relation::ConnectsTo, NodeId::new(DB));
    for name in ["fills", "orders", "quotes"] {
        let queue = world.add(Kind::Queue, name, None);
        world.edge(queue, Relation::ConsumedBy, workload.clone());
    }
    let dark = world.finding("r1", id);
    assert_eq!(dark.value, "not checked");
    assert!(
        dark.sentence
            .contains("of fills, orders and quotes was not read"),
        "{}",
        dark.sentence
    );
    let plan = world.plan_to("r1");
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L3, false));
    let rest = "Of 3 queues the rate of 2 was not read: fills and quotes.";
    for (rate, outcome) in [(480.0, Outcome::Pass), (900.0, Outcome::Fail)] {
        world.set("queue/orders", Fact::ReceivedPerSecond, rate);
        let part = world.finding("r1", id);
        assert_eq!(part.outcome, outcome);
        assert!(part.sentence.ends_with(rest), "{}", part.sentence);
    }
    for name in ["fills", "quotes"] {
        let short = format!("queue/{name}");
        world.set(&short, Fact::ReceivedPerSecond, 0.0);
    }
    world.set("queue/orders", Fact::ReceivedPerSecond, 480.0);
    let all = world.finding("r1", id);
    assert_eq!(
        all.sentence,
        "No queue's consumer writes here at a high rate."
    );
}

/// Told, and no warning: a failover from a sick writer must not need a second person on every platform
/// without a proxy.
#[test]
fn who_connects_without_a_proxy_is_told_and_raises_nothing() {
    let (db, id) = ("dbcluster/orders-db", "failover.proxy");
    let mut world = World::green();
    let nobody = world.finding("r1", id);
    assert_eq!(
        (nobody.severity, nobody.outcome),
        (Severity::Info, Outcome::Pass)
    );
    for name in ["api", "ledger"] {
        let workload = world.add(Kind::Deployment, name, None);
        world.edge(workload, Relation::ConnectsTo, NodeId::new(DB));
    }
    let alone = world.finding("r1", id);
    assert_eq!(alone.outcome, Outcome::Fail);
    assert_eq!(
        alone.sentence,
        "Connections do not go through an RDS Proxy: 2 workloads hold connections that may cling to the old writer: api and ledger."
    );
    let plan = world.plan_to("r1");
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L3, false));
    world.told(db, Fact::Proxies, "orders-proxy", "proxies");
    let before = world.finding("r1", id);
    assert_eq!(before.outcome, Outcome::Pass);
    assert!(
        before
            .sentence
            .starts_with("RDS Proxy orders-proxy is in front"),
        "{}",
        before.sentence
    );
    assert!(
        before.sentence.contains("transactions under way fail"),
        "{}",
        before.sentence
    );
    world.told(
        db,
        Fact::Proxies,
        "old (r1 unavailable), orders-proxy",
        "proxies",
    );
    let one = world.finding("r1", id);
    assert_eq!(one.outcome, Outcome::Pass);
    assert!(
        one.sentence.starts_with("RDS Proxy orders-proxy is in")
            && one
                .sentence
                .ends_with("RDS Proxy old (r1 unavailable) is not counted on."),
        "{}",
        one.sentence
    );
    let ill = "orders-proxy (incompatible-network)";
    world.told(db, Fact::Proxies, ill, "proxies");
    let ill = world.finding("r1", id);
    assert_eq!(ill.outcome, Outcome::Fail);
    assert_eq!(
        ill.sentence,
        "Connections do not go through an RDS Proxy that works: 2 workloads hold connections that may cling to the old writer: api and ledger. RDS Proxy orders-proxy (incompatible-network) is not counted on."
    );
    let mut stale = World::green();
    for source in stale
        .sources
        .iter_mut()
        .filter(|s| s.source.part == "proxies")
    {
        source.state = State::Failed;
        source.last_ok = None;
    }
    for world in [World::green().without(db, Fact::Proxies), stale] {
        let dark = world.finding("r1", id);
        assert_eq!(
            (dark.severity, dark.value.as_str()),
            (Severity::Info, "not checked")
        );
        let plan = world.plan_to("r1");
        assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L3, false));
    }
}

#[test]
fn readers_are_offered_with_their_fit_best_first() {
    let mut world = World::green();
    world.instance("r3", "reader", "b", 1);
    world.set("dbinstance/r1", Fact::CpuPercent, 90.0);
    world.set("dbinstance/r2", Fact::ReplicaLagMs, 5_000.0);
    let snapshot = world.snapshot();
    let node = snapshot.node(&NodeId::new(DB)).expect("the cluster");
    let settings = Failover.settings(&snapshot, node);
    assert_eq!(settings[0].default, "", "nobody is chosen");
    let Ask::Choice { choices } = &settings[0].ask else {
        panic!("no choice");
    };
    let told: Vec<_> = choices
        .iter()
        .map(|c| (c.value.as_str(), c.colour))
        .collect();
    assert_eq!(
        told,
        [
            ("r3", Colour::Green),
            ("r1", Colour::Amber),
            ("r2", Colour::Red)
        ]
    );
    assert!(
        choices[1]
            .why
            .as_deref()
            .is_some_and(|why| why.contains("90 %"))
    );
    let facts = choices[0].facts.join(" · ");
    for fact in [
        "b",
        "8 vCPU",
        "tier 1",
        "lag 14 ms",
        "CPU 20 %",
        "200 connections (writer 200)",
    ] {
        assert!(facts.contains(fact), "{facts}");
    }
}
