//! Every fault at every call ends in a named outcome, and nothing is started twice.

use super::double::Fault::{self, Denied, LostAfter, LostBefore, LostBesideTwin, Throttled};
use super::stage::{Desk, Stage, closed};
use crate::time::{paused, sleep};
use act::Verdict::{self, Aborted, Failed, Partial, Verified};
use std::time::Duration;

#[test]
fn every_fault_at_every_call_has_its_outcome() {
    let rows: &[(&'static str, usize, Fault, Verdict, &[i32])] = &[
        ("start", 0, Throttled, Failed, &[]),
        ("start", 0, Denied, Failed, &[]),
        ("start", 0, LostBefore, Failed, &[]),
        ("start", 0, LostAfter, Verified, &[1, 50]),
        ("cancel", 0, Throttled, Verified, &[1, 50]),
        ("cancel", 0, LostBefore, Verified, &[1, 50]),
        ("cancel", 0, LostAfter, Verified, &[1, 50]),
        ("start", 1, Throttled, Partial, &[1]),
        ("start", 1, Denied, Partial, &[1]),
        ("start", 1, LostBefore, Partial, &[1]),
        ("start", 1, LostAfter, Verified, &[1, 50]),
    ];
    for (operation, nth, fault, verdict, started) in rows {
        paused(async {
            let dir = tempfile::tempdir().expect("a folder");
            let desk = Desk::new(&Stage::new(300), dir.path());
            desk.stage
                .sqs(|sqs| sqs.faults.insert((operation, *nth), *fault));
            let receipt = desk.receipt().await;
            let what = format!("{operation} {nth} {fault:?}: {}", receipt.sentence);
            assert_eq!(receipt.verdict, Some(*verdict), "{what}");
            assert_eq!(
                desk.stage.sqs(|sqs| sqs.started.clone()),
                *started,
                "{what}"
            );
            assert!(
                receipt.verdict == Some(Verified) || receipt.next_step.is_some(),
                "{what}"
            );
            desk.assert_tidy();
        });
    }
}

#[test]
fn a_canary_that_cannot_be_cancelled_says_so_and_how_to() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(4182), dir.path());
        for nth in 0..5 {
            desk.stage
                .sqs(|sqs| sqs.faults.insert(("cancel", nth), Denied));
        }
        let receipt = desk.receipt().await;
        assert_eq!(receipt.verdict, Some(Partial), "{}", receipt.sentence);
        assert!(
            receipt.sentence.contains("still moving"),
            "{}",
            receipt.sentence
        );
        let next = receipt.next_step.clone().unwrap_or_default();
        assert!(next.contains("cancel-message-move-task"), "{next}");
        desk.assert_tidy();
    });
}

#[test]
fn a_failed_task_gives_its_reason() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(300), dir.path());
        desk.stage.sqs(|sqs| {
            sqs.fails_with = Some("AWS.SimpleQueueService.CouldNotDetermineMessageSource")
        });
        let receipt = desk.receipt().await;
        assert_eq!(receipt.verdict, Some(Partial), "{}", receipt.sentence);
        assert!(
            receipt.sentence.contains("CouldNotDetermineMessageSource"),
            "{}",
            receipt.sentence
        );
        desk.assert_tidy();
    });
}

#[test]
fn somebody_elses_task_during_the_watch_keeps_the_rest_back() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(4182), dir.path());
        let run = desk.press().await.expect("started");
        while desk.stage.sqs(|sqs| sqs.cancelled) == 0 {
            sleep(Duration::from_secs(1)).await;
        }
        sleep(Duration::from_secs(5)).await;
        desk.stage.sqs(|sqs| sqs.start(10));
        let receipt = closed(run).await.expect("a receipt");
        assert!(
            matches!(receipt.verdict, Some(Partial | Aborted)),
            "{}",
            receipt.sentence
        );
        assert_eq!(desk.stage.sqs(|sqs| sqs.started.clone()), [1]);
        desk.assert_tidy();
    });
}

#[test]
fn a_lost_start_beside_somebody_elses_same_one_is_ambiguous_and_nothing_more_is_done() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(4182), dir.path());
        desk.stage
            .sqs(|sqs| sqs.faults.insert(("start", 0), LostBesideTwin));
        let receipt = desk.receipt().await;
        assert_eq!(receipt.verdict, Some(Partial), "{}", receipt.sentence);
        assert!(
            receipt.sentence.contains("somebody else's"),
            "{}",
            receipt.sentence
        );
        assert_eq!(
            desk.stage.sqs(|sqs| sqs.cancelled),
            0,
            "nobody else's task is cancelled"
        );
        desk.assert_tidy();
    });
}

#[test]
fn a_run_that_sees_nothing_cancels_what_it_started() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(40_00), dir.path());
        desk.stage.sqs(|sqs| sqs.blind_from = Some(100));
        let receipt = desk.receipt().await;
        assert_eq!(receipt.verdict, Some(Partial), "{}", receipt.sentence);
        assert!(
            receipt.sentence.contains("has not answered"),
            "{}",
            receipt.sentence
        );
        let status = desk.stage.sqs(|sqs| sqs.tasks[0].status.clone());
        assert_eq!(status, "CANCELLED", "it was cancelled blindly, once");
        assert_eq!(desk.stage.sqs(|sqs| sqs.cancelled), 2);
        desk.assert_tidy();
    });
}

#[test]
fn a_platform_that_never_answers_is_given_up_before_anything_is_started() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(300), dir.path());
        desk.stage.sqs(|sqs| sqs.blind = true);
        let receipt = desk.receipt().await;
        assert_eq!(receipt.verdict, Some(Failed), "{}", receipt.sentence);
        assert!(desk.stage.sqs(|sqs| sqs.started.is_empty()));
        desk.assert_tidy();
    });
}
