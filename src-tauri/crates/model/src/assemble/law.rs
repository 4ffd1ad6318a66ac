//! The law of [`Assembly`]: whatever changes, drawing on gives the picture that drawing anew gives,
//! shares all that is the same, and differs from the picture before by what `diff` says.

use super::Assembly;
use crate::diff::{apply, diff};
use crate::edge::Relation;
use crate::facts::{Fact, Value};
use crate::failure::{FailureClass, SourceFailure};
use crate::id::NodeId;
use crate::kind::Kind;
use crate::observation::{Found, Name};
use crate::source::{Service, State};
use crate::stage::{self, Stage, ago};
use proptest::prelude::*;
use std::sync::Arc;

/// One change of the world. Things are meant by a number, round the list of those there are.
#[derive(Clone, Debug)]
enum Step {
    /// A thing of a kind is found; the same name again is a second finding of it.
    Find(usize, u8),
    /// A thing is gone.
    Lose(usize),
    /// A thing says that it is connected to another.
    Tie(usize, usize, usize),
    /// A thing names a queue that nobody may have found.
    Name(usize, u8),
    /// A fact of a thing is another one.
    Tell(usize, usize),
    /// A thing was seen again.
    See(usize, i64),
    /// Figures about a thing.
    Measure(usize, i64),
    /// A part of a thing cannot be read.
    Fail(usize),
    /// Time passes, or a clock is put right.
    Wait(i64),
    /// A source fails, or answers again.
    Silence(usize, bool),
    /// Something happens.
    Happen(usize),
    /// All is told in another order.
    Turn,
}

const KINDS: [Kind; 14] = [
    Kind::Record,
    Kind::HealthCheck,
    Kind::LoadBalancer,
    Kind::TargetGroup,
    Kind::Cluster,
    Kind::Node,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::Pod,
    Kind::DbCluster,
    Kind::DbInstance,
    Kind::Queue,
    Kind::Mapping,
    Kind::Alarm,
];
const RELATIONS: [Relation; 10] = [
    Relation::Owns,
    Relation::RoutesTo,
    Relation::Gates,
    Relation::Forwards,
    Relation::Targets,
    Relation::Hosts,
    Relation::DeadLetters,
    Relation::ConsumedBy,
    Relation::SendsTo,
    Relation::Watches,
];
const SERVICES: [Service; 5] = [
    Service::Kubernetes,
    Service::Sqs,
    Service::Elb,
    Service::CloudWatch,
    Service::Rds,
];

/// What a fact may become.
fn fact(which: usize) -> (Fact, Value) {
    let all: [(Fact, Value); 20] = [
        (Fact::Ready, true.into()),
        (Fact::Ready, false.into()),
        (Fact::Phase, "Running".into()),
        (Fact::Phase, "Pending".into()),
        (Fact::Phase, "Failed".into()),
        (Fact::Reason, "CrashLoopBackOff".into()),
        (Fact::Reason, "Started".into()),
        (Fact::LastRestartAt, ago(400).into()),
        (Fact::Restarts, 7.into()),
        (Fact::Replicas, 3.into()),
        (Fact::ReplicasReady, 1.into()),
        (Fact::MessagesVisible, 12.into()),
        (Fact::Role, "writer".into()),
        (Fact::Role, "reader".into()),
        (Fact::Status, "available".into()),
        (Fact::EvaluateTargetHealth, true.into()),
        (Fact::Targets, 2.into()),
        (Fact::TargetsHealthy, 0.into()),
        (Fact::AlarmState, "ALARM".into()),
        (Fact::CreatedAt, ago(100).into()),
    ];
    all[which % all.len()].clone()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let thing = 0..60_usize;
    let find = (0..KINDS.len(), 0..4_u8).prop_map(|(k, n)| Step::Find(k, n));
    let tie = (thing.clone(), 0..RELATIONS.len(), thing.clone());
    let tie = tie.prop_map(|(a, r, b)| Step::Tie(a, r, b));
    let silence = (0..SERVICES.len(), any::<bool>());
    let step = prop_oneof![
        6 => find,
        6 => tie,
        8 => (thing.clone(), 0..20_usize).prop_map(|(a, f)| Step::Tell(a, f)),
        1 => thing.clone().prop_map(Step::Lose),
        1 => (thing.clone(), 0..4_u8).prop_map(|(a, n)| Step::Name(a, n)),
        2 => (thing.clone(), 0..90_i64).prop_map(|(a, s)| Step::See(a, s)),
        2 => (thing.clone(), 0..30_i64).prop_map(|(a, n)| Step::Measure(a, n)),
        1 => thing.clone().prop_map(Step::Fail),
        2 => (-30..700_i64).prop_map(Step::Wait),
        1 => silence.prop_map(|(s, lost)| Step::Silence(s, lost)),
        1 => thing.prop_map(Step::Happen),
        1 => Just(Step::Turn),
    ];
    prop::collection::vec(step, 1..50)
}

