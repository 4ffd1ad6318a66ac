//! Every check of its own made true and made false, levels, digest and texts.

use crate::redrive::tests::{World, dlq, says, stamp};
use crate::selected::Message;
use crate::shelf::{KeptLedger, KeptPeek, Shelf};
use crate::{ConfirmLevel, Context, Outcome, Plan, Request, Severity, Verb};
use model::{Fact, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

fn message(body: &str) -> Message {
    Message {
        id: "m-1".to_owned(),
        body: body.to_owned(),
        attributes: BTreeMap::new(),
        system: BTreeMap::new(),
    }
}

fn shelf() -> Shelf {
    Shelf {
        room_bytes: Some(1 << 40),
        peek: Some(KeptPeek {
            at: stamp("02:59:00"),
            messages: vec![message(r#"{"v":7}"#)],
        }),
        ledgers: vec![KeptLedger {
            run: "run-1".to_owned(),
            sent: 9,
        }],
        ..Shelf::default()
    }
}

/// All green, and the destination takes messages of a kilobyte.
fn green() -> World {
    let mut world = World::green();
    world.set("queue/orders", Fact::MaximumMessageSizeBytes, 1_024_i64);
    world
}

fn plan(world: &World, shelf: &Shelf, settings: &[(&str, &str)]) -> Plan {
    plan_of(&world.snapshot(), shelf, settings)
}

fn plan_of(snapshot: &Snapshot, shelf: &Shelf, settings: &[(&str, &str)]) -> Plan {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let request = Request {
        action: Verb::RedriveSelected,
        node: dlq(),
        settings: settings.iter().map(own).collect(),
    };
    let context = Context {
        shelf: shelf.clone(),
        ..Context::default()
    };
    crate::plan(snapshot, &request, &context).expect("a plan")
}

#[test]
fn green_it_is_level_two_and_says_which_messages() {
    let plan_ = plan(&green(), &shelf(), &[("where", "$.v = 7")]);
    let failing: Vec<_> = plan_.failing().collect();
    assert!(failing.is_empty(), "{failing:#?}");
    assert_eq!((plan_.level, plan_.blocked), (ConfirmLevel::L2, false));
    assert_eq!(
        plan_.label,
        "Redrive those of 4,182 where $.v = 7 → orders · canary 20 · then 50/s"
    );
    let all = plan(&green(), &shelf(), &[]);
    assert!(
        all.label.starts_with("Redrive all 4,182 one by one"),
        "{}",
        all.label
    );
    assert_ne!(all.digest, plan_.digest);
    let undo = plan_.undo_request.expect("an undo");
    let back = plan(&green(), &shelf(), &[("from", &undo.settings["from"])]);
    assert_eq!((back.level, back.blocked), (ConfirmLevel::L2, false));
    assert_eq!(
        back.label,
        "Put back the 9 that run run-1 sent → orders-dlq · canary 20 · then 50/s"
    );
}

#[test]
fn every_check_of_its_own_fails_when_it_should_and_only_then() {
    use Severity::{Block, Info, Warn};
    type Row = (
        &'static str,
        Severity,
        &'static [(&'static str, &'static str)],
        fn(&mut World, &mut Shelf),
        &'static [(&'static str, &'static str)],
    );
    const EDIT: &[(&str, &str)] = &[("where", "$.v = 7"), ("edit", "set $.v = 6")];
    let rows: &[Row] = &[
        (
            "selected.ledger-room",
            Block,
            &[],
            |_, s| s.room_bytes = Some(1_000),
            &[],
        ),
        (
            "selected.visibility",
            Block,
            &[],
            |_, _| {},
            &[("visibility", "30"), ("rate", "1")],
        ),
        (
            "selected.canary",
            Warn,
            &[],
            |_, _| {},
            &[("canary", "off")],
        ),
        (
            "selected.own-policy",
            Warn,
            &[],
            |w, _| w.set("queue/orders-dlq", Fact::DeadLetterQueue, "graveyard"),
            &[],
        ),
        (
            "selected.scan",
            Info,
            &[("limit", "5")],
            |w, _| w.set("queue/orders-dlq", Fact::MessagesNotVisible, 3_i64),
            &[],
        ),
        (
            "selected.edit-checked",
            Block,
            EDIT,
            |_, s| s.peek = None,
            EDIT,
        ),
        (
            "selected.edit-checked",
            Block,
            EDIT,
            |_, s| {
                if let Some(peek) = &mut s.peek {
                    peek.at = stamp("02:40:00");
                }
            },
            EDIT,
        ),
        (
            "selected.edit-checked",
            Block,
            EDIT,
            |_, _| {},
            &[("where", "$.v = 7"), ("edit", "set $.v = \"6\"")],
        ),
        (
            "selected.edit-checked",
            Block,
            EDIT,
            |_, _| {},
            &[("where", "$.v = 8"), ("edit", "set $.v = 6")],
        ),
        (
            "selected.body-limit",
            Block,
            &[],
            |w, _| w.set("queue/orders", Fact::MaximumMessageSizeBytes, 6_i64),
            &[],
        ),
        (
            "redrive.expiry",
            Warn,
            &[],
            |w, _| w.set("queue/orders-dlq", Fact::RetentionSeconds, 900_i64),
            &[],
        ),
        (
            "selected.file",
            Block,
            &[("from", "ledger")],
            |_, s| s.ledgers.clear(),
            &[("from", "ledger")],
        ),
    ];
    for (id, severity, good, break_it, bad) in rows {
        let (mut world, mut kept) = (green(), shelf());
        world.set("queue/orders-dlq", Fact::MessagesNotVisible, 0_i64);
        says(&plan(&world, &kept, good), id, *severity, Outcome::Pass);
        break_it(&mut world, &mut kept);
        says(&plan(&world, &kept, bad), id, *severity, Outcome::Fail);
    }
}

#[test]
fn a_busy_database_behind_the_consumer_warns_at_the_rate_that_is_asked_for() {
    let of = |cpu: Option<f64>, open: i64, settings: &[(&str, &str)]| {
        let world = green().before_a_database(cpu, open);
        plan(&world, &shelf(), settings)
    };
    let quiet = of(Some(80.0), 900, &[]);
    says(&quiet, "redrive.database", Severity::Warn, Outcome::Pass);
    assert_eq!((quiet.level, quiet.blocked), (ConfirmLevel::L2, false));
    let busy = of(Some(81.0), 900, &[("rate", "200")]);
    let (severity, outcome, sentence) = found(&busy, "redrive.database");
    assert_eq!((severity, outcome), (Severity::Warn, Outcome::Fail));
    assert!(sentence.ends_with("on top, at up to 200/s."), "{sentence}");
    assert_eq!((busy.level, busy.blocked), (ConfirmLevel::L3, false));
    let full = of(Some(20.0), 901, &[]);
    says(&full, "redrive.database", Severity::Warn, Outcome::Fail);
    let silent = of(None, 100, &[]);
    says(&silent, "redrive.database", Severity::Info, Outcome::Pass);
    let back = of(Some(81.0), 900, &[("from", "ledger")]);
    let told = |f: &crate::Finding| f.id == "redrive.database";
    assert!(!back.findings.iter().any(told), "it goes to no consumer");
}

#[test]
fn an_edit_is_level_three_and_shows_its_differences() {
    let plan = plan(
        &green(),
        &shelf(),
        &[("where", "$.v = 7"), ("edit", "set $.v = 6")],
    );
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L3, false));
    assert!(
        plan.blast
            .sentences
            .iter()
            .any(|s| s == "Message m-1: $.v 7 → 6."),
        "{:?}",
        plan.blast.sentences
    );
}

fn found(plan: &Plan, check: &str) -> (Severity, Outcome, String) {
    let mut all = plan.findings.iter();
    let found = all.find(|f| f.id == check).expect(check);
    (found.severity, found.outcome, found.sentence.clone())
}

#[test]
fn a_message_beyond_what_the_destination_takes_blocks_edited_or_not() {
    let says = |body: &str, edit: &str, expected: Outcome| {
        let mut kept = shelf();
        if let Some(peek) = &mut kept.peek {
            peek.messages = vec![message(r#"{"v":"a"}"#), message(body)];
        }
        let edit: &[(&str, &str)] = if edit.is_empty() {
            &[]
        } else {
            &[("edit", edit)]
        };
        let plan = plan(&green(), &kept, edit);
        says(&plan, "selected.body-limit", Severity::Block, expected);
    };
    let long = format!(r#"{{"v":"a","w":"{}"}}"#, "x".repeat(1_000));
    let longer = format!("set $.v = \"{}\"", "x".repeat(100));
    says(&long, "", Outcome::Pass);
    says(&long, "set $.v = \"b\"", Outcome::Pass);
    says(&long, &longer, Outcome::Fail);
    says(&"x".repeat(1_025), "", Outcome::Fail);
    let unread = plan(&World::green(), &shelf(), &[]);
    let (_, outcome, sentence) = found(&unread, "selected.body-limit");
    assert_eq!(outcome, Outcome::Unknown, "{sentence}");
    for at in ["02:40:00", "02:59:00"] {
        let mut kept = shelf();
        if let Some(peek) = &mut kept.peek {
            peek.at = stamp(at);
            peek.messages.truncate(usize::from(at < "02:50:00"));
        }
        let (severity, _, sentence) = found(&plan(&green(), &kept, &[]), "selected.body-limit");
        assert_eq!(severity, Severity::Info, "{sentence}");
        assert!(sentence.starts_with("Not checked"), "{sentence}");
    }
}

#[test]
fn what_a_queue_was_not_asked_is_not_known_and_a_free_shape_is_not_checked() {
    let mut snapshot = green().snapshot();
    let queue = snapshot.nodes.iter_mut().find(|node| node.id == dlq());
    let facts = &mut Arc::make_mut(queue.expect("the queue")).facts;
    facts.remove(Fact::VisibilityTimeoutSeconds);
    facts.remove(Fact::FirstMessageAt);
    let plan_ = plan_of(&snapshot, &shelf(), &[]);
    assert_eq!(found(&plan_, "selected.own-policy").1, Outcome::Unknown);
    assert_eq!(found(&plan_, "redrive.expiry").0, Severity::Info);
    let edit = [
        ("where", "$.v = 7"),
        ("edit", "set $.v = \"6\""),
        ("shape", "free"),
    ];
    let (_, outcome, sentence) = found(&plan(&green(), &shelf(), &edit), "selected.edit-checked");
    assert_eq!(outcome, Outcome::Pass, "{sentence}");
    assert!(sentence.contains("is not checked"), "{sentence}");
}
