//! Every check made true and made false, settings, calls, and what a look is taken for.

mod reading;

use super::settings::Change;
use super::steps::{ChangeSteps, Seen};
use crate::course::Call;
use crate::sequence::{Steps, Took};
use crate::{
    ConfirmLevel, Context, Hands, Outcome, Plan, Request, Severity, Verb, called_for, plan,
};
use model::node::FactOrigin;
use model::{
    AccountId, Edge, Fact, Health, Kind, Node, NodeId, Provenance, Relation, Scope, Service,
    Snapshot, Source, SourceStatus, Standing, State, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-west-1";

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T03:00:00Z").expect("a time")
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
        last_ok: Some(now()),
        period_seconds: 20.0,
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

fn node(kind: Kind, name: &str, source_of: &SourceStatus) -> Node {
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
        observed_at: now(),
        source: source_of.source.id.clone(),
        fact_origins: BTreeMap::new(),
    }
}

/// `orders → charge` by mapping `m-1`, limited to 20 at once; `refunds → charge` by `m-2`, to 10.
struct World {
    nodes: BTreeMap<NodeId, Node>,
    edges: Vec<(NodeId, NodeId)>,
    sources: Vec<SourceStatus>,
}

impl World {
    fn new() -> Self {
        let sources = vec![
            source(Service::Lambda, "concurrency"),
            source(Service::Lambda, "functions"),
            source(Service::Lambda, "mappings"),
            source(Service::Sqs, "queues"),
            source(Service::Lambda, "tags"),
        ];
        let mut world = Self {
            nodes: BTreeMap::new(),
            edges: Vec::new(),
            sources,
        };
        world.add(node(Kind::Function, "charge", &world.sources[1]));
        world.mapping("m-1", "orders", 20);
        world.mapping("m-2", "refunds", 10);
        world.set(Kind::Function, "charge", Fact::ReservedConcurrency, 50_i64);
        world
    }

    fn add(&mut self, node: Node) {
        self.nodes.insert(node.id.clone(), node);
    }

    fn mapping(&mut self, uuid: &str, queue: &str, max: i64) {
        let mut mapping = node(Kind::Mapping, uuid, &self.sources[2]);
        let facts = &mut mapping.facts;
        facts.set(Fact::StateWord, "Enabled");
        facts.set(Fact::EnabledWanted, true);
        facts.set(Fact::MaximumConcurrency, max);
        facts.set(Fact::FunctionName, "charge");
        facts.set(Fact::LastModified, now());
        let arn = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}");
        facts.set(Fact::EventSource, arn);
        facts.set(Fact::OwnerStack, model::NONE);
        let told = FactOrigin {
            source: self.sources[4].source.id.clone(),
            observed_at: now(),
        };
        mapping.fact_origins.insert(Fact::OwnerStack, told);
        self.edges
            .push((id(Kind::Queue, queue), mapping.id.clone()));
        self.edges
            .push((mapping.id.clone(), id(Kind::Function, "charge")));
        self.add(mapping);
        let mut queue = node(Kind::Queue, queue, &self.sources[3]);
        let facts = &mut queue.facts;
        facts.set(Fact::MessagesVisible, 40_i64);
        facts.set(Fact::MessagesNotVisible, 5_i64);
        facts.set(Fact::OldestAgeSeconds, 3.0);
        facts.set(Fact::RetentionSeconds, 345_600_i64);
        facts.set(Fact::MaxReceiveCount, 5_i64);
        facts.set(Fact::SentPerSecond, 10.0);
        facts.set(Fact::DeletedPerSecond, 12.0);
        facts.set(Fact::Url, format!("https://sqs/{}", queue.name));
        self.add(queue);
    }

    fn set(&mut self, kind: Kind, name: &str, fact: Fact, value: impl Into<model::Value>) {
        let node = self.nodes.get_mut(&id(kind, name)).expect("a node");
        node.facts.set(fact, value);
    }

    fn snapshot(&self) -> Snapshot {
        let mut edges: Vec<Edge> = self
            .edges
            .iter()
            .map(|(from, to)| Edge {
                from: from.clone(),
                to: to.clone(),
                relation: Relation::ConsumedBy,
                provenance: Provenance("test".into()),
            })
            .collect();
        edges.sort();
        Snapshot {
            seq: 1,
            taken_at: now(),
            nodes: self.nodes.values().cloned().map(Arc::new).collect(),
            edges: edges.into(),
            sources: self.sources.clone(),
            ..crate::action::nothing()
        }
    }

    fn plan(&self, verb: Verb, settings: &[(&str, &str)]) -> Result<Plan, crate::PlanError> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = Request {
            action: verb,
            node: id(Kind::Mapping, "m-1"),
            settings: settings.iter().map(own).collect(),
        };
        plan(&self.snapshot(), &request, &Context::default())
    }
}

