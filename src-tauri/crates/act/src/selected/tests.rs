//! Every check of its own made true and made false, levels, digest and texts.

use crate::redrive::tests::{World, dlq, says, stamp};
use crate::selected::Message;
use crate::shelf::{KeptLedger, KeptPeek, Shelf};
use crate::{ConfirmLevel, Context, Outcome, Plan, Request, Severity, Verb};
use model::Fact;
use std::collections::BTreeMap;

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

fn plan(world: &World, shelf: &Shelf, settings: &[(&str, &str)]) -> Plan {
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
    crate::plan(&world.snapshot(), &request, &context).expect("a plan")
}

#[test]
fn green_it_is_level_two_and_says_which_messages() {
    let plan_ = plan(&World::green(), &shelf(), &[("where", "$.v = 7")]);
    let failing: Vec<_> = plan_.failing().collect();
    assert!(failing.is_empty(), "{failing:#?}");
    assert_eq!((plan_.level, plan_.blocked), (ConfirmLevel::L2, false));
    assert_eq!(
        plan_.label,
        "Redrive those of 4,182 where $.v = 7 → orders · canary 20 · then 50/s"
    );
    let all = plan(&World::green(), &shelf(), &[]);
    assert!(
        all.label.starts_with("Redrive all 4,182 one by one"),
        "{}",
        all.label
    );
    assert_ne!(all.digest, plan_.digest);
    let undo = plan_.undo_request.expect("an undo");
    let back = plan(
        &World::green(),
        &shelf(),
        &[("from", &undo.settings["from"])],
    );
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
            "selected.file",
            Block,
            &[("from", "ledger")],
            |_, s| s.ledgers.clear(),
            &[("from", "ledger")],
        ),
    ];
    for (id, severity, good, break_it, bad) in rows {
        let (mut world, mut kept) = (World::green(), shelf());
        world.set("queue/orders-dlq", Fact::MessagesNotVisible, 0_i64);
        says(&plan(&world, &kept, good), id, *severity, Outcome::Pass);
        break_it(&mut world, &mut kept);
        says(&plan(&world, &kept, bad), id, *severity, Outcome::Fail);
    }
}

#[test]
fn an_edit_is_level_three_and_shows_its_differences() {
    let plan = plan(
        &World::green(),
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

#[test]
fn a_body_beyond_the_limit_blocks() {
    let edit = format!("set $.v = \"{}\"", "x".repeat(3_900));
    let mut kept = shelf();
    let long = format!(r#"{{"v":"a","w":"{}"}}"#, "x".repeat(1_046_000));
    kept.peek = Some(KeptPeek {
        at: stamp("02:59:00"),
        messages: vec![message(&long)],
    });
    let settings = [("where", "$.v = 'a'"), ("edit", edit.as_str())];
    says(
        &plan(&World::green(), &kept, &settings),
        "selected.body-limit",
        Severity::Block,
        Outcome::Fail,
    );
    says(
        &plan(
            &World::green(),
            &kept,
            &[settings[0], ("edit", "set $.v = \"b\"")],
        ),
        "selected.body-limit",
        Severity::Block,
        Outcome::Pass,
    );
}
