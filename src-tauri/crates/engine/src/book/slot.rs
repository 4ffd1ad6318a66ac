//! One source's place in the book.

use super::recording::{Shelf, Shelved};
use super::sentences::{recorded, silence, unread};
use crate::time::Instant;
use collect::kubernetes::WatchBatch;
use model::{
    Found, NodeId, Observation, Source, SourceFailure, SourceId, SourceStatus, State, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A watch keeps this many changes (events); a snapshot shows 200 of all sources.
const CHANGES_KEPT: usize = 400;

/// How a source is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    /// Each reading replaces everything.
    Polled,
    /// Single things change; silence within limits means that all is still true.
    Watched,
}

/// What a message meant for the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// Nothing at all.
    Nothing,
    /// Known things were confirmed: only ages differ.
    Ages,
    /// Something is different.
    Content,
}

/// What tells two findings of one source apart. Polled sources may name a thing twice (a bucket
/// by two distributions), hence the ordinal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Node(NodeId, u32),
    Readings(NodeId, u32),
    Change(NodeId, String, u32),
}

impl Key {
    fn of(found: &Found, ordinal: u32) -> Self {
        match found {
            Found::Node(node) => Key::Node(node.id.clone(), ordinal),
            Found::Readings(readings) => Key::Readings(readings.about.clone(), ordinal),
            // The same event told again with a later time is the same change.
            Found::Change(change) => {
                Key::Change(change.node.clone(), change.sentence.clone(), ordinal)
            }
        }
    }
}

#[derive(Debug)]
struct Item {
    at: Timestamp,
    found: Arc<Found>,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) source: Source,
    pub(super) feed: Feed,
    /// Answered or failed since the engine started.
    pub(super) answered: bool,
    /// Sources that its first reading waits for.
    pub(super) needed: Vec<SourceId>,
    expected: Duration,
    items: BTreeMap<Key, Item>,
    last_ok: Option<Timestamp>,
    /// When it last answered well, by the local clock. A restored slot was never heard.
    heard: Option<Instant>,
    failure: Option<SourceFailure>,
    /// The failure is about single things of a list that came.
    partial: bool,
    requests: u64,
    skipped: u32,
}

