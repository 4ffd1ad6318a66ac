//! Pods that change for the sake of the change, evenly over the second, as they do on a busy cluster: what
//! watchers are measured by.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::shared::SharedWorld;

/// Changes are made this often.
const TICK: Duration = Duration::from_millis(20);
const TICKS_PER_SECOND: u32 = 50;

/// Makes pods of every cluster change at the rate in force, until it is dropped.
pub(crate) async fn run(shared: SharedWorld) {
    let mut rate = shared.churn().subscribe();
    loop {
        // The sender lives as long as `shared`.
        if rate.wait_for(|rate| *rate > 0).await.is_err() {
            return;
        }
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        // Fiftieths of a change that are still owed.
        let mut owed = 0;
        loop {
            ticks.tick().await;
            let now = *rate.borrow();
            if now == 0 {
                break;
            }
            owed += now;
            stir(&shared, owed / TICKS_PER_SECOND);
            owed %= TICKS_PER_SECOND;
        }
        shared
            .lock()
            .clusters
            .iter_mut()
            .for_each(|c| c.end_churn());
        shared.notify();
    }
}

fn stir(shared: &SharedWorld, changes: u32) {
    if changes > 0 {
        shared
            .lock()
            .clusters
            .iter_mut()
            .for_each(|c| c.churn(changes));
        shared.notify();
    }
}
