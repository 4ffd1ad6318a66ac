//! The gate: what stops a press, and that a press is one run.

use super::stage::{Desk, Stage, closed, scope};
use crate::audit::AuditKind;
use crate::gate::{Press, Refusal, Words};
use crate::time::{paused, sleep};
use act::{ConfirmLevel, Plan, Verdict};
use model::{NodeId, Scope};
use std::sync::atomic::Ordering;
use std::time::Duration;

fn desk(messages: i64) -> (tempfile::TempDir, Desk) {
    let dir = tempfile::tempdir().expect("a folder");
    let desk = Desk::new(&Stage::new(messages), dir.path());
    (dir, desk)
}

fn nothing_was_called(desk: &Desk) {
    assert!(desk.stage.sqs(|sqs| sqs.started.is_empty()));
    assert!(
        crate::unfinished_runs(&desk.state)
            .expect("read")
            .is_empty()
    );
    desk.helm.audit().expect("opened").verify().expect("whole");
}

#[test]
fn it_is_read_only_until_its_scope_is_armed() {
    paused(async {
        let (_dir, desk) = desk(300);
        let plan = desk.plan();
        assert!(!desk.helm.arming().armed);
        assert!(matches!(
            desk.press_plan(&plan).await,
            Err(Refusal::ReadOnly(_))
        ));
        let elsewhere = Scope {
            region: Some("us-east-1".into()),
            ..scope()
        };
        desk.helm.arm(&elsewhere, "x", 5).expect("armed");
        assert!(matches!(
            desk.press_plan(&plan).await,
            Err(Refusal::OutOfScope { .. })
        ));
        assert!(matches!(
            desk.helm.arm(&scope(), "x", 16),
            Err(Refusal::Minutes(16))
        ));
        assert!(matches!(
            desk.helm.arm(&scope(), " ", 5),
            Err(Refusal::NoReason)
        ));
        desk.helm.arm(&scope(), "x", 5).expect("armed");
        sleep(Duration::from_secs(301)).await;
        assert!(!desk.helm.arming().armed, "it counts down");
        desk.helm.arm(&Scope::default(), "x", 5).expect("armed");
        assert!(
            desk.helm
                .arming()
                .seconds_left
                .is_some_and(|s| (299.0..=300.0).contains(&s))
        );
        desk.helm.disarm();
        let plan = desk.plan();
        assert!(matches!(
            desk.press_plan(&plan).await,
            Err(Refusal::ReadOnly(_))
        ));
        nothing_was_called(&desk);
    });
}

#[test]
fn a_plan_is_pressed_once_in_its_time_with_its_words() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        let plan = desk.plan();
        let press = |digest, phrase, reason| Press {
            plan: &plan.id,
            digest,
            phrase,
            reason,
            break_glass: None,
        };
        let wrong = desk.helm.act(&press(Some("0000"), "orders-dlq", "x")).await;
        assert!(matches!(wrong, Err(Refusal::WrongDigest(_))));
        let wrong = desk.helm.act(&press(None, "orders", "x")).await;
        assert!(matches!(wrong, Err(Refusal::WrongPhrase(_))));
        let wrong = desk.helm.act(&press(None, "orders-dlq", "")).await;
        assert!(matches!(wrong, Err(Refusal::NoReason)));
        let first = desk.press_plan(&plan).await.expect("started");
        assert!(matches!(
            desk.press_plan(&plan).await,
            Err(Refusal::AlreadyPressed)
        ));
        let another = desk.plan();
        let second = desk.press_plan(&another).await;
        assert!(
            matches!(
                second,
                Err(Refusal::Busy { .. } | Refusal::Elsewhere(_) | Refusal::Changed(_))
            ),
            "{second:?}"
        );
        let receipt = closed(first).await.expect("a receipt");
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Verified),
            "{}",
            receipt.sentence
        );
        desk.assert_tidy();
    });
}

