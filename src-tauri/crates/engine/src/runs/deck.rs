//! The reading half of the engine as the acting half sees it, and the engine's own words for acting.

use super::helm::{FOLDER, RunWatch};
use super::platform::{Fresh, Platform};
use crate::Engine;
use crate::audit::AuditRow;
use crate::errand;
use crate::gate::{Arming, Refusal, Words};
use crate::sight::Sights;
use crate::time::now;
use act::lease::{Claim, Taken, Theirs};
use act::{Course, Hands, Offer, OpenLoop, Plan, PlanError, PlanId, Receipt, Rights, RunId, Verb};
use async_trait::async_trait;
use cloud::kubernetes::ClusterSession;
use collect::kubernetes::Cluster;
use model::{
    AccountId, NodeId, Scope, Service, Snapshot, SourceId, SourceStatus, State, Timestamp,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Tasks and sessions of a running engine, without its handle: a run keeps them until it ends.
pub(crate) struct Deck {
    sights: Arc<Sights>,
    /// Where runs keep journals and ledgers.
    runs: PathBuf,
}

impl Deck {
    pub(crate) fn new(sights: Arc<Sights>, state_dir: &Path) -> Self {
        Self {
            sights,
            runs: state_dir.join(FOLDER),
        }
    }

    /// The cluster that keeps the lock of a plan: the node's own, or the first one of its region by name,
    /// of those the stack names whether open or not, so that every console comes to the same.
    ///
    /// # Errors
    /// Why there is none here, a clause.
    fn nearest(&self, plan: &Plan) -> Result<ClusterSession, String> {
        let nowhere = || "no cluster is open in its region".to_owned();
        let (account, region, cluster) = place(&plan.node).ok_or_else(nowhere)?;
        let sight = self.sights.now();
        let mut all = sight.clusters.all();
        all.sort_by(|a, b| a.session().name().cmp(b.session().name()));
        // What is global (a global database) is locked in the first cluster there is.
        let here = |c: &&Cluster| {
            region.is_none() || c.session().scope().region.as_deref() == region.as_deref()
        };
        if let Some(own) = cluster {
            let place = (account.as_str(), region.as_deref(), own.as_str());
            let found = all.iter().find(|c| is_at(c, place));
            return found.map(|c| c.session().clone()).ok_or_else(nowhere);
        }
        let first = all.iter().find(here).map(|c| c.session().clone());
        let first = first.ok_or_else(nowhere);
        let name = first.as_ref().ok().map(|first| &**first.name());
        match keeper_that_waits(name, sight.clusters.waiting(region.as_deref())) {
            Some(waits) => Err(format!(
                "it is kept in cluster {waits}, which is not open here"
            )),
            None => first,
        }
    }

    /// The sessions of the place of the node a plan is for, by its place in the newest picture.
    fn hands(&self, plan: &Plan) -> Option<Hands> {
        let sight = self.sights.now();
        let snapshot = sight.core.snapshots().borrow().clone();
        let (account, region, cluster) = match snapshot.node(&plan.node) {
            Some(node) => (
                node.scope.account.as_ref()?.to_string(),
                node.scope.region.as_deref().map(ToOwned::to_owned),
                node.scope.cluster.as_deref().map(ToOwned::to_owned),
            ),
            // A run that is taken up may come before its node was read: the id says where it is.
            None => place(&plan.node)?,
        };
        let mut accounts = sight.sessions.accounts.iter();
        let account = accounts.find(|found| found.account.as_str() == account)?;
        let clusters = sight.clusters.all();
        let session = cluster.as_ref().map(|cluster| {
            let place = (
                account.account.as_str(),
                region.as_deref(),
                cluster.as_str(),
            );
            let mut all = clusters.iter();
            all.find(|c| is_at(c, place)).map(|c| c.session().clone())
        });
        let all = clusters.iter().map(|c| c.session().clone());
        let hands = Hands::new(Some(account.clone()), region, session.clone().flatten())
            .with_clusters(all.collect())
            .with_resolver(sight.sessions.resolver);
        let open = hands.aws().is_some() && session.is_none_or(|session| session.is_some());
        open.then(|| hands.with_runs(self.runs.clone()))
    }
}

/// Whether a cluster is of this account, region and name: two accounts may call theirs the same. What is
/// of no account has `-` in its ids.
fn is_at(cluster: &Cluster, (account, region, name): (&str, Option<&str>, &str)) -> bool {
    let session = cluster.session();
    let own = session
        .scope()
        .account
        .as_ref()
        .map_or("-", AccountId::as_str);
    own == account && session.scope().region.as_deref() == region && **session.name() == *name
}

/// The cluster that is not open and keeps the lock all the same: it comes before the first open one.
fn keeper_that_waits(open: Option<&str>, waiting: Vec<String>) -> Option<String> {
    let first = waiting.into_iter().min()?;
    open.is_none_or(|open| *first < *open).then_some(first)
}

/// Account, region and cluster of a node, from its id: `kind/account/region/name`, and for what is in
/// a cluster `kind/account/region/cluster/namespace/name`.
fn place(node: &NodeId) -> Option<(String, Option<String>, Option<String>)> {
    let mut parts = node.as_str().split('/').skip(1);
    let (account, region) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let rest: Vec<&str> = parts.collect();
    let cluster = (rest.len() == 3).then(|| rest[0].to_owned());
    Some((account, Some(region).filter(|r| r != "global"), cluster))
}

/// How many times faster than ours the platform's time passes. Only a simulated one's does: where clocks say so of
/// another, a clock is wrong, and a run must not go faster for that.
fn pace(simulated: bool, clock: &cloud::Clock) -> f64 {
    if simulated { clock.pace() } else { 1.0 }
}

fn status<'a>(snapshot: &'a Snapshot, id: &SourceId) -> Option<&'a SourceStatus> {
    snapshot
        .sources
        .iter()
        .find(|status| status.source.id == *id)
}

