//! What was read, how old it is, and what a look shows of what happened.

use super::*;
use crate::course::{Entry, Moment};
use model::Series;
use model::node::FactOrigin;

#[test]
fn what_was_not_read_or_is_too_old_is_not_known() {
    type Row = (
        &'static str,
        Verb,
        &'static [(&'static str, &'static str)],
        fn(&mut World),
    );
    fn without(world: &mut World, fact: Fact) {
        let queue = world.nodes.get_mut(&id(Kind::Queue, "orders"));
        queue.expect("the queue").facts.remove(fact);
    }
    fn stale(world: &mut World, part: &str) {
        let source = world.sources.iter_mut().find(|s| s.source.part == part);
        source.expect("a source").state = State::Stale;
    }
    let rows: &[Row] = &[
        ("mapping.receives-left", Verb::Pause, &[], |w| {
            without(w, Fact::MaxReceiveCount);
            without(w, Fact::RetentionSeconds);
        }),
        ("mapping.receives-left", Verb::Pause, &[], |w| {
            without(w, Fact::MessagesNotVisible);
        }),
        ("mapping.changes", Verb::Pause, &[], |w| {
            stale(w, "mappings")
        }),
        ("mapping.only-consumer", Verb::Pause, &[], |w| {
            stale(w, "mappings")
        }),
        ("mapping.retention", Verb::Pause, &[], |w| {
            let metrics = source(Service::CloudWatch, "queue-metrics");
            let origin = FactOrigin {
                source: metrics.source.id.clone(),
                observed_at: now(),
            };
            w.sources.push(metrics);
            stale(w, "queue-metrics");
            let queue = w.nodes.get_mut(&id(Kind::Queue, "orders")).expect("it");
            queue.fact_origins.insert(Fact::OldestAgeSeconds, origin);
        }),
        (
            "mapping.reserved",
            Verb::Concurrency,
            &[("max", "5")],
            |w| {
                stale(w, "mappings");
            },
        ),
    ];
    for (check, verb, settings, make) in rows {
        let mut world = World::new();
        let green = world.plan(*verb, settings).expect("a plan");
        assert_eq!(says(&green, check).1, Outcome::Pass, "{check}");
        make(&mut world);
        let plan = world.plan(*verb, settings).expect("a plan");
        assert_eq!(says(&plan, check).1, Outcome::Unknown, "{check}");
    }
    let mut world = World::new();
    without(&mut world, Fact::MaxReceiveCount);
    let plan = world.plan(Verb::Pause, &[]).expect("a plan");
    assert_eq!(
        says(&plan, "mapping.receives-left").1,
        Outcome::Pass,
        "no policy"
    );
}

#[test]
fn a_flat_queue_shows_a_resume_only_by_what_is_received() {
    let mut world = World::new();
    world.set(Kind::Mapping, "m-1", Fact::StateWord, "Disabled");
    let plan = world.plan(Verb::Resume, &[]).expect("a plan");
    let mut steps = ChangeSteps::new(&plan, &Hands::none());
    let call = Call {
        step: plan.calls[0].step.clone(),
        operation: plan.calls[0].operation.clone(),
        parameters: plan.calls[0].parameters.clone(),
        saw: steps.saw(&plan.calls[0], &seen("Disabled", 20)),
    };
    steps.learn(&Entry::Intent { at: now(), call });
    let judge = |world: &World, visible: i64| {
        let snapshot = world.snapshot();
        let moment = Moment {
            now: now().plus_seconds(300),
            blind_for: std::time::Duration::ZERO,
            pace: 1.0,
            snapshot: &snapshot,
            stop: None,
        };
        let look = Seen {
            visible: Some(visible),
            ..seen("Enabled", 20)
        };
        steps.judge(super::super::DEPTH, &look, &moment).0
    };
    assert!(judge(&world, 39) && judge(&world, 0));
    assert!(
        !judge(&world, 40),
        "flat, and nothing is known to be received"
    );
    let mut receives = |before: f64, after: f64| {
        let queue = world.nodes.get_mut(&id(Kind::Queue, "orders")).expect("it");
        queue.series = vec![Series {
            fact: Fact::ReceivedPerSecond,
            start: now().plus_seconds(-60),
            step_seconds: 60,
            values: vec![Some(before), Some(after)],
        }];
        judge(&world, 40)
    };
    assert!(!receives(9.0, 0.0), "received before the press only");
    assert!(receives(0.0, 2.0));
}

#[test]
fn a_state_lambda_itself_chose_is_said_to_be_so() {
    let (pause, _) = steps(Verb::Pause, &[]);
    let snapshot = World::new().snapshot();
    let moment = Moment {
        now: now(),
        blind_for: std::time::Duration::ZERO,
        pace: 1.0,
        snapshot: &snapshot,
        stop: None,
    };
    let judge = |reason: &str| {
        let look = Seen {
            reason: reason.to_owned(),
            ..seen("Disabled", 20)
        };
        pause.judge(super::super::STATE, &look, &moment)
    };
    assert_eq!(
        judge("USER_INITIATED"),
        (true, "Disabled (USER_INITIATED)".to_owned())
    );
    let (holds, said) = judge("PROBLEM: function not found");
    assert!(holds && said.contains("not by a user: PROBLEM"), "{said}");
}
