//! The handle of a running engine: one stack, its present sight, its picture.

use crate::core::{Hurry, lock};
use crate::mend::mend;
use crate::meter::Meter;
use crate::pulse::begin;
use crate::recorder::Notices;
use crate::runs::{Deck, Helm, Platform, Terms};
use crate::settings::Settings;
use crate::sight::{Recipe, Sights};
use crate::time::{here, now};
use crate::updates::updates;
use cloud::programs::ApproveError;
use cloud::{AccountSessions, Session, Sessions, Stack};
use collect::{COLLECTORS, Collector};
use futures::Stream;
use model::{Cost, Node, Program, Snapshot, SourceId, Timestamp, Update};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// A sight under the true name takes over when it is complete, or after this long.
const COMPLETE_WITHIN: Duration = Duration::from_secs(15);
/// More pictures than the old sight publishes while the new one opens: numbers only ever rise.
const NUMBERS_APART: u64 = 1_000;

/// A running engine. Cheap to clone; it ends when the last handle is dropped, and properly
/// (everything recorded) by [`Engine::stop`].
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) recipe: Recipe,
    pub(crate) sights: Arc<Sights>,
    pictures: watch::Receiver<Arc<Snapshot>>,
    meter: Arc<Mutex<Meter>>,
    helm: Helm,
    deck: Arc<dyn Platform>,
    /// Somebody says that credentials are mended.
    pub(crate) again: Arc<Notify>,
    /// Nothing is opened any more.
    stopped: Mutex<bool>,
}

impl Engine {
    /// Starts reading. What an earlier run recorded of this stack is drawn at once, marked stale;
    /// nothing is awaited but the kubeconfig files. Where an account goes by a stand-in, all is
    /// opened anew once STS names it, and so it is once credentials that were no good are mended.
    pub async fn start(stack: Stack, sessions: Sessions, state_dir: &Path) -> Self {
        Self::with(stack, sessions, state_dir, Settings::default(), COLLECTORS).await
    }

    /// Starts for one look: nothing that was recorded is drawn, and nothing is recorded. What an
    /// earlier run saw is no answer to what is asked now, and 10,000 pods of it are a third more to
    /// hold.
    pub async fn glance(stack: Stack, sessions: Sessions, state_dir: &Path) -> Self {
        let settings = Settings {
            recorded: false,
            ..Settings::default()
        };
        Self::with(stack, sessions, state_dir, settings, COLLECTORS).await
    }

    /// Starts with other figures and collectors than the usual ones.
    pub async fn with(
        stack: Stack,
        sessions: Sessions,
        state_dir: &Path,
        settings: Settings,
        collectors: &[&'static dyn Collector],
    ) -> Self {
        let recipe = Recipe {
            stack,
            state_dir: state_dir.to_owned(),
            settings,
            collectors: collectors.to_vec(),
            notices: Notices::new(Vec::new()),
        };
        let first = Arc::new(recipe.open(sessions, 0).await);
        let (sender, pictures) = watch::channel(first.core.snapshots().borrow().clone());
        let meter = Meter::new(recipe.stack.dollars_per_day);
        let meter = Arc::new(Mutex::new(meter));
        begin(&first, &meter, sender.clone());
        let sights = Arc::new(Sights::new(first));
        let deck: Arc<dyn Platform> = Arc::new(Deck::new(Arc::clone(&sights), state_dir));
        let inner = Arc::new(Inner {
            helm: Helm::new(Arc::clone(&deck), state_dir, Terms::of(&recipe.stack)),
            deck,
            recipe,
            sights,
            pictures,
            meter,
            again: Arc::default(),
            stopped: Mutex::default(),
        });
        tokio::spawn(mend(Arc::downgrade(&inner), sender));
        Self { inner }
    }

    /// The pictures; the first one names every source and has nothing read.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.inner.pictures.clone()
    }

