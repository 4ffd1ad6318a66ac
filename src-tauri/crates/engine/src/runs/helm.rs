//! The acting half of the engine, from offers to receipts.

mod lock;
mod loops;
mod press;
mod take_up;

use super::platform::Platform;
use super::points::{Nowhere, Points};
use super::rules::{self, Rules, Terms};
use crate::audit::{Audit, AuditError, AuditKind, AuditRow, Record};
use crate::gate::{Arming, Gate, Refusal};
use crate::loops::LoopBook;
use act::{Offer, Plan, PlanError, PlanId, Receipt, Request, RunEvent, RunId, Verb};
use model::{NodeId, Scope, Snapshot};
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
    rules: Rules,
    loops: Arc<LoopBook>,
    gate: Gate,
    audit: Mutex<Option<Arc<Audit>>>,
    platform: Arc<dyn Platform>,
    points: Arc<dyn Points>,
    live: Mutex<BTreeMap<RunId, Live>>,
    presses: Mutex<Presses>,
}

/// Presses that are no runs yet, and whether there may be more.
#[derive(Default)]
struct Presses {
    under_way: usize,
    closed: bool,
}

/// A press, from its beginning until its run goes by itself or it was refused: nothing is closed
/// below it.
pub(in crate::runs) struct Pressing(Arc<Inner>);

impl Drop for Pressing {
    fn drop(&mut self) {
        self.0.presses().under_way -= 1;
    }
}

impl Inner {
    fn presses(&self) -> MutexGuard<'_, Presses> {
        self.presses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Live {
    events: RunWatch,
    stop: watch::Sender<bool>,
}

impl Helm {
    /// Over `platform`, with journals and record in `state_dir`, under the terms of a stack file.
    #[must_use]
    pub fn new(platform: Arc<dyn Platform>, state_dir: &Path, terms: Terms) -> Self {
        Self::with_points(platform, state_dir, terms, Arc::new(Nowhere))
    }

