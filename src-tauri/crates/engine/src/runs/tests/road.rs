//! The road itself: well, badly, stopped.

use super::stage::{Desk, Stage, closed};
use crate::time::{paused, sleep};
use act::{RunPhase, Verdict};
use std::time::Duration;

#[test]
fn a_redrive_moves_a_canary_then_the_rest_and_is_verified() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(4182), dir.path());
        let receipt = desk.receipt().await;
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Verified),
            "{}",
            receipt.sentence
        );
        assert_eq!(desk.stage.sqs(|sqs| sqs.started.clone()), [1, 50]);
        assert_eq!(
            (receipt.progress.moved, receipt.progress.returned),
            (4182, 0)
        );
        let canary = desk.stage.sqs(|sqs| sqs.tasks[1].moved);
        assert!((20..=22).contains(&canary), "the canary moved {canary}");
        let steps: Vec<&str> = receipt.steps.iter().map(|s| s.step.as_str()).collect();
        assert_eq!(steps, ["checks", "canary", "cancel", "full", "verify"]);
        assert!(receipt.steps.iter().all(|step| step.finished.is_some()));
        assert_eq!(receipt.steps[1].request_id.as_deref(), Some("req-1"));
        assert!(
            receipt
                .predicates
                .iter()
                .all(|p| p.holds && p.held_seconds >= p.dwell_seconds)
        );
        let recovery = receipt.recovery_seconds.expect("measured");
        // Canary 20 s, quiet for 60 s, 4,162 at 50/s; the dwell itself is not part of it.
        assert!((160.0..190.0).contains(&recovery), "{recovery}");
        desk.assert_tidy();
        assert_eq!(desk.helm.runs().expect("runs")[0], receipt);
    });
}

#[test]
fn few_messages_run_as_one_task() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(15), dir.path());
        let receipt = desk.receipt().await;
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Verified),
            "{}",
            receipt.sentence
        );
        assert_eq!(desk.stage.sqs(|sqs| sqs.started.clone()), [50]);
        desk.assert_tidy();
    });
}

#[test]
fn messages_that_still_fail_stop_it_after_the_canary() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(4182), dir.path());
        desk.stage.sqs(|sqs| sqs.fail_percent = 100);
        let receipt = desk.receipt().await;
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Aborted),
            "{}",
            receipt.sentence
        );
        assert!(
            receipt.sentence.contains("came back"),
            "{}",
            receipt.sentence
        );
        assert_eq!(
            desk.stage.sqs(|sqs| sqs.started.clone()),
            [1],
            "the rest was not started"
        );
        desk.assert_tidy();
    });
}

#[test]
fn more_than_five_percent_returns_cancel_the_full_task() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(4182), dir.path());
        let run = desk.press().await.expect("started");
        while desk.stage.sqs(|sqs| sqs.starts_at(50)) == 0 {
            sleep(Duration::from_secs(1)).await;
        }
        desk.stage.sqs(|sqs| sqs.fail_percent = 12);
        let receipt = closed(run).await.expect("a receipt");
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Aborted),
            "{}",
            receipt.sentence
        );
        assert!(receipt.sentence.contains("5 %"), "{}", receipt.sentence);
        let (moved, cancelled) = desk.stage.sqs(|sqs| (sqs.moved(), sqs.cancelled));
        assert!(
            moved < 4182 && cancelled == 2,
            "{moved} moved, {cancelled} cancels"
        );
        desk.assert_tidy();
    });
}

#[test]
fn the_operator_stops_it_and_what_was_moved_stays_moved() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(4182), dir.path());
        let run = desk.press().await.expect("started");
        let id = run.borrow().receipt.run.clone();
        while desk.stage.sqs(|sqs| sqs.moved()) < 500 {
            sleep(Duration::from_secs(1)).await;
        }
        desk.helm.cancel(&id).expect("told");
        let receipt = closed(run).await.expect("a receipt");
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Aborted),
            "{}",
            receipt.sentence
        );
        assert!(
            receipt.sentence.contains("stay there"),
            "{}",
            receipt.sentence
        );
        let status = desk.stage.sqs(|sqs| sqs.tasks[0].status.clone());
        assert_eq!(status, "CANCELLED");
        desk.assert_tidy();
        assert!(desk.helm.cancel(&id).is_err(), "it is over");
    });
}

#[test]
fn a_stop_before_the_canary_is_over_cancels_the_canary() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(4182), dir.path());
        let run = desk.press().await.expect("started");
        let id = run.borrow().receipt.run.clone();
        while desk.stage.sqs(|sqs| sqs.moved()) < 5 {
            sleep(Duration::from_millis(500)).await;
        }
        desk.helm.cancel(&id).expect("told");
        let receipt = closed(run).await.expect("a receipt");
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Aborted),
            "{}",
            receipt.sentence
        );
        assert!(desk.stage.sqs(|sqs| sqs.moved()) < 10);
        assert_eq!(desk.stage.sqs(|sqs| sqs.started.clone()), [1]);
        desk.assert_tidy();
    });
}

#[test]
fn a_consumer_that_falls_ill_after_the_canary_keeps_the_rest_back() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(4182), dir.path());
        let run = desk.press().await.expect("started");
        desk.stage
            .ready
            .store(1, std::sync::atomic::Ordering::Relaxed);
        let receipt = closed(run).await.expect("a receipt");
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Partial),
            "{}",
            receipt.sentence
        );
        assert!(
            receipt.sentence.contains("not ready"),
            "{}",
            receipt.sentence
        );
        assert_eq!(desk.stage.sqs(|sqs| sqs.started.clone()), [1]);
        desk.assert_tidy();
    });
}

#[test]
fn a_busy_destination_makes_the_canary_wait_for_a_whole_return_time() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let desk = Desk::new(&Stage::new(100), dir.path());
        desk.stage.sqs(|sqs| sqs.stuck = true);
        let run = desk.press().await.expect("started");
        let mut watched = run.clone();
        while desk.stage.sqs(|sqs| sqs.starts_at(50)) == 0 {
            watched.changed().await.expect("alive");
        }
        let receipt = watched.borrow().receipt.clone();
        let ended = receipt.steps[1].finished.expect("the canary is over");
        let full = receipt.steps.iter().find(|s| s.step == "full").map_or_else(
            || {
                desk.stage
                    .sqs(|sqs| model::Timestamp::from_millis(sqs.tasks[0].started))
            },
            |step| step.started,
        );
        assert!(full.seconds_since(ended) >= 60.0, "3 receives × 20 s");
        assert_eq!(receipt.phase, RunPhase::Running);
    });
}