    /// The picture as it is.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.sights.now().core.snapshots().borrow().clone()
    }

    /// For one subscriber: the full state, then what changed since what it was told last.
    pub fn updates(&self) -> impl Stream<Item = Update> + Send + use<> {
        updates(self.snapshots())
    }

    /// The first picture for which every source has answered or failed; after `timeout` the rest
    /// is failed, "no answer in S s".
    pub async fn complete(&self, timeout: Duration) -> Arc<Snapshot> {
        self.inner.sights.now().core.complete(timeout).await
    }

    /// As [`Engine::complete`], for somebody who has spent some of `timeout` already and has `left`.
    pub async fn complete_within(&self, timeout: Duration, left: Duration) -> Arc<Snapshot> {
        self.inner
            .sights
            .now()
            .core
            .complete_within(timeout, left)
            .await
    }

    /// Reads these sources now, without waiting. Watches need no poke.
    pub fn poke<'a>(&self, sources: impl IntoIterator<Item = &'a SourceId>) {
        self.inner.sights.now().core.poke(sources);
    }

    /// Tries credentials that are no good again, as the files have them now, and reads at once what
    /// failed: for somebody who has just mended something.
    pub fn try_again(&self) {
        self.inner.sights.now().core.poke_failed();
        self.inner.again.notify_one();
    }

    /// Approves the program that waits and whose hash begins so, as it was looked at, and reads at once
    /// what failed.
    ///
    /// # Errors
    /// When none or several begin so, or the list cannot be written.
    pub fn approve(&self, prefix: &str) -> Result<Program, ApproveError> {
        let programs = self.inner.sights.now().sessions.programs.clone();
        let program = programs.approve(prefix, here())?;
        self.try_again();
        Ok(program)
    }

    /// Reads these sources anew and gives the picture with those readings (or their failures) in
    /// it; after `timeout` the picture as it is. What is watched counts as read.
    pub async fn refresh(&self, sources: BTreeSet<SourceId>, timeout: Duration) -> Arc<Snapshot> {
        self.inner.sights.now().core.refresh(sources, timeout).await
    }

    /// Reads these sources at the pace of a run until the guard is dropped.
    pub fn hurry(&self, sources: BTreeSet<SourceId>) -> Hurry {
        self.inner.sights.now().core.hurry(sources)
    }

    /// The acting half: offers, plans, runs, the record.
    #[must_use]
    pub fn helm(&self) -> &Helm {
        &self.inner.helm
    }

    /// The reading half as the acting half sees it.
    #[must_use]
    pub fn platform(&self) -> Arc<dyn Platform> {
        Arc::clone(&self.inner.deck)
    }

    /// The stack.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.inner.recipe.stack
    }

    /// The session that reaches a node: its account's, in its region.
    #[must_use]
    pub fn session_of(&self, node: &Node) -> Option<Session> {
        let account = node.scope.account.as_ref()?;
        let sight = self.inner.sights.now();
        let mut accounts = sight.sessions.accounts.iter();
        let account = accounts.find(|a| a.account == *account)?;
        let session = match &node.scope.region {
            None => Some(&account.global),
            Some(region) => account.regional.iter().find(|s| s.region == *region),
        };
        session.cloned()
    }

    /// The session of the cluster a node is in.
    #[must_use]
    pub fn cluster_of(&self, node: &Node) -> Option<cloud::kubernetes::ClusterSession> {
        let name = node.scope.cluster.as_deref()?;
        let sight = self.inner.sights.now();
        let clusters = sight.clusters.all();
        let session = clusters.iter().map(|cluster| cluster.session()).find(|c| {
            let (theirs, ours) = (c.scope(), &node.scope);
            **c.name() == *name && theirs.region == ours.region && theirs.account == ours.account
        });
        session.cloned()
    }

    /// Where recorder, audit and journals lie.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.inner.recipe.state_dir
    }

    /// Platform time, now.
    #[must_use]
    pub fn platform_now(&self) -> Timestamp {
        self.inner.sights.now().sessions.clock.now()
    }

    /// Requests sent since the start, retries included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.inner.sights.now().spent().requests
    }

    /// What reading costs, and the budget it is held against.
    #[must_use]
    pub fn cost(&self) -> Cost {
        let mut meter = lock(&self.inner.meter);
        meter.note(now(), self.inner.sights.now().spent());
        meter.cost()
    }

    /// Sentences about the console itself (a record set aside, a threshold not understood).
    #[must_use]
    pub fn notices(&self) -> watch::Receiver<Vec<String>> {
        self.inner.recipe.notices.subscribe()
    }

    /// Ends every task and flushes the recorder. Safe to call twice.
    pub async fn stop(&self) {
        *lock(&self.inner.stopped) = true;
        // What was about to take its place does not any more.
        self.inner.sights.now().core.stop().await;
    }
}