fn says(plan: &Plan, check: &str) -> (Severity, Outcome) {
    let found = plan.findings.iter().find(|f| f.id == check);
    let found = found.unwrap_or_else(|| panic!("{check} was not asked"));
    assert!(!found.sentence.is_empty(), "{check}");
    (found.severity, found.outcome)
}

#[test]
fn a_pause_says_how_the_backlog_grows_and_leaves_a_loop_that_closes_it() {
    let plan = World::new().plan(Verb::Pause, &[]).expect("a plan");
    let unmet: Vec<_> = plan.failing().collect();
    assert!(unmet.is_empty(), "{unmet:#?}");
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L2, false));
    assert_eq!(plan.label, "Pause orders → charge for 30 min");
    assert_eq!(
        plan.calls[0].cli,
        "aws lambda update-event-source-mapping --region eu-west-1 --uuid m-1 --no-enabled"
    );
    let curve = &plan.blast.sentences[1];
    assert!(
        curve.contains("10.0 messages/s") && curve.contains("18,040 after 30 min"),
        "{curve}"
    );
    let leaves = plan.leaves.expect("a loop");
    assert_eq!((leaves.seconds, leaves.close.action), (1_800, Verb::Resume));
    assert_eq!(plan.undo_request.expect("an undo").action, Verb::Resume);
}

#[test]
fn a_resume_and_a_concurrency_are_undone_by_what_was_before() {
    let mut world = World::new();
    world.set(Kind::Mapping, "m-1", Fact::StateWord, "Disabled");
    let plan = world.plan(Verb::Resume, &[]).expect("a plan");
    assert!(!plan.blocked && plan.leaves.is_none());
    assert!(plan.calls[0].cli.ends_with(" --enabled"));
    assert_eq!(plan.undo_request.expect("an undo").action, Verb::Pause);
    let plan = World::new()
        .plan(Verb::Concurrency, &[("max", "5")])
        .expect("a plan");
    assert!(
        plan.calls[0]
            .cli
            .ends_with("--scaling-config MaximumConcurrency=5")
    );
    assert_eq!(plan.undo_request.expect("an undo").settings["max"], "20");
    let plan = World::new()
        .plan(Verb::Concurrency, &[("max", "off")])
        .expect("a plan");
    assert!(plan.calls[0].cli.ends_with("--scaling-config '{}'"));
}

#[test]
fn a_pause_that_was_forgotten_is_called_for() {
    let called = |world: &World| called_for(&world.snapshot(), |_| Context::default());
    let mut world = World::new();
    assert!(called(&world).is_empty());
    world.set(Kind::Mapping, "m-1", Fact::StateWord, "Disabled");
    world.set(Kind::Mapping, "m-1", Fact::EnabledWanted, false);
    let offers = called(&world);
    assert_eq!(offers.len(), 1, "{offers:#?}");
    assert_eq!(offers[0].action, Verb::Resume);
    world.set(Kind::Queue, "orders", Fact::MessagesVisible, 0_i64);
    assert!(called(&world).is_empty(), "nothing waits");
}

type Row = (
    &'static str,
    Verb,
    &'static [(&'static str, &'static str)],
    fn(&mut World),
);

#[test]
fn every_block_fails_when_it_should_and_only_then() {
    let rows: &[Row] = &[
        ("mapping.steady", Verb::Pause, &[], |w| {
            w.set(Kind::Mapping, "m-1", Fact::StateWord, "Updating");
        }),
        ("mapping.changes", Verb::Pause, &[], |w| {
            w.set(Kind::Mapping, "m-1", Fact::StateWord, "Disabled");
        }),
        ("mapping.changes", Verb::Concurrency, &[("max", "5")], |w| {
            w.set(Kind::Mapping, "m-1", Fact::MaximumConcurrency, 5_i64);
        }),
        (
            "mapping.from-sqs",
            Verb::Concurrency,
            &[("max", "5")],
            |w| {
                let stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/ticks";
                w.set(Kind::Mapping, "m-1", Fact::EventSource, stream);
            },
        ),
        (
            "mapping.no-provisioned-pollers",
            Verb::Concurrency,
            &[("max", "5")],
            |w| {
                w.set(Kind::Mapping, "m-1", Fact::ProvisionedPollers, 3_i64);
            },
        ),
    ];
    for (check, verb, settings, make) in rows {
        let mut world = World::new();
        let green = world.plan(*verb, settings).expect("a plan");
        assert_eq!(
            says(&green, check),
            (Severity::Block, Outcome::Pass),
            "{check}"
        );
        assert!(!green.blocked);
        make(&mut world);
        let plan = world.plan(*verb, settings).expect("a plan");
        assert_eq!(
            says(&plan, check),
            (Severity::Block, Outcome::Fail),
            "{check}"
        );
        assert!(plan.blocked, "{check}");
    }
    let running = World::new().plan(Verb::Resume, &[]).expect("a plan");
    assert_eq!(says(&running, "mapping.changes").1, Outcome::Fail);
}

