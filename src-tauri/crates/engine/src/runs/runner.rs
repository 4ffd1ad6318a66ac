//! Does what a course decides: write down, call, write down; look; show; until it ends.

use super::platform::Platform;
use super::points::Points;
use crate::audit::{Audit, AuditKind, Record};
use crate::gate::{Grounds, Refusal};
use crate::journal::{Journal, JournalError};
use crate::loops::{LoopBook, LoopsError};
use crate::time::Instant;
use act::lease::{Lease, Lost};
use act::{
    Answer, Call, Course, Decision, Ending, Entry, Plan, Receipt, RunEvent, RunId, RunPhase,
    RunProgress, Verdict,
};
use model::{SourceId, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Decisions without a look in between; a course that needs more is going in circles.
const NOTES: usize = 16;
/// A run that was taken up gives up its first look after this long.
const FIRST_LOOK: Duration = Duration::from_secs(60);
/// Between two renewals of the lock, seconds of platform time: well within its life.
const RENEW_SECONDS: f64 = act::lease::LEASE_SECONDS as f64 / 4.0;
/// Between two pokes of what the plan rests on.
const POKE: Duration = Duration::from_secs(5);

/// What a run is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) run: RunId,
    pub(crate) plan: Plan,
    pub(crate) grounds: Grounds,
    pub(crate) pressed_at: Timestamp,
    /// Taken up after a crash.
    pub(crate) taken: bool,
}

pub(crate) struct Runner {
    pub(crate) subject: Subject,
    pub(crate) course: Box<dyn Course>,
    pub(crate) journal: Journal,
    pub(crate) dir: PathBuf,
    pub(crate) audit: Arc<Audit>,
    pub(crate) loops: Arc<LoopBook>,
    pub(crate) platform: Arc<dyn Platform>,
    pub(crate) points: Arc<dyn Points>,
    pub(crate) events: watch::Sender<RunEvent>,
    pub(crate) stop: watch::Receiver<bool>,
    /// A call was made that was not refused: there may be something to undo.
    pub(crate) touched: bool,
    /// The lock that other consoles honour, and when it was last renewed.
    pub(crate) lease: Option<Box<Lease>>,
    pub(crate) renewed: Instant,
    /// Why it is not ours any more: nothing further is called then.
    pub(crate) lost: Option<String>,
}

/// Time kept of looks.
struct Sight {
    last: Instant,
    ever: bool,
    blind_for: Duration,
    poked: Instant,
    trouble: Option<String>,
}

impl Runner {
    /// Runs to the end.
    ///
    /// # Errors
    /// When it stays interrupted: it was taken up and nothing could be read, or its journal or the
    /// record cannot be written. Without its journal a run makes no further call, because what it
    /// did could not be known afterwards.
    pub(crate) async fn go(mut self) -> Result<(), Refusal> {
        let now = crate::time::now();
        let mut sight = Sight {
            last: now,
            ever: false,
            blind_for: Duration::ZERO,
            poked: now,
            trouble: None,
        };
        let sources = {
            let snapshot = self.platform.snapshot();
            act::sources_of(&self.subject.plan, &snapshot)
        };
        loop {
            self.keep_lock().await;
            self.look(&mut sight, &sources).await;
            if self.subject.taken && !sight.ever && sight.blind_for >= FIRST_LOOK {
                let trouble = sight.trouble.clone().unwrap_or_default();
                self.interrupted(&sight, &trouble);
                return Err(Refusal::Unreadable(trouble));
            }
            match self.act(&sight).await {
                Ok(Next::Look) => {}
                Ok(Next::Rest(rest)) => self.rest(rest).await,
                Ok(Next::Over(ending)) => return self.close(&sight, ending).await,
                Err(error) => {
                    let sentence = format!(
                        "It makes no further call: {error}. What it began goes on by itself."
                    );
                    self.interrupted(&sight, &sentence);
                    return Err(error.into());
                }
            }
        }
    }

    async fn look(&mut self, sight: &mut Sight, sources: &[SourceId]) {
        self.points.at("look").await;
        match self.course.look().await {
            Ok(()) => {
                sight.last = crate::time::now();
                sight.ever = true;
                sight.blind_for = Duration::ZERO;
                sight.trouble = None;
            }
            Err(failure) => {
                sight.blind_for = (crate::time::now() - sight.last).max(Duration::from_millis(1));
                sight.trouble = Some(format!("{} {}", failure.sentence, failure.next_step));
            }
        }
        if (crate::time::now() - sight.poked) >= POKE {
            self.platform.poke(sources);
            sight.poked = crate::time::now();
        }
    }

