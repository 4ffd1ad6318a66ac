//! SIGKILL at every point: whatever was on disk then, taking the run up ends it in a named outcome,
//! nothing is started twice, and the record is whole.

use super::double::Fault;
use super::stage::{Desk, Stage, closed};
use crate::runs::Points;
use crate::time::paused;
use act::{Receipt, RunPhase, Verdict};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Dies at the n-th point. Of looks in a row only the first counts: nothing changes between them.
pub(super) struct Killer {
    left: Mutex<(usize, &'static str)>,
    pub(super) died_at: Mutex<Option<&'static str>>,
}

impl Killer {
    pub(super) fn at(nth: usize) -> Arc<Self> {
        Arc::new(Self {
            left: Mutex::new((nth, "")),
            died_at: Mutex::new(None),
        })
    }
}

#[async_trait]
impl Points for Killer {
    async fn at(&self, point: &'static str) {
        let dies = {
            let mut left = self.left.lock().expect("whole");
            let again = point == "look" && left.1 == "look";
            left.1 = point;
            if !again {
                left.0 = left.0.wrapping_sub(1);
            }
            !again && left.0 == 0
        };
        if dies {
            *self.died_at.lock().expect("whole") = Some(point);
            // Unwinding closes files and nothing else: the state on disk is what SIGKILL leaves.
            resume_unwind(Box::new("killed"));
        }
    }
}

/// Presses on a desk that dies at the n-th point; the receipt when it got that far.
async fn doomed(
    stage: &Arc<Stage>,
    state: &std::path::Path,
    nth: usize,
) -> (Option<Receipt>, Option<&'static str>) {
    let killer = Killer::at(nth);
    let points: Arc<dyn Points> = Arc::<Killer>::clone(&killer);
    let desk = Desk::with_points(stage, state, points);
    let pressed = tokio::spawn(async move {
        let run = desk.press().await.expect("started");
        closed(run).await
    });
    let receipt = pressed.await.ok().flatten();
    let died = *killer.died_at.lock().expect("whole");
    (receipt, died)
}

/// Takes up what was left, on a desk that may die too.
async fn taken_up(stage: &Arc<Stage>, state: &std::path::Path, nth: usize) -> Option<Receipt> {
    let left = crate::unfinished_runs(state).expect("read");
    let interrupted = left.into_iter().next()?;
    assert_eq!(interrupted.phase, RunPhase::Interrupted);
    assert!(!interrupted.sentence.is_empty() && interrupted.next_step.is_some());
    let points: Arc<dyn Points> = Killer::at(nth);
    let desk = Desk::with_points(stage, state, points);
    let resumed = tokio::spawn(async move {
        let run = desk.helm.resume(&interrupted.run).await.expect("taken up");
        closed(run).await
    });
    resumed.await.ok().flatten()
}

const NEVER: usize = usize::MAX;

#[test]
fn a_kill_at_every_point_ends_in_a_named_outcome_and_starts_nothing_twice() {
    let mut seen = BTreeSet::new();
    let mut verdicts = BTreeSet::new();
    for nth in 1.. {
        let mut over = false;
        paused(async {
            let dir = tempfile::tempdir().expect("a folder");
            let stage = Stage::new(300);
            let (receipt, died) = doomed(&stage, dir.path(), nth).await;
            over = died.is_none();
            let receipt = match died {
                None => receipt.expect("it lived"),
                Some(point) => {
                    seen.insert(point);
                    match taken_up(&stage, dir.path(), NEVER).await {
                        Some(receipt) => receipt,
                        // Killed after the journal was closed but not filed, or before it was there.
                        None => return,
                    }
                }
            };
            let verdict = receipt.verdict.expect("a verdict");
            verdicts.insert(format!("{verdict:?}"));
            assert!(
                receipt.sentence.ends_with('.'),
                "{nth} {died:?}: {}",
                receipt.sentence
            );
            assert!(
                verdict == Verdict::Verified || receipt.next_step.is_some(),
                "{}",
                receipt.sentence
            );
            Desk::new(&stage, dir.path()).assert_tidy();
        });
        if over {
            break;
        }
    }
    let points = [
        "journaled",
        "opened",
        "look",
        "decided",
        "intended",
        "called",
        "answered",
        "noted",
        "ending",
        "audited",
        "closed",
    ];
    for point in points {
        assert!(seen.contains(point), "no kill at {point}: {seen:?}");
    }
    assert!(
        verdicts.contains("Verified") && verdicts.contains("Aborted"),
        "{verdicts:?}"
    );
}

#[test]
fn a_second_kill_while_it_is_taken_up_changes_nothing() {
    for nth in (1..60).step_by(3) {
        for again in [1, 2, 4, 7] {
            paused(async {
                let dir = tempfile::tempdir().expect("a folder");
                let stage = Stage::new(120);
                let (_, died) = doomed(&stage, dir.path(), nth).await;
                if died.is_none() {
                    return;
                }
                let first = taken_up(&stage, dir.path(), again).await;
                if first.is_none() {
                    taken_up(&stage, dir.path(), NEVER).await;
                }
                Desk::new(&stage, dir.path()).assert_tidy();
            });
        }
    }
}

#[test]
fn a_kill_between_a_start_that_was_lost_and_its_answer_is_found_in_the_list() {
    paused(async {
        let mut nth = 0;
        // The first kill at `called`: SQS has the task, the journal only the intent.
        let receipt = loop {
            nth += 1;
            let fresh = tempfile::tempdir().expect("a folder");
            let stage = Stage::new(300);
            stage.sqs(|sqs| sqs.faults.insert(("start", 0), Fault::LostAfter));
            let (_, died) = doomed(&stage, fresh.path(), nth).await;
            if died == Some("called") {
                let receipt = taken_up(&stage, fresh.path(), NEVER).await;
                assert_eq!(stage.sqs(|sqs| sqs.started.clone()), [1, 50]);
                break receipt.expect("a receipt");
            }
        };
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Verified),
            "{}",
            receipt.sentence
        );
    });
}

