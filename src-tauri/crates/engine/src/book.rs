//! What every source holds. Pure state: the index is its only writer, time is passed in.
//!
//! A good reading replaces what its source held; a failed one replaces nothing. A watch changes
//! single things. Whether a source can still be believed is decided here, by the local clock.

mod recording;
mod sentences;
mod slot;

#[cfg(test)]
pub(crate) use recording::Shelved;
pub(crate) use recording::{Recording, Shelf};
pub(crate) use sentences::{no_answer, words};
pub(crate) use slot::{Effect, Feed};

use crate::time::Instant;
use collect::kubernetes::WatchBatch;
use model::assemble::Held;
use model::{
    AccountId, Found, FoundNode, Observation, Service, Source, SourceFailure, SourceId,
    SourceStatus, Timestamp,
};
use sentences::kept_waiting;
use slot::Slot;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Everything the sources hold.
#[derive(Debug, Default)]
pub(crate) struct Book {
    slots: BTreeMap<SourceId, Slot>,
    /// What an earlier run recorded for sources that this one has not named yet.
    shelved: BTreeMap<SourceId, Shelf>,
    /// How long the machine had slept when that was last looked at.
    asleep: Duration,
}

/// The clocks that tell a sleep differ by less than this from one look to the next.
const SLEPT: Duration = Duration::from_secs(1);

impl Book {
    /// Names a source before its first reading; naming it again changes nothing.
    pub(crate) fn register(&mut self, source: Source, feed: Feed, period: Duration) -> Effect {
        if self.slots.contains_key(&source.id) {
            return Effect::Nothing;
        }
        let mut slot = Slot::new(source, feed, period);
        if let Some(shelf) = self.shelved.remove(&slot.source.id) {
            slot.restore(shelf);
        }
        self.slots.insert(slot.source.id.clone(), slot);
        Effect::Content
    }

    /// Takes a reading; `expected` is the time until the next one.
    pub(crate) fn observe(
        &mut self,
        observation: Observation,
        expected: Duration,
        now: Instant,
    ) -> Effect {
        match self.slots.get_mut(&observation.source.id) {
            Some(slot) => slot.observe(observation, expected, now),
            None => Effect::Nothing,
        }
    }

    /// Takes what a watch says at this time, by the platform's clock and by ours.
    pub(crate) fn watched(
        &mut self,
        source: &SourceId,
        batch: WatchBatch,
        requests: u64,
        at: (Timestamp, Instant),
    ) -> Effect {
        match self.slots.get_mut(source) {
            Some(slot) => slot.watched(batch, requests, at),
            None => Effect::Nothing,
        }
    }

    /// Takes a failure that is not a reading's (a panic, a watch that fell silent).
    pub(crate) fn failed(&mut self, source: &SourceId, failure: SourceFailure) -> Effect {
        match self.slots.get_mut(source) {
            Some(slot) => slot.fail(failure),
            None => Effect::Nothing,
        }
    }

    /// Notes what the first reading of a source waits for; nothing: it is under way.
    pub(crate) fn waits(&mut self, source: &SourceId, needed: Vec<SourceId>) -> Effect {
        match self.slots.get_mut(source) {
            Some(slot) => slot.waits(needed),
            None => Effect::Nothing,
        }
    }

    /// Whether the last thing heard of a source is a failure.
    pub(crate) fn failing(&self, source: &SourceId) -> bool {
        self.slots.get(source).is_some_and(Slot::failing)
    }

    /// Whether a source answered well since the engine started.
    pub(crate) fn well(&self, source: &SourceId) -> bool {
        self.slots.get(source).is_some_and(Slot::well)
    }

    /// Sources that have neither answered nor failed since the engine started.
    pub(crate) fn outstanding(&self) -> BTreeSet<SourceId> {
        let waiting = self.slots.values().filter(|slot| !slot.answered);
        waiting.map(|slot| slot.source.id.clone()).collect()
    }

