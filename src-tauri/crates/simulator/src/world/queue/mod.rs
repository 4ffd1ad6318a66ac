//! SQS queues with real messages.
//!
//! The laws are those of the SQS Developer Guide and of the service model of `sqs` 2012-11-05: a received message is
//! hidden for its visibility timeout, a message received more often than `maxReceiveCount` goes to the dead-letter
//! queue with its id and its send time, a FIFO group is locked while one of its messages is in flight.

pub mod consume;
mod ledger;
pub mod message;
pub mod moves;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::clock::Millis;
pub use ledger::{Delivery, Ledger, Received, Tally};
pub use message::{Attribute, Body, Message};
pub use moves::{MoveStatus, MoveTask};

/// Messages of one queue that may be in flight: SQS Developer Guide, quotas for messages.
pub const MAX_IN_FLIGHT: usize = 120_000;
/// Seconds in which a FIFO queue drops a repeated deduplication id.
pub const DEDUPLICATION_SECONDS: i64 = 300;

/// Where undeliverable messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// ARN of the dead-letter queue.
    pub target: Arc<str>,
    /// Deliveries before a message goes there.
    pub max_receive_count: u32,
}

/// A queue.
#[derive(Debug)]
pub struct Queue {
    /// Name, with `.fifo` when it is one.
    pub name: String,
    /// Region.
    pub region: String,
    /// ARN.
    pub arn: Arc<str>,
    /// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`
    pub url: String,
    /// First in, first out, by group.
    pub fifo: bool,
    /// Deduplicate by the hash of the body.
    pub content_deduplication: bool,
    /// Seconds a received message stays hidden, 0..=43200.
    pub visibility_timeout: i64,
    /// Seconds a message is kept, 60..=1209600.
    pub retention: i64,
    /// Seconds before a sent message can be received, 0..=900.
    pub delay: i64,
    /// Default long polling, seconds, 0..=20.
    pub wait: i64,
    /// Bytes.
    pub max_message_size: i64,
    /// Dead-lettering.
    pub redrive: Option<Redrive>,
    /// The text of `RedriveAllowPolicy`, when set.
    pub redrive_allow: Option<String>,
    /// Access policy, when set.
    pub policy: Option<String>,
    /// When it was made.
    pub created: Millis,
    /// When its attributes last changed.
    pub modified: Millis,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Last purge.
    pub purged: Option<Millis>,
    /// The last action on it: a queue idle for six hours reports no metrics.
    pub active: Option<Millis>,
    /// The platform's own exporter asks for its attributes each minute, which keeps it active.
    pub watched: bool,
    /// Since the last minute.
    pub tally: Tally,
    /// Since it was made.
    pub ledger: Ledger,
    messages: BTreeMap<u64, Message>,
    ready: BTreeSet<u64>,
    hidden: BTreeSet<(Millis, u64)>,
    hidden_until: HashMap<u64, Millis>,
    delayed: BTreeSet<(Millis, u64)>,
    locked: HashMap<Arc<str>, u32>,
    deduplicated: HashMap<Arc<str>, (Millis, u128, u128)>,
    next: u64,
}

impl Queue {
    /// An empty queue with the defaults of CreateQueue.
    #[must_use]
    pub fn new(region: &str, account: &str, name: &str, now: Millis) -> Self {
        Self {
            name: name.into(),
            region: region.into(),
            arn: format!("arn:aws:sqs:{region}:{account}:{name}").into(),
            url: format!("https://sqs.{region}.amazonaws.com/{account}/{name}"),
            fifo: name.ends_with(".fifo"),
            content_deduplication: false,
            visibility_timeout: 30,
            retention: 345_600,
            delay: 0,
            wait: 0,
            max_message_size: 1_048_576,
            redrive: None,
            redrive_allow: None,
            policy: None,
            created: now,
            modified: now,
            tags: BTreeMap::new(),
            purged: None,
            active: None,
            watched: false,
            tally: Tally::default(),
            ledger: Ledger::default(),
            messages: BTreeMap::new(),
            ready: BTreeSet::new(),
            hidden: BTreeSet::new(),
            hidden_until: HashMap::new(),
            delayed: BTreeSet::new(),
            locked: HashMap::new(),
            deduplicated: HashMap::new(),
            next: 1,
        }
    }

    /// Messages that can be received.
    #[must_use]
    pub fn visible(&self) -> usize {
        self.ready.len()
    }

