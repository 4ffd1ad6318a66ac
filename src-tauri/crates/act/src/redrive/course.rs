//! The course of a native redrive: canary, watch, the rest, verification; and every way it can go
//! wrong, each ending in a sentence.
//!
//! Two rules hold whatever happens. A part whose start was written down is never started again: it
//! is recognised in the list of tasks, or the run ends. And nothing is concluded from silence.

use super::brief::Brief;
use super::calls::CANCEL;
use super::known::{Known, Mark, Why};
use super::mover::Mover;
use super::predicates::{Look, Watch};
use super::task::{Counts, Part, Recognised, Sought, Task, TaskKey, recognise};
use super::{ending, health};
use crate::course::{Answer, Call, Course, Decision, Entry, Face, Moment};
use crate::plan::{Outcome, Plan};
use crate::redrive::RETURN_LIMIT_PERCENT;
use crate::words::{count, percent, thousands};
use async_trait::async_trait;
use model::SourceFailure;
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two looks.
const POLL: Duration = Duration::from_secs(1);
/// Between two looks while the canary runs: it is to be cancelled after few messages.
const CANARY_POLL: Duration = Duration::from_millis(500);
/// Unseen for this long (wall time) with a task running, it is cancelled.
const BLIND_STOP: Duration = Duration::from_secs(60);
/// Unseen for this long (wall time), the run ends as it is.
const BLIND_END: Duration = Duration::from_secs(600);
/// A start without an answer shows in the list within this many platform seconds, or was not made.
const APPEAR_SECONDS: i64 = 60;
/// The same for a start SQS accepted: the list may lag, but it must come.
const LISTED_SECONDS: i64 = 180;
/// And within this many looks, as the platform's time may run faster than ours.
const APPEAR_LOOKS: u32 = 5;
/// A start whose process died was sent at most this many platform seconds after it was written down.
const SENT_SECONDS: i64 = 300;
/// Answers and lists are dated to the second, by clocks that agree to a few.
const SKEW_SECONDS: i64 = 10;
/// A cancel is tried again only after a look has shown the task still RUNNING this much later.
const CANCEL_AGAIN_SECONDS: i64 = 10;
const CANCELS: u32 = 3;
/// Messages that may come back however few were moved: counts are approximate.
const RETURN_FLOOR: i64 = 5;
/// Looks in a row that must say so before a run stops on returns.
const RETURN_LOOKS: u32 = 3;
/// A confirmation covers the full task for this long, also across a crash.
const PRESS_SECONDS: i64 = 1_800;
/// How long the consumer may take to be well again after the canary.
const CONSUMER_SECONDS: i64 = 180;

/// What the last good look showed.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) tasks: Vec<Task>,
    pub(crate) dlq: Counts,
    pub(crate) destination: Option<Counts>,
}

/// The course of one run.
pub struct RedriveCourse {
    pub(crate) plan: Plan,
    pub(crate) brief: Brief,
    mover: Box<dyn Mover>,
    pub(crate) known: Known,
    pub(crate) seen: Option<Seen>,
    pub(crate) watch: Watch,
    /// Looks since the last line was learnt.
    looks: u32,
    /// Looks in a row that showed too many returns.
    over: u32,
}

