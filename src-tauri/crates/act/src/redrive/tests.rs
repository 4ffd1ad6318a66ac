//! Every check made true and made false, levels, digest and texts.

use crate::selected::Message;
use crate::shelf::{KeptPeek, Shelf};
use crate::{Colour, ConfirmLevel, Context, Outcome, Plan, Request, Severity, Verb, offers, plan};
use model::node::FactOrigin;
use model::{
    AccountId, Change, ChangeKind, Edge, Environment, Fact, Health, Identity, Kind, Level, Node,
    NodeId, Provenance, Reason, Relation, Scope, Series, Service, Snapshot, Source, SourceId,
    SourceStatus, StackIdentity, Standing, State, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-west-1";

fn at(clock: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-11-22T{clock}Z")).expect("a time")
}

/// The same for tests of other actions on the same world.
pub(crate) fn stamp(clock: &str) -> Timestamp {
    at(clock)
}

/// The dead-letter queue.
pub(crate) fn dlq() -> NodeId {
    id(Kind::Queue, "orders-dlq")
}

fn scope() -> Scope {
    Scope {
        account: Some(AccountId::new(ACCOUNT)),
        region: Some(REGION.into()),
        ..Scope::default()
    }
}

fn source(service: Service, part: &str) -> SourceStatus {
    SourceStatus {
        source: Source::new(service, scope(), part),
        state: State::Ok,
        last_ok: Some(at("03:00:00")),
        period_seconds: 10.0,
        requests: 1,
        skipped: 0,
        outdated: false,
        error: None,
        failure: None,
    }
}

fn id(kind: Kind, name: &str) -> NodeId {
    NodeId::aws(kind, ACCOUNT, Some(REGION), name)
}

fn node(kind: Kind, name: &str, service: Service, part: &str) -> Node {
    Node {
        id: id(kind, name),
        kind,
        name: name.to_owned(),
        scope: scope(),
        health: Health::default(),
        facts: model::Facts::default(),
        zones: BTreeMap::new(),
        series: Vec::new(),
        standing: Standing::Read,
        observed_at: at("03:00:00"),
        source: source(service, part).source.id,
        fact_origins: BTreeMap::new(),
    }
}

/// A platform on which a redrive of `orders-dlq` is all green: 4,182 messages, one source queue,
/// a deployment behind a scaled object, rolled out after the first message arrived.
pub(crate) struct World {
    nodes: BTreeMap<NodeId, Node>,
    pub(crate) edges: Vec<Edge>,
    sources: Vec<SourceStatus>,
    changes: Vec<Change>,
}

impl World {
    pub(crate) fn green() -> Self {
        let mut world = Self {
            nodes: BTreeMap::new(),
            edges: Vec::new(),
            sources: vec![
                source(Service::CloudWatch, "metrics"),
                source(Service::Kubernetes, "workloads"),
                source(Service::Lambda, "functions"),
                source(Service::Sqs, "move-tasks"),
                source(Service::Sqs, "queues"),
            ],
            changes: Vec::new(),
        };
        world.queue("orders-dlq", 4182);
        world.queue("orders", 12);
        world.deployment("order-writer");
        world.edge("queue/orders", Relation::DeadLetters, "queue/orders-dlq");
        world.edge(
            "queue/orders",
            Relation::ConsumedBy,
            "scaledobject/order-writer",
        );
        world.edge(
            "scaledobject/order-writer",
            Relation::Scales,
            "deployment/order-writer",
        );
        world.set("queue/orders", Fact::ConsumerIdempotent, true);
        world.set("queue/orders", Fact::MaxReceiveCount, 5_i64);
        let dlq = "queue/orders-dlq";
        world.set(dlq, Fact::IsDeadLetterQueue, true);
        world.set(dlq, Fact::SourceQueues, "orders");
        world.set(dlq, Fact::FirstMessageAt, at("02:47:00"));
        world.set(dlq, Fact::RetentionSeconds, 345_600_i64);
        world
    }

    /// Its consumer connects to a database whose writer is so busy, percent, and has so many of 1,000
    /// connections open.
    pub(crate) fn before_a_database(mut self, cpu: Option<f64>, open: i64) -> Self {
        // Any source that is believed will do.
        let (service, part) = (Service::Sqs, "queues");
        self.add(node(Kind::DbCluster, "ledger", service, part));
        let mut writer = node(Kind::DbInstance, "ledger-1", service, part);
        writer.facts.set(Fact::Role, "writer");
        writer.facts.set_some(Fact::CpuPercent, cpu);
        writer.facts.set(Fact::Connections, open);
        writer.facts.set(Fact::MaxConnectionsEstimate, 1_000_i64);
        self.add(writer);
        self.edge("dbcluster/ledger", Relation::Owns, "dbinstance/ledger-1");
        let to = "dbcluster/ledger";
        self.edge("deployment/order-writer", Relation::ConnectsTo, to);
        self
    }

    fn queue(&mut self, name: &str, visible: i64) {
        let mut queue = node(Kind::Queue, name, Service::Sqs, "queues");
        queue
            .facts
            .set(Fact::Arn, format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"));
        queue.facts.set(Fact::MessagesVisible, visible);
        queue.facts.set(Fact::VisibilityTimeoutSeconds, 30_i64);
        queue.facts.set(Fact::Fifo, name.ends_with(".fifo"));
        queue.facts.set(Fact::ReceivedPerSecond, 10.0);
        queue.facts.set(Fact::DeletedPerSecond, 10.0);
        let metrics = source(Service::CloudWatch, "metrics").source.id;
        for fact in [Fact::ReceivedPerSecond, Fact::DeletedPerSecond] {
            let origin = FactOrigin {
                source: metrics.clone(),
                observed_at: at("02:59:30"),
            };
            queue.fact_origins.insert(fact, origin);
        }
        self.add(queue);
    }

    fn deployment(&mut self, name: &str) {
        let mut deployment = node(Kind::Deployment, name, Service::Kubernetes, "workloads");
        deployment.facts.set(Fact::Replicas, 4_i64);
        deployment.facts.set(Fact::ReplicasReady, 4_i64);
        deployment.facts.set(Fact::Rollout, "complete");
        deployment.facts.set(Fact::Revision, 43_i64);
        deployment.facts.set(Fact::RolloutStartedAt, at("02:52:00"));
        self.add(deployment);
        self.add(node(
            Kind::ScaledObject,
            name,
            Service::Kubernetes,
            "workloads",
        ));
    }

    /// A pod of the deployment, behind its replica set.
    fn pod(&mut self, name: &str) -> &mut Node {
        let part = |kind, name: &str| node(kind, name, Service::Kubernetes, "workloads");
        self.add(part(Kind::ReplicaSet, "order-writer-41"));
        self.add(part(Kind::Pod, name));
        let (set, pod) = ("replicaset/order-writer-41", format!("pod/{name}"));
        self.edge("deployment/order-writer", Relation::Owns, set);
        self.edge(set, Relation::Owns, &pod);
        self.node(&pod)
    }

    /// Puts a function behind a mapping in the place of the deployment.
    fn with_function(mut self) -> Self {
        self.edges
            .retain(|edge| edge.relation == Relation::DeadLetters);
        let mut mapping = node(Kind::Mapping, "m-1", Service::Lambda, "functions");
        mapping.facts.set(Fact::StateWord, "Enabled");
        self.add(mapping);
        let mut function = node(Kind::Function, "charge", Service::Lambda, "functions");
        function.facts.set(Fact::ErrorsPercent, 0.3);
        function.facts.set(Fact::LastModified, at("02:53:00"));
        function.facts.set(Fact::StateWord, "Active");
        self.add(function);
        self.edge("queue/orders", Relation::ConsumedBy, "mapping/m-1");
        self.edge("mapping/m-1", Relation::ConsumedBy, "function/charge");
        self
    }

    fn add(&mut self, node: Node) {
        self.nodes.insert(node.id.clone(), node);
    }

    fn node(&mut self, short: &str) -> &mut Node {
        let (kind, name) = short.split_once('/').expect("kind/name");
        let id = NodeId::new(format!("{kind}/{ACCOUNT}/{REGION}/{name}"));
        self.nodes.get_mut(&id).expect("a node of this world")
    }

    pub(crate) fn set(&mut self, short: &str, fact: Fact, value: impl Into<model::Value>) {
        self.node(short).facts.set(fact, value);
    }

    fn unset(&mut self, short: &str, fact: Fact) {
        self.node(short).facts.remove(fact);
    }

    fn edge(&mut self, from: &str, relation: Relation, to: &str) {
        let (from, to) = (self.node(from).id.clone(), self.node(to).id.clone());
        self.edges.push(Edge {
            from,
            to,
            relation,
            provenance: Provenance("test".into()),
        });
    }

    fn source(&mut self, part: &str) -> &mut SourceStatus {
        self.sources
            .iter_mut()
            .find(|s| s.source.part == part)
            .expect("a source")
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut edges = self.edges.clone();
        edges.sort();
        let mut sources = self.sources.clone();
        sources.sort_by(|a, b| a.source.id.cmp(&b.source.id));
        Snapshot {
            seq: 7,
            taken_at: at("03:00:02"),
            stack: StackIdentity {
                name: "Meridian".to_owned(),
                environment: Environment::Prod,
            },
            identity: Identity::default(),
            nodes: self.nodes.values().cloned().map(Arc::new).collect(),
            edges: edges.into(),
            sources,
            causes: Vec::new(),
            changes: self.changes.clone(),
        }
    }

    fn plan(&self) -> Plan {
        self.plan_with(&[])
    }

    fn plan_with(&self, settings: &[(&str, &str)]) -> Plan {
        self.try_plan(settings).expect("a plan")
    }

    fn try_plan(&self, settings: &[(&str, &str)]) -> Result<Plan, crate::PlanError> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = Request {
            action: Verb::Redrive,
            node: id(Kind::Queue, "orders-dlq"),
            settings: settings.iter().map(own).collect(),
        };
        plan(&self.snapshot(), &request, &Context::default())
    }
}

/// What the check said, or `None` when it was not asked.
fn outcome(plan: &Plan, check: &str) -> Option<(Severity, Outcome)> {
    let found = plan.findings.iter().find(|f| f.id == check);
    found.map(|f| (f.severity, f.outcome))
}

#[track_caller]
pub(crate) fn says(plan: &Plan, check: &str, severity: Severity, expected: Outcome) {
    let finding = plan.findings.iter().find(|f| f.id == check);
    assert_eq!(
        outcome(plan, check),
        Some((severity, expected)),
        "{check}: {finding:?}"
    );
    let blocks = severity == Severity::Block && expected == Outcome::Fail;
    assert!(
        !blocks || plan.blocked,
        "{check} fails but the plan is not blocked"
    );
}

#[test]
fn all_green_is_one_press_and_says_the_whole_plan() {
    let plan = World::green().plan();
    let unmet: Vec<_> = plan.failing().collect();
    assert!(unmet.is_empty(), "{unmet:#?}");
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L1, false));
    assert_eq!(
        plan.label,
        "Redrive 4,182 → orders · canary 20 · then 50/s · ~84 s"
    );
    assert_eq!(plan.confirm, "orders-dlq");
    let steps: Vec<_> = plan
        .calls
        .iter()
        .map(|c| (c.step.as_str(), c.operation.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            ("canary", "sqs:StartMessageMoveTask"),
            ("canary", "sqs:CancelMessageMoveTask"),
            ("full", "sqs:StartMessageMoveTask"),
        ]
    );
    assert_eq!(plan.calls[0].parameters["MaxNumberOfMessagesPerSecond"], 1);
    assert_eq!(
        plan.calls[2].cli,
        "aws sqs start-message-move-task --region eu-west-1 \
         --source-arn arn:aws:sqs:eu-west-1:123456789012:orders-dlq \
         --destination-arn arn:aws:sqs:eu-west-1:123456789012:orders \
         --max-number-of-messages-per-second 50"
    );
}

