//! What the streams of one cluster tell each other, so that facts can be joined whichever comes first.

use super::hosts::Mention;
use super::selector::Selector;
use model::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long a first list waits for the neighbours it is joined with.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Namespace and name.
pub(super) type Key = (Arc<str>, Arc<str>);

/// A deployment's newest rollout, as its replica sets tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rollout {
    /// The highest revision.
    pub(super) revision: i64,
    /// Creation of the replica set of that revision; `None` when an old one was taken up again
    /// (a rollback), whose creation says nothing about this rollout.
    pub(super) started_at: Option<Timestamp>,
}

/// What replica sets tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rollouts {
    /// By deployment.
    pub(super) newest: BTreeMap<Key, Rollout>,
    /// Revision by replica set.
    pub(super) revisions: BTreeMap<Key, i64>,
}

/// What ConfigMaps mention, by key of their data.
pub(super) type Config = BTreeMap<Arc<str>, Vec<Mention>>;

/// A disruption budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) namespace: Arc<str>,
    pub(super) selector: Selector,
    /// Pods that must stay healthy.
    pub(super) min_available: i64,
    /// `minAvailable` where it is a count and not a share.
    pub(super) fixed: Option<i64>,
    /// Pods that may be taken away now.
    pub(super) allowed: i64,
}

impl Budget {
    /// Whether it covers pods with these labels.
    pub(super) fn covers(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        *self.namespace == *namespace && self.selector.selects(labels)
    }
}

#[derive(Debug, Default)]
struct Told {
    rollouts: Option<Arc<Rollouts>>,
    budgets: Option<Arc<Vec<Budget>>>,
    configs: Option<Arc<BTreeMap<Key, Config>>>,
    wanted_configs: BTreeMap<&'static str, BTreeSet<Key>>,
}

/// The board that the streams of one cluster write to and read from.
#[derive(Debug)]
pub(crate) struct Neighbours {
    told: Mutex<Told>,
    changes: watch::Sender<u64>,
}

impl Default for Neighbours {
    fn default() -> Self {
        Self {
            told: Mutex::default(),
            changes: watch::channel(0).0,
        }
    }
}

impl Neighbours {
    /// Changes whenever something new was told.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, write: impl FnOnce(&mut Told) -> bool) {
        let changed = write(&mut self.told());
        if changed {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// Replica sets, once they answered.
    pub(super) fn rollouts(&self) -> Option<Arc<Rollouts>> {
        self.told().rollouts.clone()
    }

    /// Referenced ConfigMaps, once they were read.
    pub(super) fn configs(&self) -> Option<Arc<BTreeMap<Key, Config>>> {
        self.told().configs.clone()
    }

    /// The ConfigMaps that templates and pods refer to.
    pub(super) fn wanted_configs(&self) -> BTreeSet<Key> {
        self.told()
            .wanted_configs
            .values()
            .flatten()
            .cloned()
            .collect()
    }

    /// Disruption budgets, once they answered.
    pub(super) fn budgets(&self) -> Option<Arc<Vec<Budget>>> {
        self.told().budgets.clone()
    }

    pub(super) fn tell_budgets(&self, budgets: Vec<Budget>) {
        self.tell(|told| replace(&mut told.budgets, budgets));
    }

    pub(super) fn tell_rollouts(&self, rollouts: Rollouts) {
        self.tell(|told| replace(&mut told.rollouts, rollouts));
    }

    pub(super) fn tell_configs(&self, configs: BTreeMap<Key, Config>) {
        self.tell(|told| replace(&mut told.configs, configs));
    }

    /// `who` refers to these ConfigMaps, all of them.
    pub(super) fn want_configs(&self, who: &'static str, wanted: BTreeSet<Key>) {
        self.tell(|told| {
            let before = told.wanted_configs.insert(who, wanted.clone());
            before.unwrap_or_default() != wanted
        });
    }

    /// Waits until `ready`, at most `longest`.
    pub(super) async fn wait(&self, longest: Duration, mut ready: impl FnMut(&Self) -> bool) {
        let mut changes = self.changes();
        let settled = async {
            while !ready(self) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(longest, settled).await;
    }
}

/// Whether it is different from what was told before.
fn replace<T: PartialEq>(held: &mut Option<Arc<T>>, value: T) -> bool {
    if held.as_deref() == Some(&value) {
        return false;
    }
    *held = Some(Arc::new(value));
    true
}