/// Where a part stands, from what is known and seen.
enum Stand<'a> {
    /// Not started.
    Fresh,
    /// Started or perhaps started, not yet in the list.
    Sought,
    /// In the list and active.
    Active(&'a Task),
    /// Over, but that is not written down yet.
    Over(&'a Task),
    /// Over.
    Ended,
}

impl RedriveCourse {
    /// The course of `plan`, with `mover` as its hands.
    #[must_use]
    pub fn new(plan: &Plan, mover: Box<dyn Mover>) -> Self {
        Self {
            brief: Brief::new(plan),
            watch: Watch::new(plan),
            plan: plan.clone(),
            mover,
            known: Known::default(),
            seen: None,
            looks: 0,
            over: 0,
        }
    }

    fn first(&self) -> Part {
        if self.brief.canary.is_some() {
            Part::Canary
        } else {
            Part::Full
        }
    }

    /// The part the run is at.
    fn part(&self) -> Part {
        if self.known.full.intent.is_some() {
            Part::Full
        } else {
            self.first()
        }
    }

    /// Messages our tasks moved, as last told.
    pub(crate) fn moved(&self, part: Part) -> i64 {
        let piece = self.known.piece(part);
        let listed = piece
            .task
            .as_ref()
            .and_then(|key| self.listed(key))
            .map(|task| task.moved);
        let ended = piece.end.as_ref().map(|end| end.moved);
        ended.into_iter().chain(listed).max().unwrap_or(0)
    }

    pub(crate) fn moved_in_all(&self) -> i64 {
        self.moved(Part::Canary) + self.moved(Part::Full)
    }

    /// Messages that came back: what is there now and what was moved, less what was there at first.
    /// (`NumberOfMessagesSent` does not count what SQS itself dead-letters.)
    pub(crate) fn returned(&self) -> i64 {
        let (Some(seen), Some(baseline)) = (&self.seen, self.known.baseline) else {
            return 0;
        };
        (seen.dlq.total() + self.moved_in_all() - baseline).max(0)
    }

    /// More than this many stop the run.
    pub(crate) fn return_limit(&self) -> i64 {
        let moved = self.moved_in_all();
        let share = (moved as f64 * RETURN_LIMIT_PERCENT / 100.0).floor() as i64;
        let floor = if self.known.passed.is_some() || self.brief.canary.is_none() {
            RETURN_FLOOR
        } else {
            1
        };
        share.max(floor)
    }

    pub(crate) fn listed(&self, key: &TaskKey) -> Option<&Task> {
        self.seen
            .as_ref()?
            .tasks
            .iter()
            .find(|task| task.key() == *key)
    }

    fn stand(&self, part: Part) -> Stand<'_> {
        let piece = self.known.piece(part);
        if piece.intent.is_none() {
            return Stand::Fresh;
        }
        if piece.end.is_some() {
            return Stand::Ended;
        }
        match piece.task.as_ref().and_then(|key| self.listed(key)) {
            Some(task) if task.active() => Stand::Active(task),
            Some(task) => Stand::Over(task),
            None => Stand::Sought,
        }
    }

    fn note(mark: &Mark) -> Decision {
        Decision::Note(mark.value())
    }

    fn stopping(why: Why, sentence: impl Into<String>) -> Decision {
        Self::note(&Mark::Stopping {
            why,
            sentence: sentence.into(),
        })
    }

    /// What stops the run, if anything does now and nothing did before.
    fn reason_to_stop(&self, moment: &Moment<'_>) -> Option<Decision> {
        if self.known.stopping.is_some() {
            return None;
        }
        if moment.stop {
            return Some(Self::stopping(Why::Operator, "The operator stopped it."));
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

    fn begin(&self, seen: &Seen) -> Decision {
        if self.known.taken.is_some() {
            return Decision::End(ending::never_began());
        }
        if self.known.stopping.is_some() {
            return Decision::End(ending::stopped_before());
        }
        if let Some(other) = seen.tasks.iter().find(|task| task.active()) {
            return Decision::End(ending::another(self, other));
        }
        if self.known.baseline.is_none() {
            return Self::note(&Mark::Baseline {
                total: seen.dlq.total(),
            });
        }
        self.start(self.first(), seen)
    }

    fn start(&self, part: Part, seen: &Seen) -> Decision {
        let before: Vec<TaskKey> = seen.tasks.iter().map(Task::key).collect();
        let saw = serde_json::to_value(before).unwrap_or_default();
        Decision::Call(self.brief.start(part, saw))
    }

    /// A start is written down and no task of ours is known: find it, wait for it, or end.
    fn seek(&self, part: Part, moment: &Moment<'_>, seen: &Seen) -> Decision {
        let piece = self.known.piece(part);
        if let Some((_, Answer::Refused { failure })) = &piece.answer {
            return Decision::End(ending::refused(self, part, failure));
        }
        if self.known.stopping.is_some()
            && piece.cancels == 0
            && let Some(handle) = piece.handle()
        {
            return cancel(part, handle, 0);
        }
        if piece.task.is_some() {
            return self.unlisted(part, moment);
        }
        let intent = piece.intent.unwrap_or(moment.now);
        let (until, patience) = match &piece.answer {
            Some((at, Answer::Accepted { .. })) => (at.plus_seconds(SKEW_SECONDS), LISTED_SECONDS),
            Some((at, _)) => (at.plus_seconds(SKEW_SECONDS), APPEAR_SECONDS),
            None => (intent.plus_seconds(SENT_SECONDS), APPEAR_SECONDS),
        };
        let other = self.known.piece(if part == Part::Full {
            Part::Canary
        } else {
            Part::Full
        });
        let taken: Vec<TaskKey> = other.task.iter().cloned().collect();
        let sought = Sought {
            rate: self.brief.rate(part),
            destination: self.brief.destination_arn.as_deref(),
            before: &piece.before,
            taken: &taken,
            handle: piece.handle(),
            until,
        };
        match recognise(&seen.tasks, &sought) {
            Recognised::Ours(task) => Self::note(&Mark::Recognised {
                part,
                task: task.key(),
            }),
            Recognised::Ambiguous(several) => Decision::End(ending::ambiguous(self, part, several)),
            Recognised::None => {
                let since = piece.answer.as_ref().map_or(intent, |(at, _)| *at);
                let waited = moment.now.seconds_since(since) >= patience as f64;
                if waited && self.looks >= APPEAR_LOOKS {
                    Decision::End(ending::never_appeared(self, part))
                } else {
                    Decision::Wait(POLL)
                }
            }
        }
    }

    /// Our task was listed once and is no longer: SQS keeps ten, so that takes a while.
    fn unlisted(&self, part: Part, moment: &Moment<'_>) -> Decision {
        let since = self.known.piece(part).answer.as_ref().map(|(at, _)| *at);
        let since = since
            .or(self.known.piece(part).intent)
            .unwrap_or(moment.now);
        let patient = moment.now.seconds_since(since) < LISTED_SECONDS as f64;
        if patient || self.looks < APPEAR_LOOKS {
            return Decision::Wait(POLL);
        }
        Decision::End(ending::lost(self, part))
    }

    fn running(&self, part: Part, task: &Task, moment: &Moment<'_>) -> Decision {
        let enough = part == Part::Canary && self.brief.canary.is_some_and(|n| task.moved >= n);
        let wait = Decision::Wait(if part == Part::Canary {
            CANARY_POLL
        } else {
            POLL
        });
        if task.status != "RUNNING" || !(enough || self.known.stopping.is_some()) {
            return wait;
        }
        if !self.may_cancel(part, moment) {
            return wait;
        }
        if self.known.piece(part).cancels >= CANCELS {
            return Decision::End(ending::will_not_stop(self, part, task));
        }
        // The list names the handle only while the task runs; the start's answer named it too.
        let handle = task
            .handle
            .as_deref()
            .or_else(|| self.known.piece(part).handle());
        handle.map_or(wait, |handle| cancel(part, handle, task.moved))
    }

    /// Not cancelled yet, or so long ago that a look shows it did not help.
    fn may_cancel(&self, part: Part, moment: &Moment<'_>) -> bool {
        self.known.piece(part).cancelled_at.is_none_or(|at| {
            moment.now.seconds_since(at) >= CANCEL_AGAIN_SECONDS as f64 && self.looks >= 2
        })
    }

    /// The canary is over: did its messages stay away, and is the consumer well?
    fn after_canary(&self, moment: &Moment<'_>, seen: &Seen) -> Decision {
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
    fn go_on(&self, moment: &Moment<'_>, seen: &Seen) -> Decision {
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
            let patient = moment.now.seconds_since(passed) < CONSUMER_SECONDS as f64;
            return if patient || self.looks < APPEAR_LOOKS {
                Decision::Wait(POLL)
            } else {
                Decision::End(ending::consumer_fell_ill(self, &sentence))
            };
        }
        let patient = moment.now.seconds_since(passed) < CONSUMER_SECONDS as f64;
        if seen.dlq.visible == 0 && (patient || self.looks < APPEAR_LOOKS) {
            return Decision::Wait(POLL);
        }
        self.start(Part::Full, seen)
    }

    fn after_full(&self, moment: &Moment<'_>) -> Decision {
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

    fn verify(&self, moment: &Moment<'_>) -> Decision {
        if self.watch.verified() {
            return Decision::End(ending::verified(self));
        }
        if moment.stop || self.known.stopping.is_some() {
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

    fn unseen(&self, moment: &Moment<'_>) -> Decision {
        if moment.blind_for >= BLIND_STOP && self.known.taken.is_none() {
            return Decision::End(ending::blind_before());
        }
        Decision::Wait(POLL)
    }

    /// Nothing was seen for a while: cancel what runs, or give the run up as it is.
    fn blind(&self, moment: &Moment<'_>) -> Option<Decision> {
        if moment.blind_for >= BLIND_END {
            return Some(Decision::End(ending::blind(self)));
        }
        let stopping = self.known.stopping.is_some();
        (moment.blind_for > Duration::ZERO && !stopping).then_some(Decision::Wait(POLL))
    }
}

fn cancel(part: Part, handle: &str, moved: i64) -> Decision {
    Decision::Call(Call {
        step: part.as_str().to_owned(),
        operation: CANCEL.to_owned(),
        parameters: BTreeMap::from([("TaskHandle".to_owned(), handle.into())]),
        saw: serde_json::json!({ "moved": moved }),
    })
}

#[async_trait]
impl Course for RedriveCourse {
    fn learn(&mut self, entry: &Entry) {
        self.known.learn(entry);
        self.looks = 0;
    }

    async fn look(&mut self) -> Result<(), SourceFailure> {
        // Tasks before counts: what moves in between is then missing on both sides of the return
        // rate, which errs towards too few and never stops a run that is well.
        let tasks = self.mover.tasks(&self.brief.source_arn).await?;
        let dlq = self.mover.counts(&self.brief.source_url).await?;
        let destination = match &self.brief.destination_url {
            Some(url) => Some(self.mover.counts(url).await?),
            None => None,
        };
        self.seen = Some(Seen {
            tasks,
            dlq,
            destination,
        });
        self.looks += 1;
        self.over = if self.returned() > self.return_limit() {
            self.over + 1
        } else {
            0
        };
        Ok(())
    }

    async fn call(&mut self, call: &Call) -> Answer {
        self.mover.write(call).await
    }

    fn decide(&mut self, moment: &Moment<'_>) -> Decision {
        if moment.blind_for == Duration::ZERO {
            self.observe(moment);
        }
        let Some(seen) = self.seen.clone() else {
            return self.unseen(moment);
        };
        if let Some(stop) = self.reason_to_stop(moment) {
            return stop;
        }
        if let Some(decision) = self.blind(moment) {
            return decision;
        }
        let part = self.part();
        match self.stand(part) {
            Stand::Fresh => self.begin(&seen),
            Stand::Sought => self.seek(part, moment, &seen),
            Stand::Active(task) => self.running(part, task, moment),
            Stand::Over(task) => Self::note(&Mark::Ended {
                part,
                status: task.status.clone(),
                moved: task.moved,
                failure: task.failure.clone(),
            }),
            Stand::Ended if part == Part::Canary => self.after_canary(moment, &seen),
            Stand::Ended => self.after_full(moment),
        }
    }

    fn face(&self, moment: &Moment<'_>) -> Face {
        super::face::face(self, moment)
    }
}

impl RedriveCourse {
    /// Keeps the dwell of the predicates, from the end of the last task on.
    fn observe(&mut self, moment: &Moment<'_>) {
        let Some(seen) = &self.seen else { return };
        let canary_only = self.known.full.intent.is_none();
        let full = self.known.full.end.as_ref();
        let canary = self.known.canary.end.as_ref().filter(|_| canary_only);
        let drained = canary_only && self.known.passed.is_some() && seen.dlq.total() == 0;
        let look = Look {
            now: moment.now,
            pressed: self.known.pressed_at.unwrap_or(moment.now),
            ended: full.or(canary).map(|end| end.at),
            completed: full.is_some_and(|end| end.status == "COMPLETED") || drained,
            dlq: seen.dlq,
            destination: seen.destination,
            returned: self.returned(),
            snapshot: moment.snapshot,
            plan: &self.plan,
        };
        self.watch.observe(&look);
    }
}
