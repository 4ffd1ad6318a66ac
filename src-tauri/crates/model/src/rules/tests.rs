//! Every rule: a case that makes it true and one that makes it false.

use super::RULES;
use crate::edge::Relation;
use crate::facts::Fact;
use crate::facts::Fact::*;
use crate::facts::Value;
use crate::failure::{FailureClass, SourceFailure};
use crate::health::Level::{self, Critical, InTransition, Unknown, Warning};
use crate::id::NodeId;
use crate::kind::Kind;
use crate::observation::Name;
use crate::source::Service;
use crate::stage::{Stage, ago, reason};
use std::collections::BTreeSet;

/// Puts something on the stage and says which node to look at.
type Scene = fn(&mut Stage) -> NodeId;

struct Row {
    rule: &'static str,
    level: Level,
    /// Part of the sentence that the true case gives.
    says: &'static str,
    yes: Scene,
    no: Scene,
}

const fn row(rule: &'static str, level: Level, says: &'static str, yes: Scene, no: Scene) -> Row {
    Row {
        rule,
        level,
        says,
        yes,
        no,
    }
}

/// One thing with facts.
macro_rules! thing {
    ($kind:ident, $name:literal $(, $fact:ident = $value:expr)* $(,)?) => {
        |s: &mut Stage| {
            let facts: &[(Fact, Value)] = &[$(($fact, Value::from($value)),)*];
            s.thing(Kind::$kind, $name, facts)
        }
    };
}

mod aurora;
mod balancer;
mod cluster;
mod edge;
mod function;
mod pod;
mod queue;
mod sources;
mod unsaid;
mod workload;
mod zonal_shift;

const NOTHING: Scene = thing!(Queue, "orders", MessagesVisible = 0);

const TABLES: &[&[Row]] = &[
    sources::SOURCES,
    unsaid::UNSAID,
    edge::EDGE,
    balancer::BALANCING,
    cluster::CLUSTERS,
    pod::PODS,
    workload::WORKLOADS,
    aurora::DATABASES,
    queue::QUEUES,
    function::FUNCTIONS,
    zonal_shift::SHIFTS,
];

#[test]
fn every_rule_speaks_when_it_should_and_only_then() {
    let mut wrong = Vec::new();
    for row in TABLES.iter().copied().flatten() {
        let mut stage = Stage::new();
        let id = (row.yes)(&mut stage);
        let picture = stage.picture();
        match reason(&picture, &id, row.rule) {
            None => wrong.push(format!("{} does not speak", row.rule)),
            Some(r) if r.level != row.level => wrong.push(format!("{} is {:?}", row.rule, r.level)),
            Some(r) if !r.sentence.contains(row.says) => {
                wrong.push(format!(
                    "{} says {:?}, not {:?}",
                    row.rule, r.sentence, row.says
                ));
            }
            Some(r) if !r.sentence.ends_with('.') || r.evidence.is_empty() => {
                wrong.push(format!(
                    "{} gives no sentence or no evidence: {r:?}",
                    row.rule
                ));
            }
            Some(_) => {}
        }
        let mut stage = Stage::new();
        let id = (row.no)(&mut stage);
        if let Some(r) = reason(&stage.picture(), &id, row.rule) {
            wrong.push(format!("{} speaks without cause: {}", row.rule, r.sentence));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_its_cases_and_a_name_of_its_own() {
    let rules: Vec<&str> = RULES.iter().copied().flatten().map(|r| r.id).collect();
    let named: BTreeSet<&str> = rules.iter().copied().collect();
    assert_eq!(named.len(), rules.len(), "a name is used twice");
    let tried: BTreeSet<&str> = TABLES.iter().copied().flatten().map(|r| r.rule).collect();
    assert_eq!(tried, named);
}

#[test]
fn an_alarm_without_data_on_an_idle_thing_is_no_unknown() {
    let mut stage = Stage::new();
    let alarm = function::silent_alarm(&mut stage, "INSUFFICIENT_DATA");
    let queue = stage.thing(Kind::Queue, "orders", &[(MessagesVisible, 0.into())]);
    stage.edge(&alarm, Relation::Watches, &queue);
    let picture = stage.picture();
    let reason = reason(&picture, &alarm, "alarm.no-data").expect("it is said");
    assert_eq!(
        (reason.level, reason.sentence.as_str()),
        (
            Level::Ok,
            "Alarm orders-age has no data since 02:46:00: orders is idle."
        )
    );
}

#[test]
fn capacity_decides_how_bad_a_missing_pod_is() {
    for (pods, ready, expected) in [
        (12, 11, Warning),
        (1, 0, Critical),
        (700, 699, Level::Ok),
        (12, 6, Critical),
        (12, 12, Level::Ok),
    ] {
        let mut stage = Stage::new();
        let (deployment, _) = stage.deployment("api", pods, ready);
        let picture = stage.picture();
        assert_eq!(
            crate::stage::level(&picture, &deployment),
            expected,
            "{ready} of {pods}"
        );
    }
}

#[test]
fn pods_that_an_autoscaler_just_asked_for_are_a_transition() {
    let mut stage = Stage::new();
    let (deployment, pods) = stage.deployment("api", 4, 2);
    for pod in &pods[2..] {
        stage.found(pod).facts.set(CreatedAt, ago(20));
        stage.found(pod).facts.set(StartedAt, ago(20));
    }
    let picture = stage.picture();
    assert_eq!(crate::stage::level(&picture, &deployment), InTransition);
}

#[test]
fn a_pod_that_restarts_for_once_is_a_transition_for_all_that_rest_on_it() {
    for (restarts, expected) in [(1, InTransition), (7, Warning)] {
        let mut stage = Stage::new();
        let group = balancer::group(&mut stage, &[("us-east-1a", 11, 0), ("us-east-1b", 10, 1)]);
        let (deployment, pods) = stage.deployment("api", 12, 11);
        let facts = &mut stage.found(&pods[11]).facts;
        facts.set(LastRestartAt, ago(20));
        facts.set(Restarts, restarts);
        for pod in &pods {
            stage.edge(&group, Relation::Targets, pod);
        }
        let picture = stage.picture();
        for (id, rule) in [
            (&group, "targetgroup.unhealthy"),
            (&deployment, "workload.capacity"),
        ] {
            let reason = reason(&picture, id, rule).expect("it is said");
            assert_eq!(reason.level, expected, "{rule} after {restarts} restarts");
        }
    }
}