/// One of many is no reason to keep a redrive from an operator.
#[test]
fn a_few_of_many_pods_do_not_make_a_consumer_ill() {
    let mut world = World::green();
    for n in 0..12 {
        let pod = world.pod(&format!("order-writer-41-{n}"));
        if n == 0 {
            pod.health.reasons = vec![Reason {
                rule: "pod.restarts".into(),
                level: Level::Warning,
                sentence: "order-writer-41-0 restarted 5 times, lately again.".to_owned(),
                evidence: Vec::new(),
                leaf: None,
            }];
        }
    }
    says(
        &world.plan(),
        "redrive.consumer-ready",
        Severity::Block,
        Outcome::Pass,
    );
}

/// One row per block: how it is made to fail. Every one passes in the green world.
#[test]
fn every_block_fails_when_it_should_and_only_then() {
    type Break = fn(&mut World);
    let rows: &[(&str, Break)] = &[
        ("redrive.is-dlq", |w| {
            w.edges.retain(|e| e.relation != Relation::DeadLetters);
            w.unset("queue/orders-dlq", Fact::SourceQueues);
        }),
        ("redrive.source-is-sqs", |w| {
            w.add(node(Kind::Function, "charge", Service::Lambda, "functions"));
            w.edge("function/charge", Relation::DeadLetters, "queue/orders-dlq");
        }),
        ("redrive.not-empty", |w| {
            w.set("queue/orders-dlq", Fact::MessagesVisible, 0_i64)
        }),
        ("redrive.task-free", |w| {
            w.set("queue/orders-dlq", Fact::MoveTaskStatus, "RUNNING")
        }),
        ("redrive.task-free", |w| {
            w.set("queue/orders-dlq", Fact::MoveTaskStatus, "CANCELLING")
        }),
        ("redrive.same-type", |w| {
            w.set("queue/orders", Fact::Fifo, true)
        }),
        ("redrive.consumer-ready", |w| {
            w.set("deployment/order-writer", Fact::ReplicasReady, 3_i64)
        }),
        ("redrive.consumer-ready", |w| {
            w.set("deployment/order-writer", Fact::Rollout, "progressing")
        }),
        ("redrive.consumer-ready", |w| {
            w.set("deployment/order-writer", Fact::RestartsRecent, 37_i64)
        }),
        ("redrive.consumer-ready", |w| {
            w.pod("order-writer-41-a").health.reasons = vec![Reason {
                rule: "pod.restarts".into(),
                level: Level::Warning,
                sentence: "order-writer-41-a restarted 5 times, lately again.".to_owned(),
                evidence: Vec::new(),
                leaf: None,
            }];
        }),
        ("redrive.consumer-enabled", |w| {
            w.set("deployment/order-writer", Fact::Replicas, 0_i64);
            w.set("scaledobject/order-writer", Fact::Paused, true);
        }),
        ("redrive.consumer-errors", |w| {
            w.set("deployment/order-writer", Fact::ErrorsPercent, 5.1)
        }),
        ("redrive.consumer-errors", |w| {
            w.set("queue/orders", Fact::DeletedPerSecond, 6.2)
        }),
        ("redrive.changed-since-arrival", |w| {
            w.set(
                "deployment/order-writer",
                Fact::RolloutStartedAt,
                at("02:41:00"),
            );
        }),
    ];
    let green = World::green().plan();
    for (check, spoil) in rows {
        says(&green, check, Severity::Block, Outcome::Pass);
        let mut world = World::green();
        spoil(&mut world);
        let plan = world.plan();
        says(&plan, check, Severity::Block, Outcome::Fail);
        assert_ne!(plan.digest, green.digest, "{check} is part of the digest");
        let finding = plan
            .findings
            .iter()
            .find(|f| f.id == *check)
            .expect("the check");
        assert!(finding.sentence.ends_with('.'), "{}", finding.sentence);
    }
}

