//! What is got by one for all who wait: a program is run once at a time, however many requests need what it gives. Who
//! waits may give up; the run goes on, and what it brings is there for the next.

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The one place where it is held, got, or known to have failed. Cheap to clone.
pub(crate) struct Supply<T, E>(Arc<Mutex<State<T, E>>>);

struct State<T, E> {
    held: Option<T>,
    underway: Option<Run<T, E>>,
    /// Why it was not got, and until when nobody tries again.
    failed: Option<(Instant, E)>,
}

/// `None`: it broke.
type Run<T, E> = Shared<BoxFuture<'static, Option<Result<T, E>>>>;

/// Why there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Short<E> {
    /// Getting it failed, just now or a moment ago.
    Failed(E),
    /// It is still being got.
    Awaited,
    /// Getting it panicked.
    Broken,
}

impl<T, E> Clone for Supply<T, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, E> Default for Supply<T, E> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            held: None,
            underway: None,
            failed: None,
        })))
    }
}

impl<T, E> Supply<T, E> {
    fn state(&self) -> MutexGuard<'_, State<T, E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is held, or changes it.
    pub(crate) fn held<R>(&self, look: impl FnOnce(&mut Option<T>) -> R) -> R {
        look(&mut self.state().held)
    }
}

impl<T, E> Supply<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// What is held, where it still `fits`; else what the run that is underway brings, or the one that `work` begins.
    /// It is waited for at most `within`. What failed says for how long it is not tried again.
    pub(crate) async fn get<W>(
        &self,
        fits: impl Fn(&T) -> bool,
        within: Duration,
        work: impl FnOnce() -> W,
    ) -> Result<T, Short<E>>
    where
        W: Future<Output = Result<T, (E, Duration)>> + Send + 'static,
    {
        let underway = {
            let mut state = self.state();
            if let Some(held) = state.held.as_ref().filter(|held| fits(held)) {
                return Ok(held.clone());
            }
            match (&state.underway, &state.failed) {
                (Some(underway), _) => underway.clone(),
                (None, Some((until, error))) if Instant::now() < *until => {
                    return Err(Short::Failed(error.clone()));
                }
                (None, _) => state.underway.insert(self.begin(work())).clone(),
            }
        };
        match tokio::time::timeout(within, underway).await {
            Ok(Some(outcome)) => outcome.map_err(Short::Failed),
            Ok(None) => Err(Short::Broken),
            Err(_) => Err(Short::Awaited),
        }
    }

    fn begin<W>(&self, work: W) -> Run<T, E>
    where
        W: Future<Output = Result<T, (E, Duration)>> + Send + 'static,
    {
        let turn = Turn(self.clone());
        let task = tokio::spawn(async move { turn.over(work.await) });
        async move { task.await.ok() }.boxed().shared()
    }
}

/// One run. It is over when this is dropped, by a panic too.
struct Turn<T, E>(Supply<T, E>);

impl<T: Clone, E: Clone> Turn<T, E> {
    fn over(self, outcome: Result<T, (E, Duration)>) -> Result<T, E> {
        let mut state = self.0.state();
        match &outcome {
            Ok(got) => (state.held, state.failed) = (Some(got.clone()), None),
            Err((error, rest)) => state.failed = Some((Instant::now() + *rest, error.clone())),
        }
        outcome.map_err(|(error, _)| error)
    }
}

impl<T, E> Drop for Turn<T, E> {
    fn drop(&mut self) {
        self.0.state().underway = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const AMPLE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn all_who_wait_share_one_run_and_it_goes_on_when_they_give_up() {
        let (supply, runs) = (Supply::<u32, ()>::default(), Arc::new(AtomicU32::new(0)));
        let get = |within: Duration| {
            let runs = runs.clone();
            let work = move || async move {
                tokio::time::sleep(Duration::from_millis(200)).await;
                Ok(runs.fetch_add(1, Ordering::Relaxed))
            };
            supply.get(|_| true, within, work)
        };
        let brief = Duration::from_millis(20);
        let (one, two) = tokio::join!(get(brief), get(brief));
        assert_eq!((one, two), (Err(Short::Awaited), Err(Short::Awaited)));
        let (one, two) = tokio::join!(get(AMPLE), get(AMPLE));
        assert_eq!((one, two), (Ok(0), Ok(0)));
        assert_eq!(get(AMPLE).await, Ok(0));
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_failed_is_not_tried_again_for_a_while() {
        let supply = Supply::<(), u32>::default();
        let fail = |with: u32, rest: Duration| {
            supply.get(|()| true, AMPLE, move || async move { Err((with, rest)) })
        };
        assert_eq!(fail(1, AMPLE).await, Err(Short::Failed(1)));
        assert_eq!(fail(2, Duration::ZERO).await, Err(Short::Failed(1)));
    }

    #[tokio::test]
    async fn a_panic_ends_its_run_and_the_next_one_is_made() {
        let supply = Supply::<u32, ()>::default();
        let broken = supply.get(
            |_| true,
            AMPLE,
            || async { std::panic::resume_unwind(Box::new("broken")) },
        );
        assert_eq!(broken.await, Err(Short::Broken));
        let next = supply.get(|_| true, AMPLE, || async { Ok(7) });
        assert_eq!(next.await, Ok(7));
    }
}