#[test]
fn every_warning_raises_the_level_when_it_should_and_only_then() {
    let owned: fn(&mut World) = |w| w.set(Kind::Mapping, "m-1", Fact::OwnerStack, "orders-prod");
    let rows: &[Row] = &[
        ("mapping.owner", Verb::Pause, &[], owned),
        ("mapping.owner", Verb::Concurrency, &[("max", "5")], owned),
        ("mapping.retention", Verb::Pause, &[("for", "2h")], |w| {
            w.set(Kind::Queue, "orders", Fact::OldestAgeSeconds, 340_000.0);
        }),
        ("mapping.receives-left", Verb::Pause, &[], |w| {
            w.set(Kind::Queue, "orders", Fact::MaxReceiveCount, 1_i64);
        }),
        (
            "mapping.reserved",
            Verb::Concurrency,
            &[("max", "5")],
            |w| {
                let other = w.nodes.get_mut(&id(Kind::Mapping, "m-2")).expect("it");
                other.facts.remove(Fact::MaximumConcurrency);
            },
        ),
        ("mapping.only-consumer", Verb::Pause, &[], |w| {
            let other = node(Kind::Deployment, "auditor", &w.sources[3].clone());
            w.edges.push((id(Kind::Queue, "orders"), other.id.clone()));
            w.add(other);
        }),
        (
            "mapping.reserved",
            Verb::Concurrency,
            &[("max", "30")],
            |w| {
                w.set(Kind::Function, "charge", Fact::ReservedConcurrency, 39_i64);
            },
        ),
    ];
    for (check, verb, settings, make) in rows {
        let mut world = World::new();
        let green = world.plan(*verb, settings).expect("a plan");
        assert_eq!(
            says(&green, check),
            (Severity::Warn, Outcome::Pass),
            "{check}"
        );
        assert_eq!(green.level, ConfirmLevel::L2);
        make(&mut world);
        let plan = world.plan(*verb, settings).expect("a plan");
        assert_eq!(
            says(&plan, check),
            (Severity::Warn, Outcome::Fail),
            "{check}"
        );
        assert_eq!(plan.level, ConfirmLevel::L3, "{check}");
    }
    let open = World::new()
        .plan(Verb::Pause, &[("for", "off")])
        .expect("a plan");
    assert_eq!(
        says(&open, "mapping.auto-resume"),
        (Severity::Warn, Outcome::Fail)
    );
    assert!(open.leaves.is_some(), "it is asked after all the same");
    let timed = World::new()
        .plan(Verb::Pause, &[("for", "1h")])
        .expect("a plan");
    assert_eq!(says(&timed, "mapping.auto-resume").1, Outcome::Pass);
}

#[test]
fn the_stack_that_keeps_a_mapping_is_named_and_tags_that_are_not_read_stop_nothing() {
    let said = |world: &World| {
        let plan = world.plan(Verb::Resume, &[]).expect("a plan");
        let mut findings = plan.findings.into_iter();
        let found = findings.find(|found| found.id == "mapping.owner");
        let found = found.expect("it is checked");
        (found.severity, found.outcome, found.sentence)
    };
    let mut world = World::new();
    world.set(Kind::Mapping, "m-1", Fact::OwnerStack, "orders-prod");
    let (_, outcome, sentence) = said(&world);
    assert_eq!(outcome, Outcome::Fail);
    assert!(sentence.contains("stack orders-prod"), "{sentence}");
    let denied = "Lambda ListTags is not allowed in eu-west-1.";
    world.sources[4].state = State::Failed;
    world.sources[4].error = Some(denied.to_owned());
    world.sources[4].last_ok = None;
    let late = said(&world);
    let mapping = world.nodes.get_mut(&id(Kind::Mapping, "m-1"));
    mapping.expect("it").facts.remove(Fact::OwnerStack);
    for (severity, outcome, sentence) in [late, said(&world)] {
        assert_eq!((severity, outcome), (Severity::Info, Outcome::Pass));
        assert!(sentence.starts_with("Not checked: "), "{sentence}");
        assert!(
            sentence.contains(denied.trim_end_matches('.')),
            "{sentence}"
        );
    }
}

