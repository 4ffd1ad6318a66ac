//! The acting half of the engine, from offers to receipts.

use super::locks::NodeLock;
use super::platform::Platform;
use super::points::{Nowhere, Points};
use super::runner::{Runner, Subject, blank, end};
use super::unfinished::{subject, unfinished_runs};
use crate::audit::{Audit, AuditError, AuditKind, AuditRow, Record};
use crate::gate::{Arming, Confirmed, Gate, Press, Refusal};
use crate::journal::{self, Journal};
use act::{
    Colour, ConfirmLevel, Context, Ending, Entry, Offer, Plan, PlanError, PlanId, Receipt, Request,
    RunEvent, RunId, Verb,
};
use model::{NodeId, Scope};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Folder of journals within the state folder.
pub(crate) const FOLDER: &str = "runs";
/// Closed runs that are listed.
const RECENT: u32 = 50;

/// A run as it goes: the newest event, and a wake-up for every further one.
pub type RunWatch = watch::Receiver<RunEvent>;

/// The acting half of the engine. Cheap to clone.
#[derive(Clone)]
pub struct Helm {
    inner: Arc<Inner>,
}

struct Inner {
    state_dir: PathBuf,
    dir: PathBuf,
    context: Context,
    gate: Gate,
    audit: Mutex<Option<Arc<Audit>>>,
    platform: Arc<dyn Platform>,
    points: Arc<dyn Points>,
    live: Mutex<BTreeMap<RunId, Live>>,
}

struct Live {
    events: RunWatch,
    stop: watch::Sender<bool>,
}

impl Helm {
    /// Over `platform`, with journals and record in `state_dir`; `stack_file` is named in command
    /// lines.
    #[must_use]
    pub fn new(platform: Arc<dyn Platform>, state_dir: &Path, stack_file: Option<&Path>) -> Self {
        Self::with_points(platform, state_dir, stack_file, Arc::new(Nowhere))
    }