#[test]
fn a_run_left_behind_must_be_taken_up_before_the_next_one() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let stage = Stage::new(300);
        let mut nth = 1;
        while doomed(&stage, dir.path(), nth).await.1 != Some("opened") {
            nth += 1;
            let left = crate::unfinished_runs(dir.path()).expect("read");
            for run in left {
                let desk = Desk::new(&stage, dir.path());
                closed(desk.helm.resume(&run.run).await.expect("taken up")).await;
            }
        }
        let desk = Desk::new(&stage, dir.path());
        let refused = desk.press().await;
        assert!(
            matches!(refused, Err(crate::Refusal::Interrupted { .. })),
            "{refused:?}"
        );
        let receipt = taken_up(&stage, dir.path(), NEVER)
            .await
            .expect("a receipt");
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Aborted),
            "{}",
            receipt.sentence
        );
        assert!(
            receipt.sentence.contains("nothing was moved"),
            "{}",
            receipt.sentence
        );
        assert_eq!(desk.receipt().await.verdict, Some(Verdict::Verified));
    });
}

#[test]
fn a_confirmation_that_is_too_old_does_not_start_the_rest() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let stage = Stage::new(300);
        // Dies right after it wrote down that the canary is over.
        let mut nth = 0;
        loop {
            nth += 1;
            let fresh = tempfile::tempdir().expect("a folder");
            let stage = Stage::new(300);
            let (_, died) = doomed(&stage, fresh.path(), nth).await;
            let cancelled = stage.sqs(|sqs| {
                sqs.advance();
                sqs.tasks
                    .first()
                    .is_some_and(|task| task.status == "CANCELLED")
            });
            if died == Some("noted") && cancelled {
                break;
            }
        }
        doomed(&stage, dir.path(), nth).await;
        crate::time::sleep(std::time::Duration::from_secs(7_200)).await;
        let receipt = taken_up(&stage, dir.path(), NEVER)
            .await
            .expect("a receipt");
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Partial),
            "{}",
            receipt.sentence
        );
        assert!(receipt.sentence.contains("too old"), "{}", receipt.sentence);
        assert_eq!(stage.sqs(|sqs| sqs.started.clone()), [1]);
    });
}

#[test]
fn a_blind_platform_leaves_a_taken_up_run_for_later() {
    paused(async {
        let dir = tempfile::tempdir().expect("a folder");
        let stage = Stage::new(300);
        doomed(&stage, dir.path(), 8).await;
        stage.sqs(|sqs| sqs.blind = true);
        assert_eq!(
            taken_up(&stage, dir.path(), NEVER).await,
            None,
            "no receipt without a look"
        );
        stage.sqs(|sqs| sqs.blind = false);
        let receipt = taken_up(&stage, dir.path(), NEVER)
            .await
            .expect("a receipt");
        assert!(receipt.verdict.is_some());
        Desk::new(&stage, dir.path()).assert_tidy();
    });
}

#[test]
fn a_clock_that_went_back_an_hour_between_two_processes_delays_nothing_for_an_hour() {
    for fault in [Fault::LostBefore, Fault::LostAfter] {
        for nth in 1..14 {
            paused(async {
                let dir = tempfile::tempdir().expect("a folder");
                let stage = Stage::new(300);
                stage.sqs(|sqs| sqs.faults.insert(("start", 0), fault));
                let (_, died) = doomed(&stage, dir.path(), nth).await;
                stage.skew.store(-3_600_000, Ordering::Relaxed);
                let begun = crate::time::now();
                let receipt = taken_up(&stage, dir.path(), NEVER).await;
                let took = crate::time::now() - begun;
                let sentence = receipt.map(|r| r.sentence).unwrap_or_default();
                assert!(
                    took < Duration::from_secs(1_500),
                    "{nth} {died:?} {fault:?}: {took:?} {sentence}"
                );
                Desk::new(&stage, dir.path()).assert_tidy();
            });
        }
    }
}