#[test]
fn what_is_not_reserved_throttles_nobody_and_what_was_not_read_is_unknown() {
    let mut world = World::new();
    let function = world
        .nodes
        .get_mut(&id(Kind::Function, "charge"))
        .expect("it");
    function.facts.remove(Fact::ReservedConcurrency);
    let asked = [("max", "900")];
    let plan = world.plan(Verb::Concurrency, &asked).expect("a plan");
    assert_eq!(says(&plan, "mapping.reserved").1, Outcome::Pass);
    world.sources.remove(0);
    let plan = world.plan(Verb::Concurrency, &asked).expect("a plan");
    assert_eq!(says(&plan, "mapping.reserved").1, Outcome::Unknown);
}

#[test]
fn a_setting_that_cannot_be_used_is_refused_in_words() {
    let bad = [
        (Verb::Pause, ("for", "soon")),
        (Verb::Pause, ("for", "25h")),
        (Verb::Pause, ("for", "30")),
        (Verb::Concurrency, ("max", "1")),
        (Verb::Concurrency, ("max", "1001")),
        (Verb::Resume, ("for", "30m")),
    ];
    for (verb, setting) in bad {
        let error = World::new().plan(verb, &[setting]).expect_err("refused");
        assert!(error.to_string().contains(setting.0), "{error}");
    }
}

fn seen(state: &str, concurrency: i64) -> Seen {
    Seen {
        state: state.to_owned(),
        concurrency: Some(concurrency),
        last_modified: Some(now().to_string()),
        visible: Some(40),
        in_flight: Some(5),
        ..Seen::default()
    }
}

fn steps(verb: Verb, settings: &[(&str, &str)]) -> (ChangeSteps, Call) {
    let plan = World::new().plan(verb, settings).expect("a plan");
    let steps = ChangeSteps::new(&plan, &Hands::none());
    let saw = steps.saw(&plan.calls[0], &seen("Enabled", 20));
    let call = Call {
        step: plan.calls[0].step.clone(),
        operation: plan.calls[0].operation.clone(),
        parameters: plan.calls[0].parameters.clone(),
        saw,
    };
    (steps, call)
}

#[test]
fn a_lost_answer_is_told_by_what_the_mapping_is() {
    let (pause, call) = steps(Verb::Pause, &[]);
    assert_eq!(pause.took(&call, &seen("Disabling", 20)), Took::Yes);
    assert_eq!(pause.took(&call, &seen("Enabled", 20)), Took::No);
    let between = pause.took(&call, &seen("Updating", 20));
    assert!(matches!(between, Took::Unclear(_)), "{between:?}");
    let (limit, call) = steps(Verb::Concurrency, &[("max", "5")]);
    assert_eq!(limit.took(&call, &seen("Updating", 5)), Took::Yes);
    assert_eq!(limit.took(&call, &seen("Enabled", 20)), Took::No);
    let other = limit.took(&call, &seen("Enabled", 7));
    assert!(matches!(other, Took::Unclear(_)), "{other:?}");
}

#[test]
fn somebody_elses_change_keeps_ours_from_being_made() {
    let plan = World::new().plan(Verb::Pause, &[]).expect("a plan");
    let steps = ChangeSteps::new(&plan, &Hands::none());
    let call = &plan.calls[0];
    assert_eq!(steps.changed(call, &seen("Enabled", 20)), None);
    assert!(steps.changed(call, &seen("Disabling", 20)).is_some());
    assert!(steps.changed(call, &seen("Enabled", 19)).is_some());
    let touched = Seen {
        last_modified: Some("2026-11-22T03:00:09Z".to_owned()),
        ..seen("Enabled", 20)
    };
    assert!(
        steps.changed(call, &touched).is_some(),
        "its batch size, say"
    );
}

#[test]
fn settings_read_back_what_they_say() {
    for (verb, settings) in [
        (
            Verb::Pause,
            Change::Pause(super::Pause::For(5_400)).settings(),
        ),
        (Verb::Pause, Change::Pause(super::Pause::Open).settings()),
        (Verb::Concurrency, Change::Concurrency(None).settings()),
    ] {
        let pairs: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (&**n, &**v)).collect();
        let plan = World::new().plan(verb, &pairs).expect("a plan");
        assert_eq!(plan.settings, settings);
    }
}
