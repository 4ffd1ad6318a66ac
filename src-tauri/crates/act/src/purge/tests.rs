use crate::redrive::tests::{World, dlq, says, stamp};
use crate::shelf::{KeptExport, KeptSignature, Shelf};
use crate::{ConfirmLevel, Context, Outcome, Plan, Request, Severity, Verb};
use model::node::FactOrigin;
use model::{Edge, Fact, Relation, Series, Snapshot, State};
use std::collections::BTreeMap;
use std::sync::Arc;

fn shelf() -> Shelf {
    Shelf {
        export: Some(KeptExport {
            path: "/exports/orders-dlq.jsonl".into(),
            at: stamp("02:55:00"),
            messages: 4_182,
            complete: true,
            bytes: 1,
        }),
        ..Shelf::default()
    }
}

fn old() -> World {
    let mut world = World::green();
    world.set("queue/orders-dlq", Fact::OldestAgeSeconds, 7_200.0);
    world.set("queue/orders-dlq", Fact::SentPerSecond, 0.0);
    world
}

/// With what the metrics show of it, a minute a point, the last two minutes ago.
fn seen(world: &World, depths: &[f64]) -> Snapshot {
    let mut snapshot = world.snapshot();
    let metrics = snapshot.sources.iter().find(|s| s.source.part == "metrics");
    let metrics = metrics.expect("metrics").source.id.clone();
    let node = snapshot.nodes.iter_mut().find(|node| node.id == dlq());
    let node = Arc::make_mut(node.expect("the queue"));
    node.series.push(Series {
        fact: Fact::MessagesVisible,
        start: stamp("02:58:00").plus_seconds(-60 * (depths.len() as i64 - 1)),
        step_seconds: 60,
        values: depths.iter().copied().map(Some).collect(),
    });
    let origin = FactOrigin {
        source: metrics,
        observed_at: stamp("02:59:30"),
    };
    node.fact_origins.insert(Fact::SentPerSecond, origin);
    snapshot
}

fn flat(world: &World) -> Snapshot {
    seen(world, &[4_182.0; 20])
}

fn plan(world: &World, shelf: Shelf) -> Plan {
    plan_of(&flat(world), shelf)
}

fn plan_of(snapshot: &Snapshot, shelf: Shelf) -> Plan {
    let request = Request {
        action: Verb::Purge,
        node: dlq(),
        settings: BTreeMap::new(),
    };
    let context = Context {
        shelf,
        ..Context::default()
    };
    crate::plan(snapshot, &request, &context).expect("a plan")
}

#[test]
fn green_with_an_export_it_asks_for_name_and_count() {
    let plan = plan(&old(), shelf());
    let failing: Vec<_> = plan.failing().collect();
    assert!(failing.is_empty(), "{failing:#?}");
    assert_eq!(
        (plan.level, plan.blocked, plan.confirm.as_str()),
        (ConfirmLevel::L3, false, "orders-dlq 4182")
    );
    assert!(
        plan.calls[0]
            .cli
            .starts_with("aws sqs purge-queue --region eu-west-1 --queue-url")
    );
    let undo = plan.undo_request.expect("an undo");
    assert_eq!(undo.settings["from"], "export:/exports/orders-dlq.jsonl");
}

#[test]
fn what_never_failed_here_before_warns_where_something_did() {
    let seen = |first: &str| KeptSignature {
        first: stamp(first),
        last: stamp("02:55:00"),
    };
    let with = |all: &[(&str, &str)]| {
        let signatures = all
            .iter()
            .map(|(name, first)| ((*name).to_owned(), seen(first)));
        let shelf = Shelf {
            signatures: signatures.collect(),
            ..shelf()
        };
        let plan = plan(&old(), shelf);
        let found = plan
            .findings
            .into_iter()
            .find(|f| f.id == "purge.signatures");
        found
            .map(|f| (f.severity, f.outcome, f.sentence))
            .expect("it")
    };
    let (severity, outcome, sentence) = with(&[("error Timeout", "02:55:00")]);
    assert_eq!(
        (severity, outcome),
        (Severity::Info, Outcome::Pass),
        "{sentence}"
    );
    let (severity, outcome, sentence) = with(&[("error Timeout", "01:10:00")]);
    assert_eq!(
        (severity, outcome),
        (Severity::Warn, Outcome::Pass),
        "{sentence}"
    );
    let (severity, outcome, sentence) =
        with(&[("error Timeout", "01:10:00"), ("error Schema", "02:50:00")]);
    assert_eq!((severity, outcome), (Severity::Warn, Outcome::Fail));
    assert!(
        sentence.contains("error Schema") && !sentence.contains("Timeout"),
        "{sentence}"
    );
}

