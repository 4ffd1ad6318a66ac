//! A death at every kind of point a run passes, and at every call; then it is taken up.

use crate::rows::actions;
use crate::stage::{Stage, closed};
use act::{Action, Receipt, RunPhase};
use async_trait::async_trait;
use engine::runs::Points;
use engine::unfinished_runs;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The points of a run in which nothing goes wrong, each with how often it is passed.
async fn points(action: &'static dyn Action) -> BTreeMap<&'static str, usize> {
    let stage = Stage::new(action).await;
    let killer = Killer::at(None);
    let watched: Arc<dyn Points> = Arc::<Killer>::clone(&killer);
    let desk = stage.desk_with(watched);
    let run = desk.press(&desk.plan().await).await.expect("started");
    closed(run).await.expect("a receipt");
    let mut count = BTreeMap::new();
    for point in killer.passed.lock().expect("whole").iter() {
        *count.entry(*point).or_default() += 1;
    }
    count
}

/// Dies at the `nth` point of a name; the receipt when it did not.
async fn doomed(stage: &Stage, point: (&'static str, usize)) -> Option<Receipt> {
    let desk = stage.desk_with(Killer::at(Some(point)));
    let plan = desk.plan().await;
    let pressed = AssertUnwindSafe(desk.press(&plan));
    let run = futures::FutureExt::catch_unwind(pressed).await.ok()?;
    closed(run.expect("started")).await
}

async fn dies_and_is_taken_up(action: &'static dyn Action, point: (&'static str, usize)) {
    let what = format!("{} killed at {point:?}", action.verb().as_str());
    let stage = Stage::new(action).await;
    if let Some(receipt) = doomed(&stage, point).await {
        panic!("{what}: it lived: {}", receipt.sentence);
    }
    let Some(interrupted) = left(&stage.state) else {
        assert_eq!(point.0, "closed", "{what}: nothing is left");
        return;
    };
    assert_eq!(interrupted.phase, RunPhase::Interrupted, "{what}");
    assert!(interrupted.next_step.is_some(), "{what}");
    let desk = stage.desk();
    let run = desk.helm.resume(&interrupted.run).await;
    let receipt = closed(run.expect("taken up")).await.expect("a receipt");
    let what = format!("{what}: {}", receipt.sentence);
    stage.assert_told(&receipt, &what);
    stage.assert_tidy(&what);
}

/// At the first so many of every kind of point.
async fn every_kind(most: usize, names: fn(&str) -> bool) {
    for action in actions() {
        for (point, count) in points(action).await {
            for nth in (1..=count.min(most)).filter(|_| names(point)) {
                dies_and_is_taken_up(action, (point, nth)).await;
            }
        }
    }
}

#[tokio::test]
async fn a_death_around_a_call_ends_named_and_no_call_is_made_twice() {
    every_kind(3, |point| {
        matches!(point, "decided" | "intended" | "called" | "answered")
    })
    .await;
}

#[tokio::test]
async fn a_death_before_between_and_after_calls_ends_named() {
    every_kind(2, |point| {
        !matches!(point, "decided" | "intended" | "called" | "answered")
    })
    .await;
}

/// Dies at the n-th point of a name, as SIGKILL would: unwinding closes files and nothing else.
pub(crate) struct Killer {
    left: Mutex<Option<(&'static str, usize)>>,
    pub(crate) passed: Mutex<Vec<&'static str>>,
}

impl Killer {
    pub(crate) fn at(point: Option<(&'static str, usize)>) -> Arc<Self> {
        Arc::new(Self {
            left: Mutex::new(point),
            passed: Mutex::default(),
        })
    }
}

#[async_trait]
impl Points for Killer {
    async fn at(&self, point: &'static str) {
        self.passed.lock().expect("whole").push(point);
        let dies = {
            let mut left = self.left.lock().expect("whole");
            match left.as_mut() {
                Some((name, nth)) if *name == point => {
                    *nth = nth.wrapping_sub(1);
                    *nth == 0
                }
                Some(_) | None => false,
            }
        };
        if dies {
            resume_unwind(Box::new("killed"));
        }
    }
}

/// What a dead process left in a state folder.
fn left(state: &Path) -> Option<Receipt> {
    unfinished_runs(state).expect("read").into_iter().next()
}