#[test]
fn an_empty_queue_says_only_that_it_is_empty() {
    let mut world = World::green();
    world.set("queue/orders-dlq", Fact::MessagesVisible, 0_i64);
    world.unset("queue/orders-dlq", Fact::FirstMessageAt);
    world.set(
        "deployment/order-writer",
        Fact::RolloutStartedAt,
        at("01:00:00"),
    );
    let plan = world.plan();
    let failing: Vec<_> = plan.failing().map(|f| f.id.clone()).collect();
    assert_eq!(failing, ["redrive.not-empty"]);
}

#[test]
fn a_finished_move_task_does_not_block_the_next() {
    for status in ["COMPLETED", "CANCELLED", "FAILED"] {
        let mut world = World::green();
        world.set("queue/orders-dlq", Fact::MoveTaskStatus, status);
        says(
            &world.plan(),
            "redrive.task-free",
            Severity::Block,
            Outcome::Pass,
        );
    }
}

#[test]
fn a_function_consumer_is_judged_by_mapping_errors_and_version() {
    let green = World::green().with_function().plan();
    assert!(
        green.failing().next().is_none(),
        "{:#?}",
        green.failing().collect::<Vec<_>>()
    );
    for word in ["Disabled", "Disabling", "Creating"] {
        let mut world = World::green().with_function();
        world.set("mapping/m-1", Fact::StateWord, word);
        says(
            &world.plan(),
            "redrive.consumer-enabled",
            Severity::Block,
            Outcome::Fail,
        );
    }
    let mut world = World::green().with_function();
    world.set("function/charge", Fact::ReservedConcurrency, 0_i64);
    let (enabled, ready) = ("redrive.consumer-enabled", "redrive.consumer-ready");
    says(&world.plan(), enabled, Severity::Block, Outcome::Fail);
    let states = [
        (Fact::StateWord, "Inactive", Outcome::Pass),
        (Fact::StateWord, "Pending", Outcome::Fail),
        (Fact::StateWord, "Failed", Outcome::Fail),
        (Fact::LastUpdateStatus, "InProgress", Outcome::Fail),
        (Fact::LastUpdateStatus, "Successful", Outcome::Pass),
    ];
    for (fact, word, outcome) in states {
        let mut world = World::green().with_function();
        world.set("function/charge", fact, word);
        says(&world.plan(), ready, Severity::Block, outcome);
    }
    let mut world = World::green().with_function();
    world.unset("function/charge", Fact::StateWord);
    says(&world.plan(), ready, Severity::Block, Outcome::Unknown);
    let mut world = World::green().with_function();
    world.set("function/charge", Fact::ErrorsPercent, 22.0);
    let plan = world.plan();
    says(
        &plan,
        "redrive.consumer-errors",
        Severity::Block,
        Outcome::Fail,
    );
    let snapshot = world.snapshot();
    let offer = &offers(
        &snapshot,
        &id(Kind::Queue, "orders-dlq"),
        &Context::default(),
    )[0];
    assert_eq!(offer.colour, Colour::Red);
    assert!(
        offer.why.as_deref().is_some_and(|why| why.contains("22 %")),
        "{:?}",
        offer.why
    );
    let mut world = World::green().with_function();
    world.set("function/charge", Fact::LastModified, at("02:41:00"));
    says(
        &world.plan(),
        "redrive.changed-since-arrival",
        Severity::Block,
        Outcome::Fail,
    );
}