/// Whether a source said something good since `before`. A watch that is alive always has.
fn answered(before: &Snapshot, after: &Snapshot, id: &SourceId, late: bool) -> bool {
    let Some(now) = status(after, id) else {
        return false;
    };
    let asked = status(before, id).map_or(0, |status| status.requests);
    let watched = now.source.service == Service::Kubernetes;
    // A list that lacks something about single things is an answer all the same.
    let heard = now.last_ok > status(before, id).and_then(|status| status.last_ok);
    let good = now.state == State::Ok || (now.state == State::Failed && heard);
    good && (watched || !late || now.requests > asked)
}

#[async_trait]
impl Platform for Deck {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.sights.now().core.snapshots().borrow().clone()
    }

    fn now(&self) -> Timestamp {
        self.sights.now().sessions.clock.now()
    }

    fn actor(&self) -> String {
        let user = errand::user();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let snapshot = self.snapshot();
        let caller = snapshot.identity.caller.as_deref();
        let caller = caller.map(|arn| format!(" as {arn}")).unwrap_or_default();
        match host.trim() {
            "" => format!("{user}{caller}"),
            host => format!("{user}@{host}{caller}"),
        }
    }

    fn pace(&self) -> f64 {
        let sight = self.sights.now();
        let simulated = sight.core.snapshots().borrow().identity.simulated;
        pace(simulated, &sight.sessions.clock)
    }

    async fn refresh(&self, sources: &[SourceId], deadline: Duration) -> Fresh {
        let before = self.snapshot();
        let begun = now();
        let sight = self.sights.now();
        let snapshot = sight
            .core
            .refresh(sources.iter().cloned().collect(), deadline)
            .await;
        let late = now() - begun >= deadline;
        let unanswered = sources
            .iter()
            .filter(|id| sight.core.is_stopped() || !answered(&before, &snapshot, id, late))
            .cloned()
            .collect();
        Fresh {
            snapshot,
            unanswered,
        }
    }

    fn poke(&self, sources: &[SourceId]) {
        self.sights.now().core.poke(sources);
    }

    async fn rights(&self, plan: &Plan) -> Rights {
        let hands = self.hands(plan).unwrap_or_default();
        act::rights::ask(&hands, plan.action, &plan.rights).await
    }

    async fn lock(&self, plan: &Plan, claim: &Claim<'_>) -> Taken {
        match self.nearest(plan) {
            Ok(cluster) => act::lease::take(&cluster, claim).await,
            Err(why) => Taken::Nowhere(why),
        }
    }

    async fn locked(&self, plan: &Plan, claim: &Claim<'_>) -> Option<Theirs> {
        act::lease::look(&self.nearest(plan).ok()?, claim).await
    }

    fn course(&self, plan: &Plan) -> Result<Box<dyn Course>, Refusal> {
        let hands = self.hands(plan);
        let hands = hands.ok_or_else(|| Refusal::NoSession(plan.place.clone()))?;
        let hands = match errand::of_run(plan) {
            Some(errand) => hands.on(&errand),
            None => hands,
        };
        let action = act::action_of(plan);
        let action = action.ok_or_else(|| Refusal::NoSession(plan.place.clone()))?;
        Ok(action.course(plan, &hands))
    }
}