#[test]
fn two_presses_at_once_are_one_run() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        let (a, b) = (desk.plan(), desk.plan());
        let (first, second) = tokio::join!(desk.press_plan(&a), desk.press_plan(&b));
        let started: Vec<_> = [first, second].into_iter().filter_map(Result::ok).collect();
        assert_eq!(started.len(), 1);
        for run in started {
            closed(run).await.expect("a receipt");
        }
        desk.assert_tidy();
    });
}

#[test]
fn a_plan_that_waited_too_long_is_planned_again() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        let plan = desk.plan();
        sleep(Duration::from_secs(61)).await;
        assert!(matches!(
            desk.press_plan(&plan).await,
            Err(Refusal::Expired)
        ));
        nothing_was_called(&desk);
    });
}

#[test]
fn a_changed_answer_stops_the_press_and_shows_the_difference() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        let plan = desk.plan();
        *desk.stage.meanwhile.lock().expect("whole") =
            Some(Box::new(|stage| stage.ready.store(1, Ordering::Relaxed)));
        match desk.press_plan(&plan).await {
            Err(Refusal::Changed(difference)) => {
                assert!(
                    difference.iter().any(|d| d.contains("not ready")),
                    "{difference:?}"
                );
            }
            other => panic!("{other:?}"),
        }
        desk.stage.ready.store(4, Ordering::Relaxed);
        let plan = desk.plan();
        *desk.stage.meanwhile.lock().expect("whole") = Some(Box::new(|stage| {
            stage.sqs(|sqs| sqs.start(25));
        }));
        assert!(
            matches!(desk.press_plan(&plan).await, Err(Refusal::Changed(_))),
            "another task"
        );
        nothing_was_called(&desk);
    });
}

#[test]
fn counters_may_move_between_plan_and_press() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        let plan = desk.plan();
        desk.stage.sqs(|sqs| sqs.dlq += 40);
        let run = desk.press_plan(&plan).await.expect("started");
        let receipt = closed(run).await.expect("a receipt");
        assert_eq!(receipt.progress.to_move, 340);
        desk.assert_tidy();
    });
}

#[test]
fn what_cannot_be_read_afresh_is_not_done() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.stage.deaf.store(true, Ordering::Relaxed);
        assert!(matches!(desk.press().await, Err(Refusal::Unread(_))));
        nothing_was_called(&desk);
    });
}

#[test]
fn a_blocked_plan_cannot_be_pressed() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.stage.ready.store(0, Ordering::Relaxed);
        let refused = desk.press().await;
        assert!(matches!(refused, Err(Refusal::Blocked(_))), "{refused:?}");
        nothing_was_called(&desk);
    });
}

#[test]
fn level_two_needs_the_digest_and_level_three_a_hold() {
    paused(async {
        let (_dir, desk) = desk(60_000);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        let plan = desk.plan();
        assert_eq!(plan.level, ConfirmLevel::L3);
        let bare = Press {
            plan: &plan.id,
            digest: None,
            phrase: "orders-dlq",
            reason: "x",
            break_glass: None,
        };
        assert!(matches!(
            desk.helm.act(&bare).await,
            Err(Refusal::NoDigest(_))
        ));
        assert!(matches!(
            desk.press_plan(&plan).await,
            Err(Refusal::NotHeld { .. })
        ));
        desk.helm.begin_hold(&plan.id).expect("down");
        sleep(Duration::from_millis(1900)).await;
        assert!(matches!(
            desk.press_plan(&plan).await,
            Err(Refusal::NotHeld { .. })
        ));
        sleep(Duration::from_millis(200)).await;
        desk.press_plan(&plan).await.expect("held for two seconds");
    });
}