#[test]
fn an_idle_function_is_not_unknown_and_a_silent_one_is() {
    let mut world = World::green().with_function();
    world.unset("function/charge", Fact::ErrorsPercent);
    world.set("function/charge", Fact::InvocationsPerSecond, 0.0);
    says(
        &world.plan(),
        "redrive.consumer-errors",
        Severity::Block,
        Outcome::Pass,
    );
    world.unset("function/charge", Fact::InvocationsPerSecond);
    world.unset("queue/orders", Fact::ReceivedPerSecond);
    world.unset("queue/orders", Fact::DeletedPerSecond);
    world.node("queue/orders").fact_origins.clear();
    says(
        &world.plan(),
        "redrive.consumer-errors",
        Severity::Block,
        Outcome::Unknown,
    );
}

#[test]
fn recovery_without_a_rollout_counts_when_errors_came_back_down_after_the_first_message() {
    let series = |values: &[f64]| Series {
        fact: Fact::ErrorsPercent,
        start: at("02:45:00"),
        step_seconds: 60,
        values: values.iter().copied().map(Some).collect(),
    };
    let old = |values: &[f64]| {
        let mut world = World::green();
        world.set(
            "deployment/order-writer",
            Fact::RolloutStartedAt,
            at("01:00:00"),
        );
        world
            .node("deployment/order-writer")
            .series
            .push(series(values));
        outcome(&world.plan(), "redrive.changed-since-arrival").map(|(_, outcome)| outcome)
    };
    assert_eq!(old(&[0.0, 30.0, 38.0, 20.0, 0.4, 0.1]), Some(Outcome::Pass));
    assert_eq!(
        old(&[0.0, 30.0, 38.0, 20.0, 0.4]),
        Some(Outcome::Fail),
        "one good minute is not enough"
    );
    assert_eq!(
        old(&[0.0, 0.0, 0.0, 0.0, 0.0]),
        Some(Outcome::Fail),
        "it never failed"
    );
}

