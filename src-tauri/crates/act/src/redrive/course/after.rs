//! After a task: whether the canary stayed away, whether the rest may follow, and verification.

use super::{APPEAR_LOOKS, POLL, RETURN_LOOKS, RedriveCourse, Seen};
use crate::course::{Decision, Moment};
use crate::plan::Outcome;
use crate::redrive::known::Mark;
use crate::redrive::task::Part;
use crate::redrive::{ending, health};

/// A confirmation covers the full task for this long, also across a crash.
const PRESS_SECONDS: i64 = 1_800;
/// How long the consumer may take to be well again after the canary.
const CONSUMER_SECONDS: i64 = 180;

impl RedriveCourse {
    /// The canary is over: did its messages stay away, and is the consumer well?
    pub(super) fn after_canary(&self, moment: &Moment<'_>, seen: &Seen) -> Decision {
        let Some(end) = &self.known.canary.end else {
            return Decision::Wait(POLL);
        };
        if end.status == "FAILED" {
            return Decision::End(ending::task_failed(self, Part::Canary, end));
        }
        if self.known.stopping.is_some() {
            return Decision::End(ending::stopped(self));
        }
        if end.status == "CANCELLED" && self.known.canary.cancels == 0 {
            return Decision::End(ending::cancelled_elsewhere(self, Part::Canary));
        }
        if self.known.passed.is_none() {
            let away = self.over == 0
                && self
                    .watch
                    .canary_stayed_away(moment.now, end.at, self.brief.return_seconds);
            return if away {
                Self::note(&Mark::Passed)
            } else {
                Decision::Wait(POLL)
            };
        }
        if seen.dlq.total() == 0 {
            return self.verify(moment);
        }
        self.go_on(moment, seen)
    }

    /// The canary passed: start the full task, unless something speaks against it.
    pub(super) fn go_on(&self, moment: &Moment<'_>, seen: &Seen) -> Decision {
        if let Some(other) = seen.tasks.iter().find(|task| task.active()) {
            return Decision::End(ending::another(self, other));
        }
        let passed = self.known.passed.unwrap_or(moment.now);
        let pressed = self.known.pressed_at.unwrap_or(moment.now);
        let budget = PRESS_SECONDS as f64 + self.brief.return_seconds;
        if moment.now.seconds_since(pressed) > budget && self.known.taken.is_some() {
            return Decision::End(ending::press_too_old(self));
        }
        if let Some((Outcome::Fail, sentence)) = health::now(moment.snapshot, &self.plan) {
            // A consumer that scales is not ready for a moment; one that fails stays that way.
            let patient = self.elapsed(passed, moment.now) < CONSUMER_SECONDS as f64;
            return if patient || self.looks < APPEAR_LOOKS {
                Decision::Wait(POLL)
            } else {
                Decision::End(ending::consumer_fell_ill(self, &sentence))
            };
        }
        let patient = self.elapsed(passed, moment.now) < CONSUMER_SECONDS as f64;
        if seen.dlq.visible == 0 && (patient || self.looks < APPEAR_LOOKS) {
            return Decision::Wait(POLL);
        }
        self.start(Part::Full, seen)
    }

    pub(super) fn after_full(&self, moment: &Moment<'_>) -> Decision {
        let Some(end) = &self.known.full.end else {
            return Decision::Wait(POLL);
        };
        match end.status.as_str() {
            "FAILED" => Decision::End(ending::task_failed(self, Part::Full, end)),
            "CANCELLED" if self.known.stopping.is_some() => Decision::End(ending::stopped(self)),
            "CANCELLED" => Decision::End(ending::cancelled_elsewhere(self, Part::Full)),
            _ => self.verify(moment),
        }
    }

    pub(super) fn verify(&self, moment: &Moment<'_>) -> Decision {
        if self.watch.verified() {
            return Decision::End(ending::verified(self));
        }
        if moment.stop.is_some() || self.known.stopping.is_some() {
            return Decision::End(ending::unverified(self, "Watching was stopped."));
        }
        if self.over >= RETURN_LOOKS {
            return Decision::End(ending::came_back(self));
        }
        if self
            .watch
            .deadline()
            .is_some_and(|deadline| moment.now > deadline)
        {
            return Decision::End(ending::unverified(self, "The deadline passed."));
        }
        Decision::Wait(POLL)
    }
}
