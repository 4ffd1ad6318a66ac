//! How long to wait before asking again: doubling, jittered, never longer than a few seconds.

use rand::Rng;
use std::time::Duration;

/// The first wait after a failure.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait we choose ourselves: a cluster that comes back is seen within this.
const LONGEST: Duration = Duration::from_secs(15);
/// The longest wait a server may ask for.
const ASKED: Duration = Duration::from_secs(60);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It went well.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait before the next attempt: half of it fixed, half by chance, at least what was asked for.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let jittered = whole.mul_f64(rand::rng().random_range(0.5..1.0));
        match asked {
            Some(asked) => asked.min(ASKED) + jittered.min(FIRST),
            None => jittered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_bounded_and_obey_the_server() {
        let mut backoff = Backoff::default();
        assert!(backoff.next(None) <= FIRST);
        for _ in 0..40 {
            assert!(backoff.next(None) <= LONGEST);
        }
        let asked = backoff.next(Some(Duration::from_secs(7)));
        assert!(asked >= Duration::from_secs(7) && asked < Duration::from_secs(8));
        assert!(backoff.next(Some(Duration::from_secs(86_400))) < Duration::from_secs(61));
        backoff.reset();
        assert!(backoff.next(None) <= FIRST);
    }
}