/// The rollout that broke the consumer comes shortly before the first message, whose time is known
/// to the minute; and of messages that came back after a rollout, that rollout is no cure.
#[test]
fn the_rollout_that_broke_the_consumer_is_not_taken_for_its_cure() {
    let rolled = |at_: &str, age: Option<i64>| {
        let mut world = World::green();
        let consumer = "deployment/order-writer";
        world.set(consumer, Fact::RolloutStartedAt, at(at_));
        if let Some(age) = age {
            world.set("queue/orders-dlq", Fact::OldestAgeSeconds, age);
        }
        outcome(&world.plan(), "redrive.changed-since-arrival").map(|(_, outcome)| outcome)
    };
    assert_eq!(rolled("02:47:40", None), Some(Outcome::Fail), "same minute");
    assert_eq!(rolled("02:48:01", None), Some(Outcome::Pass));
    assert_eq!(rolled("02:52:00", Some(60)), Some(Outcome::Fail), "younger");
    assert_eq!(rolled("02:52:00", Some(12 * 60)), Some(Outcome::Pass));
}

#[test]
fn a_roll_back_to_an_old_replica_set_is_seen_by_its_pods_or_its_deploy_event() {
    let mut world = World::green();
    world.set(
        "deployment/order-writer",
        Fact::RolloutStartedAt,
        at("01:00:00"),
    );
    says(
        &world.plan(),
        "redrive.changed-since-arrival",
        Severity::Block,
        Outcome::Fail,
    );
    world.changes.push(Change {
        at: at("02:51:00"),
        kind: ChangeKind::Deploy,
        node: id(Kind::Deployment, "order-writer"),
        sentence: "Rolled back.".to_owned(),
    });
    says(
        &world.plan(),
        "redrive.changed-since-arrival",
        Severity::Block,
        Outcome::Pass,
    );
    world.changes.clear();
    let started = at("02:52:30");
    world
        .pod("order-writer-41-a")
        .facts
        .set(Fact::StartedAt, started);
    says(
        &world.plan(),
        "redrive.changed-since-arrival",
        Severity::Block,
        Outcome::Pass,
    );
}

#[test]
fn a_busy_database_behind_the_consumer_warns() {
    let cases = [
        (Some(80.0), 900, Outcome::Pass),
        (Some(81.0), 100, Outcome::Fail),
        (Some(20.0), 901, Outcome::Fail),
    ];
    for (cpu, open, outcome) in cases {
        let plan = World::green().before_a_database(cpu, open).plan();
        says(&plan, "redrive.database", Severity::Warn, outcome);
    }
    let silent = World::green().before_a_database(None, 100).plan();
    says(&silent, "redrive.database", Severity::Info, Outcome::Pass);
    let busy = World::green().before_a_database(Some(81.0), 100);
    let slow = busy.plan_with(&[("rate", "5")]);
    let mut findings = slow.findings.iter();
    let found = findings.find(|f| f.id == "redrive.database");
    let sentence = &found.expect("the check").sentence;
    assert!(sentence.ends_with("on top, at up to 5/s."), "{sentence}");
}

#[test]
fn warnings_raise_the_level_by_one_together() {
    let mut world = World::green();
    world.unset("queue/orders", Fact::ConsumerIdempotent);
    let plan = world.plan_with(&[("canary", "off")]);
    says(&plan, "redrive.idempotent", Severity::Warn, Outcome::Fail);
    says(&plan, "redrive.canary", Severity::Warn, Outcome::Fail);
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L2, false));
    assert_eq!(plan.calls.len(), 1, "no canary, one call");
    let snapshot = world.snapshot();
    let offer = &offers(
        &snapshot,
        &id(Kind::Queue, "orders-dlq"),
        &Context::default(),
    )[0];
    assert_eq!(offer.colour, Colour::Amber);
}