#[test]
fn level_four_needs_a_second_person_or_broken_glass() {
    paused(async {
        let (_dir, desk) = desk(60_000);
        desk.stage.idempotent.store(false, Ordering::Relaxed);
        let refused = desk.press().await.expect_err("level 4").to_string();
        assert!(refused.contains("a second person"), "{refused}");
        nothing_was_called(&desk);

        let plan = desk.plan();
        let glass = |why| words(&plan, Some(why)).press(&plan.id);
        let blank = desk.helm.act(&glass("  ")).await;
        assert!(matches!(blank, Err(Refusal::Blocked(_))), "{blank:?}");
        let early = desk.helm.act(&glass("nobody answers")).await;
        assert!(matches!(early, Err(Refusal::NotHeld { .. })), "{early:?}");
        nothing_was_called(&desk);

        desk.helm.begin_hold(&plan.id).expect("down");
        sleep(Duration::from_millis(2100)).await;
        let run = desk.helm.act(&glass("nobody answers")).await;
        let receipt = closed(run.expect("started")).await.expect("a receipt");
        assert_eq!(receipt.break_glass.as_deref(), Some("nobody answers"));
        let rows = desk.helm.audit_rows(10).expect("rows");
        let opened = rows.iter().find(|row| row.kind == AuditKind::Opened);
        let opened = &opened.expect("opened").sentence;
        assert!(opened.contains("Glass broken (nobody answers)"), "{opened}");
    });
}

#[test]
fn glass_passes_what_is_marked_and_nothing_else() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.stage.ready.store(0, Ordering::Relaxed);
        let plan = desk.plan();
        assert!(plan.blocked && plan.breakable, "{:?}", plan.findings);
        *desk.stage.denied.lock().expect("whole") = Some("sqs:StartMessageMoveTask");
        let run = desk.helm.act_once(&plan, words(&plan, Some("why"))).await;
        let refused = run.expect_err("it is denied").to_string();
        assert!(refused.contains("sqs:StartMessageMoveTask"), "{refused}");
        nothing_was_called(&desk);
    });
}

/// The right words for a plan.
fn words<'a>(plan: &'a Plan, break_glass: Option<&'a str>) -> Words<'a> {
    Words {
        digest: Some(&plan.digest),
        phrase: &plan.confirm,
        reason: "x",
        break_glass,
    }
}

#[test]
fn the_command_line_arms_its_own_plan_only() {
    paused(async {
        let (_dir, desk) = desk(60_000);
        let plan = desk.plan();
        let bare = Words {
            digest: None,
            ..words(&plan, None)
        };
        let refused = desk.helm.act_once(&plan, bare).await;
        assert!(matches!(refused, Err(Refusal::NoDigest(_))), "{refused:?}");
        let run = desk.helm.act_once(&plan, words(&plan, None)).await;
        run.expect("started");
        assert!(!desk.helm.arming().armed);
    });
}

#[test]
fn refusals_and_arming_are_on_the_record() {
    paused(async {
        let (_dir, desk) = desk(300);
        let plan = desk.plan();
        desk.press_plan(&plan).await.expect_err("read-only");
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        desk.helm.disarm();
        let kinds: Vec<_> = desk
            .helm
            .audit_rows(9)
            .expect("rows")
            .iter()
            .map(|r| r.kind)
            .collect();
        use crate::AuditKind::{Armed, Disarmed, Refused};
        assert_eq!(kinds, [Disarmed, Armed, Refused]);
        let gone = desk.helm.plan(
            act::Verb::Redrive,
            &NodeId::new("nowhere"),
            &Default::default(),
        );
        assert!(gone.is_err());
    });
}

#[test]
fn what_was_armed_and_shown_before_the_machine_slept_is_not_pressed_after() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        let plan = desk.plan();
        sleep(Duration::from_secs(5)).await;
        crate::time::sleep_machine(Duration::from_secs(9));
        assert!(desk.helm.arming().armed, "clocks may differ a little");
        crate::time::sleep_machine(Duration::from_secs(60));
        assert!(matches!(
            desk.press_plan(&plan).await,
            Err(Refusal::NoSuchPlan)
        ));
        assert!(!desk.helm.arming().armed, "read-only after a sleep");
        let plan = desk.plan();
        assert!(matches!(
            desk.press_plan(&plan).await,
            Err(Refusal::ReadOnly(_))
        ));
        let rows = desk.helm.audit_rows(10).expect("read");
        let disarmed = rows.iter().filter(|row| row.sentence.contains("slept"));
        assert_eq!(disarmed.count(), 1, "recorded once");
        nothing_was_called(&desk);
    });
}