impl Slot {
    pub(super) fn new(source: Source, feed: Feed, expected: Duration) -> Self {
        Self {
            source,
            feed,
            answered: false,
            needed: Vec::new(),
            expected,
            items: BTreeMap::new(),
            last_ok: None,
            heard: None,
            failure: None,
            partial: false,
            requests: 0,
            skipped: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = (Timestamp, &Arc<Found>)> {
        self.items.values().map(|item| (item.at, &item.found))
    }

    /// Notes what its first reading waits for.
    pub(super) fn waits(&mut self, needed: Vec<SourceId>) -> Effect {
        let before = std::mem::replace(&mut self.needed, needed);
        if self.answered || before == self.needed {
            Effect::Nothing
        } else {
            Effect::Content
        }
    }

    /// It was heard so much longer ago.
    pub(super) fn slept(&mut self, away: Duration) {
        self.heard = self.heard.map(|at| at.checked_sub(away).unwrap_or(at));
    }

    /// Whether the last thing heard is a failure.
    pub(super) fn failing(&self) -> bool {
        self.failure.is_some()
    }

    /// Whether it answered well since the engine started.
    pub(super) fn well(&self) -> bool {
        self.heard.is_some()
    }

    pub(super) fn observe(
        &mut self,
        observation: Observation,
        expected: Duration,
        now: Instant,
    ) -> Effect {
        self.requests += u64::from(observation.requests);
        let news = match observation.outcome {
            Err(failure) => return self.fail(failure),
            Ok(found) => self.replace(found, observation.finished),
        };
        let counted = self.count(observation.skipped);
        let lacked = self.failure.take_if(|_| self.partial);
        let heard = self.hear(observation.finished, now);
        self.expected = expected;
        // The list is believed; what it lacks makes the source no healthier than one that failed.
        self.partial = observation.partial.is_some();
        self.failure = observation.partial;
        let lacks = if self.failure == lacked {
            Effect::Ages
        } else {
            Effect::Content
        };
        news.max(heard).max(counted).max(lacks)
    }

    pub(super) fn watched(
        &mut self,
        batch: WatchBatch,
        requests: u64,
        (at, now): (Timestamp, Instant),
    ) -> Effect {
        self.requests = requests;
        let (news, skipped) = match batch {
            WatchBatch::Began => return Effect::Nothing,
            WatchBatch::Failed(failure) => return self.fail(failure),
            WatchBatch::Alive => (Effect::Ages, self.skipped),
            WatchBatch::Absent(sentence) => {
                tracing::debug!("{sentence}");
                (self.replace(Vec::new(), at), 0)
            }
            WatchBatch::Replaced { found, skipped } => (self.replace(found, at), skipped),
            WatchBatch::Changed {
                upserts,
                gone,
                skipped,
            } => (
                self.change(upserts, gone, at),
                self.skipped.saturating_add(skipped),
            ),
        };
        let counted = self.count(skipped);
        news.max(counted).max(self.hear(at, now))
    }

    /// Notes how many items were left out.
    fn count(&mut self, skipped: u32) -> Effect {
        if std::mem::replace(&mut self.skipped, skipped) == skipped {
            Effect::Ages
        } else {
            Effect::Content
        }
    }

    fn change(&mut self, upserts: Vec<Found>, gone: Vec<NodeId>, at: Timestamp) -> Effect {
        let mut effect = Effect::Nothing;
        let events = upserts.iter().any(|f| matches!(f, Found::Change(_)));
        for found in upserts {
            effect = effect.max(self.put(found, at));
        }
        for id in gone {
            effect = effect.max(self.forget(id));
        }
        // Counting them walks over everything: only a source of events pays for it.
        if events {
            self.bound_changes();
        }
        effect
    }

    /// Notes a failure; what was held stays.
    pub(super) fn fail(&mut self, failure: SourceFailure) -> Effect {
        let known = self.answered && self.failure.as_ref() == Some(&failure);
        self.answered = true;
        self.partial = false;
        self.failure = Some(failure);
        if known { Effect::Ages } else { Effect::Content }
    }

    /// Notes that all that is held is true at `at`.
    fn hear(&mut self, at: Timestamp, now: Instant) -> Effect {
        let turned = !self.answered || self.failure.is_some() || self.outdated(now);
        self.answered = true;
        self.failure = None;
        self.last_ok = Some(at);
        self.heard = Some(now);
        if turned {
            Effect::Content
        } else {
            Effect::Ages
        }
    }

    fn replace(&mut self, found: Vec<Found>, at: Timestamp) -> Effect {
        let mut old = std::mem::take(&mut self.items);
        let before = old.len();
        let mut kept = 0;
        for found in found {
            let key = self.free_key(&found);
            let item = match old.remove(&key) {
                Some(was) if *was.found == found => {
                    kept += 1;
                    Item { at, ..was }
                }
                Some(_) | None => Item {
                    at,
                    found: Arc::new(found),
                },
            };
            self.items.insert(key, item);
        }
        if kept == before && kept == self.items.len() {
            Effect::Ages
        } else {
            Effect::Content
        }
    }

    /// The first key of this thing that is not taken.
    fn free_key(&self, found: &Found) -> Key {
        let mut ordinal = 0;
        loop {
            let key = Key::of(found, ordinal);
            if !self.items.contains_key(&key) {
                return key;
            }
            ordinal += 1;
        }
    }

    fn put(&mut self, found: Found, at: Timestamp) -> Effect {
        let key = Key::of(&found, 0);
        match self.items.get_mut(&key) {
            Some(item) if *item.found == found => {
                item.at = at;
                Effect::Ages
            }
            Some(item) => {
                *item = Item {
                    at,
                    found: Arc::new(found),
                };
                Effect::Content
            }
            None => {
                let found = Arc::new(found);
                self.items.insert(key, Item { at, found });
                Effect::Content
            }
        }
    }

    fn forget(&mut self, id: NodeId) -> Effect {
        let mut effect = Effect::Nothing;
        let first = Key::Node(id.clone(), 0);
        let readings = Key::Readings(id.clone(), 0);
        // A full list may have named it more than once.
        let mut more: Vec<Key> = Vec::new();
        for ordinal in 1.. {
            let key = Key::Node(id.clone(), ordinal);
            if !self.items.contains_key(&key) {
                break;
            }
            more.push(key);
        }
        for key in [first, readings].into_iter().chain(more) {
            if self.items.remove(&key).is_some() {
                effect = Effect::Content;
            }
        }
        effect
    }

    fn bound_changes(&mut self) {
        let mut changes: Vec<(Timestamp, &Key)> = self
            .items
            .iter()
            .filter_map(|(key, item)| match &*item.found {
                Found::Change(change) => Some((change.at, key)),
                Found::Node(_) | Found::Readings(_) => None,
            })
            .collect();
        if changes.len() <= CHANGES_KEPT {
            return;
        }
        changes.sort_unstable();
        let surplus = changes.len() - CHANGES_KEPT;
        let oldest: Vec<Key> = changes[..surplus]
            .iter()
            .map(|(_, k)| (*k).clone())
            .collect();
        for key in oldest {
            self.items.remove(&key);
        }
    }

    /// When it turns stale, if it is not heard again.
    pub(super) fn turns_stale(&self) -> Option<Instant> {
        Some(self.heard? + self.expected * 2)
    }

    fn outdated(&self, now: Instant) -> bool {
        match self.turns_stale() {
            Some(at) => now >= at,
            None => self.last_ok.is_some(),
        }
    }

    /// How it is doing; `awaited` names what its first reading waits for.
    pub(super) fn status(&self, now: Instant, awaited: Option<String>) -> SourceStatus {
        let outdated = self.outdated(now);
        let (state, error) = match &self.failure {
            Some(failure) => {
                let said = format!("{} {}", failure.sentence, failure.next_step);
                (State::Failed, Some(said.trim().to_owned()))
            }
            None if self.answered && !outdated => (State::Ok, None),
            None if self.answered => (State::Stale, Some(silence(&self.source, self.expected))),
            None => match self.last_ok {
                Some(at) => (State::Stale, Some(recorded(&self.source, at, awaited))),
                None => (State::Pending, Some(unread(&self.source, awaited))),
            },
        };
        SourceStatus {
            source: self.source.clone(),
            state,
            last_ok: self.last_ok,
            period_seconds: (self.expected.as_secs_f64() * 10.0).round() / 10.0,
            outdated,
            requests: self.requests,
            skipped: self.skipped,
            error,
            failure: self.failure.clone(),
        }
    }

    /// What to record of it; nothing of a source that never answered well.
    pub(super) fn shelf(&self) -> Option<Shelf> {
        let items = self.items.values().map(|item| Shelved {
            at: item.at,
            found: Arc::clone(&item.found),
        });
        Some(Shelf {
            source: self.source.id.clone(),
            last_ok: self.last_ok?,
            items: items.collect(),
        })
    }

    /// Draws what was recorded, unless something newer is here.
    pub(super) fn restore(&mut self, shelf: Shelf) -> Effect {
        if self.last_ok.is_some() {
            return Effect::Nothing;
        }
        self.last_ok = Some(shelf.last_ok);
        for Shelved { at, found } in shelf.items {
            let key = self.free_key(&found);
            self.items.insert(key, Item { at, found });
        }
        Effect::Content
    }
}