#[test]
fn levels_follow_the_number_of_messages() {
    let level = |messages: i64| {
        let mut world = World::green();
        world.set("queue/orders-dlq", Fact::MessagesVisible, messages);
        world.plan().level
    };
    assert_eq!(level(5_000), ConfirmLevel::L1);
    assert_eq!(level(5_001), ConfirmLevel::L2);
    assert_eq!(level(50_000), ConfirmLevel::L2);
    assert_eq!(level(50_001), ConfirmLevel::L3);
    let mut world = World::green();
    world.unset("queue/orders-dlq", Fact::MessagesVisible);
    let plan = world.plan();
    assert!(
        plan.level >= ConfirmLevel::L3 && plan.blocked,
        "may be any number"
    );
}

#[test]
fn the_unknown_warns_when_small_and_blocks_when_large() {
    let mut world = World::green();
    world.source("queues").state = State::Stale;
    let plan = world.plan();
    says(
        &plan,
        "redrive.not-empty",
        Severity::Block,
        Outcome::Unknown,
    );
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L2, false));
    world.set("queue/orders-dlq", Fact::MessagesVisible, 60_000_i64);
    assert!(world.plan().blocked);
}

#[test]
fn a_failed_source_is_believed_until_its_last_reading_is_outdated() {
    let mut world = World::green();
    world.source("move-tasks").state = State::Failed;
    says(
        &world.plan(),
        "redrive.task-free",
        Severity::Block,
        Outcome::Pass,
    );
    world.source("move-tasks").outdated = true;
    says(
        &world.plan(),
        "redrive.task-free",
        Severity::Block,
        Outcome::Unknown,
    );
    world.source("move-tasks").outdated = false;
    world.source("move-tasks").last_ok = None;
    says(
        &world.plan(),
        "redrive.task-free",
        Severity::Block,
        Outcome::Unknown,
    );
}

#[test]
fn a_consumer_nobody_sees_is_unknown_and_an_external_one_warns() {
    let mut world = World::green();
    world.edges.retain(|e| e.relation == Relation::DeadLetters);
    let plan = world.plan();
    says(
        &plan,
        "redrive.consumer-found",
        Severity::Block,
        Outcome::Unknown,
    );
    assert_eq!(plan.level, ConfirmLevel::L2);
    world.set("queue/orders", Fact::ConsumerExternal, true);
    let plan = world.plan();
    says(
        &plan,
        "redrive.consumer-external",
        Severity::Warn,
        Outcome::Fail,
    );
    assert_eq!(outcome(&plan, "redrive.consumer-found"), None);
    assert!(
        !plan.blocked
            && plan
                .expectations
                .iter()
                .all(|e| e.id != "redrive.consumer-well")
    );
    let plan = world.plan();
    let well = |world: &World| super::health::well(&world.snapshot(), &plan);
    assert_eq!(well(&world), (true, "external".to_owned()));
    world.nodes.remove(&dlq());
    assert!(!well(&world).0, "who is not seen any more is not external");
}

#[test]
fn several_sources_warn_unless_a_destination_is_named() {
    let mut world = World::green();
    world.queue("refunds", 0);
    world.set("queue/refunds", Fact::ConsumerIdempotent, true);
    world.edge("queue/refunds", Relation::DeadLetters, "queue/orders-dlq");
    world.edge(
        "queue/refunds",
        Relation::ConsumedBy,
        "deployment/order-writer",
    );
    let plan = world.plan();
    says(&plan, "redrive.one-source", Severity::Warn, Outcome::Fail);
    assert!(!plan.calls[0].parameters.contains_key("DestinationArn"));
    assert!(
        plan.label.contains("their 2 source queues"),
        "{}",
        plan.label
    );
    let plan = world.plan_with(&[("destination", "orders")]);
    says(&plan, "redrive.one-source", Severity::Warn, Outcome::Pass);
    assert!(plan.calls[0].cli.contains("--destination-arn"));
}

#[test]
fn fifo_interleaves_and_the_expiry_clock_is_a_bound() {
    let mut world = World::green();
    world.set("queue/orders-dlq", Fact::Fifo, true);
    world.set("queue/orders", Fact::Fifo, true);
    says(
        &world.plan(),
        "redrive.fifo-order",
        Severity::Warn,
        Outcome::Fail,
    );
    says(
        &World::green().plan(),
        "redrive.fifo-order",
        Severity::Warn,
        Outcome::Pass,
    );
    says(
        &World::green().plan(),
        "redrive.expiry",
        Severity::Warn,
        Outcome::Pass,
    );
    let mut world = World::green();
    world.set("queue/orders-dlq", Fact::RetentionSeconds, 900_i64);
    says(
        &world.plan(),
        "redrive.expiry",
        Severity::Warn,
        Outcome::Fail,
    );
    world.unset("queue/orders-dlq", Fact::RetentionSeconds);
    let plan = world.plan();
    says(&plan, "redrive.expiry", Severity::Info, Outcome::Pass);
    let expiry = plan.findings.iter().find(|f| f.id == "redrive.expiry");
    assert_eq!(expiry.expect("told").value, "not checked");
}