/// Where the found nodes are among what is held.
fn things(stage: &Stage) -> Vec<usize> {
    let is_node = |at: &usize| matches!(*stage.held[*at].2, Found::Node(_));
    (0..stage.held.len()).filter(is_node).collect()
}

fn found(stage: &mut Stage, nth: usize) -> Option<(usize, NodeId)> {
    let all = things(stage);
    let at = *all.get(nth % all.len().max(1))?;
    match &*stage.held[at].2 {
        Found::Node(node) => Some((at, node.id.clone())),
        Found::Readings(_) | Found::Change(_) => None,
    }
}

fn change(stage: &mut Stage, nth: usize, tell: impl FnOnce(&mut crate::observation::FoundNode)) {
    if let Some((at, _)) = found(stage, nth)
        && let Found::Node(node) = Arc::make_mut(&mut stage.held[at].2)
    {
        tell(node);
    }
}

fn take(stage: &mut Stage, step: &Step) {
    match *step {
        Step::Find(kind, n) => {
            let kind = KINDS[kind];
            let name = if kind == Kind::Cluster {
                stage::CLUSTER.to_owned()
            } else {
                format!("{}-{n}", kind.as_str())
            };
            stage.thing(kind, &name, &[(Fact::Phase, "Running".into())]);
        }
        Step::Lose(nth) => {
            if let Some((at, _)) = found(stage, nth) {
                stage.held.remove(at);
            }
        }
        Step::Tie(from, relation, to) => {
            if let Some((_, to)) = found(stage, to) {
                change(stage, from, |node| {
                    node.tie_to(RELATIONS[relation], Name::Id(to), "test");
                });
            }
        }
        Step::Name(nth, n) => change(stage, nth, |node| {
            let arn = format!("arn:aws:sqs:us-east-1:111122223333:queue-{n}");
            node.tie_to(Relation::DeadLetters, Name::Arn(arn.into()), "test");
        }),
        Step::Tell(nth, which) => change(stage, nth, |node| {
            let (fact, value) = fact(which);
            node.facts.set(fact, value);
        }),
        Step::See(nth, seconds) => {
            if let Some((at, _)) = found(stage, nth) {
                stage.held[at].1 = ago(seconds);
            }
        }
        Step::Measure(nth, number) => measure(stage, nth, number),
        Step::Fail(nth) => change(stage, nth, |node| node.failure = Some(denied())),
        Step::Wait(seconds) => stage.now = stage.now.plus_seconds(seconds),
        Step::Silence(service, true) => stage.lose(SERVICES[service]),
        Step::Silence(service, false) => {
            let source = stage.source(SERVICES[service]);
            (source.state, source.outdated, source.error) = (State::Ok, false, None);
        }
        Step::Happen(nth) => {
            if let Some((_, id)) = found(stage, nth) {
                stage.event(ago(5), &id, "Something happened.");
            }
        }
        Step::Turn => stage.held.reverse(),
    }
}

/// Newer figures take the place of older ones.
fn measure(stage: &mut Stage, nth: usize, number: i64) {
    let Some((_, id)) = found(stage, nth) else {
        return;
    };
    let facts = [
        (Fact::CheckStatus, (number % 2).into()),
        (Fact::MessagesVisible, number.into()),
    ];
    stage.figures(&id, &facts, None);
    let newest = stage.held.pop();
    let about = |found: &Found| matches!(found, Found::Readings(r) if r.about == id);
    match (newest, stage.held.iter().position(|(_, _, f)| about(f))) {
        (Some(newest), Some(at)) => stage.held[at] = newest,
        (newest, _) => stage.held.extend(newest),
    }
}

fn denied() -> SourceFailure {
    SourceFailure {
        class: FailureClass::Denied,
        sentence: "It may not be read.".to_owned(),
        next_step: "Allow it.".to_owned(),
        code: None,
        request_id: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn drawing_on_gives_what_drawing_anew_gives(steps in steps()) {
        let mut stage = Stage::new();
        let mut assembly = Assembly::default();
        let mut last = stage.next_of(&mut assembly);
        for step in &steps {
            take(&mut stage, step);
            let next = stage.next_of(&mut assembly);
            prop_assert_eq!(&next, &stage.picture(), "after {:?}", step);
            let applied = apply(&last, &diff(&last, &next));
            prop_assert!(applied.is_some_and(|applied| applied == next));
            for node in &next.nodes {
                let was = last.node(&node.id).filter(|was| **was == *node);
                prop_assert!(was.is_none_or(|was| Arc::ptr_eq(was, node)), "{} is shared", node.id);
            }
            last = next;
        }
    }
}
