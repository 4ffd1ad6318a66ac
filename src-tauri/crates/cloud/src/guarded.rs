//! A defect of a library costs one answer, and no page of text on the terminal.
//!
//! The AWS SDK panics on some answers and settings (a time past the end of its calendar, a byte that
//! no header takes). [`Guarded`] turns that into a value; [`quiet`] keeps the panic's own report, which
//! is of no use to who reads the terminal, from being printed for these and for no others.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    /// This thread is inside a guarded future.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// A future whose panic is its answer.
pub struct Guarded<F>(Pin<Box<F>>);

impl<F: Future> Guarded<F> {
    /// Of `future`, which is not polled again after a panic.
    #[must_use]
    pub fn new(future: F) -> Self {
        Self(Box::pin(future))
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let before = INSIDE.replace(true);
        let polled = catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context)));
        INSIDE.set(before);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(answer)) => Poll::Ready(Ok(answer)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

/// From now on a panic inside a [`Guarded`] future reports nothing; every other one as before. For
/// the start of a program.
pub fn quiet() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !INSIDE.get() {
            report(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_and_the_next_one_is_as_before() {
        let said = Guarded::new(async {
            tokio::task::yield_now().await;
            assert!(INSIDE.get());
            std::panic::resume_unwind(Box::new("broken"));
        });
        let answer: Result<(), _> = said.await;
        assert_eq!(
            *answer
                .expect_err("a panic")
                .downcast::<&str>()
                .expect("text"),
            "broken"
        );
        assert!(!INSIDE.get());
        assert_eq!(Guarded::new(async { 7 }).await.ok(), Some(7));
    }
}
