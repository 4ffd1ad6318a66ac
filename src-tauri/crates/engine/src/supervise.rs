//! A task that panics is caught, reported and started again with back-off: nothing that one
//! source does takes the console down.

use crate::time::now;
use futures::FutureExt as _;
use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

const FIRST_RESTART: Duration = Duration::from_secs(1);
const LONGEST_RESTART: Duration = Duration::from_secs(60);
/// A task that ran this long before it panicked begins its back-off anew.
const STEADY: Duration = Duration::from_secs(120);

/// Runs what `make` makes until it ends by itself. When it panics, `report` is told the panic's
/// text and the time to the restart.
pub(crate) async fn supervised<Task, Report>(
    mut make: impl FnMut() -> Task,
    mut report: impl FnMut(String, Duration) -> Report,
) where
    Task: Future<Output = ()>,
    Report: Future<Output = ()>,
{
    let mut wait = FIRST_RESTART;
    loop {
        let begun = now();
        // `make` runs inside, so that its own panics are caught as well.
        let task = AssertUnwindSafe(async { make().await });
        let Err(panic) = task.catch_unwind().await else {
            return;
        };
        if (now() - begun) >= STEADY {
            wait = FIRST_RESTART;
        }
        report(text_of(panic.as_ref()), wait).await;
        crate::time::sleep(wait.mul_f64(0.8 + 0.4 * rand::random::<f64>())).await;
        wait = (wait * 2).min(LONGEST_RESTART);
    }
}

/// What a panic said, bounded.
pub(crate) fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::paused;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_panicking_task_is_restarted_with_growing_pauses_until_it_ends() {
        paused(async {
            let runs = AtomicU32::new(0);
            let reports = Mutex::new(Vec::new());
            let begun = now();
            supervised(
                || async {
                    assert!(runs.fetch_add(1, Ordering::SeqCst) >= 3, "not yet");
                },
                |text, wait| {
                    reports.lock().expect("not poisoned").push((text, wait));
                    async {}
                },
            )
            .await;
            assert_eq!(runs.load(Ordering::SeqCst), 4);
            let reports = reports.into_inner().expect("not poisoned");
            assert_eq!(reports.len(), 3);
            assert!(reports.iter().all(|(text, _)| text == "not yet"));
            assert_eq!(reports[2].1, Duration::from_secs(4));
            assert!((now() - begun) >= Duration::from_secs(5));
        });
    }
}