    /// Renews the lock in time. One that somebody else has now stops the run; one that cannot be
    /// renewed counts until it lapses, and is tried again.
    async fn keep_lock(&mut self) {
        let period = RENEW_SECONDS / self.platform.pace().max(1.0);
        let due = crate::time::now() - self.renewed >= Duration::from_secs_f64(period);
        let Some(lease) = self.lease.as_mut().filter(|_| due) else {
            return;
        };
        self.renewed = crate::time::now();
        match lease.renew(self.platform.now()).await {
            Ok(()) => {}
            Err(Lost::Unsaid(why)) => tracing::warn!(why, "a lock could not be renewed"),
            Err(Lost::Taken(why)) => {
                self.lost = Some(why);
                self.lease = None;
            }
        }
    }

    /// Decides until there is something to wait for.
    async fn act(&mut self, sight: &Sight) -> Result<Next, JournalError> {
        for _ in 0..NOTES {
            let decision = self.with_moment(sight, |course, moment| course.decide(moment));
            self.show(sight);
            match decision {
                Decision::Note(mark) => {
                    let at = self.platform.now();
                    self.write(Entry::Mark { at, mark })?;
                    self.points.at("noted").await;
                }
                Decision::Call(call) => {
                    self.call(call).await?;
                    return Ok(Next::Look);
                }
                Decision::Wait(rest) => return Ok(Next::Rest(rest)),
                Decision::End(ending) => return Ok(Next::Over(ending)),
            }
        }
        Ok(Next::Rest(Duration::from_secs(1)))
    }

    /// The only place that changes anything out there.
    async fn call(&mut self, call: Call) -> Result<(), JournalError> {
        self.points.at("decided").await;
        self.write(Entry::Intent {
            at: self.platform.now(),
            call: call.clone(),
        })?;
        self.points.at("intended").await;
        let answer = self.course.call(&call).await;
        self.points.at("called").await;
        self.touched |= touches(&answer);
        let at = self.platform.now();
        self.write(Entry::Answered {
            at,
            step: call.step,
            operation: call.operation,
            answer,
        })?;
        self.points.at("answered").await;
        Ok(())
    }

    fn write(&mut self, entry: Entry) -> Result<(), JournalError> {
        self.journal.append(&entry)?;
        self.course.learn(&entry);
        Ok(())
    }

    /// Rests until it is time to look again, or the operator says stop.
    async fn rest(&mut self, rest: Duration) {
        let stopped = *self.stop.borrow_and_update();
        let changed = async {
            // A sender that is gone never says stop.
            if stopped || self.stop.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.platform.rest(rest) => {}
            () = changed => {}
        }
    }

