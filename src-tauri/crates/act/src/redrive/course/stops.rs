//! What stops a redrive, and what it does while it sees nothing.

use super::{POLL, RETURN_LOOKS, RedriveCourse, Stand};
use crate::course::{Decision, Moment};
use crate::redrive::known::{Mark, Why};
use crate::redrive::{RETURN_LIMIT_PERCENT, ending, health};
use crate::words::{count, percent, thousands};
use std::time::Duration;

/// Unseen for this long (wall time) with a task running, it is cancelled.
const BLIND_STOP: Duration = Duration::from_secs(60);
/// Unseen for this long (wall time), the run ends as it is.
const BLIND_END: Duration = Duration::from_secs(600);

impl RedriveCourse {
    fn stopping(why: Why, sentence: impl Into<String>) -> Decision {
        Self::note(&Mark::Stopping {
            why,
            sentence: sentence.into(),
        })
    }

    /// What stops the run, if anything does now and nothing did before.
    pub(super) fn reason_to_stop(&self, moment: &Moment<'_>) -> Option<Decision> {
        if self.known.stopping.is_some() {
            return None;
        }
        if let Some(stop) = moment.stop {
            return Some(Self::stopping(Why::Operator, stop.sentence()));
        }
        if self.over >= RETURN_LOOKS && self.known.full.end.is_none() {
            let sentence = format!(
                "{} of {} came back, more than {}.",
                count(self.returned(), "message"),
                thousands(self.moved_in_all()),
                percent(RETURN_LIMIT_PERCENT)
            );
            return Some(Self::stopping(Why::Returns, sentence));
        }
        let active = matches!(self.stand(self.part()), Stand::Active(_) | Stand::Sought);
        if active && moment.blind_for >= BLIND_STOP {
            let sentence = "SQS has not answered for a minute, so nobody watches what comes back.";
            return Some(Self::stopping(Why::Blind, sentence));
        }
        if active && let Some(share) = health::reported_errors(moment.snapshot, &self.plan) {
            let sentence = format!("The consumer fails {} of its calls.", percent(share));
            return (share > health::ERROR_LIMIT_PERCENT)
                .then(|| Self::stopping(Why::Consumer, sentence));
        }
        None
    }

    pub(super) fn unseen(&self, moment: &Moment<'_>) -> Decision {
        if moment.blind_for >= BLIND_STOP && self.known.taken.is_none() {
            return Decision::End(ending::blind_before());
        }
        Decision::Wait(POLL)
    }

    /// Nothing was seen for a while: cancel what runs, or give the run up as it is.
    pub(super) fn blind(&self, moment: &Moment<'_>) -> Option<Decision> {
        if moment.blind_for >= BLIND_END {
            return Some(Decision::End(ending::blind(self)));
        }
        let stopping = self.known.stopping.is_some();
        (moment.blind_for > Duration::ZERO && !stopping).then_some(Decision::Wait(POLL))
    }
}