#[test]
fn the_digest_holds_still_while_counters_move() {
    let world = World::green();
    let shown = world.plan();
    assert_eq!(shown.digest, world.plan().digest);
    let mut later = World::green();
    later.set("queue/orders-dlq", Fact::MessagesVisible, 4_250_i64);
    later.set("queue/orders", Fact::DeletedPerSecond, 9.9);
    let fresh = later.plan();
    assert_eq!(shown.digest, fresh.digest);
    assert_eq!(shown.difference(&fresh), Vec::<String>::new());
    assert_ne!(shown.digest, world.plan_with(&[("rate", "60")]).digest);
    later.set("deployment/order-writer", Fact::ReplicasReady, 1_i64);
    let difference = shown.difference(&later.plan());
    assert!(
        difference[0].starts_with("New: order-writer is not ready"),
        "{difference:?}"
    );
    let mut other = shown.clone();
    other.acts_as = Some("arn:aws:iam::111122223333:role/act".to_owned());
    assert_ne!(shown.digest, other.compute_digest());
    let difference = shown.difference(&other);
    assert!(
        difference[0].contains("now by arn:aws:iam::111122223333:role/act"),
        "{difference:?}"
    );
    let mut elsewhere = World::green();
    elsewhere.set("queue/orders-dlq", Fact::MoveTaskStartedAt, at("02:59:00"));
    elsewhere.set("queue/orders-dlq", Fact::MoveTaskStatus, "COMPLETED");
    assert!(
        !shown.difference(&elsewhere.plan()).is_empty(),
        "somebody else redrove meanwhile"
    );
}

#[test]
fn few_messages_need_no_canary() {
    let mut world = World::green();
    world.set("queue/orders-dlq", Fact::MessagesVisible, 20_i64);
    let plan = world.plan();
    assert_eq!(plan.calls.len(), 1);
    assert_eq!(plan.level, ConfirmLevel::L1);
    assert_eq!(plan.label, "Redrive 20 → orders · 50/s · ~0 s");
}

#[test]
fn what_does_not_fit_is_said_in_a_sentence() {
    let world = World::green();
    let error = world
        .try_plan(&[("destination", "nowhere")])
        .expect_err("refused");
    assert!(error.to_string().contains("no such queue"), "{error}");
    let request = Request {
        action: Verb::Redrive,
        node: id(Kind::Deployment, "order-writer"),
        settings: BTreeMap::new(),
    };
    let error = plan(&world.snapshot(), &request, &Context::default())
        .expect_err("refused")
        .to_string();
    assert!(error.contains("SQS queues"), "{error}");
    let queue = id(Kind::Queue, "orders");
    assert!(offers(&world.snapshot(), &queue, &Context::default()).is_empty());
}

#[test]
fn an_offer_is_a_command_line() {
    let context = Context {
        stack_file: Some("/srv/my stack.toml".to_owned()),
        ..Context::default()
    };
    let world = World::green();
    let offer = &offers(&world.snapshot(), &id(Kind::Queue, "orders-dlq"), &context)[0];
    assert_eq!((offer.colour, offer.why.as_deref()), (Colour::Green, None));
    assert_eq!(
        offer.command,
        "qd act redrive queue/123456789012/eu-west-1/orders-dlq --set canary=20 \
         --set destination=source --set rate=50 --reason 'why' --confirm orders-dlq \
         --stack '/srv/my stack.toml'"
    );
}

#[test]
fn a_press_knows_which_sources_to_read_afresh() {
    let world = World::green();
    let snapshot = world.snapshot();
    let plan = world.plan();
    let sources = crate::action(Verb::Redrive, Kind::Queue)
        .expect("a row")
        .sources(&snapshot, &plan);
    let parts: Vec<SourceId> = world.sources.iter().map(|s| s.source.id.clone()).collect();
    for part in ["queues", "move-tasks", "metrics", "workloads"] {
        let wanted = parts
            .iter()
            .find(|id| id.as_str().ends_with(part))
            .expect("a source");
        assert!(sources.contains(wanted), "{part} in {sources:?}");
    }
}

#[test]
fn the_account_takes_a_hundred_tasks_of_all_its_queues_and_no_more() {
    let busy = |tasks: usize| {
        let mut world = World::green();
        for n in 0..tasks {
            let name = format!("other-{n}-dlq");
            world.queue(&name, 5);
            let short = format!("queue/{name}");
            world.set(&short, Fact::MoveTaskStatus, "RUNNING");
        }
        world.plan()
    };
    says(
        &busy(99),
        "redrive.account-tasks",
        Severity::Block,
        Outcome::Pass,
    );
    says(
        &busy(100),
        "redrive.account-tasks",
        Severity::Block,
        Outcome::Fail,
    );
}

#[test]
fn a_failure_that_would_come_again_warns_and_is_told_in_words() {
    let mut world = World::green();
    let dlq = "queue/orders-dlq";
    world.set(dlq, Fact::MoveTaskStatus, "FAILED");
    world.set(dlq, Fact::MoveTaskFailure, "CouldNotDetermineMessageSource");
    says(
        &world.plan(),
        "redrive.last-failure",
        Severity::Warn,
        Outcome::Pass,
    );
    world.queue("refunds", 0);
    world.edge("queue/refunds", Relation::DeadLetters, dlq);
    let blank = world.plan();
    says(
        &blank,
        "redrive.last-failure",
        Severity::Warn,
        Outcome::Fail,
    );
    let told = blank
        .findings
        .iter()
        .find(|f| f.id == "redrive.last-failure");
    let told = told.expect("told");
    assert!(
        told.sentence.contains("does not know where they came from"),
        "{}",
        told.sentence
    );
    let named = world.plan_with(&[("destination", "orders")]);
    says(
        &named,
        "redrive.last-failure",
        Severity::Warn,
        Outcome::Pass,
    );
}

