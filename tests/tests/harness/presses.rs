//! A stale plan, a target somebody else changed, two presses, a stop.

use crate::rows::actions;
use crate::stage::{Desk, Stage, closed};
use act::{RunPhase, Verdict};
use async_trait::async_trait;
use engine::Refusal;
use engine::runs::Points;
use std::sync::Arc;
use tokio::sync::Notify;

#[tokio::test]
async fn a_plan_that_is_no_longer_true_is_not_pressed() {
    for action in actions() {
        let stage = Stage::new(action).await;
        let desk = stage.desk();
        let plan = desk.plan().await;
        stage.meddle().await;
        desk.outdated(&plan).await;
        let refused = desk.press(&plan).await;
        let verb = action.verb().as_str();
        assert!(
            matches!(refused, Err(Refusal::Changed(_) | Refusal::Blocked(_))),
            "{verb}: {refused:?}"
        );
        assert!(stage.writes().is_empty(), "{verb}");
        stage.assert_tidy(verb);
    }
}

/// Holds a run at its first look.
struct Gatepost {
    reached: Notify,
    open: Notify,
}

#[async_trait]
impl Points for Gatepost {
    async fn at(&self, point: &'static str) {
        if point == "opened" {
            self.reached.notify_one();
            self.open.notified().await;
        }
    }
}

#[tokio::test]
async fn a_target_changed_by_another_after_the_press_is_left_alone() {
    for action in actions() {
        let stage = Stage::new(action).await;
        let post = Arc::new(Gatepost {
            reached: Notify::new(),
            open: Notify::new(),
        });
        let points: Arc<dyn Points> = Arc::<Gatepost>::clone(&post);
        let desk = stage.desk_with(points);
        let plan = desk.plan().await;
        let meddling = async {
            post.reached.notified().await;
            stage.meddle().await;
            post.open.notify_one();
        };
        let (run, ()) = tokio::join!(desk.press(&plan), meddling);
        let receipt = closed(run.expect("started")).await.expect("a receipt");
        let what = format!("{}: {}", action.verb().as_str(), receipt.sentence);
        assert_eq!(receipt.verdict, Some(Verdict::Failed), "{what}");
        assert!(stage.writes().is_empty(), "{what}");
        stage.assert_told(&receipt, &what);
        stage.assert_tidy(&what);
    }
}

async fn one_of(first: Desk<'_>, second: Desk<'_>, what: &str) {
    let (a, b) = (first.plan().await, second.plan().await);
    let (a, b) = tokio::join!(first.press(&a), second.press(&b));
    let (refused, started): (Vec<_>, Vec<_>) = [a, b].into_iter().partition(Result::is_err);
    assert_eq!(started.len(), 1, "{what}: {refused:?}");
    for run in started.into_iter().flatten() {
        let receipt = closed(run).await.expect("a receipt");
        assert_eq!(
            receipt.verdict,
            Some(Verdict::Verified),
            "{what}: {}",
            receipt.sentence
        );
    }
    first.stage.assert_tidy(what);
}

#[tokio::test]
async fn two_presses_are_one_run_in_one_process_and_in_two() {
    for action in actions() {
        let verb = action.verb().as_str();
        let stage = Stage::new(action).await;
        one_of(stage.desk(), stage.desk(), verb).await;
    }
}

#[tokio::test]
async fn the_same_plan_is_pressed_once() {
    for action in actions() {
        let stage = Stage::new(action).await;
        let desk = stage.desk();
        let plan = desk.plan().await;
        let scope = model::Scope::default();
        desk.helm.arm(&scope, "drill", 15).expect("armed");
        let held = desk.helm.begin_hold(&plan.id);
        held.expect("down");
        tokio::time::sleep(engine::gate::HOLD).await;
        let run = desk.press_again(&plan).await.expect("started");
        let again = desk.press_again(&plan).await;
        assert!(matches!(again, Err(Refusal::AlreadyPressed)), "{again:?}");
        closed(run).await.expect("a receipt");
        stage.assert_tidy(action.verb().as_str());
    }
}

#[tokio::test]
async fn a_stop_ends_named_and_makes_no_further_call() {
    for action in actions() {
        let stage = Stage::new(action).await;
        let desk = stage.desk();
        let mut run = desk.press(&desk.plan().await).await.expect("started");
        let id = loop {
            let receipt = run.borrow_and_update().receipt.clone();
            if receipt.phase != RunPhase::Opened {
                break receipt.run;
            }
            run.changed().await.expect("it goes on");
        };
        desk.helm.cancel(&id).expect("stopped");
        let receipt = closed(run).await.expect("a receipt");
        let what = format!("{}: {}", action.verb().as_str(), receipt.sentence);
        assert_ne!(receipt.verdict, Some(Verdict::Verified), "{what}");
        stage.assert_told(&receipt, &what);
        stage.assert_tidy(&what);
    }
}
