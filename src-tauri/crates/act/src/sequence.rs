//! The course of an action that makes a few calls in order and then watches its predicates.
//!
//! It keeps the rules every such action needs: a call that was written down is never made again; a
//! lost answer, or a crash, is settled by looking whether the call took; somebody else's change ends
//! the run before ours is made; stopping makes no further call; nothing is concluded from silence.

mod ending;
mod face;
mod known;
#[cfg(test)]
mod tests;

use crate::action::Request;
use crate::course::{Answer, Call, Course, Decision, Entry, Face, Moment};
use crate::plan::{ApiCall, Plan};
use crate::receipt::{RecoveryPart, RunProgress};
use crate::watch::{DEADLINE_SECONDS, Watch};
use async_trait::async_trait;
use known::{Known, Mark, Step};
use model::SourceFailure;
use serde_json::Value;
use std::time::Duration;

/// Between two looks.
const POLL: Duration = Duration::from_secs(1);
/// Unseen for this long (wall time) before anything was called, the run ends.
const BLIND_START: Duration = Duration::from_secs(60);
/// Unseen for this long (wall time) afterwards, it ends as it is.
const BLIND_END: Duration = Duration::from_secs(600);
/// What a call without an answer did shows within this many platform seconds …
const APPEAR_SECONDS: f64 = 60.0;
/// … and this many looks, as the platform's time may run faster than ours.
const APPEAR_LOOKS: u32 = 5;
/// A confirmation covers further calls for this long, also across a crash.
const PRESS_SECONDS: f64 = 1_800.0;
/// A call that was accepted is settled within this many platform seconds, or the run ends.
const SETTLE_SECONDS: f64 = 1_800.0;

/// Whether a call did what it was to do, by what is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Took {
    /// What it sets is there.
    Yes,
    /// It is as it was before.
    No,
    /// It cannot be told from what is seen; why, as a sentence.
    Unclear(String),
}

/// What a sequence asks of its action.
#[async_trait]
pub trait Steps: Send {
    /// What a look shows.
    type Seen: Clone + Send + Sync;

    /// What was done when it is done, a clause: `order-writer has 6 replicas`.
    fn outcome(&self) -> String;

    /// Takes in a line of the journal, where a look must know it (what was there before the call).
    fn learn(&mut self, entry: &Entry) {
        let _ = entry;
    }

    /// Reads what the next decision rests on.
    ///
    /// # Errors
    /// When the platform does not say.
    async fn look(&mut self) -> Result<Self::Seen, SourceFailure>;

    /// Makes a call, once, without retries.
    async fn write(&mut self, call: &Call) -> Answer;

    /// What is written down with a call so that it can be recognised afterwards.
    fn saw(&self, call: &ApiCall, seen: &Self::Seen) -> Value;

    /// Whether the target was changed by somebody else so that this call must not be made, a
    /// sentence. Asked right before it.
    fn changed(&self, call: &ApiCall, seen: &Self::Seen) -> Option<String>;

    /// Whether a call took: asked when its answer was lost.
    fn took(&self, call: &Call, seen: &Self::Seen) -> Took;

    /// Whether a call that was accepted is far enough for the next one.
    fn settled(&self, call: &Call, seen: &Self::Seen) -> bool {
        let _ = (call, seen);
        true
    }

    /// Whether somebody took back what was done, a sentence: then there is nothing left to watch for.
    /// Asked once every call is done.
    fn taken_back(&self, seen: &Self::Seen) -> Option<String> {
        let _ = seen;
        None
    }

    /// Figures worth watching while it runs, and how much is done of how much (pods ready of those
    /// wanted), where that is a number.
    fn progress(&self, seen: &Self::Seen) -> RunProgress {
        let _ = seen;
        RunProgress::default()
    }

    /// Seconds what was done may take until it shows.
    fn patience(&self) -> f64 {
        DEADLINE_SECONDS
    }

    /// Whether a predicate is told but not waited for.
    fn soft(&self, id: &str) -> bool {
        let _ = id;
        false
    }