impl Inner {
    /// Opens everything anew, and lets it take the place of what was opened under a stand-in or with
    /// credentials that are no good any more, when that helps one of the accounts `ill`.
    pub(crate) async fn reopen(&self, ill: &[usize], pictures: &watch::Sender<Arc<Snapshot>>) {
        // A run knows its nodes by their present names.
        if self.helm.busy() || *lock(&self.stopped) {
            return;
        }
        let sight = self.sights.now();
        let Ok(sessions) = cloud::open_anew(&self.recipe.stack, &sight.sessions).await else {
            return;
        };
        let held = sight.sessions.accounts.iter().map(Named::of);
        let next = sessions.accounts.iter().map(Named::of);
        if !helps(ill, held.zip(next)) {
            return;
        }
        let seq = pictures.borrow().seq + NUMBERS_APART;
        let next = Arc::new(self.recipe.open(sessions, seq).await);
        next.core.complete(COMPLETE_WITHIN).await;
        if !self.helm.close() {
            return next.core.stop().await;
        }
        let old = {
            let stopped = lock(&self.stopped);
            (!*stopped).then(|| self.sights.replace(Arc::clone(&next)))
        };
        let Some(old) = old else {
            return next.core.stop().await;
        };
        // What was armed was armed under another name, or with other credentials.
        self.helm.disarm();
        old.core.stop().await;
        begin(&next, &self.meter, pictures.clone());
        self.helm.reopened();
        tracing::info!(
            "opened anew: STS names an account that it did not, or credentials were mended"
        );
    }
}

/// What an opening made of an account.
#[derive(Clone, Copy)]
struct Named {
    /// STS named it.
    named: bool,
    /// It is another than the stack file says.
    of_another: bool,
}

impl Named {
    fn of(account: &AccountSessions) -> Self {
        Self {
            named: account.identity.is_ok(),
            of_another: account.of_another,
        }
    }
}

/// Whether what was opened anew is better than what is open: it names an account that was ill (or finds
/// that it is another's, which is taken off the screen), and loses the name of none that is well.
fn helps(ill: &[usize], accounts: impl Iterator<Item = (Named, Named)>) -> bool {
    let (mut better, mut worse) = (false, false);
    for (at, (held, next)) in accounts.enumerate() {
        let is_ill = ill.contains(&at);
        let found_out = next.of_another && !held.of_another;
        better |= found_out || (is_ill && next.named);
        worse |= !is_ill && !found_out && held.named && !next.named;
    }
    better && !worse
}

/// The sources that say something about a node: its own and those of its figures.
#[must_use]
pub fn sources_of(node: &Node) -> BTreeSet<SourceId> {
    let origins = node
        .fact_origins
        .values()
        .map(|origin| origin.source.clone());
    origins.chain([node.source.clone()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_opened_anew_only_where_that_helps_somebody_and_harms_nobody() {
        let named = Named {
            named: true,
            of_another: false,
        };
        let unnamed = Named {
            named: false,
            of_another: false,
        };
        let another = Named {
            named: false,
            of_another: true,
        };
        let helps =
            |ill: &[usize], accounts: &[(Named, Named)]| helps(ill, accounts.iter().copied());
        // STS is slow at every opening: nothing is gained, and what is armed stays armed.
        assert!(!helps(&[0], &[(unnamed, unnamed)]));
        assert!(helps(&[0], &[(unnamed, named)]));
        // Keys were replaced under a session that goes on with the old ones.
        assert!(helps(&[0], &[(named, named)]));
        // One account is mended while another one still is not.
        assert!(helps(&[0, 1], &[(named, named), (named, unnamed)]));
        // The name of an account that is well is not lost for another one.
        assert!(!helps(&[0], &[(named, named), (named, unnamed)]));
        // What turns out to be another's is taken off the screen, once.
        assert!(helps(&[0], &[(unnamed, another)]));
        assert!(!helps(&[0], &[(another, another), (named, named)]));
    }
}
