//! One leg of a selected redrive: for a few seconds, receive → match → write down → send → write down
//! → delete → write down, in several lanes.
//!
//! A lane never sends what is not written down, and never deletes what is not known to be sent. In a
//! FIFO queue a receive takes what it can of a group and locks the rest of it, so that lanes never
//! share a group; within a lane a request carries one message of a group at most, and the next one
//! follows only when the one before was taken.

mod batch;
mod count;
#[cfg(test)]
mod fixture;
mod pace;
mod settle;
mod sweep;

pub(crate) use count::{HIDE as COUNT_HIDE, can_be_counted, count};
pub(crate) use pace::Pace;
pub(crate) use settle::{reconcile, release};
pub(crate) use sweep::{HIDE as SWEEP_HIDE, sweep};

use super::ledger::{Ledger, Stage};
use super::post::{Post, Taken};
use super::terms::{Source, Terms};
use crate::time::Instant;
use model::SourceFailure;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Receives in a row that bring nothing new before a queue counts as looked through.
const EMPTY: u32 = 2;

/// What stopped a leg early.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    /// SQS refused; what was refused was not done.
    Refused(SourceFailure),
    /// No answer; what it was about stands in the ledger.
    Unknown(SourceFailure),
    /// The ledger cannot be written: nothing more may be sent.
    Disk(String),
}

/// How a leg went.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Gone {
    /// There was nothing more to look at.
    pub(crate) exhausted: bool,
    pub(crate) trouble: Option<Trouble>,
}

/// How much and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    /// Messages to send at most.
    pub(crate) messages: i64,
    /// Between two messages.
    pub(crate) gap: Duration,
    /// For how long what was received may be dealt with, of our time.
    pub(crate) hidden: Duration,
    /// For how long.
    pub(crate) time: Duration,
}

/// A leg under way, shared by its lanes.
pub(crate) struct Leg<'a> {
    pub(crate) post: &'a dyn Post,
    pub(crate) ledger: &'a Ledger,
    pub(crate) terms: &'a Terms,
    pub(crate) pace: &'a Pace,
    quota: Quota,
    left: AtomicI64,
    ends: Instant,
    exhausted: AtomicBool,
    /// Lanes that deal with messages now.
    busy: AtomicI64,
    /// Receives that brought something new, and all.
    news: AtomicI64,
    receives: AtomicI64,
    trouble: Mutex<Option<Trouble>>,
    /// Ids some lane deals with now.
    hands: Mutex<BTreeSet<String>>,
}

impl<'a> Leg<'a> {
    pub(crate) fn new(
        post: &'a dyn Post,
        ledger: &'a Ledger,
        terms: &'a Terms,
        pace: &'a Pace,
        quota: Quota,
    ) -> Self {
        Self {
            post,
            ledger,
            terms,
            pace,
            quota,
            left: AtomicI64::new(quota.messages),
            ends: crate::time::now() + quota.time,
            exhausted: AtomicBool::new(false),
            busy: AtomicI64::new(0),
            news: AtomicI64::new(0),
            receives: AtomicI64::new(0),
            trouble: Mutex::new(None),
            hands: Mutex::default(),
        }
    }

    /// Walks it to its end.
    pub(crate) async fn walk(self) -> Gone {
        match &self.terms.source {
            Source::Queue => {
                let lanes = (0..self.terms.lanes).map(|_| self.lane());
                futures::future::join_all(lanes).await;
            }
            Source::File(_) => self.resend().await,
        }
        let looked = self.receives.load(Ordering::Relaxed) > 0;
        let nothing = looked && self.news.load(Ordering::Relaxed) == 0;
        Gone {
            exhausted: self.exhausted.load(Ordering::Relaxed) || nothing,
            trouble: self
                .trouble
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The first trouble counts.
    fn stop(&self, trouble: Trouble) {
        let mut first = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(trouble);
    }

    fn over(&self) -> bool {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.is_some()
            || self.left.load(Ordering::Relaxed) <= 0
            || self.exhausted.load(Ordering::Relaxed)
            || crate::time::now() >= self.ends
    }

    /// Takes up to `wanted` of the quota.
    fn reserve(&self, wanted: usize) -> usize {
        let wanted = wanted as i64;
        let take = |left: i64| (left > 0).then(|| left - left.min(wanted));
        let was = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        was.map_or(0, |left| left.min(wanted) as usize)
    }

    fn give_back(&self, count: usize) {
        self.left.fetch_add(count as i64, Ordering::Relaxed);
    }

    async fn lane(&self) {
        let mut empty = 0;
        while !self.over() {
            let taken_at = crate::time::now();
            let taken = match self
                .post
                .receive(&self.terms.source_url, self.terms.hide)
                .await
            {
                Ok(taken) => taken,
                Err(failure) => return self.stop(Trouble::Refused(failure)),
            };
            self.receives.fetch_add(1, Ordering::Relaxed);
            let alone = self.busy.fetch_add(1, Ordering::Relaxed) == 0;
            let news = !taken.is_empty() && self.handle(taken, taken_at).await;
            self.busy.fetch_sub(1, Ordering::Relaxed);
            self.news.fetch_add(i64::from(news), Ordering::Relaxed);
            // What another lane holds locks its groups: only alone nothing is nothing.
            empty = if news || !alone { 0 } else { empty + 1 };
            if empty >= EMPTY {
                self.exhausted.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Deals with what one receive brought; whether some of it was not seen before.
    async fn handle(&self, taken: Vec<Taken>, taken_at: Instant) -> bool {
        let taken = self.take_in_hand(taken);
        let ids: Vec<String> = taken.iter().map(|one| one.message.id.clone()).collect();
        let news = self.handle_own(taken, taken_at).await;
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        hands.retain(|id| !ids.contains(id));
        news
    }

    /// A message whose time was over before its lane was done is received a second time: it stays
    /// with the lane that has it.
    fn take_in_hand(&self, mut taken: Vec<Taken>) -> Vec<Taken> {
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|one| hands.insert(one.message.id.clone()));
        taken
    }

    async fn handle_own(&self, taken: Vec<Taken>, taken_at: Instant) -> bool {
        let mut sorted = Sorted::default();
        {
            let state = self.ledger.state();
            for one in taken {
                let id = &one.message.id;
                if state.stage(id).is_some_and(Stage::was_sent) {
                    sorted.again.push(one);
                } else if state.is_copy(id) {
                    sorted.returned.push(one);
                } else if state.was_passed(id) {
                    sorted.seen.push(one);
                } else if self.terms.filter.selects(&one.message) {
                    sorted.selected.push(one);
                } else {
                    sorted.passed.push(one);
                }
            }
        }
        let news =
            sorted.seen.is_empty() || !sorted.selected.is_empty() || !sorted.passed.is_empty();
        if let Err(error) = self.deal(sorted, taken_at).await {
            self.stop(Trouble::Disk(error.to_string()));
        }
        news
    }
}

/// What one receive brought, by what is known of it.
#[derive(Default)]
struct Sorted {
    /// To be sent.
    selected: Vec<Taken>,
    /// Not selected.
    passed: Vec<Taken>,
    /// Looked at before and not sent.
    seen: Vec<Taken>,
    /// Sent before, not yet deleted.
    again: Vec<Taken>,
    /// Copies of ours that came back.
    returned: Vec<Taken>,
}
