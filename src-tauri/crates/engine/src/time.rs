//! The local monotonic clock. In tests it only moves when every task waits (`paused`), so that
//! hours of back-off take milliseconds and nothing depends on the machine's speed.

#[cfg(not(test))]
pub(crate) use tokio::time::{Instant, sleep, sleep_until, timeout};

#[cfg(not(test))]
pub(crate) use cloud::clock::asleep;

#[cfg(test)]
pub(crate) use paused::{
    Instant, asleep, now, paused, set_wall, sleep, sleep_machine, sleep_until, timeout, wall,
};

/// Now.
#[cfg(not(test))]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// This machine's wall clock, which goes on while the machine sleeps.
#[cfg(not(test))]
pub(crate) fn wall() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// A moment whose age counts what the machine slept since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    at: Instant,
    asleep: std::time::Duration,
}

impl Moment {
    /// This one.
    pub(crate) fn now() -> Self {
        Self {
            at: now(),
            asleep: asleep(),
        }
    }

    /// How long ago it was.
    pub(crate) fn age(self) -> std::time::Duration {
        let slept = asleep().saturating_sub(self.asleep);
        now().saturating_duration_since(self.at) + slept
    }
}

/// This machine's time: for what a person compares with the clock on their wall.
pub(crate) fn here() -> model::Timestamp {
    let since = wall().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    model::Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// tokio's own paused clock needs a feature that would be compiled into the product as well.
#[cfg(test)]
mod paused {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Poll, Waker};
    use std::time::{Duration, SystemTime};
    pub(crate) use tokio::time::Instant;

    #[derive(Default)]
    struct Hands {
        now: Option<Instant>,
        timers: BTreeMap<(Instant, u64), Waker>,
        count: u64,
        /// How long the machine slept, and when the test began by the wall clock.
        slept: Duration,
        began: Option<(Instant, SystemTime)>,
        /// By how many seconds the wall clock was set since.
        set: i64,
    }

    thread_local! {
        /// The paused clock of the test that runs on this thread, if it is paused.
        static HANDS: RefCell<Hands> = RefCell::default();
    }

    /// How often everybody is asked whether something is left to do before time moves on.
    const ROUNDS: usize = 100;

    pub(crate) fn now() -> Instant {
        HANDS
            .with_borrow(|hands| hands.now)
            .unwrap_or_else(Instant::now)
    }

    /// The wall clock: it goes with the paused one, and on alone while the machine sleeps.
    pub(crate) fn wall() -> SystemTime {
        let now = now();
        HANDS.with_borrow_mut(|hands| match hands.now {
            None => SystemTime::now(),
            Some(_) => {
                let (then, wall) = *hands.began.get_or_insert((now, SystemTime::UNIX_EPOCH));
                let by = Duration::from_secs(hands.set.unsigned_abs());
                let wall = wall + (now - then) + hands.slept;
                if hands.set < 0 { wall - by } else { wall + by }
            }
        })
    }

    /// How long the machine slept; one whose clock is not paused never does.
    pub(crate) fn asleep() -> Duration {
        HANDS.with_borrow(|hands| hands.slept)
    }

    /// Somebody sets the wall clock forth, or back.
    pub(crate) fn set_wall(seconds: i64) {
        HANDS.with_borrow_mut(|hands| hands.set += seconds);
    }

    /// The machine sleeps: only the wall clock goes on.
    pub(crate) fn sleep_machine(time: Duration) {
        HANDS.with_borrow_mut(|hands| hands.slept += time);
    }

    /// Runs a test on one thread whose clock jumps to the next timer when all tasks wait.
    pub(crate) fn paused(test: impl Future<Output = ()>) {
        HANDS.set(Hands {
            now: Some(Instant::now()),
            ..Hands::default()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime starts");
        runtime.block_on(async {
            let mut test = pin!(test);
            loop {
                for _ in 0..ROUNDS {
                    let polled = std::future::poll_fn(|cx| Poll::Ready(test.as_mut().poll(cx)));
                    if polled.await.is_ready() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
                advance();
            }
        });
        drop(runtime);
        HANDS.set(Hands::default());
    }

    fn advance() {
        let next = HANDS.with_borrow_mut(|hands| {
            let ((at, _), waker) = hands.timers.pop_first()?;
            hands.now = hands.now.max(Some(at));
            Some(waker)
        });
        // Woken outside: a waker may drop what it wakes, and that its timer.
        next.expect("somebody waits for time").wake();
    }

    pub(crate) async fn sleep(duration: Duration) {
        sleep_until(now() + duration).await;
    }

    pub(crate) async fn sleep_until(at: Instant) {
        if HANDS.with_borrow(|hands| hands.now.is_none()) {
            return tokio::time::sleep_until(at).await;
        }
        let mut timer = Timer { at, id: None };
        std::future::poll_fn(|cx| timer.poll(cx.waker())).await;
    }

    struct Timer {
        at: Instant,
        id: Option<u64>,
    }

    impl Timer {
        fn poll(&mut self, waker: &Waker) -> Poll<()> {
            HANDS.with_borrow_mut(|hands| {
                if hands.now >= Some(self.at) {
                    return Poll::Ready(());
                }
                hands.count += 1;
                let id = *self.id.get_or_insert(hands.count);
                hands.timers.insert((self.at, id), waker.clone());
                Poll::Pending
            })
        }
    }

    impl Drop for Timer {
        fn drop(&mut self) {
            if let Some(id) = self.id {
                HANDS.with_borrow_mut(|hands| hands.timers.remove(&(self.at, id)));
            }
        }
    }

    /// The time was over first.
    #[derive(Debug)]
    pub(crate) struct Elapsed;

    pub(crate) async fn timeout<F: Future>(
        limit: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        tokio::select! {
            biased;
            output = &mut future => Ok(output),
            () = sleep(limit) => Err(Elapsed),
        }
    }
}