#[test]
fn every_check_fails_when_it_should_and_only_then() {
    use Severity::{Block, Warn};
    type Break = fn(&mut World, &mut Shelf);
    let rows: &[(&str, Severity, Break)] = &[
        ("purge.is-dlq", Block, |w, _| {
            w.edges.retain(|e| e.relation != Relation::DeadLetters);
            w.set("queue/orders-dlq", Fact::IsDeadLetterQueue, false);
        }),
        ("purge.not-empty", Block, |w, _| {
            w.set("queue/orders-dlq", Fact::MessagesVisible, 0_i64)
        }),
        ("purge.exported", Block, |_, s| s.export = None),
        ("purge.exported", Block, |_, s| {
            if let Some(export) = &mut s.export {
                export.at = stamp("02:49:00");
            }
        }),
        ("purge.exported", Block, |_, s| {
            if let Some(export) = &mut s.export {
                export.messages = 4_181;
            }
        }),
        ("redrive.task-free", Block, |w, _| {
            w.set("queue/orders-dlq", Fact::MoveTaskStatus, "RUNNING")
        }),
        ("purge.again", Block, |_, s| {
            s.purged_at = Some(stamp("02:59:30"))
        }),
        ("purge.consumed", Warn, |w, _| {
            let scaler = w.edges.iter().find(|e| e.relation == Relation::ConsumedBy);
            let edge = Edge {
                from: dlq(),
                ..scaler.expect("an edge").clone()
            };
            w.edges.push(edge);
        }),
        ("purge.young", Warn, |w, _| {
            w.set("queue/orders-dlq", Fact::OldestAgeSeconds, 600.0)
        }),
        ("purge.producer", Warn, |w, _| {
            w.set("queue/orders-dlq", Fact::SentPerSecond, 0.5)
        }),
    ];
    for (id, severity, break_it) in rows {
        let (mut world, mut kept) = (old(), shelf());
        says(&plan(&world, kept.clone()), id, *severity, Outcome::Pass);
        break_it(&mut world, &mut kept);
        says(&plan(&world, kept), id, *severity, Outcome::Fail);
    }
}

#[test]
fn a_queue_of_work_is_level_four_and_blocked() {
    let mut world = old();
    world.edges.retain(|e| e.relation != Relation::DeadLetters);
    world.set("queue/orders-dlq", Fact::IsDeadLetterQueue, false);
    let plan = plan(&world, shelf());
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L4, true));
}

#[test]
fn what_sqs_moves_into_it_comes_too_and_what_was_not_read_is_not_checked() {
    let outcome = |snapshot: &Snapshot| {
        let plan = plan_of(snapshot, shelf());
        let mut all = plan.findings.into_iter();
        let found = all.find(|f| f.id == "purge.producer").expect("it");
        match found.value.as_str() {
            "not checked" => (Outcome::Unknown, found.sentence),
            _ => (found.outcome, found.sentence),
        }
    };
    let world = old();
    let mut grew = vec![4_170.0; 18];
    grew.extend([4_180.0, 4_182.0]);
    let (said, sentence) = outcome(&seen(&world, &grew));
    assert_eq!(said, Outcome::Fail, "{sentence}");
    assert!(
        sentence.contains("4,182 visible in the last 5 min, 4,170"),
        "{sentence}"
    );
    // An export hides what is there for a while, and lets it go again.
    let mut hidden = vec![4_182.0; 14];
    hidden.extend([0.0, 0.0, 0.0, 0.0, 4_182.0]);
    assert_eq!(outcome(&seen(&world, &hidden)).0, Outcome::Pass);
    // Counts are approximate.
    let mut trembles = vec![4_180.0; 19];
    trembles.push(4_182.0);
    assert_eq!(outcome(&seen(&world, &trembles)).0, Outcome::Pass);
    assert_eq!(outcome(&seen(&world, &[3.0])).0, Outcome::Fail, "new");
    assert_eq!(outcome(&world.snapshot()).0, Outcome::Unknown, "no depths");
    let mut silent = flat(&world);
    let nodes = silent.nodes.iter_mut().find(|node| node.id == dlq());
    let node = Arc::make_mut(nodes.expect("the queue"));
    node.facts.remove(Fact::SentPerSecond);
    assert_eq!(outcome(&silent).0, Outcome::Unknown, "no metric");
    let mut stale = flat(&world);
    let metrics = stale.sources.iter_mut();
    for status in metrics.filter(|s| s.source.part == "metrics") {
        status.state = State::Stale;
    }
    let (said, sentence) = outcome(&stale);
    assert_eq!(said, Outcome::Unknown, "{sentence}");
    assert!(sentence.contains("too old"), "{sentence}");
}
