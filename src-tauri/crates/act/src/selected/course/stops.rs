//! What stops a selected redrive, what it then still does, and what it does while it sees nothing.

use super::{POLL, SelectedCourse, UNANSWERED};
use crate::course::{Decision, Moment};
use crate::redrive::RETURN_LIMIT_PERCENT;
use crate::redrive::health::ERROR_LIMIT_PERCENT;
use crate::selected::known::{Mark, Why, Work};
use crate::selected::terms::Terms;
use crate::selected::{consumer, ending};
use crate::words::{count, percent, thousands};
use std::time::Duration;

/// Unseen for this long (wall time), no further leg begins.
const BLIND_STOP: Duration = Duration::from_secs(60);
/// Unseen for this long (wall time), the run ends as it is.
const BLIND_END: Duration = Duration::from_secs(600);
/// Looks in a row that must say so before a run stops on returns.
pub(super) const RETURN_LOOKS: u32 = 3;
/// Messages that may come back however few were sent: counts are approximate.
const RETURN_FLOOR: i64 = 5;

const FIX: &str = "Fix the consumer, then redrive the rest.";
const AGAIN: &str = "Plan it again to send the rest.";

impl SelectedCourse {
    /// More than this many stop the run.
    pub(crate) fn return_limit(&self) -> i64 {
        let sent = self.tally().sent;
        let share = (sent as f64 * RETURN_LIMIT_PERCENT / 100.0).floor() as i64;
        let canary = self
            .terms
            .as_ref()
            .is_ok_and(|terms| terms.canary.is_some());
        let floor = if canary && self.known.passed.is_none() {
            1
        } else {
            RETURN_FLOOR
        };
        share.max(floor)
    }

    fn stopping(why: Why, sentence: impl Into<String>, next: impl Into<String>) -> Decision {
        Self::note(&Mark::Stopping {
            why,
            sentence: sentence.into(),
            next: next.into(),
        })
    }

    /// There is nothing to run with.
    pub(super) fn unusable(&self) -> Option<Decision> {
        if let Err(sentence) = &self.terms {
            return Some(Decision::End(ending::unusable(self, sentence)));
        }
        match &self.ledger {
            Some(Err(sentence)) => Some(Decision::End(ending::unusable(self, sentence))),
            Some(Ok(_)) | None => None,
        }
    }

    /// What stops the run, if anything does now and nothing did before.
    pub(super) fn reason_to_stop(&self, moment: &Moment<'_>) -> Option<Decision> {
        if self.known.stopping.is_some() {
            return None;
        }
        let sending = !(self.known.begun() && self.sent_all());
        if let Some(stop) = moment.stop.filter(|_| sending) {
            return Some(Self::stopping(Why::Operator, stop.sentence(), AGAIN));
        }
        if let Some(failure) = &self.known.refused {
            let next = format!("{} {AGAIN}", failure.next_step);
            return Some(Self::stopping(
                Why::Refused,
                failure.sentence.clone(),
                next.trim_start(),
            ));
        }
        if self.known.unknown >= UNANSWERED {
            let sentence = format!("SQS gave no answer {UNANSWERED} times in a row.");
            return Some(Self::stopping(Why::Refused, sentence, AGAIN));
        }
        if self.over >= RETURN_LOOKS && sending {
            let sentence = format!(
                "{} of {} came back, more than {}.",
                count(self.returned(), "message"),
                thousands(self.tally().sent),
                percent(RETURN_LIMIT_PERCENT)
            );
            return Some(Self::stopping(Why::Returns, sentence, FIX));
        }
        if sending && self.known.begun() && moment.blind_for >= BLIND_STOP {
            let sentence = "SQS has not answered for a minute, so nobody watches what comes back.";
            return Some(Self::stopping(Why::Blind, sentence, AGAIN));
        }
        let takes = self.terms.as_ref().is_ok_and(Terms::takes);
        let errors = consumer::errors(moment.snapshot, &self.plan).filter(|_| takes && sending)?;
        let sentence = format!("The consumer fails {} of its calls.", percent(errors));
        (errors > ERROR_LIMIT_PERCENT).then(|| Self::stopping(Why::Consumer, sentence, FIX))
    }

    /// Told to stop: what is half done is settled once, what is held is let go, and that is the end.
    pub(super) fn wind_down(&self, _moment: &Moment<'_>) -> Decision {
        if !self.known.begun() {
            return Decision::End(ending::stopped_before(self));
        }
        let since = self.known.stopping.as_ref().map(|(at, ..)| *at);
        let tidied = |work: Work| {
            let mut steps = self.known.steps.iter();
            steps.any(|step| step.work == work && Some(step.at) >= since)
        };
        let half_done = self.known.unsettled || self.undeleted() > 0 || self.tally().open > 0;
        if half_done && !tidied(Work::Reconcile) {
            return Decision::Call(self.tidy(Work::Reconcile));
        }
        if self.held() > 0 && !tidied(Work::Release) {
            return Decision::Call(self.tidy(Work::Release));
        }
        Decision::End(ending::stopped(self))
    }

    pub(super) fn unseen(&self, moment: &Moment<'_>) -> Decision {
        if moment.blind_for >= BLIND_STOP && self.known.taken.is_none() {
            return Decision::End(ending::blind_before());
        }
        Decision::Wait(POLL)
    }

    /// Nothing was seen just now: no leg begins.
    pub(super) fn blind(&self, moment: &Moment<'_>) -> Option<Decision> {
        if moment.blind_for >= BLIND_END {
            return Some(Decision::End(ending::unverified(
                self,
                "SQS has not answered for ten minutes.",
            )));
        }
        (!moment.blind_for.is_zero()).then_some(Decision::Wait(POLL))
    }
}