    /// The same, with somebody told of every point where a process can die.
    #[must_use]
    pub fn with_points(
        platform: Arc<dyn Platform>,
        state_dir: &Path,
        terms: Terms,
        points: Arc<dyn Points>,
    ) -> Self {
        let inner = Inner {
            state_dir: state_dir.to_owned(),
            dir: state_dir.join(FOLDER),
            rules: Rules::new(terms, &state_dir.join(FOLDER)),
            loops: Arc::new(LoopBook::new(state_dir)),
            gate: Gate::default(),
            audit: Mutex::new(None),
            platform,
            points,
            live: Mutex::new(BTreeMap::new()),
            presses: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What can be done to `node`, each with its colour.
    #[must_use]
    pub fn offers(&self, node: &NodeId) -> Vec<Offer> {
        let snapshot = self.inner.platform.snapshot();
        let offers = act::offers(&snapshot, node, &self.inner.rules.full(&snapshot, node));
        self.ask_for(&snapshot, &offers);
        offers
    }

    /// The same once our rights are known: for a caller that shows them only once.
    pub async fn offers_asked(&self, node: &NodeId) -> Vec<Offer> {
        let inner = &self.inner;
        let snapshot = inner.platform.snapshot();
        for offer in act::offers(&snapshot, node, &inner.rules.full(&snapshot, node)) {
            if let Some(plan) = self.plan_of(&snapshot, &offer)
                && inner.rules.unknown(&snapshot, &plan)
            {
                inner.rules.ask(inner.platform.as_ref(), &plan).await;
            }
        }
        self.offers(node)
    }

    /// The plan of an offer's defaults, for its rights.
    fn plan_of(&self, snapshot: &Snapshot, offer: &Offer) -> Option<Plan> {
        let request = Request {
            action: offer.action,
            node: offer.node.clone(),
            settings: BTreeMap::new(),
        };
        let context = self.inner.rules.context(snapshot, &offer.node);
        act::plan(snapshot, &request, &context).ok()
    }

    /// Asks in the background for the rights of what is offered, where they are not known or will
    /// not be for long.
    fn ask_for(&self, snapshot: &Snapshot, offers: &[Offer]) {
        for offer in offers {
            let rights = offer.findings.iter().find(|f| f.id == act::rights::RIGHTS);
            let fresh = rights.is_none_or(rules::is_fresh);
            if !fresh && let Some(plan) = self.plan_of(snapshot, offer) {
                self.ask_rights(snapshot, &plan);
            }
        }
    }

    /// What the situation calls for anywhere, what is about most first.
    #[must_use]
    pub fn all_offers(&self) -> Vec<Offer> {
        let snapshot = self.inner.platform.snapshot();
        let size = |offer: &Offer| {
            let node = snapshot.node(&offer.node);
            node.and_then(|node| node.facts.count(model::Fact::MessagesVisible))
                .unwrap_or(0)
        };
        let rules = &self.inner.rules;
        let mut all = act::called_for(&snapshot, |node| rules.context(&snapshot, node));
        all.sort_by_key(|offer| std::cmp::Reverse(size(offer)));
        self.ask_for(&snapshot, &all);
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
        let snapshot = self.inner.platform.snapshot();
        let context = self.inner.rules.full(&snapshot, node);
        let plan = act::plan(&snapshot, &request, &context)?;
        self.ask_rights(&snapshot, &plan);
        Ok(self.inner.gate.remember(plan))
    }

    /// Asks in the background for rights that are not known: the next plan says.
    fn ask_rights(&self, snapshot: &Snapshot, plan: &Plan) {
        let running = tokio::runtime::Handle::try_current().is_ok();
        if !running || !self.inner.rules.wants_asking(snapshot, plan) {
            return;
        }
        let Some(key) = self.inner.rules.begin_asking(plan) else {
            return;
        };
        let (helm, plan) = (self.clone(), plan.clone());
        tokio::spawn(async move {
            let inner = &helm.inner;
            inner.rules.ask(inner.platform.as_ref(), &plan).await;
            inner.rules.end_asking(&key);
        });
    }

    /// The same once our rights are known: for a caller that shows a plan only once.
    ///
    /// # Errors
    /// As [`Helm::plan`].
    pub async fn plan_asked(
        &self,
        action: Verb,
        node: &NodeId,
        settings: &BTreeMap<String, String>,
    ) -> Result<Plan, PlanError> {
        let inner = &self.inner;
        let plan = self.plan(action, node, settings)?;
        if !inner.rules.unknown(&inner.platform.snapshot(), &plan) {
            return Ok(plan);
        }
        inner.rules.ask(inner.platform.as_ref(), &plan).await;
        self.plan(action, node, settings)
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
        let arming = self.inner.gate.arming();
        self.note_sleep();
        arming
    }

    /// Records that the machine slept while something was armed.
    fn note_sleep(&self) {
        if self.inner.gate.slept() {
            // Being read-only must not depend on a disk.
            let sentence = "Read-only again: the machine slept, or its clock was set.".to_owned();
            let _ = self.record(AuditKind::Disarmed, None, sentence, serde_json::Value::Null);
        }
    }

    /// The operator's finger is down on this plan's button.
    ///
    /// # Errors
    /// When the plan is gone or was pressed.
    pub fn begin_hold(&self, plan: &PlanId) -> Result<(), Refusal> {
        self.inner.gate.begin_hold(plan)
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

    /// Whether a press is under way, or a run of this process has not ended.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.inner.presses().under_way > 0 || self.runs_live()
    }

    fn runs_live(&self) -> bool {
        // The runner keeps the sending half until its end.
        let live = self.live();
        live.values().any(|run| run.events.has_changed().is_ok())
    }

    /// From here on nobody presses, so that what is below can be closed or replaced; `false`, and
    /// nothing changes, while a press or a run is under way.
    #[must_use]
    pub fn close(&self) -> bool {
        let mut presses = self.inner.presses();
        if presses.under_way > 0 || self.runs_live() {
            return false;
        }
        presses.closed = true;
        true
    }

    /// It can be pressed again.
    pub(crate) fn reopened(&self) {
        self.inner.presses().closed = false;
    }

    /// Begins a press: nothing is closed below it until what is given back is dropped.
    pub(in crate::runs) fn pressing(&self) -> Result<Pressing, Refusal> {
        let mut presses = self.inner.presses();
        if presses.closed {
            return Err(Refusal::Closing);
        }
        presses.under_way += 1;
        Ok(Pressing(Arc::clone(&self.inner)))
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
        for receipt in self.unfinished()? {
            all.entry(receipt.run.clone()).or_insert(receipt);
        }
        for (run, live) in self.live().iter() {
            all.insert(run.clone(), live.events.borrow().receipt.clone());
        }
        Ok(all.into_values().rev().collect())
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