#[test]
fn what_was_redriven_before_is_told() {
    let mut world = World::green();
    let says = |plan: &Plan| {
        let told = plan.findings.iter().find(|f| f.id == "redrive.history");
        let told = told.expect("told");
        (told.severity, told.sentence.clone(), told.value.clone())
    };
    let (severity, sentence, value) = says(&world.plan());
    assert_eq!(
        (severity, value.as_str()),
        (Severity::Info, "0 earlier tasks")
    );
    assert!(sentence.contains("no earlier redrive"), "{sentence}");
    let told =
        "COMPLETED 40 of 40 at 50/s 2026-11-22T02:00:00Z; FAILED 0 of 40 2026-11-22T01:00:00Z";
    world.set("queue/orders-dlq", Fact::MoveTaskHistory, told);
    let (_, sentence, value) = says(&world.plan());
    assert_eq!(value, "2 earlier tasks");
    assert!(sentence.contains("FAILED 0 of 40"), "{sentence}");
}

#[test]
fn a_fifo_queue_keeps_its_messages_from_the_move_on_and_a_standard_one_knows_a_bound() {
    let sentence = |fifo: bool| {
        let mut world = World::green();
        world.set("queue/orders-dlq", Fact::Fifo, fifo);
        world.set("queue/orders", Fact::Fifo, fifo);
        let plan = world.plan();
        let expiry = plan.findings.iter().find(|f| f.id == "redrive.expiry");
        expiry.expect("told").sentence.clone()
    };
    assert!(
        sentence(false).contains("at the latest"),
        "{}",
        sentence(false)
    );
    assert!(
        !sentence(true).contains("at the latest"),
        "{}",
        sentence(true)
    );
}

#[test]
fn encrypted_queues_need_their_keys_and_the_right_is_named() {
    let mut world = World::green();
    let key = |plan: &Plan| {
        let rights = plan.rights.iter().map(ToString::to_string);
        rights
            .filter(|right| right.starts_with("kms:"))
            .collect::<Vec<_>>()
    };
    assert!(key(&world.plan()).is_empty());
    world.set("queue/orders-dlq", Fact::KmsKey, "1234abcd");
    world.set(
        "queue/orders",
        Fact::KmsKey,
        "arn:aws:kms:eu-west-1:123456789012:key/5678",
    );
    let needed = key(&world.plan());
    assert_eq!(
        needed,
        [
            "kms:Decrypt on arn:aws:kms:eu-west-1:123456789012:key/1234abcd",
            "kms:GenerateDataKey on arn:aws:kms:eu-west-1:123456789012:key/5678",
            "kms:Decrypt on arn:aws:kms:eu-west-1:123456789012:key/5678",
        ]
    );
    world.set("queue/orders-dlq", Fact::KmsKey, "alias/aws/sqs");
    assert_eq!(key(&world.plan()).len(), 2);
}

#[test]
fn a_peek_that_shows_others_warns_before_all_are_moved() {
    let with = |bodies: &[&str], peeked: &str| {
        let message = |body: &&str| Message {
            id: (*body).to_owned(),
            body: (*body).to_owned(),
            attributes: BTreeMap::new(),
            system: BTreeMap::new(),
        };
        let request = Request {
            action: Verb::Redrive,
            node: dlq(),
            settings: BTreeMap::new(),
        };
        let peek = KeptPeek {
            at: stamp(peeked),
            messages: bodies.iter().map(message).collect(),
        };
        let context = Context {
            shelf: Shelf {
                peek: Some(peek),
                ..Shelf::default()
            },
            ..Context::default()
        };
        let plan = crate::plan(&World::green().snapshot(), &request, &context).expect("a plan");
        outcome(&plan, "redrive.one-signature")
    };
    let (one, other) = (r#"{"error":"Timeout"}"#, r#"{"error":"Schema"}"#);
    let ten = |others: usize| [vec![one; 10 - others], vec![other; others]].concat();
    let told = |others, at| with(&ten(others), at);
    assert_eq!(told(0, "02:58:00"), Some((Severity::Warn, Outcome::Pass)));
    assert_eq!(told(1, "02:58:00"), Some((Severity::Warn, Outcome::Pass)));
    assert_eq!(told(2, "02:58:00"), Some((Severity::Warn, Outcome::Fail)));
    assert_eq!(
        told(2, "02:10:00"),
        Some((Severity::Info, Outcome::Pass)),
        "too old to count"
    );
    assert_eq!(
        told(10, "02:58:00"),
        Some((Severity::Warn, Outcome::Pass)),
        "all alike"
    );
}