#[test]
fn what_another_console_has_locked_is_refused_with_its_holder() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        *desk.stage.held.lock().expect("whole") = Some("ben@desk");
        let refused = desk.press_plan(&desk.plan()).await;
        let refused = refused.expect_err("it is locked").to_string();
        assert!(
            refused.contains("ben@desk is acting on it since 2026"),
            "{refused}"
        );
        assert!(
            refused.contains("(Purge it, glass broken: nobody answers)"),
            "{refused}"
        );
        nothing_was_called(&desk);
        let shown = desk.plan();
        let lock = shown.failing().find(|f| f.id == act::lease::LOCK);
        assert!(lock.is_some() && shown.blocked, "the next plan shows it");
        *desk.stage.held.lock().expect("whole") = None;
        sleep(Duration::from_secs(31)).await;
        let run = desk.press_plan(&desk.plan()).await.expect("it is free");
        let receipt = closed(run).await.expect("a receipt");
        let lock = receipt.findings.iter().find(|f| f.id == act::lease::LOCK);
        let sentence = &lock.expect("it is said").sentence;
        assert!(sentence.contains("no cluster on this stage"), "{sentence}");
        desk.assert_tidy();
    });
}

#[test]
fn a_right_that_is_missing_on_the_press_is_a_changed_answer_that_names_it() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        let plan = desk.plan();
        *desk.stage.denied.lock().expect("whole") = Some("sqs:StartMessageMoveTask");
        let refused = desk.press_plan(&plan).await;
        let refused = refused.expect_err("it is denied").to_string();
        assert!(
            refused.contains("missing: sqs:StartMessageMoveTask on"),
            "{refused}"
        );
        let plan = desk.plan();
        assert!(plan.blocked, "the next plan shows it before the press");
        nothing_was_called(&desk);
    });
}

#[test]
fn what_one_role_lacks_is_not_said_of_another() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        let becomes = |role, denied| {
            *desk.stage.role.lock().expect("whole") = Some(role);
            *desk.stage.denied.lock().expect("whole") = denied;
        };
        becomes("role/bare", Some("sqs:StartMessageMoveTask"));
        let refused = desk.press_plan(&desk.plan()).await;
        refused.expect_err("it is denied");
        assert!(desk.plan().blocked, "it is known of this role");
        becomes("role/redrive", None);
        let plan = desk.plan();
        assert_eq!(plan.acts_as.as_deref(), Some("role/redrive"));
        assert!(!plan.blocked, "{:?}", plan.findings);
        becomes("role/bare", None);
        assert!(desk.plan().blocked, "and still is");
        nothing_was_called(&desk);
    });
}

#[test]
fn nothing_is_closed_below_a_press_and_nobody_presses_once_it_is_closed() {
    paused(async {
        let (_dir, desk) = desk(300);
        desk.helm.arm(&scope(), "x", 15).expect("armed");
        let plan = desk.plan();
        assert!(!desk.helm.busy());
        let pressing = desk.helm.pressing().expect("it is open");
        assert!(desk.helm.busy() && !desk.helm.close(), "it is no run yet");
        drop(pressing);
        let run = desk.press_plan(&plan).await.expect("it runs");
        assert!(desk.helm.busy() && !desk.helm.close(), "it is a run");
        closed(run).await;
        // The runner gives up its half right after the last event.
        while desk.helm.busy() {
            sleep(Duration::from_millis(10)).await;
        }
        assert!(!desk.helm.busy() && desk.helm.close());
        let next = desk.plan();
        assert!(matches!(
            desk.press_plan(&next).await,
            Err(Refusal::Closing)
        ));
        desk.helm.reopened();
        assert!(!matches!(
            desk.press_plan(&next).await,
            Err(Refusal::Closing)
        ));
    });
}