    /// The part of what comes back that a predicate tells of: `role`, `endpoint`, `application`.
    fn part(&self, id: &str) -> Option<&'static str> {
        let _ = id;
        None
    }

    /// Why it is of no use to watch on, a sentence, when only the predicates `missing` do not hold.
    fn hopeless(&self, missing: &[&str], seen: &Self::Seen, moment: &Moment<'_>) -> Option<String> {
        let _ = (missing, seen, moment);
        None
    }

    /// Requests that what is seen asks for next.
    fn follow_ups(&self, seen: &Self::Seen) -> Vec<Request> {
        let _ = seen;
        Vec::new()
    }

    /// Whether a predicate holds now, and its value in words.
    fn judge(&self, id: &str, seen: &Self::Seen, moment: &Moment<'_>) -> (bool, String);
}

/// The course of one run.
pub struct Sequence<S: Steps> {
    plan: Plan,
    steps: S,
    known: Known,
    seen: Option<S::Seen>,
    watch: Watch,
    /// Looks since the last line was learnt.
    looks: u32,
    /// Why the last look showed nothing, a sentence; empty when it did.
    trouble: String,
}

impl<S: Steps> Sequence<S> {
    /// The course of `plan`.
    #[must_use]
    pub fn new(plan: &Plan, steps: S) -> Self {
        Self {
            known: Known::new(plan),
            watch: Watch::with_soft(plan, |id| steps.soft(id)),
            plan: plan.clone(),
            steps,
            seen: None,
            looks: 0,
            trouble: String::new(),
        }
    }

    /// Nothing was seen for a while.
    fn blind(&self, moment: &Moment<'_>) -> Option<Decision> {
        let begun = self.known.begun();
        if moment.blind_for >= BLIND_END {
            return Some(Decision::End(ending::blind(self)));
        }
        if !begun && self.known.taken.is_none() && moment.blind_for >= BLIND_START {
            return Some(Decision::End(ending::blind_before(self)));
        }
        (self.seen.is_none() || !moment.blind_for.is_zero()).then_some(Decision::Wait(POLL))
    }

    /// The next call, unless something speaks against it.
    fn begin(&self, at: usize, moment: &Moment<'_>, seen: &S::Seen) -> Decision {
        if let Some(end) = self.against(at, moment, seen) {
            return Decision::End(end);
        }
        let call = &self.plan.calls[at];
        Decision::Call(Call {
            step: call.step.clone(),
            operation: call.operation.clone(),
            parameters: call.parameters.clone(),
            saw: self.steps.saw(call, seen),
        })
    }

    fn against(
        &self,
        at: usize,
        moment: &Moment<'_>,
        seen: &S::Seen,
    ) -> Option<crate::course::Ending> {
        if let Some(stop) = moment.stop {
            return Some(ending::stopped(self, stop));
        }
        if self.known.taken.is_some() && !self.known.begun() {
            return Some(ending::never_began());
        }
        let pressed = self.known.pressed_at.unwrap_or(moment.now);
        if moment.now.seconds_since(pressed) > PRESS_SECONDS {
            return Some(ending::press_too_old(self));
        }
        let changed = self.steps.changed(&self.plan.calls[at], seen)?;
        Some(ending::changed(self, &changed))
    }

