//! The course of a selected redrive: canary, watch, ever faster legs, release, verification.
//!
//! Each leg is one call of the journal; what a leg does with each message is in the ledger. After an
//! interruption or a lost answer the ledger is settled first: what was sent is deleted, what has no
//! known outcome is received and sent again, and counted.

mod stops;
mod work;

use super::ending;
use super::expect::SETTLE_SECONDS;
use super::known::{Known, Mark, Work};
use super::ledger::{Ledger, Tally};
use super::leg::{Pace, can_be_counted};
use super::post::Post;
use super::predicates::{Look, Watch};
use super::terms::Terms;
use crate::course::{Answer, Call, Course, Decision, Entry, Face, Moment};
use crate::plan::Plan;
use crate::redrive::Counts;
use async_trait::async_trait;
use model::{SourceFailure, Timestamp};
use std::path::PathBuf;
use std::time::Duration;

/// Between two looks.
const POLL: Duration = Duration::from_secs(1);
/// Legs in a row that find nothing before the queue counts as looked through, where SQS's counts say
/// that there is more.
const FRUITLESS: u32 = 3;
/// Platform seconds between two legs that only wait for what is hidden.
const REST_SECONDS: f64 = 5.0;
/// Calls in a row without an answer that end a run.
const UNANSWERED: u32 = 3;

/// What the last good look showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) queue: Counts,
    pub(crate) destination: Counts,
}

/// The course of one run.
pub(crate) struct SelectedCourse {
    pub(crate) plan: Plan,
    pub(crate) terms: Result<Terms, String>,
    post: Box<dyn Post>,
    dir: Option<PathBuf>,
    ledger: Option<Result<Ledger, String>>,
    pace: Pace,
    pub(crate) known: Known,
    pub(crate) seen: Option<Seen>,
    /// The status of a native move task of somebody else, looked for before the first leg.
    other: Option<String>,
    pub(crate) watch: Watch,
    /// Looks since the last line was learnt.
    looks: u32,
    /// Looks in a row that showed too many returns.
    over: u32,
    /// Platform seconds per second of ours, when last asked.
    speed: f64,
    /// Platform time, when last told.
    now: Timestamp,
    /// Calls of this run, over all processes.
    calls: usize,
    /// Legs in a row that found nothing while messages were hidden by a lost receive: they say nothing
    /// of what comes back when its time is over.
    waited: u32,
}

impl SelectedCourse {
    /// The course of `plan`, with `post` as its hands and ledgers in `dir`.
    pub(crate) fn new(plan: &Plan, post: Box<dyn Post>, dir: Option<PathBuf>) -> Self {
        Self {
            terms: Terms::new(plan, dir.as_deref()),
            watch: Watch::new(plan),
            plan: plan.clone(),
            post,
            dir,
            ledger: None,
            pace: Pace::default(),
            known: Known::default(),
            seen: None,
            other: None,
            looks: 0,
            over: 0,
            speed: 1.0,
            now: plan.made_at,
            calls: 0,
            waited: 0,
        }
    }

    fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()?.as_ref().ok()
    }

    /// Counts of the ledger; without one, what the journal last told.
    pub(crate) fn tally(&self) -> Tally {
        let live = self.ledger().map(|ledger| ledger.state().tally());
        live.unwrap_or(self.known.tally)
    }

    fn held(&self) -> usize {
        self.ledger()
            .map_or(0, |ledger| ledger.state().held_count())
    }

    fn undeleted(&self) -> usize {
        let takes = self.terms.as_ref().is_ok_and(Terms::takes);
        match self.ledger() {
            Some(ledger) if takes => ledger.state().undeleted().len(),
            Some(_) | None => 0,
        }
    }

    /// Messages that came back: copies of ours that were seen, or by the counts: what is there now and
    /// what was deleted, less what was there at first.
    pub(crate) fn returned(&self) -> i64 {
        let tally = self.tally();
        let takes = self.terms.as_ref().is_ok_and(Terms::takes);
        let counted = match (&self.seen, self.known.baseline) {
            (Some(seen), Some((total, _))) if takes => seen.queue.total() + tally.deleted - total,
            _ => 0,
        };
        counted.max(tally.returned).max(0)
    }

    pub(crate) fn elapsed(&self, since: Timestamp, now: Timestamp) -> f64 {
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

    /// Nothing is left to be sent.
    fn sent_all(&self) -> bool {
        let limit = self.terms.as_ref().ok().and_then(|terms| terms.limit);
        let reached = limit.is_some_and(|limit| self.tally().sent >= limit);
        let more = self.seen.is_some_and(|seen| seen.queue.visible > 0);
        let takes = self.terms.as_ref().is_ok_and(Terms::takes);
        let fruitless = self.known.exhausted.saturating_sub(self.waited);
        let looked = fruitless >= if more && takes { FRUITLESS } else { 1 };
        reached || looked && !self.awaits_hidden()
    }

    /// After a crash, what the lost receives took is hidden until its time is over, and of a FIFO
    /// queue its groups are locked until then.
    fn awaits_hidden(&self) -> bool {
        let (Ok(terms), Some(taken), Some(seen)) = (&self.terms, self.known.taken, &self.seen)
        else {
            return false;
        };
        let lost = seen.queue.not_visible > self.held() as i64;
        let soon = self.elapsed(taken, self.now) < f64::from(terms.hide) + 30.0;
        terms.takes() && lost && soon
    }

    /// Something was sent and not deleted, and all that a lost receive may have taken can be received
    /// again. Where that shows nothing a few times, it is left.
    fn may_sweep(&self, moment: &Moment<'_>) -> bool {
        let (Ok(terms), Some(seen), Some(ended)) = (&self.terms, &self.seen, self.known.ended)
        else {
            return false;
        };
        let sweeps = self.known.steps.iter().filter(|s| s.work == Work::Sweep);
        let sweeps: Vec<Timestamp> = sweeps.map(|sweep| sweep.at).collect();
        let since = sweeps.last().map_or(ended, |last| ended.max(*last));
        let waited = self.elapsed(since, moment.now) >= f64::from(terms.hide) + REST_SECONDS;
        let free = seen.queue.not_visible == 0 && moment.stop.is_none();
        self.undeleted() > 0 && free && waited && sweeps.len() < FRUITLESS as usize
    }

    /// Whether it is time to look for what was sent again where it was sent to; `None` where that is not done, or was
    /// done: once is enough.
    fn count_due(&self, moment: &Moment<'_>) -> Option<bool> {
        let terms = self.terms.as_ref().ok()?;
        let (_, before) = self.known.baseline?;
        let there = self.seen?.destination;
        let looked = self.known.steps.iter().any(|step| step.work == Work::Count);
        let may = can_be_counted(terms, self.tally(), before, there);
        // What was sent last is in the counts by then.
        let waited = self.elapsed(self.known.ended?, moment.now) >= SETTLE_SECONDS;
        (may && !looked && moment.stop.is_none()).then_some(waited)
    }

    fn begin(&self, seen: &Seen) -> Option<Decision> {
        if self.known.begun() {
            return None;
        }
        if self.known.taken.is_some() {
            return Some(Decision::End(ending::never_began()));
        }
        if let Some(status) = &self.other {
            return Some(Decision::End(ending::another(self, status)));
        }
        if self.known.baseline.is_none() {
            return Some(Self::note(&Mark::Baseline {
                total: seen.queue.total(),
                destination: seen.destination.total(),
            }));
        }
        None
    }

    /// The next leg, or what comes after the last.
    fn go_on(&self, moment: &Moment<'_>) -> Decision {
        let Ok(terms) = &self.terms else {
            return Decision::Wait(POLL);
        };
        let last = self.known.ended.unwrap_or(moment.now);
        let rests = self.known.exhausted > 0 && self.elapsed(last, moment.now) < REST_SECONDS;
        if !self.sent_all() && self.awaits_hidden() && rests {
            return Decision::Wait(POLL);
        }
        let canary = terms.canary.filter(|_| self.known.passed.is_none());
        if let Some(canary) = canary {
            if !self.sent_all() && self.tally().sent < canary {
                return Decision::Call(self.leg(Work::Canary, terms));
            }
            if !self.sent_all() {
                return self.after_canary(moment);
            }
        }
        if !self.sent_all() {
            return self.unless_ill(moment, terms);
        }
        if self.held() > 0 {
            return Decision::Call(self.tidy(Work::Release));
        }
        if self.may_sweep(moment) {
            return Decision::Call(self.tidy(Work::Sweep));
        }
        match self.count_due(moment) {
            Some(true) => return Decision::Call(self.tidy(Work::Count)),
            Some(false) => return Decision::Wait(POLL),
            None => {}
        }
        self.verify(moment)
    }

    fn after_canary(&self, moment: &Moment<'_>) -> Decision {
        let Some(ended) = self.known.ended else {
            return Decision::Wait(POLL);
        };
        let back = self
            .terms
            .as_ref()
            .map_or(60.0, |terms| terms.return_seconds);
        if self.over == 0 && self.watch.canary_stayed_away(moment.now, ended, back) {
            Self::note(&Mark::Passed)
        } else {
            Decision::Wait(POLL)
        }
    }

    fn observe(&mut self, moment: &Moment<'_>) {
        let Some(seen) = self.seen else { return };
        if self.awaits_hidden() || self.known.exhausted < self.waited {
            self.waited = self.known.exhausted;
        }
        let done =
            self.known.begun() && self.sent_all() && self.held() == 0 && !self.known.unsettled;
        let look = Look {
            now: moment.now,
            pressed: self.known.pressed_at.unwrap_or(moment.now),
            ended: self.known.ended,
            done,
            seen,
            before: self
                .known
                .baseline
                .map_or(0, |(_, destination)| destination),
            tally: self.tally(),
            returned: self.returned(),
            snapshot: moment.snapshot,
            plan: &self.plan,
        };
        self.watch.observe(&look);
    }
}