    /// Gives up waiting: sources that did not answer in `after` are failed, in a sentence.
    pub(crate) fn conclude(&mut self, after: Duration) -> Effect {
        let silent = self.slots.values().filter(|slot| !slot.answered);
        let failures: Vec<(SourceId, SourceFailure)> = silent
            .map(|slot| {
                let failure = match self.awaited(slot) {
                    Some(needed) => kept_waiting(&slot.source, &needed, after),
                    None => no_answer(&slot.source, after),
                };
                (slot.source.id.clone(), failure)
            })
            .collect();
        let effects = failures.into_iter().map(|(id, f)| self.failed(&id, f));
        effects.max().unwrap_or(Effect::Nothing)
    }

    /// What the first reading of this source waits for, as people say it.
    fn awaited(&self, slot: &Slot) -> Option<String> {
        let needed = slot.needed.iter().filter_map(|id| self.slots.get(id));
        let silent = needed.filter(|slot| !slot.answered);
        let silent: Vec<String> = silent.map(|slot| words(&slot.source)).collect();
        (!silent.is_empty()).then(|| silent.join(" and "))
    }

    /// How every source is doing.
    pub(crate) fn statuses(&self, now: Instant) -> Vec<SourceStatus> {
        let slots = self.slots.values();
        slots
            .map(|slot| slot.status(now, self.awaited(slot)))
            .collect()
    }

    /// When the next source turns stale, if nothing is heard until then.
    pub(crate) fn next_turn(&self, now: Instant) -> Option<Instant> {
        let turns = self.slots.values().filter_map(Slot::turns_stale);
        turns.filter(|at| *at > now).min()
    }

    /// Everything that is held, for assembly.
    pub(crate) fn held(&self) -> Vec<Held<'_>> {
        let mut held = Vec::with_capacity(self.slots.values().map(Slot::len).sum());
        for slot in self.slots.values() {
            held.extend(slot.items().map(|(observed_at, found)| Held {
                source: &slot.source.id,
                observed_at,
                found,
            }));
        }
        held
    }

    /// What AWS sources of this account found; collectors ask for figures about these.
    pub(crate) fn known(&self, account: Option<&AccountId>) -> Vec<Arc<FoundNode>> {
        let slots = self.slots.values().filter(|slot| {
            slot.source.service != Service::Kubernetes
                && slot.source.scope.account.as_ref() == account
        });
        slots
            .flat_map(Slot::items)
            .filter_map(|(_, found)| match &**found {
                Found::Node(node) => Some(Arc::new(FoundNode::clone(node))),
                Found::Readings(_) | Found::Change(_) => None,
            })
            .collect()
    }

    /// The sources, and how each is fed.
    pub(crate) fn feed(&self, source: &SourceId) -> Option<Feed> {
        self.slots.get(source).map(|slot| slot.feed)
    }

    /// What to record: cheap, the findings are shared.
    pub(crate) fn recording(&self, taken_at: Timestamp) -> Recording {
        let shelves = self.slots.values().filter_map(Slot::shelf).collect();
        Recording { taken_at, shelves }
    }

    /// Notes how long the machine has slept so far: what was heard until now was heard so much longer ago. Asked before
    /// anything else is taken, so that nothing heard after a sleep is taken for older.
    pub(crate) fn slept(&mut self, asleep: Duration) -> Effect {
        let away = asleep.saturating_sub(self.asleep);
        if away < SLEPT {
            return Effect::Nothing;
        }
        self.asleep = asleep;
        self.slots.values_mut().for_each(|slot| slot.slept(away));
        Effect::Content
    }

    /// Puts what an earlier run recorded where nothing was read yet, marked stale.
    pub(crate) fn restore(&mut self, recording: Recording) -> Effect {
        let mut effect = Effect::Nothing;
        for shelf in recording.shelves {
            match self.slots.get_mut(&shelf.source) {
                Some(slot) => effect = effect.max(slot.restore(shelf)),
                None => {
                    self.shelved.insert(shelf.source.clone(), shelf);
                }
            }
        }
        effect
    }
}