    /// A call was written down: is it done?
    fn follow(&self, step: &Step, moment: &Moment<'_>, seen: &S::Seen) -> Decision {
        let (since, waited) = {
            let since = step.answered_at.or(step.intended_at).unwrap_or(moment.now);
            // Where the clock went back between two processes, looks count.
            let seconds = moment.now.seconds_since(since);
            let looks = f64::from(self.looks);
            (since, if seconds < 0.0 { looks } else { seconds })
        };
        let Some(call) = &step.call else {
            return Decision::Wait(POLL);
        };
        let settled = || Decision::Note(Mark::settled(&call.step, since));
        match &step.answer {
            Some(Answer::Refused { failure }) => {
                Decision::End(ending::refused(self, call, failure))
            }
            Some(Answer::Accepted { .. }) if self.steps.settled(call, seen) => settled(),
            Some(Answer::Accepted { .. }) if waited < SETTLE_SECONDS => Decision::Wait(POLL),
            Some(Answer::Accepted { .. }) => Decision::End(ending::never_settled(self, call)),
            Some(Answer::Unknown { .. }) | None => match self.steps.took(call, seen) {
                Took::Yes => settled(),
                Took::No | Took::Unclear(_)
                    if waited < APPEAR_SECONDS || self.looks < APPEAR_LOOKS =>
                {
                    Decision::Wait(POLL)
                }
                Took::No => Decision::End(ending::not_made(self, step)),
                Took::Unclear(why) => Decision::End(ending::unclear(self, &why)),
            },
        }
    }

    fn verify(&self, moment: &Moment<'_>, seen: &S::Seen) -> Decision {
        if self.watch.verified() {
            return Decision::End(ending::verified(self));
        }
        if let Some(who) = self.steps.taken_back(seen) {
            return Decision::End(ending::taken_back(&who));
        }
        if moment.stop.is_some() {
            return Decision::End(ending::unverified(self, "Watching was stopped."));
        }
        if let Some(seen) = &self.seen {
            let missing = self.watch.missing_ids();
            if let Some(why) = self.steps.hopeless(&missing, seen, moment) {
                return Decision::End(ending::unverified(self, &why));
            }
        }
        let late = {
            let deadline = self.watch.deadline_after(self.steps.patience());
            deadline.is_some_and(|at| moment.now > at)
        };
        if late {
            return Decision::End(ending::unverified(self, "The deadline passed."));
        }
        Decision::Wait(POLL)
    }

    fn observe(&mut self, moment: &Moment<'_>) {
        let (Some(seen), Some(ended)) = (&self.seen, self.known.ended()) else {
            return;
        };
        let pressed = self.known.pressed_at.unwrap_or(ended);
        let steps = &self.steps;
        self.watch.observe(moment.now, pressed, ended, |id| {
            steps.judge(id, seen, moment)
        });
    }
}

#[async_trait]
impl<S: Steps> Course for Sequence<S> {
    fn learn(&mut self, entry: &Entry) {
        self.known.learn(entry);
        self.steps.learn(entry);
        self.looks = 0;
    }

    async fn look(&mut self) -> Result<(), SourceFailure> {
        let seen = self.steps.look().await.inspect_err(|failure| {
            self.trouble.clone_from(&failure.sentence);
        })?;
        self.trouble.clear();
        self.seen = Some(seen);
        self.looks += 1;
        Ok(())
    }

    async fn call(&mut self, call: &Call) -> Answer {
        self.steps.write(call).await
    }

    fn decide(&mut self, moment: &Moment<'_>) -> Decision {
        if let Some(decision) = self.blind(moment) {
            return decision;
        }
        self.observe(moment);
        let Some(seen) = &self.seen else {
            return Decision::Wait(POLL);
        };
        let open = self
            .known
            .steps
            .iter()
            .position(|step| step.settled.is_none());
        match open {
            None => self.verify(moment, seen),
            Some(at) if self.known.steps[at].intended_at.is_none() => self.begin(at, moment, seen),
            Some(at) => self.follow(&self.known.steps[at], moment, seen),
        }
    }

    fn known(&self) -> String {
        face::known(self)
    }

    fn next(&self) -> String {
        face::next(&self.known).to_owned()
    }

    fn face(&self, moment: &Moment<'_>) -> Face {
        face::face(self, moment)
    }

    fn follow_ups(&self) -> Vec<Request> {
        let seen = self.seen.as_ref();
        seen.map_or_else(Vec::new, |seen| self.steps.follow_ups(seen))
    }

    fn recovery_parts(&self) -> Vec<RecoveryPart> {
        self.watch.parts(|id| self.steps.part(id))
    }
}
