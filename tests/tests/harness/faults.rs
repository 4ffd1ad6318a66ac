//! Every fault at every call, and somebody else in the way.

use crate::rows::actions;
use crate::stage::{Stage, closed};
use crate::world::Fault;
use act::Verdict;

/// Calls of a run in which nothing goes wrong.
async fn clean(action: &'static dyn act::Action) -> usize {
    let stage = Stage::new(action).await;
    let desk = stage.desk();
    let run = desk.press(&desk.plan().await).await.expect("started");
    let receipt = closed(run).await.expect("a receipt");
    let what = format!("{} clean: {}", action.verb().as_str(), receipt.sentence);
    assert_eq!(receipt.verdict, Some(Verdict::Verified), "{what}");
    stage.assert_told(&receipt, &what);
    stage.assert_tidy(&what);
    stage.writes().len()
}

async fn every_call_goes(fault: Fault) {
    for action in actions() {
        for nth in 0..clean(action).await {
            let stage = Stage::new(action).await;
            stage.fault(nth, fault);
            let desk = stage.desk();
            let run = desk.press(&desk.plan().await).await.expect("started");
            let receipt = closed(run).await.expect("a receipt");
            let verb = action.verb().as_str();
            let what = format!("{verb} call {nth} {fault:?}: {}", receipt.sentence);
            stage.assert_told(&receipt, &what);
            stage.assert_tidy(&what);
            let goes_on = fault == Fault::LostBefore && stage.first_is_repeatable();
            if nth == 0 && fault != Fault::LostAfter && !goes_on {
                assert_eq!(receipt.verdict, Some(Verdict::Failed), "{what}");
                assert_eq!(stage.writes().len(), 1, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_throttled_call_ends_named_and_is_not_repeated() {
    every_call_goes(Fault::Throttled).await;
}

#[tokio::test]
async fn a_denied_call_ends_named_and_is_not_repeated() {
    every_call_goes(Fault::Denied).await;
}

#[tokio::test]
async fn a_call_without_answer_that_was_not_done_ends_named_and_is_not_repeated() {
    every_call_goes(Fault::LostBefore).await;
}

#[tokio::test]
async fn a_call_without_answer_that_was_done_is_recognised_and_not_repeated() {
    every_call_goes(Fault::LostAfter).await;
}