    /// The same, with somebody told of every point where a process can die.
    #[must_use]
    pub fn with_points(
        platform: Arc<dyn Platform>,
        state_dir: &Path,
        stack_file: Option<&Path>,
        points: Arc<dyn Points>,
    ) -> Self {
        let inner = Inner {
            state_dir: state_dir.to_owned(),
            dir: state_dir.join(FOLDER),
            context: crate::gate::context(stack_file),
            gate: Gate::default(),
            audit: Mutex::new(None),
            platform,
            points,
            live: Mutex::new(BTreeMap::new()),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What can be done to `node`, each with its colour.
    #[must_use]
    pub fn offers(&self, node: &NodeId) -> Vec<Offer> {
        act::offers(&self.inner.platform.snapshot(), node, &self.inner.context)
    }

    /// What can be done anywhere, what is about most first. What is blocked because there is nothing
    /// to do it to is left out.
    #[must_use]
    pub fn all_offers(&self) -> Vec<Offer> {
        let snapshot = self.inner.platform.snapshot();
        let size = |offer: &Offer| {
            let node = snapshot.node(&offer.node);
            node.and_then(|node| node.facts.count(model::Fact::MessagesVisible))
                .unwrap_or(0)
        };
        let nodes = snapshot.nodes.iter();
        let mut all: Vec<Offer> = nodes
            .flat_map(|node| act::offers(&snapshot, &node.id, &self.inner.context))
            .filter(|offer| offer.colour != Colour::Red || size(offer) > 0)
            .collect();
        all.sort_by_key(|offer| std::cmp::Reverse(size(offer)));
        all
    }

    /// The exact plan of an action, kept so that it can be pressed once.
    ///
    /// # Errors
    /// [`PlanError`], a sentence; a blocked plan is still a plan.
    pub fn plan(
        &self,
        action: Verb,
        node: &NodeId,
        settings: &BTreeMap<String, String>,
    ) -> Result<Plan, PlanError> {
        let request = Request {
            action,
            node: node.clone(),
            settings: settings.clone(),
        };
        let plan = act::plan(&self.inner.platform.snapshot(), &request)?;
        Ok(self.inner.gate.remember(plan))
    }

    /// Allows actions within `scope` (absent parts: anywhere) for some minutes; recorded.
    ///
    /// # Errors
    /// Without a reason, for too long, or when it cannot be recorded.
    pub fn arm(&self, scope: &Scope, reason: &str, minutes: u32) -> Result<Arming, Refusal> {
        let now = self.inner.platform.now();
        let arming = self.inner.gate.arm(scope, reason, minutes, now)?;
        let sentence = format!(
            "Armed {} for {minutes} min: {}",
            arming.scope,
            reason.trim()
        );
        let body = serde_json::to_value(&arming).unwrap_or_default();
        if let Err(error) = self.record(AuditKind::Armed, None, sentence, body) {
            self.inner.gate.disarm();
            return Err(error.into());
        }
        Ok(arming)
    }

    /// Back to read-only; recorded.
    pub fn disarm(&self) {
        if self.inner.gate.disarm() {
            // Being read-only must not depend on a disk.
            let sentence = "Read-only again.".to_owned();
            let _ = self.record(AuditKind::Disarmed, None, sentence, serde_json::Value::Null);
        }
    }

    /// What is armed now.
    #[must_use]
    pub fn arming(&self) -> Arming {
        self.inner.gate.arming()
    }

    /// The operator's finger is down on this plan's button.
    ///
    /// # Errors
    /// When the plan is gone or was pressed.
    pub fn begin_hold(&self, plan: &PlanId) -> Result<(), Refusal> {
        self.inner.gate.begin_hold(plan)
    }

    /// Preflight, confirm, record, run. Answers as soon as the run has its audit row; the run goes on
    /// by itself.
    ///
    /// # Errors
    /// A [`Refusal`], a sentence; nothing was done then.
    pub async fn act(&self, press: &Press<'_>) -> Result<RunWatch, Refusal> {
        let started = self.press(press).await;
        if let Err(refusal) = &started {
            let body = serde_json::json!({ "plan": press.plan, "reason": press.reason });
            // What was refused is not done: failing to record it changes nothing out there.
            let _ = self.record(AuditKind::Refused, None, refusal.to_string(), body);
        }
        started
    }

    async fn press(&self, press: &Press<'_>) -> Result<RunWatch, Refusal> {
        let cleared = self
            .inner
            .gate
            .clear(press, self.inner.platform.as_ref())
            .await?;
        let confirmed = cleared.confirm(press, &self.inner.gate)?;
        self.run(confirmed).await
    }

    /// The whole road for one plan, which arms itself: for the command line. From level 2 the digest
    /// must be given; a level-3 hold is kept here.
    ///
    /// # Errors
    /// A [`Refusal`], a sentence; nothing was done then.
    pub async fn act_once(
        &self,
        plan: &Plan,
        digest: Option<&str>,
        phrase: &str,
        reason: &str,
    ) -> Result<RunWatch, Refusal> {
        let plan = self.inner.gate.remember_alone(plan.clone());
        if plan.level == ConfirmLevel::L3 && !plan.blocked && digest == Some(&plan.digest) {
            self.begin_hold(&plan.id)?;
            crate::time::sleep(crate::gate::HOLD).await;
        }
        self.act(&Press {
            plan: &plan.id,
            digest,
            phrase,
            reason,
        })
        .await
    }

    /// Begins a run. Nothing but a [`Confirmed`] gets here.
    async fn run(&self, confirmed: Confirmed) -> Result<RunWatch, Refusal> {
        let inner = &self.inner;
        let (plan, actor, reason, pressed_at) = confirmed.into_parts();
        let lock = NodeLock::take(&inner.dir, &plan.node)?;
        self.free(&plan)?;
        let audit = self.audit()?;
        let mut course = inner.platform.course(&plan)?;
        let run = new_run(pressed_at);
        let subject = Subject {
            run,
            plan,
            actor,
            reason,
            pressed_at,
            taken: false,
        };
        let opened = Entry::Opened {
            run: subject.run.clone(),
            plan: Box::new(subject.plan.clone()),
            actor: subject.actor.clone(),
            reason: subject.reason.clone(),
            at: pressed_at,
        };
        let journal = Journal::create(&inner.dir, &subject.run, &opened)?;
        inner.points.at("journaled").await;
        if let Err(error) = audit.append(opened_row(&subject)) {
            // Nothing was called: the journal has nothing to tell.
            let _ = journal.done(&inner.dir, &subject.run);
            return Err(error.into());
        }
        inner.points.at("opened").await;
        course.learn(&opened);
        Ok(self.spawn(subject, course, journal, audit, lock))
    }

    /// No other run is on the node, and none was left there.
    fn free(&self, plan: &Plan) -> Result<(), Refusal> {
        let runs = unfinished_runs(&self.inner.state_dir).map_err(|source| {
            let path = self.inner.dir.clone();
            Refusal::Journal(journal::JournalError::Io {
                path,
                what: "read",
                source,
            })
        })?;
        let Some(other) = runs.into_iter().find(|receipt| receipt.node == plan.node) else {
            return Ok(());
        };
        let node = plan.name.clone();
        Err(match other.phase {
            act::RunPhase::Interrupted => Refusal::Interrupted {
                run: other.run,
                node,
            },
            _ => Refusal::Busy {
                run: other.run,
                node,
            },
        })
    }

    fn spawn(
        &self,
        subject: Subject,
        course: Box<dyn act::Course>,
        journal: Journal,
        audit: Arc<Audit>,
        lock: NodeLock,
    ) -> RunWatch {
        let run = subject.run.clone();
        let (events, watch) = watch::channel(RunEvent {
            seq: 0,
            receipt: blank(&subject),
        });
        let (stop, stopped) = watch::channel(false);
        let runner = Runner {
            subject,
            course,
            journal,
            dir: self.inner.dir.clone(),
            audit,
            platform: Arc::clone(&self.inner.platform),
            points: Arc::clone(&self.inner.points),
            events,
            stop: stopped,
        };
        self.live().insert(
            run,
            Live {
                events: watch.clone(),
                stop,
            },
        );
        tokio::spawn(async move {
            if let Err(refusal) = runner.go().await {
                tracing::warn!(%refusal, "a run stays interrupted");
            }
            drop(lock);
        });
        watch
    }

    /// Follows a run of this process.
    ///
    /// # Errors
    /// When there is no such run here.
    pub fn watch_run(&self, run: &RunId) -> Result<RunWatch, Refusal> {
        let live = self.live();
        let found = live.get(run).map(|live| live.events.clone());
        found.ok_or_else(|| Refusal::NoSuchRun {
            run: run.clone(),
            verb: "watch",
        })
    }

    /// Stops a run of this process. What was moved stays moved.
    ///
    /// # Errors
    /// When there is no such run here.
    pub fn cancel(&self, run: &RunId) -> Result<(), Refusal> {
        let live = self.live();
        let found = live.get(run).filter(|live| live.stop.send(true).is_ok());
        let missing = || Refusal::NoSuchRun {
            run: run.clone(),
            verb: "stop",
        };
        found.map(|_| ()).ok_or_else(missing)
    }

    /// Runs, newest first: those of this process as they stand, those a crash left, and the last
    /// closed ones.
    ///
    /// # Errors
    /// When journals or record cannot be read.
    pub fn runs(&self) -> Result<Vec<Receipt>, Refusal> {
        let mut all: BTreeMap<RunId, Receipt> = BTreeMap::new();
        for receipt in self.audit()?.receipts(RECENT)? {
            all.insert(receipt.run.clone(), receipt);
        }
        let left = unfinished_runs(&self.inner.state_dir).map_err(|source| {
            let path = self.inner.dir.clone();
            Refusal::Journal(journal::JournalError::Io {
                path,
                what: "read",
                source,
            })
        })?;
        for receipt in left {
            all.entry(receipt.run.clone()).or_insert(receipt);
        }
        for (run, live) in self.live().iter() {
            all.insert(run.clone(), live.events.borrow().receipt.clone());
        }
        Ok(all.into_values().rev().collect())
    }

    /// Takes up an interrupted run: reads what the platform shows and ends it in a named outcome,
    /// starting nothing twice.
    ///
    /// # Errors
    /// When it is alive, unknown or damaged, or its account is not open.
    pub async fn resume(&self, run: &RunId) -> Result<RunWatch, Refusal> {
        let inner = &self.inner;
        let (mut journal, entries) = Journal::take_up(&inner.dir, run)?;
        let subject = subject(&inner.dir, run, &entries)?;
        let audit = self.audit()?;
        if let Some(row) = audit.about(run, AuditKind::Closed)? {
            return self.file(journal, &entries, &subject, &row);
        }
        let lock = NodeLock::take(&inner.dir, &subject.plan.node)?;
        let mut course = inner.platform.course(&subject.plan)?;
        if audit.about(run, AuditKind::Opened)?.is_none() {
            audit.append(opened_row(&subject))?;
        }
        let actor = inner.platform.actor();
        let at = inner.platform.now();
        audit.append(Record {
            at,
            actor: actor.clone(),
            kind: AuditKind::Resumed,
            run: Some(run.clone()),
            sentence: format!("Taken up after an interruption: {}", subject.plan.label),
            body: serde_json::Value::Null,
        })?;
        inner.points.at("resumed").await;
        let taken = Entry::Taken { at, actor };
        journal.append(&taken)?;
        for entry in entries.iter().chain([&taken]) {
            course.learn(entry);
        }
        Ok(self.spawn(subject, course, journal, audit, lock))
    }

    /// The crash came after the end: only the journal is left to be filed.
    fn file(
        &self,
        mut journal: Journal,
        entries: &[Entry],
        subject: &Subject,
        row: &AuditRow,
    ) -> Result<RunWatch, Refusal> {
        let mut receipt: Receipt =
            serde_json::from_value(row.body.clone()).unwrap_or_else(|_| blank(subject));
        let ending = Ending {
            verdict: receipt.verdict.unwrap_or(act::Verdict::Partial),
            sentence: row.sentence.clone(),
            next_step: receipt.next_step.clone(),
        };
        if !matches!(entries.last(), Some(Entry::Closed { .. })) {
            journal.append(&Entry::Closed {
                at: row.at,
                ending: ending.clone(),
            })?;
        }
        journal.done(&self.inner.dir, &subject.run)?;
        end(&mut receipt, &ending, row.at);
        let (events, watch) = watch::channel(RunEvent { seq: 1, receipt });
        let (stop, _) = watch::channel(false);
        // The sender may go: the receipt is final.
        drop(events);
        self.live().insert(
            subject.run.clone(),
            Live {
                events: watch.clone(),
                stop,
            },
        );
        Ok(watch)
    }

    /// The newest rows of the record, newest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn audit_rows(&self, limit: u32) -> Result<Vec<AuditRow>, Refusal> {
        Ok(self.audit()?.newest(limit)?)
    }

    /// The record, opened when it is first needed: reading the platform must not depend on it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn audit(&self) -> Result<Arc<Audit>, AuditError> {
        let mut audit = self
            .inner
            .audit
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(audit) = audit.as_ref() {
            return Ok(Arc::clone(audit));
        }
        let opened = Arc::new(Audit::open(&self.inner.state_dir)?);
        *audit = Some(Arc::clone(&opened));
        Ok(opened)
    }

    fn record(
        &self,
        kind: AuditKind,
        run: Option<RunId>,
        sentence: String,
        body: serde_json::Value,
    ) -> Result<AuditRow, AuditError> {
        let platform = &self.inner.platform;
        let (at, actor) = (platform.now(), platform.actor());
        self.audit()?.append(Record {
            at,
            actor,
            kind,
            run,
            sentence,
            body,
        })
    }

    /// No task panics while it holds this lock.
    fn live(&self) -> MutexGuard<'_, BTreeMap<RunId, Live>> {
        self.inner
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn opened_row(subject: &Subject) -> Record {
    Record {
        at: subject.pressed_at,
        actor: subject.actor.clone(),
        kind: AuditKind::Opened,
        run: Some(subject.run.clone()),
        sentence: format!("{}: {}", subject.plan.label, subject.reason),
        body: serde_json::json!({ "plan": subject.plan, "reason": subject.reason }),
    }
}

/// `20261122-024912-7f3a`: sorts by start; the tail keeps two of one second apart.
fn new_run(at: model::Timestamp) -> RunId {
    let text: String = at
        .to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect();
    let (day, clock) = text.split_at(text.len().min(8));
    RunId(format!("{day}-{clock}-{:04x}", rand::random::<u16>()))
}
