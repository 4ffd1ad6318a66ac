//! The course of a native redrive: canary, watch, the rest, verification; and every way it can go
//! wrong, each ending in a sentence.
//!
//! Two rules hold whatever happens. A part whose start was written down is never started again: it
//! is recognised in the list of tasks, or the run ends. And nothing is concluded from silence.

mod after;
mod seek;
mod stops;

use super::brief::Brief;
use super::calls::CANCEL;
use super::known::{Known, Mark};
use super::mover::Mover;
use super::predicates::{Look, Watch};
use super::task::{Counts, Part, Task, TaskKey};
use super::{RETURN_LIMIT_PERCENT, ending, recount};
use crate::course::{Answer, Call, Course, Decision, Entry, Face, Moment};
use crate::plan::Plan;
use async_trait::async_trait;
use model::{SourceFailure, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two looks.
const POLL: Duration = Duration::from_secs(1);
/// The longest between two looks while the canary runs: it is to be cancelled after few messages.
const CANARY_POLL: Duration = Duration::from_millis(500);
/// The shortest: a look is three requests, and what moves meanwhile is the overshoot.
const CANARY_POLL_LEAST: Duration = Duration::from_millis(20);
/// The list's count may lag: a canary that moves is cancelled this many platform seconds after it
/// must have moved enough, whatever the list says.
const CANARY_GRACE_SECONDS: f64 = 10.0;
/// And within this many looks, as the platform's time may run faster than ours.
const APPEAR_LOOKS: u32 = 5;
/// A cancel is tried again only after a look has shown the task still RUNNING this much later.
const CANCEL_AGAIN_SECONDS: i64 = 10;
const CANCELS: u32 = 3;
/// Messages that may come back however few were moved: counts are approximate.
const RETURN_FLOOR: i64 = 5;
/// Looks in a row that must say so before a run stops on returns.
const RETURN_LOOKS: u32 = 3;

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

    /// Platform seconds since something was written down. Where the clock went back between two
    /// processes, the looks of this one count, about one a second.
    pub(super) fn elapsed(&self, since: Timestamp, now: Timestamp) -> f64 {
        let seconds = now.seconds_since(since);
        if seconds < 0.0 {
            f64::from(self.looks)
        } else {
            seconds
        }
    }

    fn note(mark: &Mark) -> Decision {
        Decision::Note(mark.value())
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

    fn running(&self, part: Part, task: &Task, moment: &Moment<'_>) -> Decision {
        let canary = self.brief.canary.filter(|_| part == Part::Canary);
        let wait = Decision::Wait(canary.map_or(POLL, |n| {
            canary_rest(n - task.moved, self.brief.rate(part), moment.pace)
        }));
        let enough = canary.is_some_and(|n| task.moved >= n || self.overdue(n, task, moment));
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

    /// At its rate the canary's number must have moved by now.
    fn overdue(&self, n: i64, task: &Task, moment: &Moment<'_>) -> bool {
        let rate = f64::from(self.brief.rate(Part::Canary).max(1));
        let seconds = (moment.now.millis() - task.started) as f64 / 1000.0;
        task.moved > 0 && seconds >= n as f64 / rate + CANARY_GRACE_SECONDS
    }

    /// Not cancelled yet, or so long ago that a look shows it did not help.
    fn may_cancel(&self, part: Part, moment: &Moment<'_>) -> bool {
        self.known.piece(part).cancelled_at.is_none_or(|at| {
            self.elapsed(at, moment.now) >= CANCEL_AGAIN_SECONDS as f64 && self.looks >= 2
        })
    }
}

/// Until so many more have moved at `rate` a platform second, in our time.
fn canary_rest(left: i64, rate: i32, pace: f64) -> Duration {
    let seconds = left.max(0) as f64 / f64::from(rate.max(1)) / pace.max(1.0);
    Duration::try_from_secs_f64(seconds)
        .unwrap_or(CANARY_POLL)
        .clamp(CANARY_POLL_LEAST, CANARY_POLL)
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

    fn known(&self) -> String {
        recount::known(self)
    }

    fn next(&self) -> String {
        recount::next(&self.known).to_owned()
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