/// Acting, as [`Helm`](super::Helm) documents it.
impl Engine {
    /// What can be done to a node, each with its colour.
    #[must_use]
    pub fn offers(&self, node: &NodeId) -> Vec<Offer> {
        self.helm().offers(node)
    }

    /// What the situation calls for anywhere.
    #[must_use]
    pub fn all_offers(&self) -> Vec<Offer> {
        self.helm().all_offers()
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
        self.helm().plan(action, node, settings)
    }

    /// Allows actions within `scope` (absent parts: anywhere) for 1 to 15 minutes.
    ///
    /// # Errors
    /// Without a reason, for too long, or when it cannot be recorded.
    pub fn arm(&self, scope: &Scope, reason: &str, minutes: u32) -> Result<Arming, Refusal> {
        self.helm().arm(scope, reason, minutes)
    }

    /// Back to read-only.
    pub fn disarm(&self) {
        self.helm().disarm();
    }

    /// What is armed now.
    #[must_use]
    pub fn arming(&self) -> Arming {
        self.helm().arming()
    }

    /// The operator's finger is down on a plan's button.
    ///
    /// # Errors
    /// When the plan is gone or was pressed.
    pub fn begin_hold(&self, plan: &PlanId) -> Result<(), Refusal> {
        self.helm().begin_hold(plan)
    }

    /// Preflight, confirm, record, run.
    ///
    /// # Errors
    /// A [`Refusal`], a sentence; nothing was done then.
    pub async fn act(&self, plan: &PlanId, words: Words<'_>) -> Result<RunWatch, Refusal> {
        self.helm().act(&words.press(plan)).await
    }

    /// The whole road for one plan, which arms itself (`qd act`).
    ///
    /// # Errors
    /// A [`Refusal`], a sentence; nothing was done then.
    pub async fn act_once(&self, plan: &Plan, words: Words<'_>) -> Result<RunWatch, Refusal> {
        self.helm().act_once(plan, words).await
    }

    /// Follows a run of this process.
    ///
    /// # Errors
    /// When there is no such run here.
    pub fn watch_run(&self, run: &RunId) -> Result<RunWatch, Refusal> {
        self.helm().watch_run(run)
    }

    /// Stops a run of this process. What was moved stays moved.
    ///
    /// # Errors
    /// When there is no such run here.
    pub fn cancel(&self, run: &RunId) -> Result<(), Refusal> {
        self.helm().cancel(run)
    }

    /// Runs, newest first: live, interrupted and closed.
    ///
    /// # Errors
    /// When journals or record cannot be read.
    pub fn runs(&self) -> Result<Vec<Receipt>, Refusal> {
        self.helm().runs()
    }

    /// Takes up an interrupted run and ends it in a named outcome.
    ///
    /// # Errors
    /// When it is alive, unknown or damaged, or its account is not open.
    pub async fn resume(&self, run: &RunId) -> Result<RunWatch, Refusal> {
        self.helm().resume(run).await
    }

    /// What was left open and by whom, the most urgent first.
    ///
    /// # Errors
    /// When the book of open loops or the journals cannot be read.
    pub fn loops(&self) -> Result<Vec<OpenLoop>, Refusal> {
        self.helm().loops()
    }

    /// The newest rows of the record, newest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn audit_rows(&self, limit: u32) -> Result<Vec<AuditRow>, Refusal> {
        self.helm().audit_rows(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_console_comes_to_the_same_cluster_for_the_lock() {
        let waits = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let keeper = |open, waiting: &[&str]| keeper_that_waits(open, waits(waiting));
        assert_eq!(keeper(Some("core-b"), &[]), None);
        assert_eq!(keeper(Some("core-a"), &["core-b"]), None);
        let first = Some("core-a".to_owned());
        assert_eq!(keeper(Some("core-b"), &["core-c", "core-a"]), first);
        assert_eq!(keeper(None, &["core-a"]), first);
    }

    #[test]
    fn a_run_goes_faster_only_on_a_simulated_platform() {
        let clock = cloud::Clock::new();
        clock.observe("Sun, 22 Nov 2026 02:36:40 GMT");
        std::thread::sleep(Duration::from_millis(400));
        clock.observe("Sun, 22 Nov 2026 02:37:40 GMT");
        assert!(pace(true, &clock) > 10.0);
        assert!((pace(false, &clock) - 1.0).abs() < f64::EPSILON);
    }
}