    fn with_moment<T>(
        &mut self,
        sight: &Sight,
        work: impl FnOnce(&mut dyn Course, &act::Moment<'_>) -> T,
    ) -> T {
        let snapshot = self.platform.snapshot();
        let moment = act::Moment {
            now: self.platform.now(),
            blind_for: sight.blind_for,
            pace: self.platform.pace(),
            snapshot: &snapshot,
            stop: match (*self.stop.borrow(), &self.lost) {
                (_, Some(_)) => Some(act::Stop::Lock),
                (true, None) => Some(act::Stop::Operator),
                (false, None) => None,
            },
        };
        work(self.course.as_mut(), &moment)
    }

    /// The receipt as it stands.
    fn receipt(&mut self, sight: &Sight) -> Receipt {
        let face = self.with_moment(sight, |course, moment| course.face(moment));
        let mut receipt = blank(&self.subject);
        receipt.phase = face.phase;
        receipt.sentence = sight.trouble.clone().unwrap_or(face.sentence);
        receipt.steps = face.steps;
        receipt.progress = face.progress;
        receipt.predicates = face.predicates;
        receipt.recovery_parts = self.course.recovery_parts();
        receipt.follow_ups = self.course.follow_ups();
        receipt
    }

    fn show(&mut self, sight: &Sight) {
        let receipt = self.receipt(sight);
        self.publish(&receipt);
    }

    fn publish(&self, receipt: &Receipt) {
        self.events.send_if_modified(|event| {
            let changed = event.receipt != *receipt;
            if changed {
                event.seq += 1;
                event.receipt = receipt.clone();
            }
            changed
        });
    }

    /// The end: the audit row first, the journal last. A crash in between is put right by whoever
    /// takes the run up: the row is there already. A run whose row cannot be written stays open.
    async fn close(mut self, sight: &Sight, mut ending: Ending) -> Result<(), Refusal> {
        if let Some(lost) = &self.lost {
            ending.sentence = format!("The lock was lost: {lost}. {}", ending.sentence);
        }
        let at = self.platform.now();
        self.points.at("ending").await;
        let mut receipt = self.receipt(sight);
        end(&mut receipt, &ending, at);
        if self.touched {
            let plan = &self.subject.plan;
            receipt.undo_request.clone_from(&plan.undo_request);
            receipt.left_open.clone_from(&plan.leaves);
        }
        if let Err(error) = self.settle_loops(&ending, at) {
            // The loop was written down at the start: it stays listed until the platform shows its end.
            tracing::warn!(%error, "the book of open loops could not be kept");
        }
        let row = Record {
            at,
            actor: self.subject.grounds.actor.clone(),
            kind: AuditKind::Closed,
            run: Some(self.subject.run.clone()),
            sentence: ending.sentence.clone(),
            body: serde_json::to_value(&receipt).unwrap_or_default(),
        };
        if let Err(error) = self.audit.append(row) {
            self.interrupted(
                sight,
                &format!(
                    "{} The record could not be closed: {error}.",
                    ending.sentence
                ),
            );
            return Err(error.into());
        }
        self.points.at("audited").await;
        self.write(Entry::Closed { at, ending })?;
        self.points.at("closed").await;
        self.journal.done(&self.dir, &self.subject.run)?;
        // Before it is told: a command line ends when it hears.
        if let Some(lease) = self.lease.take() {
            lease.release().await;
        }
        self.events.send_modify(|event| {
            event.seq += 1;
            event.receipt = receipt;
        });
        Ok(())
    }

    /// What the run leaves open counts from now; what it was to close is closed.
    fn settle_loops(&self, ending: &Ending, at: Timestamp) -> Result<(), LoopsError> {
        let (run, plan) = (&self.subject.run, &self.subject.plan);
        if plan.leaves.is_some() && self.touched {
            self.loops.ended(run, at)?;
        } else if plan.leaves.is_some() {
            self.loops.forget(run)?;
        }
        if ending.verdict == Verdict::Verified {
            self.loops.closed_by(&plan.node, plan.action, run, at)?;
        }
        Ok(())
    }

    /// This process goes no further; the journal stays for `resume`.
    fn interrupted(&mut self, sight: &Sight, sentence: &str) {
        let mut receipt = self.receipt(sight);
        receipt.phase = RunPhase::Interrupted;
        receipt.sentence = sentence.to_owned();
        receipt.next_step = Some(format!("qd resume {}", self.subject.run.0));
        self.publish(&receipt);
    }
}

/// Something may have been done.
pub(crate) const fn touches(answer: &Answer) -> bool {
    match answer {
        Answer::Accepted { .. } | Answer::Unknown { .. } => true,
        Answer::Refused { .. } => false,
    }
}

/// Makes a receipt final.
pub(crate) fn end(receipt: &mut Receipt, ending: &Ending, at: Timestamp) {
    receipt.phase = RunPhase::Closed;
    receipt.verdict = Some(ending.verdict);
    receipt.sentence.clone_from(&ending.sentence);
    receipt.next_step.clone_from(&ending.next_step);
    receipt.closed_at = Some(at);
    receipt.recovery_seconds = recovery(receipt);
    for step in receipt
        .steps
        .iter_mut()
        .filter(|step| step.finished.is_none())
    {
        step.finished = Some(at);
    }
}

enum Next {
    Look,
    Rest(Duration),
    Over(Ending),
}

/// A receipt before anything happened.
pub(crate) fn blank(subject: &Subject) -> Receipt {
    Receipt {
        run: subject.run.clone(),
        action: subject.plan.action,
        node: subject.plan.node.clone(),
        plan: subject.plan.clone(),
        actor: subject.grounds.actor.clone(),
        reason: subject.grounds.reason.clone(),
        break_glass: subject.grounds.break_glass.clone(),
        phase: RunPhase::Opened,
        verdict: None,
        sentence: "Confirmed; the first call is next.".to_owned(),
        next_step: None,
        findings: subject.plan.findings.clone(),
        steps: Vec::new(),
        progress: RunProgress::default(),
        predicates: Vec::new(),
        pressed_at: subject.pressed_at,
        closed_at: None,
        recovery_seconds: None,
        recovery_parts: Vec::new(),
        follow_ups: Vec::new(),
        undo: subject.plan.undo.clone(),
        undo_request: None,
        left_open: None,
    }
}

/// Press to the start of the dwell that made it verified: when the last predicate came true.
fn recovery(receipt: &Receipt) -> Option<f64> {
    if receipt.verdict != Some(Verdict::Verified) {
        return None;
    }
    let times: Option<Vec<f64>> = receipt
        .predicates
        .iter()
        .filter(|p| !p.soft)
        .map(|p| p.seconds_to_true)
        .collect();
    times?.into_iter().reduce(f64::max)
}