    /// Messages in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.hidden.len()
    }

    /// Messages still delayed.
    #[must_use]
    pub fn delayed(&self) -> usize {
        self.delayed.len()
    }

    /// Messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// True when there is no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Seconds the oldest message has been in this queue; `None` when it is empty.
    #[must_use]
    pub fn oldest_age(&self, now: Millis) -> Option<i64> {
        self.messages
            .values()
            .next()
            .map(|m| now.since(m.entered).max(0) / 1000)
    }

    /// Puts a sent message in, after `delay` seconds. `Err` carries id and sequence of the message it repeats.
    pub fn send(
        &mut self,
        mut message: Message,
        delay: i64,
        now: Millis,
    ) -> Result<Option<u128>, (u128, u128)> {
        self.active = Some(now);
        if self.fifo {
            let sequence = 18_870_000_000_000_000_000 + u128::from(self.next) * 256;
            if let Some(id) = message.deduplication.clone() {
                if let Some((_, id, sequence)) = self
                    .deduplicated
                    .get(&id)
                    .filter(|(at, ..)| now.since(*at) < DEDUPLICATION_SECONDS * 1000)
                {
                    return Err((*id, *sequence));
                }
                self.deduplicated.insert(id, (now, message.id, sequence));
            }
            message.sequence = Some(sequence);
        }
        let sequence = message.sequence;
        self.tally.sent += 1;
        self.ledger.came += 1;
        self.place(message, delay, now);
        Ok(sequence)
    }

    /// Takes a message another queue dead-lettered here: it keeps id, send time and receive count.
    pub fn bury(&mut self, mut message: Message, origin: Arc<str>, now: Millis) {
        message.origin = Some(origin);
        message.entered = now;
        if self.fifo {
            message.sent = now;
        }
        self.active = Some(now);
        self.ledger.came_dead += 1;
        self.place(message, 0, now);
    }

    fn place(&mut self, message: Message, delay: i64, now: Millis) {
        let slot = self.next;
        self.next += 1;
        self.messages.insert(slot, message);
        if delay > 0 {
            self.delayed.insert((now.plus_seconds(delay), slot));
        } else {
            self.ready.insert(slot);
        }
    }

    /// Delivers up to `max` messages and hides them for `visibility` seconds. Of a FIFO group one
    /// receive takes as many as it can, in order; what it took locks the rest of the group for every
    /// other (SQS Developer Guide, "FIFO queue delivery logic").
    pub fn receive(&mut self, max: usize, visibility: i64, now: Millis) -> Received {
        self.active = Some(now);
        let mut out = Received::default();
        let mut own: HashSet<Arc<str>> = HashSet::new();
        while out.deliveries.len() < max && self.hidden.len() < MAX_IN_FLIGHT {
            let Some(slot) = self.next_ready_of(&own) else {
                break;
            };
            if let Some(group) = self.messages[&slot].group.clone().filter(|_| self.fifo) {
                own.insert(group);
            }
            self.ready.remove(&slot);
            let exhausted = self
                .redrive
                .as_ref()
                .is_some_and(|r| self.messages[&slot].receives >= r.max_receive_count);
            if exhausted {
                out.dead.extend(self.messages.remove(&slot));
                self.ledger.left_dead += 1;
                continue;
            }
            if let Some(message) = self.messages.get_mut(&slot) {
                message.receives += 1;
                message.first_received.get_or_insert(now);
                out.deliveries.push(Delivery {
                    slot,
                    message: message.clone(),
                });
            }
            self.hide(slot, now.plus_seconds(visibility), now);
        }
        self.tally.received += out.deliveries.len() as u64;
        if out.deliveries.is_empty() {
            self.tally.empty_receives += 1;
        }
        out
    }

    /// Whether a message could be delivered now.
    #[must_use]
    pub fn receivable(&self) -> bool {
        self.next_ready().is_some()
    }

    fn next_ready(&self) -> Option<u64> {
        self.next_ready_of(&HashSet::new())
    }

    /// The next one of a group that nobody holds, or only whoever holds `own`.
    fn next_ready_of(&self, own: &HashSet<Arc<str>>) -> Option<u64> {
        if !self.fifo {
            return self.ready.first().copied();
        }
        let open = |slot: &&u64| {
            self.messages[*slot]
                .group
                .as_ref()
                .is_none_or(|g| own.contains(g) || self.locked.get(g).copied().unwrap_or(0) == 0)
        };
        self.ready.iter().find(open).copied()
    }

    fn hide(&mut self, slot: u64, until: Millis, now: Millis) {
        if until <= now {
            self.ready.insert(slot);
            return;
        }
        self.hidden.insert((until, slot));
        self.hidden_until.insert(slot, until);
        if let Some(group) = self
            .messages
            .get(&slot)
            .and_then(|m| m.group.clone())
            .filter(|_| self.fifo)
        {
            *self.locked.entry(group).or_default() += 1;
        }
    }

    fn unhide(&mut self, slot: u64) -> bool {
        let Some(until) = self.hidden_until.remove(&slot) else {
            return false;
        };
        self.hidden.remove(&(until, slot));
        if let Some(group) = self
            .messages
            .get(&slot)
            .and_then(|m| m.group.clone())
            .filter(|_| self.fifo)
            && let Some(n) = self.locked.get_mut(&group)
        {
            *n = n.saturating_sub(1);
            if *n == 0 {
                self.locked.remove(&group);
            }
        }
        true
    }

    /// The message in a slot.
    #[must_use]
    pub fn get(&self, slot: u64) -> Option<&Message> {
        self.messages.get(&slot)
    }

    /// True while the message in `slot` is in flight.
    #[must_use]
    pub fn is_in_flight(&self, slot: u64) -> bool {
        self.hidden_until.contains_key(&slot)
    }

    /// Deletes a delivered message; `receives` is the delivery the receipt belongs to. An old receipt deletes nothing.
    pub fn delete(&mut self, slot: u64, receives: u32, now: Millis) -> bool {
        self.active = Some(now);
        if self
            .messages
            .get(&slot)
            .is_none_or(|m| m.receives != receives)
        {
            return false;
        }
        self.unhide(slot);
        self.ready.remove(&slot);
        self.messages.remove(&slot);
        self.tally.deleted += 1;
        self.ledger.deleted += 1;
        true
    }

    /// Sets a new visibility timeout of a message in flight; false when it is not.
    pub fn change_visibility(&mut self, slot: u64, seconds: i64, now: Millis) -> bool {
        if !self.unhide(slot) {
            return false;
        }
        self.hide(slot, now.plus_seconds(seconds), now);
        true
    }

    /// Deletes everything.
    pub fn purge(&mut self, now: Millis) {
        self.ledger.purged += self.messages.len() as u64;
        self.messages.clear();
        self.ready.clear();
        self.hidden.clear();
        self.hidden_until.clear();
        self.delayed.clear();
        self.locked.clear();
        self.purged = Some(now);
        self.active = Some(now);
    }

    /// The slot the next message will get: messages there now have smaller ones.
    #[must_use]
    pub fn horizon(&self) -> u64 {
        self.next
    }

    /// Takes the oldest receivable message before `horizon` out, for a move.
    pub fn take_before(&mut self, horizon: u64, now: Millis) -> Option<Message> {
        let slot = self.next_ready().filter(|slot| *slot < horizon)?;
        self.ready.remove(&slot);
        self.ledger.moved += 1;
        self.active = Some(now);
        self.messages.remove(&slot)
    }

    /// The oldest receivable message before `horizon`.
    #[must_use]
    pub fn peek_before(&self, horizon: u64) -> Option<&Message> {
        self.next_ready()
            .filter(|slot| *slot < horizon)
            .and_then(|slot| self.messages.get(&slot))
    }

    /// True while a message before `horizon` is there, receivable or not.
    #[must_use]
    pub fn holds_before(&self, horizon: u64) -> bool {
        self.messages
            .keys()
            .next()
            .is_some_and(|slot| *slot < horizon)
    }

    /// One world second: timeouts and delays that ended, messages that expired.
    pub fn step(&mut self, now: Millis) {
        while let Some(&(until, slot)) = self.hidden.first()
            && until <= now
        {
            self.unhide(slot);
            self.ready.insert(slot);
        }
        while let Some(&(until, slot)) = self.delayed.first()
            && until <= now
        {
            self.delayed.remove(&(until, slot));
            self.ready.insert(slot);
        }
        if now.seconds() % 30 == 0 {
            self.expire(now);
            self.deduplicated
                .retain(|_, (at, ..)| now.since(*at) < DEDUPLICATION_SECONDS * 1000);
        }
    }

    fn expire(&mut self, now: Millis) {
        let limit = now.plus_seconds(-self.retention);
        let old: Vec<u64> = self
            .messages
            .iter()
            .filter(|(_, m)| m.sent < limit)
            .map(|(slot, _)| *slot)
            .collect();
        for slot in old {
            self.unhide(slot);
            self.ready.remove(&slot);
            self.delayed.retain(|(_, s)| *s != slot);
            self.messages.remove(&slot);
            self.ledger.expired += 1;
        }
    }
}

#[cfg(test)]
mod tests;