#[async_trait]
impl Course for SelectedCourse {
    fn learn(&mut self, entry: &Entry) {
        if let (Entry::Opened { run, .. }, Some(dir)) = (entry, &self.dir) {
            self.ledger = Some(Ledger::open(dir, &run.0).map_err(|error| error.to_string()));
        }
        if matches!(entry, Entry::Intent { .. }) {
            self.calls += 1;
        }
        self.known.learn(entry);
        self.looks = 0;
    }

    async fn look(&mut self) -> Result<(), SourceFailure> {
        let Ok(terms) = &self.terms else {
            return Ok(());
        };
        // The queue first: what is sent in between is then missing on both sides of the returns.
        let queue = self.post.counts(&terms.source_url).await?;
        let destination = self.post.counts(&terms.destination_url).await?;
        if !self.known.begun() && terms.takes() {
            self.other = self.post.moving(&terms.source_arn).await?;
        }
        self.seen = Some(Seen { queue, destination });
        self.looks += 1;
        self.over = if self.returned() > self.return_limit() {
            self.over + 1
        } else {
            0
        };
        Ok(())
    }

    async fn call(&mut self, call: &Call) -> Answer {
        self.work(call).await
    }

    fn decide(&mut self, moment: &Moment<'_>) -> Decision {
        self.speed = moment.pace;
        self.now = moment.now;
        if let Ok(terms) = &mut self.terms {
            terms.skew = moment.now.millis() - crate::time::wall_millis();
        }
        if let Some(end) = self.unusable() {
            return end;
        }
        if moment.blind_for.is_zero() {
            self.observe(moment);
        }
        let Some(seen) = self.seen else {
            return self.unseen(moment);
        };
        if let Some(stop) = self.reason_to_stop(moment) {
            return stop;
        }
        if self.known.stopping.is_some() {
            return self.wind_down(moment);
        }
        if let Some(wait) = self.blind(moment) {
            return wait;
        }
        if let Some(first) = self.begin(&seen) {
            return first;
        }
        if self.known.unsettled {
            return Decision::Call(self.tidy(Work::Reconcile));
        }
        self.go_on(moment)
    }

    fn known(&self) -> String {
        super::face::known(self)
    }

    fn next(&self) -> String {
        super::face::next(&self.known).to_owned()
    }

    fn face(&self, moment: &Moment<'_>) -> Face {
        super::face::face(self, moment)
    }
}
